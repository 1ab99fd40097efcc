//! `server/discover` and the data of the two errors of a modern opening.

use mcp_proto::model::capability::{ClientCapabilities, ServerCapabilities};
use mcp_proto::model::discover::{
    DiscoverParams, DiscoverResult, MissingRequiredClientCapabilityData,
    UnsupportedProtocolVersionData,
};
use mcp_proto::model::initialize::Implementation;
use mcp_proto::model::meta::{self, Meta};
use mcp_proto::model::owned::IntoOwned;
use mcp_proto::model::page::CacheScope;

fn json<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap()
}

#[test]
fn discover_asks_with_nothing_but_meta() {
    // `discover.params`
    let params = DiscoverParams::new().meta(Meta::new().with(meta::PROTOCOL_VERSION, "2026-07-28"));
    assert_eq!(
        json(&params),
        r#"{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}"#
    );
}

#[test]
fn a_discover_result_says_what_the_server_speaks_and_can() {
    // `discover.result` `discover.cache`
    let text = r#"{"supportedVersions":["2026-07-28","2025-11-25"],"capabilities":{"tools":{}},"instructions":"i","ttlMs":3600000,"cacheScope":"public","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"s","version":"1"}}}"#;
    let result: DiscoverResult<'_> = serde_json::from_str(text).unwrap();
    let server = Implementation::new("s", "1");
    let built = DiscoverResult::new(
        ["2026-07-28", "2025-11-25"],
        ServerCapabilities::new().tools(false),
    )
    .instructions("i")
    .ttl_ms(3_600_000)
    .cache_scope(CacheScope::Public)
    .meta(Meta::new().with(meta::SERVER_INFO, &server));
    assert_eq!(result, built);
    assert_eq!(result.server(), Some(server));
    assert_eq!(result.cache_hints().lifetime.as_secs(), 3600);
    assert_eq!(json(&result.into_owned()), text);
}

#[test]
fn a_server_named_in_the_body_is_read_but_never_written() {
    // `discover.result`
    let text =
        r#"{"supportedVersions":[],"capabilities":{},"serverInfo":{"name":"s","version":"1"}}"#;
    let result: DiscoverResult<'_> = serde_json::from_str(text).unwrap();
    assert_eq!(result.server(), Some(Implementation::new("s", "1")));
    assert_eq!(
        json(&result),
        r#"{"supportedVersions":[],"capabilities":{}}"#
    );
}

#[test]
fn a_discover_result_without_versions_or_capabilities_is_refused() {
    // `discover.result`
    for text in [
        r#"{"capabilities":{}}"#,
        r#"{"supportedVersions":["2026-07-28"]}"#,
        r#"{"supportedVersions":"2026-07-28","capabilities":{}}"#,
        r#"{"supportedVersions":[],"capabilities":[]}"#,
    ] {
        assert!(
            serde_json::from_str::<DiscoverResult<'_>>(text).is_err(),
            "{text}"
        );
    }
}

#[test]
fn a_refused_version_comes_with_what_would_do() {
    // `err.unsupportedver`
    let data = UnsupportedProtocolVersionData::new(["2026-07-28"], "x");
    let text = r#"{"supported":["2026-07-28"],"requested":"x"}"#;
    assert_eq!(json(&data), text);
    let read: UnsupportedProtocolVersionData<'_> = serde_json::from_str(text).unwrap();
    assert_eq!(read.into_owned(), data);
}

#[test]
fn a_missing_capability_is_named_as_a_capabilities_object() {
    // `err.missingcap` `caps.missing.vs.degrade`
    let declared = ClientCapabilities::new().elicitation_form();
    let needed = ClientCapabilities::new()
        .elicitation_form()
        .elicitation_url();
    let data = MissingRequiredClientCapabilityData::new(declared.missing_for(&needed).unwrap());
    assert_eq!(
        json(&data),
        r#"{"requiredCapabilities":{"elicitation":{"url":{}}}}"#
    );
}
