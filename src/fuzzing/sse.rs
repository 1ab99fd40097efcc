//! Server-sent events, however they are cut.

use alloc::string::String;
use alloc::vec::Vec;

use crate::frame::{FrameError, SseDecoder, SseEvent};

use super::source::Source;

/// Server-sent events: the same events however the bytes are cut, none longer than the limit.
pub fn sse(bytes: &[u8]) {
    let mut source = Source::new(bytes);
    let limit = usize::from(source.byte());
    let chunk = usize::from(source.byte()).max(1);
    let rest = source.rest();
    let whole = events(rest, limit, rest.len().max(1));
    assert_eq!(
        whole,
        events(rest, limit, chunk),
        "the events depend on how the bytes were cut"
    );
    for event in whole.0.iter().flatten() {
        assert!(event.data.len() <= limit, "an event is over the limit");
    }
}

type Events = (Vec<Result<SseEvent, FrameError>>, Option<String>);

fn events(bytes: &[u8], limit: usize, chunk: usize) -> Events {
    let mut decoder = SseDecoder::new(limit);
    let mut events = Vec::new();
    for chunk in bytes.chunks(chunk) {
        decoder.push(chunk);
        while let Some(event) = decoder.next_event() {
            events.push(event);
        }
    }
    (events, decoder.last_event_id().map(String::from))
}
