//! Handlers on threads of their own.

use std::collections::BTreeSet;
use std::io;
use std::sync::{Arc, Barrier, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use mcp_proto::io::blocking::Connection;
use mcp_proto::io::blocking::pool::{Job, Pool, dispatch};

use crate::toy::{Event, Toy, frame};
use support::thread::within;

#[test]
fn jobs_begin_in_order_of_arrival() {
    within(|| {
        let pool = Pool::new(1);
        let (seen, numbers) = mpsc::channel();
        for number in 0..100 {
            let seen = seen.clone();
            pool.run(Job::new(move || seen.send(number).unwrap(), |_| {}));
        }
        drop(seen);
        assert!(numbers.iter().eq(0..100));
    });
}

#[test]
fn as_many_jobs_run_at_once_as_there_are_threads_and_no_more() {
    within(|| {
        let pool = Pool::new(4);
        let together = Arc::new(Barrier::new(4));
        let threads = Arc::new(Mutex::new(BTreeSet::new()));
        for _ in 0..40 {
            let (together, threads) = (Arc::clone(&together), Arc::clone(&threads));
            let run = move || {
                threads
                    .lock()
                    .unwrap()
                    .insert(format!("{:?}", thread::current().id()));
                together.wait();
            };
            pool.run(Job::new(run, |_| {}));
        }
        assert!(pool.wait_idle(Duration::from_secs(10)));
        assert_eq!(threads.lock().unwrap().len(), 4);
    });
}

#[test]
fn a_job_that_panics_is_reported_and_its_thread_goes_on() {
    within(|| {
        let pool = Pool::new(1);
        let (told, messages) = mpsc::channel();
        let (first, second) = (told.clone(), told);
        let job = Job::new(
            || panic!("expected by test {}", 1),
            move |message| first.send(message.to_owned()).unwrap(),
        );
        pool.run(job);
        pool.run(Job::new(
            move || second.send("ran".to_owned()).unwrap(),
            |_| {},
        ));
        assert_eq!(messages.recv().unwrap(), "expected by test 1");
        assert_eq!(messages.recv().unwrap(), "ran");
    });
}

#[test]
fn waiting_for_idleness_ends_at_its_limit() {
    within(|| {
        let pool = Pool::new(1);
        assert!(
            pool.wait_idle(Duration::ZERO),
            "a pool that never ran anything is idle"
        );
        let (end, ended) = mpsc::channel::<()>();
        pool.run(Job::new(move || assert!(ended.recv().is_ok()), |_| {}));
        assert!(!pool.wait_idle(Duration::from_millis(10)));
        end.send(()).unwrap();
        assert!(pool.wait_idle(Duration::from_secs(10)));
    });
}

#[test]
fn dispatch_runs_what_the_events_become_until_the_session_is_closed() {
    within(|| {
        let input: String = (0..50).map(|number| frame(number) + "\n").collect();
        let mut connection =
            Connection::new(Toy::default(), io::Cursor::new(input), io::sink()).unwrap();
        let pool = Pool::new(3);
        let (seen, frames) = mpsc::channel();
        dispatch(&mut connection, &pool, |event| {
            let Event::Frame(frame) = event else {
                return None;
            };
            let seen = seen.clone();
            Some(Job::new(move || seen.send(frame).unwrap(), |_| {}))
        })
        .unwrap();
        drop(seen);
        assert_eq!(frames.iter().collect::<BTreeSet<_>>().len(), 50);
    });
}
