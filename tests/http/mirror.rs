//! Arguments that travel in headers: which schemas may ask for it, and what is compared.

use mcp_proto::Revision;
use mcp_proto::http::headers::Headers;
use mcp_proto::http::mirror::{
    AnnotationError, HeaderParam, annotated, check_params, header_value,
};
use mcp_proto::http::{Class, Input, classify};
use mcp_proto::rpc::{Raw, code};
use serde_json::{Value, json};

use crate::requests::{legacy, mirrored_schema, modern, offers};

fn read(schema: &Value) -> Result<Vec<HeaderParam>, AnnotationError> {
    annotated(&Raw::new(schema.to_string()).expect("it is JSON"))
}

fn with_property(property: Value) -> Value {
    json!({"type": "object", "properties": {"a": property}})
}

fn raw(arguments: &Value) -> Raw<'static> {
    Raw::new(arguments.to_string()).expect("it is JSON")
}

/// The headers for these arguments, by the mirrored schema.
fn mirrored(arguments: &Value) -> Headers {
    let mut headers = Headers::new();
    for param in read(&mirrored_schema()).expect("it is good") {
        if let Some(value) = header_value(&param, Some(&raw(arguments))) {
            headers.push(&param.header, value);
        }
    }
    headers
}

fn check(arguments: &Value, headers: &Headers) -> bool {
    let params = read(&mirrored_schema()).expect("it is good");
    let checked = check_params(&params, Some(&raw(arguments)), headers);
    if let Err(error) = &checked {
        assert_eq!(error.code, code::HEADER_MISMATCH);
    }
    checked.is_ok()
}

#[test]
fn a_chain_of_properties_may_lead_to_a_mirrored_argument() {
    // `httpM.param.reach` `httpM.param.extract`
    let params = read(&mirrored_schema()).expect("it is good");
    let found: Vec<_> = params
        .iter()
        .map(|param| (&*param.header, param.path.join(".")))
        .collect();
    for (header, path) in [
        ("mcp-param-region", "region"),
        ("mcp-param-count", "count"),
        ("mcp-param-dry-run", "dry"),
        ("mcp-param-zone", "at.zone"),
    ] {
        assert!(found.contains(&(header, path.to_owned())), "{found:?}");
    }
    assert_eq!(found.len(), 4);
    assert_eq!(read(&json!({"type": "object"})), Ok(Vec::new()));
    let method = read(&with_property(
        json!({"type": "string", "x-mcp-header": "Method"}),
    ));
    assert_eq!(
        &*method.expect("it may be called so")[0].header,
        "mcp-param-method"
    );
}

#[test]
fn an_annotation_is_a_token_on_a_single_primitive_type_and_unique() {
    // `httpM.param.name` `httpM.param.type` `httpM.param.type.union` `httpM.param.reject`
    for name in [
        json!(""),
        json!("a b"),
        json!("a:b"),
        json!("é"),
        json!("a\n"),
        json!(1),
        json!(null),
    ] {
        let found = read(&with_property(
            json!({"type": "string", "x-mcp-header": name}),
        ));
        assert!(matches!(found, Err(AnnotationError::Name(_))), "{name}");
    }
    let kinds = [
        json!("number"),
        json!("object"),
        json!("array"),
        json!("null"),
        json!(["string", "null"]),
        json!(["string"]),
        json!(7),
    ];
    for kind in kinds {
        let found = read(&with_property(json!({"type": kind, "x-mcp-header": "A"})));
        assert!(matches!(found, Err(AnnotationError::Type(_))), "{kind}");
    }
    let untyped = read(&with_property(json!({"enum": ["a"], "x-mcp-header": "A"})));
    assert!(matches!(untyped, Err(AnnotationError::Type(_))));
    let twice = json!({"properties": {
        "a": {"type": "string", "x-mcp-header": "Same"},
        "b": {"properties": {"c": {"type": "string", "x-mcp-header": "sAME"}}},
    }});
    assert!(matches!(read(&twice), Err(AnnotationError::Repeated(_))));
}

#[test]
fn an_annotation_anywhere_else_makes_the_tool_invalid() {
    // `httpM.param.reach`
    let annotated = json!({"type": "string", "x-mcp-header": "A"});
    for schema in [
        annotated.clone(),
        with_property(json!({"type": "array", "items": annotated})),
        with_property(json!({"oneOf": [annotated]})),
        json!({"anyOf": [with_property(annotated.clone())]}),
        json!({"allOf": [with_property(annotated.clone())]}),
        json!({"not": annotated}),
        json!({"if": with_property(annotated.clone())}),
        json!({"$defs": {"t": annotated}}),
        json!({"definitions": {"x-mcp-header": annotated}}),
        json!({"patternProperties": {"^a": annotated}}),
        json!({"additionalProperties": annotated}),
        json!({"properties": {"a": {"items": {"properties": {"b": annotated}}}}}),
    ] {
        assert_eq!(read(&schema), Err(AnnotationError::Unreachable), "{schema}");
    }
    // Escaped, it is the same key.
    let escaped = r#"{"items":{"type":"string","x\u002dmcp-header":"A"}}"#;
    let found = super::mirror::annotated(&Raw::new(escaped).expect("it is JSON"));
    assert_eq!(found, Err(AnnotationError::Unreachable));
}

#[test]
fn a_word_that_only_looks_like_an_annotation_is_none() {
    for schema in [
        json!({"properties": {"x-mcp-header": {"type": "string"}}}),
        json!({"properties": {"a": {"type": "object", "default": {"x-mcp-header": 1}}}}),
        json!({"properties": {"a": {"const": {"x-mcp-header": 1}, "examples": [{"x-mcp-header": 2}]}}}),
        json!({"description": "x-mcp-header"}),
    ] {
        assert_eq!(read(&schema), Ok(Vec::new()), "{schema}");
    }
}

#[test]
fn values_are_written_as_the_specification_has_them() {
    // `httpM.param.tostr` `httpM.param.include` `httpM.param.omit`
    let headers =
        mirrored(&json!({"region": "日本語", "count": -7, "dry": false, "at": {"zone": ""}}));
    let one = |name| headers.one(name).expect("it is good");
    assert_eq!(one("mcp-param-region"), Some("=?base64?5pel5pys6Kqe?="));
    assert_eq!(one("mcp-param-count"), Some("-7"));
    assert_eq!(one("mcp-param-dry-run"), Some("false"));
    assert_eq!(one("mcp-param-zone"), Some(""));
    for nothing in [
        json!({}),
        json!({"region": null, "at": null}),
        json!({"at": {}}),
        json!({"region": 7, "count": 4.5, "dry": "true", "at": "x"}),
        json!({"count": 9_007_199_254_740_992_i64}),
        json!({"count": 1e300}),
        json!({"count": "7"}),
    ] {
        assert_eq!(mirrored(&nothing), Headers::new(), "{nothing}");
    }
    let largest = mirrored(&json!({"count": 9_007_199_254_740_991_i64}));
    assert_eq!(largest.one("mcp-param-count"), Ok(Some("9007199254740991")));
}

#[test]
fn what_a_client_mirrors_a_server_finds_right() {
    // `httpM.param.support` `httpM.param.unknown`
    for arguments in [
        json!({}),
        json!({"region": "a", "count": 42, "dry": true, "at": {"zone": " z "}}),
        json!({"region": "", "count": 0}),
        json!({"region": "=?base64?literal?=", "note": "n"}),
        json!({"count": 4.5, "region": ["x"]}),
    ] {
        let headers = mirrored(&arguments).with("mcp-param-unknown", "x");
        assert!(check(&arguments, &headers), "{arguments}");
    }
}

#[test]
fn integers_are_compared_as_numbers() {
    // `httpM.val.int`
    for (argument, header, is_same) in [
        ("42", "42.0", true),
        ("42", "4.2e1", true),
        ("42.0", "42", true),
        ("42", "43", false),
        ("42", "42x", false),
        ("42", "", false),
        ("42", "=?base64?NDI=?=", false),
        ("-7", "-7", true),
    ] {
        let arguments: Value = serde_json::from_str(&format!("{{\"count\":{argument}}}")).unwrap();
        let headers = Headers::new().with("mcp-param-count", header);
        assert_eq!(check(&arguments, &headers), is_same, "{argument} {header}");
    }
}

#[test]
fn a_header_that_is_missing_differs_or_stands_for_nothing_is_a_mismatch() {
    // `httpM.param.server` `httpM.param.typeconv` `custom.body.truth`
    let arguments = json!({"region": "a", "dry": true});
    let good = || {
        Headers::new()
            .with("mcp-param-region", "a")
            .with("mcp-param-dry-run", "true")
    };
    assert!(check(&arguments, &good()));
    assert!(!check(
        &arguments,
        &Headers::new().with("mcp-param-dry-run", "true")
    ));
    assert!(!check(
        &arguments,
        &Headers::new()
            .with("mcp-param-region", "b")
            .with("mcp-param-dry-run", "true")
    ));
    assert!(!check(
        &arguments,
        &Headers::new()
            .with("mcp-param-region", "A")
            .with("mcp-param-dry-run", "true")
    ));
    assert!(!check(
        &arguments,
        &Headers::new()
            .with("mcp-param-region", "a")
            .with("mcp-param-dry-run", "True")
    ));
    assert!(
        !check(&arguments, &good().with("mcp-param-region", "a")),
        "it stands twice"
    );
    assert!(
        !check(&arguments, &good().with("mcp-param-zone", "z")),
        "the argument is absent"
    );
    assert!(!check(
        &json!({"region": null}),
        &Headers::new().with("mcp-param-region", "")
    ));
    assert!(!check(
        &arguments,
        &Headers::new()
            .with("mcp-param-region", [0x80])
            .with("mcp-param-dry-run", "true")
    ));
    assert!(!check(
        &arguments,
        &Headers::new()
            .with("mcp-param-region", "=?base64?!?=")
            .with("mcp-param-dry-run", "true")
    ));
    // What isn't of its type can't be mirrored: the check of the arguments finds it.
    assert!(check(
        &json!({"count": 4.5}),
        &Headers::new().with("mcp-param-count", "9")
    ));
}

#[test]
fn what_a_header_says_is_compared_with_the_body_and_never_acted_on() {
    // `httpM.trust`
    let offers = offers(&Revision::ALL);
    let params = json!({"name": "deploy", "arguments": {"region": "eu"}});
    let mut sent = modern("tools/call", params);
    sent.set("mcp-param-region", Some("=?base64?ZXU=?="));
    let class = classify(&offers, &sent.head, sent.bytes()).expect("they say the same");
    let expected = Class::Modern {
        frame: sent.bytes().into(),
        listens: false,
    };
    assert_eq!(
        class, expected,
        "what is served is the body and nothing else"
    );
    for (name, value) in [
        ("mcp-param-region", "us"),
        ("mcp-name", "other"),
        ("mcp-method", "tools/list"),
        ("mcp-protocol-version", "2025-11-25"),
    ] {
        let mut lie = sent.clone();
        lie.set(name, Some(value));
        assert!(classify(&offers, &lie.head, lie.bytes()).is_err(), "{name}");
    }
    // A legacy session, which has no such headers, isn't told of them.
    let mut old = legacy("tools/call", json!({"name": "deploy"}));
    old.set("mcp-name", Some("other"));
    let class = classify(&offers, &old.head, old.bytes()).expect("it is served");
    assert!(
        matches!(class, Class::Legacy { input: Input::Post { frame, .. }, .. } if *frame.bytes() == old.bytes())
    );
}
