//! The high-level client for threads: a handle that any number of them use at once. A thread of its
//! own drives each connection, and what answers the server runs on a pool beside it.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use core::fmt;
use core::pin::Pin;
use std::io;
use std::sync::{Condvar, Mutex, PoisonError};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::super::alarm::{Alarm, sleep};
use super::super::block_on::block_on;
use super::super::hub::{End, Hub};
use super::super::nonblocking::client::AsyncClient;
use super::super::panics::try_run;
use super::super::thread::spawn;
use super::canceller::Canceller;
use super::connection::Drive;
use super::drivers::Drivers;
use crate::client::{
    Client, ClientError, ClientOptions, Listed, Operation, Output, ResourceOutput, ToolCall,
    ToolOutput,
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
/// An operation connects to the server if it has to, and the connection ends with the last
/// operation; between [`open`](Self::open) and [`close`](Self::close) it stays. Dropping the last
/// handle ends it too, and waits until it has ended, a server's process included, but at most ten
/// seconds.
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
    // The order matters: the last handle first ends the connection, then waits for its end.
    pub(super) inner: AsyncClient,
    drivers: Drivers,
    canceller: Option<Canceller>,
}

impl BlockingClient {
    /// Creates a client. `connect` puts the client it is given between the streams of a new
    /// connection, or starts a process for it, each time one is needed.
    pub fn new<F, C>(options: ClientOptions, mut connect: F) -> Self
    where
        F: FnMut(Client) -> io::Result<C> + Send + 'static,
        C: Drive<Session = Client> + 'static,
    {
        let connect = move |client| -> io::Result<Driven> { Ok(Box::new(connect(client)?)) };
        Self::connecting(options, Box::new(connect))
    }

    // Compiled once for all functions and connections.
    fn connecting(options: ClientOptions, connect: Connect) -> Self {
        let connector = Arc::new(Connector::new(connect));
        let drivers = Drivers::default();
        let starter = drivers.starter();
        let launch = move |hub: &Arc<Hub>| {
            let Some((generation, client)) = hub.next_client() else {
                return;
            };
            let (connector, driven) = (Arc::clone(&connector), Arc::clone(hub));
            let running = starter.begin();
            let run = move || {
                running.enter();
                let connected = try_run(|| connector.connect(&driven, generation, client));
                let end = match connected {
                    Ok(Ok(connection)) => try_run(|| drive(&driven, generation, connection)),
                    Ok(Err(error)) => Ok(End::failed(error)),
                    Err(message) => Ok(End::panicked("`connect`", &message)),
                };
                let end = end.unwrap_or_else(|message| End::panicked("the connection", &message));
                driven.ended(generation, end);
            };
            if let Err(error) = spawn("mcp client", run) {
                hub.ended(generation, End::failed(error));
            }
        };
        let sleep = |time| -> Pin<Box<dyn Future<Output = ()> + Send>> { Box::pin(sleep(time)) };
        let hub = Hub::new(options, Some(Box::new(launch)), Box::new(sleep));
        Self {
            inner: AsyncClient { hub },
            drivers,
            canceller: None,
        }
    }

    /// Returns the options of this client.
    pub fn options(&self) -> &ClientOptions {
        self.inner.options()
    }

    /// Returns the same client, with operations that `canceller` ends from other threads.
    #[must_use]
    pub fn with_canceller(&self, canceller: &Canceller) -> Self {
        Self {
            inner: self.inner.clone(),
            drivers: self.drivers.clone(),
            canceller: Some(canceller.clone()),
        }
    }

    pub(super) fn wait<T>(
        &self,
        operation: impl Future<Output = Result<T, ClientError>>,
    ) -> Result<T, ClientError> {
        match &self.canceller {
            Some(canceller) => block_on(canceller.or_cancelled(operation)),
            None => block_on(operation),
        }
    }

    /// Returns whether anybody wants the connection: it was opened, or an operation is under way.
    pub fn is_running(&self) -> bool {
        self.inner.is_running()
    }

    /// Returns the server's name and version; `None` when it doesn't say. Kept after the close.
    ///
    /// Returns an error before the first opening.
    pub fn server_info(&self) -> Result<Option<Implementation<'static>>, ClientError> {
        self.inner.server_info()
    }

    /// Returns what the server can do; `None` when it was not asked. Kept after the close.
    ///
    /// Returns an error before the first opening.
    pub fn capabilities(&self) -> Result<Option<ServerCapabilities<'static>>, ClientError> {
        self.inner.capabilities()
    }

    /// Returns what a model should know of the server; `None` when it gives none. Kept after the
    /// close.
    ///
    /// Returns an error before the first opening.
    pub fn instructions(&self) -> Result<Option<String>, ClientError> {
        self.inner.instructions()
    }

    /// Returns the revision that was agreed, for logs. Returns an error before the first opening.
    pub fn revision(&self) -> Result<Option<Revision>, ClientError> {
        self.inner.revision()
    }

    /// Calls the tool `name` with `arguments`, an object, and says what its result means; links in
    /// it are read.
    ///
    /// Returns [`ClientError::Retry`] if the tool failed or the server refused.
    pub fn call_tool(
        &self,
        name: &str,
        arguments: impl Serialize,
    ) -> Result<ToolOutput, ClientError> {
        self.wait(self.inner.call_tool(name, arguments))
    }

    /// Calls the tool `name` and gives what it said as a value of Rust: the structured content if
    /// there is any, else the JSON or the text of the content.
    ///
    /// ```
    /// # fn run(client: mcp_proto::BlockingClient) -> Result<(), mcp_proto::client::ClientError> {
    /// let sum: i64 = client.call_tool_as("add", serde_json::json!({"a": 2, "b": 40}))?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Returns an error as [`call_tool`](Self::call_tool) does, and [`ClientError::Decode`] if the
    /// answer doesn't fit.
    pub fn call_tool_as<T: DeserializeOwned>(
        &self,
        name: &str,
        arguments: impl Serialize,
    ) -> Result<T, ClientError> {
        self.wait(self.inner.call_tool_as(name, arguments))
    }

    /// Ends a subscription. Returns an error if it isn't open any more.
    pub fn unsubscribe(&self, subscription: SubscriptionId) -> Result<(), ClientError> {
        self.inner.unsubscribe(subscription)
    }

    /// Tells the server that the roots have changed, if there is a connection.
    ///
    /// Deprecated since 2026-07-28: take directories and files as arguments of tools, resource URIs
    /// or configuration. See [`root`](crate::model::root#deprecated).
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
                self.wait(self.inner.$name($($parameter),*))
            }
        )* }
    };
}

blocking! {
    /// Connects, unless somebody has done so already, and keeps the connection until
    /// [`close`](Self::close) was called as often as this.
    open() -> ();
    /// Takes one opening back; with the last one, and no operation under way, the connection ends,
    /// which this waits for, as it does for the functions that are told of earlier events.
    ///
    /// Returns an error if there is no opening to take back.
    close() -> ();
    /// Performs any operation.
    run(request: Operation) -> Output;
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
    /// Asks the server whether it is alive.
    ping() -> ();
    /// Sets the least level of log messages, for as long as the connection lasts.
    ///
    /// Deprecated since 2026-07-28: log to stderr, or use OpenTelemetry. See
    /// [`logging`](crate::model::logging#deprecated).
    set_log_level(level: LoggingLevel) -> ();
    /// Subscribes to changes, for as long as the connection lasts; they go to
    /// [`ClientOptions::on_event`]. Gives what the server honours.
    subscribe(filter: SubscriptionFilter<'static>) -> (SubscriptionId, SubscriptionFilter<'static>);
}

/// The user's function that connects.
type Connect = Box<dyn FnMut(Client) -> io::Result<Driven> + Send>;
type Driven = Box<dyn Drive<Session = Client>>;

/// The function that connects, which one thread at a time has.
struct Connector {
    function: Mutex<Option<Connect>>,
    returned: Condvar,
}

impl Connector {
    fn new(function: Connect) -> Self {
        Self {
            function: Mutex::new(Some(function)),
            returned: Condvar::new(),
        }
    }

    /// Connects. Whoever waits for the connection waits no longer than the options say.
    fn connect(&self, hub: &Arc<Hub>, generation: u64, client: Client) -> io::Result<Driven> {
        let late = Arc::clone(hub);
        let time = hub.options.connect_timeout;
        let _alarm = Alarm::set(time, move || late.connect_timed_out(generation))?;
        let function = self.function.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self
            .returned
            .wait_timeout_while(function, time, |function| function.is_none());
        let mut function = waited.unwrap_or_else(PoisonError::into_inner).0;
        let taken = function.take();
        drop(function);
        let mut taken = Taken(self, taken);
        match &mut taken.1 {
            Some(function) => function(client),
            None => Err(io::Error::new(
                io::ErrorKind::TimedOut,
                "an earlier attempt to connect has not returned",
            )),
        }
    }
}

/// Gives the function back, even when it panics.
struct Taken<'a>(&'a Connector, Option<Connect>);

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        let Some(function) = self.1.take() else {
            return;
        };
        let mut place = self
            .0
            .function
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *place = Some(function);
        drop(place);
        self.0.returned.notify_one();
    }
}

/// Drives one connection to its end, and what stands behind it to its own.
fn drive(hub: &Arc<Hub>, generation: u64, mut connection: Driven) -> End {
    let handle = connection.handle();
    hub.connected(&handle, generation);
    let failed = loop {
        match connection.next_event() {
            Ok(Some(event)) if hub.is_current(generation) => hub.take(&handle, event),
            Ok(Some(_)) => {}
            Ok(None) => break None,
            Err(error) => break Some(error),
        }
    };
    let peer = connection.describe_peer();
    let error = failed.or(connection.end().err());
    End { error, peer }
}

impl fmt::Debug for BlockingClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlockingClient")
            .field("name", &self.options().name())
            .finish_non_exhaustive()
    }
}
