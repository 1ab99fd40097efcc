//! The methods and notifications of all revisions: their names, types, directions and lifetimes.
//! [`Method`] is open, so that an extension's method is called like one of the protocol's own;
//! [`SpecMethod`] is the closed table of the protocol's own, by which a session decides.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::model::cancel::CancelledParams;
use crate::model::capability::{ClientCapabilities, ServerCapabilities, TASKS_EXTENSION};
use crate::model::completion::{CompleteParams, CompleteResult};
use crate::model::discover::{DiscoverParams, DiscoverResult};
use crate::model::elicitation::{ElicitParams, ElicitResult, ElicitationCompleteParams};
use crate::model::initialize::{InitializeParams, InitializeResult, InitializedParams};
use crate::model::logging::{LoggingMessageParams, SetLevelParams};
use crate::model::meta::Meta;
use crate::model::owned::already_owned;
use crate::model::page::PaginatedRequestParams;
use crate::model::progress::ProgressParams;
use crate::model::prompt::{GetPromptParams, GetPromptResult, ListPromptsResult};
use crate::model::resource::{
    ListResourceTemplatesResult, ListResourcesResult, ReadResourceParams, ReadResourceResult,
    ResourceUpdatedParams, SubscribeParams, UnsubscribeParams,
};
use crate::model::root::ListRootsResult;
use crate::model::sampling::{CreateMessageParams, CreateMessageResult};
use crate::model::subscription::{
    SubscriptionsAcknowledgedParams, SubscriptionsListenParams, SubscriptionsListenResult,
};
use crate::model::tool::{CallToolParams, CallToolResult, ListToolsResult};
use crate::model::wire_type::wire_type;
use crate::revision::{Era, Revision};
use crate::rpc::Text;

/// A request method: its name on the wire and the types of its parameters and result.
pub trait Method: 'static {
    /// The name on the wire, such as `tools/call`.
    const NAME: &'static str;
    /// The parameters, which may borrow from what is sent or from the frame that was received.
    type Params<'a>: Serialize + Deserialize<'a>;
    /// The result, which may borrow in the same way.
    type Result<'a>: Serialize + Deserialize<'a>;
    /// The extension that the server must have declared; `None` for what is none's.
    const EXTENSION: Option<Extension> = None;
}

/// An extension that a method belongs to, and what its settings must say for the method to be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Extension {
    /// The extension's id.
    pub id: &'static str,
    /// The member of its settings that must be `true`; `None` when its settings don't matter.
    pub setting: Option<&'static str>,
}

impl Extension {
    /// Returns the extension of this id, whatever its settings.
    pub const fn new(id: &'static str) -> Self {
        Self { id, setting: None }
    }

    /// Returns the same extension with a setting that must be `true`.
    #[must_use]
    pub const fn with_setting(mut self, setting: &'static str) -> Self {
        self.setting = Some(setting);
        self
    }

    /// Returns whether a server of these capabilities has declared it.
    // `ext.untrusted`
    pub fn is_declared_by(self, server: &ServerCapabilities<'_>) -> bool {
        let settings = server.extension_settings(self.id);
        settings.is_some_and(|settings| {
            let is_true = |name| {
                settings
                    .get(name)
                    .is_some_and(|value| value.as_str() == "true")
            };
            self.setting.is_none_or(is_true)
        })
    }
}

impl core::fmt::Display for Extension {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self.setting {
            Some(setting) => write!(f, "the extension {} with {setting}", self.id),
            None => write!(f, "the extension {}", self.id),
        }
    }
}

/// A method whose list comes in pages.
pub trait Paginated: for<'a> Method<Params<'a> = PaginatedRequestParams<'a>> {
    /// The cursor of the page after this one; `None` when it is the last.
    fn next_cursor<'p>(page: &'p Self::Result<'_>) -> Option<Text<'p>>;
}

/// A notification: its name on the wire and the type of its parameters.
pub trait Notification: 'static {
    /// The name on the wire, such as `notifications/progress`.
    const NAME: &'static str;
    /// The parameters, which may borrow from what is sent or from the frame that was received.
    type Params<'a>: Serialize + Deserialize<'a>;
}

/// Declares [`SpecMethod`]: each row has the wire name, the first and, if it is over, the last
/// revision, and who sends it in the legacy and in the modern era.
macro_rules! known {
    ($($(#[$about:meta])* $name:ident = $wire:literal, $since:ident $(to $until:ident)?, $legacy:ident / $modern:ident;)*) => {
        /// A request method or notification that some revision of the protocol defines.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum SpecMethod {
            $(
                #[doc = concat!("`", $wire, "`")]
                $(#[$about])*
                $name,
            )*
        }

        impl SpecMethod {
            /// Every one of them, requests first.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// Returns the name on the wire.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $wire,)*
                }
            }

            /// Returns the one that the wire calls `name`; `None` for an extension's or an unknown
            /// one.
            // Inlined so that nothing of it remains for a name that is known at compile time.
            #[inline]
            pub fn from_wire(name: &str) -> Option<Self> {
                Self::from_bytes(name.as_bytes())
            }

            /// The same for a name that was not yet found to be text.
            #[inline]
            pub(crate) fn from_bytes(name: &[u8]) -> Option<Self> {
                match name {
                    $(name if name == $wire.as_bytes() => Some(Self::$name),)*
                    _ => None,
                }
            }

            /// Returns the first revision that has it.
            pub const fn since(self) -> Revision {
                match self {
                    $(Self::$name => Revision::$since,)*
                }
            }

            /// Returns the last revision that has it: the newest one unless it is over.
            pub const fn until(self) -> Revision {
                #[allow(unreachable_patterns, reason = "a row without an end")]
                match self {
                    $($(Self::$name => Revision::$until,)?)*
                    _ => Revision::NEWEST,
                }
            }

            /// Who sends it in an era, provided that a revision of that era has it.
            const fn sender_in(self, era: Era) -> Sender {
                match (self, era) {
                    $(
                        (Self::$name, Era::Legacy) => Sender::$legacy,
                        (Self::$name, Era::Modern) => Sender::$modern,
                    )*
                }
            }
        }
    };
}

known! {
    Initialize = "initialize", V2024_11_05 to V2025_11_25, Client / Client;
    Discover = "server/discover", V2026_07_28, Client / Client;
    Ping = "ping", V2024_11_05 to V2025_11_25, Both / Both;
    ListTools = "tools/list", V2024_11_05, Client / Client;
    CallTool = "tools/call", V2024_11_05, Client / Client;
    ListResources = "resources/list", V2024_11_05, Client / Client;
    ListResourceTemplates = "resources/templates/list", V2024_11_05, Client / Client;
    ReadResource = "resources/read", V2024_11_05, Client / Client;
    Subscribe = "resources/subscribe", V2024_11_05 to V2025_11_25, Client / Client;
    Unsubscribe = "resources/unsubscribe", V2024_11_05 to V2025_11_25, Client / Client;
    ListPrompts = "prompts/list", V2024_11_05, Client / Client;
    GetPrompt = "prompts/get", V2024_11_05, Client / Client;
    Complete = "completion/complete", V2024_11_05, Client / Client;
    ///
    /// Deprecated since 2026-07-28: log to stderr, or use OpenTelemetry. See
    /// [`logging`](crate::model::logging#deprecated).
    SetLevel = "logging/setLevel", V2024_11_05 to V2025_11_25, Client / Client;
    ///
    /// Deprecated since 2026-07-28: use the API of a model provider directly. See
    /// [`sampling`](crate::model::sampling#deprecated).
    CreateMessage = "sampling/createMessage", V2024_11_05, Server / Embedded;
    Elicit = "elicitation/create", V2025_06_18, Server / Embedded;
    ///
    /// Deprecated since 2026-07-28: take directories and files as arguments of tools, resource URIs
    /// or configuration. See [`root`](crate::model::root#deprecated).
    ListRoots = "roots/list", V2024_11_05, Server / Embedded;
    SubscriptionsListen = "subscriptions/listen", V2026_07_28, Client / Client;
    ///
    /// In 2025-11-25 a part of the protocol, since then one of the extension
    /// [`TASKS_EXTENSION`].
    GetTask = "tasks/get", V2025_11_25, Both / Client;
    GetTaskPayload = "tasks/result", V2025_11_25 to V2025_11_25, Both / Client;
    ///
    /// Of the extension [`TASKS_EXTENSION`].
    UpdateTask = "tasks/update", V2026_07_28, Client / Client;
    ///
    /// In 2025-11-25 a part of the protocol, since then one of the extension
    /// [`TASKS_EXTENSION`].
    CancelTask = "tasks/cancel", V2025_11_25, Both / Client;
    ListTasks = "tasks/list", V2025_11_25 to V2025_11_25, Both / Client;
    Initialized = "notifications/initialized", V2024_11_05 to V2025_11_25, Client / Client;
    Cancelled = "notifications/cancelled", V2024_11_05, Both / Both;
    Progress = "notifications/progress", V2024_11_05, Both / Server;
    ToolsListChanged = "notifications/tools/list_changed", V2024_11_05, Server / Server;
    ResourcesListChanged = "notifications/resources/list_changed", V2024_11_05, Server / Server;
    ResourceUpdated = "notifications/resources/updated", V2024_11_05, Server / Server;
    PromptsListChanged = "notifications/prompts/list_changed", V2024_11_05, Server / Server;
    ///
    /// Deprecated since 2026-07-28: log to stderr, or use OpenTelemetry. See
    /// [`logging`](crate::model::logging#deprecated).
    LoggingMessage = "notifications/message", V2024_11_05, Server / Server;
    ElicitationComplete = "notifications/elicitation/complete", V2025_11_25 to V2025_11_25, Server / Server;
    ///
    /// Deprecated since 2026-07-28: take directories and files as arguments of tools, resource URIs
    /// or configuration. See [`root`](crate::model::root#deprecated).
    RootsListChanged = "notifications/roots/list_changed", V2024_11_05 to V2025_11_25, Client / Client;
    SubscriptionsAcknowledged = "notifications/subscriptions/acknowledged", V2026_07_28, Server / Server;
    TaskStatusChanged = "notifications/tasks/status", V2025_11_25 to V2025_11_25, Both / Server;
    ///
    /// Of the extension [`TASKS_EXTENSION`].
    TaskChanged = "notifications/tasks", V2026_07_28, Server / Server;
}

impl Serialize for SpecMethod {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for SpecMethod {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = Text::deserialize(deserializer)?;
        Self::from_wire(&name).ok_or_else(|| D::Error::custom("no method of the specification"))
    }
}

impl SpecMethod {
    /// Returns whether it is a notification, not a request.
    pub fn is_notification(self) -> bool {
        self >= Self::Initialized
    }

    /// Returns whether `revision` has it, as a message or embedded in a result.
    pub fn exists_in(self, revision: Revision) -> bool {
        self.since() <= revision && revision <= self.until()
    }

    /// Returns who sends it in `revision`; `None` when that revision hasn't got it.
    pub fn sent_by(self, revision: Revision) -> Option<Sender> {
        self.exists_in(revision)
            .then(|| self.sender_in(revision.era()))
    }

    /// Returns what a server must have declared for it to be used in `revision`, be the server its
    /// receiver or its sender; `None` when nothing. For what both sides may send about tasks that
    /// is what the server must have declared so that there are tasks on its side.
    // `caps.undeclared.method`
    pub fn server_capability(self, revision: Revision) -> Option<ServerCapability> {
        Some(match self {
            Self::ListTools | Self::CallTool => ServerCapability::Tools,
            Self::ToolsListChanged => ServerCapability::ToolsListChanged,
            Self::ListResources | Self::ListResourceTemplates | Self::ReadResource => {
                ServerCapability::Resources
            }
            Self::Subscribe | Self::Unsubscribe | Self::ResourceUpdated => {
                ServerCapability::ResourcesSubscribe
            }
            Self::ResourcesListChanged => ServerCapability::ResourcesListChanged,
            Self::ListPrompts | Self::GetPrompt => ServerCapability::Prompts,
            Self::PromptsListChanged => ServerCapability::PromptsListChanged,
            // The first revision has completion, but no capability by which to declare it.
            Self::Complete if revision > Revision::V2024_11_05 => ServerCapability::Completions,
            Self::SetLevel | Self::LoggingMessage => ServerCapability::Logging,
            Self::GetTask | Self::UpdateTask | Self::CancelTask | Self::TaskChanged
                if revision.era() == Era::Modern =>
            {
                ServerCapability::TasksExtension
            }
            Self::GetTask | Self::GetTaskPayload | Self::TaskStatusChanged => {
                ServerCapability::Tasks
            }
            Self::CancelTask => ServerCapability::TasksCancel,
            Self::ListTasks => ServerCapability::TasksList,
            _ => return None,
        })
    }

    /// Returns what a client must have declared for it to be used in `revision`, be the client its
    /// receiver or its sender; `None` when nothing. For what both sides may send about tasks that
    /// is what the client must have declared so that there are tasks on its side.
    // `caps.undeclared.method`
    pub fn client_capability(self, revision: Revision) -> Option<ClientCapability> {
        Some(match self {
            Self::CreateMessage => ClientCapability::Sampling,
            Self::Elicit => ClientCapability::Elicitation,
            Self::ElicitationComplete => ClientCapability::ElicitationUrl,
            Self::ListRoots => ClientCapability::Roots,
            Self::RootsListChanged => ClientCapability::RootsListChanged,
            Self::GetTask | Self::UpdateTask | Self::CancelTask | Self::TaskChanged
                if revision.era() == Era::Modern =>
            {
                ClientCapability::TasksExtension
            }
            Self::GetTask | Self::GetTaskPayload | Self::TaskStatusChanged => {
                ClientCapability::Tasks
            }
            Self::CancelTask => ClientCapability::TasksCancel,
            Self::ListTasks => ClientCapability::TasksList,
            _ => return None,
        })
    }

    /// Returns whether its modern result carries cache hints.
    // `cache.where`
    pub fn is_cacheable(self) -> bool {
        matches!(
            self,
            Self::Discover
                | Self::ListTools
                | Self::ListResources
                | Self::ListResourceTemplates
                | Self::ReadResource
                | Self::ListPrompts
        )
    }

    /// Returns whether it may be answered by asking for input.
    // `mrtr.methods`
    pub fn allows_input_required(self) -> bool {
        matches!(self, Self::CallTool | Self::ReadResource | Self::GetPrompt)
    }

    /// Returns whether a result that needs input may contain it as a request to the client.
    // `mrtr.values`
    pub fn is_input_request(self) -> bool {
        matches!(self, Self::CreateMessage | Self::Elicit | Self::ListRoots)
    }
}

/// Who sends a request or notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Sender {
    /// The client.
    Client,
    /// The server.
    Server,
    /// Either.
    Both,
    /// The server, not as a message but inside a result that needs input.
    Embedded,
}

/// Declares capabilities by their paths on the wire.
macro_rules! capabilities {
    ($(#[$about:meta])* $type:ident { $($(#[$doc:meta])* $name:ident = $path:literal,)* }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum $type {
            $(
                #[doc = concat!("`", $path, "`")]
                $(#[$doc])*
                $name,
            )*
        }

        impl $type {
            /// Every one of them.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// Returns its path on the wire, such as `tools.listChanged`.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $path,)*
                }
            }
        }

        impl core::fmt::Display for $type {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

capabilities! {
    /// A capability of the server on which a method depends.
    ServerCapability {
        Tools = "tools",
        ToolsListChanged = "tools.listChanged",
        Resources = "resources",
        ResourcesSubscribe = "resources.subscribe",
        ResourcesListChanged = "resources.listChanged",
        Prompts = "prompts",
        PromptsListChanged = "prompts.listChanged",
        Completions = "completions",
        Logging = "logging",
        /// Tasks at all, in 2025-11-25.
        Tasks = "tasks",
        TasksList = "tasks.list",
        TasksCancel = "tasks.cancel",
        TasksToolsCall = "tasks.requests.tools.call",
        /// Tasks since 2026-07-28.
        TasksExtension = "extensions.io.modelcontextprotocol/tasks",
    }
}

impl ServerCapability {
    /// Returns whether a server of these capabilities has declared it.
    pub fn is_declared_by(self, server: &ServerCapabilities<'_>) -> bool {
        let tools = server.tools.as_ref();
        let resources = server.resources.as_ref();
        let prompts = server.prompts.as_ref();
        let tasks = server.tasks.as_ref();
        match self {
            Self::Tools => tools.is_some(),
            Self::ToolsListChanged => tools.is_some_and(|tools| tools.list_changed),
            Self::Resources => resources.is_some(),
            Self::ResourcesSubscribe => resources.is_some_and(|resources| resources.subscribe),
            Self::ResourcesListChanged => resources.is_some_and(|resources| resources.list_changed),
            Self::Prompts => prompts.is_some(),
            Self::PromptsListChanged => prompts.is_some_and(|prompts| prompts.list_changed),
            Self::Completions => server.completions.is_some(),
            Self::Logging => server.logging.is_some(),
            Self::Tasks => tasks.is_some(),
            Self::TasksList => tasks.is_some_and(|tasks| tasks.list.is_some()),
            Self::TasksCancel => tasks.is_some_and(|tasks| tasks.cancel.is_some()),
            Self::TasksToolsCall => {
                tasks.is_some_and(|tasks| tasks.augments(SpecMethod::CallTool.as_str()))
            }
            Self::TasksExtension => server.extension_settings(TASKS_EXTENSION).is_some(),
        }
    }
}

capabilities! {
    /// A capability of the client on which a method depends.
    ClientCapability {
        Sampling = "sampling",
        /// [`ClientCapabilities::supports_form`] tells by which mode.
        Elicitation = "elicitation",
        ElicitationUrl = "elicitation.url",
        Roots = "roots",
        RootsListChanged = "roots.listChanged",
        /// Tasks at all, in 2025-11-25.
        Tasks = "tasks",
        TasksList = "tasks.list",
        TasksCancel = "tasks.cancel",
        /// Tasks since 2026-07-28.
        TasksExtension = "extensions.io.modelcontextprotocol/tasks",
    }
}

impl ClientCapability {
    /// Returns whether a client of these capabilities has declared it.
    pub fn is_declared_by(self, client: &ClientCapabilities<'_>) -> bool {
        let roots = client.roots.as_ref();
        let tasks = client.tasks.as_ref();
        match self {
            Self::Sampling => client.sampling.is_some(),
            Self::Elicitation => client.elicitation.is_some(),
            Self::ElicitationUrl => client.supports_url(),
            Self::Roots => roots.is_some(),
            Self::RootsListChanged => roots.is_some_and(|roots| roots.list_changed),
            Self::Tasks => tasks.is_some(),
            Self::TasksList => tasks.is_some_and(|tasks| tasks.list.is_some()),
            Self::TasksCancel => tasks.is_some_and(|tasks| tasks.cancel.is_some()),
            Self::TasksExtension => client.extension_settings(TASKS_EXTENSION).is_some(),
        }
    }
}

/// Declares the types that stand for methods, each with its parameters and its result. Those whose
/// parameters are made of methods stand beside them.
macro_rules! methods {
    ($($(#[$about:meta])* $name:ident: $params:ident => $result:ident;)*) => { $(
        #[doc = concat!(
            "The method [`SpecMethod::", stringify!($name),
            "`](crate::model::method::SpecMethod::", stringify!($name), ")."
        )]
        $(#[$about])*
        #[derive(Clone, Copy, Debug)]
        #[non_exhaustive]
        pub struct $name;

        impl $crate::model::method::Method for $name {
            const NAME: &'static str = $crate::model::method::SpecMethod::$name.as_str();
            type Params<'a> = $params<'a>;
            type Result<'a> = $result<'a>;
        }
    )* };
}

methods! {
    Initialize: InitializeParams => InitializeResult;
    Discover: DiscoverParams => DiscoverResult;
    Ping: EmptyParams => EmptyResult;
    ListTools: PaginatedRequestParams => ListToolsResult;
    CallTool: CallToolParams => CallToolResult;
    ListResources: PaginatedRequestParams => ListResourcesResult;
    ListResourceTemplates: PaginatedRequestParams => ListResourceTemplatesResult;
    ReadResource: ReadResourceParams => ReadResourceResult;
    Subscribe: SubscribeParams => EmptyResult;
    Unsubscribe: UnsubscribeParams => EmptyResult;
    ListPrompts: PaginatedRequestParams => ListPromptsResult;
    GetPrompt: GetPromptParams => GetPromptResult;
    Complete: CompleteParams => CompleteResult;
    ///
    /// Deprecated since 2026-07-28: log to stderr, or use OpenTelemetry. See
    /// [`logging`](crate::model::logging#deprecated).
    SetLevel: SetLevelParams => EmptyResult;
    ///
    /// Deprecated since 2026-07-28: use the API of a model provider directly. See
    /// [`sampling`](crate::model::sampling#deprecated).
    CreateMessage: CreateMessageParams => CreateMessageResult;
    Elicit: ElicitParams => ElicitResult;
    ///
    /// Deprecated since 2026-07-28: take directories and files as arguments of tools, resource URIs
    /// or configuration. See [`root`](crate::model::root#deprecated).
    ListRoots: EmptyParams => ListRootsResult;
    SubscriptionsListen: SubscriptionsListenParams => SubscriptionsListenResult;
}

macro_rules! paginated {
    ($($name:ident),* $(,)?) => { $(
        impl $crate::model::method::Paginated for $name {
            fn next_cursor<'p>(page: &'p Self::Result<'_>) -> Option<$crate::rpc::Text<'p>> {
                page.next_cursor.as_ref().map($crate::rpc::Text::reborrow)
            }
        }
    )* };
}

paginated!(ListTools, ListResources, ListResourceTemplates, ListPrompts);

/// Declares the types that stand for notifications, each with its parameters.
macro_rules! notifications {
    ($($(#[$about:meta])* $name:ident: $params:ident;)*) => { $(
        #[doc = concat!(
            "The notification [`SpecMethod::", stringify!($name),
            "`](crate::model::method::SpecMethod::", stringify!($name), ")."
        )]
        $(#[$about])*
        #[derive(Clone, Copy, Debug)]
        #[non_exhaustive]
        pub struct $name;

        impl $crate::model::method::Notification for $name {
            const NAME: &'static str = $crate::model::method::SpecMethod::$name.as_str();
            type Params<'a> = $params<'a>;
        }
    )* };
}

notifications! {
    Initialized: InitializedParams;
    Cancelled: CancelledParams;
    Progress: ProgressParams;
    ToolsListChanged: EmptyParams;
    ResourcesListChanged: EmptyParams;
    ResourceUpdated: ResourceUpdatedParams;
    PromptsListChanged: EmptyParams;
    ///
    /// Deprecated since 2026-07-28: log to stderr, or use OpenTelemetry. See
    /// [`logging`](crate::model::logging#deprecated).
    LoggingMessage: LoggingMessageParams;
    ElicitationComplete: ElicitationCompleteParams;
    ///
    /// Deprecated since 2026-07-28: take directories and files as arguments of tools, resource URIs
    /// or configuration. See [`root`](crate::model::root#deprecated).
    RootsListChanged: EmptyParams;
    SubscriptionsAcknowledged: SubscriptionsAcknowledgedParams;
}

pub(crate) use {methods, notifications, paginated};

wire_type! {
    /// The parameters of a method or notification that has none but `_meta`.
    #[derive(Debug, Default)]
    pub struct EmptyParams<'a> {
        /// The message's `_meta`.
        meta? as "_meta": Meta<'a>,
    }
}

wire_type! {
    /// The result of a method that has nothing to say but `_meta`.
    #[derive(Debug, Default)]
    pub struct EmptyResult<'a> {
        /// The result's `_meta`.
        meta? as "_meta": Meta<'a>,
    }
}

impl<'a> EmptyParams<'a> {
    /// Creates empty parameters.
    pub const fn new() -> Self {
        Self { meta: None }
    }
}

impl<'a> EmptyResult<'a> {
    /// Creates an empty result.
    pub const fn new() -> Self {
        Self { meta: None }
    }
}

already_owned!(SpecMethod, Sender, ServerCapability, ClientCapability);
