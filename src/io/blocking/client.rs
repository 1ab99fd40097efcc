//! The high-level client for threads: a handle that any number of them use at once. A thread of its
//! own drives each connection, and what answers the server runs on a pool beside it.

use alloc::string::String;
use alloc::sync::Arc;
use core::fmt;
use std::io;
use std::sync::{Mutex, PoisonError};

use serde::Serialize;

use super::super::hub::Hub;
use super::super::nonblocking::client::{AsyncClient, catch_panic};
use super::super::slot::block_on;
use super::connection::Drive;
use super::pool::{Job, Pool, THREADS};
use super::threads::spawn;
use crate::client::{
    Client, ClientError, ClientOptions, Listed, Output, Reaction, Request, ResourceOutput,
    ToolCall, ToolOutput,
};
use crate::model::capability::ServerCapabilities;
use crate::model::completion::{CompleteParams, CompleteResult};
use crate::model::initialize::Implementation;
use crate::model::logging::LoggingLevel;
use crate::model::prompt::{GetPromptParams, GetPromptResult, Prompt};
use crate::model::resource::{Resource, ResourceTemplate};
use crate::model::subscription::SubscriptionFilter;
use crate::model::tool::{CallToolResult, Tool};
use crate::revision::Revision;
use crate::session::SubscriptionId;

/// The high-level client of one server, for any number of threads at once. Cheap to clone.
///
/// An operation connects to the server if it has to, and the connection ends with the last operation;
/// between [`open`](Self::open) and [`close`](Self::close) it stays. Dropping the last handle ends
/// it too.
///
/// ```no_run
/// # #[cfg(feature = "child")]
/// # fn run() -> Result<(), mcp_proto::client::ClientError> {
/// use mcp_proto::client::ClientOptions;
/// use mcp_proto::io::blocking::BlockingClient;
/// use mcp_proto::io::child::Command;
///
/// let client = BlockingClient::new(ClientOptions::new("my-client", "1.0"), |client| {
///     Command::new("my-server").connect(client)
/// });
/// client.open()?;
/// for tool in client.list_tools()?.iter() {
///     println!("{}", tool.name);
/// }
/// println!("{:?}", client.call_tool("greet", &serde_json::json!({"name": "Ada"}))?.value);
/// client.close()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct BlockingClient {
    inner: AsyncClient,
}

impl BlockingClient {
    /// A client. `connect` puts the client it is given between the streams of a new connection, or
    /// starts a process for it, each time one is needed.
    pub fn new<F, C>(options: ClientOptions, connect: F) -> Self
    where
        F: FnMut(Client) -> io::Result<C> + Send + 'static,
        C: Drive<Session = Client> + 'static,
    {
        let connect = Arc::new(Mutex::new(connect));
        let launch = move |hub: &Arc<Hub>| {
            let (connect, driven) = (Arc::clone(&connect), Arc::clone(hub));
            let run = move || {
                let mut ending = Ending(driven, None);
                if let Some(client) = ending.0.next_client() {
                    let mut connect = connect.lock().unwrap_or_else(PoisonError::into_inner);
                    let connected = connect(client);
                    drop(connect);
                    ending.1 = match connected {
                        Ok(connection) => drive(&ending.0, connection),
                        Err(error) => Some(error),
                    };
                }
            };
            if let Err(error) = spawn("mcp client", run) {
                hub.ended(Some(error));
            }
        };
        let hub = Hub::new(options, Some(alloc::boxed::Box::new(launch)));
        Self {
            inner: AsyncClient { hub },
        }
    }

    /// What the client was told.
    pub fn options(&self) -> &ClientOptions {
        self.inner.options()
    }

    /// Whether anybody wants the connection: it was opened, or an operation is under way.
    pub fn is_running(&self) -> bool {
        self.inner.is_running()
    }

    /// The server's name and version; `None` when it doesn't say. Kept after the close.
    ///
    /// Errs before the first opening.
    pub fn server_info(&self) -> Result<Option<Implementation<'static>>, ClientError> {
        self.inner.server_info()
    }

    /// What the server can do; `None` when it was not asked. Kept after the close.
    ///
    /// Errs before the first opening.
    pub fn capabilities(&self) -> Result<Option<ServerCapabilities<'static>>, ClientError> {
        self.inner.capabilities()
    }

    /// What a model should know of the server; `None` when it says nothing. Kept after the close.
    ///
    /// Errs before the first opening.
    pub fn instructions(&self) -> Result<Option<String>, ClientError> {
        self.inner.instructions()
    }

    /// The revision that was agreed, for logs. Errs before the first opening.
    pub fn revision(&self) -> Result<Option<Revision>, ClientError> {
        self.inner.revision()
    }

    /// Calls the tool `name` with `arguments`, an object, and says what its result means; links in
    /// it are read.
    ///
    /// Errs with [`ClientError::Retry`] when the tool failed or the server refused.
    pub fn call_tool<T: Serialize + ?Sized>(
        &self,
        name: &str,
        arguments: &T,
    ) -> Result<ToolOutput, ClientError> {
        block_on(self.inner.call_tool(name, arguments))
    }

    /// Ends a subscription. Errs when it isn't open any more.
    pub fn unsubscribe(&self, subscription: SubscriptionId) -> Result<(), ClientError> {
        self.inner.unsubscribe(subscription)
    }

    /// Tells the server that the roots have changed, if there is a connection.
    pub fn roots_changed(&self) -> Result<(), ClientError> {
        self.inner.roots_changed()
    }
}

/// Declares what waits for the operation of that name of [`AsyncClient`].
macro_rules! blocking {
    ($($(#[$about:meta])* $name:ident($($parameter:ident: $type:ty),*) -> $result:ty;)*) => {
        impl BlockingClient { $(
            $(#[$about])*
            pub fn $name(&self $(, $parameter: $type)*) -> Result<$result, ClientError> {
                block_on(self.inner.$name($($parameter),*))
            }
        )* }
    };
}

blocking! {
    /// Connects, unless somebody has done so already, and keeps the connection until
    /// [`close`](Self::close) was called as often as this.
    open() -> ();
    /// Takes one opening back; with the last one, and no operation under way, the connection ends,
    /// which this waits for.
    ///
    /// Errs when there is no opening to take back.
    close() -> ();
    /// Has a request done, whatever it is.
    run(request: Request) -> Output;
    /// As [`call_tool`](Self::call_tool), with all that can be said of a call.
    call(call: ToolCall) -> ToolOutput;
    /// All tools, under their server's names, in its order. Kept until the list changes.
    list_tools() -> Listed<Tool<'static>>;
    /// All resources; none, without asking, when the server has no resources. Kept until the list
    /// changes.
    list_resources() -> Listed<Resource<'static>>;
    /// All resource templates; none, without asking, when the server has no resources.
    list_resource_templates() -> Listed<ResourceTemplate<'static>>;
    /// All prompts. Kept until the list changes.
    list_prompts() -> Listed<Prompt<'static>>;
    /// Calls a tool by its server's name for it, without the hook, and gives the result as it came.
    direct_call_tool(call: ToolCall) -> CallToolResult<'static>;
    /// Reads a resource.
    read_resource(uri: &str) -> ResourceOutput;
    /// Gets a prompt, filled in.
    get_prompt(params: GetPromptParams<'static>) -> GetPromptResult<'static>;
    /// Asks what an argument of a prompt or a variable of a template may become.
    complete(params: CompleteParams<'static>) -> CompleteResult<'static>;
    /// Asks the server for a sign of life.
    ping() -> ();
    /// Sets the least level of log messages, for as long as the connection lasts.
    set_log_level(level: LoggingLevel) -> ();
    /// Subscribes to changes, for as long as the connection lasts; they go to
    /// [`ClientOptions::on_event`]. Gives what the server honours.
    subscribe(filter: SubscriptionFilter<'static>) -> (SubscriptionId, SubscriptionFilter<'static>);
}

/// Drives one connection to its end, and what stands behind it to its own; gives what its streams
/// failed with.
fn drive<C: Drive<Session = Client>>(hub: &Arc<Hub>, mut connection: C) -> Option<io::Error> {
    let handle = connection.handle();
    let pool = Pool::new(THREADS);
    hub.connected(&handle);
    let failed = loop {
        let event = match connection.next_event() {
            Ok(Some(event)) => event,
            Ok(None) => break None,
            Err(error) => break Some(error),
        };
        match hub.take(&handle, event) {
            Some(Reaction::Now(run)) => catch_panic(run),
            // What a panic leaves unanswered is answered as its right to answer is dropped.
            Some(Reaction::Aside(run)) => pool.run(Job::new(run, |_| {})),
            None => {}
        }
    };
    failed.or(connection.end().err())
}

/// Says that a connection has ended, and why, even when its thread panics.
struct Ending(Arc<Hub>, Option<io::Error>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.ended(self.1.take());
    }
}

impl fmt::Debug for BlockingClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlockingClient")
            .field("name", &self.options().name())
            .finish_non_exhaustive()
    }
}
