//! What a gateway reads of a frame before it forwards its bytes: what kind of message it is, for
//! which method, and for which tool, prompt or resource.

use crate::limits::Limits;
use crate::model::members::{MetaMember, Param, decode};
use crate::model::method::SpecMethod;
use crate::rpc::{
    Decoded, Kind, Raw, Rejection, Repeated, RequestId, Scan, Span, Text, method_of, raw_at,
    text_at,
};

/// What a router needs of a frame before it forwards its bytes untouched.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Peek<'a> {
    /// What kind of message it is.
    pub kind: Kind,
    /// The id; `None` for notifications, and for errors whose sender could not read it.
    pub id: Option<RequestId>,
    /// The method; `None` for responses, and empty when its escapes make no text (half a surrogate pair).
    pub method: Option<Text<'a>>,
    /// The token of a progress notification, else `params._meta.progressToken`, as JSON; `None` for
    /// responses.
    pub progress_token: Option<Raw<'a>>,
    /// What the message is for: `params.uri` of a method that is about a resource, `params.taskId` of
    /// one that is about a task, `params.name` of one that names a tool or a prompt; for any other method the one that is a string, the name
    /// first. `None` for responses.
    pub name: Option<Text<'a>>,
}

impl<'a> Peek<'a> {
    /// Looks at a frame; the costs are those of one pass over its bytes.
    ///
    /// Returns an error as [`Message::decode`](crate::rpc::Message::decode) does, and for params in
    /// which one of the members stands twice that it looks at: another reader may take the other.
    pub fn new(frame: &'a [u8], limits: &Limits) -> Result<Self, Rejection> {
        let mut scan = Scan::default();
        let Decoded::One(envelope) = decode(frame, limits, &Repeated::default(), &mut scan)? else {
            return Err(Rejection::not_one());
        };
        let scan = envelope.scan;
        let mut peek = Self {
            kind: envelope.kind,
            id: envelope.id,
            method: None,
            progress_token: None,
            name: None,
        };
        if matches!(peek.kind, Kind::Result | Kind::Error) {
            return Ok(peek);
        }
        if scan.params.has_duplicate {
            return Err(Rejection::repeated_param(peek.id, peek.kind));
        }
        let method = method_of(frame, scan);
        let known = SpecMethod::from_wire(&method);
        peek.method = Some(method);
        let token = match known {
            Some(SpecMethod::Progress) => scan.param(Param::ProgressToken),
            _ => scan.param_meta(MetaMember::ProgressToken),
        };
        peek.progress_token = raw_at(frame, token);
        peek.name = text_at(frame, subject(known, frame, scan));
        Ok(peek)
    }
}

/// Where in the params the name, URI or id of a task stands that a message is for. A session and a
/// gateway before it ask here, so that neither takes a message for another tool, resource or task
/// than the other does.
pub(crate) fn subject(method: Option<SpecMethod>, frame: &[u8], scan: &Scan) -> Span {
    let (name, uri) = (scan.param(Param::Name), scan.param(Param::Uri));
    match method {
        Some(SpecMethod::CallTool | SpecMethod::GetPrompt) => name,
        Some(
            SpecMethod::ReadResource
            | SpecMethod::Subscribe
            | SpecMethod::Unsubscribe
            | SpecMethod::ResourceUpdated,
        ) => uri,
        Some(
            SpecMethod::GetTask
            | SpecMethod::GetTaskPayload
            | SpecMethod::UpdateTask
            | SpecMethod::CancelTask,
        ) => scan.param(Param::TaskId),
        _ if name.of(frame).starts_with(b"\"") => name,
        _ => uri,
    }
}
