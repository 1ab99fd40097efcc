//! Which revision two peers agree on: pure functions of what each side speaks and said.

use alloc::string::String;
use alloc::vec::Vec;

use crate::model::discover::{MissingRequiredClientCapabilityData, UnsupportedProtocolVersionData};
use crate::revision::{Era, Revision};
use crate::rpc::{RpcError, Text, code};

/// The newest revision of `era` that both this side and a list of the peer's have.
pub(crate) fn mutual(local: &[Revision], peer: &[Text<'_>], era: Era) -> Option<Revision> {
    peer.iter()
        .filter_map(|version| Revision::from_wire(version))
        .filter(|revision| revision.era() == era && local.contains(revision))
        .max()
}

/// What a server answers to an `initialize` for `requested`: the same revision if it speaks it,
/// else its newest (`lifecycle.ver.same`, `lifecycle.ver.other`). Never a modern one
/// (`lifecycle.ver.nomodern`). `None` when it speaks no legacy revision at all.
pub(crate) fn answer(local: &[Revision], requested: &str) -> Option<Revision> {
    let asked = Revision::from_wire(requested)
        .filter(|revision| revision.era() == Era::Legacy && local.contains(revision));
    asked.or_else(|| super::config::newest(local, Era::Legacy))
}

/// What an error tells a client that is finding out its server's era.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ProbeError {
    /// A modern server that speaks these revisions.
    Modern(Vec<String>),
    /// A modern server that refuses for another reason.
    ModernRefusal,
    /// Anything else: a server that doesn't know the question (`era.stdio.nokey`).
    Legacy,
}

/// Whether an error is one that only a modern server gives (`era.recognised`): the code and a
/// body that goes with it. The codes of drafts don't count.
pub(crate) fn classify(error: &RpcError) -> ProbeError {
    match error.code {
        code::UNSUPPORTED_PROTOCOL_VERSION => {
            let data = error.data.as_ref();
            match data.and_then(|data| data.decode::<UnsupportedProtocolVersionData<'_>>().ok()) {
                Some(data) => {
                    ProbeError::Modern(data.supported.into_iter().map(Text::into_string).collect())
                }
                None => ProbeError::Legacy,
            }
        }
        code::MISSING_REQUIRED_CLIENT_CAPABILITY => {
            let data = error.data.as_ref();
            let has_body = data.is_some_and(|data| {
                data.decode::<MissingRequiredClientCapabilityData<'_>>()
                    .is_ok()
            });
            if has_body {
                ProbeError::ModernRefusal
            } else {
                ProbeError::Legacy
            }
        }
        code::HEADER_MISMATCH => ProbeError::ModernRefusal,
        _ => ProbeError::Legacy,
    }
}
