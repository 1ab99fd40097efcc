//! The calls that a client's user makes: of any method, each with what it is known by.

use mcp_proto::model::completion::{CompleteParams, PromptReference};
use mcp_proto::model::method::{CallTool, Complete, GetPrompt, ListTools, Method, ReadResource};
use mcp_proto::model::page::PaginatedRequestParams;
use mcp_proto::model::prompt::GetPromptParams;
use mcp_proto::model::resource::ReadResourceParams;
use mcp_proto::model::tool::CallToolParams;
use mcp_proto::session::{CallId, CallOptions, Misuse};
use mcp_proto::{ClientSession, Instant};
use serde_json::{Value, json};

use super::faithful::{Mark, json_of};

/// A call that was made: its method, and its params as they have to be written.
pub struct Made {
    pub call: CallId,
    pub method: &'static str,
    pub params: Value,
}

/// Makes one of eight calls.
pub fn make(
    session: &mut ClientSession,
    now: Instant,
    kind: usize,
    mark: Mark,
    options: CallOptions<'_>,
) -> Result<Made, Misuse> {
    let (call, method, params) = match kind {
        0..3 => {
            let params = CallToolParams::new("t").arguments(mark.arguments());
            let call = session.call::<CallTool>(now, &params, options)?.any();
            let arguments = json_of(&mark.arguments());
            let params = json!({"name": "t", "arguments": arguments});
            (call, CallTool::NAME, params)
        }
        3 => {
            let params = ReadResourceParams::new("a:b");
            let call = session.call::<ReadResource>(now, &params, options)?.any();
            (call, ReadResource::NAME, json!({"uri": "a:b"}))
        }
        4 => {
            let params = GetPromptParams::new("p");
            let call = session.call::<GetPrompt>(now, &params, options)?.any();
            (call, GetPrompt::NAME, json!({"name": "p"}))
        }
        5 => {
            let params = PaginatedRequestParams::new();
            let call = session.call::<ListTools>(now, &params, options)?.any();
            (call, ListTools::NAME, json!({}))
        }
        6 => {
            let params = CompleteParams::new(PromptReference::new("p"), "a", "v");
            let call = session.call::<Complete>(now, &params, options)?.any();
            let params = json!({
                "ref": {"type": "ref/prompt", "name": "p"},
                "argument": {"name": "a", "value": "v"},
            });
            (call, Complete::NAME, params)
        }
        _ => (session.ping(now, options)?.any(), "ping", json!({})),
    };
    Ok(Made {
        call,
        method,
        params,
    })
}
