//! Tools and handlers that servers of several tests have.

use mcp_proto::server::Context;
use mcp_proto::{Tool, server::HandlerError};
use serde_json::{Value, json};

/// A tool that takes any object.
pub fn tool(name: &'static str) -> Tool<'static> {
    Tool::new(name, json!({"type": "object"}).into())
}

/// Tells of three steps.
pub fn steps(context: &Context, _: Value) -> Result<&'static str, HandlerError> {
    for step in 1..=3 {
        context.progress(f64::from(step), Some(3.0), None);
    }
    Ok("done")
}
