//! A server's session over HTTP: what each exchange gives, whatever its client does.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| mcp_proto::fuzzing::http_server(bytes));
