//! The service on a socket, by hyper, and a client that writes HTTP by hand.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use mcp_proto::io::http::{HttpServeOptions, HttpServer};
use serde_json::json;

use support::http::client::{SOON, call, modern};
use support::http::loopback::Client;
use support::http::server::{Stage, server};

fn start(options: HttpServeOptions) -> (HttpServer, Stage) {
    let (server, stage) = server();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let server = HttpServer::start(server, listener, options).unwrap();
    (server, stage)
}

fn options() -> HttpServeOptions {
    let mut options = HttpServeOptions::default();
    options.streams.patience = Duration::from_millis(5);
    options
}

#[test]
fn one_connection_carries_one_answer_after_another() {
    let mut options = options();
    options.streams.patience = Duration::from_secs(60);
    let (server, _) = start(options);
    let mut client = Client::to(&server);
    for id in 0..20 {
        client.send(&call(id, "echo"));
        assert_eq!(client.json()["id"], id);
    }
    server.close(Duration::from_secs(60)).unwrap();
    assert_eq!(client.line(), None, "an idle connection is closed");
}

#[test]
fn a_connection_that_closes_cancels_what_it_asked_for() {
    let (server, stage) = start(options());
    for (tool, end) in [("hold", "cancelled"), ("sleep", "dropped")] {
        let mut client = Client::to(&server);
        client.send(&call(1, tool));
        assert_eq!(stage.next(), "begun");
        drop(client);
        assert_eq!(stage.next(), end);
    }
}

#[test]
fn the_end_lets_a_call_be_answered_and_takes_no_connection_any_more() {
    let (server, stage) = start(options());
    let mut held = Client::to(&server);
    held.send(&call(1, "hold"));
    assert_eq!(stage.next(), "begun");
    let mut listening = Client::to(&server);
    let params = json!({"notifications": {"toolsListChanged": true}});
    listening.send(&modern(5, "subscriptions/listen", params));
    assert!(listening.message().is_some(), "it is acknowledged");
    let address = server.address();
    let closed = support::thread::spawn(move || server.close(Duration::from_secs(60)));
    assert_eq!(listening.message().expect("it ends")["id"], 5);
    while TcpStream::connect(address).is_ok() {
        thread::yield_now();
    }
    stage.go();
    let end = held.message().expect("it is answered");
    assert_eq!(end["result"]["content"][0]["text"], "held");
    closed.join().unwrap().unwrap();
}

#[test]
fn a_client_that_reads_nothing_holds_up_no_end() {
    let (server, stage) = start(options());
    let mut held = Client::to(&server);
    held.send(&call(1, "hold"));
    assert_eq!(stage.next(), "begun");
    // Dropping it ends what runs, however long that would have taken.
    drop(server);
    assert_eq!(stage.next(), "cancelled");
}

#[test]
fn a_body_that_is_too_long_is_answered_though_its_client_still_writes() {
    let mut options = options();
    options.body = 1_000;
    let (server, _) = start(options);
    let mut client = Client::to(&server);
    let mut sent = call(1, "echo");
    sent.body = " ".repeat(200_000);
    client.send(&sent);
    assert_eq!(client.head().0, 413);
}

#[test]
fn a_client_that_never_reads_what_it_asks_for_is_closed() {
    let mut options = options();
    options.write_timeout = Duration::from_millis(100);
    options.connections = 1;
    let (server, _) = start(options);
    let mut deaf = Client::to(&server);
    let stream = deaf.0.get_ref();
    stream.set_write_timeout(Some(SOON)).unwrap();
    let mut sent = call(1, "echo");
    let long = format!(r#""arguments":{{"text":"{}"}}"#, "x".repeat(1 << 20));
    sent.body = sent.body.replace(r#""arguments":{}"#, &long);
    // It asks until all that lies between the two is full, and then it waits for the server to go.
    let failed = loop {
        if let Err(error) = deaf.try_send(&sent) {
            break error.kind();
        }
    };
    assert!(
        matches!(failed, ErrorKind::ConnectionReset | ErrorKind::BrokenPipe),
        "{failed}"
    );
    // There is room for one alone.
    let mut client = Client::to(&server);
    client.send(&call(2, "echo").with("connection", "close"));
    assert_eq!(client.message().expect("it is answered")["id"], 2);
}
