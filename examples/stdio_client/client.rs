//! The client of either kind under one face, so that one scenario judges both.

use std::error::Error;

use mcp_proto::Revision;
use mcp_proto::client::{ClientError, ClientOptions, Listed, ResourceOutput, ToolCall};
use mcp_proto::io::blocking::BlockingClient;
use mcp_proto::io::child::Command;
use mcp_proto::model::completion::{CompleteParams, CompleteResult};
use mcp_proto::model::initialize::Implementation;
use mcp_proto::model::logging::LoggingLevel;
use mcp_proto::model::prompt::{GetPromptParams, GetPromptResult, Prompt};
use mcp_proto::model::resource::{Resource, ResourceTemplate};
use mcp_proto::model::subscription::SubscriptionFilter;
use mcp_proto::model::tool::{CallToolResult, Tool};
use mcp_proto::session::SubscriptionId;

use crate::arguments::Arguments;

/// A client that starts or visits the server whenever it needs it.
pub enum Client {
    Blocking(BlockingClient),
    #[cfg(feature = "hyper-client")]
    Async(mcp_proto::AsyncClient, tokio::runtime::Handle),
}

impl Client {
    /// Makes the client that the command line asks for.
    pub fn new(arguments: &Arguments, options: ClientOptions) -> Result<Self, Box<dyn Error>> {
        let is_url = arguments.program.contains("://");
        #[cfg(not(feature = "hyper-client"))]
        if arguments.is_async || is_url {
            return Err("build it with feature `hyper-client`".into());
        }
        #[cfg(feature = "hyper-client")]
        if arguments.is_async {
            let (client, driver) = match is_url {
                true => mcp_proto::AsyncClient::url(options, arguments.program.as_str()),
                false => mcp_proto::AsyncClient::child(options, command(arguments)),
            };
            return Ok(Self::Async(client, drive(driver)?));
        } else if is_url {
            let client = BlockingClient::url(options, arguments.program.as_str());
            return Ok(Self::Blocking(client));
        }
        let client = BlockingClient::child(options, command(arguments));
        Ok(Self::Blocking(client))
    }
}

fn command(arguments: &Arguments) -> Command {
    Command::new(&arguments.program).args(&arguments.arguments)
}

/// Runs the driver on a thread of its own; returns where futures can be waited for.
#[cfg(feature = "hyper-client")]
fn drive(
    driver: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<tokio::runtime::Handle> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let handle = runtime.handle().clone();
    std::thread::spawn(move || runtime.block_on(driver));
    Ok(handle)
}

/// Declares operations that one kind of client blocks on and the other one gives a future of.
macro_rules! operations {
    ($($name:ident($($parameter:ident: $type:ty),*) -> $result:ty;)*) => {
        impl Client { $(
            pub fn $name(&self $(, $parameter: $type)*) -> Result<$result, ClientError> {
                match self {
                    Self::Blocking(client) => client.$name($($parameter),*),
                    #[cfg(feature = "hyper-client")]
                    Self::Async(client, runtime) => runtime.block_on(client.$name($($parameter),*)),
                }
            }
        )* }
    };
}

/// Declares what neither kind of client waits for.
macro_rules! at_once {
    ($($name:ident($($parameter:ident: $type:ty),*) -> $result:ty;)*) => {
        impl Client { $(
            pub fn $name(&self $(, $parameter: $type)*) -> Result<$result, ClientError> {
                match self {
                    Self::Blocking(client) => client.$name($($parameter),*),
                    #[cfg(feature = "hyper-client")]
                    Self::Async(client, _) => client.$name($($parameter),*),
                }
            }
        )* }
    };
}

operations! {
    open() -> ();
    close() -> ();
    list_tools() -> Listed<Tool<'static>>;
    list_resources() -> Listed<Resource<'static>>;
    list_resource_templates() -> Listed<ResourceTemplate<'static>>;
    list_prompts() -> Listed<Prompt<'static>>;
    direct_call_tool(call: ToolCall) -> CallToolResult<'static>;
    read_resource(uri: &str) -> ResourceOutput;
    get_prompt(params: GetPromptParams<'static>) -> GetPromptResult<'static>;
    complete(params: CompleteParams<'static>) -> CompleteResult<'static>;
    ping() -> ();
    set_log_level(level: LoggingLevel) -> ();
    subscribe(filter: SubscriptionFilter<'static>) -> (SubscriptionId, SubscriptionFilter<'static>);
}

at_once! {
    server_info() -> Option<Implementation<'static>>;
    instructions() -> Option<String>;
    revision() -> Option<Revision>;
    unsubscribe(subscription: SubscriptionId) -> ();
}
