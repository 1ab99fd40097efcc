//! More connections than there is room for: those that have nothing to do make room.

use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use mcp_proto::io::http::{HttpServeOptions, HttpServer};

use support::http::client::{Sent, call};
use support::http::loopback::Client;
use support::http::server::{Stage, server};

/// A server with room for so many connections.
fn room_for(connections: usize) -> (HttpServer, Stage) {
    let (server, stage) = server();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let mut options = HttpServeOptions::default();
    options.connections = connections;
    // However busy the machine is, an answer alone is JSON.
    options.streams.patience = Duration::from_secs(60);
    let server = HttpServer::start(server, listener, options).unwrap();
    (server, stage)
}

fn is_served(client: &mut Client, sent: &Sent) {
    client.send(sent);
    assert_eq!(client.json()["id"], 7);
}

#[test]
fn connections_that_say_nothing_lock_nobody_out() {
    let (server, _stage) = room_for(3);
    let part = "POST /mcp HTTP/1.1\r\nhost: localhost\r\n";
    let body = "content-type: application/json\r\ncontent-length: 1000\r\n\r\n{";
    for said in ["", part, &[part, body].concat()] {
        let mut silent: Vec<_> = (0..30).map(|_| Client::to(&server)).collect();
        silent
            .iter_mut()
            .for_each(|client| client.write(said.as_bytes()));
        is_served(&mut Client::to(&server), &call(7, "echo"));
    }
}

#[test]
fn a_connection_that_awaits_its_answer_gives_up_its_room_to_nobody() {
    let (server, stage) = room_for(2);
    let mut held = Client::to(&server);
    held.send(&call(1, "hold").with("connection", "close"));
    assert_eq!(stage.next(), "begun");
    for _ in 0..5 {
        is_served(&mut Client::to(&server), &call(7, "echo"));
        drop(Client::to(&server));
    }
    stage.go();
    assert_eq!(held.message().expect("it is answered")["id"], 1);
}

#[test]
fn whoever_waits_for_room_has_it_when_another_is_answered() {
    let (server, stage) = room_for(1);
    let mut held = Client::to(&server);
    held.send(&call(1, "hold").with("connection", "close"));
    assert_eq!(stage.next(), "begun");
    let mut waiting = Client::to(&server);
    waiting.send(&call(7, "echo"));
    stage.go();
    assert_eq!(held.message().expect("it is answered")["id"], 1);
    assert_eq!(waiting.json()["id"], 7);
}

#[test]
fn a_body_that_is_refused_is_not_asked_for() {
    let (server, _stage) = room_for(1);
    let mut client = Client::to(&server);
    client.write(
        b"POST /mcp HTTP/1.1\r\nhost: evil.example\r\nexpect: 100-continue\r\n\
          content-type: application/json\r\ncontent-length: 2\r\n\r\n",
    );
    assert_eq!(client.head().0, 403);
}
