//! The reference client, `pydantic_ai.mcp`, drives the reference server example.
//!
//! It needs a Python that has the packages that `tests/reference/drive.py` names; the environment
//! variable `MCP_REFERENCE_PYTHON` says which. Without it nothing is tried, and the test says so.

use std::env;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The folder of the examples, beside the one of this test.
#[expect(clippy::disallowed_methods, reason = "a test asks where it is itself")]
fn examples() -> PathBuf {
    let test = env::current_exe().expect("a test has a path");
    let profile = test.parent().and_then(Path::parent);
    profile.expect("target/debug/deps").join("examples")
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
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--example", "reference_server"])
        .status();
    assert!(built.expect("cargo runs").success());
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let drive = Command::new(python)
        .arg(root.join("tests/reference/drive.py"))
        .arg(examples().join("reference_server"))
        .output()
        .expect("Python runs");
    let said = String::from_utf8_lossy(&drive.stdout);
    let errors = String::from_utf8_lossy(&drive.stderr);
    assert!(drive.status.success(), "{said}{errors}");
    let passed = said.lines().filter(|line| line.starts_with("ok ")).count();
    assert!(passed >= 43, "only {passed} checks: {said}");
}
