//! What carries the exchanges of a connection: the one thing that differs between HTTP stacks.

use alloc::boxed::Box;
use alloc::string::String;
use core::task::{Context, Poll};
use core::time::Duration;

use bytes::Bytes;

use crate::http::{End, HttpRequest, ResponseHead};
use crate::session::ExchangeId;

/// Sends requests and tells of their responses, piece by piece.
pub trait Net {
    /// Begins to send a request.
    fn start(&mut self, request: HttpRequest);

    /// Begins to send a request that carries nothing of what every request to the server does.
    #[cfg(feature = "auth")]
    fn start_bare(&mut self, request: HttpRequest);

    /// Closes an exchange, of which nothing more is told.
    fn abort(&mut self, exchange: ExchangeId);

    /// The next thing that is known of any exchange. While it isn't asked for, nothing is read.
    fn poll_told(&mut self, cx: &mut Context<'_>) -> Poll<(ExchangeId, Told)>;

    /// Sets the timer, in place of what it was set to before.
    fn arm(&mut self, wait: Duration);

    /// Whether the timer has gone off. Polled only after it was set.
    fn poll_timer(&mut self, cx: &mut Context<'_>) -> Poll<()>;
}

/// A piece of what is known of an exchange. With the last two it ends.
#[derive(Debug)]
pub enum Told {
    Head(ResponseHead),
    Body(Bytes),
    End,
    /// It failed, in words.
    Failed(End, String),
}

impl<N: Net + ?Sized> Net for Box<N> {
    fn start(&mut self, request: HttpRequest) {
        (**self).start(request);
    }

    #[cfg(feature = "auth")]
    fn start_bare(&mut self, request: HttpRequest) {
        (**self).start_bare(request);
    }

    fn abort(&mut self, exchange: ExchangeId) {
        (**self).abort(exchange);
    }

    fn poll_told(&mut self, cx: &mut Context<'_>) -> Poll<(ExchangeId, Told)> {
        (**self).poll_told(cx)
    }

    fn arm(&mut self, wait: Duration) {
        (**self).arm(wait);
    }

    fn poll_timer(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        (**self).poll_timer(cx)
    }
}
