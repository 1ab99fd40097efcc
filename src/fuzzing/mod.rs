//! The bodies of the fuzz targets: bytes in, a panic when a promise is broken. They live here so that
//! the unit tests can replay inputs and the targets stay a line each.

#[cfg(feature = "auth-core")]
mod auth;
mod client;
mod driven;
#[cfg(feature = "http-core")]
mod http;
mod pair;
#[cfg(all(test, feature = "std"))]
mod seeds;
mod server;
mod source;
mod sse;
mod stored;
#[cfg(feature = "std")]
mod tasks;
#[cfg(all(test, feature = "std"))]
mod tests;
mod texts;

use alloc::string::String;
use alloc::vec::Vec;

use bytes::Bytes;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::frame::{FrameError, LineDecoder};
use crate::limits::Limits;
use crate::model::Peek;
use crate::model::encode::{SessionMembers, encode_body};
use crate::model::method::{self, Method, Notification};
#[cfg(feature = "skills")]
use crate::model::skill;
use crate::revision::Revision;
use crate::rpc::{Kind, Message, code};
use crate::session::Session;
use crate::time::Instant;

#[cfg(feature = "auth-core")]
pub use auth::authorization;
pub use client::client_session;
#[cfg(feature = "http-core")]
pub use http::{bearer, http_client, http_server, mirror};
pub use pair::pair;
pub use server::server_session;
use source::Source;
pub use sse::sse;
pub use stored::restore;
#[cfg(feature = "std")]
pub use tasks::tasks;
#[cfg(feature = "record")]
pub use texts::recording;
pub use texts::{config, template};

/// Lines: the same frames however the bytes are cut, none longer than the limit.
pub fn lines(bytes: &[u8]) {
    let mut source = Source::new(bytes);
    let limit = usize::from(source.byte());
    let chunk = usize::from(source.byte()).max(1);
    let rest = source.rest();
    let whole = decode_lines(rest, limit, rest.len().max(1));
    let chunked = decode_lines(rest, limit, chunk);
    assert_eq!(
        whole, chunked,
        "the frames depend on how the bytes were cut"
    );
    for frame in whole.iter().flatten() {
        assert!(frame.len() <= limit + 1, "a frame is over the limit");
        assert!(!frame.contains(&b'\n'), "a frame holds its delimiter");
    }
}

fn decode_lines(bytes: &[u8], limit: usize, chunk: usize) -> Vec<Result<Bytes, FrameError>> {
    let mut decoder = LineDecoder::new(limit);
    let mut frames = Vec::new();
    for chunk in bytes.chunks(chunk) {
        decoder.push(chunk);
        while let Some(frame) = decoder.next_frame() {
            frames.push(frame);
        }
        // A byte order mark at the start is two bytes before it is seen to be one.
        let most = limit.max(1) + 1;
        assert!(decoder.buffered() <= most, "more than a line is held");
    }
    frames.extend(decoder.finish());
    frames
}

/// Envelopes: both ways of reading a frame agree with each other, and with a JSON parser.
pub fn rpc(bytes: &[u8]) {
    let limits = Limits {
        depth: 64,
        ..Limits::default()
    };
    let (peek, message) = (Peek::new(bytes, &limits), Message::decode(bytes, &limits));
    let (peek, message) = match (peek, message) {
        (Ok(peek), Ok(message)) => (peek, message),
        (Err(peek), Err(message)) => return assert_eq!(peek, message),
        // A peek looks further than the envelope.
        (Err(peek), Ok(_)) if peek.error.code == code::INVALID_PARAMS => return,
        (peek, message) => panic!("{peek:?} beside {message:?}"),
    };
    let json = serde_json::from_slice::<IgnoredAny>(bytes);
    assert!(json.is_ok(), "a message that is no JSON: {json:?}");
    match message {
        Message::Request { id, method, .. } => {
            assert_eq!((peek.kind, peek.id), (Kind::Request, Some(id)));
            assert_eq!(peek.method, Some(method));
        }
        Message::Notification { method, .. } => {
            assert_eq!((peek.kind, peek.id), (Kind::Notification, None));
            assert_eq!(peek.method, Some(method));
        }
        Message::Response { id, outcome } => {
            assert_eq!(peek.id, id);
            assert_eq!(peek.kind == Kind::Result, outcome.is_ok());
        }
    }
}

/// Types: whatever can be read as the params or the result of a method can be written for every
/// revision or is refused, and what was written reads as the same again.
pub fn model(bytes: &[u8]) {
    let mut source = Source::new(bytes);
    let chosen = usize::from(source.byte());
    let rest = source.rest();
    let method_bodies = [
        body::<method::Initialize>,
        body::<method::Discover>,
        body::<method::ListTools>,
        body::<method::CallTool>,
        body::<method::ListResources>,
        body::<method::ListResourceTemplates>,
        body::<method::ReadResource>,
        body::<method::Subscribe>,
        body::<method::Unsubscribe>,
        body::<method::ListPrompts>,
        body::<method::GetPrompt>,
        body::<method::Complete>,
        body::<method::SetLevel>,
        body::<method::CreateMessage>,
        body::<method::Elicit>,
        body::<method::ListRoots>,
        body::<method::SubscriptionsListen>,
        #[cfg(feature = "skills")]
        body::<skill::ListSkills>,
        #[cfg(feature = "skills")]
        body::<skill::GetSkill>,
        #[cfg(feature = "skills")]
        body::<skill::ReadResourceDirectory>,
        #[cfg(feature = "skills")]
        front_matter,
    ];
    let notification_bodies = [
        params::<method::Initialized>,
        params::<method::Cancelled>,
        params::<method::Progress>,
        params::<method::ResourceUpdated>,
        params::<method::LoggingMessage>,
        params::<method::ElicitationComplete>,
        params::<method::SubscriptionsAcknowledged>,
    ];
    let bodies: Vec<fn(&[u8])> = method_bodies
        .into_iter()
        .map(|body| body as fn(&[u8]))
        .chain(
            notification_bodies
                .into_iter()
                .map(|body| body as fn(&[u8])),
        )
        .collect();
    bodies[chosen % bodies.len()](rest);
}

/// What is read of front matter is an object of JSON, whose keys differ.
#[cfg(feature = "skills")]
fn front_matter(bytes: &[u8]) {
    let Ok(text) = core::str::from_utf8(bytes) else {
        return;
    };
    let file = alloc::format!("---\n{text}\n---\n");
    for file in [text, &file] {
        if let Ok(object) = skill::front_matter(file) {
            let raw = object.as_raw().as_str();
            let again: serde_json::Value = serde_json::from_str(raw).expect("it is JSON");
            let keys: Vec<_> = object.entries().map(|(key, _)| key).collect();
            assert_eq!(
                again.as_object().map(serde_json::Map::len),
                Some(keys.len())
            );
        }
    }
}

fn body<M: Method>(bytes: &[u8]) {
    if let Ok(params) = serde_json::from_slice::<M::Params<'_>>(bytes) {
        let written = written(&params);
        for body in &written {
            let again = serde_json::from_slice::<M::Params<'_>>(body);
            reads_the_same(&written, body, again.map_err(|error| (error, M::NAME)));
        }
    }
    if let Ok(result) = serde_json::from_slice::<M::Result<'_>>(bytes) {
        let written = written(&result);
        for body in &written {
            let again = serde_json::from_slice::<M::Result<'_>>(body);
            reads_the_same(&written, body, again.map_err(|error| (error, M::NAME)));
        }
    }
}

fn params<N: Notification>(bytes: &[u8]) {
    let Ok(params) = serde_json::from_slice::<N::Params<'_>>(bytes) else {
        return;
    };
    let written = written(&params);
    for body in &written {
        let again = serde_json::from_slice::<N::Params<'_>>(body);
        reads_the_same(&written, body, again.map_err(|error| (error, N::NAME)));
    }
}

/// The body in every revision that can say it.
fn written<T: serde::Serialize>(value: &T) -> Vec<Vec<u8>> {
    let in_revision = |revision| {
        let mut out = Vec::new();
        let written = encode_body(&mut out, revision, value, &SessionMembers::default());
        written.is_ok().then_some(out)
    };
    Revision::ALL.into_iter().filter_map(in_revision).collect()
}

fn reads_the_same<'a, T: serde::Serialize + Deserialize<'a>>(
    all: &[Vec<u8>],
    body: &[u8],
    again: Result<T, (serde_json::Error, &str)>,
) {
    let again = again.unwrap_or_else(|(error, name)| {
        let text = String::from_utf8_lossy(body);
        panic!("what was written of {name} can't be read: {error} in {text}")
    });
    // Only the newest revision says everything; what an older one dropped stays dropped.
    if all.last().is_some_and(|newest| newest == body) {
        assert_eq!(
            written(&again).last(),
            all.last(),
            "it reads as something else"
        );
    }
}

/// Takes the next frame of a session that has one, and sees to it that it is one.
fn take_frame(session: &mut impl Session) -> Option<String> {
    let mut frame = Vec::new();
    let transmit = session.poll_transmit(&mut frame)?;
    assert_eq!(transmit.len, frame.len(), "the length is wrong");
    assert!(!frame.contains(&b'\n'), "a frame holds a newline");
    let json = serde_json::from_slice::<IgnoredAny>(&frame);
    assert!(json.is_ok(), "a frame is no JSON");
    Some(String::from_utf8(frame).expect("JSON is UTF-8"))
}

/// Lets the time come, after which nothing may be due any more.
fn let_pass(session: &mut impl Session, now: Instant) {
    session.handle_timeout(now);
    let next = session.poll_timeout();
    assert!(
        next.is_none_or(|next| next > now),
        "a deadline stays due: an adapter would never sleep"
    );
}
