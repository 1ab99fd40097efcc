//! No file costs more than its length and what its references bring in, and none is a panic.

use mcp_proto::client::config::{Config, ConfigErrorKind};
use serde_json::Value;

use super::environment;

fn longest_text(config: &Config) -> usize {
    let errors = config.errors.iter();
    errors
        .map(|error| error.to_string().len())
        .max()
        .unwrap_or(0)
}

#[test]
fn a_file_of_more_than_16_mib_is_refused() {
    let text = " ".repeat((16 << 20) + 1);
    let error = Config::parse("f", &text, environment).unwrap_err();
    assert_eq!(
        error.to_string(),
        "f: longer than 16777216 bytes at line 1 column 1"
    );
}

#[test]
#[ignore = "takes half a second without optimization: `.ci/run test_features` runs it"]
fn a_value_of_more_than_16_mib_is_refused() {
    let value = Value::from(" ".repeat((16 << 20) + 1));
    let error = Config::from_value("f", &value, environment).unwrap_err();
    assert_eq!(error.to_string(), "f: longer than 16777216 bytes");
}

#[test]
fn what_references_bring_in_is_bounded_for_each_entry_and_the_others_are_read() {
    let text = format!(
        r#"{{"mcpServers": {{"big": {{"command": "{}"}}, "small": {{"command": "${{A}}${{A}}"}}}}}}"#,
        "${A}".repeat(100_000)
    );
    let value = "x".repeat(1000);
    let config = Config::parse("f", &text, |_| Some(value.clone())).unwrap();
    assert_eq!(config.servers.len(), 1);
    assert_eq!(config.servers[0].name, "small");
    assert_eq!(
        config.errors[0].kind,
        ConfigErrorKind::ReferencesTooLong { limit: 1 << 20 }
    );
}

#[test]
fn what_the_references_of_a_file_bring_in_is_bounded() {
    let entries: Vec<_> = (0..1000)
        .map(|n| format!(r#""s{n}": {{"command": "c", "args": ["${{A}}"]}}"#))
        .collect();
    let text = format!(r#"{{"mcpServers": {{{}}}}}"#, entries.join(","));
    let value = "x".repeat(100_000);
    let config = Config::parse("f", &text, |_| Some(value.clone())).unwrap();
    assert!(config.servers.len() == (16 << 20) / 100_000);
    assert_eq!(
        config.servers.len() + config.errors.len() + config.errors_omitted,
        1000
    );
}

#[test]
fn a_variable_whose_value_refers_to_itself_is_put_in_once() {
    let config = Config::parse(
        "f",
        r#"{"mcpServers": {"s": {"command": "${A}${A}", "args": ["${B:-${A}}"]}}}"#,
        |name| (name == "A").then(|| "${A}${A}".to_owned()),
    );
    let entry = &config.unwrap().servers[0];
    let mcp_proto::client::config::ServerKind::Stdio { command, args, .. } = &entry.kind else {
        panic!("it is a process")
    };
    assert_eq!(command, "${A}${A}${A}${A}");
    assert_eq!(args, &["${A}"]);
}

#[test]
fn errors_are_bounded_in_number_and_length() {
    let long = "k".repeat(100_000);
    let fields = |n: usize| vec!["1"; n].join(",");
    let bad = format!(
        r#""{long}": {{"command": "c", "args": [{}], "env": {{"{long}": 1}}, "x": "${{{long}}}"}}"#,
        fields(100_000)
    );
    let many: Vec<_> = (0..2000).map(|n| format!("\"s{n}\": 1")).collect();
    let text = format!(r#"{{"mcpServers": {{{bad}, {}}}}}"#, many.join(","));
    let config = Config::parse(&long, &text, environment).unwrap();
    assert_eq!(config.errors.len(), 1000);
    assert_eq!(config.errors.len() + config.errors_omitted, 100_002 + 2000);
    assert!(longest_text(&config) < 2000, "{}", longest_text(&config));
    let of_the_first = config.errors.iter().filter(|error| error.field.is_some());
    assert_eq!(of_the_first.count(), 32);
    let errors = config.strict().unwrap_err();
    assert!(errors.to_string().ends_with("\nand 101002 more"));
}

#[test]
fn mistakes_on_one_long_line_are_placed_in_linear_time() {
    let number = support::amount(20_000, 100_000);
    let many: Vec<_> = (0..number).map(|n| format!("\"é{n}\": 1")).collect();
    let text = format!(r#"{{"mcpServers": {{{}}}}}"#, many.join(","));
    let config = Config::parse("f", &text, environment).unwrap();
    let last = config.errors.last().unwrap();
    let before = text.split("é999\"").next().unwrap().chars().count();
    let column = before as u32 + "é999\": ".chars().count() as u32 + 1;
    assert_eq!(last.position.unwrap().column, column);
}

#[test]
fn many_inputs_that_many_servers_need_are_found_in_linear_time() {
    let inputs: Vec<_> = (0..20_000).map(|n| format!(r#"{{"id":"i{n}"}}"#)).collect();
    let args: Vec<_> = (0..4_000)
        .map(|n| format!(r#""${{input:j{n}}}""#))
        .collect();
    let text = format!(
        r#"{{"servers": {{"s": {{"command": "c", "args": [{}]}}}}, "inputs": [{}]}}"#,
        args.join(","),
        inputs.join(",")
    );
    let config = Config::parse("f", &text, environment).unwrap();
    assert_eq!(config.inputs().len(), 24_000);
}

#[test]
fn references_that_stay_open_under_a_long_path_cost_no_copy_of_it_each() {
    let key = "k".repeat(1 << 20);
    let open = vec![r#""${input:x}""#; 3000].join(",");
    let text = format!(r#"{{"servers": {{"s": {{"command": "c", "x": {{"{key}": [{open}]}}}}}}}}"#);
    let config = Config::parse("f", &text, environment).unwrap();
    let open: Vec<_> = config.unresolved().collect();
    assert!(open.len() == 3000 || !config.errors.is_empty());
    assert!(open.iter().all(|(_, open)| open.field.len() < 300));
}

#[cfg(feature = "proptest")]
mod properties {
    use proptest::prelude::*;

    use super::*;

    /// JSON made of the words that a configuration may have, so that its rules are met.
    fn configuration() -> impl Strategy<Value = String> {
        let words = [
            "mcpServers",
            "servers",
            "mcp",
            "amp.mcpServers",
            "context_servers",
            "inputs",
            "id",
            "type",
            "transport",
            "command",
            "args",
            "env",
            "environment",
            "url",
            "serverUrl",
            "httpUrl",
            "headers",
            "http_headers",
            "env_http_headers",
            "bearer_token_env_var",
            "env_vars",
            "cwd",
            "enabled",
            "disabled",
            "path",
            "source",
            "s",
            "stdio",
            "local",
            "remote",
            "sse",
            "http",
            "${KEY}",
            "${NOPE}",
            "${NOPE:-d}",
            "{env:KEY}",
            "{file:f}",
            "${input:i}",
            "a b",
            "$KEY",
            "é",
        ];
        let word = proptest::sample::select(words.to_vec());
        let leaf = prop_oneof![
            word.clone().prop_map(|word| Value::from(word).to_string()),
            ".{0,8}".prop_map(|text| Value::from(text).to_string()),
            any::<f64>().prop_map(|number| Value::from(number).to_string()),
            proptest::sample::select(vec!["null", "true", "false"]).prop_map(str::to_owned),
        ];
        let value = leaf.prop_recursive(5, 64, 6, move |inner| {
            let key = word.clone().prop_map(|word| Value::from(word).to_string());
            let list = proptest::collection::vec(inner.clone(), 0..6);
            let members = proptest::collection::vec((key, inner), 0..6);
            prop_oneof![
                list.prop_map(|elements| format!("[{}]", elements.join(","))),
                members.prop_map(|members| {
                    let members: Vec<_> = members.iter().map(|(k, v)| format!("{k}:{v}")).collect();
                    format!("{{{}}}", members.join(","))
                }),
            ]
        });
        value.boxed()
    }

    proptest! {
        #![proptest_config(support::cases(64, 256))]

        #[test]
        fn any_json_ends_in_a_result(text in configuration()) {
            for text in [text.clone(), format!(r#"{{"servers":{text},"inputs":{text}}}"#)] {
                let from_text = Config::parse("f", &text, environment);
                let mut deserializer = serde_json::Deserializer::from_str(&text);
                let from_value = Config::from_value("f", &mut deserializer, environment);
                if let (Ok(a), Ok(b)) = (&from_text, &from_value) {
                    prop_assert_eq!(&a.servers, &b.servers);
                    prop_assert_eq!(a.errors.len(), b.errors.len());
                }
                for config in from_text.iter().chain(&from_value) {
                    let shown = format!("{:?}", config.errors);
                    prop_assert!(!shown.contains("hunter2"));
                }
            }
        }

        #[test]
        fn any_entry_leaves_the_entry_beside_it_and_is_used_or_reported(entry in configuration()) {
            let text = format!(
                r#"{{"mcpServers":{{"good":{{"command":"c"}},"any":{entry},"too":{{"url":"u"}}}}}}"#
            );
            let config = Config::parse("f", &text, environment).unwrap();
            prop_assert!(config.get("good").is_some() && config.get("too").is_some());
            let is_reported = config.errors.iter().any(|e| e.server.as_deref() == Some("any"));
            prop_assert!(config.get("any").is_some() != is_reported);
            for error in &config.errors {
                prop_assert_eq!(error.server.as_deref(), Some("any"));
            }
        }

        #[test]
        fn any_text_ends_in_a_result(text in ".{0,64}") {
            let _ = Config::parse("f", &text, environment);
        }
    }
}
