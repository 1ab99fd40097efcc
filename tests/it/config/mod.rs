//! Configuration files: what they may say, references, errors, and what is kept secret.

mod bounds;
mod dialects;
mod entries;
mod products;

use self::products::VS_CODE;
use mcp_proto::client::config::{Config, ConfigError, ConfigErrorKind, ServerEntry, ServerKind};

/// Knows `KEY`, `EMPTY` and `NESTED`.
fn environment(name: &str) -> Option<String> {
    let value = match name {
        "KEY" => "hunter2",
        "EMPTY" => "",
        "NESTED" => "${KEY}",
        " KEY" => "spaced",
        _ => return None,
    };
    Some(value.to_owned())
}

/// A file without a mistake.
fn parse(text: &str) -> Config {
    let config = Config::parse("mcp.json", text, environment).unwrap();
    config.strict().unwrap()
}

/// What is wrong with a file that has one mistake.
fn error(text: &str) -> ConfigError {
    match Config::parse("mcp.json", text, environment) {
        Err(error) => error,
        Ok(config) => {
            assert_eq!(config.errors.len(), 1, "{:?}", config.errors);
            config.errors[0].clone()
        }
    }
}

/// The one server of a `mcpServers` file.
fn one(entry: &str) -> ServerEntry {
    let config = parse(&format!(r#"{{"mcpServers": {{"s": {entry}}}}}"#));
    assert_eq!(config.servers.len(), 1);
    config.servers.into_iter().next().unwrap()
}

/// What is wrong with the one server of a `mcpServers` file, without the file and the server.
fn wrong(entry: &str) -> String {
    let error = error(&format!("{{\"mcpServers\": {{\n\"s\": {entry}}}}}"));
    let sentence = error.to_string();
    let rest = sentence.strip_prefix(r#"mcp.json: server "s": "#).unwrap();
    rest.to_owned()
}

/// The argument that `text` becomes.
fn expanded(text: &str) -> String {
    let text = serde_json::Value::from(text);
    match one(&format!(r#"{{"command": "c", "args": [{text}]}}"#)).kind {
        ServerKind::Stdio { args, .. } => args[0].clone(),
        other => panic!("{other:?} is no process"),
    }
}

fn place(error: &ConfigError) -> (u32, u32) {
    let position = error.position.unwrap();
    (position.line, position.column)
}

fn pairs(pairs: &[(String, String)]) -> Vec<(&str, &str)> {
    let borrowed = pairs.iter().map(|(name, value)| (&**name, &**value));
    borrowed.collect()
}

#[test]
fn f1_the_file_is_named_and_never_opened() {
    let error = Config::parse("/nope.json", "", environment).unwrap_err();
    assert_eq!(&*error.file, "/nope.json");
    assert!(error.to_string().starts_with("/nope.json: EOF"), "{error}");
}

#[test]
fn f2_order_is_kept_and_no_servers_are_fine() {
    let servers = parse(
        r#"{"mcpServers": {"z": {"command": "1"}, "a": {"url": "u"}, "m": {"command": "3"}}}"#,
    );
    let names: Vec<_> = servers.servers.iter().map(|entry| &*entry.name).collect();
    assert_eq!(names, ["z", "a", "m"]);
    assert!(parse(r#"{"mcpServers": {}}"#).servers.is_empty());
}

#[test]
fn f2_a_missing_top_key_is_an_error_that_lists_the_accepted_ones() {
    for text in [
        "{}",
        r#"{"mcp_servers": {}}"#,
        r#"{"mcp": {}}"#,
        r#"{"mcp": 1}"#,
    ] {
        let error = error(text);
        assert!(matches!(error.kind, ConfigErrorKind::NoServers { .. }));
        for key in [
            "`mcpServers`",
            "`servers`",
            "`mcp.servers`",
            "`context_servers`",
        ] {
            assert!(error.to_string().contains(key), "{error}");
        }
    }
    assert_eq!(
        error("[]").to_string(),
        "mcp.json: expected an object, found an array at line 1 column 1"
    );
    assert_eq!(
        error(r#"{"mcpServers": []}"#).to_string(),
        "mcp.json: mcpServers: expected an object, found an array at line 1 column 16"
    );
}

#[test]
fn f2_a_name_that_stands_twice_is_an_error_that_names_both_places() {
    let text = "{\"mcpServers\": {\n  \"a\": {\"command\": \"x\"},\n  \"\\u0061\": {\"command\": \"y\"}\n}}";
    assert_eq!(
        error(text).to_string(),
        "mcp.json: server \"a\": defined twice, first at line 2 column 3 and again at line 3 column 3"
    );
    assert_eq!(
        wrong(r#"{"command": "x", "command": "y"}"#),
        "command: defined twice, first at line 2 column 7 and again at line 2 column 23"
    );
    assert_eq!(
        wrong(r#"{"command": "x", "env": {"A": "1", "A": "2"}}"#),
        "env.A: defined twice, first at line 2 column 31 and again at line 2 column 41"
    );
}

#[test]
fn f3_url_that_ends_in_sse_is_sse() {
    assert!(matches!(
        one(r#"{"url": "https://h/sse"}"#).kind,
        ServerKind::Sse { .. }
    ));
}

#[test]
fn f3_any_other_url_is_streamable_http() {
    for url in [
        "https://h/mcp",
        "https://h/sse/",
        "https://h/sse?y",
        "https://h/SSE",
        "",
    ] {
        let entry = one(&format!(r#"{{"url": "{url}"}}"#));
        assert!(matches!(entry.kind, ServerKind::Http { .. }), "{url}");
    }
}

#[test]
fn f3_url_wins_over_command_which_is_reported() {
    let entry = one(r#"{"command": "c", "args": ["a"], "url": "https://h/mcp"}"#);
    assert!(matches!(entry.kind, ServerKind::Http { .. }));
    let unknown: Vec<_> = entry.unknown.iter().map(|field| &*field.path).collect();
    assert_eq!(unknown, ["command", "args"]);
}

#[test]
fn f3_an_explicit_type_decides() {
    let typed = |name: &str, value: &str| {
        one(&format!(
            r#"{{"{name}": "{value}", "command": "c", "url": "https://h/sse"}}"#
        ))
    };
    for name in ["type", "transport"] {
        assert!(matches!(
            typed(name, "stdio").kind,
            ServerKind::Stdio { .. }
        ));
        assert!(matches!(typed(name, "sse").kind, ServerKind::Sse { .. }));
        for value in ["http", "streamable-http", "streamableHttp"] {
            assert!(matches!(typed(name, value).kind, ServerKind::Http { .. }));
        }
    }
    let sse = one(r#"{"type": "sse", "url": "https://h/events"}"#);
    assert!(matches!(sse.kind, ServerKind::Sse { .. }));
}

#[test]
fn f3_a_type_that_does_not_fit_is_an_error() {
    assert_eq!(
        wrong(r#"{"type": "carrier-pigeon", "command": "c"}"#),
        "type: expected one of `stdio`, `local`, `http`, `streamable-http`, `streamableHttp`, \
         `streamable_http`, `remote` and `sse` at line 2 column 15"
    );
    assert_eq!(
        wrong(r#"{"type": "stdio", "url": "u"}"#),
        "command: missing at line 2 column 6"
    );
    assert_eq!(
        wrong(r#"{"type": "http", "command": "c"}"#),
        "url: missing at line 2 column 6"
    );
    assert_eq!(
        wrong(r#"{"type": "http", "transport": "sse", "url": "u"}"#),
        "transport: contradicts `type` at line 2 column 36"
    );
    assert_eq!(
        wrong("{}"),
        "neither `command` nor `url` is given at line 2 column 6"
    );
    assert_eq!(
        wrong("7"),
        "expected an object, found a number at line 2 column 6"
    );
}

#[test]
fn f4_a_process_has_a_command_arguments_and_variables_in_order() {
    let entry = one(
        r#"{"command": "c", "args": ["-x", "é\n"], "env": {"Z": "1", "A": "2"},
            "cwd": "/srv", "envFile": ".env"}"#,
    );
    let ServerKind::Stdio {
        command,
        args,
        env,
        cwd,
        env_file,
        ..
    } = &entry.kind
    else {
        panic!("it is a process")
    };
    assert_eq!(command, "c");
    assert_eq!(args, &["-x", "é\n"]);
    assert_eq!(pairs(env), [("Z", "1"), ("A", "2")]);
    assert_eq!(cwd.as_deref(), Some("/srv"));
    assert_eq!(env_file.as_deref(), Some(".env"));
    assert!(entry.unknown.is_empty());
}

#[test]
fn f4_arguments_variables_and_headers_may_be_left_out() {
    for entry in [
        r#"{"command": "c"}"#,
        r#"{"command": "c", "args": null, "env": null}"#,
    ] {
        let ServerKind::Stdio { args, env, cwd, .. } = one(entry).kind else {
            panic!("it is a process")
        };
        assert!(args.is_empty() && env.is_empty() && cwd.is_none());
    }
    let ServerKind::Http { headers, .. } = one(r#"{"url": "u", "headers": null}"#).kind else {
        panic!("it has a URL")
    };
    assert!(headers.is_empty());
}

#[test]
fn f4_values_of_another_type_are_rejected_and_named() {
    let cases = [
        (
            r#"{"command": "c", "env": {"PORT": 80}}"#,
            "env.PORT: expected a string, found a number",
        ),
        (
            r#"{"command": "c", "env": {"ON": true}}"#,
            "env.ON: expected a string, found a boolean",
        ),
        (
            r#"{"command": "c", "env": []}"#,
            "env: expected an object, found an array",
        ),
        (
            r#"{"command": "c", "args": ["a", 1]}"#,
            "args[1]: expected a string, found a number",
        ),
        (
            r#"{"command": "c", "args": "a"}"#,
            "args: expected an array, found a string",
        ),
        (
            r#"{"command": 1}"#,
            "command: expected a string, found a number",
        ),
        (
            r#"{"url": "u", "headers": {"X": 1}}"#,
            "headers.X: expected a string, found a number",
        ),
        (
            r#"{"command": "c", "cwd": {}}"#,
            "cwd: expected a string, found an object",
        ),
        (
            r#"{"command": "c", "disabled": "no"}"#,
            "disabled: expected a boolean, found a string",
        ),
        (r#"{"command": {"args": []}}"#, "command.path: missing"),
        (r#"{"command": "\ud800"}"#, "command: "),
    ];
    for (entry, expected) in cases {
        let sentence = wrong(entry);
        assert!(sentence.starts_with(expected), "{sentence}");
    }
}

#[test]
fn f5_unknown_keys_are_kept_and_reported() {
    let servers = parse(
        r#"{
            "globalShortcut": "Ctrl+Space",
            "mcpServers": {"s": {
                "command": "c",
                "timeout": 6.0e4, // of which product?
                "tool_prefix": "p",
                "alwaysAllow": [ "a", /* and */ "b", ],
                "deep": {"a b": [1, {"key": "${KEY}\n${NOPE:-\"}"}]}
            }},
            "other": {"left": "${NOPE}"}
        }"#,
    );
    let shown = |fields: &[mcp_proto::client::config::UnknownField]| {
        let shown = fields
            .iter()
            .map(|field| format!("{}={}", field.path, field.value));
        shown.collect::<Vec<_>>()
    };
    assert_eq!(
        shown(&servers.get("s").unwrap().unknown),
        [
            "timeout=6.0e4",
            r#"tool_prefix="p""#,
            r#"alwaysAllow=["a","b"]"#,
            r#"deep={"a b":[1,{"key":"hunter2\n\""}]}"#,
        ]
    );
    assert_eq!(
        shown(servers.unknown()),
        [
            r#"globalShortcut="Ctrl+Space""#,
            r#"other={"left":"${NOPE}"}"#
        ]
    );
}

#[test]
fn f5_a_disabled_server_is_listed_as_such() {
    for entry in [
        r#"{"command": "c", "disabled": true}"#,
        r#"{"command": "c", "enabled": false}"#,
        r#"{"command": "c", "enabled": false, "disabled": true}"#,
    ] {
        assert!(!one(entry).enabled);
    }
    for entry in [
        r#"{"command": "c"}"#,
        r#"{"command": "c", "disabled": false}"#,
    ] {
        assert!(one(entry).enabled);
    }
    assert_eq!(
        wrong(r#"{"command": "c", "enabled": true, "disabled": true}"#),
        "enabled: contradicts `disabled` at line 2 column 34"
    );
}

#[test]
fn f6_a_server_is_called_by_its_key() {
    let servers = parse(r#"{"mcpServers": {"a \"b\" ${KEY}": {"command": "c"}}}"#);
    assert!(servers.get(r#"a "b" ${KEY}"#).is_some());
}

#[test]
fn f7_variables_and_defaults_are_replaced() {
    assert_eq!(
        expanded("<${KEY}|${KEY:-d}|${NOPE:-d}|${NOPE:-}>"),
        "<hunter2|hunter2|d|>"
    );
    assert_eq!(expanded("${env:KEY}${env:NOPE:-d}"), "hunter2d");
    assert_eq!(expanded("${ KEY}"), "spaced");
    assert_eq!(expanded("${NOPE:-a:b{c}"), "a:b{c");
}

#[test]
fn f7_a_variable_that_is_empty_is_defined() {
    assert_eq!(expanded("<${EMPTY}${EMPTY:-d}>"), "<>");
}

#[test]
fn f7_nothing_nests_and_nothing_is_replaced_twice() {
    assert_eq!(expanded("${NOPE:-${KEY}}"), "${KEY}");
    assert_eq!(expanded("${NESTED}"), "${KEY}");
    assert_eq!(expanded("${NOPE:-$}{KEY}"), "${KEY}");
}

#[test]
fn f7_what_is_no_reference_is_left_as_it_is() {
    for text in [
        "$KEY",
        "${KEY:+x}",
        "${KEY:x}",
        "${:-d}",
        "${}",
        "${KEY",
        "${KEY:-d",
        "$",
        "${",
        "{KEY}",
        "$${",
        "${env:}",
        "${env:KEY:+x}",
        "}${",
    ] {
        assert_eq!(expanded(text), text);
    }
    assert_eq!(expanded("${:-${KEY}}"), "${:-hunter2}");
    assert_eq!(expanded("${KEY:+${KEY}}"), "${KEY:+hunter2}");
    assert_eq!(expanded("${input:${KEY}}"), "${input:hunter2}");
    assert_eq!(expanded("${env:${KEY}}"), "${env:hunter2}");
    assert_eq!(expanded("$${KEY}$"), "$hunter2$");
}

#[test]
fn f7_an_undefined_variable_is_an_error_that_names_file_server_and_field() {
    let text = "{\n  \"mcpServers\": {\n    \"weather\": {\"command\": \"w\",\n      \"env\": {\"API_KEY\": \"${API_KEY}\"}}}}";
    let error = error(text);
    assert_eq!(
        error.to_string(),
        "mcp.json: server \"weather\": env.API_KEY: environment variable ${API_KEY} is not \
         defined at line 4 column 26"
    );
    assert_eq!(error.server.as_deref(), Some("weather"));
    assert_eq!(error.field.as_deref(), Some("env.API_KEY"));
    assert_eq!(place(&error), (4, 26));
}

#[test]
fn f7_every_value_of_a_server_is_expanded_before_its_kind_is_decided() {
    let sse = Config::parse("f", r#"{"mcpServers": {"s": {"url": "${U}"}}}"#, |_| {
        Some("https://h/sse".to_owned())
    });
    assert!(matches!(
        sse.unwrap().get("s").unwrap().kind,
        ServerKind::Sse { .. }
    ));
    let entry = one(
        r#"{"type": "${NOPE:-http}", "url": "https://${KEY}/", "headers": {"${KEY}": "B ${KEY}"}}"#,
    );
    let ServerKind::Http { url, headers, .. } = &entry.kind else {
        panic!("it has a URL")
    };
    assert_eq!(url, "https://hunter2/");
    assert_eq!(
        pairs(headers),
        [("${KEY}", "B hunter2")],
        "keys are left alone"
    );
    let cases = [
        (r#"{"command": "${X}"}"#, "command: "),
        (r#"{"command": "c", "args": ["", "${X}"]}"#, "args[1]: "),
        (r#"{"command": "c", "cwd": "${X}"}"#, "cwd: "),
        (r#"{"url": "${X}"}"#, "url: "),
        (
            r#"{"command": "c", "more": {"a": [0, [{"b": "${X}"}]]}}"#,
            "more.a[1][0].b: ",
        ),
        (
            r#"{"command": "c", "more": [{"a": [1], "b": 2}, "${X}"]}"#,
            "more[1]: ",
        ),
        (r#"{"command": "c", "${env:Y}": "\u0024{X}"}"#, "${env:Y}: "),
    ];
    for (entry, field) in cases {
        let sentence = wrong(entry);
        let expected = format!("{field}environment variable ${{X}} is not defined at line 2 ");
        assert!(sentence.starts_with(&expected), "{sentence}");
    }
}

#[test]
fn f7_many_references_without_an_end_are_read_in_one_pass() {
    for piece in [
        "${",
        "${a:",
        "${env:",
        "${input:",
        "${a:-",
        "${input:$",
        "${a",
    ] {
        for end in ["}", ":", ":x}"] {
            expanded_len(&(piece.repeat(support::amount(5_000, 20_000)) + end));
        }
    }
}

fn expanded_len(text: &str) {
    let text = serde_json::Value::from(text);
    let file = format!(r#"{{"mcpServers": {{"s": {{"command": {text}}}}}}}"#);
    let any = |_: &str| Some(String::new());
    assert_eq!(Config::parse("f", &file, any).unwrap().servers.len(), 1);
}

#[test]
fn f8_what_is_not_json_is_an_error_with_its_place() {
    assert_eq!(
        error("not json").to_string(),
        "mcp.json: expected ident at line 1 column 2"
    );
    let error = error("{\"é\": 1, // é\r\n \"é\": /* é */ x}");
    assert_eq!(place(&error), (2, 15), "{error}");
}

#[test]
fn f8_a_url_that_is_no_string_is_an_error() {
    assert_eq!(
        wrong(r#"{"url": null}"#),
        "url: expected a string, found null at line 2 column 14"
    );
}

#[test]
fn comments_and_trailing_commas_are_allowed() {
    let servers = parse(
        "\u{feff}// a file\n{ /* ** / */ \"mcpServers\": {\n \"s\": {\"command\": \"// \\\" /* x */\", \"args\": [\"a\", ], // done,\r\n }, /**/ } // ,\n , }//",
    );
    let ServerKind::Stdio { command, args, .. } = &servers.get("s").unwrap().kind else {
        panic!("it is a process")
    };
    assert_eq!(command, "// \" /* x */");
    assert_eq!(args, &["a"]);
}

#[test]
fn what_merely_looks_like_a_comment_or_a_trailing_comma_is_an_error() {
    for text in [
        "{,}",
        "[,]",
        "{\"a\": ,}",
        "[1,,]",
        "{\"mcpServers\": {}},",
        "/",
        "/ /",
        "{} /",
        "# x\n{}",
    ] {
        assert!(
            matches!(error(text).kind, ConfigErrorKind::Syntax { .. }),
            "{text}"
        );
    }
    assert_eq!(
        error("{}\n /* x").to_string(),
        "mcp.json: comment without an end at line 2 column 2"
    );
}

#[test]
fn deep_nesting_is_kept_without_recursion() {
    let deep = "[".repeat(100_000) + &"]".repeat(100_000);
    let entry = one(&format!(r#"{{"command": "c", "deep": {deep}}}"#));
    assert_eq!(entry.unknown[0].value.as_str(), deep);
}

#[test]
fn l20_servers_are_equal_when_they_reach_the_same() {
    let same = [
        (
            r#"{"command": "c"}"#,
            r#"{"command": "c", "args": [], "timeout": 5, "disabled": true}"#,
        ),
        (
            r#"{"command": "c", "env": {"A": "1", "B": "2"}}"#,
            r#"{"env": {"B": "2", "A": "1"}, "command": "c"}"#,
        ),
        (r#"{"url": "u", "headers": {"A": "1"}}"#, r#"{"url": "u"}"#),
    ];
    for (left, right) in same {
        assert_eq!(one(left), one(right));
    }
    let different = [
        (r#"{"command": "c"}"#, r#"{"command": "d"}"#),
        (r#"{"command": "c"}"#, r#"{"command": "c", "args": ["a"]}"#),
        (r#"{"command": "c"}"#, r#"{"command": "c", "cwd": "/"}"#),
        (
            r#"{"command": "c"}"#,
            r#"{"command": "c", "env": {"A": ""}}"#,
        ),
        (r#"{"url": "u"}"#, r#"{"url": "v"}"#),
        (r#"{"url": "u"}"#, r#"{"url": "u", "type": "sse"}"#),
        (r#"{"url": "u"}"#, r#"{"command": "u"}"#),
    ];
    for (left, right) in different {
        assert_ne!(one(left), one(right));
    }
    let other_name = parse(r#"{"mcpServers": {"t": {"command": "c"}}}"#);
    assert_ne!(&one(r#"{"command": "c"}"#), other_name.get("t").unwrap());
}

#[test]
fn secrets_are_never_shown() {
    let servers = parse(
        r#"{
            "servers": {
                "p": {"command": "c", "args": ["--key=${KEY}"], "env": {"NAME": "${KEY}"},
                      "unknown": "${KEY}"},
                "h": {"url": "https://me:${KEY}@host:1/s/${KEY}?key=${KEY}#${KEY}",
                      "headers": {"X-Name": "${KEY}"}},
                "slash": {"type": "sse", "url": "https://me:${KEY}/more@host/x"},
                "odd": {"url": "${KEY}"}
            },
            "inputs": [{"id": "i", "default": "hunter2"}],
            "more": "hunter2"
        }"#,
    );
    for shown in [format!("{servers:?}"), format!("{servers:#?}")] {
        assert!(!shown.contains("hunter2"), "{shown}");
        for part in ["NAME", "X-Name", "https://host:1/..", "unknown", "more"] {
            assert!(shown.contains(part), "{part} is missing in {shown}");
        }
    }
    for text in [
        r#"{"type": "${KEY}", "command": "c"}"#,
        r#"{"command": "c", "disabled": "${KEY}"}"#,
        r#"{"command": "${KEY}${NOPE}"}"#,
    ] {
        assert!(!wrong(text).contains("hunter2"));
    }
}

#[test]
fn any_cut_or_changed_file_ends_in_a_result() {
    for cut in (0..VS_CODE.len()).filter(|cut| VS_CODE.is_char_boundary(*cut)) {
        let (start, end) = VS_CODE.split_at(cut);
        for text in [start.to_owned(), end.to_owned(), format!("{start}é\"{end}")] {
            if let Err(error) = Config::parse("f", &text, environment) {
                let (line, column) = place(&error);
                assert!(line >= 1 && column >= 1);
            }
        }
    }
}
