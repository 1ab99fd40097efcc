//! A conversation with the client's model: what is said goes in, a text comes out.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use crate::model::content::{ImageContent, Role};
use crate::model::sampling::{
    CreateMessageParams, ModelPreferences, SamplingMessage, SamplingMessageContentBlock, StopReason,
};
use crate::rpc::Text;

use super::ask::AskError;
use super::context::Context;

/// The most tokens that a reply may have, unless told otherwise.
const MOST_TOKENS: u64 = 16_384;

/// What is said to the client's model, in order.
///
/// Deprecated since 2026-07-28: use the API of a model provider directly. See
/// [`sampling`](crate::model::sampling#deprecated).
///
/// ```
/// use mcp_proto::server::{Context, SamplingRequest, HandlerError};
///
/// fn rhyme(context: &Context, theme: &str) -> Result<String, HandlerError> {
///     let conversation = SamplingRequest::new()
///         .system("always reply in rhyme")
///         .user(format!("write a poem about {theme}"));
///     Ok(conversation.reply(context, "rhyme")?.text)
/// }
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct SamplingRequest {
    params: CreateMessageParams<'static>,
    system: String,
}

/// What the model has written.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct SampledReply {
    /// Its text.
    pub text: String,
    /// The model, as the client names it.
    pub model: Text<'static>,
    /// Why it stopped; `None` when the client doesn't say.
    pub stop_reason: Option<StopReason<'static>>,
}

/// Why there is no text of the model's.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum SamplingRequestError {
    /// The client can't be asked, has refused, or hasn't answered yet: hand it on with `?`.
    Ask(AskError),
    /// The message isn't the model's but of this role: the fault is the client's.
    Role(Box<str>),
    /// It isn't text, or not text alone: ask for the whole result with
    /// [`Context::sample`](super::Context::sample) if other content is welcome.
    NoText,
}

impl fmt::Display for SamplingRequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ask(error) => fmt::Display::fmt(error, f),
            Self::Role(text) => write!(
                f,
                "Unexpected result from MCP sampling, expected \"assistant\" role, got {text}."
            ),
            Self::NoText => f.write_str("Unexpected result from MCP sampling, expected text"),
        }
    }
}

impl core::error::Error for SamplingRequestError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Ask(error) => error.source(),
            _ => None,
        }
    }
}

impl From<AskError> for SamplingRequestError {
    fn from(error: AskError) -> Self {
        Self::Ask(error)
    }
}

impl SamplingRequest {
    /// Creates a request in which nothing is said yet; a reply may have 16,384 tokens.
    pub fn new() -> Self {
        Self {
            params: CreateMessageParams::new(Vec::new(), MOST_TOKENS),
            system: String::new(),
        }
    }

    /// Adds to the system prompt, right after what it has. It is sent even when it is empty.
    #[must_use]
    pub fn system(mut self, text: impl AsRef<str>) -> Self {
        self.system.push_str(text.as_ref());
        self
    }

    /// Adds a text of the user.
    #[must_use]
    pub fn user(self, text: impl Into<Text<'static>>) -> Self {
        self.message(SamplingMessage::user(text))
    }

    /// Adds a picture of the user, of a kind such as `image/png`.
    #[must_use]
    pub fn user_image(self, bytes: &[u8], mime_type: impl Into<Text<'static>>) -> Self {
        let image = ImageContent::new(BASE64_STANDARD.encode(bytes), mime_type);
        let block = SamplingMessageContentBlock::Image(image);
        self.message(SamplingMessage::new(Role::User, block))
    }

    /// Adds a text that the model has written before.
    #[must_use]
    pub fn assistant(self, text: impl Into<Text<'static>>) -> Self {
        self.message(SamplingMessage::assistant(text))
    }

    /// Adds a message of any kind.
    #[must_use]
    pub fn message(mut self, message: SamplingMessage<'static>) -> Self {
        self.params.messages.push(message);
        self
    }

    /// Sets how many tokens a reply may have.
    #[must_use]
    pub fn max_tokens(mut self, max_tokens: u64) -> Self {
        self.params.max_tokens = max_tokens;
        self
    }

    /// Sets how freely the model chooses.
    #[must_use]
    pub fn temperature(mut self, temperature: f64) -> Self {
        self.params.temperature = Some(temperature);
        self
    }

    /// Sets the texts at which the model stops.
    #[must_use]
    pub fn stop_sequences(mut self, texts: impl IntoIterator<Item = String>) -> Self {
        let texts = texts.into_iter().map(Text::from);
        self.params.stop_sequences = Some(texts.collect());
        self
    }

    /// Sets which model is wanted.
    #[must_use]
    pub fn model_preferences(mut self, preferences: ModelPreferences<'static>) -> Self {
        self.params.model_preferences = Some(preferences);
        self
    }

    /// Asks the client's model to continue. `key` names the question within the request.
    ///
    /// Returns an error while the reply isn't there: hand that on with `?`.
    pub fn reply(
        &self,
        context: &Context,
        key: &str,
    ) -> Result<SampledReply, SamplingRequestError> {
        let params = self.params.clone().system_prompt(self.system.clone());
        let result = context.sample(key, &params)?;
        if result.role != Role::Assistant {
            return Err(SamplingRequestError::Role(result.role.as_str().into()));
        }
        let texts = result.content.blocks().iter();
        let texts: Option<Vec<&str>> = texts.map(SamplingMessageContentBlock::as_text).collect();
        let texts = texts.filter(|texts| !texts.is_empty());
        Ok(SampledReply {
            text: texts.ok_or(SamplingRequestError::NoText)?.concat(),
            model: result.model,
            stop_reason: result.stop_reason,
        })
    }
}

impl Default for SamplingRequest {
    fn default() -> Self {
        Self::new()
    }
}
