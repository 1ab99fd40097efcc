//! A task on Redis whose instances are killed, as processes, at every point of its way: the result is
//! that of a plain call to the same server, in both revisions. Needs `redis-server`.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// A process that ends with the test.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

fn await_port(port: u16) {
    let end = Instant::now() + Duration::from_secs(20);
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(Instant::now() < end, "nobody listens");
        thread::sleep(Duration::from_millis(10));
    }
}

fn redis() -> (Process, String) {
    let port = free_port();
    let mut redis = Command::new("redis-server");
    redis.args([
        "--port",
        &port.to_string(),
        "--bind",
        "127.0.0.1",
        "--save",
        "",
    ]);
    let redis = redis.stdout(Stdio::null()).spawn().expect("redis-server");
    await_port(port);
    (Process(redis), format!("redis://127.0.0.1:{port}"))
}

/// An instance of the server, and another one whenever it is killed.
struct Instances<'a> {
    redis: String,
    port: u16,
    now: Option<Process>,
    /// Whether an instance is killed at the moment of this number.
    is_killed: &'a dyn Fn(usize) -> bool,
    /// How many moments there were at which one could be killed.
    moments: usize,
    session: Option<String>,
    next: u64,
}

impl<'a> Instances<'a> {
    fn new(redis: &str, is_killed: &'a dyn Fn(usize) -> bool) -> Self {
        let mut instances = Self {
            redis: redis.to_owned(),
            port: 0,
            now: None,
            is_killed,
            moments: 0,
            session: None,
            next: 0,
        };
        instances.start();
        instances
    }

    fn start(&mut self) {
        self.now = None;
        self.port = free_port();
        let mut server = Command::new(env!("CARGO_BIN_EXE_server"));
        server.args([&self.port.to_string(), &self.redis, "machine"]);
        // Its input stays open for as long as it lives.
        let server = server.stdin(Stdio::piped()).spawn().unwrap();
        self.now = Some(Process(server));
        await_port(self.port);
    }

    /// Kills the instance if its time has come; whether it was.
    fn maybe_kill(&mut self) -> bool {
        let is_killed = (self.is_killed)(self.moments);
        self.moments += 1;
        if is_killed {
            self.start();
        }
        is_killed
    }

    fn post(&self, message: &Value, headers: &str) -> BufReader<TcpStream> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(30)))
            .unwrap();
        let body = message.to_string();
        write!(
            stream,
            "POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\
             Content-Type: application/json\r\nAccept: application/json, text/event-stream\r\n\
             {headers}Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        BufReader::new(stream)
    }

    /// A modern request of a client that knows of tasks, and its answer.
    fn modern(&mut self, method: &str, params: Value) -> Value {
        self.ask(method, params, json!({"io.modelcontextprotocol/tasks": {}}))
    }

    fn ask(&mut self, method: &str, mut params: Value, extensions: Value) -> Value {
        self.next += 1;
        params["_meta"] = json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {
                "elicitation": {"form": {}}, "sampling": {}, "extensions": extensions},
        });
        let name = params.get("taskId").or(params.get("name")).unwrap().clone();
        let message =
            json!({"jsonrpc": "2.0", "id": self.next, "method": method, "params": params});
        let headers = format!(
            "MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: {method}\r\nMcp-Name: {}\r\n",
            name.as_str().unwrap()
        );
        let answer = next_message(&mut self.post(&message, &headers)).unwrap();
        assert!(answer.get("result").is_some(), "{answer}");
        answer["result"].clone()
    }

    /// A session of 2025-11-25.
    fn open(&mut self) {
        let params = json!({"protocolVersion": "2025-11-25", "clientInfo": {"name": "c", "version": "1"},
            "capabilities": {"elicitation": {}, "sampling": {}}});
        let message =
            json!({"jsonrpc": "2.0", "id": "i", "method": "initialize", "params": params});
        let mut answer = String::new();
        self.post(&message, "").read_to_string(&mut answer).unwrap();
        let lines = answer.lines();
        let id = lines.filter_map(|line| line.split_once(": "));
        let mut id = id.filter(|(name, _)| name.eq_ignore_ascii_case("mcp-session-id"));
        self.session = Some(id.next().expect("a session").1.to_owned());
        let ready = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
        let mut nothing = String::new();
        self.send(&ready).read_to_string(&mut nothing).unwrap();
    }

    fn send(&self, message: &Value) -> BufReader<TcpStream> {
        let session = self.session.as_ref().unwrap();
        let headers = format!("MCP-Protocol-Version: 2025-11-25\r\nMcp-Session-Id: {session}\r\n");
        self.post(message, &headers)
    }

    /// Answers what a client of 2025-11-25 is asked.
    fn reply(&self, asked: &Value) {
        let message = asked["params"]["message"].as_str();
        let answer = answer_to(message.unwrap_or_default());
        let reply = json!({"jsonrpc": "2.0", "id": asked["id"], "result": answer});
        let mut nothing = String::new();
        self.send(&reply).read_to_string(&mut nothing).unwrap();
    }

    fn begin_legacy(&mut self, method: &str, params: Value) -> BufReader<TcpStream> {
        self.next += 1;
        self.send(&json!({"jsonrpc": "2.0", "id": self.next, "method": method, "params": params}))
    }
}

/// The next message of a response, be it JSON or events; `None` when it has ended, or was cut off.
fn next_message(response: &mut BufReader<TcpStream>) -> Option<Value> {
    loop {
        let mut line = String::new();
        if response.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let json = line.strip_prefix("data:").unwrap_or(&line).trim();
        if json.starts_with('{') {
            return Some(serde_json::from_str(json).unwrap());
        }
    }
}

fn answer_to(message: &str) -> Value {
    match message {
        "Who goes?" => json!({"action": "accept", "content": {"name": "Ann"}}),
        "Sure?" => json!({"action": "accept", "content": {"yes": true}}),
        _ => {
            json!({"role": "assistant", "model": "m", "content": {"type": "text", "text": "Rome"}})
        }
    }
}

/// What a plain call gives, which asks by its answers.
fn plain_trip(redis: &str) -> Value {
    let mut instances = Instances::new(redis, &|_| false);
    let mut params = json!({"name": "trip", "arguments": {}});
    for _ in 0..4 {
        let answer = instances.ask("tools/call", params.clone(), json!({}));
        if answer["resultType"] == "complete" {
            return bare(answer);
        }
        let mut answers = json!({});
        for (key, asked) in answer["inputRequests"].as_object().unwrap() {
            answers[key] = answer_to(asked["params"]["message"].as_str().unwrap_or_default());
        }
        params["inputResponses"] = answers;
        // There is none as long as there is nothing to carry.
        if let Some(state) = answer.get("requestState") {
            params["requestState"] = state.clone();
        }
    }
    panic!("it asks without end");
}

/// What a plain call of 2025-11-25 gives, which asks on its stream.
fn plain_legacy_trip(redis: &str) -> Value {
    let mut instances = Instances::new(redis, &|_| false);
    instances.open();
    let call = json!({"name": "trip", "arguments": {}});
    let mut response = instances.begin_legacy("tools/call", call);
    while let Some(mut message) = next_message(&mut response) {
        if message.get("result").is_some() {
            return bare(message["result"].take());
        }
        instances.reply(&message);
    }
    panic!("it isn't answered");
}

fn modern_trip(redis: &str, is_killed: &dyn Fn(usize) -> bool) -> (Value, usize) {
    let mut instances = Instances::new(redis, is_killed);
    let created = instances.modern("tools/call", json!({"name": "trip", "arguments": {}}));
    assert_eq!(created["resultType"], "task");
    let id = created["taskId"].clone();
    let end = Instant::now() + Duration::from_secs(60);
    while Instant::now() < end {
        instances.maybe_kill();
        let mut task = instances.modern("tasks/get", json!({"taskId": id}));
        match task["status"].as_str().unwrap() {
            "completed" => return (bare(task["result"].take()), instances.moments),
            "input_required" => {
                let asked = task["inputRequests"].as_object().unwrap();
                let (key, asked) = asked.iter().next().unwrap();
                let answer = answer_to(asked["params"]["message"].as_str().unwrap_or_default());
                instances.maybe_kill();
                let params = json!({"taskId": id, "inputResponses": {key: answer}});
                instances.modern("tasks/update", params);
            }
            _ => thread::sleep(Duration::from_millis(100)),
        }
    }
    panic!("it doesn't end");
}

fn legacy_trip(redis: &str, is_killed: &dyn Fn(usize) -> bool) -> (Value, usize) {
    let mut instances = Instances::new(redis, is_killed);
    instances.open();
    let call = json!({"name": "trip", "arguments": {}, "task": {}});
    let created = next_message(&mut instances.begin_legacy("tools/call", call)).unwrap();
    let id = created["result"]["task"]["taskId"].clone();
    assert!(id.is_string(), "{created}");
    let end = Instant::now() + Duration::from_secs(60);
    while Instant::now() < end {
        if instances.maybe_kill() {
            instances.open();
        }
        let mut response = instances.begin_legacy("tasks/result", json!({"taskId": id}));
        while let Some(mut message) = next_message(&mut response) {
            if message.get("result").is_some() {
                let result = message["result"].take();
                let related = &result["_meta"]["io.modelcontextprotocol/related-task"];
                assert_eq!(related["taskId"], id);
                return (bare(result), instances.moments);
            }
            let meta = &message["params"]["_meta"];
            assert_eq!(meta["io.modelcontextprotocol/related-task"]["taskId"], id);
            if instances.maybe_kill() {
                instances.open();
                break;
            }
            instances.reply(&message);
            if instances.maybe_kill() {
                instances.open();
                break;
            }
        }
    }
    panic!("it doesn't end");
}

/// A result without what each revision adds to it.
fn bare(mut result: Value) -> Value {
    let members = result.as_object_mut().expect("a result");
    members.remove("resultType");
    members.remove("_meta");
    result
}

#[test]
fn a_task_ends_as_a_plain_call_does_whenever_its_processes_are_killed() {
    let (_redis, url) = redis();
    let expected = plain_trip(&url);
    let text = &expected["content"][0]["text"];
    assert_eq!(text, "Ann goes to Rome with a ticket: true");
    assert_eq!(plain_legacy_trip(&url), expected);
    type Ways = fn(&str, &dyn Fn(usize) -> bool) -> (Value, usize);
    // A client of 2025-11-25 whose every other moment is the last never gets an answer through.
    let ways: [(&str, Ways, &[usize]); 2] = [
        ("2026-07-28", modern_trip, &[1, 2, 3, 4, 5, 7]),
        ("2025-11-25", legacy_trip, &[4, 5, 7]),
    ];
    thread::scope(|scope| {
        for (revision, trip, patterns) in ways {
            let (url, expected) = (&url, &expected);
            scope.spawn(move || {
                let (result, moments) = trip(url, &|_| false);
                assert_eq!(result, *expected, "{revision}");
                assert!(moments > 6, "{moments}");
                for one in 0..moments {
                    let (result, _) = trip(url, &|moment| moment == one);
                    assert_eq!(result, *expected, "{revision}, at {one}");
                }
                for every in patterns {
                    let (result, _) = trip(url, &|moment| moment % every == every - 1);
                    assert_eq!(result, *expected, "{revision}, every {every}");
                }
            });
        }
    });
}
