//! Carries exchanges over any HTTP client that is a tower service.
//!
//! Rules of this file: an exchange is polled when it was woken, and then once before the others have
//! their turn, so that a thousand of them cost what those cost that have something to tell; dropping
//! the future or the body of an exchange closes it.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::sync::Arc;
use core::error::Error;
use core::fmt;
use core::pin::Pin;
use core::sync::atomic::{AtomicBool, Ordering};
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Wake;

use ::http::{HeaderMap, Request, Response};
use bytes::Buf;
use http_body::Body;
use tower_service::Service;

use super::super::super::Clock;
use super::super::super::nonblocking::sleep_timer::SleepTimer;
use super::super::super::nonblocking::timer::Timer;
use super::connection::HttpConnection;
use super::failure::{end_of, in_words};
use super::net::{Net, Told};
use super::remote::Remote;
use super::request::{RequestBody, to_head, to_request};
use crate::http::{End, HttpRequest};
use crate::session::{ExchangeId, Session};

/// The error of a service or of a body.
type AnyError = Box<dyn Error + Send + Sync>;

/// The exchanges of an [`HttpConnection`] over a tower service, and its timer.
pub struct ServiceNet<V: Service<Request<RequestBody>>, B, T> {
    service: V,
    /// What every request says.
    headers: HeaderMap,
    /// Each with whether it has what every request says.
    waiting: VecDeque<(HttpRequest, bool)>,
    exchanges: BTreeMap<ExchangeId, Running<V::Future, B>>,
    ready: Arc<Ready>,
    timer: T,
    is_unsent: fn(&V::Error) -> bool,
}

/// An exchange that is under way.
struct Running<F, B> {
    stage: Stage<F, B>,
    waker: Arc<ExchangeWaker>,
}

enum Stage<F, B> {
    Called(Pin<Box<F>>),
    Reading(Pin<Box<B>>),
}

impl<S, V, B, T, F> HttpConnection<S, ServiceNet<V, B, SleepTimer<T, F>>>
where
    S: Session,
    V: Service<Request<RequestBody>, Response = Response<B>>,
    V::Error: Into<AnyError>,
    B: Body,
    B::Error: Into<AnyError>,
    T: Fn(Duration) -> F,
    F: Future<Output = ()>,
{
    /// Puts `session` before the server, over `service`: any HTTP client that follows no redirects.
    /// `sleep` makes a future that is ready after the given time, which is at most a day. Nothing
    /// happens before [`next`](Self::next).
    ///
    /// Returns an error if the URL is none of `http` or `https`, or a header can't be sent.
    pub fn new(session: S, remote: &Remote, service: V, sleep: T) -> io::Result<Self> {
        let net = ServiceNet::new(service, remote, SleepTimer::new(sleep), |_| false)?;
        Ok(Self::start(session, Clock::start(), remote, net))
    }
}

impl<V, B, T> ServiceNet<V, B, T>
where
    V: Service<Request<RequestBody>, Response = Response<B>>,
{
    /// `is_unsent` says which errors, beside those that can be told by their causes, come before
    /// anything is sent.
    pub(super) fn new(
        service: V,
        remote: &Remote,
        timer: T,
        is_unsent: fn(&V::Error) -> bool,
    ) -> io::Result<Self> {
        Ok(Self {
            service,
            headers: remote.prepare()?,
            waiting: VecDeque::new(),
            exchanges: BTreeMap::new(),
            ready: Arc::default(),
            timer,
            is_unsent,
        })
    }

    /// Hands requests to the service as it takes them; one that it can't take any more fails.
    fn poll_start(&mut self, cx: &mut Context<'_>) -> Option<(ExchangeId, Told)>
    where
        V::Error: Into<AnyError>,
    {
        while let Some((next, _)) = self.waiting.front() {
            let exchange = next.exchange;
            match self.service.poll_ready(cx) {
                Poll::Pending => return None,
                Poll::Ready(Err(error)) => {
                    self.waiting.pop_front();
                    let error: AnyError = error.into();
                    return Some((exchange, Told::Failed(End::NotSent, in_words(&*error))));
                }
                Poll::Ready(Ok(())) => {}
            }
            let (request, is_full) = self.waiting.pop_front()?;
            let headers = match is_full {
                true => &self.headers,
                false => &HeaderMap::new(),
            };
            let request = match to_request(request, headers) {
                Ok(request) => request,
                Err(error) => {
                    return Some((exchange, Told::Failed(End::NotSent, in_words(&error))));
                }
            };
            let waker = Arc::new(ExchangeWaker {
                exchange,
                is_queued: AtomicBool::new(true),
                ready: Arc::clone(&self.ready),
            });
            let stage = Stage::Called(Box::pin(self.service.call(request)));
            self.exchanges.insert(exchange, Running { stage, waker });
            self.ready.lock().queue.push_back(exchange);
        }
        None
    }
}

impl<V, B, T> Net for ServiceNet<V, B, T>
where
    V: Service<Request<RequestBody>, Response = Response<B>>,
    V::Error: Into<AnyError>,
    B: Body,
    B::Error: Into<AnyError>,
    T: Timer,
{
    fn start(&mut self, request: HttpRequest) {
        self.waiting.push_back((request, true));
    }

    #[cfg(feature = "auth")]
    fn start_bare(&mut self, request: HttpRequest) {
        self.waiting.push_back((request, false));
    }

    fn abort(&mut self, exchange: ExchangeId) {
        self.waiting
            .retain(|(request, _)| request.exchange != exchange);
        self.exchanges.remove(&exchange);
    }

    fn poll_told(&mut self, cx: &mut Context<'_>) -> Poll<(ExchangeId, Told)> {
        self.ready.wake_with(cx);
        if let Some(failed) = self.poll_start(cx) {
            return Poll::Ready(failed);
        }
        while let Some(exchange) = self.ready.next() {
            let Some(running) = self.exchanges.get_mut(&exchange) else {
                continue;
            };
            running.waker.is_queued.store(false, Ordering::Release);
            let Poll::Ready(told) = running.poll(self.is_unsent) else {
                continue;
            };
            match told {
                // It may have more.
                Told::Head(_) | Told::Body(_) => running.waker.wake_by_ref(),
                Told::End | Told::Failed(..) => drop(self.exchanges.remove(&exchange)),
            }
            return Poll::Ready((exchange, told));
        }
        Poll::Pending
    }

    fn arm(&mut self, wait: Duration) {
        self.timer.arm(wait);
    }

    fn poll_timer(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.timer.poll(cx)
    }
}

impl<F, B> Running<F, B>
where
    B: Body,
    B::Error: Into<AnyError>,
{
    fn poll<E>(&mut self, is_unsent: fn(&E) -> bool) -> Poll<Told>
    where
        F: Future<Output = Result<Response<B>, E>>,
        E: Into<AnyError>,
    {
        let waker = Waker::from(Arc::clone(&self.waker));
        let mut cx = Context::from_waker(&waker);
        match &mut self.stage {
            Stage::Called(future) => future.as_mut().poll(&mut cx).map(|outcome| match outcome {
                Ok(response) => {
                    let head = to_head(&response);
                    self.stage = Stage::Reading(Box::pin(response.into_body()));
                    Told::Head(head)
                }
                Err(error) => {
                    let is_unsent = is_unsent(&error);
                    let error: AnyError = error.into();
                    let how = match is_unsent {
                        true => End::NotSent,
                        false => end_of(&*error),
                    };
                    Told::Failed(how, in_words(&*error))
                }
            }),
            Stage::Reading(body) => loop {
                match body.as_mut().poll_frame(&mut cx) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(None) => return Poll::Ready(Told::End),
                    Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                        Ok(mut data) if data.has_remaining() => {
                            let length = data.remaining();
                            return Poll::Ready(Told::Body(data.copy_to_bytes(length)));
                        }
                        // Trailers, and pieces without anything.
                        _ => {}
                    },
                    Poll::Ready(Some(Err(error))) => {
                        let error: AnyError = error.into();
                        return Poll::Ready(Told::Failed(End::Broken, in_words(&*error)));
                    }
                }
            },
        }
    }
}

/// The exchanges that were woken, and the task that asks for them.
#[derive(Default)]
struct Ready(Mutex<ReadyState>);

#[derive(Default)]
struct ReadyState {
    queue: VecDeque<ExchangeId>,
    task: Option<Waker>,
}

impl Ready {
    fn lock(&self) -> MutexGuard<'_, ReadyState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake_with(&self, cx: &Context<'_>) {
        let mut state = self.lock();
        let known = state.task.as_ref();
        if !known.is_some_and(|task| task.will_wake(cx.waker())) {
            state.task = Some(cx.waker().clone());
        }
    }

    fn next(&self) -> Option<ExchangeId> {
        self.lock().queue.pop_front()
    }
}

/// Wakes the task, and says for which exchange.
struct ExchangeWaker {
    exchange: ExchangeId,
    is_queued: AtomicBool,
    ready: Arc<Ready>,
}

impl Wake for ExchangeWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.is_queued.swap(true, Ordering::AcqRel) {
            return;
        }
        let mut state = self.ready.lock();
        state.queue.push_back(self.exchange);
        let task = state.task.clone();
        drop(state);
        if let Some(task) = task {
            task.wake();
        }
    }
}

impl<V: Service<Request<RequestBody>>, B, T> fmt::Debug for ServiceNet<V, B, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceNet")
            .field("exchanges", &self.exchanges.len())
            .finish_non_exhaustive()
    }
}
