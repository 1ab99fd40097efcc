//! Resources: listing, reading, and following their changes in either era by the same commands.

use mcp_proto::Revision;
use mcp_proto::model::capability::ServerCapabilities;
use mcp_proto::model::content::{BlobResourceContents, ResourceContents, TextResourceContents};
use mcp_proto::model::method::{
    ListResourceTemplates, ListResources, ReadResource, ResourceUpdated, ServerCapability,
    Subscribe, Unsubscribe,
};
use mcp_proto::model::page::PaginatedRequestParams;
use mcp_proto::model::resource::{
    ListResourceTemplatesResult, ListResourcesResult, ReadResourceParams, ReadResourceResult,
    Resource, ResourceTemplate, SubscribeParams, UnsubscribeParams, is_resource_not_found,
};
use mcp_proto::model::subscription::SubscriptionFilter;
use mcp_proto::rpc::RpcError;
use mcp_proto::session::{
    CallError, Capability, Change, ClientEvent, Handle, Invalid, Misuse, ServerConfig, ServerEvent,
    ServerSession,
};
use serde_json::json;

use support::pair::{Pair, client_config};
use support::scenario::{is_modern, request, result};
use support::{LEGACY, MODERN};
use support::{on_every_revision, on_revisions};

/// A pair whose server has declared just these capabilities.
fn serving(revision: Revision, capabilities: ServerCapabilities<'static>) -> Pair {
    let server = ServerConfig::new("s", "1").capabilities(capabilities);
    Pair::open_with(client_config(revision), server)
}

/// The URI of the next change of a resource that the client hears of.
fn updated(pair: &mut Pair) -> String {
    match pair.client_event() {
        ClientEvent::Changed {
            change: Change::Resource,
            notification,
            ..
        } => notification
            .params::<ResourceUpdated>()
            .unwrap()
            .uri
            .into_string(),
        other => panic!("{other:?}"),
    }
}

fn following(uri: &'static str) -> SubscriptionFilter<'static> {
    SubscriptionFilter::new().resource_subscriptions([uri])
}

on_every_revision! {
    // `res.cap`, `res.list.respond`
    fn a_server_without_resources_has_no_resource_methods(revision) {
        let mut pair = serving(revision, ServerCapabilities::new());
        let misuse = pair.misuse::<ListResources>(&PaginatedRequestParams::new());
        assert!(
            matches!(misuse, Misuse::NotDeclaredByPeer(ServerCapability::Resources)),
            "{misuse}"
        );
        let methods = [
            "resources/list",
            "resources/templates/list",
            "resources/read",
        ];
        for (n, method) in methods.into_iter().enumerate() {
            pair.to_server(request(revision, 60 + n, method, json!({"uri": "a:b"})));
            assert_eq!(pair.last_of_server()["error"]["code"], -32601, "{method}");
        }
        assert!(pair.server_events.is_empty());
    }
}

on_every_revision! {
    // `res.cap`
    fn each_option_of_the_capability_stands_alone(revision) {
        let plain = ServerCapabilities::new().resources(false);
        let changing = ServerCapabilities::new().resources(true);
        let followed = ServerCapabilities::new()
            .resources(false)
            .resources_subscribe();
        for (declared, list_changed, subscribe) in [
            (plain, false, false),
            (changing, true, false),
            (followed, false, true),
        ] {
            let mut pair = serving(revision, declared);
            let heard = pair
                .client
                .server_capabilities()
                .unwrap()
                .resources
                .unwrap();
            assert_eq!(
                (heard.list_changed, heard.subscribe),
                (list_changed, subscribe)
            );
            assert_eq!(
                pair.server.changed(pair.now, Change::Resources).is_ok(),
                list_changed
            );
            assert_eq!(
                pair.server.resource_updated(pair.now, "a:b").is_ok(),
                subscribe
            );
            // Listing and reading need no option.
            pair.call::<ListResources>(&PaginatedRequestParams::new());
            pair.request();
        }
    }
}

on_every_revision! {
    // `res.list.respond`, `res.templates`
    fn an_empty_registry_lists_nothing(revision) {
        let mut pair = serving(revision, ServerCapabilities::new().resources(false));
        let list = pair.call::<ListResources>(&PaginatedRequestParams::new());
        let templates = pair.call::<ListResourceTemplates>(&PaginatedRequestParams::new());
        let (first, second) = (pair.request(), pair.request());
        pair.reply::<ListResources>(&first, &ListResourcesResult::new(vec![]));
        assert_eq!(pair.last_of_server()["result"]["resources"], json!([]));
        pair.reply::<ListResourceTemplates>(&second, &ListResourceTemplatesResult::new(vec![]));
        assert_eq!(
            pair.last_of_server()["result"]["resourceTemplates"],
            json!([])
        );
        assert!(
            pair.completed(list)
                .of(list)
                .unwrap()
                .unwrap()
                .resources
                .is_empty()
        );
        assert!(pair.completed(templates).of(templates).unwrap().is_ok());
    }
}

on_every_revision! {
    // `res.fields`, `res.templates`
    fn what_is_listed_arrives(revision) {
        let mut pair = Pair::open(revision);
        let list = pair.call::<ListResources>(&PaginatedRequestParams::new());
        let asked = pair.request();
        let resource = Resource::new("file:///a", "a")
            .title("A")
            .mime_type("text/plain")
            .size(3);
        pair.reply::<ListResources>(&asked, &ListResourcesResult::new(vec![resource]));
        let done = pair.completed(list);
        let listed = done.of(list).unwrap().unwrap();
        let resource = &listed.resources[0];
        assert_eq!(
            (resource.uri.as_str(), resource.size),
            ("file:///a", Some(3))
        );
        assert_eq!(resource.title.is_some(), revision >= Revision::V2025_06_18);
        let list = pair.call::<ListResourceTemplates>(&PaginatedRequestParams::new().cursor("c"));
        let asked = pair.request();
        assert_eq!(
            asked
                .params::<ListResourceTemplates>()
                .unwrap()
                .cursor
                .unwrap(),
            "c"
        );
        let template = ResourceTemplate::new("file:///{path}", "files");
        let page = ListResourceTemplatesResult::new(vec![template]);
        pair.reply::<ListResourceTemplates>(&asked, &page);
        let done = pair.completed(list);
        let listed = done.of(list).unwrap().unwrap();
        assert_eq!(listed.resource_templates[0].uri_template, "file:///{path}");
    }
}

on_every_revision! {
    // `res.read.params`, `res.read.result`, `res.read.multi`
    fn one_read_may_give_several_contents_of_either_kind(revision) {
        let mut pair = Pair::open(revision);
        let read = pair.call::<ReadResource>(&ReadResourceParams::new("file:///dir"));
        let asked = pair.request();
        assert_eq!(asked.target().as_deref(), Some("file:///dir"));
        let contents = vec![
            ResourceContents::Text(TextResourceContents::new("file:///dir/a", "text")),
            ResourceContents::Blob(BlobResourceContents::from_bytes("file:///dir/b", &[0, 255])),
        ];
        pair.reply::<ReadResource>(&asked, &ReadResourceResult::new(contents));
        let done = pair.completed(read);
        let result = done.of(read).unwrap().unwrap();
        assert_eq!(result.contents[0].uri().as_str(), "file:///dir/a");
        let ResourceContents::Blob(blob) = &result.contents[1] else {
            panic!()
        };
        assert_eq!(blob.decode_blob().unwrap(), [0, 255]);
    }
}

on_every_revision! {
    // `res.read.notfound.legacy`, `res.read.notfound.modern`, `res.read.noempty`,
    // `err.retired.32002`, `res.read.internal`
    fn an_unknown_resource_is_an_error_in_the_words_of_the_revision(revision) {
        let mut pair = Pair::open(revision);
        let read = pair.call::<ReadResource>(&ReadResourceParams::new("file:///nope"));
        let asked = pair.request();
        pair.reply_error(&asked, RpcError::resource_not_found("file:///nope"));
        let answer = pair.last_of_server();
        assert!(answer.get("result").is_none());
        assert_eq!(
            answer["error"]["code"],
            if is_modern(revision) { -32602 } else { -32002 }
        );
        assert_eq!(answer["error"]["data"]["uri"], "file:///nope");
        let error = pair.completed(read).of(read).unwrap().unwrap_err();
        let CallError::Rpc(error) = error else {
            panic!("{error}")
        };
        assert!(is_resource_not_found(error.code));
        let read = pair.call::<ReadResource>(&ReadResourceParams::new("file:///broken"));
        let asked = pair.request();
        pair.reply_error(&asked, RpcError::internal("disk on fire"));
        assert_eq!(pair.last_of_server()["error"]["code"], -32603);
        assert!(pair.completed(read).of(read).unwrap().is_err());
    }
}

on_every_revision! {
    // `res.uri.valid`, `res.scheme.custom`, `res.read.params`
    fn a_uri_that_is_none_never_reaches_the_handler(revision) {
        let mut pair = Pair::open(revision);
        let bad = [
            json!({}),
            json!({"uri": 5}),
            json!({"uri": "nothing"}),
            json!({"uri": "1x:bar"}),
            json!({"uri": "file:///a b"}),
            json!({"uri": "file:///%2"}),
            json!({"uri": format!("file:///{}", "x".repeat(8 << 10))}),
        ];
        for (n, params) in bad.into_iter().enumerate() {
            pair.to_server(request(revision, 60 + n, "resources/read", params.clone()));
            assert_eq!(pair.last_of_server()["error"]["code"], -32602, "{params}");
        }
        assert!(pair.server_events.is_empty());
        pair.to_server(request(
            revision,
            80,
            "resources/read",
            json!({"uri": "x-foo:bar"}),
        ));
        assert_eq!(pair.request().target().as_deref(), Some("x-foo:bar"));
    }
}

on_every_revision! {
    streams;
    // `res.changed`, `res.cap`
    fn a_changed_list_is_told(revision) {
        let mut pair = Pair::open(revision);
        pair.subscribe(&SubscriptionFilter::new().resources_list_changed(true));
        pair.server.changed(pair.now, Change::Resources).unwrap();
        pair.drive();
        let event = pair.client_event();
        assert!(
            matches!(
                event,
                ClientEvent::Changed {
                    change: Change::Resources,
                    ..
                }
            ),
            "{event:?}"
        );
        assert!(pair.is_quiet());
        let mut quiet = serving(revision, ServerCapabilities::new().resources(false));
        let misuse = quiet
            .server
            .changed(quiet.now, Change::Resources)
            .unwrap_err();
        assert!(
            matches!(misuse, Misuse::NotDeclared(Capability::Server(ServerCapability::ResourcesListChanged))),
            "{misuse}"
        );
        // Which resource has changed is for resource_updated() to say.
        assert!(pair.server.changed(pair.now, Change::Resource).is_err());
    }
}

on_every_revision! {
    streams;
    // `res.updated`, `res.sub.legacy`, `res.sub.modern`
    fn only_what_is_subscribed_to_is_told(revision) {
        let mut pair = Pair::open(revision);
        pair.server.resource_updated(pair.now, "file:///a").unwrap();
        pair.drive();
        assert!(pair.is_quiet());
        let subscription = pair.subscribe(&following("file:///a"));
        assert_eq!(
            pair.server_event(),
            ServerEvent::Subscribed {
                uri: "file:///a".into()
            }
        );
        assert_eq!(pair.server.watched().collect::<Vec<_>>(), ["file:///a"]);
        let misuse = pair
            .server
            .resource_updated(pair.now, "no uri")
            .unwrap_err();
        assert!(matches!(misuse, Misuse::Invalid(Invalid::ResourceUri)), "{misuse}");
        for uri in ["file:///a", "file:///ab", "file:///b"] {
            pair.server.resource_updated(pair.now, uri).unwrap();
        }
        pair.drive();
        assert_eq!(updated(&mut pair), "file:///a");
        assert!(pair.is_quiet());
        pair.client.unsubscribe(pair.now, subscription).unwrap();
        pair.drive();
        assert_eq!(
            pair.server_event(),
            ServerEvent::Unsubscribed {
                uri: "file:///a".into()
            }
        );
        pair.server.resource_updated(pair.now, "file:///a").unwrap();
        pair.drive();
        assert!(pair.is_quiet());
        assert_eq!(pair.server.watched().count(), 0);
    }
}

on_every_revision! {
    streams;
    // `res.updated`
    fn a_change_below_what_is_subscribed_to_counts(revision) {
        let mut pair = Pair::open(revision);
        let subscription = pair.subscribe(&following("file:///dir"));
        pair.server_event();
        pair.server
            .resource_updated(pair.now, "file:///dir/sub/a")
            .unwrap();
        pair.server
            .resource_updated(pair.now, "file:///directory")
            .unwrap();
        pair.drive();
        match pair.client_event() {
            ClientEvent::Changed {
                change,
                subscription: of,
                notification,
            } => {
                assert_eq!((change, of), (Change::Resource, Some(subscription)));
                let params = notification.params::<ResourceUpdated>().unwrap();
                assert_eq!(params.uri, "file:///dir/sub/a");
            }
            other => panic!("{other:?}"),
        }
        assert!(pair.is_quiet());
    }
}

on_revisions! { LEGACY;
    streams;
    // `res.sub.legacy`
    fn a_legacy_server_is_asked_once_for_each_uri(revision) {
        let mut pair = Pair::open(revision);
        pair.forget();
        let both = SubscriptionFilter::new().resource_subscriptions(["file:///a", "file:///b"]);
        let first = pair.subscribe(&both);
        let second = pair.subscribe(&following("file:///a"));
        let asked = pair.of_method(true, "resources/subscribe");
        let uris: Vec<_> = asked
            .iter()
            .map(|frame| frame["params"]["uri"].clone())
            .collect();
        assert_eq!(uris, ["file:///a", "file:///b"]);
        assert_eq!(pair.sent_by_server()[0]["result"], json!({}));
        pair.client.unsubscribe(pair.now, first).unwrap();
        pair.drive();
        let ended = pair.of_method(true, "resources/unsubscribe");
        let uris: Vec<_> = ended
            .iter()
            .map(|frame| frame["params"]["uri"].clone())
            .collect();
        // The other one is still held by the second subscription.
        assert_eq!(uris, ["file:///b"]);
        pair.server.resource_updated(pair.now, "file:///a").unwrap();
        pair.drive();
        assert_eq!(updated(&mut pair), "file:///a");
        pair.client.unsubscribe(pair.now, second).unwrap();
        pair.drive();
        assert_eq!(pair.of_method(true, "resources/unsubscribe").len(), 2);
        assert_eq!(pair.server.watched().count(), 0);
        let again = pair.client.unsubscribe(pair.now, second);
        assert!(matches!(again, Err(Misuse::Unknown(Handle::Subscription))));
    }
}

on_revisions! { LEGACY;
    // `res.sub.legacy`
    fn a_legacy_server_that_does_not_follow_changes_is_not_asked_to(revision) {
        let mut pair = serving(revision, ServerCapabilities::new().resources(true));
        let misuse = pair
            .client
            .subscribe(pair.now, &following("file:///a"))
            .unwrap_err();
        assert!(
            matches!(misuse, Misuse::NotDeclaredByPeer(ServerCapability::ResourcesSubscribe)),
            "{misuse}"
        );
        assert_eq!(pair.client.subscriptions().count(), 0);
        for (n, method) in ["resources/subscribe", "resources/unsubscribe"]
            .into_iter()
            .enumerate()
        {
            pair.to_server(request(
                revision,
                60 + n,
                method,
                json!({"uri": "file:///a"}),
            ));
            assert_eq!(pair.last_of_server()["error"]["code"], -32601);
        }
    }
}

on_revisions! { LEGACY;
    // `res.sub.legacy`
    fn a_refused_uri_ends_every_subscription_that_needs_it(revision) {
        let mut pair = Pair::open(revision);
        pair.forget();
        let both = SubscriptionFilter::new().resource_subscriptions(["file:///a", "file:///b"]);
        let first = pair.client.subscribe(pair.now, &both).unwrap();
        // The second one waits for the same answer.
        let second = pair
            .client
            .subscribe(pair.now, &following("file:///b"))
            .unwrap();
        let third = pair
            .client
            .subscribe(pair.now, &following("file:///a"))
            .unwrap();
        let asked: Vec<serde_json::Value> = pair
            .lose_from_client()
            .iter()
            .map(|frame| serde_json::from_str(frame).unwrap())
            .collect();
        assert_eq!(asked.len(), 2);
        pair.drive();
        assert!(pair.is_quiet(), "{:?}", pair.client_events);
        pair.to_client(result(asked[0]["id"].clone(), json!({})));
        assert!(
            matches!(pair.client_event(), ClientEvent::Subscribed { subscription, .. } if subscription == third)
        );
        pair.to_client(
            json!({"jsonrpc": "2.0", "id": asked[1]["id"],
            "error": {"code": -32602, "message": "no such resource"}})
            .to_string(),
        );
        let mut ended = Vec::new();
        while let Some(event) = pair.client_events.pop_front() {
            match event {
                ClientEvent::SubscriptionEnded {
                    subscription,
                    outcome: Err(CallError::Rpc(_)),
                    ..
                } => {
                    ended.push(subscription);
                }
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(ended, [first, second]);
        // What the third one holds is still followed, and nothing else was confirmed.
        assert!(pair.of_method(true, "resources/unsubscribe").is_empty());
        pair.client.unsubscribe(pair.now, third).unwrap();
        pair.drive();
        assert_eq!(pair.of_method(true, "resources/unsubscribe").len(), 1);
    }
}

on_revisions! { LEGACY;
    // `res.sub.legacy`
    fn what_a_failed_subscription_had_is_given_back(revision) {
        let mut pair = Pair::open(revision);
        let both = SubscriptionFilter::new().resource_subscriptions(["file:///a", "file:///b"]);
        pair.client.subscribe(pair.now, &both).unwrap();
        let asked: Vec<serde_json::Value> = pair
            .lose_from_client()
            .iter()
            .map(|frame| serde_json::from_str(frame).unwrap())
            .collect();
        pair.to_client(result(asked[0]["id"].clone(), json!({})));
        pair.forget();
        pair.to_client(
            json!({"jsonrpc": "2.0", "id": asked[1]["id"],
            "error": {"code": -32603, "message": "no"}})
            .to_string(),
        );
        assert!(matches!(
            pair.client_event(),
            ClientEvent::SubscriptionEnded { .. }
        ));
        let given_back = pair.of_method(true, "resources/unsubscribe");
        assert_eq!(given_back.len(), 1);
        assert_eq!(given_back[0]["params"]["uri"], "file:///a");
    }
}

on_revisions! { LEGACY;
    // `res.sub.legacy`
    fn the_methods_themselves_can_be_called(revision) {
        let mut pair = Pair::open(revision);
        let call = pair.call::<Subscribe>(&SubscribeParams::new("file:///a"));
        assert!(pair.completed(call).of(call).unwrap().is_ok());
        assert!(matches!(
            pair.server_event(),
            ServerEvent::Subscribed { .. }
        ));
        // Subscribing twice is subscribing.
        let call = pair.call::<Subscribe>(&SubscribeParams::new("file:///a"));
        assert!(pair.completed(call).of(call).unwrap().is_ok());
        let call = pair.call::<Unsubscribe>(&UnsubscribeParams::new("file:///a"));
        assert!(pair.completed(call).of(call).unwrap().is_ok());
        assert!(matches!(
            pair.server_event(),
            ServerEvent::Unsubscribed { .. }
        ));
        // Ending what is not there changes nothing.
        let call = pair.call::<Unsubscribe>(&UnsubscribeParams::new("file:///a"));
        assert!(pair.completed(call).of(call).unwrap().is_ok());
        assert!(pair.is_quiet());
    }
}

on_revisions! { MODERN;
    // `res.sub.modern`
    fn a_modern_server_has_no_subscribe_method(revision) {
        let mut pair = Pair::open(revision);
        let misuse = pair.misuse::<Subscribe>(&SubscribeParams::new("file:///a"));
        assert!(matches!(misuse, Misuse::NotInRevision { .. }), "{misuse}");
        pair.to_server(request(
            revision,
            60,
            "resources/subscribe",
            json!({"uri": "file:///a"}),
        ));
        assert_eq!(pair.last_of_server()["error"]["code"], -32601);
        let mut pair = Pair::open(revision);
        pair.subscribe(&following("file:///a"));
        let listen = &pair.of_method(true, "subscriptions/listen")[0];
        let asked = json!({"resourceSubscriptions": ["file:///a"]});
        assert_eq!(listen["params"]["notifications"], asked);
        let server: &ServerSession = &pair.server;
        assert_eq!(server.watched().collect::<Vec<_>>(), ["file:///a"]);
    }
}
