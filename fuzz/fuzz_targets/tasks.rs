//! Calls of tools that become tasks, on both sides of a link.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| mcp_proto::fuzzing::tasks(bytes));
