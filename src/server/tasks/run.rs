//! The steps of a task: claimed from the store, run, and saved again.
//!
//! Rules of this file: a step needs no session, it runs wherever its adapter likes; only a handler that
//! is a future needs a runtime; what a handler brings counts only while the task is this instance's and
//! hasn't ended; a task that has killed several instances fails instead of killing the next.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use core::future::poll_fn;
use core::task::Poll;

use super::super::Shared;
use super::super::ask::{LedgerKeeper, OwnedRaw, RoundState};
use super::super::context::{Context, Given};
use super::super::effect::JobId;
use super::super::handler::Reply;
use super::super::job::{End, Found, Job, Outcome, StateToCarry};
use super::engine::{Engine, Key, Loaded, Reserved, TaskKeeper};
use super::record::{Phase, Record};
use super::step::{Failing, Step, TaskStep, poll_through};
use crate::lock::Pending;
use crate::rpc::{Raw, RpcError};
use crate::trace::Scope;

/// How often a task is taken over from instances that are gone before it fails.
const TAKEOVERS: u32 = 5;
/// How often a change is made anew because somebody else has made one.
const TRIES: usize = 16;

/// A step of a task of this instance.
struct Steps {
    reserved: Reserved,
    server: Arc<Shared>,
    principal: Option<Arc<str>>,
    stage: Stage,
}

enum Stage {
    Claim,
    Run(Box<Job>),
    Save(Box<Ended>),
}

/// What a run of a handler has brought.
enum Ended {
    Phase(Phase),
    Asks { phase: Phase, ledger: RoundState },
}

/// The next step of a task.
pub(super) fn step_of(
    reserved: Reserved,
    server: Arc<Shared>,
    principal: Option<&str>,
) -> TaskStep {
    TaskStep::new(Steps {
        reserved,
        server,
        principal: principal.map(Arc::from),
        stage: Stage::Claim,
    })
}

impl Step for Steps {
    fn is_async(&self) -> bool {
        matches!(&self.stage, Stage::Run(job) if job.is_async())
    }

    fn failing(&self) -> Failing {
        let error = match &self.stage {
            Stage::Run(job) => job.request().panicked(),
            // A store that panics again would never come to an end. The task goes on when it is asked for.
            Stage::Save(_) => return Box::new(|| None),
            Stage::Claim => RpcError::internal("The task's store panicked"),
        };
        let (server, principal) = (Arc::clone(&self.server), self.principal.clone());
        let Reserved { engine, key } = &self.reserved;
        let (engine, key) = (Arc::clone(engine), key.clone());
        Box::new(move || {
            let reserved = engine.reserve(&key)?;
            Some(TaskStep::new(Self {
                reserved,
                server,
                principal,
                stage: Stage::Save(Box::new(Ended::Phase(Phase::Failed(error)))),
            }))
        })
    }

    fn keeper(&self) -> TaskKeeper {
        TaskKeeper::new(&self.reserved.engine)
    }

    fn abandoned(mut self: Box<Self>) -> TaskStep {
        self.stage = Stage::Save(Box::new(Ended::Phase(Phase::Cancelled)));
        TaskStep::of(self)
    }

    fn start(self: Box<Self>) -> Pending<'static, Option<TaskStep>> {
        Box::pin(async move {
            let Self {
                reserved,
                server,
                principal,
                stage,
            } = *self;
            let stage = match stage {
                Stage::Claim => claim(&reserved, &server, principal.as_ref()).await?,
                Stage::Run(job) => run(&reserved, *job).await?,
                Stage::Save(ended) => {
                    save(&reserved, *ended).await;
                    return None;
                }
            };
            Some(TaskStep::new(Self {
                reserved,
                server,
                principal,
                stage,
            }))
        })
    }
}

/// Makes sure that the task is this instance's to run, and makes a job of it.
async fn claim(
    reserved: &Reserved,
    server: &Arc<Shared>,
    principal: Option<&Arc<str>>,
) -> Option<Stage> {
    let loaded = own(reserved).await?;
    Some(match job(reserved, server, principal, &loaded.record) {
        Ok(job) => Stage::Run(Box::new(job)),
        Err(error) => Stage::Save(Box::new(Ended::Phase(Phase::Failed(error)))),
    })
}

/// The task, if it works and is this instance's now.
async fn own(reserved: &Reserved) -> Option<Loaded> {
    let Reserved { engine, key } = reserved;
    let told = |error| drop(engine.failed(&error));
    engine.beat().await.map_err(told).ok()?;
    let mut loaded = engine.load(key).await.map_err(told).ok()??;
    let name = engine.name().map_err(told).ok()?;
    let record = &mut loaded.record;
    if record.phase != Phase::Working {
        return None;
    }
    if let Some(instance) = record.instance.as_ref().filter(|it| **it != name)
        && engine.is_run(key, instance).await.map_err(told).ok()?
    {
        return None;
    }
    if record.instance.as_ref() == Some(&name) && record.takeovers == 0 {
        return Some(loaded);
    }
    let takeovers = record.takeovers + 1;
    if takeovers > TAKEOVERS {
        let why = "The task has ended every process that worked on it";
        record.enter(engine.now(), Phase::Failed(RpcError::internal(why)));
        engine.save(key, &loaded).await.ok()?;
        return None;
    }
    (record.takeovers, record.instance) = (takeovers, Some(name));
    if !engine.save(key, &loaded).await.ok()? {
        return None;
    }
    engine.load(key).await.map_err(told).ok()?
}

/// The run of a task's handler.
fn job(
    reserved: &Reserved,
    server: &Arc<Shared>,
    principal: Option<&Arc<str>>,
    record: &Record,
) -> Result<Job, RpcError> {
    let request = record.request();
    let found = Found::Tool(server.registry.tool(&request)?);
    let given = Given {
        opened: record.opened(),
        legacy_log_level: None,
        principal: principal.cloned(),
        scopes: record.scopes().map(Arc::new),
        may_begin_task: false,
    };
    let id = JobId {
        request: request.id,
        round: 0,
    };
    let context = Context::new(id, request, Arc::clone(server), given);
    context.carry(record.ledger.clone());
    if reserved.cancel_by(context.canceller()) {
        context.canceller().cancel();
    }
    let job = Job {
        context,
        state: None,
        found,
        scope: Scope::default(),
    };
    // A future must not keep its runtime waiting.
    let keeper = (!job.is_async()).then(|| {
        let (engine, key) = (Arc::clone(&reserved.engine), reserved.key.clone());
        let keep = move |ledger: &RoundState| poll_through(keep_ledger(&engine, &key, ledger));
        Arc::new(keep) as LedgerKeeper
    });
    job.context.run_as_task(keeper);
    Ok(job)
}

/// Keeps what a run has learnt so far.
async fn keep_ledger(engine: &Engine, key: &Key, ledger: &RoundState) {
    for _ in 0..TRIES {
        let loaded = engine.load(key).await;
        let loaded = loaded.map_err(|error| engine.failed(&error));
        let (Ok(Some(mut loaded)), Ok(name)) = (loaded, engine.name()) else {
            return;
        };
        let record = &mut loaded.record;
        if record.phase != Phase::Working || record.instance.as_ref() != Some(&name) {
            return;
        }
        record.ledger = ledger.clone();
        if engine.save(key, &loaded).await != Ok(false) {
            return;
        }
    }
}

/// Runs the handler; `None` if the task is cancelled.
async fn run(reserved: &Reserved, job: Job) -> Option<Stage> {
    let registry = Arc::clone(&job.context.server().registry);
    #[cfg(feature = "std")]
    // Nobody is told of progress and log messages of a task (`task26.notif.none`).
    let job = job.with_effects(super::super::job::sink_of(&registry, |_, _| {}));
    let mut begun = job.begin();
    let outcome = poll_fn(|cx| {
        if reserved.poll_cancelled(cx.waker()) {
            return Poll::Ready(None);
        }
        begun.poll(cx).map(Some)
    })
    .await;
    let Outcome { effects, end, .. } = outcome?;
    for effect in effects {
        if let Some((change, uri)) = effect.told_to_all() {
            registry.announce(change, uri);
        }
    }
    Some(Stage::Save(Box::new(ended(end)?)))
}

/// What the end of a run makes of its task.
fn ended(end: End) -> Option<Ended> {
    let failed = |why| Ended::Phase(Phase::Failed(RpcError::internal(why)));
    Some(match end {
        End::Reply(Reply::Tool(result)) => match Raw::encode(&result) {
            Ok(raw) => Ended::Phase(Phase::Done {
                result: OwnedRaw(raw),
                is_error: result.is_error == Some(true),
            }),
            Err(_) => failed("The result can't be kept"),
        },
        End::Error(error) => Ended::Phase(Phase::Failed(error)),
        End::Ask { questions, state } => {
            let state = match state {
                Some(StateToCarry::Ready(state) | StateToCarry::Keep { state, .. }) => state,
                None => String::from("{}"),
            };
            match RoundState::unpack(&state) {
                Ok(ledger) => Ended::Asks {
                    phase: Record::asking(&questions),
                    ledger,
                },
                Err(_) => failed("The state can't be kept"),
            }
        }
        End::Cancelled => return None,
        _ => failed("The handler has given no result of a tool"),
    })
}

/// Keeps what a run has brought, unless the task has ended or goes on elsewhere meanwhile.
async fn save(reserved: &Reserved, ended: Ended) {
    let Reserved { engine, key } = reserved;
    let mut ended = Some(ended);
    for _ in 0..TRIES {
        let loaded = engine.load(key).await;
        let loaded = loaded.map_err(|error| engine.failed(&error));
        let (Ok(Some(mut loaded)), Ok(name)) = (loaded, engine.name()) else {
            return;
        };
        let record = &mut loaded.record;
        if record.is_over() || record.instance.as_ref() != Some(&name) {
            return;
        }
        let now = engine.now();
        match &ended {
            Some(Ended::Phase(phase)) => {
                record.enter(now, phase.clone());
            }
            Some(Ended::Asks { phase, ledger }) => {
                record.enter(now, phase.clone());
                record.ledger = ledger.clone();
            }
            None => return,
        }
        if engine.packed(record).is_err() {
            let why = "The result is larger than a task's may be";
            ended = Some(Ended::Phase(Phase::Failed(RpcError::internal(why))));
            continue;
        }
        match engine.save(key, &loaded).await {
            Ok(true) => return,
            Ok(false) => {}
            Err(_) if matches!(ended, Some(Ended::Phase(Phase::Failed(_)))) => return,
            // There may be no room for what it brought, but for that.
            Err(error) => ended = Some(Ended::Phase(Phase::Failed(error))),
        }
    }
}
