//! What a session says that it is to be woken for next.

use std::time::Duration;

use mcp_proto::model::input::InputRequests;
use mcp_proto::session::{ClientConfig, ClientSession, Session, Timeouts, WakeReason};

use support::on_every_revision;
use support::pair::{Pair, client_config, server_config};
use support::scenario::is_modern;
use support::script::Script;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn an_opening_waits_for_its_probe_and_then_for_its_end() {
    let idle = ClientSession::new(ClientConfig::new("c", "1"));
    assert_eq!(idle.wake_reason(), None);
    let mut client = Script::fresh_client(ClientConfig::new("c", "1"));
    assert_eq!(client.session.wake_reason(), Some(WakeReason::Probe));
    client.pass(SECOND * 2);
    assert_eq!(client.session.wake_reason(), Some(WakeReason::Opening));
    client.pass(SECOND * 58);
    assert!(client.session.is_closed());
    assert_eq!(client.session.wake_reason(), None);
}

on_every_revision! {
    fn a_probe_and_an_opening_that_end_together_wait_for_the_opening(revision) {
        let timeouts = Timeouts::default().opening(SECOND).probe(SECOND);
        let client = Script::fresh_client(client_config(revision).timeouts(timeouts));
        assert_eq!(client.session.wake_reason(), Some(WakeReason::Opening));
    }
}

on_every_revision! {
    // `timeout.all`
    fn an_open_session_waits_for_its_calls_and_its_questions(revision) {
        let mut pair = Pair::open_with(client_config(revision), server_config());
        assert_eq!((pair.client.wake_reason(), pair.server.wake_reason()), (None, None));
        pair.call_tool("x");
        assert_eq!(pair.client.wake_reason(), Some(WakeReason::Call));
        assert_eq!(pair.server.wake_reason(), None);
        let asked = pair.request();
        pair.need(&asked, &InputRequests::new().roots("where"), None);
        let expected = (!is_modern(revision)).then_some(WakeReason::Input);
        assert_eq!(pair.server.wake_reason(), expected);
        assert_eq!(pair.server.poll_timeout().is_some(), expected.is_some());
    }
}
