//! A request that is kept beyond its session, as plain data, since its handler runs again from the top
//! when its task goes on: later, or in another process.
//!
//! Rules of this file: what was kept is as the client sent it; what earlier rounds of input have brought
//! isn't part of it.

use alloc::string::String;

use bytes::Bytes;

use crate::model::members::MemberSpans;
use crate::model::method::SpecMethod;
use crate::revision::Revision;
use crate::rpc::Span;
use crate::saved::saved;

use super::super::event::Body;
use super::super::id::IncomingId;
use super::super::name::MethodName;
use super::event::{Inputs, Request};

/// A call of a tool.
#[derive(Clone)]
pub(crate) struct SavedCall {
    id: IncomingId,
    revision: Revision,
    frame: String,
    params: Span,
    spans: MemberSpans,
}

saved! { struct SavedCall { id, revision, frame, params, spans } }

impl SavedCall {
    /// Whether params stand where they are said to, as they do unless what was kept was changed.
    pub(crate) fn is_sound(&self) -> bool {
        Request::of_saved(self).is_sound()
    }
}

impl Request {
    /// The request as it is kept, if it calls a tool.
    pub(crate) fn save_call(&self) -> SavedCall {
        SavedCall {
            id: self.id,
            revision: self.revision,
            frame: String::from_utf8_lossy(&self.body.frame).into_owned(),
            params: self.body.span,
            spans: self.spans,
        }
    }

    /// The request that was kept; nobody waits for its answer any more.
    pub(crate) fn of_saved(saved: &SavedCall) -> Self {
        let frame = Bytes::copy_from_slice(saved.frame.as_bytes());
        Self {
            id: saved.id,
            revision: saved.revision,
            method: MethodName::Spec(SpecMethod::CallTool),
            body: Body::new(frame, saved.params),
            spans: saved.spans,
            wants_progress: false,
            inputs: Inputs::None,
        }
    }
}
