//! Whether the params of a request have the shape that its method asks for, before a handler sees
//! them. What is checked here is the protocol's; arguments are the tool's own.

use crate::limits::Limits;
use crate::model::members::Param;
use crate::model::method::{self, Method, SpecMethod};
use crate::model::resource::is_valid_uri;
use crate::model::task::UpdateTask;
use crate::rpc::{RpcError, Span, text_at};

use super::super::arrival::Arrival;

/// Checks the params of `known`; the error is the answer (`base.err.params`).
pub(super) fn params(
    known: SpecMethod,
    arrival: &Arrival<'_>,
    limits: &Limits,
) -> Result<(), RpcError> {
    match known {
        SpecMethod::CallTool => {
            bounded_text(arrival, Param::Name, "name", limits.name)?;
            object_or_absent(arrival, Param::Arguments, "arguments")?;
        }
        SpecMethod::GetPrompt => {
            bounded_text(arrival, Param::Name, "name", limits.name)?;
            fits::<method::GetPrompt>(arrival)?;
        }
        SpecMethod::ReadResource | SpecMethod::Subscribe | SpecMethod::Unsubscribe => {
            uri(arrival, limits)?
        }
        SpecMethod::GetTask | SpecMethod::GetTaskPayload | SpecMethod::CancelTask => {
            bounded_text(arrival, Param::TaskId, "taskId", limits.name)?;
        }
        SpecMethod::UpdateTask => {
            bounded_text(arrival, Param::TaskId, "taskId", limits.name)?;
            fits::<UpdateTask>(arrival)?;
        }
        SpecMethod::Complete => fits::<method::Complete>(arrival)?,
        SpecMethod::ListTools
        | SpecMethod::ListPrompts
        | SpecMethod::ListResources
        | SpecMethod::ListResourceTemplates
        | SpecMethod::ListTasks => cursor(arrival, limits)?,
        _ => {}
    }
    if known.allows_input_required() {
        object_or_absent(arrival, Param::InputResponses, "inputResponses")?;
        let state = arrival.scan.param(Param::RequestState);
        if state.is_some() && text_at(&arrival.body.frame, state).is_none() {
            return Err(invalid("requestState", "must be a string"));
        }
    }
    Ok(())
}

fn invalid(what: &str, why: &str) -> RpcError {
    RpcError::invalid_params(alloc::format!("Invalid params: {what} {why}"))
}

fn fits<M: Method>(arrival: &Arrival<'_>) -> Result<(), RpcError> {
    arrival
        .body
        .decode::<M::Params<'_>>()
        .map(drop)
        .map_err(RpcError::from)
}

fn bounded_text(
    arrival: &Arrival<'_>,
    member: Param,
    name: &str,
    limit: usize,
) -> Result<Span, RpcError> {
    let span = arrival.scan.param(member);
    if !span.of(&arrival.body.frame).starts_with(b"\"") {
        return Err(invalid(name, "must be a string"));
    }
    if span.range().len() > limit.saturating_add(2) {
        return Err(invalid(
            name,
            &alloc::format!("is longer than {limit} bytes"),
        ));
    }
    Ok(span)
}

fn object_or_absent(arrival: &Arrival<'_>, member: Param, name: &str) -> Result<(), RpcError> {
    match arrival.scan.param(member).of(&arrival.body.frame).first() {
        None | Some(b'{') => Ok(()),
        Some(_) => Err(invalid(name, "must be an object")),
    }
}

fn uri(arrival: &Arrival<'_>, limits: &Limits) -> Result<(), RpcError> {
    let span = bounded_text(arrival, Param::Uri, "uri", limits.uri)?;
    let is_valid = text_at(&arrival.body.frame, span).is_some_and(|uri| is_valid_uri(&uri));
    if is_valid {
        Ok(())
    } else {
        Err(invalid("uri", "is not a URI"))
    }
}

fn cursor(arrival: &Arrival<'_>, limits: &Limits) -> Result<(), RpcError> {
    let params = arrival
        .body
        .decode::<<method::ListTools as Method>::Params<'_>>();
    match params.map_err(RpcError::from)?.cursor {
        Some(cursor) if cursor.len() > limits.uri => Err(invalid(
            "cursor",
            &alloc::format!("is longer than {} bytes", limits.uri),
        )),
        _ => Ok(()),
    }
}
