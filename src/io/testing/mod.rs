//! Connects a client to a server of the same program, for tests of one's own server or client: over
//! pipes in memory, by the same adapters as everywhere else, so that a test sees what a host would.
//!
//! [`connect`] gives an open [`BlockingClient`]: call a tool and look at what comes back. No process,
//! no port, no sleeping; the threads end with the client.
//!
//! ```
//! use mcp_proto::{Server, Tool, testing};
//! use serde_json::json;
//!
//! # #[cfg(feature = "schemars")]
//! #[derive(serde::Deserialize)]
//! struct Add {
//!     a: i64,
//!     b: i64,
//! }
//!
//! # #[cfg(feature = "schemars")]
//! fn server() -> Server {
//!     let schema = json!({"type": "object", "required": ["a", "b"]});
//!     Server::new("adder", "1.0").tool(Tool::new("add", schema.into()), |_, Add { a, b }| Ok(a + b))
//! }
//!
//! # #[cfg(not(feature = "schemars"))]
//! # fn main() {}
//! # #[cfg(feature = "schemars")]
//! # fn main() -> Result<(), mcp_proto::client::ClientError> {
//! // In a file of your tests this is a function with `#[test]`.
//! let client = testing::connect(server());
//! assert_eq!(client.list_tools()?.len(), 1);
//! assert_eq!(client.call_tool_as::<i64>("add", json!({"a": 2, "b": 40}))?, 42);
//! let error = client.call_tool("add", json!({"a": 2})).unwrap_err();
//! assert!(error.to_string().contains("missing field `b`"), "{error}");
//! # Ok(())
//! # }
//! ```
//!
//! What the server asks for, functions in the options answer, and the options also say which era is
//! spoken: a server that asks should be tested in both.
//!
//! ```
//! use mcp_proto::model::elicitation::{ElicitRequestFormParams, ElicitResult};
//! use mcp_proto::model::form::FormContent;
//! use mcp_proto::model::schema::StringSchema;
//! use mcp_proto::server::{Context, Elicited};
//! use mcp_proto::session::EraPolicy;
//! use mcp_proto::{ClientOptions, Server, Tool, testing};
//! use serde_json::{Value, json};
//!
//! # #[cfg(feature = "schemars")]
//! #[derive(serde::Deserialize)]
//! struct Name {
//!     name: String,
//! }
//!
//! # #[cfg(not(feature = "schemars"))]
//! # fn main() {}
//! # #[cfg(feature = "schemars")]
//! # fn main() -> Result<(), mcp_proto::client::ClientError> {
//! let greet = Tool::new("greet", json!({"type": "object"}).into());
//! let server = Server::new("greeter", "1.0").tool(greet, |context: &Context, _: Value| {
//!     let form = ElicitRequestFormParams::new("Who are you?").required("name", StringSchema::new());
//!     match context.elicit::<Name>("who", form)? {
//!         Elicited::Accepted(Name { name }) => Ok(format!("Hello, {name}!")),
//!         _ => Ok("Hello, whoever you are!".to_owned()),
//!     }
//! });
//! for era in [EraPolicy::Legacy, EraPolicy::Modern] {
//!     let options = ClientOptions::default().era(era).elicitation(|_| {
//!         Ok(ElicitResult::accept(FormContent::new().with("name", "Ada")))
//!     });
//!     let client = testing::connect_with(server.clone(), options);
//!     assert_eq!(client.call_tool("greet", json!({}))?.value.as_text(), Some("Hello, Ada!"));
//! }
//! # Ok(())
//! # }
//! ```

#[cfg(feature = "tokio")]
mod memory;
#[cfg(feature = "tokio")]
mod nonblocking;

use core::time::Duration;
use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};

use super::Handle;
use super::blocking::{BlockingClient, Connection, Drive, ServeOptions, serve_connection};
use super::jobs::refused;
use super::thread::spawn;
use crate::client::{Client, ClientOptions, Event};
use crate::server::Server;
use crate::time::Instant;

#[cfg(feature = "tokio")]
pub use nonblocking::{connect_async, connect_async_with};

/// How long the end of a connection waits for the server's handlers.
const END: Duration = Duration::from_secs(5);

/// Connects a client to `server`, with defaults for everything.
///
/// The client is open when this returns. When it can't be opened, as with a server that
/// [`check`](Server::check) refuses, every operation of it returns an error that says why.
pub fn connect(server: Server) -> BlockingClient {
    connect_with(server, ClientOptions::default())
}

/// Connects a client of these options to `server`. See [`connect`].
pub fn connect_with(server: Server, options: ClientOptions) -> BlockingClient {
    let client = BlockingClient::new(options, move |client| Pair::new(client, &server));
    // Whoever uses it hears of the error, as it is tried again then.
    drop(client.open());
    client
}

/// A connection to a server that a thread of this process serves.
struct Pair {
    connection: Connection<Client>,
    served: Receiver<io::Result<()>>,
}

impl Pair {
    fn new(client: Client, server: &Server) -> io::Result<Self> {
        server.check().map_err(refused)?;
        let (from_client, to_server) = io::pipe()?;
        let (from_server, to_client) = io::pipe()?;
        let service = Connection::new(server.service(), from_client, to_client)?;
        let (end, served) = channel();
        spawn("mcp server", move || {
            // Nobody may be interested any more.
            drop(end.send(serve_connection(service, ServeOptions::default())));
        })?;
        let connection = Connection::new(client, from_server, to_server)?;
        Ok(Self { connection, served })
    }
}

impl Drive for Pair {
    type Session = Client;

    fn next_event(&mut self) -> io::Result<Option<Event>> {
        self.connection.next()
    }

    fn next_event_before(&mut self, deadline: Instant) -> io::Result<Option<Event>> {
        self.connection.next_before(deadline)
    }

    fn handle(&self) -> Handle<Client> {
        self.connection.handle()
    }

    fn end(&mut self) -> io::Result<()> {
        self.connection.stop();
        match self.served.recv_timeout(END) {
            Ok(served) => served,
            // Its second end was told of, or it panicked, which its thread has said.
            Err(RecvTimeoutError::Disconnected) => Ok(()),
            Err(RecvTimeoutError::Timeout) => Err(io::Error::new(
                io::ErrorKind::TimedOut,
                "the server's handlers have not ended",
            )),
        }
    }
}
