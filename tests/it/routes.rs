//! Sessions whose requests each have a stream of their own, as over HTTP: what leaves by which, and
//! what becomes of a request whose stream is lost or refused.

use bytes::Bytes;
use mcp_proto::model::logging::{LoggingLevel, LoggingMessageParams};
use mcp_proto::model::method::CallTool;
use mcp_proto::model::tool::CallToolResult;
use mcp_proto::session::{
    ExchangeId, Misuse, Route, ServerEvent, ServerSession, Session, Transmit,
};
use mcp_proto::{Instant, Revision};
use serde_json::{Value, json};

use support::on_revisions;
use support::pair::{Pair, client_config, server_config};
use support::scenario::{notification, request};
use support::{LEGACY, MODERN};

const NOW: Instant = Instant::from_millis(1000);

const fn by(number: u64) -> Route {
    Route::Exchange(ExchangeId::new(number))
}

/// All that a session has to send.
fn sent(session: &mut impl Session) -> Vec<(Transmit, Value)> {
    let mut frames = Vec::new();
    let mut buffer = Vec::new();
    while let Some(transmit) = session.poll_transmit(&mut buffer) {
        frames.push((transmit, serde_json::from_slice(&buffer).unwrap()));
        buffer.clear();
    }
    frames
}

on_revisions! { LEGACY;
    // `httpL.sse.final`
    fn an_answer_is_the_last_frame_of_its_exchange_and_what_comes_before_is_not(revision) {
        let mut pair = Pair::new(client_config(revision), server_config());
        pair.server.assume_initialized(revision).unwrap();
        let call = request(revision, 3, "tools/call", json!({"name": "x"}));
        pair.server.handle_frame(pair.now, by(3), Bytes::from(call));
        let Some(ServerEvent::Request(call)) = pair.server.poll_event() else {
            panic!("it is served");
        };
        assert_eq!(pair.server.route_of(call.id), Some(by(3)));
        assert_eq!((pair.server.open_on(by(3)), pair.server.open_on(by(4))), (1, 0));
        let message = LoggingMessageParams::text(LoggingLevel::Error, "soon");
        pair.server.log(pair.now, Some(call.id), &message).unwrap();
        pair.server.log(pair.now, None, &message).unwrap();
        pair.server.reply::<CallTool>(pair.now, call.id, &CallToolResult::text("t")).unwrap();
        let sent: Vec<_> = sent(&mut pair.server).into_iter().map(|(t, _)| (t.route, t.last)).collect();
        assert_eq!(sent, [(by(3), false), (Route::Standalone, false), (by(3), true)]);
        assert_eq!((pair.server.open_on(by(3)), pair.server.route_of(call.id)), (0, None));
    }
}

on_revisions! { LEGACY;
    fn a_session_may_be_taken_for_initialized_once_and_asks_nothing(revision) {
        let mut server = ServerSession::new(server_config());
        server.assume_initialized(revision).unwrap();
        assert_eq!(server.legacy_revision(), Some(revision));
        assert!(server.client_capabilities().is_none());
        assert_eq!(server.assume_initialized(revision), Err(Misuse::AlreadyOpened));
        let mut other = ServerSession::new(server_config().revisions(MODERN.to_vec()));
        let refused = other.assume_initialized(revision);
        assert!(matches!(refused, Err(Misuse::NotInRevision { .. })));
        let refused = other.assume_initialized(Revision::NEWEST);
        assert!(matches!(refused, Err(Misuse::NotInRevision { .. })));
        other.close(NOW);
        assert_eq!(other.assume_initialized(revision), Err(Misuse::Closed));
    }
}

on_revisions! { MODERN;
    // `httpM.listen`
    fn a_listen_stream_is_open_on_its_exchange_until_it_ends(revision) {
        let mut pair = Pair::new(client_config(revision), server_config());
        let listen = request(revision, 1, "subscriptions/listen",
            json!({"notifications": {"toolsListChanged": true}}));
        pair.exchange(by(1), listen);
        assert!(pair.server.is_listening_on(by(1)) && !pair.server.is_listening_on(by(2)));
        assert_eq!(pair.server.open_on(by(1)), 1);
        pair.server.end_subscriptions(pair.now);
        let ended = sent(&mut pair.server);
        assert!(ended[0].0.last && ended[0].0.route == by(1));
        assert_eq!(pair.server.open_on(by(1)), 0);
    }
}

on_revisions! { LEGACY;
    fn nothing_is_the_last_on_a_pipe(revision) {
        let mut pair = Pair::open(revision);
        pair.server.handle_frame(pair.now, Route::Pipe, Bytes::from(request(revision, 9, "ping", json!({}))));
        pair.server.handle_frame(pair.now, Route::Pipe, Bytes::from(notification("x", json!({}))));
        assert!(!sent(&mut pair.server)[0].0.last);
    }
}
