//! Saved sessions that somebody has changed.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| mcp_proto::fuzzing::restore(bytes));
