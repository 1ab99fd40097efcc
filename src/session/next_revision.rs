//! Tests with a made-up sixth revision, which this crate has in its own unit tests only. It shows
//! that a new revision is a variant and two `match` arms: nothing newer is lost on the way.

use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use bytes::Bytes;
use serde::Serialize;

use crate::model::capability::ServerCapabilities;
use crate::model::content::{AudioContent, ContentBlock, ResourceLink, TextContent};
use crate::model::discover::DiscoverResult;
use crate::model::encode::{SessionMembers, encode_body};
use crate::model::initialize::{Icon, Implementation};
use crate::model::input::{InputRequests, InputRequiredResult};
use crate::model::meta::Meta;
use crate::model::method::{CallTool, ListTools, SpecMethod};
use crate::model::resource::{ListResourcesResult, Resource};
use crate::model::sampling::{CreateMessageParams, SamplingMessage};
use crate::model::tool::{
    CallToolParams, CallToolResult, ListToolsResult, NO_ARGUMENTS_SCHEMA, Tool,
};
use crate::revision::{Era, Revision};
use crate::rpc::Raw;
use crate::time::Instant;

use super::{
    CallOptions, ClientConfig, ClientEvent, ClientSession, Completed, Route, ServerConfig,
    ServerEvent, ServerSession, Session,
};

const NEXT: Revision = Revision::V2027_06_30;
const NEWEST_RELEASED: Revision = Revision::V2026_07_28;
const NOW: Instant = Instant::from_millis(1000);

fn body<T: Serialize>(revision: Revision, value: &T) -> String {
    let mut out = Vec::new();
    let written = encode_body(&mut out, revision, value, &SessionMembers::default());
    assert!(written.is_ok(), "{written:?}");
    String::from_utf8(out).expect("JSON is UTF-8")
}

fn tool() -> Tool<'static> {
    Tool::new("t", NO_ARGUMENTS_SCHEMA)
        .title("T")
        .output_schema(Raw::new("true").expect("JSON"))
        .icons([Icon::new("https://a/i.png").sizes(["48x48"])])
        .meta(Meta::new().with("com.example/a", &1))
}

#[test]
fn what_the_newest_released_revision_says_the_next_one_says_too() {
    fn says_the_same<T: Serialize>(value: &T) {
        assert_eq!(body(NEXT, value), body(NEWEST_RELEASED, value));
    }
    says_the_same(&ListToolsResult::new(vec![tool()]).ttl_ms(5));
    says_the_same(&ListResourcesResult::new(vec![Resource::new("a:b", "b").title("B")]).ttl_ms(1));
    says_the_same(&CallToolParams::new("t").request_state("s"));
    says_the_same(
        &CallToolResult::new(vec![
            TextContent::new("x").meta(Meta::new()).into(),
            AudioContent::new("AAAA", "audio/wav").into(),
            ResourceLink::new("a:b", "b")
                .icons([Icon::new("https://a/i.png")])
                .into(),
        ])
        .structured_content(Raw::new("[1]").expect("JSON")),
    );
    says_the_same(
        &Implementation::new("n", "1")
            .title("N")
            .website_url("https://a"),
    );
    says_the_same(&CreateMessageParams::new(vec![SamplingMessage::user("hi")], 5).tools([tool()]));
    says_the_same(&DiscoverResult::new(
        ["2027-06-30"],
        ServerCapabilities::new().tools(true),
    ));
    says_the_same(&InputRequiredResult::asking(
        InputRequests::new().roots("r"),
    ));
    let written = body(NEXT, &ListToolsResult::new(vec![tool()]).ttl_ms(5));
    for field in ["title", "outputSchema", "icons", "_meta", "ttlMs"] {
        assert!(
            written.contains(&format!("\"{field}\":")),
            "{field} is lost"
        );
    }
}

#[test]
fn the_next_revision_has_the_methods_that_have_no_end() {
    assert_eq!(Revision::NEWEST, NEXT);
    assert_eq!(Revision::from_wire("2027-06-30"), Some(NEXT));
    assert_eq!(NEXT.era(), Era::Modern);
    for method in SpecMethod::ALL {
        assert_eq!(
            method.sent_by(NEXT),
            method.sent_by(NEWEST_RELEASED),
            "{method:?}"
        );
    }
    assert_eq!(SpecMethod::CallTool.until(), NEXT);
    assert_eq!(SpecMethod::Ping.until(), Revision::V2025_11_25);
}

/// Both sides, and every frame the client has sent.
struct Pair {
    client: ClientSession,
    server: ServerSession,
    sent: Vec<String>,
    completed: Vec<Completed>,
}

impl Pair {
    fn open(client: &[Revision], server: &[Revision]) -> Self {
        let client = ClientConfig::new("c", "1").revisions(client.to_vec());
        let server = ServerConfig::new("s", "1")
            .revisions(server.to_vec())
            .capabilities(ServerCapabilities::new().tools(true));
        let mut pair = Self {
            client: ClientSession::new(client),
            server: ServerSession::new(server),
            sent: Vec::new(),
            completed: Vec::new(),
        };
        pair.client.open(NOW).expect("a new session opens");
        pair.drive();
        pair
    }

    /// Carries frames across until nothing moves; the server echoes the arguments of each call.
    fn drive(&mut self) {
        for _ in 0..100 {
            let mut frame = Vec::new();
            while self.client.poll_transmit(&mut frame).is_some() {
                self.sent.push(String::from_utf8_lossy(&frame).into_owned());
                let taken = Bytes::from(core::mem::take(&mut frame));
                self.server.handle_frame(NOW, Route::Pipe, taken);
            }
            while let Some(event) = self.server.poll_event() {
                let ServerEvent::Request(request) = event else {
                    continue;
                };
                let id = request.id;
                let written = match request.params::<CallTool>() {
                    Ok(params) => {
                        let text = params
                            .arguments
                            .map_or_else(String::new, |raw| format!("{raw}"));
                        let result = CallToolResult::new(vec![ContentBlock::text(text)]);
                        self.server.reply::<CallTool>(NOW, id, &result)
                    }
                    Err(_) => {
                        let tools = ListToolsResult::new(vec![tool()]);
                        self.server.reply::<ListTools>(NOW, id, &tools)
                    }
                };
                assert_eq!(written, Ok(()));
            }
            while self.server.poll_transmit(&mut frame).is_some() {
                let taken = Bytes::from(core::mem::take(&mut frame));
                self.client.handle_frame(NOW, Route::Pipe, taken);
            }
            while let Some(event) = self.client.poll_event() {
                if let ClientEvent::Completed(completed) = event {
                    self.completed.push(completed);
                }
            }
        }
    }

    fn echo(&mut self) -> String {
        let params = CallToolParams::new("t").arguments(Raw::new(r#"{"a":1}"#).expect("JSON"));
        let started = self
            .client
            .call::<CallTool>(NOW, &params, CallOptions::default());
        assert!(started.is_ok(), "{started:?}");
        self.drive();
        let completed = self.completed.pop().expect("the call has ended");
        let result = completed.result::<CallTool>().expect("it succeeded");
        result.content[0].as_text().expect("a text").into()
    }
}

#[test]
fn a_session_of_the_next_revision_opens_and_echoes() {
    let mut pair = Pair::open(&Revision::ALL, &Revision::ALL);
    assert_eq!(pair.client.revision(), Some(NEXT));
    assert_eq!(pair.echo(), r#"{"a":1}"#);
    let sent = pair.sent.last().expect("the call was sent");
    assert!(sent.contains(r#"protocolVersion":"2027-06-30""#), "{sent}");
}

#[test]
fn each_request_says_the_revision_that_was_agreed_on_and_not_the_newest() {
    let released = &Revision::ALL[..5];
    for (client, server) in [
        (&Revision::ALL[..], released),
        (released, &Revision::ALL[..]),
    ] {
        let mut pair = Pair::open(client, server);
        assert_eq!(pair.client.revision(), Some(NEWEST_RELEASED));
        assert_eq!(pair.echo(), r#"{"a":1}"#);
        let sent = pair.sent.last().expect("the call was sent");
        assert!(sent.contains(r#"protocolVersion":"2026-07-28""#), "{sent}");
    }
}
