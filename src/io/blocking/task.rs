//! Tasks of a server as handles for threads, as those for tasks of a runtime are.

use alloc::string::String;
use core::fmt;

use serde::Serialize;

use super::super::nonblocking::task::{AsyncTask, Started};
use super::client::BlockingClient;
use crate::client::{ClientError, ToolCall, ToolOutput};
use crate::model::task::Task;

/// A task of the server's, by its id. Dropping it does nothing to the task.
///
/// To pick a task up again after a restart, keep its [`id`](Self::id) and give it to
/// [`BlockingClient::task`].
#[derive(Clone)]
pub struct BlockingTask {
    client: BlockingClient,
    inner: AsyncTask,
}

impl BlockingClient {
    /// Starts the tool `name` with `arguments`, an object, and hands its task out as soon as there is
    /// one.
    ///
    /// In 2025-11-25 the tool has to be one that runs as a task; its definition is listed first if it
    /// isn't known. Since 2026-07-28 the server decides, if
    /// [`ClientOptions::tasks`](field@crate::client::ClientOptions::tasks) lets it. Returns an error as
    /// [`call_tool`](Self::call_tool) does, and [`ClientError::Misuse`] if there can't be a task.
    pub fn start_tool(
        &self,
        name: &str,
        arguments: impl Serialize,
    ) -> Result<Started<BlockingTask>, ClientError> {
        self.start(ToolCall::new(name).arguments(arguments)?)
    }

    /// As [`start_tool`](Self::start_tool), with all that can be said of a call. The hook sees the
    /// call before it is made, and its result if it has answered at once.
    pub fn start(&self, call: ToolCall) -> Result<Started<BlockingTask>, ClientError> {
        Ok(match self.wait(self.inner.start(call))? {
            Started::Task(inner) => Started::Task(self.with_task(inner)),
            Started::Done(output) => Started::Done(output),
        })
    }

    /// Returns the task of this id, which the server is not asked about yet.
    pub fn task(&self, id: impl Into<String>) -> BlockingTask {
        self.with_task(self.inner.task(id))
    }

    fn with_task(&self, inner: AsyncTask) -> BlockingTask {
        BlockingTask {
            client: self.clone(),
            inner,
        }
    }
}

impl BlockingTask {
    /// Returns the task's id: whoever knows it may get at its result, so it is as secret as that.
    pub fn id(&self) -> &str {
        self.inner.id()
    }

    /// Asks how far the task is.
    ///
    /// Returns [`ClientError::Rpc`] if the server doesn't know it (any more).
    pub fn status(&self) -> Result<Task<'static>, ClientError> {
        self.client.wait(self.inner.status())
    }

    /// Waits for the task, answers what it asks for meanwhile, and gives what its tool says.
    ///
    /// Returns an error as [`BlockingClient::call_tool`] does. The task goes on when this is cancelled
    /// or has waited as long as an operation may take: wait again, or [`cancel`](Self::cancel) it.
    pub fn wait(&self) -> Result<ToolOutput, ClientError> {
        self.client.wait(self.inner.wait())
    }

    /// Cancels the task. Since 2026-07-28 the server may go on with it all the same.
    ///
    /// Returns [`ClientError::Rpc`] if the server doesn't know it (any more), or, in 2025-11-25, if it
    /// has ended.
    pub fn cancel(&self) -> Result<(), ClientError> {
        self.client.wait(self.inner.cancel())
    }
}

/// Without the id, by which others could get at the task.
impl fmt::Debug for BlockingTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlockingTask").finish_non_exhaustive()
    }
}
