//! Tools: their definition, listing and calls (`tools/list`, `tools/call`).

use alloc::string::String;
use alloc::vec::Vec;

use serde::Serialize;

use crate::model::blocks::ContentBlocks;
use crate::model::content::ContentBlock;
use crate::model::encode::downgrade::keep_object;
use crate::model::encode::downgrade::keep_object_schema;
use crate::model::field::{Lifetime, open_enum};
use crate::model::initialize::Icon;
use crate::model::list::{Element, List, once};
use crate::model::members::ScannedBody;
use crate::model::meta::Meta;
use crate::model::open_object::open_struct;
pub use crate::model::page::PaginatedRequestParams as ListToolsParams;
use crate::model::page::{CacheScope, cache_hints, page_from_scan};
use crate::model::state::RequestState;
use crate::model::wire_type::wire_type;
use crate::named::named;
use crate::rpc::{GoodJson, JsonError, Raw, Text};

/// The input schema of a tool that takes no arguments.
pub const NO_ARGUMENTS_SCHEMA: Raw<'static> =
    Raw::constant(r#"{"type":"object","properties":{},"additionalProperties":false}"#);

wire_type! {
    /// A tool that a server offers.
    #[derive(Debug)]
    pub struct Tool<'a> {
        /// The name for programs, unique on its server; see [`is_conforming_tool_name`].
        name: Text<'a>,
        /// The name for people; since 2025-06-18. See [`Tool::display_name`].
        title?: Text<'a> [since(V2025_06_18)],
        /// What the tool does, for models.
        description?: Text<'a>,
        /// The JSON Schema of the arguments; its root has `"type":"object"`.
        input_schema as "inputSchema": Raw<'a>,
        /// The JSON Schema of the structured result, if there is one; since 2025-06-18.
        output_schema? as "outputSchema": Raw<'a> [since(V2025_06_18), structured(), rewritten_before(V2026_07_28, keep_object_schema)],
        /// Hints about how the tool behaves; since 2025-03-26. Not to be trusted.
        #[read(crate::model::field::hint)]
        annotations?: ToolAnnotations<'a> [since(V2025_03_26)],
        /// How the tool can be run; 2025-11-25 only.
        #[read(crate::model::field::hint)]
        execution?: ToolExecution<'a> [only(V2025_11_25)],
        /// Pictures to show for it; since 2025-11-25.
        #[read(crate::model::initialize::icons)]
        icons?: Vec<Icon<'a>> [since(V2025_11_25)],
        /// Metadata of the tool; since 2025-06-18.
        meta? as "_meta": Meta<'a> [since(V2025_06_18)],
    }

    /// Creates a tool whose arguments fit `input_schema`; see [`NO_ARGUMENTS_SCHEMA`] for one
    /// without any.
    pub fn new(name: impl Into<Text<'a>>, input_schema: Raw<'a>);
}

impl<'a> Element<'a> for Tool<'a> {
    fn read_next(reader: &mut GoodJson<'a>) -> Option<Self> {
        let (mut name, mut schema) = (None, None);
        let mut tool = Self::new("", NO_ARGUMENTS_SCHEMA);
        reader.object()?;
        while let Some(key) = reader.key()? {
            match key.as_str() {
                "name" => once(&mut name, reader.text()?)?,
                "title" => once(&mut tool.title, reader.text()?)?,
                "description" => once(&mut tool.description, reader.text()?)?,
                "inputSchema" => once(&mut schema, object(reader)?)?,
                "outputSchema" => once(&mut tool.output_schema, object(reader)?)?,
                "annotations" => {
                    let hints = serde_json::from_str(reader.value()?).ok()?;
                    once(&mut tool.annotations, hints)?;
                }
                "_meta" => once(&mut tool.meta, Meta::from_raw(object(reader)?)?)?,
                // What is rare is for `Deserialize`.
                "execution" | "icons" => return None,
                _ => drop(reader.value()?),
            }
        }
        tool.name = name?;
        tool.input_schema = schema?;
        Some(tool)
    }
}

/// The object that comes next.
fn object<'a>(reader: &mut GoodJson<'a>) -> Option<Raw<'a>> {
    let json = reader.value()?;
    json.starts_with('{').then(|| Raw::constant(json))
}

/// A tool of this name that takes no arguments.
impl<'a> From<&'a str> for Tool<'a> {
    fn from(name: &'a str) -> Self {
        Self::new(name, NO_ARGUMENTS_SCHEMA)
    }
}

/// A tool of this name that takes no arguments.
impl From<String> for Tool<'_> {
    fn from(name: String) -> Self {
        Self::new(name, NO_ARGUMENTS_SCHEMA)
    }
}

/// Setters of single [`annotations`](Tool::annotations).
macro_rules! hints {
    ($($(#[doc = $doc:literal])* $hint:ident;)*) => {
        impl Tool<'_> { $(
            $(#[doc = $doc])*
            #[must_use]
            pub fn $hint(mut self, $hint: bool) -> Self {
                self.annotations.get_or_insert_default().$hint = Some($hint);
                self
            }
        )* }
    };
}

hints! {
    /// Says in the annotations whether the tool changes nothing; `false` where nothing is said.
    read_only_hint;
    /// Says in the annotations whether the tool may destroy something; `true` where nothing is said.
    destructive_hint;
    /// Says in the annotations whether a repeated call with the same arguments changes nothing more;
    /// `false` where nothing is said.
    idempotent_hint;
    /// Says in the annotations whether the tool deals with things outside a closed world, such as
    /// the web; `true` where nothing is said.
    open_world_hint;
}

impl<'a> Tool<'a> {
    /// Returns the name to show: `title`, else the annotations' title, else `name`.
    // `data.name.title`
    pub fn display_name(&self) -> &str {
        let annotated = self
            .annotations
            .as_ref()
            .and_then(|hints| hints.title.as_ref());
        self.title.as_ref().or(annotated).unwrap_or(&self.name)
    }

    /// Says whether calls of the tool may or must run as tasks, which a server with
    /// [tasks](crate::Server::tasks) heeds in every revision; clients see it in 2025-11-25 alone.
    #[must_use]
    pub fn task_support(mut self, support: TaskSupport<'a>) -> Self {
        self.execution.get_or_insert_default().task_support = Some(support);
        self
    }

    /// Returns whether the input schema is an object with `"type":"object"`, as every revision
    /// asks.
    pub fn has_object_input_schema(&self) -> bool {
        is_object_schema(&self.input_schema)
    }

    /// Returns whether the output schema, if there is one, has `"type":"object"`, as 2025-06-18 and
    /// 2025-11-25 ask; 2026-07-28 takes any schema.
    pub fn has_object_output_schema(&self) -> bool {
        self.output_schema.as_ref().is_none_or(is_object_schema)
    }
}

fn is_object_schema(schema: &Raw<'_>) -> bool {
    struct Root<'a> {
        kind: Text<'a>,
    }
    named! { read struct Root<'a> { kind = "type" } }

    schema.is_object()
        && schema
            .decode::<Root<'_>>()
            .is_ok_and(|root| root.kind == "object")
}

/// Returns whether `name` is one to 128 characters of `A-Z a-z 0-9 _ . -`, as the specification
/// advises.
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
    /// Returns `read_only_hint`, by default false.
    pub fn read_only(&self) -> bool {
        self.read_only_hint.unwrap_or(false)
    }

    /// Returns `destructive_hint`, by default true.
    pub fn destructive(&self) -> bool {
        self.destructive_hint.unwrap_or(true)
    }

    /// Returns `idempotent_hint`, by default false.
    pub fn idempotent(&self) -> bool {
        self.idempotent_hint.unwrap_or(false)
    }

    /// Returns `open_world_hint`, by default true.
    pub fn open_world(&self) -> bool {
        self.open_world_hint.unwrap_or(true)
    }
}

wire_type! {
    /// How a tool can be run; 2025-11-25 only.
    #[derive(Debug, Default)]
    pub struct ToolExecution<'a> {
        /// Whether a call may or must run as a task; absent means it must not.
        task_support? as "taskSupport": TaskSupport<'a>,
    }

    /// Creates annotations with nothing set.
    pub fn new();
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

wire_type! {
    /// The result of `tools/list`: one page of tools.
    #[derive(Debug, Default)]
    pub struct ListToolsResult<'a> {
        /// The tools of this page.
        tools: List<'a, Tool<'a>>,
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

    /// Returns the last page, with these tools.
    pub fn new(tools: Vec<Tool<'a>>);
}

wire_type! {
    /// The parameters of `tools/call`.
    #[derive(Debug)]
    pub struct CallToolParams<'a> {
        /// The tool's name.
        name: Text<'a>,
        /// The arguments, an object; what is no object is refused on decoding.
        #[read(crate::model::field::object)]
        arguments?: Raw<'a>,
        /// Asks for the call to run as a task; 2025-11-25 only.
        task?: Raw<'a> [only(V2025_11_25)],
        /// The answers to what the previous round asked for; since 2026-07-28.
        input_responses? as "inputResponses": Raw<'a> [since(V2026_07_28)],
        /// The server's state, echoed from the previous round; since 2026-07-28.
        request_state? as "requestState": RequestState<'a> [since(V2026_07_28)],
        /// Metadata of the request.
        meta? as "_meta": Meta<'a>,
    }

    /// Creates a call without arguments.
    pub fn new(name: impl Into<Text<'a>>);
}

impl<'a> CallToolParams<'a> {
    /// The params by their members, when all are as they should be.
    pub(crate) fn from_scan(body: ScannedBody<'a>) -> Option<Self> {
        Some(Self {
            name: body.name()?,
            arguments: body.arguments()?,
            task: None,
            input_responses: None,
            request_state: None,
            meta: body.meta()?.and_then(Meta::from_raw),
        })
    }
}

wire_type! {
    /// The result of `tools/call`.
    #[derive(Debug, Default)]
    pub struct CallToolResult<'a> {
        /// What the tool says. Some servers leave it out, which reads as empty.
        content: ContentBlocks<'a> [or empty],
        /// The result as JSON; since 2025-06-18 an object, since 2026-07-28 any value. A `null`
        /// that is there is [`Raw::NULL`], not `None`.
        #[read(crate::model::field::present)]
        structured_content? as "structuredContent": Raw<'a> [since(V2025_06_18), structured(), rewritten_before(V2026_07_28, keep_object)],
        /// Whether the tool failed; see [`CallToolResult::failed`].
        is_error? as "isError": bool,
        /// Metadata of the result.
        meta? as "_meta": Meta<'a>,
    }

    /// Creates a success that says `content`.
    pub fn new(content: impl Into<ContentBlocks<'a>>);
}

impl<'a> CallToolResult<'a> {
    /// Returns a success that says one text.
    pub fn text(text: impl Into<Text<'a>>) -> Self {
        Self::new(ContentBlock::text(text))
    }

    /// Returns a failure of the tool itself, for the model to read.
    pub fn error(text: impl Into<Text<'a>>) -> Self {
        Self {
            is_error: Some(true),
            ..Self::text(text)
        }
    }

    /// Returns a success whose result is `value`, as structured content and, for peers that look at
    /// text only, as a text block with the same JSON. Returns an error if its `Serialize` does.
    // `tools.struct.text`
    pub fn structured<T: Serialize + ?Sized>(value: &T) -> Result<Self, JsonError> {
        let raw = Raw::encode(value)?;
        let text = Text::from(raw.as_str()).into_owned();
        Ok(Self {
            structured_content: Some(raw),
            ..Self::text(text)
        })
    }

    /// The result by its members, when all are as they should be.
    pub(crate) fn from_scan(body: ScannedBody<'a>) -> Option<Self> {
        let content = body.content()?;
        let structured_content = body.structured_content()?;
        let is_error = match body.is_error()? {
            "" => None,
            "false" => Some(false),
            "true" => Some(true),
            _ => return None,
        };
        let meta = body.meta()?.and_then(Meta::from_raw);
        // Most results are made where they go, which spares copies of them.
        if let Some(text) = ContentBlocks::plain_text(content) {
            return Some(Self {
                content: ContentBlock::text(text).into(),
                structured_content,
                is_error,
                meta,
            });
        }
        Some(Self {
            content: match content {
                "" => ContentBlocks::new(),
                content => ContentBlocks::read(content)?,
            },
            structured_content,
            is_error,
            meta,
        })
    }

    /// Returns whether the tool failed; absent means it didn't.
    pub fn failed(&self) -> bool {
        self.is_error.unwrap_or(false)
    }
}

cache_hints!(ListToolsResult);
page_from_scan!(ListToolsResult { tools as "tools" });

#[cfg(test)]
mod tests {
    use super::*;

    /// What a tool's members may be, good and bad.
    const MEMBERS: [&str; 22] = [
        r#""name":"a""#,
        r#""name":"\u0061\n""#,
        r#""n\u0061me" : "b""#,
        r#""name":7"#,
        r#""title":"t""#,
        r#""title":null"#,
        r#""description":"d \"q\" é""#,
        r#""description":["d"]"#,
        r#""inputSchema":{"type":"object","a":["}",{"\"":1}]}"#,
        r#""inputSchema" : true"#,
        r#""inputSchema":null"#,
        r#""outputSchema":{}"#,
        r#""outputSchema":null"#,
        r#""annotations":{"title":"x","readOnlyHint":true}"#,
        r#""annotations":{"readOnlyHint":3}"#,
        r#""annotations":null"#,
        r#""execution":{"taskSupport":"optional"}"#,
        r#""icons":[{"src":"s"},4]"#,
        r#""_meta":{"k":[1]}"#,
        r#""_meta":2"#,
        r#""other":[{"name":"c"}]"#,
        r#""":"""#,
    ];

    #[test]
    fn a_tool_that_is_read_at_once_is_what_serde_reads() {
        let required = [MEMBERS[0], MEMBERS[8]];
        let mut read = 0;
        for one in MEMBERS {
            for other in MEMBERS {
                for members in [[one, other, "", ""], [one, other, required[0], required[1]]] {
                    let members = members.into_iter().filter(|member| !member.is_empty());
                    let members: Vec<&str> = members.collect();
                    let json = alloc::format!(" {{ {} }} ", members.join(" ,\n"));
                    let expected = serde_json::from_str::<Tool<'_>>(&json).ok();
                    let mut reader = GoodJson::new(&json);
                    let tool = Tool::read_next(&mut reader);
                    read += usize::from(tool.is_some());
                    assert!(
                        tool.is_none() || tool == expected,
                        "{json}: {tool:?} {expected:?}"
                    );
                }
            }
        }
        assert!(read > 50, "{read}");
    }
}
