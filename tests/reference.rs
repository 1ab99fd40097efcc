//! The reference server example: what it says itself, and driven by the reference client, `pydantic_ai.mcp`.
//!
//! The client needs a Python that has the packages that `tests/reference/drive.py` names; the environment
//! variable `MCP_REFERENCE_PYTHON` says which. Without it nothing is tried, and the test says so.

use std::env;
use std::ffi::OsStr;
use std::io::Write;
#[cfg(feature = "hyper")]
use std::io::{BufRead, BufReader};
use std::process::Command;
#[cfg(feature = "hyper")]
use std::process::Stdio;

use mcp_proto::client::ClientOptions;
use mcp_proto::io::blocking::BlockingClient;
use mcp_proto::io::child;
use serde_json::json;

#[test]
fn the_reference_server_writes_a_dict_in_the_order_of_the_reference() {
    let client = BlockingClient::new(ClientOptions::new("reference", "1"), |client| {
        child::Command::new(env!("CARGO_BIN_EXE_reference_server")).connect(client)
    });
    client.open().unwrap();
    let said = |tool| client.call_tool(tool, json!({})).unwrap().raw;
    let (dict, text) = (said("get_dict"), said("get_unstructured_dict"));
    let items = said("get_multiple_items");
    client.close().unwrap();
    let written = "{\n  \"foo\": \"bar\",\n  \"baz\": 123\n}";
    assert_eq!(dict.content[0].as_text(), Some(written));
    assert_eq!(text.content[0].as_text(), Some(written));
    assert_eq!(items.content[2].as_text(), Some(written));
    let structured = dict.structured_content.expect("it is there");
    assert_eq!(structured.as_str(), r#"{"foo":"bar","baz":123}"#);
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "only the caller knows where a Python with the packages is"
)]
fn the_reference_client_finds_every_tool_resource_and_template() {
    let Some(python) = env::var_os("MCP_REFERENCE_PYTHON") else {
        // Past the harness, which keeps what a test prints to itself as long as it passes.
        let told = b"LEFT OUT: no reference client, MCP_REFERENCE_PYTHON is not set\n";
        drop(std::io::stderr().write_all(told));
        return;
    };
    drive(&python, env!("CARGO_BIN_EXE_reference_server"));
    #[cfg(feature = "hyper")]
    for path in ["mcp", "sse"] {
        let mut server = Command::new(env!("CARGO_BIN_EXE_reference_server"))
            .args(["--http", "0"])
            .stdout(Stdio::piped())
            .spawn()
            .expect("the server runs");
        let mut address = String::new();
        let said = server.stdout.take().expect("it is piped");
        BufReader::new(said)
            .read_line(&mut address)
            .expect("it says where it listens");
        let driven = std::panic::catch_unwind(|| {
            drive(&python, &format!("http://{}/{path}", address.trim()));
        });
        server.kill().expect("it runs until it is ended");
        server.wait().expect("it has ended");
        driven.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    }
}

/// Has the reference client visit a server, and fails if a check does.
fn drive(python: &OsStr, server: &str) {
    let drive = Command::new(python)
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/reference/drive.py"))
        .arg(server)
        .output()
        .expect("Python runs");
    let said = String::from_utf8_lossy(&drive.stdout);
    let errors = String::from_utf8_lossy(&drive.stderr);
    assert!(drive.status.success(), "{server}: {said}{errors}");
    let passed = said.lines().filter(|line| line.starts_with("ok ")).count();
    assert!(passed >= 43, "{server}: only {passed} checks: {said}");
}
