//! A client and a server of one program, as the tests of users have them.

use std::io::ErrorKind;
use std::net::TcpListener;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use mcp_proto::client::{ClientError, Direction, ToolCall};
use mcp_proto::model::capability::ServerCapabilities;
use mcp_proto::model::elicitation::{
    ElicitParams, ElicitRequestFormParams, ElicitRequestURLParams, ElicitResult,
};
use mcp_proto::model::form::FormContent;
use mcp_proto::model::schema::StringSchema;
use mcp_proto::model::tool::ToolAnnotations;
use mcp_proto::server::{Context, Elicited};
use mcp_proto::session::{Change, ClientEvent, EraPolicy};
use mcp_proto::{ClientOptions, Server, testing};
use serde_json::{Value, json};

use crate::handlers::tool;
use support::thread::within;

const ERAS: [EraPolicy; 3] = [EraPolicy::Auto, EraPolicy::Legacy, EraPolicy::Modern];

support::read_struct! { struct Name { name: String } }

fn server() -> Server {
    Server::new("test", "1.0")
        .tool(tool("greet"), |context: &Context, _: Value| {
            let form = ElicitRequestFormParams::new("Who?").required("name", StringSchema::new());
            Ok(match context.elicit::<Name>("who", form)? {
                Elicited::Accepted(Name { name }) => format!("Hello, {name}!"),
                _ => "Hello!".to_owned(),
            })
        })
        .tool(tool("count"), |context: &Context, _: Value| {
            for step in 1..=3 {
                context.progress(f64::from(step), Some(3.0), None);
            }
            Ok(3)
        })
        .tool(tool("panic"), |_: &Context, _: Value| -> Result<(), _> {
            panic!("on purpose")
        })
}

#[test]
fn a_server_is_asked_and_asks_in_memory_in_either_era() {
    within(|| {
        for era in ERAS {
            let options = ClientOptions::default().era(era).elicitation(|_| {
                let answer = FormContent::new().with("name", "Ada");
                Ok(ElicitResult::accept(answer))
            });
            let client = testing::connect_with(server(), options);
            assert!(client.is_running(), "it is open from the start");
            assert_eq!(client.list_tools().unwrap().len(), 3);
            let output = client.call_tool("greet", json!({})).unwrap();
            assert_eq!(output.value.as_text(), Some("Hello, Ada!"));
            client.close().unwrap();
            assert!(!client.is_running());
        }
    });
}

#[test]
fn progress_comes_before_its_result_and_a_panic_costs_one_call() {
    within(|| {
        let client = testing::connect(server());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&seen);
        let call = ToolCall::new("count")
            .on_progress(move |report| sink.lock().unwrap().push(report.progress));
        client.call(call).unwrap();
        assert_eq!(seen.lock().unwrap().last(), Some(&3.0));
        let error = client.call_tool("panic", json!({})).unwrap_err();
        assert!(error.to_string().contains("panic"), "{error}");
        client.ping().unwrap();
    });
}

#[test]
fn a_server_that_cannot_be_served_is_refused_by_each_operation() {
    within(|| {
        let client = testing::connect(server().tool(tool("greet"), |_, _: Value| Ok(1)));
        for _ in 0..2 {
            let error = client.ping().unwrap_err();
            assert!(matches!(error, ClientError::Connection(_)));
            assert!(error.to_string().contains("two tools that go by greet"));
        }
    });
}

#[test]
fn the_server_ends_once_the_last_handle_is_gone() {
    within(|| {
        let held = Arc::new(());
        let weak = Arc::downgrade(&held);
        let server = Server::new("test", "1.0").tool(tool("hold"), move |_, _: Value| {
            let _held = &held;
            Ok(())
        });
        let client = testing::connect(server);
        client.call_tool("hold", json!({})).unwrap();
        drop(client);
        // Threads of its own give it up last; `within` bounds the wait for them.
        while weak.upgrade().is_some() {
            std::thread::yield_now();
        }
    });
}

#[cfg(feature = "tokio")]
mod nonblocking {
    use tokio::time::{Instant, sleep};

    use super::*;

    /// Tells when it is dropped.
    struct Dropped(Arc<Mutex<bool>>);

    impl Drop for Dropped {
        fn drop(&mut self) {
            *self.0.lock().unwrap() = true;
        }
    }

    fn sleeper(dropped: &Arc<Mutex<bool>>) -> Server<mcp_proto::server::Async> {
        let dropped = Arc::clone(dropped);
        server().tool_async(tool("sleep"), move |_, _: Value| {
            let dropped = Dropped(Arc::clone(&dropped));
            async move {
                sleep(Duration::from_secs(3600)).await;
                drop(dropped);
                Ok("Good morning")
            }
        })
    }

    #[tokio::test(start_paused = true)]
    async fn an_hour_passes_at_once_and_always_the_same() {
        for era in ERAS {
            let dropped = Arc::default();
            let options = ClientOptions::default().era(era).total_timeout(None);
            let options = options.read_timeout(Duration::from_secs(7200));
            let (client, driver) = testing::connect_async_with(sleeper(&dropped), options);
            tokio::spawn(driver);
            let begun = Instant::now();
            let arguments = json!({});
            let (one, two) = tokio::join!(
                client.call_tool("sleep", &arguments),
                client.call_tool("sleep", &arguments)
            );
            assert_eq!(one.unwrap().value.as_text(), Some("Good morning"));
            assert_eq!(two.unwrap().value.as_text(), Some("Good morning"));
            assert_eq!(begun.elapsed(), Duration::from_secs(3600));
            client.close().await.unwrap();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_times_out_or_is_dropped_drops_its_handler() {
        let dropped = Arc::default();
        let (client, driver) = testing::connect_async(sleeper(&dropped));
        tokio::spawn(driver);
        let call = ToolCall::new("sleep").read_timeout(Duration::from_secs(5));
        let begun = Instant::now();
        let error = client.call(call).await.unwrap_err();
        assert!(matches!(error, ClientError::TimedOut { .. }), "{error}");
        assert_eq!(begun.elapsed(), Duration::from_secs(5));
        client.ping().await.unwrap();
        assert!(*dropped.lock().unwrap());

        *dropped.lock().unwrap() = false;
        let late =
            tokio::time::timeout(Duration::from_secs(1), client.call_tool("sleep", json!({})));
        assert!(late.await.is_err());
        client.ping().await.unwrap();
        assert!(*dropped.lock().unwrap());
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_cannot_be_served_is_refused_by_each_operation() {
        let server = server().tool(tool("greet"), |_, _: Value| Ok(1));
        let (client, driver) = testing::connect_async(server);
        tokio::spawn(driver);
        for _ in 0..2 {
            let error = client.ping().await.unwrap_err();
            assert!(error.to_string().contains("two tools that go by greet"));
        }
    }

    #[tokio::test]
    async fn the_driver_ends_with_the_last_handle() {
        let (client, driver) = testing::connect_async(server());
        let driver = tokio::spawn(driver);
        client.ping().await.unwrap();
        drop(client);
        driver.await.unwrap();
    }
}

#[test]
fn what_a_server_or_one_of_its_handlers_tells_all_reaches_every_connection() {
    let server = server()
        .tool(tool("grow"), |context: &Context, _: Value| {
            context.changed(Change::Prompts);
            Ok("grown")
        })
        .declare(ServerCapabilities::new().prompts(true));
    let (told, heard) = mpsc::channel();
    let client = |number: usize| {
        let told = told.clone();
        let options = ClientOptions::default()
            .era(EraPolicy::Legacy)
            .on_event(move |event| {
                if let ClientEvent::Changed { change, .. } = event {
                    told.send((number, *change)).unwrap();
                }
            });
        let client = testing::connect_with(server.clone(), options);
        // The server has answered it, so it has heard that the client is ready.
        client.list_tools().unwrap();
        client
    };
    let (one, _other) = (client(0), client(1));
    let both_hear = |change| {
        let hear = |_| heard.recv_timeout(Duration::from_secs(20)).unwrap();
        let mut told: Vec<_> = (0..2).map(hear).collect();
        told.sort_by_key(|(number, _)| *number);
        assert_eq!(told, [(0, change), (1, change)]);
    };
    server.changed(Change::Tools);
    both_hear(Change::Tools);
    one.call_tool("grow", json!({})).unwrap();
    both_hear(Change::Prompts);
}

#[test]
fn a_url_is_handed_over_whole_and_nobody_goes_there() {
    // `elicit.url.client`
    within(|| {
        let page = TcpListener::bind("127.0.0.1:0").unwrap();
        page.set_nonblocking(true).unwrap();
        let place = page.local_addr().unwrap();
        let url = format!("http://{place}/xn--pypal-4ve/pay?for=%6De&then=http://evil.example#now");
        let pays = |url: &str| {
            let url = url.to_owned();
            Server::new("test", "1.0").tool(tool("pay"), move |context: &Context, _: Value| {
                let asked = ElicitRequestURLParams::new("Pay", url.as_str());
                Ok(match context.elicit_url("paid", asked)? {
                    Elicited::Accepted(()) => "paid",
                    _ => "not paid",
                })
            })
        };
        for era in [EraPolicy::Legacy, EraPolicy::Modern] {
            for answer in [
                ElicitResult::consent(),
                ElicitResult::decline(),
                ElicitResult::cancel(),
            ] {
                let shown = Arc::new(Mutex::new(Vec::new()));
                let seen = Arc::clone(&shown);
                let accepts = answer == ElicitResult::consent();
                let options = ClientOptions::default()
                    .era(era)
                    .elicitation(move |params| {
                        if let ElicitParams::Url(params) = &params {
                            seen.lock().unwrap().push(params.url.to_string());
                        }
                        Ok(answer.clone())
                    });
                let client = testing::connect_with(pays(&url), options);
                let output = client.call_tool("pay", json!({})).unwrap();
                let expected = if accepts { "paid" } else { "not paid" };
                assert_eq!(output.value.as_text(), Some(expected));
                assert_eq!(*shown.lock().unwrap(), [url.as_str()]);
            }
            // Whoever can't show it says so, and doesn't go there either.
            let options = ClientOptions::default().era(era);
            let client = testing::connect_with(pays(&url), options);
            assert!(client.call_tool("pay", json!({})).is_err());
            let visitor = page.accept().map_err(|error| error.kind());
            assert_eq!(visitor.err(), Some(ErrorKind::WouldBlock), "nobody came");
        }
    });
}

#[test]
fn what_a_tool_says_of_itself_changes_nothing_that_is_done_with_it() {
    // `tools.annot.untrusted`
    let harmless = ToolAnnotations::new()
        .read_only_hint(true)
        .destructive_hint(false)
        .idempotent_hint(true)
        .open_world_hint(false);
    let terrible = ToolAnnotations::new()
        .read_only_hint(false)
        .destructive_hint(true)
        .idempotent_hint(false)
        .open_world_hint(true);
    within(move || {
        for era in [EraPolicy::Legacy, EraPolicy::Modern] {
            let done_with = |annotations: Option<&ToolAnnotations<'static>>| {
                let runs = Arc::new(Mutex::new(0));
                let counted = Arc::clone(&runs);
                let mut add = tool("add");
                add.annotations = annotations.cloned();
                let server = Server::new("test", "1.0").tool(add, move |_: &Context, _: Value| {
                    *counted.lock().unwrap() += 1;
                    match *counted.lock().unwrap() {
                        2 => Err("it has failed".into()),
                        run => Ok(run),
                    }
                });
                let frames = Arc::new(Mutex::new(Vec::new()));
                let sent = Arc::clone(&frames);
                let options = ClientOptions::default()
                    .era(era)
                    .on_frame(move |way, frame| {
                        if way == Direction::Sent {
                            sent.lock().unwrap().push(frame.to_vec());
                        }
                    });
                let client = testing::connect_with(server, options);
                client.list_tools().unwrap();
                for run in 1..=3 {
                    assert_eq!(client.call_tool("add", json!({})).is_ok(), run != 2);
                }
                assert_eq!(*runs.lock().unwrap(), 3, "once for each call");
                client.close().unwrap();
                let frames = frames.lock().unwrap();
                frames.clone()
            };
            let plain = done_with(None);
            assert_eq!(done_with(Some(&harmless)), plain);
            assert_eq!(done_with(Some(&terrible)), plain);
        }
    });
}
