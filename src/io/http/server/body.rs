//! The body of a response, as HTTP stacks take it.

use alloc::boxed::Box;
use core::convert::Infallible;
use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::exchange::Exchange;
use crate::http::Part;

/// The body of a response: the whole of it, or events as they come. It never fails.
///
/// Dropping it before its end tells the server that the client has gone: a modern request is
/// cancelled, a legacy session goes on and its client may come back for what it has missed.
pub struct HttpServiceBody(Kind);

enum Kind {
    Whole(Bytes),
    Events(Box<Exchange>),
}

impl HttpServiceBody {
    pub(super) const fn whole(bytes: Bytes) -> Self {
        Self(Kind::Whole(bytes))
    }

    pub(super) fn events(exchange: Exchange) -> Self {
        Self(Kind::Events(Box::new(exchange)))
    }
}

impl Body for HttpServiceBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match &mut self.get_mut().0 {
            Kind::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Kind::Whole(bytes) => Poll::Ready(Some(Ok(Frame::data(core::mem::take(bytes))))),
            Kind::Events(exchange) => loop {
                match exchange.poll_part(cx) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(None) => return Poll::Ready(None),
                    Poll::Ready(Some(Part::Body(bytes))) => {
                        return Poll::Ready(Some(Ok(Frame::data(bytes))));
                    }
                    // The head was taken before.
                    Poll::Ready(Some(_)) => {}
                }
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Whole(bytes) => bytes.is_empty(),
            Kind::Events(exchange) => exchange.is_over(),
        }
    }

    /// A whole body says how long it is: without that an HTTP stack would send it in chunks.
    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Kind::Events(_) => SizeHint::default(),
        }
    }
}

impl fmt::Debug for HttpServiceBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match &self.0 {
            Kind::Whole(_) => "whole",
            Kind::Events(_) => "events",
        };
        f.debug_tuple("HttpServiceBody").field(&kind).finish()
    }
}
