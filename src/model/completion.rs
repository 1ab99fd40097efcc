//! Completion of prompt arguments and template variables (`completion/complete`).

use alloc::vec::Vec;
use core::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::model::content::block_type;
use crate::model::field::{inner_error, json_text, tag};
use crate::model::list::List;
use crate::model::meta::Meta;
use crate::model::owned::IntoOwned;
use crate::model::prompt::Arguments;
use crate::model::wire_type::wire_type;
use crate::rpc::{Concealed, Source, Text};

/// The most values that a result may carry.
// `complete.max100`
pub const MAX_VALUES: usize = 100;

wire_type! {
    /// The parameters of `completion/complete`.
    #[derive(Debug)]
    pub struct CompleteParams<'a> {
        /// What is being filled in.
        reference as "ref": Reference<'a>,
        /// The argument that is being typed.
        argument: CompletionArgument<'a>,
        /// What has been filled in already; since 2025-06-18.
        context?: CompletionContext<'a> [since(V2025_06_18)],
        /// Metadata of the request.
        meta? as "_meta": Meta<'a>,
    }
}

impl<'a> CompleteParams<'a> {
    /// Creates the parameters to complete the argument `name` of `reference`, of which `value` has
    /// been typed.
    pub fn new(
        reference: impl Into<Reference<'a>>,
        name: impl Into<Text<'a>>,
        value: impl Into<Text<'a>>,
    ) -> Self {
        let argument = CompletionArgument {
            name: name.into(),
            value: value.into(),
        };
        Self {
            reference: reference.into(),
            argument,
            context: None,
            meta: None,
        }
    }
}

/// What is being filled in: a prompt or a resource template.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Reference<'a> {
    /// An argument of a prompt.
    Prompt(PromptReference<'a>),
    /// A variable of a resource template.
    Resource(ResourceTemplateReference<'a>),
}

impl<'de: 'a, 'a> Deserialize<'de> for Reference<'a> {
    /// Returns an error if the `type` is neither `ref/prompt` nor `ref/resource`.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let reference = json_text(deserializer)?;
        let decoded = match block_type(reference).map_err(inner_error)?.as_str() {
            "ref/prompt" => serde_json::from_str(reference).map(Self::Prompt),
            "ref/resource" => serde_json::from_str(reference).map(Self::Resource),
            _ => return Err(de::Error::custom("expected `ref/prompt` or `ref/resource`")),
        };
        decoded.map_err(inner_error)
    }
}

impl Serialize for Reference<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Prompt(reference) => reference.serialize(serializer),
            Self::Resource(reference) => reference.serialize(serializer),
        }
    }
}

impl IntoOwned for Reference<'_> {
    type Owned = Reference<'static>;

    fn owned_from(self, source: Source<'_>) -> Reference<'static> {
        match self {
            Self::Prompt(reference) => Reference::Prompt(reference.owned_from(source)),
            Self::Resource(reference) => Reference::Resource(reference.owned_from(source)),
        }
    }
}

impl<'a> From<PromptReference<'a>> for Reference<'a> {
    fn from(reference: PromptReference<'a>) -> Self {
        Self::Prompt(reference)
    }
}

impl<'a> From<ResourceTemplateReference<'a>> for Reference<'a> {
    fn from(reference: ResourceTemplateReference<'a>) -> Self {
        Self::Resource(reference)
    }
}

tag!(PromptRef = "ref/prompt");
tag!(ResourceRef = "ref/resource");

wire_type! {
    /// Names a prompt.
    #[derive(Debug)]
    pub struct PromptReference<'a> {
        const kind as "type": PromptRef,
        /// The prompt's name.
        name: Text<'a>,
        /// The prompt's name for people; since 2025-06-18.
        title?: Text<'a> [since(V2025_06_18)],
    }

    /// Returns the prompt of that name.
    pub fn new(name: impl Into<Text<'a>>);
}

wire_type! {
    /// Names a resource or a resource template; up to 2025-03-26 it was called `ResourceReference`.
    #[derive(Debug)]
    pub struct ResourceTemplateReference<'a> {
        const kind as "type": ResourceRef,
        /// The URI or the URI template.
        uri: Text<'a>,
    }

    /// Returns the resource or the template with that URI.
    pub fn new(uri: impl Into<Text<'a>>);
}

wire_type! {
    /// The argument that is being typed. `Debug` shows the size of what has been typed, not the
    /// text.
    pub struct CompletionArgument<'a> {
        /// The argument's name.
        name: Text<'a>,
        /// What has been typed so far.
        value: Text<'a>,
    }
}

impl fmt::Debug for CompletionArgument<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CompletionArgument")
            .field("name", &self.name)
            .field("value", &Concealed(self.value.len()))
            .finish()
    }
}

wire_type! {
    /// What has been filled in already; since 2025-06-18.
    #[derive(Debug, Default)]
    pub struct CompletionContext<'a> {
        /// The other arguments.
        arguments?: Arguments<'a>,
    }

    /// Creates a context with nothing filled in.
    pub fn new();
}

wire_type! {
    /// The result of `completion/complete`.
    #[derive(Debug)]
    pub struct CompleteResult<'a> {
        /// The suggestions.
        completion: Completion<'a>,
        /// Metadata of the result.
        meta? as "_meta": Meta<'a>,
    }
}

impl<'a> CompleteResult<'a> {
    /// Creates a completion of these values in this order, the best first. Of more than
    /// [`MAX_VALUES`] the rest is cut off, and `total` and `has_more` say so.
    pub fn new<T: Into<Text<'a>>>(values: impl IntoIterator<Item = T>) -> Self {
        let mut values: Vec<Text<'a>> = values.into_iter().map(Into::into).collect();
        let found = values.len();
        let cut = found > MAX_VALUES;
        values.truncate(MAX_VALUES);
        let total = if cut { i64::try_from(found).ok() } else { None };
        let completion = Completion {
            values: values.into(),
            total,
            has_more: cut.then_some(true),
        };
        Self {
            completion,
            meta: None,
        }
    }

    /// Sets how many values there are in all.
    #[must_use]
    pub fn total(mut self, total: i64) -> Self {
        self.completion.total = Some(total);
        self
    }

    /// Sets whether there are more than these.
    #[must_use]
    pub fn has_more(mut self, has_more: bool) -> Self {
        self.completion.has_more = Some(has_more);
        self
    }
}

wire_type! {
    /// Suggestions for an argument.
    #[derive(Debug, Default)]
    pub struct Completion<'a> {
        /// The suggestions, the best first. At most [`MAX_VALUES`] are written.
        values: List<'a, Text<'a>> as FirstValues,
        /// How many there are in all, if it is known.
        #[read(crate::model::field::integer)]
        total?: i64,
        /// Whether there are more than these; absent means unknown.
        has_more? as "hasMore": bool,
    }
}

/// The suggestions, cut off after [`MAX_VALUES`] when they are written.
struct FirstValues<'v, 'a>(&'v [Text<'a>]);

impl Serialize for FirstValues<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0
            .get(..MAX_VALUES)
            .unwrap_or(self.0)
            .serialize(serializer)
    }
}
