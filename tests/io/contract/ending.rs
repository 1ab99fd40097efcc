//! How a connection ends: what was said before is heard, what is pending is written, nothing waits
//! for ever.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use mcp_proto::frame::FrameError;
use mcp_proto::session::{Closed, Session};

use super::{Adapter, Connected};
use crate::toy::{Event, Toy, event, frame, long_frame};

/// The end, after all events. A child may have died of the broken pipe, which is an error.
fn is_end(connected: &mut Connected<Toy>) {
    if let Some(event) = connected.next().unwrap_or(None) {
        panic!("{event:?} after the end");
    }
}

fn is_closed(event: &Option<Event>) -> bool {
    matches!(event, Some(Event::Closed(_)))
}

pub fn the_end_of_the_input_comes_after_all_that_was_sent_before<A: Adapter>() {
    // `stdio.eof.exit`
    let mut us = A::connect(Toy::default());
    for number in 0..50 {
        writeln!(us.to_us, "{}", frame(number)).unwrap();
    }
    us.to_us = Box::new(io::sink());
    for number in 0..50 {
        assert_eq!(us.next().unwrap(), Some(event(frame(number))));
    }
    let closed = Event::Closed(Closed::EndOfInput);
    assert_eq!(us.next().unwrap(), Some(closed));
    is_end(&mut us);
    is_end(&mut us);
}

pub fn who_answers_in_turn_answers_all_that_came_before_the_end<A: Adapter>() {
    // `stdio.eof.exit`
    let mut us = A::connect(Toy::default());
    us.to_us
        .write_all(b"{\"a\":1}\n{\"b\":2}\n{\"c\":3}")
        .unwrap();
    us.to_us = Box::new(io::sink());
    while let Some(event) = us.next().unwrap() {
        if let Event::Frame(frame) = event {
            us.handle.with(|toy, _| toy.send(frame));
        }
    }
    drop(us.next);
    let all = io::read_to_string(us.from_us).unwrap();
    assert_eq!(all, "{\"a\":1}\n{\"b\":2}\n{\"c\":3}\n");
}

pub fn what_is_pending_at_the_end_of_the_input_is_still_written<A: Adapter>() {
    // More than a pipe holds, so that the writer is still at it when the input ends.
    let mut us = A::connect(Toy::echo());
    let mut to_us = std::mem::replace(&mut us.to_us, Box::new(io::sink()));
    let write = support::thread::spawn(move || {
        for number in 0..100 {
            writeln!(to_us, "{}", long_frame(number, 10_000)).unwrap();
        }
    });
    let from_us = std::mem::replace(&mut us.from_us, Box::new(io::empty()));
    let read = support::thread::spawn(move || io::read_to_string(from_us).unwrap());
    while us.next().unwrap().is_some() {}
    drop(us);
    write.join().unwrap();
    let all = read.join().unwrap();
    let expected = (0..100).map(|number| long_frame(number, 10_000));
    assert!(all.lines().eq(expected), "{} lines", all.lines().count());
}

pub fn answers_that_came_before_a_lost_write_are_delivered<A: Adapter>() {
    // The peer answers, and is gone before it has heard all.
    let mut us = A::connect(Toy::default());
    us.from_us = Box::new(io::empty());
    writeln!(us.to_us, "{}", frame(1)).unwrap();
    writeln!(us.to_us, "{}", frame(2)).unwrap();
    us.handle.with(|toy, _| toy.send("{}"));
    us.to_us = Box::new(io::sink());
    assert_eq!(us.next().unwrap(), Some(event(frame(1))));
    us.handle.with(|toy, _| toy.send("{}"));
    assert_eq!(us.next().unwrap(), Some(event(frame(2))));
    assert!(is_closed(&us.next().unwrap()));
    is_end(&mut us);
}

pub fn answers_that_the_user_has_not_room_for_survive_a_lost_write<A: Adapter>() {
    let mut toy = Toy::default();
    toy.event_limit = 2;
    let mut us = A::connect(toy);
    us.from_us = Box::new(io::empty());
    for number in 0..50 {
        writeln!(us.to_us, "{}", frame(number)).unwrap();
    }
    for number in 0..50 {
        us.handle.with(|toy, _| toy.send("{}"));
        if number == 10 {
            // Longer than a quiet peer is listened to.
            thread::sleep(Duration::from_millis(400));
        }
        assert_eq!(us.next().unwrap(), Some(event(frame(number))));
    }
    assert!(is_closed(&us.next().unwrap()));
    is_end(&mut us);
}

pub fn a_peer_that_reads_no_more_but_talks_on_is_not_listened_to_for_ever<A: Adapter>() {
    let mut us = A::connect(Toy::default());
    us.from_us = Box::new(io::empty());
    let mut to_us = std::mem::replace(&mut us.to_us, Box::new(io::sink()));
    let is_over = Arc::new(AtomicBool::new(false));
    let over = is_over.clone();
    let talk = support::thread::spawn(move || {
        while !over.load(Relaxed) && writeln!(to_us, "{{}}").is_ok() {
            thread::sleep(Duration::from_millis(20));
        }
    });
    let begun = Instant::now();
    loop {
        let event = us.next().unwrap();
        if is_closed(&event) {
            break;
        }
        us.handle.with(|toy, _| toy.send("{}"));
    }
    assert!(begun.elapsed() < Duration::from_secs(10));
    is_end(&mut us);
    // A socket is left after ten seconds, for which only a thorough run waits.
    is_over.store(support::amount(true, false), Relaxed);
    drop(us);
    talk.join().unwrap();
}

pub fn a_session_that_closes_itself_flushes_and_ends_the_output<A: Adapter>() {
    let mut us = A::connect(Toy::default());
    us.handle.with(|toy, _| {
        toy.send("{\"last\":1}");
        toy.close();
    });
    is_end(&mut us);
    // The input is still open; the output has ended.
    let all = io::read_to_string(us.from_us).unwrap();
    assert_eq!(all, "{\"last\":1}\n");
}

pub fn closing_flushes_although_the_peer_is_busy_writing<A: Adapter>() {
    let mut us = A::connect(Toy::default());
    let mut to_us = std::mem::replace(&mut us.to_us, Box::new(io::sink()));
    let from_us = std::mem::replace(&mut us.from_us, Box::new(io::empty()));
    us.handle.with(|toy, _| {
        for number in 0..3 {
            toy.send(long_frame(number, 100_000));
        }
        toy.close();
    });
    let peer = support::thread::spawn(move || {
        for number in 0..3 {
            writeln!(to_us, "{}", long_frame(number, 100_000)).unwrap();
        }
        io::read_to_string(from_us).unwrap()
    });
    is_end(&mut us);
    assert_eq!(peer.join().unwrap().lines().count(), 3);
}

pub fn a_slow_peer_that_talks_on_gets_all_that_was_written<A: Adapter>() {
    // What it says after the end is never read by anybody, and yet must not cost it what it has not
    // read yet.
    let mut us = A::connect(Toy::default());
    let mut to_us = std::mem::replace(&mut us.to_us, Box::new(io::sink()));
    let from_us = std::mem::replace(&mut us.from_us, Box::new(io::empty()));
    us.handle.with(|toy, _| {
        for number in 0..8 {
            toy.send(long_frame(number, 100_000));
        }
        toy.close();
    });
    let (leave, has_left) = mpsc::channel::<()>();
    let talk = support::thread::spawn(move || {
        while has_left.try_recv() == Err(mpsc::TryRecvError::Empty) {
            if to_us.write_all(&[b'x'; 4096]).is_err() {
                return;
            }
        }
    });
    let peer = support::thread::spawn(move || {
        thread::sleep(Duration::from_millis(100));
        let read = io::read_to_string(from_us);
        drop(leave);
        read.unwrap()
    });
    is_end(&mut us);
    drop(us);
    assert_eq!(peer.join().unwrap().lines().count(), 8);
    talk.join().unwrap();
}

pub fn the_end_does_not_wait_for_ever_for_a_peer_that_does_not_read<A: Adapter>() {
    let mut us = A::connect(Toy::default());
    us.handle.with(|toy, _| {
        for number in 0..16 {
            toy.send(long_frame(number, 1 << 20));
        }
    });
    us.to_us = Box::new(io::sink());
    assert!(is_closed(&us.next().unwrap()));
    let begun = Instant::now();
    is_end(&mut us);
    assert!(begun.elapsed() < Duration::from_secs(5));
    is_end(&mut us);
}

pub fn half_a_line_at_the_end_is_told<A: Adapter>() {
    let mut us = A::connect(Toy::default());
    us.to_us.write_all(b"{\"half\":").unwrap();
    us.to_us = Box::new(io::sink());
    let told = us.next().unwrap();
    let expected = FrameError::Truncated { length: 8 };
    assert_eq!(told, Some(Event::Malformed(expected)));
    assert!(is_closed(&us.next().unwrap()));
    assert!(us.handle.with(|toy, _| toy.is_closed()));
}
