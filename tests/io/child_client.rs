//! The high-level clients over a server process: closing waits until it is gone, and what went wrong
//! names it, whichever client it is.

use std::fs;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::process::{Command as System, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use mcp_proto::client::{ClientError, ClientOptions};
use mcp_proto::io::blocking::BlockingClient;
use mcp_proto::io::child::Command;
use mcp_proto::io::nonblocking::AsyncClient;
use mcp_proto::session::EraPolicy;

use crate::contract::poll_for;
use support::thread::within;

/// Answers the opening, says what it is and stays, deaf to the end of its input.
const DEAF: &str = r#"
    read -r line
    echo '{"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2025-11-25","capabilities":{},"serverInfo":{"name":"deaf","version":"1"}}}'
    trap '' TERM
    echo $$ >"$1"
    while :; do sleep 1; done
"#;

/// What a client does, however it waits.
trait Client {
    fn open(&self) -> Result<(), ClientError>;
    fn close(&self) -> Result<(), ClientError>;
    fn leave(self: Box<Self>);
}

impl Client for BlockingClient {
    fn open(&self) -> Result<(), ClientError> {
        self.open()
    }

    fn close(&self) -> Result<(), ClientError> {
        self.close()
    }

    fn leave(self: Box<Self>) {}
}

/// An asynchronous client whose driver runs on a thread.
struct Driven(AsyncClient, thread::JoinHandle<()>);

impl Client for Driven {
    fn open(&self) -> Result<(), ClientError> {
        poll_for(None, self.0.open()).expect("it waits for ever")
    }

    fn close(&self) -> Result<(), ClientError> {
        poll_for(None, self.0.close()).expect("it waits for ever")
    }

    fn leave(self: Box<Self>) {
        let Self(client, driver) = *self;
        drop(client);
        driver.join().unwrap();
    }
}

/// A client of each kind for the server that this shell script is.
fn clients(script: &'static str, pid: &Path) -> [Box<dyn Client>; 2] {
    let options = || ClientOptions::new("test", "1").era(EraPolicy::Legacy);
    let short = Duration::from_millis(100);
    let command = {
        let pid = pid.to_owned();
        move || {
            let command = Command::new("sh").args(["-c", script, "sh"]).arg(&pid);
            let command = command.stderr_quiet();
            command.close_wait(short).terminate_wait(short)
        }
    };
    let start = command.clone();
    let blocking = BlockingClient::new(options(), move |client| start().connect(client));
    let (client, driver) = AsyncClient::new(options(), async move |client| {
        command().connect_async(client)
    });
    let driver = support::thread::spawn(move || poll_for(None, driver).expect("it waits for ever"));
    [Box::new(blocking), Box::new(Driven(client, driver))]
}

/// A file that nobody else uses.
fn file() -> PathBuf {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let number = COUNT.fetch_add(1, Ordering::SeqCst);
    std::env::temp_dir().join(format!("mcp-child-{}-{number}", std::process::id()))
}

/// The process that has put its number into `file`.
fn pid(file: &Path) -> String {
    loop {
        let text = fs::read_to_string(file).unwrap_or_default();
        if text.ends_with('\n') {
            fs::remove_file(file).unwrap();
            return text.trim().into();
        }
        thread::sleep(Duration::from_millis(5));
    }
}

fn is_alive(pid: &str) -> bool {
    let mut kill = System::new("kill");
    let status = kill.args(["-0", pid]).stderr(Stdio::null()).status();
    status.unwrap().success()
}

#[test]
fn closing_waits_until_a_server_that_will_not_go_is_gone() {
    // `stdio.shutdown.client`
    within(|| {
        let file = file();
        for client in clients(DEAF, &file) {
            client.open().unwrap();
            let pid = pid(&file);
            assert!(is_alive(&pid));
            client.close().unwrap();
            assert!(!is_alive(&pid));
            client.leave();
        }
    });
}

#[test]
fn dropping_the_last_handle_of_a_blocking_client_waits_for_its_server() {
    // The end of `main` would be the end of the threads that end the server.
    within(|| {
        let file = file();
        let [client, _] = clients(DEAF, &file);
        client.open().unwrap();
        let pid = pid(&file);
        drop(client);
        assert!(!is_alive(&pid));
    });
}

#[test]
fn a_server_that_fails_is_named_with_its_exit_and_its_last_words() {
    within(|| {
        let file = file();
        let script = "echo 'no key given' >&2; exit 3";
        for client in clients(script, &file) {
            let error = client.open().unwrap_err().to_string();
            for part in ["`sh` ended with exit status: 3", "no key given"] {
                assert!(error.contains(part), "{error}");
            }
            client.leave();
        }
    });
}

#[test]
fn dropping_an_asynchronous_child_connection_ends_the_server() {
    within(|| {
        let file = file();
        let short = Duration::from_millis(100);
        let command = Command::new("sh").args(["-c", DEAF, "sh"]).arg(&file);
        let command = command.stderr_quiet();
        let command = command.close_wait(short).terminate_wait(short);
        let mut toy = crate::toy::Toy::default();
        toy.send("{}");
        let mut connection = command.connect_async(toy).unwrap();
        let pid = pid(&file);
        // It waits for an event, and is given up.
        while let Poll::Ready(next) =
            std::pin::pin!(connection.next()).poll(&mut Context::from_waker(Waker::noop()))
        {
            next.unwrap();
        }
        drop(connection);
        while is_alive(&pid) {
            thread::sleep(Duration::from_millis(10));
        }
    });
}
