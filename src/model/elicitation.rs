//! Elicitation: asking the person behind a client, by a form or by a URL (`elicitation/create`).

use alloc::borrow::Cow;
use alloc::vec::Vec;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::model::encode::EncodeError;
use crate::model::encode::downgrade::Rewritten;
use crate::model::field::{inner_error, json_text, tag};
use crate::model::form::{FormContent, Violation, validate};
use crate::model::list::List;
use crate::model::meta::Meta;
use crate::model::owned::{IntoOwned, already_owned};
use crate::model::resource::is_valid_uri;
use crate::model::schema::{PrimitiveSchemaDefinition, RequestedSchema};
use crate::model::wire_type::wire_type;
use crate::named::named;
use crate::revision::Revision;
use crate::rpc::{Entry, Raw, Source, Text, members};

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
    /// Returns the message that is shown to the person; `None` in an unknown mode.
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
        struct Moded<'a> {
            mode: Option<Text<'a>>,
        }
        named! { read struct Moded<'a> { [mode] } }

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

    fn owned_from(self, source: Source<'_>) -> ElicitParams<'static> {
        match self {
            Self::Form(params) => ElicitParams::Form(params.owned_from(source)),
            Self::Url(params) => ElicitParams::Url(params.owned_from(source)),
            Self::Unknown(raw) => ElicitParams::Unknown(raw.owned_from(source)),
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

wire_type! {
    /// Asks the person to fill in a form. It must not ask for secrets.
    ///
    /// `ElicitRequestFormParams::new("Who are you?").required("name", StringSchema::new())`
    #[derive(Debug)]
    pub struct ElicitRequestFormParams<'a> {
        #[read(form_mode)]
        const mode: FormMode [since(V2025_11_25)],
        /// The message that is shown to the person.
        message: Text<'a>,
        /// The form.
        requested_schema as "requestedSchema": RequestedSchema<'a>,
        /// Asks for the request to run as a task; 2025-11-25 only.
        task?: Raw<'a> [only(V2025_11_25)],
        /// Metadata of the request; up to 2025-11-25.
        meta? as "_meta": Meta<'a> [until(V2025_11_25)],
    }
}

/// A `null` counts as no mode, which means a form.
fn form_mode<'de, D: Deserializer<'de>>(deserializer: D) -> Result<FormMode, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

impl<'a> ElicitRequestFormParams<'a> {
    /// Creates a form without fields.
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

    /// Returns the form filled in with what it says beforehand.
    pub fn defaults(&self) -> FormContent<'a> {
        self.requested_schema.defaults()
    }

    /// Checks that an answer fits the form: an accepted one needs content that does, any other
    /// needs none.
    // `elicit.result.accept.form`
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

wire_type! {
    /// Asks the person to open a URL; since 2025-11-25. To accept means consent, not that it is
    /// done.
    #[derive(Debug)]
    pub struct ElicitRequestURLParams<'a> [refused_before(V2025_11_25, "an elicitation by url")] {
        const mode: UrlMode,
        /// The message that is shown to the person.
        message: Text<'a>,
        /// What to open; see [`ElicitRequestURLParams::has_valid_url`].
        url: Text<'a>,
        /// What `notifications/elicitation/complete` will name; required in 2025-11-25, gone in
        /// 2026-07-28.
        elicitation_id? as "elicitationId": Text<'a> [only(V2025_11_25)],
        /// Asks for the request to run as a task; 2025-11-25 only.
        task?: Raw<'a> [only(V2025_11_25)],
        /// Metadata of the request; 2025-11-25 only.
        meta? as "_meta": Meta<'a> [until(V2025_11_25)],
    }

    /// Asks to open `url`.
    pub fn new(message: impl Into<Text<'a>>, url: impl Into<Text<'a>>);
}

impl<'a> ElicitRequestURLParams<'a> {
    /// Returns whether the URL is `https` or `http` and names a host.
    // `elicit.url.valid`
    pub fn has_valid_url(&self) -> bool {
        let Some((scheme, rest)) = self.url.split_once("://") else {
            return false;
        };
        let web = scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http");
        web && !rest.is_empty() && !rest.starts_with(['/', '?', '#']) && is_valid_uri(&self.url)
    }
}

/// What the person did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ElicitAction {
    /// Answered the form, or agreed to open the URL.
    Accept,
    /// Said no.
    Decline,
    /// Turned away without a choice.
    Cancel,
}

named! { enum ElicitAction { Accept = "accept", Decline = "decline", Cancel = "cancel" } }

wire_type! {
    /// The result of `elicitation/create`; an unknown action is refused on decoding.
    #[derive(Debug)]
    pub struct ElicitResult<'a> {
        /// What the person did.
        action: ElicitAction,
        /// The filled-in form; `None` unless a form was accepted.
        content?: FormContent<'a> [rewritten_before(V2025_11_25, single_values)],
        /// Metadata of the result; up to 2025-11-25.
        meta? as "_meta": Meta<'a> [until(V2025_11_25)],
    }
}

/// Refuses a filled-in form in which a field has several values: no form of an older revision asks
/// for them.
fn single_values(written: &[u8], revision: Revision) -> Result<Rewritten, EncodeError> {
    let is_list = |entry: Entry| entry.value.of(written).first() == Some(&b'[');
    if written.first() == Some(&b'{') && members(written).any(is_list) {
        let what = "a form field with several values";
        return Err(EncodeError::NotInRevision { what, revision });
    }
    Ok(Rewritten::Kept)
}

impl<'a> ElicitResult<'a> {
    /// Returns the answer of a person who filled in the form.
    pub fn accept(content: FormContent<'a>) -> Self {
        Self {
            action: ElicitAction::Accept,
            content: Some(content),
            meta: None,
        }
    }

    /// Returns the answer of a person who agreed to open the URL.
    pub fn consent() -> Self {
        Self {
            action: ElicitAction::Accept,
            content: None,
            meta: None,
        }
    }

    /// Returns the answer of a person who declined.
    pub fn decline() -> Self {
        Self {
            action: ElicitAction::Decline,
            content: None,
            meta: None,
        }
    }

    /// Returns the answer of a person who turned away without a choice.
    pub fn cancel() -> Self {
        Self {
            action: ElicitAction::Cancel,
            content: None,
            meta: None,
        }
    }
}

wire_type! {
    /// The parameters of `notifications/elicitation/complete`; 2025-11-25 only.
    #[derive(Debug)]
    pub struct ElicitationCompleteParams<'a> {
        /// Which elicitation by URL has ended.
        elicitation_id as "elicitationId": Text<'a>,
        /// Metadata of the notification.
        meta? as "_meta": Meta<'a>,
    }

    /// Returns the notification that the elicitation of that id has ended.
    pub fn new(elicitation_id: impl Into<Text<'a>>);
}

wire_type! {
    /// The `data` of error -32042: what has to be opened before the request can succeed; 2025-11-25
    /// only.
    // `elicit.32042`
    #[derive(Debug, Default)]
    pub struct URLElicitationRequired<'a> {
        /// The elicitations, each with its id.
        elicitations: List<'a, ElicitRequestURLParams<'a>>,
    }

    /// Creates the error data that these have to be opened.
    pub fn new(elicitations: Vec<ElicitRequestURLParams<'a>>);
}

already_owned!(ElicitAction);
