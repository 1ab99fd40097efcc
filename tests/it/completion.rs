//! Completion of arguments.

use mcp_proto::Revision;
use mcp_proto::model::capability::ServerCapabilities;
use mcp_proto::model::completion::{CompleteResult, CompletionContext, Reference};
use mcp_proto::model::method::{Complete, ServerCapability};
use mcp_proto::model::prompt::Arguments;
use mcp_proto::rpc::RpcError;
use mcp_proto::session::{CallError, Misuse, ServerConfig};
use serde_json::json;

use support::on_every_revision;
use support::pair::{Pair, client_config};
use support::scenario::{completing, request, result};

on_every_revision! {
    // `complete.cap`
    fn completion_is_offered_by_declaring_it_except_in_the_first_revision(revision) {
        let bare = ServerConfig::new("s", "1").capabilities(ServerCapabilities::new());
        let mut pair = Pair::open_with(client_config(revision), bare);
        if revision == Revision::V2024_11_05 {
            pair.call::<Complete>(&completing("p"));
            assert_eq!(pair.request().method(), "completion/complete");
            return;
        }
        let misuse = pair.misuse::<Complete>(&completing("p"));
        assert!(
            matches!(misuse, Misuse::NotDeclaredByPeer(ServerCapability::Completions)),
            "{misuse}"
        );
        let params = json!({"ref": {"type": "ref/prompt", "name": "p"}, "argument": {"name": "a", "value": ""}});
        pair.to_server(request(revision, 60, "completion/complete", params));
        assert_eq!(pair.last_of_server()["error"]["code"], -32601);
        assert!(pair.server_events.is_empty());
        let pair = Pair::open(revision);
        assert!(
            pair.client
                .server_capabilities()
                .unwrap()
                .completions
                .is_some()
        );
    }
}

on_every_revision! {
    // `complete.params`, `complete.result`, `complete.rank`
    fn values_come_back_in_the_servers_order(revision) {
        let mut pair = Pair::open(revision);
        let given = Arguments::new().with("framework", "flask");
        let params = completing("py").context(CompletionContext::new().arguments(given));
        let call = pair.call::<Complete>(&params);
        let asked = pair.request();
        let heard = asked.params::<Complete>().unwrap();
        assert!(matches!(heard.reference, Reference::Prompt(_)));
        assert_eq!(
            (heard.argument.name.as_str(), heard.argument.value.as_str()),
            ("language", "py")
        );
        assert_eq!(heard.context.is_some(), revision >= Revision::V2025_06_18);
        pair.reply::<Complete>(&asked, &CompleteResult::new(["python", "pypy", "cpython"]));
        let done = pair.completed(call);
        let completion = done.of(call).unwrap().unwrap().completion;
        assert_eq!(completion.values, ["python", "pypy", "cpython"]);
        assert_eq!((completion.total, completion.has_more), (None, None));
    }
}

on_every_revision! {
    // `complete.max100`
    fn of_many_values_the_first_hundred_go_out(revision) {
        let mut pair = Pair::open(revision);
        let call = pair.call::<Complete>(&completing(""));
        let asked = pair.request();
        let values = (0..250).map(|n| n.to_string());
        pair.reply::<Complete>(&asked, &CompleteResult::new(values));
        let done = pair.completed(call);
        let completion = done.of(call).unwrap().unwrap().completion;
        assert_eq!(
            (completion.values.len(), completion.values[99].as_str()),
            (100, "99")
        );
        assert_eq!(
            (completion.total, completion.has_more),
            (Some(250), Some(true))
        );
        // However the list came to be too long.
        let call = pair.call::<Complete>(&completing(""));
        let asked = pair.request();
        let mut result = CompleteResult::new(["0"]);
        result.completion.values = (0..150).map(|n| n.to_string().into()).collect();
        pair.reply::<Complete>(&asked, &result);
        let done = pair.completed(call);
        assert_eq!(done.of(call).unwrap().unwrap().completion.values.len(), 100);
    }
}

on_every_revision! {
    // `complete.err`, `complete.sec`
    fn a_handler_sees_only_well_formed_questions(revision) {
        let mut pair = Pair::open(revision);
        let argument = json!({"name": "a", "value": "v"});
        let bad = [
            json!({"argument": argument}),
            json!({"ref": {"type": "ref/prompt", "name": "p"}}),
            json!({"ref": {"type": "ref/tool", "name": "p"}, "argument": argument}),
            json!({"ref": {"type": "ref/prompt"}, "argument": argument}),
            json!({"ref": {"type": "ref/resource", "uri": 5}, "argument": argument}),
            json!({"ref": {"type": "ref/prompt", "name": "p"}, "argument": {"name": "a"}}),
            json!({"ref": {"type": "ref/prompt", "name": "p"}, "argument": {"name": "a", "value": 1}}),
        ];
        for (n, params) in bad.into_iter().enumerate() {
            pair.to_server(request(
                revision,
                60 + n,
                "completion/complete",
                params.clone(),
            ));
            assert_eq!(pair.last_of_server()["error"]["code"], -32602, "{params}");
        }
        assert!(pair.server_events.is_empty());
        let mut pair = Pair::open(revision);
        let errors = [
            RpcError::invalid_params("no such prompt"),
            RpcError::internal("broken"),
        ];
        for error in errors {
            let call = pair.call::<Complete>(&completing("p"));
            let asked = pair.request();
            pair.reply_error(&asked, error.clone());
            let heard = pair.completed(call).of(call).unwrap().unwrap_err();
            assert_eq!(heard, CallError::Rpc(error));
        }
    }
}

on_every_revision! {
    // `complete.client`
    fn a_client_needs_neither_a_total_nor_a_hint_of_more(revision) {
        let mut pair = Pair::open(revision);
        for completion in [
            json!({"values": []}),
            json!({"values": ["a"], "total": 1e3, "hasMore": null}),
        ] {
            let call = pair.call::<Complete>(&completing("p"));
            let id = pair.last_of_client()["id"].clone();
            pair.to_client(result(id, json!({"completion": completion})));
            let done = pair.completed(call);
            let heard = done.of(call).unwrap().unwrap().completion;
            assert_eq!(heard.has_more, None);
        }
    }
}
