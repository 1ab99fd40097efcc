//! A client's codec for HTTP: what becomes of each request, whatever its server does.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| mcp_proto::fuzzing::http_client(bytes));
