//! Elicitation: asking the person behind a client, by a form or by a URL (`elicitation/create`).

use alloc::borrow::Cow;
use alloc::vec::Vec;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::model::field::{inner_error, json_text, setters, tag};
use crate::model::form::{FormContent, Violation, validate};
use crate::model::list::List;
use crate::model::meta::Meta;
use crate::model::owned::{IntoOwned, already_owned, into_owned};
use crate::model::resource::is_valid_uri;
use crate::model::schema::{PrimitiveSchemaDefinition, RequestedSchema};
use crate::rpc::{Raw, Text};

/// The parameters of `elicitation/create`, told apart by `mode`; without one it is a form.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum ElicitParams<'a> {
    /// Asks by a form.
    Form(ElicitRequestFormParams<'a>),
    /// Asks the person to open a URL; since 2025-11-25.
    Url(ElicitRequestURLParams<'a>),
    /// Asks in a mode that no revision names, as it came.
    Unknown(Raw<'a>),
}

impl ElicitParams<'_> {
    /// What the person is told; `None` in an unknown mode.
    pub fn message(&self) -> Option<&str> {
        match self {
            Self::Form(params) => Some(&params.message),
            Self::Url(params) => Some(&params.message),
            Self::Unknown(_) => None,
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for ElicitParams<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Moded<'a> {
            #[serde(borrow)]
            mode: Option<Text<'a>>,
        }

        let params = json_text(deserializer)?;
        let moded: Moded<'_> = serde_json::from_str(params).map_err(inner_error)?;
        let decoded = match moded.mode.as_deref() {
            None | Some("form") => serde_json::from_str(params).map(Self::Form),
            Some("url") => serde_json::from_str(params).map(Self::Url),
            Some(_) => Ok(Self::Unknown(Raw::trusted(Cow::Borrowed(params)))),
        };
        decoded.map_err(inner_error)
    }
}

impl Serialize for ElicitParams<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Form(params) => params.serialize(serializer),
            Self::Url(params) => params.serialize(serializer),
            Self::Unknown(raw) => raw.serialize(serializer),
        }
    }
}

impl IntoOwned for ElicitParams<'_> {
    type Owned = ElicitParams<'static>;

    fn into_owned(self) -> ElicitParams<'static> {
        match self {
            Self::Form(params) => ElicitParams::Form(params.into_owned()),
            Self::Url(params) => ElicitParams::Url(params.into_owned()),
            Self::Unknown(raw) => ElicitParams::Unknown(raw.into_owned()),
        }
    }
}

impl<'a> From<ElicitRequestFormParams<'a>> for ElicitParams<'a> {
    fn from(params: ElicitRequestFormParams<'a>) -> Self {
        Self::Form(params)
    }
}

impl<'a> From<ElicitRequestURLParams<'a>> for ElicitParams<'a> {
    fn from(params: ElicitRequestURLParams<'a>) -> Self {
        Self::Url(params)
    }
}

tag!(FormMode = "form");
tag!(UrlMode = "url");

/// Asks the person to fill in a form. It must not ask for secrets.
///
/// `ElicitRequestFormParams::new("Who are you?").required("name", StringSchema::new())`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[serde(rename(serialize = "mcp_proto::ElicitRequestFormParams"))]
#[non_exhaustive]
pub struct ElicitRequestFormParams<'a> {
    #[serde(default, deserialize_with = "form_mode")]
    pub(crate) mode: FormMode,
    /// What the person is told.
    #[serde(borrow)]
    pub message: Text<'a>,
    /// The form.
    #[serde(borrow)]
    pub requested_schema: RequestedSchema<'a>,
    /// Asks for the request to run as a task; 2025-11-25 only.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub task: Option<Raw<'a>>,
    /// Metadata of the request; up to 2025-11-25.
    #[serde(
        rename = "_meta",
        borrow,
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub meta: Option<Meta<'a>>,
}

/// A `null` counts as no mode, which means a form.
fn form_mode<'de, D: Deserializer<'de>>(deserializer: D) -> Result<FormMode, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

impl<'a> ElicitRequestFormParams<'a> {
    /// A form without fields.
    pub fn new(message: impl Into<Text<'a>>) -> Self {
        Self {
            mode: FormMode,
            message: message.into(),
            requested_schema: RequestedSchema::new(),
            task: None,
            meta: None,
        }
    }

    /// Adds a field that may be left out.
    #[must_use]
    pub fn optional(
        mut self,
        name: impl Into<Text<'a>>,
        schema: impl Into<PrimitiveSchemaDefinition<'a>>,
    ) -> Self {
        self.requested_schema = self.requested_schema.optional(name, schema);
        self
    }

    /// Adds a field that has to be filled in.
    #[must_use]
    pub fn required(
        mut self,
        name: impl Into<Text<'a>>,
        schema: impl Into<PrimitiveSchemaDefinition<'a>>,
    ) -> Self {
        self.requested_schema = self.requested_schema.required(name, schema);
        self
    }

    /// Takes a whole form instead.
    #[must_use]
    pub fn requested_schema(mut self, requested_schema: RequestedSchema<'a>) -> Self {
        self.requested_schema = requested_schema;
        self
    }

    /// The form filled in with what it says beforehand.
    pub fn defaults(&self) -> FormContent<'a> {
        self.requested_schema.defaults()
    }

    /// Checks that an answer fits the form: an accepted one needs content that does, any other
    /// needs none (`elicit.result.accept.form`).
    pub fn validate(&self, answer: &ElicitResult<'_>) -> Result<(), Violation> {
        if answer.action != ElicitAction::Accept {
            return Ok(());
        }
        match &answer.content {
            Some(content) => validate(content, &self.requested_schema),
            None => validate(&FormContent::new(), &self.requested_schema),
        }
    }
}

/// Asks the person to open a URL; since 2025-11-25. To accept means consent, not that it is done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[serde(rename(serialize = "mcp_proto::ElicitRequestURLParams"))]
#[non_exhaustive]
pub struct ElicitRequestURLParams<'a> {
    #[serde(default)]
    pub(crate) mode: UrlMode,
    /// What the person is told.
    #[serde(borrow)]
    pub message: Text<'a>,
    /// What to open; see [`ElicitRequestURLParams::has_valid_url`].
    #[serde(borrow)]
    pub url: Text<'a>,
    /// What `notifications/elicitation/complete` will name; required in 2025-11-25, gone in
    /// 2026-07-28.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub elicitation_id: Option<Text<'a>>,
    /// Asks for the request to run as a task; 2025-11-25 only.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub task: Option<Raw<'a>>,
    /// Metadata of the request; 2025-11-25 only.
    #[serde(
        rename = "_meta",
        borrow,
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub meta: Option<Meta<'a>>,
}

impl<'a> ElicitRequestURLParams<'a> {
    /// Asks to open `url`.
    pub fn new(message: impl Into<Text<'a>>, url: impl Into<Text<'a>>) -> Self {
        Self {
            mode: UrlMode,
            message: message.into(),
            url: url.into(),
            elicitation_id: None,
            task: None,
            meta: None,
        }
    }

    /// Whether the URL is `https` or `http` and names a host (`elicit.url.valid`).
    pub fn has_valid_url(&self) -> bool {
        let Some((scheme, rest)) = self.url.split_once("://") else {
            return false;
        };
        let web = scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http");
        web && !rest.is_empty() && !rest.starts_with(['/', '?', '#']) && is_valid_uri(&self.url)
    }
}

/// What the person did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum ElicitAction {
    /// Answered the form, or agreed to open the URL.
    Accept,
    /// Said no.
    Decline,
    /// Turned away without a choice.
    Cancel,
}

/// The result of `elicitation/create`; an unknown action is refused on decoding.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[serde(rename(serialize = "mcp_proto::ElicitResult"))]
#[non_exhaustive]
pub struct ElicitResult<'a> {
    /// What the person did.
    pub action: ElicitAction,
    /// The filled-in form; `None` unless a form was accepted.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub content: Option<FormContent<'a>>,
    /// Metadata of the result; up to 2025-11-25.
    #[serde(
        rename = "_meta",
        borrow,
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub meta: Option<Meta<'a>>,
}

impl<'a> ElicitResult<'a> {
    /// The form was filled in.
    pub fn accept(content: FormContent<'a>) -> Self {
        Self {
            action: ElicitAction::Accept,
            content: Some(content),
            meta: None,
        }
    }

    /// The person agreed to open the URL.
    pub fn consent() -> Self {
        Self {
            action: ElicitAction::Accept,
            content: None,
            meta: None,
        }
    }

    /// The person said no.
    pub fn decline() -> Self {
        Self {
            action: ElicitAction::Decline,
            content: None,
            meta: None,
        }
    }

    /// The person turned away without a choice.
    pub fn cancel() -> Self {
        Self {
            action: ElicitAction::Cancel,
            content: None,
            meta: None,
        }
    }
}

/// The parameters of `notifications/elicitation/complete`; 2025-11-25 only.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ElicitationCompleteParams<'a> {
    /// Which elicitation by URL has ended.
    #[serde(borrow)]
    pub elicitation_id: Text<'a>,
    /// Metadata of the notification.
    #[serde(
        rename = "_meta",
        borrow,
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub meta: Option<Meta<'a>>,
}

impl<'a> ElicitationCompleteParams<'a> {
    /// The elicitation of that id has ended.
    pub fn new(elicitation_id: impl Into<Text<'a>>) -> Self {
        Self {
            elicitation_id: elicitation_id.into(),
            meta: None,
        }
    }
}

/// The `data` of error -32042: what has to be opened before the request can succeed; 2025-11-25
/// only (`elicit.32042`).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct URLElicitationRequired<'a> {
    /// The elicitations, each with its id.
    #[serde(borrow)]
    pub elicitations: List<'a, ElicitRequestURLParams<'a>>,
}

impl<'a> URLElicitationRequired<'a> {
    /// These have to be opened.
    pub fn new(elicitations: Vec<ElicitRequestURLParams<'a>>) -> Self {
        Self {
            elicitations: elicitations.into(),
        }
    }
}

already_owned!(ElicitAction);

setters! {
    ElicitRequestFormParams { task: Raw<'a>, meta: Meta<'a> }
    ElicitRequestURLParams { elicitation_id: Text<'a>, task: Raw<'a>, meta: Meta<'a> }
    ElicitResult { meta: Meta<'a> }
    ElicitationCompleteParams { meta: Meta<'a> }
}

into_owned! {
    ElicitRequestFormParams { mode, message, requested_schema, task, meta }
    ElicitRequestURLParams { mode, message, url, elicitation_id, task, meta }
    ElicitResult { action, content, meta }
    ElicitationCompleteParams { elicitation_id, meta }
    URLElicitationRequired { elicitations }
}
