//! Tools that run as tasks of the server's: which calls ask for a task, and operations that hand one
//! out.
//!
//! Rules of this file: in 2025-11-25 a call asks for a task as its tool says, where its definition is
//! known, and none is asked of a tool that has none (`task25.tool.forbidden`, `task25.tool.required`);
//! whoever wants a task handed out has the tools listed first if need be. Since 2026-07-28 the server
//! decides.

use alloc::boxed::Box;

use crate::model::method::{CallTool, ListTools, ServerCapability};
use crate::model::owned::IntoOwned;
use crate::model::task::{CancelTask, GetTask, TaskMetadata, TaskParams};
use crate::model::tool::{TaskSupport, Tool};
use crate::revision::Revision;
use crate::rpc::Source;
use crate::session::{CallOptions, Completed, Invalid, Misuse, TaskUse};
use crate::time::Instant;

use super::drive::call_options;
use super::operation::{Next, Operation, Output, ProgressHandler, Search, Step, ToolCall, Work};
use super::{Client, ClientError};

impl Client {
    /// The first call of an operation about a task.
    pub(super) fn task_step(
        &mut self,
        now: Instant,
        request: &Operation,
        progress: Option<ProgressHandler>,
    ) -> Result<(Step, Work), Misuse> {
        let (session, options) = (&mut self.session, CallOptions::new());
        let (call, work) = match request {
            Operation::StartTool(call) => return self.start_tool(now, call, progress),
            Operation::AwaitTask(id) => {
                let call = session.await_task(now, id, options)?;
                (call.any(), Work::Tool(None))
            }
            Operation::GetTask(id) => {
                let params = TaskParams::new(id.as_str());
                let call = session.call::<GetTask>(now, &params, options)?;
                (call.any(), Work::Task)
            }
            Operation::CancelTask(id) => {
                let params = TaskParams::new(id.as_str());
                let call = session.call::<CancelTask>(now, &params, options)?;
                (call.any(), Work::Other)
            }
            _ => return Ok((Step::Done(Box::new(Output::Done)), Work::Other)),
        };
        Ok((Step::Call(call), work))
    }

    /// What a task is said to be by the end of a call that asked for it.
    pub(super) fn task_told(done: &Completed, source: Source<'_>) -> Result<Output, ClientError> {
        let task = done.result_in::<GetTask>(source)?;
        Ok(Output::Task(Box::new(task.owned_from(source))))
    }

    /// The task that a call has become.
    pub(super) fn handed_out(done: &Completed, source: Source<'_>) -> Output {
        let created = done.task();
        created.map_or(Output::Done, |created| {
            Output::Task(Box::new(created.task.owned_from(source)))
        })
    }

    /// Whether the client is to ask for tasks, which it does in one revision.
    fn asks_for_tasks(&self) -> bool {
        self.session.revision() == Some(Revision::V2025_11_25)
            && self.session.offers(ServerCapability::TasksToolsCall)
    }

    /// How a call of the tool `name` is made that waits for the result.
    pub(super) fn task_use(&self, name: &str) -> TaskUse {
        if !self.asks_for_tasks() {
            return TaskUse::Wait;
        }
        match self.support_of(name) {
            Some(TaskSupport::Required) => TaskUse::Ask(TaskMetadata::new()),
            _ => TaskUse::Wait,
        }
    }

    /// What is known of the tool `name`; `None` when the tools aren't.
    fn support_of(&self, name: &str) -> Option<TaskSupport<'static>> {
        self.catalog.tool(self.now, name, support_in)
    }

    /// Calls a tool to have its task handed out, or looks for the tool first.
    fn start_tool(
        &mut self,
        now: Instant,
        call: &ToolCall,
        progress: Option<ProgressHandler>,
    ) -> Result<(Step, Work), Misuse> {
        let name = self.options.own_name(call);
        let support = match self.asks_for_tasks() {
            // The session refuses where there are no tasks.
            false => Some(TaskSupport::Optional),
            true => self.support_of(name),
        };
        let mut search = Search {
            call: call.clone(),
            progress,
            listing: None,
            support,
        };
        if search.support.is_some() {
            let step = self.hand_out(now, &search)?;
            return Ok((step, Work::Starts(search.progress)));
        }
        let (step, work) = self.listing::<ListTools>(now)?;
        match (step, work) {
            (Step::Done(output), _) => {
                search.support = Some(support_among(&output, name));
                let step = self.hand_out(now, &search)?;
                Ok((step, Work::Starts(search.progress)))
            }
            (step, Work::Tools(listing)) => {
                search.listing = Some(listing);
                Ok((step, Work::Searches(Box::new(search))))
            }
            other => Ok(other),
        }
    }

    /// Calls a tool that is found, and that has to run as a task if it is asked to.
    fn hand_out(&mut self, now: Instant, search: &Search) -> Result<Step, Misuse> {
        let runs = matches!(
            search.support,
            Some(TaskSupport::Optional | TaskSupport::Required)
        );
        if !runs {
            return Err(Misuse::Invalid(Invalid::TaskForbidden));
        }
        let name = self.options.own_name(&search.call);
        let wants_progress = search.progress.is_some();
        let options = call_options(&self.options, &search.call, wants_progress);
        let options = options.task(TaskUse::HandOut(TaskMetadata::new()));
        let params = search.call.params(name);
        let call = self.session.call::<CallTool>(now, &params, options)?;
        Ok(Step::Call(call.any()))
    }

    /// The next call of a search: for another page, or of the tool.
    pub(super) fn search_on(&mut self, now: Instant, work: &mut Work) -> Result<Step, Misuse> {
        let Work::Searches(search) = work else {
            return Ok(Step::Done(Box::new(Output::Done)));
        };
        if let Some(listing) = &mut search.listing {
            return self.page::<ListTools>(now, listing);
        }
        let step = self.hand_out(now, search)?;
        *work = Work::Starts(search.progress.take());
        Ok(step)
    }

    /// Takes a page of the tools among which one is looked for.
    pub(super) fn searched(
        &mut self,
        now: Instant,
        mut search: Box<Search>,
        done: &Completed,
        source: Source<'_>,
    ) -> Result<Next, ClientError> {
        let Some(listing) = search.listing.take() else {
            return Ok(Next::Again(Work::Searches(search)));
        };
        match self.paged::<ListTools>(now, listing, done, source)? {
            Next::Again(Work::Tools(listing)) => search.listing = Some(listing),
            Next::Again(work) => return Ok(Next::Again(work)),
            Next::Done(outcome) => {
                let output = (*outcome)?;
                let name = self.options.own_name(&search.call);
                search.support = Some(support_among(&output, name));
            }
        }
        Ok(Next::Again(Work::Searches(search)))
    }
}

/// Whether a tool runs as a task. One that says nothing doesn't.
fn support_in(tool: &Tool<'static>) -> TaskSupport<'static> {
    let execution = tool.execution.as_ref();
    let said = execution.and_then(|execution| execution.task_support.clone());
    said.unwrap_or(TaskSupport::Forbidden)
}

fn support_among(output: &Output, name: &str) -> TaskSupport<'static> {
    let Output::Tools(tools) = output else {
        return TaskSupport::Forbidden;
    };
    let found = tools.iter().find(|tool| tool.name == name);
    found.map_or(TaskSupport::Forbidden, support_in)
}
