//! What is read of a frame before it is sent, and what its headers say of it: read off the frame's own
//! bytes, so that the two can't differ.

use alloc::boxed::Box;

use bytes::Bytes;

use crate::limits::Limits;
use crate::model::members::{MetaMember, Param, decode};
use crate::model::method::SpecMethod;
use crate::model::subject;
use crate::revision::Revision;
use crate::rpc::{
    Decoded, EnvelopeKey, Kind, Raw, Repeated, RequestId, Scan, member_of, raw_at, string_of,
    text_at,
};
use crate::session::Transmit;

use super::super::headers::{Headers, encode_value, name};

/// What is read of a frame before it is sent.
pub(super) struct Sent {
    pub(super) kind: Kind,
    pub(super) id: Option<RequestId>,
    pub(super) method: Option<Box<str>>,
    /// What the request is for: the name of a tool or prompt, a URI, or the id of a task.
    pub(super) subject: Option<Box<str>>,
    /// The revision that the request describes itself by.
    pub(super) version: Option<Box<str>>,
    pub(super) arguments: Option<Raw<'static>>,
}

impl Sent {
    /// Reads what headers and the exchange depend on. `kind` is what its session says it is, and
    /// `mirrors` says whether arguments may have to be mirrored.
    pub(super) fn read(frame: &Bytes, kind: Kind, limits: &Limits, mirrors: bool) -> Self {
        let mut scan = Scan::default();
        let decoded = decode(frame, limits, &Repeated::default(), &mut scan);
        let Ok(Decoded::One(envelope)) = decoded else {
            // A batch of answers, or what goes beyond the bounds for what a peer sends.
            let id = member_of(frame, "id").and_then(|id| core::str::from_utf8(id).ok());
            let method = member_of(frame, "method").map(|method| string_of(method).into());
            return Self {
                kind,
                id: id.and_then(RequestId::from_json),
                method,
                subject: None,
                version: None,
                arguments: None,
            };
        };
        let (kind, id) = (envelope.kind, envelope.id.clone());
        let text = |span| text_at(frame, span).map(|text| Box::from(text.as_str()));
        let method = text(scan.key(EnvelopeKey::Method));
        let known = method.as_deref().and_then(SpecMethod::from_wire);
        let named = known.filter(|known| {
            matches!(
                known,
                SpecMethod::CallTool
                    | SpecMethod::GetPrompt
                    | SpecMethod::ReadResource
                    | SpecMethod::GetTask
                    | SpecMethod::UpdateTask
                    | SpecMethod::CancelTask
            )
        });
        let subject = named.and_then(|known| text(subject(Some(known), frame, &scan)));
        let version = text(scan.param_meta(MetaMember::ProtocolVersion));
        // Copied only where it may be mirrored.
        let arguments = (mirrors && version.is_some() && known == Some(SpecMethod::CallTool))
            .then(|| raw_at(frame, scan.param(Param::Arguments)))
            .flatten();
        let arguments = arguments.map(Raw::into_owned);
        Self {
            kind,
            id,
            method,
            subject,
            version,
            arguments,
        }
    }
}

/// What every modern request says in its headers.
// `httpM.ver.header` `httpM.hdr.method` `httpM.hdr.name` `task26.header`
pub(super) fn add_modern(headers: &mut Headers, sent: &Sent, transmit: &Transmit) {
    let version = sent
        .version
        .as_deref()
        .or(transmit.revision.map(Revision::as_str));
    if let Some(version) = version {
        headers.push(name::MCP_PROTOCOL_VERSION, version);
    }
    if let Some(method) = &sent.method {
        headers.push(name::MCP_METHOD, method.as_bytes());
    }
    if let Some(subject) = &sent.subject {
        headers.push(name::MCP_NAME, encode_value(subject).as_bytes());
    }
}

/// Whether a frame cancels a request.
pub(super) fn is_cancelled(frame: &[u8]) -> bool {
    let method = member_of(frame, "method");
    method.is_some_and(|method| string_of(method) == "notifications/cancelled")
}

/// Whether a frame is the response to the request of this id.
pub(super) fn is_answer_to(frame: &[u8], id: &RequestId) -> bool {
    let is_response = member_of(frame, "method").is_none()
        && (member_of(frame, "result").is_some() || member_of(frame, "error").is_some());
    let found = member_of(frame, "id").and_then(|id| core::str::from_utf8(id).ok());
    is_response && found.and_then(RequestId::from_json).as_ref() == Some(id)
}
