//! The files that the products write, each in its real shape.

use mcp_proto::client::config::{Config, ServerKind};

use super::{error, pairs, parse};

#[test]
fn a_file_of_claude_desktop_is_read() {
    let servers = parse(
        r#"{
            "mcpServers": {
                "filesystem": {
                    "command": "npx",
                    "args": ["-y", "@modelcontextprotocol/server-filesystem", "/home/me/Desktop"]
                },
                "brave-search": {
                    "command": "npx",
                    "args": ["-y", "@modelcontextprotocol/server-brave-search"],
                    "env": {"BRAVE_API_KEY": "${KEY}"}
                }
            }
        }"#,
    );
    let ServerKind::Stdio { env, .. } = &servers.get("brave-search").unwrap().kind else {
        panic!("it is a process")
    };
    assert_eq!(pairs(env), [("BRAVE_API_KEY", "hunter2")]);
}

#[test]
fn a_file_of_claude_code_is_read() {
    let servers = parse(
        r#"{
            "mcpServers": {
                "api": {
                    "type": "http",
                    "url": "${API_BASE:-https://api.example.com}/mcp",
                    "headers": {"Authorization": "Bearer ${KEY}"}
                },
                "events": {"type": "sse", "url": "https://api.example.com/events"},
                "local": {"type": "stdio", "command": "server", "args": [], "env": {}}
            }
        }"#,
    );
    let ServerKind::Http { url, headers, .. } = &servers.get("api").unwrap().kind else {
        panic!("it has a URL")
    };
    assert_eq!(url, "https://api.example.com/mcp");
    assert_eq!(pairs(headers), [("Authorization", "Bearer hunter2")]);
    assert!(matches!(
        servers.get("events").unwrap().kind,
        ServerKind::Sse { .. }
    ));
    assert!(matches!(
        servers.get("local").unwrap().kind,
        ServerKind::Stdio { .. }
    ));
}

#[test]
fn a_file_of_cursor_is_read() {
    let servers = parse(
        r#"{
            "mcpServers": {
                "local": {
                    "type": "stdio",
                    "command": "python",
                    "args": ["${workspaceFolder}/tools/server.py", "${userHome}"],
                    "env": {"API_KEY": "${env:KEY}"},
                    "envFile": ".env"
                },
                "remote": {
                    "url": "https://api.example.com/mcp",
                    "auth": {"CLIENT_ID": "${env:KEY}", "scopes": ["read"]}
                }
            }
        }"#,
    );
    let ServerKind::Stdio { args, env, .. } = &servers.get("local").unwrap().kind else {
        panic!("it is a process")
    };
    assert_eq!(args, &["${workspaceFolder}/tools/server.py", "${userHome}"]);
    assert_eq!(pairs(env), [("API_KEY", "hunter2")]);
    let open: Vec<_> = servers
        .unresolved()
        .map(|(entry, open)| (&*entry.name, &*open.field, &*open.reference))
        .collect();
    assert_eq!(
        open,
        [
            ("local", "args[0]", "workspaceFolder"),
            ("local", "args[1]", "userHome")
        ]
    );
    assert_eq!(servers.get("remote").unwrap().unknown[0].path, "auth");
}

pub const VS_CODE: &str = r#"{
    // Asked for once and then remembered.
    "inputs": [
        {"type": "promptString", "id": "key", "description": "API key", "password": true},
        {"type": "promptString", "id": "spare", "description": "Unused"},
    ],
    "servers": {
        "perplexity": {
            "type": "stdio",
            "command": "npx",
            "args": ["-y", "server-perplexity-ask"],
            "env": {"PERPLEXITY_API_KEY": "${input:key}"},
            "dev": {"watch": "${workspaceFolder:web}/**/*.js"},
        },
        "github": {"type": "http", "url": "https://api.example.com/mcp/${input:org}"},
    },
}"#;

#[test]
fn a_file_of_vs_code_is_read_with_its_inputs_open() {
    let servers = parse(VS_CODE);
    let ServerKind::Stdio { env, .. } = &servers.get("perplexity").unwrap().kind else {
        panic!("it is a process")
    };
    assert_eq!(pairs(env), [("PERPLEXITY_API_KEY", "${input:key}")]);
    let inputs: Vec<_> = servers
        .inputs()
        .iter()
        .map(|input| (&*input.id, input.definition.is_some(), input.is_needed))
        .collect();
    assert_eq!(
        inputs,
        [
            ("key", true, true),
            ("spare", true, false),
            ("org", false, true)
        ]
    );
    let open: Vec<_> = servers
        .unresolved()
        .map(|(_, open)| &*open.reference)
        .collect();
    assert_eq!(open, ["input:key", "workspaceFolder:web", "input:org"]);
    assert!(servers.unknown().is_empty());
}

#[test]
fn an_environment_may_answer_for_the_editor() {
    let answers = |name: &str| name.starts_with("input:").then(|| "answer".to_owned());
    let servers = Config::parse("mcp.json", VS_CODE, answers).unwrap();
    let ServerKind::Stdio { env, .. } = &servers.get("perplexity").unwrap().kind else {
        panic!("it is a process")
    };
    assert_eq!(pairs(env), [("PERPLEXITY_API_KEY", "answer")]);
    assert!(servers.inputs().iter().all(|input| !input.is_needed));
}

#[test]
fn settings_of_vs_code_are_read() {
    let servers = parse(
        r#"{
            "editor.fontSize": 14,
            "mcp": {
                "inputs": [],
                "servers": {"time": {"command": "uvx", "args": ["mcp-server-time"]}},
                "discovery": true
            }
        }"#,
    );
    assert_eq!(servers.servers[0].name, "time");
    let unknown: Vec<_> = servers.unknown().iter().map(|field| &*field.path).collect();
    assert_eq!(unknown, ["mcp.discovery", "editor.fontSize"]);
}

#[test]
fn inputs_of_another_shape_are_an_error() {
    let cases = [
        (
            r#"{"servers": {}, "inputs": {}}"#,
            "inputs: expected an array, found an object",
        ),
        (
            r#"{"servers": {}, "inputs": [1]}"#,
            "inputs[0].id: expected an object, found a number",
        ),
        (
            r#"{"servers": {}, "inputs": [{"id": "a"}, {}]}"#,
            "inputs[1].id: missing",
        ),
    ];
    for (text, expected) in cases {
        let sentence = error(text).to_string();
        assert!(sentence.contains(expected), "{sentence}");
    }
}

#[test]
fn settings_of_zed_are_read_in_both_of_their_forms() {
    let servers = parse(
        r#"{
            "theme": "One Dark",
            "context_servers": {
                "old": {
                    "command": {"path": "/bin/srv", "args": ["run"], "env": {"K": "${KEY}"}, "x": 1},
                    "settings": {"enable_something": true},
                },
                "new": {"source": "custom", "command": "npx", "args": ["-y", "m"], "env": {}},
                "remote": {"url": "https://h/mcp", "headers": {"Authorization": "Bearer ${KEY}"}},
                "extension": {"source": "extension", "enabled": false, "settings": {"t": "T"}},
            },
        }"#,
    );
    let old = servers.get("old").unwrap();
    let ServerKind::Stdio {
        command, args, env, ..
    } = &old.kind
    else {
        panic!("it is a process")
    };
    assert_eq!((&**command, &*args[0]), ("/bin/srv", "run"));
    assert_eq!(pairs(env), [("K", "hunter2")]);
    let unknown: Vec<_> = old.unknown.iter().map(|field| &*field.path).collect();
    assert_eq!(unknown, ["command.x", "settings"]);
    assert!(matches!(
        servers.get("new").unwrap().kind,
        ServerKind::Stdio { .. }
    ));
    assert!(matches!(
        servers.get("remote").unwrap().kind,
        ServerKind::Http { .. }
    ));
    let extension = servers.get("extension").unwrap();
    assert_eq!(extension.kind, ServerKind::Extension);
    assert!(!extension.enabled);
}
