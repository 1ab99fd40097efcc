//! Server-sent events: the same events however the bytes are cut.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| mcp_proto::fuzzing::sse(bytes));
