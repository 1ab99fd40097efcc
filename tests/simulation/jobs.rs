//! The server's machine of jobs: they are run and finished in any order, late, twice or never, and
//! what they do comes while they run, after they have ended or not at all.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use mcp_proto::model::elicitation::ElicitRequestFormParams;
use mcp_proto::model::prompt::Prompt;
use mcp_proto::model::resource::Resource;
use mcp_proto::model::tool::{NO_ARGUMENTS_SCHEMA, Tool};
use mcp_proto::server::{
    Context, Effect, Event, HandlerError, Job, JobId, JobTicket, Outcome, Server, Service,
};
use mcp_proto::session::{Change, ServerEvent};
use mcp_proto::{Limits, Session};
use serde::de::IgnoredAny;

use super::end::{Common, End, limits, revisions};
use super::random::Random;
use super::tally::Kind;

/// What handlers have done and the service has not heard of.
type Effects = Arc<Mutex<Vec<(JobId, Effect)>>>;

pub struct JobsEnd {
    common: Common,
    service: Service,
    limits: Limits,
    effects: Effects,
    waiting: Vec<Job>,
    finished: Vec<Outcome>,
    /// The jobs that somebody waits for.
    open: BTreeMap<JobId, JobTicket>,
    ended: Vec<JobTicket>,
    is_lazy: bool,
}

impl JobsEnd {
    pub fn new(random: &mut Random) -> Self {
        let mut common = Common::new("server", random, false);
        let limits = limits(random, &mut common.marks);
        let is_lazy = random.below(5) == 0;
        let server = server(random.below(3) == 0);
        let server = server.limits(limits.clone()).revisions(revisions(random));
        Self {
            common,
            service: server.service(),
            limits,
            effects: Effects::default(),
            waiting: Vec::new(),
            finished: Vec::new(),
            open: BTreeMap::new(),
            ended: Vec::new(),
            is_lazy,
        }
    }

    /// Runs a job; its outcome waits to be handed over.
    fn run(&mut self, job: Job) {
        let effects = Arc::clone(&self.effects);
        let job = job.with_effects(Arc::new(move |job, effect| {
            let mut effects = effects.lock().unwrap_or_else(PoisonError::into_inner);
            effects.push((job, effect));
        }));
        self.finished.push(job.run());
    }

    fn hand_over(&mut self, outcome: Outcome) {
        let job = outcome.job();
        // One that doesn't count is of a job that was cancelled, of which an event tells.
        if self.service.handle_outcome(self.common.now, outcome) {
            self.common.mark(Kind::Replied);
            let ticket = self.open.remove(&job);
            self.ended
                .push(ticket.expect("an outcome counts once, for an open job"));
        }
    }

    fn tell_effects(&mut self) {
        let mut effects = self.effects.lock().unwrap_or_else(PoisonError::into_inner);
        for (job, effect) in effects.drain(..) {
            self.common.mark(Kind::ServerProgress);
            self.service.handle_effect(self.common.now, job, effect);
        }
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Job(job) => {
                self.common.mark(Kind::Request);
                let before = self.open.insert(job.id(), job.ticket());
                assert!(before.is_none(), "a job came twice");
                self.waiting.push(job);
            }
            Event::Cancelled(job) => {
                self.common.mark(Kind::RequestCancelled);
                let ticket = self.open.remove(&job);
                self.ended
                    .push(ticket.expect("a job that is cancelled was open"));
            }
            Event::Session(event) => match *event {
                ServerEvent::Closed(_) => self.common.is_closed = true,
                ServerEvent::Ignored(_) => self.common.mark(Kind::Ignored),
                _ => {}
            },
            _ => {}
        }
    }
}

impl End for JobsEnd {
    type Session = Service;

    fn parts(&mut self) -> (&mut Service, &mut Common) {
        (&mut self.service, &mut self.common)
    }

    fn command(&mut self, random: &mut Random) {
        let now = self.common.now;
        match random.below(16) {
            0..5 if !self.is_lazy && !self.waiting.is_empty() => {
                let job = self.waiting.swap_remove(random.below(self.waiting.len()));
                self.run(job);
            }
            5..9 if !self.finished.is_empty() => {
                let outcome = self.finished.swap_remove(random.below(self.finished.len()));
                self.hand_over(outcome);
            }
            9 => self.tell_effects(),
            10 if !self.ended.is_empty() => {
                // It ends once more, of which nobody must hear.
                let ticket = self.ended.swap_remove(random.below(self.ended.len()));
                let counts = self.service.handle_outcome(now, ticket.panicked());
                assert!(!counts, "a job has ended twice");
                self.common.mark(Kind::GaveStranger);
            }
            11 if !self.waiting.is_empty() => {
                // It is lost; whoever runs it notices.
                self.common.mark(Kind::NeverAnswered);
                let job = self.waiting.swap_remove(random.below(self.waiting.len()));
                self.finished.push(job.ticket().panicked());
            }
            12 => self.service.changed(now, Change::Tools),
            13 => self.service.resource_updated(now, "a:b"),
            14 if random.below(16) == 0 => {
                self.common.mark(Kind::ClosedByServer);
                self.service.close(now);
            }
            _ => {}
        }
    }

    fn take_event(&mut self, _random: &mut Random) -> bool {
        let Some(event) = self.service.poll_event() else {
            return false;
        };
        self.common.note_event(&event);
        self.take(event);
        true
    }

    fn answer_all(&mut self, _random: &mut Random) -> bool {
        let moved = !self.waiting.is_empty() || !self.finished.is_empty();
        for job in std::mem::take(&mut self.waiting) {
            self.run(job);
        }
        self.tell_effects();
        for outcome in std::mem::take(&mut self.finished) {
            self.hand_over(outcome);
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
        assert!(self.open.is_empty(), "jobs were never cancelled");
        assert_eq!(self.service.session().open_requests(), 0);
    }
}

/// A server that has one of each, with handlers that ask, tell and fail.
fn server(asks: bool) -> Server {
    Server::new("server", "1")
        .tool(
            Tool::new("t", NO_ARGUMENTS_SCHEMA.clone()),
            move |context, _: IgnoredAny| {
                context.progress(1.0, None, None);
                context.info("working");
                if asks {
                    let form = ElicitRequestFormParams::new("who?");
                    context.elicit::<IgnoredAny>("a", form)?;
                    context.roots()?;
                }
                context.progress(2.0, None, None);
                context.changed(Change::Tools);
                Ok("done")
            },
        )
        .resource(Resource::new("a:b", "r"), |context: &Context| {
            context.resource_updated("a:b");
            Ok("text")
        })
        .prompt(Prompt::new("p"), |_: &Context, _| {
            Err::<String, _>(HandlerError::from("no"))
        })
}
