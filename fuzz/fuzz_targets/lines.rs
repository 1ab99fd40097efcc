//! Newline framing: the same frames however the bytes are cut.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| mcp_proto::fuzzing::lines(bytes));
