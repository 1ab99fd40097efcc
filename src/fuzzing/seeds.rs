//! What the fuzz targets begin with: texts that mean something to each, the inputs in `fuzz/seeds` that fuzzing has found
//! worth keeping, and noise. `.ci/long/seeds` chooses the kept ones, from what the fuzzers have learned and from the
//! conversations in `tests`.

use alloc::vec::Vec;
use std::path::{Path, PathBuf};

use serde_json::Value;

#[cfg(feature = "record")]
use crate::session::{Route, ServerConfig, ServerSession, Session};
#[cfg(feature = "record")]
use crate::time::Instant;

#[cfg(feature = "record")]
use super::source::small_limits;

/// Longer ones only make a fuzzer slow.
const LONGEST: usize = 2048;

/// Texts that mean something to a target. There is one at least.
pub(super) fn texts(target: &str) -> Vec<Vec<u8>> {
    let texts: &[&[u8]] = match target {
        "lines" => &[
            b"\x20\x03{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\r\n\n[]\n\xff\n",
            b"\xff\x05\xEF\xBB\xBF{}\r\n{\"a\":\"\xc3\xa9\"}\n",
        ],
        "rpc" => &[
            br#"{"jsonrpc":"2.0","id":"a","result":{"a":[1,2.5e3,"\u00e9"]}}"#,
            br#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1}}"#,
            br#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"no"}}"#,
            br#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#,
        ],
        "model" => &[b"\x03{\"name\":\"t\",\"arguments\":{\"x\":1.0},\"_meta\":{\"k\":null}}"],
        "sse" => &[
            b"\x40\x03\xEF\xBB\xBFid: 1\r\ndata: a\rdata\n\nretry: 9\nevent: e\n\n: c\n\nid\n\n",
        ],
        "mirror" => &[
            br#"{"type":"object","properties":{"a":{"type":"string","x-mcp-header":"A"}}}
{"a":"\u00e9 =?base64?x?="}"#,
            br#"{"properties":{"a":{"type":"integer","x-mcp-header":"A"},"b":{"type":"string","x-mcp-header":"B"}}}
{"a":1,"b":"=?base64?eA==?="}"#,
            br#"{"properties":{"a":{"properties":{"b":{"type":"boolean","x-mcp-header":"A"}}}}}
{"a":{"b":true}}"#,
            br#"{"properties":{"a":{"type":"string","x-mcp-header":"A"}}}
{"a":null}"#,
        ],
        "bearer" => &[
            b"Bearer a",
            b"bearer a==",
            b"Bearer a\nBearer b",
            "Bearer \u{e9}".as_bytes(),
            b"Basic x",
        ],
        "template" => &[
            b"a:/{x}/b{y}\na:/1/b2\na:/1//b2\na:/%31/b2",
            b"a:{+x}{?y,z}\na:b/c?y=1&z=2\na:?z=%\na:b",
            b"a:{/x}\na:/b\na:/\na:b",
        ],
        "config" => &[
            br#"{"mcpServers":{"a":{"command":"x","args":["${A}","${input:b}"],"env":{"E":"${env:AB}"}},"b":{"url":"https://a/"}}}"#,
            br#"{"servers":{"a":{"type":"http","url":"x:"},"a":{"command":1}},"inputs":[{"id":"b","type":"promptString"}]}"#,
            b"{ // c\n \"mcpServers\": {\"\": {}, \"x\": {\"command\": \"${A:-${B:-${C}}}\"},},}",
        ],
        // Where everybody does as wished there is a token.
        "authorization" => &[b"\x01\x01\0\0\0\0\x02\0\x03\x05\0\x01\x04\0\x07\0\x01\x01"],
        "restore" => &[b"\0", b"\x01", b"\x02", b"\x03", b"\x04", b"\x05"],
        // A call as a task, which is cancelled, asked after, and cancelled again a while later; in both eras.
        "tasks" => &[
            b"\0\0\xc8\x03\0\0\x02\x0c\0\x01\0\x02\x0c\0\0\0\x02\x0a\x64\x0c\0\x01\0\x02\x0c\0\0\0\x02",
            b"\x01\0\xc8\x03\0\0\x02\x0c\0\x01\0\x02\x0c\0\0\0\x02\x0a\x64\x0c\0\x01\0\x02\x0c\0\0\0\x02",
        ],
        #[cfg(feature = "record")]
        "recording" => return alloc::vec![recording()],
        _ => &[b"\0"],
    };
    texts.iter().map(|text| text.to_vec()).collect()
}

/// The folder of the fuzz targets, which the package doesn't have.
pub(super) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

/// The inputs that fuzzing has found worth keeping, which are written in hexadecimal, one a line.
pub(super) fn kept(target: &str) -> Vec<Vec<u8>> {
    if !folder().exists() {
        return Vec::new();
    }
    let file = folder().join("seeds").join(target);
    let text = std::fs::read_to_string(&file).expect("every target has its seeds");
    let byte = |pair: &[u8]| {
        let pair = core::str::from_utf8(pair).ok()?;
        u8::from_str_radix(pair, 16).ok()
    };
    let seed = |line: &str| line.as_bytes().chunks(2).map(byte).collect();
    let seeds: Option<Vec<Vec<u8>>> = text.lines().map(seed).collect();
    seeds.expect("they are written in hexadecimal")
}

/// Inputs for a target from the conversations and examples in `tests`.
pub(super) fn candidates(target: &str) -> Vec<Vec<u8>> {
    let mut candidates = match target {
        "rpc" => conversations(),
        "lines" => {
            let lines = conversations();
            let lines = lines.chunks(2).map(|pair| pair.join(&b'\n'));
            lines.map(|lines| [b"\xff\x07", &*lines].concat()).collect()
        }
        "model" => {
            let bodies = conversations().into_iter().filter_map(|text| {
                let body: Value = serde_json::from_slice(&text).ok()?;
                let inner = body.get("params").or_else(|| body.get("result"));
                serde_json::to_vec(inner.unwrap_or(&body)).ok()
            });
            let of_every_method =
                |body: Vec<u8>| (0..32).map(move |method| [&[method], &*body].concat());
            bodies.flat_map(of_every_method).collect()
        }
        _ => Vec::new(),
    };
    candidates.retain(|candidate| candidate.len() <= LONGEST);
    candidates
}

/// The examples of the specification, and what hostile clients and servers say.
fn conversations() -> Vec<Vec<u8>> {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let mut texts = Vec::new();
    let examples = tests.join("spec/examples/2026-07-28");
    for group in std::fs::read_dir(examples).expect("the examples are there") {
        let group = group.expect("a folder").path();
        for file in std::fs::read_dir(group).expect("a folder of examples") {
            let text = std::fs::read(file.expect("a file").path()).expect("an example");
            let example: Value = serde_json::from_slice(&text).expect("examples are JSON");
            texts.push(serde_json::to_vec(&example).expect("what was read can be written"));
        }
    }
    for file in ["hostile/cases.jsonl", "hostile/servers.jsonl"] {
        let cases = std::fs::read_to_string(tests.join(file)).expect("the cases are there");
        for case in cases.lines().filter(|line| !line.is_empty()) {
            let case: Value = serde_json::from_str(case).expect("cases are JSON");
            let steps = case["steps"].as_array().into_iter().flatten();
            let said = steps.filter_map(|step| step.as_str().or_else(|| step["send"].as_str()));
            texts.extend(
                said.map(|text| text.replace("$ID", "1").replace("$OK", "{}").into_bytes()),
            );
        }
    }
    texts
}

#[cfg(feature = "record")]
const HANDSHAKE: [&str; 3] = [
    r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"c","version":"1"}}}"#,
    r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#,
    r#"{"jsonrpc":"2.0","id":"a","method":"tools/call","params":{"name":"t"}}"#,
];

#[cfg(feature = "record")]
fn recording() -> Vec<u8> {
    let now = Instant::from_millis(1);
    let config = ServerConfig::new("fuzz", "1").limits(small_limits());
    let mut recorder = crate::record::Recorder::new(ServerSession::new(config));
    for frame in HANDSHAKE {
        recorder.handle_frame(now, Route::Pipe, frame.into());
        while recorder.poll_event().is_some() {}
        while recorder.poll_transmit(&mut Vec::new()).is_some() {}
    }
    let mut recording = alloc::vec![0];
    recording.extend(recorder.take_lines());
    recording
}

/// Bytes that mean nothing, the same ones every time.
pub(super) struct Noise(u64);

impl Default for Noise {
    fn default() -> Self {
        Self(0x2545_F491_4F6C_DD1D)
    }
}

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub(super) fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[3]
    }

    pub(super) fn below(&mut self, bound: usize) -> usize {
        let number = usize::try_from(self.next() >> 33).unwrap_or_default();
        number % bound.max(1)
    }

    pub(super) fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.byte()).collect()
    }
}
