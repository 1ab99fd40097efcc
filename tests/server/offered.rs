//! What a server offers while it runs: lists and their changes, pages, prompts, completions, and
//! what becomes of questions that a handler drops.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use mcp_proto::Revision;
use mcp_proto::model::completion::{CompleteParams, PromptReference, ResourceTemplateReference};
use mcp_proto::model::elicitation::ElicitRequestFormParams;
use mcp_proto::model::method::{
    CallTool, Complete, GetPrompt, ListResourceTemplates, ListTools, ReadResource,
};
use mcp_proto::model::page::PaginatedRequestParams;
use mcp_proto::model::prompt::{Arguments, GetPromptParams, Prompt, PromptArgument};
use mcp_proto::model::resource::{ReadResourceParams, Resource, ResourceTemplate};
use mcp_proto::model::schema::{NumberSchema, StringSchema};
use mcp_proto::model::subscription::SubscriptionFilter;
use mcp_proto::model::tool::{CallToolParams, Tool};
use mcp_proto::server::{Context, Elicited, HandlerError, Server};
use mcp_proto::session::{Change, ClientEvent};
use serde_json::{Value, json};

use support::carrier::{by_every_stream, by_every_way};
use support::server::{Drive, text, tool};

const ASKING: [Revision; 3] = [
    Revision::V2025_06_18,
    Revision::V2025_11_25,
    Revision::V2026_07_28,
];

fn form() -> ElicitRequestFormParams<'static> {
    ElicitRequestFormParams::new("Who are you?").required("name", StringSchema::new())
}

#[test]
fn an_answer_that_does_not_fit_its_form_never_reaches_the_handler() {
    // `elicit.validate`
    for (revision, _way) in by_every_way(ASKING) {
        let server = Server::new("s", "1").tool(tool("ask"), |context: &Context, _: Value| {
            // The client answers every field with a text.
            let age = NumberSchema::integer();
            let form = ElicitRequestFormParams::new("How old are you?").required("age", age);
            match context.elicit::<Value>("age", form)? {
                Elicited::Accepted(value) => Ok(format!("accepted {value}")),
                _ => Ok("nothing".to_owned()),
            }
        });
        let mut drive = Drive::new(revision, vec![server]);
        let answered = drive.call("ask", "{}");
        let told = format!("{answered:?}");
        assert!(told.contains("doesn't fit the question"), "{told}");
        assert!(!told.contains("accepted"), "{told}");
    }
}

/// A server whose tool adds a tool and takes itself away.
fn growing() -> Server {
    Server::new("s", "1").tool(tool("grow"), |context: &Context, _: Value| {
        context
            .registry()
            .add_tool(tool("grown"), |_, _: Value| Ok("new"))?;
        context.registry().remove_tool("grow");
        context.changed(Change::Tools);
        Ok("done")
    })
}

#[test]
fn t4_a_changed_list_is_told_before_the_response_that_changed_it() {
    // `tools.changed`
    for (revision, _way) in by_every_stream(Revision::ALL) {
        let mut drive = Drive::new(revision, vec![growing()]);
        drive.subscribe(&SubscriptionFilter::new().tools_list_changed(true));
        assert_eq!(text(&drive.call("grow", "{}").unwrap()), "done");
        let told = drive
            .wire
            .iter()
            .position(|(_, frame)| frame["method"] == "notifications/tools/list_changed");
        let answered = drive
            .wire
            .iter()
            .position(|(_, frame)| frame["result"]["content"].is_array());
        assert!(told.unwrap() < answered.unwrap(), "{revision}");
        let listed = drive.run::<ListTools>(&Default::default()).unwrap();
        assert_eq!(listed["tools"].as_array().unwrap().len(), 1);
        assert_eq!(listed["tools"][0]["name"], "grown");
        assert_eq!(text(&drive.call("grown", "{}").unwrap()), "new");
    }
}

#[test]
fn a_tool_that_was_taken_away_is_unknown() {
    // `tools.call.unknown`
    let mut drive = Drive::new(Revision::V2025_11_25, vec![growing()]);
    drive.call("grow", "{}").unwrap();
    let error = drive.call("grow", "{}").unwrap_err();
    assert!(error.contains("-32602"), "{error}");
}

#[test]
fn two_servers_that_share_a_registry_offer_the_same() {
    let first = growing();
    let second = first.clone().instructions("The second.");
    let mut one = Drive::new(Revision::V2025_11_25, vec![first]);
    one.call("grow", "{}").unwrap();
    let mut two = Drive::new(Revision::V2026_07_28, vec![second]);
    assert_eq!(text(&two.call("grown", "{}").unwrap()), "new");
}

#[test]
fn subscribers_hear_of_a_changed_resource_and_nobody_else() {
    // `res.updated`
    for (revision, _way) in by_every_stream(Revision::ALL) {
        let server = Server::new("s", "1")
            .resource(Resource::new("test://a", "a"), |_| Ok("a"))
            .tool(tool("touch"), |context: &Context, _: Value| {
                context.resource_updated("test://a");
                context.resource_updated("test://b");
                Ok(())
            });
        let mut drive = Drive::new(revision, vec![server]);
        drive.call("touch", "{}").unwrap();
        assert!(drive.sent("notifications/resources/updated").is_empty());
        drive.subscribe(&SubscriptionFilter::new().resource_subscriptions(["test://a"]));
        drive.call("touch", "{}").unwrap();
        let updated = drive.sent("notifications/resources/updated");
        assert_eq!(updated.len(), 1, "{revision}");
        assert_eq!(updated[0]["params"]["uri"], "test://a");
    }
}

#[test]
fn resources_are_read_and_unknown_ones_are_not_found() {
    // `res.read.notfound.legacy`, `res.read.notfound.modern`, `res.read.internal`
    for (revision, _way) in by_every_way(Revision::ALL) {
        let template = ResourceTemplate::new("test://user/{id}", "user").mime_type("text/plain");
        let server = Server::new("s", "1")
            .resource(Resource::new("test://bytes", "b"), |_| Ok(vec![1_u8, 2]))
            .resource(Resource::new("test://broken", "b"), |_| {
                Err::<String, HandlerError>("the disk is gone".into())
            })
            .resource_template(template, |_, values| {
                Ok(format!("user {}", values.get("id").unwrap_or_default()))
            })
            .unwrap();
        let mut drive = Drive::new(revision, vec![server]);
        let mut read = |uri: &'static str| drive.run::<ReadResource>(&ReadResourceParams::new(uri));
        assert_eq!(
            read("test://user/a%20b").unwrap()["contents"][0],
            json!({"uri": "test://user/a%20b", "mimeType": "text/plain", "text": "user a b"})
        );
        assert_eq!(read("test://bytes").unwrap()["contents"][0]["blob"], "AQI=");
        let code = match revision {
            Revision::V2026_07_28 => "-32602",
            _ => "-32002",
        };
        let error = read("test://user/a/b").unwrap_err();
        assert!(error.contains(code), "{error}");
        assert!(read("test://broken").unwrap_err().contains("-32603"));
        let listed = drive.run::<ListResourceTemplates>(&Default::default());
        let listed = listed.unwrap();
        assert_eq!(
            listed["resourceTemplates"][0]["uriTemplate"],
            "test://user/{id}"
        );
    }
}

#[test]
fn of_templates_that_match_the_one_that_was_added_first_is_read() {
    let mut server = Server::new("s", "1");
    // In this order, which is neither that of their texts nor that of their lengths.
    for text in [
        "a://x/{id}",
        "a://{id}",
        "a://x/y/{id}",
        "{+rest}",
        "a://{kind}/{id}",
    ] {
        let template = ResourceTemplate::new(text, text);
        server = server
            .resource_template(template, move |_, _| Ok(text))
            .unwrap();
    }
    for revision in Revision::ALL {
        let registry = server.registry();
        let mut drive = Drive::new(revision, vec![server.clone()]);
        let mut read = |uri: &'static str| {
            let read = drive
                .run::<ReadResource>(&ReadResourceParams::new(uri))
                .unwrap();
            read["contents"][0]["text"].as_str().unwrap().to_owned()
        };
        assert_eq!(read("a://x/1"), "a://x/{id}");
        assert_eq!(read("a://1"), "a://{id}");
        assert_eq!(read("a://x/y/1"), "a://x/y/{id}");
        assert_eq!(read("b://1"), "{+rest}");
        assert_eq!(read("a://z/1"), "{+rest}");
        // What is added or taken away later counts at once.
        let late = ResourceTemplate::new("b://{id}", "late");
        registry
            .add_resource_template(late, |_, _| Ok("late"))
            .unwrap();
        assert!(registry.remove_resource_template("{+rest}"));
        assert_eq!(read("b://1"), "late");
        assert_eq!(read("a://z/1"), "a://{kind}/{id}");
        assert!(registry.remove_resource_template("b://{id}"));
        let rest = ResourceTemplate::new("{+rest}", "rest");
        registry
            .add_resource_template(rest, |_, _| Ok("{+rest}"))
            .unwrap();
        // It stands last now.
        assert!(registry.remove_resource_template("a://{kind}/{id}"));
        let last = ResourceTemplate::new("a://{kind}/{id}", "last");
        registry
            .add_resource_template(last, |_, _| Ok("a://{kind}/{id}"))
            .unwrap();
    }
}

#[test]
fn prompts_need_their_name_and_their_required_arguments() {
    // `prompts.err.name`
    for (revision, _way) in by_every_way(Revision::ALL) {
        let prompt = Prompt::new("greet")
            .argument(PromptArgument::new("name").required(true))
            .argument(PromptArgument::new("mood"));
        let server = Server::new("s", "1").prompt(prompt, |_, given: &Arguments<'_>| {
            if given.get("mood") == Some("bad") {
                return Err("not today".into());
            }
            Ok(format!("Hello, {}", given.get("name").unwrap_or("nobody")))
        });
        let mut drive = Drive::new(revision, vec![server]);
        let mut get = |name: &'static str, given: &[(&'static str, &'static str)]| {
            let arguments = given.iter().fold(Arguments::new(), |all, (name, value)| {
                all.with(*name, *value)
            });
            drive.run::<GetPrompt>(&GetPromptParams::new(name).arguments(arguments))
        };
        let good = get("greet", &[("name", "Ada")]).unwrap();
        assert_eq!(
            good["messages"],
            json!([{"role": "user", "content": {"type": "text", "text": "Hello, Ada"}}])
        );
        let missing = get("greet", &[("mood", "good")]).unwrap_err();
        assert!(
            missing.contains("-32602") && missing.contains("name"),
            "{missing}"
        );
        assert!(get("other", &[]).unwrap_err().contains("-32602"));
        let failed = get("greet", &[("name", "Ada"), ("mood", "bad")]).unwrap_err();
        assert!(failed.contains("-32603"), "{failed}");
    }
}

#[test]
fn arguments_are_completed_where_somebody_knows_how() {
    // `complete.result`, `complete.max100`, `complete.err`
    for revision in [
        Revision::V2025_03_26,
        Revision::V2025_11_25,
        Revision::V2026_07_28,
    ] {
        let template = ResourceTemplate::new("test://{id}", "thing");
        let server = Server::new("s", "1")
            .prompt(
                Prompt::new("greet").argument(PromptArgument::new("name")),
                |_, _| Ok("hi"),
            )
            .resource_template(template, |_, _| Ok("thing"))
            .unwrap()
            .completion(PromptReference::new("greet"), "name", |_, typed| {
                Ok((0..150).map(|n| format!("{typed}{n}")).collect())
            });
        let mut drive = Drive::new(revision, vec![server]);
        let mut complete = |params: CompleteParams<'static>| drive.run::<Complete>(&params);
        let greet = || PromptReference::new("greet");
        let known = complete(CompleteParams::new(greet(), "name", "x")).unwrap();
        let values = known["completion"]["values"].as_array().unwrap();
        assert_eq!((values.len(), &values[0]), (100, &json!("x0")));
        assert_eq!(known["completion"]["hasMore"], true);
        let nobody = complete(CompleteParams::new(greet(), "other", "x")).unwrap();
        assert_eq!(nobody["completion"]["values"], json!([]));
        let thing = ResourceTemplateReference::new("test://{id}");
        assert!(complete(CompleteParams::new(thing, "name", "x")).is_ok());
        let unknown = [
            CompleteParams::new(PromptReference::new("none"), "name", "x"),
            CompleteParams::new(
                ResourceTemplateReference::new("test://{none}/x"),
                "name",
                "x",
            ),
        ];
        for params in unknown {
            assert!(complete(params).unwrap_err().contains("-32602"));
        }
    }
}

#[test]
fn lists_come_in_pages_and_a_cursor_that_is_not_ours_is_refused() {
    // `page.end`, `page.invalid`, `page.stable`
    let mut server = Server::new("s", "1").page_size(2);
    for name in ["a", "b", "c", "d", "e"] {
        server = server.tool(tool(name), |_, _: Value| Ok(()));
    }
    let mut drive = Drive::new(Revision::V2025_11_25, vec![server]);
    let mut page = |cursor: Option<String>| {
        let params = PaginatedRequestParams::new();
        let params = match cursor {
            Some(cursor) => params.cursor(cursor),
            None => params,
        };
        drive.run::<ListTools>(&params)
    };
    let mut names = Vec::new();
    let mut cursor = None;
    let mut pages = 0;
    loop {
        let listed = page(cursor.clone()).unwrap();
        assert_eq!(listed, page(cursor).unwrap(), "the same again");
        let tools = listed["tools"].as_array().unwrap().iter();
        names.extend(tools.map(|tool| tool["name"].as_str().unwrap().to_string()));
        pages += 1;
        match listed.get("nextCursor") {
            Some(next) => cursor = Some(next.as_str().unwrap().to_string()),
            None => break,
        }
    }
    assert_eq!((pages, names.concat()), (3, "abcde".to_string()));
    for cursor in ["", "p5", "p99999999999999999999", "p-1", "2", "px"] {
        let error = page(Some(cursor.to_string())).unwrap_err();
        assert!(error.contains("-32602"), "{cursor}: {error}");
    }
}

#[test]
fn questions_of_a_run_that_ends_well_are_dropped() {
    for (revision, _way) in by_every_way(ASKING) {
        let server = Server::new("s", "1").tool(tool("t"), |context: &Context, _: Value| {
            let _ = context.elicit::<Value>("name", form());
            Ok("without asking")
        });
        let mut drive = Drive::new(revision, vec![server]);
        assert_eq!(text(&drive.call("t", "{}").unwrap()), "without asking");
        assert!(drive.sent("elicitation/create").is_empty(), "{revision}");
    }
}

#[test]
fn a_swallowed_pause_still_asks_when_the_run_fails_for_another_reason() {
    for (revision, _way) in by_every_way(ASKING) {
        let server = Server::new("s", "1").tool(tool("t"), |context: &Context, _: Value| {
            let name = context.elicit::<Value>("name", form()).ok();
            let name = name.ok_or("I know no name")?.accepted()?;
            Ok(name["name"].as_str().unwrap_or_default().to_string())
        });
        let mut drive = Drive::new(revision, vec![server]);
        assert_eq!(
            text(&drive.call("t", "{}").unwrap()),
            "my name",
            "{revision}"
        );
    }
}

#[test]
fn reports_of_earlier_runs_are_not_sent_again() {
    for (revision, _way) in by_every_stream(ASKING) {
        let runs = Arc::new(AtomicUsize::new(0));
        let counted = runs.clone();
        let run = move |context: &Context, _: Value| {
            counted.fetch_add(1, Ordering::SeqCst);
            context.info("begun");
            context.progress(1.0, Some(2.0), Some("asking"));
            context.elicit::<Value>("name", form())?.accepted()?;
            context.info("asked");
            context.progress(2.0, Some(2.0), None);
            Ok(())
        };
        let server = Server::new("s", "1").unsealed_state().tool(tool("t"), run);
        let mut drive = Drive::new(revision, vec![server]);
        let level =
            mcp_proto::model::meta::Meta::new().with("io.modelcontextprotocol/logLevel", "info");
        let params = match revision {
            Revision::V2026_07_28 => CallToolParams::new("t").meta(level),
            _ => CallToolParams::new("t"),
        };
        drive.run::<CallTool>(&params).unwrap();
        assert_eq!(runs.load(Ordering::SeqCst), 2, "{revision}");
        let messages = drive.sent("notifications/message");
        let said: Vec<_> = messages
            .iter()
            .map(|frame| &frame["params"]["data"])
            .collect();
        assert_eq!(said, ["begun", "asked"], "{revision}");
        let progress = drive.sent("notifications/progress");
        assert_eq!(progress.len(), 2, "{revision}");
    }
}

#[test]
fn a_form_that_is_declined_is_told_to_the_handler() {
    for revision in [Revision::V2025_06_18, Revision::V2025_11_25] {
        let server = Server::new("s", "1").tool(tool("t"), |context: &Context, _: Value| {
            context.elicit::<Value>("name", form())?.accepted()?;
            Ok(())
        });
        let mut drive = Drive::new(revision, vec![server]);
        drive.refuses = Some("nobody is here");
        let result = drive.call("t", "{}").unwrap();
        assert_eq!(text(&result), "Error executing tool t: nobody is here");
        let asked = |event: &ClientEvent| matches!(event, ClientEvent::InputRequested(_));
        assert_eq!(drive.events.iter().filter(|event| asked(event)).count(), 1);
    }
}

#[test]
fn of_many_tools_each_is_found_under_its_name_while_others_come_and_go() {
    for revision in Revision::ALL {
        let name = |nth: usize| format!("tool_{nth}");
        let says = |nth: usize| move |_: &Context, _: Value| Ok(format!("{nth}"));
        let server = (0..300).fold(Server::new("s", "1"), |server, nth| {
            server.tool(Tool::from(name(nth)), says(nth))
        });
        for nth in (0..300).filter(|nth| nth % 3 == 0) {
            assert!(server.registry().remove_tool(&name(nth)));
            assert!(!server.registry().remove_tool(&name(nth)));
        }
        for nth in (0..300).filter(|nth| nth % 3 == 1) {
            let added = server
                .registry()
                .add_tool(Tool::from(name(nth)), says(1000 + nth));
            added.expect("it is a good tool");
        }
        let mut drive = Drive::new(revision, vec![server]);
        for nth in (0..300).step_by(7) {
            let called = drive.call(&name(nth), "{}");
            match nth % 3 {
                0 => assert!(called.is_err(), "{called:?}"),
                1 => assert_eq!(text(&called.unwrap()), format!("{}", 1000 + nth)),
                _ => assert_eq!(text(&called.unwrap()), format!("{nth}")),
            }
        }
    }
}
