//! What guards the state that a modern client carries from one round of a request to the next.
//!
//! Rules of this file: a state belongs to one request, which is who sends it, its method, and all
//! of its params but those that differ from round to round; how the state is sealed is a trait, so
//! that any cipher will do; the client is only told that its state is refused.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::rpc::{RpcError, members, string_of};
use crate::session::Request;

/// Seals the state of unfinished requests, which a client carries and could otherwise read, change,
/// or bring to another request.
// `mrtr.state.attacker`
pub trait StateSeal: Send + Sync {
    /// Seals `state` so that only [`open`](Self::open) with the same `binding` gives it back.
    ///
    /// `binding` says which request the state belongs to. It is no secret and need not be contained
    /// in what is returned; it may be long. Returns an error if there is nothing to seal it with.
    fn seal(&self, state: &[u8], binding: &[u8]) -> Result<String, SealError>;

    /// Returns the state that was sealed with this `binding`, or an error if there was none, if any
    /// of it was changed, or if it is too old.
    fn open(&self, sealed: &str, binding: &[u8]) -> Result<Vec<u8>, SealError>;
}

/// Why a state can't be sealed or opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SealError {
    /// There is no entropy, so nothing can be sealed: give the server a key of your own.
    NoEntropy,
    /// It was not sealed by this server, not for this request, or it has been changed: the client
    /// has to begin the request anew. Instances of one server need the same key.
    Foreign,
    /// It is too old: the client has to begin the request anew.
    Expired,
}

impl fmt::Display for SealError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoEntropy => f.write_str("no entropy to seal requestState with"),
            Self::Foreign => f.write_str("requestState is not one of this server for this request"),
            Self::Expired => f.write_str("requestState has expired"),
        }
    }
}

impl core::error::Error for SealError {}

impl From<SealError> for RpcError {
    /// What is wrong with a state is the client's fault; that none can be sealed is the server's.
    fn from(error: SealError) -> Self {
        match error {
            SealError::NoEntropy => Self::internal("requestState can't be sealed"),
            error => Self::invalid_params(alloc::format!("Invalid params: {error}")),
        }
    }
}

/// Members of the params that differ between the rounds of one request.
const OF_A_ROUND: [&str; 3] = ["_meta", "inputResponses", "requestState"];

/// Which request a state belongs to, as bytes that no other request has (`mrtr.state.bind`).
///
/// They hold the params as the client wrote them, so that nothing that a handler can tell apart
/// opens the same state: neither two numbers that round to one, nor a key that comes twice.
pub(super) fn binding(request: &Request, principal: Option<&str>) -> Vec<u8> {
    let mut bytes = Vec::new();
    match principal {
        None => bytes.push(0),
        Some(principal) => {
            bytes.push(1);
            push(&mut bytes, principal.as_bytes());
        }
    }
    push(&mut bytes, request.method().as_bytes());
    let target = request.target();
    push(&mut bytes, target.as_deref().unwrap_or_default().as_bytes());
    let params = request.raw_params();
    let params = params.as_str().as_bytes();
    let bound: Vec<_> = members(params)
        .map(|member| (string_of(member.key.of(params)), member.value.of(params)))
        .filter(|(name, _)| !OF_A_ROUND.contains(&&**name))
        .collect();
    // A client may put the members in another order the next time; of two alike the order stays.
    let names = bound.iter().enumerate();
    let mut order: Vec<(&str, usize)> = names.map(|(at, (name, _))| (&**name, at)).collect();
    order.sort_unstable();
    for (name, at) in order {
        push(&mut bytes, name.as_bytes());
        push(&mut bytes, bound.get(at).map_or(&[], |(_, value)| value));
    }
    bytes
}

/// Appends a text and, first, how long it is: what follows can't be taken for a part of it.
fn push(bytes: &mut Vec<u8>, text: &[u8]) {
    bytes.extend_from_slice(&(text.len() as u64).to_be_bytes());
    bytes.extend_from_slice(text);
}
