//! Arguments that don't fit their handler: the client hears what is wrong and where.

use std::collections::BTreeMap;

use mcp_proto::model::validation::KnownArguments;
use mcp_proto::rpc::Raw;
use mcp_proto::{Revision, Server, Tool};
use serde_derive::Deserialize;
use serde_json::Value;
use support::carrier::by_every_way;
use support::server::{Drive, text, tool};

#[derive(Deserialize)]
#[expect(dead_code, reason = "only read")]
struct Given {
    a: i64,
    b: i64,
    inner: Option<Inner>,
    many: Option<Vec<Inner>>,
    named: Option<BTreeMap<String, Inner>>,
    choice: Option<Choice>,
    tagged: Option<Tagged>,
    pair: Option<(i64, bool)>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "only read")]
struct Inner {
    size: u8,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Choice {
    Red,
    #[expect(dead_code, reason = "only read")]
    Of(Inner),
}

#[derive(Deserialize)]
#[serde(tag = "type")]
#[expect(dead_code, reason = "only read")]
enum Tagged {
    One { size: u8 },
}

const FITS: &str = r#"{"a":1,"b":2}"#;

#[test]
fn what_is_wrong_is_told_at_its_place() {
    // `tools.call.badargs`
    let cases = [
        (r#"{"a":1}"#, "missing field `b`"),
        (r#"{"b":1}"#, "missing field `a`"),
        (r#"{"a":"secret","b":2}"#, "expected i64 at a"),
        (
            r#"{"a":1,"b":2,"inner":{}}"#,
            "missing field `size` at inner",
        ),
        (
            r#"{"a":1,"b":2,"inner":{"size":256}}"#,
            "expected u8 at inner.size",
        ),
        (
            r#"{"a":1,"b":2,"many":[{"size":1},{"size":"x"}]}"#,
            "expected u8 at many[1].size",
        ),
        (
            r#"{"a":1,"b":2,"many":[{"size":1},{}]}"#,
            "missing field `size` at many[1]",
        ),
        (
            r#"{"a":1,"b":2,"named":{"n":{"size":null}}}"#,
            "expected u8 at named.n.size",
        ),
        (
            r#"{"a":1,"b":2,"choice":{"of":{"size":true}}}"#,
            "expected u8 at choice.of.size",
        ),
        (
            r#"{"a":1,"b":2,"pair":[1,2]}"#,
            "expected a boolean at pair[1]",
        ),
    ];
    for (revision, _way) in by_every_way(Revision::ALL) {
        let server = Server::new("s", "1").tool(tool("t"), |_, _: Given| Ok("fits"));
        let mut drive = Drive::new(revision, vec![server]);
        assert_eq!(text(&drive.call("t", FITS).unwrap()), "fits");
        for (arguments, told) in cases {
            let text = match drive.call("t", arguments) {
                Ok(result) => text(&result).to_owned(),
                Err(error) => error,
            };
            let text = text.trim_end_matches(" (code: -32602)");
            assert!(text.ends_with(told), "{revision} {arguments}: {text}");
        }
    }
}

#[test]
fn arguments_that_a_tool_does_not_name_are_ignored_or_refused_as_the_server_says() {
    let schema = |schema| Tool::new("t", Raw::new(schema).unwrap());
    let strange = r#"{"a":1,"sise":2}"#;
    let closed = schema(r#"{"type":"object","properties":{"size":{},"a":{}}}"#);
    let open = schema(r#"{"type":"object","properties":{"a":{}},"additionalProperties":{}}"#);
    for (revision, _way) in by_every_way(Revision::ALL) {
        let call = |server: Server, tool: &Tool<'static>, arguments| {
            let server = server.tool(tool.clone(), |_, _: Value| Ok("fits"));
            let mut drive = Drive::new(revision, vec![server]);
            match drive.call("t", arguments) {
                Ok(result) => text(&result).to_owned(),
                Err(error) => error,
            }
        };
        let strict = || Server::new("s", "1").validator(KnownArguments);
        assert_eq!(call(Server::new("s", "1"), &closed, strange), "fits");
        assert_eq!(call(strict(), &closed, r#"{"size":2}"#), "fits");
        assert_eq!(call(strict(), &open, strange), "fits");
        let told = call(strict(), &closed, strange);
        assert!(
            told.contains("no argument of this name; it has a, size at sise"),
            "{revision}: {told}"
        );
    }
}
