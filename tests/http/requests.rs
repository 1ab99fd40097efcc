//! Requests as clients of both eras send them.

use bytes::Bytes;
use mcp_proto::Revision;
use mcp_proto::http::{HttpMethod, Offers, RequestHead};
use mcp_proto::model::tool::Tool;
use mcp_proto::rpc::Raw;
use serde_json::{Value, json};

/// The revision whose requests describe themselves.
pub const MODERN: &str = "2026-07-28";

/// A request as an adapter hands it on, to be changed in one place or another.
#[derive(Clone)]
pub struct Sent {
    pub head: RequestHead,
    pub body: Value,
    /// What is sent in place of the body.
    pub text: Option<String>,
}

impl Sent {
    pub fn bytes(&self) -> Bytes {
        let text = self.text.clone();
        Bytes::from(text.unwrap_or_else(|| self.body.to_string()))
    }

    /// Sets a header to one value, or takes it away.
    pub fn set(&mut self, name: &str, value: Option<&str>) {
        let mut head = RequestHead::new(self.head.method, &self.head.path);
        for (field, kept) in self.head.headers.iter() {
            if field != name {
                head.headers.push(field, kept);
            }
        }
        if let Some(value) = value {
            head.headers.push(name, value);
        }
        self.head = head;
    }

    pub fn meta(&mut self) -> &mut serde_json::Map<String, Value> {
        self.body["params"]["_meta"]
            .as_object_mut()
            .expect("it has one")
    }
}

fn post() -> RequestHead {
    RequestHead::new(HttpMethod::Post, "/mcp")
        .with("host", "localhost:8080")
        .with("content-type", "application/json")
        .with("accept", "application/json, text/event-stream")
}

/// A modern request, with every header that it needs.
pub fn modern(method: &str, mut params: Value) -> Sent {
    let name = params.get("name").or(params.get("uri")).cloned();
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": MODERN,
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    let mut head = post()
        .with("mcp-protocol-version", MODERN)
        .with("mcp-method", method);
    if let Some(name) = name.as_ref().and_then(Value::as_str) {
        head.headers.push("mcp-name", name);
    }
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
    Sent {
        head,
        body,
        text: None,
    }
}

/// A legacy request of a session.
pub fn legacy(method: &str, params: Value) -> Sent {
    let head = post()
        .with("mcp-session-id", "0123456789abcdef")
        .with("mcp-protocol-version", "2025-11-25");
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
    Sent {
        head,
        body,
        text: None,
    }
}

/// The input schema of a tool whose arguments `region`, `count`, `dry` and `at.zone` are mirrored.
pub fn mirrored_schema() -> Value {
    json!({"type": "object", "properties": {
        "region": {"type": "string", "x-mcp-header": "Region"},
        "count": {"type": "integer", "x-mcp-header": "Count"},
        "dry": {"type": "boolean", "x-mcp-header": "Dry-Run"},
        "at": {"type": "object", "properties": {
            "zone": {"type": "string", "x-mcp-header": "Zone"},
        }},
        "note": {"type": "string"},
    }})
}

/// What a server offers that speaks these revisions and has the tool `deploy`.
pub fn offers(revisions: &[Revision]) -> Offers {
    let schema = Raw::new(mirrored_schema().to_string()).expect("it is JSON");
    Offers::new(revisions)
        .tool(&Tool::new("deploy", schema))
        .expect("its annotations are good")
}
