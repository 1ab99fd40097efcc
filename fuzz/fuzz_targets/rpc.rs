//! Envelopes: both readers agree with each other and with a JSON parser.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| mcp_proto::fuzzing::rpc(bytes));
