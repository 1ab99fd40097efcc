//! Streams that a legacy client asks for again: how often, how long it waits, and when it stops.

use std::time::Duration;

use mcp_proto::Revision;
use mcp_proto::frame::FrameError;
use mcp_proto::http::{Action, End, HttpClientOptions, HttpMethod, HttpRequest, ResponseHead};
use mcp_proto::rpc::Kind;
use mcp_proto::session::{Closed, Route};
use serde_json::json;

use crate::codec::{Codec, events};

/// A codec that has sent `initialized`, and the request for the stream of what belongs to no request.
fn standing(options: HttpClientOptions) -> (Codec, HttpRequest) {
    let mut codec = Codec::new(options);
    let hello = json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {}});
    codec.send_frame(1, Kind::Request, hello);
    let request = codec.request();
    codec.respond_initialize(&request);
    codec.send_frame(
        2,
        Kind::Notification,
        json!({"jsonrpc": "2.0", "method": "notifications/initialized"}),
    );
    let request = codec.request();
    codec.respond(&request, &ResponseHead::new(202), "");
    let stream = codec.request();
    assert_eq!(stream.method, HttpMethod::Get);
    (codec, stream)
}

/// Lets the time come at which something is due, and returns how long that took and what is sent.
fn next(codec: &mut Codec) -> Option<(Duration, HttpRequest)> {
    let at = codec.http.poll_timeout()?;
    let passed = at - codec.now;
    codec.now = at;
    codec.http.handle_timeout(at);
    Some((passed, codec.request()))
}

#[test]
fn a_stream_that_its_server_keeps_ending_is_asked_for_ever_more_seldom_and_then_no_more() {
    let (mut codec, mut stream) = standing(HttpClientOptions::default());
    let mut pauses = Vec::new();
    loop {
        codec.respond_events(&stream, ": nothing\n\n");
        let Some((pause, again)) = next(&mut codec) else {
            break;
        };
        assert_eq!(again.method, HttpMethod::Get);
        pauses.push(pause.as_secs());
        stream = again;
    }
    assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300]);
    assert!(codec.actions().is_empty(), "to have none is no failure");
}

#[test]
fn an_event_that_is_too_long_costs_the_stream_nothing_else() {
    let mut options = HttpClientOptions::default();
    options.limits.frame = 64;
    let (mut codec, stream) = standing(options);
    let body = |codec: &mut Codec, text: &str| {
        codec
            .http
            .handle_body(codec.now, stream.exchange, text.as_bytes());
    };
    codec
        .http
        .handle_head(codec.now, stream.exchange, &events());
    // At the limit, and a byte beyond it.
    let message = |length: usize| {
        let text = r#"{"jsonrpc":"2.0","method":""}"#;
        text.replace(
            "\"\"}",
            &format!("\"{}\"}}", "x".repeat(length - text.len())),
        )
    };
    for _ in 0..3 {
        body(&mut codec, &format!("id: 1\ndata: {}\n\n", message(64)));
        assert_eq!(codec.frame()["jsonrpc"], "2.0");
        body(&mut codec, &format!("id: 2\ndata: {}\n\n", message(65)));
        let actions = codec.actions();
        assert!(
            matches!(
                actions[..],
                [Action::Malformed(
                    Route::Standalone,
                    FrameError::TooLong { limit: 64, .. }
                )]
            ),
            "{actions:?}"
        );
    }
    // It goes on after the event that was dropped.
    codec
        .http
        .handle_end(codec.now, stream.exchange, End::Broken);
    let (_, again) = next(&mut codec).expect("it asks for more");
    assert_eq!(again.headers.one("last-event-id"), Ok(Some("2")));
}

#[test]
fn a_server_that_says_when_to_come_back_is_asked_then_and_after_a_while_more_seldom() {
    // `httpL.sse.retry.obey`
    let (mut codec, mut stream) = standing(HttpClientOptions::default());
    let mut pauses = Vec::new();
    for round in 0..40 {
        codec.respond_events(&stream, &format!("id: e{round}\nretry: 3000\ndata:\n\n"));
        let (pause, again) = next(&mut codec).expect("it asks for more");
        let last = format!("e{round}");
        assert_eq!(again.headers.one("last-event-id"), Ok(Some(&*last)));
        pauses.push(pause.as_secs());
        stream = again;
    }
    assert_eq!(pauses[..8], [3, 3, 3, 3, 3, 3, 6, 12]);
    assert_eq!(pauses[39], 300);
    // A message begins it anew.
    codec.respond_events(&stream, "data: {\"jsonrpc\":\"2.0\",\"method\":\"x\"}\n\n");
    codec.frame();
    assert_eq!(next(&mut codec).expect("it asks").0.as_secs(), 3);
}

#[test]
fn no_server_makes_a_client_wait_for_ever_or_ask_without_a_pause() {
    for (said, pause) in [
        ("1000000000000000000", Duration::from_secs(300)),
        ("0", Duration::from_millis(50)),
    ] {
        let (mut codec, stream) = standing(HttpClientOptions::default());
        codec.respond_events(&stream, &format!("retry: {said}\ndata:\n\n"));
        assert_eq!(next(&mut codec).expect("it asks").0, pause);
    }
}

#[test]
fn a_stream_that_lasted_is_asked_for_again_as_if_for_the_first_time() {
    let (mut codec, mut stream) = standing(HttpClientOptions::default());
    for _ in 0..50 {
        codec
            .http
            .handle_head(codec.now, stream.exchange, &events());
        codec.now = codec.now + Duration::from_secs(60);
        codec
            .http
            .handle_end(codec.now, stream.exchange, End::Broken);
        let (pause, again) = next(&mut codec).expect("it asks");
        assert_eq!(pause.as_secs(), 1);
        stream = again;
    }
}

#[test]
fn a_server_that_is_away_for_a_while_does_not_cost_the_stream_that_it_gave() {
    let (mut codec, stream) = standing(HttpClientOptions::default());
    codec.respond_events(&stream, "id: 7\ndata:\n\n");
    let (_, again) = next(&mut codec).expect("it asks");
    codec
        .http
        .handle_end(codec.now, again.exchange, End::NotSent);
    let (_, again) = next(&mut codec).expect("it asks");
    let busy = ResponseHead::new(503).with("retry-after", "20");
    codec.respond(&again, &busy, "");
    assert_eq!(codec.actions(), [Action::Abort(again.exchange)]);
    let (pause, again) = next(&mut codec).expect("it asks");
    assert_eq!(pause.as_secs(), 20);
    assert_eq!(again.headers.one("last-event-id"), Ok(Some("7")));
    // What it has read is forgotten there, so it goes on without.
    codec.respond(&again, &ResponseHead::new(400), "");
    assert_eq!(codec.actions(), [Action::Abort(again.exchange)]);
    let (_, again) = next(&mut codec).expect("it asks");
    assert!(!again.headers.has("last-event-id"));
    codec.respond(&again, &ResponseHead::new(405), "");
    assert_eq!(codec.actions(), [Action::Abort(again.exchange)]);
    assert!(next(&mut codec).is_none());
}

/// A legacy call whose stream has given an event with an id and then ended.
fn broken(options: HttpClientOptions) -> Codec {
    let (mut codec, stream) = standing(options);
    codec.respond(&stream, &ResponseHead::new(405), "");
    codec.actions();
    let call = json!({"jsonrpc": "2.0", "id": 9, "method": "tools/call", "params": {"name": "x"}});
    codec.send_frame(9, Kind::Request, call);
    let request = codec.request();
    codec
        .http
        .handle_head(codec.now, request.exchange, &events());
    codec
        .http
        .handle_body(codec.now, request.exchange, b"id: 1\ndata:\n\n");
    codec
        .http
        .handle_end(codec.now, request.exchange, End::Broken);
    codec
}

#[test]
fn a_call_whose_stream_cannot_be_had_back_is_lost_and_never_said_not_to_have_been_sent() {
    // `httpL.resume` `httpM.reissue.safe`
    let mut codec = broken(HttpClientOptions::default());
    let mut tries = 0;
    while let Some((_, again)) = next(&mut codec) {
        tries += 1;
        assert_eq!(again.headers.one("last-event-id"), Ok(Some("1")));
        codec
            .http
            .handle_end(codec.now, again.exchange, End::NotSent);
    }
    assert_eq!(tries, 5);
    let actions = codec.actions();
    assert!(
        matches!(
            &actions[..],
            [Action::Closed(Route::Exchange(_), Closed::ReadFailed)]
        ),
        "{actions:?}"
    );
    for (status, why) in [
        (400, Closed::ReadFailed),
        (405, Closed::ReadFailed),
        (404, Closed::Forgotten),
    ] {
        let mut codec = broken(HttpClientOptions::default());
        let (_, again) = next(&mut codec).expect("it asks");
        codec.respond(&again, &ResponseHead::new(status), "");
        let closed: Vec<_> = codec
            .actions()
            .into_iter()
            .filter_map(|action| match action {
                Action::Closed(route, why) => Some((route == Route::Pipe, why)),
                _ => None,
            })
            .collect();
        assert_eq!(closed, [(status == 404, why)]);
    }
}

#[test]
fn nobody_asks_for_the_stream_of_a_call_that_was_cancelled() {
    let cancel =
        json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 9}});
    let mut codec = broken(HttpClientOptions::default());
    codec.send_frame(9, Kind::Notification, cancel);
    let told = codec.request();
    assert_eq!(told.method, HttpMethod::Post, "a legacy server is told");
    codec.respond(&told, &ResponseHead::new(202), "");
    assert!(next(&mut codec).is_none());
    assert_eq!(Revision::NEWEST_LEGACY.as_str(), "2025-11-25");
}
