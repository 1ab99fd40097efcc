//! Hostile messages without end: once a session holds what it may, it holds no more after ten times as many.

use mcp_proto::frame::FrameError;
use mcp_proto::model::capability::{ClientCapabilities, ServerCapabilities};
use mcp_proto::model::method::CallTool;
use mcp_proto::model::tool::{CallToolParams, CallToolResult};
use mcp_proto::session::{
    CallOptions, ClientConfig, EraPolicy, Route, ServerConfig, ServerEvent, Session,
};
use mcp_proto::{ClientSession, Limits, ServerSession};

use crate::{NOW, Scale, answer_initialize, drain, feed};

/// Limits that are reached within a tenth of the messages.
fn limits() -> Limits {
    let mut limits = crate::limits();
    limits.subscriptions = support::amount(30, 100);
    limits.calls = support::amount(40, limits.calls);
    limits
}

/// How many messages come; many more when every case is wanted.
fn messages() -> usize {
    support::amount(8_000, 1_000_000)
}

/// What a session holds after a tenth of the messages, and after all of them.
fn grown(scale: &Scale, mut message: impl FnMut(usize)) -> (usize, usize) {
    let all = messages();
    (0..all / 10).for_each(&mut message);
    let early = scale.held();
    (all / 10..all).for_each(&mut message);
    (early, scale.held())
}

const META: &str = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}"#;

/// A message of somebody who means ill, to either side; the first of each kind differs from the next ones.
fn hostile(n: usize, meta: &str) -> String {
    let call = |id: &str| {
        format!(
            r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"t"{meta}}}}}"#
        )
    };
    let request = |method: &str, params: &str| {
        format!(r#"{{"jsonrpc":"2.0","id":{n},"method":"{method}","params":{{{params}}}}}"#)
    };
    let tell = |method: &str, params: &str| {
        format!(r#"{{"jsonrpc":"2.0","method":"{method}","params":{{{params}}}}}"#)
    };
    match n % 20 {
        0 => format!("garbage {n}"),
        1 => format!("[{n}"),
        2 => format!(r#"{{"jsonrpc":"2.0","id":"{n}","result":{{}}}}"#),
        3 => format!(r#"{{"jsonrpc":"2.0","id":{n},"error":{{"code":-1,"message":"{n}"}}}}"#),
        4 => format!(r#"{{"jsonrpc":"2.0","id":null,"error":{{"code":-1,"message":"{n}"}}}}"#),
        5 => request(&format!("nobody/{n}"), ""),
        6 => tell(&format!("notifications/{n}"), ""),
        7 => tell(
            "notifications/progress",
            &format!(r#""progressToken":"{n}","progress":{n}"#),
        ),
        8 => tell("notifications/cancelled", &format!(r#""requestId":"{n}""#)),
        9 => call(&format!("\"{n}\"")),
        10 => call("7"),
        11 => call(&format!("\"{}\"", "x".repeat(300))),
        12 => request("prompts/get", &format!(r#""name":"{}""#, "x".repeat(2000))),
        13 => request("resources/subscribe", &format!(r#""uri":"a:{n}""#)),
        14 => request(
            "subscriptions/listen",
            &format!(r#""notifications":{{"resourceSubscriptions":["a:{n}"]}},{META}"#),
        ),
        15 => tell(
            "notifications/resources/updated",
            &format!(r#""uri":"a:{n}""#),
        ),
        16 => tell(
            "notifications/message",
            &format!(r#""level":"error","data":{n}"#),
        ),
        17 => request("sampling/createMessage", r#""messages":[],"maxTokens":1"#),
        18 => request(
            "initialize",
            r#""protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"c","version":"1"}"#,
        ),
        _ => format!(r#"[{{"jsonrpc":"2.0","id":{n},"method":"ping"}},{n}]"#),
    }
}

fn assert_no_growth(what: &str, (early, late): (usize, usize)) {
    assert!(
        late <= early,
        "{what} holds {late} bytes, and held {early} after a tenth of them"
    );
}

fn server(revision: &str) -> ServerSession {
    let offers = ServerCapabilities::new()
        .tools(true)
        .prompts(true)
        .logging();
    let offers = offers.resources(true).resources_subscribe();
    let config = ServerConfig::new("s", "1").capabilities(offers);
    let mut server = ServerSession::new(config.limits(limits()));
    let client = r#""clientInfo":{"name":"c","version":"1"}"#;
    let params = format!(r#""protocolVersion":"{revision}","capabilities":{{}},{client}"#);
    feed(
        &mut server,
        format!(r#"{{"jsonrpc":"2.0","id":0,"method":"initialize","params":{{{params}}}}}"#),
    );
    feed(
        &mut server,
        r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#.into(),
    );
    server
}

#[test]
fn a_server_holds_no_more_after_ten_times_as_many_hostile_messages() {
    let with_meta = format!(",{META}");
    for (revision, meta) in [
        ("2025-03-26", ""),
        ("2025-11-25", ""),
        ("2025-11-25", &*with_meta),
    ] {
        let scale = Scale::new();
        let mut server = server(revision);
        let grown = grown(&scale, |n| {
            feed(&mut server, hostile(n, meta));
            if n % 7 == 0 {
                let error = FrameError::NotUtf8 { valid_up_to: n };
                server.handle_malformed(NOW, Route::Pipe, error);
            }
            // Every other request is answered; the rest stays open until there are too many.
            while let Some(event) = server.poll_event() {
                if let ServerEvent::Request(request) = event
                    && n % 2 == 0
                {
                    let _ = server.reply::<CallTool>(NOW, request.id, &CallToolResult::text("x"));
                }
            }
            drain(&mut server);
        });
        assert_no_growth(&format!("a server of {revision}"), grown);
        scale.assert_within(&limits());
    }
}

#[test]
fn a_client_holds_no_more_after_ten_times_as_many_hostile_messages() {
    let capabilities = ClientCapabilities::new().roots(true).sampling();
    let scale = Scale::new();
    let config = ClientConfig::new("c", "1").era(EraPolicy::Legacy);
    let config = config.capabilities(capabilities).limits(limits());
    let mut client = ClientSession::new(config);
    client.open(NOW).expect("a good configuration");
    answer_initialize(&mut client);
    let params = CallToolParams::new("t");
    let grown = grown(&scale, |n| {
        // One call of its own for each: some are answered twice, some wrongly, some never.
        let _ = client.call::<CallTool>(NOW, &params, CallOptions::new());
        feed(&mut client, hostile(n, ""));
        if n % 3 == 0 {
            let answer = format!(
                r#"{{"jsonrpc":"2.0","id":{},"result":{{"content":{n}}}}}"#,
                n / 2
            );
            feed(&mut client, answer.clone());
            feed(&mut client, answer);
        }
        while client.poll_event().is_some() {}
        drain(&mut client);
    });
    assert_no_growth("a client", grown);
    scale.assert_within(&limits());
}
