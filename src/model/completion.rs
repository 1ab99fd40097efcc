//! Completion of prompt arguments and template variables (`completion/complete`).

use alloc::vec::Vec;
use core::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::model::content::block_type;
use crate::model::field::{inner_error, json_text, setters, tag};
use crate::model::list::List;
use crate::model::meta::Meta;
use crate::model::owned::{IntoOwned, into_owned};
use crate::model::prompt::Arguments;
use crate::rpc::{Concealed, Text};

/// The most values that a result may carry (`complete.max100`).
pub const MAX_VALUES: usize = 100;

/// The parameters of `completion/complete`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[serde(rename(serialize = "mcp_proto::CompleteParams"))]
#[non_exhaustive]
pub struct CompleteParams<'a> {
    /// What is being filled in.
    #[serde(rename = "ref", borrow)]
    pub reference: Reference<'a>,
    /// The argument that is being typed.
    #[serde(borrow)]
    pub argument: CompletionArgument<'a>,
    /// What has been filled in already; since 2025-06-18.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub context: Option<CompletionContext<'a>>,
    /// Metadata of the request.
    #[serde(
        rename = "_meta",
        borrow,
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub meta: Option<Meta<'a>>,
}

impl<'a> CompleteParams<'a> {
    /// Completes the argument `name` of `reference`, of which `value` has been typed.
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
    /// Errs when the `type` is neither `ref/prompt` nor `ref/resource`.
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

    fn into_owned(self) -> Reference<'static> {
        match self {
            Self::Prompt(reference) => Reference::Prompt(reference.into_owned()),
            Self::Resource(reference) => Reference::Resource(reference.into_owned()),
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

/// Names a prompt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[serde(rename(serialize = "mcp_proto::PromptReference"))]
#[non_exhaustive]
pub struct PromptReference<'a> {
    #[serde(rename = "type", default)]
    pub(crate) kind: PromptRef,
    /// The prompt's name.
    #[serde(borrow)]
    pub name: Text<'a>,
    /// The prompt's name for people; since 2025-06-18.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub title: Option<Text<'a>>,
}

impl<'a> PromptReference<'a> {
    /// The prompt of that name.
    pub fn new(name: impl Into<Text<'a>>) -> Self {
        Self {
            kind: PromptRef,
            name: name.into(),
            title: None,
        }
    }
}

/// Names a resource or a resource template; up to 2025-03-26 it was called `ResourceReference`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ResourceTemplateReference<'a> {
    #[serde(rename = "type", default)]
    pub(crate) kind: ResourceRef,
    /// The URI or the URI template.
    #[serde(borrow)]
    pub uri: Text<'a>,
}

impl<'a> ResourceTemplateReference<'a> {
    /// The resource or the template with that URI.
    pub fn new(uri: impl Into<Text<'a>>) -> Self {
        Self {
            kind: ResourceRef,
            uri: uri.into(),
        }
    }
}

/// The argument that is being typed. `Debug` shows the size of what has been typed, not the text.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CompletionArgument<'a> {
    /// The argument's name.
    #[serde(borrow)]
    pub name: Text<'a>,
    /// What has been typed so far.
    #[serde(borrow)]
    pub value: Text<'a>,
}

impl fmt::Debug for CompletionArgument<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CompletionArgument")
            .field("name", &self.name)
            .field("value", &Concealed(self.value.len()))
            .finish()
    }
}

/// What has been filled in already; since 2025-06-18.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CompletionContext<'a> {
    /// The other arguments.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub arguments: Option<Arguments<'a>>,
}

impl CompletionContext<'_> {
    /// Nothing filled in.
    pub fn new() -> Self {
        Self::default()
    }
}

/// The result of `completion/complete`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[serde(rename(serialize = "mcp_proto::CompleteResult"))]
#[non_exhaustive]
pub struct CompleteResult<'a> {
    /// The suggestions.
    #[serde(borrow)]
    pub completion: Completion<'a>,
    /// Metadata of the result.
    #[serde(
        rename = "_meta",
        borrow,
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub meta: Option<Meta<'a>>,
}

impl<'a> CompleteResult<'a> {
    /// These values in this order, the best first. Of more than [`MAX_VALUES`] the rest is cut
    /// off, and `total` and `has_more` say so.
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

/// Suggestions for an argument.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Completion<'a> {
    /// The suggestions, the best first. At most [`MAX_VALUES`] are written.
    #[serde(borrow, serialize_with = "first_values")]
    pub values: List<'a, Text<'a>>,
    /// How many there are in all, if it is known.
    #[serde(
        default,
        deserialize_with = "crate::model::field::integer",
        skip_serializing_if = "Option::is_none"
    )]
    pub total: Option<i64>,
    /// Whether there are more than these; absent means unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub has_more: Option<bool>,
}

fn first_values<S: Serializer>(values: &[Text<'_>], serializer: S) -> Result<S::Ok, S::Error> {
    values[..values.len().min(MAX_VALUES)].serialize(serializer)
}

setters! {
    CompleteParams { context: CompletionContext<'a>, meta: Meta<'a> }
    PromptReference { title: Text<'a> }
    CompletionContext { arguments: Arguments<'a> }
    CompleteResult { meta: Meta<'a> }
}

into_owned! {
    CompleteParams { reference, argument, context, meta }
    PromptReference { kind, name, title }
    ResourceTemplateReference { kind, uri }
    CompletionArgument { name, value }
    CompletionContext { arguments }
    CompleteResult { completion, meta }
    Completion { values, total, has_more }
}
