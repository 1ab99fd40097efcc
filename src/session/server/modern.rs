//! The modern era on the server: what each request says of itself, and discovery.

use crate::model::discover::DiscoverResult;
use crate::model::encode::SessionMembers;
use crate::model::initialize::Implementation;
use crate::model::logging::LoggingLevel;
use crate::model::members::MetaMember;
use crate::model::page::CacheScope;
use crate::revision::{Era, Revision};
use crate::rpc::{Entry, RpcError, Text, is_string, members, read_json, text_at};

use super::super::arrival::Arrival;
use super::ServerSession;

impl ServerSession {
    /// Checks what a modern request says of itself and fixes its revision (`meta.req.missing`,
    /// `version.unsupported`).
    pub(super) fn check_modern(&self, arrival: &mut Arrival<'_>) -> Result<(), RpcError> {
        let frame = &arrival.body.frame;
        let member = |member| arrival.scan.param_meta(member);
        let version = member(MetaMember::ProtocolVersion);
        let mut revisions = self.fixed.config.revisions.iter().copied();
        let named = |revision: &Revision| is_string(frame, version, revision.as_str());
        let revision = revisions.find(|own| own.era() == Era::Modern && named(own));
        let Some(revision) = revision else {
            return Err(match text_at(frame, version) {
                Some(version) => RpcError::unsupported_version(&self.modern_revisions(), &version),
                None => {
                    RpcError::invalid_params("Invalid params: protocolVersion must be a string")
                }
            });
        };
        if !member(MetaMember::ClientCapabilities)
            .of(frame)
            .starts_with(b"{")
        {
            return Err(RpcError::invalid_params(
                "Invalid params: clientCapabilities is missing from _meta or not an object",
            ));
        }
        let info = member(MetaMember::ClientInfo);
        let is_checked = arrival.scan.params.is_nested_repeated || !info.is_some();
        if !is_checked && !is_implementation(info.of(frame)) {
            return Err(RpcError::invalid_params(
                "Invalid params: clientInfo is malformed",
            ));
        }
        let level = member(MetaMember::LogLevel);
        if level.is_some() {
            let level = text_at(frame, level).and_then(|level| LoggingLevel::from_wire(&level));
            let Some(level) = level else {
                return Err(RpcError::invalid_params("Invalid params: unknown logLevel"));
            };
            arrival.log_level = Some(level);
        }
        arrival.revision = revision;
        Ok(())
    }

    fn modern_revisions(&self) -> smallvec::SmallVec<[Revision; 4]> {
        let spoken = &self.fixed.config.revisions;
        let modern = Revision::ALL
            .iter()
            .filter(|known| known.era() == Era::Modern && spoken.contains(known));
        modern.copied().collect()
    }

    /// `server/discover` (`discover.result`).
    pub(super) fn discover(&mut self, arrival: &Arrival<'_>) {
        let supported = self.modern_revisions();
        let versions = supported.iter().map(|revision| revision.as_str());
        let mut result = DiscoverResult::new(versions, self.fixed.config.capabilities.clone())
            .ttl_ms(i64::try_from(self.fixed.config.ttl_ms).unwrap_or(i64::MAX))
            .cache_scope(self.cache_scope());
        result.instructions = self.fixed.config.instructions.as_ref().map(Text::reborrow);
        let additions = SessionMembers {
            meta: self.fixed.own_meta.of(arrival.revision),
            members: b"\"resultType\":\"complete\"",
            ..SessionMembers::default()
        };
        let written = self.state.writer.result(
            arrival.target,
            &arrival.id,
            arrival.revision,
            &result,
            &additions,
        );
        match written {
            Ok(()) => arrival.answered(None),
            Err(_) => {
                let error = RpcError::internal("The capabilities can't be written");
                self.refuse(arrival, &error);
            }
        }
    }

    pub(super) fn cache_scope(&self) -> CacheScope<'static> {
        if self.fixed.config.is_public {
            CacheScope::Public
        } else {
            CacheScope::Private
        }
    }
}

/// Whether `json` reads as an [`Implementation`].
fn is_implementation(json: &[u8]) -> bool {
    // Most have a name and a version and nothing else; that can be seen without decoding them.
    let (mut name, mut version, mut others) = (0_u32, 0_u32, false);
    for Entry { key, value } in members(json) {
        match key.of(json) {
            b"\"name\"" => name = name.saturating_add(1),
            b"\"version\"" => version = version.saturating_add(1),
            _ => others = true,
        }
        let value = value.of(json);
        others |= !value.starts_with(b"\"") || value.contains(&b'\\');
    }
    (name == 1 && version == 1 && !others) || read_json::<Implementation<'_>>(json).is_ok()
}
