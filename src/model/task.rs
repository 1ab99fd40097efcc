//! Tasks: requests that are answered at once with a handle and go on without their sender.
//! 2025-11-25 has them in the protocol, on both sides; since 2026-07-28 they are an extension of the
//! server's side. One set of types says both: members that were renamed are written and read by
//! either name.

use alloc::vec::Vec;

use serde::ser::SerializeStruct;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use crate::model::capability::{TASKS_EXTENSION, TasksCapability};
use crate::model::encode::EncodeError;
use crate::model::encode::downgrade::{FieldRule, StructRules, announced};
use crate::model::field::{inner_error, integer, json_text, open_enum};
use crate::model::input::{InputRequests, InputResponses};
use crate::model::list::List;
use crate::model::meta::Meta;
use crate::model::method::{EmptyResult, methods, notifications, paginated};
use crate::model::owned::{already_owned, into_owned};
use crate::model::page::PaginatedRequestParams;
use crate::model::wire_type::wire_type;
use crate::named::named;
use crate::revision::Revision;
use crate::rpc::{Entry, Raw, RpcError, Text, member_of, members, string_of};

open_enum! {
    /// How far a task is.
    // `task25.status.graph`
    TaskStatus {
        /// It runs.
        Working = "working",
        /// It waits for answers of the client's.
        InputRequired = "input_required",
        /// It ended with a result.
        Completed = "completed",
        /// It ended with an error; in 2025-11-25 also with the result of a tool that failed.
        // `task25.failed`, `task26.failed`
        Failed = "failed",
        /// It was cancelled.
        Cancelled = "cancelled",
    }
}

impl TaskStatus<'_> {
    /// Returns whether the task has ended, after which its status never changes.
    pub fn is_terminal(&self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }
}

wire_type! {
    /// A task as its receiver describes it: the result of `tasks/get`, the parameters of the
    /// notifications about a task, an element of `tasks/list`.
    // `task25.task.shape`, `task26.get`
    #[derive(Debug)]
    pub struct Task<'a> {
        /// Its id, which its receiver chose.
        task_id as "taskId": Text<'a>,
        /// How far it is.
        status: TaskStatus<'a>,
        /// What there is to say about the status, for people.
        status_message? as "statusMessage": Text<'a>,
        /// When it was made, by ISO 8601.
        created_at as "createdAt": Text<'a>,
        /// When it last changed, by ISO 8601.
        last_updated_at as "lastUpdatedAt": Text<'a>,
        /// For how many milliseconds after it was made it is kept; `None` means without an end. It
        /// is called `ttl` in 2025-11-25.
        #[read(crate::model::field::integer)]
        ttl_ms as "ttlMs" or "ttl": Option<i64> [or empty],
        /// After how many milliseconds to ask again. It is called `pollInterval` in 2025-11-25.
        #[read(crate::model::field::integer)]
        poll_interval_ms? as "pollIntervalMs" or "pollInterval": i64,
        /// What it waits to be told, since 2026-07-28: all that isn't answered yet.
        input_requests? as "inputRequests": InputRequests<'a> [since(V2026_07_28)],
        /// The result of a completed task, since 2026-07-28: what its request would have been
        /// answered with.
        result?: Raw<'a> [since(V2026_07_28)],
        /// The error of a failed task, since 2026-07-28.
        error?: RpcError [since(V2026_07_28)],
        /// The `_meta` of the result or notification that the task is.
        meta? as "_meta": Meta<'a>,
    }

    /// Creates a task; both times are by ISO 8601, and `ttl_ms` of `None` keeps it without an end.
    pub fn new(
        task_id: impl Into<Text<'a>>,
        status: TaskStatus<'a>,
        created_at: impl Into<Text<'a>>,
        last_updated_at: impl Into<Text<'a>>,
        ttl_ms: impl Into<Option<i64>>,
    );
}

/// How a request asks to run as a task, as the `task` of its parameters; 2025-11-25 only.
// `task25.create`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TaskMetadata {
    /// For how many milliseconds to keep the task; `None` leaves that to its receiver.
    pub ttl: Option<i64>,
}

named! { written struct TaskMetadata { [ttl] } }

impl<'de> Deserialize<'de> for TaskMetadata {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // With any number, under the name that errors have for it.
        struct TaskMetadata {
            ttl: Milliseconds,
        }
        named! { read struct TaskMetadata { [ttl] } }

        #[derive(Default)]
        struct Milliseconds(Option<i64>);

        impl<'de> Deserialize<'de> for Milliseconds {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                integer(deserializer).map(Self)
            }
        }

        let TaskMetadata { ttl } = TaskMetadata::deserialize(deserializer)?;
        Ok(Self { ttl: ttl.0 })
    }
}

already_owned!(TaskMetadata);

impl TaskMetadata {
    /// Asks for a task that is kept for as long as its receiver likes.
    pub const fn new() -> Self {
        Self { ttl: None }
    }

    /// Asks for a task that is kept for `ttl` milliseconds.
    #[must_use]
    pub fn ttl(mut self, ttl: impl Into<i64>) -> Self {
        self.ttl = Some(ttl.into());
        self
    }
}

/// The answer to a request that became a task: flat since 2026-07-28, in 2025-11-25 with the task as
/// a member.
// `task25.createresult`, `task26.create.shape`
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct CreateTaskResult<'a> {
    /// The task as it began.
    pub task: Task<'a>,
    /// The result's `_meta`.
    pub meta: Option<Meta<'a>>,
}

into_owned!(CreateTaskResult { task, meta });

impl<'a> CreateTaskResult<'a> {
    /// Returns the answer that hands out `task`.
    pub fn new(task: Task<'a>) -> Self {
        Self { task, meta: None }
    }
}

impl CreateTaskResult<'_> {
    /// What older revisions lack of it.
    pub(crate) const DOWNGRADE: &'static StructRules = &StructRules::new(
        const {
            &[
                FieldRule::always("ttlMs").formerly("ttl"),
                FieldRule::always("pollIntervalMs").formerly("pollInterval"),
            ]
        },
    )
    .replaced_before(Revision::V2026_07_28, nested)
    .listed_as("CreateTaskResult");
}

const _: &StructRules = CreateTaskResult::DOWNGRADE;

impl Serialize for CreateTaskResult<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { task, meta } = self;
        let mut fields = serializer.serialize_struct(announced!(CreateTaskResult), 9)?;
        fields.serialize_field("resultType", "task")?;
        fields.serialize_field("taskId", &task.task_id)?;
        fields.serialize_field("status", &task.status)?;
        if let Some(message) = &task.status_message {
            fields.serialize_field("statusMessage", message)?;
        }
        fields.serialize_field("createdAt", &task.created_at)?;
        fields.serialize_field("lastUpdatedAt", &task.last_updated_at)?;
        fields.serialize_field("ttlMs", &task.ttl_ms)?;
        if let Some(interval) = &task.poll_interval_ms {
            fields.serialize_field("pollIntervalMs", interval)?;
        }
        if let Some(meta) = meta {
            fields.serialize_field("_meta", meta)?;
        }
        fields.end()
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for CreateTaskResult<'a> {
    /// Reads either form. Returns an error if there is no task.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = json_text(deserializer)?;
        /// What stands beside a task that is a member.
        struct Nested<'a> {
            task: Option<Task<'a>>,
            meta: Option<Meta<'a>>,
        }
        named! { read struct Nested<'a> { [task], [meta] = "_meta" } }

        let nested: Nested<'_> = serde_json::from_str(text).map_err(inner_error)?;
        let task = match nested.task {
            Some(task) => task,
            None => Task {
                meta: None,
                ..serde_json::from_str(text).map_err(inner_error)?
            },
        };
        Ok(Self {
            task,
            meta: nested.meta,
        })
    }
}

/// Puts the members of a task into one member, as 2025-11-25 has them.
#[expect(
    clippy::unnecessary_wraps,
    reason = "replacements are functions of one type"
)]
fn nested(written: &[u8]) -> Result<Vec<u8>, EncodeError> {
    let mut out = Vec::with_capacity(written.len().saturating_add(16));
    out.extend_from_slice(b"{\"task\":");
    let mut before = b'{';
    for Entry { key, value } in members(written) {
        if !matches!(&*string_of(key.of(written)), "resultType" | "_meta") {
            out.push(before);
            out.extend_from_slice(key.to(value).of(written));
            before = b',';
        }
    }
    out.push(b'}');
    if let Some(meta) = member_of(written, "_meta") {
        out.extend_from_slice(b",\"_meta\":");
        out.extend_from_slice(meta);
    }
    out.push(b'}');
    Ok(out)
}

wire_type! {
    /// The parameters of the methods that are about one task: `tasks/get`, `tasks/result` and
    /// `tasks/cancel`.
    // `task25.get`
    #[derive(Debug)]
    pub struct TaskParams<'a> {
        /// The task's id.
        task_id as "taskId": Text<'a>,
        /// The request's `_meta`.
        meta? as "_meta": Meta<'a>,
    }

    /// Names the task.
    pub fn new(task_id: impl Into<Text<'a>>);
}

wire_type! {
    /// The parameters of `tasks/update`: answers to what a task waits for.
    // `task26.update`
    #[derive(Debug)]
    pub struct UpdateTaskParams<'a> {
        /// The task's id.
        task_id as "taskId": Text<'a>,
        /// The answers, each under the key of what was asked.
        input_responses as "inputResponses": InputResponses<'a>,
        /// The request's `_meta`.
        meta? as "_meta": Meta<'a>,
    }

    /// Gives the task these answers.
    pub fn new(task_id: impl Into<Text<'a>>, input_responses: InputResponses<'a>);
}

/// The result of `tasks/cancel`: the cancelled task in 2025-11-25, nothing since 2026-07-28.
// `task25.cancel`, `task26.cancel`
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct CancelTaskResult<'a> {
    /// The task as it is now, in 2025-11-25.
    pub task: Option<Task<'a>>,
    /// The result's `_meta`.
    pub meta: Option<Meta<'a>>,
}

into_owned!(CancelTaskResult { task, meta });

impl<'a> CancelTaskResult<'a> {
    /// Returns the empty answer of 2026-07-28.
    pub const fn new() -> Self {
        Self {
            task: None,
            meta: None,
        }
    }

    /// Returns the answer of 2025-11-25.
    pub fn cancelled(mut task: Task<'a>) -> Self {
        let meta = task.meta.take();
        Self {
            task: Some(task),
            meta,
        }
    }
}

impl Serialize for CancelTaskResult<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let empty = EmptyResult {
            meta: self.meta.clone(),
        };
        match &self.task {
            None => empty.serialize(serializer),
            Some(task) => Task {
                meta: empty.meta,
                ..task.clone()
            }
            .serialize(serializer),
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for CancelTaskResult<'a> {
    /// Reads either form. Returns an error if it is no object, or a task that doesn't fit.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = json_text(deserializer)?;
        if member_of(text.as_bytes(), "taskId").is_some() {
            let task = serde_json::from_str(text).map_err(inner_error)?;
            return Ok(Self::cancelled(task));
        }
        let empty: EmptyResult<'_> = serde_json::from_str(text).map_err(inner_error)?;
        Ok(Self {
            task: None,
            meta: empty.meta,
        })
    }
}

wire_type! {
    /// The result of `tasks/list`: one page of tasks; 2025-11-25 only.
    // `task25.list`
    #[derive(Debug)]
    pub struct ListTasksResult<'a> {
        /// The tasks of this page.
        tasks: List<'a, Task<'a>>,
        /// The cursor of the next page; `None` when this is the last.
        next_cursor? as "nextCursor": Text<'a>,
        /// The result's `_meta`.
        meta? as "_meta": Meta<'a>,
    }

    /// Returns the last page, with these tasks.
    pub fn new(tasks: Vec<Task<'a>>);
}

methods! {
    GetTask: TaskParams => Task;
    ///
    /// The result is that of the request which became a task.
    GetTaskPayload: TaskParams => Raw;
    UpdateTask: UpdateTaskParams => EmptyResult;
    CancelTask: TaskParams => CancelTaskResult;
    ListTasks: PaginatedRequestParams => ListTasksResult;
}

paginated!(ListTasks);

notifications! {
    TaskStatusChanged: Task;
    TaskChanged: Task;
}
