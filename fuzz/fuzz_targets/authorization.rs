//! An authorization against servers that answer anything.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| mcp_proto::fuzzing::authorization(bytes));
