//! Prompts: listing them, filling them in, and telling that their list has changed.

use mcp_proto::Revision;
use mcp_proto::model::capability::ServerCapabilities;
use mcp_proto::model::content::{ContentBlock, Role};
use mcp_proto::model::method::{GetPrompt, ListPrompts, ServerCapability};
use mcp_proto::model::page::PaginatedRequestParams;
use mcp_proto::model::prompt::{
    Arguments, GetPromptParams, GetPromptResult, ListPromptsResult, Prompt, PromptArgument,
    PromptMessage,
};
use mcp_proto::model::subscription::SubscriptionFilter;
use mcp_proto::rpc::RpcError;
use mcp_proto::session::{CallError, Capability, Change, ClientEvent, Misuse, ServerConfig};
use serde_json::json;

use support::on_every_revision;
use support::pair::{Pair, client_config};
use support::scenario::{request, result};

fn serving(revision: Revision, capabilities: ServerCapabilities<'static>) -> Pair {
    let server = ServerConfig::new("s", "1").capabilities(capabilities);
    Pair::open_with(client_config(revision), server)
}

on_every_revision! {
    // `prompts.cap`, `prompts.list.respond`
    fn prompts_are_there_when_they_are_declared(revision) {
        let mut pair = serving(revision, ServerCapabilities::new());
        let misuse = pair.misuse::<ListPrompts>(&PaginatedRequestParams::new());
        assert!(
            matches!(misuse, Misuse::NotDeclaredByPeer(ServerCapability::Prompts)),
            "{misuse}"
        );
        for (n, method) in ["prompts/list", "prompts/get"].into_iter().enumerate() {
            pair.to_server(request(revision, 60 + n, method, json!({"name": "p"})));
            assert_eq!(pair.last_of_server()["error"]["code"], -32601);
        }
        assert!(pair.server_events.is_empty());

        let mut pair = serving(revision, ServerCapabilities::new().prompts(false));
        assert!(pair.client.server_capabilities().unwrap().prompts.is_some());
        let call = pair.call::<ListPrompts>(&PaginatedRequestParams::new());
        let asked = pair.request();
        pair.reply::<ListPrompts>(&asked, &ListPromptsResult::new(vec![]));
        assert_eq!(pair.last_of_server()["result"]["prompts"], json!([]));
        assert!(
            pair.completed(call)
                .of(call)
                .unwrap()
                .unwrap()
                .prompts
                .is_empty()
        );
    }
}

on_every_revision! {
    // `prompts.fields`, `prompts.get`, `prompts.result`
    fn a_prompt_is_listed_and_filled_in(revision) {
        let mut pair = Pair::open(revision);
        let call = pair.call::<ListPrompts>(&PaginatedRequestParams::new());
        let asked = pair.request();
        let argument = PromptArgument::new("code").title("Code").required(true);
        let prompt = Prompt::new("review").title("Review").argument(argument);
        pair.reply::<ListPrompts>(&asked, &ListPromptsResult::new(vec![prompt]));
        let done = pair.completed(call);
        let listed = done.of(call).unwrap().unwrap();
        let prompt = &listed.prompts[0];
        let argument = &prompt.arguments.as_ref().unwrap()[0];
        assert!(argument.is_required());
        let knows_titles = revision >= Revision::V2025_06_18;
        assert_eq!(
            (prompt.title.is_some(), argument.title.is_some()),
            (knows_titles, knows_titles)
        );

        let given = Arguments::new().with("code", "fn main() {}");
        let call = pair.call::<GetPrompt>(&GetPromptParams::new("review").arguments(given));
        let asked = pair.request();
        let params = asked.params::<GetPrompt>().unwrap();
        assert_eq!(params.arguments.unwrap().get("code"), Some("fn main() {}"));
        let message = PromptMessage::new(Role::User, ContentBlock::text("Review this"));
        let answer = GetPromptResult::new(vec![message]).description("a review");
        pair.reply::<GetPrompt>(&asked, &answer);
        let done = pair.completed(call);
        let result = done.of(call).unwrap().unwrap();
        assert_eq!(result.messages[0].role, Role::User);
        assert_eq!(result.messages[0].content.as_text(), Some("Review this"));
    }
}

on_every_revision! {
    // `prompts.get`, `prompts.validate`
    fn arguments_that_are_no_texts_never_reach_the_handler(revision) {
        let mut pair = Pair::open(revision);
        let bad = [
            json!({}),
            json!({"name": 1}),
            json!({"name": "p", "arguments": {"n": 5}}),
            json!({"name": "p", "arguments": ["n"]}),
            json!({"name": "p", "arguments": {"n": {"deep": true}}}),
        ];
        for (n, params) in bad.into_iter().enumerate() {
            pair.to_server(request(revision, 60 + n, "prompts/get", params.clone()));
            assert_eq!(pair.last_of_server()["error"]["code"], -32602, "{params}");
        }
        assert!(pair.server_events.is_empty());
    }
}

on_every_revision! {
    // `prompts.err.name`
    fn an_unknown_prompt_and_a_missing_argument_are_errors(revision) {
        let mut pair = Pair::open(revision);
        let call = pair.call::<GetPrompt>(&GetPromptParams::new("nope"));
        let asked = pair.request();
        pair.reply_error(&asked, RpcError::invalid_params("Unknown prompt: nope"));
        let error = pair.completed(call).of(call).unwrap().unwrap_err();
        assert!(matches!(error, CallError::Rpc(error) if error.code == -32602));
        let prompt = Prompt::new("review").argument(PromptArgument::new("code").required(true));
        let call = pair.call::<GetPrompt>(&GetPromptParams::new("review"));
        let asked = pair.request();
        let params = asked.params::<GetPrompt>().unwrap();
        assert_eq!(
            prompt.missing_argument(params.arguments.as_ref()),
            Some("code")
        );
        pair.reply_error(&asked, RpcError::invalid_params("Missing argument: code"));
        let error = pair.completed(call).of(call).unwrap().unwrap_err();
        assert!(matches!(error, CallError::Rpc(error) if error.code == -32602));
    }
}

on_every_revision! {
    // `prompts.result`, `prompts.links`, `data.content.unknown`
    fn a_message_has_one_block_of_whatever_kind(revision) {
        let mut pair = Pair::open(revision);
        let call = pair.call::<GetPrompt>(&GetPromptParams::new("p"));
        let id = pair.last_of_client()["id"].clone();
        let link = json!({"type": "resource_link", "uri": "file:///a", "name": "a"});
        let newer = json!({"type": "hologram", "depth": 3});
        pair.to_client(result(
            id,
            json!({"messages": [
            {"role": "user", "content": link}, {"role": "assistant", "content": newer}]}),
        ));
        let done = pair.completed(call);
        let messages = done.of(call).unwrap().unwrap().messages;
        assert!(matches!(messages[0].content, ContentBlock::ResourceLink(_)));
        assert!(matches!(messages[1].content, ContentBlock::Unknown(_)));
        let call = pair.call::<GetPrompt>(&GetPromptParams::new("p"));
        let id = pair.last_of_client()["id"].clone();
        let block = json!({"type": "text", "text": "t"});
        pair.to_client(result(
            id,
            json!({"messages": [{"role": "user", "content": [block]}, {"role": "user", "content": block}]}),
        ));
        let done = pair.completed(call);
        let messages = done.of(call).unwrap().unwrap().messages;
        assert_eq!(messages[..], [PromptMessage::new(Role::User, "t")]);
        assert_eq!(&*messages.skipped()[0].reason, "content is not one block");
    }
}

on_every_revision! {
    streams;
    // `prompts.changed`
    fn a_changed_list_is_told(revision) {
        let mut pair = Pair::open(revision);
        pair.subscribe(&SubscriptionFilter::new().prompts_list_changed(true));
        pair.server.changed(pair.now, Change::Prompts).unwrap();
        pair.drive();
        let event = pair.client_event();
        assert!(
            matches!(
                event,
                ClientEvent::Changed {
                    change: Change::Prompts,
                    ..
                }
            ),
            "{event:?}"
        );
        assert!(pair.is_quiet());
        let mut quiet = serving(revision, ServerCapabilities::new().prompts(false));
        let misuse = quiet
            .server
            .changed(quiet.now, Change::Prompts)
            .unwrap_err();
        assert!(
            matches!(misuse, Misuse::NotDeclared(Capability::Server(ServerCapability::PromptsListChanged))),
            "{misuse}"
        );
    }
}
