//! What an event weighs: events are moved through queues, so their size is a cost of each.

use mcp_proto::session::{ClientEvent, ClientSession, ServerEvent, ServerSession};

#[test]
fn an_event_takes_at_most_two_cache_lines() {
    assert!(
        size_of::<ClientEvent>() <= 128,
        "{}",
        size_of::<ClientEvent>()
    );
    assert!(
        size_of::<ServerEvent>() <= 128,
        "{}",
        size_of::<ServerEvent>()
    );
}

#[test]
fn a_session_takes_no_more_than_its_configuration_and_what_most_sessions_use() {
    let sizes = (size_of::<ClientSession>(), size_of::<ServerSession>());
    assert!(sizes.0 <= 1_920 && sizes.1 <= 1_832, "{sizes:?}");
}
