//! Resources, prompts and completion (rows R1 to R8).

use mcp_proto::client::{Operation, Output, OutputPart, ResourceOutput};
use mcp_proto::model::completion::{CompleteParams, PromptReference};
use mcp_proto::model::prompt::{Arguments, GetPromptParams};
use mcp_proto::model::subscription::SubscriptionFilter;
use mcp_proto::session::ClientEvent;
use serde_json::{Value, json};

use support::carrier::by_every_route;
use support::client::{Script, everything, legacy};

fn listed(uri: &str) -> Value {
    json!({"resources": [{"uri": uri, "name": "n"}]})
}

fn read(script: &mut Script, contents: Value) -> ResourceOutput {
    let request = Operation::ReadResource("a:b".into());
    match script.answered(request, json!({"contents": contents})) {
        Ok(Output::Resource(output)) => output,
        other => panic!("{other:?}"),
    }
}

#[test]
fn r1_resources_are_empty_without_asking_when_the_server_has_none() {
    for _way in by_every_route() {
        let mut script = Script::with(legacy(), json!({"tools": {}}));
        for request in [
            Operation::ListResources,
            Operation::ListResourceTemplates,
            Operation::ListPrompts,
        ] {
            let id = script.start(request);
            let empty = match script.end(id).unwrap().unwrap() {
                Output::Resources(list) => list.is_empty(),
                Output::ResourceTemplates(list) => list.is_empty(),
                Output::Prompts(list) => list.is_empty(),
                other => panic!("{other:?}"),
            };
            assert!(empty && script.sent.is_empty());
        }
    }
}

#[test]
fn r1_resources_are_kept_until_they_change() {
    for _way in by_every_route() {
        let mut script = Script::legacy();
        script
            .answered(Operation::ListResources, listed("a:b"))
            .unwrap();
        let id = script.start(Operation::ListResources);
        assert!(script.end(id).is_some());
        script.notify("notifications/resources/list_changed");
        script
            .answered(Operation::ListResources, listed("a:c"))
            .unwrap();

        let mut script = Script::with(legacy().cache_resources(false), everything());
        script
            .answered(Operation::ListResources, listed("a:b"))
            .unwrap();
        script
            .answered(Operation::ListResources, listed("a:b"))
            .unwrap();
    }
}

#[test]
fn r2_templates_are_never_kept() {
    for _way in by_every_route() {
        let mut script = Script::legacy();
        let templates = json!({"resourceTemplates": [{"uriTemplate": "a:{b}", "name": "n"}]});
        for _ in 0..2 {
            script
                .answered(Operation::ListResourceTemplates, templates.clone())
                .unwrap();
        }
    }
}

#[test]
fn r3_one_content_is_the_value_and_several_a_list() {
    for _way in by_every_route() {
        let mut script = Script::legacy();
        let text = |text: &str| json!({"uri": "a:b", "text": text});
        assert_eq!(
            read(&mut script, json!([text("[1]")])).value.as_text(),
            Some("[1]")
        );
        let two = read(
            &mut script,
            json!([text("x"), {"uri": "a:b", "blob": "AQ=="}]),
        );
        assert_eq!(two.value.parts()[0].as_text(), Some("x"));
        assert_eq!(
            two.value.parts()[1].as_binary().unwrap().decode().unwrap(),
            [1]
        );
        assert_eq!(two.raw.contents.len(), 2);
        assert_eq!(
            read(&mut script, json!([])).value,
            OutputPart::List(Vec::new())
        );
    }
}

#[test]
fn r4_uri_is_sent_verbatim() {
    for _way in by_every_route() {
        let mut script = Script::legacy();
        for uri in ["http://x", "not a uri", "HTTP://X/%7e"] {
            script.start(Operation::ReadResource(uri.into()));
            assert_eq!(script.expect("resources/read")["params"]["uri"], uri);
        }
    }
}

#[test]
fn r5_error_says_message_code_and_data() {
    for _way in by_every_route() {
        let mut script = Script::legacy();
        let mut said = |error: Value| script.refused(Operation::ListResources, error).to_string();
        let message = "Failed to list resources";
        assert_eq!(
            said(
                json!({"code": -32603, "message": message, "data": {"details": "server overloaded"}})
            ),
            r#"Failed to list resources (code: -32603, data: {"details":"server overloaded"})"#
        );
        let short = "Failed to list resources (code: -32001)";
        assert_eq!(said(json!({"code": -32001, "message": message})), short);
        for nothing in [
            json!({}),
            json!(""),
            json!(0),
            json!(null),
            json!([]),
            json!(false),
        ] {
            assert_eq!(
                said(json!({"code": -32001, "message": message, "data": nothing})),
                short
            );
        }
    }
}

#[test]
fn r6_every_error_code_is_taken_as_it_is() {
    for _way in by_every_route() {
        let mut script = Script::legacy();
        for code in [-32002, 0, 42, -1] {
            let error = json!({"code": code, "message": "Unknown resource: resource://nope"});
            let error = script.refused(Operation::ReadResource("resource://nope".into()), error);
            assert_eq!(
                error.to_string(),
                format!("Unknown resource: resource://nope (code: {code})")
            );
        }
    }
}

#[test]
fn r7_resource_keeps_all_that_the_server_says() {
    for _way in by_every_route() {
        let mut script = Script::legacy();
        let defined = json!({"resources": [{"uri": "a:b", "name": "n", "title": "T", "size": 3,
        "mimeType": "text/plain", "annotations": {"audience": ["user"], "priority": 0.5},
        "_meta": {"k": 1}}]});
        let Output::Resources(resources) =
            script.answered(Operation::ListResources, defined).unwrap()
        else {
            panic!("they are resources")
        };
        let resource = &resources[0];
        assert_eq!((resource.uri.as_str(), resource.size), ("a:b", Some(3)));
        assert_eq!(resource.annotations.as_ref().unwrap().priority, Some(0.5));
        assert!(resource.meta.is_some() && resource.title.is_some());
    }
}

#[test]
fn r8_resources_can_be_subscribed_to_as_well() {
    for _way in by_every_route() {
        let mut script = Script::legacy();
        let filter = SubscriptionFilter::new().resource_subscriptions(["a:b"]);
        let id = script.start(Operation::Subscribe(filter));
        let asked = script.expect("resources/subscribe");
        assert!(script.end(id).is_none());
        script.result(&asked, json!({}));
        let Output::Subscribed { subscription, .. } = script.end(id).unwrap().unwrap() else {
            panic!("it is a subscription")
        };
        script.say(
            json!({"jsonrpc": "2.0", "method": "notifications/resources/updated",
        "params": {"uri": "a:b"}}),
        );
        assert!(matches!(
            script.events.last(),
            Some(ClientEvent::Changed { subscription: Some(of), .. }) if *of == subscription
        ));
        script.client.unsubscribe(script.now, subscription).unwrap();
        script.drain();
        script.expect("resources/unsubscribe");
    }
}

#[test]
fn prompts_and_completions_are_given() {
    for _way in by_every_route() {
        let mut script = Script::legacy();
        let params = GetPromptParams::new("p").arguments(Arguments::new().with("a", "1"));
        let said =
            json!({"messages": [{"role": "user", "content": {"type": "text", "text": "hi"}}]});
        let Output::Prompt(prompt) = script.answered(Operation::GetPrompt(params), said).unwrap()
        else {
            panic!("it is a prompt")
        };
        assert_eq!(prompt.messages[0].content.as_text(), Some("hi"));
        let params = CompleteParams::new(PromptReference::new("p"), "a", "x");
        let said = json!({"completion": {"values": ["xy"]}});
        let Output::Completion(completion) =
            script.answered(Operation::Complete(params), said).unwrap()
        else {
            panic!("it is a completion")
        };
        assert_eq!(completion.completion.values[0], "xy");
        assert!(script.answered(Operation::Ping, json!({})).is_ok());
    }
}
