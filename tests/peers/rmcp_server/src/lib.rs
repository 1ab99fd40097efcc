//! What the tools of both servers share: how they ask the client's user and model, in the middle of a call in
//! one era and by its answer in the other, and how they say what came of it.

#![allow(deprecated, reason = "sampling is")]

use std::collections::BTreeMap;

use rmcp::handler::server::tool::InputResponses;
use rmcp::model::{
    CallToolResponse, CallToolResult, ContentBlock, CreateMessageRequest,
    CreateMessageRequestParams, CreateMessageResult, ElicitRequest, ElicitRequestParams,
    ElicitationSchema, InputRequest, InputRequiredResult, ProgressNotificationParam,
    ProtocolVersion,
};
use rmcp::schemars::JsonSchema;
use rmcp::service::{ElicitationSafe, RequestContext};
use rmcp::{ErrorData, RoleServer};
use serde::de::DeserializeOwned;

/// What was answered, or the answer of the call with the question.
pub type Asked<T> = Result<Result<T, CallToolResponse>, ErrorData>;

/// Whether the client is asked by the answer to its request, and not by a request of ours.
fn is_modern(context: &RequestContext<RoleServer>) -> bool {
    context.protocol_version() >= Some(ProtocolVersion::V_2026_07_28)
}

fn ask(key: &str, request: InputRequest) -> CallToolResponse {
    let requests = BTreeMap::from([(key.to_owned(), request)]);
    InputRequiredResult::new(Some(requests), None).into()
}

pub fn said(text: impl Into<String>) -> CallToolResponse {
    CallToolResult::success(vec![ContentBlock::text(text)]).into()
}

pub fn failed(error: impl ToString) -> CallToolResponse {
    CallToolResult::error(vec![ContentBlock::text(error.to_string())]).into()
}

pub fn internal(error: impl ToString) -> ErrorData {
    ErrorData::internal_error(error.to_string(), None)
}

/// Has the client's model write something.
pub async fn write(
    key: &str,
    params: CreateMessageRequestParams,
    InputResponses(responses): InputResponses,
    context: &RequestContext<RoleServer>,
) -> Asked<String> {
    let written = if !is_modern(context) {
        match context.peer.create_message(params).await {
            Ok(written) => written,
            Err(error) => return Ok(Err(failed(error))),
        }
    } else if let Some(answer) = responses.as_ref().and_then(|all| all.get(key)) {
        serde_json::from_value::<CreateMessageResult>(answer.clone()).map_err(internal)?
    } else {
        let request = CreateMessageRequest::new(params);
        return Ok(Err(ask(key, InputRequest::CreateMessage(request))));
    };
    let content = written.message.content.into_vec();
    let text = content.iter().find_map(|block| block.as_text());
    Ok(text.map_or_else(|| Err(failed("no text")), |text| Ok(text.text.clone())))
}

/// Has the client's user fill in a form.
pub async fn fill_in<T: ElicitationSafe + JsonSchema + DeserializeOwned>(
    key: &str,
    message: String,
    InputResponses(responses): InputResponses,
    context: &RequestContext<RoleServer>,
) -> Asked<T> {
    if !is_modern(context) {
        return Ok(match context.peer.elicit::<T>(&message).await {
            Ok(Some(answer)) => Ok(answer),
            Ok(None) => Err(failed("no answer")),
            Err(error) => Err(failed(error)),
        });
    }
    if let Some(answer) = responses.as_ref().and_then(|all| all.get(key)) {
        let answer = serde_json::from_value(answer["content"].clone());
        return Ok(answer.map_err(|_| failed("no answer")));
    }
    let form = ElicitRequestParams::FormElicitationParams {
        meta: None,
        message,
        requested_schema: ElicitationSchema::from_type::<T>().map_err(internal)?,
    };
    let request = InputRequest::Elicitation(ElicitRequest::new(form));
    Ok(Err(ask(key, request)))
}

/// Says how far a call is, if its client wants to know.
pub async fn progress(
    context: &RequestContext<RoleServer>,
    steps: impl Iterator<Item = f64>,
    total: f64,
) {
    let Some(token) = context.meta.get_progress_token() else {
        return;
    };
    for step in steps {
        let progress = ProgressNotificationParam::new(token.clone(), step).with_total(total);
        let _ = context.peer.notify_progress(progress).await;
    }
}
