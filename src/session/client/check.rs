//! What a server may ask of a client's user, and what the user may answer.
//!
//! Rules of this file: nothing undeclared is handed to the user, and nothing that the user could not
//! see, open or answer as the protocol has it; what a server is told is what it did wrong.

use serde::Serialize;

use crate::model::capability::ClientCapabilities;
use crate::model::elicitation::ElicitParams;
use crate::model::method::SpecMethod;
use crate::model::root::{ListRootsResult, Root};
use crate::model::sampling::{CreateMessageParams, check_tool_balance, malformed_block};
use crate::revision::Revision;
use crate::rpc::{RpcError, code};

use super::super::config::ClientConfig;
use super::super::event::Body;
use super::super::misuse::{Invalid, Misuse};

/// Whether the server may ask for this: declared, well-formed, and in a form the revision has.
pub(super) fn check_input(
    config: &ClientConfig,
    method: SpecMethod,
    body: &Body,
    revision: Revision,
) -> Result<(), RpcError> {
    // What the revision has no words for was not declared.
    let declared = config.capabilities.clone().for_revision(revision);
    let capability = method.client_capability(revision);
    if !method.exists_in(revision)
        || !capability.is_some_and(|capability| capability.is_declared_by(&declared))
    {
        return Err(RpcError::new(code::METHOD_NOT_FOUND, not_supported(method)));
    }
    match method {
        SpecMethod::Elicit => check_elicitation(&declared, body),
        SpecMethod::CreateMessage => check_sampling(&declared, body, revision),
        _ => Ok(()),
    }
}

/// A root has to be a file or a directory (`roots.uri`).
pub(super) fn check_roots<T: Serialize>(result: &T) -> Result<(), Misuse> {
    let written = serde_json::to_string(result).unwrap_or_default();
    let listed = serde_json::from_str::<ListRootsResult<'_>>(&written);
    match listed {
        Ok(listed)
            if listed.roots.skipped().is_empty() && listed.roots.iter().all(Root::is_file_uri) =>
        {
            Ok(())
        }
        _ => Err(Misuse::Invalid(Invalid::RootUri)),
    }
}

/// The answer to a server that asks for something undeclared (`caps.undeclared.method`).
fn not_supported(method: SpecMethod) -> &'static str {
    match method {
        SpecMethod::CreateMessage => "Sampling not supported",
        SpecMethod::Elicit => "Elicitation not supported",
        SpecMethod::ListRoots => "List roots not supported",
        _ => "Method not found",
    }
}

/// The mode has to be one that was declared (`elicit.mode.unsupported`), and what the user would
/// see one that a server may send: a form of primitive fields, a URL that is opened in a browser.
fn check_elicitation(declared: &ClientCapabilities<'_>, body: &Body) -> Result<(), RpcError> {
    let params = body.decode::<ElicitParams<'_>>().map_err(RpcError::from)?;
    let (supported, offence) = match &params {
        ElicitParams::Form(form) if !form.requested_schema.is_flat() => (
            declared.supports_form(),
            Some("Invalid params: a form whose fields are not all primitive"),
        ),
        ElicitParams::Url(url) if !url.has_valid_url() => (
            declared.supports_url(),
            Some("Invalid params: a URL that can't be opened"),
        ),
        ElicitParams::Form(_) => (declared.supports_form(), None),
        ElicitParams::Url(_) => (declared.supports_url(), None),
        _ => (false, None),
    };
    match offence.filter(|_| supported) {
        Some(offence) => Err(RpcError::invalid_params(offence)),
        None if supported => Ok(()),
        None => Err(RpcError::invalid_params(
            "Invalid params: an elicitation mode that was not declared",
        )),
    }
}

/// Tools need to have been declared, and their uses to be answered one by one
/// (`sampling.tools.reject`, `sampling.err.balance`).
fn check_sampling(
    declared: &ClientCapabilities<'_>,
    body: &Body,
    revision: Revision,
) -> Result<(), RpcError> {
    let params = body
        .decode::<CreateMessageParams<'_>>()
        .map_err(RpcError::from)?;
    if let Some((index, unreadable)) = malformed_block(&params.messages) {
        let text = alloc::format!("Invalid params: {unreadable} in messages[{index}].content");
        return Err(RpcError::invalid_params(text));
    }
    let wants_tools = params.tools.is_some() || params.tool_choice.is_some();
    let has_tools = declared
        .sampling
        .as_ref()
        .is_some_and(|sampling| sampling.tools.is_some());
    if wants_tools && !has_tools && revision >= Revision::V2025_11_25 {
        return Err(RpcError::invalid_params(
            "Invalid params: sampling.tools was not declared",
        ));
    }
    check_tool_balance(&params.messages).map_err(|unbalanced| {
        RpcError::invalid_params(alloc::format!("Invalid params: {unbalanced}"))
    })
}
