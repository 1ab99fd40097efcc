//! Prompts: their listing and rendering (`prompts/list`, `prompts/get`).

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::model::content::{ContentBlock, Role};
use crate::model::field::Lifetime;
use crate::model::field::last_of_each_key;
use crate::model::initialize::Icon;
use crate::model::list::{Element, List};
use crate::model::meta::Meta;
use crate::model::owned::into_owned;
pub use crate::model::page::PaginatedRequestParams as ListPromptsParams;
use crate::model::page::{CacheScope, cache_hints, page_from_scan};
use crate::model::state::RequestState;
use crate::model::wire_type::wire_type;
use crate::rpc::{Concealed, Raw, Text};

wire_type! {
    /// A prompt or prompt template that a server offers.
    #[derive(Debug)]
    pub struct Prompt<'a> {
        /// The name for programs.
        name: Text<'a>,
        /// The name for people; since 2025-06-18.
        title?: Text<'a> [since(V2025_06_18)],
        /// What the prompt is for.
        description?: Text<'a>,
        /// What can be filled in.
        arguments?: List<'a, PromptArgument<'a>>,
        /// Pictures to show for it; since 2025-11-25.
        #[read(crate::model::initialize::icons)]
        icons?: Vec<Icon<'a>> [since(V2025_11_25)],
        /// Metadata of the prompt; since 2025-06-18.
        meta? as "_meta": Meta<'a> [since(V2025_06_18)],
    }

    /// Creates a prompt without arguments.
    pub fn new(name: impl Into<Text<'a>>);
}

/// A prompt of this name without arguments.
impl<'a> From<&'a str> for Prompt<'a> {
    fn from(name: &'a str) -> Self {
        Self::new(name)
    }
}

/// A prompt of this name without arguments.
impl From<String> for Prompt<'_> {
    fn from(name: String) -> Self {
        Self::new(name)
    }
}

impl<'a> Prompt<'a> {
    /// Adds one argument.
    #[must_use]
    pub fn argument(mut self, argument: PromptArgument<'a>) -> Self {
        self.arguments.get_or_insert_default().push(argument);
        self
    }

    /// Returns the name to show: `title`, else `name`.
    pub fn display_name(&self) -> &str {
        self.title.as_ref().unwrap_or(&self.name)
    }

    /// Returns the name of the first required argument that `given` lacks.
    pub fn missing_argument(&self, given: Option<&Arguments<'_>>) -> Option<&str> {
        let is_given = |name: &str| given.is_some_and(|given| given.get(name).is_some());
        let mut declared = self.arguments.iter().flatten();
        let missing = declared.find(|one| one.is_required() && !is_given(&one.name));
        missing.map(|argument| argument.name.as_str())
    }
}

wire_type! {
    /// Something that can be filled in in a prompt.
    #[derive(Debug)]
    pub struct PromptArgument<'a> {
        /// The name for programs.
        name: Text<'a>,
        /// The name for people; since 2025-06-18.
        title?: Text<'a> [since(V2025_06_18)],
        /// What is to be filled in.
        description?: Text<'a>,
        /// Whether the prompt can't do without; absent means it can.
        required?: bool,
    }

    /// Creates an argument that may be left out.
    pub fn new(name: impl Into<Text<'a>>);
}

impl<'a> PromptArgument<'a> {
    /// Returns whether the prompt can't do without it.
    pub fn is_required(&self) -> bool {
        self.required.unwrap_or(false)
    }
}

wire_type! {
    /// The result of `prompts/list`: one page of prompts.
    #[derive(Debug, Default)]
    pub struct ListPromptsResult<'a> {
        /// The prompts of this page.
        prompts: List<'a, Prompt<'a>>,
        /// The cursor of the next page; `None` when this is the last.
        next_cursor? as "nextCursor": Text<'a>,
        /// For how many milliseconds the result stays fresh; since 2026-07-28.
        #[read(crate::model::field::integer)]
        ttl_ms? as "ttlMs": i64 as Lifetime [since(V2026_07_28)],
        /// Who may be given a cached copy; since 2026-07-28.
        cache_scope? as "cacheScope": CacheScope<'a> [since(V2026_07_28)],
        /// Metadata of the result.
        meta? as "_meta": Meta<'a>,
    }

    /// Returns the last page, with these prompts.
    pub fn new(prompts: Vec<Prompt<'a>>);
}

/// Texts by name, in the order in which they came; what is no text is refused on decoding.
///
/// `Debug` shows the names and the sizes, not the texts.
#[derive(Clone, Default, PartialEq)]
pub struct Arguments<'a> {
    entries: Vec<(Text<'a>, Text<'a>)>,
}

impl<'a> Arguments<'a> {
    /// Creates an empty set of arguments.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an argument, in the place of one with the same name if there is one.
    #[must_use]
    pub fn with(mut self, name: impl Into<Text<'a>>, value: impl Into<Text<'a>>) -> Self {
        self.set(name.into(), value.into());
        self
    }

    fn set(&mut self, name: Text<'a>, value: Text<'a>) {
        match self.entries.iter_mut().find(|(known, _)| *known == name) {
            Some((_, old)) => *old = value,
            None => self.entries.push((name, value)),
        }
    }

    /// Returns the argument of that name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value)
    }

    /// Returns all arguments in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.entries
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Returns how many there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

impl fmt::Debug for Arguments<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sizes = self.iter();
        let sizes = sizes.map(|(name, value)| (name, Concealed(value.len())));
        f.debug_map().entries(sizes).finish()
    }
}

impl<'a, N: Into<Text<'a>>, V: Into<Text<'a>>> FromIterator<(N, V)> for Arguments<'a> {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(entries: I) -> Self {
        let entries = entries.into_iter();
        let entries = entries.map(|(name, value)| (name.into(), value.into()));
        Self {
            entries: last_of_each_key(entries.collect()),
        }
    }
}

impl Serialize for Arguments<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.entries.iter().map(|(name, value)| (name, value)))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Arguments<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ArgumentsVisitor;

        impl<'de> Visitor<'de> for ArgumentsVisitor {
            type Value = Vec<(Text<'de>, Text<'de>)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of strings")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(last_of_each_key(entries))
            }
        }

        deserializer
            .deserialize_map(ArgumentsVisitor)
            .map(|entries| Self { entries })
    }
}

wire_type! {
    /// The parameters of `prompts/get`.
    #[derive(Debug)]
    pub struct GetPromptParams<'a> {
        /// The prompt's name.
        name: Text<'a>,
        /// What to fill in.
        arguments?: Arguments<'a>,
        /// The answers to what the previous round asked for; since 2026-07-28.
        input_responses? as "inputResponses": Raw<'a> [since(V2026_07_28)],
        /// The server's state, echoed from the previous round; since 2026-07-28.
        request_state? as "requestState": RequestState<'a> [since(V2026_07_28)],
        /// Metadata of the request.
        meta? as "_meta": Meta<'a>,
    }

    /// Returns the prompt of that name, with nothing filled in.
    pub fn new(name: impl Into<Text<'a>>);
}

impl<'a> GetPromptParams<'a> {
    /// Fills in one argument, in the place of what it was filled in with before.
    #[must_use]
    pub fn argument(mut self, name: impl Into<Text<'a>>, value: impl Into<Text<'a>>) -> Self {
        let arguments = self.arguments.get_or_insert_default();
        arguments.set(name.into(), value.into());
        self
    }
}

wire_type! {
    /// The result of `prompts/get`.
    #[derive(Debug, Default)]
    pub struct GetPromptResult<'a> {
        /// What the prompt is for.
        description?: Text<'a>,
        /// The messages to give to a model.
        messages: List<'a, PromptMessage<'a>>,
        /// Metadata of the result.
        meta? as "_meta": Meta<'a>,
    }

    /// Creates a prompt of these messages.
    pub fn new(messages: Vec<PromptMessage<'a>>);
}

wire_type! {
    /// A message of a prompt. Its content is one block; an array is refused on decoding.
    #[derive(Debug)]
    pub struct PromptMessage<'a> {
        /// Who says it.
        role: Role<'a>,
        /// What is said.
        #[read(one_block)]
        content: ContentBlock<'a>,
    }

    /// Returns what `role` says.
    pub fn new(role: Role<'a>, content: impl Into<ContentBlock<'a>>);
}

/// Reads one block, malformed or not; an array of them is no message (`prompts.result`).
fn one_block<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ContentBlock<'de>, D::Error> {
    let block = ContentBlock::deserialize(deserializer)?;
    match &block {
        ContentBlock::Malformed(malformed) if !malformed.raw.is_object() => {
            Err(de::Error::custom("content is not one block"))
        }
        _ => Ok(block),
    }
}

cache_hints!(ListPromptsResult);
impl<'a> Element<'a> for Prompt<'a> {}
page_from_scan!(ListPromptsResult { prompts as "prompts" });

into_owned! {
    Arguments { entries }
}
