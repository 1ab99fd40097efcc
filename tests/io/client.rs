//! A client that makes one call after the other, against a server on threads at the other end of two
//! pipes.

use std::io::{self, PipeReader, PipeWriter, Read};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use mcp_proto::io::blocking::Connection;
use mcp_proto::io::blocking::{Context, ServeOptions, serve};
use mcp_proto::io::client::{Client, ClientError};
use mcp_proto::model::capability::{ClientCapabilities, ServerCapabilities};
use mcp_proto::model::input::InputRequests;
use mcp_proto::model::method::{CallTool, CreateMessage, ListTools, SpecMethod};
use mcp_proto::model::page::PageError;
use mcp_proto::model::sampling::{CreateMessageParams, CreateMessageResult, SamplingMessage};
use mcp_proto::model::tool::{
    CallToolParams, CallToolResult, ListToolsResult, NO_ARGUMENTS_SCHEMA, Tool,
};
use mcp_proto::rpc::Text;
use mcp_proto::session::{
    CallError, CallOptions, ClientConfig, ClientEvent, ClientSession, CloseReason, EraPolicy,
    Misuse, Request, ServerConfig, ServerSession,
};

use crate::toy::within;
use crate::watched::Watched;

type Connected = Client<Connection<Watched>>;

const ERAS: [EraPolicy; 2] = [EraPolicy::Legacy, EraPolicy::Modern];

/// A client, and the server's ends of its pipes.
fn unopened(
    era: EraPolicy,
    events: mpsc::Sender<ClientEvent>,
) -> (Connected, PipeReader, PipeWriter) {
    let (from_server, to_client) = io::pipe().unwrap();
    let (from_client, to_server) = io::pipe().unwrap();
    let config = ClientConfig::new("test", "1.0")
        .era(era)
        .capabilities(ClientCapabilities::new().sampling());
    let session = Watched::new(ClientSession::new(config));
    let connection = Connection::new(session, from_server, to_server).unwrap();
    let client = Client::new(connection, move |session, event| {
        if let ClientEvent::InputRequested(request) = &event {
            let verse = CreateMessageResult::text("test", "a verse");
            session
                .with(|watched, now| {
                    let session = watched.as_mut();
                    session.answer::<CreateMessage>(now, request.input, &verse)
                })
                .unwrap();
        }
        // A test that doesn't look at the events has dropped their end.
        drop(events.send(event));
    });
    (client, from_client, to_client)
}

/// A client that is open, with a server of [`handle`]; and the events the client was given.
fn open(era: EraPolicy) -> (Connected, mpsc::Receiver<ClientEvent>) {
    let (sender, events) = mpsc::channel();
    let (mut client, reader, writer) = unopened(era, sender);
    serve_on(reader, writer);
    client.open().unwrap();
    (client, events)
}

fn serve_on(reader: PipeReader, writer: PipeWriter) {
    let offered = ServerCapabilities::new().tools(false);
    let session = ServerSession::new(ServerConfig::new("test", "1.0").capabilities(offered));
    let connection = Connection::new(session, reader, writer).unwrap();
    thread::spawn(move || serve(connection, ServeOptions::default(), handle));
}

fn handle(request: Request, context: &Context) {
    let answered = match (request.known(), request.target().as_deref()) {
        (Some(SpecMethod::ListTools), _) => list(&request, context),
        (_, Some("write")) => write(&request, context),
        (_, Some("wait")) => {
            context.sleep(Duration::from_secs(60));
            return;
        }
        (_, Some("exit")) => context.with(|session, now| {
            session.close(now);
            Ok(())
        }),
        (_, name) => {
            let result = CallToolResult::text(name.unwrap_or_default());
            context.with(|session, now| session.reply::<CallTool>(now, request.id, &result))
        }
    };
    answered.unwrap();
}

/// Three pages; from the second on, the cursor is that of the page after.
fn list(request: &Request, context: &Context) -> Result<(), Misuse> {
    let params = request.params::<ListTools>().unwrap();
    let (name, next) = match params.cursor.as_deref() {
        None => ("first", Some("2")),
        Some("2") => ("second", Some("")),
        // The empty string is a cursor like any other.
        _ => ("third", None),
    };
    let mut page = ListToolsResult::new(vec![Tool::new(name, NO_ARGUMENTS_SCHEMA)]);
    page.next_cursor = next.map(Text::from);
    context.with(|session, now| session.reply::<ListTools>(now, request.id, &page))
}

fn write(request: &Request, context: &Context) -> Result<(), Misuse> {
    context.with(
        |session, now| match request.input::<CreateMessage>("verse") {
            Some(verse) => {
                let verse = verse.unwrap();
                let result = CallToolResult::text(verse.content.as_text().unwrap_or_default());
                session.reply::<CallTool>(now, request.id, &result)
            }
            None => {
                let params = CreateMessageParams::new(vec![SamplingMessage::user("write")], 10);
                let wanted = InputRequests::new().sample("verse", &params);
                session.need_input(now, request.id, &wanted, None)
            }
        },
    )
}

fn call(client: &mut Connected, tool: &str) -> Result<String, ClientError> {
    let done = client.call::<CallTool>(&CallToolParams::new(tool), CallOptions::new())?;
    let result = done.result::<CallTool>()?;
    Ok(result.content[0].as_text().unwrap().to_owned())
}

#[test]
fn a_call_waits_for_its_end_and_input_is_answered_meanwhile() {
    within(|| {
        for era in ERAS {
            let (mut client, events) = open(era);
            assert_eq!(call(&mut client, "hello").unwrap(), "hello");
            assert_eq!(call(&mut client, "write").unwrap(), "a verse");
            client.close().unwrap();
            let events: Vec<_> = events.try_iter().collect();
            assert!(
                matches!(
                    &events[..],
                    [
                        ClientEvent::Opened { .. },
                        ClientEvent::InputRequested(_),
                        ClientEvent::Closed(CloseReason::Local),
                    ]
                ),
                "{events:?}"
            );
        }
    });
}

#[test]
fn an_answer_may_come_later_from_another_thread() {
    within(|| {
        for era in ERAS {
            let (sender, _) = mpsc::channel();
            let (client, reader, writer) = unopened(era, sender);
            serve_on(reader, writer);
            let mut client = Client::new(client.into_connection(), |session, event| {
                let ClientEvent::InputRequested(request) = event else {
                    return;
                };
                let session = session.clone();
                thread::spawn(move || {
                    thread::sleep(Duration::from_millis(20));
                    let verse = CreateMessageResult::text("test", "thought over");
                    session.with(|session, now| {
                        session
                            .as_mut()
                            .answer::<CreateMessage>(now, request.input, &verse)
                    })
                });
            });
            client.open().unwrap();
            assert_eq!(call(&mut client, "write").unwrap(), "thought over");
        }
    });
}

#[test]
fn calls_begun_together_are_waited_for_in_any_order() {
    within(|| {
        for era in ERAS {
            let (mut client, _) = open(era);
            let begin = |client: &mut Connected, tool| {
                let params = CallToolParams::new(tool);
                client.begin(|session, now| {
                    session.call::<CallTool>(now, &params, CallOptions::new())
                })
            };
            let slow = begin(&mut client, "wait").unwrap();
            let first = begin(&mut client, "first").unwrap();
            let second = begin(&mut client, "second").unwrap();
            for (call, text) in [(second, "second"), (first, "first")] {
                let done = client.wait(call).unwrap();
                let result = done.of(call).unwrap().unwrap();
                assert_eq!(result.content[0].as_text(), Some(text));
            }
            client
                .with(|session, now| session.cancel(now, slow, None))
                .unwrap();
            let cancelled = client.wait(slow).unwrap_err();
            assert!(
                matches!(cancelled, ClientError::Call(CallError::Cancelled)),
                "{cancelled}"
            );
            let again = client.wait(slow).unwrap_err();
            assert!(
                matches!(again, ClientError::Misuse(Misuse::Unknown("call"))),
                "{again}"
            );
        }
    });
}

#[test]
fn a_listing_follows_its_pages() {
    within(|| {
        for era in ERAS {
            let (mut client, _) = open(era);
            let mut names = Vec::new();
            client
                .list::<ListTools>(CallOptions::new(), |page| {
                    names.extend(page.tools.into_iter().map(|tool| tool.name.into_string()));
                })
                .unwrap();
            assert_eq!(names, ["first", "second", "third"]);
        }
    });
}

#[test]
fn a_listing_that_repeats_a_cursor_is_given_up() {
    within(|| {
        let (sender, _) = mpsc::channel();
        let (mut client, reader, writer) = unopened(EraPolicy::Legacy, sender);
        let config =
            ServerConfig::new("test", "1.0").capabilities(ServerCapabilities::new().tools(false));
        let connection = Connection::new(ServerSession::new(config), reader, writer).unwrap();
        thread::spawn(move || {
            serve(connection, ServeOptions::default(), |request, context| {
                let mut page = ListToolsResult::new(Vec::new());
                page.next_cursor = Some("again".into());
                context
                    .with(|session, now| session.reply::<ListTools>(now, request.id, &page))
                    .unwrap();
            })
        });
        client.open().unwrap();
        let error = client
            .list::<ListTools>(CallOptions::new(), |_| {})
            .unwrap_err();
        assert!(
            matches!(error, ClientError::Page(PageError::RepeatedCursor)),
            "{error}"
        );
    });
}

#[test]
fn a_call_whose_server_goes_says_how_the_session_ended() {
    within(|| {
        for era in ERAS {
            let (mut client, _) = open(era);
            let error = call(&mut client, "exit").unwrap_err();
            let ClientError::Closed {
                reason,
                error: None,
            } = &error
            else {
                panic!("{error}");
            };
            assert!(matches!(reason, CloseReason::Connection(_)), "{reason}");
            assert_eq!(error.to_string(), "the connection ended");
        }
    });
}

#[test]
fn an_opening_that_fails_says_why() {
    within(|| {
        let (sender, _) = mpsc::channel();
        let (mut client, mut reader, writer) = unopened(EraPolicy::Auto, sender);
        drop(writer);
        let error = client.open().unwrap_err();
        assert!(
            matches!(
                &error,
                ClientError::Closed {
                    reason: CloseReason::LostInProbe(_),
                    ..
                }
            ),
            "{error}"
        );
        drop(client);
        reader.read_to_end(&mut Vec::new()).unwrap();
    });
}

#[test]
fn listening_ends_in_time() {
    within(|| {
        let (mut client, _) = open(EraPolicy::Modern);
        let deadline = client.now() + Duration::from_millis(20);
        client.listen_until(deadline).unwrap();
        assert!(client.now() >= deadline);
        assert_eq!(call(&mut client, "still there").unwrap(), "still there");
    });
}
