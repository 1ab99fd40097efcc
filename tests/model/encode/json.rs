//! JSON that any reader agrees with, on one line, with the session's additions merged in.

use mcp_proto::Revision;
use mcp_proto::model::encode::{EncodeError, SessionMembers, encode_body, encode_value};
use mcp_proto::rpc::Raw;
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};
use serde_json::json;

use super::{E, NOTHING, body, body_with, named, raw, text, value_text};

struct Call<'a> {
    name: &'a str,
    arguments: Option<Raw<'a>>,
    meta: Option<Raw<'a>>,
}

impl Serialize for Call<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut members = to.serialize_struct("Call", 3)?;
        members.serialize_field("name", self.name)?;
        if let Some(arguments) = &self.arguments {
            members.serialize_field("arguments", arguments)?;
        }
        if let Some(meta) = &self.meta {
            members.serialize_field("_meta", meta)?;
        }
        members.end()
    }
}

#[test]
fn every_escape_is_written_wherever_it_stands() {
    for at in 0..70 {
        for byte in (0..0x20u8).chain([b'"', b'\\', b'/', 0x7f]) {
            let value = format!("{}{}tail", "a".repeat(at), char::from(byte));
            assert_eq!(
                value_text(&value),
                serde_json::to_string(&value).expect("JSON")
            );
        }
    }
    assert_eq!(value_text("\u{2028}\u{1F600}é"), "\"\u{2028}\u{1F600}é\"");
}

#[test]
fn numbers_of_every_width_are_written_exactly() {
    assert_eq!(value_text(&u64::MAX), "18446744073709551615");
    assert_eq!(value_text(&i64::MIN), "-9223372036854775808");
    assert_eq!(value_text(&0), "0");
    assert_eq!(
        value_text(&u128::MAX),
        "340282366920938463463374607431768211455"
    );
    assert_eq!(
        value_text(&(0.1f32, 1e300, 5e-324, -0.0)),
        "[0.1,1e300,5e-324,-0.0]"
    );
    for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert_eq!(
            encode_value(&mut Vec::new(), E, &number),
            Err(EncodeError::NotFinite)
        );
    }
}

#[cfg(feature = "derive")]
#[test]
fn enums_maps_and_tuples_are_written_as_serde_json_writes_them() {
    use std::collections::BTreeMap;

    #[derive(serde_derive::Serialize)]
    struct Unit;
    #[derive(serde_derive::Serialize)]
    struct Pair(u8, char);
    #[derive(serde_derive::Serialize)]
    enum Kind {
        Unit,
        New(u8),
        Tuple(u8, bool),
        Struct { a: Option<u8> },
    }
    let value = (
        [
            Kind::Unit,
            Kind::New(1),
            Kind::Tuple(2, true),
            Kind::Struct { a: None },
        ],
        BTreeMap::from([(1u8, Some("x")), (2, None)]),
        BTreeMap::from([(true, ())]),
        BTreeMap::from([('c', Unit)]),
        (
            Pair(1, '"'),
            serde_json::value::to_raw_value(&json!([1, 2])).expect("JSON"),
        ),
        format_args!("{}\n", 7),
    );
    assert_eq!(
        value_text(&value),
        serde_json::to_string(&value).expect("JSON")
    );
    let keyless = BTreeMap::from([(vec![1u8], 1)]);
    assert_eq!(
        encode_value(&mut Vec::new(), E, &keyless),
        Err(EncodeError::KeyNotString)
    );
}

#[test]
fn raw_text_is_copied_digit_by_digit() {
    let call = Call {
        name: "sum",
        arguments: Some(raw(r#"{"a":12345678901234567890123, "b":1e2}"#)),
        meta: None,
    };
    let expected = r#"{"name":"sum","arguments":{"a":12345678901234567890123, "b":1e2}}"#;
    for revision in Revision::ALL {
        assert_eq!(body(revision, &call), expected);
    }
}

#[test]
fn line_breaks_between_the_tokens_of_raw_text_are_left_out() {
    // `stdio.stdout.pure`
    let borrowed: Raw<'_> = serde_json::from_str("{\"a\":\r\n[1,\n2]}").expect("JSON");
    assert_eq!(body(E, &borrowed), r#"{"a":[1,2]}"#);
}

#[test]
fn a_root_that_is_nothing_is_written_as_an_object() {
    assert_eq!(body(E, &()), "{}");
    assert_eq!(body(E, &None::<u8>), "{}");
    assert_eq!(body(E, &Raw::NULL), "{}");
    let added = body_with(E, &Raw::NULL, r#""k":1"#, r#""resultType":"complete""#);
    assert_eq!(
        added.as_deref(),
        Ok(r#"{"_meta":{"k":1},"resultType":"complete"}"#)
    );
}

#[test]
fn a_root_that_is_no_object_is_refused() {
    for value in [json!(1), json!("x"), json!([1]), json!(true)] {
        assert_eq!(body_with(E, &value, "", ""), Err(EncodeError::NotAnObject));
        let raw = Raw::from(value);
        assert_eq!(body_with(E, &raw, "", ""), Err(EncodeError::NotAnObject));
    }
}

#[test]
fn meta_of_the_value_and_of_the_session_become_one() {
    let mut call = Call {
        name: "x",
        arguments: None,
        meta: None,
    };
    let encode = |call: &Call<'_>| body_with(E, call, r#""a":1,"b":2"#, "").expect("an object");
    assert_eq!(encode(&call), r#"{"name":"x","_meta":{"a":1,"b":2}}"#);
    call.meta = Some(raw("{}"));
    assert_eq!(encode(&call), r#"{"name":"x","_meta":{"a":1,"b":2}}"#);
    call.meta = Some(raw(r#"{"c":{"a":0}}"#));
    assert_eq!(
        encode(&call),
        r#"{"name":"x","_meta":{"c":{"a":0},"a":1,"b":2}}"#
    );
    call.meta = Some(Raw::NULL);
    assert_eq!(encode(&call), r#"{"name":"x","_meta":{"a":1,"b":2}}"#);
    call.meta = Some(raw("3"));
    assert_eq!(body_with(E, &call, "", ""), Err(EncodeError::NotAnObject));
}

#[test]
fn meta_inside_a_raw_root_is_merged_where_it_stands() {
    let root = raw(r#"{"_meta":{"c":[1,"}"]}, "name":"x"}"#);
    let mut out = Vec::new();
    let additions = SessionMembers {
        meta: br#""a":1"#,
        members: br#""m":2"#,
        ..SessionMembers::default()
    };
    let encoded = encode_body(&mut out, E, &root, &additions).expect("an object");
    assert_eq!(
        text(&out),
        r#"{"_meta":{"c":[1,"}"],"a":1}, "name":"x","m":2}"#
    );
    let (start, end) = encoded.name.expect("a name");
    assert_eq!(&text(&out)[start..end], r#""x""#);
}

#[test]
fn a_key_that_the_protocol_writes_itself_is_refused() {
    // `meta.reserved.keys`
    let reserved = |meta| {
        let call = Call {
            name: "x",
            arguments: None,
            meta: Some(meta),
        };
        let added = r#""progressToken":1,"io.modelcontextprotocol/clientInfo":{}"#;
        body_with(E, &call, added, "")
            .expect_err("the key is reserved")
            .to_string()
    };
    let told = "the _meta key progressToken is written by the protocol itself";
    assert_eq!(reserved(raw(r#"{"x":1,"progressToken":2}"#)), told);
    assert_eq!(reserved(raw(r#"{"progress\u0054oken":2}"#)), told);
    let map = json!({"_meta": {"progressToken": 2}});
    assert!(body_with(E, &map, r#""progressToken":1"#, "").is_err());
}

#[test]
fn a_member_of_the_result_wins_over_the_default_of_the_session() {
    let defaults = r#""resultType":"complete","ttlMs":0,"cacheScope":"private""#;
    let result = named("ListToolsResult", json!({"tools": [], "ttlMs": 5}));
    let written = body_with(E, &result, "", defaults);
    let expected = r#"{"tools":[],"ttlMs":5,"resultType":"complete","cacheScope":"private"}"#;
    assert_eq!(written.as_deref(), Ok(expected));
    let root = raw(r#"{"tools":[],"ttlMs":5}"#);
    assert_eq!(body_with(E, &root, "", defaults).as_deref(), Ok(expected));
}

#[test]
fn the_name_that_http_repeats_is_found() {
    for (root, found) in [
        (
            json!({"name": "é\"x", "arguments": {"name": "no"}}),
            Some("\"é\\\"x\""),
        ),
        (json!({"uri": "file:///a"}), Some("\"file:///a\"")),
        (json!({"taskId": "7"}), Some("\"7\"")),
        (json!({"cursor": "7"}), None),
    ] {
        let mut out = b"head".to_vec();
        let encoded = encode_body(&mut out, E, &root, &NOTHING).expect("an object");
        let token = encoded.name.map(|(start, end)| &text(&out)[start..end]);
        assert_eq!(token, found);
        let mut out = Vec::new();
        let encoded = encode_body(&mut out, E, &named("X", root), &NOTHING).expect("an object");
        assert_eq!(
            encoded.name.map(|(start, end)| &text(&out)[start..end]),
            found
        );
    }
}

#[cfg(feature = "proptest")]
mod properties {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn arbitrary_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<i16>().prop_map(|number| Value::from(f64::from(number) / 8.0)),
            any::<String>().prop_map(Value::from),
            "[a-z \"\\\\\n\t\u{0}\u{2028}\u{1F600}]{0,80}".prop_map(Value::from),
        ];
        leaf.prop_recursive(5, 64, 8, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
                prop::collection::btree_map(any::<String>(), inner, 0..8)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..support::cases(48, 256) })]

        #[test]
        fn any_value_reads_back_equal_and_stays_on_one_line(value in arbitrary_json()) {
            // `stdio.stdout.pure`
            let written = value_text(&value);
            prop_assert!(!written.contains('\n') && !written.contains('\r'));
            prop_assert_eq!(&serde_json::from_str::<Value>(&written).expect("JSON"), &value);
            prop_assert_eq!(written, serde_json::to_string(&value).expect("JSON"));
        }

        #[test]
        fn any_text_is_written_as_serde_json_writes_it(value in any::<String>(), pad in 0usize..70) {
            let padded = "x".repeat(pad) + &value;
            prop_assert_eq!(value_text(&padded), serde_json::to_string(&padded).expect("JSON"));
        }

        #[test]
        fn any_finite_number_reads_back_to_the_last_bit(number in any::<f64>()) {
            prop_assume!(number.is_finite());
            let read = value_text(&number).parse::<f64>().expect("a number");
            prop_assert_eq!(read.to_bits(), number.to_bits());
        }

        #[test]
        fn any_object_is_merged_with_what_the_session_adds(value in prop::collection::btree_map("[a-z]{1,5}", arbitrary_json(), 0..6)) {
            let written = body_with(E, &value, r#""k":1"#, r#""resultType":"complete""#).expect("an object");
            let mut expected = serde_json::to_value(&value).expect("JSON");
            expected["_meta"] = json!({"k": 1});
            expected["resultType"] = json!("complete");
            prop_assert_eq!(serde_json::from_str::<Value>(&written).expect("JSON"), expected);
        }
    }
}
