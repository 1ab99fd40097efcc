//! The `_meta` object and the open JSON object it is made of.

use mcp_proto::model::capability::ClientCapabilities;
use mcp_proto::model::initialize::Implementation;
use mcp_proto::model::logging::LoggingLevel;
use mcp_proto::model::meta::{self, Meta, is_extension_id, is_reserved_key, is_valid_key};
use mcp_proto::model::object::Object;
use mcp_proto::model::owned::IntoOwned;
use mcp_proto::rpc::Raw;

fn object(text: &str) -> Object<'_> {
    serde_json::from_str(text).unwrap()
}

#[test]
fn unknown_and_reserved_keys_survive_untouched() {
    // `meta.where.legacy` `meta.noassume`
    let text = r#"{ "com.example/x" : 1.50e3,"io.modelcontextprotocol/new":[1, 2],"b":null}"#;
    let meta: Meta<'_> = serde_json::from_str(text).unwrap();
    assert_eq!(meta.get("com.example/x").unwrap().as_str(), "1.50e3");
    assert_eq!(
        meta.get("io.modelcontextprotocol/new").unwrap().as_str(),
        "[1, 2]"
    );
    assert_eq!(serde_json::to_string(&meta).unwrap(), text);
    assert_eq!(serde_json::to_string(&meta.into_owned()).unwrap(), text);
}

#[test]
fn only_an_object_is_an_object() {
    for text in ["5", "[]", "\"x\"", "true", "null", "-1.5"] {
        assert!(serde_json::from_str::<Object<'_>>(text).is_err(), "{text}");
    }
    assert!(object("{}").is_empty());
    assert!(object(" { } ").is_empty());
    assert!(Object::new().is_empty());
    assert!(!object(r#"{"":0}"#).is_empty());
}

#[test]
fn members_are_found_by_the_value_of_their_key() {
    let text = r#"{"a\"b":1,"\u0063":"}\\\"{", "n" : {"c":[{"x":"]"}]},"e":[],"t":true ,"z":-0}"#;
    let object = object(text);
    let found: Vec<(String, String)> = object
        .entries()
        .map(|(key, value)| (key.to_string(), value.to_string()))
        .collect();
    let expected = [
        ("a\"b", "1"),
        ("c", r#""}\\\"{""#),
        ("n", r#"{"c":[{"x":"]"}]}"#),
        ("e", "[]"),
        ("t", "true"),
        ("z", "-0"),
    ];
    assert_eq!(found.len(), expected.len());
    for ((key, value), (expected_key, expected_value)) in found.iter().zip(expected) {
        assert_eq!(
            (key.as_str(), value.as_str()),
            (expected_key, expected_value)
        );
        assert_eq!(object.get(key).unwrap().as_str(), expected_value);
    }
    assert_eq!(object.get("x"), None, "only the first level counts");
}

#[test]
fn half_a_surrogate_pair_in_a_key_is_no_reason_to_fail() {
    let object = object(r#"{"\ud800":1,"b":2}"#);
    assert_eq!(object.entries().count(), 2);
    assert_eq!(object.get("b").unwrap().as_str(), "2");
}

#[test]
fn the_last_of_several_members_with_one_key_counts() {
    let object = object(r#"{"a":1,"b":2,"\u0061":3}"#);
    assert_eq!(object.get("a").unwrap().as_str(), "3");
    assert_eq!(object.with("a", &4).as_raw().as_str(), r#"{"a":4,"b":2}"#);
}

#[test]
fn a_member_is_set_in_its_place_or_at_the_end() {
    let object = Object::new()
        .with("a", &1)
        .with("b\n", "x")
        .with("c", &[1, 2]);
    assert_eq!(object.as_raw().as_str(), r#"{"a":1,"b\n":"x","c":[1,2]}"#);
    let object = object.with(
        "b\n",
        &Raw::new(r#"{"big":12345678901234567890123}"#).unwrap(),
    );
    assert_eq!(
        object.as_raw().as_str(),
        r#"{"a":1,"b\n":{"big":12345678901234567890123},"c":[1,2]}"#
    );
    let unencodable = std::collections::BTreeMap::from([(vec![1], 2)]);
    let mut same = object.clone();
    assert!(same.insert("a", &unencodable).is_err());
    assert_eq!(same, object);
}

#[test]
fn typed_getters_read_the_reserved_keys() {
    // `meta.progressToken` `meta.reserved.keys` `meta.trace`
    let meta: Meta<'_> = serde_json::from_str(
        r#"{"progressToken":7,
            "io.modelcontextprotocol/protocolVersion":"2026-07-28",
            "io.modelcontextprotocol/clientInfo":{"name":"c","version":"1","new":1},
            "io.modelcontextprotocol/clientCapabilities":{"sampling":{}},
            "io.modelcontextprotocol/subscriptionId":"7",
            "io.modelcontextprotocol/serverInfo":{"name":"s","version":"2"},
            "io.modelcontextprotocol/related-task":{"taskId":"t"},
            "io.modelcontextprotocol/logLevel":"warning",
            "traceparent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "tracestate":"a=b","baggage":"user=1"}"#,
    )
    .unwrap();
    assert_eq!(meta.progress_token().unwrap().as_str(), "7");
    assert_eq!(meta.protocol_version().unwrap(), "2026-07-28");
    assert_eq!(meta.client_info().unwrap(), Implementation::new("c", "1"));
    assert_eq!(
        meta.client_capabilities().unwrap(),
        ClientCapabilities::new().sampling()
    );
    assert_eq!(meta.log_level(), Some(LoggingLevel::Warning));
    assert_eq!(meta.subscription_id().unwrap().as_str(), "\"7\"");
    assert_eq!(meta.server_info().unwrap(), Implementation::new("s", "2"));
    assert_eq!(meta.related_task().unwrap(), "t");
    assert!(meta.traceparent().unwrap().starts_with("00-0af7"));
    assert_eq!(meta.tracestate().unwrap(), "a=b");
    assert_eq!(meta.baggage().unwrap(), "user=1");
}

#[test]
fn values_of_the_wrong_type_are_as_good_as_absent() {
    // `meta.req.wrongtype`
    for wrong in ["1", "[]", "null", "true"] {
        let meta = Meta::new()
            .with(meta::PROTOCOL_VERSION, &Raw::new(wrong).unwrap())
            .with(meta::CLIENT_CAPABILITIES, &Raw::new(wrong).unwrap());
        assert_eq!(meta.protocol_version(), None, "{wrong}");
        assert_eq!(meta.client_capabilities(), None, "{wrong}");
    }
    assert_eq!(
        Meta::new()
            .with(meta::PROGRESS_TOKEN, &true)
            .progress_token(),
        None
    );
}

#[test]
fn keys_are_judged_by_the_rules_of_the_specification() {
    // `meta.key.prefix` `meta.key.name`
    let valid = [
        "com.example/x",
        "a/x",
        "a-b.c1/x",
        "com.x/",
        "a_b.c",
        "x",
        "1",
        "",
        "a-b",
        "A.B/9_z",
    ];
    for key in valid {
        assert!(is_valid_key(key), "{key}");
    }
    let invalid = [
        "1a/x", "a-/x", "a..b/x", "-a", "a.", "/x", "a./x", ".a/x", "a/b/c", "a_b/x", "a/-x", "é",
        "a b", "a/é", "-/x",
    ];
    for key in invalid {
        assert!(!is_valid_key(key), "{key}");
    }
}

#[test]
fn the_union_of_all_reservations_is_reserved() {
    // `meta.reserved.c` `meta.reserved.de` `meta.reserved.keys`
    let reserved = [
        "modelcontextprotocol.io/x",
        "api.modelcontextprotocol.org/x",
        "tools.mcp.com/x",
        "a.b.mcp.c/x",
        "io.modelcontextprotocol/x",
        "dev.mcp/x",
        "com.mcp.tools/x",
        meta::PROGRESS_TOKEN,
        meta::TRACEPARENT,
        meta::TRACESTATE,
        meta::BAGGAGE,
        meta::PROTOCOL_VERSION,
        meta::CLIENT_INFO,
        meta::CLIENT_CAPABILITIES,
        meta::LOG_LEVEL,
        meta::SUBSCRIPTION_ID,
        meta::SERVER_INFO,
        meta::RELATED_TASK,
        meta::MODEL_IMMEDIATE_RESPONSE,
    ];
    for key in reserved {
        assert!(is_reserved_key(key), "{key}");
        assert!(is_valid_key(key), "{key}");
    }
    for key in [
        "com.example.mcp/x",
        "com.example/mcp",
        "mcp/x",
        "mcp",
        "x",
        "",
        "com.mcpx.y/z",
    ] {
        assert!(!is_reserved_key(key), "{key}");
    }
}

#[test]
fn an_extension_id_needs_a_prefix() {
    // `ext.id` `ext.apps.id`
    assert!(is_extension_id("io.modelcontextprotocol/ui"));
    assert!(is_extension_id("com.example/x"));
    for id in ["tasks", "", "1a/x", "/x"] {
        assert!(!is_extension_id(id), "{id}");
    }
}
