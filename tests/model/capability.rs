//! Capabilities: what is declared, what survives, what is lacking.

use crate::round_trip::{refused, survives};
use mcp_proto::Revision;
use mcp_proto::model::capability::{ClientCapabilities, ServerCapabilities, TasksCapability};
use mcp_proto::model::object::Object;
use mcp_proto::model::owned::IntoOwned;

fn client(text: &str) -> ClientCapabilities<'_> {
    serde_json::from_str(text).unwrap()
}

fn server(text: &str) -> ServerCapabilities<'_> {
    serde_json::from_str(text).unwrap()
}

fn json<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap()
}

#[test]
fn unknown_capabilities_and_members_round_trip() {
    // `caps.open` `caps.experimental` `ext.field`
    let text = r#"{"roots":{"listChanged":true,"depth":2},"sampling":{"tools":{"x":1},"new":[]},"elicitation":{"url":{}},"experimental":{"a":{"b":1}},"extensions":{"com.example/x":{}},"future":{"n":1.0},"flag":false}"#;
    assert_eq!(json(&client(text)), text);
    assert_eq!(json(&client(text).into_owned()), text);
    let text = r#"{"logging":{"x":1},"completions":{},"prompts":{"y":null},"resources":{"subscribe":true,"listChanged":true},"tools":{"listChanged":true},"tasks":{"list":{}},"future":5}"#;
    assert_eq!(json(&server(text)), text);
    assert_eq!(json(&server(text).into_owned()), text);
}

#[test]
fn presence_of_the_object_is_the_switch() {
    // `caps.presence`
    let some =
        server(r#"{"tools":{},"resources":{"subscribe":false},"logging":{},"prompts":null}"#);
    assert!(!some.tools.as_ref().unwrap().list_changed);
    assert!(!some.resources.as_ref().unwrap().subscribe);
    assert!(some.logging.is_some());
    assert!(some.prompts.is_none());
    assert!(some.completions.is_none());
    assert_eq!(json(&some), r#"{"logging":{},"resources":{},"tools":{}}"#);
    assert!(
        !client(r#"{"roots":{"listChanged":null}}"#)
            .roots
            .unwrap()
            .list_changed
    );
}

#[test]
fn a_known_capability_that_is_no_object_declares_nothing_and_is_kept() {
    // `caps.presence`
    for text in ["5", "[]", "\"x\""] {
        refused::<ClientCapabilities<'_>>(text);
    }
    for (text, key) in [
        (r#"{"roots":5,"x":{}}"#, "roots"),
        (r#"{"sampling":[],"x":{}}"#, "sampling"),
        (r#"{"elicitation":true,"x":{}}"#, "elicitation"),
        (r#"{"extensions":[],"x":{}}"#, "extensions"),
    ] {
        let client = survives::<ClientCapabilities<'_>>(text);
        let others: Vec<_> = client.other.iter().map(|(key, _)| key.as_str()).collect();
        assert_eq!(others, [key, "x"]);
        let mut declared = client.clone();
        declared.other.clear();
        assert_eq!(declared, ClientCapabilities::new(), "{text}");
    }
    let client = survives::<ClientCapabilities<'_>>(
        r#"{"elicitation":{"form":1},"roots":{"listChanged":"yes"}}"#,
    );
    assert!(
        client
            .elicitation
            .is_some_and(|elicitation| elicitation.form.is_none())
    );
    assert!(client.roots.is_some_and(|roots| !roots.list_changed));
    let server = survives::<ServerCapabilities<'_>>(
        r#"{"prompts":{},"logging":true,"tools":[],"resources":{"subscribe":{}}}"#,
    );
    assert!(server.prompts.is_some() && server.logging.is_none() && server.tools.is_none());
    assert!(
        server
            .resources
            .is_some_and(|resources| !resources.subscribe)
    );
}

#[test]
fn capabilities_are_built_by_naming_them() {
    // `caps.client.list` `caps.server.list`
    let client = ClientCapabilities::new()
        .roots(true)
        .sampling()
        .sampling_tools()
        .sampling_context()
        .elicitation_form()
        .elicitation_url()
        .experimental("x", &Object::new())
        .tasks(TasksCapability::new());
    assert_eq!(
        json(&client),
        r#"{"roots":{"listChanged":true},"sampling":{"tools":{},"context":{}},"elicitation":{"form":{},"url":{}},"tasks":{},"experimental":{"x":{}}}"#
    );
    let server = ServerCapabilities::new()
        .logging()
        .completions()
        .prompts(true)
        .resources(true)
        .resources_subscribe()
        .tools(false)
        .extension("com.example/x", &Object::new().with("a", &1));
    assert_eq!(
        json(&server),
        r#"{"logging":{},"completions":{},"prompts":{"listChanged":true},"resources":{"subscribe":true,"listChanged":true},"tools":{},"extensions":{"com.example/x":{"a":1}}}"#
    );
}

#[test]
fn extensions_are_off_unless_asked_for() {
    // `ext.optin` `ext.untrusted` `ext.field`
    assert_eq!(json(&ClientCapabilities::new()), "{}");
    assert_eq!(json(&ServerCapabilities::new()), "{}");
    let peer = client(r#"{"extensions":{"a.b/on":{},"a.b/bad":5,"a.b/null":null}}"#);
    assert!(peer.extension_settings("a.b/on").unwrap().is_empty());
    for id in ["a.b/bad", "a.b/null", "a.b/absent"] {
        assert_eq!(peer.extension_settings(id), None, "{id}");
    }
}

#[test]
fn an_empty_elicitation_means_by_form() {
    for (text, form, url) in [
        ("{}", false, false),
        (r#"{"elicitation":{}}"#, true, false),
        (r#"{"elicitation":{"form":{}}}"#, true, false),
        (r#"{"elicitation":{"url":{}}}"#, false, true),
        (r#"{"elicitation":{"form":{},"url":{}}}"#, true, true),
        (r#"{"elicitation":{"form":null,"url":{}}}"#, false, true),
    ] {
        assert_eq!(
            (client(text).supports_form(), client(text).supports_url()),
            (form, url),
            "{text}"
        );
    }
}

#[test]
fn only_what_is_lacking_is_named() {
    // `caps.missing.vs.degrade`
    let rows = [
        ("{}", "{}", None),
        (r#"{"sampling":{}}"#, r#"{"sampling":{}}"#, None),
        (
            "{}",
            r#"{"sampling":{"tools":{}}}"#,
            Some(r#"{"sampling":{"tools":{}}}"#),
        ),
        (
            r#"{"sampling":{"context":{}}}"#,
            r#"{"sampling":{"tools":{},"context":{}}}"#,
            Some(r#"{"sampling":{"tools":{}}}"#),
        ),
        ("{}", r#"{"elicitation":{}}"#, Some(r#"{"elicitation":{}}"#)),
        (
            r#"{"elicitation":{}}"#,
            r#"{"elicitation":{"form":{}}}"#,
            None,
        ),
        (
            r#"{"elicitation":{"form":{}}}"#,
            r#"{"elicitation":{}}"#,
            None,
        ),
        (
            r#"{"elicitation":{"url":{}}}"#,
            r#"{"elicitation":{}}"#,
            Some(r#"{"elicitation":{"form":{}}}"#),
        ),
        (
            r#"{"elicitation":{}}"#,
            r#"{"elicitation":{"form":{},"url":{}}}"#,
            Some(r#"{"elicitation":{"url":{}}}"#),
        ),
        (r#"{"roots":{}}"#, r#"{"roots":{}}"#, None),
        (
            r#"{"roots":{}}"#,
            r#"{"roots":{"listChanged":true}}"#,
            Some(r#"{"roots":{"listChanged":true}}"#),
        ),
        (
            r#"{"roots":{"listChanged":true}}"#,
            r#"{"roots":{},"sampling":{}}"#,
            Some(r#"{"sampling":{}}"#),
        ),
        (
            r#"{"extensions":{"a.b/x":{},"a.b/y":1}}"#,
            r#"{"extensions":{"a.b/x":{},"a.b/y":{},"a.b/z":{}}}"#,
            Some(r#"{"extensions":{"a.b/y":{},"a.b/z":{}}}"#),
        ),
        (
            r#"{"experimental":{"x":{}},"new":1}"#,
            r#"{"tasks":{},"experimental":{"x":{},"y":{}},"new":{},"newer":{}}"#,
            Some(r#"{"tasks":{},"experimental":{"y":{}},"newer":{}}"#),
        ),
    ];
    for (declared, needed, missing) in rows {
        let found = client(declared).missing_for(&client(needed));
        assert_eq!(
            found.map(|found| json(&found)).as_deref(),
            missing,
            "{declared} / {needed}"
        );
    }
}

#[test]
fn a_revision_is_told_only_what_it_knows() {
    // `caps.client.list` `caps.server.list` `ext.legacy`
    let all = client(
        r#"{"roots":{"listChanged":true},"sampling":{"tools":{},"context":{}},"elicitation":{"form":{},"url":{}},"tasks":{},"experimental":{"x":{}},"extensions":{"a.b/x":{}},"other":{}}"#,
    );
    let old = r#"{"roots":{"listChanged":true},"sampling":{},"experimental":{"x":{}},"other":{}}"#;
    let expected = [
        old,
        old,
        r#"{"roots":{"listChanged":true},"sampling":{},"elicitation":{},"experimental":{"x":{}},"other":{}}"#,
        r#"{"roots":{"listChanged":true},"sampling":{"tools":{},"context":{}},"elicitation":{"form":{},"url":{}},"tasks":{},"experimental":{"x":{}},"other":{}}"#,
        r#"{"roots":{},"sampling":{"tools":{},"context":{}},"elicitation":{"form":{},"url":{}},"experimental":{"x":{}},"extensions":{"a.b/x":{}},"other":{}}"#,
    ];
    for (revision, expected) in Revision::ALL.into_iter().zip(expected) {
        assert_eq!(
            json(&all.clone().for_revision(revision)),
            expected,
            "{revision}"
        );
    }
    let url_only = client(r#"{"elicitation":{"url":{}}}"#);
    assert_eq!(json(&url_only.for_revision(Revision::V2025_06_18)), "{}");

    let all =
        server(r#"{"completions":{},"tools":{"listChanged":true},"tasks":{},"extensions":{}}"#);
    let expected = [
        r#"{"tools":{"listChanged":true}}"#,
        r#"{"completions":{},"tools":{"listChanged":true}}"#,
        r#"{"completions":{},"tools":{"listChanged":true}}"#,
        r#"{"completions":{},"tools":{"listChanged":true},"tasks":{}}"#,
        r#"{"completions":{},"tools":{"listChanged":true},"extensions":{}}"#,
    ];
    for (revision, expected) in Revision::ALL.into_iter().zip(expected) {
        assert_eq!(
            json(&all.clone().for_revision(revision)),
            expected,
            "{revision}"
        );
    }
}
