//! What a gateway sees of a message, against a full decode of it.

use mcp_proto::Limits;
use mcp_proto::model::Peek;
use mcp_proto::rpc::{Message, code};

#[test]
fn a_peek_finds_what_is_written_with_escapes() {
    // `base.id.roundtrip`
    let frame = r#"{"\u006asonrpc":"2.\u0030","\u0069d":"\u0061","m\u0065thod":"tools\/call",
        "params":{"n\u0061me":"\u00e9","_meta":{"progressT\u006fken":"\u0074"}}}"#;
    let peek = Peek::new(frame.as_bytes(), &Limits::default()).unwrap();
    assert_eq!(peek.id, Some("a".into()));
    assert_eq!(peek.method.as_deref(), Some("tools/call"));
    assert_eq!(peek.name.as_deref(), Some("é"));
    assert_eq!(peek.progress_token.unwrap().as_str(), r#""\u0074""#);
}

#[test]
fn a_batch_is_not_one_message() {
    // `base.batch.removed`
    let limits = Limits::default();
    for frame in ["[]", r#"[{"jsonrpc":"2.0","method":"x"}]"#] {
        let error = Peek::new(frame.as_bytes(), &limits).unwrap_err();
        assert_eq!(error.error.code, code::INVALID_REQUEST);
        assert_eq!(
            Message::decode(frame.as_bytes(), &limits).unwrap_err(),
            error
        );
    }
}

#[cfg(feature = "proptest")]
mod properties {
    use mcp_proto::rpc::Kind;
    use proptest::prelude::*;
    use serde::de::IgnoredAny;
    use serde_json::{Map, Value, json};

    use super::*;

    /// Any JSON, with the protocol's own words among its keys.
    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            "[a-c\"\\\\\n\u{0}é]{0,5}".prop_map(Value::from),
            Just(json!("2.0")),
        ];
        let key = prop_oneof![
            Just("jsonrpc".to_string()),
            Just("id".to_string()),
            Just("method".to_string()),
            Just("params".to_string()),
            Just("name".to_string()),
            Just("uri".to_string()),
            Just("_meta".to_string()),
            Just("progressToken".to_string()),
            "[a-z\"]{0,4}",
        ];
        leaf.prop_recursive(4, 24, 5, move |inner| {
            let object = proptest::collection::vec((key.clone(), inner.clone()), 0..5);
            prop_oneof![
                proptest::collection::vec(inner, 0..4).prop_map(Value::from),
                object.prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    /// Messages that are good more often than not.
    fn message() -> impl Strategy<Value = Value> {
        let id = prop_oneof![
            3 => any::<i64>().prop_map(Value::from),
            3 => "[a-z\"]{0,6}".prop_map(Value::from),
            1 => value(),
        ];
        let body = prop_oneof![
            2 => proptest::collection::vec(("[a-z]{1,3}", value()), 0..3)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
            2 => ("[a-z]{0,6}", any::<i64>(), value()).prop_map(
                |(name, token, x)| json!({"name": name, "x": x, "_meta": {"progressToken": token}})),
            1 => "[a-z]{1,6}".prop_map(|uri| json!({"uri": uri, "progressToken": "t"})),
            1 => (any::<i32>(), "[a-z]{0,6}", value())
                .prop_map(|(code, message, data)| json!({"code": code, "message": message, "data": data})),
            1 => value(),
        ];
        let key = prop_oneof![Just("params"), Just("result"), Just("error")];
        let method = prop_oneof![2 => "[a-z/]{0,12}".prop_map(Value::from), 1 => value()];
        (
            id,
            proptest::option::of(method),
            key,
            body,
            0_u8..10,
            0_u8..10,
        )
            .prop_map(|(id, method, key, body, no_id, version)| {
                let mut object = Map::new();
                if version > 0 {
                    object.insert("jsonrpc".into(), "2.0".into());
                }
                if no_id > 2 {
                    object.insert("id".into(), id);
                }
                if let Some(method) = method {
                    object.insert("method".into(), method);
                }
                object.insert(key.into(), body);
                Value::Object(object)
            })
    }

    /// What holds of any bytes, whatever they are.
    fn check(frame: &[u8]) {
        let limits = Limits::default();
        let peek = Peek::new(frame, &limits);
        let message = Message::decode(frame, &limits);
        let is_json = std::str::from_utf8(frame)
            .is_ok_and(|text| serde_json::from_str::<IgnoredAny>(text).is_ok());
        let (peek, message) = match (peek, message) {
            (Ok(peek), Ok(message)) => (peek, message),
            (Err(one), Err(other)) => {
                assert_eq!(one, other);
                assert_eq!(one.error.code == code::PARSE_ERROR, !is_json, "{one:?}");
                return;
            }
            different => panic!("{different:?}"),
        };
        assert!(is_json);
        match message {
            Message::Request { id, method, params } => {
                assert_eq!((peek.kind, peek.id), (Kind::Request, Some(id)));
                assert_eq!(peek.method, Some(method));
                let params = params.as_ref().map(|params| params.as_str());
                check_params(peek.method.as_deref(), params, frame);
            }
            Message::Notification { method, params } => {
                assert_eq!((peek.kind, peek.id), (Kind::Notification, None));
                assert_eq!(peek.method, Some(method));
                let params = params.as_ref().map(|params| params.as_str());
                check_params(peek.method.as_deref(), params, frame);
            }
            Message::Response { id, outcome } => {
                let kind = if outcome.is_ok() {
                    Kind::Result
                } else {
                    Kind::Error
                };
                assert_eq!((peek.kind, peek.id), (kind, id));
                assert_eq!(
                    (peek.method, peek.name, peek.progress_token),
                    (None, None, None)
                );
            }
            other => panic!("{other:?}"),
        }
    }

    /// The name and the token that were found, against those of the decoded params.
    fn check_params(method: Option<&str>, params: Option<&str>, frame: &[u8]) {
        let limits = Limits::default();
        let peek = Peek::new(frame, &limits).unwrap();
        let params: Value = match serde_json::from_str(params.unwrap_or("{}")) {
            Ok(params) => params,
            // JSON has numbers that a double has not.
            Err(error) => {
                let error = error.to_string();
                assert!(error.starts_with("number out of range"), "{error}");
                return;
            }
        };
        assert!(params.is_object());
        let (name, uri) = (params["name"].as_str(), params["uri"].as_str());
        let subject = match method {
            Some("tools/call" | "prompts/get") => name,
            Some("resources/read" | "resources/subscribe" | "resources/unsubscribe") => uri,
            Some("notifications/resources/updated") => uri,
            _ => name.or(uri),
        };
        assert_eq!(peek.name.as_deref(), subject);
        let token = match method {
            Some("notifications/progress") => params.get("progressToken"),
            _ => params["_meta"].get("progressToken"),
        };
        let found = peek
            .progress_token
            .map(|token| token.decode::<Value>().unwrap());
        assert_eq!(found.as_ref(), token);
    }

    proptest! {
        #![proptest_config(support::cases(64, 256))]

        #[test]
        fn a_peek_agrees_with_the_full_decode(message in message()) {
            check(message.to_string().as_bytes());
            check(serde_json::to_string_pretty(&message).unwrap().as_bytes());
        }

        #[test]
        fn a_peek_agrees_with_the_full_decode_on_any_json(value in value()) {
            check(value.to_string().as_bytes());
        }

        // `base.err.parse` `base.utf8`
        #[test]
        fn a_peek_agrees_with_the_full_decode_on_damaged_messages(
            message in message(),
            at in any::<prop::sample::Index>(),
            byte in any::<u8>(),
            cut in any::<bool>(),
        ) {
            let mut frame = message.to_string().into_bytes();
            let at = at.index(frame.len());
            if cut {
                frame.truncate(at);
            } else {
                frame[at] = byte;
            }
            check(&frame);
        }
    }
}
