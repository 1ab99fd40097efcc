//! Each entry stands for itself: what is wrong with one costs none of the others.

use mcp_proto::client::config::{Config, ConfigErrorKind};

use super::{environment, one, parse};

fn lenient(text: &str) -> Config {
    Config::parse("mcp.json", text, environment).unwrap()
}

fn names(config: &Config) -> Vec<&str> {
    config.servers.iter().map(|entry| &*entry.name).collect()
}

fn sentences(config: &Config) -> Vec<String> {
    config.errors.iter().map(ToString::to_string).collect()
}

#[test]
fn a_bad_entry_leaves_the_good_ones_and_is_reported_with_file_server_and_field() {
    let config = lenient(
        r#"{"mcpServers":{"good":{"command":"a","args":[]},
            "bad":{"command":"b","env":{"K":"${MISSING}"}},
            "also good":{"url":"https://h/mcp"}}}"#,
    );
    assert_eq!(names(&config), ["good", "also good"]);
    assert_eq!(
        sentences(&config),
        [
            "mcp.json: server \"bad\": env.K: environment variable ${MISSING} is not defined at \
          line 2 column 45"
        ]
    );
    assert_eq!(config.errors[0].server.as_deref(), Some("bad"));
    assert_eq!(config.errors[0].field.as_deref(), Some("env.K"));
    assert!(config.get("bad").is_none());
}

#[test]
fn every_mistake_of_every_entry_is_reported_in_the_order_of_the_file() {
    let config = lenient(
        r#"{"mcpServers":{
            "a":{"command":1,"args":["x",2,"${NO}"],"env":{"A":3,"B":"b","A":"4"},"cwd":[],"disabled":0},
            "b":7,
            "c":{"url":"u","headers":{"X":false},"unknown":"${NO}"},
            "d":{}
        }}"#,
    );
    assert!(config.servers.is_empty());
    let places: Vec<_> = config
        .errors
        .iter()
        .map(|error| (error.server.as_deref(), error.field.as_deref()))
        .collect();
    assert_eq!(
        places,
        [
            (Some("a"), Some("disabled")),
            (Some("a"), Some("cwd")),
            (Some("a"), Some("command")),
            (Some("a"), Some("args[1]")),
            (Some("a"), Some("args[2]")),
            (Some("a"), Some("env.A")),
            (Some("a"), Some("env.A")),
            (Some("b"), None),
            (Some("c"), Some("headers.X")),
            (Some("c"), Some("unknown")),
            (Some("d"), None),
        ]
    );
}

#[test]
fn who_wants_no_mistake_gets_all_of_them_as_one_error() {
    let config = lenient(r#"{"servers":{"a":{},"b":{"command":"c"},"c":1},"inputs":[{}]}"#);
    let errors = config.strict().unwrap_err();
    assert_eq!(
        errors.to_string(),
        "mcp.json: server \"a\": neither `command` nor `url` is given at line 1 column 17\n\
         mcp.json: server \"c\": expected an object, found a number at line 1 column 44\n\
         mcp.json: inputs[0].id: missing at line 1 column 57"
    );
    assert!(parse(r#"{"servers":{}}"#).strict().is_ok());
}

#[test]
fn of_two_servers_with_one_name_neither_is_used_and_the_others_are() {
    let config =
        lenient(r#"{"mcpServers":{"a":{"command":"x"},"b":{"command":"y"},"a":{"command":"z"}}}"#);
    assert_eq!(names(&config), ["b"]);
    assert_eq!(
        sentences(&config),
        [
            "mcp.json: server \"a\": defined twice, first at line 1 column 16 and again at line 1 \
          column 56"
        ]
    );
}

#[test]
fn bad_inputs_leave_the_servers_and_the_good_inputs() {
    let config = lenient(
        r#"{"servers":{"a":{"command":"c","env":{"K":"${input:k}"}}},"inputs":[1,{"id":"k"}]}"#,
    );
    assert_eq!(names(&config), ["a"]);
    assert_eq!(config.errors.len(), 1);
    let inputs: Vec<_> = config.inputs().iter().map(|input| &*input.id).collect();
    assert_eq!(inputs, ["k"]);
    for inputs in ["{}", "[1]", r#"[],"inputs":[]"#] {
        let text = format!(r#"{{"servers":{{"a":{{"command":"c"}}}},"inputs":{inputs}}}"#);
        let config = lenient(&text);
        assert_eq!((config.servers.len(), config.errors.len()), (1, 1));
    }
}

#[test]
fn an_entry_or_a_file_that_says_nothing_known_is_told_which_keys_it_has() {
    let config = lenient(r#"{"mcpServers":{"a":{"cmd":"x","arguments":[]}}}"#);
    assert_eq!(
        sentences(&config),
        [
            "mcp.json: server \"a\": neither `command` nor `url` is given, only `cmd`, `arguments` \
          at line 1 column 20"
        ]
    );
    let error = Config::parse("mcp.json", r#"{"mcpservers":{}}"#, environment).unwrap_err();
    assert!(error.to_string().contains(", only `mcpservers` at line 1"));
    let keys: Vec<_> = (0..20).map(|n| format!("\"k{n}\":0")).collect();
    let text = format!("{{{}}}", keys.join(","));
    let error = Config::parse("mcp.json", &text, environment).unwrap_err();
    assert!(error.to_string().contains("`k15` and 4 more at"), "{error}");
}

#[test]
fn a_command_with_its_arguments_in_it_is_warned_of() {
    for command in ["npx -y pkg", "uvx mcp-server-git", "/usr/bin/npx -y pkg"] {
        let entry = one(&format!(r#"{{"command":"{command}"}}"#));
        assert_eq!(entry.warnings.len(), 1, "{command}");
        assert_eq!(
            entry.warnings[0].to_string(),
            "mcp.json: server \"s\": command: has spaces in it: arguments go into `args`, one \
             element each at line 1 column 33"
        );
        let shown = format!("{entry:?}");
        assert!(!shown.contains("pkg") && !shown.contains("git"), "{shown}");
    }
    for command in ["npx", "/opt/My Tools/run", "C:/Program Files/node.exe"] {
        let entry = one(&format!(r#"{{"command":"{command}","args":["-y"]}}"#));
        assert!(entry.warnings.is_empty(), "{command}");
    }
}

#[test]
fn a_variable_as_a_shell_has_it_is_passed_on_and_warned_of_without_its_name() {
    let entry = one(r#"{"url":"u","headers":{"A":"Bearer $MY_TOKEN","B":"${NOPE:-$X}","C":"$5"}}"#);
    let fields: Vec<_> = entry.warnings.iter().map(|w| w.field.as_deref()).collect();
    assert_eq!(fields, [Some("headers.A")]);
    assert_eq!(entry.warnings[0].kind, ConfigErrorKind::BareVariable);
    assert!(!entry.warnings[0].to_string().contains("MY_TOKEN"));
}

#[test]
fn no_error_or_warning_shows_a_value() {
    let config = lenient(
        r#"{"mcpServers":{
            "a":{"type":"${KEY}","command":"c"},
            "b":{"command":"c","disabled":"hunter2"},
            "c":{"command":"${KEY}${NOPE}","args":"hunter2","env":{"K":["hunter2"]}},
            "d":{"url":["hunter2"],"headers":{"K":{"hunter2":1}}},
            "e":{"hunter":"hunter2"},
            "f":{"command":"tool --key=${KEY}"}
        }}"#,
    );
    assert_eq!(names(&config), ["f"]);
    assert_eq!(config.get("f").unwrap().warnings.len(), 1);
    let shown = format!(
        "{config:?} {:?} {}",
        config.errors,
        sentences(&config).concat()
    );
    assert!(!shown.contains("hunter2"), "{shown}");
}

#[test]
fn control_characters_in_names_are_not_written_to_a_terminal() {
    let config = lenient(
        "{\"mcpServers\":{\"a\\u001b[2J\":{\"command\":\"c\",\"env\":{\"\\n\\u001b\":1},\"x\":\"${\\u001b}\"}}}",
    );
    let shown = sentences(&config).concat();
    assert!(!shown.contains(char::is_control), "{shown:?}");
}
