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

use mcp_proto::Limits;
use mcp_proto::io::blocking::{Connection, ServeOptions, serve_connection};
use mcp_proto::server::Server;

use crate::toy::{Toy, event, frame, long_frame};
use support::thread::within;

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
fn a_frame_is_sent_at_once_although_an_earlier_one_is_under_way() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let theirs = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (ours, _) = listener.accept().unwrap();
    // The option is the socket's, whoever looks at it.
    let same = ours.try_clone().unwrap();
    assert!(!same.nodelay().unwrap());
    let connection = Connection::tcp(Toy::default(), ours).unwrap();
    assert!(same.nodelay().unwrap());
    drop((connection, theirs));
}

/// What a connection and its peer do before the connection is gone, and the peer is not.
type Before = fn(&mut Connection<Toy>);

#[test]
fn a_peer_that_neither_answers_nor_reads_nor_closes_keeps_no_socket() {
    let before: [Before; 3] = [
        |connection| connection.with(|toy, _| toy.send("{}")),
        // More than the socket holds.
        |connection| {
            connection.with(|toy, _| {
                for number in 0..16 {
                    toy.send(long_frame(number, 1 << 20));
                }
            });
        },
        |connection| {
            connection.with(|toy, _| toy.close());
            assert_eq!(connection.next().unwrap(), None);
        },
    ];
    // At once, since each waits until nothing has moved for a while.
    let all = before.map(|before| {
        support::thread::spawn(move || {
            within(move || {
                let mut all = connections();
                for (connection, name, _) in &mut all {
                    assert!(is_open(name));
                    before(connection);
                }
                // The one whose end was taken needs not even be dropped.
                let peers: Vec<_> = all.into_iter().map(leave).collect();
                peers.iter().for_each(|(_kept, name, _peer)| is_gone(name));
            });
        })
    });
    for one in all {
        one.join().unwrap();
    }
}

/// Drops a connection unless it has ended by itself.
fn leave(
    (connection, name, peer): (Connection<Toy>, PathBuf, Box<dyn Peer>),
) -> (Option<Connection<Toy>>, PathBuf, Box<dyn Peer>) {
    let has_ended = connection.is_closed();
    (has_ended.then_some(connection), name, peer)
}

#[test]
#[ignore = "takes ten seconds, after which any peer is left: `.ci/run test_features` runs it"]
fn a_peer_that_floods_keeps_no_socket() {
    within(|| {
        let all = connections();
        let floods = all.into_iter().map(|(connection, name, mut peer)| {
            support::thread::spawn(move || {
                drop(connection);
                // It never stops for as long as would pass for silence.
                let flood = support::thread::spawn(move || {
                    while peer.write_all(&[b'x'; 4096]).is_ok() {
                        thread::sleep(Duration::from_millis(2));
                    }
                });
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

/// What serves one TCP client, however it behaves, with odd options; gives what its socket is called.
fn serve(listener: &TcpListener, limits: Limits, options: ServeOptions) -> PathBuf {
    let (ours, _) = listener.accept().unwrap();
    let name = name(&ours);
    let service = Server::new("test", "1").limits(limits).service();
    // A client that breaks off is an error or none; either way it is over.
    drop(serve_connection(
        Connection::tcp(service, ours).unwrap(),
        options,
    ));
    name
}

#[test]
fn clients_that_come_and_go_leave_nothing_behind() {
    within(|| {
        let count = support::amount(60, 300);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let clients = support::thread::spawn(move || {
            for number in 0..count {
                let mut client = TcpStream::connect(address).unwrap();
                let said: &[u8] = match number % 4 {
                    0 => b"",
                    1 => b"{\"jsonrpc\":\"2.0\",\"id\":1,",
                    2 => b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\n",
                    _ => b"GET / HTTP/1.1\r\n\r\n",
                };
                drop(client.write_all(said));
            }
        });
        let names: Vec<_> = (0..count)
            .map(|number| {
                let options = ServeOptions::default();
                let options = match number % 3 {
                    0 => options.threads(0).grace(Duration::ZERO),
                    1 => options.threads(usize::MAX).grace(Duration::MAX),
                    _ => options,
                };
                serve(&listener, Limits::default(), options)
            })
            .collect();
        clients.join().unwrap();
        // The system gives a socket's name to no other while it is open.
        names.iter().for_each(is_gone);
    });
}

#[test]
fn a_client_that_floods_and_never_reads_is_over_when_it_leaves() {
    within(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (leave, left) = std::sync::mpsc::channel::<()>();
        let client = support::thread::spawn(move || {
            let mut client = TcpStream::connect(address).unwrap();
            client
                .set_write_timeout(Some(Duration::from_millis(500)))
                .unwrap();
            // Long ids fill what the system keeps of either direction with fewer of them.
            let id = "x".repeat(200);
            let line = format!("{{\"jsonrpc\":\"2.0\",\"id\":\"{id}\",\"method\":\"ping\"}}\n");
            let lines = line.repeat(200);
            // It is stopped by the server's own limits, not by its memory.
            let mut written = 0;
            while client.write_all(lines.as_bytes()).is_ok() && written < 1 << 30 {
                written += lines.len();
            }
            leave.send(()).unwrap();
            written
        });
        let mut limits = Limits::default();
        limits.output = support::amount(64 << 10, limits.output);
        let name = serve(&listener, limits, ServeOptions::default());
        left.recv().unwrap();
        let written = client.join().unwrap();
        assert!(written < 1 << 30, "{written} bytes were taken");
        is_gone(&name);
    });
}
