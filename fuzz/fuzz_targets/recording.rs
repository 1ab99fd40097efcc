//! Recordings of sessions, read and written.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| mcp_proto::fuzzing::recording(bytes));
