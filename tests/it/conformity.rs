//! The check of what sessions send is itself checked: right frames pass and wrong ones don't.

use mcp_proto::Revision;
use mcp_proto::model::elicitation::ElicitRequestURLParams;
use mcp_proto::model::input::InputRequests;
use mcp_proto::model::method::{CallTool, SpecMethod};
use mcp_proto::model::tool::CallToolParams;
use mcp_proto::session::CallOptions;

use support::on_revisions;
use support::pair::Pair;
use support::wire::schema;
use support::wire::{DEFINITIONS, Wire};

/// Whether the check lets a frame of a server through in a session of `revision`.
fn passes(revision: Revision, frame: &str) -> bool {
    let frame = frame.to_owned();
    let check = move || Wire::resumed(Some(revision)).sent(false, &frame);
    std::panic::catch_unwind(check).is_ok()
}

#[test]
fn each_method_has_its_definitions_in_the_revisions_that_have_it() {
    for revision in Revision::ALL {
        let schema = schema::of(revision);
        for known in SpecMethod::ALL {
            let row = DEFINITIONS.iter().find(|row| row.0 == *known).unwrap();
            let has = |name: &str| schema.definitions.contains_key(name);
            assert_eq!(has(row.1), known.exists_in(revision), "{row:?} {revision}");
            let result = row.2.filter(|_| known.exists_in(revision));
            assert!(result.is_none_or(has), "{row:?} {revision}");
        }
    }
}

#[test]
fn wrong_frames_are_found() {
    let new = Revision::V2026_07_28;
    let old = Revision::V2024_11_05;
    let batches = Revision::V2025_03_26;
    let progress = r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1,"progress":2}}"#;
    assert!(passes(old, progress));
    assert!(passes(batches, &format!("[{progress}]")));
    // `base.batch.removed`
    assert!(!passes(old, &format!("[{progress}]")));
    assert!(!passes(batches, "[]"));
    assert!(!passes(old, &progress.replace(r#","progress":2"#, "")));
    assert!(!passes(old, &progress.replace("2.0", "1.0")));
    // `elicit.dir.modern`
    let roots = r#"{"jsonrpc":"2.0","id":1,"method":"roots/list"}"#;
    assert!(passes(old, roots));
    assert!(!passes(
        old,
        &roots.replace("roots/list", "elicitation/create")
    ));
    // `base.resp.error.noid`
    let error = r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"m"}}"#;
    assert!(passes(old, error));
    assert!(!passes(new, error));
    assert!(passes(new, &error.replace(r#""id":null,"#, "")));
    let unsupported = r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32022,"message":"m","data":{"supported":[],"requested":"a"}}}"#;
    assert!(passes(new, unsupported));
    assert!(!passes(new, &unsupported.replace("[]", "1")));
    // `mrtr.atleastone`
    let asking = r#"{"jsonrpc":"2.0","id":1,"result":{"resultType":"input_required","inputRequests":{"a":{"method":"roots/list"}}}}"#;
    assert!(passes(new, asking));
    assert!(!passes(new, &asking.replace("roots/list", "tools/list")));
    assert!(!passes(new, &asking.replace("inputRequests", "inputs")));
}

#[test]
fn what_the_revision_does_not_have_is_found() {
    // `tools.def.fields`, `rtype.legacy`
    let answer = r#"{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"a","title":"A","inputSchema":{"type":"object","x":1}}]}}"#;
    let passes_in = |revision, answer: &str| {
        let mut wire = Wire::resumed(Some(revision));
        wire.put_in(true, r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#);
        let answer = answer.to_owned();
        std::panic::catch_unwind(move || wire.sent(false, &answer)).is_ok()
    };
    assert!(passes_in(Revision::V2025_06_18, answer));
    assert!(!passes_in(Revision::V2025_03_26, answer));
    let typed = answer.replace(r#""tools""#, r#""resultType":"complete","tools""#);
    assert!(!passes_in(Revision::V2025_06_18, &typed));
}

#[test]
fn a_result_is_held_against_the_method_it_answers() {
    let ask = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;
    let answer = r#"{"jsonrpc":"2.0","id":1,"result":{"prompts":[]}}"#.to_owned();
    assert!(passes(Revision::V2024_11_05, &answer));
    let mut wire = Wire::resumed(Some(Revision::V2024_11_05));
    wire.put_in(true, ask);
    assert!(std::panic::catch_unwind(move || wire.sent(false, &answer)).is_err());
}

on_revisions! { [Revision::V2024_11_05];
    fn the_check_can_be_turned_off(revision) {
        let mut pair = Pair::open(revision);
        pair.checked.turn_off();
        pair.checked.sent(true, "not even JSON");
    }
}

on_revisions! { [Revision::V2025_11_25];
    fn a_legacy_client_that_is_sent_to_a_url_gets_an_id(revision) {
        // `elicit.url.params`
        let mut pair = Pair::open(revision);
        let params = CallToolParams::new("echo");
        pair.client
            .call::<CallTool>(pair.now, &params, CallOptions::new())
            .unwrap();
        pair.drive();
        let request = pair.request();
        let question = ElicitRequestURLParams::new("Go there", "https://example.com/there").into();
        let asked = InputRequests::new()
            .elicit("a", &question)
            .elicit("b", &question);
        pair.server
            .need_input(pair.now, request.id, &asked, None)
            .unwrap();
        pair.drive();
        let sent = pair.sent_by_server();
        let ids: Vec<_> = sent
            .iter()
            .filter_map(|message| message["params"]["elicitationId"].as_str())
            .collect();
        assert!(ids.len() == 2 && ids[0] != ids[1], "{ids:?}");
    }
}
