//! Types: what can be read can be written, and reads the same again.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| mcp_proto::fuzzing::model(bytes));
