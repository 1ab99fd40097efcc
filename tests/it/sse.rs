//! Server-sent events: the same bytes give the same events, however they are cut, by the rules of
//! the HTML standard.

use std::time::Duration;

use mcp_proto::frame::{FrameError, SseDecoder, SseEvent, write_event};

/// What a decoder makes of a stream, and what it knows for resuming it.
#[derive(Debug, PartialEq)]
struct Decoded {
    events: Vec<Result<SseEvent, FrameError>>,
    last_event_id: Option<String>,
    retry: Option<Duration>,
}

fn decode<'a>(limit: usize, pieces: impl IntoIterator<Item = &'a [u8]>) -> Decoded {
    let mut decoder = SseDecoder::new(limit);
    let mut events = Vec::new();
    for piece in pieces {
        decoder.push(piece);
        while let Some(event) = decoder.next_event() {
            events.push(event);
        }
        assert!(
            decoder.buffered() <= 2 * limit + 4096 + 16,
            "it holds no more than an event and a line"
        );
    }
    Decoded {
        events,
        last_event_id: decoder.last_event_id().map(str::to_owned),
        retry: decoder.last_retry(),
    }
}

/// The data of the events of a stream.
fn data(stream: &str) -> Vec<String> {
    let decoded = decode(1000, stream.as_bytes().chunks(1));
    let text = |event: Result<SseEvent, FrameError>| {
        let event = event.expect("it is no longer than the limit");
        String::from_utf8(event.data.to_vec()).expect("it is text")
    };
    decoded.events.into_iter().map(text).collect()
}

#[test]
fn lines_end_with_a_line_feed_a_carriage_return_or_both() {
    for ending in ["\n", "\r", "\r\n"] {
        let stream = format!("data: a{ending}data: b{ending}{ending}data: c{ending}{ending}");
        assert_eq!(data(&stream), ["a\nb", "c"], "{ending:?}");
    }
    // A carriage return is enough: the line feed after it may never come.
    let mut decoder = SseDecoder::new(10);
    decoder.push(b"data: a\r\r");
    assert!(decoder.next_event().is_some());
}

#[test]
fn a_byte_order_mark_is_skipped_at_the_very_start_only() {
    assert_eq!(data("\u{feff}data: a\n\n"), ["a"]);
    assert_eq!(data("data: a\n\n\u{feff}data: b\n\n"), ["a"]);
    assert_eq!(data("\u{feff}\u{feff}data: b\n\n"), [""; 0]);
}

#[test]
fn comments_and_fields_that_nobody_knows_say_nothing() {
    // `httpM.sse.comment`
    assert_eq!(data(": a\n:\n\nfoo: b\nDATA: c\n data: d\n\n"), [""; 0]);
    assert_eq!(data(":\ndata: a\n: b\nother\n\n"), ["a"]);
}

#[test]
fn one_space_after_the_colon_is_no_part_of_a_value() {
    assert_eq!(data("data:a\n\ndata: a\n\ndata:  a\n\n"), ["a", "a", " a"]);
    assert_eq!(data("data: a:b\n\n"), ["a:b"]);
}

#[test]
fn an_event_with_empty_data_is_one_and_a_block_without_data_is_none() {
    // `httpL.sse.emptydata`
    assert_eq!(data("data\n\ndata:\n\ndata:\ndata\n\n"), ["", "", "\n"]);
    assert_eq!(data("event: a\nid: 1\n\n\n\n"), [""; 0]);
}

#[test]
fn an_event_that_is_not_whole_at_the_end_never_was() {
    assert_eq!(data("data: a\n\ndata: b\n"), ["a"]);
}

#[test]
fn an_id_stays_until_another_one_comes_and_an_empty_one_takes_it_back() {
    // `httpL.sse.emptydata`
    let known = |stream: &str| decode(100, [stream.as_bytes()]).last_event_id;
    assert_eq!(known("id: 1\ndata:\n\n").as_deref(), Some("1"));
    assert_eq!(known("id: 1\n\n").as_deref(), Some("1"));
    assert_eq!(known("id: 1\n"), None, "its event has not ended");
    assert_eq!(known("id: 1\n\ndata: a\n\n").as_deref(), Some("1"));
    assert_eq!(known("id: 1\n\nid\n\n"), None);
    assert_eq!(known("id: 1\n\nid: a\0b\n\n").as_deref(), Some("1"));
}

#[test]
fn a_time_to_wait_is_digits_and_nothing_else() {
    let wait = |stream: &str| decode(100, [stream.as_bytes()]).retry;
    let millis = |millis| Some(Duration::from_millis(millis));
    assert_eq!(wait("retry: 500\n"), millis(500));
    assert_eq!(
        wait("retry: 500\n\nretry: 1s\nretry: -1\nretry\n\n"),
        millis(500)
    );
    assert_eq!(wait("retry: 1000000000000000000000\n"), millis(u64::MAX));
    assert_eq!(wait("retry: 1.5\n"), None);
}

#[test]
fn the_kind_of_an_event_lasts_for_one_event() {
    let decoded = decode(
        100,
        [&b"event: endpoint\ndata: /m\n\ndata: {}\n\nevent: message\ndata\n\n"[..]],
    );
    let events: Vec<SseEvent> = decoded.events.into_iter().flatten().collect();
    let kinds: Vec<Option<&str>> = events.iter().map(|event| event.event.as_deref()).collect();
    assert_eq!(kinds, [Some("endpoint"), None, Some("message")]);
    let carries: Vec<bool> = events.iter().map(SseEvent::is_message).collect();
    assert_eq!(carries, [false, true, true]);
}

#[test]
fn an_event_over_the_limit_is_told_with_its_head_and_its_end_and_the_next_one_is_good() {
    let long = format!("{{\"id\":7,\"x\":\"{}\"}}", "y".repeat(5000));
    let stream = format!("id: 3\ndata: {long}\n\ndata: {{}}\n\n");
    for chunk in [1, 100, 10_000] {
        let decoded = decode(4000, stream.as_bytes().chunks(chunk));
        let expected = FrameError::TooLong {
            length: long.len() as u64,
            limit: 4000,
            head: long.as_bytes()[..1024].to_vec().into(),
            last: b'}',
        };
        assert_eq!(decoded.events, [Err(expected), Ok(SseEvent::message("{}"))]);
        assert_eq!(decoded.last_event_id.as_deref(), Some("3"));
    }
}

#[test]
fn many_short_lines_are_bounded_like_one_long_one() {
    let stream = format!("{}\n", "data: y\n".repeat(100));
    let decoded = decode(100, stream.as_bytes().chunks(7));
    assert!(matches!(
        decoded.events[..],
        [Err(FrameError::TooLong { length: 199, .. })]
    ));
}

#[test]
fn endless_comments_fields_and_lines_are_not_kept() {
    // `httpM.sse.comment`
    for beginning in [":", "id: ", "event: ", "retry: 1", "nobody"] {
        let mut decoder = SseDecoder::new(64);
        decoder.push(beginning.as_bytes());
        for _ in 0..1000 {
            decoder.push(&[b'1'; 1000]);
            assert!(decoder.next_event().is_none());
            assert!(decoder.buffered() <= 4096, "{beginning}");
        }
        decoder.push(b"\ndata: a\n\n");
        let event = decoder
            .next_event()
            .expect("it is whole")
            .expect("it is short");
        assert_eq!(event, SseEvent::message("a"), "{beginning}");
    }
}

#[test]
fn a_kind_or_an_id_cannot_begin_another_line() {
    let mut event = SseEvent::message("a\r\nb\rc");
    event.id = Some("1\ndata: x".into());
    event.event = Some("k\rid: 2\0".into());
    let mut bytes = Vec::new();
    write_event(&mut bytes, &event);
    let text = String::from_utf8(bytes).expect("it is text");
    assert_eq!(
        text,
        "id: 1data: x\nevent: kid: 2\ndata: a\ndata: b\ndata: c\n\n"
    );
}

#[cfg(feature = "proptest")]
mod properties {
    use mcp_proto::frame::write_comment;
    use proptest::prelude::*;
    use support::pieces;

    use super::*;

    /// The same by the standard's own words, over the whole stream at once.
    fn by_the_standard(limit: usize, bytes: &[u8]) -> Decoded {
        let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
        let mut decoded = Decoded {
            events: Vec::new(),
            last_event_id: None,
            retry: None,
        };
        let (mut event, mut data): (SseEvent, Option<Vec<u8>>) = Default::default();
        for line in lines(bytes) {
            if line.is_empty() {
                let mut ended = std::mem::take(&mut event);
                if let Some(id) = &ended.id {
                    decoded.last_event_id = Some(id.to_string()).filter(|id| !id.is_empty());
                }
                let Some(data) = data.take() else { continue };
                decoded.events.push(if data.len() > limit {
                    let last = data.iter().rev().find(|byte| !byte.is_ascii_whitespace());
                    Err(FrameError::TooLong {
                        length: data.len() as u64,
                        limit,
                        head: data[..data.len().min(1024)].to_vec().into(),
                        last: last.copied().unwrap_or(0),
                    })
                } else {
                    ended.data = data.into();
                    Ok(ended)
                });
                continue;
            }
            let colon = line.iter().position(|byte| *byte == b':');
            let (name, value) = match colon {
                Some(at) => (&line[..at], &line[at + 1..]),
                None => (line, &b""[..]),
            };
            let value = value.strip_prefix(b" ").unwrap_or(value);
            let text = String::from_utf8_lossy(value).into_owned();
            match name {
                b"data" => match &mut data {
                    Some(data) => data.extend([b"\n", value].concat()),
                    None => data = Some(value.to_vec()),
                },
                _ if line.len() > 4096 => {}
                b"event" => event.event = (!text.is_empty()).then(|| text.into()),
                b"id" if !value.contains(&0) => {
                    event.id = String::from_utf8(value.to_vec()).ok().map(Box::from);
                }
                b"retry" if !value.is_empty() && value.iter().all(u8::is_ascii_digit) => {
                    let wait = Duration::from_millis(text.parse().unwrap_or(u64::MAX));
                    (event.retry, decoded.retry) = (Some(wait), Some(wait));
                }
                _ => {}
            }
        }
        decoded
    }

    /// The lines that have ended.
    fn lines(mut bytes: &[u8]) -> Vec<&[u8]> {
        let mut lines = Vec::new();
        while let Some(end) = bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
            lines.push(&bytes[..end]);
            let ending = if bytes[end..].starts_with(b"\r\n") {
                2
            } else {
                1
            };
            bytes = &bytes[end + ending..];
        }
        lines
    }

    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            6 => prop_oneof![Just("\n"), Just("\r\n"), Just("\r"), Just("\n\n"), Just("\r\r")]
                .prop_map(|ending| ending.as_bytes().to_vec()),
            2 => Just(b"\xEF\xBB\xBF".to_vec()),
            1 => Just(b"\xEF\xBB".to_vec()),
            6 => prop_oneof![
                Just("data"), Just("data:"), Just("data: {}"), Just("data:  x"), Just("id"),
                Just("id: a-1"), Just("id: \0"), Just("event: message"), Just("event:"), Just(":"),
                Just(": note"), Just("retry: 50"), Just("retry: 5x"), Just("retry"), Just("Data: x"),
                Just(" data: x"), Just("other: y"), Just("retry: 99999999999999999999999"),
            ]
            .prop_map(|line| line.as_bytes().to_vec()),
            2 => proptest::collection::vec(any::<u8>(), 0..12),
            1 => (b'a'..=b'}', 0_usize..1300).prop_map(|(byte, times)| vec![byte; times]),
            1 => Just(vec![b'i'; 4095]),
        ];
        proptest::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #![proptest_config(support::cases(48, 256))]

        #[test]
        fn any_chunking_gives_the_same_events(
            bytes in bytes(),
            limit in prop_oneof![0_usize..12, Just(1100), Just(1 << 20)],
            cuts in proptest::collection::vec(1_usize..40, 1..20),
        ) {
            let expected = by_the_standard(limit, &bytes);
            prop_assert_eq!(&decode(limit, [&bytes[..]]), &expected);
            prop_assert_eq!(&decode(limit, bytes.chunks(1)), &expected);
            prop_assert_eq!(&decode(limit, pieces(&bytes, &cuts)), &expected);
        }

        #[test]
        fn what_is_written_is_read_back(
            id in proptest::option::of("[a-z0-9é-]{0,8}"),
            kind in proptest::option::of("[a-z]{1,8}"),
            data in "[a-z {}\"é\n]{0,20}",
            retry in proptest::option::of(0_u64..100_000),
        ) {
            let mut event = SseEvent::message(data);
            event.id = id.map(Box::from);
            event.event = kind.map(Box::from);
            event.retry = retry.map(Duration::from_millis);
            let mut bytes = Vec::new();
            write_comment(&mut bytes);
            write_event(&mut bytes, &event);
            write_event(&mut bytes, &event);
            let decoded = decode(1000, bytes.chunks(3));
            prop_assert_eq!(decoded.events, [Ok(event.clone()), Ok(event)]);
        }
    }
}
