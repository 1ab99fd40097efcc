//! What a server offers, by name and in the order in which it was added.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;

use crate::lock::Lock;
use crate::model::capability::ServerCapabilities;
use crate::model::completion::Reference;
use crate::model::prompt::Prompt;
use crate::model::resource::{Resource, ResourceTemplate};
use crate::model::tool::Tool;
use crate::model::validation::Validator;
use crate::rpc::{RpcError, Text};
use crate::session::{Change, Request};

use super::definition::{DefinitionError, Support, ToolDefinition};
use super::hook::Hooked;
use super::listener::{Listener, Listeners};
use super::prefixes::Prefixes;
use super::required::Required;
use super::template::Template;

/// One thing that is offered.
pub(super) struct Entry<T> {
    name: Box<str>,
    pub(super) definition: T,
    pub(super) handler: Hooked,
}

/// A list of things by name. A copy shares its entries.
#[derive(Clone)]
pub(super) struct List<T> {
    entries: Vec<Arc<Entry<T>>>,
    /// The places of the entries, in buckets by what their names hash to and in each in the order of the
    /// names: finding one takes as long however many there are, and never longer than its logarithm.
    by_name: Vec<Vec<u32>>,
}

/// With more in a bucket on average there are to be more buckets.
const EACH: usize = 4;

impl<T> Default for List<T> {
    fn default() -> Self {
        Self {
            entries: Vec::new(),
            by_name: Vec::new(),
        }
    }
}

/// What an edit has taken out of a list, to be dropped once the lock is free.
pub(super) type Taken<T> = Option<Arc<Entry<T>>>;

impl<T> List<T> {
    /// Adds a thing at the end, or puts it in place of the one of that name, which is returned.
    pub(super) fn insert(
        &mut self,
        name: &str,
        definition: T,
        handler: impl Into<Hooked>,
    ) -> Taken<T> {
        let entry = Arc::new(Entry {
            name: name.into(),
            definition,
            handler: handler.into(),
        });
        match self.search(name) {
            (bucket, Ok(found)) => {
                let place = self.by_name[bucket][found] as usize;
                Some(core::mem::replace(&mut self.entries[place], entry))
            }
            (bucket, Err(found)) => {
                let place = self.entries.len();
                self.entries.push(entry);
                if self.entries.len() > EACH * self.by_name.len() {
                    self.spread();
                } else {
                    self.by_name[bucket].insert(found, place as u32);
                }
                None
            }
        }
    }

    /// Gives each few entries a bucket.
    fn spread(&mut self) {
        let buckets = (2 * self.entries.len() / EACH).next_power_of_two();
        self.by_name = alloc::vec![Vec::new(); buckets];
        for place in 0..self.entries.len() {
            if let (bucket, Err(at)) = self.search(&self.entries[place].name) {
                self.by_name[bucket].insert(at, place as u32);
            }
        }
    }

    /// The bucket of `name`, and where in it that is or would be.
    fn search(&self, name: &str) -> (usize, Result<usize, usize>) {
        let bucket = match self.by_name.len() {
            0 | 1 => 0,
            buckets => hash(name) as usize & (buckets - 1),
        };
        let places = self.by_name.get(bucket).map_or(&[][..], Vec::as_slice);
        let name_at = |place: &u32| &*self.entries[*place as usize].name;
        let found = places.binary_search_by(|place| name_at(place).cmp(name));
        (bucket, found)
    }

    /// The same list with other definitions, without those for which `replace` gives none.
    fn redefined(&self, mut replace: impl FnMut(&T) -> Option<T>) -> Self {
        let mut list = Self::default();
        for entry in &self.entries {
            if let Some(definition) = replace(&entry.definition) {
                list.insert(&entry.name, definition, entry.handler.clone());
            }
        }
        list
    }

    pub(super) fn remove(&mut self, name: &str) -> Taken<T> {
        let (bucket, found) = self.search(name);
        let place = self.by_name[bucket].remove(found.ok()?);
        for later in self.by_name.iter_mut().flatten() {
            *later -= u32::from(*later > place);
        }
        Some(self.entries.remove(place as usize))
    }

    pub(super) fn get(&self, name: &str) -> Option<&Arc<Entry<T>>> {
        let (bucket, found) = self.search(name);
        let place = *self.by_name.get(bucket)?.get(found.ok()?)?;
        self.entries.get(place as usize)
    }

    /// One page: from the `start`th on, `size` of them, and whether more follow.
    pub(super) fn page(&self, start: usize, size: usize) -> (impl Iterator<Item = &T>, bool) {
        let rest = self.entries.get(start..).unwrap_or_default();
        let page = rest.iter().take(size).map(|entry| &entry.definition);
        (page, rest.len() > size)
    }

    /// All of them with their handlers, in their order.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&T, &Hooked)> {
        self.entries
            .iter()
            .map(|entry| (&entry.definition, &entry.handler))
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

/// A number for a name that is about as good as any other (FNV-1a).
fn hash(name: &str) -> u64 {
    let step = |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325, step);
    hash ^ hash >> 32
}

/// A resource template and what it matches.
#[derive(Clone)]
pub(super) struct TemplateDefinition {
    pub(super) template: ResourceTemplate<'static>,
    pub(super) pattern: Arc<Template>,
}

/// What is completed: one argument of a prompt, or one variable of a template.
#[derive(Clone)]
pub(super) struct CompletionDefinition {
    pub(super) reference: Reference<'static>,
    pub(super) argument: Box<str>,
}

/// All of it. A copy costs no more than a pointer for each entry.
#[derive(Clone, Default)]
pub(super) struct Offered {
    pub(super) tools: List<ToolDefinition>,
    pub(super) resources: List<Resource<'static>>,
    pub(super) templates: List<TemplateDefinition>,
    pub(super) prompts: List<Prompt<'static>>,
    pub(super) completions: List<CompletionDefinition>,
    /// Which of the templates a URI may match.
    by_prefix: Prefixes,
    /// The scopes that a token needs for single ones of these.
    pub(super) required: Required,
    #[cfg(feature = "skills")]
    pub(super) skills: Arc<super::skills::SkillSet>,
    /// What is declared though nothing of its kind has been added yet.
    pub(super) declared: ServerCapabilities<'static>,
    /// What checks the schemas of tools and their calls.
    pub(super) validator: Option<Arc<dyn Validator>>,
    /// The first definition that could not be taken while the server was made.
    pub(super) refused: Option<DefinitionError>,
}

impl Offered {
    /// The first template that `uri` matches, and its handler.
    pub(super) fn template_of(&self, uri: &str) -> Option<(&TemplateDefinition, &Hooked)> {
        let entries = &self.templates.entries;
        let prefix = |place: usize| {
            let entry = entries.get(place);
            entry.map_or("", |entry| entry.definition.pattern.prefix())
        };
        let places = self.by_prefix.candidates(uri, entries.len(), prefix);
        let entries = places.into_iter().filter_map(|place| entries.get(place));
        let mut matching = entries.filter(|entry| entry.definition.pattern.matches(uri).is_some());
        let found = matching.next()?;
        Some((&found.definition, &found.handler))
    }

    /// Keeps the first error, to be told before the server begins to serve.
    pub(super) fn refuse(&mut self, error: Option<DefinitionError>) {
        self.refused = self.refused.take().or(error);
    }

    /// What the server declares for what it offers (`caps.server.must.declare`).
    pub(super) fn capabilities(&self) -> ServerCapabilities<'static> {
        let mut capabilities = self.declared.clone().logging();
        if !self.tools.is_empty() || capabilities.tools.is_some() {
            capabilities = capabilities.tools(true);
        }
        let has_resources = !self.resources.is_empty() || !self.templates.is_empty();
        if has_resources || capabilities.resources.is_some() {
            capabilities = capabilities.resources(true).resources_subscribe();
        }
        if !self.prompts.is_empty() || capabilities.prompts.is_some() {
            capabilities = capabilities.prompts(true);
        }
        if !self.completions.is_empty() {
            capabilities = capabilities.completions();
        }
        #[cfg(feature = "skills")]
        if self.skills.are_offered(&self.declared) {
            capabilities = super::skills::SkillSet::declared_in(capabilities);
        }
        capabilities
    }
}

/// What a server has offered at one time.
#[cfg(feature = "http-core")]
pub(crate) struct Snapshot(Arc<Offered>);

#[cfg(feature = "http-core")]
impl Snapshot {
    /// Whether nothing has changed since.
    #[cfg(feature = "http")]
    pub(crate) fn is_current(&self, registry: &Registry) -> bool {
        Arc::ptr_eq(&self.0, &registry.read())
    }

    /// Whether anything needs scopes.
    #[cfg(feature = "http")]
    pub(crate) fn needs_scopes(&self) -> bool {
        !self.0.required.is_empty()
    }

    pub(crate) fn tools(&self) -> impl Iterator<Item = &Tool<'static>> {
        let tools = self.0.tools.entries();
        tools.map(|(definition, _)| &definition.tool)
    }
}

/// What a server offers. It can be changed while the server runs.
#[derive(Default)]
pub struct Registry {
    offered: Lock<Arc<Offered>>,
    listeners: Listeners,
}

impl Registry {
    /// Takes a tool away; whether there was one of this name.
    pub fn remove_tool(&self, name: &str) -> bool {
        self.edit(|offered| offered.tools.remove(name)).is_some()
    }

    /// Takes a resource away; whether there was one of this URI.
    pub fn remove_resource(&self, uri: &str) -> bool {
        self.edit(|offered| offered.resources.remove(uri)).is_some()
    }

    /// Takes a resource template away; whether there was one.
    pub fn remove_resource_template(&self, uri_template: &str) -> bool {
        self.edit(|offered| offered.templates.remove(uri_template))
            .is_some()
    }

    /// Takes a prompt away; whether there was one of this name.
    pub fn remove_prompt(&self, name: &str) -> bool {
        self.edit(|offered| offered.prompts.remove(name)).is_some()
    }

    /// The tool that a request calls; the error is for one that isn't there.
    pub(super) fn tool(&self, request: &Request) -> Result<Arc<Entry<ToolDefinition>>, RpcError> {
        let name = request.target().unwrap_or(Text::borrowed(""));
        let offered = self.read();
        let found = offered.tools.get(&name).map(Arc::clone);
        found.ok_or_else(|| unknown("tool", &name))
    }

    /// Has `listener` told of changes for as long as it is kept.
    pub(super) fn add_listener(&self, listener: Weak<dyn Listener>) {
        self.listeners.add(listener);
    }

    /// Tells all clients that a list has changed, or this resource.
    pub(super) fn announce(&self, change: Change, uri: &str) {
        self.listeners.announce(change, uri);
    }

    #[cfg(feature = "http-core")]
    pub(crate) fn snapshot(&self) -> Snapshot {
        Snapshot(self.read())
    }

    /// What is offered now. It stays as it is while others change the registry.
    pub(super) fn read(&self) -> Arc<Offered> {
        self.offered.with(|offered| Arc::clone(offered))
    }

    /// Changes what is offered. `act` returns what it takes out, which is dropped only when the lock is
    /// free again, since that runs code of the user.
    pub(super) fn edit<R>(&self, act: impl FnOnce(&mut Offered) -> R) -> R {
        let (result, _replaced) = self.offered.with(|offered| {
            if let Some(unread) = Arc::get_mut(offered) {
                unread.by_prefix = Prefixes::default();
                return (act(unread), None);
            }
            let mut edited = Offered::clone(offered);
            let result = act(&mut edited);
            (result, Some(core::mem::replace(offered, Arc::new(edited))))
        });
        result
    }

    /// Puts a tool into the list; whether it has replaced one. Returns an error, and changes
    /// nothing, if it can't be offered.
    pub(super) fn insert_tool(
        &self,
        tool: Tool<'static>,
        handler: impl Into<Hooked>,
    ) -> Result<bool, DefinitionError> {
        let validator = self.read().validator.clone();
        let definition = ToolDefinition::new(tool, validator.as_deref())?;
        Ok(self.insert_definition(definition, handler))
    }

    fn insert_definition(&self, definition: ToolDefinition, handler: impl Into<Hooked>) -> bool {
        let name = String::from(definition.tool.name.as_str());
        self.edit(|offered| offered.tools.insert(&name, definition, handler))
            .is_some()
    }

    /// Puts a tool of another server into the list, held to the schemas that hold it there unless
    /// this server has a validator of its own; whether it has replaced one.
    pub(super) fn insert_mounted(
        &self,
        definition: ToolDefinition,
        handler: impl Into<Hooked>,
    ) -> Result<bool, DefinitionError> {
        if self.read().validator.is_some() {
            return self.insert_tool(definition.tool, handler);
        }
        Ok(self.insert_definition(definition, handler))
    }

    /// Holds the tools that are here and those to come to their schemas.
    pub(super) fn hold_to(&self, validator: Arc<dyn Validator>) {
        let mut refused = None;
        let tools = self.read().tools.redefined(|definition| {
            let held = ToolDefinition::new(definition.tool.clone(), Some(&*validator));
            held.map_err(|error| refused.get_or_insert(error).clone())
                .ok()
        });
        self.edit(|offered| {
            offered.refuse(refused);
            (
                core::mem::replace(&mut offered.tools, tools),
                offered.validator.replace(validator),
            )
        });
    }

    /// Returns an error if a tool can only run as a task.
    pub(super) fn check_without_tasks(&self) -> Result<(), DefinitionError> {
        let offered = self.read();
        let mut tools = offered.tools.entries().map(|(definition, _)| definition);
        match tools.find(|definition| definition.task_support() == Support::Must) {
            Some(definition) => Err(DefinitionError::NoTasks {
                tool: definition.tool.name.as_str().into(),
            }),
            None => Ok(()),
        }
    }

    /// Returns the first definition that the server was made with and can't offer.
    pub(super) fn check(&self) -> Result<(), DefinitionError> {
        let offered = self.read();
        match &offered.refused {
            Some(error) => Err(error.clone()),
            None => offered.check_required(),
        }
    }
}

impl core::fmt::Debug for Registry {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let offered = self.read();
        f.debug_struct("Registry")
            .field("tools", &offered.tools.len())
            .field("resources", &offered.resources.len())
            .field("templates", &offered.templates.len())
            .field("prompts", &offered.prompts.len())
            .finish_non_exhaustive()
    }
}

/// The error of a request for what isn't there.
pub(super) fn unknown(what: &str, name: &str) -> RpcError {
    let shown: String = name.chars().take(128).collect();
    RpcError::invalid_params(alloc::format!("Unknown {what}: {shown}"))
}

/// The name under which the completion for `reference` and one of its arguments is kept.
pub(super) fn completion_key(reference: &Reference<'_>, argument: &str) -> String {
    match reference {
        Reference::Prompt(prompt) => alloc::format!("prompt {} {argument}", prompt.name),
        Reference::Resource(resource) => alloc::format!("resource {} {argument}", resource.uri),
    }
}
