//! What a server has listed, kept for as long as it may be.
//!
//! Rules of this file: a list is kept whole, under its method; a legacy list holds until the server
//! says that it has changed, a modern one for the shortest `ttlMs` of its pages; a list that was
//! asked for before a change and came after it is given to who asked, but not kept. A catalog serves
//! one connection of one user, so what is private stays private (`cache.private`).

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::time::Duration;

use crate::model::list::{Element, List as Page};
use crate::model::method::{
    ListPrompts, ListResourceTemplates, ListResources, ListTools, Paginated,
};
use crate::model::owned::IntoOwned;
use crate::model::page::CacheHints;
use crate::model::prompt::Prompt;
use crate::model::resource::{Resource, ResourceTemplate};
#[cfg(feature = "skills")]
use crate::model::skill::{ListSkills, Skill};
use crate::model::tool::Tool;
use crate::rpc::{GoodJson, Raw, Source, Text, elements, write_string};
use crate::session::Change;
use crate::time::Instant;

use super::listed::Listed;
use super::operation::{Listing, Output, Work};

/// The lists of one server.
#[derive(Clone, Debug, Default)]
pub(super) struct Catalog {
    tools: List<Tool<'static>>,
    resources: List<Resource<'static>>,
    templates: List<ResourceTemplate<'static>>,
    prompts: List<Prompt<'static>>,
    #[cfg(feature = "skills")]
    skills: List<Skill<'static>>,
}

impl Catalog {
    /// An empty catalog, and which of its lists are kept. Templates never are.
    pub(super) fn new(tools: bool, resources: bool, prompts: bool) -> Self {
        Self {
            tools: List::new(tools),
            resources: List::new(resources),
            templates: List::new(false),
            prompts: List::new(prompts),
            #[cfg(feature = "skills")]
            skills: List::new(resources),
        }
    }

    /// What `read` finds in the definition of the tool `name`; `None` when the list isn't known, or
    /// has no such tool.
    pub(super) fn tool<R>(
        &self,
        now: Instant,
        name: &str,
        read: impl Fn(&Tool<'static>) -> R,
    ) -> Option<R> {
        let tools = self.tools.fresh(now)?;
        let found = tools.iter().find(|tool| tool.name == name);
        found.map(read)
    }

    /// Forgets what the server says has changed (`cache.notify`).
    pub(super) fn changed(&mut self, change: Change) {
        match change {
            Change::Tools => self.tools.forget(),
            Change::Prompts => self.prompts.forget(),
            Change::Resources => {
                self.resources.forget();
                self.templates.forget();
                #[cfg(feature = "skills")]
                self.skills.forget();
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
    known: Option<(Listed<T>, Option<Instant>)>,
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
    pub(super) fn fresh(&self, now: Instant) -> Option<Listed<T>> {
        let (items, until) = self.known.as_ref()?;
        until.is_none_or(|until| now < until).then(|| items.clone())
    }

    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    fn forget(&mut self) {
        self.generation += 1;
        self.known = None;
    }

    /// Keeps a list that was asked for in the given generation.
    pub(super) fn keep(&mut self, items: &Listed<T>, generation: u64, until: Option<Instant>) {
        if self.is_kept && generation == self.generation {
            self.known = Some((items.clone(), until));
        }
    }
}

/// Items and the JSON of each.
type Items<T> = (Page<'static, T>, Vec<Raw<'static>>);

/// A list that comes in pages and can be kept.
pub(super) trait Listable: Paginated + Sized {
    type Item: 'static;

    /// The member of a page that has its items.
    const MEMBER: &'static str;

    /// The list that comes next, each byte of it read once, and the JSON of each item; `None` unless all
    /// are as most are.
    fn usual_items(reader: &mut GoodJson<'_>, source: Source<'_>) -> Option<Items<Self::Item>>;
    /// The items of any list.
    fn items(list: &str, source: Source<'_>) -> Option<Page<'static, Self::Item>>;
    fn hints(page: &Self::Result<'_>) -> CacheHints;
    fn list(catalog: &mut Catalog) -> &mut List<Self::Item>;
    fn output(items: Listed<Self::Item>) -> Output;
    fn operation(listing: Box<Listing<Self::Item>>) -> Work;
    /// Looks at a whole list before it is handed out.
    fn settle(_: &mut Listing<Self::Item>) {}
}

macro_rules! listable {
    ($($method:ident: $item:ident, $member:literal, $place:ident, $output:ident $(, $settle:path)?;)*) => { $(
        impl Listable for $method {
            type Item = $item<'static>;

            const MEMBER: &'static str = $member;

            fn usual_items(
                reader: &mut GoodJson<'_>,
                source: Source<'_>,
            ) -> Option<Items<Self::Item>> {
                let (mut items, mut raw) = (Vec::new(), Vec::new());
                reader.array()?;
                while reader.has_element() {
                    let (item, json) = reader.taken($item::read_next)?;
                    items.push(item.owned_from(source));
                    raw.push(Raw::constant(json).owned_from(source));
                }
                Some((items.into(), raw))
            }

            fn items(list: &str, source: Source<'_>) -> Option<Page<'static, Self::Item>> {
                Some(Page::<$item<'_>>::read(list)?.owned_from(source))
            }

            fn hints(page: &Self::Result<'_>) -> CacheHints {
                page.cache_hints()
            }

            fn list(catalog: &mut Catalog) -> &mut List<Self::Item> {
                &mut catalog.$place
            }

            fn output(items: Listed<Self::Item>) -> Output {
                Output::$output(items)
            }

            fn operation(listing: Box<Listing<Self::Item>>) -> Work {
                Work::$output(listing)
            }

            $(fn settle(listing: &mut Listing<Self::Item>) {
                $settle(listing);
            })?
        }
    )* };
}

listable! {
    ListTools: Tool, "tools", tools, Tools;
    ListResources: Resource, "resources", resources, Resources;
    ListResourceTemplates: ResourceTemplate, "resourceTemplates", templates, ResourceTemplates;
    ListPrompts: Prompt, "prompts", prompts, Prompts;
}

#[cfg(feature = "skills")]
listable! {
    ListSkills: Skill, "skills", skills, Skills, super::skills::set_repeated_aside;
}

/// When what was received at `now` becomes stale: at once where nothing is said (`cache.absent`).
pub(super) fn stale_at(now: Instant, hints: &CacheHints) -> Instant {
    now + hints.lifetime.max(Duration::ZERO)
}

/// A page as it was read.
pub(super) struct ReadPage<T> {
    pub(super) items: Page<'static, T>,
    /// The JSON of each item.
    pub(super) raw: Vec<Raw<'static>>,
    pub(super) next: Option<Text<'static>>,
    pub(super) hints: CacheHints,
}

/// Reads a page, each of its items once; `None` if it is none.
pub(super) fn read_page<M: Listable>(
    page: GoodJson<'_>,
    source: Source<'_>,
) -> Option<ReadPage<M::Item>> {
    let usual = |reader: &mut GoodJson<'_>| M::usual_items(reader, source);
    let any = |reader: &mut GoodJson<'_>| {
        let list = reader.value()?;
        let items = M::items(list, source)?;
        let elements = elements(list.as_bytes());
        let elements = elements.filter_map(|span| list.get(span.range()));
        let raw = raw_items(elements, &items, source);
        Some((items, raw))
    };
    let members = read_members::<M>(page, usual).or_else(|| read_members::<M>(page, any));
    let ((items, raw), rest) = members?;
    let rest: M::Result<'_> = serde_json::from_slice(&rest).ok()?;
    Some(ReadPage {
        items,
        raw,
        next: M::next_cursor(&rest).map(Text::into_owned),
        hints: M::hints(&rest),
    })
}

/// The list of a page, read with `read`, and the page without it, which is short.
fn read_members<M: Listable>(
    mut page: GoodJson<'_>,
    read: impl Fn(&mut GoodJson<'_>) -> Option<Items<M::Item>>,
) -> Option<(Items<M::Item>, Vec<u8>)> {
    let mut rest = alloc::format!("{{\"{}\":[]", M::MEMBER).into_bytes();
    let mut list = None;
    page.object()?;
    while let Some(key) = page.key()? {
        // The last of equal keys holds.
        if key == M::MEMBER {
            list = Some(read(&mut page)?);
            continue;
        }
        rest.push(b',');
        write_string(&mut rest, &key);
        rest.push(b':');
        rest.extend_from_slice(page.value()?.as_bytes());
    }
    rest.push(b'}');
    Some((list?, rest))
}

/// The JSON of each item of a list, without those that its type couldn't read.
fn raw_items<'a, T>(
    elements: impl Iterator<Item = &'a str>,
    items: &Page<'_, T>,
    source: Source<'_>,
) -> Vec<Raw<'static>> {
    let mut skipped = items.skipped().iter().peekable();
    let read = elements.filter(|item| {
        skipped
            .next_if(|unread| unread.raw.as_str() == *item)
            .is_none()
    });
    read.map(|item| Raw::trusted(item.into()).owned_from(source))
        .collect()
}
