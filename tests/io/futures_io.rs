//! The adapter for other runtimes: a thread for each timer, an executor of ten lines.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;
use std::{io, mem};

use bytes::Bytes;
use futures_io::{AsyncRead, AsyncWrite};
use mcp_proto::client::ClientOptions;
use mcp_proto::io::nonblocking::futures_io::{Connection, serve};
use mcp_proto::io::nonblocking::{AsyncClient, AsyncServeOptions};
use mcp_proto::server::Server;
use mcp_proto::session::{Closed, EraPolicy, Session};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

use crate::toy::{Event, Toy, frame, long_frame};
use support::thread::within;

/// tokio's in-memory pipe behind the other family's traits.
pub struct Pipe(pub DuplexStream);

impl AsyncRead for Pipe {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        chunk: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let mut chunk = tokio::io::ReadBuf::new(chunk);
        let read = tokio::io::AsyncRead::poll_read(Pin::new(&mut self.0), cx, &mut chunk);
        read.map_ok(|()| chunk.filled().len())
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        tokio::io::AsyncWrite::poll_write(Pin::new(&mut self.0), cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        tokio::io::AsyncWrite::poll_flush(Pin::new(&mut self.0), cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        tokio::io::AsyncWrite::poll_shutdown(Pin::new(&mut self.0), cx)
    }
}

pub fn sleep(time: Duration) -> impl Future<Output = ()> + Send {
    let rang = Arc::new(AtomicBool::new(false));
    let mut started = false;
    poll_fn(move |cx| {
        if rang.load(Ordering::SeqCst) {
            return Poll::Ready(());
        }
        if !started {
            started = true;
            let (rang, waker) = (Arc::clone(&rang), cx.waker().clone());
            support::thread::spawn(move || {
                thread::sleep(time);
                rang.store(true, Ordering::SeqCst);
                waker.wake();
            });
        }
        Poll::Pending
    })
}

struct Unpark(thread::Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn block_on<F: Future>(future: F) -> F::Output {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

fn event(text: impl Into<String>) -> Event {
    Event::Frame(Bytes::from(text.into()))
}

#[test]
fn frames_cross_and_what_is_pending_at_the_end_is_written() {
    within(|| {
        let (near, mut far) = duplex(4096);
        let (near_out, mut far_out) = duplex(4096);
        let mut connection = Connection::new(Toy::echo(), Pipe(near), Pipe(near_out), sleep);
        let peer = support::thread::spawn(move || {
            block_on(async {
                let write = async {
                    for number in 0..20 {
                        far.write_all((long_frame(number, 100_000) + "\n").as_bytes())
                            .await
                            .unwrap();
                    }
                    drop(far);
                };
                let mut all = String::new();
                let (_, read) = tokio::join!(write, far_out.read_to_string(&mut all));
                read.unwrap();
                all
            })
        });
        block_on(async {
            assert_eq!(
                connection.next().await.unwrap(),
                Some(Event::Closed(Closed::EndOfInput))
            );
            assert_eq!(connection.next().await.unwrap(), None);
        });
        let expected: String = (0..20)
            .map(|number| long_frame(number, 100_000) + "\n")
            .collect();
        assert_eq!(peer.join().unwrap(), expected);
    });
}

#[test]
fn a_timeout_fires_and_handles_wake_the_task() {
    within(|| {
        let (near, mut far) = duplex(4096);
        let (near_out, _far_out) = duplex(4096);
        let mut connection = Connection::new(Toy::default(), Pipe(near), Pipe(near_out), sleep);
        let handle = connection.handle();
        let other = support::thread::spawn(move || {
            handle.with(|toy, now| toy.due = Some(now + Duration::from_millis(20)));
            handle
        });
        block_on(async {
            assert_eq!(connection.next().await.unwrap(), Some(Event::TimedOut));
            far.write_all((frame(1) + "\n").as_bytes()).await.unwrap();
            assert_eq!(connection.next().await.unwrap(), Some(event(frame(1))));
        });
        let handle = other.join().unwrap();
        drop(connection);
        assert!(handle.with(|toy, _| toy.is_closed()));
    });
}

/// Input that comes when a test says so, and time that never passes: whoever waits for either is woken for
/// both, the last one that has asked.
#[derive(Clone, Default)]
struct Reactor(Arc<Mutex<(Vec<u8>, Option<Waker>)>>);

impl Reactor {
    fn wait<T>(&self, cx: &Context<'_>) -> Poll<T> {
        self.0.lock().unwrap().1 = Some(cx.waker().clone());
        Poll::Pending
    }

    fn come(&self, line: &str) {
        let mut inner = self.0.lock().unwrap();
        inner.0.extend(line.as_bytes());
        let waker = inner.1.take();
        drop(inner);
        waker.expect("somebody waits").wake();
    }
}

impl AsyncRead for Reactor {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        chunk: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let input = mem::take(&mut self.0.lock().unwrap().0);
        if input.is_empty() {
            return self.wait(cx);
        }
        chunk[..input.len()].copy_from_slice(&input);
        Poll::Ready(Ok(input.len()))
    }
}

#[test]
fn what_wakes_streams_and_timer_alike_has_the_input_read() {
    let reactor = Reactor::default();
    let time = reactor.clone();
    let never = move |_| {
        let time = time.clone();
        poll_fn(move |cx| time.wait(cx))
    };
    let (output, _peer) = duplex(1024);
    let mut connection = Connection::new(Toy::default(), reactor.clone(), Pipe(output), never);
    connection.with(|toy, now| toy.due = Some(now + Duration::from_secs(3600)));
    let mut cx = Context::from_waker(Waker::noop());
    for number in 0..4 {
        for _ in 0..4 {
            // The reader is left in peace when something else has woken the task; the timer asks last.
            assert!(connection.poll_next(&mut cx).is_pending());
            connection.with(|_, _| ());
        }
        reactor.come(&(frame(number) + "\n"));
        let Poll::Ready(next) = connection.poll_next(&mut cx) else {
            panic!("what has come is not read");
        };
        assert_eq!(next.unwrap(), Some(event(frame(number))));
    }
}

/// A peer that always has something more to say, and takes whatever it is told.
struct Flood {
    first: Vec<u8>,
    then: &'static str,
}

impl AsyncRead for Flood {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        chunk: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        if self.first.is_empty() {
            self.first = self.then.into();
        }
        let length = chunk.len().min(self.first.len());
        chunk[..length].copy_from_slice(&self.first[..length]);
        self.first.drain(..length);
        Poll::Ready(Ok(length))
    }
}

#[test]
fn a_flood_of_events_lets_other_tasks_have_their_turn() {
    within(|| {
        let flood = Flood {
            first: Vec::new(),
            then: "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\
                \"params\":{\"level\":\"error\",\"data\":1}}\n",
        };
        let (us, _them) = duplex(1 << 20);
        let mut streams = Some((flood, Pipe(us)));
        let options = ClientOptions::new("test", "1").era(EraPolicy::AssumeModern);
        let (client, driver) = AsyncClient::new(options, async move |client| {
            let (flood, sink) = streams.take().ok_or(io::ErrorKind::NotFound)?;
            Ok(Connection::new(client, flood, sink, sleep))
        });
        let mut driver = pin!(driver);
        let mut open = pin!(client.open());
        let mut cx = Context::from_waker(Waker::noop());
        let mut is_open = false;
        for _ in 0..50 {
            assert!(driver.as_mut().poll(&mut cx).is_pending());
            is_open = is_open || open.as_mut().poll(&mut cx).is_ready();
        }
        assert!(is_open);
    });
    within(|| {
        let flood = Flood {
            first: "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\",\"params\":\
                {\"protocolVersion\":\"2025-11-25\",\"capabilities\":{},\
                \"clientInfo\":{\"name\":\"c\",\"version\":\"1\"}}}\n\
                {\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}\n"
                .into(),
            then: "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/roots/list_changed\"}\n",
        };
        let (us, _them) = duplex(1 << 20);
        let server = Server::new("test", "1");
        let options = AsyncServeOptions::default();
        let mut served = pin!(serve(server, flood, Pipe(us), sleep, options));
        let mut cx = Context::from_waker(Waker::noop());
        for _ in 0..50 {
            assert!(served.as_mut().poll(&mut cx).is_pending());
        }
    });
}
