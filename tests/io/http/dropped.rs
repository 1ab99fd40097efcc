//! Who hangs up at any moment, and bodies and handlers that misbehave: what they have held is free
//! again, which a service that takes one request at a time shows.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::{Arc, OnceLock};
use std::task::{Context as Polled, Poll, Waker};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body::{Body, Frame};
use mcp_proto::Server;
use mcp_proto::io::http::{HttpServeOptions, HttpService};
use mcp_proto::server::{Async, Context};
use serde_json::{Value, json};
use tower_service::Service;

use support::http::client::{Answer, Sent, Session, call, modern, send, wait, wait_for};
use support::http::server::{serve, tool};

/// Options for one request at a time, of which as many may be dropped as one likes.
fn one_at_a_time() -> HttpServeOptions {
    let mut options = HttpServeOptions::default();
    options.limits.requests = 1;
    options.limits.cancel_rate = 1_000_000;
    options.limits.cancel_burst = 1_000_000;
    options.streams.patience = Duration::from_millis(1);
    options
}

/// A body that comes byte by byte and is late with each, and what it ends with.
struct Late {
    left: Vec<u8>,
    is_due: bool,
    end: End,
}

#[derive(Clone, Copy, PartialEq)]
enum End {
    Whole,
    Broken,
    Panic,
}

impl Body for Late {
    type Data = Bytes;
    type Error = &'static str;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Polled<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, &'static str>>> {
        self.is_due = !self.is_due;
        if self.is_due {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        if !self.left.is_empty() {
            let half = self.left.len().div_ceil(2);
            let piece: Vec<u8> = self.left.drain(..half).collect();
            return Poll::Ready(Some(Ok(Frame::data(piece.into()))));
        }
        match self.end {
            End::Whole => Poll::Ready(None),
            End::Broken => Poll::Ready(Some(Err("it broke"))),
            End::Panic => panic!("on purpose"),
        }
    }
}

fn late(sent: Sent, end: End) -> Request<Late> {
    let left = sent.body.clone().into_bytes();
    let is_due = false;
    sent.with_body(Late { left, is_due, end })
}

/// Polls a response at most so often, its head and then its body, and hangs up; whether it was all.
fn hang_up_after(service: &HttpService, request: Request<Late>, mut polls: usize) -> bool {
    let mut cx = Polled::from_waker(Waker::noop());
    let mut response = pin!(service.clone().call(request));
    let response = loop {
        if polls == 0 {
            return false;
        }
        polls -= 1;
        if let Poll::Ready(response) = response.as_mut().poll(&mut cx) {
            break response;
        }
        thread::yield_now();
    };
    let mut body = response.expect("it never fails").into_body();
    while polls > 0 {
        polls -= 1;
        if let Poll::Ready(None) = Pin::new(&mut body).poll_frame(&mut cx) {
            return true;
        }
        thread::yield_now();
    }
    false
}

#[test]
fn whoever_hangs_up_after_any_poll_leaves_room_for_the_next() {
    let (service, _, _stage) = serve(one_at_a_time());
    let params = json!({"name": "steps", "arguments": {}, "_meta": {"progressToken": 7}});
    let listen = json!({"notifications": {"toolsListChanged": true}});
    for sent in [
        call(1, "echo"),
        call(1, "panic"),
        modern(1, "tools/call", params),
        modern(1, "tools/list", json!({})),
        modern(1, "subscriptions/listen", listen),
    ] {
        for polls in 0..60 {
            hang_up_after(&service, late(sent.clone(), End::Whole), polls);
            let next = call(2, "echo").to(&service);
            assert_eq!(next.status(), 200, "after {polls} polls of {}", sent.body);
        }
    }
}

#[test]
fn a_session_goes_on_whenever_its_client_hangs_up() {
    let (service, _, _stage) = serve(one_at_a_time());
    let session = Session::open(&service);
    for polls in 0..60 {
        hang_up_after(
            &service,
            late(session.call(polls, "echo"), End::Whole),
            polls as usize,
        );
        hang_up_after(&service, late(session.get(), End::Whole), polls as usize);
        let next = session.call(1_000 + polls, "echo").to(&service);
        assert_eq!(next.status(), 200, "after {polls} polls");
    }
}

#[test]
fn a_body_that_breaks_or_panics_costs_its_own_request() {
    let (service, _, _stage) = serve(one_at_a_time());
    let session = Session::open(&service);
    for sent in [call(1, "echo"), session.call(1, "echo"), session.delete()] {
        for end in [End::Broken, End::Panic] {
            let request = late(sent.clone(), end);
            let served = catch_unwind(AssertUnwindSafe(|| send(&service, request).status()));
            assert!(
                served.is_err()
                    || served.is_ok_and(|status| status != 200 || sent.method != "POST"),
                "{}",
                sent.body
            );
            assert_eq!(call(2, "echo").to(&service).status(), 200);
        }
    }
}

/// A server whose tool `again` calls `echo` of the service that it is served by.
fn reentrant(requests: usize) -> HttpService {
    let own: Arc<OnceLock<HttpService>> = Arc::default();
    let inner = Arc::clone(&own);
    let server: Server<Async> = Server::new("test", "1.0")
        .tool(tool("echo"), |_, _: Value| Ok("echo".to_owned()))
        .tool_async(tool("again"), move |_: Context, _: Value| {
            let service = inner.get().cloned();
            async move {
                let mut service = service.expect("it is served");
                let answer = service.call(call(9, "echo").request()).await;
                Ok(answer
                    .expect("it never fails")
                    .status()
                    .as_u16()
                    .to_string())
            }
        });
    let mut options = HttpServeOptions::default();
    options.limits.requests = requests;
    let spawn = |handler| drop(support::thread::spawn(move || wait(handler)));
    let service = HttpService::with_spawner(server, options, spawn).expect("it can be served");
    assert!(own.set(service.clone()).is_ok());
    service
}

#[test]
fn a_handler_may_call_the_service_that_it_runs_in_and_is_bounded_as_others_are() {
    for (requests, status) in [(1, "503"), (2, "200"), (3, "200")] {
        let service = reentrant(requests);
        let text = |answer: Answer| answer.json()["result"]["content"][0]["text"].clone();
        assert_eq!(text(call(1, "again").to(&service)), status, "{requests}");
        let session = Session::open(&service);
        let mut answer = session.call(1, "again").to(&service);
        let answer = match answer.header("content-type").as_deref() {
            Some("application/json") => answer.json(),
            _ => answer.message().expect("it is answered"),
        };
        assert_eq!(answer["result"]["content"][0]["text"], status, "{requests}");
        assert!(wait_for(Duration::from_secs(20), service.close(Duration::ZERO)).is_some());
    }
}
