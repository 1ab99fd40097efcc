//! What the test binaries share: a pair of sessions, scripted peers, the schemas' judgement of every frame, and the
//! revisions.

pub mod carrier;
pub mod client;
#[cfg(feature = "tracing")]
pub mod collector;
#[cfg(feature = "http-core")]
pub mod exchanged;
pub mod fill;
#[cfg(feature = "http-core")]
pub mod front;
pub mod hostile;
#[cfg(feature = "http")]
pub mod http;
pub mod pair;
#[cfg(not(feature = "http-core"))]
pub mod piped;
pub mod plain;
pub mod saved;
pub mod scenario;
pub mod script;
#[cfg(feature = "http-core")]
pub mod served;
pub mod server;
pub mod tampered;
pub mod thread;
pub mod types;
pub mod wire;

use mcp_proto::Revision;
#[cfg(feature = "proptest")]
use proptest::test_runner::{Config, RngAlgorithm};

/// The revisions that are opened by the handshake.
pub const LEGACY: [Revision; 4] = [
    Revision::V2024_11_05,
    Revision::V2025_03_26,
    Revision::V2025_06_18,
    Revision::V2025_11_25,
];

/// The revisions that have no handshake.
pub const MODERN: [Revision; 1] = [Revision::V2026_07_28];

/// How much of something a test takes that costs much: `few` for who only types `cargo test`, and `many` where the
/// environment has `MCP_TESTS=thorough`, as for `.ci/run test_features`. What is asserted is the same.
#[expect(clippy::disallowed_methods, reason = "the environment says it")]
pub fn amount<T>(few: T, many: T) -> T {
    match std::env::var("MCP_TESTS").as_deref() {
        Ok("thorough") => many,
        Ok(other) => panic!("MCP_TESTS is `thorough` or not set, not {other:?}"),
        Err(_) => few,
    }
}

/// How often a property is tried: `few` times, and `many` times in a thorough run.
#[cfg(feature = "proptest")]
pub fn cases(few: u32, many: u32) -> Config {
    Config {
        // What is usual takes as long in a debug build as what is tested.
        rng_algorithm: RngAlgorithm::XorShift,
        ..Config::with_cases(amount(few, many))
    }
}

/// Cuts bytes into pieces of these lengths, again and again until the bytes are used up.
pub fn pieces<'b>(mut bytes: &'b [u8], lengths: &[usize]) -> Vec<&'b [u8]> {
    let mut pieces = Vec::new();
    for length in lengths.iter().cycle() {
        if bytes.is_empty() {
            break;
        }
        let (piece, rest) = bytes.split_at((*length).min(bytes.len()));
        pieces.push(piece);
        bytes = rest;
    }
    pieces
}

/// Declares a test that runs once for each of the given revisions, by each way that carries it.
///
/// `on_revisions! { LEGACY; fn name(revision) { .. } }`. `pipe = "why"` before `fn` keeps a test on
/// the pipe; `streams` leaves out the ways by which only answers come.
#[macro_export]
macro_rules! on_revisions {
    ($revisions:expr; pipe = $why:literal; $($test:tt)*) => {
        $crate::on_revisions! { $revisions, |_| vec![$crate::carrier::Way::Pipe]; $($test)* }
    };
    ($revisions:expr; streams; $($test:tt)*) => {
        $crate::on_revisions! { $revisions, $crate::carrier::Way::of_streams; $($test)* }
    };
    ($revisions:expr; $($test:tt)*) => {
        $crate::on_revisions! { $revisions, $crate::carrier::Way::of; $($test)* }
    };
    ($revisions:expr, $ways:expr; $(#[$about:meta])* fn $name:ident($revision:ident) $body:block) => {
        $(#[$about])*
        #[test]
        fn $name() {
            // A function of its own, so that what leaves it early goes on with the next revision.
            fn each($revision: mcp_proto::Revision) $body
            $crate::carrier::run_each($revisions, $ways, each);
        }
    };
}

/// Declares a test that runs once for each revision, by each way that carries it; see
/// [`on_revisions!`].
#[macro_export]
macro_rules! on_every_revision {
    ($($test:tt)*) => {
        $crate::on_revisions! { mcp_proto::Revision::ALL; $($test)* }
    };
}
