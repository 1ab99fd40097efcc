//! What answers a request about tasks, and who finds out: everything that waits for the store.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::super::context::Context;
use super::record::TaskState;
use super::step::TaskStep;
use crate::lock::{Pending, Portable};
use crate::model::input::InputRequests;
use crate::model::task::{CancelTaskResult, CreateTaskResult, ListTasksResult, Task};
use crate::rpc::{Raw, RpcError};

/// What answers a request about tasks.
pub(in crate::server) enum TaskEnd {
    Created(CreateTaskResult<'static>),
    Got(Task<'static>),
    Updated,
    Cancelled(CancelTaskResult<'static>),
    Listed(ListTasksResult<'static>),
    /// `tasks/result`: what the call would have been answered with.
    Payload(Raw<'static>),
    /// `tasks/result`: the client is to be asked this.
    Ask(InputRequests<'static>),
    /// `tasks/result`: not yet. Look again later.
    Wait,
    /// A stream that watches tasks: what there is to tell now, and what to look at later.
    Seen(Vec<Watched>),
}

/// A task that a stream watches.
#[derive(Clone)]
pub(in crate::server) struct Watched {
    pub(in crate::server) id: Box<str>,
    /// In which state it was told last.
    pub(in crate::server) told: Option<TaskState>,
    /// The state that it is in now and that was not told yet.
    pub(in crate::server) news: Option<(Task<'static>, TaskState)>,
    /// Whether it stays as it is now.
    pub(in crate::server) is_over: bool,
}

impl Watched {
    pub(in crate::server) fn new(id: &str) -> Self {
        Self {
            id: id.into(),
            told: None,
            news: None,
            is_over: false,
        }
    }
}

/// What follows from a request: its answer, and a step of a task.
pub(in crate::server) type Answered = Result<(TaskEnd, Option<Box<TaskStep>>), RpcError>;

/// Something that is asked of the store.
pub(in crate::server) trait StoreWork: Portable {
    fn run<'a>(self: Box<Self>, context: &'a Context) -> Pending<'a, Answered>;
}
