//! A task on Redis whose instances are killed, as processes, at every point of its way: the result is
//! that of a plain call, in both revisions. Needs `redis-server`.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

const EXPECTED: &str = "Ann goes to Rome with a ticket: true";

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
struct Instances {
    redis: String,
    port: u16,
    now: Option<Process>,
    /// After how many more requests the next one is killed, and the ones after that.
    left: usize,
    every: usize,
    session: Option<String>,
    next: u64,
}

impl Instances {
    fn new(redis: &str, every: usize) -> Self {
        let mut instances = Self {
            redis: redis.to_owned(),
            port: 0,
            now: None,
            left: every,
            every,
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

    /// Kills the instance when its time has come; whether it was.
    fn maybe_kill(&mut self) -> bool {
        self.left -= 1;
        if self.left > 0 {
            return false;
        }
        self.left = self.every;
        self.start();
        true
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

    /// A modern request and its answer.
    fn modern(&mut self, method: &str, mut params: Value) -> Value {
        self.next += 1;
        params["_meta"] = json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {
                "elicitation": {"form": {}}, "sampling": {},
                "extensions": {"io.modelcontextprotocol/tasks": {}}},
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

fn modern_trip(redis: &str, every: usize) -> String {
    let mut instances = Instances::new(redis, every);
    let created = instances.modern("tools/call", json!({"name": "trip", "arguments": {}}));
    assert_eq!(created["resultType"], "task");
    let id = created["taskId"].clone();
    let end = Instant::now() + Duration::from_secs(60);
    while Instant::now() < end {
        instances.maybe_kill();
        let task = instances.modern("tasks/get", json!({"taskId": id}));
        match task["status"].as_str().unwrap() {
            "completed" => return text_of(&task["result"]),
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
    panic!("it doesn't end when killed every {every}");
}

fn legacy_trip(redis: &str, every: usize) -> String {
    let mut instances = Instances::new(redis, every);
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
        while let Some(message) = next_message(&mut response) {
            if let Some(result) = message.get("result") {
                let related = &result["_meta"]["io.modelcontextprotocol/related-task"];
                assert_eq!(related["taskId"], id);
                return text_of(result);
            }
            let params = &message["params"];
            assert_eq!(
                params["_meta"]["io.modelcontextprotocol/related-task"]["taskId"],
                id
            );
            if instances.maybe_kill() {
                instances.open();
                break;
            }
            let answer = answer_to(params["message"].as_str().unwrap_or_default());
            let reply = json!({"jsonrpc": "2.0", "id": message["id"], "result": answer});
            instances
                .send(&reply)
                .read_to_string(&mut String::new())
                .unwrap();
        }
    }
    panic!("it doesn't end when killed every {every}");
}

fn text_of(result: &Value) -> String {
    result["content"][0]["text"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

#[test]
fn a_task_ends_as_a_plain_call_does_wherever_its_processes_are_killed() {
    let (_redis, url) = redis();
    for every in [usize::MAX, 1, 2, 3, 4, 5, 7] {
        assert_eq!(
            modern_trip(&url, every),
            EXPECTED,
            "2026-07-28, every {every}"
        );
    }
    // Killed before every other request, it would never get an answer through.
    for every in [usize::MAX, 3, 4, 5, 7] {
        assert_eq!(
            legacy_trip(&url, every),
            EXPECTED,
            "2025-11-25, every {every}"
        );
    }
}
