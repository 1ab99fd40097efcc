//! What a user sets of a client at a URL beside the server's address: how long it waits, and by whom
//! it goes.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use mcp_proto::io::http::Remote;

#[cfg(feature = "ureq")]
use crate::scripted::{Scripted, modern};
use crate::scripted::{options, with_each};

/// Long before any usual timeout, and long after those that are set here.
const SOON: Duration = Duration::from_secs(8);

#[test]
fn an_opening_that_hears_nothing_ends_when_it_was_told_to() {
    // It accepts connections and says nothing, no TLS either.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap();
    let schemes: &[&str] = match cfg!(feature = "rustls") {
        true => &["http", "https"],
        false => &["http"],
    };
    for scheme in schemes {
        let remote = Remote::new(format!("{scheme}://{address}/mcp"));
        let options = options().timeout(Duration::from_millis(300));
        with_each(&remote, &options, |client| {
            let begun = Instant::now();
            let error = client.open().unwrap_err();
            assert!(begun.elapsed() < SOON, "{scheme}: {error}");
        });
    }
}

/// The environment belongs to the whole process, so the client runs in one of its own: this program
/// once more, with this test alone.
#[cfg(feature = "ureq")]
#[test]
fn ureq_goes_by_the_proxy_of_the_environment() {
    const INSIDE: &str = "MCP_TEST_BEHIND_A_PROXY";
    if std::env::var_os(INSIDE).is_some() {
        // Nobody but the proxy knows it.
        let remote = Remote::new("http://server.invalid/mcp");
        let client = mcp_proto::BlockingClient::ureq(options(), remote);
        client.open().unwrap();
        let said: String = client.call_tool_as("greet", serde_json::json!({})).unwrap();
        assert_eq!(said, "by the proxy");
        return;
    }
    // It is asked to open a tunnel, or for the whole URL, and is the server as well.
    let proxy = Scripted::start(|asked, _| match &*asked.method {
        "CONNECT" => Some("HTTP/1.1 200 -\r\n\r\n".to_owned()),
        _ => Some(modern(asked, "by the proxy")),
    });
    let address = proxy.url.strip_suffix("/mcp").unwrap();
    let inside = std::process::Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "settings::ureq_goes_by_the_proxy_of_the_environment",
        ])
        .env("ALL_PROXY", address)
        .env("NO_PROXY", "")
        .env(INSIDE, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&inside.stdout);
    assert!(inside.status.success(), "{said}");
    let asked = proxy.asked();
    assert!(asked[0].path.contains("server.invalid"), "{asked:?}");
}
