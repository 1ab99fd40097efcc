//! The high-level clients over a socket, in one line.

use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use std::io;
use std::net::TcpStream;
#[cfg(unix)]
use std::os::unix::net::UnixStream;
#[cfg(unix)]
use std::path::PathBuf;

use super::Handle;
use super::blocking::{BlockingClient, Connection, Drive};
use super::nonblocking::{AsyncClient, AsyncDriver, Threaded};
use super::thread::on_thread;
use crate::client::{Client, ClientOptions, Event};
use crate::time::Instant;

impl BlockingClient {
    /// Creates a client of the server that listens at `address`, a host and a port such as
    /// `localhost:4000`, and connects each time a connection is needed.
    ///
    /// What goes wrong names the address, and what came instead of a message.
    ///
    /// ```no_run
    /// # fn run() -> Result<(), mcp_proto::client::ClientError> {
    /// use mcp_proto::client::ClientOptions;
    /// use mcp_proto::io::blocking::BlockingClient;
    ///
    /// let client = BlockingClient::tcp(ClientOptions::new("my-client", "1.0"), "localhost:4000");
    /// for tool in client.list_tools()?.iter() {
    ///     println!("{}", tool.name);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn tcp(options: ClientOptions, address: impl Into<String>) -> Self {
        let address = address.into();
        Self::new(options, move |client| tcp(&address, client))
    }

    /// As [`tcp`](Self::tcp), over the socket of the file system that is called `path`.
    #[cfg(unix)]
    pub fn unix(options: ClientOptions, path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        Self::new(options, move |client| unix(&path, client))
    }
}

impl AsyncClient {
    /// Creates a client of the server that listens at `address`, a host and a port such as
    /// `localhost:4000`, and the future that drives it, on any runtime: threads do what blocks. It
    /// connects each time a connection is needed.
    ///
    /// What goes wrong names the address, and what came instead of a message.
    ///
    /// ```no_run
    /// # #[cfg(feature = "tokio")]
    /// # async fn run() -> Result<(), mcp_proto::client::ClientError> {
    /// use mcp_proto::client::ClientOptions;
    /// use mcp_proto::io::nonblocking::AsyncClient;
    ///
    /// let options = ClientOptions::new("my-client", "1.0");
    /// let (client, driver) = AsyncClient::tcp(options, "localhost:4000");
    /// tokio::spawn(driver);
    /// for tool in client.list_tools().await?.iter() {
    ///     println!("{}", tool.name);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn tcp(options: ClientOptions, address: impl Into<String>) -> (Self, AsyncDriver) {
        let address = address.into();
        over(options, move |client| tcp(&address, client))
    }

    /// As [`tcp`](Self::tcp), over the socket of the file system that is called `path`.
    #[cfg(unix)]
    pub fn unix(options: ClientOptions, path: impl Into<PathBuf>) -> (Self, AsyncDriver) {
        let path = path.into();
        over(options, move |client| unix(&path, client))
    }
}

/// A client whose connections are made, and driven, by threads.
fn over(
    options: ClientOptions,
    connect: impl Fn(Client) -> io::Result<Named> + Send + Sync + 'static,
) -> (AsyncClient, AsyncDriver) {
    let connect = Arc::new(connect);
    let (client, driver) = AsyncClient::new(options, async move |client| {
        let connect = Arc::clone(&connect);
        on_thread("mcp connector", move || Threaded::new(connect(client)?)).await
    });
    (client, AsyncDriver::new(driver))
}

fn tcp(address: &str, client: Client) -> io::Result<Named> {
    let socket = TcpStream::connect(address).map_err(|error| unreachable(address, &error))?;
    Ok(Named {
        connection: Connection::tcp(client, socket)?,
        name: address.into(),
    })
}

#[cfg(unix)]
fn unix(path: &std::path::Path, client: Client) -> io::Result<Named> {
    let name = format!("{}", path.display());
    let socket = UnixStream::connect(path).map_err(|error| unreachable(&name, &error))?;
    Ok(Named {
        connection: Connection::unix(client, socket)?,
        name,
    })
}

fn unreachable(name: &str, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("can't connect to `{name}`: {error}"))
}

/// A connection whose errors name the peer.
struct Named {
    connection: Connection<Client>,
    name: String,
}

impl Named {
    fn named(&self, error: io::Error) -> io::Error {
        io::Error::new(error.kind(), format!("`{}`: {error}", self.name))
    }
}

impl Drive for Named {
    type Session = Client;

    fn next_event(&mut self) -> io::Result<Option<Event>> {
        self.connection.next().map_err(|error| self.named(error))
    }

    fn next_event_before(&mut self, deadline: Instant) -> io::Result<Option<Event>> {
        let next = self.connection.next_before(deadline);
        next.map_err(|error| self.named(error))
    }

    fn handle(&self) -> Handle<Client> {
        self.connection.handle()
    }

    fn describe_peer(&mut self) -> Option<String> {
        Some(match self.handle().describe_input() {
            Some(junk) => format!("`{}`; {junk}", self.name),
            None => format!("`{}`", self.name),
        })
    }
}
