//! Sampling: asking the client's model for a message (`sampling/createMessage`).
//! Since 2025-11-25 the model may use tools, whose uses and results have to balance.
//!
//! # Deprecated
//!
//! Revision 2026-07-28 deprecates sampling. It still works, and may go in a revision released on or
//! after 2027-07-28. New code should not use it: a server that needs a model uses the API of a
//! model provider directly, says the specification's list of
//! [deprecated features](https://modelcontextprotocol.io/specification/2026-07-28/deprecated).

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::model::content::{
    AudioContent, ContentBlock, ImageContent, Role, TextContent, block_type,
};
use crate::model::encode::EncodeError;
use crate::model::encode::downgrade::keep_object;
use crate::model::encode::downgrade::{Rewritten, converted};
use crate::model::field::Number;
use crate::model::field::{inner_error, json_text, open_enum, tag};
use crate::model::list::Unreadable;
use crate::model::meta::Meta;
use crate::model::object::Object;
use crate::model::owned::IntoOwned;
use crate::model::tool::Tool;
use crate::model::wire_type::wire_type;
use crate::revision::Revision;
use crate::rpc::{Raw, Source, Text, bounded};

wire_type! {
    /// The parameters of `sampling/createMessage`. The client may change any of them before it asks
    /// the model, except for `max_tokens`.
    ///
    /// Deprecated since 2026-07-28: use the API of a model provider directly. See
    /// [`sampling`](crate::model::sampling#deprecated).
    #[derive(Debug)]
    pub struct CreateMessageParams<'a> {
        /// The conversation so far.
        #[read(crate::model::field::list)]
        messages: Vec<SamplingMessage<'a>>,
        /// Which model is wanted.
        model_preferences? as "modelPreferences": ModelPreferences<'a>,
        /// The system prompt that is wanted.
        system_prompt? as "systemPrompt": Text<'a>,
        /// Whose context to include; absent means none.
        include_context? as "includeContext": IncludeContext<'a>,
        /// How freely the model chooses.
        temperature?: f64 as Number,
        /// The most tokens that the model may produce.
        max_tokens as "maxTokens": u64,
        /// Texts at which the model stops.
        stop_sequences? as "stopSequences": Vec<Text<'a>>,
        /// Metadata for the model's provider.
        metadata?: Object<'a>,
        /// The tools that the model may use; since 2025-11-25.
        tools?: Vec<Tool<'a>> [since(V2025_11_25)],
        /// Whether the model may or must use tools; since 2025-11-25. See
        /// [`CreateMessageParams::tool_choice_mode`].
        tool_choice? as "toolChoice": ToolChoice<'a> [since(V2025_11_25)],
        /// Asks for the request to run as a task; 2025-11-25 only.
        task?: Raw<'a> [only(V2025_11_25)],
        /// Metadata of the request; up to 2025-11-25.
        meta? as "_meta": Meta<'a> [until(V2025_11_25)],
    }

    /// Asks to go on from `messages` with at most `max_tokens` tokens.
    pub fn new(messages: Vec<SamplingMessage<'a>>, max_tokens: u64);
}

impl<'a> CreateMessageParams<'a> {
    /// Returns whether the model may or must use tools; by default it may.
    // `sampling.choice`
    pub fn tool_choice_mode(&self) -> &ToolChoiceMode<'a> {
        let mode = self
            .tool_choice
            .as_ref()
            .and_then(|choice| choice.mode.as_ref());
        mode.unwrap_or(&ToolChoiceMode::Auto)
    }
}

wire_type! {
    /// A message of the conversation with the model.
    ///
    /// Deprecated since 2026-07-28: use the API of a model provider directly. See
    /// [`sampling`](crate::model::sampling#deprecated).
    #[derive(Debug)]
    pub struct SamplingMessage<'a> {
        /// Who says it.
        role: Role<'a>,
        /// What is said.
        content: SamplingContent<'a> [rewritten_before(V2025_11_25, SamplingContent::downgrade)],
        /// Metadata of the message; since 2025-11-25.
        meta? as "_meta": Meta<'a> [since(V2025_11_25)],
    }

    /// Returns what `role` says.
    pub fn new(role: Role<'a>, content: impl Into<SamplingContent<'a>>);
}

impl<'a> SamplingMessage<'a> {
    /// Returns a text that the person says.
    pub fn user(text: impl Into<Text<'a>>) -> Self {
        Self::new(Role::User, SamplingMessageContentBlock::text(text))
    }

    /// Returns a text that the model said.
    pub fn assistant(text: impl Into<Text<'a>>) -> Self {
        Self::new(Role::Assistant, SamplingMessageContentBlock::text(text))
    }
}

/// The content of a sampling message: one block, or since 2025-11-25 several.
///
/// What was one block is written as one again, an array as an array.
#[derive(Debug, Clone, PartialEq)]
pub struct SamplingContent<'a> {
    blocks: Vec<SamplingMessageContentBlock<'a>>,
    single: bool,
}

impl<'a> SamplingContent<'a> {
    /// Returns the blocks, in order.
    pub fn blocks(&self) -> &[SamplingMessageContentBlock<'a>] {
        &self.blocks
    }

    /// Returns the blocks themselves.
    pub fn into_blocks(self) -> Vec<SamplingMessageContentBlock<'a>> {
        self.blocks
    }

    /// Returns whether it stands on the wire as one block rather than an array.
    pub fn is_single(&self) -> bool {
        self.single
    }

    /// Returns the first text; `None` when there is none.
    pub fn as_text(&self) -> Option<&str> {
        self.blocks
            .iter()
            .find_map(SamplingMessageContentBlock::as_text)
    }

    /// Writes the content that is already written as the one block that revisions before 2025-11-25
    /// have room for (`sampling.noarray.old`).
    fn downgrade(written: &[u8], revision: Revision) -> Result<Rewritten, EncodeError> {
        let refused = |what| Err(EncodeError::NotInRevision { what, revision });
        converted(written, |content: SamplingContent<'_>| {
            let [block] = content.blocks.as_slice() else {
                return refused("a sampling message that isn't exactly one block");
            };
            // Sampling has no resources: this was audio, replaced for the oldest revision.
            if let SamplingMessageContentBlock::Unknown(raw) = block
                && block_type(raw.as_str()).is_ok_and(|kind| kind == "resource")
            {
                return refused("audio in a sampling message");
            }
            Ok(SamplingContent {
                single: true,
                ..content
            })
        })
        .map(Rewritten::Replaced)
    }
}

impl<'a> From<SamplingMessageContentBlock<'a>> for SamplingContent<'a> {
    fn from(block: SamplingMessageContentBlock<'a>) -> Self {
        Self {
            blocks: vec![block],
            single: true,
        }
    }
}

impl<'a> From<Vec<SamplingMessageContentBlock<'a>>> for SamplingContent<'a> {
    fn from(blocks: Vec<SamplingMessageContentBlock<'a>>) -> Self {
        Self {
            blocks,
            single: false,
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for SamplingContent<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let content = json_text(deserializer)?;
        if content.starts_with('[') {
            let blocks: Vec<_> = serde_json::from_str(content).map_err(inner_error)?;
            return Ok(blocks.into());
        }
        Ok(SamplingMessageContentBlock::read(content).into())
    }
}

impl Serialize for SamplingContent<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.blocks.as_slice() {
            [block] if self.single => block.serialize(serializer),
            blocks => blocks.serialize(serializer),
        }
    }
}

impl IntoOwned for SamplingContent<'_> {
    type Owned = SamplingContent<'static>;

    fn owned_from(self, source: Source<'_>) -> SamplingContent<'static> {
        SamplingContent {
            blocks: self.blocks.owned_from(source),
            single: self.single,
        }
    }
}

/// One piece of a message to or from the model.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum SamplingMessageContentBlock<'a> {
    /// Plain text.
    Text(TextContent<'a>),
    /// A picture.
    Image(ImageContent<'a>),
    /// A sound; since 2025-03-26.
    Audio(AudioContent<'a>),
    /// The model uses a tool; since 2025-11-25.
    ToolUse(ToolUseContent<'a>),
    /// What came of a tool's use; since 2025-11-25.
    ToolResult(ToolResultContent<'a>),
    /// A block whose `type` no revision names here, as it came.
    Unknown(Raw<'a>),
    /// A block that misses what its `type` requires, or has none, as it came and with the reason.
    /// One in a request makes the request invalid: a model must not be given a part of what it was
    /// asked. One in a result leaves the other blocks good.
    Malformed(Unreadable<'a>),
}

impl<'a> SamplingMessageContentBlock<'a> {
    /// Returns a block of plain text.
    pub fn text(text: impl Into<Text<'a>>) -> Self {
        Self::Text(TextContent::new(text))
    }

    /// Returns the text of a text block; `None` for every other kind.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(content) => Some(&content.text),
            _ => None,
        }
    }

    fn read(block: &'a str) -> Self {
        Self::read_by_type(block)
            .unwrap_or_else(|error| Self::Malformed(Unreadable::new(block, &error)))
    }

    fn read_by_type(block: &'a str) -> Result<Self, serde_json::Error> {
        match block_type(block)?.as_str() {
            "text" => serde_json::from_str(block).map(Self::Text),
            "image" => serde_json::from_str(block).map(Self::Image),
            "audio" => serde_json::from_str(block).map(Self::Audio),
            "tool_use" => serde_json::from_str(block).map(Self::ToolUse),
            "tool_result" => serde_json::from_str(block).map(Self::ToolResult),
            _ => Ok(Self::Unknown(Raw::trusted(Cow::Borrowed(block)))),
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for SamplingMessageContentBlock<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        json_text(deserializer).map(Self::read)
    }
}

macro_rules! blocks {
    ($($variant:ident($content:ident)),* $(,)?) => {
        impl Serialize for SamplingMessageContentBlock<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self {
                    $(Self::$variant(content) => content.serialize(serializer),)*
                    Self::Unknown(raw) => raw.serialize(serializer),
                    Self::Malformed(block) => block.raw.serialize(serializer),
                }
            }
        }

        impl IntoOwned for SamplingMessageContentBlock<'_> {
            type Owned = SamplingMessageContentBlock<'static>;

            fn owned_from(self, source: Source<'_>) -> SamplingMessageContentBlock<'static> {
                match self {
                    $(Self::$variant(content) => {
                        SamplingMessageContentBlock::$variant(content.owned_from(source))
                    })*
                    Self::Unknown(raw) => SamplingMessageContentBlock::Unknown(raw.owned_from(source)),
                    Self::Malformed(block) => {
                        SamplingMessageContentBlock::Malformed(block.owned_from(source))
                    }
                }
            }
        }

        $(
            impl<'a> From<$content<'a>> for SamplingMessageContentBlock<'a> {
                fn from(content: $content<'a>) -> Self {
                    Self::$variant(content)
                }
            }

            impl<'a> From<$content<'a>> for SamplingContent<'a> {
                fn from(content: $content<'a>) -> Self {
                    SamplingMessageContentBlock::$variant(content).into()
                }
            }
        )*
    };
}

blocks! {
    Text(TextContent),
    Image(ImageContent),
    Audio(AudioContent),
    ToolUse(ToolUseContent),
    ToolResult(ToolResultContent),
}

tag!(ToolUseType = "tool_use");
tag!(ToolResultType = "tool_result");

wire_type! {
    /// The model uses a tool; since 2025-11-25.
    #[derive(Debug)]
    pub struct ToolUseContent<'a> [refused_before(V2025_11_25, "a tool use block")] {
        const kind as "type": ToolUseType,
        /// What the result will name.
        id: Text<'a>,
        /// The tool's name.
        name: Text<'a>,
        /// The arguments.
        input: Object<'a>,
        /// Metadata of the block, to be kept from turn to turn.
        meta? as "_meta": Meta<'a>,
    }

    /// Creates a use of the tool `name` with `input`.
    pub fn new(id: impl Into<Text<'a>>, name: impl Into<Text<'a>>, input: Object<'a>);
}

wire_type! {
    /// What came of a tool's use; since 2025-11-25.
    #[derive(Debug)]
    pub struct ToolResultContent<'a> [refused_before(V2025_11_25, "a tool result block")] {
        const kind as "type": ToolResultType,
        /// The `id` of the use.
        tool_use_id as "toolUseId": Text<'a>,
        /// What the tool says.
        #[read(crate::model::field::list)]
        content: Vec<ContentBlock<'a>> [or empty],
        /// The result as JSON: an object, since 2026-07-28 any value. A `null` that is there is
        /// [`Raw::NULL`], not `None`.
        #[read(crate::model::field::present)]
        structured_content? as "structuredContent": Raw<'a> [rewritten_before(V2026_07_28, keep_object)],
        /// Whether the tool failed; absent means it didn't.
        is_error? as "isError": bool,
        /// Metadata of the block, to be kept from turn to turn.
        meta? as "_meta": Meta<'a>,
    }

    /// Creates the result of the use called `tool_use_id`, which succeeded and says `content`.
    pub fn new(tool_use_id: impl Into<Text<'a>>, content: Vec<ContentBlock<'a>>);
}

wire_type! {
    /// Whether the model may or must use tools; since 2025-11-25.
    #[derive(Debug, Default)]
    pub struct ToolChoice<'a> {
        /// Absent means [`ToolChoiceMode::Auto`].
        mode?: ToolChoiceMode<'a>,
    }
}

impl<'a> ToolChoice<'a> {
    /// Creates a choice of this mode.
    pub fn new(mode: ToolChoiceMode<'a>) -> Self {
        Self { mode: Some(mode) }
    }
}

open_enum! {
    /// Whether the model may or must use tools.
    ToolChoiceMode {
        /// It may.
        Auto = "auto",
        /// It must, at least once.
        Required = "required",
        /// It must not.
        None = "none",
    }
}

open_enum! {
    /// Whose context to include. All but `none` are deprecated since 2025-11-25: leave it out, or
    /// say `none`.
    IncludeContext {
        /// No context; the default.
        None = "none",
        /// That of the server that asks.
        ThisServer = "thisServer",
        /// That of all servers.
        AllServers = "allServers",
    }
}

wire_type! {
    /// Which model is wanted. The client decides.
    #[derive(Debug, Default)]
    pub struct ModelPreferences<'a> {
        /// Names to look for, the most wanted first; they outrank the priorities.
        hints?: Vec<ModelHint<'a>>,
        /// How much a low cost matters, from 0 to 1.
        cost_priority? as "costPriority": f64 as Number,
        /// How much a short time matters, from 0 to 1.
        speed_priority? as "speedPriority": f64 as Number,
        /// How much ability matters, from 0 to 1.
        intelligence_priority? as "intelligencePriority": f64 as Number,
    }

    /// Creates empty preferences.
    pub fn new();
}

impl<'a> ModelPreferences<'a> {
    /// Adds a name to look for after those there are.
    #[must_use]
    pub fn hint(mut self, name: impl Into<Text<'a>>) -> Self {
        self.hints.get_or_insert_default().push(ModelHint {
            name: Some(name.into()),
        });
        self
    }

    /// Returns whether all priorities lie between 0 and 1 as the schema asks.
    pub fn are_priorities_in_range(&self) -> bool {
        let mut all = [
            self.cost_priority,
            self.speed_priority,
            self.intelligence_priority,
        ]
        .into_iter()
        .flatten();
        all.all(|priority| (0.0..=1.0).contains(&priority))
    }
}

wire_type! {
    /// A name of a model to look for.
    #[derive(Debug, Default)]
    pub struct ModelHint<'a> {
        /// A part of the model's name.
        name?: Text<'a>,
    }
}

/// Returns the index of the first of `available` whose name contains the first hint that any
/// contains; `None` when no hint fits.
// `sampling.hints`
pub fn select_model<T: AsRef<str>>(
    preferences: &ModelPreferences<'_>,
    available: &[T],
) -> Option<usize> {
    let hints = preferences
        .hints
        .iter()
        .flatten()
        .filter_map(|hint| hint.name.as_deref());
    let mut named = hints.filter(|hint| !hint.is_empty());
    named.find_map(|hint| {
        available
            .iter()
            .position(|model| model.as_ref().contains(hint))
    })
}

wire_type! {
    /// The result of `sampling/createMessage`: what the model says.
    ///
    /// Deprecated since 2026-07-28: use the API of a model provider directly. See
    /// [`sampling`](crate::model::sampling#deprecated).
    #[derive(Debug)]
    pub struct CreateMessageResult<'a> {
        /// Who says it.
        role: Role<'a>,
        /// What is said; peers older than 2025-11-25 take one block only.
        content: SamplingContent<'a> [rewritten_before(V2025_11_25, SamplingContent::downgrade)],
        /// The name of the model.
        model: Text<'a>,
        /// Why the model stopped, if it is known.
        stop_reason? as "stopReason": StopReason<'a>,
        /// Metadata of the result.
        meta? as "_meta": Meta<'a>,
    }
}

impl<'a> CreateMessageResult<'a> {
    /// Returns what the model of that name says.
    pub fn new(model: impl Into<Text<'a>>, content: impl Into<SamplingContent<'a>>) -> Self {
        Self {
            role: Role::Assistant,
            content: content.into(),
            model: model.into(),
            stop_reason: None,
            meta: None,
        }
    }

    /// Returns a text that the model of that name says.
    pub fn text(model: impl Into<Text<'a>>, text: impl Into<Text<'a>>) -> Self {
        Self::new(model, SamplingMessageContentBlock::text(text))
    }
}

open_enum! {
    /// Why a model stopped.
    StopReason {
        /// It was done.
        EndTurn = "endTurn",
        /// It came upon one of the stop sequences.
        StopSequence = "stopSequence",
        /// It had no tokens left.
        MaxTokens = "maxTokens",
        /// It wants to use a tool; since 2025-11-25.
        ToolUse = "toolUse",
    }
}

/// How tool uses and tool results don't balance; each names the message by its index, which has to be
/// corrected before a model or a client takes the conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ToolBalanceError {
    /// A message has tool results and isn't a message of the user with nothing else.
    Mixed {
        /// The index of the message with the results.
        message: usize,
    },
    /// A tool use isn't answered in the message that follows it.
    Unanswered {
        /// The index of the message that should have answered; it may be one past the last.
        message: usize,
        /// The id of the use.
        id: String,
    },
    /// A tool result answers no use of the message before it, or one that was answered already.
    Unexpected {
        /// The index of the message with the result.
        message: usize,
        /// The id that the result names.
        id: String,
    },
}

impl fmt::Display for ToolBalanceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mixed { message } => write!(
                f,
                "message {message} must be a user's with nothing but tool results"
            ),
            Self::Unanswered { message, id } => {
                write!(f, "message {message} doesn't answer tool use {id:?}")
            }
            Self::Unexpected { message, id } => write!(
                f,
                "message {message} answers tool use {id:?}, which is not open"
            ),
        }
    }
}

impl core::error::Error for ToolBalanceError {}

/// Checks that each tool use is answered by the next message and that results stand alone.
///
/// A message with results holds nothing else and is the user's; one that uses tools is followed by
/// the results of all of them, so it is never the last. Returns an error that names the first
/// message that breaks one of these rules.
// `sampling.tr.only`, `sampling.tr.balance`, `sampling.tr.lastassistant`
pub fn check_tool_balance(messages: &[SamplingMessage<'_>]) -> Result<(), ToolBalanceError> {
    let mut open: Vec<&str> = Vec::new();
    for (index, message) in messages.iter().enumerate() {
        let blocks = message.content.blocks();
        let results = blocks.iter().filter(|block| is_result(block)).count();
        if results > 0 && (results < blocks.len() || message.role != Role::User) {
            return Err(ToolBalanceError::Mixed { message: index });
        }
        expect_answers(&open, blocks, index)?;
        open.clear();
        open.extend(blocks.iter().filter_map(|block| match block {
            SamplingMessageContentBlock::ToolUse(tool_use) => Some(tool_use.id.as_str()),
            _ => None,
        }));
    }
    expect_answers(&open, &[], messages.len())
}

/// Checks that the results among `blocks` answer each of the `open` uses once, and nothing else.
// Both are sorted, since a peer chooses how many there are: looking each one up would take as long
// as their number squared.
fn expect_answers(
    open: &[&str],
    blocks: &[SamplingMessageContentBlock<'_>],
    message: usize,
) -> Result<(), ToolBalanceError> {
    let mut answered: Vec<&str> = blocks
        .iter()
        .filter_map(|block| match block {
            SamplingMessageContentBlock::ToolResult(result) => Some(result.tool_use_id.as_str()),
            _ => None,
        })
        .collect();
    let mut open: Vec<&str> = open.to_vec();
    answered.sort_unstable();
    open.sort_unstable();
    let (mut open, mut unanswered) = (open.into_iter().peekable(), None);
    for id in answered {
        while let Some(skipped) = open.next_if(|next| *next < id) {
            unanswered.get_or_insert(skipped);
        }
        if open.next_if_eq(&id).is_none() {
            let id = bounded(id).into();
            return Err(ToolBalanceError::Unexpected { message, id });
        }
    }
    match unanswered.or_else(|| open.next()) {
        Some(id) => Err(ToolBalanceError::Unanswered {
            message,
            id: bounded(id).into(),
        }),
        None => Ok(()),
    }
}

/// Returns the first block of a conversation that can't be read, and the index of its message. A
/// request with one is invalid: a model must not be given a part of what it was asked.
pub fn malformed_block<'m>(
    messages: &'m [SamplingMessage<'_>],
) -> Option<(usize, &'m Unreadable<'m>)> {
    messages.iter().enumerate().find_map(|(index, message)| {
        let mut blocks = message.content.blocks().iter();
        let malformed = blocks.find_map(|block| match block {
            SamplingMessageContentBlock::Malformed(block) => Some(block),
            SamplingMessageContentBlock::ToolResult(result) => {
                result.content.iter().find_map(ContentBlock::as_malformed)
            }
            _ => None,
        });
        malformed.map(|malformed| (index, malformed))
    })
}

fn is_result(block: &SamplingMessageContentBlock<'_>) -> bool {
    matches!(block, SamplingMessageContentBlock::ToolResult(_))
}
