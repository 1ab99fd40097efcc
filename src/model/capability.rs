//! What a client and a server say they can do, and the questions asked about it. A capability is
//! declared if its object is there, even an empty one; unknown ones and unknown members survive.

use alloc::boxed::Box;
use alloc::vec::Vec;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::model::encode::EncodeError;
use crate::model::encode::downgrade::{FieldRule, Rewritten, converted};
use crate::model::object::Object;
use crate::model::open_object::{Member, read_open};
use crate::model::owned::{IntoOwned, into_owned};
use crate::revision::Revision;
use crate::rpc::{Raw, Text, member_of};

/// The id of the extension by which tasks are spoken of since 2026-07-28.
// `task26.id`
pub const TASKS_EXTENSION: &str = "io.modelcontextprotocol/tasks";

/// A value of which older revisions may know a part only.
trait KnownIn {
    /// The same without what `revision` has no words for.
    fn known_in(self, revision: Revision) -> Self;
}

impl KnownIn for bool {
    fn known_in(self, _: Revision) -> Self {
        self
    }
}

impl KnownIn for Object<'_> {
    fn known_in(self, _: Revision) -> Self {
        self
    }
}

impl<T: KnownIn> KnownIn for Box<T> {
    fn known_in(self, revision: Revision) -> Self {
        Self::new((*self).known_in(revision))
    }
}

impl<T: KnownIn> KnownIn for Option<T> {
    fn known_in(self, revision: Revision) -> Self {
        self.map(|value| value.known_in(revision))
    }
}

/// Declares an open object of capabilities: its known members, each with the revisions that know it,
/// and `other` for the rest.
// Not `wire_type!`: a member here is a switch that is written only when it is on, and unknown ones
// are kept beside it, so that it is written as a map and the encoder's rules don't reach it.
macro_rules! capability_object {
    ($(#[$about:meta])* $name:ident {
        $(
            $(#[$field_about:meta])* $field:ident: $type:ty = $wire:literal
            $([$($rule:ident($revision:ident)),*])?,
        )*
    }) => {
        $(#[$about])*
        #[derive(Clone, Debug, Default, PartialEq)]
        #[non_exhaustive]
        pub struct $name<'a> {
            $($(#[$field_about])* pub $field: $type,)*
            /// The members that no revision defines, and those that aren't what they should be and
            /// so declare nothing, in the order in which they came.
            pub other: Vec<(Text<'a>, Raw<'a>)>,
        }

        read_open!($name { $($field = $wire),* });
        into_owned!($name { $($field,)* other });

        impl Serialize for $name<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let known = [$(self.$field.is_written()),*];
                let known = known.into_iter().filter(|written| *written).count();
                let mut map = serializer.serialize_map(Some(known.saturating_add(self.other.len())))?;
                $(if self.$field.is_written() {
                    map.serialize_entry($wire, &self.$field)?;
                })*
                for (key, value) in &self.other {
                    map.serialize_entry(key, value)?;
                }
                map.end()
            }
        }

        impl KnownIn for $name<'_> {
            fn known_in(self, revision: Revision) -> Self {
                Self {
                    $($field: {
                        let rule = FieldRule::always($wire)$($(.$rule(Revision::$revision))*)?;
                        match rule.is_known_in(revision) {
                            true => self.$field.known_in(revision),
                            false => Default::default(),
                        }
                    },)*
                    other: self.other,
                }
            }
        }
    };
}

capability_object! {
    /// That a client can list its roots.
    ///
    /// Deprecated since 2026-07-28: take directories and files as arguments of tools, resource URIs
    /// or configuration. See [`root`](crate::model::root#deprecated).
    RootsCapability {
        /// Whether it tells when they change (up to 2025-11-25).
        list_changed: bool = "listChanged" [until(V2025_11_25)],
    }
}

capability_object! {
    /// That a client can have its model write a message.
    ///
    /// Deprecated since 2026-07-28: use the API of a model provider directly. See
    /// [`sampling`](crate::model::sampling#deprecated).
    SamplingCapability {
        /// Present when the model may be given tools, from 2025-11-25 on.
        tools: Option<Object<'a>> = "tools" [since(V2025_11_25)],
        /// Present when the context of servers may be included, from 2025-11-25 on.
        context: Option<Object<'a>> = "context" [since(V2025_11_25)],
    }
}

capability_object! {
    /// That a client can ask its user; an empty one means by form.
    // `caps.presence`
    ElicitationCapability {
        /// Present when it can show a form, from 2025-11-25 on.
        form: Option<Object<'a>> = "form" [since(V2025_11_25)],
        /// Present when it can send the user to a URL, from 2025-11-25 on.
        url: Option<Object<'a>> = "url" [since(V2025_11_25)],
    }
}

capability_object! {
    /// That a side of 2025-11-25 runs requests as tasks.
    // `task25.cap`
    TasksCapability {
        /// Present when its tasks can be listed.
        list: Option<Object<'a>> = "list",
        /// Present when its tasks can be cancelled.
        cancel: Option<Object<'a>> = "cancel",
        /// The requests that may run as tasks, as nested objects; see
        /// [`augments`](TasksCapability::augments).
        requests: Option<Object<'a>> = "requests",
    }
}

impl TasksCapability<'_> {
    /// Creates the capability of running no request as a task.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds that tasks can be listed.
    #[must_use]
    pub fn list(mut self) -> Self {
        self.list.get_or_insert_default();
        self
    }

    /// Adds that tasks can be cancelled.
    #[must_use]
    pub fn cancel(mut self) -> Self {
        self.cancel.get_or_insert_default();
        self
    }

    /// Adds that requests of `method`, such as `tools/call`, may run as tasks.
    #[must_use]
    pub fn augmenting(mut self, method: &str) -> Self {
        let (group, request) = method.split_once('/').unwrap_or_default();
        let requests = self.requests.unwrap_or_default();
        let others = requests.get(group).and_then(Object::from_raw);
        let inner = others.unwrap_or_default().with(request, &Object::new());
        let inner = inner.into_owned();
        self.requests = Some(requests.with(group, &inner));
        self
    }

    /// Returns whether a request of `method` may run as a task: only what is named here may.
    pub fn augments(&self, method: &str) -> bool {
        let Some(requests) = &self.requests else {
            return false;
        };
        let mut reached = requests.as_raw().as_str().as_bytes();
        method.split('/').all(|step| {
            reached = member_of(reached, step).unwrap_or_default();
            reached.first() == Some(&b'{')
        })
    }
}

capability_object! {
    /// What a client can do, in all revisions together.
    ClientCapabilities {
        /// Listing roots.
        ///
        /// Deprecated since 2026-07-28: take directories and files as arguments of tools, resource
        /// URIs or configuration. See [`root`](crate::model::root#deprecated).
        roots: Option<RootsCapability<'a>> = "roots",
        /// Having its model write a message.
        ///
        /// Deprecated since 2026-07-28: use the API of a model provider directly. See
        /// [`sampling`](crate::model::sampling#deprecated).
        sampling: Option<SamplingCapability<'a>> = "sampling",
        /// Asking its user, from 2025-06-18 on.
        elicitation: Option<ElicitationCapability<'a>> = "elicitation" [since(V2025_06_18)],
        /// Running requests as tasks (2025-11-25 only).
        tasks: Option<Box<TasksCapability<'a>>> = "tasks" [only(V2025_11_25)],
        /// What no specification describes, by name.
        experimental: Option<Object<'a>> = "experimental",
        /// Extensions by their id with their settings, from 2026-07-28 on.
        extensions: Option<Object<'a>> = "extensions" [since(V2026_07_28)],
    }
}

capability_object! {
    /// That a server has prompts.
    PromptsCapability {
        /// Whether it tells when their list changes.
        list_changed: bool = "listChanged",
    }
}

capability_object! {
    /// That a server has resources.
    ResourcesCapability {
        /// Whether it tells those who ask when one of them changes.
        subscribe: bool = "subscribe",
        /// Whether it tells when their list changes.
        list_changed: bool = "listChanged",
    }
}

capability_object! {
    /// That a server has tools.
    ToolsCapability {
        /// Whether it tells when their list changes.
        list_changed: bool = "listChanged",
    }
}

capability_object! {
    /// What a server can do, in all revisions together.
    ServerCapabilities {
        /// Log messages.
        ///
        /// Deprecated since 2026-07-28: log to stderr, or use OpenTelemetry. See
        /// [`logging`](crate::model::logging#deprecated).
        logging: Option<Object<'a>> = "logging",
        /// Completion of arguments, from 2025-03-26 on; 2024-11-05 has it without saying so.
        completions: Option<Object<'a>> = "completions" [since(V2025_03_26)],
        /// Prompts.
        prompts: Option<PromptsCapability<'a>> = "prompts",
        /// Resources.
        resources: Option<ResourcesCapability<'a>> = "resources",
        /// Tools.
        tools: Option<ToolsCapability<'a>> = "tools",
        /// Running requests as tasks (2025-11-25 only).
        tasks: Option<Box<TasksCapability<'a>>> = "tasks" [only(V2025_11_25)],
        /// What no specification describes, by name.
        experimental: Option<Object<'a>> = "experimental",
        /// Extensions by their id with their settings, from 2026-07-28 on.
        extensions: Option<Object<'a>> = "extensions" [since(V2026_07_28)],
    }
}

/// Declares what the capabilities of both sides say beyond the protocol's own features.
macro_rules! open_capabilities {
    () => {
        /// Sets what is said about tasks.
        #[must_use]
        pub fn tasks(mut self, tasks: TasksCapability<'a>) -> Self {
            self.tasks = Some(Box::new(tasks));
            self
        }

        /// Adds an experimental capability.
        #[must_use]
        pub fn experimental(mut self, name: &str, settings: &Object<'_>) -> Self {
            self.experimental = Some(self.experimental.unwrap_or_default().with(name, settings));
            self
        }

        /// Adds an extension, whose id must satisfy
        /// [`is_extension_id`](crate::model::meta::is_extension_id).
        #[must_use]
        pub fn extension(mut self, id: &str, settings: &Object<'_>) -> Self {
            self.extensions = Some(self.extensions.unwrap_or_default().with(id, settings));
            self
        }

        /// Returns the settings of the extension `id`; `None` when it is absent or they aren't an
        /// object.
        pub fn extension_settings(&self, id: &str) -> Option<Object<'_>> {
            settings(self.extensions.as_ref(), id)
        }
    };
}

impl<'a> ClientCapabilities<'a> {
    /// Creates a set without any capability; extensions are off until they are asked for.
    // `ext.optin`
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the listing of roots; `list_changed` if the client also notifies of changes.
    ///
    /// Deprecated since 2026-07-28: take directories and files as arguments of tools, resource URIs
    /// or configuration. See [`root`](crate::model::root#deprecated).
    #[must_use]
    pub fn roots(mut self, list_changed: bool) -> Self {
        self.roots.get_or_insert_default().list_changed = list_changed;
        self
    }

    /// Adds sampling.
    ///
    /// Deprecated since 2026-07-28: use the API of a model provider directly. See
    /// [`sampling`](crate::model::sampling#deprecated).
    #[must_use]
    pub fn sampling(mut self) -> Self {
        self.sampling.get_or_insert_default();
        self
    }

    /// Adds sampling with tools.
    ///
    /// Deprecated since 2026-07-28: use the API of a model provider directly. See
    /// [`sampling`](crate::model::sampling#deprecated).
    #[must_use]
    pub fn sampling_tools(mut self) -> Self {
        self.sampling
            .get_or_insert_default()
            .tools
            .get_or_insert_default();
        self
    }

    /// Adds sampling with the context of servers.
    ///
    /// Deprecated since 2026-07-28: use the API of a model provider directly. See
    /// [`sampling`](crate::model::sampling#deprecated).
    #[must_use]
    pub fn sampling_context(mut self) -> Self {
        self.sampling
            .get_or_insert_default()
            .context
            .get_or_insert_default();
        self
    }

    /// Adds asking the user by form.
    #[must_use]
    pub fn elicitation_form(mut self) -> Self {
        self.elicitation
            .get_or_insert_default()
            .form
            .get_or_insert_default();
        self
    }

    /// Adds sending the user to a URL.
    #[must_use]
    pub fn elicitation_url(mut self) -> Self {
        self.elicitation
            .get_or_insert_default()
            .url
            .get_or_insert_default();
        self
    }

    open_capabilities!();

    /// Returns whether the user can be asked by form: with `elicitation` empty or naming `form`.
    pub fn supports_form(&self) -> bool {
        self.elicitation
            .as_ref()
            .is_some_and(|e| e.form.is_some() || e.url.is_none())
    }

    /// Returns whether the user can be sent to a URL.
    pub fn supports_url(&self) -> bool {
        self.elicitation.as_ref().is_some_and(|e| e.url.is_some())
    }

    /// Returns the part of `needed` that is lacking here, down to the nested member; `None` when
    /// nothing is.
    ///
    /// The answer is what a missing-capability error names.
    // `caps.missing.vs.degrade`
    pub fn missing_for<'n>(
        &self,
        needed: &ClientCapabilities<'n>,
    ) -> Option<ClientCapabilities<'n>> {
        let missing = ClientCapabilities {
            roots: self.missing_roots(needed),
            sampling: self.missing_sampling(needed),
            elicitation: self.missing_elicitation(needed),
            tasks: if self.tasks.is_some() {
                None
            } else {
                needed.tasks.clone()
            },
            experimental: missing_entries(
                self.experimental.as_ref(),
                needed.experimental.as_ref(),
                false,
            ),
            extensions: missing_entries(self.extensions.as_ref(), needed.extensions.as_ref(), true),
            other: missing_others(&self.other, &needed.other),
        };
        (missing != ClientCapabilities::default()).then_some(missing)
    }

    fn missing_roots<'n>(&self, needed: &ClientCapabilities<'n>) -> Option<RootsCapability<'n>> {
        let wanted = needed.roots.as_ref()?;
        let suffices = self
            .roots
            .as_ref()
            .is_some_and(|roots| roots.list_changed || !wanted.list_changed);
        (!suffices).then(|| wanted.clone())
    }

    fn missing_sampling<'n>(
        &self,
        needed: &ClientCapabilities<'n>,
    ) -> Option<SamplingCapability<'n>> {
        let wanted = needed.sampling.as_ref()?;
        let Some(declared) = &self.sampling else {
            return Some(wanted.clone());
        };
        let tools = if declared.tools.is_some() {
            None
        } else {
            wanted.tools.clone()
        };
        let context = if declared.context.is_some() {
            None
        } else {
            wanted.context.clone()
        };
        let lacks = tools.is_some() || context.is_some();
        lacks.then_some(SamplingCapability {
            tools,
            context,
            other: Vec::new(),
        })
    }

    fn missing_elicitation<'n>(
        &self,
        needed: &ClientCapabilities<'n>,
    ) -> Option<ElicitationCapability<'n>> {
        let wanted = needed.elicitation.as_ref()?;
        let Some(declared) = &self.elicitation else {
            return Some(wanted.clone());
        };
        let lacks_form = needed.supports_form() && !self.supports_form();
        let form = lacks_form.then(|| wanted.form.clone().unwrap_or_default());
        let url = if declared.url.is_some() {
            None
        } else {
            wanted.url.clone()
        };
        let lacks = form.is_some() || url.is_some();
        lacks.then_some(ElicitationCapability {
            form,
            url,
            other: Vec::new(),
        })
    }

    /// Returns the same capabilities without what `revision` has no words for.
    ///
    /// A client that can only send its user to a URL has no elicitation to offer before
    /// 2025-11-25, where elicitation is by form.
    // `caps.client.list`
    #[must_use]
    pub fn for_revision(mut self, revision: Revision) -> Self {
        if revision < Revision::V2025_11_25 && !self.supports_form() {
            self.elicitation = None;
        }
        self.known_in(revision)
    }

    /// Writes capabilities that are already written as `revision` has them: they have open members,
    /// so no rule about a field reaches them.
    pub(crate) fn downgrade(written: &[u8], revision: Revision) -> Result<Rewritten, EncodeError> {
        converted(written, |capabilities: ClientCapabilities<'_>| {
            Ok(capabilities.for_revision(revision))
        })
        .map(Rewritten::Replaced)
    }
}

impl<'a> ServerCapabilities<'a> {
    /// Creates a set without any capability; extensions are off until they are asked for.
    // `ext.optin`
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds log messages.
    ///
    /// Deprecated since 2026-07-28: log to stderr, or use OpenTelemetry. See
    /// [`logging`](crate::model::logging#deprecated).
    #[must_use]
    pub fn logging(mut self) -> Self {
        self.logging.get_or_insert_default();
        self
    }

    /// Adds completion of arguments.
    #[must_use]
    pub fn completions(mut self) -> Self {
        self.completions.get_or_insert_default();
        self
    }

    /// Adds prompts; `list_changed` if the server also notifies of changes to their list.
    #[must_use]
    pub fn prompts(mut self, list_changed: bool) -> Self {
        self.prompts.get_or_insert_default().list_changed = list_changed;
        self
    }

    /// Adds resources; `list_changed` if the server also notifies of changes to their list.
    #[must_use]
    pub fn resources(mut self, list_changed: bool) -> Self {
        self.resources.get_or_insert_default().list_changed = list_changed;
        self
    }

    /// Adds resources whose changes can be subscribed to.
    #[must_use]
    pub fn resources_subscribe(mut self) -> Self {
        self.resources.get_or_insert_default().subscribe = true;
        self
    }

    /// Adds tools; `list_changed` if the server also notifies of changes to their list.
    #[must_use]
    pub fn tools(mut self, list_changed: bool) -> Self {
        self.tools.get_or_insert_default().list_changed = list_changed;
        self
    }

    open_capabilities!();

    /// Returns the same capabilities without what `revision` has no words for.
    // `caps.server.list`
    #[must_use]
    pub fn for_revision(self, revision: Revision) -> Self {
        self.known_in(revision)
    }

    /// Writes capabilities that are already written as `revision` has them: they have open members,
    /// so no rule about a field reaches them.
    pub(crate) fn downgrade(written: &[u8], revision: Revision) -> Result<Rewritten, EncodeError> {
        converted(written, |capabilities: ServerCapabilities<'_>| {
            Ok(capabilities.for_revision(revision))
        })
        .map(Rewritten::Replaced)
    }
}

/// The value of one extension, provided that it is an object (`ext.untrusted`).
fn settings<'b>(extensions: Option<&'b Object<'_>>, id: &str) -> Option<Object<'b>> {
    Object::from_raw(extensions?.get(id)?)
}

/// The entries of `needed` that `declared` lacks; one that isn't an object counts as lacking where
/// `objects_only` says so.
fn missing_entries(
    declared: Option<&Object<'_>>,
    needed: Option<&Object<'_>>,
    objects_only: bool,
) -> Option<Object<'static>> {
    let lacks = |key: &Text<'_>| {
        let value = declared.and_then(|declared| declared.get(key));
        !value.is_some_and(|value| value.is_object() || !objects_only)
    };
    let mut entries = needed?.entries().filter(|(key, _)| lacks(key)).peekable();
    entries.peek()?;
    Some(entries.fold(Object::new(), |missing, (key, value)| {
        missing.with(&key, &value)
    }))
}

fn missing_others<'n>(
    declared: &[(Text<'_>, Raw<'_>)],
    needed: &[(Text<'n>, Raw<'n>)],
) -> Vec<(Text<'n>, Raw<'n>)> {
    let lacks = |key: &Text<'_>| !declared.iter().any(|(declared, _)| declared == key);
    needed
        .iter()
        .filter(|(key, _)| lacks(key))
        .cloned()
        .collect()
}
