//! What a server wants written, as a conversation with a model, and what the model says, as the
//! server's answer. Pure functions, for programs that have a model.

use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

use crate::model::content::Role;
use crate::model::sampling::{
    CreateMessageParams, CreateMessageResult, SamplingMessage, SamplingMessageContentBlock,
};
use crate::rpc::RpcError;

use super::result::Binary;

/// A conversation for a model to continue, and how.
///
/// Deprecated since 2026-07-28: use the API of a model provider directly. See
/// [`sampling`](crate::model::sampling#deprecated).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Conversation {
    /// What was said, what one side said in a row being one turn.
    pub turns: Vec<Turn>,
    /// The most tokens that the model may produce.
    pub max_tokens: u64,
    /// How freely the model chooses; `None` leaves it to the model.
    pub temperature: Option<f64>,
    /// Texts at which the model stops; `None` where the server names none.
    pub stop_sequences: Option<Vec<String>>,
}

/// What one side said in a row.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Turn {
    /// To the model: the system prompt and what the person said, each message a part.
    Request(Vec<RequestPart>),
    /// By the model: its texts.
    Response(Vec<String>),
}

/// One part of the input to the model.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RequestPart {
    /// The system prompt.
    System(String),
    /// A text of the person.
    Text(String),
    /// A picture or a sound of the person.
    Binary(Binary),
}

/// One part of what a model says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ResponsePart {
    /// A text.
    Text(String),
    /// What it thought, which the server doesn't get.
    Thinking(String),
    /// Anything else, such as the use of a tool, by a name for the error.
    Other(&'static str),
}

/// A conversation that can't be put to a model, or an answer that can't be given to a server.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SamplingError {
    /// A message has several blocks: refuse the request.
    SeveralBlocks,
    /// A block of a kind that can't be put to the model: refuse the request, or read the params
    /// yourself.
    Unsupported(&'static str),
    /// A message is neither the person's nor the model's: refuse the request.
    Role(String),
    /// Data isn't base64: refuse the request, the fault is the server's.
    Base64,
}

impl fmt::Display for SamplingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SeveralBlocks => f.write_str("messages of several blocks are not supported"),
            Self::Unsupported(what) => write!(f, "{what} is not supported here"),
            Self::Role(text) => write!(f, "the role {text} is not supported"),
            Self::Base64 => f.write_str("a message has invalid base64 data"),
        }
    }
}

impl core::error::Error for SamplingError {}

/// The error to answer the server with.
impl From<SamplingError> for RpcError {
    fn from(error: SamplingError) -> Self {
        match error {
            SamplingError::Unsupported(_) | SamplingError::SeveralBlocks => {
                Self::internal(format!("{error}"))
            }
            error => Self::invalid_params(format!("Invalid params: {error}")),
        }
    }
}

impl Conversation {
    /// Returns the conversation of a `sampling/createMessage`.
    ///
    /// Returns an error for what can't be passed to a model: several blocks in one message, uses of
    /// tools and their results, pictures and sounds by the model. Preferences, context, metadata
    /// and tools are the host's affair and stay in the params.
    pub fn new(params: &CreateMessageParams<'_>) -> Result<Self, SamplingError> {
        let mut turns = Vec::new();
        if let Some(prompt) = params
            .system_prompt
            .as_ref()
            .filter(|text| !text.is_empty())
        {
            turns.push(Turn::Request(vec![RequestPart::System(
                prompt.as_str().into(),
            )]));
        }
        for message in &params.messages {
            add(&mut turns, message)?;
        }
        let stops = params.stop_sequences.as_ref();
        Ok(Self {
            turns,
            max_tokens: params.max_tokens,
            temperature: params.temperature,
            stop_sequences: stops.map(|stops| stops.iter().map(|s| s.as_str().into()).collect()),
        })
    }
}

/// Adds a message to the turn it continues, or as a new one.
fn add(turns: &mut Vec<Turn>, message: &SamplingMessage<'_>) -> Result<(), SamplingError> {
    let block = match message.content.blocks() {
        [block] if message.content.is_single() => block,
        _ => return Err(SamplingError::SeveralBlocks),
    };
    match message.role {
        Role::User => {
            let part = request_part(block)?;
            match turns.last_mut() {
                Some(Turn::Request(parts)) => parts.push(part),
                _ => turns.push(Turn::Request(vec![part])),
            }
        }
        Role::Assistant => {
            let text = block.as_text().ok_or(unsupported(block))?;
            match turns.last_mut() {
                Some(Turn::Response(texts)) => texts.push(text.into()),
                _ => turns.push(Turn::Response(vec![text.into()])),
            }
        }
        ref role => return Err(SamplingError::Role(role.as_str().into())),
    }
    Ok(())
}

fn request_part(block: &SamplingMessageContentBlock<'_>) -> Result<RequestPart, SamplingError> {
    use SamplingMessageContentBlock as Block;
    let (data, mime_type) = match block {
        Block::Text(content) => return Ok(RequestPart::Text(content.text.as_str().into())),
        Block::Image(content) => (&content.data, &content.mime_type),
        Block::Audio(content) => (&content.data, &content.mime_type),
        block => return Err(unsupported(block)),
    };
    let binary = Binary {
        base64: data.clone().into_owned(),
        mime_type: mime_type.clone().into_owned(),
    };
    match binary.decode() {
        Ok(_) => Ok(RequestPart::Binary(binary)),
        Err(_) => Err(SamplingError::Base64),
    }
}

fn unsupported(block: &SamplingMessageContentBlock<'_>) -> SamplingError {
    use SamplingMessageContentBlock as Block;
    SamplingError::Unsupported(match block {
        Block::Text(_) => "text",
        Block::Image(_) => "an image",
        Block::Audio(_) => "audio",
        Block::ToolUse(_) => "the use of a tool",
        Block::ToolResult(_) => "the result of a tool",
        _ => "a block of an unknown type",
    })
}

/// Returns what the model of that name says, as the answer to the server: its texts as one.
///
/// Returns an error if it says something that is neither text nor thinking.
pub fn answer(
    model: &str,
    parts: &[ResponsePart],
) -> Result<CreateMessageResult<'static>, SamplingError> {
    let mut said = String::new();
    for part in parts {
        match part {
            ResponsePart::Text(text) => said.push_str(text),
            ResponsePart::Thinking(_) => {}
            ResponsePart::Other(what) => return Err(SamplingError::Unsupported(what)),
        }
    }
    Ok(CreateMessageResult::text(String::from(model), said))
}
