//! The encoder: JSON that any reader agrees with, additions merged in, older revisions obeyed.

mod downgrade;
mod json;
mod strangers;
mod types;

use mcp_proto::Revision;
use mcp_proto::model::encode::{EncodeError, SessionMembers, encode_body, encode_value};
use mcp_proto::rpc::Raw;
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};
use serde_json::Value;

const A: Revision = Revision::V2024_11_05;
const B: Revision = Revision::V2025_03_26;
const C: Revision = Revision::V2025_06_18;
const D: Revision = Revision::V2025_11_25;
const E: Revision = Revision::V2026_07_28;

const NOTHING: SessionMembers<'static> = SessionMembers {
    meta: b"",
    members: b"",
    keeps_structured: false,
};

fn text(out: &[u8]) -> &str {
    std::str::from_utf8(out).expect("what is written is UTF-8")
}

fn body_with<T: Serialize + ?Sized>(
    revision: Revision,
    value: &T,
    meta: &str,
    members: &str,
) -> Result<String, EncodeError> {
    let mut out = b"before".to_vec();
    let additions = SessionMembers {
        meta: meta.as_bytes(),
        members: members.as_bytes(),
        ..SessionMembers::default()
    };
    let encoded = encode_body(&mut out, revision, value, &additions);
    if encoded.is_err() {
        assert_eq!(out, b"before", "an error leaves the buffer as it was");
    }
    encoded?;
    Ok(text(&out)["before".len()..].to_owned())
}

fn body<T: Serialize + ?Sized>(revision: Revision, value: &T) -> String {
    body_with(revision, value, "", "").expect("the value can be encoded")
}

fn value_text<T: Serialize + ?Sized>(value: &T) -> String {
    let mut out = Vec::new();
    encode_value(&mut out, E, value).expect("the value can be encoded");
    text(&out).to_owned()
}

fn parsed<T: Serialize + ?Sized>(revision: Revision, value: &T) -> Value {
    serde_json::from_str(&body(revision, value)).expect("what is written is JSON")
}

fn raw(text: &'static str) -> Raw<'static> {
    Raw::new(text).expect("the test's own JSON")
}

/// A struct with any fields and the name by which a type of the model announces itself.
struct Named {
    name: &'static str,
    fields: Vec<(&'static str, Value)>,
}

fn named(name: &'static str, fields: Value) -> Named {
    let Value::Object(fields) = fields else {
        panic!("fields are an object")
    };
    let leak = |(key, value): (String, Value)| (&*Box::leak(key.into_boxed_str()), value);
    Named {
        name: Box::leak(format!("mcp_proto::{name}").into_boxed_str()),
        fields: fields.into_iter().map(leak).collect(),
    }
}

impl Serialize for Named {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct(self.name, self.fields.len())?;
        for (key, value) in &self.fields {
            fields.serialize_field(key, value)?;
        }
        fields.end()
    }
}
