//! Tasks of a server as handles: a call that goes on at the server is asked after, waited for and
//! cancelled by them, also in another life of the program.

use alloc::string::String;
use core::fmt;

use serde::Serialize;

use super::client::{AsyncClient, tool};
use crate::client::driver::{after, before};
use crate::client::{ClientError, Operation, Output, ToolCall, ToolOutput};
use crate::model::task::Task;

/// What has come of a tool that was started.
#[derive(Debug)]
#[non_exhaustive]
pub enum Started<T> {
    /// It goes on as a task.
    Task(T),
    /// It has answered already.
    Done(ToolOutput),
}

/// A task of the server's, by its id. Dropping it does nothing to the task.
///
/// To pick a task up again after a restart, keep its [`id`](Self::id) and give it to
/// [`AsyncClient::task`].
#[derive(Clone)]
pub struct AsyncTask {
    client: AsyncClient,
    id: String,
}

impl AsyncClient {
    /// Starts the tool `name` with `arguments`, an object, and hands its task out as soon as there is
    /// one.
    ///
    /// In 2025-11-25 the tool has to be one that runs as a task; its definition is listed first if it
    /// isn't known. Since 2026-07-28 the server decides, if
    /// [`ClientOptions::tasks`](field@crate::client::ClientOptions::tasks) lets it. Returns an error as
    /// [`call_tool`](Self::call_tool) does, and [`ClientError::Misuse`] if there can't be a task.
    pub async fn start_tool(
        &self,
        name: &str,
        arguments: impl Serialize,
    ) -> Result<Started<AsyncTask>, ClientError> {
        self.start(ToolCall::new(name).arguments(arguments)?).await
    }

    /// As [`start_tool`](Self::start_tool), with all that can be said of a call. The hook sees the
    /// call before it is made, and its result if it has answered at once.
    pub async fn start(&self, mut call: ToolCall) -> Result<Started<AsyncTask>, ClientError> {
        let options = self.options();
        let outcome = match before(options, &mut call) {
            Some(outcome) => outcome,
            None => match self.perform(&Operation::StartTool(call.clone())).await {
                Ok(outcome) => match *outcome {
                    Ok(Output::Task(task)) => return Ok(Started::Task(self.task(&*task.task_id))),
                    _ => tool(outcome),
                },
                Err(error) => Err(error),
            },
        };
        after(options, &call, outcome).map(Started::Done)
    }

    /// Returns the task of this id, which the server is not asked about yet.
    pub fn task(&self, id: impl Into<String>) -> AsyncTask {
        AsyncTask {
            client: self.clone(),
            id: id.into(),
        }
    }
}

impl AsyncTask {
    /// Returns the task's id: whoever knows it may get at its result, so it is as secret as that.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Asks how far the task is.
    ///
    /// Returns [`ClientError::Rpc`] if the server doesn't know it (any more).
    pub async fn status(&self) -> Result<Task<'static>, ClientError> {
        match self.client.run(Operation::GetTask(self.id.clone())).await? {
            Output::Task(task) => Ok(*task),
            _ => unreachable!("a request is answered with the output of its kind"),
        }
    }

    /// Waits for the task, answers what it asks for meanwhile, and gives what its tool says.
    ///
    /// Returns an error as [`AsyncClient::call_tool`] does. The task goes on when this is dropped or
    /// has waited as long as an operation may take: wait again, or [`cancel`](Self::cancel) it.
    pub async fn wait(&self) -> Result<ToolOutput, ClientError> {
        let awaited = Operation::AwaitTask(self.id.clone());
        self.client.perform(&awaited).await.and_then(tool)
    }

    /// Cancels the task. Since 2026-07-28 the server may go on with it all the same.
    ///
    /// Returns [`ClientError::Rpc`] if the server doesn't know it (any more), or, in 2025-11-25, if it
    /// has ended.
    pub async fn cancel(&self) -> Result<(), ClientError> {
        let cancelled = self.client.run(Operation::CancelTask(self.id.clone()));
        cancelled.await.map(drop)
    }
}

/// Without the id, by which others could get at the task.
impl fmt::Debug for AsyncTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncTask").finish_non_exhaustive()
    }
}
