//! Seeds, and inputs that once broke a promise, replayed.

use alloc::vec::Vec;

/// The seeds of every target: text that means something to it, and noise.
fn seeds() -> Vec<Vec<u8>> {
    let texts: [&[u8]; 6] = [
        b"",
        b"\x20\x03{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\r\n\n[]\n\xff\n",
        br#"{"jsonrpc":"2.0","id":"a","result":{"a":[1,2.5e3,"\u00e9"]}}"#,
        br#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1}}"#,
        br#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"no"}}"#,
        b"\x03{\"name\":\"t\",\"arguments\":{\"x\":1.0},\"_meta\":{\"k\":null}}",
    ];
    let mut seeds: Vec<Vec<u8>> = texts.iter().map(|text| text.to_vec()).collect();
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    for length in 1..500 {
        let noise = (0..length).map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()[3]
        });
        seeds.push(noise.collect());
    }
    seeds
}

#[test]
fn lines_hold_their_promises_on_the_seeds() {
    seeds().iter().for_each(|seed| super::lines(seed));
}

#[test]
fn half_a_byte_order_mark_is_held_below_the_limit() {
    super::lines(b"\0\0\xEF\xBB\n");
}

#[test]
fn envelopes_hold_their_promises_on_the_seeds() {
    seeds().iter().for_each(|seed| super::rpc(seed));
}

#[test]
fn types_hold_their_promises_on_the_seeds() {
    for seed in seeds() {
        for method in 0..24 {
            let mut seed = seed.clone();
            seed.insert(0, method);
            super::model(&seed);
        }
    }
}

#[test]
fn a_number_that_is_no_double_is_written_as_it_reads() {
    super::model(b"[[2222222222222222226,22222222222222222222022222222222222222222222226,3]");
}

#[test]
fn a_client_holds_its_promises_on_the_seeds() {
    seeds().iter().for_each(|seed| super::client_session(seed));
}

#[test]
fn a_server_holds_its_promises_on_the_seeds() {
    seeds().iter().for_each(|seed| super::server_session(seed));
}

#[test]
fn a_pair_holds_its_promises_on_the_seeds() {
    seeds().iter().for_each(|seed| super::pair(seed));
}

#[test]
fn events_hold_their_promises_on_the_seeds() {
    seeds().iter().for_each(|seed| super::sse(seed));
    let text = b"\x40\x03\xEF\xBB\xBFid: 1\r\ndata: a\rdata\n\nretry: 9\nevent: e\n\n: c\n\nid\n\n";
    super::sse(text);
}

#[cfg(feature = "http-core")]
#[test]
fn mirrored_arguments_hold_their_promises_on_the_seeds() {
    seeds().iter().for_each(|seed| super::mirror(seed));
    for arguments in [
        "{\"a\":\"\u{e9} =?base64?x?=\"}",
        "{\"a\":1}",
        "{}",
        "[]",
        "{\"a\":null}",
    ] {
        let schema = r#"{"type":"object","properties":{"a":{"type":"string","x-mcp-header":"A"}}}"#;
        super::mirror(alloc::format!("{schema}\n{arguments}").as_bytes());
    }
}

#[cfg(feature = "http-core")]
#[test]
fn tokens_hold_their_promises_on_the_seeds() {
    seeds().iter().for_each(|seed| super::bearer(seed));
    for value in [
        "Bearer a",
        "bearer a==",
        "Bearer a\nBearer b",
        "Bearer \u{e9}",
        "",
        "x",
    ] {
        super::bearer(value.as_bytes());
    }
}

#[cfg(feature = "http-core")]
#[test]
fn a_session_over_http_holds_its_promises_on_the_seeds() {
    seeds().iter().for_each(|seed| super::http_server(seed));
}

#[cfg(feature = "http-core")]
#[test]
fn a_client_over_http_holds_its_promises_on_the_seeds() {
    seeds().iter().for_each(|seed| super::http_client(seed));
}

#[cfg(feature = "http-core")]
#[test]
fn a_call_whose_stream_is_asked_for_in_vain_has_its_end() {
    // A call, events with an id, and the end of the stream.
    for method in 0..24 {
        let mut bytes = *b"\0\0\x01\x04\0\0\x02\0\0\x01\x03\x04\0\x01\0\x06\0\0";
        bytes[4] = method;
        super::http_client(&bytes);
    }
}

#[test]
fn templates_hold_their_promises_on_the_seeds() {
    seeds().iter().for_each(|seed| super::template(seed));
    for text in [
        "a:/{x}/b{y}\na:/1/b2\na:/1//b2\na:/%31/b2",
        "a:{+x}{?y,z}\na:b/c?y=1&z=2\na:?z=%\na:b",
        "a:{/x}\na:/b\na:/\na:b",
    ] {
        super::template(text.as_bytes());
    }
}

#[test]
fn configurations_hold_their_promises_on_the_seeds() {
    seeds().iter().for_each(|seed| super::config(seed));
    for text in [
        r#"{"mcpServers":{"a":{"command":"x","args":["${A}","${input:b}"],"env":{"E":"${env:AB}"}},"b":{"url":"https://a/"}}}"#,
        r#"{"servers":{"a":{"type":"http","url":"x:"},"a":{"command":1}},"inputs":[{"id":"b","type":"promptString"}]}"#,
        "{ // c\n \"mcpServers\": {\"\": {}, \"x\": {\"command\": \"${A:-${B:-${C}}}\"},},}",
    ] {
        super::config(text.as_bytes());
    }
}

#[test]
fn saved_sessions_that_were_changed_hold_their_promises() {
    seeds().iter().for_each(|seed| super::restore(seed));
    for state in 0..6 {
        super::restore(&[state]);
        let (is_client, saved) = super::stored::busy(state.into());
        // Every seventh byte is left out once, and becomes another digit if it is one.
        for at in (usize::from(state)..saved.len()).step_by(7) {
            let mut changed = saved.clone();
            if changed[at].is_ascii_digit() {
                changed[at] = b'0' + (changed[at] - b'0' + 1) % 10;
                super::stored::restore_text(is_client, &changed);
            }
            changed.remove(at);
            super::stored::restore_text(is_client, &changed);
        }
    }
}

#[cfg(feature = "std")]
#[test]
fn tasks_hold_their_promises_on_the_seeds() {
    seeds().iter().for_each(|seed| super::tasks(seed));
    // A call as a task, which is cancelled, asked after, and cancelled again a while later.
    let cancelled = [12, 0, 1, 0, 2, 12, 0, 0, 0, 2];
    let later = [10, 100, 12, 0, 1, 0, 2, 12, 0, 0, 0, 2];
    for era in 0..2 {
        let call = [era, 0, 200, 3, 0, 0, 2];
        super::tasks(&[&call[..], &cancelled, &later].concat());
    }
}

#[cfg(feature = "record")]
#[test]
fn recordings_hold_their_promises_on_the_seeds() {
    seeds().iter().for_each(|seed| super::recording(seed));
}

#[cfg(feature = "auth-core")]
#[test]
fn authorizations_hold_their_promises_on_the_seeds() {
    seeds().iter().for_each(|seed| super::authorization(seed));
    // Where everybody does as wished there is a token.
    super::authorization(b"\x01\x01\0\0\0\0\x02\0\x03\x05\0\x01\x04\0\x07\0\x01\x01");
}
