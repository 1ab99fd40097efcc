//! Connections over sockets whose peer stays: whatever it does, the socket and the threads that block
//! on it are gone soon after the connection is.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use mcp_proto::io::blocking::Connection;

use crate::toy::{Toy, event, frame, long_frame, within};

/// The peer's end.
trait Peer: Read + Write + Send {}
impl<P: Read + Write + Send> Peer for P {}

/// A connection over each kind of socket, with what its socket is called and its peer's end.
fn connections() -> Vec<(Connection<Toy>, PathBuf, Box<dyn Peer>)> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let theirs = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (ours, _) = listener.accept().unwrap();
    let name = name(&ours);
    let tcp = Connection::tcp(Toy::default(), ours).unwrap();
    let (ours, other) = UnixStream::pair().unwrap();
    let unix_name = self::name(&ours);
    let unix = Connection::unix(Toy::default(), ours).unwrap();
    vec![
        (tcp, name, Box::new(theirs)),
        (unix, unix_name, Box::new(other)),
    ]
}

/// What the system calls a socket, whatever number it has.
fn name(socket: &impl AsRawFd) -> PathBuf {
    fs::read_link(format!("/proc/self/fd/{}", socket.as_raw_fd())).unwrap()
}

fn is_open(name: &PathBuf) -> bool {
    let open = fs::read_dir("/proc/self/fd").unwrap();
    let mut names = open.filter_map(|file| fs::read_link(file.ok()?.path()).ok());
    names.any(|other| other == *name)
}

/// Waits until nothing holds the socket any more, neither the connection nor its threads.
fn is_gone(name: &PathBuf) {
    let begun = Instant::now();
    while is_open(name) {
        let late = begun.elapsed() > Duration::from_secs(15);
        assert!(!late, "the socket is still there");
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_peer_that_neither_answers_nor_closes_keeps_no_socket() {
    within(|| {
        for (connection, name, _peer) in connections() {
            assert!(is_open(&name));
            connection.with(|toy, _| toy.send("{}"));
            drop(connection);
            is_gone(&name);
        }
    });
}

#[test]
fn a_connection_whose_end_was_taken_keeps_no_socket() {
    within(|| {
        for (mut connection, name, _peer) in connections() {
            connection.with(|toy, _| toy.close());
            assert_eq!(connection.next().unwrap(), None);
            is_gone(&name);
            drop(connection);
        }
    });
}

#[test]
fn a_peer_that_never_reads_keeps_no_socket() {
    within(|| {
        for (connection, name, _peer) in connections() {
            connection.with(|toy, _| {
                for number in 0..16 {
                    toy.send(long_frame(number, 1 << 20));
                }
            });
            drop(connection);
            is_gone(&name);
        }
    });
}

#[test]
fn a_peer_that_floods_keeps_no_socket() {
    within(|| {
        let all = connections();
        let floods = all.into_iter().map(|(connection, name, mut peer)| {
            thread::spawn(move || {
                drop(connection);
                let flood = thread::spawn(move || while peer.write_all(&[b'x'; 4096]).is_ok() {});
                is_gone(&name);
                flood.join().unwrap();
            })
        });
        for flood in floods.collect::<Vec<_>>() {
            flood.join().unwrap();
        }
    });
}

#[test]
fn a_slow_peer_gets_all_that_was_pending_when_the_connection_was_dropped() {
    within(|| {
        for (connection, name, mut peer) in connections() {
            connection.with(|toy, _| {
                for number in 0..8 {
                    toy.send(long_frame(number, 256 << 10));
                }
            });
            drop(connection);
            // It says something that nobody will read, before it begins.
            writeln!(peer, "{}", frame(1)).unwrap();
            let mut all = Vec::new();
            let mut chunk = vec![0; 1 << 20];
            loop {
                thread::sleep(Duration::from_millis(20));
                match peer.read(&mut chunk).unwrap() {
                    0 => break,
                    length => all.extend_from_slice(&chunk[..length]),
                }
            }
            assert_eq!(all.iter().filter(|byte| **byte == b'\n').count(), 8);
            drop(peer);
            is_gone(&name);
        }
    });
}

#[test]
fn a_peer_that_leaves_first_ends_the_input() {
    within(|| {
        for (mut connection, name, mut peer) in connections() {
            writeln!(peer, "{}", frame(1)).unwrap();
            drop(peer);
            assert_eq!(connection.next().unwrap(), Some(event(frame(1))));
            while connection.next().unwrap_or(None).is_some() {}
            drop(connection);
            is_gone(&name);
        }
    });
}
