//! The driver's side of a client's connection: making it when somebody wants it, what its events
//! lead to, and who is told what when it ends.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::future::poll_fn;
use core::mem;
use core::pin::pin;
use core::task::{Context, Poll, Waker};
use std::io;
use std::sync::Arc;

use super::super::blocking::pool::Job;
use super::{Handle, Hub, Phase, ServerIdentity, Slot, State};
use crate::client::driver::{ClientAccess, Run, react};
use crate::client::{Client, ClientError, Event, Output};
use crate::model::owned::IntoOwned;
use crate::session::{ClientEvent, CloseReason, Delivery, EraPolicy};
use crate::trace;

/// What is added when a server was started again without the probe, and failed all the same.
const TWICE: &str = "\n(connected twice: some older servers end when they are asked for their era)";

/// The outcome of connecting.
pub(in crate::io) enum Connecting<C> {
    Done(io::Result<C>),
    /// Nobody wants the connection any more.
    GivenUp,
}

/// How a connection has ended, as its adapter knows it.
#[derive(Default)]
pub(in crate::io) struct End {
    /// What has failed.
    pub(in crate::io) error: Option<io::Error>,
    /// What stands behind the connection, and what it last said.
    pub(in crate::io) peer: Option<String>,
}

impl End {
    /// The end of a connection that could not be made.
    pub(in crate::io) fn failed(error: io::Error) -> Self {
        Self {
            error: Some(error),
            peer: None,
        }
    }

    /// The end of one whose code has panicked.
    pub(in crate::io) fn panicked(what: &str, message: &str) -> Self {
        Self::failed(io::Error::other(format!("{what} panicked: {message}")))
    }
}

impl Hub {
    /// Waits until a connection is wanted; gives the client for it. `None` when all handles are
    /// gone.
    pub(in crate::io) async fn wanted(&self) -> Option<(u64, Client)> {
        poll_fn(|cx| self.poll_wanted(cx)).await
    }

    fn poll_wanted(&self, cx: &Context<'_>) -> Poll<Option<(u64, Client)>> {
        let mut state = self.lock();
        if state.handles == 0 {
            return Poll::Ready(None);
        }
        if let Some(begun) = self.begin(&mut state) {
            return Poll::Ready(Some(begun));
        }
        state.driver = Some(cx.waker().clone());
        Poll::Pending
    }

    /// The client for a connection, if one is wanted.
    pub(in crate::io) fn next_client(&self) -> Option<(u64, Client)> {
        self.begin(&mut self.lock())
    }

    /// The connection's generation and its client.
    fn begin(&self, state: &mut State) -> Option<(u64, Client)> {
        if !matches!(state.phase, Phase::Wanted) {
            return None;
        }
        state.phase = Phase::Opening(None);
        state.is_driven = true;
        state.generation += 1;
        trace::connecting(state.about.is_some());
        let mut options = self.options.clone();
        if let (EraPolicy::Auto, Some(era)) = (options.era, state.era) {
            options.era = era;
        }
        let lane = Arc::clone(&self.lane);
        options.wrap_frame_tap(|tap| {
            Arc::new(move |direction, frame: &[u8]| {
                let (tap, frame) = (Arc::clone(&tap), Box::<[u8]>::from(frame));
                lane.push(frame.len(), Box::new(move || tap(direction, &frame)));
            })
        });
        Some((state.generation, Client::new(options)))
    }

    /// Waits for `connecting`, for as long as somebody wants its connection, and not for ever.
    pub(in crate::io) async fn connecting<C>(
        &self,
        connecting: impl Future<Output = io::Result<C>>,
    ) -> Connecting<C> {
        let mut connecting = pin!(connecting);
        let mut late = None;
        poll_fn(|cx| {
            if let Poll::Ready(connected) = connecting.as_mut().poll(cx) {
                return Poll::Ready(Connecting::Done(connected));
            }
            let mut state = self.lock();
            if state.handles == 0 || !matches!(state.phase, Phase::Opening(None)) {
                return Poll::Ready(Connecting::GivenUp);
            }
            state.driver = Some(cx.waker().clone());
            drop(state);
            let late = late.get_or_insert_with(|| (self.sleep)(self.options.connect_timeout));
            late.as_mut()
                .poll(cx)
                .map(|()| Connecting::Done(Err(self.too_late())))
        })
        .await
    }

    fn too_late(&self) -> io::Error {
        let time = self.options.connect_timeout;
        io::Error::new(
            io::ErrorKind::TimedOut,
            format!("no connection within {time:?}"),
        )
    }

    /// Whether the connection of that generation is still the present one.
    pub(in crate::io) fn is_current(&self, generation: u64) -> bool {
        self.lock().generation == generation
    }

    /// A thread has been connecting for too long: whoever waits for it waits no more.
    pub(in crate::io) fn connect_timed_out(self: &Arc<Self>, generation: u64) {
        let mut state = self.lock();
        let is_connecting = matches!(state.phase, Phase::Opening(None));
        if state.generation != generation || !is_connecting {
            return;
        }
        state.renounce();
        state.phase = Phase::Idle;
        let acquiring = mem::take(&mut state.acquiring);
        drop(state);
        let error = ClientError::Connection(self.too_late().to_string().into());
        for slot in acquiring {
            slot.put(Err(error.clone()));
        }
    }

    /// The connection has been made: opens the session, unless nobody wants it any more.
    pub(in crate::io) fn connected(&self, handle: &Handle<Client>, generation: u64) {
        let mut state = self.lock();
        let is_opening = matches!(state.phase, Phase::Opening(_));
        let is_wanted = is_opening && state.generation == generation;
        if is_wanted {
            state.phase = Phase::Opening(Some(handle.clone()));
        }
        drop(state);
        let opened = handle.with(|client, now| match is_wanted {
            true => client.open(now).inspect_err(|_| client.close(now)),
            false => {
                client.close(now);
                Ok(())
            }
        });
        // A configuration that can't be opened is told of when the session ends.
        if let Err(misuse) = opened {
            self.lock().failure = Some(misuse.into());
        }
    }

    /// Takes an event. No function of the user's runs in here.
    pub(in crate::io) fn take(&self, handle: &Handle<Client>, event: Event) {
        match event {
            Event::Opened => self.opened(handle),
            Event::OpeningFailed(error) => self.opening_failed(error),
            Event::Finished { operation, outcome } => {
                if self.waits_for_cause(handle, &outcome) {
                    return;
                }
                let mut state = self.lock();
                let waiter = state.waiters.get_mut(operation.number());
                let waker = waiter.and_then(|waiter| waiter.put(outcome));
                drop(state);
                if let Some(waker) = waker {
                    waker.wake();
                }
            }
            Event::Progress {
                progress, handler, ..
            // It is the lease's, which only passes it on.
            } => handler(*progress),
            Event::Session(event) => {
                if let ClientEvent::Closed(reason) = &*event {
                    self.closed(reason);
                }
                let held = event.held();
                let client = handle.clone();
                let access = ClientAccess::new(move |act| client.with(|it, now| act(it, now)));
                match react(&self.options, *event, &access) {
                    Some(Run::Inline(run)) => self.lane.push(held, run),
                    // What a panic leaves unanswered is answered as its right to answer is dropped.
                    Some(Run::Background(run)) => self.pool.run(Job::new(run, |_| {})),
                    None => {}
                }
            }
        }
    }

    /// Whether an operation was lost with a connection that nobody here has ended: its outcome is
    /// told when the connection is gone, and with it what the adapter knows of the cause.
    fn waits_for_cause(
        &self,
        handle: &Handle<Client>,
        outcome: &Result<Output, ClientError>,
    ) -> bool {
        let is_lost = matches!(outcome, Err(ClientError::Lost(Delivery::Unknown)));
        is_lost
            && !handle.with(|client, _| client.is_open())
            && matches!(self.lock().phase, Phase::Open(_) | Phase::Lost(_))
    }

    fn opened(&self, handle: &Handle<Client>) {
        let (about, era) = handle.with(|client, _| {
            let session = client.session();
            let about = ServerIdentity {
                info: session.server_info().map(IntoOwned::into_owned),
                capabilities: session.server_capabilities().map(IntoOwned::into_owned),
                instructions: session.instructions().map(|text| text.as_str().to_string()),
                revision: session.revision(),
            };
            (Arc::new(about), session.remembered_era())
        });
        let mut state = self.lock();
        state.was_probed = false;
        state.about = Some(about);
        state.era = era;
        if !matches!(state.phase, Phase::Opening(_)) {
            return;
        }
        let past = mem::replace(&mut state.phase, Phase::Open(handle.clone()));
        let acquiring = mem::take(&mut state.acquiring);
        drop(state);
        drop(past);
        for slot in acquiring {
            slot.put(Ok(handle.clone()));
        }
    }

    fn opening_failed(&self, error: ClientError) {
        let mut state = self.lock();
        if !matches!(state.phase, Phase::Opening(_)) {
            return;
        }
        let past = mem::replace(&mut state.phase, Phase::Closing);
        if state.failure.is_some() {
            drop(state);
            return drop(past);
        }
        match error {
            // Some legacy servers exit on the probe: the next connection doesn't ask.
            ClientError::Opening(CloseReason::LostInProbe(_))
                if state.era != Some(EraPolicy::Legacy) =>
            {
                state.era = Some(EraPolicy::Legacy);
                state.was_probed = true;
            }
            ClientError::Opening(CloseReason::Connection(_)) => state.failure = Some(error),
            error => {
                // What was found out before may not hold for the server that is there now. What the
                // adapter knows of the cause is known when the connection has ended.
                state.era = None;
                state.failure = Some(error);
            }
        }
        drop(state);
        drop(past);
    }

    /// The session has ended.
    fn closed(&self, reason: &CloseReason) {
        let mut state = self.lock();
        let mut past = Phase::Idle;
        if matches!(state.phase, Phase::Open(_) | Phase::Lost(_)) {
            let phase = match state.users {
                0 => Phase::Closing,
                _ => Phase::Lost(ClientError::Closed(reason.clone())),
            };
            past = mem::replace(&mut state.phase, phase);
        }
        drop(state);
        drop(past);
    }

    /// The connection has ended, or could not be made, and is gone.
    pub(in crate::io) fn ended(self: &Arc<Self>, generation: u64, end: End) {
        let mut state = self.lock();
        if state.generation != generation {
            return;
        }
        state.is_driven = false;
        let cause = end.error.map(|error| error.to_string());
        let mut account = cause.clone().or(end.peer);
        let failure = state.failure.take();
        // What such a server did, it did twice.
        if failure.is_some() && mem::take(&mut state.was_probed) {
            account = account.map(|account| format!("{account}{TWICE}"));
        }
        let mut reason = failure.map(|failure| with_cause(failure, account.as_deref()));
        let mut failed = Vec::new();
        let mut past = Phase::Idle;
        state.phase = match mem::replace(&mut state.phase, Phase::Idle) {
            Phase::Lost(error) => {
                let error = with_cause(error, account.as_deref());
                if self.is_lost_for_good() {
                    failed = mem::take(&mut state.acquiring);
                    reason = Some(error.clone());
                }
                Phase::Lost(error)
            }
            phase => {
                if matches!(phase, Phase::Wanted | Phase::Opening(_)) || reason.is_some() {
                    failed = mem::take(&mut state.acquiring);
                }
                past = phase;
                Phase::Idle
            }
        };
        let lost = lost_with(account);
        let wakers = state.end_waiters(&lost);
        let leaving = mem::take(&mut state.leaving);
        // Who came while the last connection was ending gets one of their own.
        match state.acquiring.is_empty() {
            false => self.want(state),
            true => drop(state),
        }
        drop(past);
        let lost = || with_cause(ClientError::Lost(Delivery::NotSent), cause.as_deref());
        let reason = reason.unwrap_or_else(lost);
        for slot in failed {
            slot.put(Err(reason.clone()));
        }
        finish(wakers, leaving);
    }

    /// The driver is gone and no other will come: nobody may wait for it.
    pub(in crate::io) fn abandoned(&self) {
        let mut state = self.lock();
        state.has_driver = false;
        let past = mem::replace(&mut state.phase, Phase::Idle);
        let acquiring = mem::take(&mut state.acquiring);
        let wakers = state.end_waiters(&lost_with(None));
        let leaving = mem::take(&mut state.leaving);
        drop(state);
        drop(past);
        for slot in acquiring {
            slot.put(Err(ClientError::NoDriver));
        }
        finish(wakers, leaving);
    }
}

/// An error, and what the adapter knows of its cause.
fn with_cause(error: ClientError, cause: Option<&str>) -> ClientError {
    match (error, cause) {
        (error, None) => error,
        (ClientError::Lost(_), Some(cause)) => ClientError::Connection(cause.into()),
        (error, Some(cause)) => ClientError::Peer {
            error: Box::new(error),
            peer: cause.into(),
        },
    }
}

/// What an operation ends with whose connection is gone, with what is known of its end.
fn lost_with(account: Option<String>) -> ClientError {
    let lost = ClientError::Lost(Delivery::Unknown);
    match account {
        Some(account) => ClientError::Peer {
            error: Box::new(lost),
            peer: account.into(),
        },
        None => lost,
    }
}

/// Tells everybody who still waits for a connection that is gone.
fn finish(wakers: Vec<Waker>, leaving: Vec<Arc<Slot<()>>>) {
    for waker in wakers {
        waker.wake();
    }
    for slot in leaving {
        slot.put(());
    }
}
