//! The end of a service: new work is refused, streams end, calls may still be answered, and then
//! everything ends.

use std::thread;
use std::time::Duration;

use mcp_proto::io::http::{HttpServeOptions, HttpService};
use serde_json::json;

use support::http::client::{Session, call, modern, wait};
use support::http::server::serve;

fn options() -> HttpServeOptions {
    let mut options = HttpServeOptions::default();
    options.streams.patience = Duration::from_millis(5);
    options
}

/// Closes a service on another thread, and returns once it is being closed.
fn closed(service: &HttpService, grace: Duration) -> thread::JoinHandle<()> {
    let ending = service.clone();
    let closed = support::thread::spawn(move || wait(ending.close(grace)));
    wait(service.closing());
    closed
}

#[test]
fn streams_end_and_calls_are_answered_while_new_ones_are_refused() {
    let (service, _, stage) = serve(options());
    let session = Session::open(&service);
    let filter = json!({"toolsListChanged": true});
    let params = json!({"notifications": filter});
    let mut listening = modern(5, "subscriptions/listen", params).to(&service);
    assert!(listening.message().is_some(), "it is acknowledged");
    let mut standing = session.get().to(&service);
    let mut held = [call(1, "hold"), session.call(2, "hold")].map(|sent| sent.to(&service));
    assert_eq!([stage.next(), stage.next()], ["begun", "begun"]);

    let closed = closed(&service, Duration::from_secs(60));
    let end = listening.message().expect("it is answered");
    assert_eq!(end["id"], 5);
    assert_eq!(listening.message(), None);
    assert_eq!(standing.message(), None);
    for sent in [call(3, "echo"), session.call(3, "echo")] {
        let refused = sent.to(&service);
        assert_eq!(refused.status(), 503);
        assert!(refused.header("retry-after").is_some());
    }
    stage.go();
    stage.go();
    for held in &mut held {
        let end = held.message().expect("it is answered");
        assert_eq!(end["result"]["content"][0]["text"], "held");
        assert_eq!(held.message(), None);
    }
    closed.join().expect("it ends long before its grace");
}

#[test]
fn what_still_runs_after_the_grace_is_ended() {
    let (service, _, stage) = serve(options());
    let session = Session::open(&service);
    let mut held = [call(1, "sleep"), session.call(2, "sleep")].map(|sent| sent.to(&service));
    assert_eq!([stage.next(), stage.next()], ["begun", "begun"]);
    closed(&service, Duration::from_millis(20)).join().unwrap();
    for held in &mut held {
        assert_eq!(held.message(), None);
    }
    assert_eq!([stage.next(), stage.next()], ["dropped", "dropped"]);
    assert_eq!(call(3, "echo").to(&service).status(), 503);
}

#[test]
fn sessions_end_with_the_last_clone_and_a_body_keeps_its_service() {
    let (service, _, stage) = serve(options());
    let session = Session::open(&service);
    let answer = session.call(1, "sleep").to(&service);
    let mut other = call(2, "sleep").to(&service);
    assert_eq!([stage.next(), stage.next()], ["begun", "begun"]);
    drop(service);
    drop(answer);
    // The legacy one has lost its client and isn't ended: a body is still read.
    stage.go();
    stage.go();
    let end = other.message().expect("it is answered");
    assert_eq!(end["result"]["content"][0]["text"], "slept");
}
