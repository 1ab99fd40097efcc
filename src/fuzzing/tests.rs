//! The promises of every fuzz target hold on its seeds and what lies beside them, and on inputs that once broke one.

use super::seeds::{self, Noise};

/// So many inputs beside the seeds are tried. A fuzzer tries as many in a tenth of a second, and learns from them.
const BESIDE: usize = 1_000;

/// Declares the test of every target, and the list of their names.
macro_rules! targets {
    ($($(#[$only:meta])* $target:ident,)*) => {
        mod promises_hold_on_the_seeds_of {
            $($(#[$only])* #[test] fn $target() { super::replay(stringify!($target), super::super::$target); })*
        }

        const TARGETS: &[&str] = &[$($(#[$only])* stringify!($target),)*];
    };
}

targets! {
    lines,
    rpc,
    model,
    client_session,
    server_session,
    pair,
    sse,
    #[cfg(feature = "http-core")]
    mirror,
    #[cfg(feature = "http-core")]
    http_server,
    #[cfg(feature = "http-core")]
    http_client,
    #[cfg(feature = "http-core")]
    bearer,
    template,
    config,
    restore,
    tasks,
    #[cfg(feature = "record")]
    recording,
    #[cfg(feature = "auth-core")]
    authorization,
}

fn replay(target: &str, body: fn(&[u8])) {
    let mut noise = Noise::default();
    (1..500).for_each(|length| body(&noise.bytes(length)));
    let mut seeds = seeds::texts(target);
    seeds.extend(seeds::kept(target));
    seeds.iter().for_each(|seed| body(seed));
    for _ in 0..BESIDE {
        let mut near = seeds[noise.below(seeds.len())].clone();
        for _ in 0..=noise.below(3) {
            let at = noise.below(near.len() + 1);
            match noise.below(3) {
                0 => near.truncate(at),
                1 => near.insert(at, noise.byte()),
                _ => near
                    .iter_mut()
                    .skip(at)
                    .take(1)
                    .for_each(|byte| *byte = noise.byte()),
            }
        }
        body(&near);
    }
}

/// Not a test: gives `.ci/long/seeds` what a fuzzer is to choose the seeds from.
#[test]
#[ignore = "writes files"]
fn write_what_seeds_are_chosen_from() {
    for target in TARGETS {
        let folder = seeds::folder().join("corpus").join(target);
        std::fs::create_dir_all(&folder).expect("the folder can be made");
        let mut all = seeds::texts(target);
        all.extend(seeds::kept(target));
        all.extend(seeds::candidates(target));
        for (number, seed) in all.iter().enumerate() {
            let file = folder.join(alloc::format!("text-{number}"));
            std::fs::write(file, seed).expect("the file can be written");
        }
    }
}

#[test]
fn a_method_whose_escapes_make_no_text_is_the_same_for_a_gateway_and_a_session() {
    super::rpc(br#"{"jsonrpc":"2.0","id":7,"method":"p\udfff"}"#);
    super::rpc(br#"{"jsonrpc":"2.0","method":"\ud800"}"#);
}

#[test]
fn half_a_byte_order_mark_is_held_below_the_limit() {
    super::lines(b"\0\0\xEF\xBB\n");
}

#[test]
fn a_number_that_is_no_double_is_written_as_it_reads() {
    super::model(b"[[2222222222222222226,22222222222222222222022222222222222222222222226,3]");
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

#[cfg(feature = "http-core")]
#[test]
fn a_second_head_of_the_old_pair_leaves_no_request_without_its_end() {
    super::http_client(
        b"--b\xdd$\xcc\xd1j\x7f\xee\x82-b\xdd$\xcc\xd1\x82\x82\x82yy\x82*\x82\xff\xff\xff\xff\xff\xff\xff",
    );
}

#[cfg(feature = "auth-core")]
#[test]
fn a_scheme_in_capitals_is_asked_as_securely() {
    super::authorization(
        b"\xbc5\x1fz\xff0Https://mcp.example/TThttp://127.ps://mcp.example/0.0\xf3\xad\xad\xad",
    );
}

#[test]
fn saved_sessions_that_were_changed_hold_their_promises() {
    for state in 0..6 {
        let (is_client, saved) = super::stored::busy(state);
        // Every seventh byte is left out once, and becomes another digit if it is one.
        for at in (state..saved.len()).step_by(7) {
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
