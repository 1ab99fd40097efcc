//! Functions of the user's that call back, panic, or panic while they are dropped, and clients that
//! many threads use and close at once: each costs at most its own result.

use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, Barrier, OnceLock};
use std::thread;
use std::time::Duration;

use mcp_proto::client::{ClientError, ToolCall};
use mcp_proto::io::blocking::Canceller;
use mcp_proto::model::logging::LoggingLevel;
use mcp_proto::server::Context;
use mcp_proto::session::EraPolicy;
use mcp_proto::{BlockingClient, ClientOptions, Server, testing};
use serde_json::{Value, json};

use crate::handlers::{steps, tool};
use support::thread::within;

const ERAS: [EraPolicy; 3] = [EraPolicy::Auto, EraPolicy::Legacy, EraPolicy::Modern];

/// Panics while it is dropped, unless its thread panics already.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        assert!(thread::panicking(), "expected by the test");
    }
}

fn server() -> Server {
    Server::new("test", "1.0")
        .tool(tool("echo"), |_: &Context, _: Value| Ok("echo"))
        .tool(tool("slow"), |context: &Context, _: Value| {
            context.sleep(Duration::from_millis(20));
            Ok("at last")
        })
        .tool(tool("steps"), steps)
        .tool(tool("log"), |context: &Context, _: Value| {
            context.info("it is logged");
            Ok("done")
        })
        .tool(tool("bomb"), |_: &Context, _: Value| {
            let _bomb = Bomb;
            Ok("it went off")
        })
}

fn echo(client: &BlockingClient) {
    let output = client.call_tool("echo", json!({})).unwrap();
    assert_eq!(output.value.as_text(), Some("echo"));
}

#[test]
fn a_handler_may_call_its_own_server() {
    within(|| {
        for era in ERAS {
            let own: Arc<OnceLock<BlockingClient>> = Arc::default();
            let inside = Arc::clone(&own);
            let server = server().tool(tool("again"), move |_: &Context, depth: Value| {
                let depth = depth["depth"].as_u64().unwrap_or(0);
                let client = inside.get().expect("it was set");
                let output = match depth {
                    0 => client.call_tool("echo", json!({}))?,
                    _ => client.call_tool("again", json!({"depth": depth - 1}))?,
                };
                Ok(output.value.as_text().unwrap_or_default().to_owned())
            });
            let options = ClientOptions::default().era(era);
            let client = testing::connect_with(server, options);
            assert!(own.set(client.clone()).is_ok());
            // Fewer at once than there are threads for handlers.
            let output = client.call_tool("again", json!({"depth": 5})).unwrap();
            assert_eq!(output.value.as_text(), Some("echo"), "{era:?}");
            client.close().unwrap();
        }
    });
}

#[test]
fn progress_may_be_answered_with_a_call_and_its_panic_is_its_callers() {
    within(|| {
        for era in ERAS {
            let client = testing::connect_with(server(), ClientOptions::default().era(era));
            let inside = client.clone();
            let heard = Arc::new(AtomicUsize::new(0));
            let count = Arc::clone(&heard);
            let call = ToolCall::new("steps").on_progress(move |_| {
                echo(&inside);
                count.fetch_add(1, SeqCst);
            });
            client.call(call).unwrap();
            assert_eq!(heard.load(SeqCst), 3, "{era:?}");

            let panicking = client.clone();
            let call = ToolCall::new("steps").on_progress(|_| panic!("expected by the test"));
            assert!(
                support::thread::spawn(move || panicking.call(call))
                    .join()
                    .is_err()
            );
            echo(&client);
            let bomb = Bomb;
            let call = ToolCall::new("steps").on_progress(move |_| {
                let _held = &bomb;
            });
            let dropping = client.clone();
            drop(support::thread::spawn(move || dropping.call(call)).join());
            echo(&client);
        }
    });
}

#[test]
fn functions_that_hear_of_news_may_call_back_and_panic() {
    within(|| {
        for era in ERAS {
            let own: Arc<OnceLock<BlockingClient>> = Arc::default();
            let (inside, heard) = (Arc::clone(&own), Arc::new(AtomicUsize::new(0)));
            let count = Arc::clone(&heard);
            let options = ClientOptions::default()
                .era(era)
                .log_level(LoggingLevel::Info)
                .on_log(move |_| {
                    echo(inside.get().expect("it was set"));
                    count.fetch_add(1, SeqCst);
                    panic!("expected by the test");
                })
                .on_event(|_| panic!("expected by the test"))
                .on_frame(|_, _| panic!("expected by the test"));
            let client = testing::connect_with(server(), options);
            assert!(own.set(client.clone()).is_ok());
            client.call_tool("log", json!({})).unwrap();
            echo(&client);
            assert_eq!(heard.load(SeqCst), 1, "{era:?}");
        }
    });
}

#[test]
fn hooks_and_values_that_panic_cost_one_call() {
    within(|| {
        for era in ERAS {
            let server = server().around(|context| {
                let name = context.request().target().map(|name| name.to_string());
                assert_ne!(name.as_deref(), Some("slow"), "expected by the test");
                Ok(move |result| {
                    assert_ne!(name.as_deref(), Some("steps"), "expected by the test");
                    result
                })
            });
            let client = testing::connect_with(server, ClientOptions::default().era(era));
            for name in ["slow", "steps", "bomb"] {
                assert!(client.call_tool(name, json!({})).is_err(), "{era:?} {name}");
                echo(&client);
            }
        }
    });
}

#[test]
fn sixteen_threads_use_a_client_while_it_is_opened_and_closed() {
    within(|| {
        for era in ERAS {
            let client = testing::connect_with(server(), ClientOptions::default().era(era));
            client.close().unwrap();
            let begin = Arc::new(Barrier::new(16));
            let threads: Vec<_> = (0..16)
                .map(|number| {
                    let (client, begin) = (client.clone(), Arc::clone(&begin));
                    support::thread::spawn(move || {
                        begin.wait();
                        for turn in 0..20 {
                            match (number + turn) % 4 {
                                0 => {
                                    client.open().unwrap();
                                    client.close().unwrap();
                                }
                                // Each connects if it has to, whoever has closed meanwhile.
                                1 => echo(&client),
                                2 => assert_eq!(client.list_tools().unwrap().len(), 5),
                                _ => drop(client.call_tool("slow", json!({})).unwrap()),
                            }
                        }
                    })
                })
                .collect();
            for thread in threads {
                thread.join().unwrap();
            }
            assert!(!client.is_running(), "{era:?}");
            assert!(matches!(client.close(), Err(ClientError::NotOpen)));
        }
    });
}

#[test]
fn cancelling_at_any_moment_ends_the_call_or_comes_too_late() {
    within(|| {
        let client = testing::connect(server());
        // Fewer than a server lets be cancelled in one burst.
        for turn in 0..90 {
            let canceller = Canceller::new();
            let cancellable = client.with_canceller(&canceller);
            let call = support::thread::spawn(move || cancellable.call_tool("slow", json!({})));
            let racing: Vec<_> = (0..2)
                .map(|_| {
                    let canceller = canceller.clone();
                    support::thread::spawn(move || {
                        thread::sleep(Duration::from_micros(turn * 333));
                        canceller.cancel();
                    })
                })
                .collect();
            match call.join().unwrap() {
                Ok(output) => assert_eq!(output.value.as_text(), Some("at last")),
                Err(error) => assert!(matches!(error, ClientError::Cancelled), "{error}"),
            }
            for thread in racing {
                thread.join().unwrap();
            }
            assert!(canceller.is_cancelled());
            let late = client.with_canceller(&canceller).list_tools();
            assert!(matches!(late, Err(ClientError::Cancelled)));
        }
        client.list_tools().unwrap();
    });
}
