//! Lines: the same bytes give the same frames and the same errors, however they are cut.

use mcp_proto::frame::{FrameError, LineDecoder};

/// What a decoder makes of bytes that come in these pieces, to their end.
fn decode<'a>(
    limit: usize,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> Vec<Result<Vec<u8>, FrameError>> {
    decode_by(limit, pieces, LineDecoder::push)
}

/// The same when `push` hands each piece over.
fn decode_by<'a>(
    limit: usize,
    pieces: impl IntoIterator<Item = &'a [u8]>,
    push: impl Fn(&mut LineDecoder, &[u8]),
) -> Vec<Result<Vec<u8>, FrameError>> {
    let mut decoder = LineDecoder::new(limit);
    let mut found = Vec::new();
    for piece in pieces {
        push(&mut decoder, piece);
        while let Some(frame) = decoder.next_frame() {
            found.push(frame.map(|frame| frame.to_vec()));
        }
        assert!(
            decoder.buffered() <= limit.max(2) + 1,
            "it holds no more than a line"
        );
    }
    if let Some(frame) = decoder.finish() {
        found.push(frame.map(|frame| frame.to_vec()));
    }
    assert_eq!(decoder.buffered(), 0);
    assert!(decoder.finish().is_none());
    found
}

#[test]
fn bytes_that_come_with_their_buffer_give_the_same_frames_and_errors() {
    // `stdio.frame.partial` `stdio.frame.limit`
    let lengths = [1, 20_000, 200_000, 40_000, 3, 300_000, 5];
    let lines = lengths.map(|length| format!("{{\"a\":\"{}\"}}\r\n", "x".repeat(length)));
    let bytes = format!("\u{feff}{}{{", lines.concat());
    let with_buffer = |decoder: &mut LineDecoder, piece: &[u8]| {
        let mut buffer = piece.to_vec();
        decoder.push_buffer(&mut buffer);
        assert!(buffer.is_empty());
    };
    for limit in [2_000, 250_000, 1 << 20] {
        for chunk in [1_000, 131_073, 220_024, 1 << 20] {
            let pieces = || bytes.as_bytes().chunks(chunk);
            let expected = decode(limit, pieces());
            assert_eq!(decode_by(limit, pieces(), with_buffer), expected);
        }
    }
}

#[test]
fn a_long_line_stays_in_the_buffer_that_it_came_with() {
    let mut buffer = [&[b'x'; 200_000][..], b"\n{}\n"].concat();
    let place = buffer.as_ptr();
    let mut decoder = LineDecoder::new(1 << 20);
    decoder.push_buffer(&mut buffer);
    let frame = decoder.next_frame().unwrap().unwrap();
    assert_eq!((frame.as_ptr(), frame.len()), (place, 200_000));
    assert_eq!(decoder.next_frame().unwrap().unwrap(), "{}");
    assert!(decoder.next_frame().is_none());
}

#[test]
fn a_line_over_the_limit_is_told_with_its_head_and_its_end_and_the_next_one_is_good() {
    // `stdio.frame.limit`
    let long = format!("{{\"id\":7,\"x\":\"{}\"}} \t", "y".repeat(5000));
    let bytes = format!("{long}\n{{}}\n");
    for chunk in [1, 100, 10_000] {
        let found = decode(4000, bytes.as_bytes().chunks(chunk));
        let expected = FrameError::TooLong {
            length: long.len() as u64,
            limit: 4000,
            head: long.as_bytes()[..1024].to_vec().into(),
            last: b'}',
        };
        assert_eq!(found, [Err(expected), Ok(b"{}".to_vec())]);
    }
}

#[test]
fn the_limit_does_not_count_the_delimiter() {
    // `stdio.frame.limit` `stdio.frame.crlf`
    for chunk in [1, 2, 3, 100] {
        let found = decode(4, b"1234\n1234\r\n12345\n123\r4\n".chunks(chunk));
        assert_eq!(found.len(), 4, "{found:?}");
        assert_eq!(found[0], Ok(b"1234".to_vec()));
        assert_eq!(found[1], Ok(b"1234".to_vec()));
        assert!(matches!(
            found[2],
            Err(FrameError::TooLong {
                length: 5,
                last: b'5',
                ..
            })
        ));
        assert!(found[3].is_err());
    }
}

#[test]
fn a_last_line_without_its_newline_is_a_frame_when_it_looks_whole() {
    for (bytes, expected) in [
        ("{}", Ok(b"{}".to_vec())),
        ("{}\r", Ok(b"{}".to_vec())),
        ("[1] ", Ok(b"[1] ".to_vec())),
        ("{\"a\":", Err(FrameError::Truncated { length: 5 })),
        ("hello", Err(FrameError::Truncated { length: 5 })),
    ] {
        assert_eq!(decode(100, [bytes.as_bytes()]), [expected], "{bytes}");
    }
    assert_eq!(decode(100, [&b"\n \t\r\n "[..]]), []);
    assert_eq!(decode(100, [&b""[..]]), []);
}

#[test]
fn a_byte_order_mark_is_skipped_at_the_very_start_only() {
    // `stdio.frame.crlf`
    let mark = "\u{feff}";
    let found = decode(
        100,
        format!("{mark}{{}}\n{mark}{{}}\n").as_bytes().chunks(1),
    );
    assert_eq!(
        found,
        [Ok(b"{}".to_vec()), Ok(format!("{mark}{{}}").into_bytes())]
    );
}

#[test]
fn a_decoder_that_was_stored_is_not_trusted() {
    let mut decoder = LineDecoder::new(16);
    decoder.push(b"{\"a\":1}\n{\"b\"");
    let mut stored = serde_json::to_value(&decoder).expect("a decoder can be stored");
    let [buffer, discarding] = [0, 3];
    stored[buffer] = serde_json::json!([123, 125, 10]);
    let mut discards = stored.clone();
    discards[discarding] = serde_json::json!([vec![0; 2000], u64::MAX, 0]);
    let mut searched = stored.clone();
    searched.as_array_mut().expect("an array").push(9.into());
    assert!(serde_json::from_value::<LineDecoder>(searched).is_err());
    let mut decoder: LineDecoder = serde_json::from_value(stored).expect("and read again");
    assert_eq!(decoder.next_frame().unwrap().unwrap(), "{}");
    let mut decoder: LineDecoder = serde_json::from_value(discards).expect("and read again");
    assert!(decoder.next_frame().unwrap().is_err());
}

#[test]
fn a_long_frame_is_the_only_one_that_keeps_its_buffer() {
    let long = [b"{\"a\":\"".as_slice(), &[b'x'; 200_000], b"\"}"].concat();
    let mut decoder = LineDecoder::new(1 << 20);
    // The second time the decoder knows how long such a frame is, and has little room left after it.
    for _ in 0..2 {
        for chunk in long.chunks(16 * 1024) {
            decoder.push(chunk);
        }
        decoder.push(b"\n");
        let frame = decoder
            .next_frame()
            .expect("it is whole")
            .expect("it is good");
        assert_eq!(frame, long);
        assert!(frame.is_unique(), "the decoder holds on to it");
    }
}

#[cfg(feature = "proptest")]
mod properties {
    use mcp_proto::frame::write_line;
    use proptest::prelude::*;
    use support::pieces;

    use super::*;

    /// The same by splitting the whole text, as the rules say it.
    fn split(limit: usize, bytes: &[u8]) -> Vec<Result<Vec<u8>, FrameError>> {
        let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
        let mut lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
        let rest = lines.pop().unwrap_or_default();
        let read = |line: &[u8]| {
            let good = line.strip_suffix(b"\r").unwrap_or(line);
            if good.len() > limit {
                let last = line.iter().rev().find(|byte| !byte.is_ascii_whitespace());
                return Some(Err(FrameError::TooLong {
                    length: line.len() as u64,
                    limit,
                    head: line[..line.len().min(1024)].to_vec().into(),
                    last: last.copied().unwrap_or(0),
                }));
            }
            (!good.trim_ascii().is_empty()).then(|| Ok(good.to_vec()))
        };
        let mut found: Vec<_> = lines.into_iter().filter_map(read).collect();
        match read(rest) {
            Some(Ok(rest)) if !matches!(rest.trim_ascii().last(), Some(b'}' | b']')) => {
                let length = rest.len() as u64;
                found.push(Err(FrameError::Truncated { length }));
            }
            Some(read) => found.push(read),
            None => {}
        }
        found
    }

    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            4 => Just(b"\n".to_vec()),
            2 => Just(b"\r\n".to_vec()),
            1 => Just(b"\r".to_vec()),
            1 => Just(b" ".to_vec()),
            2 => Just(b"\xEF\xBB\xBF".to_vec()),
            1 => Just(b"\xEF\xBB".to_vec()),
            4 => Just(b"{\"a\":1}".to_vec()),
            1 => Just("{\"é\":\"\u{2028}\"}".as_bytes().to_vec()),
            3 => proptest::collection::vec(any::<u8>(), 0..12),
            1 => (b'a'..=b'}', 0_usize..1300).prop_map(|(byte, times)| vec![byte; times]),
        ];
        proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #![proptest_config(support::cases(64, 256))]

        // `stdio.frame.partial` `stdio.frame` `stdio.frame.crlf` `stdio.frame.limit`
        #[test]
        fn any_chunking_gives_the_same_frames_and_errors(
            bytes in bytes(),
            limit in prop_oneof![0_usize..12, Just(1100), Just(1 << 20)],
            cuts in proptest::collection::vec(1_usize..40, 1..20),
        ) {
            let expected = split(limit, &bytes);
            prop_assert_eq!(&decode(limit, [&bytes[..]]), &expected);
            prop_assert_eq!(&decode(limit, bytes.chunks(1)), &expected);
            prop_assert_eq!(&decode(limit, pieces(&bytes, &cuts)), &expected);
        }

        // `stdio.frame`
        #[test]
        fn what_is_written_as_lines_is_read_back(
            frames in proptest::collection::vec("[a-z{}\" é]{0,20}", 0..10),
        ) {
            let mut bytes = Vec::new();
            for frame in &frames {
                write_line(&mut bytes, frame.as_bytes());
            }
            let frames: Vec<_> = frames
                .into_iter()
                .filter(|frame| !frame.trim_ascii().is_empty())
                .map(|frame| Ok(frame.into_bytes()))
                .collect();
            prop_assert_eq!(decode(1000, bytes.chunks(3)), frames);
        }
    }
}
