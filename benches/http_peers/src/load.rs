//! The load: `load calls PORT CONNECTIONS SECONDS` sends one request after the other on each
//! connection and prints how many were answered.
//!
//! `load streams PORT TELL PORT TELL STREAMS SLOW ROUNDS` opens streams of changes to two servers, of
//! which first the second and then the first has slow ones among its own, which read a byte now and then.
//! It has the one and the other tell of a change in turns, by a line to the file TELL, and waits until
//! every stream but the slow ones has had its event. What it prints are medians: how long that took
//! without slow ones and beside them, in microseconds, and how many thousandths of the one the other took
//! in the same turn, as the geometric mean of both halves, so that a server that is slower by itself
//! counts for nothing.

#[allow(dead_code, reason = "the peers need the rest")]
mod frames;

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let number = |argument: &str| argument.parse::<u32>().expect("a number");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        match arguments[..] {
            ["calls", port, connections, seconds] => {
                calls(number(port), number(connections), number(seconds)).await;
            }
            [
                "streams",
                one,
                tell_one,
                other,
                tell_other,
                of,
                slow,
                rounds,
            ] => {
                let (of, slow) = (number(of), number(slow));
                let mut one = Told::open(number(one), tell_one, of - slow).await;
                let mut other = Told::open(number(other), tell_other, of - slow).await;
                beside_slow(&mut one, &mut other, slow, number(rounds)).await;
            }
            _ => panic!(
                "calls PORT CONNECTIONS SECONDS or streams PORT TELL PORT TELL STREAMS SLOW ROUNDS"
            ),
        }
    });
}

fn request(method: &str, name: Option<&str>, body: &str) -> Vec<u8> {
    let name = name.map_or(String::new(), |name| format!("mcp-name: {name}\r\n"));
    format!(
        "POST /mcp HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n\
         accept: application/json, text/event-stream\r\ncontent-length: {}\r\n\
         mcp-protocol-version: 2026-07-28\r\nmcp-method: {method}\r\n{name}\r\n{body}",
        body.len()
    )
    .into_bytes()
}

async fn calls(port: u32, connections: u32, seconds: u32) {
    let request = request("tools/call", Some("echo"), &frames::echo_frame());
    let end = Instant::now() + Duration::from_secs(seconds.into());
    let mut running = JoinSet::new();
    for _ in 0..connections {
        let request = request.clone();
        running.spawn(async move {
            let stream = TcpStream::connect(("127.0.0.1", port as u16)).await;
            let mut stream = stream.expect("a connection");
            stream.set_nodelay(true).expect("no delay");
            let mut answered = 0u64;
            let mut buffer = Vec::new();
            while Instant::now() < end {
                stream.write_all(&request).await.expect("it is sent");
                answer(&mut stream, &mut buffer).await;
                answered += 1;
            }
            answered
        });
    }
    let answered: u64 = running.join_all().await.into_iter().sum();
    println!("{answered}");
}

/// Reads one response, which says how long it is.
async fn answer(stream: &mut TcpStream, buffer: &mut Vec<u8>) {
    buffer.clear();
    loop {
        let read = stream.read_buf(buffer).await.expect("it is read");
        assert_ne!(read, 0, "the server goes on");
        let text = std::str::from_utf8(buffer).expect("ASCII");
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head
            .split("\r\n")
            .find_map(|line| line.strip_prefix("content-length: "));
        let length: usize = length.expect("it is JSON").parse().expect("a length");
        if body.len() >= length {
            assert!(head.starts_with("HTTP/1.1 200"), "{text}");
            return frames::check(body.as_bytes());
        }
    }
}

/// A server whose streams are open.
struct Told {
    port: u32,
    tell: File,
    had: mpsc::UnboundedReceiver<usize>,
    /// How many streams are read as fast as they can be.
    fast: u32,
}

impl Told {
    async fn open(port: u32, tell: &str, fast: u32) -> Self {
        let (events, mut had) = mpsc::unbounded_channel();
        for _ in 0..fast {
            let stream = listen(port, None).await;
            tokio::spawn(read_events(stream, events.clone()));
        }
        wait(&mut had, fast).await;
        let tell = OpenOptions::new().write(true).open(tell);
        let tell = tell.expect("the server is told by a file");
        Self {
            port,
            tell,
            had,
            fast,
        }
    }

    /// Opens streams that are hardly read, until what is returned is dropped.
    async fn slow(&self, streams: u32) -> JoinSet<()> {
        let mut slow = JoinSet::new();
        for _ in 0..streams {
            slow.spawn(dawdle(listen(self.port, Some(4096)).await));
        }
        slow
    }

    /// How long it takes until all that read have heard of a change.
    async fn change(&mut self) -> Duration {
        let start = Instant::now();
        self.tell.write_all(b"\n").expect("the server listens");
        wait(&mut self.had, self.fast).await;
        start.elapsed()
    }
}

/// Asks for a stream of changes.
async fn listen(port: u32, buffer: Option<u32>) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    if let Some(buffer) = buffer {
        socket.set_recv_buffer_size(buffer).expect("a small buffer");
    }
    let address = format!("127.0.0.1:{port}").parse().expect("an address");
    let mut stream = socket.connect(address).await.expect("a connection");
    let request = request("subscriptions/listen", None, &frames::listen_frame());
    stream.write_all(&request).await.expect("it is sent");
    stream
}

async fn beside_slow(one: &mut Told, other: &mut Told, slow: u32, rounds: u32) {
    let mut times = [Vec::new(), Vec::new()];
    let mut ratios = [Vec::new(), Vec::new()];
    for half in 0..2 {
        let (without, beside) = match half {
            0 => (&mut *one, &mut *other),
            _ => (&mut *other, &mut *one),
        };
        let _slow = beside.slow(slow).await;
        for round in 0..rounds / 2 {
            // Whoever comes first in a turn has no advantage over all of them.
            let (at_one, at_other) = if round % 2 == 0 {
                let at_one = without.change().await;
                (at_one, beside.change().await)
            } else {
                let at_other = beside.change().await;
                (without.change().await, at_other)
            };
            let (at_one, at_other) = (at_one.as_micros() as f64, at_other.as_micros() as f64);
            times[0].push(at_one);
            times[1].push(at_other);
            ratios[half].push(at_other / at_one.max(1.0));
        }
    }
    let [without, beside] = times.map(median);
    let [first, second] = ratios.map(median);
    let ratio = (first * second).sqrt() * 1000.0;
    println!("{without:.0} {beside:.0} {ratio:.0}");
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_unstable_by(f64::total_cmp);
    times[times.len() / 2]
}

async fn wait(had: &mut mpsc::UnboundedReceiver<usize>, mut events: u32) {
    while events > 0 {
        events -= had.recv().await.expect("streams go on") as u32;
    }
}

/// Reads a byte now and then.
async fn dawdle(mut stream: TcpStream) {
    while stream.read_u8().await.is_ok() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Reads as fast as it can.
async fn read_events(mut stream: TcpStream, events: mpsc::UnboundedSender<usize>) {
    let mut buffer = Vec::new();
    while stream
        .read_buf(&mut buffer)
        .await
        .is_ok_and(|read| read > 0)
    {
        let whole = memchr::memmem::rfind(&buffer, b"\n\n").map_or(0, |at| at + 2);
        let lines = buffer[..whole].split(|byte| *byte == b'\n');
        let read = lines.filter(|line| line.starts_with(b"data: {")).count();
        buffer.drain(..whole);
        if read > 0 && events.send(read).is_err() {
            return;
        }
    }
}
