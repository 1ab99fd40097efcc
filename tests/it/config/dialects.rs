//! What the products write that none of the others does, each in its real shape.

use mcp_proto::client::config::{Config, ConfigErrorKind, ServerKind};
use serde_json::json;

use super::{environment, one, pairs, parse, wrong};

fn stdio(config: &Config, name: &str) -> (String, Vec<String>, Vec<(String, String)>) {
    match &config.get(name).unwrap().kind {
        ServerKind::Stdio {
            command, args, env, ..
        } => (command.clone(), args.clone(), env.clone()),
        other => panic!("{other:?} is no process"),
    }
}

fn http(config: &Config, name: &str) -> (String, Vec<(String, String)>) {
    match &config.get(name).unwrap().kind {
        ServerKind::Http { url, headers, .. } => (url.clone(), headers.clone()),
        other => panic!("{other:?} is not Streamable HTTP"),
    }
}

#[test]
fn a_file_of_windsurf_or_antigravity_has_server_urls() {
    let config = parse(
        r#"{
            "mcpServers": {
                "remote": {
                    "serverUrl": "https://h/mcp",
                    "headers": {"Authorization": "Bearer ${env:KEY}"}
                },
                "old": {"serverUrl": "https://h/sse"},
                "local": {"command": "uvx", "args": ["mcp-server-git"], "disabled": true}
            }
        }"#,
    );
    let (url, headers) = http(&config, "remote");
    assert_eq!(url, "https://h/mcp");
    assert_eq!(pairs(&headers), [("Authorization", "Bearer hunter2")]);
    let old = &config.get("old").unwrap().kind;
    assert!(matches!(old, ServerKind::Sse { url, .. } if url == "https://h/sse"));
    assert!(config.servers.iter().all(|entry| entry.unknown.is_empty()));
}

#[test]
fn a_file_of_gemini_cli_or_qwen_code_has_http_urls() {
    let config = parse(
        r#"{
            "selectedAuthType": "gemini-api-key",
            "mcp": {"allowed": ["github"]},
            "mcpServers": {
                "github": {
                    "httpUrl": "https://h/sse",
                    "headers": {"Authorization": "${KEY}"},
                    "timeout": 5000
                },
                "both": {"httpUrl": "https://h/mcp", "url": "https://h/sse"},
                "git": {"command": "uvx", "args": ["mcp-server-git"], "trust": false}
            }
        }"#,
    );
    assert_eq!(http(&config, "github").0, "https://h/sse");
    assert_eq!(http(&config, "both").0, "https://h/mcp");
    assert_eq!(config.get("both").unwrap().unknown[0].path, "url");
    assert_eq!(
        wrong(r#"{"httpUrl": "u", "type": "sse"}"#),
        "httpUrl: contradicts `type` at line 2 column 18"
    );
}

#[test]
fn a_file_of_opencode_has_lists_for_commands_and_references_in_braces() {
    let config = parse(
        r#"{
            "$schema": "https://opencode.ai/config.json",
            "mcp": {
                "local": {
                    "type": "local",
                    "command": ["bun", "x", "my-mcp-command"],
                    "environment": {"A": "{env:KEY}", "B": "${KEY}"},
                    "enabled": true
                },
                "remote": {
                    "type": "remote",
                    "url": "https://h/mcp",
                    "headers": {"Authorization": "Bearer {env:KEY}", "X": "{file:~/.key}"},
                    "enabled": false
                },
                "sse": {"type": "remote", "url": "https://h/sse"}
            }
        }"#,
    );
    let (command, args, env) = stdio(&config, "local");
    assert_eq!(command, "bun");
    assert_eq!(args, ["x", "my-mcp-command"]);
    assert_eq!(pairs(&env), [("A", "hunter2"), ("B", "hunter2")]);
    let (_, headers) = http(&config, "remote");
    assert_eq!(
        pairs(&headers),
        [("Authorization", "Bearer hunter2"), ("X", "{file:~/.key}")]
    );
    let open: Vec<_> = config
        .unresolved()
        .map(|(_, open)| &*open.reference)
        .collect();
    assert_eq!(open, ["file:~/.key"]);
    assert!(!config.get("remote").unwrap().enabled);
    let sse = &config.get("sse").unwrap().kind;
    assert!(matches!(sse, ServerKind::Sse { .. }));
    assert_eq!(config.unknown()[0].path, "$schema");
}

#[test]
fn a_newer_file_of_opencode_has_its_servers_one_level_deeper() {
    let config =
        parse(r#"{"mcp": {"servers": {"s": {"type": "local", "command": ["npx", "-y", "p"]}}}}"#);
    assert_eq!(stdio(&config, "s").1, ["-y", "p"]);
}

#[test]
fn a_file_of_crush_has_its_servers_in_mcp() {
    let config = parse(
        r#"{"mcp": {"fs": {"type": "stdio", "command": "node", "args": ["a.js"], "env": {}},
            "gh": {"type": "http", "url": "https://h/mcp"}}}"#,
    );
    assert_eq!(stdio(&config, "fs").0, "node");
    assert_eq!(http(&config, "gh").0, "https://h/mcp");
}

#[test]
fn references_in_braces_are_left_alone_in_other_products_files() {
    let config = parse(r#"{"mcpServers": {"s": {"command": "c", "args": ["{env:KEY}"]}}}"#);
    assert_eq!(stdio(&config, "s").1, ["{env:KEY}"]);
}

#[test]
fn a_reference_in_braces_to_nothing_is_an_error() {
    let text = r#"{"mcp": {"s": {"type": "local", "command": ["c", "{env:NOPE}"]}}}"#;
    let config = Config::parse("opencode.json", text, environment).unwrap();
    assert_eq!(
        config.errors[0].to_string(),
        "opencode.json: server \"s\": command[1]: environment variable ${NOPE} is not defined at \
         line 1 column 50"
    );
}

#[test]
fn settings_of_amp_are_read() {
    let config = parse(
        r#"{
            "amp.anthropic.thinking.enabled": true,
            "amp.mcpServers": {
                "playwright": {"command": "npx", "args": ["-y", "@playwright/mcp@latest", "--headless"]},
                "remote": {"url": "https://h/mcp", "headers": {"Authorization": "Bearer ${KEY}"}}
            }
        }"#,
    );
    assert_eq!(stdio(&config, "playwright").1.len(), 3);
    assert_eq!(http(&config, "remote").0, "https://h/mcp");
}

#[test]
fn a_file_of_the_copilot_cli_has_local_servers() {
    let entry = one(r#"{"type": "local", "command": "npx", "args": ["-y", "p"], "tools": ["*"]}"#);
    assert!(matches!(entry.kind, ServerKind::Stdio { .. }));
}

/// What a TOML parser makes of Codex's `config.toml`.
#[test]
fn a_file_of_codex_is_read_as_a_value() {
    let value = json!({
        "model": "gpt-5",
        "mcp_servers": {
            "bookmarks": {
                "command": "uv", "args": ["run", "bookmarks.py"], "env": {"A": "1"},
                "env_vars": ["KEY", "A", "NOT_THERE"], "startup_timeout_sec": 20.5
            },
            "figma": {
                "url": "https://h/mcp", "bearer_token_env_var": "KEY",
                "http_headers": {"X-Region": "us"},
                "env_http_headers": {"X-Key": "KEY", "X-Empty": "EMPTY", "X-No": "NOT_THERE"}
            },
            "off": {"command": "c", "enabled": false},
            "bad": {"url": "https://h/mcp", "bearer_token_env_var": "NOT_THERE"}
        }
    });
    let config = Config::from_value("config.toml", &value, environment).unwrap();
    let (_, args, env) = stdio(&config, "bookmarks");
    assert_eq!(args, ["run", "bookmarks.py"]);
    assert_eq!(pairs(&env), [("A", "1"), ("KEY", "hunter2")]);
    let unknown = &config.get("bookmarks").unwrap().unknown[0];
    assert_eq!(
        (&*unknown.path, unknown.value.as_str()),
        ("startup_timeout_sec", "20.5")
    );
    let (_, headers) = http(&config, "figma");
    assert_eq!(
        pairs(&headers),
        [
            ("X-Region", "us"),
            ("X-Key", "hunter2"),
            ("Authorization", "Bearer hunter2")
        ]
    );
    assert!(!config.get("off").unwrap().enabled);
    assert_eq!(
        config.errors[0].to_string(),
        "config.toml: server \"bad\": bearer_token_env_var: environment variable ${NOT_THERE} is \
         not defined"
    );
    assert!(config.errors[0].position.is_none());
}

#[test]
fn a_value_is_read_as_its_text_is() {
    let text = r#"{"servers": {"z": {"command": "c", "n": [1, -2, 3.5, null, true, [], {}]},
        "a": {"url": "${KEY}"}}, "inputs": []}"#;
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let config = Config::from_value("f", &mut deserializer, environment).unwrap();
    assert_eq!(config.servers, parse(text).servers);
    assert_eq!(
        config.servers[0].unknown[0].value.as_str(),
        "[1,-2,3.5,null,true,[],{}]"
    );
}

#[test]
fn a_value_that_can_not_be_read_is_an_error_without_its_lines() {
    let mut deserializer = serde_json::Deserializer::from_str("{\"a\":\n secret");
    let error = Config::from_value("f", &mut deserializer, environment).unwrap_err();
    assert!(matches!(error.kind, ConfigErrorKind::Syntax { .. }));
    assert!(!error.to_string().contains("secret"));
    let mut deep = json!(1);
    for _ in 0..200 {
        deep = json!([deep]);
    }
    let error = Config::from_value("f", &deep, environment).unwrap_err();
    assert_eq!(error.to_string(), "f: nested more than 128 levels deep");
}

#[test]
fn two_names_for_one_thing_contradict_each_other() {
    assert_eq!(
        wrong(r#"{"command": "c", "env": {"A": "1"}, "environment": {"A": "2"}}"#),
        "environment: contradicts `env` at line 2 column 57"
    );
    assert_eq!(
        wrong(r#"{"url": "u", "headers": {}, "http_headers": {}}"#),
        "http_headers: contradicts `headers` at line 2 column 50"
    );
}

#[test]
fn a_list_without_a_command_is_an_error() {
    assert_eq!(
        wrong(r#"{"command": []}"#),
        "command[0]: missing at line 2 column 18"
    );
    assert_eq!(
        wrong(r#"{"command": [1, "a"]}"#),
        "command[0]: expected a string, found a number at line 2 column 19"
    );
}
