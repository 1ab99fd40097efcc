//! A request out of an HTTP stack: its head is copied once, its body read within its bounds.
//!
//! Rules of this file: a body is no longer than it may be, however long its client says it is; one
//! that is refused is read on for a moment, as a client that still writes wouldn't read the answer.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::future::poll_fn;
use core::pin::{Pin, pin};
use core::task::Poll;
use core::time::Duration;

use bytes::{Buf, Bytes};
use http::request::Parts;
use http_body::Body;

use super::alarms::Alarms;
use crate::http::headers::name;
use crate::http::{HttpMethod, Reply, RequestHead, refusal};
use crate::rpc::code;

/// How much of a refused body is read, and for how long.
const DRAIN: (usize, Duration) = (256 * 1024, Duration::from_secs(1));

/// Copies the head of a request. What HTTP/2 calls `:authority` is the host.
pub(super) fn head_of(parts: &Parts) -> RequestHead {
    let path = parts.uri.path_and_query();
    let path = path.map_or("/", http::uri::PathAndQuery::as_str);
    let mut head = RequestHead::new(HttpMethod::from_name(parts.method.as_str()), path);
    let lengths = parts
        .headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len());
    head.headers.reserve(lengths.sum());
    for (name, value) in &parts.headers {
        head.headers.push(name.as_str(), value.as_bytes());
    }
    if let Some(authority) = parts.uri.authority() {
        let authority = authority.as_str();
        // A host that says otherwise makes two of them, which is refused.
        let is_said = head.headers.one(name::HOST).ok().flatten() == Some(authority);
        if !is_said {
            head.headers.push(name::HOST, authority);
        }
    }
    head
}

/// Why there is no body.
pub(super) enum BodyError {
    TooLong,
    TooSlow,
    Broken,
}

impl BodyError {
    pub(super) fn reply(&self, longest: usize) -> Reply {
        let too_long;
        let (status, why) = match self {
            Self::TooLong => {
                too_long = alloc::format!("a body may have {longest} bytes");
                (413, &*too_long)
            }
            Self::TooSlow => (408, "the body took too long"),
            Self::Broken => (400, "the body broke off"),
        };
        refusal(status, code::INVALID_REQUEST, why)
    }
}

/// Reads a body of at most `longest` bytes within `time`.
pub(super) async fn read<B: Body>(
    alarms: &Arc<Alarms>,
    mut body: Pin<&mut B>,
    longest: usize,
    time: Duration,
) -> Result<Bytes, BodyError> {
    let mut gathered = Gathered::default();
    let read = async {
        while let Some(piece) = next(body.as_mut()).await {
            gathered.push(piece.map_err(|()| BodyError::Broken)?, longest)?;
        }
        Ok(())
    };
    within(alarms, time, read)
        .await
        .unwrap_or(Err(BodyError::TooSlow))?;
    Ok(gathered.finish())
}

/// Reads on, a little, what nobody wants.
pub(super) async fn drain<B: Body>(alarms: &Arc<Alarms>, mut body: Pin<&mut B>) {
    if body.is_end_stream() {
        return;
    }
    let drain = async {
        let mut left = DRAIN.0;
        while let Some(Ok(piece)) = next(body.as_mut()).await
            && left > 0
        {
            left = left.saturating_sub(piece.len());
        }
    };
    within(alarms, DRAIN.1, drain).await;
}

/// The next piece of a body; trailers are none.
async fn next<B: Body>(mut body: Pin<&mut B>) -> Option<Result<Bytes, ()>> {
    loop {
        let frame = poll_fn(|cx| body.as_mut().poll_frame(cx)).await?;
        let data = match frame {
            Ok(frame) => frame.into_data(),
            Err(_) => return Some(Err(())),
        };
        if let Ok(mut data) = data {
            return Some(Ok(data.copy_to_bytes(data.remaining())));
        }
    }
}

/// The pieces of a body. One piece is not copied.
#[derive(Default)]
struct Gathered {
    first: Bytes,
    all: Vec<u8>,
}

impl Gathered {
    fn push(&mut self, piece: Bytes, longest: usize) -> Result<(), BodyError> {
        let held = self.first.len() + self.all.len();
        if piece.len() > longest.saturating_sub(held) {
            return Err(BodyError::TooLong);
        }
        if held == 0 {
            self.first = piece;
        } else {
            if self.all.is_empty() {
                self.all
                    .extend_from_slice(&core::mem::take(&mut self.first));
            }
            self.all.extend_from_slice(&piece);
        }
        Ok(())
    }

    fn finish(self) -> Bytes {
        match self.all.is_empty() {
            true => self.first,
            false => self.all.into(),
        }
    }
}

/// Waits for `future`, but no longer than `time`.
pub(super) async fn within<F: Future>(
    alarms: &Arc<Alarms>,
    time: Duration,
    future: F,
) -> Option<F::Output> {
    let mut future = pin!(future);
    let late = async { alarms.sleep_until(alarms.now() + time).await };
    let mut late = pin!(late);
    poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => late.as_mut().poll(cx).map(|()| None),
    })
    .await
}

/// Random bytes of the system as hexadecimal digits; `None` if it has none to give.
pub(super) fn random_hex<const BYTES: usize>() -> Option<Box<str>> {
    use core::fmt::Write;
    let mut bytes = [0; BYTES];
    getrandom::fill(&mut bytes).ok()?;
    let mut hex = String::with_capacity(2 * BYTES);
    for byte in bytes {
        write!(hex, "{byte:02x}").ok()?;
    }
    Some(hex.into())
}

/// A random number of the system.
pub(super) fn random_tag() -> Option<u32> {
    let mut bytes = [0; 4];
    getrandom::fill(&mut bytes).ok()?;
    Some(u32::from_ne_bytes(bytes))
}
