//! The stack without a runtime: ureq, a thread for each exchange, and the clients that use it.
//!
//! Rules of this file: an exchange has an agent of its own while it lasts, so that shutting that down
//! ends a blocked read at once and nothing else; an agent whose exchange has ended well is kept with
//! its connection for the next; a thread reads no further than one piece ahead.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use core::future::poll_fn;
use core::pin::{Pin, pin};
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use std::io::{self, Read};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use ::http::{Request, Response};
#[cfg(feature = "ureq-rustls")]
use ::ureq::tls::{Certificate, TlsConfig};
use ::ureq::{Agent, Body, Error, Timeout};
use bytes::Bytes;
use http_body::Frame;
use tower_service::Service;

use super::super::super::alarm;
use super::super::super::block_on::block_on;
use super::super::super::blocking::{BlockingClient, Drive as Blocking};
use super::super::super::nonblocking::sleep_timer::SleepTimer;
use super::super::super::nonblocking::{AsyncClient, AsyncDriver, Drive};
use super::super::super::thread::spawn;
use super::super::super::{Clock, Handle};
use super::connection::HttpConnection;
use super::net::Net;
use super::remote::Remote;
use super::request::RequestBody;
use super::service::ServiceNet;
#[cfg(feature = "ureq-rustls")]
use super::tls;
use crate::client::{Client, ClientOptions, Event};
use crate::time::Instant;

/// How much one read asks for.
const CHUNK: usize = 16 * 1024;

type Connection = HttpConnection<Client, Box<dyn Net + Send>>;

impl BlockingClient {
    /// Creates a client of the server at a URL, over ureq: threads and no runtime. `https` takes the
    /// feature `ureq-rustls`. Proxies are those of the environment, such as `HTTPS_PROXY`.
    ///
    /// Each call that is open is a thread, as is the stream that a legacy server has for the rest.
    /// Otherwise as `BlockingClient::url`, which is this one where only this feature is on.
    pub fn ureq(options: ClientOptions, remote: impl Into<Remote>) -> Self {
        let stack = Stack::new(&options, remote.into());
        Self::new(stack.remote.adapt(options), move |client| {
            Ok(OnThread(stack.connect(client)?))
        })
    }

    /// Creates a client of the server at a URL; see [`ureq`](Self::ureq).
    #[cfg(not(feature = "hyper-client"))]
    pub fn url(options: ClientOptions, remote: impl Into<Remote>) -> Self {
        Self::ureq(options, remote)
    }
}

impl AsyncClient {
    /// Creates a client of the server at a URL, over ureq, and the future that drives it, on any
    /// runtime: threads do what blocks. See [`BlockingClient::ureq`].
    pub fn ureq(options: ClientOptions, remote: impl Into<Remote>) -> (Self, AsyncDriver) {
        let stack = Stack::new(&options, remote.into());
        let options = stack.remote.adapt(options);
        let (client, driver) = Self::new(options, async move |client| stack.connect(client));
        (client, AsyncDriver::new(driver))
    }

    /// Creates a client of the server at a URL; see [`ureq`](Self::ureq).
    #[cfg(not(feature = "hyper-client"))]
    pub fn url(options: ClientOptions, remote: impl Into<Remote>) -> (Self, AsyncDriver) {
        Self::ureq(options, remote)
    }
}

/// What makes connections.
struct Stack {
    remote: Remote,
    connect_timeout: Duration,
}

impl Stack {
    fn new(options: &ClientOptions, remote: Remote) -> Self {
        Self {
            remote,
            connect_timeout: options.connect_timeout,
        }
    }

    fn connect(&self, client: Client) -> io::Result<Connection> {
        #[cfg(not(feature = "ureq-rustls"))]
        self.remote.refuse_tls("ureq-rustls")?;
        let service = Threads {
            connect_timeout: self.connect_timeout,
            idle: Arc::default(),
            #[cfg(feature = "ureq-rustls")]
            tls: tls_config(&self.remote)?,
        };
        let timer = SleepTimer::new(alarm::sleep);
        let net = ServiceNet::new(service, &self.remote, timer, is_unsent)?;
        let net = Box::new(net);
        Ok(HttpConnection::start(
            client,
            Clock::start(),
            &self.remote,
            net,
        ))
    }
}

/// Which errors come before anything is sent.
fn is_unsent(error: &Error) -> bool {
    matches!(
        error,
        Error::HostNotFound
            | Error::ConnectionFailed
            | Error::BadUri(_)
            | Error::Timeout(Timeout::Resolve | Timeout::Connect)
    )
}

/// The HTTP client: each request on a thread of its own.
struct Threads {
    connect_timeout: Duration,
    /// Agents that have a connection which nothing uses.
    idle: Arc<Mutex<Vec<Agent>>>,
    #[cfg(feature = "ureq-rustls")]
    tls: TlsConfig,
}

#[cfg(feature = "ureq-rustls")]
fn tls_config(remote: &Remote) -> io::Result<TlsConfig> {
    let mut roots = Vec::new();
    for certificate in tls::trusted(remote)? {
        // Else it would only be left out of what is trusted.
        let mut store = ::rustls::RootCertStore::empty();
        store.add(certificate.clone()).map_err(tls::unreadable)?;
        roots.push(Certificate::from_der(&certificate).to_owned());
    }
    let config = TlsConfig::builder();
    Ok(match roots.is_empty() {
        true => config.build(),
        false => config.root_certs(roots.into()).build(),
    })
}

impl Threads {
    fn agent(&self) -> Agent {
        let idle = self
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        idle.unwrap_or_else(|| {
            let config = Agent::config_builder();
            #[cfg(feature = "ureq-rustls")]
            let config = config.tls_config(self.tls.clone());
            config
                .http_status_as_error(false)
                .max_redirects(0)
                .max_redirects_will_error(false)
                .timeout_resolve(Some(self.connect_timeout))
                .timeout_connect(Some(self.connect_timeout))
                .max_idle_connections(1)
                .build()
                .new_agent()
        })
    }
}

impl Service<Request<RequestBody>> for Threads {
    type Response = Response<Pieces>;
    type Error = Error;
    type Future = ResponseFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<RequestBody>) -> ResponseFuture {
        let agent = self.agent();
        let desk = Arc::<Desk>::default();
        let exchange = Exchange {
            desk: Arc::clone(&desk),
            agent: Some(agent.clone()),
            idle: Arc::clone(&self.idle),
        };
        let ask = Arc::clone(&desk);
        if let Err(error) = spawn("mcp exchange", move || ask.run(&agent, request)) {
            desk.put(Piece::Failed(Error::Io(error)));
        }
        ResponseFuture(Some(exchange))
    }
}

/// What a thread learns, in its order.
enum Piece {
    Head(Response<()>),
    Body(Bytes),
    End,
    Failed(Error),
}

/// Where the thread of an exchange puts what it learns, one piece at a time.
#[derive(Default)]
struct Desk {
    state: Mutex<State>,
    taken: Condvar,
}

#[derive(Default)]
struct State {
    piece: Option<Piece>,
    waker: Option<Waker>,
    /// Whether nobody takes anything any more.
    is_left: bool,
}

impl Desk {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the thread does.
    fn run(&self, agent: &Agent, request: Request<RequestBody>) {
        let response = match ask(agent, request) {
            Ok(response) => response,
            Err(error) => {
                self.put(Piece::Failed(error));
                return;
            }
        };
        let (head, body) = response.into_parts();
        if !self.put(Piece::Head(Response::from_parts(head, ()))) {
            return;
        }
        let (mut reader, mut chunk) = (body.into_reader(), vec![0; CHUNK]);
        loop {
            let piece = match reader.read(&mut chunk) {
                Ok(0) => Piece::End,
                Ok(length) => Piece::Body(Bytes::copy_from_slice(&chunk[..length])),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => Piece::Failed(Error::Io(error)),
            };
            let is_last = !matches!(piece, Piece::Body(_));
            if !self.put(piece) || is_last {
                return;
            }
        }
    }

    /// Waits until there is room, and puts a piece there; `false` when nobody will take it.
    fn put(&self, piece: Piece) -> bool {
        let full = |state: &mut State| state.piece.is_some() && !state.is_left;
        let waited = self.taken.wait_while(self.lock(), full);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner);
        if state.is_left {
            return false;
        }
        state.piece = Some(piece);
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
        true
    }

    fn poll(&self, cx: &Context<'_>) -> Poll<Piece> {
        let mut state = self.lock();
        match state.piece.take() {
            Some(piece) => {
                self.taken.notify_one();
                Poll::Ready(piece)
            }
            None => {
                state.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

fn ask(agent: &Agent, request: Request<RequestBody>) -> Result<Response<Body>, Error> {
    let (head, body) = request.into_parts();
    let body = body.into_bytes();
    match head.method == ::http::Method::POST {
        true => agent.run(Request::from_parts(head, &body[..])),
        false => agent.run(Request::from_parts(head, ())),
    }
}

/// The end of an exchange that is held by whoever reads it. Dropping it ends the thread.
struct Exchange {
    desk: Arc<Desk>,
    /// `None` once the exchange has ended.
    agent: Option<Agent>,
    idle: Arc<Mutex<Vec<Agent>>>,
}

impl Exchange {
    /// Keeps the agent, whose connection is free again.
    fn keep(&mut self) {
        if let Some(agent) = self.agent.take() {
            let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
            idle.push(agent);
        }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.desk.lock().is_left = true;
        self.desk.taken.notify_one();
        if let Some(agent) = self.agent.take() {
            agent.shutdown();
        }
    }
}

/// A request whose response has not begun.
struct ResponseFuture(Option<Exchange>);

impl Future for ResponseFuture {
    type Output = Result<Response<Pieces>, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(exchange) = &self.0 else {
            return Poll::Pending;
        };
        let piece = match exchange.desk.poll(cx) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(piece) => piece,
        };
        match (piece, self.0.take()) {
            (Piece::Head(head), Some(exchange)) => Poll::Ready(Ok(head.map(|()| Pieces(exchange)))),
            (Piece::Failed(error), _) => Poll::Ready(Err(error)),
            // The head comes first.
            _ => Poll::Ready(Err(Error::ConnectionFailed)),
        }
    }
}

/// The body of a response, as its thread reads it.
struct Pieces(Exchange);

impl http_body::Body for Pieces {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        self.0.desk.poll(cx).map(|piece| match piece {
            Piece::Body(bytes) => Some(Ok(Frame::data(bytes))),
            Piece::Failed(error) => Some(Err(error)),
            Piece::Head(_) | Piece::End => {
                self.0.keep();
                None
            }
        })
    }
}

/// A connection for the thread that drives it.
struct OnThread(Connection);

impl Blocking for OnThread {
    type Session = Client;

    fn next_event(&mut self) -> io::Result<Option<Event>> {
        block_on(self.0.next())
    }

    fn next_event_before(&mut self, deadline: Instant) -> io::Result<Option<Event>> {
        let time = deadline - self.0.handle().now();
        let mut late = pin!(alarm::sleep(time));
        block_on(poll_fn(|cx| match self.0.poll_next(cx) {
            Poll::Pending => late.as_mut().poll(cx).map(|()| Ok(None)),
            next => next,
        }))
    }

    fn handle(&self) -> Handle<Client> {
        self.0.handle()
    }

    fn describe_peer(&mut self) -> Option<String> {
        self.0.describe_peer()
    }
}
