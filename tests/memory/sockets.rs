//! Floods of a server on a socket: whoever connects, asks and hangs up, however often, leaves nothing,
//! and keeps nobody from being served.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use mcp_proto::io::http::{HttpServeOptions, HttpServer};
use serde_json::json;
use support::http::client::{Sent, Session, call, initialize, modern, wait_for};
use support::http::loopback::Client;
use support::http::server::{Stage, server};

use crate::Scale;

/// What a flood may leave: the room that tables and queues have grown to.
const SLACK: usize = 256 << 10;

fn start() -> (HttpServer, Stage) {
    let (server, stage) = server();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let mut options = HttpServeOptions::default();
    options.connections = 50;
    // However busy the machine is, an answer alone is JSON.
    options.streams.patience = Duration::from_secs(60);
    options.limits.half_open = 50;
    options.limits.cancel_rate = 1_000_000;
    options.limits.cancel_burst = 1_000_000;
    (HttpServer::start(server, listener, options).unwrap(), stage)
}

/// Runs a flood twice as long as the first time, which must not leave more, and sees to it that who
/// behaves is served in between.
fn is_constant(scale: &mut Scale, server: &HttpServer, mut once: impl FnMut(u64)) {
    let mut flood = |times| {
        for id in 0..times {
            once(id);
            if id % 100 == 0 {
                let mut behaved = Client::to(server);
                behaved.send(&call(id, "echo"));
                assert_eq!(behaved.json()["id"], id);
            }
        }
        // Handlers that were cancelled and connections may still be on their way out.
        wait_for(Duration::from_millis(300), std::future::pending::<()>());
    };
    flood(300);
    scale.reset();
    flood(600);
    let held = scale.held();
    assert!(held < SLACK, "{held} bytes are held");
}

/// Sends a request and hangs up at once.
fn hang_up(server: &HttpServer, sent: &Sent) {
    Client::to(server).send(sent);
}

// `httpM.cancel`
#[test]
fn calls_over_sockets_that_are_dropped_leave_nothing() {
    let mut scale = Scale::new();
    let (server, _stage) = start();
    is_constant(&mut scale, &server, |id| {
        hang_up(&server, &call(id, "echo"))
    });
    is_constant(&mut scale, &server, |id| {
        hang_up(&server, &call(id, "steps"))
    });
}

#[test]
fn streams_over_sockets_that_are_dropped_leave_nothing() {
    let mut scale = Scale::new();
    let (server, _stage) = start();
    let params = json!({"notifications": {"toolsListChanged": true}});
    is_constant(&mut scale, &server, |id| {
        hang_up(&server, &modern(id, "subscriptions/listen", params.clone()));
    });
    let get = Session::open(server.service()).get();
    is_constant(&mut scale, &server, |_| hang_up(&server, &get));
}

#[test]
fn sessions_over_sockets_that_are_left_leave_nothing() {
    let mut scale = Scale::new();
    let (server, _stage) = start();
    is_constant(&mut scale, &server, |_| {
        let mut client = Client::to(&server);
        client.send(&initialize());
        assert_eq!(client.head().0, 200);
    });
}

#[test]
fn connections_that_never_ask_leave_nothing() {
    let mut scale = Scale::new();
    let (server, _stage) = start();
    let mut held = VecDeque::new();
    is_constant(&mut scale, &server, |_| {
        let mut client = Client::to(&server);
        client.write(b"POST /mcp HTTP/1.1\r\nhost: localhost\r\n");
        held.push_back(client);
        if held.len() > 100 {
            held.pop_front();
        }
    });
}
