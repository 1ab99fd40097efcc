//! The requests of the codec in the types of the `http` crates, and the heads of responses out of
//! them.

use core::convert::Infallible;
use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll};

use ::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response};
use bytes::Bytes;

use crate::http::{HttpMethod, HttpRequest, ResponseHead};

/// The body of a request: one piece, whose length is known.
pub struct RequestBody(Option<Bytes>);

impl RequestBody {
    /// Returns the body's bytes, for HTTP clients with a body of their own.
    pub fn into_bytes(self) -> Bytes {
        self.0.unwrap_or_default()
    }
}

impl http_body::Body for RequestBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.take().map(|bytes| Ok(http_body::Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_none()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        http_body::SizeHint::with_exact(self.0.as_ref().map_or(0, Bytes::len) as u64)
    }
}

impl fmt::Debug for RequestBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let length = self.0.as_ref().map_or(0, Bytes::len);
        f.debug_struct("RequestBody")
            .field("bytes", &length)
            .finish()
    }
}

/// The request as HTTP clients take it. What every request says gives way to what this one does.
pub(super) fn to_request(
    request: HttpRequest,
    every: &HeaderMap,
) -> Result<Request<RequestBody>, ::http::Error> {
    let method = match request.method {
        HttpMethod::Post => Method::POST,
        HttpMethod::Delete => Method::DELETE,
        _ => Method::GET,
    };
    let mut headers = every.clone();
    for (name, _) in request.headers.iter() {
        headers.remove(name);
    }
    for (name, value) in request.headers.iter() {
        let name = HeaderName::try_from(name)?;
        headers.append(name, HeaderValue::from_bytes(value)?);
    }
    let body = Some(request.body).filter(|body| !body.is_empty());
    let mut built = Request::builder()
        .method(method)
        .uri(&*request.url)
        .body(RequestBody(body))?;
    *built.headers_mut() = headers;
    Ok(built)
}

/// The head of a response, as the codec takes it.
pub(super) fn to_head<B>(response: &Response<B>) -> ResponseHead {
    let mut head = ResponseHead::new(response.status().as_u16());
    for (name, value) in response.headers() {
        head.headers.push(name.as_str(), value.as_bytes());
    }
    head
}
