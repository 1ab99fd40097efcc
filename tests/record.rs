//! Recordings: what is written down of a session, that it plays again to the byte, where it differs, what is hidden.

use bytes::Bytes;
use mcp_proto::frame::FrameError;
use mcp_proto::model::method::CallTool;
use mcp_proto::model::tool::{CallToolParams, CallToolResult};
use mcp_proto::record::{Cue, Difference, Happened, Recorder, Recording};
use mcp_proto::session::{CallOptions, ClientEvent, Closed, Route, ServerEvent};
use mcp_proto::{ClientSession, Instant, Revision, ServerSession, Session};
use serde_json::{Value, json};
use support::on_every_revision;
use support::pair::{client_config, server_config};
use support::script::{initialize, notification, opening_result, tool_call, tool_result};

const START: Instant = Instant::from_millis(1000);

fn at(step: u64) -> Instant {
    Instant::from_millis(1000 + step)
}

/// What the user of the server does with an event.
fn react(session: &mut ServerSession, now: Instant, event: ServerEvent, says: &str) {
    if let ServerEvent::Request(request) = event {
        let result = CallToolResult::text(says);
        session.reply::<CallTool>(now, request.id, &result).unwrap();
    }
}

fn feed(session: &mut impl Session, now: Instant, message: &Value) {
    session.handle_frame(now, Route::Pipe, Bytes::from(message.to_string()));
}

fn send(session: &mut impl Session) {
    while session.poll_transmit(&mut Vec::new()).is_some() {}
}

/// A server that is opened, called, sent rubbish and left, and what was written down of it.
fn recorded(revision: Revision, recorder: Recorder<ServerSession>) -> Vec<u8> {
    let mut server = recorder;
    if revision < Revision::V2026_07_28 {
        feed(&mut server, at(1), &initialize(0, revision.as_str()));
        feed(
            &mut server,
            at(2),
            &notification("notifications/initialized", json!({})),
        );
    }
    feed(&mut server, at(3), &tool_call(revision, 7));
    while let Some(event) = server.poll_event() {
        react(server.session_mut(), at(4), event, "done");
    }
    send(&mut server);
    server.handle_malformed(at(5), Route::Pipe, FrameError::NotUtf8 { valid_up_to: 3 });
    server.handle_frame(at(6), Route::Pipe, Bytes::from_static(b"\xFF\n\x00"));
    server.handle_timeout(at(7));
    send(&mut server);
    server.handle_closed(at(8), Route::Pipe, Closed::EndOfInput);
    server.take_lines()
}

fn play(lines: &[u8], says: &str) -> Result<(), Difference> {
    let recording = Recording::read(lines).unwrap();
    let mut server = ServerSession::new(server_config());
    recording.replay(&mut server, |session, now, cue| {
        if let Cue::Event(event) = cue {
            react(session, now, event, says);
        }
    })
}

on_every_revision! {
    pipe = "a recorder notes whatever comes by whatever route";
    fn what_a_server_did_it_does_again_to_the_byte(revision) {
        let lines = recorded(revision, Recorder::new(ServerSession::new(server_config())));
        assert_eq!(play(&lines, "done"), Ok(()));
        // Read and written down once more, it is the same.
        let again = Recording::read(&lines).unwrap();
        let entries = again.entries().iter().map(|entry| serde_json::to_string(entry).unwrap());
        let written: String = entries.map(|line| line + "\n").collect();
        assert_eq!(written.as_bytes(), lines);
    }
}

on_every_revision! {
    pipe = "a recorder notes whatever comes by whatever route";
    fn a_server_that_says_something_else_is_found_out(revision) {
        let lines = recorded(revision, Recorder::new(ServerSession::new(server_config())));
        let difference = play(&lines, "gone").unwrap_err();
        assert!(difference.expected.contains("done"), "{difference}");
        assert!(difference.found.contains("gone"), "{difference}");
        let debug = format!("{difference:?}");
        assert!(!debug.contains("done") && !debug.contains("gone"), "{debug}");
    }
}

on_every_revision! {
    pipe = "a recorder notes whatever comes by whatever route";
    fn what_is_sent_beyond_the_recording_is_a_difference(revision) {
        let lines = recorded(revision, Recorder::new(ServerSession::new(server_config())));
        let sent = |line: &&[u8]| line.windows(6).any(|part| part == b"\"sent\"");
        let all: Vec<&[u8]> = lines.split_inclusive(|byte| *byte == b'\n').collect();
        let last = all.iter().rposition(sent).unwrap();
        let shorter = all[..last].concat();
        let difference = play(&shorter, "done").unwrap_err();
        assert_eq!(difference.entry, last + 1);
        assert_eq!(&*difference.expected, "nothing more was sent");
    }
}

on_every_revision! {
    pipe = "a recorder notes whatever comes by whatever route";
    fn a_client_does_again_what_its_user_told_it(revision) {
        let call = |client: &mut ClientSession, now| {
            let params = CallToolParams::new("x");
            client.call::<CallTool>(now, &params, CallOptions::new()).unwrap();
        };
        let config = client_config(revision);
        let mut client = Recorder::new(ClientSession::new(config.clone()));
        client.command(START, "open", |client, now| client.open(now).unwrap());
        let mut asked = Vec::new();
        client.poll_transmit(&mut asked).unwrap();
        let asked: Value = serde_json::from_slice(&asked).unwrap();
        let opened = opening_result(revision, &json!({"tools": {}}));
        feed(&mut client, at(1), &support::script::result(&asked["id"], opened));
        send(&mut client);
        assert!(matches!(client.poll_event(), Some(ClientEvent::Opened { .. })));
        client.command(at(2), "call", call);
        let mut called = Vec::new();
        client.poll_transmit(&mut called).unwrap();
        let called: Value = serde_json::from_slice(&called).unwrap();
        feed(&mut client, at(3), &support::script::result(&called["id"], tool_result()));
        assert!(matches!(client.poll_event(), Some(ClientEvent::Completed(_))));
        let recording = Recording::read(&client.take_lines()).unwrap();
        let mut completed = 0;
        let played = recording.replay(&mut ClientSession::new(config), |client, now, cue| match cue {
            Cue::Command("open") => client.open(now).unwrap(),
            Cue::Command(_) => call(client, now),
            Cue::Event(ClientEvent::Completed(_)) => completed += 1,
            _ => {}
        });
        assert_eq!((played, completed), (Ok(()), 1));
    }
}

on_every_revision! {
    pipe = "a recorder notes whatever comes by whatever route";
    fn what_is_redacted_is_nowhere_in_the_lines_and_plays_all_the_same(revision) {
        let secret = "hunter2 \\\" }, ]";
        let recorder = Recorder::new(ServerSession::new(server_config())).redact(["name", "text"]);
        let mut server = recorder;
        if revision < Revision::V2026_07_28 {
            feed(&mut server, at(1), &initialize(0, revision.as_str()));
            feed(&mut server, at(2), &notification("notifications/initialized", json!({})));
        }
        let mut call = tool_call(revision, 7);
        call["params"]["name"] = json!(secret);
        call["params"]["arguments"] = json!({"name": [{"deep": secret}, secret], "n\u{61}me2": 1});
        feed(&mut server, at(3), &call);
        let head = Bytes::from_static(b"hunter2");
        let error = FrameError::TooLong { length: 9, limit: 3, head, last: b'}' };
        server.handle_malformed(at(4), Route::Pipe, error);
        server.handle_frame(at(5), Route::Pipe, Bytes::from_static(b"hunter2, which is no JSON"));
        while let Some(event) = server.poll_event() {
            react(server.session_mut(), at(6), event, secret);
        }
        send(&mut server);
        let lines = server.take_lines();
        let text = String::from_utf8(lines.clone()).unwrap();
        assert!(!text.contains("hunter2"), "{text}");
        assert!(text.contains("***"), "{text}");
        let recording = Recording::read(&lines).unwrap().redacted(["name", "text"]);
        let played = recording.replay(&mut ServerSession::new(server_config()), |session, now, cue| {
            if let Cue::Event(event) = cue {
                react(session, now, event, "not the secret");
            }
        });
        assert_eq!(played, Ok(()));
    }
}

#[test]
fn lines_over_the_limit_are_counted_and_said_to_be_missing() {
    let mut server = Recorder::new(ServerSession::new(server_config())).limit(400);
    for step in 0..100 {
        feed(
            &mut server,
            at(step),
            &json!({"jsonrpc": "2.0", "id": step, "method": "ping"}),
        );
        send(&mut server);
    }
    let lines = server.take_lines();
    assert!(lines.len() < 600, "{}", lines.len());
    let recording = Recording::read(&lines).unwrap();
    let (missing, kept) = recording.entries().split_last().unwrap();
    assert_eq!(missing.happened, Happened::Missing(200 - kept.len() as u64));
    let played = recording.replay(
        &mut ServerSession::new(server_config()),
        |_, _, _: Cue<_>| {},
    );
    assert_eq!(played.unwrap_err().entry, kept.len() + 1);
    // Once the lines were taken it goes on.
    feed(
        &mut server,
        at(101),
        &json!({"jsonrpc": "2.0", "id": 101, "method": "ping"}),
    );
    assert_eq!(
        Recording::read(&server.take_lines())
            .unwrap()
            .entries()
            .len(),
        1
    );
}

#[test]
fn a_line_that_is_no_entry_is_named() {
    let lines = recorded(
        Revision::V2026_07_28,
        Recorder::new(ServerSession::new(server_config())),
    );
    let mut spoilt = lines.clone();
    spoilt.extend_from_slice(b"\n{\"at\":7}\n");
    let error = Recording::read(&spoilt).unwrap_err();
    let number = lines.iter().filter(|byte| **byte == b'\n').count() + 2;
    assert_eq!(error.line, number);
    assert!(
        error
            .to_string()
            .starts_with(&format!("line {number} is no entry")),
        "{error}"
    );
}

/// The text that all diagrams of these tests are of.
fn diagram(message: &str) -> mcp_proto::record::Diagram {
    let mut server = Recorder::new(ServerSession::new(server_config()));
    server.handle_frame(
        START,
        Route::Pipe,
        Bytes::copy_from_slice(message.as_bytes()),
    );
    send(&mut server);
    server.handle_closed(at(2), Route::Pipe, Closed::EndOfInput);
    let recording = Recording::read(&server.take_lines()).unwrap();
    recording.diagram("client", "server")
}

#[test]
fn a_diagram_shows_each_frame_with_its_time_and_no_contents() {
    let call = tool_call(Revision::V2026_07_28, 7).to_string();
    let text = diagram(&call).text();
    let lines: Vec<&str> = text.lines().collect();
    assert!(
        lines[0].contains("client") && lines[0].contains("server"),
        "{text}"
    );
    assert!(
        lines[1].contains("0.000  │── tools/call echo #7 ──"),
        "{text}"
    );
    assert!(lines[1].ends_with("▶│"), "{text}");
    assert!(lines[2].contains("2.000  │"), "{text}");
    let width = |line: &&&str| line.chars().count();
    assert!(
        lines[1..]
            .iter()
            .map(|line| width(&line))
            .all(|it| it == 69),
        "{text}"
    );
}

#[test]
fn an_image_holds_what_a_peer_said_as_text_only() {
    let hostile = json!({
        "jsonrpc": "2.0", "id": "</text><script>alert(1)</script>", "method": "<&\u{7}",
    });
    let image = diagram(&hostile.to_string()).svg();
    assert!(!image.contains("<script"), "{image}");
    assert!(image.contains("&lt;"), "{image}");
    assert!(image.starts_with("<svg ") && image.ends_with("</svg>\n"));
    assert!(!image.contains('\u{7}'));
}

#[cfg(feature = "proptest")]
mod properties {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_bytes_can_be_recorded_read_and_drawn(frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..8)) {
            for redacts in [false, true] {
                let mut server = Recorder::new(ServerSession::new(server_config()));
                if redacts {
                    server = server.redact(["id"]);
                }
                for frame in &frames {
                    server.handle_frame(START, Route::Pipe, Bytes::copy_from_slice(frame));
                }
                send(&mut server);
                let recording = Recording::read(&server.take_lines()).unwrap();
                prop_assert!(recording.diagram("a", "b").text().lines().count() <= 2 * frames.len() + 1);
                recording.diagram("a", "b").svg();
            }
        }
    }
}
