//! Capabilities: what was declared is served, what wasn't is refused, on both sides; extensions.

use mcp_proto::model::capability::{ClientCapabilities, ServerCapabilities};
use mcp_proto::model::input::InputRequests;
use mcp_proto::model::logging::{LoggingLevel, LoggingMessageParams};
use mcp_proto::model::method as m;
use mcp_proto::model::method::{Method, SpecMethod};
use mcp_proto::model::object::Object;
use mcp_proto::model::page::PaginatedRequestParams;
use mcp_proto::model::subscription::SubscriptionFilter;
use mcp_proto::model::tool::{CallToolParams, CallToolResult};
use mcp_proto::rpc::{Raw, RpcError};
use mcp_proto::session::{
    CallOptions, Change, ClientConfig, ClientEvent, ClientSession, EraPolicy, Misuse, ServerConfig,
    ServerEvent,
};
use mcp_proto::{Era, Instant, Revision};
use serde_json::{Value, json};

use support::pair::{Pair, client_config, everything_of_a_client};
use support::script::{
    Script, initialize, notification, opening_result, request, result, tool_call,
};
use support::{LEGACY, MODERN};
use support::{on_every_revision, on_revisions};

/// The requests that depend on a capability of the server, each with good params.
fn gated() -> Vec<(SpecMethod, Value)> {
    let complete = json!({"ref": {"type": "ref/prompt", "name": "p"}, "argument": {"name": "a", "value": "v"}});
    vec![
        (SpecMethod::ListTools, json!({})),
        (SpecMethod::CallTool, json!({"name": "x"})),
        (SpecMethod::ListPrompts, json!({})),
        (SpecMethod::GetPrompt, json!({"name": "x"})),
        (SpecMethod::ListResources, json!({})),
        (SpecMethod::ListResourceTemplates, json!({})),
        (SpecMethod::ReadResource, json!({"uri": "a:b"})),
        (SpecMethod::Subscribe, json!({"uri": "a:b"})),
        (SpecMethod::Unsubscribe, json!({"uri": "a:b"})),
        (SpecMethod::Complete, complete),
        (SpecMethod::SetLevel, json!({"level": "info"})),
    ]
}

/// Makes a call by the method's name.
fn call(client: &mut ClientSession, now: Instant, known: SpecMethod) -> Result<(), Misuse> {
    fn send<M: Method>(
        client: &mut ClientSession,
        now: Instant,
        params: &str,
    ) -> Result<(), Misuse> {
        let params: Raw<'static> = Raw::new(params.to_string()).unwrap();
        let text = params.as_str().to_string();
        let params: M::Params<'_> = serde_json::from_str(&text).unwrap();
        client.call::<M>(now, &params, CallOptions::new()).map(drop)
    }
    let (_, params) = gated()
        .into_iter()
        .find(|(gated, _)| *gated == known)
        .unwrap();
    let params = params.to_string();
    match known {
        SpecMethod::ListTools => send::<m::ListTools>(client, now, &params),
        SpecMethod::CallTool => send::<m::CallTool>(client, now, &params),
        SpecMethod::ListPrompts => send::<m::ListPrompts>(client, now, &params),
        SpecMethod::GetPrompt => send::<m::GetPrompt>(client, now, &params),
        SpecMethod::ListResources => send::<m::ListResources>(client, now, &params),
        SpecMethod::ListResourceTemplates => send::<m::ListResourceTemplates>(client, now, &params),
        SpecMethod::ReadResource => send::<m::ReadResource>(client, now, &params),
        SpecMethod::Subscribe => send::<m::Subscribe>(client, now, &params),
        SpecMethod::Unsubscribe => send::<m::Unsubscribe>(client, now, &params),
        SpecMethod::Complete => send::<m::Complete>(client, now, &params),
        _ => send::<m::SetLevel>(client, now, &params),
    }
}

/// Servers of one capability each, and the methods that it opens.
fn servers() -> Vec<(ServerCapabilities<'static>, &'static [SpecMethod])> {
    let new = ServerCapabilities::new;
    vec![
        (new(), &[]),
        (
            new().tools(false),
            &[SpecMethod::ListTools, SpecMethod::CallTool],
        ),
        (
            new().prompts(false),
            &[SpecMethod::ListPrompts, SpecMethod::GetPrompt],
        ),
        (
            new().resources(false),
            &[
                SpecMethod::ListResources,
                SpecMethod::ListResourceTemplates,
                SpecMethod::ReadResource,
            ],
        ),
        (
            new().resources(false).resources_subscribe(),
            &[
                SpecMethod::ListResources,
                SpecMethod::ListResourceTemplates,
                SpecMethod::ReadResource,
                SpecMethod::Subscribe,
                SpecMethod::Unsubscribe,
            ],
        ),
        (new().completions(), &[SpecMethod::Complete]),
        (new().logging(), &[SpecMethod::SetLevel]),
    ]
}

on_every_revision! {
    // `caps.undeclared.method` `caps.presence` `discover.caps.match` `caps.server.must.declare`
    // `base.err.method`
    fn a_server_serves_what_it_declares_and_nothing_else(revision) {
        for (capabilities, open) in servers() {
            let config = ServerConfig::new("s", "1").capabilities(capabilities.clone());
            let mut server = Script::server_with(revision, config.clone());
            for (known, params) in gated().into_iter().filter(|(known, _)| known.sent_by(revision).is_some()) {
                let is_open = open.contains(&known)
                    // The first revision has completion, but no capability to declare it by.
                    || (known == SpecMethod::Complete && revision == Revision::V2024_11_05);
                server.feed_json(&request(revision, known.as_str(), known.as_str(), params));
                let is_served = match server.take_events().pop() {
                    Some(ServerEvent::Request(_)) => true,
                    _ => server.sent().iter().any(|sent| sent.get("result").is_some()),
                };
                assert_eq!(is_served, is_open, "{known:?} of {capabilities:?} in {revision}");
                if !is_open {
                    server.feed_json(&request(revision, format!("{known:?} again"), known.as_str(), json!({})));
                    assert_eq!(server.reply()["error"]["code"], -32601, "{known:?}");
                }
            }
            // And what it declares is what it is configured with.
            let mut fresh = Script::fresh_server(config);
            let opening = match revision.era() {
                Era::Legacy => initialize(1, revision.as_str()),
                _ => request(revision, 1, "server/discover", json!({})),
            };
            fresh.feed_json(&opening);
            let told = fresh.reply()["result"]["capabilities"].clone();
            let expected = serde_json::to_value(capabilities.for_revision(revision)).unwrap();
            assert_eq!(told, expected);
        }
    }
}

on_every_revision! {
    // `caps.only.negotiated` `lifecycle.ver.respect` `caps.presence`
    fn a_client_calls_what_the_server_declared_and_nothing_else(revision) {
        for (capabilities, open) in servers() {
            let server = ServerConfig::new("s", "1").capabilities(capabilities.clone());
            let mut pair = Pair::open_with(client_config(revision), server);
            for (known, _) in gated().into_iter().filter(|(known, _)| known.sent_by(revision).is_some()) {
                let is_open = open.contains(&known)
                    || (known == SpecMethod::Complete && revision == Revision::V2024_11_05);
                let before = format!("{:?}", pair.client);
                let made = call(&mut pair.client, pair.now, known);
                assert_eq!(made.is_ok(), is_open, "{known:?} {capabilities:?} {made:?}");
                if let Err(misuse) = made {
                    assert!(matches!(misuse, Misuse::NotDeclaredByPeer(_)), "{misuse}");
                    assert_eq!(format!("{:?}", pair.client), before);
                }
            }
        }
    }
}

on_every_revision! {
    streams;
    // `caps.listchanged.emit` `caps.presence`
    fn changes_are_told_only_when_that_was_declared(revision) {
        let filter = json!({"notifications": {"toolsListChanged": true, "promptsListChanged": true,
            "resourcesListChanged": true, "resourceSubscriptions": ["a:b"]}});
        let changes = [Change::Tools, Change::Prompts, Change::Resources];
        let bare = ServerCapabilities::new().tools(false).prompts(false).resources(false);
        let mut server = Script::server_with(revision, ServerConfig::new("s", "1").capabilities(bare));
        if revision.era() == Era::Modern {
            server.feed_json(&request(revision, "l", "subscriptions/listen", filter.clone()));
            server.sent();
        }
        for change in changes {
            let misuse = server.session.changed(server.now, change).unwrap_err();
            assert!(matches!(misuse, Misuse::NotDeclared(_)), "{misuse}");
        }
        assert!(server.session.resource_updated(server.now, "a:b").is_err());
        let message = LoggingMessageParams::text(LoggingLevel::Error, "x");
        assert!(matches!(server.session.log(server.now, None, &message), Err(Misuse::NotDeclared(_))));
        assert!(server.sent().is_empty());
        let full = ServerCapabilities::new().tools(true).prompts(true).resources(true).resources_subscribe();
        let mut server = Script::server_with(revision, ServerConfig::new("s", "1").capabilities(full));
        match revision.era() {
            Era::Legacy => server.feed_json(&request(revision, 1, "resources/subscribe", json!({"uri": "a:b"}))),
            _ => {
                // Nobody listens yet.
                for change in changes {
                    server.session.changed(server.now, change).unwrap();
                }
                assert!(server.sent().is_empty());
                server.feed_json(&request(revision, "l", "subscriptions/listen", filter));
            }
        }
        server.sent();
        for change in changes {
            server.session.changed(server.now, change).unwrap();
        }
        server.session.resource_updated(server.now, "a:b").unwrap();
        server.session.resource_updated(server.now, "a:other").unwrap();
        let methods: Vec<Value> = server.sent().iter().map(|sent| sent["method"].clone()).collect();
        assert_eq!(methods, ["notifications/tools/list_changed", "notifications/prompts/list_changed",
            "notifications/resources/list_changed", "notifications/resources/updated"]);
    }
}

on_revisions! { LEGACY;
    // `caps.undeclared.method` `caps.client.must.declare` `base.err.method`
    fn a_client_refuses_what_it_did_not_declare(revision) {
        let asks = [
            ("roots/list", json!({})),
            ("sampling/createMessage", json!({"messages": [], "maxTokens": 1})),
            ("elicitation/create", json!({"message": "m", "requestedSchema": {"type": "object", "properties": {}}})),
        ];
        let config = client_config(revision).capabilities(ClientCapabilities::new());
        let mut client = Script::client_with(revision, config);
        for (method, params) in &asks {
            client.feed_json(&json!({"jsonrpc": "2.0", "id": method, "method": method, "params": params}));
            let answer = client.reply();
            assert_eq!(answer["error"]["code"], -32601, "{method}");
        }
        assert!(client.take_events().is_empty());
        let mut client = Script::client(revision);
        for (method, params) in asks {
            client.feed_json(&json!({"jsonrpc": "2.0", "id": method, "method": method, "params": params}));
            let has_it = SpecMethod::from_wire(method).unwrap().exists_in(revision);
            assert_eq!(client.take_events().len(), usize::from(has_it), "{method} {revision}");
            assert_eq!(client.sent().len(), usize::from(!has_it));
        }
    }
}

on_every_revision! {
    // `caps.only.negotiated` `caps.client.must.declare`
    fn a_client_says_nothing_of_roots_that_it_did_not_declare(revision) {
        for (capabilities, may) in [
            (ClientCapabilities::new(), false),
            (ClientCapabilities::new().roots(false), false),
            (ClientCapabilities::new().roots(true), true),
        ] {
            let config = client_config(revision).capabilities(capabilities);
            let mut client = Script::client_with(revision, config);
            let before = format!("{:?}", client.session);
            assert_eq!(client.session.roots_changed(client.now).is_ok(), may);
            let by_hand = serde_json::from_str("{}").unwrap();
            let made = client.session.notify::<m::RootsListChanged>(client.now, &by_hand);
            assert_eq!(made.is_ok(), may && revision.era() == Era::Legacy, "{made:?}");
            let sent = client.sent().len();
            assert_eq!(sent, if may && revision.era() == Era::Legacy { 2 } else { 0 });
            if sent == 0 {
                assert_eq!(format!("{:?}", client.session), before);
            }
        }
    }
}

/// What a tool may need of a client, and the capability that it misses without it.
fn needs() -> Vec<(InputRequests<'static>, Value)> {
    let sample = |text| {
        serde_json::from_str::<mcp_proto::model::sampling::CreateMessageParams<'static>>(text)
            .unwrap()
    };
    let plain = sample(
        r#"{"messages":[{"role":"user","content":{"type":"text","text":"x"}}],"maxTokens":5}"#,
    );
    let form: mcp_proto::model::elicitation::ElicitParams<'static> = serde_json::from_str(
        r#"{"message":"m","requestedSchema":{"type":"object","properties":{}}}"#,
    )
    .unwrap();
    vec![
        (InputRequests::new().roots("r"), json!({"roots": {}})),
        (
            InputRequests::new().sample("s", &plain),
            json!({"sampling": {}}),
        ),
        (
            InputRequests::new().elicit("e", &form),
            json!({"elicitation": {"form": {}}}),
        ),
    ]
}

on_every_revision! {
    // `caps.server.no.undeclared` `err.missingcap` `caps.missing.vs.degrade`
    fn a_server_asks_for_nothing_that_the_client_did_not_declare(revision) {
        for (need, missing) in needs() {
            if need.get("e").is_some() && revision < Revision::V2025_06_18 {
                continue;
            }
            let config = client_config(revision).capabilities(ClientCapabilities::new());
            let mut pair = Pair::open_with(config, support::pair::server_config());
            let params = CallToolParams::new("x");
            let call = pair.client.call::<m::CallTool>(pair.now, &params, CallOptions::new()).unwrap();
            pair.drive();
            let asked = pair.request();
            let before = format!("{:?}", pair.server);
            let misuse = pair.server.need_input(pair.now, asked.id, &need, None).unwrap_err();
            let Misuse::MissingClientCapability(lacking) = misuse else { panic!("{misuse}") };
            assert_eq!(format!("{:?}", pair.server), before);
            let error = RpcError::missing_client_capability(&lacking);
            pair.server.reply_error(pair.now, asked.id, error).unwrap();
            pair.drive();
            let done = pair.completed(call);
            let Err(mcp_proto::session::CallError::Rpc(error)) = done.raw() else { panic!() };
            let data: Value = error.data.as_ref().unwrap().decode().unwrap();
            match revision.era() {
                Era::Legacy => assert_eq!(error.code, -32600),
                _ => {
                    assert_eq!(error.code, -32021);
                    let named = data["requiredCapabilities"].as_object().unwrap();
                    assert!(named.values().all(Value::is_object), "{data}");
                    assert_eq!(named.keys().next(), missing.as_object().unwrap().keys().next());
                    assert_eq!(named.len(), 1);
                }
            }
            // A server that can do without may answer instead.
            let call = pair.client.call::<m::CallTool>(pair.now, &params, CallOptions::new()).unwrap();
            pair.drive();
            let asked = pair.request();
            assert!(pair.server.need_input(pair.now, asked.id, &need, None).is_err());
            pair.server.reply::<m::CallTool>(pair.now, asked.id, &CallToolResult::text("less")).unwrap();
            pair.drive();
            assert!(pair.completed(call).raw().is_ok());
        }
    }
}

on_every_revision! {
    // `caps.open` `caps.experimental` `ext.field` `ext.untrusted`
    fn unknown_capabilities_are_kept_and_change_nothing(revision) {
        let capabilities = json!({"tools": {"x": 1}, "future": {"a": [1]}, "experimental": {"e": {"b": 2}},
            "extensions": {"com.example/x": {"deep": [[]]}, "tasks": {}}});
        let mut client = Script::fresh_client(client_config(revision));
        let id = client.reply()["id"].clone();
        client.feed_json(&result(&id, opening_result(revision, &capabilities)));
        assert!(client.session.is_open());
        let told = client.session.server_capabilities().unwrap();
        assert_eq!(serde_json::to_value(&told).unwrap(), capabilities);
        client.sent();
        let page = PaginatedRequestParams::new();
        assert!(client.session.call::<m::ListTools>(client.now, &page, CallOptions::new()).is_ok());
        assert!(client.session.call::<m::ListPrompts>(client.now, &page, CallOptions::new()).is_err());
        // And on the server.
        let theirs = json!({"roots": {}, "future": 5, "experimental": {"e": {}}, "extensions": {"com.example/x": {}}});
        let mut server = Script::fresh_server(support::pair::server_config());
        let asked = match revision.era() {
            Era::Legacy => {
                let mut opening = initialize(0, revision.as_str());
                opening["params"]["capabilities"] = theirs.clone();
                server.feed_json(&opening);
                server.feed_json(&notification("notifications/initialized", json!({})));
                server.feed_json(&tool_call(revision, 1));
                                server.take_events().pop()
            }
            _ => {
                let mut call = tool_call(revision, 1);
                call["params"]["_meta"]["io.modelcontextprotocol/clientCapabilities"] = theirs.clone();
                server.feed_json(&call);
                server.take_events().pop()
            }
        };
        let Some(ServerEvent::Request(asked)) = asked else { panic!("{asked:?}") };
        let told = server.session.capabilities_of(asked.id).unwrap();
        let mut expected = theirs;
        if revision.era() == Era::Legacy {
            // A legacy revision has no extensions, whatever is said.
            expected.as_object_mut().unwrap().remove("extensions");
        }
        assert_eq!(serde_json::to_value(&told).unwrap(), expected);
    }
}

on_every_revision! {
    // `ext.untrusted` `ext.field`
    fn malformed_extension_settings_crash_and_enable_nothing(revision) {
        for extensions in [json!(5), json!([]), json!({"com.example/x": 5}), json!({"": {}}), json!({"tasks": {}})] {
            let mut server = Script::fresh_server(support::pair::server_config());
            let capabilities = json!({"extensions": extensions});
            let call = match revision.era() {
                Era::Legacy => {
                    let mut opening = initialize(0, revision.as_str());
                    opening["params"]["capabilities"] = capabilities;
                    opening
                }
                _ => {
                    let mut call = tool_call(revision, 1);
                    call["params"]["_meta"]["io.modelcontextprotocol/clientCapabilities"] = capabilities;
                    call
                }
            };
            server.feed_json(&call);
            let events = server.take_events();
            if let Some(ServerEvent::Request(asked)) = events.last() {
                let told = server.session.capabilities_of(asked.id).unwrap_or_default();
                assert!(told.extension_settings("com.example/other").is_none());
            }
            assert!(events.len() + server.sent().len() > 0, "it is served or refused, not dropped");
            server.check_alive(Revision::V2026_07_28);
        }
    }
}

/// An extension's method.
struct Extra;

impl Method for Extra {
    const NAME: &'static str = "com.example/extra";
    type Params<'a> = Value;
    type Result<'a> = Value;
}

const EXTENSION: &str = "com.example/extra-ext";

on_revisions! { MODERN;
    // `ext.mismatch` `ext.optin` `caps.missing.vs.degrade` `base.err.method`
    fn an_extension_that_one_side_lacks_is_refused_with_the_error_that_says_so(revision) {
        // The server lacks it: the method does not exist there.
        let mut pair = Pair::open(revision);
        assert!(pair.client.server_capabilities().unwrap().extension_settings(EXTENSION).is_none());
        let call = pair.client.call::<Extra>(pair.now, &json!({}), CallOptions::new()).unwrap();
        pair.drive();
        let done = pair.completed(call);
        assert!(matches!(done.raw(), Err(mcp_proto::session::CallError::Rpc(error)) if error.code == -32601));
        // The client lacks it: the server says what it would need.
        let settings = Object::new();
        let server = ServerConfig::new("s", "1")
            .capabilities(ServerCapabilities::new().extension(EXTENSION, &settings))
            .extension_methods(vec![Extra::NAME.into()]);
        let mut pair = Pair::open_with(client_config(revision), server.clone());
        assert!(pair.client.server_capabilities().unwrap().extension_settings(EXTENSION).is_some());
        let call = pair.client.call::<Extra>(pair.now, &json!({}), CallOptions::new()).unwrap();
        pair.drive();
        let asked = pair.request();
        let declared = asked.client_capabilities().unwrap();
        assert!(declared.extension_settings(EXTENSION).is_none(), "off unless it is turned on");
        let needed = ClientCapabilities::new().extension(EXTENSION, &settings);
        let missing = declared.missing_for(&needed).unwrap();
        pair.server.reply_error(pair.now, asked.id, RpcError::missing_client_capability(&missing)).unwrap();
        pair.drive();
        let done = pair.completed(call);
        let Err(mcp_proto::session::CallError::Rpc(error)) = done.raw() else { panic!() };
        assert_eq!(error.code, -32021);
        let data: Value = error.data.as_ref().unwrap().decode().unwrap();
        assert_eq!(data, json!({"requiredCapabilities": {"extensions": {EXTENSION: {}}}}));
        // Both have it.
        let able = everything_of_a_client().extension(EXTENSION, &settings);
        let mut pair = Pair::open_with(client_config(revision).capabilities(able), server);
        let call = pair.client.call::<Extra>(pair.now, &json!({"n": 1}), CallOptions::new()).unwrap();
        pair.drive();
        let asked = pair.request();
        assert!(asked.client_capabilities().unwrap().missing_for(&needed).is_none());
        pair.server.reply::<Extra>(pair.now, asked.id, &json!({"done": true})).unwrap();
        pair.drive();
        let done = pair.completed(call);
        assert_eq!(done.of(call).unwrap().unwrap()["done"], true);
    }
}

on_revisions! { LEGACY;
    // `ext.legacy` `ext.optin`
    fn extensions_are_not_declared_to_a_legacy_peer(revision) {
        let settings = Object::new();
        let client = client_config(revision)
            .capabilities(everything_of_a_client().extension(EXTENSION, &settings));
        let server = ServerConfig::new("s", "1")
            .capabilities(ServerCapabilities::new().tools(true).extension(EXTENSION, &settings));
        let pair = Pair::open_with(client, server);
        for sent in pair.sent_by_client().iter().chain(&pair.sent_by_server()) {
            assert!(!sent.to_string().contains("extensions"), "{sent}");
        }
    }
}

on_revisions! { MODERN;
    // `ext.apps.id` `ext.field`
    fn what_an_extension_adds_goes_through_as_it_is(revision) {
        let ui = r#"{"mimeTypes":["text/html;profile=mcp-app"]}"#;
        let settings: Object<'_> = serde_json::from_str(ui).unwrap();
        let client = client_config(revision)
            .capabilities(everything_of_a_client().extension("io.modelcontextprotocol/ui", &settings));
        let mut pair = Pair::open_with(client, support::pair::server_config());
        let page = PaginatedRequestParams::new();
        let call = pair.client.call::<m::ListTools>(pair.now, &page, CallOptions::new()).unwrap();
        pair.drive();
        let asked = pair.request();
        let told = asked.client_capabilities().unwrap();
        assert_eq!(told.extension_settings("io.modelcontextprotocol/ui").unwrap().as_raw().as_str(), ui);
        let tool = r#"{"name":"t","inputSchema":{"type":"object"},"_meta":{"ui":{"resourceUri":"ui://a/b"}}}"#;
        let text = format!(r#"{{"tools":[{tool}]}}"#);
        let list = serde_json::from_str(&text).unwrap();
        pair.server.reply::<m::ListTools>(pair.now, asked.id, &list).unwrap();
        pair.drive();
        let done = pair.completed(call);
        let list = done.of(call).unwrap().unwrap();
        let meta = list.tools[0].meta.as_ref().unwrap();
        assert_eq!(meta.get("ui").unwrap().as_str(), r#"{"resourceUri":"ui://a/b"}"#);
    }
}

on_revisions! { MODERN;
    // `caps.only.negotiated`
    fn a_server_that_was_not_asked_may_be_called_anything(revision) {
        let config = ClientConfig::new("x", "1").era(EraPolicy::AssumeModern).revisions(vec![revision]);
        let mut client = Script::fresh_client(config);
        assert!(matches!(client.take_events()[..], [ClientEvent::Opened { .. }]));
        assert!(client.session.server_capabilities().is_none());
        for (known, _) in gated().into_iter().filter(|(known, _)| known.sent_by(revision).is_some()) {
            call(&mut client.session, client.now, known).unwrap();
        }
        let filter = SubscriptionFilter::new().tools_list_changed(true);
        client.session.subscribe(client.now, &filter).unwrap();
    }
}
