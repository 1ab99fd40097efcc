//! What a tool has to be like before it is offered, and what its calls are checked against.

use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::sync::Arc;
use core::fmt;

use crate::model::owned::IntoOwned;
use crate::model::tool::{CallToolResult, TaskSupport, Tool};
use crate::model::validation::{self, CompiledSchema, SchemaError, Validator};
use crate::rpc::{Raw, RpcError, Source, Whole};

/// Why a server can't be served as it is defined. `Debug` shows it as `Display` does, since that is
/// what a `main` that returns it prints.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum DefinitionError {
    /// The tool's input schema isn't an object with `"type":"object"`: add that, or take
    /// [`NO_ARGUMENTS_SCHEMA`](crate::model::tool::NO_ARGUMENTS_SCHEMA).
    // `tools.def.inputschema`
    InputSchema(Box<str>),
    /// The tool's output schema is neither an object nor a boolean: correct it.
    OutputSchema(Box<str>),
    /// Two definitions have the same name, and only one of them could be found: rename one.
    Duplicate {
        /// What they are: a tool, a resource, a resource template, a prompt or a completion.
        kind: &'static str,
        /// Their name or URI.
        name: Box<str>,
    },
    /// A name that not all clients and models take: choose one of 1 to 128 ASCII letters, digits
    /// and `_-./`.
    Name {
        /// What it is: a tool or a prompt.
        kind: &'static str,
        /// Its name.
        name: Box<str>,
    },
    /// A resource template can't be matched, for the reason inside: correct it.
    Template {
        /// Its text.
        template: Box<str>,
        /// What is wrong.
        error: super::TemplateError,
    },
    /// The handler of a resource template reads a variable that the template doesn't have.
    Variable {
        /// Its text.
        template: Box<str>,
        /// The name that is missing.
        variable: Box<str>,
    },
    /// Scopes are needed for something that isn't offered, so they would protect nothing: correct the name.
    Unknown {
        /// What it would be: a tool, a resource or a prompt.
        kind: &'static str,
        /// The name, the URI or the template's text.
        name: Box<str>,
    },
    /// One of the scopes that something needs is no scope: 1 to 256 visible ASCII characters without
    /// quotes and backslashes. There may be 256.
    Scopes {
        /// What needs them: a tool, a resource or a prompt.
        kind: &'static str,
        /// Its name, its URI or its text.
        name: Box<str>,
    },
    /// A server that keeps nothing between two requests needs a seal for what a handler's next
    /// round has to know.
    NoSeal,
    /// None of the server's revisions is stateless: allow 2026-07-28.
    NotStateless,
    /// The tool has to run as a task, and nothing runs tasks: give the server
    /// [tasks](super::Server::tasks), or let calls run as they are. Servers without state have none.
    NoTasks {
        /// The tool's name.
        tool: Box<str>,
    },
    /// The skill can't be offered, for the reason inside: correct it.
    #[cfg(feature = "skills")]
    Skill {
        /// The URI of its SKILL.md.
        uri: Box<str>,
        /// What is wrong.
        error: crate::model::skill::SkillError,
    },
    /// The server's validator refuses one of its schemas, for the reason inside: correct it.
    Schema {
        /// The tool's name.
        tool: Box<str>,
        /// What is wrong.
        error: SchemaError,
    },
}

impl fmt::Display for DefinitionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InputSchema(tool) => write!(
                f,
                "the input schema of the tool {tool} has no \"type\":\"object\" at its root"
            ),
            Self::OutputSchema(tool) => write!(
                f,
                "the output schema of the tool {tool} is neither an object nor a boolean"
            ),
            Self::Duplicate { kind, name } => write!(f, "there are two {kind}s that go by {name}"),
            Self::Name { kind, name } => write!(
                f,
                "the {kind} can't be called {name:?}: \
                 a name has 1 to 128 letters, digits and any of _-./"
            ),
            Self::Template { template, error } => write!(
                f,
                "the resource template {template} can't be matched: {error}"
            ),
            Self::Variable { template, variable } => write!(
                f,
                "the resource template {template} has no variable {variable}, \
                 which its handler reads"
            ),
            Self::Unknown { kind, name } => write!(
                f,
                "there is no {kind} that goes by {name}, for which scopes are needed"
            ),
            Self::Scopes { kind, name } => {
                write!(f, "the scopes that the {kind} {name} needs can't be scopes")
            }
            Self::NoSeal => f.write_str(
                "nothing guards the state of unfinished requests: give the server a `seal` \
                 (feature `seal`) or say `unsealed_state`",
            ),
            Self::NotStateless => {
                f.write_str("none of the server's revisions has requests that stand alone")
            }
            Self::NoTasks { tool } => write!(
                f,
                "the tool {tool} has to run as a task, and the server has none"
            ),
            #[cfg(feature = "skills")]
            Self::Skill { uri, error } => write!(f, "the skill {uri} can't be offered: {error}"),
            Self::Schema { tool, error } => {
                write!(f, "a schema of the tool {tool} can't be used: {error}")
            }
        }
    }
}

impl core::error::Error for DefinitionError {}

impl fmt::Debug for DefinitionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A tool and what its calls are checked against.
#[derive(Clone)]
pub(super) struct ToolDefinition {
    pub(super) tool: Tool<'static>,
    pub(super) input: Option<Arc<dyn CompiledSchema>>,
    pub(super) output: Option<Arc<dyn CompiledSchema>>,
}

impl ToolDefinition {
    /// Returns an error if the tool can't be offered.
    pub(super) fn new(
        tool: Tool<'static>,
        validator: Option<&dyn Validator>,
    ) -> Result<Self, DefinitionError> {
        let name = || Box::from(tool.name.as_str());
        if !tool.has_object_input_schema() {
            return Err(DefinitionError::InputSchema(name()));
        }
        let output = tool.output_schema.as_ref();
        if !output.is_none_or(|schema| schema.is_object() || is_boolean(schema)) {
            return Err(DefinitionError::OutputSchema(name()));
        }
        let compile = |schema: &Raw<'_>| match validator {
            None => Ok(None),
            Some(validator) => match validator.compile(schema) {
                Ok(compiled) => Ok(Some(compiled)),
                Err(error) => Err(DefinitionError::Schema {
                    tool: name(),
                    error,
                }),
            },
        };
        Ok(Self {
            input: compile(&tool.input_schema)?,
            output: output.map_or(Ok(None), compile)?,
            tool: shared(tool),
        })
    }
}

/// Whether calls of a tool run as tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Support {
    Never,
    May,
    Must,
}

impl ToolDefinition {
    /// Whether calls of the tool run as tasks, as it says itself.
    pub(super) fn task_support(&self) -> Support {
        let execution = self.tool.execution.as_ref();
        match execution.and_then(|execution| execution.task_support.as_ref()) {
            Some(TaskSupport::Optional) => Support::May,
            Some(TaskSupport::Required) => Support::Must,
            _ => Support::Never,
        }
    }
}

/// The same tool in one text that its clones share, since each list that is answered has one.
fn shared(tool: Tool<'static>) -> Tool<'static> {
    let Ok(json) = Raw::encode(&tool) else {
        return tool;
    };
    let whole = Whole::from(Arc::new(json.as_str().to_string()));
    let read = serde_json::from_str::<Tool<'_>>(&whole);
    let read = read.map(|read| read.owned_from(Source::of(Some(&whole))));
    read.ok().filter(|read| *read == tool).unwrap_or(tool)
}

/// Whether a tool or a prompt can have this name.
pub(super) fn is_good_name(name: &str) -> bool {
    let is_good = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./".contains(&byte);
    (1..=128).contains(&name.len()) && name.bytes().all(is_good)
}

fn is_boolean(schema: &Raw<'_>) -> bool {
    matches!(schema.as_str().trim(), "true" | "false")
}

/// Returns the error to answer with if a result breaks the promise of its tool.
pub(super) fn check_output(
    schema: &dyn CompiledSchema,
    result: &CallToolResult<'_>,
) -> Result<(), RpcError> {
    validation::check_output(schema, result).map_err(|violation| {
        RpcError::internal(alloc::format!(
            "The result doesn't fit the tool's output schema: {violation}"
        ))
    })
}
