//! Opening a session in either era.

use mcp_proto::model::content::ContentBlock;
use mcp_proto::model::method::CallTool;
use mcp_proto::model::tool::{CallToolParams, CallToolResult};
use mcp_proto::rpc::Raw;
use mcp_proto::session::CallOptions;

use crate::on_every_revision;
use crate::support::pair::Pair;

on_every_revision! {
    fn a_tool_call_goes_there_and_back(revision) {
        let mut pair = Pair::open(revision);
        assert_eq!(pair.client.revision(), Some(revision));
        let arguments = Raw::new(r#"{"message":"hello"}"#).unwrap();
        let params = CallToolParams::new("echo").arguments(arguments);
        let call = pair.client.call::<CallTool>(pair.now, &params, CallOptions::new()).unwrap();
        pair.drive();
        let request = pair.request();
        assert_eq!(request.revision, revision);
        let asked = request.params::<CallTool>().unwrap();
        assert_eq!(asked.name, "echo");
        assert_eq!(asked.arguments.as_ref().unwrap().as_str(), r#"{"message":"hello"}"#);
        pair.server.reply::<CallTool>(pair.now, request.id, &CallToolResult::text("hi")).unwrap();
        pair.drive();
        let done = pair.completed(call);
        let result = done.of(call).unwrap().unwrap();
        assert_eq!(result.content.first().and_then(ContentBlock::as_text), Some("hi"));
    }
}
