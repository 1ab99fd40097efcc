//! What a server has listed, kept for as long as it may be.
//!
//! Rules of this file: a list is kept whole, under its method; a legacy list holds until the server
//! says that it has changed, a modern one for the shortest `ttlMs` of its pages; a list that was
//! asked for before a change and came after it is given to who asked, but not kept. A catalog serves
//! one connection of one user, so what is private stays private (`cache.private`).

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use crate::model::method::{
    ListPrompts, ListResourceTemplates, ListResources, ListTools, Paginated,
};
use crate::model::owned::IntoOwned;
use crate::model::page::CacheHints;
use crate::model::prompt::Prompt;
use crate::model::resource::{Resource, ResourceTemplate};
use crate::model::tool::Tool;
use crate::session::Change;
use crate::time::Instant;

use super::operation::{Listing, Operation, Output};

/// The lists of one server.
#[derive(Clone, Debug, Default)]
pub(super) struct Catalog {
    tools: List<Tool<'static>>,
    resources: List<Resource<'static>>,
    templates: List<ResourceTemplate<'static>>,
    prompts: List<Prompt<'static>>,
}

impl Catalog {
    /// An empty catalog, and which of its lists are kept. Templates never are.
    pub(super) fn new(tools: bool, resources: bool, prompts: bool) -> Self {
        Self {
            tools: List::new(tools),
            resources: List::new(resources),
            templates: List::new(false),
            prompts: List::new(prompts),
        }
    }

    /// Forgets what the server says has changed (`cache.notify`).
    pub(super) fn changed(&mut self, change: Change) {
        match change {
            Change::Tools => self.tools.forget(),
            Change::Prompts => self.prompts.forget(),
            Change::Resources => {
                self.resources.forget();
                self.templates.forget();
            }
            _ => {}
        }
    }
}

/// One list, if it is known.
#[derive(Clone, Debug)]
pub(super) struct List<T> {
    is_kept: bool,
    /// How often the list has changed.
    generation: u64,
    /// The list, and when it becomes stale unless it stays fresh until it changes.
    known: Option<(Arc<[T]>, Option<Instant>)>,
}

impl<T> Default for List<T> {
    fn default() -> Self {
        Self::new(false)
    }
}

impl<T> List<T> {
    fn new(is_kept: bool) -> Self {
        Self {
            is_kept,
            generation: 0,
            known: None,
        }
    }

    /// The list, if it is fresh (`cache.fresh`).
    pub(super) fn fresh(&self, now: Instant) -> Option<Arc<[T]>> {
        let (items, until) = self.known.as_ref()?;
        until
            .is_none_or(|until| now < until)
            .then(|| Arc::clone(items))
    }

    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    fn forget(&mut self) {
        self.generation += 1;
        self.known = None;
    }

    /// Keeps a list that was asked for in the given generation.
    pub(super) fn keep(&mut self, items: &Arc<[T]>, generation: u64, until: Option<Instant>) {
        if self.is_kept && generation == self.generation {
            self.known = Some((Arc::clone(items), until));
        }
    }
}

/// A list that comes in pages and can be kept.
pub(super) trait Listable: Paginated + Sized {
    type Item: 'static;

    fn items(page: Self::Result<'_>) -> Vec<Self::Item>;
    fn hints(page: &Self::Result<'_>) -> CacheHints;
    fn list(catalog: &mut Catalog) -> &mut List<Self::Item>;
    fn output(items: Arc<[Self::Item]>) -> Output;
    fn operation(listing: Listing<Self>) -> Operation;
}

macro_rules! listable {
    ($($method:ident: $item:ident, $field:ident, $place:ident, $output:ident;)*) => { $(
        impl Listable for $method {
            type Item = $item<'static>;

            fn items(page: Self::Result<'_>) -> Vec<Self::Item> {
                page.$field.into_owned().into_vec()
            }

            fn hints(page: &Self::Result<'_>) -> CacheHints {
                page.cache_hints()
            }

            fn list(catalog: &mut Catalog) -> &mut List<Self::Item> {
                &mut catalog.$place
            }

            fn output(items: Arc<[Self::Item]>) -> Output {
                Output::$output(items)
            }

            fn operation(listing: Listing<Self>) -> Operation {
                Operation::$output(listing)
            }
        }
    )* };
}

listable! {
    ListTools: Tool, tools, tools, Tools;
    ListResources: Resource, resources, resources, Resources;
    ListResourceTemplates: ResourceTemplate, resource_templates, templates, ResourceTemplates;
    ListPrompts: Prompt, prompts, prompts, Prompts;
}

/// When what was received at `now` becomes stale: at once where nothing is said (`cache.absent`).
pub(super) fn stale_at(now: Instant, hints: &CacheHints) -> Instant {
    now + hints.lifetime.max(Duration::ZERO)
}
