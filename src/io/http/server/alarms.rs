//! Time for sessions over HTTP: one thread that rings when a deadline has come, so that no runtime is
//! asked for a timer.
//!
//! Rules of this file: the thread is started with the first deadline and ends with its service; who
//! rings is kept by nothing here; nobody rings while the list is locked; a deadline that is taken
//! back leaves the thread asleep, as waking early costs one look and being woken costs more.

use alloc::collections::BTreeMap;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::future::poll_fn;
use core::task::{Context, Poll, Waker};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::super::super::Clock;
use super::super::super::shared::sleep_time;
use super::super::super::thread::spawn;
use crate::time::Instant;

/// How many ring before the list is looked at again.
const BATCH: usize = 64;

/// What has a deadline.
pub(super) trait Ring: Send + Sync {
    /// The deadline has come.
    fn ring(self: Arc<Self>);
}

/// The deadlines of one service.
pub(super) struct Alarms {
    clock: Clock,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    due: BTreeMap<(Instant, u64), Weak<dyn Ring>>,
    next: u64,
    /// Until when the thread sleeps; `None` until it is woken.
    asleep_until: Option<Instant>,
    has_thread: bool,
    is_over: bool,
}

/// A deadline that can be taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Alarm {
    pub(super) at: Instant,
    number: u64,
}

impl Alarms {
    pub(super) fn new(clock: Clock) -> Arc<Self> {
        Arc::new(Self {
            clock,
            state: Mutex::default(),
            changed: Condvar::new(),
        })
    }

    pub(super) fn now(&self) -> Instant {
        self.clock.now()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has `who` rung at this time.
    pub(super) fn set(self: &Arc<Self>, at: Instant, who: Weak<dyn Ring>) -> Alarm {
        let mut state = self.lock();
        let number = state.next;
        state.next += 1;
        state.due.insert((at, number), who);
        if !state.has_thread && !state.is_over {
            let alarms = Arc::clone(self);
            // Without a thread the next deadline tries again.
            state.has_thread = spawn("mcp clock", move || alarms.run()).is_ok();
        } else if state.asleep_until.is_none_or(|until| at < until) {
            self.changed.notify_one();
        }
        Alarm { at, number }
    }

    pub(super) fn unset(&self, alarm: Alarm) {
        let mut state = self.lock();
        state.due.remove(&(alarm.at, alarm.number));
    }

    /// Waits until this time.
    pub(super) async fn sleep_until(self: &Arc<Self>, at: Instant) {
        let sleeper = Arc::new(Sleeper::default());
        let _armed = Armed {
            alarm: self.set(at, Arc::downgrade(&sleeper) as Weak<dyn Ring>),
            alarms: self,
        };
        poll_fn(|cx| sleeper.poll(cx)).await;
    }

    pub(super) fn stop(&self) {
        let mut state = self.lock();
        state.is_over = true;
        let forgotten = core::mem::take(&mut state.due);
        self.changed.notify_one();
        drop(state);
        drop(forgotten);
    }

    fn run(&self) {
        let mut rings: Vec<Arc<dyn Ring>> = Vec::new();
        let mut state = self.lock();
        while !state.is_over {
            let now = self.clock.now();
            while rings.len() < BATCH
                && let Some(first) = state.due.first_entry()
                && first.key().0 <= now
            {
                rings.extend(first.remove().upgrade());
            }
            if !rings.is_empty() {
                drop(state);
                rings.drain(..).for_each(Ring::ring);
                state = self.lock();
                continue;
            }
            let next = state.due.first_key_value().map(|((at, _), _)| *at);
            state.asleep_until = next;
            state = match next {
                Some(at) => {
                    let time = sleep_time(at, now);
                    let waited = self.changed.wait_timeout(state, time);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
                None => {
                    let waited = self.changed.wait(state);
                    waited.unwrap_or_else(PoisonError::into_inner)
                }
            };
        }
    }
}

/// Takes its deadline back when it is dropped.
struct Armed<'a> {
    alarm: Alarm,
    alarms: &'a Alarms,
}

impl Drop for Armed<'_> {
    fn drop(&mut self) {
        self.alarms.unset(self.alarm);
    }
}

/// A task that waits for the time.
#[derive(Default)]
struct Sleeper(Mutex<(bool, Option<Waker>)>);

impl Sleeper {
    fn lock(&self) -> MutexGuard<'_, (bool, Option<Waker>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn poll(&self, cx: &Context<'_>) -> Poll<()> {
        let mut state = self.lock();
        if state.0 {
            return Poll::Ready(());
        }
        state.1 = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl Ring for Sleeper {
    fn ring(self: Arc<Self>) {
        let mut state = self.lock();
        state.0 = true;
        let waker = state.1.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}
