//! Values with every property filled in go through both sessions: as the params and the result of a
//! call, as a question to the client and its answer, as a log message.

use mcp_proto::Revision;
use mcp_proto::model::input::{InputRequest, InputRequests};
use mcp_proto::model::logging::LoggingLevel;
use mcp_proto::model::method::{
    CallTool, Complete, CreateMessage, Elicit, GetPrompt, ListPrompts, ListResourceTemplates,
    ListResources, ListRoots, ListTools, LoggingMessage, Method, Notification, ReadResource,
    SpecMethod,
};
use mcp_proto::model::tool::{CallToolParams, CallToolResult};
use mcp_proto::rpc::Raw;
use mcp_proto::session::{CallOptions, ClientEvent};
use serde_json::{Value, json};

use support::amount;
use support::fill::filled;
use support::on_every_revision;
use support::pair::{Pair, client_config, everything_of_a_client, server_config};
use support::wire::definitions;
use support::wire::schema;

/// The filled-in bodies of a definition without what the session writes itself: the protocol's own
/// `_meta`, rounds of input, and tasks, which the crate doesn't speak.
fn bodies(revision: Revision, definition: &str, part: Option<&str>) -> Vec<Value> {
    let schema = schema::of(revision);
    let whole = filled(schema, definition);
    let own = |value: &Value| {
        let mut body = part.map_or(value, |part| &value[part]).clone();
        if let Some(members) = body.as_object_mut() {
            for written in ["inputResponses", "requestState", "task", "resultType"] {
                members.remove(written);
            }
            if members.contains_key("_meta") {
                members.insert("_meta".into(), json!({"com.example/extra": [1.5, null]}));
            }
            // The schema takes any URI for a root, the prose those of files only.
            if let Some(Value::Array(roots)) = members.get_mut("roots") {
                roots
                    .iter_mut()
                    .for_each(|root| root["uri"] = json!("file:///home"));
            }
        }
        body
    };
    whole.iter().map(own).collect()
}

/// What arrived, without what the session has added.
fn arrived(body: &str) -> Value {
    let mut body: Value = serde_json::from_str(body).expect("a body is JSON");
    let members = body.as_object_mut().expect("a body is an object");
    members.remove("resultType");
    if let Some(Value::Object(meta)) = members.get_mut("_meta") {
        meta.retain(|key, _| key == "com.example/extra");
        if meta.is_empty() {
            members.remove("_meta");
        }
    }
    body
}

/// Calls `M` with each of the filled-in params, and answers with each of the filled-in results; how
/// many calls that were.
fn call_filled<M: Method>(pair: &mut Pair, revision: Revision) -> usize {
    let (request, result) =
        definitions(SpecMethod::from_wire(M::NAME).expect("it is in the table"));
    let params = bodies(revision, request, Some("params"));
    let results = bodies(revision, result.expect("a request has a result"), None);
    let calls = match params.is_empty() || results.is_empty() {
        true => 0,
        false => params.len().max(results.len()),
    };
    for n in (0..calls).step_by(amount(8, 1)) {
        let (params, result) = (&params[n % params.len()], &results[n % results.len()]);
        let text = params.to_string();
        let call = pair
            .client
            .call::<M>(
                pair.now,
                &serde_json::from_str(&text).expect("params decode"),
                CallOptions::new(),
            )
            .unwrap_or_else(|misuse| panic!("{misuse}: {params}"));
        pair.drive();
        let asked = pair.request();
        assert_eq!(arrived(asked.raw_params().as_str()), *params, "{revision}");
        assert!(asked.params::<M>().is_ok(), "{params}");
        let text = result.to_string();
        let decoded = serde_json::from_str(&text).expect("a result decodes");
        pair.server
            .reply::<M>(pair.now, asked.id, &decoded)
            .unwrap_or_else(|misuse| panic!("{misuse}: {result}"));
        pair.drive();
        let done = pair.completed(call);
        let raw = done.raw().expect("the call succeeds");
        assert_eq!(arrived(raw.as_str()), *result, "{revision}");
        assert!(done.result::<M>().is_ok(), "{result}");
    }
    calls
}

/// Gives each use of a tool the result that it has to have, and each result its use: their rules
/// aren't in the schema (`sampling.tr.only`, `sampling.tr.balance`).
fn balance(params: &mut Value) {
    let Some(Value::Array(messages)) = params.get_mut("messages") else {
        return;
    };
    let content = &messages[0]["content"];
    let block = content.get(0).unwrap_or(content);
    let answer = json!({"type": "tool_result", "toolUseId": block["id"], "content": []});
    let used = json!({"type": "tool_use", "id": block["toolUseId"], "name": "a", "input": {}});
    if block["type"] == "tool_use" {
        messages[0]["role"] = json!("assistant");
        messages.push(json!({"role": "user", "content": answer}));
    } else if block["type"] == "tool_result" {
        messages[0]["role"] = json!("user");
        messages.insert(0, json!({"role": "assistant", "content": used}));
    }
}

/// Asks the client for each of the filled-in questions of `M`, and has it answer with each of the
/// filled-in results; how many were asked.
fn ask_filled<M: Method>(pair: &mut Pair, revision: Revision) -> usize {
    let known = SpecMethod::from_wire(M::NAME).expect("it is in the table");
    if !known.exists_in(revision) {
        return 0;
    }
    let (request, result) = definitions(known);
    let mut params = bodies(revision, request, Some("params"));
    params.iter_mut().for_each(balance);
    let results = bodies(revision, result.expect("a request has a result"), None);
    let asked = params.len().max(results.len());
    for n in (0..asked).step_by(amount(8, 1)) {
        let (params, result) = (&params[n % params.len()], &results[n % results.len()]);
        ask::<M>(pair, params, result);
    }
    asked
}

fn ask<M: Method>(pair: &mut Pair, params: &Value, result: &Value) {
    let tool = CallToolParams::new("a tool");
    let call = pair
        .client
        .call::<CallTool>(pair.now, &tool, CallOptions::new())
        .unwrap();
    pair.drive();
    let request = pair.request();
    let mut questions = InputRequests::new();
    let question = InputRequest::new(M::NAME).params(Raw::from(params.clone()));
    questions.insert("key", question);
    pair.server
        .need_input(pair.now, request.id, &questions, None)
        .unwrap_or_else(|misuse| panic!("{misuse}: {params}"));
    pair.drive();
    let Some(ClientEvent::InputRequested(input)) = pair.client_events.pop_front() else {
        panic!("the client isn't asked {params}");
    };
    assert_eq!(arrived(input.raw_params().as_str()), *params);
    assert!(input.params::<M>().is_some_and(|params| params.is_ok()));
    let text = result.to_string();
    let decoded = serde_json::from_str(&text).expect("a result decodes");
    pair.client
        .answer::<M>(pair.now, input.input, &decoded)
        .unwrap_or_else(|misuse| panic!("{misuse}: {result}"));
    pair.drive();
    let again = pair.request();
    let answer = again.raw_input("key").expect("it is answered");
    assert_eq!(arrived(answer.expect("by a result").as_str()), *result);
    assert!(again.input::<M>("key").is_some_and(|answer| answer.is_ok()));
    let done = CallToolResult::text("done");
    pair.server
        .reply::<CallTool>(pair.now, again.id, &done)
        .unwrap();
    pair.drive();
    pair.completed(call);
}

on_every_revision! {
    // `tools.call.params`, `tools.call.result`
    fn filled_in_calls_go_through_both_sessions(revision) {
        let mut pair = Pair::open(revision);
        let mut calls = 0;
        calls += call_filled::<ListTools>(&mut pair, revision);
        calls += call_filled::<CallTool>(&mut pair, revision);
        calls += call_filled::<ListResources>(&mut pair, revision);
        calls += call_filled::<ListResourceTemplates>(&mut pair, revision);
        calls += call_filled::<ReadResource>(&mut pair, revision);
        calls += call_filled::<ListPrompts>(&mut pair, revision);
        calls += call_filled::<GetPrompt>(&mut pair, revision);
        calls += call_filled::<Complete>(&mut pair, revision);
        assert!(calls > 20, "{calls} filled-in calls in {revision}");
    }
}

on_every_revision! {
    streams;
    // `meta.embedded.inputreq`, `elicit.url.params`
    fn filled_in_questions_go_through_both_sessions(revision) {
        // What asks for context goes only to a client that can give it.
        let capabilities = everything_of_a_client().sampling_context();
        let client = client_config(revision).capabilities(capabilities);
        let mut pair = Pair::open_with(client, server_config());
        let mut asked = 0;
        asked += ask_filled::<CreateMessage>(&mut pair, revision);
        asked += ask_filled::<Elicit>(&mut pair, revision);
        asked += ask_filled::<ListRoots>(&mut pair, revision);
        assert!(asked > 3, "{asked} filled-in questions in {revision}");
    }
}

on_every_revision! {
    streams;
    // `meta.where.legacy`
    fn filled_in_log_messages_go_through_both_sessions(revision) {
        let (definition, _) = definitions(SpecMethod::LoggingMessage);
        for params in bodies(revision, definition, Some("params")) {
            let server = server_config().log_level(LoggingLevel::Debug);
            let mut pair = Pair::open_with(client_config(revision), server);
            let options = CallOptions::new().log_level(Some(LoggingLevel::Debug));
            let tool = CallToolParams::new("a tool");
            pair.client
                .call::<CallTool>(pair.now, &tool, options)
                .unwrap();
            pair.drive();
            let request = pair.request();
            let text = params.to_string();
            let message = serde_json::from_str(&text).unwrap();
            pair.server
                .log(pair.now, Some(request.id), &message)
                .unwrap();
            pair.drive();
            let sent = pair.sent_by_server();
            let mut logged = sent
                .iter()
                .filter(|message| message["method"] == LoggingMessage::NAME);
            let logged = logged.next().expect("every level is sent");
            assert_eq!(arrived(&logged["params"].to_string()), params);
        }
    }
}
