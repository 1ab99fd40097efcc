//! What the tasks of a server ask of its client while it waits for them: how the questions come, and what
//! becomes of the call when they are refused or are too many.

use std::time::Duration;

use mcp_proto::Limits;
use mcp_proto::model::elicitation::ElicitResult;
use mcp_proto::model::method::{CallTool, Elicit, ListRoots};
use mcp_proto::model::root::ListRootsResult;
use mcp_proto::rpc::{RpcError, code};
use mcp_proto::session::{CallError, ClientEvent, ClientSession, InputId};
use serde_json::{Value, json};

use support::on_revisions;
use support::script::{Script, result};

use super::task_calls::{
    NEW, OLD, answer, ask, client, config, done, done_with_others, finish, five, offers, opened,
    said, text, told, working, working_as,
};

/// The questions that have come.
fn inputs(client: &mut Script<ClientSession>) -> Vec<InputId> {
    let events = client.take_events();
    let inputs = events.iter().filter_map(|event| match event {
        ClientEvent::InputRequested(asked) => Some(asked.input),
        _ => None,
    });
    inputs.collect()
}

pub(super) fn elicitation(message: &str) -> Value {
    json!({"method": "elicitation/create", "params": {
        "mode": "form", "message": message,
        "requestedSchema": {"type": "object", "properties": {"a": {"type": "string"}}},
    }})
}

on_revisions! { [NEW];
    fn what_a_task_waits_for_is_asked_once_and_answered_by_an_update(revision) {
        // `task26.get`, `task26.update`, `task26.dedupe`, `task26.trust`, `task26.keys`
        let (mut client, call) = working(revision);
        client.pass(five());
        let two = json!({"inputRequests": {"a": elicitation("A?"), "b": {"method": "roots/list"}}});
        answer(&mut client, "tasks/get", told(NEW, "input_required", two.clone()));
        let asked = inputs(&mut client);
        assert_eq!(asked.len(), 2);
        client.pass(five());
        assert!(client.sent().is_empty(), "it asks when the answers are there");
        let accepted = ElicitResult::decline();
        client.session.answer::<Elicit>(client.now, asked[0], &accepted).unwrap();
        assert!(client.sent().is_empty());
        let none = ListRootsResult::new(vec![]);
        client.session.answer::<ListRoots>(client.now, asked[1], &none).unwrap();
        let updated = answer(&mut client, "tasks/update", json!({"resultType": "complete"}));
        assert_eq!(
            updated["params"]["inputResponses"],
            json!({"a": {"action": "decline"}, "b": {"roots": []}})
        );
        // The server may lag behind: what was asked isn't asked again, and what is new is.
        answer(&mut client, "tasks/get", told(NEW, "input_required", two.clone()));
        assert!(inputs(&mut client).is_empty());
        client.pass(five());
        let three = json!({"inputRequests": {"a": elicitation("A?"), "c": elicitation("C?")}});
        answer(&mut client, "tasks/get", told(NEW, "input_required", three));
        let asked = inputs(&mut client);
        assert_eq!(asked.len(), 1);
        client.session.answer::<Elicit>(client.now, asked[0], &accepted).unwrap();
        let updated = answer(&mut client, "tasks/update", json!({"resultType": "complete"}));
        assert_eq!(updated["params"]["inputResponses"], json!({"c": {"action": "decline"}}));
        answer(&mut client, "tasks/get", told(NEW, "working", json!({})));
        finish(&mut client, revision);
        assert_eq!(said(&done(&mut client, call)), "done");
    }
}

on_revisions! { [NEW];
    fn a_refused_question_or_too_many_of_them_end_the_call_and_the_task(revision) {
        // `task26.trust`
        let asking = |key: &str| {
            let mut requests = json!({});
            requests[key] = elicitation("?");
            told(NEW, "input_required", json!({"inputRequests": requests}))
        };
        let (mut client, call) = working(revision);
        client.pass(five());
        answer(&mut client, "tasks/get", asking("a"));
        let asked = inputs(&mut client);
        let refusal = RpcError::internal("not today");
        client.session.decline(client.now, asked[0], refusal).unwrap();
        let ended = done_with_others(&mut client, call).result::<CallTool>().unwrap_err();
        assert!(matches!(ended, CallError::InputRefused(_)), "{ended:?}");
        assert_eq!(client.reply()["method"], "tasks/cancel");

        let mut limits = Limits::default();
        limits.input_rounds = 3;
        let client = opened(revision, config(revision).limits(limits), &offers(revision));
        let (mut client, call) = working_as(client, revision, ask());
        client.pass(five());
        for round in 0..3 {
            answer(&mut client, "tasks/get", asking(&format!("k{round}")));
            let asked = inputs(&mut client);
            client.session.answer::<Elicit>(client.now, asked[0], &ElicitResult::cancel()).unwrap();
            answer(&mut client, "tasks/update", json!({"resultType": "complete"}));
        }
        answer(&mut client, "tasks/get", asking("k3"));
        let ended = done_with_others(&mut client, call).result::<CallTool>().unwrap_err();
        assert_eq!(ended, CallError::TooManyRounds { limit: 3 });
        assert_eq!(client.reply()["method"], "tasks/cancel");
    }
}

on_revisions! { [NEW];
    fn the_questions_of_a_task_that_is_cancelled_are_taken_back(revision) {
        let (mut client, call) = working(revision);
        client.pass(five());
        let asking = json!({"inputRequests": {"a": elicitation("A?")}});
        answer(&mut client, "tasks/get", told(NEW, "input_required", asking));
        let asked = inputs(&mut client);
        client.session.cancel(client.now, call, None).unwrap();
        let events = client.take_events();
        assert!(events.contains(&ClientEvent::InputWithdrawn(asked[0])), "{events:?}");
        assert_eq!(client.reply()["method"], "tasks/cancel");
    }
}

on_revisions! { [OLD];
    fn a_legacy_task_asks_while_its_result_is_waited_for(revision) {
        // `task25.input`, `task25.related`, `task25.sse`
        let (mut client, call) = working(revision);
        client.pass(five());
        answer(&mut client, "tasks/get", told(revision, "input_required", json!({})));
        let waiting = client.reply();
        assert_eq!(waiting["method"], "tasks/result");
        let mut question = elicitation("Sure?");
        let related = json!({"io.modelcontextprotocol/related-task": {"taskId": "t1"}});
        question["params"]["_meta"] = related.clone();
        question["jsonrpc"] = json!("2.0");
        question["id"] = json!("q");
        client.feed_json(&question);
        let asked = inputs(&mut client);
        client.session.answer::<Elicit>(client.now, asked[0], &ElicitResult::decline()).unwrap();
        let answered = client.reply();
        assert_eq!(answered["id"], "q");
        assert_eq!(answered["result"]["_meta"], related);
        // It may take as long as the call has time, whatever its idle clock says.
        client.pass(Duration::from_secs(300));
        client.feed_json(&result(&waiting["id"], text("done")));
        assert_eq!(said(&done(&mut client, call)), "done");
    }
}

on_revisions! { [OLD];
    fn a_client_that_runs_no_tasks_answers_a_request_as_if_none_was_asked_for(revision) {
        // `task25.create.ignore`, `task25.cap`, `caps.undeclared.method`
        let mut client = client(revision);
        let mut question = elicitation("Sure?");
        question["params"]["task"] = json!({"ttl": 5});
        question["jsonrpc"] = json!("2.0");
        question["id"] = json!("q");
        client.feed_json(&question);
        let asked = inputs(&mut client);
        client.session.answer::<Elicit>(client.now, asked[0], &ElicitResult::decline()).unwrap();
        assert_eq!(client.reply()["result"], json!({"action": "decline"}));
        for method in ["tasks/get", "tasks/result", "tasks/cancel", "tasks/list"] {
            let request = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": {"taskId": "t"}});
            client.feed_json(&request);
            assert_eq!(client.reply()["error"]["code"], code::METHOD_NOT_FOUND, "{method}");
        }
    }
}

on_revisions! { [NEW];
    fn a_task_asks_as_many_questions_at_once_as_may_be_open_and_no_more(revision) {
        // `task26.trust`
        let mut limits = Limits::default();
        limits.inputs = 2;
        for (count, fits) in [(2, true), (3, false)] {
            let config = config(revision).limits(limits.clone());
            let client = opened(revision, config, &offers(revision));
            let (mut client, call) = working_as(client, revision, ask());
            client.pass(five());
            let mut requests = json!({});
            for n in 0..count {
                requests[n.to_string()] = elicitation("?");
            }
            let asking = json!({"inputRequests": requests});
            answer(&mut client, "tasks/get", told(NEW, "input_required", asking));
            if fits {
                assert_eq!(inputs(&mut client).len(), count);
                continue;
            }
            let ended = done_with_others(&mut client, call).result::<CallTool>().unwrap_err();
            assert!(matches!(ended, CallError::BadResult { .. }), "{ended:?}");
        }
    }
}
