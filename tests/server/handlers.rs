//! Handlers that ask their client read like straight-line code and work on every revision.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use mcp_proto::Revision;
use mcp_proto::model::elicitation::ElicitRequestFormParams;
use mcp_proto::model::sampling::{CreateMessageParams, SamplingMessage};
use mcp_proto::model::schema::StringSchema;
use mcp_proto::server::{Async, Context, HandlerError, Server};
use serde_json::{Value, json};

use support::carrier::{by_every_stream, by_every_way};
use support::server::{Drive, Either, text, tool};

support::read_struct! { struct Theme { theme: String } }

support::read_struct! { struct Name { name: String } }

fn form() -> ElicitRequestFormParams<'static> {
    ElicitRequestFormParams::new("Who are you?").required("name", StringSchema::new())
}

/// Two forms, a verse, and something that is done once.
fn write(context: &Context, theme: Theme, charged: &AtomicUsize) -> Result<String, HandlerError> {
    context.progress(1.0, None, None);
    let first = context.elicit::<Name>("first", form())?.accepted()?;
    let charge = context.once("charge", || {
        Ok::<_, HandlerError>(charged.fetch_add(1, Ordering::SeqCst))
    })?;
    let second = context.elicit::<Name>("second", form())?.accepted()?;
    context.progress(2.0, None, None);
    let params = CreateMessageParams::new(vec![SamplingMessage::user(theme.theme)], 9);
    let verse = context.sample("verse", &params)?;
    let verse = verse.content.blocks().first();
    let verse = verse.and_then(|block| block.as_text()).unwrap_or_default();
    let (first, second) = (first.name, second.name);
    Ok(format!("{first} and {second}: {verse} ({charge})"))
}

/// With the handler as it is.
fn poet(charged: Arc<AtomicUsize>) -> Server {
    let run = move |context: &Context, theme: Theme| write(context, theme, &charged);
    Server::new("poets", "1")
        .unsealed_state()
        .tool(tool("poet"), run)
}

/// With the handler as a future, which lets others go first.
fn poet_async(charged: Arc<AtomicUsize>) -> Server<Async> {
    let run = move |context: Context, theme: Theme| {
        let charged = charged.clone();
        async move {
            let mut has_waited = false;
            poll_fn(|_| match std::mem::replace(&mut has_waited, true) {
                false => Poll::Pending,
                true => Poll::Ready(()),
            })
            .await;
            write(&context, theme, &charged)
        }
    };
    Server::new("poets", "1")
        .unsealed_state()
        .tool_async(tool("poet"), run)
}

const ASKING: [Revision; 3] = [
    Revision::V2025_06_18,
    Revision::V2025_11_25,
    Revision::V2026_07_28,
];

fn gives_the_same(revision: Revision, server: impl Into<Either>, charged: &AtomicUsize) {
    let mut drive = Drive::new(revision, vec![server.into()]);
    let result = drive.call("poet", r#"{"theme":"socks"}"#).unwrap();
    let verse = "my name and my name: a verse of 9 (0)";
    assert_eq!(text(&result), verse, "{revision}");
    assert_eq!(charged.load(Ordering::SeqCst), 1, "{revision}");
    let reported = drive.sent("notifications/progress").len();
    assert_eq!(reported, 2, "{revision}: nothing is reported twice");
}

#[test]
fn one_handler_with_three_asks_and_a_once_gives_the_same_on_every_revision() {
    // `mrtr.only`, `mrtr.server.noassume`
    for (revision, _way) in by_every_stream(ASKING) {
        let charged: Arc<AtomicUsize> = Arc::default();
        gives_the_same(revision, poet(charged.clone()), &charged);
        let charged: Arc<AtomicUsize> = Arc::default();
        gives_the_same(revision, poet_async(charged.clone()), &charged);
    }
}

#[test]
fn a_further_round_may_land_on_another_instance() {
    // `stateless.reuse`
    let charged = Arc::new(AtomicUsize::new(0));
    let servers: Vec<Either> = vec![
        poet(charged.clone()).into(),
        poet_async(charged.clone()).into(),
        poet(charged.clone()).into(),
    ];
    let mut drive = Drive::new(Revision::V2026_07_28, servers);
    let result = drive.call("poet", r#"{"theme":"socks"}"#).unwrap();
    assert_eq!(text(&result), "my name and my name: a verse of 9 (0)");
    assert_eq!(charged.load(Ordering::SeqCst), 1);
}

#[test]
fn several_asks_fit_in_one_round() {
    for (revision, _way) in by_every_way(ASKING) {
        let server = Server::new("s", "1").tool(tool("both"), |context: &Context, _: Value| {
            let (name, roots) = (context.elicit::<Name>("name", form()), context.roots());
            let (name, roots) = (name?.accepted()?, roots?);
            Ok(format!("{} at {}", name.name, roots[0].uri))
        });
        let mut drive = Drive::new(revision, vec![server]);
        let result = drive.call("both", "{}").unwrap();
        assert_eq!(text(&result), "my name at file:///home", "{revision}");
        if revision == Revision::V2026_07_28 {
            let calls = drive
                .wire
                .iter()
                .filter(|(_, frame)| frame["method"] == "tools/call");
            let states = calls.filter(|(_, frame)| frame["params"]["requestState"].is_string());
            assert_eq!(states.count(), 0, "nothing had to be carried");
        }
    }
}

#[test]
fn arguments_that_do_not_fit_are_told_as_the_revision_asks() {
    // `tools.call.badargs`
    for (revision, _way) in by_every_way(Revision::ALL) {
        let mut drive = Drive::new(revision, vec![poet(Arc::default())]);
        let outcome = drive.call("poet", r#"{"theme":[1]}"#);
        if revision >= Revision::V2025_11_25 {
            let result = outcome.unwrap();
            assert_eq!(result["isError"], json!(true));
            assert!(text(&result).contains("theme"), "{result}");
        } else {
            let error = outcome.unwrap_err();
            assert!(
                error.contains("-32602") && error.contains("theme"),
                "{error}"
            );
        }
    }
}
