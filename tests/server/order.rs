//! What a handler returns keeps its order and its digits on the way out.

use mcp_proto::Revision;
use mcp_proto::model::encode::{SessionMembers, encode_body};
use mcp_proto::rpc::Raw;
use mcp_proto::server::{IntoToolResult, Json};

support::written_struct! {
    #[derive(Clone)]
    struct Reading { zone: &'static str, level: u128, area: f32 }
}

const READING: Reading = Reading {
    zone: "north",
    level: u128::MAX,
    area: 0.1,
};

const WRITTEN: &str =
    r#"{"zone":"north","level":340282366920938463463374607431768211455,"area":0.1}"#;

fn structured(value: impl IntoToolResult) -> (String, String) {
    let result = value.into_tool_result().expect("it can be written");
    let content = result.structured_content.expect("it has some");
    let text = result.content[0]
        .as_text()
        .expect("a text")
        .replace([' ', '\n'], "");
    (content.as_str().into(), text)
}

#[test]
fn a_struct_keeps_the_order_of_its_fields_and_all_digits() {
    let (content, text) = structured(Json(READING));
    assert_eq!((content.as_str(), text.as_str()), (WRITTEN, WRITTEN));
}

#[test]
fn so_does_one_inside_of_what_is_no_object() {
    let (content, text) = structured(Json(vec![READING]));
    assert_eq!(content, format!(r#"{{"result":[{WRITTEN}]}}"#));
    assert_eq!(text, format!("[{WRITTEN}]"));
    let (content, _) = structured(Json(Some(READING)));
    assert_eq!(content, WRITTEN);
}

#[test]
fn json_text_stays_as_it_is_with_its_duplicates() {
    let raw = r#"{"b":1.0,"a":1e400,"b":2}"#;
    let (content, _) = structured(Json(Raw::new(raw).expect("JSON")));
    assert_eq!(content, raw);
    let (content, _) = structured(Json([Raw::new(raw).expect("JSON")]));
    assert_eq!(content, format!(r#"{{"result":[{raw}]}}"#));
}

#[test]
fn the_order_reaches_the_wire() {
    for revision in [Revision::V2025_06_18, Revision::V2026_07_28] {
        let result = Json(vec![READING])
            .into_tool_result()
            .expect("it can be written");
        let mut out = Vec::new();
        let written = encode_body(&mut out, revision, &result, &SessionMembers::default());
        assert!(written.is_ok());
        let text = String::from_utf8(out).expect("JSON is UTF-8");
        assert!(
            text.contains(&format!(r#"{{"result":[{WRITTEN}]}}"#)),
            "{text}"
        );
    }
}
