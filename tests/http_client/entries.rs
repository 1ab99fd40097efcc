//! Servers of a configuration file that are reached by URLs.

use mcp_proto::BlockingClient;
use mcp_proto::client::config::{Config, ServerEntry};
use mcp_proto::io::EntryError;
use mcp_proto::io::http::Remote;
use serde_json::json;

use crate::scripted::{Scripted, modern, options, pair};

fn entry(text: &str) -> ServerEntry {
    let file = format!(r#"{{"mcpServers": {{"notes": {text}}}}}"#);
    let config = Config::parse("mcp.json", &file, |_| None).unwrap();
    config.strict().unwrap().servers.remove(0)
}

#[test]
fn an_entry_with_a_url_is_connected_to_with_its_headers() {
    let server = Scripted::start(|asked, _| Some(modern(asked, "hello")));
    let text = format!(
        r#"{{"url": "{}", "headers": {{"X-Key": "k"}}}}"#,
        server.url
    );
    let client = BlockingClient::from_entry(options(), &entry(&text)).unwrap();
    let said: String = client.call_tool_as("greet", json!({})).unwrap();
    assert_eq!(said, "hello");
    assert!(
        server
            .asked()
            .iter()
            .all(|asked| asked.header("x-key") == Some("k"))
    );
}

#[test]
fn an_entry_of_the_old_pair_is_connected_to_by_its_stream_first() {
    let server = pair("/sse");
    let url = server.url.replace("/mcp", "/sse");
    for text in [
        format!(r#"{{"url": "{url}"}}"#),
        format!(r#"{{"url": "{url}", "type": "sse"}}"#),
    ] {
        let client = BlockingClient::from_entry(options(), &entry(&text)).unwrap();
        let said: String = client.call_tool_as("greet", json!({})).unwrap();
        assert_eq!(said, "by the stream");
    }
    let first = &server.summary()[..2];
    assert_eq!(first, ["GET", "POST initialize"]);
}

#[test]
fn an_entry_that_cant_be_used_says_why() {
    let command = entry(r#"{"command": "notes"}"#);
    let server = "notes".to_owned();
    assert_eq!(
        Remote::try_from(&command).unwrap_err(),
        EntryError::NoUrl { server }
    );
    let url = entry(r#"{"url": "https://x.example/${input:key}"}"#);
    let error = BlockingClient::from_entry(options(), &url).unwrap_err();
    assert!(matches!(error, EntryError::Unresolved { .. }), "{error}");
}
