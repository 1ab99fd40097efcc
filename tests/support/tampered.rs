//! What somebody may make of a stored text: every number, text and string of bytes in it becomes another.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

/// The places of all numbers, texts and strings of bytes.
fn places(value: &Value, path: &str, found: &mut Vec<String>) {
    match value {
        Value::Array(elements) if is_bytes(elements) => found.push(path.to_owned()),
        Value::Array(elements) => {
            for (n, value) in elements.iter().enumerate() {
                places(value, &format!("{path}/{n}"), found);
            }
        }
        Value::Object(members) => {
            for (key, value) in members {
                places(value, &format!("{path}/{key}"), found);
            }
        }
        Value::Number(_) | Value::String(_) => found.push(path.to_owned()),
        Value::Bool(_) | Value::Null => {}
    }
}

fn is_bytes(elements: &[Value]) -> bool {
    let is_byte = |value: &Value| value.as_u64().is_some_and(|byte| byte < 256);
    elements.len() > 12 && elements.iter().all(is_byte)
}

/// What may stand in the place of a value.
pub fn others(value: &Value) -> Vec<Value> {
    match value {
        Value::Array(bytes) => {
            let changed = |at: usize, byte: u8| {
                let mut bytes = bytes.clone();
                bytes[at] = byte.into();
                Value::from(bytes)
            };
            let last = bytes.len() - 1;
            let shorter = Value::from(bytes[..last].to_vec());
            vec![
                changed(0, b'x'),
                changed(last / 2, b'\n'),
                changed(last, b'"'),
                shorter,
            ]
        }
        Value::String(text) => {
            let mut shorter = text.clone();
            shorter.pop();
            let longer = format!("{text}\n,");
            [shorter, longer, "{]".into(), "".into()]
                .map(Value::from)
                .into()
        }
        _ => [
            0,
            1,
            200,
            u64::from(u32::MAX),
            i64::MAX.unsigned_abs(),
            u64::MAX,
        ]
        .map(Value::from)
        .into(),
    }
}

/// All texts that `value` becomes when one thing in it is changed. A plain run has each turn try a part
/// of them.
pub fn changed(value: &Value) -> impl Iterator<Item = String> {
    static TURN: AtomicUsize = AtomicUsize::new(0);
    let parts = crate::amount(61, 1);
    let turn = TURN.fetch_add(1, Ordering::Relaxed) % parts;
    let mut paths = Vec::new();
    places(value, "", &mut paths);
    let paths = paths.into_iter().skip(turn).step_by(parts);
    paths.flat_map(move |path| {
        let others = others(value.pointer(&path).unwrap());
        others.into_iter().map(move |other| {
            let mut changed = value.clone();
            *changed.pointer_mut(&path).unwrap() = other;
            changed.to_string()
        })
    })
}
