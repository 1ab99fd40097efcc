//! The rules themselves, struct by struct. Structs that no revision changes have none.
//! They follow the `schema.json` of the five revisions.

use alloc::vec::Vec;

use super::Older::{Refused, Replaced};
use super::{FieldRule, StructRules, block, form};
use crate::Revision;
use crate::model::capability::{ClientCapabilities, ServerCapabilities};
use crate::model::encode::{EncodeError, encode_value};
use crate::rpc::member_of;

const A: Revision = Revision::V2024_11_05;
const B: Revision = Revision::V2025_03_26;
const C: Revision = Revision::V2025_06_18;
const D: Revision = Revision::V2025_11_25;
const E: Revision = Revision::V2026_07_28;

/// A field that the revisions from `since` to `until` know.
const fn between(since: Revision, until: Revision, name: &'static str) -> FieldRule {
    FieldRule {
        name,
        since,
        until,
        reshape: None,
    }
}

const fn since(since: Revision, name: &'static str) -> FieldRule {
    between(since, E, name)
}

const fn always(name: &'static str) -> FieldRule {
    between(A, E, name)
}

static META_SINCE_C: StructRules = StructRules::new(&[since(C, "_meta")]);
static TITLE_SINCE_C: StructRules = StructRules::new(&[since(C, "title")]);
static META_UNTIL_D: StructRules = StructRules::new(&[between(A, D, "_meta")]);
static TITLED: StructRules =
    StructRules::new(&[since(C, "title"), since(D, "icons"), since(C, "_meta")]);
static RESULT: StructRules = StructRules::new(&[since(E, "resultType")]);
static CACHEABLE: StructRules = StructRules::new(&[
    since(E, "resultType"),
    since(E, "ttlMs"),
    since(E, "cacheScope"),
]);
static RETRIED: StructRules =
    StructRules::new(&[since(E, "inputResponses"), since(E, "requestState")]);

/// `tools.def.fields`, `tools.def.schema.keywords`
static TOOL: StructRules = StructRules::new(&[
    since(C, "title"),
    since(C, "outputSchema").reshaped_before(E, keep_object_schema),
    since(B, "annotations"),
    between(D, D, "execution"),
    since(D, "icons"),
    since(C, "_meta"),
]);
static CALL_TOOL_PARAMS: StructRules = StructRules::new(&[
    between(D, D, "task"),
    since(E, "inputResponses"),
    since(E, "requestState"),
]);
/// `tools.struct.obj`
static CALL_TOOL_RESULT: StructRules = StructRules::new(&[
    since(C, "structuredContent").reshaped_before(E, keep_object),
    since(E, "resultType"),
]);
static IMPLEMENTATION: StructRules = StructRules::new(&[
    since(C, "title"),
    since(D, "description"),
    since(D, "icons"),
    since(D, "websiteUrl"),
]);
static INITIALIZE_PARAMS: StructRules =
    StructRules::new(&[always("capabilities").reshaped(client_capabilities)]);
static INITIALIZE_RESULT: StructRules =
    StructRules::new(&[always("capabilities").reshaped(server_capabilities)]);
static DISCOVER_RESULT: StructRules =
    StructRules::new(&[always("capabilities").reshaped(server_capabilities)])
        .since(E, Refused("a discovery result"));
static INPUT_REQUIRED_RESULT: StructRules =
    StructRules::new(&[]).since(E, Refused("a result that asks for input"));

static ANNOTATIONS: StructRules = StructRules::new(&[since(C, "lastModified")]);
/// `data.content.kinds`
static AUDIO_CONTENT: StructRules =
    StructRules::new(&[since(C, "_meta")]).since(B, Replaced(block::audio_as_resource));
static RESOURCE_LINK: StructRules =
    StructRules::new(&[since(D, "icons")]).since(C, Replaced(block::link_as_text));
/// `sampling.noarray.old`
static TOOL_USE_CONTENT: StructRules = StructRules::new(&[]).since(D, Refused("a tool use block"));
static TOOL_RESULT_CONTENT: StructRules =
    StructRules::new(&[always("structuredContent").reshaped_before(E, keep_object)])
        .since(D, Refused("a tool result block"));

/// `sampling.msg`
static SAMPLING_MESSAGE: StructRules = StructRules::new(&[
    always("content").reshaped_before(D, block::single_block),
    since(D, "_meta"),
]);
static CREATE_MESSAGE_RESULT: StructRules =
    StructRules::new(&[always("content").reshaped_before(D, block::single_block)]);
static CREATE_MESSAGE_PARAMS: StructRules = StructRules::new(&[
    since(D, "tools"),
    since(D, "toolChoice"),
    between(D, D, "task"),
    between(A, D, "_meta"),
]);

static ELICIT_FORM: StructRules = StructRules::new(&[
    since(D, "mode"),
    always("requestedSchema").reshaped_before(D, form::old_form),
    between(D, D, "task"),
    between(A, D, "_meta"),
]);
static ELICIT_RESULT: StructRules = StructRules::new(&[
    always("content").reshaped_before(D, form::old_content),
    between(A, D, "_meta"),
]);
static ELICIT_URL: StructRules = StructRules::new(&[
    between(D, D, "elicitationId"),
    between(D, D, "task"),
    between(A, D, "_meta"),
])
.since(D, Refused("an elicitation by url"));

static COMPLETE_PARAMS: StructRules = StructRules::new(&[since(C, "context")]);
static PROGRESS_PARAMS: StructRules = StructRules::new(&[since(B, "message")]);

/// Whether some struct has a rule for a field of this name that may change it in `revision`. A
/// rule whose field is missing here doesn't compile.
// Inlined so that for a name known at compile time a comparison of revisions is all that remains.
#[inline(always)]
pub(crate) const fn may_lower(name: &str, revision: Revision) -> bool {
    match name.as_bytes() {
        b"_meta" | b"capabilities" | b"elicitationId" | b"execution" | b"task" => true,
        b"cacheScope" | b"inputResponses" | b"outputSchema" | b"requestState" | b"resultType"
        | b"structuredContent" | b"ttlMs" => !matches!(revision, E),
        b"annotations" | b"content" | b"context" | b"description" | b"icons" | b"lastModified"
        | b"message" | b"mode" | b"requestedSchema" | b"title" | b"toolChoice" | b"tools"
        | b"websiteUrl" => !matches!(revision, D | E),
        _ => false,
    }
}

/// The rules for the struct that serde calls `name`. Only types of the model bear such names: they
/// have a prefix that no `derive` gives, so a type of the user is never taken for one of them.
// Inlined so that for a name known at compile time nothing of it remains.
#[inline(always)]
pub(crate) fn rules(name: &str) -> Option<&'static StructRules> {
    Some(match name {
        "mcp_proto::Annotations" => &ANNOTATIONS,
        "mcp_proto::AudioContent" => &AUDIO_CONTENT,
        "mcp_proto::CallToolParams" => &CALL_TOOL_PARAMS,
        "mcp_proto::CallToolResult" => &CALL_TOOL_RESULT,
        "mcp_proto::CompleteParams" => &COMPLETE_PARAMS,
        "mcp_proto::CreateMessageParams" => &CREATE_MESSAGE_PARAMS,
        "mcp_proto::CreateMessageResult" => &CREATE_MESSAGE_RESULT,
        "mcp_proto::DiscoverResult" => &DISCOVER_RESULT,
        "mcp_proto::ElicitRequestFormParams" => &ELICIT_FORM,
        "mcp_proto::ElicitRequestURLParams" => &ELICIT_URL,
        "mcp_proto::ElicitResult" => &ELICIT_RESULT,
        "mcp_proto::EmptyResult" | "mcp_proto::CompleteResult" | "mcp_proto::GetPromptResult" => {
            &RESULT
        }
        "mcp_proto::GetPromptParams" | "mcp_proto::ReadResourceParams" => &RETRIED,
        "mcp_proto::Implementation" => &IMPLEMENTATION,
        "mcp_proto::InitializeParams" => &INITIALIZE_PARAMS,
        "mcp_proto::InitializeResult" => &INITIALIZE_RESULT,
        "mcp_proto::InputRequiredResult" => &INPUT_REQUIRED_RESULT,
        "mcp_proto::ListRootsResult" => &META_UNTIL_D,
        "mcp_proto::ListPromptsResult"
        | "mcp_proto::ListResourceTemplatesResult"
        | "mcp_proto::ListResourcesResult"
        | "mcp_proto::ListToolsResult"
        | "mcp_proto::ReadResourceResult" => &CACHEABLE,
        "mcp_proto::ProgressParams" => &PROGRESS_PARAMS,
        "mcp_proto::Prompt" | "mcp_proto::Resource" | "mcp_proto::ResourceTemplate" => &TITLED,
        "mcp_proto::PromptArgument" | "mcp_proto::PromptReference" => &TITLE_SINCE_C,
        "mcp_proto::ResourceLink" => &RESOURCE_LINK,
        "mcp_proto::SamplingMessage" => &SAMPLING_MESSAGE,
        "mcp_proto::TextContent"
        | "mcp_proto::ImageContent"
        | "mcp_proto::EmbeddedResource"
        | "mcp_proto::TextResourceContents"
        | "mcp_proto::BlobResourceContents"
        | "mcp_proto::Root" => &META_SINCE_C,
        "mcp_proto::Tool" => &TOOL,
        "mcp_proto::ToolResultContent" => &TOOL_RESULT_CONTENT,
        "mcp_proto::ToolUseContent" => &TOOL_USE_CONTENT,
        _ => return None,
    })
}

/// Drops a member whose value isn't an object.
fn keep_object(
    out: &mut Vec<u8>,
    member_start: usize,
    value_start: usize,
    _: Revision,
) -> Result<(), EncodeError> {
    if out.get(value_start) != Some(&b'{') {
        out.truncate(member_start);
    }
    Ok(())
}

/// Drops a schema that doesn't describe an object.
fn keep_object_schema(
    out: &mut Vec<u8>,
    member_start: usize,
    value_start: usize,
    _: Revision,
) -> Result<(), EncodeError> {
    let schema = out.get(value_start..).unwrap_or_default();
    if member_of(schema, "type") != Some(b"\"object\"") {
        out.truncate(member_start);
    }
    Ok(())
}

/// Capabilities have open members and so are written as maps: their own type lowers them.
fn client_capabilities(
    out: &mut Vec<u8>,
    _: usize,
    value_start: usize,
    revision: Revision,
) -> Result<(), EncodeError> {
    let written = out.split_off(value_start);
    let capabilities: ClientCapabilities<'_> = read(&written)?;
    encode_value(out, revision, &capabilities.for_revision(revision))
}

fn server_capabilities(
    out: &mut Vec<u8>,
    _: usize,
    value_start: usize,
    revision: Revision,
) -> Result<(), EncodeError> {
    let written = out.split_off(value_start);
    let capabilities: ServerCapabilities<'_> = read(&written)?;
    encode_value(out, revision, &capabilities.for_revision(revision))
}

fn read<'a, T: serde::Deserialize<'a>>(written: &'a [u8]) -> Result<T, EncodeError> {
    serde_json::from_slice(written).map_err(serde::ser::Error::custom)
}
