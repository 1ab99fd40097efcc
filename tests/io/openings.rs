//! What is said when a server can't be used: the same for each way to reach one, blocking or not.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use mcp_proto::client::{ClientError, ClientOptions};
use mcp_proto::io::blocking::{BlockingClient, Connection};
use mcp_proto::io::child::Command;
use mcp_proto::io::nonblocking::{AsyncClient, AsyncDriver};
use mcp_proto::session::{CloseReason, Delivery, EraPolicy};

use crate::contract::poll_for;
use support::thread::within;

/// What a client does, however it waits.
#[derive(Clone)]
enum Either {
    Blocking(BlockingClient),
    Async(AsyncClient),
}

impl Either {
    fn driven((client, driver): (AsyncClient, AsyncDriver)) -> Self {
        support::thread::spawn(|| poll_for(None, driver).expect("it waits for ever"));
        Self::Async(client)
    }

    fn open(&self) -> Result<(), ClientError> {
        match self {
            Self::Blocking(client) => client.open(),
            Self::Async(client) => poll_for(None, client.open()).expect("it waits for ever"),
        }
    }

    fn ping(&self) -> Result<(), ClientError> {
        match self {
            Self::Blocking(client) => client.ping(),
            Self::Async(client) => poll_for(None, client.ping()).expect("it waits for ever"),
        }
    }
}

fn options() -> ClientOptions {
    let options = ClientOptions::new("test", "1").era(EraPolicy::Legacy);
    options.timeout(Duration::from_millis(300))
}

/// Both clients of a process that runs this script.
fn of_process(options: &ClientOptions, script: &str) -> Vec<Either> {
    let short = Duration::from_millis(50);
    let command = Command::new("sh").args(["-c", script]).stderr_quiet();
    let command = command.close_wait(short).terminate_wait(short);
    vec![
        Either::Blocking(BlockingClient::child(options.clone(), command.clone())),
        Either::driven(AsyncClient::child(options.clone(), command)),
    ]
}

/// One end of a socket of whatever kind.
trait Socket: Read + Write + Send {
    fn end_output(&self);
}

impl Socket for TcpStream {
    fn end_output(&self) {
        self.shutdown(Shutdown::Write).unwrap();
    }
}

impl Socket for UnixStream {
    fn end_output(&self) {
        self.shutdown(Shutdown::Write).unwrap();
    }
}

type Serve = fn(&mut dyn Socket);

/// Judges all of them at once, since most wait for a while.
fn at_once<T: Send>(all: impl IntoIterator<Item = T>, judge: impl Fn(T) + Sync) {
    let judge = &judge;
    thread::scope(|scope| {
        for one in all {
            scope.spawn(move || judge(one));
        }
    });
}

/// Judges both clients of each kind of socket, behind which `serve` is, by what the errors call it.
fn of_sockets(options: &ClientOptions, serve: Serve, judge: impl Fn(&Either, &str) + Sync) {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let number = COUNT.fetch_add(1, Ordering::SeqCst);
    let path = format!("mcp-opening-{}-{number}", std::process::id());
    let path: PathBuf = std::env::temp_dir().join(path);
    let listener = UnixListener::bind(&path).unwrap();
    let name = path.display().to_string();
    support::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            support::thread::spawn(move || serve(&mut stream));
        }
    });
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    support::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            support::thread::spawn(move || serve(&mut stream));
        }
    });
    let of = || options.clone();
    let clients = [
        (
            Either::Blocking(BlockingClient::tcp(of(), &address)),
            address.clone(),
        ),
        (Either::driven(AsyncClient::tcp(of(), &address)), address),
        (
            Either::Blocking(BlockingClient::unix(of(), &path)),
            name.clone(),
        ),
        (Either::driven(AsyncClient::unix(of(), &path)), name),
    ];
    at_once(clients, |(client, name)| judge(&client, &name));
    std::fs::remove_file(path).unwrap();
}

/// Reads to the end.
fn wait(socket: &mut dyn Socket) {
    drop(io::copy(socket, &mut io::sink()));
}

/// The error says all of this, and nothing of a second start.
#[track_caller]
fn says(error: &ClientError, parts: &[&str]) {
    let text = error.to_string();
    for part in parts {
        assert!(text.contains(part), "{part:?} in {text:?}");
    }
    assert!(!text.contains("twice"), "{text}");
}

/// Each client fails to open for this reason, and says what the other parts say.
fn fails(script: &str, serve: Serve, reason: &CloseReason, parts: &[&str]) {
    let reason_is = |error: &ClientError| {
        let ClientError::Peer { error, .. } = error else {
            panic!("{error:?}");
        };
        assert_eq!(**error, ClientError::Opening(reason.clone()));
    };
    at_once(of_process(&options(), script), |client| {
        let error = client.open().unwrap_err();
        reason_is(&error);
        says(&error, &["`sh`"]);
        says(&error, parts);
    });
    of_sockets(&options(), serve, |client, name| {
        let error = client.open().unwrap_err();
        reason_is(&error);
        says(&error, &[&format!("`{name}`")]);
        says(&error, parts);
    });
}

fn ended() -> CloseReason {
    CloseReason::Connection(mcp_proto::session::Closed::EndOfInput)
}

fn timed_out() -> CloseReason {
    CloseReason::OpeningTimedOut(Duration::from_millis(300))
}

#[test]
fn a_server_that_leaves_at_once_is_named() {
    within(|| {
        let leave: Serve = |socket| {
            socket.end_output();
            wait(socket);
        };
        fails("exec >&-; while read l; do :; done", leave, &ended(), &[]);
    });
}

#[test]
fn a_server_that_says_something_else_is_quoted() {
    within(|| {
        let page: Serve = |socket| {
            socket
                .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                .unwrap();
            socket.end_output();
            wait(socket);
        };
        let parts = ["no message: \"HTTP/1.1 400 Bad Request"];
        let script = r"printf 'HTTP/1.1 400 Bad Request\r\n\r\n'";
        fails(script, page, &ended(), &parts);

        let greet: Serve = |socket| {
            socket.write_all(b"Listening on port 4000\n").unwrap();
            wait(socket);
        };
        let parts = ["no message: \"Listening on port 4000\""];
        let script = "echo 'Listening on port 4000'; while read l; do :; done";
        fails(script, greet, &timed_out(), &parts);
    });
}

#[test]
fn of_a_long_line_that_is_no_message_the_start_is_quoted() {
    within(|| {
        let page: Serve = |socket| {
            socket.write_all(&[b'x'; 4096]).unwrap();
            socket.end_output();
            wait(socket);
        };
        let quoted = format!("no message: \"{}\"", "x".repeat(80));
        fails("printf 'x%.0s' $(seq 4096)", page, &ended(), &[&quoted]);
    });
}

#[test]
fn a_server_that_is_silent_is_named() {
    within(|| fails("while read l; do :; done", wait, &timed_out(), &[]));
}

#[test]
fn a_server_that_says_nothing_is_ended_about_when_the_user_wanted() {
    within(|| {
        let command = Command::new("sleep").arg("60").stderr_quiet();
        let clients = [
            Either::Blocking(BlockingClient::child(options(), command.clone())),
            Either::driven(AsyncClient::child(options(), command)),
        ];
        for client in clients {
            let begun = Instant::now();
            client.open().unwrap_err();
            // A server that has spoken has two seconds to end by itself.
            assert!(
                begun.elapsed() < Duration::from_secs(2),
                "{:?}",
                begun.elapsed()
            );
        }
    });
}

#[test]
fn a_server_that_sends_back_what_it_is_sent_is_found_out() {
    within(|| {
        let echo: Serve = |socket| {
            let mut chunk = [0; 4096];
            while let Ok(length @ 1..) = socket.read(&mut chunk) {
                if socket.write_all(&chunk[..length]).is_err() {
                    break;
                }
            }
        };
        for client in of_process(&options(), "exec cat") {
            says(
                &client.open().unwrap_err(),
                &["`sh`", "it sends back what it is sent"],
            );
        }
        of_sockets(&options(), echo, |client, name| {
            let name = format!("`{name}`");
            says(
                &client.open().unwrap_err(),
                &[&name, "it sends back what it is sent"],
            );
        });
    });
}

#[test]
fn a_process_that_fails_is_told_of_with_its_exit_and_its_last_words() {
    within(|| {
        let ends = [
            (
                "echo 'no key given' >&2; exit 3",
                "`sh` ended with exit status: 3",
            ),
            (
                "echo 'no key given' >&2; exit 0",
                "`sh` ended with exit status: 0",
            ),
            (
                "echo 'no key given' >&2; kill -9 $$",
                "`sh` ended with signal: 9",
            ),
            // Its output stays open for longer than the opening may take.
            (
                "echo 'no key given' >&2; sleep 1 & exit 4",
                "`sh` ended with exit status: 4",
            ),
            (
                "exec >&-; echo 'no key given' >&2; while :; do sleep 1; done",
                "`sh` still runs",
            ),
        ];
        at_once(ends, |(script, exit)| {
            at_once(of_process(&options(), script), |client| {
                says(&client.open().unwrap_err(), &[exit, "no key given"]);
            });
        });
    });
}

#[test]
fn the_call_during_which_a_process_dies_is_told_of_its_exit_and_its_last_words() {
    within(|| {
        let script = r#"read -r line
            echo '{"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"s","version":"1"}}}'
            read -r line; read -r line
            echo 'out of paper' >&2; exit 3"#;
        for client in of_process(&options(), script) {
            client.open().unwrap();
            let lost = client.ping().unwrap_err();
            says(&lost, &["`sh` ended with exit status: 3", "out of paper"]);
            assert_eq!(lost.retry_message().as_deref(), Some("Connection closed"));
            let ClientError::Peer { error, .. } = lost else {
                panic!("{lost:?}");
            };
            assert_eq!(*error, ClientError::Lost(Delivery::Unknown));
        }
    });
}

#[test]
fn a_server_that_refuses_the_opening_is_named() {
    within(|| {
        let script = r#"read -r line
            echo '{"jsonrpc":"2.0","id":1,"error":{"code":-32603,"message":"no licence"}}'
            while read l; do :; done"#;
        let refuse: Serve = |socket| {
            let refusal =
                br#"{"jsonrpc":"2.0","id":1,"error":{"code":-32603,"message":"no licence"}}"#;
            drop(socket.read(&mut [0; 4096]));
            socket.write_all(&[&refusal[..], b"\n"].concat()).unwrap();
            wait(socket);
        };
        let text = "the session could not be opened: no licence (code: -32603): ";
        for client in of_process(&options(), script) {
            says(&client.open().unwrap_err(), &[text, "`sh`"]);
        }
        of_sockets(&options(), refuse, |client, name| {
            says(&client.open().unwrap_err(), &[text, name]);
        });
    });
}

#[test]
fn what_cannot_be_reached_is_named() {
    within(|| {
        let nobody = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = nobody.local_addr().unwrap().to_string();
        drop(nobody);
        let refused = format!("can't connect to `{address}`");
        let of = options;
        let clients = [
            (
                Either::Blocking(BlockingClient::tcp(of(), &address)),
                &*refused,
            ),
            (Either::driven(AsyncClient::tcp(of(), &address)), &refused),
            (
                Either::Blocking(BlockingClient::unix(of(), "/no/socket")),
                "can't connect to `/no/socket`",
            ),
            (
                Either::driven(AsyncClient::unix(of(), "/no/socket")),
                "can't connect to `/no/socket`",
            ),
            (
                Either::Blocking(BlockingClient::child(of(), Command::new("no-program"))),
                "can't start `no-program`",
            ),
            (
                Either::driven(AsyncClient::child(of(), Command::new("no-program"))),
                "can't start `no-program`",
            ),
        ];
        for (client, text) in clients {
            says(&client.open().unwrap_err(), &[text]);
        }
    });
}

#[test]
fn a_panic_while_connecting_is_told() {
    within(|| {
        let panics = |_| -> io::Result<Connection<_>> { panic!("expected by the test {}", 7) };
        let mut clients = vec![Either::Blocking(BlockingClient::new(options(), panics))];
        let (told, driver) = mpsc::channel();
        support::thread::spawn(move || {
            let (client, driver) = AsyncClient::new(options(), async |_| {
                if !thread::panicking() {
                    panic!("expected by the test {}", 7);
                }
                Err::<mcp_proto::io::nonblocking::Threaded<_>, _>(io::Error::other("unreached"))
            });
            told.send(client).unwrap();
            poll_for(None, driver).expect("it waits for ever");
        });
        clients.push(Either::Async(driver.recv().unwrap()));
        for client in clients {
            // The next try connects anew.
            for _ in 0..2 {
                let error = client.open().unwrap_err();
                let text = "`connect` panicked: expected by the test 7";
                assert_eq!(error, ClientError::Connection(text.into()));
            }
        }
    });
}

#[test]
fn a_server_that_is_started_twice_is_said_to_be() {
    within(|| {
        let starts = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&starts);
        let options = || ClientOptions::new("test", "1").timeout(Duration::from_secs(5));
        let client = BlockingClient::new(options(), move |client| {
            counted.fetch_add(1, Ordering::SeqCst);
            let script = "echo 'no key given' >&2; exit 3";
            Command::new("sh")
                .args(["-c", script])
                .stderr_quiet()
                .connect(client)
        });
        let error = client.open().unwrap_err().to_string();
        assert_eq!(starts.load(Ordering::SeqCst), 2);
        assert!(error.contains("connected twice"), "{error}");
        for part in ["`sh` ended with exit status: 3", "no key given"] {
            assert!(error.contains(part), "{error}");
        }
        for client in of_process(&options(), "exit 3") {
            let error = client.open().unwrap_err().to_string();
            assert!(error.contains("connected twice"), "{error}");
        }
    });
}
