//! Floods of the high-level client.

use mcp_proto::Session;
use mcp_proto::client::{Client, ClientOptions, Request};
use mcp_proto::session::EraPolicy;

use crate::{FRAME, NOW, Scale, drain, feed, limits};

fn client() -> Client {
    let options = ClientOptions::new("c", "1").era(EraPolicy::Legacy);
    let mut client = Client::new(options.limits(limits()));
    client.open(NOW).expect("a good configuration");
    drain(&mut client);
    let opened = r#"{"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"s","version":"1"}}}"#;
    feed(&mut client, opened.into());
    drain(&mut client);
    while client.poll_event().is_some() {}
    client
}

#[test]
fn cursors_of_a_list() {
    let scale = Scale::new();
    let mut client = client();
    client.start(NOW, Request::ListTools);
    let long = "x".repeat(FRAME);
    for id in 2..32 {
        drain(&mut client);
        let result = format!(r#"{{"tools":[],"nextCursor":"{long}{id}"}}"#);
        feed(
            &mut client,
            format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#),
        );
    }
    scale.assert_within(&limits(), 2 * FRAME);
}

#[test]
fn pages_of_a_list() {
    let scale = Scale::new();
    let mut client = client();
    client.start(NOW, Request::ListTools);
    let long = "x".repeat(FRAME);
    for id in 2..32 {
        drain(&mut client);
        let tool = format!(
            r#"{{"name":"t{id}","description":"{long}","inputSchema":{{"type":"object"}}}}"#
        );
        let result = format!(r#"{{"tools":[{tool}],"nextCursor":"{id}"}}"#);
        feed(
            &mut client,
            format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#),
        );
    }
    scale.assert_within(&limits(), 2 * FRAME);
}

#[test]
fn events_that_nobody_polls() {
    let scale = Scale::new();
    let mut client = client();
    let long = "x".repeat(FRAME);
    for n in 0..40 {
        if !client.wants_frames() {
            break;
        }
        let params = format!(r#"{{"n":{n},"text":"{long}"}}"#);
        feed(
            &mut client,
            format!(r#"{{"jsonrpc":"2.0","method":"x/event","params":{params}}}"#),
        );
    }
    scale.assert_within(&limits(), 3 * FRAME);
}
