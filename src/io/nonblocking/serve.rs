//! Serves one client with handlers that are futures, on whatever runtime polls them.
//!
//! Rules of this file: handlers run side by side up to a cap, further requests wait in order; a
//! handler whose request is cancelled is dropped; one that panics has its request answered; the end
//! of the input leaves those that still run a moment to answer.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::future::{Future, poll_fn};
use core::pin::Pin;
use core::sync::atomic::{AtomicBool, Ordering};
use core::task::{Context, Poll};
use core::time::Duration;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::super::Handle;
use super::driven::Drive;
use crate::rpc::RpcError;
use crate::server::{Async, Reach, Server};
use crate::session::{IncomingId, Request, ServerEvent, ServerSession};
use crate::time::Instant;

/// How [`serve`] goes about it.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct AsyncServeOptions {
    /// How many handlers run at once; further requests wait. 64.
    pub concurrency: usize,
    /// How long handlers that still run at the end of the input have to answer. 500 ms.
    pub grace: Duration,
}

impl Default for AsyncServeOptions {
    fn default() -> Self {
        Self {
            concurrency: 64,
            grace: Duration::from_millis(500),
        }
    }
}

impl AsyncServeOptions {
    /// Sets how many handlers run at once; at least one does.
    #[must_use]
    pub fn concurrency(mut self, concurrency: usize) -> Self {
        self.concurrency = concurrency.max(1);
        self
    }

    /// Sets how long running handlers hold up the end.
    #[must_use]
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }
}

/// Serves the client of `connection` until it leaves.
///
/// Nothing is spawned: handlers run within this future. Errs with what a stream failed with, and
/// when [`check`](Server::check) does.
/// Dropping it drops the handlers and the connection.
pub async fn serve(
    server: Server<Async>,
    mut connection: impl Drive<Session = ServerSession>,
    options: AsyncServeOptions,
) -> io::Result<()> {
    server
        .check()
        .map_err(crate::io::blocking::serve::refused)?;
    let mut tasks = Tasks {
        server,
        session: connection.handle(),
        running: Vec::new(),
        waiting: VecDeque::new(),
        options,
    };
    poll_fn(|cx| tasks.poll(cx, &mut connection)).await
}

/// The handlers of one connection.
struct Tasks {
    server: Server<Async>,
    session: Handle<ServerSession>,
    running: Vec<Task>,
    waiting: VecDeque<Request>,
    options: AsyncServeOptions,
}

struct Task {
    request: IncomingId,
    cancelled: Arc<AtomicBool>,
    future: Pin<Box<dyn Future<Output = ()> + Send>>,
}

/// What a handler keeps of its connection.
struct Reached {
    session: Handle<ServerSession>,
    cancelled: Arc<AtomicBool>,
}

impl Reach for Reached {
    fn with(&self, act: &mut dyn FnMut(&mut ServerSession, Instant)) {
        self.session.with(act);
    }

    fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Acquire)
    }
}

impl Tasks {
    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        connection: &mut impl Drive<Session = ServerSession>,
    ) -> Poll<io::Result<()>> {
        loop {
            let grace = (!self.running.is_empty()).then_some(self.options.grace);
            connection.hold(grace);
            let is_event = match connection.poll_event(cx) {
                Poll::Ready(Ok(Some(event))) => {
                    self.take(event);
                    true
                }
                Poll::Ready(end) => return Poll::Ready(end.map(drop)),
                Poll::Pending => false,
            };
            self.start();
            let is_done = self.run(cx);
            if !is_event && !is_done {
                return Poll::Pending;
            }
        }
    }

    fn take(&mut self, event: ServerEvent) {
        match event {
            ServerEvent::Request(request) => self.waiting.push_back(request),
            ServerEvent::Cancelled { request, .. } => {
                self.waiting.retain(|waiting| waiting.id != request);
                let cancelled = self.running.iter().position(|task| task.request == request);
                if let Some(task) = cancelled.map(|at| self.running.swap_remove(at)) {
                    task.cancelled.store(true, Ordering::Release);
                }
            }
            _ => {}
        }
    }

    fn start(&mut self) {
        while self.running.len() < self.options.concurrency {
            let Some(request) = self.waiting.pop_front() else {
                return;
            };
            let cancelled = Arc::new(AtomicBool::new(false));
            let reached = Reached {
                session: self.session.clone(),
                cancelled: Arc::clone(&cancelled),
            };
            let server = self.server.clone();
            let id = request.id;
            let future = async move { server.respond(request, Arc::new(reached)).await };
            self.running.push(Task {
                request: id,
                cancelled,
                future: Box::pin(future),
            });
        }
    }

    /// Moves every handler on; whether one has ended.
    fn run(&mut self, cx: &mut Context<'_>) -> bool {
        let before = self.running.len();
        let session = &self.session;
        self.running.retain_mut(|task| {
            let polled = catch_unwind(AssertUnwindSafe(|| task.future.as_mut().poll(cx)));
            if polled.is_err() {
                let error = RpcError::internal("The handler panicked");
                // It may have answered before it panicked.
                let _ = session.with(|session, now| session.reply_error(now, task.request, error));
            }
            matches!(polled, Ok(Poll::Pending))
        });
        self.running.len() != before
    }
}
