//! Both sessions on a link that loses, repeats and damages frames.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| mcp_proto::fuzzing::pair(bytes));
