//! The handshake's shapes, and programs with their icons.

use mcp_proto::model::capability::{ClientCapabilities, ServerCapabilities};
use mcp_proto::model::initialize::{
    Icon, IconTheme, Implementation, InitializeParams, InitializeResult, InitializedParams,
    is_allowed_icon_uri,
};
use mcp_proto::model::owned::IntoOwned;

#[test]
fn initialize_reads_and_writes_its_three_members() {
    // `lifecycle.init.params` `lifecycle.ver.string`
    let text = r#"{"protocolVersion":"1999-01-01","capabilities":{"roots":{"listChanged":true}},"clientInfo":{"name":"c","version":"1"}}"#;
    let params: InitializeParams<'_> = serde_json::from_str(text).unwrap();
    let built = InitializeParams::new(
        "1999-01-01",
        ClientCapabilities::new().roots(true),
        Implementation::new("c", "1"),
    );
    assert_eq!(params, built);
    assert_eq!(serde_json::to_string(&params).unwrap(), text);
    assert_eq!(params.into_owned(), built);
}

#[test]
fn initialize_without_one_of_its_members_is_refused() {
    // `lifecycle.init.params`
    for text in [
        r#"{"capabilities":{},"clientInfo":{"name":"c","version":"1"}}"#,
        r#"{"protocolVersion":"2025-11-25","clientInfo":{"name":"c","version":"1"}}"#,
        r#"{"protocolVersion":"2025-11-25","capabilities":{}}"#,
        r#"{"protocolVersion":1,"capabilities":{},"clientInfo":{"name":"c","version":"1"}}"#,
        r#"{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"c"}}"#,
        r#"{"protocolVersion":"2025-11-25","capabilities":[],"clientInfo":{"name":"c","version":"1"}}"#,
    ] {
        assert!(
            serde_json::from_str::<InitializeParams<'_>>(text).is_err(),
            "{text}"
        );
    }
}

#[test]
fn the_result_of_initialize_may_carry_instructions() {
    // `lifecycle.init.reply` `lifecycle.instructions`
    let text = r#"{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"s","version":"1"},"instructions":"…"}"#;
    let result: InitializeResult<'_> = serde_json::from_str(text).unwrap();
    let built = InitializeResult::new(
        "2025-11-25",
        ServerCapabilities::new().tools(false),
        Implementation::new("s", "1"),
    );
    assert_eq!(result, built.clone().instructions("…"));
    assert_eq!(serde_json::to_string(&result).unwrap(), text);
    assert!(
        !serde_json::to_string(&built)
            .unwrap()
            .contains("instructions")
    );
}

#[test]
fn unknown_members_of_the_handshake_are_tolerated() {
    // `base.open.objects` `rtype.legacy`
    let text = r#"{"resultType":"complete","protocolVersion":"v","capabilities":{},"serverInfo":{"name":"s","version":"1","x":{}},"y":1}"#;
    let result: InitializeResult<'_> = serde_json::from_str(text).unwrap();
    assert!(
        !serde_json::to_string(&result)
            .unwrap()
            .contains("resultType")
    );
    serde_json::from_str::<InitializedParams<'_>>(r#"{"x":1}"#).unwrap();
    assert_eq!(
        serde_json::to_string(&InitializedParams::new()).unwrap(),
        "{}"
    );
}

#[test]
fn a_program_is_shown_by_its_title_or_else_its_name() {
    // `data.name.title`
    let program = Implementation::new("acme-mail", "1");
    assert_eq!(program.display_name(), "acme-mail");
    assert_eq!(program.title("Acme Mail").display_name(), "Acme Mail");
}

#[test]
fn a_program_has_the_fields_of_all_revisions() {
    // `data.impl.fields` `data.icon.shape`
    let text = r#"{"name":"n","version":"1","title":"T","description":"d","icons":[{"src":"https://x.example/i.png","mimeType":"image/png","sizes":["48x48","any"],"theme":"dark"},{"src":"data:image/png;base64,AA==","theme":"sepia"}],"websiteUrl":"https://x.example"}"#;
    let program: Implementation<'_> = serde_json::from_str(text).unwrap();
    let icons = [
        Icon::new("https://x.example/i.png")
            .mime_type("image/png")
            .sizes(["48x48", "any"])
            .theme(IconTheme::Dark),
        Icon::new("data:image/png;base64,AA==").theme(IconTheme::Other("sepia".into())),
    ];
    let built = Implementation::new("n", "1")
        .title("T")
        .description("d")
        .icons(icons)
        .website_url("https://x.example");
    assert_eq!(program, built);
    assert_eq!(serde_json::to_string(&program.into_owned()).unwrap(), text);
    assert!(serde_json::from_str::<Icon<'_>>(r#"{"mimeType":"image/png"}"#).is_err());
}

#[test]
fn icons_come_from_https_and_data_only() {
    // `data.icon.scheme`
    for uri in [
        "https://x.example/i.png",
        "HTTPS://x",
        "data:image/svg+xml,x",
        "Data:,",
    ] {
        assert!(is_allowed_icon_uri(uri), "{uri}");
    }
    for uri in [
        "http://x.example/i.png",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "ftp://x",
        "ws://x",
        "wss://x",
        "myapp://x",
        "i.png",
        "//x/i.png",
        "",
        ":",
        " https://x",
        "https",
        "https\n://x",
    ] {
        assert!(!is_allowed_icon_uri(uri), "{uri}");
        assert!(!Icon::new(uri).is_allowed(), "{uri}");
    }
}
