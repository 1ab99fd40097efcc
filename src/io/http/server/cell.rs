//! One session over HTTP behind its lock, and who waits for which of its exchanges.
//!
//! Rules of this file: whoever has changed the session sees to what follows before it lets go of the
//! lock, and carries it out afterwards: handlers are started and wakers woken unlocked; the table is
//! told in the order in which things have happened, so its lock is taken under this one and never the
//! other way round.

use alloc::boxed::Box;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::task::{Context, Waker};
use std::sync::{Mutex, MutexGuard, PoisonError};

use smallvec::SmallVec;

use super::super::super::block_on::block_on;
use super::super::super::blocking::pool;
use super::super::super::jobs::{ServiceAccess, pool_job};
use super::super::super::steps::{RunsTasks, StepFuture, run_task};
use super::alarms::{Alarm, Ring};
use super::detached::{Abort, Detached, Starter};
use super::hub::{self, Member, Stage};
use super::stored::InStore;
use crate::http::{HttpSession, Input, Part, SessionStatus};
use crate::scopes::Scopes;
use crate::server::{Event, Job, JobId, Service, TaskStep};
use crate::session::{Change, ExchangeId};
use crate::time::Instant;

/// What the sessions of one service share.
pub(super) type Hub = hub::Hub<Cell>;

/// A session over HTTP.
pub(super) struct Cell {
    pub(super) hub: Arc<Hub>,
    number: u64,
    /// Its name in the table; `None` for an exchange that stands alone.
    pub(super) id: Option<Arc<str>>,
    listens: bool,
    state: Mutex<State>,
    /// Held while it is put into the store.
    pub(super) saving: Mutex<()>,
}

pub(super) struct State {
    pub(super) http: HttpSession<Service>,
    /// Its place in the store that instances share; `None` when it isn't there.
    pub(super) stored: Option<Box<InStore>>,
    waiting: SmallVec<[(ExchangeId, Waker); 1]>,
    /// Handlers for the task of the exchange to run, which ends with it.
    futures: SmallVec<[Job; 1]>,
    /// Handlers that run apart from any exchange.
    detached: SmallVec<[(JobId, Arc<Abort>); 1]>,
    alarm: Option<Alarm>,
    noted: Option<SessionStatus>,
    is_known: bool,
}

/// What an exchange finds.
pub(super) enum Found {
    Part(Part),
    /// Handlers to be run by whoever awaits the exchange.
    Jobs(SmallVec<[Job; 1]>),
    /// Nothing yet. Whoever asked is woken when there is.
    Nothing,
}

/// What is to be done once the lock is free.
#[derive(Default)]
pub(super) struct Follow {
    wake: SmallVec<[Waker; 2]>,
    jobs: SmallVec<[Job; 1]>,
    futures: Vec<(Job, Arc<Abort>)>,
    steps: Vec<TaskStep>,
    aborted: Vec<Arc<Abort>>,
    wish: Option<Wish>,
}

/// What is to become of a session that is kept in the store.
pub(super) enum Wish {
    /// Another instance wants it, and nothing holds it here.
    Park,
    /// It is over. This is its version in the store.
    Forget(Option<u64>),
}

impl State {
    /// Whether the session is another instance's by now.
    pub(super) fn has_gone(&self) -> bool {
        self.stored.as_ref().is_some_and(|stored| stored.has_gone)
    }

    fn wish(&mut self) -> Option<Wish> {
        let stored = self.stored.as_mut()?;
        if self.http.status() == SessionStatus::Closed {
            (stored.has_gone, stored.is_over) = (true, true);
            return Some(Wish::Forget(stored.version));
        }
        (stored.is_wanted && self.http.session().running() == 0).then_some(Wish::Park)
    }
}

impl Cell {
    pub(super) fn new(
        hub: &Arc<Hub>,
        http: HttpSession<Service>,
        id: Option<Arc<str>>,
        listens: bool,
    ) -> Arc<Self> {
        let is_known = id.is_none() && listens;
        let cell = Arc::new(Self {
            hub: Arc::clone(hub),
            number: hub.next_number(),
            id,
            listens,
            saving: Mutex::default(),
            state: Mutex::new(State {
                http,
                stored: None,
                waiting: SmallVec::new(),
                futures: SmallVec::new(),
                detached: SmallVec::new(),
                alarm: None,
                noted: None,
                is_known,
            }),
        });
        // It is told of changes from the beginning.
        if is_known {
            hub.remember(&cell);
        }
        cell
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `act` on the session and sees to what follows.
    pub(super) fn with<R>(
        self: &Arc<Self>,
        act: impl FnOnce(&mut HttpSession<Service>, Instant) -> R,
    ) -> R {
        let mut state = self.lock();
        let now = self.hub.now();
        let result = act(&mut state.http, now);
        let follow = self.follow_up(&mut state, now);
        drop(state);
        follow.carry_out(self);
        result
    }

    /// Opens an exchange for something whose token is good for `scopes`; `None` if the session is another
    /// instance's by now.
    pub(super) fn begin(
        self: &Arc<Self>,
        input: Input,
        scopes: Option<&Arc<Scopes>>,
    ) -> Option<ExchangeId> {
        let mut state = self.lock();
        if state.has_gone() {
            return None;
        }
        let now = self.hub.now();
        state.http.session().set_scopes(scopes.cloned());
        let exchange = state.http.handle(now, input);
        let follow = self.follow_up(&mut state, now);
        drop(state);
        follow.carry_out(self);
        Some(exchange)
    }

    /// Looks for the next part of an exchange; who is to be woken when there is none.
    pub(super) fn find(self: &Arc<Self>, exchange: ExchangeId, cx: &Context<'_>) -> Found {
        let mut state = self.lock();
        if let Some(part) = state.http.poll_part(exchange) {
            let follow = match part {
                Part::End => self.follow_up(&mut state, self.hub.now()),
                _ => Follow::default(),
            };
            drop(state);
            follow.carry_out(self);
            return Found::Part(part);
        }
        if !state.futures.is_empty() {
            return Found::Jobs(core::mem::take(&mut state.futures));
        }
        let waker = cx.waker();
        match state.waiting.iter_mut().find(|(id, _)| *id == exchange) {
            Some((_, known)) => known.clone_from(waker),
            None => state.waiting.push((exchange, waker.clone())),
        }
        self.arm(&mut state);
        let is_new = self.id.is_none() && !core::mem::replace(&mut state.is_known, true);
        drop(state);
        if is_new {
            self.hub.remember(self);
        }
        Found::Nothing
    }

    /// What follows from a change.
    pub(super) fn follow_up(self: &Arc<Self>, state: &mut State, now: Instant) -> Follow {
        let mut follow = Follow::default();
        let (is_alone, has_gone) = (self.id.is_none(), state.has_gone());
        while let Some(event) = state.http.poll_event() {
            match event {
                Event::Job(_) if has_gone => {}
                Event::Job(job) if is_alone && job.is_async() => state.futures.push(job),
                Event::Job(job) if job.is_async() => {
                    let abort = Arc::<Abort>::default();
                    state.detached.push((job.id(), Arc::clone(&abort)));
                    follow.futures.push((job, abort));
                }
                Event::Job(job) => follow.jobs.push(job),
                Event::Task(step) => follow.steps.push(*step),
                Event::Cancelled(job) => {
                    let at = state.detached.iter().position(|(id, _)| *id == job);
                    let of_job = at.map(|at| state.detached.swap_remove(at).1);
                    follow.aborted.extend(of_job);
                }
                Event::Session(_) => {}
            }
        }
        while let Some(exchange) = state.http.poll_ready() {
            let waiting = state.waiting.iter().position(|(id, _)| *id == exchange);
            if let Some(at) = waiting {
                follow.wake.push(state.waiting.swap_remove(at).1);
            }
        }
        if let Some(id) = self.id.as_ref().filter(|_| !has_gone) {
            follow.wish = state.wish();
            let status = Some(state.http.status());
            if state.noted != status {
                state.noted = status;
                self.hub.note(now, id, state.http.status());
            }
            self.arm(state);
        }
        follow
    }

    /// Has the time told when it changes something.
    fn arm(self: &Arc<Self>, state: &mut State) {
        let Some(at) = state.http.poll_timeout() else {
            return;
        };
        if state.alarm.is_some_and(|alarm| alarm.at <= at) {
            return;
        }
        if let Some(later) = state.alarm.take() {
            self.hub.alarms.unset(later);
        }
        let cell: Weak<Self> = Arc::downgrade(self);
        state.alarm = Some(self.hub.alarms.set(at, cell));
    }
}

impl Member for Cell {
    fn number(&self) -> u64 {
        self.number
    }

    fn listens(&self) -> bool {
        self.listens
    }

    fn changed(self: &Arc<Self>, change: Change, uri: &str, position: Option<u64>) {
        let mut state = self.lock();
        if state.is_behind(position) {
            return;
        }
        let now = self.hub.now();
        state.tell(now, change, uri, position);
        let follow = self.follow_up(&mut state, now);
        drop(state);
        follow.carry_out(self);
    }

    fn note(self: &Arc<Self>) {
        self.lock().noted = None;
        self.with(|_, _| ());
    }

    fn drain(self: &Arc<Self>) {
        self.with(|http, now| http.drain(now));
    }

    /// A session that is kept in the store isn't over when its instance is.
    fn close(self: &Arc<Self>) {
        let mut state = self.lock();
        let now = self.hub.now();
        if state.stored.is_some() && self.hub.stage() == Stage::Over {
            state.let_go(now);
        } else {
            state.http.close(now);
        }
        let has_gone = state.has_gone();
        let follow = self.follow_up(&mut state, now);
        drop(state);
        follow.carry_out(self);
        if let Some(id) = self.id.as_ref().filter(|_| has_gone) {
            self.hub.take_out(id, self);
        }
    }
}

impl Starter for Arc<Cell> {
    fn ended(&self, job: JobId) {
        self.lock().detached.retain(|(id, _)| *id != job);
    }
}

impl ServiceAccess for Arc<Cell> {
    fn with_service<R>(&self, act: impl FnOnce(&mut Service, Instant) -> R) -> R {
        self.with(|http, now| {
            let result = act(http.session(), now);
            http.pump(now);
            result
        })
    }
}

impl Ring for Cell {
    fn ring(self: Arc<Self>) {
        let mut state = self.lock();
        state.alarm = None;
        let now = self.hub.now();
        if state.http.poll_timeout().is_some_and(|due| due <= now) {
            state.http.handle_timeout(now);
        }
        let follow = self.follow_up(&mut state, now);
        self.arm(&mut state);
        drop(state);
        follow.carry_out(&self);
    }
}

impl Drop for Cell {
    fn drop(&mut self) {
        let state = self.state.get_mut();
        let state = state.unwrap_or_else(PoisonError::into_inner);
        if let Some(alarm) = state.alarm.take() {
            self.hub.alarms.unset(alarm);
        }
        if state.is_known {
            self.hub.forget(self.number);
        }
    }
}

impl Follow {
    pub(super) fn carry_out(mut self, cell: &Arc<Cell>) {
        let keeper = cell.hub.shared.as_ref().and_then(|shared| shared.keeper());
        if let (Some(keeper), Some(wish), Some(id)) = (keeper, self.wish, &cell.id) {
            match wish {
                Wish::Park => keeper.park(id),
                Wish::Forget(version) => keeper.forget(id, version),
            }
        }
        for waker in self.wake.drain(..) {
            waker.wake();
        }
        for abort in self.aborted.drain(..) {
            abort.abort();
        }
        let hub = &cell.hub;
        for step in self.steps.drain(..) {
            run_task(&OnHub(Arc::downgrade(hub)), step);
        }
        for job in self.jobs.drain(..) {
            hub.pool.run(pool_job(Arc::clone(cell), job, || {}));
        }
        for (job, abort) in self.futures.drain(..) {
            let future = Detached::start(cell, job, abort);
            match &hub.spawn {
                Some(spawn) => spawn(future),
                // Nobody has said where futures run.
                None => hub
                    .pool
                    .run(pool::Job::new(move || block_on(future), |_| {})),
            }
        }
    }
}

/// Where tasks run, whose exchange is over.
#[derive(Clone)]
struct OnHub(Weak<Hub>);

impl RunsTasks for OnHub {
    fn run(&self, job: pool::Job) {
        if let Some(hub) = self.0.upgrade() {
            hub.pool.run(job);
        }
    }

    fn spawn(&self, future: StepFuture) {
        let Some(hub) = self.0.upgrade() else {
            return;
        };
        match &hub.spawn {
            Some(spawn) => spawn(future),
            None => hub
                .pool
                .run(pool::Job::new(move || block_on(future), |_| {})),
        }
    }
}
