//! Every pairing of clients and servers of either era or both, and what a host may remember of it.

use mcp_proto::Revision;
use mcp_proto::model::method::CallTool;
use mcp_proto::model::tool::{CallToolParams, CallToolResult};
use mcp_proto::session::{
    CallOptions, ClientConfig, ClientEvent, CloseReason, EraPolicy, ServerConfig, ServerEvent,
};

use support::LEGACY;
use support::pair::{Pair, client_config, everything_of_a_server, server_config};
use support::script::Script;

const MODERN: Revision = Revision::V2026_07_28;

fn auto() -> ClientConfig {
    ClientConfig::new("dual", "1")
}

/// Opens a pair and makes a call; the revision they opened with.
fn open(client: ClientConfig, server: ServerConfig) -> Result<Revision, CloseReason> {
    let mut pair = Pair::new(client, server);
    pair.client.open(pair.now).unwrap();
    pair.drive();
    match pair.client_events.pop_front() {
        Some(ClientEvent::Opened { revision }) => {
            pair.server_events
                .retain(|event| !matches!(event, ServerEvent::Opened { .. }));
            let params = CallToolParams::new("x");
            let call = pair
                .client
                .call::<CallTool>(pair.now, &params, CallOptions::new())
                .unwrap();
            pair.drive();
            let asked = pair.request();
            assert_eq!(asked.revision, revision);
            pair.server
                .reply::<CallTool>(pair.now, asked.id, &CallToolResult::text("x"))
                .unwrap();
            pair.drive();
            assert!(pair.completed(call).raw().is_ok());
            Ok(revision)
        }
        Some(ClientEvent::Closed(reason)) => Err(reason),
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_pairing_works_or_fails_as_the_compatibility_matrix_says() {
    // `era.matrix.modern.modern` `era.matrix.modern.legacy` `era.matrix.dual.modern`
    // `era.matrix.dual.legacy` `era.matrix.legacy.modern` `era.matrix.legacy.dual`
    // `era.matrix.legacy.legacy` `era.server.both`
    let everything = everything_of_a_server();
    let server = |revisions: &[Revision]| {
        ServerConfig::new("s", "1")
            .capabilities(everything.clone())
            .revisions(revisions.to_vec())
    };
    let modern = || client_config(MODERN);
    assert_eq!(open(modern(), server(&[MODERN])), Ok(MODERN));
    assert_eq!(open(modern(), server(&Revision::ALL)), Ok(MODERN));
    assert_eq!(open(auto(), server(&[MODERN])), Ok(MODERN));
    assert_eq!(open(auto(), server(&Revision::ALL)), Ok(MODERN));
    for revision in LEGACY {
        assert_eq!(open(auto(), server(&[revision])), Ok(revision));
        let refused = open(modern(), server(&[revision]));
        assert!(
            matches!(refused, Err(CloseReason::OpeningRefused(_))),
            "{refused:?}"
        );
        let legacy = client_config(revision);
        assert_eq!(open(legacy.clone(), server(&Revision::ALL)), Ok(revision));
        let refused = open(legacy, server(&[MODERN]));
        assert!(
            matches!(refused, Err(CloseReason::OpeningRefused(_))),
            "{refused:?}"
        );
        for other in LEGACY {
            let outcome = open(client_config(revision), server(&[other]));
            if other == revision {
                assert_eq!(outcome, Ok(revision));
            } else {
                let Err(CloseReason::UnsupportedProtocolVersion { offered }) = outcome else {
                    panic!("{outcome:?}");
                };
                assert_eq!(&*offered, other.as_str());
            }
        }
        let legacy = auto().era(EraPolicy::Legacy);
        assert_eq!(open(legacy, server(&[revision])), Ok(revision));
        assert_eq!(open(auto(), server(&[revision, MODERN])), Ok(MODERN));
    }
}

#[test]
fn what_was_found_out_can_be_remembered_and_forgotten() {
    // `era.client.persist` `era.client.cache`
    let remember = |server: ServerConfig| {
        let mut pair = Pair::new(auto(), server);
        assert_eq!(pair.client.remembered_era(), None);
        pair.client.open(pair.now).unwrap();
        assert_eq!(pair.client.remembered_era(), None);
        pair.drive();
        pair.client.remembered_era().unwrap()
    };
    let legacy = remember(server_config().revisions(LEGACY.to_vec()));
    assert_eq!(legacy, EraPolicy::Legacy);
    assert_eq!(remember(server_config()), EraPolicy::Modern);
    let mut client = Script::fresh_client(auto().era(legacy));
    assert_eq!(client.reply()["method"], "initialize");
    // The server has been replaced by a modern one: the host learns it and may ask afresh.
    let outcome = open(auto().era(legacy), server_config().revisions(vec![MODERN]));
    assert!(matches!(outcome, Err(CloseReason::OpeningRefused(_))));
    assert_eq!(
        open(auto(), server_config().revisions(vec![MODERN])),
        Ok(MODERN)
    );
}
