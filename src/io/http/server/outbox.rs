//! What an instance tells the others: messages on their way to the log.
//!
//! Rules of this file: messages go out in the order in which they were told, and whoever waits for one
//! stops waiting after a time; what can't be published is told to the clients of this instance alone,
//! once; and before anything else is published after that, the others are told that anything may have
//! changed.

use alloc::boxed::Box;
use alloc::sync::{Arc, Weak};
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use super::super::super::block_on::block_on;
use super::alarms::{Alarm, Ring};
use super::record::{Message, What};
use super::shared::{Outbox, Shared};
use super::store::{Fanout, StoreError};
use crate::session::Change;

/// How many messages may wait for the log.
const MOST: usize = 65_536;
/// How long to wait before a message is told once more, each time.
const AGAIN: [Duration; 2] = [Duration::from_millis(50), Duration::from_millis(250)];

/// What is told.
enum News {
    Changed(Change, Box<str>),
    Wanted(Box<str>),
}

/// A message on its way.
struct Letter {
    shared: Weak<Shared>,
    news: News,
    state: Mutex<State>,
}

struct State {
    /// Its number, once it has one: it may stand in the log from then on.
    number: Option<u64>,
    is_settled: bool,
    /// When nobody waits for it any longer.
    alarm: Option<Alarm>,
}

impl Shared {
    fn lock_outbox(&self) -> MutexGuard<'_, Outbox> {
        self.outbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells all instances, this one included, of a change.
    pub(super) fn announce(self: &Arc<Self>, change: Change, uri: &str) {
        if !self.send(News::Changed(change, uri.into()))
            && let Some(keeper) = self.keeper()
        {
            // The others can't be told, but that is no reason that nobody is.
            keeper.tell(change, uri);
        }
    }

    /// Asks for a session that another instance drives.
    pub(super) fn ask_for(self: &Arc<Self>, id: &str) {
        self.send(News::Wanted(id.into()));
    }

    /// Has a message published. Returns whether it is tried.
    fn send(self: &Arc<Self>, news: News) -> bool {
        let Some(fanout) = self.fanout() else {
            return false;
        };
        let mut outbox = self.lock_outbox();
        if outbox.queued >= MOST {
            outbox.missed += 1;
            return false;
        }
        outbox.queued += 1;
        outbox.told += 1;
        drop(outbox);
        let letter = Arc::new(Letter {
            shared: Arc::downgrade(self),
            news,
            state: Mutex::new(State {
                number: None,
                is_settled: false,
                alarm: None,
            }),
        });
        let weak: Weak<Letter> = Arc::downgrade(&letter);
        let until = self.alarms.now() + self.machines.timeout;
        letter.lock().alarm = Some(self.alarms.set(until, weak));
        let sent = Arc::clone(&letter);
        let job = move || letter.go_out(&*fanout);
        let done = move |result: Result<(), StoreError>| sent.has_gone_out(result.is_ok());
        self.publisher.run(self.job(&Arc::default(), job, done));
        true
    }

    /// Tells the others that anything may have changed, if they have missed something and nothing else
    /// is on its way that would see to it.
    pub(super) fn make_up_later(self: &Arc<Self>) {
        let mut outbox = self.lock_outbox();
        let is_due = outbox.missed > outbox.made_up && outbox.queued == 0;
        let Some(fanout) = self.fanout().filter(|_| is_due) else {
            return;
        };
        outbox.queued += 1;
        drop(outbox);
        let shared = Arc::downgrade(self);
        let job = move || {
            let Some(shared) = shared.upgrade() else {
                return Ok(());
            };
            shared.lock_outbox().queued -= 1;
            shared.make_up(&*fanout)
        };
        self.publisher.run(self.job(&Arc::default(), job, drop));
    }

    /// Tells the others that anything may have changed, if they have missed something.
    fn make_up(&self, fanout: &dyn Fanout) -> Result<(), StoreError> {
        let (missed, number) = {
            let mut outbox = self.lock_outbox();
            if outbox.missed == outbox.made_up {
                return Ok(());
            }
            (outbox.missed, next(&mut outbox))
        };
        let message = Message::new(&self.name, number, What::Anything).write();
        block_on(fanout.publish(message))?;
        self.lock_outbox().made_up = missed;
        Ok(())
    }

    /// How much was told so far.
    pub(super) fn told(&self) -> u64 {
        self.lock_outbox().told
    }

    /// Waits until so much has been published, or was given up on.
    pub(super) fn poll_settled(&self, cx: &Context<'_>, number: u64) -> Poll<()> {
        let mut outbox = self.lock_outbox();
        if outbox.settled >= number {
            return Poll::Ready(());
        }
        let is_known = outbox.wakers.iter().any(|one| one.will_wake(cx.waker()));
        if !is_known {
            outbox.wakers.push(cx.waker().clone());
        }
        Poll::Pending
    }
}

/// Returns the number of the next message.
fn next(outbox: &mut Outbox) -> u64 {
    outbox.number += 1;
    outbox.number
}

impl Letter {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Its turn has come.
    fn go_out(&self, fanout: &dyn Fanout) -> Result<(), StoreError> {
        let Some(shared) = self.shared.upgrade() else {
            return Ok(());
        };
        shared.lock_outbox().queued -= 1;
        shared.make_up(fanout)?;
        match self.number(&shared) {
            Some(number) => self.publish(fanout, &shared.name, number),
            None => Err(StoreError::new("the log takes too long")),
        }
    }

    /// It was published, or can't be.
    fn has_gone_out(&self, is_published: bool) {
        if let News::Changed(..) = self.news
            && !is_published
            && let Some(shared) = self.shared.upgrade()
        {
            shared.lock_outbox().missed += 1;
        }
        self.settle(is_published);
    }

    /// Numbers it, where only one thread is, so that messages go out in order. `None` if nobody waits
    /// for it any more.
    fn number(&self, shared: &Shared) -> Option<u64> {
        let mut state = self.lock();
        if !state.is_settled {
            state.number = Some(next(&mut shared.lock_outbox()));
        }
        state.number
    }

    fn publish(&self, fanout: &dyn Fanout, name: &str, number: u64) -> Result<(), StoreError> {
        let what = match &self.news {
            News::Changed(change, uri) => What::changed(*change, uri),
            News::Wanted(id) => What::Wanted((&**id).into()),
        };
        let message = Message::new(name, number, what).write();
        let mut again = AGAIN.iter();
        loop {
            let published = block_on(fanout.publish(message.clone()));
            match (published, again.next()) {
                (Ok(()), _) => return Ok(()),
                (Err(error), None) => return Err(error),
                (Err(_), Some(pause)) => thread::sleep(*pause),
            }
        }
    }

    /// It was published, or is given up on. Only the first time counts.
    fn settle(&self, is_published: bool) {
        let mut state = self.lock();
        if core::mem::replace(&mut state.is_settled, true) {
            return;
        }
        let (number, alarm) = (state.number, state.alarm.take());
        drop(state);
        let Some(shared) = self.shared.upgrade() else {
            return;
        };
        if let Some(alarm) = alarm {
            shared.alarms.unset(alarm);
        }
        let is_alone = !is_published && number.is_none_or(|number| shared.tells_alone(number));
        if let News::Changed(change, uri) = &self.news
            && is_alone
            && let Some(keeper) = shared.keeper()
        {
            keeper.tell(*change, uri);
        }
        let mut outbox = shared.lock_outbox();
        outbox.settled += 1;
        let wakers = core::mem::take(&mut outbox.wakers);
        drop(outbox);
        wakers.into_iter().for_each(Waker::wake);
    }
}

impl Ring for Letter {
    fn ring(self: Arc<Self>) {
        self.settle(false);
    }
}
