//! Subscription filters and the messages that open, acknowledge and end a subscription.

use mcp_proto::model::capability::ServerCapabilities;
use mcp_proto::model::meta::{self, Meta};
use mcp_proto::model::object::Object;
use mcp_proto::model::owned::IntoOwned;
use mcp_proto::model::subscription::{
    SubscriptionFilter, SubscriptionsAcknowledgedParams, SubscriptionsListenParams,
    SubscriptionsListenResult,
};

fn json<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap()
}

fn everything() -> SubscriptionFilter<'static> {
    SubscriptionFilter::new()
        .tools_list_changed(true)
        .prompts_list_changed(true)
        .resources_list_changed(true)
        .resource_subscriptions(["file:///a", "file:///b"])
        .task_ids(["t"])
}

#[test]
fn a_listen_request_names_what_it_wants() {
    // `sub.req`
    let text = r#"{"notifications":{"toolsListChanged":true,"promptsListChanged":true,"resourcesListChanged":true,"resourceSubscriptions":["file:///a","file:///b"],"taskIds":["t"]}}"#;
    let params: SubscriptionsListenParams<'_> = serde_json::from_str(text).unwrap();
    assert_eq!(params, SubscriptionsListenParams::new(everything()));
    assert_eq!(json(&params.into_owned()), text);
    for wrong in ["{}", r#"{"notifications":null}"#, r#"{"notifications":[]}"#] {
        assert!(
            serde_json::from_str::<SubscriptionsListenParams<'_>>(wrong).is_err(),
            "{wrong}"
        );
    }
}

#[test]
fn a_filter_with_a_member_of_the_wrong_type_is_refused() {
    // `sub.error`
    for wrong in [
        r#"{"toolsListChanged":"true"}"#,
        r#"{"promptsListChanged":1}"#,
        r#"{"resourcesListChanged":{}}"#,
        r#"{"resourceSubscriptions":"file:///a"}"#,
        r#"{"resourceSubscriptions":[1]}"#,
        r#"{"taskIds":true}"#,
        "[]",
        "true",
    ] {
        assert!(
            serde_json::from_str::<SubscriptionFilter<'_>>(wrong).is_err(),
            "{wrong}"
        );
    }
    let tolerated = r#"{"toolsListChanged":null,"new":{"x":1}}"#;
    let filter: SubscriptionFilter<'_> = serde_json::from_str(tolerated).unwrap();
    assert!(filter.is_empty());
}

#[test]
fn what_is_absent_or_false_is_off() {
    // `sub.optin`
    for text in [
        "{}",
        r#"{"toolsListChanged":false,"resourceSubscriptions":[],"taskIds":[]}"#,
        r#"{"promptsListChanged":false,"resourcesListChanged":false}"#,
    ] {
        let filter: SubscriptionFilter<'_> = serde_json::from_str(text).unwrap();
        assert!(filter.is_empty(), "{text}");
    }
    assert!(
        !SubscriptionFilter::new()
            .resources_list_changed(true)
            .is_empty()
    );
    assert!(
        !SubscriptionFilter::new()
            .resource_subscriptions(["file:///a"])
            .is_empty()
    );
    assert!(!SubscriptionFilter::new().task_ids(["t"]).is_empty());
}

#[test]
fn only_what_the_server_supports_is_honoured() {
    // `sub.ack.subset` `sub.optin`
    let rows = [
        (ServerCapabilities::new(), "{}"),
        (
            ServerCapabilities::new()
                .tools(false)
                .prompts(false)
                .resources(false),
            "{}",
        ),
        (
            ServerCapabilities::new().tools(true),
            r#"{"toolsListChanged":true}"#,
        ),
        (
            ServerCapabilities::new().prompts(true),
            r#"{"promptsListChanged":true}"#,
        ),
        (
            ServerCapabilities::new().resources(true),
            r#"{"resourcesListChanged":true}"#,
        ),
        (
            ServerCapabilities::new().resources_subscribe(),
            r#"{"resourceSubscriptions":["file:///a","file:///b"]}"#,
        ),
        (
            ServerCapabilities::new().extension("io.modelcontextprotocol/tasks", &Object::new()),
            r#"{"taskIds":["t"]}"#,
        ),
    ];
    for (server, honoured) in rows {
        assert_eq!(json(&everything().honoured_by(&server)), honoured);
    }
    let off = SubscriptionFilter::new().tools_list_changed(false);
    assert_eq!(
        json(&off.honoured_by(&ServerCapabilities::new().tools(true))),
        "{}"
    );
}

#[test]
fn what_an_acknowledgement_leaves_out_can_be_seen() {
    // `sub.ack.check`
    let honoured = SubscriptionFilter::new()
        .tools_list_changed(true)
        .resource_subscriptions(["file:///b"]);
    assert_eq!(
        json(&everything().refused_in(&honoured)),
        r#"{"promptsListChanged":true,"resourcesListChanged":true,"resourceSubscriptions":["file:///a"],"taskIds":["t"]}"#
    );
    assert!(everything().refused_in(&everything()).is_empty());
    assert!(
        SubscriptionFilter::new()
            .refused_in(&SubscriptionFilter::new())
            .is_empty()
    );
}

#[test]
fn acknowledgement_and_end_name_their_subscription() {
    let meta = Meta::new().with(meta::SUBSCRIPTION_ID, "L");
    let text = r#"{"notifications":{"toolsListChanged":true},"_meta":{"io.modelcontextprotocol/subscriptionId":"L"}}"#;
    let filter = SubscriptionFilter::new().tools_list_changed(true);
    let acknowledged = SubscriptionsAcknowledgedParams::new(filter).meta(meta.clone());
    assert_eq!(json(&acknowledged), text);
    let read: SubscriptionsAcknowledgedParams<'_> = serde_json::from_str(text).unwrap();
    assert_eq!(
        read.meta.unwrap().subscription_id().unwrap().as_str(),
        "\"L\""
    );
    let text = r#"{"_meta":{"io.modelcontextprotocol/subscriptionId":"L"}}"#;
    assert_eq!(json(&SubscriptionsListenResult::new().meta(meta)), text);
}
