//! What a service takes on: policy before the body, bodies within their bounds, handlers that never
//! keep others from being answered.

use std::time::Duration;

use bytes::Bytes;
use mcp_proto::http::HttpPolicy;
use mcp_proto::io::http::HttpServeOptions;
use serde_json::json;

use support::http::client::{Pieces, call, modern, send};
use support::http::server::{serve, service};

/// A body of so many pieces of 1,000 bytes.
fn body(pieces: usize, ends: bool) -> Pieces {
    let left = (0..pieces)
        .map(|_| Bytes::from(vec![b' '; 1_000]))
        .collect();
    Pieces { left, ends }
}

// `httpL.origin` `httpM.origin`
#[test]
fn a_foreign_host_or_page_is_refused_before_the_body_is_awaited() {
    let (service, _) = service();
    let mut foreign = call(1, "echo");
    foreign.headers[0].1 = "evil.example".into();
    let page = call(1, "echo").with("origin", "https://evil.example");
    for sent in [foreign, page] {
        assert_eq!(send(&service, sent.with_body(body(1, true))).status(), 403);
    }
}

#[test]
fn a_page_of_a_named_origin_may_read_every_answer() {
    let policy = HttpPolicy::local().origins(["https://app.example"]);
    let (service, ..) = serve(HttpServeOptions::default().policy(policy));
    let page = || call(1, "echo").with("origin", "https://app.example");
    let mut broken = page();
    broken.body = "{".into();
    for (sent, status) in [(page(), 200), (broken, 400)] {
        let answer = sent.to(&service);
        assert_eq!(answer.status(), status);
        let allowed = answer.header("access-control-allow-origin");
        assert_eq!(allowed.as_deref(), Some("https://app.example"));
    }
}

// `httpM.limits`
#[test]
fn a_body_may_be_as_long_as_it_may_be_and_no_longer() {
    let mut options = HttpServeOptions::default();
    options.body = 3_000;
    options.body_timeout = Duration::from_millis(100);
    let (service, ..) = serve(options);
    for (pieces, status) in [(3, 400), (4, 413)] {
        let sent = call(1, "echo").with_body(body(pieces, true));
        assert_eq!(send(&service, sent).status(), status, "{pieces} pieces");
    }
    // One that says how long it is isn't even begun.
    let sent = call(1, "echo").with("content-length", "3001");
    assert_eq!(send(&service, sent.with_body(body(1, true))).status(), 413);
    let slow = call(1, "echo").with_body(body(1, false));
    assert_eq!(send(&service, slow).status(), 408);
}

#[test]
fn handlers_that_fill_the_pool_keep_nobody_from_lists_and_refusals() {
    let (service, _, stage) = serve(HttpServeOptions::default().threads(1));
    let request = call(1, "hold").request();
    let mut held = Box::pin(tower_service::Service::call(&mut service.clone(), request));
    assert!(support::http::client::wait_for(Duration::ZERO, &mut held).is_none());
    assert_eq!(stage.next(), "begun");
    let listed = modern(2, "tools/list", json!({})).to(&service).json();
    assert!(listed["result"]["tools"].as_array().expect("a list").len() > 5);
    assert_eq!(
        modern(3, "server/discover", json!({}))
            .to(&service)
            .status(),
        200
    );
    assert_eq!(modern(4, "no/such", json!({})).to(&service).status(), 404);
    drop(held);
    assert_eq!(stage.next(), "cancelled");
}

#[test]
fn too_many_requests_at_once_are_refused_until_one_has_ended() {
    let mut options = HttpServeOptions::default();
    options.limits.requests = 2;
    options.streams.patience = Duration::from_millis(5);
    let (service, _, stage) = serve(options);
    let held: Vec<_> = (0..2).map(|id| call(id, "hold").to(&service)).collect();
    let refused = call(2, "echo").to(&service);
    assert_eq!(refused.status(), 503);
    assert!(refused.header("retry-after").is_some());
    assert_eq!(stage.next(), "begun");
    assert_eq!(stage.next(), "begun");
    drop(held);
    assert_eq!(call(3, "echo").to(&service).status(), 200);
}
