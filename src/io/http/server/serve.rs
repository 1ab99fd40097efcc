//! A service on a socket, by hyper: on a thread of its own for people without a runtime, as a future
//! for those with one.
//!
//! Rules of this file: a connection that doesn't speak or doesn't read is closed, and sooner when there
//! is no room for others; the end is graceful: no connection is taken any more, those that are idle
//! close, those that are answered to close after the answer.

use alloc::string::ToString;
use alloc::sync::Arc;
use core::convert::Infallible;
use core::future::{Future, poll_fn};
use core::pin::pin;
use core::task::Poll;
use core::time::Duration;
use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::thread::{Builder, JoinHandle};

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::runtime;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tower_service::Service;

use super::super::super::block_on::block_on;
use super::crowd::{Answered, Asked, Crowd, Seat};
use super::hub::Stage;
use super::options::HttpServeOptions;
use super::principal::Peer;
use super::service::HttpService;
use super::unread::Unread;
use crate::server::{Async, Server};

/// How long a connection may take to send the head of a request.
const HEAD: Duration = Duration::from_secs(30);
/// How long a client that doesn't read holds up the end.
const LINGER: Duration = Duration::from_secs(1);
/// How long to wait when the system has no socket to give.
const PAUSE: Duration = Duration::from_millis(50);

/// A server on a socket, driven by a thread of its own. Dropping it ends it at once.
#[derive(Debug)]
pub struct HttpServer {
    service: HttpService,
    address: SocketAddr,
    thread: Option<JoinHandle<io::Result<()>>>,
}

impl HttpServer {
    /// Starts to serve the clients that connect to `listener`. Handlers that are futures run on the
    /// server's thread, where tokio is there for them; blocking ones on threads beside it.
    ///
    /// Returns an error as [`HttpService::new`] does, and if the system has no thread or no runtime
    /// to give.
    pub fn start(
        server: impl Into<Server<Async>>,
        listener: TcpListener,
        options: HttpServeOptions,
    ) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let handle = runtime.handle().clone();
        let spawn = move |handler| drop(handle.spawn(handler));
        let service = HttpService::with_spawner(server, options, spawn)?;
        let served = service.clone();
        let thread = Builder::new()
            .name("mcp http".to_string())
            .spawn(move || runtime.block_on(serve_async(served, listener)))?;
        Ok(Self {
            service,
            address,
            thread: Some(thread),
        })
    }

    /// Returns the address at which the server listens, such as the port that the system has chosen.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until [`HttpService::close`] is called on the [`service`](Self::service). Returns an
    /// error with what the listener has failed with.
    pub fn wait(mut self) -> io::Result<()> {
        self.join()
    }

    /// Ends the server as [`HttpService::close`] does, and waits for it. Returns an error with what
    /// the listener has failed with.
    pub fn close(mut self, grace: Duration) -> io::Result<()> {
        block_on(self.service.close(grace));
        self.join()
    }

    /// Returns the service, such as to end it from another thread.
    pub const fn service(&self) -> &HttpService {
        &self.service
    }

    fn join(&mut self) -> io::Result<()> {
        match self.thread.take().map(JoinHandle::join) {
            None => Ok(()),
            Some(Ok(end)) => end,
            Some(Err(_)) => Err(io::Error::other("the server's thread has panicked")),
        }
    }
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        self.service.finish();
        // Nobody is there to hear of an error.
        drop(self.join());
    }
}

impl<Mode> Server<Mode>
where
    Server<Async>: From<Server<Mode>>,
{
    /// Serves every client that connects to an address over HTTP, such as `127.0.0.1:8000`, at any
    /// path, on this thread and for ever. Only clients of this machine are answered to: see
    /// [`HttpServer`] and [`HttpServeOptions::public`] for others.
    ///
    /// Returns an error if the address can't be listened at, and as [`HttpServer::start`] does.
    pub fn serve_http(self, address: impl ToSocketAddrs) -> io::Result<()> {
        let listener = TcpListener::bind(address)?;
        HttpServer::start(self, listener, HttpServeOptions::default())?.wait()
    }
}

/// Serves the clients that connect to `listener`, on the runtime of tokio that polls it, until
/// [`HttpService::close`] is called; then until every connection has ended. Dropping it drops them
/// all.
///
/// Returns an error if the runtime can't take the listener.
pub async fn serve_async(service: HttpService, listener: TcpListener) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let most = service.options().connections.max(1);
    let (tell, stage) = watch::channel(Stage::Open);
    let crowd = Arc::new(Crowd::default());
    let mut connections = JoinSet::new();
    while let Some(accepted) = unless(service.closing(), listener.accept()).await {
        while connections.try_join_next().is_some() {}
        match accepted {
            Ok((stream, peer)) => {
                while connections.len() >= most {
                    crowd.make_room();
                    let ended = unless(service.closing(), connections.join_next()).await;
                    if ended.is_none() {
                        break;
                    }
                }
                crowd.has_room();
                let place = crowd.enter();
                let seat = place.seat();
                let (service, stage) = (service.clone(), stage.clone());
                connections.spawn(async move {
                    let served = connection(service, stream, peer, stage, seat);
                    let _ = unless(place.is_to_leave(), served).await;
                });
            }
            // The client may have gone, or there are too many sockets: neither is the end.
            Err(error) => {
                if !is_of_the_client(&error) {
                    crowd.make_room();
                }
                let pause = tokio::time::sleep(PAUSE);
                match connections.is_empty() {
                    true => pause.await,
                    false => drop(unless(pause, connections.join_next()).await),
                }
            }
        }
    }
    drop(listener);
    // Whoever doesn't listen has ended.
    let _ = tell.send(Stage::Draining);
    service.closed().await;
    let _ = tell.send(Stage::Over);
    while connections.join_next().await.is_some() {}
    Ok(())
}

/// Serves one connection.
async fn connection(
    service: HttpService,
    stream: TcpStream,
    peer: SocketAddr,
    stage: watch::Receiver<Stage>,
    seat: Arc<Seat>,
) {
    let own = Arc::clone(&seat);
    // Without it an event waits for the receipt of the one before.
    let _ = stream.set_nodelay(true);
    let stream = Unread::new(TokioIo::new(stream), service.options().write_timeout);
    let peer = Peer::new(peer.ip().to_string());
    let served = service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(peer.clone());
        let seat = Arc::clone(&seat);
        let answer = service
            .clone()
            .call(request.map(|body| Asked::new(body, &seat)));
        async move {
            let answer = answer.await?;
            Ok::<_, Infallible>(answer.map(|body| Answered::new(body, seat)))
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .serve_connection(stream, served);
    let mut connection = pin!(connection);
    // What a connection has failed with concerns its client alone.
    let draining = reached(stage.clone(), Stage::Draining);
    let last = unless(own.is_to_finish(), draining);
    if unless(last, connection.as_mut()).await.is_some() {
        return;
    }
    connection.as_mut().graceful_shutdown();
    let linger = async {
        if !own.is_finishing() {
            reached(stage, Stage::Over).await;
        }
        tokio::time::sleep(LINGER).await;
    };
    drop(unless(linger, connection).await);
}

/// Whether a connection could not be accepted because its client has gone.
fn is_of_the_client(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionReset | Interrupted
    )
}

async fn reached(mut stage: watch::Receiver<Stage>, wanted: Stage) {
    // Whoever tells of the stages tells of the last one before it ends.
    let _ = stage.wait_for(|stage| *stage >= wanted).await;
}

/// Waits for `future`; `None` if `end` comes first.
async fn unless<F: Future>(end: impl Future, future: F) -> Option<F::Output> {
    let (mut end, mut future) = (pin!(end), pin!(future));
    poll_fn(|cx| match end.as_mut().poll(cx) {
        Poll::Ready(_) => Poll::Ready(None),
        Poll::Pending => future.as_mut().poll(cx).map(Some),
    })
    .await
}
