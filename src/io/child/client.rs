//! The high-level clients over a server process, in one line.

use super::Command;
use crate::client::ClientOptions;
use crate::io::blocking::BlockingClient;
use crate::io::nonblocking::{AsyncClient, AsyncDriver};
use crate::io::thread::on_thread;

impl BlockingClient {
    /// Creates a client of the server that `command` starts, each time a connection is needed.
    ///
    /// What goes wrong names the program, how it has ended, its last words on its standard error,
    /// and what came instead of a message.
    ///
    /// ```no_run
    /// # fn run() -> Result<(), mcp_proto::client::ClientError> {
    /// use mcp_proto::client::ClientOptions;
    /// use mcp_proto::io::{blocking::BlockingClient, child::Command};
    ///
    /// let options = ClientOptions::new("my-client", "1.0");
    /// let client = BlockingClient::child(options, Command::new("my-server").arg("--quiet"));
    /// for tool in client.list_tools()?.iter() {
    ///     println!("{}", tool.name);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn child(options: ClientOptions, command: Command) -> Self {
        Self::new(options, move |client| command.clone().connect(client))
    }
}

impl AsyncClient {
    /// Creates a client of the server that `command` starts, each time a connection is needed, and
    /// the future that drives it, on any runtime: threads do what blocks.
    ///
    /// What goes wrong names the program, how it has ended, its last words on its standard error,
    /// and what came instead of a message.
    ///
    /// ```no_run
    /// # #[cfg(feature = "tokio")]
    /// # async fn run() -> Result<(), mcp_proto::client::ClientError> {
    /// use mcp_proto::client::ClientOptions;
    /// use mcp_proto::io::{child::Command, nonblocking::AsyncClient};
    ///
    /// let options = ClientOptions::new("my-client", "1.0");
    /// let (client, driver) = AsyncClient::child(options, Command::new("my-server"));
    /// tokio::spawn(driver);
    /// for tool in client.list_tools().await?.iter() {
    ///     println!("{}", tool.name);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn child(options: ClientOptions, command: Command) -> (Self, AsyncDriver) {
        let (client, driver) = Self::new(options, async move |client| {
            let command = command.clone();
            on_thread("mcp connector", move || command.connect_async(client)).await
        });
        (client, AsyncDriver::new(driver))
    }
}
