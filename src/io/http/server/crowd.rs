//! Which connections have nothing to do. When there is no room for another one, the one that has had
//! nothing to do for longest is closed, so that those who only connect lock nobody out.
//!
//! Rules of this file: a connection is busy from the end of a request's body to the end of its
//! response, and idle otherwise, however much of a head or a body has come; one whose response has just
//! ended may still have to write it.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use core::pin::Pin;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use core::task::{Context, Poll, ready};
use std::sync::{Mutex, MutexGuard, PoisonError};

use http_body::{Body, Frame, SizeHint};
use tokio::sync::Notify;

/// What `idle_since` says of a connection that isn't, or has been told to leave.
const BUSY: u64 = u64::MAX;

/// The connections of a server.
#[derive(Default)]
pub(super) struct Crowd {
    seats: Mutex<BTreeMap<u64, Arc<Seat>>>,
    ticks: AtomicU64,
    /// Whether the next one that has nothing to do any more is to leave.
    is_full: AtomicBool,
}

/// One connection among them.
pub(super) struct Seat {
    number: u64,
    crowd: Arc<Crowd>,
    idle_since: AtomicU64,
    leave: Notify,
    /// Told instead if a response is still to be written.
    finish: Notify,
    is_finishing: AtomicBool,
}

/// Keeps a seat for as long as its connection lasts.
pub(super) struct Place(Arc<Seat>);

impl Crowd {
    /// Takes a connection in, which is idle.
    pub(super) fn enter(self: &Arc<Self>) -> Place {
        let number = self.tick();
        let seat = Arc::new(Seat {
            number,
            crowd: Arc::clone(self),
            idle_since: AtomicU64::new(number),
            leave: Notify::new(),
            finish: Notify::new(),
            is_finishing: AtomicBool::new(false),
        });
        self.seats().insert(number, Arc::clone(&seat));
        Place(seat)
    }

    /// Tells the connection that has been idle for longest to leave; if all are busy, the first one
    /// that isn't any more.
    pub(super) fn make_room(&self) {
        self.is_full.store(true, Ordering::SeqCst);
        let seats = self.seats();
        let idle = seats.values().map(|seat| (seat.since(), seat));
        if let Some((since, seat)) = idle.min_by_key(|(since, _)| *since)
            && since != BUSY
        {
            self.is_full.store(false, Ordering::SeqCst);
            seat.idle_since.store(BUSY, Ordering::SeqCst);
            seat.leave.notify_one();
        }
    }

    /// Says that there is room again.
    pub(super) fn has_room(&self) {
        self.is_full.store(false, Ordering::SeqCst);
    }

    fn tick(&self) -> u64 {
        self.ticks.fetch_add(1, Ordering::Relaxed)
    }

    fn seats(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<Seat>>> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    /// Waits until the connection is to end after the response that it writes.
    pub(super) async fn is_to_finish(&self) {
        self.finish.notified().await;
    }

    /// Returns whether the connection was told to end after its response.
    pub(super) fn is_finishing(&self) -> bool {
        self.is_finishing.load(Ordering::SeqCst)
    }

    fn since(&self) -> u64 {
        self.idle_since.load(Ordering::SeqCst)
    }

    fn work(&self) {
        self.idle_since.store(BUSY, Ordering::SeqCst);
    }

    fn rest(&self) {
        self.idle_since.store(self.crowd.tick(), Ordering::SeqCst);
        if self.crowd.is_full.swap(false, Ordering::SeqCst) {
            self.work();
            self.is_finishing.store(true, Ordering::SeqCst);
            self.finish.notify_one();
        }
    }
}

impl Place {
    /// Waits until the connection is to leave at once.
    pub(super) async fn is_to_leave(&self) {
        self.0.leave.notified().await;
    }

    /// Returns the seat, for the bodies of requests and responses.
    pub(super) fn seat(&self) -> Arc<Seat> {
        Arc::clone(&self.0)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.crowd.seats().remove(&self.0.number);
    }
}

/// The body of a request: its connection is busy once it has ended.
pub(super) struct Asked<B> {
    body: B,
    seat: Arc<Seat>,
}

impl<B: Body> Asked<B> {
    pub(super) fn new(body: B, seat: &Arc<Seat>) -> Self {
        if body.is_end_stream() {
            seat.work();
        }
        let seat = Arc::clone(seat);
        Self { body, seat }
    }
}

impl<B: Body + Unpin> Body for Asked<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        if frame.is_none() {
            self.seat.work();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The body of a response: its connection is idle once it is gone.
pub(super) struct Answered<B> {
    body: B,
    seat: Arc<Seat>,
}

impl<B> Answered<B> {
    pub(super) const fn new(body: B, seat: Arc<Seat>) -> Self {
        Self { body, seat }
    }
}

impl<B> Drop for Answered<B> {
    fn drop(&mut self) {
        self.seat.rest();
    }
}

impl<B: Body + Unpin> Body for Answered<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
