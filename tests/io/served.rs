//! Servers over pipes and sockets of the system whose clients behave badly: what is asked is answered
//! once, what is not wanted any more costs little, and when the client is gone the server is too.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use mcp_proto::io::blocking::{Connection, ServeOptions, serve_connection};
use mcp_proto::model::elicitation::{ElicitRequestFormParams, ElicitResult};
use mcp_proto::model::form::FormContent;
use mcp_proto::model::resource::Resource;
use mcp_proto::model::schema::StringSchema;
use mcp_proto::server::{Context, Elicited, Service};
use mcp_proto::session::EraPolicy;
use mcp_proto::{BlockingClient, ClientOptions, Limits, Revision, Server};
use serde_json::{Value, json};
use support::script::{initialize, notification, request};
use support::{LEGACY, amount};

use crate::contract::adapters::Half;
use crate::handlers::{steps, tool};
use support::thread::within;

/// Begins to serve a server.
type Way = fn(Server) -> Peer;

/// What a server is served over.
const WAYS: [(&str, Way); 3] = [("pipe", pipe), ("tcp", tcp), ("unix", unix)];

/// Those of which the system keeps so little on the way that a few calls fill it.
const FILLED_SOON: [(&str, Way); 2] = [("unix", unix), ("pipe", pipe)];

/// The client's end of a server, as bytes.
struct Peer {
    to: Box<dyn Write + Send>,
    from: BufReader<Box<dyn Read + Send>>,
    /// Ends both directions, whoever has them, and gives the last hold on them up.
    leave: Box<dyn FnOnce() + Send>,
    served: JoinHandle<io::Result<()>>,
}

impl Peer {
    fn new(
        to: impl Write + Send + 'static,
        from: impl Read + Send + 'static,
        leave: impl FnOnce() + Send + 'static,
        connection: Connection<Service>,
    ) -> Self {
        Self {
            to: Box::new(to),
            from: BufReader::new(Box::new(from)),
            leave: Box::new(leave),
            served: support::thread::spawn(|| {
                serve_connection(connection, ServeOptions::default())
            }),
        }
    }

    fn send(&mut self, message: &Value) {
        writeln!(self.to, "{message}").unwrap();
    }

    fn receive(&mut self) -> Option<Value> {
        let mut line = String::new();
        match self.from.read_line(&mut line) {
            Ok(0) | Err(_) => None,
            Ok(_) => Some(serde_json::from_str(&line).expect("nothing but messages")),
        }
    }

    /// Ends the input; what else comes.
    fn end(mut self) -> Vec<Value> {
        self.to = Box::new(io::sink());
        let rest = std::iter::from_fn(|| self.receive()).collect();
        self.served.join().unwrap().unwrap();
        rest
    }
}

fn pipe(server: Server) -> Peer {
    let (from, to_client) = io::pipe().unwrap();
    let (from_client, to) = io::pipe().unwrap();
    let connection = Connection::new(server.service(), from_client, to_client).unwrap();
    Peer::new(to, from, || {}, connection)
}

fn tcp(server: Server) -> Peer {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let theirs = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (ours, _) = listener.accept().unwrap();
    let connection = Connection::tcp(server.service(), ours).unwrap();
    let (from, end) = (theirs.try_clone().unwrap(), TcpStream::shutdown);
    let whole = theirs.try_clone().unwrap();
    let leave = move || drop(whole.shutdown(Shutdown::Both));
    Peer::new(Half(theirs, Shutdown::Write, end), from, leave, connection)
}

fn unix(server: Server) -> Peer {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let connection = Connection::unix(server.service(), ours).unwrap();
    let (from, end) = (theirs.try_clone().unwrap(), UnixStream::shutdown);
    let whole = theirs.try_clone().unwrap();
    let leave = move || drop(whole.shutdown(Shutdown::Both));
    Peer::new(Half(theirs, Shutdown::Write, end), from, leave, connection)
}

/// A server that has a bit of everything; how often its slow tool was called.
fn server() -> (Server, Arc<AtomicUsize>) {
    let slow = Arc::new(AtomicUsize::new(0));
    let calls = Arc::clone(&slow);
    let server = Server::new("test", "1.0")
        .tool(tool("echo"), |_: &Context, arguments: Value| {
            Ok(arguments.to_string())
        })
        .tool(tool("slow"), move |context: &Context, _: Value| {
            calls.fetch_add(1, SeqCst);
            context.sleep(Duration::from_millis(20));
            Ok("at last")
        })
        .tool(tool("steps"), steps)
        .tool(tool("ask"), |context: &Context, _: Value| {
            let form = ElicitRequestFormParams::new("Who?").required("name", StringSchema::new());
            Ok(match context.elicit::<Value>("who", form)? {
                Elicited::Accepted(name) => name.to_string(),
                _ => "nobody".to_owned(),
            })
        })
        .resource(Resource::new("test:one", "one"), |_| Ok("one"));
    (server, slow)
}

fn call(revision: Revision, id: usize, name: &str) -> Value {
    let params = json!({"name": name, "arguments": {}});
    request(revision, id, "tools/call", params)
}

/// Opens a session of an older revision.
fn open(peer: &mut Peer, revision: Revision) {
    if LEGACY.contains(&revision) {
        peer.send(&initialize(0, revision.as_str()));
        assert_eq!(peer.receive().expect("an answer")["id"], 0);
        peer.send(&notification("notifications/initialized", json!({})));
    }
}

const REVISIONS: [Revision; 2] = [Revision::V2025_11_25, Revision::V2026_07_28];

/// Runs `attack` over each way in both eras; in a plain run over each way in one era, in turns.
fn everywhere(attack: impl Fn(&str, Revision, fn(Server) -> Peer) + Send + Sync + 'static) {
    each(&WAYS, attack);
}

/// The same over these ways.
fn each(
    ways: &'static [(&str, Way)],
    attack: impl Fn(&str, Revision, fn(Server) -> Peer) + Send + Sync + 'static,
) {
    let attack = Arc::new(attack);
    for (nth, &(way, serve)) in ways.iter().enumerate() {
        let one = std::slice::from_ref(&REVISIONS[nth % REVISIONS.len()]);
        for &revision in amount(one, &REVISIONS) {
            let attack = Arc::clone(&attack);
            within(move || attack(&format!("{way} at {revision}"), revision, serve));
        }
    }
}

#[test]
fn a_flood_of_cancelled_calls_costs_the_others_nothing() {
    // `cancel.recv.stop`, `cancel.recv.nomore`
    let calls = amount(300, 2000);
    everywhere(move |what, revision, serve| {
        let (server, slow) = server();
        let mut peer = serve(server);
        open(&mut peer, revision);
        let mut to = std::mem::replace(&mut peer.to, Box::new(io::sink()));
        let flood = support::thread::spawn(move || {
            for id in 1..=calls {
                let cancelled = json!({"requestId": id});
                let cancelled = notification("notifications/cancelled", cancelled);
                writeln!(to, "{}\n{cancelled}", call(revision, id, "slow")).unwrap();
            }
            writeln!(
                to,
                "{}",
                request(revision, calls + 1, "tools/list", json!({}))
            )
            .unwrap();
            to
        });
        let mut answers = BTreeMap::new();
        let begun = Instant::now();
        while !answers.contains_key(&(calls as u64 + 1)) {
            let answer = peer.receive().unwrap_or_else(|| panic!("{what}: it ended"));
            let id = answer["id"]
                .as_u64()
                .unwrap_or_else(|| panic!("{what}: {answer}"));
            let twice = answers.insert(id, answer);
            assert!(twice.is_none(), "{what}: {twice:?} was answered twice");
        }
        assert!(begun.elapsed() < Duration::from_secs(10), "{what}");
        assert!(slow.load(SeqCst) <= calls, "{what}: each is called once");
        peer.to = flood.join().unwrap();
        assert!(peer.end().is_empty(), "{what}: nothing is left to say");
    });
}

#[test]
fn requests_that_come_byte_by_byte_are_answered() {
    everywhere(|what, revision, serve| {
        let mut peer = serve(server().0);
        open(&mut peer, revision);
        let line = format!("{}\n", call(revision, 1, "echo"));
        for byte in line.as_bytes().chunks(1) {
            peer.to.write_all(byte).unwrap();
            peer.to.flush().unwrap();
            thread::sleep(Duration::from_micros(50));
        }
        assert_eq!(peer.receive().expect("an answer")["id"], 1, "{what}");
        assert!(peer.end().is_empty(), "{what}");
    });
}

#[test]
fn who_says_no_more_but_listens_on_gets_every_answer() {
    // `stdio.eof.exit`
    const CALLS: usize = 20;
    everywhere(|what, revision, serve| {
        let mut peer = serve(server().0);
        open(&mut peer, revision);
        for id in 1..=CALLS {
            peer.send(&call(revision, id, "slow"));
        }
        let mut ids: Vec<_> = peer
            .end()
            .iter()
            .map(|answer| answer["id"].as_u64())
            .collect();
        ids.sort();
        let all: Vec<_> = (1..=CALLS).map(|id| Some(id as u64)).collect();
        assert_eq!(ids, all, "{what}");
    });
}

#[test]
fn a_server_whose_client_never_reads_ends_when_it_leaves() {
    // More than all buffers on the way hold.
    let calls = amount(100, 1000);
    each(
        amount(&FILLED_SOON[..], &WAYS),
        move |what, revision, serve| {
            let mut limits = Limits::default();
            limits.output = 64 << 10;
            limits.memory = amount(1 << 18, limits.memory);
            let mut peer = serve(server().0.limits(limits));
            open(&mut peer, revision);
            let mut to = std::mem::replace(&mut peer.to, Box::new(io::sink()));
            let (written, progress) = mpsc::channel();
            let flood = support::thread::spawn(move || {
                let mut asked = call(revision, 1, "echo");
                asked["params"]["arguments"] = json!({"a": "x".repeat(100 << 10)});
                asked["id"] = "NUMBER".into();
                let asked = asked.to_string();
                let (before, after) = asked.split_once("\"NUMBER\"").unwrap();
                for id in 1..=calls {
                    if writeln!(to, "{before}{id}{after}").is_err() {
                        return;
                    }
                    written.send(id).unwrap();
                }
            });
            let mut last = 0;
            while let Ok(id) = progress.recv_timeout(Duration::from_millis(300)) {
                last = id;
            }
            assert!(last < calls * 9 / 10, "{what}: {last} were taken");
            (peer.leave)();
            drop(peer.from);
            // How the server's streams have failed is its to say; that it ends is what counts.
            drop(peer.served.join().unwrap());
            flood.join().unwrap();
        },
    );
}

/// Each limit, and how it is set.
macro_rules! limits {
    ($($name:ident)*) => {
        [$((stringify!($name), |limits: &mut Limits, value: usize| {
            limits.$name = value.try_into().unwrap_or(u32::MAX as _);
        })),*]
    };
}

type SetLimit = fn(&mut Limits, usize);

const LIMITS: [(&str, SetLimit); 19] = limits![
    frame depth id name uri calls subscriptions events output memory peer input_rounds inputs pages
    links batch cancel_burst cancel_rate malformed_burst
];

/// Serves whoever connects, until it is dropped.
struct Listening {
    address: String,
    is_over: Arc<AtomicBool>,
}

impl Listening {
    fn new(limits: Limits) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let is_over = Arc::new(AtomicBool::new(false));
        let server = server().0.limits(limits);
        let over = Arc::clone(&is_over);
        support::thread::spawn(move || {
            while let Ok((socket, _)) = listener.accept()
                && !over.load(SeqCst)
            {
                let connection = Connection::tcp(server.service(), socket).unwrap();
                support::thread::spawn(|| serve_connection(connection, ServeOptions::default()));
            }
        });
        Self { address, is_over }
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.is_over.store(true, SeqCst);
        drop(TcpStream::connect(&self.address));
    }
}

/// Does a bit of everything; what failed.
fn use_everything(client: &BlockingClient) -> Vec<String> {
    let mut failed = Vec::new();
    let mut note = |what: &str, error: Option<mcp_proto::client::ClientError>| {
        if let Some(error) = error {
            failed.push(format!("{what}: {error:?}"));
        }
    };
    note("open", client.open().err());
    note("list", client.list_tools().err());
    note("echo", client.call_tool("echo", json!({"a": 1})).err());
    note("steps", client.call_tool("steps", json!({})).err());
    note("ask", client.call_tool("ask", json!({})).err());
    note("resources", client.list_resources().err());
    note("read", client.read_resource("test:one").err());
    // After a failed opening there is nothing to close.
    drop(client.close());
    failed
}

/// All of these; in a plain run the one whose turn it is.
fn of_turn<T: Clone>(all: &[T], turn: usize) -> Vec<T> {
    let one = std::slice::from_ref(&all[turn % all.len()]);
    amount(one, all).to_vec()
}

/// Uses a server where one side has an odd limit: what is refused is said, and soon.
/// A plain run has each value in one era and on one side, in turns from limit to limit.
fn try_limits(limit: usize, (name, set): (&str, SetLimit)) {
    for (nth, value) in [0, 1, 2, usize::MAX].into_iter().enumerate() {
        let turn = limit + nth;
        if name == "id" && value < 3 {
            // What refuses a request for its id can't say which one it refuses.
            continue;
        }
        let mut odd = Limits::default();
        set(&mut odd, value);
        let eras = [EraPolicy::Auto, EraPolicy::Legacy, EraPolicy::AssumeModern];
        for era in of_turn(&eras, turn) {
            let sides = [
                (odd.clone(), Limits::default()),
                (Limits::default(), odd.clone()),
            ];
            for (ours, theirs) in of_turn(&sides, turn) {
                let what = format!("{name} = {value}, {era:?}, server: {}", theirs == odd);
                let options = ClientOptions::default().era(era).limits(ours);
                let options = options.elicitation(|_| {
                    let answer = FormContent::new().with("name", "Ada");
                    Ok(ElicitResult::accept(answer))
                });
                let server = Listening::new(theirs);
                let client = BlockingClient::tcp(options, &*server.address);
                let failed = within(move || use_everything(&client));
                assert!(value < 3 || failed.is_empty(), "{what}: {failed:?}");
                for error in failed {
                    assert!(!error.contains("TimedOut"), "{what}: {error}");
                    assert!(!error.contains("panicked"), "{what}: {error}");
                }
            }
        }
    }
}

#[test]
fn odd_limits_of_either_side_refuse_and_never_hang() {
    let all = LIMITS.into_iter().enumerate();
    let all = all.map(|(nth, limit)| support::thread::spawn(move || try_limits(nth, limit)));
    for one in all.collect::<Vec<_>>() {
        one.join().unwrap();
    }
}
