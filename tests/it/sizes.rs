//! What an event weighs: events are moved through queues, so their size is a cost of each.

use mcp_proto::session::{ClientEvent, ServerEvent};

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
