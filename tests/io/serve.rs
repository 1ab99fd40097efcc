//! A server whose handlers run on threads: every request is answered, and the end is prompt.

use std::io::{self, BufRead, BufReader, Lines, PipeReader, PipeWriter, Write};
use std::sync::{Arc, Barrier, Mutex, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use mcp_proto::io::blocking::Connection;
use mcp_proto::io::blocking::{RequestContext, ServeOptions, serve};
use mcp_proto::model::capability::ServerCapabilities;
use mcp_proto::model::input::InputRequests;
use mcp_proto::model::method::{CallTool, ListRoots};
use mcp_proto::model::tool::CallToolResult;
use mcp_proto::session::{Request, ServerConfig, ServerEvent, ServerSession};
use serde_json::{Value, json};

use support::thread::within;
use support::wire::Wire;

/// The client's ends of a server's pipes.
struct Client {
    to_server: PipeWriter,
    from_server: Lines<BufReader<PipeReader>>,
    server: JoinHandle<io::Result<()>>,
    /// Holds what the server sends against the official schema.
    checked: Wire,
}

fn session() -> ServerSession {
    let offered = ServerCapabilities::new().tools(false);
    ServerSession::new(ServerConfig::new("test", "1.0").capabilities(offered))
}

impl Client {
    /// Starts a server and opens the session.
    fn start(
        options: impl FnOnce() -> ServeOptions + Send + 'static,
        handler: impl Fn(Request, &RequestContext) + Send + Sync + 'static,
    ) -> Self {
        let (from_server, to_client) = io::pipe().unwrap();
        let (from_client, to_server) = io::pipe().unwrap();
        let connection = Connection::new(session(), from_client, to_client).unwrap();
        let server = support::thread::spawn(move || serve(connection, options(), handler));
        let mut client = Self {
            to_server,
            from_server: BufReader::new(from_server).lines(),
            server,
            checked: Wire::default(),
        };
        client.send(opening());
        client.send(json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
        assert_eq!(client.receive()["id"], 0);
        client
    }

    fn send(&mut self, message: Value) {
        self.checked.put_in(true, message.to_string());
        writeln!(self.to_server, "{message}").unwrap();
    }

    fn call(&mut self, id: u32, tool: &str) {
        self.send(call(id, tool));
    }

    fn receive(&mut self) -> Value {
        let line = self
            .from_server
            .next()
            .expect("the output goes on")
            .unwrap();
        self.checked.sent(false, &line);
        serde_json::from_str(&line).expect("nothing but messages")
    }

    /// Ends the input; what else came, and what `serve` returned.
    fn end(mut self) -> (Vec<Value>, io::Result<()>) {
        drop(self.to_server);
        let rest = self.from_server.map(|line| {
            let line = line.unwrap();
            self.checked.sent(false, &line);
            serde_json::from_str(&line).unwrap()
        });
        (rest.collect(), self.server.join().unwrap())
    }
}

fn opening() -> Value {
    let params = json!({
        "protocolVersion": "2025-11-25",
        "capabilities": {"roots": {}},
        "clientInfo": {"name": "client", "version": "1"},
    });
    json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params})
}

fn call(id: u32, tool: &str) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": {"name": tool}})
}

fn reply(request: &Request, context: &RequestContext, text: &str) {
    let result = CallToolResult::text(text);
    // Refused when the client has left meanwhile, which some tests are about.
    let _ = context.with(|session, now| session.reply::<CallTool>(now, request.id, &result));
}

#[test]
fn a_slow_handler_does_not_hold_up_a_fast_one() {
    // `stdio.stdout.pure`
    within(|| {
        let both = Arc::new(Barrier::new(2));
        let mut client = Client::start(ServeOptions::default, move |request, context| {
            both.wait();
            let text = request.target().unwrap().to_string();
            reply(&request, context, &text);
        });
        client.call(1, "one");
        client.call(2, "two");
        let mut answers = [client.receive(), client.receive()];
        answers.sort_by_key(|answer| answer["id"].as_u64());
        assert_eq!(answers[0]["result"]["content"][0]["text"], "one");
        assert_eq!(answers[1]["result"]["content"][0]["text"], "two");
        let (rest, end) = client.end();
        assert!(rest.is_empty() && end.is_ok());
    });
}

#[test]
fn a_handler_that_panics_or_says_nothing_is_answered_for() {
    within(|| {
        let one_thread = || ServeOptions::default().threads(1);
        let mut client = Client::start(one_thread, |request, context| {
            match request.target().unwrap().as_str() {
                "panics" => panic!("expected by the test"),
                "silent" => {}
                _ => reply(&request, context, "fine"),
            }
        });
        for (id, tool) in [(1, "panics"), (2, "silent"), (3, "good")] {
            client.call(id, tool);
        }
        let failed = client.receive();
        assert_eq!(
            (&failed["id"], &failed["error"]["code"]),
            (&json!(1), &json!(-32603))
        );
        assert_eq!(
            failed["error"]["message"],
            "The handler of the tool panics panicked"
        );
        assert!(
            !failed.to_string().contains("expected by"),
            "the panic stays inside"
        );
        let silent = client.receive();
        assert_eq!(
            (&silent["id"], &silent["error"]["code"]),
            (&json!(2), &json!(-32603))
        );
        assert_eq!(client.receive()["result"]["content"][0]["text"], "fine");
        assert!(client.end().1.is_ok());
    });
}

#[test]
fn a_cancelled_handler_learns_of_it_and_is_not_answered_for() {
    within(|| {
        let (begun, begin) = mpsc::channel();
        let (told, was_told) = mpsc::channel();
        let (begun, told) = (Mutex::new(begun), Mutex::new(told));
        let mut client = Client::start(ServeOptions::default, move |_, context| {
            assert!(!context.is_cancelled());
            begun.lock().unwrap().send(()).unwrap();
            told.lock()
                .unwrap()
                .send(context.sleep(Duration::from_secs(60)))
                .unwrap();
            assert!(context.is_cancelled());
        });
        client.call(1, "slow");
        begin.recv().unwrap();
        let params = json!({"requestId": 1});
        client
            .send(json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params}));
        assert!(was_told.recv().unwrap());
        let (rest, end) = client.end();
        assert!(rest.is_empty(), "{rest:?}");
        assert!(end.is_ok());
    });
}

#[test]
fn requests_that_came_before_the_end_of_the_input_are_answered() {
    // `stdio.eof.exit`
    within(|| {
        let mut input = format!("{}\n", opening());
        for id in 1..=20 {
            input += &format!("{}\n", call(id, "echo"));
        }
        let (from_server, to_client) = io::pipe().unwrap();
        let connection = Connection::new(session(), io::Cursor::new(input), to_client).unwrap();
        let (seen, events) = mpsc::channel();
        let options = ServeOptions::default().watch(move |event| {
            seen.send(matches!(event, ServerEvent::Closed(_))).unwrap();
        });
        let end = serve(connection, options, |request, context| {
            thread::yield_now();
            reply(&request, context, "here");
        });
        assert!(end.is_ok());
        assert_eq!(BufReader::new(from_server).lines().count(), 21);
        let events: Vec<bool> = events.iter().collect();
        assert_eq!(
            events.iter().position(|closed| *closed),
            Some(events.len() - 1)
        );
    });
}

#[test]
fn handlers_that_still_run_at_the_end_are_told_to_stop_and_left_behind() {
    // `stdio.eof.exit`
    within(|| {
        let (begun, begin) = mpsc::channel();
        let (told, was_told) = mpsc::channel();
        let (begun, told) = (Mutex::new(begun), Mutex::new(told));
        let (_never, wait) = mpsc::channel::<()>();
        let wait = Mutex::new(wait);
        let grace = || ServeOptions::default().grace(Duration::from_millis(100));
        let mut client = Client::start(grace, move |request, context| {
            begun.lock().unwrap().send(()).unwrap();
            match request.target().unwrap().as_str() {
                "stubborn" => assert!(wait.lock().unwrap().recv().is_err()),
                _ => told
                    .lock()
                    .unwrap()
                    .send(context.sleep(Duration::from_secs(60)))
                    .unwrap(),
            }
        });
        client.call(1, "stubborn");
        client.call(2, "polite");
        begin.recv().unwrap();
        begin.recv().unwrap();
        let ending = Instant::now();
        let (rest, end) = client.end();
        assert!(end.is_ok() && rest.is_empty());
        assert!(
            ending.elapsed() < Duration::from_secs(2),
            "{:?}",
            ending.elapsed()
        );
        assert!(was_told.recv().unwrap());
    });
}

#[test]
fn a_request_that_waits_for_input_is_left_to_its_next_round() {
    within(|| {
        let handler = |request: Request, context: &RequestContext| {
            let asked = match request.state().as_deref() {
                // Comes again at once, maybe while this handler still runs.
                None => (InputRequests::new(), "one"),
                Some("one") => (InputRequests::new().roots("roots"), "two"),
                Some(_) => {
                    let roots = request.input::<ListRoots>("roots").unwrap().unwrap();
                    return reply(&request, context, &roots.roots.len().to_string());
                }
            };
            let id = request.id;
            let asking = |session: &mut ServerSession, now| {
                session.need_input(now, id, &asked.0, Some(asked.1))
            };
            context.with(asking).unwrap();
            thread::yield_now();
        };
        let mut client = Client::start(ServeOptions::default, handler);
        for id in 1..=20 {
            client.call(id, "asks");
            let asked = client.receive();
            assert_eq!(asked["method"], "roots/list", "{asked}");
            let result = json!({"roots": [{"uri": "file:///a"}]});
            client.send(json!({"jsonrpc": "2.0", "id": asked["id"], "result": result}));
            let answer = client.receive();
            assert_eq!(answer["id"], id);
            assert_eq!(answer["result"]["content"][0]["text"], "1", "{answer}");
        }
        assert!(client.end().1.is_ok());
    });
}
