//! A modern client says the same of itself in every request, which sessions compare instead of
//! reading it again. Nobody may be able to tell.

use mcp_proto::Revision;
use serde_json::Value;

use support::on_revisions;
use support::pair::Pair;

const META: &str = r#"{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{"roots":{}},"io.modelcontextprotocol/clientInfo":{"name":"one","version":"1"}}"#;

fn call(id: u32, before: &str, meta: &str) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"x",{before}"_meta":{meta}}}}}"#
    )
}

fn error_code(pair: &Pair) -> Option<i64> {
    let sent = pair.sent_by_server();
    sent.last()
        .and_then(|answer| answer["error"]["code"].as_i64())
}

on_revisions! { [Revision::V2026_07_28];
    fn each_request_is_read_by_its_own_meta(revision) {
        // `stateless.noprior`, `meta.req.missing`
        let mut pair = Pair::open(revision);
        // The place in the frame differs from one to the next.
        for (id, before) in ["", "", r#""arguments":{},"#, "", r#""arguments":{"a":1},"#]
            .into_iter()
            .enumerate()
        {
            pair.to_server(call(100 + id as u32, before, META));
            let request = pair.request();
            assert_eq!(
                request.client_info().map(|info| info.name.into_string()),
                Some("one".into())
            );
            let client = request.client_capabilities().expect("they are there");
            assert!(client.roots.is_some());
            let meta = request.params::<mcp_proto::model::method::CallTool>();
            let meta = meta.expect("they fit").meta.expect("it is there");
            assert_eq!(meta.as_object().as_raw().as_str(), META);
        }
        let other = META.replace("\"one\"", "\"two\"");
        pair.to_server(call(200, "", &other));
        let request = pair.request();
        assert_eq!(
            request.client_info().map(|info| info.name.into_string()),
            Some("two".into())
        );

        let without_version = META.replace("protocolVersion", "protocolVersions");
        pair.to_server(call(201, "", &without_version));
        assert_eq!(error_code(&pair), Some(-32602));
        let bad_info = META.replace(r#""version":"1""#, r#""version":1"#);
        pair.to_server(call(202, "", &bad_info));
        assert_eq!(error_code(&pair), Some(-32602));
        pair.to_server(call(203, "", &format!("{META}x")));
        assert_eq!(error_code(&pair), Some(-32700));
        pair.to_server(call(204, &format!(r#""_meta":{META},"#), META));
        assert_eq!(error_code(&pair), Some(-32602));
    }
}

on_revisions! { [Revision::V2026_07_28];
    fn a_result_is_read_by_its_own_meta(revision) {
        let mut pair = Pair::open(revision);
        for name in ["one", "one", "one", "two", "one"] {
            let params = mcp_proto::model::tool::CallToolParams::new("x");
            let options = mcp_proto::session::CallOptions::new();
            let call = pair
                .client
                .call::<mcp_proto::model::method::CallTool>(pair.now, &params, options)
                .expect("the session is open");
            pair.client_to_server();
            let sent = pair.sent_by_client();
            let id: &Value = &sent.last().expect("the call was sent")["id"];
            pair.to_client(format!(
                r#"{{"jsonrpc":"2.0","id":{id},"result":{{"content":[],"_meta":{{"io.modelcontextprotocol/serverInfo":{{"name":"{name}","version":"1"}}}},"resultType":"complete"}}}}"#
            ));
            let completed = pair.completed(call);
            let result = completed
                .of(call)
                .expect("it is this call")
                .expect("it has a result");
            let meta = result.meta.expect("it is there");
            assert_eq!(
                meta.server_info().map(|info| info.name.into_string()),
                Some(name.into())
            );
        }
    }
}
