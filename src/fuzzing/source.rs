//! Fuzz input as a source of choices: numbers, pieces of text, frames.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use bytes::Bytes;

use crate::limits::Limits;
use crate::model::method::SpecMethod;

/// Bytes, read from front to back; behind the end everything is zero.
pub(super) struct Source<'a> {
    bytes: &'a [u8],
}

/// Bodies that lead a session further than noise does.
const BODIES: [&str; 16] = [
    "{}",
    r#"{"protocolVersion":"2025-11-25","capabilities":{"tools":{},"resources":{"subscribe":true},"prompts":{},"logging":{}},"serverInfo":{"name":"s","version":"1"}}"#,
    r#"{"protocolVersion":"2024-11-05","capabilities":{"sampling":{},"elicitation":{},"roots":{"listChanged":true}},"clientInfo":{"name":"c","version":"1"}}"#,
    r#"{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{"tools":{"listChanged":true},"resources":{"subscribe":true},"prompts":{}},"ttlMs":0,"cacheScope":"private"}"#,
    r#"{"resultType":"input_required","inputRequests":{"a":{"method":"elicitation/create","params":{"mode":"form","message":"m","requestedSchema":{"type":"object","properties":{}}}}},"requestState":"s"}"#,
    r#"{"resultType":"input_required","requestState":"s"}"#,
    r#"{"name":"t","arguments":{},"_meta":{"progressToken":1,"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{"elicitation":{"form":{}},"sampling":{}}}}"#,
    r#"{"name":"t","arguments":{},"inputResponses":{"a":{"action":"decline"}},"requestState":"s","_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}"#,
    r#"{"notifications":{"toolsListChanged":true,"resourceSubscriptions":["a:b"]},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}"#,
    r#"{"name":"t","uri":"a:b","arguments":{},"_meta":{"progressToken":"p"}}"#,
    r#"{"requestId":1,"reason":"r"}"#,
    r#"{"progressToken":1,"progress":2}"#,
    r#"{"action":"accept","content":{}}"#,
    r#"{"content":[{"type":"text","text":"x"}],"resultType":"complete"}"#,
    r#"{"uri":"a:b"}"#,
    r#"{"notifications":{"toolsListChanged":true},"_meta":{"io.modelcontextprotocol/subscriptionId":2}}"#,
];

impl<'a> Source<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(super) fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.bytes.split_first() else {
            return 0;
        };
        self.bytes = rest;
        *first
    }

    /// A number below `bound`.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        usize::from(self.byte()) % bound.max(1)
    }

    /// One of the values; `None` when there are none.
    pub(super) fn one_of<T: Copy>(&mut self, values: &[T]) -> Option<T> {
        values.get(self.below(values.len())).copied()
    }

    pub(super) fn rest(&mut self) -> &'a [u8] {
        core::mem::take(&mut self.bytes)
    }

    pub(super) fn piece(&mut self) -> &'a [u8] {
        let length = usize::from(self.byte()).min(self.bytes.len());
        let (piece, rest) = self.bytes.split_at(length);
        self.bytes = rest;
        piece
    }

    /// Up to half an hour; small values are milliseconds.
    pub(super) fn duration(&mut self) -> Duration {
        match self.byte() {
            small @ 0..128 => Duration::from_millis(u64::from(small)),
            large => Duration::from_secs(u64::from(large - 127) * 14),
        }
    }

    /// A frame of any kind, good or bad.
    pub(super) fn frame(&mut self) -> Bytes {
        let id = self.byte() % 24;
        let text = match self.byte() % 8 {
            0 => return Bytes::copy_from_slice(self.piece()),
            1 | 2 => format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{}}}"#, self.body()),
            3 => {
                let code = -32_000 - i32::from(self.byte() % 110) * 7;
                format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":{code},"message":"no"}}}}"#)
            }
            4 | 5 => self.request(id),
            6 => {
                let (method, body) = (self.method(), self.body());
                format!(r#"{{"jsonrpc":"2.0","method":"{method}","params":{body}}}"#)
            }
            _ => {
                let elements: Vec<String> = (0..id % 4).map(|id| self.request(id)).collect();
                format!("[{}]", elements.join(","))
            }
        };
        Bytes::from(text)
    }

    fn request(&mut self, id: u8) -> String {
        let (method, body) = (self.method(), self.body());
        format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{body}}}"#)
    }

    fn method(&mut self) -> &'static str {
        self.one_of(SpecMethod::ALL).map_or("x", SpecMethod::as_str)
    }

    pub(super) fn body(&mut self) -> String {
        match self.byte() {
            255 => String::from_utf8_lossy(self.piece()).into_owned(),
            chosen => BODIES[usize::from(chosen) % BODIES.len()].into(),
        }
    }
}

/// Limits that fuzzing gets to.
pub(super) fn small_limits() -> Limits {
    Limits {
        frame: 4096,
        depth: 16,
        calls: 4,
        subscriptions: 4,
        events: 8,
        output: 4096,
        input_rounds: 3,
        inputs: 4,
        batch: 4,
        cancel_burst: 3,
        malformed_burst: 8,
        ..Limits::default()
    }
}
