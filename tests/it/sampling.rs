//! Sampling: what may be asked of a client's model, with tools and without.

use mcp_proto::Revision;
use mcp_proto::model::capability::ClientCapabilities;
use mcp_proto::model::content::{ContentBlock, Role};
use mcp_proto::model::input::InputRequests;
use mcp_proto::model::meta::Meta;
use mcp_proto::model::method::CreateMessage;
use mcp_proto::model::object::Object;
use mcp_proto::model::sampling::{
    CreateMessageParams, CreateMessageResult, IncludeContext, SamplingContent, SamplingMessage,
    SamplingMessageContentBlock, StopReason, ToolChoice, ToolChoiceMode, ToolResultContent,
    ToolUseContent,
};
use mcp_proto::model::tool::{NO_ARGUMENTS_SCHEMA, Tool};
use mcp_proto::session::{CallError, Invalid, Misuse, Request};
use serde_json::{Value, json};

use support::pair::{Pair, client_config, server_config};
use support::saved::Saved;
use support::scenario::{is_modern, result, since};
use support::{on_every_revision, on_revisions};

fn draft() -> CreateMessageParams<'static> {
    CreateMessageParams::new(vec![SamplingMessage::user("What's new?")], 7)
}

fn with_tools() -> CreateMessageParams<'static> {
    draft().tools(vec![Tool::new("search", NO_ARGUMENTS_SCHEMA)])
}

fn declaring(revision: Revision, capabilities: ClientCapabilities<'static>) -> Pair {
    let client = client_config(revision).capabilities(capabilities);
    Pair::open_with(client, server_config())
}

/// A request whose handler wants to know something.
fn called(pair: &mut Pair) -> Request {
    pair.call_tool("x");
    pair.request()
}

fn sample(params: &CreateMessageParams<'_>) -> InputRequests<'static> {
    InputRequests::new().sample("k", params)
}

/// Asks a client the way a server of another make would; its refusal, as a code where the revision
/// lets the server hear it.
fn refusal(pair: &mut Pair, revision: Revision, params: &Value) -> Option<i64> {
    let call = pair.call_tool("x");
    if is_modern(revision) {
        let id = pair.last_of_client()["id"].clone();
        let asked = json!({"k": {"method": "sampling/createMessage", "params": params}});
        pair.to_client(result(
            id,
            json!({"resultType": "input_required", "inputRequests": asked}),
        ));
        let error = pair.completed(call).of(call).unwrap().unwrap_err();
        let (CallError::InputRefused(error) | CallError::Rpc(error)) = error else {
            return None;
        };
        return Some(error.code);
    }
    let asked =
        json!({"jsonrpc": "2.0", "id": 7, "method": "sampling/createMessage", "params": params});
    pair.to_client(asked.to_string());
    pair.last_of_client()["error"]["code"].as_i64()
}

on_every_revision! {
    // `sampling.cap`, `caps.client.list`
    fn sampling_is_declared_in_the_words_of_the_revision(revision) {
        let all = ClientCapabilities::new()
            .sampling_tools()
            .sampling_context();
        let pair = declaring(revision, all);
        let first = &pair.sent_by_client()[0]["params"];
        let declared = match is_modern(revision) {
            true => &first["_meta"]["io.modelcontextprotocol/clientCapabilities"],
            false => &first["capabilities"],
        };
        let expected = match revision >= Revision::V2025_11_25 {
            true => json!({"tools": {}, "context": {}}),
            false => json!({}),
        };
        assert_eq!(declared["sampling"], expected);
    }
}

on_every_revision! {
    // `sampling.maxtokens`, `sampling.modify`, `sampling.params`, `sampling.result`, `sampling.human`
    fn a_host_sees_all_that_is_wanted_and_decides(revision) {
        let mut pair = Pair::open(revision);
        let asked = called(&mut pair);
        let wanted = draft().system_prompt("Be brief").temperature(0.5);
        pair.need(&asked, &sample(&wanted), None);
        let input = pair.input();
        let heard = input.params::<CreateMessage>().unwrap().unwrap();
        assert_eq!((heard.max_tokens, heard.temperature), (7, Some(0.5)));
        assert_eq!(heard.system_prompt.as_deref(), Some("Be brief"));
        // Nothing goes back before the host says so.
        pair.forget();
        pair.drive();
        assert!(pair.wire.is_empty());
        let reply = SamplingMessageContentBlock::text("Nothing");
        let said = CreateMessageResult::new("another model", reply)
            .stop_reason(StopReason::Other("bored".into()));
        pair.answer::<CreateMessage>(&input, &said);
        let again = pair.request();
        let heard = again.input::<CreateMessage>("k").unwrap().unwrap();
        assert_eq!(
            (heard.model.as_str(), heard.role),
            ("another model", Role::Assistant)
        );
        assert_eq!(heard.content.as_text(), Some("Nothing"));
        assert_eq!(heard.stop_reason, Some(StopReason::Other("bored".into())));
    }
}

on_every_revision! {
    // `sampling.tools.cap`, `mrtr.caps`
    fn a_server_gives_tools_only_to_models_that_may_have_them(revision) {
        let choice = draft().tool_choice(ToolChoice::new(ToolChoiceMode::None));
        for params in [with_tools(), choice] {
            let mut pair = declaring(revision, ClientCapabilities::new().sampling());
            let asked = called(&mut pair);
            let misuse = pair
                .server
                .need_input(pair.now, asked.id, &sample(&params), None)
                .unwrap_err();
            let Misuse::MissingClientCapability(missing) = misuse else {
                panic!("{misuse}")
            };
            assert!(missing.sampling.unwrap().tools.is_some());
            let mut pair = Pair::open(revision);
            let asked = called(&mut pair);
            let answer = pair
                .server
                .need_input(pair.now, asked.id, &sample(&params), None);
            // Before 2025-11-25 there is no way to declare it.
            assert_eq!(answer.is_ok(), revision >= Revision::V2025_11_25);
        }
    }
}

on_revisions! { since(Revision::V2025_11_25);
    // `sampling.tools.reject`
    fn a_client_refuses_tools_that_it_did_not_declare(revision) {
        let message = json!({"role": "user", "content": {"type": "text", "text": "?"}});
        let tools = json!([{"name": "search", "inputSchema": {"type": "object"}}]);
        let with_tools = json!({"maxTokens": 5, "messages": [message], "tools": tools});
        let with_choice =
            json!({"maxTokens": 5, "messages": [message], "toolChoice": {"mode": "none"}});
        for params in [with_tools, with_choice] {
            let mut pair = declaring(revision, ClientCapabilities::new().sampling());
            assert_eq!(refusal(&mut pair, revision, &params), Some(-32602));
            assert!(pair.client_events.is_empty());
        }
    }
}

fn tool_use(id: &'static str) -> SamplingMessageContentBlock<'static> {
    ToolUseContent::new(id, "search", Object::new()).into()
}

fn tool_result(id: &'static str) -> SamplingMessageContentBlock<'static> {
    ToolResultContent::new(id, vec![ContentBlock::text("found")]).into()
}

fn conversation(
    turns: Vec<(Role<'static>, Vec<SamplingMessageContentBlock<'static>>)>,
) -> CreateMessageParams<'static> {
    let messages = turns
        .into_iter()
        .map(|(role, blocks)| SamplingMessage::new(role, SamplingContent::from(blocks)));
    CreateMessageParams::new(messages.collect(), 7)
}

/// Conversations whose tool uses and results don't balance.
fn unbalanced() -> Vec<CreateMessageParams<'static>> {
    let text = || SamplingMessageContentBlock::text("and?");
    let (user, model) = (|| Role::User, || Role::Assistant);
    vec![
        conversation(vec![(model(), vec![tool_use("a")])]),
        conversation(vec![(model(), vec![tool_use("a")]), (user(), vec![text()])]),
        conversation(vec![
            (model(), vec![tool_use("a")]),
            (user(), vec![tool_result("b")]),
        ]),
        conversation(vec![
            (model(), vec![tool_use("a")]),
            (user(), vec![tool_result("a"), text()]),
        ]),
        conversation(vec![
            (model(), vec![tool_use("a"), tool_use("b")]),
            (user(), vec![tool_result("a")]),
        ]),
        conversation(vec![(user(), vec![tool_result("a")])]),
        conversation(vec![
            (model(), vec![tool_use("a")]),
            (model(), vec![text()]),
            (user(), vec![tool_result("a")]),
        ]),
    ]
}

on_revisions! { since(Revision::V2025_11_25);
    // `sampling.tr.balance`, `sampling.tr.only`, `sampling.tr.server`, `sampling.tr.lastassistant`
    fn a_server_answers_every_tool_use(revision) {
        for params in unbalanced() {
            let mut pair = Pair::open(revision);
            let asked = called(&mut pair);
            let misuse = pair
                .server
                .need_input(pair.now, asked.id, &sample(&params), None)
                .unwrap_err();
            assert!(matches!(misuse, Misuse::Invalid(Invalid::ToolBalance)), "{misuse}");
        }
        let good = conversation(vec![
            (
                Role::User,
                vec![SamplingMessageContentBlock::text("Look it up")],
            ),
            (Role::Assistant, vec![tool_use("a"), tool_use("b")]),
            (Role::User, vec![tool_result("b"), tool_result("a")]),
        ]);
        let mut pair = Pair::open(revision);
        let asked = called(&mut pair);
        pair.need(&asked, &sample(&good), None);
        assert_eq!(
            pair.input().params::<CreateMessage>().unwrap().unwrap(),
            good
        );
    }
}

on_revisions! { since(Revision::V2025_11_25);
    // `sampling.err.balance`, `sampling.tr.balance`, `sampling.tr.only`
    fn a_client_asks_no_model_what_does_not_balance(revision) {
        for params in unbalanced() {
            let mut pair = Pair::open(revision);
            let params = serde_json::to_value(&params).unwrap();
            assert_eq!(
                refusal(&mut pair, revision, &params),
                Some(-32602),
                "{params}"
            );
            assert!(pair.client_events.is_empty());
        }
    }
}

on_revisions! { since(Revision::V2025_11_25);
    // `sampling.tu.shape`, `sampling.tu.meta`, `sampling.choice`
    fn a_tool_use_comes_back_as_the_model_made_it(revision) {
        let mut pair = Pair::open(revision);
        let asked = called(&mut pair);
        pair.need(&asked, &sample(&with_tools()), None);
        let input = pair.input();
        let heard = input.params::<CreateMessage>().unwrap().unwrap();
        assert_eq!(*heard.tool_choice_mode(), ToolChoiceMode::Auto);
        assert_eq!(heard.tools.as_ref().unwrap()[0].name, "search");
        let used = ToolUseContent::new("call-1", "search", Object::new().with("q", "news"))
            .meta(Meta::new().with("cache", "abc"));
        let said = CreateMessageResult::new("m", used).stop_reason(StopReason::ToolUse);
        pair.answer::<CreateMessage>(&input, &said);
        let again = pair.request();
        let heard = again.input::<CreateMessage>("k").unwrap().unwrap();
        assert_eq!(heard.stop_reason, Some(StopReason::ToolUse));
        let SamplingMessageContentBlock::ToolUse(used) = &heard.content.blocks()[0] else {
            panic!()
        };
        assert_eq!(used.input.get("q").unwrap().as_str(), r#""news""#);
        assert_eq!(
            used.meta.as_ref().unwrap().get("cache").unwrap().as_str(),
            r#""abc""#
        );
    }
}

on_revisions! { Revision::ALL.into_iter().filter(|r| *r < Revision::V2025_11_25);
    // `sampling.noarray.old`
    fn an_older_server_gets_one_block_or_none(revision) {
        let mut pair = Pair::open(revision);
        let asked = called(&mut pair);
        pair.need(&asked, &sample(&draft()), None);
        let input = pair.input();
        pair.forget();
        let uses = CreateMessageResult::new("m", vec![tool_use("a")]);
        assert!(
            pair.client
                .answer::<CreateMessage>(pair.now, input.input, &uses)
                .is_err()
        );
        pair.drive();
        assert!(pair.wire.is_empty());
        let one = CreateMessageResult::new("m", vec![SamplingMessageContentBlock::text("one")]);
        pair.answer::<CreateMessage>(&input, &one);
        let content = json!({"type": "text", "text": "one"});
        assert_eq!(pair.last_of_client()["result"]["content"], content);
    }
}

on_revisions! { since(Revision::V2025_11_25);
    // `sampling.ctx`
    fn the_context_of_servers_is_asked_for_where_it_was_offered(revision) {
        let wanted = draft().include_context(IncludeContext::ThisServer);
        let plain = ClientCapabilities::new().sampling();
        for (capabilities, is_sent) in [(plain.clone(), false), (plain.sampling_context(), true)] {
            let mut pair = declaring(revision, capabilities);
            let asked = called(&mut pair);
            pair.need(&asked, &sample(&wanted), None);
            let heard = pair.input();
            let heard = heard.params::<CreateMessage>().unwrap().unwrap();
            assert_eq!(heard.include_context.is_some(), is_sent);
        }
    }
}

on_every_revision! {
    // `sampling.params`
    fn a_question_without_a_bound_is_malformed(revision) {
        let mut pair = Pair::open(revision);
        let message = json!({"role": "user", "content": {"type": "text", "text": "?"}});
        let code = refusal(&mut pair, revision, &json!({"messages": [message]}));
        assert_eq!(code, Some(-32602));
        assert!(pair.client_events.is_empty());
    }
}

on_every_revision! {
    // `sampling.noretain`
    fn a_client_keeps_no_conversation(revision) {
        let mut pair = Pair::open(revision);
        let asked = called(&mut pair);
        pair.need(&asked, &sample(&draft()), None);
        let input = pair.input();
        let kept = |pair: &Pair| pair.client.save(pair.now).text();
        assert!(!kept(&pair).contains("What's new?"));
        let said = CreateMessageResult::new("m", SamplingMessageContentBlock::text("A secret"));
        pair.answer::<CreateMessage>(&input, &said);
        assert!(!kept(&pair).contains("A secret"));
        pair.request();
    }
}
