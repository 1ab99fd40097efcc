//! Deadlines: they fire whatever else happens, and never keep a processor busy.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use mcp_proto::Instant;

use super::Adapter;
use crate::toy::{Event, Toy, event, frame, long_frame};

const SOON: Duration = Duration::from_millis(30);

pub fn deadlines_fire_while_nothing_moves<A: Adapter>() {
    let mut us = A::connect(Toy::default());
    us.handle.with(|toy, now| toy.due = Some(now + SOON));
    let begun = std::time::Instant::now();
    assert_eq!(us.next().unwrap(), Some(Event::TimedOut));
    assert!(begun.elapsed() >= SOON / 2, "not before its time");
    let mut line = [0; 16];
    let mut drive = std::mem::replace(&mut us.next, Box::new(|_| None));
    let driver = support::thread::spawn(move || drive(Some(Duration::from_millis(500))));
    us.from_us.read_exact(&mut line).unwrap();
    assert_eq!(&line, b"{\"timed\":\"out\"}\n", "what it made is sent");
    drop(driver.join());
}

pub fn deadlines_fire_while_frames_pour_in<A: Adapter>() {
    let mut us = A::connect(Toy::default());
    let mut to_us = std::mem::replace(&mut us.to_us, Box::new(io::sink()));
    us.handle.with(|toy, now| {
        toy.event_limit = 10;
        toy.due = Some(now + SOON);
    });
    let is_over = Arc::new(AtomicBool::new(false));
    let over = is_over.clone();
    let write = support::thread::spawn(move || {
        let lines = (frame(0) + "\n").repeat(100);
        while !over.load(Relaxed) && to_us.write_all(lines.as_bytes()).is_ok() {}
    });
    while us.next().unwrap() != Some(Event::TimedOut) {}
    // A socket would listen to the flood for ten seconds more.
    is_over.store(true, Relaxed);
    drop(us);
    write.join().unwrap();
}

pub fn deadlines_fire_while_writing_is_blocked<A: Adapter>() {
    let mut us = A::connect(Toy::default());
    us.handle.with(|toy, now| {
        for number in 0..16 {
            toy.send(long_frame(number, 1 << 20));
        }
        toy.due = Some(now + SOON);
    });
    assert_eq!(us.next().unwrap(), Some(Event::TimedOut));
}

pub fn a_deadline_beyond_all_clocks_is_no_limit<A: Adapter>() {
    let mut us = A::connect(Toy::default());
    us.handle
        .with(|toy, now| toy.due = Some(now + Duration::MAX));
    assert!(us.next_within(SOON).is_none());
    writeln!(us.to_us, "{}", frame(1)).unwrap();
    assert_eq!(us.next().unwrap(), Some(event(frame(1))));
    // And one that comes after it is not late.
    us.handle.with(|toy, now| toy.due = Some(now + SOON));
    assert_eq!(us.next().unwrap(), Some(Event::TimedOut));
    us.handle
        .with(|toy, _| toy.due = Some(Instant::new(Duration::MAX)));
    assert!(us.next_within(SOON).is_none());
}

pub fn a_deadline_that_stays_due_is_no_busy_loop<A: Adapter>() {
    let mut us = A::connect(Toy::default());
    us.handle.with(|toy, now| {
        toy.stays_due = true;
        toy.due = Some(now);
    });
    assert!(us.next_within(Duration::from_millis(200)).is_none());
    let timeouts = us.handle.with(|toy, _| toy.timeouts);
    assert!((1..1000).contains(&timeouts), "{timeouts} times");
}

pub fn a_deadline_that_another_thread_sets_is_kept<A: Adapter>() {
    let mut us = A::connect(Toy::default());
    us.handle
        .with(|toy, now| toy.due = Some(now + Duration::from_secs(3600)));
    let handle = us.handle.clone();
    let setter = support::thread::spawn(move || {
        thread::sleep(Duration::from_millis(20));
        handle.with(|toy, now| toy.due = Some(now + SOON));
    });
    assert_eq!(us.next().unwrap(), Some(Event::TimedOut));
    setter.join().unwrap();
}
