//! How frames flow: in order, in both directions at once, and no faster than they are taken.

use std::io::{self, Write};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use mcp_proto::frame::FrameError;
use mcp_proto::session::Session;

use super::{Adapter, Connected};
use crate::toy::{Event, Toy, event, frame, long_frame};

/// Frames of ten thousand bytes, more of them than all buffers on the way hold.
const COUNT: usize = 2500;

/// Writes numbered frames to us on a thread of its own, and ends.
fn pour(us: &mut Connected<Toy>) -> JoinHandle<io::Result<()>> {
    let mut to_us = std::mem::replace(&mut us.to_us, Box::new(io::sink()));
    thread::spawn(move || {
        (0..COUNT).try_for_each(|number| writeln!(to_us, "{}", long_frame(number, 10_000)))
    })
}

fn handled(us: &Connected<Toy>) -> usize {
    us.handle.with(|toy, _| toy.handled)
}

pub fn frames_cross_in_both_directions_in_order<A: Adapter>() {
    // `stdio.stdout.pure`, `stdio.stdin.pure`, `stdio.frame`
    let mut us = A::connect(Toy::default());
    let mut to_us = std::mem::replace(&mut us.to_us, Box::new(io::sink()));
    let write = thread::spawn(move || {
        for number in 0..1000 {
            writeln!(to_us, "{}", frame(number)).unwrap();
        }
        to_us
    });
    for number in 0..1000 {
        us.handle.with(|toy, _| toy.send(frame(number)));
        assert_eq!(us.next().unwrap(), Some(event(frame(number))));
    }
    us.handle.with(|toy, _| toy.close());
    assert_eq!(us.next().unwrap(), None);
    drop(write.join());
    let all = io::read_to_string(us.from_us).unwrap();
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
    let write = thread::spawn(move || {
        for number in 0..3 {
            writeln!(to_us, "{}", long_frame(number, 1 << 20)).unwrap();
        }
        to_us
    });
    let read = thread::spawn(move || io::read_to_string(from_us).unwrap());
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
    let write = thread::spawn(move || {
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
    let write = pour(&mut us);
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
    let read = thread::spawn(move || io::read_to_string(from_us).unwrap());
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
    let write = pour(&mut us);
    for number in 0..COUNT {
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
