//! What a session says of itself in the `_meta` of every modern message, written once for each
//! modern revision it speaks: a revision is told only what it knows.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::model::encode::encode_value;
use crate::model::meta;
use crate::revision::{Era, Revision};
use crate::rpc::write_string;

use super::config::{ClientConfig, ServerConfig};

/// The members by revision, each text as `SessionMembers::meta` wants it.
#[derive(Clone, Debug)]
pub(super) struct OwnMeta(Box<[(Revision, Box<[u8]>)]>);

impl OwnMeta {
    /// What every request of a client says (`meta.req.version`, `meta.req.caps`).
    pub(super) fn of_client(config: &ClientConfig) -> Self {
        Self::written(&config.revisions, |out, revision| {
            member(out, meta::PROTOCOL_VERSION, |out| {
                write_string(out, revision.as_str());
                true
            });
            member(out, meta::CLIENT_CAPABILITIES, |out| {
                let capabilities = config.capabilities.clone().for_revision(revision);
                encode_value(out, revision, &capabilities).is_ok()
            });
            if config.send_info {
                member(out, meta::CLIENT_INFO, |out| {
                    encode_value(out, revision, &config.info).is_ok()
                });
            }
        })
    }

    /// What every result of a server says (`meta.res.serverinfo`).
    pub(super) fn of_server(config: &ServerConfig) -> Self {
        Self::written(&config.revisions, |out, revision| {
            if config.send_info {
                member(out, meta::SERVER_INFO, |out| {
                    encode_value(out, revision, &config.info).is_ok()
                });
            }
        })
    }

    fn written(revisions: &[Revision], write: impl Fn(&mut Vec<u8>, Revision)) -> Self {
        let is_modern = |revision: &Revision| revision.era() == Era::Modern;
        let write = |revision| {
            let mut out = Vec::new();
            write(&mut out, revision);
            (revision, out.into())
        };
        Self(
            revisions
                .iter()
                .copied()
                .filter(is_modern)
                .map(write)
                .collect(),
        )
    }

    /// The members for a message of `revision`; none in a revision without them.
    pub(super) fn of(&self, revision: Revision) -> &[u8] {
        let mut all = self.0.iter();
        all.find(|(own, _)| *own == revision)
            .map_or(b"", |(_, members)| members)
    }
}

/// Appends a member, or nothing if `write` says that its value can't be written.
fn member(out: &mut Vec<u8>, key: &str, write: impl FnOnce(&mut Vec<u8>) -> bool) {
    let start = out.len();
    if start > 0 {
        out.push(b',');
    }
    write_string(out, key);
    out.push(b':');
    if !write(out) {
        out.truncate(start);
    }
}
