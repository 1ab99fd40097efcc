//! The high-level server: tools, resources, prompts and completions as functions of a context and
//! typed arguments, on every revision alike.
//!
//! ```
//! # #[cfg(feature = "schemars")] {
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
//! # }
//! # Ok::<(), mcp_proto::rpc::JsonError>(())
//! ```
//!
//! A handler asks its client with `?` and reads like straight-line code; it runs again from the top
//! once the answer is there. See [`Context`].

mod ask;
mod builder;
#[cfg(feature = "schemars")]
mod conservative;
mod context;
mod definition;
mod effect;
mod find;
mod handler;
mod hook;
mod job;
mod kept;
mod list;
mod listener;
mod mount;
mod output;
mod prefixes;
mod registry;
mod required;
mod sampling;
mod scoped;
#[cfg(feature = "seal")]
mod seal;
mod service;
#[cfg(feature = "skills")]
mod skills;
mod state;
mod stateless;
mod tasks;
mod template;
#[cfg(feature = "schemars")]
mod typed;
#[cfg(not(feature = "schemars"))]
mod unavailable;

use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::marker::PhantomData;

use crate::limits::Limits;
use crate::lock::Lock;
use crate::model::capability::ServerCapabilities;
use crate::model::validation::Validator;
use crate::revision::Revision;
use crate::rpc::Text;
use crate::session::{Change, ServerConfig, ServerSession};

pub use crate::model::safe_path::{SafePath, UnsafePath};
pub use ask::{AskError, HandlerError, InputPending};
pub use context::{Context, Elicited, NotAccepted};
pub use definition::DefinitionError;
pub use effect::{Effect, EffectSink, JobId};
pub use handler::Reply;
#[cfg(any(feature = "tokio", feature = "futures-io", feature = "http"))]
pub(crate) use job::Begun;
#[cfg(feature = "std")]
pub(crate) use job::sink_of;
pub use job::{Job, JobTicket, Outcome};
#[cfg(feature = "http")]
pub(crate) use kept::KeptStates;
pub use listener::Listener;
pub use output::{Audio, Image, IntoPrompt, IntoResource, IntoToolResult, Json};
pub use registry::Registry;
#[cfg(feature = "http")]
pub(crate) use registry::Snapshot;
pub use sampling::{SampledReply, SamplingRequest, SamplingRequestError};
#[cfg(feature = "seal")]
pub use seal::Seal;
pub use service::{Event, Service};
#[cfg(feature = "skills")]
pub use skills::SkillFiles;
pub use state::{SealError, StateSeal};
pub use stateless::{Requester, Stateless};
#[cfg(feature = "std")]
pub use tasks::MemoryTasks;
pub use tasks::{
    StoredTask, TaskFuture, TaskKeeper, TaskKey, TaskStep, TaskStore, TaskStoreError, TaskTicket,
    Tasks,
};
pub use template::{Template, TemplateError, Variables};
#[cfg(feature = "schemars")]
#[doc(hidden)]
pub use typed::macros;
#[cfg(feature = "schemars")]
pub use typed::{Mode, Offers, TypedOutput, exact_tool_for, output_schema_for, tool_for};

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
    hooks: Vec<Arc<hook::Hook>>,
    /// What runs calls as tasks.
    tasks: Option<Arc<tasks::Engine>>,
    /// A session that others are made of, which then share its configuration.
    pattern: Lock<Option<Pattern>>,
}

/// A session, and what was offered when it was made.
struct Pattern {
    offered: Weak<registry::Offered>,
    session: ServerSession,
}

impl Server {
    /// Creates a server of this name and version that offers nothing yet.
    pub fn new(name: impl Into<Text<'static>>, version: impl Into<Text<'static>>) -> Self {
        Self {
            shared: Arc::new(Shared {
                config: ServerConfig::new(name, version),
                registry: Arc::default(),
                page_size: usize::MAX,
                unsealed_state: false,
                seal: None,
                hooks: Vec::new(),
                tasks: None,
                pattern: Lock::default(),
            }),
            mode: PhantomData,
        }
    }
}

impl<Mode> Server<Mode> {
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

    /// Sets whether structured content and output schemas go to clients of revisions before
    /// 2025-06-18 as well, which don't define them. They do by default, as the official SDKs have
    /// it.
    #[must_use]
    pub fn keeps_structured(self, keeps_structured: bool) -> Self {
        self.configure(|shared| shared.config.keeps_structured = keeps_structured)
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
        self.shared
            .registry
            .edit(|offered| offered.declared = capabilities);
        self
    }

    /// Lets the state of unfinished requests leave the process as it is, for servers where nothing
    /// in it matters: a client can read and change it.
    // `mrtr.state.attacker`
    #[must_use]
    pub fn unsealed_state(self) -> Self {
        self.configure(|shared| shared.unsealed_state = true)
    }

    /// Seals the state of unfinished requests, so that a modern client can carry it and come back
    /// to any instance of the server that has the key. What it brings that can't be opened is
    /// refused with -32602.
    ///
    /// Without a seal the state stays with the connection, which is all that a server on a pipe
    /// needs.
    // `mrtr.state.attacker`
    #[must_use]
    pub fn seal(self, seal: impl StateSeal + 'static) -> Self {
        let seal: Arc<dyn StateSeal> = Arc::new(seal);
        self.configure(|shared| shared.seal = Some(seal))
    }

    /// Lets calls run as tasks, for the tools that say that they may or must: for clients of
    /// 2025-11-25 that ask for it, and for those of later revisions that declare the extension
    /// [`TASKS_EXTENSION`](crate::model::task::TASKS_EXTENSION).
    ///
    /// Servers that share a store share their tasks: each answers for those of all others, and runs
    /// again what was left behind by one that is gone.
    // `ext.optin`
    #[must_use]
    pub fn tasks(self, tasks: Tasks) -> Self {
        let engine = Arc::new(tasks::Engine::new(tasks));
        self.configure(|shared| shared.tasks = Some(engine))
    }

    /// The same with what `make` makes for a seal, unless it has one or needs none.
    #[cfg(feature = "http")]
    pub(crate) fn seal_otherwise<S: StateSeal + 'static>(self, make: impl FnOnce() -> S) -> Self {
        match self.shared.seal.is_some() || self.shared.unsealed_state {
            true => self,
            false => self.seal(make()),
        }
    }

    #[cfg(feature = "http-core")]
    pub(crate) fn config(&self) -> &ServerConfig {
        &self.shared.config
    }

    /// Checks arguments against the tools' input schemas and structured results against their
    /// output schemas. Without it only the handlers' types say what fits, and unknown arguments are
    /// ignored; [`KnownArguments`](crate::model::validation::KnownArguments) refuses those.
    // `tools.output.conform`
    #[must_use]
    pub fn validator(self, validator: impl Validator + 'static) -> Self {
        self.shared.registry.hold_to(Arc::new(validator));
        self
    }

    /// Returns an error if the server can't be served as it is defined: for the first definition
    /// that can't be offered, has a bad name, or shares its name with another. The adapters ask
    /// before they serve.
    pub fn check(&self) -> Result<(), DefinitionError> {
        self.shared.check()
    }

    /// Returns what the server offers, to be changed while it runs.
    pub fn registry(&self) -> &Registry {
        &self.shared.registry
    }

    /// Tells every client of this server, on all of its connections, that a list has changed, if it
    /// wants to know. For changes that come from outside a request; a handler has
    /// [`Context::changed`].
    pub fn changed(&self, change: Change) {
        self.shared.registry.announce(change, "");
    }

    /// Tells every client that has subscribed to it that a resource has changed, such as when a file
    /// was written. A handler has [`Context::resource_updated`].
    pub fn resource_updated(&self, uri: &str) {
        self.shared.registry.announce(Change::Resource, uri);
    }

    /// Returns the same server for adapters that have a runtime.
    pub fn into_async(self) -> Server<Async> {
        Server {
            shared: self.shared,
            mode: PhantomData,
        }
    }

    fn configure(self, set: impl FnOnce(&mut Shared)) -> Self {
        let mut shared = Arc::unwrap_or_clone(self.shared);
        set(&mut shared);
        shared.pattern = Lock::default();
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

impl Shared {
    /// Returns an error if it can't be served as it is defined.
    fn check(&self) -> Result<(), DefinitionError> {
        self.registry.check()?;
        match &self.tasks {
            Some(_) => Ok(()),
            None => self.registry.check_without_tasks(),
        }
    }

    /// A session for one more client.
    fn session(&self) -> ServerSession {
        let offered = self.registry.read();
        self.pattern.with(|pattern| match pattern {
            Some(pattern) if pattern.offered.as_ptr() == Arc::as_ptr(&offered) => {
                pattern.session.another()
            }
            _ => {
                let capabilities = offered.capabilities();
                let capabilities = match &self.tasks {
                    Some(engine) => engine.declare(capabilities),
                    None => capabilities,
                };
                let config = self.config.clone().capabilities(capabilities);
                #[cfg(feature = "skills")]
                let config = match offered.skills.are_offered(&offered.declared) {
                    true => config.extension_methods(skills::methods()),
                    false => config,
                };
                let session = ServerSession::new(config);
                let another = session.another();
                let offered = Arc::downgrade(&offered);
                *pattern = Some(Pattern { offered, session });
                another
            }
        })
    }
}

impl Clone for Shared {
    fn clone(&self) -> Self {
        Self {
            config: self.config.clone(),
            registry: Arc::clone(&self.registry),
            seal: self.seal.clone(),
            hooks: self.hooks.clone(),
            tasks: self.tasks.clone(),
            pattern: Lock::default(),
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
