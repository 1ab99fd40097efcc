//! The blocking adapter over pipes of the operating system.

use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use bytes::Bytes;
use mcp_proto::frame::FrameError;
use mcp_proto::io::blocking::Connection;
use mcp_proto::session::{Closed, Session};

use crate::toy::{Event, Toy, frame, long_frame};
use support::thread::within;

/// A connection and the peer's ends of its two pipes.
fn connect(toy: Toy) -> (Connection<Toy>, PipeReader, PipeWriter) {
    let (from_us, to_peer) = io::pipe().unwrap();
    let (from_peer, to_us) = io::pipe().unwrap();
    (
        Connection::new(toy, from_peer, to_peer).unwrap(),
        from_us,
        to_us,
    )
}

fn event(text: impl Into<String>) -> Event {
    Event::Frame(Bytes::from(text.into()))
}

#[test]
fn frames_cross_in_both_directions_in_order() {
    // `stdio.stdout.pure`, `stdio.stdin.pure`, `stdio.frame`
    within(|| {
        let (mut connection, from_us, mut to_us) = connect(Toy::default());
        let (all_sent, last) = mpsc::channel::<()>();
        let peer = support::thread::spawn(move || {
            for number in 0..2000 {
                writeln!(to_us, "{}", frame(number)).unwrap();
            }
            assert!(last.recv().is_ok());
        });
        let output = support::thread::spawn(move || io::read_to_string(from_us).unwrap());
        let handle = connection.handle();
        let sender = support::thread::spawn(move || {
            for number in 0..1000 {
                handle.with(|toy, _| toy.send(frame(number)));
            }
            all_sent.send(()).unwrap();
        });
        for number in 0..2000 {
            assert_eq!(connection.next().unwrap(), Some(event(frame(number))));
        }
        assert_eq!(
            connection.next().unwrap(),
            Some(Event::Closed(Closed::EndOfInput))
        );
        assert_eq!(connection.next().unwrap(), None);
        sender.join().unwrap();
        peer.join().unwrap();
        let expected: String = (0..1000).map(|number| frame(number) + "\n").collect();
        assert_eq!(
            output.join().unwrap(),
            expected,
            "nothing but frames, each on its line"
        );
    });
}

#[test]
fn frames_of_a_mebibyte_cross_whole() {
    within(|| {
        let (mut connection, mut from_us, mut to_us) = connect(Toy::default());
        let peer = support::thread::spawn(move || {
            for number in 0..3 {
                writeln!(to_us, "{}", long_frame(number, 1 << 20)).unwrap();
            }
            let mut all = vec![0; 3 * ((1 << 20) + 1)];
            from_us.read_exact(&mut all).unwrap();
            all
        });
        for number in 0..3 {
            let expected = long_frame(number, 1 << 20);
            connection.with(|toy, _| toy.send(expected.clone()));
            assert_eq!(connection.next().unwrap(), Some(event(expected)));
        }
        let all = peer.join().unwrap();
        for (number, line) in all.split(|byte| *byte == b'\n').take(3).enumerate() {
            assert_eq!(line, long_frame(number, 1 << 20).as_bytes());
        }
    });
}

#[test]
fn a_line_that_is_no_frame_reaches_the_session_and_the_next_one_works() {
    within(|| {
        let (mut connection, _from_us, mut to_us) = connect(Toy::default());
        to_us
            .write_all("x".repeat((2 << 20) + 2).as_bytes())
            .unwrap();
        to_us.write_all(b"\n{\"good\":1}\n").unwrap();
        assert!(matches!(
            connection.next().unwrap(),
            Some(Event::Malformed(FrameError::TooLong { .. }))
        ));
        assert_eq!(connection.next().unwrap(), Some(event("{\"good\":1}")));
    });
}

#[test]
fn a_timeout_fires_while_the_connection_waits_for_an_event() {
    within(|| {
        let (mut connection, mut from_us, _to_us) = connect(Toy::default());
        connection.with(|toy, now| toy.due = Some(now + Duration::from_millis(20)));
        assert_eq!(connection.next().unwrap(), Some(Event::TimedOut));
        let mut line = [0; 16];
        from_us.read_exact(&mut line).unwrap();
        assert_eq!(
            &line, b"{\"timed\":\"out\"}\n",
            "what the timeout made is sent"
        );
    });
}

#[test]
fn a_timer_that_another_thread_sets_is_kept() {
    within(|| {
        let (mut connection, _from_us, _to_us) = connect(Toy::default());
        connection.with(|toy, now| toy.due = Some(now + Duration::from_secs(3600)));
        let handle = connection.handle();
        let setter = support::thread::spawn(move || {
            handle.with(|toy, now| toy.due = Some(now + Duration::from_millis(20)));
        });
        assert_eq!(connection.next().unwrap(), Some(Event::TimedOut));
        setter.join().unwrap();
    });
}

#[test]
fn next_before_gives_up_at_its_deadline_and_try_next_never_waits() {
    within(|| {
        let (mut connection, _from_us, mut to_us) = connect(Toy::default());
        assert_eq!(connection.try_next(), None);
        let deadline = connection.now() + Duration::from_millis(20);
        assert_eq!(connection.next_before(deadline).unwrap(), None);
        assert!(deadline <= connection.now());
        assert!(!connection.is_closed());
        to_us.write_all(b"{}\n").unwrap();
        let deadline = connection.now() + Duration::from_secs(10);
        assert_eq!(connection.next_before(deadline).unwrap(), Some(event("{}")));
    });
}

#[test]
fn what_is_pending_at_the_end_of_input_is_still_written() {
    within(|| {
        // More than a pipe holds, so that the writer is still at it when the input ends.
        let count = 100;
        let (mut connection, mut from_us, mut to_us) = connect(Toy::echo());
        let input = support::thread::spawn(move || {
            for number in 0..count {
                writeln!(to_us, "{}", long_frame(number, 10_000)).unwrap();
            }
        });
        assert_eq!(
            connection.next().unwrap(),
            Some(Event::Closed(Closed::EndOfInput))
        );
        input.join().unwrap();
        let output = support::thread::spawn(move || {
            let mut all = String::new();
            from_us.read_to_string(&mut all).unwrap();
            all
        });
        assert_eq!(connection.next().unwrap(), None);
        // The stream has been dropped, or `read_to_string` would not end.
        let all = output.join().unwrap();
        assert_eq!(all.lines().count(), count);
        assert!(
            all.lines()
                .enumerate()
                .all(|(at, line)| line == long_frame(at, 10_000))
        );
    });
}

#[test]
fn who_answers_in_turn_answers_all_that_came_before_the_end() {
    // `stdio.eof.exit`
    within(|| {
        let (mut connection, mut from_us, mut to_us) = connect(Toy::default());
        to_us.write_all(b"{\"a\":1}\n{\"b\":2}\n{\"c\":3}").unwrap();
        drop(to_us);
        let mut answered = 0;
        while let Some(event) = connection.next().unwrap() {
            if let Event::Frame(frame) = event {
                connection.with(|toy, _| toy.send(frame));
                answered += 1;
            }
        }
        assert_eq!(answered, 3);
        let mut all = String::new();
        from_us.read_to_string(&mut all).unwrap();
        assert_eq!(all, "{\"a\":1}\n{\"b\":2}\n{\"c\":3}\n");
    });
}

#[test]
fn the_end_does_not_wait_for_ever_for_a_peer_that_does_not_read() {
    within(|| {
        let (mut connection, _from_us, to_us) = connect(Toy::default());
        connection.with(|toy, _| toy.send(long_frame(0, 1 << 20)));
        drop(to_us);
        assert_eq!(
            connection.next().unwrap(),
            Some(Event::Closed(Closed::EndOfInput))
        );
        assert_eq!(connection.next().unwrap(), None);
        assert_eq!(connection.next().unwrap(), None);
    });
}

#[test]
fn a_session_that_closes_itself_ends_the_output() {
    within(|| {
        let (mut connection, mut from_us, _to_us) = connect(Toy::default());
        connection.with(|toy, _| {
            toy.send("{\"last\":1}");
            toy.close();
        });
        assert_eq!(connection.next().unwrap(), None);
        let mut all = String::new();
        from_us.read_to_string(&mut all).unwrap();
        assert_eq!(all, "{\"last\":1}\n");
    });
}

#[test]
fn a_peer_that_stops_reading_closes_the_session_and_is_no_error() {
    within(|| {
        let (mut connection, from_us, _to_us) = connect(Toy::default());
        drop(from_us);
        connection.with(|toy, _| toy.send("{}"));
        assert_eq!(
            connection.next().unwrap(),
            Some(Event::Closed(Closed::WriteFailed))
        );
        assert_eq!(connection.next().unwrap(), None);
    });
}

#[test]
fn the_last_words_of_a_peer_that_has_gone_are_heard() {
    within(|| {
        let (mut connection, from_us, mut to_us) = connect(Toy::default());
        // It stops reading before it answers and ends; our write fails in between.
        drop(from_us);
        connection.with(|toy, _| toy.send("{}"));
        to_us.write_all(b"{\"last\":1}\n").unwrap();
        drop(to_us);
        assert_eq!(connection.next().unwrap(), Some(event("{\"last\":1}")));
        assert_eq!(
            connection.next().unwrap(),
            Some(Event::Closed(Closed::EndOfInput))
        );
        assert_eq!(connection.next().unwrap(), None);
    });
}

struct Broken;

impl Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::Error::other("the cable is cut"))
    }
}

impl Write for Broken {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::Error::other("the disk is full"))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_failed_stream_is_told_once_after_the_last_event() {
    within(|| {
        let mut connection = Connection::new(Toy::default(), Broken, io::sink()).unwrap();
        assert_eq!(
            connection.next().unwrap(),
            Some(Event::Closed(Closed::ReadFailed))
        );
        assert_eq!(
            connection.next().unwrap_err().to_string(),
            "the cable is cut"
        );
        assert_eq!(connection.next().unwrap(), None);

        let (from_peer, _to_us) = io::pipe().unwrap();
        let mut connection = Connection::new(Toy::default(), from_peer, Broken).unwrap();
        connection.with(|toy, _| toy.send("{}"));
        assert_eq!(
            connection.next().unwrap(),
            Some(Event::Closed(Closed::WriteFailed))
        );
        assert_eq!(
            connection.next().unwrap_err().to_string(),
            "the disk is full"
        );
        assert_eq!(connection.next().unwrap(), None);
    });
}

/// Counts what is taken from it.
struct Counted<R>(R, Arc<AtomicUsize>);

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, chunk: &mut [u8]) -> io::Result<usize> {
        let length = self.0.read(chunk)?;
        self.1.fetch_add(length, Ordering::SeqCst);
        Ok(length)
    }
}

#[test]
fn a_peer_that_never_reads_stops_our_reading() {
    within(|| {
        let count = 4000;
        let input: String = (0..count)
            .map(|number| long_frame(number, 1000) + "\n")
            .collect();
        let total = input.len();
        let taken = Arc::new(AtomicUsize::new(0));
        let (mut from_us, to_peer) = io::pipe().unwrap();
        let mut toy = Toy::echo();
        toy.output_limit = 64 << 10;
        let reader = Counted(io::Cursor::new(input), Arc::clone(&taken));
        let mut connection = Connection::new(toy, reader, to_peer).unwrap();

        while connection.with(|toy, _| toy.wants_frames()) {
            let deadline = connection.now() + Duration::from_millis(10);
            assert_eq!(connection.next_before(deadline).unwrap(), None);
        }
        let stopped_at = taken.load(Ordering::SeqCst);
        // The pipe, one write, the session's limit and one read; 64 KiB each.
        assert!(
            stopped_at < 6 * (64 << 10),
            "{stopped_at} of {total} bytes were read"
        );

        let peer = support::thread::spawn(move || {
            let mut all = String::new();
            from_us.read_to_string(&mut all).unwrap();
            all
        });
        assert_eq!(
            connection.next().unwrap(),
            Some(Event::Closed(Closed::EndOfInput))
        );
        assert_eq!(connection.next().unwrap(), None);
        assert_eq!(taken.load(Ordering::SeqCst), total);
        assert_eq!(
            peer.join().unwrap().lines().count(),
            count,
            "nothing is lost"
        );
    });
}

#[test]
fn events_that_nobody_takes_stop_our_reading() {
    within(|| {
        let count = 4000;
        let input: String = (0..count)
            .map(|number| long_frame(number, 1000) + "\n")
            .collect();
        let taken = Arc::new(AtomicUsize::new(0));
        let mut toy = Toy::default();
        toy.event_limit = 10;
        let reader = Counted(io::Cursor::new(input), Arc::clone(&taken));
        let mut connection = Connection::new(toy, reader, io::sink()).unwrap();
        for number in 0..count {
            assert_eq!(
                connection.next().unwrap(),
                Some(event(long_frame(number, 1000)))
            );
            let ahead = taken.load(Ordering::SeqCst) - number * 1001;
            assert!(ahead < 200_000, "{ahead} bytes are held");
        }
    });
}

#[test]
fn dropping_a_connection_does_not_hang_and_closes_the_session() {
    within(|| {
        let (connection, mut from_us, to_us) = connect(Toy::default());
        let handle = connection.handle();
        connection.with(|toy, _| toy.send("{\"last\":1}"));
        drop(connection);
        assert!(handle.with(|toy, _| toy.is_closed()));
        let mut all = String::new();
        from_us.read_to_string(&mut all).unwrap();
        assert_eq!(
            all, "{\"last\":1}\n",
            "what was pending is written, and the stream dropped"
        );
        drop(to_us);
    });
}

#[test]
fn dropping_a_connection_lets_go_of_its_session_while_the_reader_is_blocked() {
    within(|| {
        let (alive, gone) = mpsc::channel::<()>();
        let mut toy = Toy::default();
        toy.alive = Some(alive);
        let (connection, _from_us, _to_us) = connect(toy);
        drop(connection);
        assert!(gone.recv().is_err(), "the session was dropped");
    });
}

#[test]
fn a_panic_while_the_session_is_locked_does_not_stop_the_connection() {
    within(|| {
        let (connection, mut from_us, _to_us) = connect(Toy::default());
        let handle = connection.handle();
        let panicked = support::thread::spawn(move || {
            handle.with(|toy, _| {
                toy.send("{\"before\":1}");
                panic!("expected by the test");
            })
        });
        assert!(panicked.join().is_err());
        connection.with(|toy, _| toy.send("{\"after\":1}"));
        let expected = b"{\"before\":1}\n{\"after\":1}\n";
        let mut lines = vec![0; expected.len()];
        from_us.read_exact(&mut lines).unwrap();
        assert_eq!(lines, expected);
    });
}

#[test]
fn commands_of_another_thread_wake_the_one_that_waits() {
    within(|| {
        let (mut connection, _from_us, _to_us) = connect(Toy::default());
        let (started, begin) = mpsc::channel();
        let handle = connection.handle();
        let closer = support::thread::spawn(move || {
            begin.recv().unwrap();
            handle.with(|toy, _| toy.close());
        });
        started.send(()).unwrap();
        assert_eq!(connection.next().unwrap(), None);
        closer.join().unwrap();
    });
}
