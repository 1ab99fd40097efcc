//! Floods of the high-level client.

use mcp_proto::Session;
use mcp_proto::client::{Client, ClientOptions, Operation};
use mcp_proto::session::EraPolicy;

use crate::{NOW, Scale, answer_initialize, drain, feed, length, limits};

fn client() -> Client {
    let options = ClientOptions::new("c", "1").era(EraPolicy::Legacy);
    let mut client = Client::new(options.limits(limits()));
    client.open(NOW).expect("a good configuration");
    answer_initialize(&mut client);
    client
}

/// Lists tools of a server that gives each page as `page` makes it, and measures what is held.
fn list_tools(page: impl Fn(u32) -> String) {
    let scale = Scale::new();
    let mut client = client();
    client.start(NOW, Operation::ListTools);
    for id in 2..32 {
        drain(&mut client);
        let result = page(id);
        feed(
            &mut client,
            format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#),
        );
    }
    scale.assert_within(&limits());
}

#[test]
fn cursors_of_a_list() {
    let long = "x".repeat(length());
    list_tools(|id| format!(r#"{{"tools":[],"nextCursor":"{long}{id}"}}"#));
}

#[test]
fn pages_of_a_list() {
    let long = "x".repeat(length());
    list_tools(|id| {
        let tool = format!(
            r#"{{"name":"t{id}","description":"{long}","inputSchema":{{"type":"object"}}}}"#
        );
        format!(r#"{{"tools":[{tool}],"nextCursor":"{id}"}}"#)
    });
}

#[test]
fn events_that_nobody_polls() {
    let scale = Scale::new();
    let mut client = client();
    let long = "x".repeat(length());
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
    scale.assert_within(&limits());
}
