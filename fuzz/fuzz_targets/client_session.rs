//! A client session against a peer that does anything.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| mcp_proto::fuzzing::client_session(bytes));
