//! Mirrored arguments: what a client writes its server accepts.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| mcp_proto::fuzzing::mirror(bytes));
