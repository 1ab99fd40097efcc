//! Tools: their definition, listing and calls (`tools/list`, `tools/call`).

use alloc::borrow::Cow;
use alloc::vec;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::model::content::{self, ContentBlock};
use crate::model::field::{open_enum, open_struct, setters};
use crate::model::initialize::Icon;
use crate::model::list::List;
use crate::model::meta::Meta;
use crate::model::owned::into_owned;
pub use crate::model::page::PaginatedRequestParams as ListToolsParams;
use crate::model::page::{CacheScope, cache_hints};
use crate::model::state::RequestState;
use crate::rpc::{Found, Member, Raw, Text};

/// The input schema of a tool that takes no arguments.
pub const NO_ARGUMENTS_SCHEMA: Raw<'static> = Raw::trusted(Cow::Borrowed(
    r#"{"type":"object","additionalProperties":false}"#,
));

/// A tool that a server offers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[serde(rename(serialize = "mcp_proto::Tool"))]
#[non_exhaustive]
pub struct Tool<'a> {
    /// The name for programs, unique on its server; see [`is_conforming_tool_name`].
    #[serde(borrow)]
    pub name: Text<'a>,
    /// The name for people; since 2025-06-18. See [`Tool::display_name`].
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub title: Option<Text<'a>>,
    /// What the tool does, for models.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Text<'a>>,
    /// The JSON Schema of the arguments; its root has `"type":"object"`.
    #[serde(borrow)]
    pub input_schema: Raw<'a>,
    /// The JSON Schema of the structured result, if there is one; since 2025-06-18.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub output_schema: Option<Raw<'a>>,
    /// Hints about how the tool behaves; since 2025-03-26. Not to be trusted.
    #[serde(
        borrow,
        default,
        deserialize_with = "crate::model::field::hint",
        skip_serializing_if = "Option::is_none"
    )]
    pub annotations: Option<ToolAnnotations<'a>>,
    /// How the tool can be run; 2025-11-25 only.
    #[serde(
        borrow,
        default,
        deserialize_with = "crate::model::field::hint",
        skip_serializing_if = "Option::is_none"
    )]
    pub execution: Option<ToolExecution<'a>>,
    /// Pictures to show for it; since 2025-11-25.
    #[serde(
        borrow,
        default,
        deserialize_with = "crate::model::initialize::icons",
        skip_serializing_if = "Option::is_none"
    )]
    pub icons: Option<Vec<Icon<'a>>>,
    /// Metadata of the tool; since 2025-06-18.
    #[serde(
        rename = "_meta",
        borrow,
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub meta: Option<Meta<'a>>,
}

impl<'a> Tool<'a> {
    /// A tool whose arguments fit `input_schema`; see [`NO_ARGUMENTS_SCHEMA`] for one without any.
    pub fn new(name: impl Into<Text<'a>>, input_schema: Raw<'a>) -> Self {
        Self {
            name: name.into(),
            title: None,
            description: None,
            input_schema,
            output_schema: None,
            annotations: None,
            execution: None,
            icons: None,
            meta: None,
        }
    }

    /// The name to show: `title`, else the annotations' title, else `name` (`data.name.title`).
    pub fn display_name(&self) -> &str {
        let annotated = self
            .annotations
            .as_ref()
            .and_then(|hints| hints.title.as_ref());
        self.title.as_ref().or(annotated).unwrap_or(&self.name)
    }

    /// Whether the input schema is an object with `"type":"object"`, as every revision asks.
    pub fn has_object_input_schema(&self) -> bool {
        is_object_schema(&self.input_schema)
    }

    /// Whether the output schema, if there is one, has `"type":"object"`, as 2025-06-18 and
    /// 2025-11-25 ask; 2026-07-28 takes any schema.
    pub fn has_object_output_schema(&self) -> bool {
        self.output_schema.as_ref().is_none_or(is_object_schema)
    }
}

fn is_object_schema(schema: &Raw<'_>) -> bool {
    #[derive(Deserialize)]
    struct Root<'a> {
        #[serde(rename = "type", borrow)]
        kind: Text<'a>,
    }

    schema.is_object()
        && schema
            .decode::<Root<'_>>()
            .is_ok_and(|root| root.kind == "object")
}

/// Whether `name` is one to 128 characters of `A-Z a-z 0-9 _ . -`, as the specification advises.
///
/// A name that isn't works nevertheless, but some peers and model APIs refuse it.
pub fn is_conforming_tool_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    (1..=128).contains(&name.len()) && name.bytes().all(allowed)
}

open_struct! {
    /// Hints about how a tool behaves. Nothing may rest on them unless the server is trusted.
    ToolAnnotations {
        /// The name for people; `Tool::title` outranks it.
        title: Text<'a> = "title",
        /// Whether the tool changes nothing.
        read_only_hint: bool = "readOnlyHint",
        /// Whether the tool may destroy something.
        destructive_hint: bool = "destructiveHint",
        /// Whether a repeated call with the same arguments changes nothing more.
        idempotent_hint: bool = "idempotentHint",
        /// Whether the tool deals with things outside a closed world, such as the web.
        open_world_hint: bool = "openWorldHint",
    }
}

impl ToolAnnotations<'_> {
    /// `read_only_hint`, by default false.
    pub fn read_only(&self) -> bool {
        self.read_only_hint.unwrap_or(false)
    }

    /// `destructive_hint`, by default true.
    pub fn destructive(&self) -> bool {
        self.destructive_hint.unwrap_or(true)
    }

    /// `idempotent_hint`, by default false.
    pub fn idempotent(&self) -> bool {
        self.idempotent_hint.unwrap_or(false)
    }

    /// `open_world_hint`, by default true.
    pub fn open_world(&self) -> bool {
        self.open_world_hint.unwrap_or(true)
    }
}

/// How a tool can be run; 2025-11-25 only.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ToolExecution<'a> {
    /// Whether a call may or must run as a task; absent means it must not.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub task_support: Option<TaskSupport<'a>>,
}

impl ToolExecution<'_> {
    /// Nothing set.
    pub fn new() -> Self {
        Self::default()
    }
}

open_enum! {
    /// Whether a tool's call may or must run as a task.
    TaskSupport {
        /// It must not; what counts when nothing is said.
        Forbidden = "forbidden",
        /// It may.
        Optional = "optional",
        /// It must.
        Required = "required",
    }
}

/// The result of `tools/list`: one page of tools.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[serde(rename(serialize = "mcp_proto::ListToolsResult"))]
#[non_exhaustive]
pub struct ListToolsResult<'a> {
    /// The tools of this page.
    #[serde(borrow)]
    pub tools: List<'a, Tool<'a>>,
    /// The cursor of the next page; `None` when this is the last.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<Text<'a>>,
    /// For how many milliseconds the result stays fresh; since 2026-07-28.
    #[serde(
        default,
        deserialize_with = "crate::model::field::integer",
        serialize_with = "crate::model::field::lifetime",
        skip_serializing_if = "Option::is_none"
    )]
    pub ttl_ms: Option<i64>,
    /// Who may be given a cached copy; since 2026-07-28.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub cache_scope: Option<CacheScope<'a>>,
    /// Metadata of the result.
    #[serde(
        rename = "_meta",
        borrow,
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub meta: Option<Meta<'a>>,
}

impl<'a> ListToolsResult<'a> {
    /// The last page, with these tools.
    pub fn new(tools: Vec<Tool<'a>>) -> Self {
        Self {
            tools: tools.into(),
            ..Self::default()
        }
    }
}

/// The parameters of `tools/call`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[serde(rename(serialize = "mcp_proto::CallToolParams"))]
#[non_exhaustive]
pub struct CallToolParams<'a> {
    /// The tool's name.
    #[serde(borrow)]
    pub name: Text<'a>,
    /// The arguments, an object; what is no object is refused on decoding.
    #[serde(
        borrow,
        default,
        deserialize_with = "crate::model::field::object",
        skip_serializing_if = "Option::is_none"
    )]
    pub arguments: Option<Raw<'a>>,
    /// Asks for the call to run as a task; 2025-11-25 only.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub task: Option<Raw<'a>>,
    /// The answers to what the previous round asked for; since 2026-07-28.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub input_responses: Option<Raw<'a>>,
    /// The server's state, echoed from the previous round; since 2026-07-28.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub request_state: Option<RequestState<'a>>,
    /// Metadata of the request.
    #[serde(
        rename = "_meta",
        borrow,
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub meta: Option<Meta<'a>>,
}

impl<'a> CallToolParams<'a> {
    /// A call without arguments.
    pub fn new(name: impl Into<Text<'a>>) -> Self {
        Self {
            name: name.into(),
            arguments: None,
            task: None,
            input_responses: None,
            request_state: None,
            meta: None,
        }
    }

    /// The params by their members, when all are as they should be.
    pub(crate) fn found(found: &Found<'a>) -> Option<Self> {
        Some(Self {
            name: found.text(Member::Name)?,
            arguments: found.object(Member::Arguments)?,
            task: None,
            input_responses: None,
            request_state: None,
            meta: found.object(Member::Meta)?.and_then(Meta::from_raw),
        })
    }
}

/// The result of `tools/call`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[serde(rename(serialize = "mcp_proto::CallToolResult"))]
#[non_exhaustive]
pub struct CallToolResult<'a> {
    /// What the tool says. Some servers leave it out, which reads as empty.
    #[serde(borrow, default, deserialize_with = "crate::model::field::list")]
    pub content: Vec<ContentBlock<'a>>,
    /// The result as JSON; since 2025-06-18 an object, since 2026-07-28 any value. A `null` that
    /// is there is [`Raw::NULL`], not `None`.
    #[serde(
        borrow,
        default,
        deserialize_with = "crate::model::field::present",
        skip_serializing_if = "Option::is_none"
    )]
    pub structured_content: Option<Raw<'a>>,
    /// Whether the tool failed; see [`CallToolResult::failed`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_error: Option<bool>,
    /// Metadata of the result.
    #[serde(
        rename = "_meta",
        borrow,
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub meta: Option<Meta<'a>>,
}

impl<'a> CallToolResult<'a> {
    /// A success that says `content`.
    pub fn new(content: Vec<ContentBlock<'a>>) -> Self {
        Self {
            content,
            ..Self::default()
        }
    }

    /// A success that says one text.
    pub fn text(text: impl Into<Text<'a>>) -> Self {
        Self::new(vec![ContentBlock::text(text)])
    }

    /// A failure of the tool itself, for the model to read.
    pub fn error(text: impl Into<Text<'a>>) -> Self {
        Self {
            is_error: Some(true),
            ..Self::text(text)
        }
    }

    /// A success whose result is `value`, as structured content and, for peers that look at text
    /// only, as a text block with the same JSON (`tools.struct.text`). Errs when its `Serialize` does.
    pub fn structured<T: Serialize + ?Sized>(value: &T) -> Result<Self, serde_json::Error> {
        let raw = Raw::encode(value)?;
        let text = Text::from(raw.as_str()).into_owned();
        Ok(Self {
            structured_content: Some(raw),
            ..Self::text(text)
        })
    }

    /// The result by its members, when all are as they should be.
    pub(crate) fn found(found: &Found<'a>) -> Option<Self> {
        let content = match found.json(Member::Content)? {
            "" => Vec::new(),
            content => content::read_blocks(content)?,
        };
        Some(Self {
            content,
            structured_content: found.raw(Member::StructuredContent),
            is_error: match found.json(Member::IsError)? {
                "" => None,
                "false" => Some(false),
                "true" => Some(true),
                _ => return None,
            },
            meta: found.object(Member::Meta)?.and_then(Meta::from_raw),
        })
    }

    /// Whether the tool failed; absent means it didn't.
    pub fn failed(&self) -> bool {
        self.is_error.unwrap_or(false)
    }
}

cache_hints!(ListToolsResult);

setters! {
    Tool {
        title: Text<'a>, description: Text<'a>, output_schema: Raw<'a>,
        annotations: ToolAnnotations<'a>, execution: ToolExecution<'a>, icons: Vec<Icon<'a>>,
        meta: Meta<'a>,
    }
    ToolExecution { task_support: TaskSupport<'a> }
    ListToolsResult {
        next_cursor: Text<'a>, ttl_ms: i64, cache_scope: CacheScope<'a>, meta: Meta<'a>,
    }
    CallToolParams {
        arguments: Raw<'a>, task: Raw<'a>, input_responses: Raw<'a>, request_state: RequestState<'a>,
        meta: Meta<'a>,
    }
    CallToolResult { structured_content: Raw<'a>, is_error: bool, meta: Meta<'a> }
}

into_owned! {
    Tool {
        name, title, description, input_schema, output_schema, annotations, execution, icons, meta,
    }
    ToolExecution { task_support }
    ListToolsResult { tools, next_cursor, ttl_ms, cache_scope, meta }
    CallToolParams { name, arguments, task, input_responses, request_state, meta }
    CallToolResult { content, structured_content, is_error, meta }
}
