//! A server of HTTP/1.1 that a function answers for, and a few of the answers that MCP servers give.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mcp_proto::io::http::Remote;
use mcp_proto::io::nonblocking::AsyncClient;
use mcp_proto::{BlockingClient, ClientOptions};
use serde_json::{Value, json};

/// A request as the server got it.
#[derive(Clone, Debug)]
pub struct Asked {
    pub method: String,
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: Value,
}

impl Asked {
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(field, _)| field == name);
        let value = found.next().map(|(_, value)| value.as_str());
        assert!(found.next().is_none(), "{name} stands twice");
        value
    }

    /// The method of the message in it.
    pub fn message(&self) -> &str {
        self.body["method"].as_str().unwrap_or_default()
    }

    pub fn id(&self) -> &Value {
        &self.body["id"]
    }
}

/// Where the server listens, and what it was asked for.
pub struct Scripted {
    pub url: String,
    pub asked: Arc<Mutex<Vec<Asked>>>,
}

impl Scripted {
    /// Answers each request as `answer` says, which gives a whole response or writes what it likes
    /// and gives nothing, which closes the connection.
    pub fn start(
        answer: impl Fn(&Asked, &mut TcpStream) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/mcp", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (answer, log) = (Arc::new(answer), Arc::clone(&asked));
        support::thread::spawn(move || {
            for socket in listener.incoming() {
                let (answer, log) = (Arc::clone(&answer), Arc::clone(&log));
                support::thread::spawn(move || {
                    let mut socket = socket.unwrap();
                    let mut reader = BufReader::new(socket.try_clone().unwrap());
                    while let Some(asked) = read(&mut reader) {
                        log.lock().unwrap().push(asked.clone());
                        match answer(&asked, &mut socket) {
                            Some(response) if socket.write_all(response.as_bytes()).is_ok() => {}
                            _ => return,
                        }
                    }
                });
            }
        });
        Self { url, asked }
    }

    /// The requests so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// Method and message of each request so far.
    pub fn summary(&self) -> Vec<String> {
        let asked = self.asked();
        asked
            .iter()
            .map(|asked| {
                format!("{} {}", asked.method, asked.message())
                    .trim()
                    .into()
            })
            .collect()
    }
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<Asked> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let mut words = line.split(' ').map(str::to_owned);
    let (method, path) = (words.next()?, words.next()?);
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length = length.map_or(0, |(_, value)| value.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let body = serde_json::from_slice(&body).unwrap_or_default();
    Some(Asked {
        method,
        path,
        headers,
        body,
    })
}

/// A whole response.
pub fn response(status: u16, headers: &[(&str, &str)], body: &str) -> String {
    let headers: String = headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    let length = body.len();
    format!("HTTP/1.1 {status} -\r\n{headers}content-length: {length}\r\n\r\n{body}")
}

/// A result as JSON.
pub fn result(asked: &Asked, result: &Value) -> String {
    let body = json!({"jsonrpc": "2.0", "id": asked.id(), "result": result}).to_string();
    response(200, &[("content-type", "application/json")], &body)
}

/// The head of a stream of events that ends with the connection.
pub const EVENTS: &str = "HTTP/1.1 200 -\r\ncontent-type: text/event-stream\r\n\
                          cache-control: no-cache\r\nconnection: close\r\n\r\n";

/// A result as the data of an event.
pub fn event(asked: &Asked, result: &Value) -> String {
    let data = json!({"jsonrpc": "2.0", "id": asked.id(), "result": result});
    format!("data: {data}\n\n")
}

/// What a modern server answers to `server/discover`.
pub fn discovered() -> Value {
    json!({"resultType": "complete", "supportedVersions": ["2026-07-28"],
        "capabilities": {"tools": {}}, "ttlMs": 0, "cacheScope": "private",
        "_meta": {"io.modelcontextprotocol/serverInfo": {"name": "scripted", "version": "1"}}})
}

/// What a legacy server answers to `initialize`.
pub fn initialized(version: &str) -> Value {
    json!({"protocolVersion": version, "capabilities": {"tools": {}},
        "serverInfo": {"name": "scripted", "version": "1"}})
}

/// What a tool says.
pub fn said(text: &str) -> Value {
    json!({"resultType": "complete", "content": [{"type": "text", "text": text}]})
}

/// Answers as a modern server whose tools say `text`.
pub fn modern(asked: &Asked, text: &str) -> String {
    match asked.message() {
        "server/discover" => result(asked, &discovered()),
        "tools/call" => result(asked, &said(text)),
        _ => response(404, &[], ""),
    }
}

/// Answers as a legacy server whose tools say `text`, by Streamable HTTP.
pub fn legacy(asked: &Asked, session: &str, text: &str) -> String {
    let json = ("content-type", "application/json");
    match (asked.method.as_str(), asked.message()) {
        ("POST", "initialize") => {
            let version = asked.body["params"]["protocolVersion"].as_str().unwrap();
            let result = initialized(version);
            let body = json!({"jsonrpc": "2.0", "id": asked.id(), "result": result}).to_string();
            response(200, &[json, ("mcp-session-id", session)], &body)
        }
        ("POST", "notifications/initialized") => response(202, &[], ""),
        ("POST", "tools/call") => result(asked, &said(text)),
        ("DELETE", _) => response(200, &[], ""),
        ("GET", _) => response(405, &[], ""),
        _ => response(400, &[], ""),
    }
}

/// A server of 2024-11-05 whose stream is at `path`.
pub fn pair(path: &'static str) -> Scripted {
    let stream = Arc::new(Mutex::new(None::<mpsc::Sender<String>>));
    Scripted::start(
        move |asked, socket| match (asked.method.as_str(), asked.path.as_str()) {
            ("GET", asked) if asked == path => {
                let (sender, frames) = mpsc::channel();
                *stream.lock().unwrap() = Some(sender);
                let endpoint = "event: endpoint\ndata: /message?session=1\n\n";
                socket
                    .write_all(format!("{EVENTS}{endpoint}").as_bytes())
                    .unwrap();
                for frame in frames {
                    let event = format!("event: message\ndata: {frame}\n\n");
                    socket.write_all(event.as_bytes()).ok()?;
                }
                None
            }
            ("POST", "/message?session=1") => {
                let result = match asked.message() {
                    "initialize" => initialized("2024-11-05"),
                    "tools/call" => said("by the stream"),
                    _ => return Some(response(202, &[], "Accepted")),
                };
                let frame = json!({"jsonrpc": "2.0", "id": asked.id(), "result": result});
                let stream = stream.lock().unwrap();
                stream.as_ref().unwrap().send(frame.to_string()).unwrap();
                Some(response(202, &[], "Accepted"))
            }
            _ => Some(response(405, &[], "Method Not Allowed")),
        },
    )
}

pub fn options() -> ClientOptions {
    let mut options = ClientOptions::new("test", "1");
    options.read_timeout = Duration::from_secs(20);
    options
}

/// Runs `test` with a client of each kind, whose operations it runs to their ends.
pub fn with_each(remote: &Remote, options: &ClientOptions, test: impl Fn(&dyn Calls)) {
    for client in blocking(remote.clone(), options) {
        test(&client);
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let (client, driver) = AsyncClient::url(options.clone(), remote.clone());
    let driver = runtime.spawn(driver);
    let client = Spawned(client, runtime);
    test(&client);
    let Spawned(client, runtime) = client;
    drop(client);
    runtime.block_on(driver).unwrap();
}

/// A client for threads over each stack.
pub fn blocking(remote: impl Into<Remote>, options: &ClientOptions) -> Vec<BlockingClient> {
    let remote = remote.into();
    vec![
        #[cfg(feature = "ureq")]
        BlockingClient::ureq(options.clone(), remote.clone()),
        BlockingClient::url(options.clone(), remote),
    ]
}

/// How many kinds of clients there are.
pub const KINDS: usize = if cfg!(feature = "ureq") { 3 } else { 2 };

type Outcome<T> = Result<T, mcp_proto::client::ClientError>;

/// What both kinds of clients do.
pub trait Calls {
    fn open(&self) -> Outcome<()>;
    fn close(&self) -> Outcome<()>;
    /// What the tool says.
    fn call(&self, tool: &str) -> Outcome<String>;
    fn revision(&self) -> String;
}

impl Calls for BlockingClient {
    fn open(&self) -> Outcome<()> {
        self.open()
    }

    fn close(&self) -> Outcome<()> {
        self.close()
    }

    fn call(&self, tool: &str) -> Outcome<String> {
        self.call_tool_as(tool, json!({}))
    }

    fn revision(&self) -> String {
        self.revision().unwrap().unwrap().to_string()
    }
}

struct Spawned(AsyncClient, tokio::runtime::Runtime);

impl Calls for Spawned {
    fn open(&self) -> Outcome<()> {
        self.1.block_on(self.0.open())
    }

    fn close(&self) -> Outcome<()> {
        self.1.block_on(self.0.close())
    }

    fn call(&self, tool: &str) -> Outcome<String> {
        self.1.block_on(self.0.call_tool_as(tool, json!({})))
    }

    fn revision(&self) -> String {
        self.0.revision().unwrap().unwrap().to_string()
    }
}

/// What a server tells the test.
pub fn channel<T>() -> (impl Fn(T) + Send + Sync, Receiver<T>)
where
    T: Send + 'static,
{
    let (sender, receiver) = mpsc::channel();
    let sender = Mutex::new(sender);
    (
        move |told| drop(sender.lock().unwrap().send(told)),
        receiver,
    )
}
