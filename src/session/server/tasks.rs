//! What a session has to do with tasks: who may speak of them, and in which words a call is answered
//! with one. The tasks themselves are its user's.
//!
//! Rules of this file: since 2026-07-28 each request says itself whether its client knows of tasks, and
//! one that doesn't is told so before its task is looked for (`task26.err`); in 2025-11-25 a call asks
//! for a task itself; a call that does neither is never answered with one (`task26.gate`).

use crate::model::capability::ClientCapabilities;
use crate::model::encode::SessionMembers;
use crate::model::members::{MetaMember, Param};
use crate::model::method::{CallTool, ServerCapability, SpecMethod};
use crate::model::object::Object;
use crate::model::task::{CreateTaskResult, TASKS_EXTENSION};
use crate::revision::{Era, Revision};
use crate::rpc::{RpcError, read_json};
use crate::time::Instant;

use super::super::arrival::Arrival;
use super::super::id::IncomingId;
use super::super::misuse::Misuse;
use super::event::{Incoming, Request};
use super::{RequestIn, ServerSession, State};

/// What a client has to declare to be told of tasks.
fn needed() -> ClientCapabilities<'static> {
    ClientCapabilities::new().extension(TASKS_EXTENSION, &Object::new())
}

fn is_declared(capabilities: &[u8]) -> bool {
    let declared: Option<ClientCapabilities<'_>> = read_json(capabilities).ok();
    declared.is_some_and(|declared| declared.extension_settings(TASKS_EXTENSION).is_some())
}

/// Whether a request about tasks may be served: since 2026-07-28 if it declares the extension
/// (`task26.err`, `task26.notif.cap`).
pub(super) fn check_declared(arrival: &Arrival<'_>) -> Result<(), RpcError> {
    let declared = arrival.scan.param_meta(MetaMember::ClientCapabilities);
    match arrival.revision.era() {
        Era::Modern if !is_declared(declared.of(&arrival.body.frame)) => {
            Err(RpcError::missing_client_capability(&needed()))
        }
        _ => Ok(()),
    }
}

/// Whether a method is about tasks.
pub(super) const fn is_about_tasks(known: SpecMethod) -> bool {
    matches!(
        known,
        SpecMethod::GetTask
            | SpecMethod::GetTaskPayload
            | SpecMethod::UpdateTask
            | SpecMethod::CancelTask
            | SpecMethod::ListTasks
    )
}

impl ServerSession {
    /// Answers a call of a tool with a task, whose result is asked for later.
    ///
    /// Returns an error if the request isn't open (any more), or is for another method; if tasks were
    /// not declared ([`Misuse::NotDeclared`]); if its client doesn't take a task for an answer: in
    /// 2025-11-25 it has to have asked for one ([`Misuse::TaskNotAsked`]), since then to have declared
    /// the extension ([`Misuse::MissingClientCapability`]). The request stays open then.
    // `task26.gate`
    pub fn reply_task(
        &mut self,
        now: Instant,
        request: IncomingId,
        result: &CreateTaskResult<'_>,
    ) -> Result<(), Misuse> {
        self.state.writer.advance(now);
        let (number, incoming) = self.open_incoming(request)?;
        if !incoming.part.method.is::<CallTool>() {
            return Err(Misuse::WrongMethod {
                method: incoming.part.method.as_str().into(),
            });
        }
        self.check_task(incoming)?;
        let State {
            requests_in,
            writer,
            ..
        } = &mut self.state;
        let own_meta = &self.fixed.own_meta;
        let answered = requests_in.answer(number, writer, result, |incoming| {
            let revision = incoming.revision();
            SessionMembers {
                meta: match revision.era() {
                    Era::Modern => own_meta.of(revision),
                    Era::Legacy => b"",
                },
                ..SessionMembers::default()
            }
        });
        Ok(answered?)
    }

    /// Whether a call may be answered with a task.
    fn check_task(&self, incoming: &RequestIn<Incoming>) -> Result<(), Misuse> {
        let part = &incoming.part;
        let capability = match incoming.revision().era() {
            Era::Modern => ServerCapability::TasksExtension,
            Era::Legacy => ServerCapability::TasksToolsCall,
        };
        if !self.fixed.declared.has(capability) {
            return Err(Misuse::NotDeclared(capability.into()));
        }
        match incoming.revision().era() {
            Era::Modern => match is_declared(part.client_capabilities.of(&part.body.frame)) {
                true => Ok(()),
                false => Err(Misuse::MissingClientCapability(needed().into())),
            },
            Era::Legacy => match asks_for_task(incoming.revision(), part.task()) {
                true => Ok(()),
                false => Err(Misuse::TaskNotAsked),
            },
        }
    }
}

impl Incoming {
    /// The `task` of the params, as JSON.
    fn task(&self) -> Option<&[u8]> {
        crate::rpc::member_of(self.body.span.of(&self.body.frame), "task")
    }
}

impl Request {
    /// Returns whether the client asks for the call to run as a task, as only those of 2025-11-25 can.
    // `task26.server.decides`
    pub fn asks_for_task(&self) -> bool {
        self.known() == Some(SpecMethod::CallTool)
            && asks_for_task(self.revision, self.param("task"))
    }
}

fn asks_for_task(revision: Revision, task: Option<&[u8]>) -> bool {
    revision == Revision::V2025_11_25 && task.is_some_and(|task| task.starts_with(b"{"))
}

/// What is wrong with the `task` of a call, to a server that would run it as one.
pub(super) fn has_bad_task(arrival: &Arrival<'_>) -> bool {
    let task = arrival.scan.param(Param::Task);
    arrival.revision == Revision::V2025_11_25
        && task.is_some()
        && !task.of(&arrival.body.frame).starts_with(b"{")
}
