//! The high-level server: tools, resources, prompts and completions as functions of a context and
//! typed arguments, on every revision alike.
//!
//! ```
//! use mcp_proto::model::tool::Tool;
//! use mcp_proto::rpc::Raw;
//! use mcp_proto::server::Server;
//!
//! #[derive(serde::Deserialize)]
//! struct Add {
//!     a: i64,
//!     b: i64,
//! }
//!
//! let schema = Raw::new(r#"{"type":"object","required":["a","b"],
//!     "properties":{"a":{"type":"integer"},"b":{"type":"integer"}}}"#)?;
//! let server = Server::new("calculator", "1.0")
//!     .tool(Tool::new("add", schema), |_, add: Add| Ok(add.a + add.b));
//! # Ok::<(), serde_json::Error>(())
//! ```
//!
//! A handler asks its client with `?` and reads like straight-line code; it runs again from the top
//! once the answer is there. See [`Context`].

mod ask;
#[cfg(feature = "schemars")]
mod conservative;
mod context;
mod definition;
mod output;
mod registry;
mod respond;
mod sampling;
#[cfg(feature = "seal")]
mod seal;
mod state;
mod template;
#[cfg(feature = "schemars")]
mod typed;

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::future::Future;
use core::marker::PhantomData;

use serde::de::DeserializeOwned;

use crate::limits::Limits;
use crate::model::capability::ServerCapabilities;
use crate::model::completion::{CompleteResult, Reference};
use crate::model::prompt::{Arguments, Prompt};
use crate::model::resource::{Resource, ResourceTemplate};
use crate::model::tool::Tool;
use crate::model::validation::Validator;
use crate::revision::Revision;
use crate::rpc::Text;
use crate::session::{ServerConfig, ServerSession};

pub use ask::{AskError, HandlerError, InputPending};
pub use context::{Context, Elicited, NotAccepted, Reach};
pub use definition::DefinitionError;
pub use output::{Audio, Image, IntoPrompt, IntoResource, IntoToolResult, Json};
pub use registry::Registry;
pub use sampling::{SampledReply, SamplingRequest, SamplingRequestError};
#[cfg(feature = "seal")]
pub use seal::Seal;
pub use state::{SealError, StateSeal};
pub use template::{Template, TemplateError, Variables};
#[cfg(feature = "schemars")]
pub use typed::{exact_tool_for, output_schema_for, tool_for};

use registry::{Handler, Reply, TemplateDefinition, completion_key};

/// Marks a server whose handlers are all done when they return.
#[derive(Debug)]
#[non_exhaustive]
pub enum Blocking {}

/// Marks a server some of whose handlers are futures.
#[derive(Debug)]
#[non_exhaustive]
pub enum Async {}

/// What a server is and offers. It is cheap to clone; clones share what they offer.
///
/// With [`tool_async`](Self::tool_async) and the like it becomes a server that only adapters with
/// a runtime take.
pub struct Server<Mode = Blocking> {
    shared: Arc<Shared>,
    mode: PhantomData<fn() -> Mode>,
}

struct Shared {
    config: ServerConfig,
    registry: Arc<Registry>,
    page_size: usize,
    /// Whether a state may leave the process as it is.
    unsealed_state: bool,
    seal: Option<Arc<dyn StateSeal>>,
}

impl Server {
    /// A server of this name and version that offers nothing yet.
    pub fn new(name: impl Into<Text<'static>>, version: impl Into<Text<'static>>) -> Self {
        Self {
            shared: Arc::new(Shared {
                config: ServerConfig::new(name, version),
                registry: Arc::default(),
                page_size: usize::MAX,
                unsealed_state: false,
                seal: None,
            }),
            mode: PhantomData,
        }
    }
}

impl<Mode> Server<Mode> {
    /// Adds a tool, or replaces the one of its name. Its arguments are read as `A`.
    ///
    /// Arguments that don't fit never reach the handler: the client hears what is wrong and where. A
    /// tool that can't be offered as it is defined is left out; [`check`](Self::check) tells why.
    pub fn tool<A, O>(
        self,
        tool: Tool<'static>,
        run: impl Fn(&Context, A) -> Result<O, HandlerError> + Send + Sync + 'static,
    ) -> Self
    where
        A: DeserializeOwned,
        O: IntoToolResult,
    {
        let added = self.shared.registry.add_tool(tool, run);
        self.shared.registry.write().refuse(added.err());
        self
    }

    /// Adds a tool whose handler is a future.
    pub fn tool_async<A, O, F>(
        self,
        tool: Tool<'static>,
        run: impl Fn(Context, A) -> F + Send + Sync + 'static,
    ) -> Server<Async>
    where
        A: DeserializeOwned,
        O: IntoToolResult,
        F: Future<Output = Result<O, HandlerError>> + Send + 'static,
    {
        let added = self.shared.registry.add_tool_async(tool, run);
        self.shared.registry.write().refuse(added.err());
        self.into_async()
    }

    /// Adds a resource, or replaces the one of its URI.
    pub fn resource<O: IntoResource>(
        self,
        resource: Resource<'static>,
        read: impl Fn(&Context) -> Result<O, HandlerError> + Send + Sync + 'static,
    ) -> Self {
        self.shared.registry.add_resource(resource, read);
        self
    }

    /// Adds a resource template, or replaces the one of its text. `read` gets the values of its
    /// variables.
    ///
    /// Errs when its text is no template that can be matched.
    pub fn resource_template<O: IntoResource>(
        self,
        template: ResourceTemplate<'static>,
        read: impl Fn(&Context, Variables) -> Result<O, HandlerError> + Send + Sync + 'static,
    ) -> Result<Self, TemplateError> {
        self.shared.registry.add_resource_template(template, read)?;
        Ok(self)
    }

    /// Adds a prompt, or replaces the one of its name. Required arguments are there when `get`
    /// runs.
    pub fn prompt<O: IntoPrompt>(
        self,
        prompt: Prompt<'static>,
        get: impl Fn(&Context, &Arguments<'_>) -> Result<O, HandlerError> + Send + Sync + 'static,
    ) -> Self {
        self.shared.registry.add_prompt(prompt, get);
        self
    }

    /// Adds completion of one argument of a prompt or one variable of a resource template. `complete`
    /// gets what has been typed and gives what it may become, best first.
    pub fn completion(
        self,
        reference: impl Into<Reference<'static>>,
        argument: &str,
        complete: impl Fn(&Context, &str) -> Result<Vec<String>, HandlerError> + Send + Sync + 'static,
    ) -> Self {
        let key = completion_key(&reference.into(), argument);
        self.shared
            .registry
            .write()
            .completions
            .insert(&key, (), completer(complete));
        self
    }

    /// Sets what a model should know of the server.
    #[must_use]
    pub fn instructions(self, instructions: impl Into<Text<'static>>) -> Self {
        let instructions = Some(instructions.into());
        self.configure(|shared| shared.config.instructions = instructions)
    }

    /// Sets the bounds to keep.
    #[must_use]
    pub fn limits(self, limits: Limits) -> Self {
        self.configure(|shared| shared.config.limits = limits)
    }

    /// Sets the revisions that the server speaks. All of them, by default.
    #[must_use]
    pub fn revisions(self, revisions: Vec<Revision>) -> Self {
        self.configure(|shared| shared.config.revisions = revisions)
    }

    /// Sets how many entries one page of a list has. All of them, by default.
    #[must_use]
    pub fn page_size(self, page_size: usize) -> Self {
        self.configure(|shared| shared.page_size = page_size.max(1))
    }

    /// Declares capabilities beyond what is offered from the start, such as tools that are added
    /// while the server runs.
    #[must_use]
    pub fn declare(self, capabilities: ServerCapabilities<'static>) -> Self {
        self.shared.registry.write().declared = capabilities;
        self
    }

    /// Lets the state of unfinished requests leave the process as it is, for servers where nothing
    /// in it matters: a client can read and change it (`mrtr.state.attacker`).
    #[must_use]
    pub fn unsealed_state(self) -> Self {
        self.configure(|shared| shared.unsealed_state = true)
    }

    /// Seals the state of unfinished requests, so that a modern client can carry it. What it brings
    /// that can't be opened is refused with -32602 (`mrtr.state.attacker`).
    #[must_use]
    pub fn seal(self, seal: impl StateSeal + 'static) -> Self {
        let seal: Arc<dyn StateSeal> = Arc::new(seal);
        self.configure(|shared| shared.seal = Some(seal))
    }

    /// Holds arguments to the tools' input schemas and structured results to their output schemas
    /// (`tools.output.conform`). Without it only the handlers' types say what fits.
    #[must_use]
    pub fn validator(self, validator: impl Validator + 'static) -> Self {
        self.shared.registry.hold_to(Arc::new(validator));
        self
    }

    /// Errs with the first definition that the server was made with and can't offer. The adapters
    /// ask before they serve.
    pub fn check(&self) -> Result<(), DefinitionError> {
        match &self.shared.registry.read().refused {
            Some(error) => Err(error.clone()),
            None => Ok(()),
        }
    }

    /// What the server offers, to be changed while it runs.
    pub fn registry(&self) -> &Registry {
        &self.shared.registry
    }

    /// A session for one more client.
    pub fn session(&self) -> ServerSession {
        let capabilities = self.shared.registry.capabilities();
        ServerSession::new(self.shared.config.clone().capabilities(capabilities))
    }

    /// The same server for adapters that have a runtime.
    pub fn into_async(self) -> Server<Async> {
        Server {
            shared: self.shared,
            mode: PhantomData,
        }
    }

    fn configure(self, set: impl FnOnce(&mut Shared)) -> Self {
        let mut shared = Arc::unwrap_or_clone(self.shared);
        set(&mut shared);
        Self {
            shared: Arc::new(shared),
            mode: PhantomData,
        }
    }
}

impl From<Server<Blocking>> for Server<Async> {
    fn from(server: Server<Blocking>) -> Self {
        server.into_async()
    }
}

impl Clone for Shared {
    fn clone(&self) -> Self {
        Self {
            config: self.config.clone(),
            registry: Arc::clone(&self.registry),
            seal: self.seal.clone(),
            ..*self
        }
    }
}

impl<Mode> Clone for Server<Mode> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            mode: PhantomData,
        }
    }
}

impl<Mode> core::fmt::Debug for Server<Mode> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Server")
            .field("info", &self.shared.config.info)
            .field("registry", &self.shared.registry)
            .finish_non_exhaustive()
    }
}

impl Registry {
    /// Adds a tool, or replaces the one of its name. Errs when it can't be offered as it is defined
    /// (`tools.def.inputschema`).
    pub fn add_tool<A, O>(
        &self,
        tool: Tool<'static>,
        run: impl Fn(&Context, A) -> Result<O, HandlerError> + Send + Sync + 'static,
    ) -> Result<(), DefinitionError>
    where
        A: DeserializeOwned,
        O: IntoToolResult,
    {
        let handler = Handler::Sync(Arc::new(move |context| {
            let arguments = respond::arguments(context)?;
            Ok(Reply::Tool(run(context, arguments)?.into_tool_result()?))
        }));
        self.insert_tool(tool, handler)
    }

    /// Adds a tool whose handler is a future, or replaces the one of its name.
    ///
    /// Only a server that is served by a runtime can run it; elsewhere calls of it fail. Errs when
    /// it can't be offered as it is defined.
    pub fn add_tool_async<A, O, F>(
        &self,
        tool: Tool<'static>,
        run: impl Fn(Context, A) -> F + Send + Sync + 'static,
    ) -> Result<(), DefinitionError>
    where
        A: DeserializeOwned,
        O: IntoToolResult,
        F: Future<Output = Result<O, HandlerError>> + Send + 'static,
    {
        let handler = Handler::Async(Arc::new(move |context: Context| {
            // The arguments are read before the future exists, so it need not be `Sync`.
            let future = respond::arguments(&context).map(|arguments| run(context, arguments));
            Box::pin(async move { Ok(Reply::Tool(future?.await?.into_tool_result()?)) })
        }));
        self.insert_tool(tool, handler)
    }

    /// Adds a resource, or replaces the one of its URI.
    pub fn add_resource<O: IntoResource>(
        &self,
        resource: Resource<'static>,
        read: impl Fn(&Context) -> Result<O, HandlerError> + Send + Sync + 'static,
    ) {
        let uri = String::from(resource.uri.as_str());
        let kind = resource.mime_type.clone();
        let name = uri.clone();
        let handler = Handler::Sync(Arc::new(move |context| {
            let contents = read(context)?.into_resource(&uri, kind.as_deref());
            Ok(Reply::Resource(contents))
        }));
        self.write().resources.insert(&name, resource, handler);
    }

    /// Adds a resource template, or replaces the one of its text. Errs when its text is no template
    /// that can be matched.
    pub fn add_resource_template<O: IntoResource>(
        &self,
        template: ResourceTemplate<'static>,
        read: impl Fn(&Context, Variables) -> Result<O, HandlerError> + Send + Sync + 'static,
    ) -> Result<(), TemplateError> {
        let pattern = Arc::new(Template::new(&template.uri_template)?);
        let matched = Arc::clone(&pattern);
        let kind = template.mime_type.clone();
        let name = String::from(template.uri_template.as_str());
        let handler = Handler::Sync(Arc::new(move |context| {
            let uri = context
                .request()
                .target()
                .map(Text::into_string)
                .unwrap_or_default();
            let variables = matched.matches(&uri).unwrap_or_default();
            let contents = read(context, variables)?.into_resource(&uri, kind.as_deref());
            Ok(Reply::Resource(contents))
        }));
        let definition = TemplateDefinition { template, pattern };
        self.write().templates.insert(&name, definition, handler);
        Ok(())
    }

    /// Adds a prompt, or replaces the one of its name.
    pub fn add_prompt<O: IntoPrompt>(
        &self,
        prompt: Prompt<'static>,
        get: impl Fn(&Context, &Arguments<'_>) -> Result<O, HandlerError> + Send + Sync + 'static,
    ) {
        let name = String::from(prompt.name.as_str());
        let handler = Handler::Sync(Arc::new(move |context| {
            let arguments = respond::prompt_arguments(context)?;
            Ok(Reply::Prompt(get(context, &arguments)?.into_prompt()))
        }));
        self.write().prompts.insert(&name, prompt, handler);
    }
}

fn completer(
    complete: impl Fn(&Context, &str) -> Result<Vec<String>, HandlerError> + Send + Sync + 'static,
) -> Handler {
    Handler::Sync(Arc::new(move |context| {
        let typed = respond::typed_value(context)?;
        Ok(Reply::Completion(CompleteResult::new(complete(
            context, &typed,
        )?)))
    }))
}
