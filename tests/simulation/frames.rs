//! Frames that no well-behaved peer sends, or not now: any method, any id, any body.

use mcp_proto::model::method::SpecMethod;

use super::random::Random;

/// Bodies that lead a session further than noise does.
const BODIES: [&str; 22] = [
    "{}",
    r#"{"protocolVersion":"2025-11-25","capabilities":{"tools":{},"resources":{"subscribe":true},"prompts":{},"logging":{}},"serverInfo":{"name":"s","version":"1"}}"#,
    r#"{"protocolVersion":"2025-03-26","capabilities":{"tools":{},"resources":{"subscribe":true},"prompts":{},"logging":{}},"serverInfo":{"name":"s","version":"1"}}"#,
    r#"{"protocolVersion":"2024-11-05","capabilities":{"sampling":{},"elicitation":{},"roots":{"listChanged":true}},"clientInfo":{"name":"c","version":"1"}}"#,
    r#"{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{"tools":{"listChanged":true},"resources":{"subscribe":true},"prompts":{}},"ttlMs":0,"cacheScope":"private"}"#,
    r#"{"resultType":"input_required","inputRequests":{"a":{"method":"elicitation/create","params":{"mode":"form","message":"m","requestedSchema":{"type":"object","properties":{}}}}},"requestState":"s"}"#,
    r#"{"resultType":"input_required","requestState":"s"}"#,
    r#"{"name":"t","arguments":{},"_meta":{"progressToken":1,"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{"elicitation":{"form":{}},"sampling":{}}}}"#,
    r#"{"name":"t","arguments":{},"inputResponses":{"a":{"action":"decline"}},"requestState":"s","_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}"#,
    r#"{"notifications":{"toolsListChanged":true,"resourceSubscriptions":["a:b"]},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}"#,
    r#"{"name":"t","uri":"a:b","arguments":{},"_meta":{"progressToken":"p"}}"#,
    r#"{"requestId":1,"reason":"r"}"#,
    r#"{"requestId":3}"#,
    r#"{"progressToken":1,"progress":2}"#,
    r#"{"progressToken":3,"progress":2,"total":3,"message":"m"}"#,
    r#"{"action":"accept","content":{}}"#,
    r#"{"content":[{"type":"text","text":"x"}],"resultType":"complete"}"#,
    r#"{"content":[{"type":"resource_link","name":"r","uri":"a:b"}]}"#,
    r#"{"tools":[],"nextCursor":"c"}"#,
    r#"{"uri":"a:b"}"#,
    r#"{"notifications":{"toolsListChanged":true},"_meta":{"io.modelcontextprotocol/subscriptionId":2}}"#,
    r#"{"level":"error","data":[1]}"#,
];

/// A frame that is well-formed more often than not.
pub fn hostile(random: &mut Random) -> String {
    let id = random.below(24);
    let body = BODIES[random.below(BODIES.len())];
    match random.below(14) {
        0 => noise(random),
        1..4 => format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{body}}}"#),
        4 => {
            let code = [-32_700, -32_601, -32_602, -32_022, -32_042, 0, 7][random.below(7)];
            format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":{code},"message":"no"}}}}"#)
        }
        5..9 => request(random),
        9 | 10 => {
            let method = method(random);
            format!(r#"{{"jsonrpc":"2.0","method":"{method}","params":{body}}}"#)
        }
        _ => {
            let elements: Vec<String> = (0..id % 5).map(|_| request(random)).collect();
            format!("[{}]", elements.join(","))
        }
    }
}

fn request(random: &mut Random) -> String {
    let (id, method) = (random.below(24), method(random));
    let body = BODIES[random.below(BODIES.len())];
    format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{body}}}"#)
}

fn method(random: &mut Random) -> &'static str {
    match random.below(12) {
        0 => "x/unknown",
        _ => random
            .one_of(SpecMethod::ALL)
            .map_or("x", SpecMethod::as_str),
    }
}

/// Pieces of JSON in no order.
fn noise(random: &mut Random) -> String {
    const PIECES: [&str; 12] = [
        "{",
        "}",
        "[",
        "]",
        "\"id\":",
        "\"jsonrpc\":\"2.0\"",
        ",",
        "1e400",
        "null",
        "\\u0000",
        "\"",
        " ",
    ];
    (0..random.below(12))
        .map(|_| PIECES[random.below(PIECES.len())])
        .collect()
}
