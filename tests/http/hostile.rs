//! Hostile HTTP as data: what a server answers to clients that break the rules, and what a client makes
//! of servers that do. Each case is a line of `hostile/*.jsonl`, and after each of them whoever
//! behaves is served.

mod client;
mod server;

use serde_json::Value;

/// The cases of a file.
fn cases(text: &str) -> Vec<Value> {
    let cases: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("a line is JSON"))
        .collect();
    let mut names: Vec<&str> = cases.iter().map(name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), cases.len(), "a name stands twice");
    cases
}

fn name(case: &Value) -> &str {
    case["name"].as_str().expect("a case has a name")
}

/// The bytes that a text stands for: one for each of its characters.
fn bytes_of(text: &str) -> Vec<u8> {
    let byte = |c: char| u8::try_from(u32::from(c)).expect("a character stands for a byte");
    text.chars().map(byte).collect()
}

/// What a `fill` stands for: how it begins, what is repeated, how often, and how it ends.
fn filled(fill: &Value) -> Vec<u8> {
    let text = |at: usize| bytes_of(fill[at].as_str().expect("a text"));
    let times = usize::try_from(fill[2].as_u64().expect("a number")).expect("it is small");
    [text(0), text(1).repeat(times), text(3)].concat()
}

#[test]
fn there_are_at_least_a_hundred_and_fifty_cases() {
    let files = [server::CASES, client::CASES, client::ENDPOINTS];
    let all: usize = files.iter().map(|file| cases(file).len()).sum();
    assert!(all >= 150, "{all}");
}

/// The fields of a head, as pairs.
fn pairs(fields: &Value) -> impl Iterator<Item = (&str, Vec<u8>)> {
    let pairs = fields.as_array().into_iter().flatten();
    pairs.map(|pair| {
        let text = |at: usize| pair[at].as_str().expect("a text");
        (text(0), bytes_of(text(1)))
    })
}
