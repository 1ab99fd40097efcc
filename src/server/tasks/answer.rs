//! The requests about tasks, and calls that become one: what each does to the store, and what answers
//! it.
//!
//! Rules of this file: a task is found only by its owner, and what isn't found is unknown, whatever the
//! reason (`task25.auth`, `task26.err`); a change counts once the store has taken it under the version
//! it was made on, else it is made anew; a task whose instance is gone goes on here when it is asked
//! for.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::super::Shared;
use super::super::ask::RoundState;
use super::super::context::Context;
use super::end::{Answered, StoreWork, TaskEnd, Watched};
use super::engine::{Engine, Key, Loaded, is_id};
use super::record::{Phase, Record, Taken};
use super::run::step_of;
use super::step::TaskStep;
use super::store::TaskStoreError;
use crate::lock::Pending;
use crate::model::encode::encode_value;
use crate::model::input::{InputRequest, InputRequests};
use crate::model::meta::{Meta, RELATED_TASK};
use crate::model::method::CallTool;
use crate::model::object::Object;
use crate::model::owned::IntoOwned;
use crate::model::task::{
    CancelTask, CancelTaskResult, CreateTaskResult, GetTask, ListTasks, ListTasksResult, Task,
    TaskMetadata, UpdateTask,
};
use crate::model::tool::CallToolResult;
use crate::revision::{Era, Revision};
use crate::rpc::{Raw, RpcError};

/// How often a change is made anew because somebody else has made one.
const TRIES: usize = 16;
/// How many tasks a page of a list has at most.
const PAGE: usize = 100;

/// What a request wants of the tasks.
pub(in crate::server) enum TaskWork {
    /// A call becomes a task, with what its context carries of earlier rounds.
    Create,
    Get,
    /// `tasks/result`
    Payload,
    Update,
    Cancel,
    List,
    /// What is new of tasks that a stream watches.
    Watch(Vec<Watched>),
}

/// A request about tasks on its way to the store.
pub(in crate::server) struct TaskJob {
    pub(in crate::server) engine: Arc<Engine>,
    pub(in crate::server) work: TaskWork,
}

impl StoreWork for TaskJob {
    fn run<'a>(self: Box<Self>, context: &'a Context) -> Pending<'a, Answered> {
        let Self { engine, work } = *self;
        Box::pin(async move {
            let of = Of {
                engine: &engine,
                context,
            };
            match work {
                TaskWork::Create => {
                    let ledger = context.take_run().carried;
                    of.create(ledger.map(|ledger| *ledger).unwrap_or_default())
                        .await
                }
                TaskWork::Get => of.get().await,
                TaskWork::Payload => of.payload().await,
                TaskWork::Update => of.update().await,
                TaskWork::Cancel => of.cancel().await,
                TaskWork::List => of.list().await,
                TaskWork::Watch(watched) => of.watch(watched).await,
            }
        })
    }
}

/// A request and the tasks that it is about.
struct Of<'a> {
    engine: &'a Arc<Engine>,
    context: &'a Context,
}

impl Of<'_> {
    fn era(&self) -> Era {
        self.context.revision().era()
    }

    fn server(&self) -> Arc<Shared> {
        self.context.server_arc()
    }

    fn failed(&self, error: &TaskStoreError) -> RpcError {
        self.engine.failed(error)
    }

    /// The key of the task that the request names; the error is for what can't name one.
    fn key(&self) -> Result<Key, RpcError> {
        let params = self.context.request().params::<GetTask>()?;
        match is_id(&params.task_id) {
            true => Ok(Key::new(self.context.principal(), &params.task_id)),
            false => Err(unknown(&params.task_id)),
        }
    }

    async fn load(&self, key: &Key) -> Result<Loaded, RpcError> {
        let loaded = self.engine.load(key).await;
        let loaded = loaded.map_err(|error| self.failed(&error))?;
        loaded.ok_or_else(|| unknown(&key.id))
    }

    /// Makes a task of a call. It is found from now on (`task26.durable`).
    async fn create(&self, ledger: RoundState) -> Answered {
        let (engine, context) = (self.engine, self.context);
        let failed = |error: TaskStoreError| engine.failed(&error);
        engine.beat().await.map_err(failed)?;
        let keeping = engine.keeping(self.asked_ttl()?);
        let mut record = Record::new(
            context.request(),
            context.opened(),
            context.scopes(),
            ledger,
            &keeping,
        );
        record.instance = Some(engine.name().map_err(failed)?);
        for _ in 0..TRIES {
            let id = engine.fresh_id().map_err(failed)?;
            let key = Key::new(context.principal(), &id);
            let Some(reserved) = engine.reserve(&key) else {
                continue;
            };
            if engine.create(&key, &record).await? {
                let task = record.task(&key.id, self.era());
                let step = step_of(reserved, self.server(), context.principal());
                let created = TaskEnd::Created(CreateTaskResult::new(task));
                return Ok((created, Some(Box::new(step))));
            }
        }
        Err(RpcError::internal("There is no id for the task"))
    }

    /// For how long a client of 2025-11-25 wants its task kept.
    fn asked_ttl(&self) -> Result<Option<i64>, RpcError> {
        if self.era() == Era::Modern {
            return Ok(None);
        }
        let params = self.context.request().params::<CallTool>()?;
        let Some(task) = &params.task else {
            return Ok(None);
        };
        let bad = |_| RpcError::invalid_params("Invalid params: task is malformed");
        Ok(task.decode::<TaskMetadata>().map_err(bad)?.ttl)
    }

    /// `tasks/get`
    async fn get(&self) -> Answered {
        let key = self.key()?;
        let loaded = self.load(&key).await?;
        let task = match self.era() {
            Era::Legacy => loaded.record.task(&key.id, Era::Legacy),
            Era::Modern => loaded.record.detailed(&key.id),
        };
        let step = self.taken_over(&key, &loaded.record).await?;
        Ok((TaskEnd::Got(task), step))
    }

    /// A step of a task whose handler nobody runs any more.
    async fn taken_over(
        &self,
        key: &Key,
        record: &Record,
    ) -> Result<Option<Box<TaskStep>>, RpcError> {
        if record.phase != Phase::Working {
            return Ok(None);
        }
        if let Some(instance) = &record.instance {
            let is_run = self.engine.is_run(key, instance).await;
            if is_run.map_err(|error| self.failed(&error))? {
                return Ok(None);
            }
        }
        Ok(self.step(key))
    }

    /// The next step of a task, unless it has one.
    fn step(&self, key: &Key) -> Option<Box<TaskStep>> {
        let reserved = self.engine.reserve(key)?;
        let step = step_of(reserved, self.server(), self.context.principal());
        Some(Box::new(step))
    }

    /// `tasks/update`
    async fn update(&self) -> Answered {
        let key = self.key()?;
        let params = self.context.request().params::<UpdateTask>()?;
        let answers = params.input_responses.iter();
        let answers: Vec<_> = answers.map(|(key, raw)| (key, Ok(raw.clone()))).collect();
        let (_, step) = self.answered(&key, &answers).await?;
        Ok((TaskEnd::Updated, step))
    }

    /// Gives a task these answers; the step that follows once all is answered.
    async fn answered(
        &self,
        key: &Key,
        answers: &[(&str, Result<Raw<'_>, RpcError>)],
    ) -> Result<(Record, Option<Box<TaskStep>>), RpcError> {
        for _ in 0..TRIES {
            let mut loaded = self.load(key).await?;
            let mut is_changed = false;
            for (name, answer) in answers {
                match loaded.record.answer(name, answer.as_ref()) {
                    Taken::Accepted => is_changed = true,
                    Taken::Unknown => {}
                    // The client learns of it, and may answer again (`mrtr.server.validate`).
                    Taken::Unfit => return Err(unfit(name)),
                }
            }
            if !is_changed {
                return Ok((loaded.record, None));
            }
            let is_answered = loaded.record.is_answered();
            if is_answered {
                let failed = |error: TaskStoreError| self.failed(&error);
                self.engine.beat().await.map_err(failed)?;
                loaded.record.enter(self.engine.now(), Phase::Working);
                loaded.record.instance = Some(self.engine.name().map_err(failed)?);
            }
            if self.engine.save(key, &loaded).await? {
                let step = is_answered.then(|| self.step(key)).flatten();
                return Ok((loaded.record, step));
            }
        }
        Err(busy())
    }

    /// `tasks/cancel`. The task is cancelled from now on, whatever its handler still does
    /// (`task25.cancel`); one that has ended stays as it is.
    async fn cancel(&self) -> Answered {
        let params = self.context.request().params::<CancelTask>();
        params.map(drop)?;
        let key = self.key()?;
        for _ in 0..TRIES {
            let mut loaded = self.load(&key).await?;
            let is_cancelled = loaded.record.enter(self.engine.now(), Phase::Cancelled);
            match (is_cancelled, self.era()) {
                (true, _) => {}
                // `task25.cancel.terminal`
                (false, Era::Legacy) => {
                    let why = "Invalid params: the task has ended already";
                    return Err(RpcError::invalid_params(why));
                }
                // `task26.cancel`
                (false, Era::Modern) => return Ok((cancelled(None), None)),
            }
            if self.engine.save(&key, &loaded).await? {
                self.engine.cancel(&key);
                let task = loaded.record.task(&key.id, Era::Legacy);
                let task = Some(task).filter(|_| self.era() == Era::Legacy);
                return Ok((cancelled(task), None));
            }
        }
        Err(busy())
    }

    /// `tasks/result`, which comes again with what its client was asked.
    async fn payload(&self) -> Answered {
        let key = self.key()?;
        let request = self.context.request();
        let mut record = self.load(&key).await?.record;
        let mut step = None;
        if request.has_inputs() {
            let asked = record.asked();
            let answers: Vec<_> = asked
                .iter()
                .filter_map(|(name, _)| Some((name, request.raw_input(name)?)))
                .collect();
            match self.answered(&key, &answers).await {
                Ok(answered) => (record, step) = answered,
                // It is asked again.
                Err(error) if error.code == crate::rpc::code::INVALID_PARAMS => {}
                Err(error) => return Err(error),
            }
        }
        let end = match &record.phase {
            Phase::Done { result, .. } => TaskEnd::Payload(payload(&result.0, &key.id)?),
            Phase::Failed(error) => return Err(error.clone()),
            Phase::Cancelled => return Err(RpcError::internal("The task was cancelled")),
            Phase::Input(_) => TaskEnd::Ask(related(&record.asked(), &key.id)),
            Phase::Working if step.is_some() => TaskEnd::Wait,
            Phase::Working => {
                step = self.taken_over(&key, &record).await?;
                TaskEnd::Wait
            }
        };
        Ok((end, step))
    }

    /// What is new of tasks (`task26.notif`). One that its client can't ask for is watched no more; what
    /// the store doesn't say now it may say later.
    async fn watch(&self, watched: Vec<Watched>) -> Answered {
        let (mut seen, mut step) = (Vec::new(), None);
        for mut task in watched {
            if !is_id(&task.id) {
                continue;
            }
            let key = Key::new(self.context.principal(), &task.id);
            match self.engine.load(&key).await {
                Ok(Some(loaded)) => {
                    let record = &loaded.record;
                    task.is_over = record.is_over();
                    let state = record.state();
                    task.news = (task.told.as_ref() != Some(&state))
                        .then(|| (record.detailed(&task.id), state));
                    if step.is_none() {
                        step = self.taken_over(&key, record).await.unwrap_or_default();
                    }
                }
                Ok(None) => continue,
                Err(error) => drop(self.failed(&error)),
            }
            seen.push(task);
        }
        Ok((TaskEnd::Seen(seen), step))
    }

    /// `tasks/list` (`task25.list`)
    async fn list(&self) -> Answered {
        let params = self.context.request().params::<ListTasks>()?;
        let after = params.cursor.as_deref();
        if after.is_some_and(|after| !is_id(after)) {
            let why = "Invalid params: unknown cursor";
            return Err(RpcError::invalid_params(why));
        }
        let size = self.context.server().page_size.min(PAGE);
        let principal = self.context.principal();
        let ids = self.engine.ids(principal, after, size.saturating_add(1));
        let ids = ids.await.map_err(|error| self.failed(&error))?;
        let mut tasks = Vec::new();
        for id in ids.iter().take(size) {
            let key = Key::new(principal, id);
            let loaded = self.engine.load(&key).await;
            let loaded = loaded.map_err(|error| self.failed(&error))?;
            tasks.extend(loaded.map(|loaded| loaded.record.task(id, Era::Legacy)));
        }
        let mut result = ListTasksResult::new(tasks);
        let last = ids.get(size.wrapping_sub(1)).filter(|_| ids.len() > size);
        result.next_cursor = last.map(|last| String::from(&**last).into());
        Ok((TaskEnd::Listed(result), None))
    }
}

fn cancelled(task: Option<Task<'static>>) -> TaskEnd {
    TaskEnd::Cancelled(match task {
        Some(task) => CancelTaskResult::cancelled(task),
        None => CancelTaskResult::new(),
    })
}

/// The answer for a task that isn't there, that has expired, or that is somebody else's
/// (`task25.err.unknown`, `task26.err`).
fn unknown(id: &str) -> RpcError {
    let shown: String = id.chars().take(128).collect();
    RpcError::invalid_params(format!("Invalid params: unknown task {shown}"))
}

fn unfit(key: &str) -> RpcError {
    let shown: String = key.chars().take(128).collect();
    let why = format!("Invalid params: the answer to {shown} doesn't fit the question");
    RpcError::invalid_params(why)
}

fn busy() -> RpcError {
    RpcError::internal("The task changes too often; a retry may help")
}

/// The `_meta` of what belongs to a task of 2025-11-25 (`task25.related`).
fn of_task(meta: Meta<'static>, id: &str) -> Meta<'static> {
    meta.with(RELATED_TASK, &Object::new().with("taskId", id))
        .into_owned()
}

/// A result as `tasks/result` has it (`task25.result.exact`, `task25.result.meta`).
fn payload(result: &Raw<'_>, id: &str) -> Result<Raw<'static>, RpcError> {
    let unreadable = || RpcError::internal("The task's result can't be read");
    let result = result.decode::<CallToolResult<'_>>();
    let mut result = result.map_err(|_| unreadable())?.into_owned();
    result.meta = Some(of_task(result.meta.take().unwrap_or_default(), id));
    let mut out = Vec::new();
    let written = encode_value(&mut out, Revision::V2025_11_25, &result);
    written.map_err(|_| unreadable())?;
    let text = String::from_utf8(out).map_err(|_| unreadable())?;
    Ok(Raw::trusted(text.into()))
}

/// Questions as a client of 2025-11-25 is asked them for a task (`task25.related`).
fn related(asked: &InputRequests<'_>, id: &str) -> InputRequests<'static> {
    let mut requests = InputRequests::new();
    for (key, question) in asked.iter() {
        let params = question.params.as_ref();
        let params = params.and_then(|params| Object::from_raw(params.clone()));
        let params = params.unwrap_or_default();
        let meta = params.get("_meta").and_then(Meta::from_raw);
        let meta = of_task(meta.unwrap_or_default().into_owned(), id);
        let params = params.with("_meta", &meta).as_raw().clone().into_owned();
        let method = question.method.clone().into_owned();
        requests.insert(String::from(key), InputRequest::new(method).params(params));
    }
    requests
}
