//! The load: `load calls PORT CONNECTIONS SECONDS` sends one request after the other on each
//! connection and prints how many were answered.
//!
//! `load streams PORT TELL PORT TELL STREAMS SLOW ROUNDS` opens streams of changes to two servers, of
//! which the second has slow ones among its own, which read a byte now and then. It has the one and the
//! other tell of a change in turns, by a line to the file TELL, and waits until every stream but the slow
//! ones has had its event. What it prints are medians: how long that took at the one and at the other, in
//! microseconds, and how many thousandths of the one the other took in the same turn.

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
            ["streams", one, tell_one, other, tell_other, of, slow, rounds] => {
                let (of, slow) = (number(of), number(slow));
                let mut one = Told::open(number(one), tell_one, of, 0).await;
                let mut other = Told::open(number(other), tell_other, of, slow).await;
                in_turns(&mut one, &mut other, number(rounds)).await;
            }
            _ => panic!("calls PORT CONNECTIONS SECONDS or streams PORT TELL PORT TELL STREAMS SLOW ROUNDS"),
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
    tell: File,
    had: mpsc::UnboundedReceiver<usize>,
    /// How many streams are read as fast as they can be.
    fast: u32,
}

impl Told {
    async fn open(port: u32, tell: &str, streams: u32, slow: u32) -> Self {
        let request = request("subscriptions/listen", None, &frames::listen_frame());
        let (events, mut had) = mpsc::unbounded_channel();
        for n in 0..streams {
            let socket = TcpSocket::new_v4().expect("a socket");
            let is_slow = n < slow;
            if is_slow {
                socket.set_recv_buffer_size(4096).expect("a small buffer");
            }
            let address = format!("127.0.0.1:{port}").parse().expect("an address");
            let mut stream = socket.connect(address).await.expect("a connection");
            stream.write_all(&request).await.expect("it is sent");
            match is_slow {
                true => tokio::spawn(dawdle(stream)),
                false => tokio::spawn(read_events(stream, events.clone())),
            };
        }
        let fast = streams - slow;
        wait(&mut had, fast).await;
        let tell = OpenOptions::new().write(true).open(tell);
        let tell = tell.expect("the server is told by a file");
        Self { tell, had, fast }
    }

    /// How long it takes until all that read have heard of a change.
    async fn change(&mut self) -> Duration {
        let start = Instant::now();
        self.tell.write_all(b"\n").expect("the server listens");
        wait(&mut self.had, self.fast).await;
        start.elapsed()
    }
}

async fn in_turns(one: &mut Told, other: &mut Told, rounds: u32) {
    let mut times = [Vec::new(), Vec::new(), Vec::new()];
    for round in 0..rounds {
        // Whoever comes first in a turn has no advantage over all of them.
        let (at_one, at_other) = if round % 2 == 0 {
            let at_one = one.change().await;
            (at_one, other.change().await)
        } else {
            let at_other = other.change().await;
            (one.change().await, at_other)
        };
        let (at_one, at_other) = (at_one.as_micros(), at_other.as_micros());
        let ratio = at_other * 1000 / at_one.max(1);
        for (times, time) in times.iter_mut().zip([at_one, at_other, ratio]) {
            times.push(time);
        }
    }
    let [one, other, ratio] = times.map(|mut times| {
        times.sort_unstable();
        times[times.len() / 2]
    });
    println!("{one} {other} {ratio}");
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
