//! The adapter for tokio, over its in-memory pipes.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;
use std::{io, mem};

use bytes::Bytes;
use mcp_proto::io::nonblocking::Drive;
use mcp_proto::io::nonblocking::tokio::Connection;
use mcp_proto::session::{Closed, Session};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::io::{DuplexStream, ReadHalf, WriteHalf, duplex, split};
use tokio::task::consume_budget;
use tokio::time::{Instant, timeout};

use crate::toy::{Event, Toy, frame, long_frame};

type Duplex = Connection<Toy, ReadHalf<DuplexStream>, WriteHalf<DuplexStream>>;

fn connect(toy: Toy, room: usize) -> (Duplex, DuplexStream) {
    let (near, far) = duplex(room);
    let (reader, writer) = split(near);
    (Connection::new(toy, reader, writer), far)
}

fn event(text: impl Into<String>) -> Event {
    Event::Frame(Bytes::from(text.into()))
}

#[tokio::test(start_paused = true)]
async fn large_frames_cross_in_both_directions_at_once_through_a_narrow_pipe() {
    let (near, far) = duplex(4096);
    let (reader, writer) = split(near);
    let mut left = Connection::new(Toy::default(), reader, writer);
    let (reader, writer) = split(far);
    let mut right = Connection::new(Toy::default(), reader, writer);
    for number in 0..3 {
        left.with(|toy, _| toy.send(long_frame(number, 1 << 20)));
        right.with(|toy, _| toy.send(long_frame(number, 1 << 20)));
    }
    for number in 0..3 {
        // Each has to write while it reads, or both would wait for ever.
        let (to_left, to_right) = tokio::join!(left.next(), right.next());
        assert_eq!(to_left.unwrap(), Some(event(long_frame(number, 1 << 20))));
        assert_eq!(to_right.unwrap(), Some(event(long_frame(number, 1 << 20))));
    }
}

#[tokio::test(start_paused = true)]
async fn frames_arrive_in_order_however_often_next_is_given_up() {
    let (mut connection, mut peer) = connect(Toy::default(), 16);
    let count = 200;
    let write = async {
        for number in 0..count {
            peer.write_all(format!("{}\n", frame(number)).as_bytes())
                .await
                .unwrap();
            tokio::task::yield_now().await;
        }
    };
    let read = async {
        for number in 0..count {
            let event = loop {
                tokio::select! {
                    biased;
                    event = connection.next() => break event.unwrap(),
                    () = tokio::task::yield_now() => {}
                }
            };
            assert_eq!(event, Some(self::event(frame(number))));
        }
    };
    tokio::join!(write, read);
}

#[tokio::test(start_paused = true)]
async fn a_timeout_fires_by_the_clock_of_the_runtime() {
    let (mut connection, mut peer) = connect(Toy::default(), 1024);
    let begin = Instant::now();
    connection.with(|toy, now| toy.due = Some(now + Duration::from_secs(600)));
    assert_eq!(connection.next().await.unwrap(), Some(Event::TimedOut));
    let passed = begin.elapsed();
    assert!(
        passed >= Duration::from_secs(600) && passed < Duration::from_secs(601),
        "{passed:?}"
    );
    let sent = timeout(Duration::from_secs(1), connection.next());
    assert!(sent.await.is_err(), "nothing more has happened");
    let mut line = [0; 16];
    peer.read_exact(&mut line).await.unwrap();
    assert_eq!(&line, b"{\"timed\":\"out\"}\n");
}

#[tokio::test(start_paused = true)]
async fn a_deadline_that_comes_between_two_events_is_told_although_there_is_an_event() {
    let (mut connection, mut peer) = connect(Toy::default(), 1024);
    connection.with(|toy, now| toy.due = Some(now + Duration::from_secs(5)));
    peer.write_all(b"{\"a\":1}\n{\"a\":2}\n").await.unwrap();
    assert_eq!(connection.next().await.unwrap(), Some(event("{\"a\":1}")));
    tokio::time::advance(Duration::from_secs(6)).await;
    assert_eq!(connection.next().await.unwrap(), Some(event("{\"a\":2}")));
    assert_eq!(connection.with(|toy, _| toy.timeouts), 1);
    assert_eq!(connection.next().await.unwrap(), Some(Event::TimedOut));
}

#[tokio::test(start_paused = true)]
async fn a_deadline_comes_although_each_event_is_answered_with_a_command_that_gives_another() {
    let (mut connection, _peer) = connect(Toy::default(), 1024);
    let begin = Instant::now();
    connection.with(|toy, now| toy.due = Some(now + Duration::from_secs(5)));
    loop {
        connection.with(|toy, _| toy.tell("{}"));
        let next = connection.next().await.unwrap().unwrap();
        if next == Event::TimedOut {
            break;
        }
        assert_eq!(next, event("{}"));
        assert!(begin.elapsed() <= Duration::from_secs(5), "it is late");
        tokio::time::advance(Duration::from_secs(1)).await;
    }
    // It comes behind the event that was there already.
    assert_eq!(begin.elapsed(), Duration::from_secs(6));
}

#[tokio::test(start_paused = true)]
async fn a_deadline_that_has_come_when_it_is_set_is_told_at_once() {
    let (mut connection, _peer) = connect(Toy::default(), 1024);
    let idle = timeout(Duration::from_secs(1), connection.next());
    assert!(idle.await.is_err(), "nothing has happened");
    let begin = Instant::now();
    connection.with(|toy, now| toy.due = Some(now));
    assert_eq!(connection.next().await.unwrap(), Some(Event::TimedOut));
    assert_eq!(begin.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_deadline_comes_although_the_task_had_used_up_its_budget_when_it_was_set() {
    let (mut connection, _peer) = connect(Toy::default(), 1024);
    connection.with(|toy, now| toy.due = Some(now + Duration::from_secs(5)));
    let mut is_spent = false;
    let next = poll_fn(|cx| {
        while !is_spent {
            is_spent = pin!(consume_budget()).poll(cx).is_pending();
        }
        connection.poll_next(cx)
    });
    let told = timeout(Duration::from_secs(60), next).await;
    assert_eq!(told.expect("it is told").unwrap(), Some(Event::TimedOut));
}

#[tokio::test(start_paused = true)]
async fn a_deadline_wakes_the_task_that_has_polled_last() {
    let (mut connection, peer) = connect(Toy::default(), 1024);
    connection.with(|toy, now| toy.due = Some(now + Duration::from_secs(5)));
    let polled = tokio::spawn(async move {
        let idle = timeout(Duration::from_secs(1), connection.next());
        assert!(idle.await.is_err(), "nothing has happened");
        connection
    });
    let mut connection = polled.await.unwrap();
    let told = timeout(Duration::from_secs(60), connection.next()).await;
    assert_eq!(told.expect("it is told").unwrap(), Some(Event::TimedOut));
    drop(peer);
}

#[tokio::test(start_paused = true)]
async fn a_deadline_is_kept_by_a_task_that_takes_events_within_one_poll() {
    let (mut connection, mut peer) = connect(Toy::default(), 1024);
    let begin = Instant::now();
    connection.with(|toy, now| toy.due = Some(now + Duration::from_secs(5)));
    let mut events = Vec::new();
    for number in 0..3 {
        let frames = format!("{}\n{}\n", frame(2 * number), frame(2 * number + 1));
        peer.write_all(frames.as_bytes()).await.unwrap();
        let all = poll_fn(|cx| {
            let mut polled = connection.poll_event_within(cx, false);
            while let Poll::Ready(event) = polled {
                events.push(event.unwrap().expect("it goes on"));
                polled = connection.poll_event_within(cx, true);
            }
            Poll::<()>::Pending
        });
        let idle = timeout(Duration::from_secs(2), all);
        assert!(idle.await.is_err(), "it waits for ever");
    }
    let mut expected: Vec<Event> = (0..6).map(|number| event(frame(number))).collect();
    expected.insert(6, Event::TimedOut);
    assert_eq!(events, expected);
    assert!(begin.elapsed() >= Duration::from_secs(6));
}

#[tokio::test(start_paused = true)]
async fn what_comes_together_with_a_command_is_read() {
    let (mut connection, mut peer) = connect(Toy::default(), 1024);
    let mut line = [0; 8];
    for number in 0..10 {
        // The first ones wake the task alone, so that the reader is left in peace from then on.
        let idle = timeout(Duration::from_secs(1), connection.next());
        assert!(idle.await.is_err(), "nothing has come");
        connection.with(|toy, _| toy.send("{\"b\":1}"));
        if number < 5 {
            continue;
        }
        peer.write_all(format!("{}\n", frame(number)).as_bytes())
            .await
            .unwrap();
        let read = timeout(Duration::from_secs(60), connection.next()).await;
        let read = read.expect("it is read").unwrap();
        assert_eq!(read, Some(event(frame(number))));
    }
    for _ in 0..10 {
        peer.read_exact(&mut line).await.unwrap();
        assert_eq!(&line, b"{\"b\":1}\n");
    }
}

#[tokio::test(start_paused = true)]
async fn the_reader_wakes_the_task_that_has_polled_last_although_it_was_left_in_peace() {
    let (mut connection, mut peer) = connect(Toy::default(), 1024);
    let polled = tokio::spawn(async move {
        for number in 0..3 {
            let idle = timeout(Duration::from_secs(1), connection.next());
            assert!(idle.await.is_err(), "nothing has come");
            connection.with(|toy, _| toy.send(frame(number)));
        }
        connection
    });
    let mut connection = polled.await.unwrap();
    let write = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        peer.write_all(b"{\"a\":1}\n").await.unwrap();
    };
    let read = timeout(Duration::from_secs(60), connection.next());
    let (read, ()) = tokio::join!(read, write);
    let read = read.expect("the reader wakes this task").unwrap();
    assert_eq!(read, Some(event("{\"a\":1}")));
}

#[tokio::test(start_paused = true)]
async fn a_session_that_is_closed_between_two_events_gives_the_others_and_says_its_last() {
    let (mut connection, mut peer) = connect(Toy::default(), 1024);
    let lines: String = (0..10).map(|number| frame(number) + "\n").collect();
    peer.write_all(lines.as_bytes()).await.unwrap();
    for number in 0..10 {
        assert_eq!(connection.next().await.unwrap(), Some(event(frame(number))));
        if number == 4 {
            connection.with(|toy, _| {
                toy.send("{\"last\":1}");
                toy.close();
            });
        }
    }
    let mut said = String::new();
    let read = async {
        peer.read_to_string(&mut said).await.unwrap();
        peer.shutdown().await.unwrap();
    };
    let (end, ()) = tokio::join!(connection.next(), read);
    assert_eq!(end.unwrap(), None);
    assert_eq!(said, "{\"last\":1}\n");
}

#[tokio::test(start_paused = true)]
async fn a_handle_wakes_the_task_that_waits() {
    let (mut connection, mut peer) = connect(Toy::default(), 1024);
    let handle = connection.handle();
    let driver = tokio::spawn(async move { connection.next().await.unwrap() });
    tokio::task::yield_now().await;
    // From a thread that knows nothing of the runtime.
    let from_thread = handle.clone();
    std::thread::spawn(move || from_thread.with(|toy, _| toy.send("{\"a\":1}")))
        .join()
        .unwrap();
    let mut line = [0; 8];
    peer.read_exact(&mut line).await.unwrap();
    assert_eq!(&line, b"{\"a\":1}\n");
    let begin = Instant::now();
    handle.with(|toy, now| toy.due = Some(now + Duration::from_secs(5)));
    assert_eq!(driver.await.unwrap(), Some(Event::TimedOut));
    assert_eq!(begin.elapsed().as_secs(), 5);
}

#[tokio::test(start_paused = true)]
async fn what_is_pending_at_the_end_of_input_is_still_written() {
    let (mut connection, mut peer) = connect(Toy::echo(), 1 << 20);
    for number in 0..50 {
        peer.write_all((long_frame(number, 10_000) + "\n").as_bytes())
            .await
            .unwrap();
    }
    peer.shutdown().await.unwrap();
    assert_eq!(
        connection.next().await.unwrap(),
        Some(Event::Closed(Closed::EndOfInput))
    );
    assert_eq!(connection.next().await.unwrap(), None);
    let mut all = String::new();
    peer.read_to_string(&mut all).await.unwrap();
    assert_eq!(all.lines().count(), 50, "and then the output is shut down");
}

#[tokio::test(start_paused = true)]
async fn the_end_does_not_wait_for_ever_for_a_peer_that_does_not_read() {
    let (mut connection, mut peer) = connect(Toy::default(), 64);
    connection.with(|toy, _| toy.send(long_frame(0, 1 << 20)));
    peer.shutdown().await.unwrap();
    assert_eq!(
        connection.next().await.unwrap(),
        Some(Event::Closed(Closed::EndOfInput))
    );
    let end = timeout(Duration::from_secs(10), connection.next());
    assert_eq!(end.await.expect("it ends").unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_never_reads_stops_our_reading_and_nothing_is_lost() {
    let mut toy = Toy::echo();
    toy.output_limit = 64 << 10;
    let (near, mut far) = duplex(4096);
    let (reader, writer) = split(near);
    let mut connection = Connection::new(toy, reader, writer);
    let count = 1000;
    let input: String = (0..count)
        .map(|number| long_frame(number, 1000) + "\n")
        .collect();
    let mut written = 0;
    let write = async {
        while written < input.len() {
            written += far.write(&input.as_bytes()[written..]).await.unwrap();
        }
    };
    tokio::select! {
        _ = connection.next() => panic!("there is no event"),
        () = write => panic!("all was read"),
        () = tokio::time::sleep(Duration::from_secs(60)) => {}
    }
    assert!(!connection.with(|toy, _| toy.wants_frames()));
    assert!(written < 4 * (64 << 10), "{written} bytes were read");

    let (mut from_us, mut to_us) = split(far);
    let write = async {
        to_us.write_all(&input.as_bytes()[written..]).await.unwrap();
        to_us.shutdown().await.unwrap();
    };
    let read = async {
        let mut all = String::new();
        from_us.read_to_string(&mut all).await.unwrap();
        all
    };
    let drive = async { while connection.next().await.unwrap().is_some() {} };
    let ((), all, ()) = tokio::join!(write, read, drive);
    assert_eq!(all, input);
}

/// A stream whose halves wait for the same thing and remember one waker for both, as one does that is
/// encrypted and can't read before it has written.
#[derive(Clone, Default)]
struct Entangled(Arc<Mutex<Entanglement>>);

#[derive(Default)]
struct Entanglement {
    is_open: bool,
    input: Vec<u8>,
    written: Vec<u8>,
    waker: Option<Waker>,
}

impl Entangled {
    fn open(&self, input: &str) {
        let mut inner = self.0.lock().unwrap();
        inner.is_open = true;
        inner.input.extend(input.as_bytes());
        let waker = inner.waker.take();
        drop(inner);
        waker.expect("one of them waits").wake();
    }

    fn poll(&self, cx: &Context<'_>) -> Poll<MutexGuard<'_, Entanglement>> {
        let mut inner = self.0.lock().unwrap();
        if inner.is_open {
            return Poll::Ready(inner);
        }
        inner.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl AsyncRead for Entangled {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut inner = ready!(self.poll(cx));
        if inner.input.is_empty() {
            return Poll::Pending;
        }
        buffer.put_slice(&mem::take(&mut inner.input));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Entangled {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut inner = ready!(self.poll(cx));
        inner.written.extend(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_wakes_one_of_its_halves_for_both_is_read() {
    let stream = Entangled::default();
    let mut connection = Connection::new(Toy::default(), stream.clone(), stream.clone());
    for _ in 0..3 {
        // The reader is left in peace when something else has woken the task.
        let idle = timeout(Duration::from_secs(1), connection.next());
        assert!(idle.await.is_err(), "nothing has come");
    }
    connection.with(|toy, _| toy.send("{\"b\":1}"));
    let idle = timeout(Duration::from_secs(1), connection.next());
    assert!(idle.await.is_err(), "nothing can be written yet");
    let open = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        stream.open("{\"a\":1}\n");
    };
    let read = timeout(Duration::from_secs(60), connection.next());
    let (read, ()) = tokio::join!(read, open);
    let read = read.expect("it is read").unwrap();
    assert_eq!(read, Some(event("{\"a\":1}")));
    assert_eq!(stream.0.lock().unwrap().written, b"{\"b\":1}\n");
}

/// A writer that fails.
struct Full;

impl AsyncWrite for Full {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Err(io::Error::other("the disk is full")))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[tokio::test(start_paused = true)]
async fn a_failed_write_closes_the_session_and_is_told_once() {
    let (near, _far) = duplex(64);
    let mut connection = Connection::new(Toy::default(), near, Full);
    connection.with(|toy, _| toy.send("{}"));
    assert_eq!(
        connection.next().await.unwrap(),
        Some(Event::Closed(Closed::WriteFailed))
    );
    assert_eq!(
        connection.next().await.unwrap_err().to_string(),
        "the disk is full"
    );
    assert_eq!(connection.next().await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn dropping_the_connection_closes_session_and_streams() {
    let (connection, mut peer) = connect(Toy::default(), 64);
    let handle = connection.handle();
    drop(connection);
    assert!(handle.with(|toy, _| toy.is_closed()));
    assert_eq!(peer.read(&mut [0; 8]).await.unwrap(), 0);
}

#[test]
fn nothing_has_to_be_sent_between_threads_unless_the_caller_does() {
    fn is_send<T: Send>(_: &T) {}
    let (connection, _peer) = connect(Toy::default(), 64);
    is_send(&connection);
    is_send(&connection.handle());
}
