//! How frames flow: in order, in both directions at once, and no faster than they are taken.

use std::io::{self, Write};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use mcp_proto::Limits;
use mcp_proto::frame::FrameError;
use mcp_proto::model::capability::ServerCapabilities;
use mcp_proto::model::method::CallTool;
use mcp_proto::model::tool::{CallToolParams, CallToolResult};
use mcp_proto::rpc::Raw;
use mcp_proto::session::{
    CallOptions, ClientConfig, ClientEvent, ClientSession, EraPolicy, ServerConfig, ServerEvent,
    ServerSession, Session,
};

use support::amount;

use super::{Adapter, Connected};
use crate::toy::{Event, Toy, event, frame, long_frame};

/// Frames of ten thousand bytes, more of them than all buffers on the way hold.
const COUNT: usize = 2500;

/// Writes so many numbered frames to us on a thread of its own, and ends.
fn pour(us: &mut Connected<Toy>, count: usize) -> JoinHandle<io::Result<()>> {
    let mut to_us = std::mem::replace(&mut us.to_us, Box::new(io::sink()));
    support::thread::spawn(move || {
        (0..count).try_for_each(|number| writeln!(to_us, "{}", long_frame(number, 10_000)))
    })
}

fn handled(us: &Connected<Toy>) -> usize {
    us.handle.with(|toy, _| toy.handled)
}

pub fn frames_cross_in_both_directions_in_order<A: Adapter>() {
    // `stdio.stdout.pure`, `stdio.stdin.pure`, `stdio.frame`
    let mut us = A::connect(Toy::default());
    let mut to_us = std::mem::replace(&mut us.to_us, Box::new(io::sink()));
    let write = support::thread::spawn(move || {
        for number in 0..1000 {
            writeln!(to_us, "{}", frame(number)).unwrap();
        }
        to_us
    });
    // A socket holds few small writes, so they are read as they come.
    let from_us = std::mem::replace(&mut us.from_us, Box::new(io::empty()));
    let read = support::thread::spawn(move || io::read_to_string(from_us).unwrap());
    for number in 0..1000 {
        us.handle.with(|toy, _| toy.send(frame(number)));
        assert_eq!(us.next().unwrap(), Some(event(frame(number))));
    }
    us.handle.with(|toy, _| toy.close());
    assert_eq!(us.next().unwrap(), None);
    drop(write.join());
    let all = read.join().unwrap();
    assert!(all.lines().eq((0..1000).map(frame)));
}

pub fn large_frames_cross_in_both_directions_at_once<A: Adapter>() {
    let mut us = A::connect(Toy::default());
    let mut to_us = std::mem::replace(&mut us.to_us, Box::new(io::sink()));
    let from_us = std::mem::replace(&mut us.from_us, Box::new(io::empty()));
    for number in 0..3 {
        us.handle
            .with(|toy, _| toy.send(long_frame(number, 1 << 20)));
    }
    let write = support::thread::spawn(move || {
        for number in 0..3 {
            writeln!(to_us, "{}", long_frame(number, 1 << 20)).unwrap();
        }
        to_us
    });
    let read = support::thread::spawn(move || io::read_to_string(from_us).unwrap());
    for number in 0..3 {
        let expected = event(long_frame(number, 1 << 20));
        assert!(us.next().unwrap() == Some(expected), "frame {number}");
    }
    us.handle.with(|toy, _| toy.close());
    assert_eq!(us.next().unwrap(), None);
    drop(write.join());
    let all = read.join().unwrap();
    assert!(
        all.lines()
            .eq((0..3).map(|number| long_frame(number, 1 << 20)))
    );
}

pub fn lines_that_are_no_frames_cost_no_others<A: Adapter>() {
    let mut us = A::connect(Toy::default());
    let mut to_us = std::mem::replace(&mut us.to_us, Box::new(io::sink()));
    let write = support::thread::spawn(move || {
        to_us.write_all(b"\n\r\n \n\xff\xfe\n").unwrap();
        let long = "x".repeat((2 << 20) + 2);
        writeln!(to_us, "{long}").unwrap();
        to_us.write_all(b"{\"good\":1}\n").unwrap();
        to_us
    });
    let garbage = us.next().unwrap();
    assert!(matches!(garbage, Some(Event::Frame(line)) if line[..] == b"\xff\xfe"[..]));
    let long = us.next().unwrap();
    assert!(matches!(
        long,
        Some(Event::Malformed(FrameError::TooLong { .. }))
    ));
    assert_eq!(us.next().unwrap(), Some(event("{\"good\":1}")));
    drop(write.join());
}

pub fn a_peer_that_does_not_read_stops_our_reading<A: Adapter>() {
    let mut toy = Toy::echo();
    toy.output_limit = 64 << 10;
    let mut us = A::connect(toy);
    let write = pour(&mut us, COUNT);
    let mut before = 0;
    loop {
        assert!(us.next_within(Duration::from_millis(100)).is_none());
        let (now, wants) = us.handle.with(|toy, _| (toy.handled, toy.wants_frames()));
        if now == before && !wants {
            break;
        }
        before = now;
    }
    assert!(before < COUNT * 3 / 5, "{before} of {COUNT} were read");

    let from_us = std::mem::replace(&mut us.from_us, Box::new(io::empty()));
    let read = support::thread::spawn(move || io::read_to_string(from_us).unwrap());
    while us.next().unwrap().is_some() {}
    drop(us);
    write.join().unwrap().unwrap();
    let all = read.join().unwrap();
    assert_eq!(all.lines().count(), COUNT, "nothing is lost");
}

pub fn a_user_who_takes_no_events_stops_our_reading<A: Adapter>() {
    let mut toy = Toy::default();
    toy.event_limit = 10;
    let mut us = A::connect(toy);
    let count = amount(1000, COUNT);
    let write = pour(&mut us, count);
    for number in 0..count {
        if number % 1000 == 500 {
            thread::sleep(Duration::from_millis(50));
        }
        let expected = event(long_frame(number, 10_000));
        assert!(us.next().unwrap() == Some(expected), "frame {number}");
        let ahead = handled(&us) - number;
        assert!(ahead <= 20, "{ahead} are held");
    }
    write.join().unwrap().unwrap();
}

/// Hands on what one end says to the other.
fn join(from: &mut impl FnMut() -> Box<dyn io::Read + Send>, to: Box<dyn Write + Send>) {
    let (mut from, mut to) = (from(), to);
    support::thread::spawn(move || io::copy(&mut from, &mut to));
}

/// Each has more to send than it may keep: neither may stop what would relieve the other.
pub fn two_sessions_that_are_both_full_go_on<A: Adapter>() {
    const CALLS: usize = 40;
    let mut limits = Limits::default();
    limits.output = 64 << 10;
    let config = ClientConfig::new("client", "1")
        .era(EraPolicy::Legacy)
        .limits(limits.clone());
    let mut client = A::connect(ClientSession::new(config));
    let offers = ServerCapabilities::new().tools(false);
    let config = ServerConfig::new("server", "1")
        .capabilities(offers)
        .limits(limits);
    let mut server = A::connect(ServerSession::new(config));
    let empty = || Box::new(io::empty()) as Box<dyn io::Read + Send>;
    let sink = || Box::new(io::sink()) as Box<dyn Write + Send>;
    let mut said = std::mem::replace(&mut client.from_us, empty());
    join(
        &mut || std::mem::replace(&mut said, empty()),
        std::mem::replace(&mut server.to_us, sink()),
    );
    let mut said = std::mem::replace(&mut server.from_us, empty());
    join(
        &mut || std::mem::replace(&mut said, empty()),
        std::mem::replace(&mut client.to_us, sink()),
    );
    let (done, is_done) = mpsc::channel::<()>();
    let serve = support::thread::spawn(move || {
        while is_done.try_recv() == Err(mpsc::TryRecvError::Empty) {
            if let Some(event) = server.next_within(Duration::from_millis(20)) {
                let Some(ServerEvent::Request(request)) = event.unwrap() else {
                    continue;
                };
                let params = request.params::<CallTool>().unwrap();
                let text = params.arguments.as_ref().unwrap().as_str().to_owned();
                let result = CallToolResult::text(text);
                let reply = |session: &mut ServerSession, now| {
                    session.reply::<CallTool>(now, request.id, &result)
                };
                server.handle.with(reply).unwrap();
            }
        }
    });
    client.handle.with(ClientSession::open).unwrap();
    let arguments = format!("{{\"a\":\"{}\"}}", "x".repeat(16 << 10));
    let (mut begun, mut answered) = (0, 0);
    while answered < CALLS {
        let event = client.next_within(Duration::from_millis(5));
        match event.map(|event| event.unwrap().expect("it is open")) {
            Some(ClientEvent::Completed(call)) => {
                let result = call.result::<CallTool>().unwrap();
                assert_eq!(result.content[0].as_text(), Some(&arguments[..]));
                answered += 1;
            }
            Some(ClientEvent::Closed(reason)) => panic!("{reason}"),
            _ => {}
        }
        while begun < CALLS && client.handle.with(|session, _| session.is_open()) {
            let raw = Raw::new(&arguments[..]).unwrap();
            let params = CallToolParams::new("echo").arguments(raw);
            let call = client
                .handle
                .with(|session, now| session.call::<CallTool>(now, &params, CallOptions::new()));
            // One that is refused for want of room is tried again later.
            if call.is_err() {
                break;
            }
            begun += 1;
        }
    }
    drop(done);
    serve.join().unwrap();
}
