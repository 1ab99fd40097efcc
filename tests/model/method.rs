//! The table of methods and notifications, row by row over all revisions.

use mcp_proto::Revision;
use mcp_proto::model::capability::{ClientCapabilities, ServerCapabilities};
use mcp_proto::model::method::{
    self, ClientCapability, EmptyParams, EmptyResult, Method, Notification, Sender,
    ServerCapability, SpecMethod,
};

/// Who sends what in 2024-11-05, 2025-03-26, 2025-06-18, 2025-11-25 and 2026-07-28: `c` client,
/// `s` server, `b` both, `e` embedded in a result, `-` nobody.
const ROWS: &[(&str, &str)] = &[
    ("initialize", "cccc-"),
    ("server/discover", "----c"),
    ("ping", "bbbb-"),
    ("tools/list", "ccccc"),
    ("tools/call", "ccccc"),
    ("resources/list", "ccccc"),
    ("resources/templates/list", "ccccc"),
    ("resources/read", "ccccc"),
    ("resources/subscribe", "cccc-"),
    ("resources/unsubscribe", "cccc-"),
    ("prompts/list", "ccccc"),
    ("prompts/get", "ccccc"),
    ("completion/complete", "ccccc"),
    ("logging/setLevel", "cccc-"),
    ("sampling/createMessage", "sssse"),
    ("elicitation/create", "--sse"),
    ("roots/list", "sssse"),
    ("subscriptions/listen", "----c"),
    ("tasks/get", "---bc"),
    ("tasks/result", "---b-"),
    ("tasks/update", "----c"),
    ("tasks/cancel", "---bc"),
    ("tasks/list", "---b-"),
    ("notifications/initialized", "cccc-"),
    ("notifications/cancelled", "bbbbb"),
    ("notifications/progress", "bbbbs"),
    ("notifications/tools/list_changed", "sssss"),
    ("notifications/resources/list_changed", "sssss"),
    ("notifications/resources/updated", "sssss"),
    ("notifications/prompts/list_changed", "sssss"),
    ("notifications/message", "sssss"),
    ("notifications/elicitation/complete", "---s-"),
    ("notifications/roots/list_changed", "cccc-"),
    ("notifications/subscriptions/acknowledged", "----s"),
    ("notifications/tasks/status", "---b-"),
    ("notifications/tasks", "----s"),
];

#[test]
fn every_method_has_its_senders_in_every_revision() {
    assert_eq!(SpecMethod::ALL.len(), ROWS.len());
    for (name, senders) in ROWS {
        let known = SpecMethod::from_wire(name).unwrap();
        assert_eq!(known.as_str(), *name);
        assert_eq!(
            known.is_notification(),
            name.starts_with("notifications/"),
            "{name}"
        );
        for (revision, sender) in Revision::ALL.into_iter().zip(senders.chars()) {
            let expected = match sender {
                'c' => Some(Sender::Client),
                's' => Some(Sender::Server),
                'b' => Some(Sender::Both),
                'e' => Some(Sender::Embedded),
                _ => None,
            };
            assert_eq!(known.sent_by(revision), expected, "{name} in {revision}");
        }
    }
}

#[test]
fn names_are_matched_exactly() {
    for name in [
        "",
        "Ping",
        "ping ",
        "tools/Call",
        "tools/calls",
        "prompts/lisT",
        "tasks/gets",
    ] {
        assert_eq!(SpecMethod::from_wire(name), None, "{name}");
    }
    for known in SpecMethod::ALL {
        assert_eq!(SpecMethod::from_wire(known.as_str()), Some(*known));
        let written = serde_json::to_string(known).unwrap();
        assert_eq!(written, format!("\"{}\"", known.as_str()));
        assert_eq!(
            serde_json::from_str::<SpecMethod>(&written).unwrap(),
            *known
        );
    }
}

#[test]
fn methods_depend_on_the_capabilities_that_gate_them() {
    // `caps.undeclared.method` `caps.presence`
    let capability = |name: &str, revision| {
        SpecMethod::from_wire(name)
            .unwrap()
            .server_capability(revision)
    };
    for revision in Revision::ALL {
        assert_eq!(
            capability("tools/call", revision),
            Some(ServerCapability::Tools)
        );
        assert_eq!(
            capability("tools/list", revision),
            Some(ServerCapability::Tools)
        );
        assert_eq!(
            capability("resources/templates/list", revision),
            Some(ServerCapability::Resources)
        );
        assert_eq!(
            capability("resources/read", revision),
            Some(ServerCapability::Resources)
        );
        assert_eq!(
            capability("prompts/get", revision),
            Some(ServerCapability::Prompts)
        );
        assert_eq!(
            capability("notifications/message", revision),
            Some(ServerCapability::Logging)
        );
        for free in [
            "ping",
            "initialize",
            "server/discover",
            "subscriptions/listen",
        ] {
            assert_eq!(capability(free, revision), None, "{free}");
        }
        let completions =
            (revision > Revision::V2024_11_05).then_some(ServerCapability::Completions);
        assert_eq!(capability("completion/complete", revision), completions);
    }
    let subscribe = capability("resources/subscribe", Revision::V2025_11_25).unwrap();
    assert!(!subscribe.is_declared_by(&ServerCapabilities::new().resources(true)));
    assert!(subscribe.is_declared_by(&ServerCapabilities::new().resources_subscribe()));
    let capability = |name: &str| {
        SpecMethod::from_wire(name)
            .unwrap()
            .client_capability(Revision::V2025_11_25)
    };
    assert_eq!(
        capability("sampling/createMessage"),
        Some(ClientCapability::Sampling)
    );
    assert_eq!(
        capability("elicitation/create"),
        Some(ClientCapability::Elicitation)
    );
    assert_eq!(capability("roots/list"), Some(ClientCapability::Roots));
    assert_eq!(capability("ping"), None);
    assert!(
        ClientCapability::Elicitation.is_declared_by(&ClientCapabilities::new().elicitation_url())
    );
    assert!(!ClientCapability::Sampling.is_declared_by(&ClientCapabilities::new().roots(true)));
}

#[test]
fn list_changes_are_gated_by_their_own_switch() {
    // `caps.listchanged.emit`
    let rows = [
        (
            SpecMethod::ToolsListChanged,
            ServerCapabilities::new().tools(false),
            false,
        ),
        (
            SpecMethod::ToolsListChanged,
            ServerCapabilities::new().tools(true),
            true,
        ),
        (
            SpecMethod::PromptsListChanged,
            ServerCapabilities::new().prompts(false),
            false,
        ),
        (
            SpecMethod::PromptsListChanged,
            ServerCapabilities::new().prompts(true),
            true,
        ),
        (
            SpecMethod::ResourcesListChanged,
            ServerCapabilities::new().resources(false),
            false,
        ),
        (
            SpecMethod::ResourcesListChanged,
            ServerCapabilities::new().resources(true),
            true,
        ),
        (
            SpecMethod::ResourceUpdated,
            ServerCapabilities::new().resources(true),
            false,
        ),
        (
            SpecMethod::ResourceUpdated,
            ServerCapabilities::new().resources_subscribe(),
            true,
        ),
    ];
    for (known, server, open) in rows {
        let capability = known.server_capability(Revision::V2025_06_18).unwrap();
        assert_eq!(capability.is_declared_by(&server), open, "{known:?}");
    }
    let capability = SpecMethod::RootsListChanged
        .client_capability(Revision::V2025_06_18)
        .unwrap();
    assert!(!capability.is_declared_by(&ClientCapabilities::new().roots(false)));
    assert!(capability.is_declared_by(&ClientCapabilities::new().roots(true)));
}

#[test]
fn hints_and_rounds_belong_to_the_methods_the_specification_names() {
    // `cache.where` `mrtr.methods` `mrtr.values`
    let named = |is: fn(SpecMethod) -> bool| {
        let all = SpecMethod::ALL.iter().copied();
        all.filter(|known| is(*known))
            .map(SpecMethod::as_str)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        named(SpecMethod::is_cacheable),
        [
            "server/discover",
            "tools/list",
            "resources/list",
            "resources/templates/list",
            "resources/read",
            "prompts/list"
        ]
    );
    assert_eq!(
        named(SpecMethod::allows_input_required),
        ["tools/call", "resources/read", "prompts/get"]
    );
    assert_eq!(
        named(SpecMethod::is_input_request),
        ["sampling/createMessage", "elicitation/create", "roots/list"]
    );
}

#[test]
fn method_types_carry_the_names_of_the_table() {
    assert_eq!(method::CallTool::NAME, "tools/call");
    assert_eq!(method::Initialize::NAME, "initialize");
    assert_eq!(method::SubscriptionsListen::NAME, "subscriptions/listen");
    assert_eq!(
        method::ResourceUpdated::NAME,
        "notifications/resources/updated"
    );
    assert_eq!(method::Initialized::NAME, "notifications/initialized");
}

#[test]
fn empty_params_and_results_tolerate_anything_and_keep_meta() {
    // `base.open.objects`
    let text = r#"{"_meta":{"x":1}}"#;
    let params: EmptyParams<'_> = serde_json::from_str(text).unwrap();
    assert_eq!(serde_json::to_string(&params).unwrap(), text);
    let result: EmptyResult<'_> = serde_json::from_str(r#"{"resultType":"complete"}"#).unwrap();
    assert_eq!(result, EmptyResult::new());
}
