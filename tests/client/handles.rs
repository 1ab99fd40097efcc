//! The handles: opening and closing by count and on demand, losses, reconnecting, hooks (rows L8 to
//! L15, L21, T8 and T27 as far as they concern a handle).

use std::io::{self, BufRead, BufReader, PipeReader, PipeWriter, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;

use mcp_proto::client::{ClientError, ClientOptions, Reconnect, ToolCall, ToolHook, ToolOutput};
use mcp_proto::io::blocking::BlockingClient;
use mcp_proto::io::blocking::Connection;
use mcp_proto::io::blocking::{ServeOptions, serve_connection};
use mcp_proto::model::logging::LoggingLevel;
use mcp_proto::model::meta::Meta;
use mcp_proto::model::sampling::{CreateMessageParams, CreateMessageResult, SamplingMessage};
use mcp_proto::model::tool::{CallToolResult, NO_ARGUMENTS_SCHEMA, Tool};
use mcp_proto::rpc::RpcError;
use mcp_proto::server::{Context, HandlerError, Server};
use mcp_proto::session::{Delivery, EraPolicy};
use serde_json::{Value, json};

pub const ERAS: [EraPolicy; 2] = [EraPolicy::Legacy, EraPolicy::Modern];

support::read_struct! { struct Echo { text: String } }

fn tool(name: &'static str) -> Tool<'static> {
    Tool::new(name, NO_ARGUMENTS_SCHEMA)
}

/// A server that echoes, adds up, asks, fails and says what it was sent.
pub fn server() -> Server {
    Server::new("handles", "1")
        .unsealed_state()
        .instructions("be kind")
        .tool(tool("echo"), |_, echo: Echo| Ok(echo.text))
        .tool(tool("meta"), |context: &Context, _: Value| {
            let meta = context
                .meta()
                .and_then(|meta| Some(meta.get("k")?.to_string()));
            Ok(meta.unwrap_or_default())
        })
        .tool(tool("fail"), |_, _: Value| {
            Err::<String, _>(HandlerError::from("out of ink"))
        })
        .tool(tool("verse"), |context: &Context, _: Value| {
            let params = CreateMessageParams::new(vec![SamplingMessage::user("a verse")], 9);
            let verse = context.sample("verse", &params)?;
            Ok(verse.content.as_text().unwrap_or_default().to_owned())
        })
}

/// Serves one connection on threads and gives the client's ends of its pipes.
pub fn connect() -> io::Result<(PipeReader, PipeWriter)> {
    let (from_client, to_server) = io::pipe()?;
    let (from_server, to_client) = io::pipe()?;
    support::thread::spawn(move || {
        let connection = Connection::new(server().service(), from_client, to_client).unwrap();
        serve_connection(connection, ServeOptions::default()).unwrap();
    });
    Ok((from_server, to_server))
}

pub fn options(era: EraPolicy) -> ClientOptions {
    ClientOptions::new("test", "1").era(era)
}

/// A client of [`server`], and how often it has connected.
fn client(options: ClientOptions) -> (BlockingClient, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    let client = BlockingClient::new(options, move |client| {
        counted.fetch_add(1, Ordering::SeqCst);
        let (reader, writer) = connect()?;
        Connection::new(client, reader, writer)
    });
    (client, count)
}

fn echo(client: &BlockingClient, text: &str) -> Result<String, ClientError> {
    let output = client.call_tool("echo", json!({"text": text}))?;
    Ok(output.value.as_text().unwrap().to_owned())
}

/// What a scripted server does about a frame.
enum Then {
    Answer(Value),
    Listen,
    Leave,
}

/// A client of a server that does with each frame what `respond` says.
fn scripted(
    options: ClientOptions,
    respond: impl Fn(&Value) -> Then + Send + Sync + 'static,
) -> BlockingClient {
    let respond = Arc::new(respond);
    BlockingClient::new(options, move |client| {
        let (from_client, to_server) = io::pipe()?;
        let (from_server, mut to_client) = io::pipe()?;
        let respond = Arc::clone(&respond);
        support::thread::spawn(move || {
            for line in BufReader::new(from_client).lines() {
                let frame: Value = serde_json::from_str(&line.unwrap()).unwrap();
                match respond(&frame) {
                    Then::Answer(mut answer) => {
                        answer["jsonrpc"] = json!("2.0");
                        answer["id"] = frame["id"].clone();
                        writeln!(to_client, "{answer}").unwrap();
                    }
                    Then::Listen => {}
                    Then::Leave => return,
                }
            }
        });
        Connection::new(client, from_server, to_server)
    })
}

fn opening() -> Then {
    let info = json!({"name": "s", "version": "1"});
    Then::Answer(json!({"result": {"protocolVersion": "2025-06-18",
        "capabilities": {"tools": {}}, "serverInfo": info}}))
}

/// A server that leaves when it is to run the tool `die`, and counts the calls.
fn mortal(options: ClientOptions) -> (BlockingClient, Arc<AtomicUsize>) {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let client = scripted(options, move |frame| match frame["method"].as_str() {
        Some("initialize") => opening(),
        Some("tools/call") => {
            counted.fetch_add(1, Ordering::SeqCst);
            match frame["params"]["name"] == "die" {
                true => Then::Leave,
                false => Then::Answer(json!({"result": {"content": []}})),
            }
        }
        _ => Then::Listen,
    });
    (client, calls)
}

#[test]
fn l8_opening_is_counted() {
    for era in ERAS {
        let (client, connections) = client(options(era));
        client.open().unwrap();
        client.clone().open().unwrap();
        client.close().unwrap();
        assert!(client.is_running());
        assert_eq!(echo(&client, "still").unwrap(), "still");
        client.close().unwrap();
        assert_eq!(connections.load(Ordering::SeqCst), 1);
    }
}

#[test]
fn l9_closing_more_often_than_opening_is_an_error() {
    let (client, _) = client(options(EraPolicy::Legacy));
    assert_eq!(client.close(), Err(ClientError::NotOpen));
    client.open().unwrap();
    client.close().unwrap();
    assert_eq!(client.close(), Err(ClientError::NotOpen));
    assert_eq!(
        ClientError::NotOpen.to_string(),
        "the client was closed more often than it was opened"
    );
}

#[test]
fn l10_closed_client_can_be_opened_again() {
    let (client, connections) = client(options(EraPolicy::Legacy));
    let mut lists = Vec::new();
    for _ in 0..2 {
        client.open().unwrap();
        lists.push(client.list_tools().unwrap());
        let again = client.list_tools().unwrap();
        assert!(again.is_same(lists.last().unwrap()));
        client.close().unwrap();
    }
    assert!(
        !lists[0].is_same(&lists[1]),
        "the close has emptied what was kept"
    );
    assert_eq!(connections.load(Ordering::SeqCst), 2);
}

#[test]
fn l11_client_runs_while_it_is_open() {
    let (client, _) = client(options(EraPolicy::Modern));
    assert!(!client.is_running());
    client.open().unwrap();
    assert!(client.is_running());
    client.close().unwrap();
    assert!(!client.is_running());
}

#[test]
fn l12_operation_connects_by_itself() {
    for era in ERAS {
        let (client, connections) = client(options(era));
        assert_eq!(echo(&client, "a").unwrap(), "a");
        assert!(!client.is_running());
        assert_eq!(echo(&client, "b").unwrap(), "b");
        assert_eq!(connections.load(Ordering::SeqCst), 2);
    }
}

#[test]
fn l13_operations_connect_by_themselves_from_several_threads() {
    for era in ERAS {
        let (client, _) = client(options(era));
        thread::scope(|scope| {
            for n in 0..5 {
                let client = client.clone();
                scope.spawn(move || {
                    for m in 0..5 {
                        assert_eq!(client.list_tools().unwrap().len(), 4);
                        let text = format!("{n} {m}");
                        assert_eq!(echo(&client, &text).unwrap(), text);
                    }
                });
            }
        });
        assert!(!client.is_running());
    }
}

#[test]
fn l14_failed_opening_leaves_nothing_behind() {
    let refusal =
        |_: &Value| Then::Answer(json!({"error": {"code": -32603, "message": "no licence"}}));
    let client = scripted(options(EraPolicy::Legacy), refusal);
    for _ in 0..2 {
        let error = client.open().unwrap_err();
        assert_eq!(error.to_string(), "no licence (code: -32603)");
        assert!(!client.is_running());
        assert_eq!(client.close(), Err(ClientError::NotOpen));
    }
    let broken: BlockingClient = BlockingClient::new(options(EraPolicy::Legacy), |_| {
        Err::<Connection<_>, _>(io::Error::other("no such program"))
    });
    let error = broken.list_tools().unwrap_err();
    assert_eq!(error, ClientError::Connection("no such program".into()));
    assert!(!broken.is_running());
}

#[test]
fn l15_what_the_server_says_of_itself_outlives_the_connection() {
    for era in ERAS {
        let (client, _) = client(options(era));
        let error = client.server_info().unwrap_err();
        assert_eq!(
            error.to_string(),
            "the server info is only available after the opening: call `open` first"
        );
        assert_eq!(
            client.capabilities(),
            Err(ClientError::NotOpened("capabilities"))
        );
        assert_eq!(
            client.instructions(),
            Err(ClientError::NotOpened("instructions"))
        );
        client.open().unwrap();
        client.close().unwrap();
        assert_eq!(client.server_info().unwrap().unwrap().name, "handles");
        assert_eq!(client.instructions().unwrap().as_deref(), Some("be kind"));
        assert!(client.capabilities().unwrap().unwrap().tools.is_some());
    }
}

#[test]
fn l21_debug_shows_no_secrets() {
    let (client, _) = client(options(EraPolicy::Legacy).id("x"));
    assert_eq!(
        format!("{client:?}"),
        r#"BlockingClient { name: Some("x"), .. }"#
    );
}

#[test]
fn l7_log_level_is_part_of_opening() {
    let options = options(EraPolicy::Legacy).log_level(LoggingLevel::Error);
    // The server declares no logging.
    let (client, _) = mortal(options);
    assert!(client.open().is_err());
    assert!(!client.is_running());
}

#[test]
fn l23_lost_server_ends_the_call_and_the_client_until_it_is_closed() {
    let (client, calls) = mortal(options(EraPolicy::Legacy));
    client.open().unwrap();
    let error = client.call_tool("die", json!({})).unwrap_err();
    assert_eq!(error, ClientError::Lost(Delivery::Unknown));
    let error = client.call_tool("live", json!({})).unwrap_err();
    assert!(matches!(error, ClientError::Closed(_)), "{error:?}");
    assert_eq!(calls.load(Ordering::SeqCst), 1);
    client.close().unwrap();
    client.open().unwrap();
    client.call_tool("live", json!({})).unwrap();
}

#[test]
fn lost_client_connects_anew_on_demand_and_repeats_no_call() {
    let options = options(EraPolicy::Legacy).reconnect(Reconnect::OnDemand { retries: 3 });
    let (client, calls) = mortal(options);
    client.open().unwrap();
    for _ in 0..3 {
        let error = client.call_tool("die", json!({})).unwrap_err();
        assert_eq!(error, ClientError::Lost(Delivery::Unknown));
        client.call_tool("live", json!({})).unwrap();
    }
    assert_eq!(
        calls.load(Ordering::SeqCst),
        6,
        "what may have run is not repeated"
    );
    client.close().unwrap();
}

#[test]
fn server_that_exits_on_the_probe_is_taken_for_a_legacy_one() {
    let client = scripted(options(EraPolicy::Auto), |frame| {
        match frame["method"].as_str() {
            Some("server/discover") => Then::Leave,
            Some("initialize") => opening(),
            Some("ping") => Then::Answer(json!({"result": {}})),
            _ => Then::Listen,
        }
    });
    client.ping().unwrap();
    client.open().unwrap();
    client.close().unwrap();
}

#[test]
fn flood_of_messages_is_taken_in_order_and_holds_up_no_call() {
    let flood = support::amount(2_000, 10_000);
    let heard = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&heard);
    let options = options(EraPolicy::Legacy)
        .on_log(move |message| log.lock().unwrap().push(message.data.to_string()));
    let client = BlockingClient::new(options, move |client| {
        let (from_client, to_server) = io::pipe()?;
        let (from_server, mut to_client) = io::pipe()?;
        support::thread::spawn(move || {
            for line in BufReader::new(from_client).lines() {
                let frame: Value = serde_json::from_str(&line.unwrap()).unwrap();
                let Then::Answer(mut answer) = (match frame["method"].as_str() {
                    Some("initialize") => opening(),
                    Some("tools/call") => {
                        for n in 0..flood {
                            let params = json!({"level": "info", "data": n});
                            let message = json!({"jsonrpc": "2.0",
                                "method": "notifications/message", "params": params});
                            writeln!(to_client, "{message}").unwrap();
                        }
                        Then::Answer(json!({"result": {"content": []}}))
                    }
                    _ => continue,
                }) else {
                    continue;
                };
                answer["jsonrpc"] = json!("2.0");
                answer["id"] = frame["id"].clone();
                writeln!(to_client, "{answer}").unwrap();
            }
        });
        Connection::new(client, from_server, to_server)
    });
    client.call_tool("flood", json!({})).unwrap();
    let heard = heard.lock().unwrap();
    assert_eq!(heard.len(), flood, "all that came before the answer");
    assert!(
        heard
            .iter()
            .enumerate()
            .all(|(n, said)| *said == n.to_string())
    );
}

struct Hook {
    seen: Arc<Mutex<Vec<String>>>,
}

impl ToolHook for Hook {
    fn before(&self, call: &mut ToolCall) -> Option<Result<ToolOutput, ClientError>> {
        self.seen.lock().unwrap().push(call.name.clone());
        match call.name.as_str() {
            "skipped" => Some(ToolOutput::new(CallToolResult::text("instead"))),
            "meta" => {
                call.meta = Some(Meta::new().with("k", "added"));
                None
            }
            "echo" => {
                *call = ToolCall::new("echo")
                    .arguments(json!({"text": "changed"}))
                    .unwrap();
                None
            }
            _ => None,
        }
    }

    fn after(
        &self,
        call: &ToolCall,
        outcome: Result<ToolOutput, ClientError>,
    ) -> Result<ToolOutput, ClientError> {
        match (call.name.as_str(), outcome) {
            ("fail", Err(ClientError::Retry(failure))) => {
                ToolOutput::new(CallToolResult::text(format!("rescued from: {failure}")))
            }
            (_, outcome) => outcome,
        }
    }
}

#[test]
fn t8_hook_stands_around_each_call() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let hook = Hook {
        seen: Arc::clone(&seen),
    };
    let options = options(EraPolicy::Legacy).tool_prefix("p").tool_hook(hook);
    let (client, _) = client(options);
    client.open().unwrap();
    let called = |name: &str| {
        let output = client.call_tool(name, json!({})).unwrap();
        output.value.as_text().unwrap().to_owned()
    };
    assert_eq!(called("p_skipped"), "instead");
    assert_eq!(called("p_meta"), "\"added\"");
    assert_eq!(called("p_echo"), "changed");
    assert!(called("p_fail").starts_with("rescued from: "));
    assert_eq!(*seen.lock().unwrap(), ["skipped", "meta", "echo", "fail"]);
    let direct = client.direct_call_tool(ToolCall::new("fail")).unwrap();
    assert!(
        direct.failed(),
        "a direct call goes past the hook and is given raw"
    );
    client.close().unwrap();
}

#[test]
fn s12_slow_handler_holds_up_no_other_call() {
    for era in ERAS {
        let (release, released) = mpsc::channel();
        let released = Mutex::new(released);
        let (begun, has_begun) = mpsc::channel();
        let options = options(era).sampling(move |_| {
            begun.send(()).unwrap();
            released.lock().unwrap().recv().unwrap();
            Ok(CreateMessageResult::text("m", "at last"))
        });
        let (client, _) = client(options);
        client.open().unwrap();
        let other = client.clone();
        let verse = support::thread::spawn(move || other.call_tool("verse", json!({})));
        has_begun.recv().unwrap();
        assert_eq!(echo(&client, "meanwhile").unwrap(), "meanwhile");
        release.send(()).unwrap();
        let verse = verse.join().unwrap().unwrap();
        assert_eq!(verse.value.as_text(), Some("at last"));
        client.close().unwrap();
    }
}

#[test]
fn s3_handler_that_fails_or_panics_fails_the_call_alone() {
    for era in ERAS {
        for panics in [false, true] {
            let options = options(era).sampling(move |_| {
                assert!(!panics, "the handler panics");
                Err(RpcError::internal("no model"))
            });
            let (client, _) = client(options);
            client.open().unwrap();
            client.call_tool("verse", json!({})).unwrap_err();
            assert_eq!(echo(&client, "alive").unwrap(), "alive");
            client.close().unwrap();
        }
    }
}
