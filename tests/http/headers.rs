//! Header values: the vectors of the specification both ways, and what may not be read.

use mcp_proto::http::headers::{
    HeaderError, Headers, accepts, decode_value, encode_value, is_of_type, is_session_id,
};

/// The specification's vectors (Appendix C of the requirements).
const VECTORS: [(&str, &str); 14] = [
    ("us-west1", "us-west1"),
    ("us west 1", "us west 1"),
    ("Hello, 世界", "=?base64?SGVsbG8sIOS4lueVjA==?="),
    (" padded ", "=?base64?IHBhZGRlZCA=?="),
    ("line1\nline2", "=?base64?bGluZTEKbGluZTI=?="),
    ("line1\r\nline2", "=?base64?bGluZTENCmxpbmUy?="),
    ("\tindented", "=?base64?CWluZGVudGVk?="),
    ("=?base64?literal?=", "=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?="),
    ("", ""),
    ("日本語", "=?base64?5pel5pys6Kqe?="),
    (" us-west1", "=?base64?IHVzLXdlc3Qx?="),
    ("us-west1 ", "=?base64?dXMtd2VzdDEg?="),
    ("a\tb", "=?base64?YQli?="),
    ("=?base64?=", "=?base64?="),
];

#[test]
fn the_vectors_of_the_specification_hold_both_ways() {
    // `httpM.param.encode` `httpM.hdr.name.encode` `httpM.param.include`
    for (text, value) in VECTORS {
        assert_eq!(encode_value(text), value, "{text:?}");
        assert_eq!(decode_value(value).as_deref(), Ok(text), "{value:?}");
    }
}

#[test]
fn what_is_no_proper_sentinel_is_literal_text_and_a_proper_one_has_to_decode() {
    // `httpM.val.b64`
    assert_eq!(decode_value("=?base64?SGVsbG8=?=").as_deref(), Ok("Hello"));
    for bad in [
        "=?base64?SGVsbG8?=",
        "=?base64?SGVs!!!bG8=?=",
        "=?base64?/w==?=",
        "=?base64? ?=",
    ] {
        assert_eq!(decode_value(bad), Err(HeaderError::Base64), "{bad}");
    }
    for literal in [
        "SGVsbG8=",
        "=?base64?SGVsbG8=",
        "SGVsbG8=?=",
        "=?BASE64?SGVsbG8=?=",
    ] {
        assert_eq!(decode_value(literal).as_deref(), Ok(literal));
    }
}

#[test]
fn names_have_no_case_and_white_space_around_a_value_is_no_part_of_it() {
    // `httpM.hdr.case` `httpM.hdr.ows`
    let headers = Headers::new().with("MCP-Method", " \ttools/call  ");
    assert_eq!(headers.one("mcp-method"), Ok(Some("tools/call")));
    assert_eq!(headers.one("Mcp-METHOD"), Ok(Some("tools/call")));
    assert_eq!(headers.one("mcp-name"), Ok(None));
}

#[test]
fn a_field_that_stands_twice_or_holds_other_characters_is_an_error() {
    // `httpM.val.chars`
    let twice = Headers::new().with("Host", "a").with("host", "a");
    assert_eq!(twice.one("host"), Err(HeaderError::Repeated));
    for byte in (0..=0x1F).chain(0x7F..=0xFF).filter(|byte| *byte != b'\t') {
        let headers = Headers::new().with("mcp-name", [b'a', byte, b'b']);
        assert_eq!(
            headers.one("mcp-name"),
            Err(HeaderError::Characters),
            "{byte:#x}"
        );
    }
}

#[test]
fn no_secret_is_shown() {
    let headers = Headers::new()
        .with("authorization", "Bearer s3cret")
        .with("mcp-session-id", "s3cret")
        .with("cookie", "s3cret")
        .with("mcp-param-token", "s3cret")
        .with("accept", "*/*");
    let shown = format!("{headers:?}");
    assert!(
        !shown.contains("s3cret") && shown.contains("*/*"),
        "{shown}"
    );
}

#[test]
fn accept_is_read_as_http_has_it() {
    // `httpL.accept.enforce`
    let takes = |value: &str, kind: &str| accepts(&Headers::new().with("accept", value), kind);
    let (json, events) = ("application/json", "text/event-stream");
    for value in [
        "application/json, text/event-stream",
        "text/event-stream,application/json;q=0.5",
        "*/*",
        "Application/JSON , TEXT/*",
        "application/*;q=1, text/event-stream;charset=utf-8",
    ] {
        assert!(takes(value, json) && takes(value, events), "{value}");
    }
    assert!(takes(json, json) && !takes(json, events));
    assert!(!takes("text/html", json) && !takes("", json) && !takes("application/json;q=0", json));
    assert!(!takes("application/json; q=0.000", json) && takes("application/json;q=0.001", json));
    assert!(accepts(&Headers::new(), json), "no header takes all");
    let two = Headers::new().with("accept", json).with("accept", events);
    assert!(
        accepts(&two, json) && accepts(&two, events),
        "a list may stand in two fields"
    );
}

#[test]
fn a_content_type_may_have_parameters() {
    let is_json = |value: &str| {
        is_of_type(
            &Headers::new().with("content-type", value),
            "application/json",
        )
    };
    assert!(is_json("application/json") && is_json("Application/Json; charset=utf-8"));
    assert!(!is_json("text/plain") && !is_json("application/jsonx") && !is_json(""));
    assert!(!is_of_type(&Headers::new(), "application/json"));
}

#[test]
fn a_session_id_is_visible_ascii() {
    // `httpL.session.chars`
    assert!(is_session_id("!0aZ~"));
    for bad in ["", "a b", "a\u{7f}", "a\tb", "é"] {
        assert!(!is_session_id(bad), "{bad:?}");
    }
}

#[cfg(feature = "proptest")]
mod properties {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_text_travels_as_visible_ascii_and_comes_back(text in any::<String>()) {
            let value = encode_value(&text);
            let headers = Headers::new().with("Mcp-Name", value.as_bytes());
            let read = headers.one("mcp-name").expect("it is good").expect("it is there");
            prop_assert_eq!(decode_value(read).expect("it decodes"), text);
        }
    }
}
