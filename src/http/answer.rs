//! One modern request in, its answer out: for hosts that start a server for each request.

use alloc::vec::Vec;

use bytes::Bytes;

use crate::frame::{SseEvent, write_event};
use crate::revision::Era;
use crate::rpc::{code, member_of};

use super::classify::{Class, Offers, check, classify};
use super::policy::HttpPolicy;
use super::{Reply, RequestHead, ResponseHead};

/// Answers one request of the modern era: checks its head, classifies it with its body, has it
/// answered by `serve`, and says with which status and as which kind of body the answer leaves.
///
/// `serve` takes the request's frame and returns the frames to send, notifications first and the
/// answer last. An answer alone leaves as JSON, one with notifications before it as a stream of
/// events. For a [`Server`](crate::Server) [`Edge`](crate::edge::Edge) has all of it in one.
pub fn answer_one(
    policy: &HttpPolicy,
    offers: &Offers,
    head: &RequestHead,
    body: Bytes,
    serve: impl FnOnce(Bytes) -> Vec<Bytes>,
) -> Reply {
    let offers = offers.clone().modern_only();
    let reply = match admit(policy, &offers, head, body) {
        Ok(frame) => reply_of(serve(frame)),
        Err(reply) => reply,
    };
    reply.with_cors(policy, head)
}

/// The frame of a request that a server of the modern era alone has to answer. The error is the whole
/// answer, but for [`Reply::with_cors`].
pub(crate) fn admit(
    policy: &HttpPolicy,
    offers: &Offers,
    head: &RequestHead,
    body: Bytes,
) -> Result<Bytes, Reply> {
    check(policy, offers, head)?;
    match classify(offers, head, body)? {
        Class::Modern { frame, .. } => Ok(frame.into_bytes()),
        Class::Legacy { .. } => Err(Reply::empty(400)),
    }
}

/// The response that carries these frames.
pub(crate) fn reply_of(frames: Vec<Bytes>) -> Reply {
    let Some(answer) = frames.last() else {
        return Reply::empty(202);
    };
    let status = status_of(answer, Era::Modern);
    if frames.len() == 1 || status != 200 {
        return Reply::json(status, answer.clone());
    }
    let mut events = Vec::new();
    for frame in frames {
        write_event(&mut events, &SseEvent::message(frame));
    }
    Reply {
        head: ResponseHead::of_events(),
        body: events.into(),
    }
}

impl Reply {
    /// The same with what a browser has to know before it shows it to a page.
    pub(crate) fn with_cors(mut self, policy: &HttpPolicy, head: &RequestHead) -> Self {
        for (name, value) in policy.cors(head).iter() {
            self.head.headers.push(name, value);
        }
        self
    }
}

/// Returns the status with which an answer leaves while it can still be chosen: an error that is
/// about the request as such has a status of its own, every other answer 200.
// `httpM.404` `httpM.400.cap` `httpM.status.other` `httpM.status.stream`
pub fn status_of(answer: &[u8], era: Era) -> u16 {
    let Some(error) = member_of(answer, "error") else {
        return 200;
    };
    let code = member_of(error, "code").and_then(|code| serde_json::from_slice(code).ok());
    let Some(code): Option<i64> = code else {
        return 200;
    };
    let has_id = member_of(answer, "id").is_some_and(|id| id != b"null");
    match (era, code) {
        // What a session couldn't read at all.
        (Era::Legacy, _) if !has_id => 400,
        (Era::Legacy, _) => 200,
        (Era::Modern, code::METHOD_NOT_FOUND) => 404,
        (
            Era::Modern,
            code::PARSE_ERROR
            | code::INVALID_REQUEST
            | code::HEADER_MISMATCH
            | code::MISSING_REQUIRED_CLIENT_CAPABILITY
            | code::UNSUPPORTED_PROTOCOL_VERSION,
        ) => 400,
        (Era::Modern, _) => 200,
    }
}
