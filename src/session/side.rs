//! What both sides of a connection do alike with what comes in: batches, input that is no message,
//! and the sorting of messages by their kind. A role says what it does with each kind.
//!
//! Rules of this file: every request that can be read is answered exactly once; what may have been
//! a request is answered if the role allows; a response or a notification never is, not even with an
//! error, but what was meant as the answer to an open request has failed it (`base.resp.xor`).

use bytes::Bytes;

use crate::frame::FrameError;
use crate::limits::Limits;
use crate::model::members::{Param, decode};
use crate::model::method::SpecMethod;
use crate::revision::Revision;
use crate::rpc::{
    Decoded, Envelope, EnvelopeKey, Kind, Rejection, Repeated, RequestId, RpcError, Scan,
    ScannedFrame, code, error_of, raw_at, recover_id,
};
use crate::time::Instant;

use super::arrival::{Arrival, ReplyTo};
use super::batch;
use super::event::{Body, Ignored, Received};
use super::machine::Session;
use super::name::MethodName;
use super::route::Route;
use super::writer::MessageWriter;

/// A role's session, as far as both are driven alike.
pub(super) trait Side: Session {
    fn writer(&mut self) -> &mut MessageWriter;

    /// Lets the time pass.
    fn advance(&mut self, now: Instant);

    /// What frames are read by: the bounds, and the `_meta` that the peer repeats.
    fn reading(&self) -> (&Limits, &Repeated);

    /// The revision of what doesn't say its own, once one is agreed.
    fn agreed(&self) -> Option<Revision>;

    /// The number of the request of this side's that a response's id names.
    fn awaited(&self, id: &RequestId) -> Option<u64>;

    /// Whether this id was a request whose answer is not awaited any more, and no news.
    fn is_past(&self, id: &RequestId) -> bool;

    /// Takes the response to a request of this side's.
    fn answered(&mut self, number: u64, frame: Bytes, envelope: &Envelope<'_>);

    /// Fails a request of this side's whose answer is no answer.
    fn failed(&mut self, number: u64, error: &RpcError);

    /// Takes a request, whose revision is said to be the one that was agreed.
    fn requested(&mut self, arrival: Arrival<'_>);

    /// Takes a notification of the protocol's own, in which no member stands twice.
    fn notified(&mut self, known: SpecMethod, received: Received, scan: &Scan);

    /// Takes a notification that no revision defines.
    fn notified_of_other(&mut self, received: Received);

    /// Whether a request that can't be read may be answered, by its id if it has one.
    fn may_answer(&mut self, id: Option<&RequestId>) -> bool;

    /// Reports input that was left without effect.
    fn ignore(&mut self, ignored: Ignored);
}

/// Takes one frame.
pub(super) fn handle_frame<S: Side>(side: &mut S, now: Instant, route: Route, frame: Bytes) {
    react(side, now, |side| receive(side, route, frame));
}

/// As [`handle_frame`], with one that may have been scanned before.
pub(super) fn handle_scanned<S: Side>(
    side: &mut S,
    now: Instant,
    route: Route,
    frame: ScannedFrame,
) {
    react(side, now, |side| match frame.open(side.reading().0) {
        Ok((frame, mut found)) => message(side, ReplyTo::new(route), frame, found.envelope()),
        Err(frame) => receive(side, route, frame),
    });
}

/// Takes a stretch of input that was no frame.
pub(super) fn handle_malformed<S: Side>(
    side: &mut S,
    now: Instant,
    route: Route,
    error: FrameError,
) {
    react(side, now, |side| {
        if let Some(rejection) = rejection_of(&error, side.reading().0) {
            act_on_rejected(side, ReplyTo::new(route), &rejection);
        }
        side.ignore(Ignored::NotAFrame(error));
    });
}

/// Says that what is written meanwhile is the session's own reaction.
#[inline]
fn react<S: Side>(side: &mut S, now: Instant, receive: impl FnOnce(&mut S)) {
    side.advance(now);
    if !side.is_closed() {
        side.writer().set_reacting(true);
        receive(side);
        side.writer().set_reacting(false);
    }
}

fn receive<S: Side>(side: &mut S, route: Route, frame: Bytes) {
    let mut scan = Scan::default();
    let (limits, repeated) = side.reading();
    match decode(&frame, limits, repeated, &mut scan) {
        Ok(Decoded::One(envelope)) => message(side, ReplyTo::new(route), frame, envelope),
        Ok(Decoded::Batch) => batch(side, route, &frame),
        Err(rejection) => rejected(side, ReplyTo::new(route), rejection, &frame),
    }
}

/// A batch, which only 2025-03-26 has: each element on its own, the answers in one array
/// (`base.batch.recv`, `base.batch.removed`).
fn batch<S: Side>(side: &mut S, route: Route, frame: &Bytes) {
    let revision = Revision::V2025_03_26;
    let is_allowed = side.agreed() == Some(revision);
    let elements = batch::split(frame, side.reading().0).filter(|_| is_allowed);
    let Some(elements) = elements else {
        let rejection = Rejection::invalid("Invalid request: a batch");
        return rejected(side, ReplyTo::new(route), rejection, frame);
    };
    let target = side.writer().begin_batch(route, revision, elements.open);
    for element in elements.list {
        let mut scan = Scan::default();
        let (limits, repeated) = side.reading();
        match batch::decode_element(&element, limits, repeated, &mut scan) {
            Ok(envelope) => message(side, target, element, envelope),
            Err(rejection) => rejected(side, target, rejection, &element),
        }
    }
}

/// A frame that is no message.
fn rejected<S: Side>(side: &mut S, target: ReplyTo, rejection: Rejection, frame: &[u8]) {
    if !act_on_rejected(side, target, &rejection) {
        side.ignore(Ignored::not_a_message(rejection.error, frame));
    }
}

/// Fails the request of this side's that a rejected frame belongs to, or answers what may have been
/// a request. Returns whether a request has failed.
///
/// With the id of such a request and no method it was meant as the answer, whatever it lacks.
fn act_on_rejected<S: Side>(side: &mut S, target: ReplyTo, rejection: &Rejection) -> bool {
    let Rejection { error, id, kind } = rejection;
    let may_respond = rejection.is_response() || kind.is_none();
    let awaited = id.as_ref().filter(|_| may_respond);
    if let Some(number) = awaited.and_then(|id| side.awaited(id)) {
        side.failed(number, error);
        if kind.is_none() {
            side.writer().finish_element(target);
        }
        return true;
    }
    if rejection.is_answerable() {
        let revision = side.agreed();
        match side.may_answer(id.as_ref()) {
            true => side.writer().error(target, id.as_ref(), revision, error),
            false => side.writer().finish_element(target),
        }
    }
    false
}

/// What was meant by a stretch of input that was no frame; `None` when nobody waits for an answer.
fn rejection_of(error: &FrameError, limits: &Limits) -> Option<Rejection> {
    match error {
        FrameError::TooLong {
            head, last, limit, ..
        } => {
            // What doesn't end like an object was never a request.
            let recovered = (*last == b'}').then(|| recover_id(head, limits)).flatten();
            let text = alloc::format!("Invalid request: longer than {limit} bytes");
            Some(Rejection {
                error: RpcError::invalid_request(text),
                kind: recovered.as_ref().and_then(|(_, kind)| *kind),
                id: recovered.map(|(id, _)| id),
            })
        }
        FrameError::NotUtf8 { .. } => Some(Rejection {
            error: RpcError::new(code::PARSE_ERROR, "Parse error: not UTF-8"),
            id: None,
            kind: None,
        }),
        // Whoever sent half a line has gone.
        FrameError::Truncated { .. } => None,
    }
}

#[inline]
fn message<S: Side>(side: &mut S, target: ReplyTo, frame: Bytes, envelope: Envelope<'_>) {
    match envelope.kind {
        Kind::Result | Kind::Error => response(side, frame, &envelope),
        Kind::Request => request(side, target, frame, envelope),
        Kind::Notification => notification(side, frame, &envelope),
    }
}

#[inline]
fn request<S: Side>(side: &mut S, target: ReplyTo, frame: Bytes, envelope: Envelope<'_>) {
    let body = Body::new(frame, envelope.body());
    let Envelope { id, scan, .. } = envelope;
    let Some(id) = id else { return };
    side.requested(Arrival {
        id,
        target,
        revision: side.agreed().unwrap_or(Revision::NEWEST_LEGACY),
        method: MethodName::at(&body.frame, scan.key(EnvelopeKey::Method)),
        body,
        scan,
        log_level: None,
    });
}

#[inline]
fn response<S: Side>(side: &mut S, frame: Bytes, envelope: &Envelope<'_>) {
    let id = envelope.id.as_ref();
    if let Some(number) = id.and_then(|id| side.awaited(id)) {
        return side.answered(number, frame, envelope);
    }
    if id.is_some_and(|id| side.is_past(id)) {
        return;
    }
    side.ignore(match (envelope.kind, id) {
        (Kind::Error, None) => Ignored::Error(error_of(raw_at(&frame, envelope.body()))),
        _ => Ignored::Response(id.cloned()),
    });
}

fn notification<S: Side>(side: &mut S, frame: Bytes, envelope: &Envelope<'_>) {
    let scan = envelope.scan;
    let received = Received {
        method: scan.key(EnvelopeKey::Method),
        body: Body::new(frame, envelope.body()),
    };
    match SpecMethod::from_wire(&received.method()) {
        None => side.notified_of_other(received),
        Some(_) if scan.params.has_duplicate => side.ignore(Ignored::notification(&received)),
        Some(known) => side.notified(known, received, scan),
    }
}

/// The request that a `notifications/cancelled` is about; `None` when it is malformed
/// (`cancel.malformed`).
pub(super) fn cancelled_id(received: &Received, scan: &Scan) -> Option<RequestId> {
    let id = raw_at(&received.body.frame, scan.param(Param::RequestId))?;
    RequestId::from_json(id.as_str())
}
