//! Bearer tokens: what is read of the `Authorization` fields of a request, and what is answered.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| mcp_proto::fuzzing::bearer(bytes));
