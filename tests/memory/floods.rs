//! Floods of one session, for either role.

use mcp_proto::frame::LineDecoder;
use mcp_proto::model::capability::ServerCapabilities;
use mcp_proto::model::logging::{LoggingLevel, LoggingMessageParams};
use mcp_proto::model::method::CallTool;
use mcp_proto::model::tool::CallToolParams;
use mcp_proto::rpc::Raw;
use mcp_proto::session::{CallOptions, Change, ClientConfig, EraPolicy, Route, ServerConfig};
use mcp_proto::{ClientSession, Limits, ServerSession, Session};

use crate::{NOW, Scale, answer_initialize, drain, feed, flood, length, limits};

const META: &str = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}"#;

fn server(revision: &str) -> ServerSession {
    let offers = ServerCapabilities::new().tools(true).logging();
    let offers = offers.resources(true).resources_subscribe();
    let config = ServerConfig::new("s", "1")
        .capabilities(offers)
        .limits(limits());
    let mut server = ServerSession::new(config);
    feed(&mut server, initialize(revision, "{}", "c"));
    let initialized = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
    feed(&mut server, initialized.into());
    drain(&mut server);
    while server.poll_event().is_some() {}
    server
}

fn initialize(revision: &str, capabilities: &str, name: &str) -> String {
    let client = format!(r#""clientInfo":{{"name":"{name}","version":"1"}}"#);
    let version = format!(r#""protocolVersion":"{revision}""#);
    format!(
        r#"{{"jsonrpc":"2.0","id":0,"method":"initialize","params":{{{version},"capabilities":{capabilities},{client}}}}}"#
    )
}

fn client() -> ClientSession {
    let config = ClientConfig::new("c", "1").era(EraPolicy::Legacy);
    let mut client = ClientSession::new(config.limits(limits()));
    client.open(NOW).expect("a good configuration");
    answer_initialize(&mut client);
    client
}

fn call(id: usize, argument: &str) -> String {
    let params = format!(r#"{{"name":"t","arguments":{{"a":"{argument}"}}}}"#);
    format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{params}}}"#)
}

#[test]
fn notifications_that_nobody_polls() {
    let scale = Scale::new();
    let mut client = client();
    let fed = flood(&mut client, 40, |_| {
        let params = format!(r#"{{"level":"error","data":"{}"}}"#, "x".repeat(length()));
        format!(r#"{{"jsonrpc":"2.0","method":"notifications/message","params":{params}}}"#)
    });
    assert!(fed < 40, "they were always wanted");
    scale.assert_within(client.limits());
}

#[test]
fn small_notifications_that_nobody_polls() {
    let scale = Scale::new();
    let mut client = client();
    let log =
        r#"{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"error","data":1}}"#;
    let fed = flood(&mut client, 5_000, |_| log.into());
    assert!(fed < 5_000, "they were always wanted");
    scale.assert_within(client.limits());
}

#[test]
fn requests_in_flight() {
    let scale = Scale::new();
    let mut server = server("2025-11-25");
    let argument = "x".repeat(length());
    for id in 0..40 {
        if !server.wants_frames() {
            break;
        }
        feed(&mut server, call(id, &argument));
        while server.poll_event().is_some() {}
        drain(&mut server);
    }
    drop(argument);
    scale.assert_within(&limits());
}

#[test]
fn small_requests_that_each_keep_a_large_buffer_alive() {
    let scale = Scale::new();
    let mut server = server("2025-11-25");
    let mut decoder = LineDecoder::new(server.frame_limit());
    let ignored = format!(
        r#"{{"jsonrpc":"2.0","method":"x/ignored","params":{{"a":"{}"}}}}"#,
        "x".repeat(length())
    );
    for id in 0..40 {
        decoder.push(format!("{ignored}\n{}\n", call(id, "")).as_bytes());
        while let Some(Ok(frame)) = decoder.next_frame() {
            server.handle_frame(NOW, Route::Pipe, frame);
            while server.poll_event().is_some() {}
        }
        drain(&mut server);
    }
    scale.assert_within(&limits());
}

#[test]
fn output_that_nobody_reads() {
    let scale = Scale::new();
    let mut server = server("2025-11-25");
    let data = Raw::new(format!("\"{}\"", "x".repeat(1000))).expect("JSON");
    for _ in 0..5_000 {
        let message = LoggingMessageParams::new(LoggingLevel::Error, data.clone());
        let _ = server.log(NOW, None, &message);
        let _ = server.changed(NOW, Change::Tools);
    }
    scale.assert_within(&limits());
}

#[test]
fn calls_that_nobody_sends() {
    let scale = Scale::new();
    let mut client = client();
    let arguments = Raw::new(format!("{{\"a\":\"{}\"}}", "x".repeat(100_000))).expect("JSON");
    let mut made = 0;
    for _ in 0..1000 {
        let params = CallToolParams::new("t").arguments(arguments.clone());
        made += usize::from(
            client
                .call::<CallTool>(NOW, &params, CallOptions::new())
                .is_ok(),
        );
    }
    assert!(made < 1000, "all were taken");
    scale.assert_within(client.limits());
}

#[test]
fn answers_that_wait_in_batches() {
    let scale = Scale::new();
    let mut server = server("2025-03-26");
    let method = "m".repeat(120);
    for batch in 0..support::amount(10, 40) {
        if !server.wants_frames() {
            break;
        }
        let first = call(batch * 1001, "");
        let rest = (1..1000).map(|n| {
            let id = batch * 1001 + n;
            format!(r#",{{"jsonrpc":"2.0","id":{id},"method":"{method}"}}"#)
        });
        feed(
            &mut server,
            format!("[{first}{}]", rest.collect::<String>()),
        );
        while server.poll_event().is_some() {}
        drain(&mut server);
    }
    scale.assert_within(&limits());
}

#[test]
fn elicitations_that_nobody_asked_for() {
    let scale = Scale::new();
    let mut client = client();
    let long = "x".repeat(length());
    for n in 0..32 {
        let params = CallToolParams::new("t");
        let made = client.call::<CallTool>(NOW, &params, CallOptions::new());
        made.expect("nothing is open");
        drain(&mut client);
        let asked = format!(
            r#"{{"mode":"url","message":"m","url":"https://x/","elicitationId":"{long}{n}"}}"#
        );
        let data = format!(r#"{{"elicitations":[{asked}]}}"#);
        let error = format!(r#"{{"code":-32042,"message":"m","data":{data}}}"#);
        let id = n + 2;
        feed(
            &mut client,
            format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{error}}}"#),
        );
        while client.poll_event().is_some() {}
    }
    scale.assert_within(client.limits());
}

#[test]
fn an_initialize_that_says_much() {
    let scale = Scale::new();
    let mut server = ServerSession::new(ServerConfig::new("s", "1").limits(limits()));
    let long = "x".repeat(20 * length());
    let capabilities = format!(r#"{{"experimental":{{"a":{{"b":"{long}"}}}}}}"#);
    feed(&mut server, initialize("2025-11-25", &capabilities, &long));
    drop((long, capabilities));
    while server.poll_event().is_some() {}
    drain(&mut server);
    let most = 4 * limits().peer;
    assert!(
        scale.held() <= most,
        "an idle session holds {}",
        scale.held()
    );
}

#[test]
fn subscriptions_without_end() {
    let long = "x".repeat(8000);
    let subscribe = |n| {
        let params = format!(r#"{{"uri":"a:{long}{n}"}}"#);
        format!(r#"{{"jsonrpc":"2.0","id":{n},"method":"resources/subscribe","params":{params}}}"#)
    };
    let listen = |n| {
        let filter = format!(r#"{{"resourceSubscriptions":["a:{long}{n}"]}}"#);
        let params = format!(r#"{{"notifications":{filter},{META}}}"#);
        format!(r#"{{"jsonrpc":"2.0","id":{n},"method":"subscriptions/listen","params":{params}}}"#)
    };
    let ways: [&dyn Fn(usize) -> String; 2] = [&subscribe, &listen];
    for way in ways {
        let scale = Scale::new();
        let mut server = server("2025-11-25");
        for n in 0..support::amount(250, 1000) {
            feed(&mut server, way(n));
            while server.poll_event().is_some() {}
            drain(&mut server);
        }
        scale.assert_within(&limits());
    }
}

#[test]
fn small_elements_of_large_batches() {
    let scale = Scale::new();
    let mut server = server("2025-03-26");
    let long = "x".repeat(length());
    for id in 0..40 {
        if !server.wants_frames() {
            break;
        }
        let ignored = format!(r#"{{"jsonrpc":"2.0","method":"x/y","params":{{"a":"{long}"}}}}"#);
        feed(&mut server, format!("[{ignored},{}]", call(id, "")));
        while server.poll_event().is_some() {}
        drain(&mut server);
    }
    drop(long);
    scale.assert_within(&limits());
}

#[test]
fn requests_that_are_refused_and_cancelled() {
    let scale = Scale::new();
    let mut server = server("2025-11-25");
    for id in 0..3000 {
        feed(&mut server, call(id, "x"));
        let cancel =
            r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"#;
        feed(&mut server, format!("{cancel}{id}}}}}"));
        while server.poll_event().is_some() {}
        drain(&mut server);
    }
    assert!(
        scale.held() < length(),
        "what is over leaves {} bytes",
        scale.held()
    );
}

#[test]
fn garbage() {
    let scale = Scale::new();
    let mut server = server("2025-11-25");
    let mut client = client();
    for n in 0..3000 {
        for frame in [
            format!("[{n}"),
            format!(r#"{{"jsonrpc":"2.0","id":"{n}","result":{{}}}}"#),
        ] {
            feed(&mut server, frame.clone());
            feed(&mut client, frame);
        }
        while server.poll_event().is_some() {}
        while client.poll_event().is_some() {}
        drain(&mut server);
        drain(&mut client);
    }
    assert!(
        scale.held() < length(),
        "what is over leaves {} bytes",
        scale.held()
    );
}

/// Limits by number that no flood reaches, so that only those in bytes are left.
fn limits_in_bytes() -> Limits {
    let mut limits = limits();
    limits.events = usize::MAX;
    limits.subscriptions = usize::MAX;
    limits
}

#[test]
fn small_requests_under_long_names_of_which_every_other_one_is_cancelled() {
    let scale = Scale::new();
    let mut limits = limits_in_bytes();
    limits.calls = 1 << 20;
    limits.cancel_burst = u32::MAX;
    let method = "m".repeat(500);
    let config = ServerConfig::new("s", "1").extension_methods(vec![method.as_str().into()]);
    let mut server = ServerSession::new(config.limits(limits.clone()));
    feed(&mut server, initialize("2025-11-25", "{}", "c"));
    for id in 1..support::amount(4_000, 16_000) {
        feed(
            &mut server,
            format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}"}}"#),
        );
        if id % 2 == 0 {
            let params = format!(r#"{{"requestId":{}}}"#, id / 2);
            feed(
                &mut server,
                format!(
                    r#"{{"jsonrpc":"2.0","method":"notifications/cancelled","params":{params}}}"#
                ),
            );
        }
        while server.poll_event().is_some() {}
        drain(&mut server);
    }
    assert!(server.open_requests() > support::amount(250, 1000));
    scale.assert_counted(server.held_bytes());
    limits.calls = 0;
    scale.assert_within(&limits);
}

#[test]
fn small_events_and_refusals_that_nobody_polls() {
    let scale = Scale::new();
    let limits = limits_in_bytes();
    let mut server = ServerSession::new(ServerConfig::new("s", "1").limits(limits.clone()));
    feed(&mut server, initialize("2025-03-26", "{}", "c"));
    flood(&mut server, 200_000, |n| match n % 3 {
        0 => format!(r#"[{{"jsonrpc":"2.0","id":{n},"method":"x"}},{n}]"#),
        1 => r#"{"jsonrpc":"2.0","method":"x"}"#.into(),
        _ => format!(
            r#"{{"jsonrpc":"2.0","id":{n},"method":"{}"}}"#,
            "y".repeat(500)
        ),
    });
    scale.assert_counted(server.held_bytes());
    scale.assert_within(&limits);
    // The half that is polled and sent leaves room for the other one only.
    let held = server.held_bytes();
    while server.held_bytes() > held / 2 && server.poll_event().is_some() {
        server.poll_transmit(&mut Vec::new());
    }
    scale.assert_counted(server.held_bytes());
}

#[test]
fn refusals_that_nobody_reads() {
    let scale = Scale::new();
    let mut server = server("2025-11-25");
    let long = "x".repeat(length());
    let mut fed = 0;
    while server.wants_frames() && fed < 100_000 {
        feed(&mut server, call(fed, if fed < 20 { &long } else { "x" }));
        while server.poll_event().is_some() {}
        fed += 1;
    }
    assert!(fed < 100_000, "they were always wanted");
    drop(long);
    scale.assert_counted(server.held_bytes());
    scale.assert_within(&limits());
}
