//! A server whose calls run as tasks, and whoever drives it: jobs and steps wait, are run in any order or
//! lost; another instance takes over, with or without what the old one had begun.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use mcp_proto::model::elicitation::ElicitRequestFormParams;
use mcp_proto::model::tool::{TaskSupport, Tool};
use mcp_proto::rpc::{Raw, RpcError};
use mcp_proto::server::{
    Context, Event, HandlerError, Job, Outcome, Server, Service, TaskStep, Tasks,
};
use mcp_proto::session::ServerEvent;
use mcp_proto::{Instant, Limits, Session};
use serde_json::Value;

use super::super::end::{Common, End, limits};
use super::super::random::Random;
use super::super::tally::Kind;
use super::store::Store;
use super::{number_of, ready_now};

/// For how long a task is kept that nobody asks to be kept for longer.
const KEPT: Duration = Duration::from_secs(20);

pub struct TasksEnd {
    common: Common,
    service: Service,
    limits: Limits,
    store: Store,
    drawn: Arc<AtomicU64>,
    /// The time at which the clock of the tasks was put on last.
    told: Instant,
    jobs: Vec<Job>,
    outcomes: Vec<Outcome>,
    steps: Vec<TaskStep>,
    is_lazy: bool,
}

impl TasksEnd {
    pub fn new(random: &mut Random, store: Store) -> Self {
        let mut common = Common::new("server", random, false);
        let limits = match random.below(4) {
            0 => limits(random, &mut common.marks),
            _ => Limits::default(),
        };
        let is_lazy = random.below(5) == 0;
        if is_lazy {
            common.mark(Kind::NeverAnswered);
        }
        let drawn = Arc::default();
        Self {
            service: instance(&store, &drawn, &limits).service(),
            told: common.now,
            common,
            limits,
            store,
            drawn,
            jobs: Vec::new(),
            outcomes: Vec::new(),
            steps: Vec::new(),
            is_lazy,
        }
    }

    /// Lets the time of day go on as the connection's does.
    fn put_clock_on(&mut self) {
        let passed = self.common.now.saturating_since(self.told);
        self.told = self.told.max(self.common.now);
        self.store.ledger().clock += u64::try_from(passed.as_millis()).unwrap_or(0);
        self.store.assert_bounded();
    }

    fn run(&mut self, job: Job) {
        self.outcomes.push(job.run());
    }

    fn hand_over(&mut self, outcome: Outcome) {
        if self.service.handle_outcome(self.common.now, outcome) {
            self.common.mark(Kind::Replied);
        }
    }

    fn step(&mut self, step: TaskStep) {
        self.steps.extend(ready_now(step.start()));
    }

    /// Another instance takes over. Where the old one lives on, its steps do.
    fn restart(&mut self, is_dead: bool) {
        if self.service.is_closed() {
            return;
        }
        let saved = self.service.session().save(self.common.now);
        if is_dead {
            self.common.mark(Kind::InstanceKilled);
            self.steps.clear();
        } else {
            self.common.mark(Kind::InstanceMoved);
        }
        self.jobs.clear();
        self.outcomes.clear();
        self.service = instance(&self.store, &self.drawn, &self.limits).service();
        let restored = self.service.restore(saved, self.common.now, is_dead);
        restored.expect("it was just saved");
    }
}

impl End for TasksEnd {
    type Session = Service;

    fn parts(&mut self) -> (&mut Service, &mut Common) {
        (&mut self.service, &mut self.common)
    }

    fn speaks_of_marks(&self) -> bool {
        true
    }

    fn command(&mut self, random: &mut Random) {
        self.put_clock_on();
        let one_of = |random: &mut Random, count| (count > 0).then(|| random.below(count));
        match random.below(32) {
            0..10 if !self.is_lazy => {
                if let Some(at) = one_of(random, self.jobs.len()) {
                    let job = self.jobs.swap_remove(at);
                    self.run(job);
                }
            }
            10..18 => {
                if let Some(at) = one_of(random, self.outcomes.len()) {
                    let outcome = self.outcomes.swap_remove(at);
                    self.hand_over(outcome);
                }
            }
            18..25 if !self.is_lazy => {
                if let Some(at) = one_of(random, self.steps.len()) {
                    let step = self.steps.swap_remove(at);
                    self.step(step);
                }
            }
            // A thread dies, and whoever waits for it notices, or doesn't.
            25..29 => {
                if let Some(at) = one_of(random, self.steps.len()) {
                    self.common.mark(Kind::StepLost);
                    let step = self.steps.swap_remove(at);
                    let ticket = step.ticket();
                    drop(step);
                    let is_noticed = random.below(2) == 0;
                    self.steps
                        .extend(is_noticed.then(|| ticket.panicked()).flatten());
                }
            }
            29 => {
                let keeper = self.steps.first().map(TaskStep::keeper);
                let _goes_on = keeper.map(|keeper| ready_now(keeper.keep()));
            }
            30 if random.below(2) == 0 => self.restart(random.below(2) == 0),
            31 if random.below(32) == 0 => {
                self.common.mark(Kind::ClosedByServer);
                self.service.close(self.common.now);
            }
            _ => {}
        }
    }

    fn take_event(&mut self, _random: &mut Random) -> bool {
        self.put_clock_on();
        let Some(event) = self.service.poll_event() else {
            return false;
        };
        // A task goes on whatever becomes of the connection.
        match &event {
            Event::Task(_) => self.common.note(&event),
            _ => self.common.note_event(&event),
        }
        match event {
            Event::Job(job) => {
                self.common.mark(Kind::Request);
                self.jobs.push(job);
            }
            Event::Task(step) => self.steps.push(*step),
            Event::Cancelled(job) => {
                self.common.mark(Kind::RequestCancelled);
                self.jobs.retain(|waiting| waiting.id() != job);
            }
            Event::Session(event) => match *event {
                ServerEvent::Closed(_) => self.common.is_closed = true,
                ServerEvent::Ignored(_) => self.common.mark(Kind::Ignored),
                _ => {}
            },
            _ => {}
        }
        true
    }

    fn answer_all(&mut self, _random: &mut Random) -> bool {
        self.store.heal();
        let moved = !self.jobs.is_empty() || !self.outcomes.is_empty() || !self.steps.is_empty();
        for job in std::mem::take(&mut self.jobs) {
            self.run(job);
        }
        for outcome in std::mem::take(&mut self.outcomes) {
            self.hand_over(outcome);
        }
        for step in std::mem::take(&mut self.steps) {
            self.step(step);
        }
        moved
    }

    fn held(&self) -> (usize, &Limits) {
        (self.service.session().held_bytes(), &self.limits)
    }

    fn waits_for(&self) -> Option<String> {
        None
    }

    fn assert_over(&self) {
        assert!(self.common.is_closed, "the end was never told");
        assert_eq!(self.service.poll_timeout(), None);
        assert_eq!(self.service.running(), 0);
        assert_eq!(self.service.session().open_requests(), 0);
    }
}

/// A server with a tool that asks as often as it is told to, fails if it is told to, and gives its number
/// back.
fn instance(store: &Store, drawn: &Arc<AtomicU64>, limits: &Limits) -> Server {
    let (clock, drawn) = (store.clone(), Arc::clone(drawn));
    let random = move |bytes: &mut [u8]| {
        let number = drawn.fetch_add(1, Ordering::Relaxed).to_le_bytes();
        for (byte, drawn) in bytes.iter_mut().zip(number) {
            *byte = drawn;
        }
        Ok(())
    };
    let tasks = Tasks::new(store.clone(), move || clock.ledger().clock, random);
    let tasks = tasks.ttl(KEPT).longest_ttl(KEPT * 4).listed();
    let tasks = tasks.poll_interval(Duration::from_millis(100));
    let ledger = store.clone();
    let run = move |context: &Context, arguments: Value| {
        let asks = arguments["asks"].as_u64().unwrap_or(0);
        for key in ["a", "b", "c"]
            .into_iter()
            .take(usize::try_from(asks).unwrap_or(0))
        {
            context.elicit::<Value>(key, ElicitRequestFormParams::new("go on?"))?;
        }
        match arguments["fails"].as_u64() {
            Some(1) => return Err(HandlerError::from("no")),
            Some(2) => return Err(HandlerError::rpc(RpcError::internal("no"))),
            _ => {}
        }
        let number = arguments["number"].as_str().unwrap_or_default();
        ledger.ledger().finished.extend(number_of(number));
        Ok(number.to_owned())
    };
    let tool = |name, support| {
        let schema = Raw::new(r#"{"type":"object"}"#).expect("JSON");
        Tool::new(name, schema).task_support(support)
    };
    Server::new("server", "1")
        .limits(limits.clone())
        .tasks(tasks)
        .tool(tool("may", TaskSupport::Optional), run.clone())
        .tool(tool("must", TaskSupport::Required), run)
}
