//! Roots: who may ask for them, what they may be, and telling that they have changed.

use mcp_proto::Revision;
use mcp_proto::model::capability::ClientCapabilities;
use mcp_proto::model::input::InputRequests;
use mcp_proto::model::method::{ClientCapability, EmptyParams, ListRoots, RootsListChanged};
use mcp_proto::model::root::{ListRootsResult, Root};
use mcp_proto::session::{Capability, Invalid, Misuse, ServerEvent};
use serde_json::{Value, json};

use support::on_every_revision;
use support::pair::{Pair, client_config, server_config};
use support::scenario::{is_modern, notification};

fn declaring(revision: Revision, capabilities: ClientCapabilities<'static>) -> Pair {
    let client = client_config(revision).capabilities(capabilities);
    Pair::open_with(client, server_config())
}

on_every_revision! {
    // `roots.cap`, `caps.client.list`
    fn roots_are_declared_in_the_words_of_the_revision(revision) {
        for list_changed in [true, false] {
            let pair = declaring(revision, ClientCapabilities::new().roots(list_changed));
            let first = &pair.sent_by_client()[0]["params"];
            let (declared, expected) = match is_modern(revision) {
                true => (
                    &first["_meta"]["io.modelcontextprotocol/clientCapabilities"],
                    json!({}),
                ),
                false if list_changed => (&first["capabilities"], json!({"listChanged": true})),
                false => (&first["capabilities"], json!({})),
            };
            assert_eq!(declared["roots"], expected);
        }
        let pair = declaring(revision, ClientCapabilities::new());
        assert!(!pair.wire[0].1.contains("roots"));
    }
}

on_every_revision! {
    // `roots.list`
    fn roots_are_asked_for_and_listed(revision) {
        let mut pair = Pair::open(revision);
        pair.call_tool("x");
        let asked = pair.request();
        pair.need(&asked, &InputRequests::new().roots("k"), None);
        let input = pair.input();
        assert!(input.params::<ListRoots>().unwrap().is_ok());
        let home = Root::new("file:///home").name("Home");
        pair.answer::<ListRoots>(&input, &ListRootsResult::new(vec![home]));
        let sent = pair.last_of_client();
        let listed: &Value = match is_modern(revision) {
            true => &sent["params"]["inputResponses"]["k"],
            false => &sent["result"],
        };
        assert_eq!(
            *listed,
            json!({"roots": [{"uri": "file:///home", "name": "Home"}]})
        );
        let again = pair.request();
        let roots = again.input::<ListRoots>("k").unwrap().unwrap().roots;
        assert_eq!(roots[0].name.as_deref(), Some("Home"));
    }
}

on_every_revision! {
    // `roots.uri`
    fn a_client_lists_nothing_but_files(revision) {
        let mut pair = Pair::open(revision);
        pair.call_tool("x");
        let asked = pair.request();
        pair.need(&asked, &InputRequests::new().roots("k"), None);
        let input = pair.input();
        pair.forget();
        for uri in [
            "https://example.com/",
            "/home/ada",
            "file:/home",
            "file:///a b",
            "",
        ] {
            let roots = ListRootsResult::new(vec![Root::new("file:///ok"), Root::new(uri)]);
            let misuse = pair
                .client
                .answer::<ListRoots>(pair.now, input.input, &roots)
                .unwrap_err();
            assert!(matches!(misuse, Misuse::Invalid(Invalid::RootUri)), "{uri}: {misuse}");
        }
        pair.drive();
        assert!(pair.wire.is_empty() && pair.server_events.is_empty());
        // It is still open.
        let roots = ListRootsResult::new(vec![Root::new("file:///ok"), Root::new("FILE:///b%20c")]);
        pair.answer::<ListRoots>(&input, &roots);
        pair.request();
    }
}

on_every_revision! {
    // `roots.changed`, `roots.changed.gone`
    fn a_change_is_told_where_it_was_promised(revision) {
        let mut pair = Pair::open(revision);
        pair.forget();
        pair.client.roots_changed(pair.now).unwrap();
        pair.drive();
        let sent = pair.of_method(true, "notifications/roots/list_changed");
        if is_modern(revision) {
            assert!(sent.is_empty() && pair.is_quiet());
            let params = EmptyParams::new();
            let misuse = pair
                .client
                .notify::<RootsListChanged>(pair.now, &params)
                .unwrap_err();
            assert!(matches!(misuse, Misuse::NotInRevision { .. }), "{misuse}");
            pair.to_server(notification("notifications/roots/list_changed", json!({})));
            assert!(matches!(pair.server_event(), ServerEvent::Ignored(_)));
        } else {
            assert_eq!(sent.len(), 1);
            assert_eq!(pair.server_event(), ServerEvent::RootsChanged);
        }
        let mut quiet = declaring(revision, ClientCapabilities::new().roots(false));
        let misuse = quiet.client.roots_changed(quiet.now).unwrap_err();
        assert!(
            matches!(misuse, Misuse::NotDeclared(Capability::Client(ClientCapability::RootsListChanged))),
            "{misuse}"
        );
        quiet.drive();
        assert!(quiet.is_quiet());
    }
}
