//! The reference client, `pydantic_ai.mcp`, drives the reference server example.
//!
//! It needs a Python that has the packages that `tests/reference/drive.py` names; the environment
//! variable `MCP_REFERENCE_PYTHON` says which. Without it nothing is tried, and the test says so.

use std::env;
use std::io::Write;
use std::process::Command;

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
    let drive = Command::new(python)
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/reference/drive.py"))
        .arg(env!("CARGO_BIN_EXE_reference_server"))
        .output()
        .expect("Python runs");
    let said = String::from_utf8_lossy(&drive.stdout);
    let errors = String::from_utf8_lossy(&drive.stderr);
    assert!(drive.status.success(), "{said}{errors}");
    let passed = said.lines().filter(|line| line.starts_with("ok ")).count();
    assert!(passed >= 43, "only {passed} checks: {said}");
}
