//! Servers that want to know first who asks: what is parked, sent again or refused.

use mcp_proto::http::{Action, HttpClientOptions, HttpMethod, HttpRequest, ResponseHead};
use mcp_proto::rpc::Kind;
use mcp_proto::session::Closed;
use serde_json::json;

use crate::codec::{Codec, events};
use crate::requests::modern;

fn codec() -> Codec {
    let mut options = HttpClientOptions::default();
    options.challenges = 3;
    Codec::new(options)
}

fn unauthorized() -> ResponseHead {
    ResponseHead::new(401).with(
        "www-authenticate",
        "Bearer resource_metadata=\"https://a/m\"",
    )
}

/// Answers a request with a challenge that is handed out.
fn challenge(codec: &mut Codec, request: &HttpRequest, head: &ResponseHead) {
    codec.respond(request, head, "no");
    let actions = codec.actions();
    let expected = Action::Challenge {
        exchange: request.exchange,
        status: head.status,
        headers: head.headers.clone(),
    };
    assert_eq!(actions, [Action::Abort(request.exchange), expected]);
}

#[test]
fn what_was_challenged_is_sent_again_once_it_is_authorized_and_what_waited_follows() {
    // `era.http.auth` `auth.era`
    let mut codec = codec();
    codec.send(1, "tools/call", json!({"name": "a"}));
    codec.send(2, "tools/call", json!({"name": "b"}));
    let (a, b) = (codec.request(), codec.request());
    challenge(&mut codec, &a, &unauthorized());
    // There is one challenge at a time.
    codec.respond(&b, &unauthorized(), "");
    assert_eq!(codec.actions(), [Action::Abort(b.exchange)]);
    codec.send(3, "tools/call", json!({"name": "c"}));
    assert!(codec.actions().is_empty(), "it waits");
    assert_eq!(codec.http.poll_timeout(), None);
    codec.http.authorized(codec.now);
    let sent: Vec<_> = std::iter::from_fn(|| codec.http.poll())
        .map(|action| match action {
            Action::Start(request) => request,
            other => panic!("{other:?}"),
        })
        .collect();
    let names: Vec<_> = sent
        .iter()
        .map(|request| request.headers.one("mcp-name"))
        .collect();
    assert_eq!(names, [Ok(Some("a")), Ok(Some("b")), Ok(Some("c"))]);
    assert_eq!(sent[0].body, a.body);
    codec.http.authorized(codec.now);
    assert!(codec.actions().is_empty());
}

#[test]
fn what_cannot_be_authorized_is_refused_with_its_status() {
    let mut codec = codec();
    codec.send(1, "tools/call", json!({"name": "a"}));
    let request = codec.request();
    let scope =
        ResponseHead::new(403).with("www-authenticate", "Bearer error=\"insufficient_scope\"");
    challenge(&mut codec, &request, &scope);
    codec.send(2, "tools/call", json!({"name": "b"}));
    codec.http.unauthorized(codec.now);
    let refused = codec.actions();
    assert_eq!(refused.len(), 2);
    for action in refused {
        assert!(
            matches!(action, Action::Closed(_, Closed::Refused { status: 403 })),
            "{action:?}"
        );
    }
    // A later request is challenged anew.
    codec.send(3, "tools/call", json!({"name": "c"}));
    let request = codec.request();
    challenge(&mut codec, &request, &unauthorized());
}

#[test]
fn a_challenge_is_a_refusal_where_nobody_meets_it_and_where_it_never_ends() {
    let mut codec = Codec::new(HttpClientOptions::default());
    codec.send(1, "tools/call", json!({"name": "a"}));
    let request = codec.request();
    codec.respond(&request, &unauthorized(), "");
    let refused = |actions: &[Action]| {
        matches!(
            actions,
            [
                Action::Abort(_),
                Action::Closed(_, Closed::Refused { status: 401 })
            ]
        )
    };
    assert!(refused(&codec.actions()));
    let mut codec = self::codec();
    codec.send(1, "tools/call", json!({"name": "a"}));
    for _ in 0..3 {
        let request = codec.request();
        challenge(&mut codec, &request, &unauthorized());
        codec.http.authorized(codec.now);
    }
    let request = codec.request();
    codec.respond(&request, &unauthorized(), "");
    assert!(refused(&codec.actions()));
    // A 403 that says nothing of how to be authorized is a refusal.
    codec.send(2, "tools/call", json!({"name": "a"}));
    let request = codec.request();
    codec.respond(&request, &ResponseHead::new(403), "");
    assert!(matches!(
        codec.actions()[..],
        [_, Action::Closed(_, Closed::Refused { status: 403 })]
    ));
}

#[test]
fn a_call_that_is_cancelled_while_it_is_parked_or_waits_is_never_sent() {
    // `httpM.cancel`
    let mut codec = codec();
    codec.send(1, "tools/call", json!({"name": "a"}));
    let request = codec.request();
    challenge(&mut codec, &request, &unauthorized());
    codec.send(2, "tools/call", json!({"name": "b"}));
    for route in [1, 2] {
        let mut cancel = modern("notifications/cancelled", json!({"requestId": route})).body;
        cancel.as_object_mut().expect("an object").remove("id");
        codec.send_frame(route, Kind::Notification, cancel);
    }
    codec.http.authorized(codec.now);
    assert!(codec.actions().is_empty());
}

#[test]
fn a_handshake_that_is_challenged_goes_on_where_it_was() {
    let mut codec = codec();
    let hello = json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {}});
    codec.send_frame(1, Kind::Request, hello);
    let request = codec.request();
    challenge(&mut codec, &request, &unauthorized());
    codec.http.authorized(codec.now);
    let request = codec.request();
    codec.respond_initialize(&request);
    let initialized = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    codec.send_frame(2, Kind::Notification, initialized);
    let request = codec.request();
    challenge(&mut codec, &request, &unauthorized());
    codec.http.authorized(codec.now);
    let request = codec.request();
    codec.respond(&request, &ResponseHead::new(202), "");
    let stream = codec.request();
    assert_eq!(stream.method, HttpMethod::Get);
    challenge(&mut codec, &stream, &unauthorized());
    codec.http.authorized(codec.now);
    let stream = codec.request();
    assert_eq!(stream.method, HttpMethod::Get);
    codec.respond(&stream, &events(), "");
}

#[test]
fn a_request_about_a_task_names_it_in_a_header() {
    // `task26.header` `httpM.hdr.name`
    let mut codec = codec();
    for (id, method) in [(1, "tasks/get"), (2, "tasks/update"), (3, "tasks/cancel")] {
        codec.send(id, method, json!({"taskId": "t-1", "inputResponses": {}}));
        let request = codec.request();
        assert_eq!(request.headers.one("mcp-name"), Ok(Some("t-1")), "{method}");
        assert_eq!(request.headers.one("mcp-method"), Ok(Some(method)));
    }
}
