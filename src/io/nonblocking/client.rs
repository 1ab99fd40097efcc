//! The high-level client for asynchronous code on any runtime: a handle for many tasks at once, and
//! one future that drives its connections.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use core::fmt;
use core::future::poll_fn;
use core::mem;
use core::pin::{Pin, pin};
use core::task::{Context, Poll};
use core::time::Duration;
use std::io;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::super::alarm;
use super::super::hub::{Connecting, End, Hub, Outcome, ServerIdentity};
use super::super::panics::try_run;
use super::driven::{Drive, ROUNDS};
use crate::client::driver::{after, before};
use crate::client::{
    Client, ClientError, ClientOptions, Listed, Operation, Output, Outputs, Reconnect,
    ResourceOutput, ToolCall, ToolOutput,
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
use crate::session::{Delivery, Misuse, SubscriptionId};

/// The high-level client of one server, for any number of tasks at once. Cheap to clone.
///
/// What drives it, a future that is made with it, has to be polled beside it, as a task of its own or
/// in a `select`. An operation connects to the server if it has to, and the connection ends with the
/// last operation; between [`open`](Self::open) and [`close`](Self::close) it stays. Dropping the
/// future of an operation cancels it. Dropping the driver ends the connection, and the client with
/// it; the driver ends when all handles are gone.
///
/// ```
/// # #[cfg(feature = "tokio")]
/// # async fn run() -> Result<(), mcp_proto::client::ClientError> {
/// use mcp_proto::client::ClientOptions;
/// use mcp_proto::io::nonblocking::AsyncClient;
/// use mcp_proto::io::nonblocking::tokio::Connection;
///
/// let options = ClientOptions::new("my-client", "1.0");
/// let (client, driver) = AsyncClient::new(options, async |client| {
///     Ok(Connection::new(client, tokio::io::stdin(), tokio::io::stdout()))
/// });
/// tokio::spawn(driver);
/// let output = client.call_tool("greet", serde_json::json!({"name": "Ada"})).await;
/// # Ok(())
/// # }
/// ```
pub struct AsyncClient {
    pub(in crate::io) hub: Arc<Hub>,
}

impl AsyncClient {
    /// Creates a client, and the future that drives it. `connect` puts the client it is given
    /// between the streams of a new connection, each time one is needed.
    pub fn new<F, C>(
        options: ClientOptions,
        connect: F,
    ) -> (Self, impl Future<Output = ()> + use<F, C>)
    where
        F: AsyncFnMut(Client) -> io::Result<C>,
        C: Drive<Session = Client>,
    {
        Self::with_sleep(options, alarm::sleep, connect)
    }

    /// As [`new`](Self::new), with the runtime's own timer, such as `tokio::time::sleep`, for the
    /// deadline of connecting and for the time between two tries. Without it a thread keeps the
    /// time, if there is any to keep.
    pub fn with_sleep<S, T, F, C>(
        options: ClientOptions,
        sleep: S,
        connect: F,
    ) -> (Self, impl Future<Output = ()> + use<S, T, F, C>)
    where
        S: Fn(Duration) -> T + Send + Sync + 'static,
        T: Future<Output = ()> + Send + 'static,
        F: AsyncFnMut(Client) -> io::Result<C>,
        C: Drive<Session = Client>,
    {
        let sleep =
            move |time| -> Pin<Box<dyn Future<Output = ()> + Send>> { Box::pin(sleep(time)) };
        let hub = Hub::new(options, None, Box::new(sleep));
        let client = Self {
            hub: Arc::clone(&hub),
        };
        (client, run(Driving(hub), connect))
    }

    /// Returns the options of this client.
    pub fn options(&self) -> &ClientOptions {
        &self.hub.options
    }

    /// Connects, unless somebody has done so already, and keeps the connection until
    /// [`close`](Self::close) was called as often as this.
    pub async fn open(&self) -> Result<(), ClientError> {
        self.hub.acquire().await?.keep();
        Ok(())
    }

    /// Takes one opening back; with the last one, and no operation under way, the connection ends,
    /// which this waits for, as it does for the functions that are told of earlier events.
    ///
    /// Returns an error if there is no opening to take back.
    pub async fn close(&self) -> Result<(), ClientError> {
        match self.hub.release()? {
            Some(end) => {
                end.wait().await;
                self.hub.news_told().await;
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Returns whether anybody wants the connection: it was opened, or an operation is under way.
    pub fn is_running(&self) -> bool {
        self.hub.has_users()
    }

    fn about(&self, what: &'static str) -> Result<Arc<ServerIdentity>, ClientError> {
        self.hub.about().ok_or(ClientError::NotOpened(what))
    }

    /// Returns the server's name and version; `None` when it doesn't say. Kept after the close.
    ///
    /// Returns an error before the first opening.
    pub fn server_info(&self) -> Result<Option<Implementation<'static>>, ClientError> {
        Ok(self.about("server info")?.info.clone())
    }

    /// Returns what the server can do; `None` when it was not asked. Kept after the close.
    ///
    /// Returns an error before the first opening.
    pub fn capabilities(&self) -> Result<Option<ServerCapabilities<'static>>, ClientError> {
        Ok(self.about("capabilities")?.capabilities.clone())
    }

    /// Returns what a model should know of the server; `None` when it gives none. Kept after the
    /// close.
    ///
    /// Returns an error before the first opening.
    pub fn instructions(&self) -> Result<Option<String>, ClientError> {
        Ok(self.about("instructions")?.instructions.clone())
    }

    /// Returns the revision that was agreed, for logs. Returns an error before the first opening.
    pub fn revision(&self) -> Result<Option<Revision>, ClientError> {
        Ok(self.about("revision")?.revision)
    }

    /// Performs any operation.
    pub async fn run(&self, request: Operation) -> Result<Output, ClientError> {
        *self.perform(&request).await?
    }

    /// Performs an operation that stays where it is; an error if there is no connection for it.
    pub(super) async fn perform(&self, request: &Operation) -> Result<Outcome, ClientError> {
        let retries = match self.hub.options.reconnect {
            Reconnect::OnDemand { retries } => retries,
            Reconnect::Never => 0,
        };
        let mut retry = 0;
        loop {
            let (mut lease, slot) = self.hub.arrive();
            if let Some(slot) = slot {
                lease.wait(&slot).await?;
            }
            let is_last = retry >= retries;
            match lease.run(request).await {
                Some(outcome) if is_last || !is_retryable(&outcome) => return Ok(outcome),
                // While this is held, who comes hears what the connection was lost for.
                None if is_last && self.hub.options.reconnect == Reconnect::Never => {
                    let lost = self.hub.acquire().await;
                    let lost = lost.map(|_| ClientError::Lost(Delivery::NotSent));
                    return Err(lost.unwrap_or_else(|error| error));
                }
                None if is_last => return Err(ClientError::Lost(Delivery::NotSent)),
                _ => {}
            }
            drop(lease);
            self.hub.sleep(self.hub.options.backoff.delay(retry)).await;
            retry += 1;
        }
    }

    /// Calls the tool `name` with `arguments`, an object, and says what its result means; links in
    /// it are read.
    ///
    /// Returns [`ClientError::Retry`] if the tool failed or the server refused.
    pub async fn call_tool(
        &self,
        name: &str,
        arguments: impl Serialize,
    ) -> Result<ToolOutput, ClientError> {
        let mut request = Operation::CallTool(ToolCall::new(name).arguments(arguments)?);
        self.call_in_place(&mut request).await
    }

    /// Calls the tool `name` and gives what it said as a value of Rust: the structured content if
    /// there is any, else the JSON or the text of the content.
    ///
    /// ```
    /// # #[cfg(feature = "schemars")]
    /// # async fn run(client: mcp_proto::AsyncClient) -> Result<(), mcp_proto::client::ClientError> {
    /// #[derive(serde::Deserialize)]
    /// struct Forecast {
    ///     degrees: f64,
    /// }
    ///
    /// let arguments = serde_json::json!({"city": "Vienna"});
    /// let Forecast { degrees } = client.call_tool_as("forecast", arguments).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Returns an error as [`call_tool`](Self::call_tool) does, and [`ClientError::Decode`] if the
    /// answer doesn't fit.
    pub async fn call_tool_as<T: DeserializeOwned>(
        &self,
        name: &str,
        arguments: impl Serialize,
    ) -> Result<T, ClientError> {
        self.call_tool(name, arguments).await?.decode()
    }

    /// As [`call_tool`](Self::call_tool), with all that can be said of a call.
    pub async fn call(&self, call: ToolCall) -> Result<ToolOutput, ClientError> {
        self.call_in_place(&mut Operation::CallTool(call)).await
    }
}

impl AsyncClient {
    /// Makes a call, which is large, where it is.
    async fn call_in_place(&self, request: &mut Operation) -> Result<ToolOutput, ClientError> {
        let options = &self.hub.options;
        let refused = match request {
            Operation::CallTool(call) => before(options, call),
            _ => None,
        };
        if refused.is_none() && self.hub.outputs.is_none() && !options.has_hook() {
            return self.perform(request).await.and_then(tool);
        }
        let outcome = match (refused, &self.hub.outputs, &*request) {
            (Some(outcome), ..) => outcome,
            (None, Some(outputs), Operation::CallTool(call)) => {
                self.call_checked(request, &call.name, outputs).await
            }
            _ => self.perform(request).await.and_then(tool),
        };
        match request {
            Operation::CallTool(call) => after(options, call, outcome),
            _ => outcome,
        }
    }

    /// Calls the tool `name` and holds its result to its output schema.
    async fn call_checked(
        &self,
        request: &Operation,
        name: &str,
        outputs: &Outputs,
    ) -> Result<ToolOutput, ClientError> {
        if !outputs.knows(name) {
            outputs.take(self.list_tools().await?);
        }
        let output = self.perform(request).await.and_then(tool)?;
        if outputs.check(name, &output.raw).is_err() {
            // The promise may have changed since.
            outputs.take(self.list_tools().await?);
            outputs.check(name, &output.raw)?;
        }
        Ok(output)
    }
}

/// Whether nothing of an operation was sent, so that nobody can have acted on it.
fn is_retryable(outcome: &Outcome) -> bool {
    matches!(&**outcome, Err(error) if error.is_retryable())
}

/// The output of a request for a tool's call, out of where it has been put.
#[expect(
    clippy::boxed_local,
    reason = "an output is large: it is moved once, from where it was put"
)]
pub(super) fn tool(outcome: Outcome) -> Result<ToolOutput, ClientError> {
    match *outcome {
        Ok(Output::Tool(output)) => Ok(output),
        Ok(_) => unreachable!("a request is answered with the output of its kind"),
        Err(error) => Err(error),
    }
}

/// Declares the operations whose output is that of their request.
macro_rules! operations {
    ($($(#[$about:meta])* $name:ident($($parameter:ident: $type:ty),*) -> $result:ty
        = $request:expr => $output:pat => $value:expr;)*) => {
        impl AsyncClient { $(
            $(#[$about])*
            pub async fn $name(&self $(, $parameter: $type)*) -> Result<$result, ClientError> {
                match *self.perform(&$request).await? {
                    Ok($output) => Ok($value),
                    Ok(_) => unreachable!("a request is answered with the output of its kind"),
                    Err(error) => Err(error),
                }
            }
        )* }
    };
}

operations! {
    /// All tools, under their server's names, in its order. Kept until the list changes.
    list_tools() -> Listed<Tool<'static>> = Operation::ListTools => Output::Tools(tools) => tools;
    /// All resources; none, without asking, when the server has no resources. Kept until the list
    /// changes.
    list_resources() -> Listed<Resource<'static>>
        = Operation::ListResources => Output::Resources(resources) => resources;
    /// All resource templates; none, without asking, when the server has no resources.
    list_resource_templates() -> Listed<ResourceTemplate<'static>>
        = Operation::ListResourceTemplates => Output::ResourceTemplates(templates) => templates;
    /// All prompts. Kept until the list changes.
    list_prompts() -> Listed<Prompt<'static>> = Operation::ListPrompts => Output::Prompts(prompts) => prompts;
    /// Calls a tool by its server's name for it, without the hook, and gives the result as it came.
    direct_call_tool(call: ToolCall) -> CallToolResult<'static>
        = Operation::DirectCallTool(call) => Output::RawTool(result) => result;
    /// Reads a resource.
    read_resource(uri: &str) -> ResourceOutput
        = Operation::ReadResource(uri.into()) => Output::Resource(output) => output;
    /// Gets a prompt, filled in.
    get_prompt(params: GetPromptParams<'static>) -> GetPromptResult<'static>
        = Operation::GetPrompt(params) => Output::Prompt(prompt) => prompt;
    /// Asks what an argument of a prompt or a variable of a template may become.
    complete(params: CompleteParams<'static>) -> CompleteResult<'static>
        = Operation::Complete(params) => Output::Completion(completion) => completion;
    /// Asks the server whether it is alive.
    ping() -> () = Operation::Ping => Output::Done => ();
    /// Sets the least level of log messages, for as long as the connection lasts.
    ///
    /// Deprecated since 2026-07-28: log to stderr, or use OpenTelemetry. See
    /// [`logging`](crate::model::logging#deprecated).
    set_log_level(level: LoggingLevel) -> () = Operation::SetLogLevel(level) => Output::Done => ();
    /// Subscribes to changes, for as long as the connection lasts; they go to
    /// [`ClientOptions::on_event`]. Gives what the server honours.
    subscribe(filter: SubscriptionFilter<'static>) -> (SubscriptionId, SubscriptionFilter<'static>)
        = Operation::Subscribe(filter)
        => Output::Subscribed { subscription, honoured }
        => (subscription, honoured);
}

impl AsyncClient {
    /// Ends a subscription. Returns an error if it isn't open any more.
    pub fn unsubscribe(&self, subscription: SubscriptionId) -> Result<(), ClientError> {
        let connection = self.hub.connection().ok_or(Misuse::NotOpen)?;
        Ok(connection.with(|client, now| client.unsubscribe(now, subscription))?)
    }

    /// Tells the server that the roots have changed, if there is a connection.
    ///
    /// Deprecated since 2026-07-28: take directories and files as arguments of tools, resource URIs
    /// or configuration. See [`root`](crate::model::root#deprecated).
    pub fn roots_changed(&self) -> Result<(), ClientError> {
        match self.hub.connection() {
            Some(connection) => Ok(connection.with(Client::roots_changed)?),
            None => Ok(()),
        }
    }
}

/// Drives the client's connections until all its handles are gone.
///
/// The first argument is dropped after the connection, so that nothing can be begun on that any more.
async fn run<F, C>(driving: Driving, mut connect: F)
where
    F: AsyncFnMut(Client) -> io::Result<C>,
    C: Drive<Session = Client>,
{
    let hub = &driving.0;
    while let Some((generation, client)) = hub.wanted().await {
        let connecting = hub.connecting(async { connect(client).await });
        let end = match no_panic(connecting).await {
            Ok(Connecting::Done(Ok(connection))) => {
                match no_panic(drive(hub, generation, connection)).await {
                    Ok(end) => end,
                    Err(message) => End::panicked("the connection", &message),
                }
            }
            Ok(Connecting::Done(Err(error))) => End::failed(error),
            Ok(Connecting::GivenUp) => End::default(),
            Err(message) => End::panicked("`connect`", &message),
        };
        hub.ended(generation, end);
    }
}

/// Drives one connection to its end, and what stands behind it to its own.
async fn drive<C: Drive<Session = Client>>(
    hub: &Arc<Hub>,
    generation: u64,
    mut connection: C,
) -> End {
    let handle = connection.handle();
    hub.connected(&handle, generation);
    let mut events = 0;
    let mut is_again = false;
    let failed = loop {
        let next = poll_fn(|cx| {
            let is_again = mem::take(&mut is_again);
            // Other tasks get their turn although there is always one more event.
            if events == ROUNDS {
                events = 0;
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            events += 1;
            connection.poll_event_within(cx, is_again)
        });
        match next.await {
            Ok(Some(event)) => {
                hub.take(&handle, event);
                is_again = true;
            }
            Ok(None) => break None,
            Err(error) => break Some(error),
        }
    };
    let peer = connection.describe_peer();
    let ended = poll_fn(|cx| connection.poll_end(cx)).await;
    let error = failed.or(ended.err());
    End { error, peer }
}

/// Waits for `future`; the message of its panic if it has panicked.
async fn no_panic<T>(future: impl Future<Output = T>) -> Result<T, String> {
    let mut future = pin!(future);
    poll_fn(|cx| match try_run(|| future.as_mut().poll(cx)) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
        Err(message) => Poll::Ready(Err(message)),
    })
    .await
}

/// The future that drives a client which was made for a process or a socket: spawn it on any runtime,
/// or poll it beside the client's operations. It ends when all handles of the client are gone, and not
/// with [`AsyncClient::close`], after which the client can be opened again: drop them before you await it.
#[must_use = "the client waits for what drives it"]
pub struct AsyncDriver(Pin<Box<dyn Future<Output = ()> + Send>>);

impl AsyncDriver {
    pub(in crate::io) fn new(driver: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(Box::pin(driver))
    }
}

impl Future for AsyncDriver {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.0.as_mut().poll(cx)
    }
}

impl fmt::Debug for AsyncDriver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncDriver").finish_non_exhaustive()
    }
}

/// Says that the driver is gone.
struct Driving(Arc<Hub>);

impl Drop for Driving {
    fn drop(&mut self) {
        self.0.abandoned();
    }
}

impl Clone for AsyncClient {
    fn clone(&self) -> Self {
        self.hub.add_handle();
        Self {
            hub: Arc::clone(&self.hub),
        }
    }
}

impl Drop for AsyncClient {
    fn drop(&mut self) {
        self.hub.drop_handle();
    }
}

impl fmt::Debug for AsyncClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncClient")
            .field("name", &self.hub.options.name())
            .finish_non_exhaustive()
    }
}
