//! Streams of events: resumed, closed to cancel, and read while they last.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use mcp_proto::BlockingClient;
use mcp_proto::io::blocking::Canceller;
use mcp_proto::io::http::Remote;
use mcp_proto::session::EraPolicy;
use serde_json::json;

use crate::scripted::{
    EVENTS, Scripted, blocking, channel, event, legacy, modern, options, response, said, with_each,
};

// `httpL.resume` `httpL.sse.retry.obey`
#[test]
fn a_legacy_stream_that_broke_is_resumed_after_its_last_event() {
    let id = std::sync::Mutex::new(json!(null));
    let server = Scripted::start(move |asked, socket| {
        if asked.message() == "tools/call" {
            *id.lock().unwrap() = asked.id().clone();
            let first = format!("{EVENTS}id: e-1\nretry: 100\ndata:\n\n");
            socket.write_all(first.as_bytes()).unwrap();
            return None;
        }
        match asked.header("last-event-id") {
            Some("e-1") => {
                let mut call = asked.clone();
                call.body["id"] = id.lock().unwrap().clone();
                let rest = format!("{EVENTS}{}", event(&call, &said("resumed")));
                socket.write_all(rest.as_bytes()).unwrap();
                None
            }
            Some(other) => panic!("{other}"),
            None => Some(legacy(asked, "s-1", "")),
        }
    });
    let options = options().era(EraPolicy::Legacy);
    with_each(&Remote::new(&*server.url), &options, |client| {
        client.open().unwrap();
        assert_eq!(client.call("slow").unwrap(), "resumed");
        client.close().unwrap();
    });
}

// `httpM.cancel`
#[test]
fn cancelling_a_modern_call_closes_its_stream_at_once() {
    let (tell, told) = channel();
    let server = Scripted::start(move |asked, socket| {
        if asked.message() != "tools/call" {
            return Some(modern(asked, ""));
        }
        socket.write_all(EVENTS.as_bytes()).unwrap();
        tell("called");
        // The end of the input: the client has gone.
        let mut rest = Vec::new();
        drop(socket.read_to_end(&mut rest));
        assert!(rest.is_empty(), "nothing was sent");
        tell("gone");
        None
    });
    for client in blocking(&*server.url, &options()) {
        client.open().unwrap();
        let canceller = Canceller::new();
        let call = std::thread::spawn({
            let client = client.with_canceller(&canceller);
            move || client.call_tool("wait", json!({}))
        });
        assert_eq!(told.recv().unwrap(), "called");
        let begun = Instant::now();
        canceller.cancel();
        call.join().unwrap().unwrap_err();
        assert_eq!(told.recv_timeout(Duration::from_secs(5)).unwrap(), "gone");
        assert!(begun.elapsed() < Duration::from_secs(1));
        client.close().unwrap();
    }
}

// `httpL.sse.disconnect`
#[test]
fn cancelling_a_legacy_call_is_posted_and_ends_its_exchange() {
    let (tell, told) = channel();
    let server = Scripted::start(move |asked, socket| match asked.message() {
        "tools/call" => {
            socket.write_all(EVENTS.as_bytes()).unwrap();
            tell("called");
            drop(socket.read_to_end(&mut Vec::new()));
            tell("gone");
            None
        }
        "notifications/cancelled" => {
            tell("cancelled");
            Some(response(202, &[], ""))
        }
        _ => Some(legacy(asked, "s-1", "")),
    });
    let client = BlockingClient::url(options().era(EraPolicy::Legacy), &*server.url);
    client.open().unwrap();
    let canceller = Canceller::new();
    let call = std::thread::spawn({
        let client = client.with_canceller(&canceller);
        move || client.call_tool("wait", json!({}))
    });
    assert_eq!(told.recv().unwrap(), "called");
    canceller.cancel();
    call.join().unwrap().unwrap_err();
    let limit = Duration::from_secs(5);
    let mut both = [
        told.recv_timeout(limit).unwrap(),
        told.recv_timeout(limit).unwrap(),
    ];
    both.sort_unstable();
    assert_eq!(both, ["cancelled", "gone"]);
    client.close().unwrap();
}

#[test]
fn twenty_threads_call_through_one_client() {
    let server = Scripted::start(|asked, _| Some(modern(asked, "hello")));
    for client in blocking(&*server.url, &options()) {
        client.open().unwrap();
        let call = || {
            for _ in 0..50 {
                let said: String = client.call_tool_as("greet", json!({})).unwrap();
                assert_eq!(said, "hello");
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..20 {
                scope.spawn(call);
            }
        });
        client.close().unwrap();
    }
}
