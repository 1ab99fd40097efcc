//! A blocking connection on a thread of its own, driven from tasks of any runtime.
//!
//! Rules of this file: the thread asks for an event only while a task waits for one, so that the end
//! of the input and the deadlines are the same as for whoever blocks; an event that a dropped future
//! has asked for is kept for the next; whoever drops it has the thread end what it drives.

use alloc::string::String;
use alloc::sync::Arc;
use core::fmt;
use core::future::poll_fn;
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use std::io;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::super::Handle;
use super::super::blocking::Drive as Blocking;
use super::super::thread::spawn;
use super::Drive;
use crate::session::Session;

/// A blocking connection that a thread of its own drives, for tasks of any runtime.
///
/// Timeouts are driven while [`next`](Self::next) is awaited. Dropping it closes the session and
/// ends the connection on that thread.
pub struct Threaded<S: Session> {
    handle: Handle<S>,
    desk: Arc<Desk<S::Event>>,
}

/// Where the tasks and the thread meet.
struct Desk<E> {
    state: Mutex<State<E>>,
    changed: Condvar,
}

struct State<E> {
    /// Whether a task waits for an event that the thread hasn't asked for yet.
    is_wanted: bool,
    /// Whether no more events are wanted.
    is_leaving: bool,
    next: Option<io::Result<Option<E>>>,
    end: Option<io::Result<()>>,
    /// What stands behind the connection, from its last event on.
    peer: Option<String>,
    waker: Option<Waker>,
}

impl<S: Session> Threaded<S> {
    /// Drives `connection` on a thread of its own. Returns an error if there is no thread for it.
    pub fn new<C>(connection: C) -> io::Result<Self>
    where
        C: Blocking<Session = S> + Send + 'static,
        S::Event: Send + 'static,
    {
        let handle = connection.handle();
        let desk = Arc::new(Desk {
            state: Mutex::new(State {
                is_wanted: false,
                is_leaving: false,
                next: None,
                end: None,
                peer: None,
                waker: None,
            }),
            changed: Condvar::new(),
        });
        let for_thread = Arc::clone(&desk);
        spawn("mcp driver", move || for_thread.run(connection))?;
        Ok(Self { handle, desk })
    }

    /// Waits for the next event; `None` once the session is closed and all its events were given.
    ///
    /// Cancel safe: a future that is dropped before it is ready loses nothing. Returns an error at
    /// most once, as the blocking connection does.
    pub async fn next(&mut self) -> io::Result<Option<S::Event>> {
        poll_fn(|cx| self.poll_event(cx)).await
    }

    /// Returns a handle for other tasks and threads.
    pub fn handle(&self) -> Handle<S> {
        self.handle.clone()
    }

    /// Ends what stands behind the connection and waits for it. See [`Drive::poll_end`].
    pub async fn end(mut self) -> io::Result<()> {
        poll_fn(|cx| self.poll_end(cx)).await
    }
}

impl<S: Session> Drive for Threaded<S> {
    type Session = S;

    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<S::Event>>> {
        let mut state = self.desk.lock();
        if let Some(next) = state.next.take() {
            state.is_wanted = false;
            return Poll::Ready(next);
        }
        if state.end.is_some() {
            return Poll::Ready(Ok(None));
        }
        state.waker = Some(cx.waker().clone());
        state.is_wanted = true;
        self.desk.changed.notify_one();
        Poll::Pending
    }

    fn handle(&self) -> Handle<S> {
        self.handle.clone()
    }

    /// Does nothing: when the input ends, the session closes with its last event.
    fn hold(&mut self, _: Option<Duration>) {}

    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut state = self.desk.lock();
        if let Some(end) = &mut state.end {
            return Poll::Ready(core::mem::replace(end, Ok(())));
        }
        state.waker = Some(cx.waker().clone());
        let is_leaving = core::mem::replace(&mut state.is_leaving, true);
        drop(state);
        if !is_leaving {
            self.leave();
        }
        Poll::Pending
    }

    fn describe_peer(&mut self) -> Option<String> {
        self.desk.lock().peer.take()
    }
}

impl<S: Session> Threaded<S> {
    /// Has the thread stop asking for events and end the connection.
    fn leave(&self) {
        self.handle.shared.stop();
        self.desk.changed.notify_one();
    }
}

impl<S: Session> Drop for Threaded<S> {
    fn drop(&mut self) {
        self.desk.lock().is_leaving = true;
        self.leave();
    }
}

impl<E> Desk<E> {
    fn lock(&self) -> MutexGuard<'_, State<E>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the thread does.
    fn run<C: Blocking<Session: Session<Event = E>>>(&self, connection: C) {
        // Says that all has ended even when the connection's code panics.
        let mut ending = Ending {
            desk: self,
            end: Err(io::Error::other("the connection has panicked")),
        };
        let mut connection = connection;
        while self.is_asked() {
            let next = connection.next_event();
            let is_last = !matches!(next, Ok(Some(_)));
            let peer = if is_last {
                connection.describe_peer()
            } else {
                None
            };
            self.change(|state| {
                state.next = Some(next);
                state.peer = peer;
            });
        }
        ending.end = connection.end();
        drop(connection);
    }

    /// Waits until an event is wanted; `false` when none ever will be.
    fn is_asked(&self) -> bool {
        let idle =
            |state: &mut State<E>| !(state.is_leaving || state.is_wanted && state.next.is_none());
        let waited = self.changed.wait_while(self.lock(), idle);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner);
        state.is_wanted = false;
        !state.is_leaving
    }

    fn change(&self, act: impl FnOnce(&mut State<E>)) {
        let mut state = self.lock();
        act(&mut state);
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// Says that the connection has ended.
struct Ending<'a, E> {
    desk: &'a Desk<E>,
    end: io::Result<()>,
}

impl<E> Drop for Ending<'_, E> {
    fn drop(&mut self) {
        let end = core::mem::replace(&mut self.end, Ok(()));
        self.desk.change(|state| state.end = Some(end));
    }
}

impl<S: Session> fmt::Debug for Threaded<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Threaded").finish_non_exhaustive()
    }
}
