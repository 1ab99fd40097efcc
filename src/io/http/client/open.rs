//! The high-level client over any HTTP client, in one line.

use alloc::boxed::Box;
use core::error::Error;

use ::http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use super::super::super::alarm;
use super::connection::HttpConnection;
use super::remote::Remote;
use super::request::RequestBody;
use crate::client::ClientOptions;
use crate::io::nonblocking::{AsyncClient, AsyncDriver};

impl AsyncClient {
    /// Creates a client of the server at a URL, over any HTTP client that is a tower service and
    /// follows no redirects, and the future that drives it, on any runtime. The service is cloned
    /// for each connection and is the host's: nothing of it is closed at the end. A thread keeps the
    /// time.
    ///
    /// What goes wrong names the server, its status, and what came instead of a message.
    ///
    /// Connecting fails if the URL is none of `http` or `https`, or a header can't be sent.
    pub fn http<V, B>(
        options: ClientOptions,
        remote: impl Into<Remote>,
        service: V,
    ) -> (Self, AsyncDriver)
    where
        V: Service<Request<RequestBody>, Response = Response<B>> + Clone + Send + Sync + 'static,
        V::Error: Into<Box<dyn Error + Send + Sync>>,
        V::Future: Send + 'static,
        B: Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let remote = remote.into();
        let options = remote.adapt(options);
        let (client, driver) = Self::new(options, async move |client| {
            HttpConnection::new(client, &remote, service.clone(), alarm::sleep)
        });
        (client, AsyncDriver::new(driver))
    }
}
