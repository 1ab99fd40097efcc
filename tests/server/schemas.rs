//! JSON Schema as it comes with the crate: which schemas are taken, and what they hold values to.

use std::fmt::Write;

use mcp_proto::model::json_schema::JsonSchema;
use mcp_proto::model::validation::{SchemaError, Validator, Violation};
use mcp_proto::rpc::Raw;
use serde_json::{Value, json};

fn check(schema: Value, value: Value) -> Result<(), Violation> {
    let compiled = JsonSchema::new().compile(&Raw::from(schema));
    compiled
        .unwrap_or_else(|error| panic!("{error}"))
        .check(&Raw::from(value))
}

fn refused(schema: Value) -> SchemaError {
    match JsonSchema::new().compile(&Raw::from(schema)) {
        Ok(_) => panic!("it is taken"),
        Err(error) => error,
    }
}

#[test]
fn without_a_dialect_a_schema_is_of_2020_12() {
    // `jschema.default`
    let schema = json!({
        "type": "object", "$defs": {"n": {"type": "integer"}},
        "properties": {"pair": {"prefixItems": [{"type": "string"}, {"$ref": "#/$defs/n"}]}}});
    assert_eq!(check(schema.clone(), json!({"pair": ["a", 1]})), Ok(()));
    let wrong = check(schema, json!({"pair": ["a", "secret"]})).unwrap_err();
    assert_eq!(&*wrong.path, "pair[1]");
    assert!(wrong.reason.contains("integer"), "{wrong}");
    assert!(!wrong.reason.contains("secret"), "{wrong}");
}

#[test]
fn other_dialects_are_known_by_name() {
    // `jschema.explicit`
    let draft7 = json!({"$schema": "http://json-schema.org/draft-07/schema#",
        "items": [{"type": "string"}]});
    assert_eq!(check(draft7.clone(), json!(["a", 1])), Ok(()));
    assert!(check(draft7, json!([1])).is_err());
}

#[test]
fn a_dialect_that_is_not_known_is_refused() {
    // `jschema.unsupported`
    for dialect in [
        json!("urn:x"),
        json!("https://example.com/schema"),
        json!(7),
    ] {
        let error = refused(json!({"$schema": dialect}));
        assert!(matches!(error, SchemaError::Dialect(_)), "{error}");
    }
}

#[test]
fn nothing_outside_of_a_schema_is_fetched_or_overlooked() {
    // `jschema.ref.nofetch`, `jschema.ref.reject`
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let local = format!("http://{}/schema.json", listener.local_addr().unwrap());
    for reference in [
        &*local,
        "https://example.com/a.json",
        "file:///etc/passwd",
        "b.json",
        "#/$defs/none",
    ] {
        for keyword in ["$ref", "$dynamicRef"] {
            let error = refused(json!({"properties": {"a": {(keyword): reference}}}));
            assert!(matches!(error, SchemaError::Reference(_)), "{error}");
        }
        // Its own name may be anything; what hangs on it still stays inside.
        let named = json!({"$id": local, "properties": {"a": {"$ref": "other.json"}}});
        assert!(matches!(refused(named), SchemaError::Reference(_)));
    }
    let nested = json!({"properties": {"a": {"$id": "https://example.com/a", "$schema": local}}});
    let _ = JsonSchema::new().compile(&Raw::from(nested));
    assert!(listener.accept().is_err(), "nobody has called");
    // A member that is merely called so is none.
    let data = json!({"const": {"$ref": local}});
    assert!(check(data, json!({"$ref": local})).is_ok());
}

#[test]
fn what_is_no_schema_is_refused() {
    // `jschema.valid`
    for schema in [
        json!({"type": "objekt"}),
        json!({"required": "a"}),
        json!({"pattern": "("}),
        json!(7),
    ] {
        let error = refused(schema);
        assert!(matches!(error, SchemaError::Invalid(_)), "{error}");
    }
}

#[test]
fn schemas_that_never_end_or_blow_up_are_refused() {
    // `jschema.bounds`
    let endless = [
        json!({"$ref": "#"}),
        json!({"allOf": [{"$ref": "#/$defs/a"}], "$defs": {"a": {"not": {"$ref": "#"}}}}),
        json!({"$anchor": "me", "anyOf": [{"$ref": "#me"}]}),
    ];
    for schema in endless {
        assert!(matches!(refused(schema), SchemaError::TooLarge(_)));
    }
    let mut doubling = json!({"allOf": [{"$ref": "#/$defs/d0"}], "$defs": {}});
    for n in 0..60 {
        let next = json!({"$ref": format!("#/$defs/d{}", n + 1)});
        doubling["$defs"][format!("d{n}")] = json!({"allOf": [next, next]});
    }
    doubling["$defs"]["d60"] = json!(true);
    assert!(matches!(refused(doubling), SchemaError::TooLarge(_)));
    let mut chain = String::from(r##"{"$ref":"#/$defs/c0","$defs":{"c20000":true"##);
    for n in 0..20_000 {
        write!(chain, r##","c{n}":{{"$ref":"#/$defs/c{}"}}"##, n + 1).unwrap();
    }
    let chain: Value = serde_json::from_str(&(chain + "}}")).unwrap();
    assert!(matches!(refused(chain), SchemaError::TooLarge(_)));
    // What ends with the value is a schema like any other.
    let tree = json!({"type": "object", "additionalProperties": {"$ref": "#"}});
    assert_eq!(check(tree.clone(), json!({"a": {"b": {}}})), Ok(()));
    assert_eq!(
        &*check(tree, json!({"a": {"b": 1}})).unwrap_err().path,
        "a.b"
    );
}

#[test]
fn patterns_take_linear_time() {
    // `jschema.bounds`
    let schema = json!({"pattern": "^(a+)+$"});
    let text = format!("{}b", "a".repeat(50_000));
    assert!(check(schema, json!(text)).is_err());
}

#[test]
fn work_that_multiplies_with_the_depth_of_a_value_is_bounded() {
    // `jschema.bounds`
    let branches = |required: bool| {
        let mut branch = json!({"properties": {"c": {"$ref": "#/$defs/n"}}});
        if required {
            branch["required"] = json!(["zz"]);
        }
        json!([branch, branch])
    };
    let doubling = [
        json!({"$defs": {"n": {"allOf": branches(false)}}, "$ref": "#/$defs/n"}),
        json!({"$defs": {"n": {"anyOf": branches(true)}}, "$ref": "#/$defs/n"}),
        json!({"$defs": {"n": {"oneOf": branches(false)}}, "$ref": "#/$defs/n"}),
        json!({"$defs": {"n": {"properties": {"c": {"$ref": "#/$defs/n"}},
            "unevaluatedProperties": false}}, "$ref": "#/$defs/n"}),
    ];
    for schema in doubling {
        let nested = |depth: usize| (0..depth).fold(json!(1), |inner, _| json!({"c": inner}));
        let schema = Raw::from(schema);
        let compiled = JsonSchema::new()
            .compile(&schema)
            .expect("its shape is harmless");
        let violation = compiled.check(&Raw::from(nested(60))).unwrap_err();
        assert!(violation.reason.contains("too long"), "{violation}");
        if let Err(violation) = compiled.check(&Raw::from(nested(2))) {
            assert!(!violation.reason.contains("too long"), "{violation}");
        }
    }
}

#[test]
fn large_values_are_held_to_plain_schemas() {
    let schema = json!({"type": "array", "items": {"$ref": "#/$defs/point"}, "$defs": {"point": {
        "type": "object", "properties": {"x": {"type": "number"}, "y": {"type": "number"}},
        "required": ["x"], "additionalProperties": {"type": "string"}}}});
    let points: Vec<Value> = (0..100_000).map(|n| json!({"x": n, "y": n})).collect();
    assert_eq!(check(schema, json!(points)), Ok(()));
}

#[test]
fn a_null_argument_counts_as_left_out_where_the_schema_has_no_null() {
    let schema = json!({"type": "object", "required": ["a"], "properties": {
        "a": {"type": "string"}, "b": {"type": "string"}, "any": {},
        "inner": {"type": "object", "properties": {"c": {"type": "integer"}}}}});
    let compiled = JsonSchema::new().compile(&Raw::from(schema)).unwrap();
    let arguments = |value: Value| compiled.check_arguments(&Raw::from(value));
    assert_eq!(
        arguments(json!({"a": "x", "b": null, "any": null, "inner": {"c": null}})),
        Ok(())
    );
    assert!(arguments(json!({"a": null})).is_err(), "it is required");
    assert!(arguments(json!({"a": "x", "b": 7})).is_err());
    assert!(
        compiled
            .check(&Raw::from(json!({"a": "x", "b": null})))
            .is_err()
    );
}
