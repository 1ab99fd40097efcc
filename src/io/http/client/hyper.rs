//! The default stack: hyper on tokio, with rustls where that is on, and the clients that use it.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use core::time::Duration;
use std::io;

use ::tokio::runtime::{Builder, Runtime};
use ::tokio::time::timeout;
#[cfg(feature = "rustls")]
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client as Hyper;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer as HyperTimer};

use super::super::super::blocking::{BlockingClient, Drive as Blocking};
use super::super::super::nonblocking::tokio::TokioTimer;
use super::super::super::nonblocking::{AsyncClient, AsyncDriver, Drive};
use super::super::super::{Clock, Handle};
use super::connection::HttpConnection;
use super::net::Net;
use super::remote::Remote;
use super::service::ServiceNet;
#[cfg(feature = "rustls")]
use super::tls;
use crate::client::{Client, ClientOptions, Event};
use crate::time::Instant;

/// How long a connection that nothing uses is kept.
const IDLE: Duration = Duration::from_secs(90);

#[cfg(feature = "rustls")]
type Connector = HttpsConnector<HttpConnector>;
#[cfg(not(feature = "rustls"))]
type Connector = HttpConnector;

type Connection = HttpConnection<Client, Box<dyn Net + Send>>;

impl AsyncClient {
    /// Creates a client of the server at a URL such as `https://example.com/mcp`, over hyper, and the
    /// future that drives it, which has to be spawned on tokio with its network and its timer.
    /// `https` takes the feature `rustls`.
    ///
    /// Streamable HTTP of either era is spoken, and the pair of endpoints of 2024-11-05 where the
    /// server has only that. Redirects are not followed.
    /// [`ClientOptions::connect_timeout`] holds for each connection.
    ///
    /// What goes wrong names the server, its status, and what came instead of a message.
    ///
    /// ```no_run
    /// # async fn run() -> Result<(), mcp_proto::client::ClientError> {
    /// use mcp_proto::client::ClientOptions;
    /// use mcp_proto::io::{http::Remote, nonblocking::AsyncClient};
    ///
    /// let options = ClientOptions::new("my-client", "1.0");
    /// let remote = Remote::new("https://example.com/mcp").header("authorization", "Bearer ...");
    /// let (client, driver) = AsyncClient::url(options, remote);
    /// tokio::spawn(driver);
    /// for tool in client.list_tools().await?.iter() {
    ///     println!("{}", tool.name);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn url(options: ClientOptions, remote: impl Into<Remote>) -> (Self, AsyncDriver) {
        let stack = Stack::new(&options, remote.into());
        let options = stack.remote.adapt(options);
        let (client, driver) = Self::new(options, async move |client| stack.connect(client));
        (client, AsyncDriver::new(driver))
    }
}

impl BlockingClient {
    /// Creates a client of the server at a URL such as `https://example.com/mcp`, over hyper on the
    /// client's own thread, which needs no runtime. `https` takes the feature `rustls`.
    ///
    /// Otherwise as [`AsyncClient::url`].
    ///
    /// ```no_run
    /// # fn run() -> Result<(), mcp_proto::client::ClientError> {
    /// use mcp_proto::client::ClientOptions;
    /// use mcp_proto::io::blocking::BlockingClient;
    ///
    /// let options = ClientOptions::new("my-client", "1.0");
    /// let client = BlockingClient::url(options, "https://example.com/mcp");
    /// for tool in client.list_tools()?.iter() {
    ///     println!("{}", tool.name);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn url(options: ClientOptions, remote: impl Into<Remote>) -> Self {
        let stack = Stack::new(&options, remote.into());
        let options = stack.remote.adapt(options);
        Self::new(options, move |client| stack.block(client))
    }
}

/// What makes connections: all of hyper that outlives one.
#[derive(Clone)]
struct Stack {
    remote: Arc<Remote>,
    connector: HttpConnector,
}

impl Stack {
    fn new(options: &ClientOptions, remote: Remote) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(options.connect_timeout));
        connector.set_nodelay(true);
        connector.enforce_http(false);
        Self {
            remote: Arc::new(remote),
            connector,
        }
    }

    /// Nothing is sent before the session has something to say.
    fn connect(&self, client: Client) -> io::Result<Connection> {
        #[cfg(not(feature = "rustls"))]
        self.remote.refuse_tls("rustls")?;
        let hyper = Hyper::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE)
            .pool_timer(HyperTimer::new())
            .build(with_tls(self.connector.clone(), &self.remote)?);
        let timer = TokioTimer::default();
        let net = ServiceNet::new(hyper, &self.remote, timer, |error| error.is_connect())?;
        let clock = Clock::start_with(|| ::tokio::time::Instant::now().into_std());
        let net: Box<dyn Net + Send> = Box::new(net);
        Ok(HttpConnection::start(client, clock, &self.remote, net))
    }

    fn block(&self, client: Client) -> io::Result<OnRuntime> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let entered = runtime.enter();
        let connection = self.connect(client)?;
        drop(entered);
        Ok(OnRuntime {
            connection,
            runtime: Some(runtime),
        })
    }
}

#[cfg(feature = "rustls")]
fn with_tls(connector: HttpConnector, remote: &Remote) -> io::Result<Connector> {
    Ok(HttpsConnectorBuilder::new()
        .with_tls_config(tls::config(remote)?)
        .https_or_http()
        .enable_http1()
        .wrap_connector(connector))
}

#[cfg(not(feature = "rustls"))]
fn with_tls(connector: HttpConnector, _: &Remote) -> io::Result<Connector> {
    Ok(connector)
}

/// A connection and the runtime that it lives on, for the thread that drives it.
struct OnRuntime {
    connection: Connection,
    /// Taken at the end.
    runtime: Option<Runtime>,
}

impl OnRuntime {
    fn next(&mut self, limit: Duration) -> io::Result<Option<Event>> {
        let Some(runtime) = &self.runtime else {
            return Ok(None);
        };
        let next = self.connection.next();
        match limit {
            Duration::MAX => runtime.block_on(next),
            limit => {
                let limited = async { timeout(limit, next).await };
                runtime.block_on(limited).unwrap_or(Ok(None))
            }
        }
    }
}

impl Blocking for OnRuntime {
    type Session = Client;

    fn next_event(&mut self) -> io::Result<Option<Event>> {
        self.next(Duration::MAX)
    }

    fn next_event_before(&mut self, deadline: Instant) -> io::Result<Option<Event>> {
        self.next(deadline - self.connection.handle().now())
    }

    fn handle(&self) -> Handle<Client> {
        self.connection.handle()
    }

    fn describe_peer(&mut self) -> Option<String> {
        self.connection.describe_peer()
    }
}

impl Drop for OnRuntime {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // A name that is still being looked up is waited for by nobody.
            runtime.shutdown_background();
        }
    }
}
