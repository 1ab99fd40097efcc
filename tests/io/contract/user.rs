//! What the user's own code may do: call from any thread, panic, and drop anything at any point.

use std::io::{self, Write};
use std::thread;
use std::time::Duration;

use mcp_proto::session::Session;

use super::Adapter;
use crate::toy::{Event, Toy, event, frame};

pub fn a_command_of_another_thread_wakes_who_waits<A: Adapter>() {
    let mut us = A::connect(Toy::default());
    let handle = us.handle.clone();
    let closer = support::thread::spawn(move || {
        thread::sleep(Duration::from_millis(20));
        handle.with(|toy, _| {
            toy.send("{\"a\":1}");
            toy.close();
        });
    });
    assert_eq!(us.next().unwrap(), None);
    closer.join().unwrap();
    let all = io::read_to_string(us.from_us).unwrap();
    assert_eq!(all, "{\"a\":1}\n");
}

pub fn a_panic_in_a_command_costs_the_command<A: Adapter>() {
    let mut us = A::connect(Toy::default());
    let handle = us.handle.clone();
    let panicked = support::thread::spawn(move || {
        handle.with(|toy, _| {
            toy.send("{\"before\":1}");
            panic!("expected by the test");
        })
    });
    assert!(panicked.join().is_err());
    writeln!(us.to_us, "{}", frame(1)).unwrap();
    assert_eq!(us.next().unwrap(), Some(event(frame(1))));
    us.handle.with(|toy, _| toy.close());
    assert_eq!(us.next().unwrap(), None);
    let all = io::read_to_string(us.from_us).unwrap();
    assert_eq!(all, "{\"before\":1}\n");
}

pub fn a_panic_in_the_session_ends_the_connection<A: Adapter>() {
    let mut us = A::connect(Toy::default());
    writeln!(us.to_us, "{}", frame(1)).unwrap();
    assert_eq!(us.next().unwrap(), Some(event(frame(1))));
    us.handle.with(|toy, _| toy.panics = true);
    writeln!(us.to_us, "{}", frame(2)).unwrap();
    assert!(matches!(us.next().unwrap(), Some(Event::Closed(_))));
    let error = us.next().unwrap_err().to_string();
    assert!(error.contains("panicked"), "{error}");
    assert_eq!(us.next().unwrap(), None);
    // The output has ended as well: nobody waits for more.
    assert_eq!(io::read_to_string(us.from_us).unwrap(), "");
}

pub fn dropping_the_connection_closes_the_session_and_the_output<A: Adapter>() {
    let mut us = A::connect(Toy::default());
    // It has been waited on, so that whatever drives it is under way.
    assert!(us.next_within(Duration::from_millis(5)).is_none());
    drop(us.next);
    assert!(us.handle.with(|toy, _| toy.is_closed()));
    assert_eq!(io::read_to_string(us.from_us).unwrap(), "");
}

pub fn dropping_a_wait_loses_nothing<A: Adapter>() {
    let mut us = A::connect(Toy::default());
    let mut to_us = std::mem::replace(&mut us.to_us, Box::new(io::sink()));
    let write = support::thread::spawn(move || {
        for number in 0..200 {
            let line = frame(number) + "\n";
            for part in line.as_bytes().chunks(5) {
                to_us.write_all(part).unwrap();
            }
            thread::yield_now();
        }
        to_us
    });
    for number in 0..200 {
        let next = loop {
            if let Some(next) = us.next_within(Duration::ZERO) {
                break next;
            }
            thread::yield_now();
        };
        assert_eq!(next.unwrap(), Some(event(frame(number))));
    }
    drop(write.join());
}

pub fn a_handle_outlives_its_connection<A: Adapter>() {
    let us = A::connect(Toy::default());
    let handle = us.handle.clone();
    drop(us);
    handle.with(|toy, now| {
        toy.send("{}");
        toy.due = Some(now + Duration::MAX);
        assert!(toy.is_closed());
    });
}
