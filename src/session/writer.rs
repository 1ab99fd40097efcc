//! What both sides of a connection have in common: the time, the numbers of their requests, and the
//! writing of messages, alone or as part of a batch's answer.
//!
//! Rules of this file: a message is written whole or not at all; the answers to a batch leave as
//! one array once all of them are there; a request number is never used twice; what a session
//! writes by itself while its output is full comes out of a reserve, and is counted apart.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::fmt;
use core::num::NonZeroU64;

use serde::Serialize;

use crate::limits::Limits;
use crate::model::cancel::CancelledParams;
use crate::model::encode::{EncodeError, Encoded, SessionMembers, encode_body, encode_value};
use crate::model::method::{Cancelled, EmptyResult, Notification};
use crate::revision::{Era, Revision};
use crate::rpc::write::write_name;
use crate::rpc::{Kind, RequestId, RpcError, Text, code, write_i64, write_string};
use crate::saved::saved;
use crate::time::Instant;

use super::arrival::{Arrival, ReplyTo};
use super::growth::trim;
use super::id::SessionTag;
use super::machine::Transmit;
use super::misuse::Misuse;
use super::outbox::Outbox;
use super::rare::{Idle, Rare};
use super::rebase::Rebase;
use super::route::Route;
use super::sound::is_frame;
use super::table::{Table, Weigh, total};
use super::token_bucket::TokenBucket;

/// The answers to one batch, as far as they are there.
#[derive(Clone)]
struct Batch {
    route: Route,
    revision: Revision,
    /// How many answers are still to come.
    open: usize,
    answers: Vec<u8>,
}

saved! { struct Batch { route, revision, open, answers } }

impl Batch {
    /// Whether what it has are answers, if it has any.
    fn has_answers(&self) -> bool {
        self.answers.is_empty() || is_frame(&[&self.answers, &b"]"[..]].concat())
    }
}

impl Idle for Table<Batch, 0> {
    const IDLE: &'static Self = &Self::EMPTY;
}

impl Weigh for Batch {
    fn weight(&self) -> usize {
        total([size_of::<Self>(), self.answers.len()])
    }
}

impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (open, bytes) = (self.open, self.answers.len());
        write!(f, "Batch({open} open, {bytes} bytes of answers)")
    }
}

/// The limits that a writer keeps.
#[derive(Clone, Copy, Debug, Default)]
struct Bounds {
    output: usize,
    reserve: usize,
    malformed_burst: u32,
}

impl Bounds {
    fn of(limits: &Limits) -> Self {
        Self {
            output: limits.output,
            reserve: limits.reserve(),
            malformed_burst: limits.malformed_burst,
        }
    }
}

/// The part of a session that is the same for both roles.
#[derive(Clone, Debug)]
pub(crate) struct MessageWriter {
    bounds: Bounds,
    pub(crate) now: Instant,
    /// What the session's handles have in common.
    pub(crate) tag: SessionTag,
    next_number: u64,
    pub(crate) outbox: Outbox,
    batches: Rare<Table<Batch, 0>>,
    malformed: Rare<TokenBucket>,
    /// Whether what is written now is the session's own reaction to a frame.
    is_reacting: bool,
}

saved! {
    struct MessageWriter {
        now, tag, next_number, outbox, batches, malformed; bounds, is_reacting
    }
}

impl MessageWriter {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            now: Instant::ZERO,
            tag: SessionTag::fresh(),
            next_number: 1,
            outbox: Outbox::default(),
            batches: Rare::default(),
            malformed: Rare::default(),
            is_reacting: false,
            bounds: Bounds::of(limits),
        }
    }

    /// Takes note of the time, which never runs backwards.
    #[inline]
    pub(crate) fn advance(&mut self, now: Instant) {
        self.now = self.now.max(now);
    }

    /// Says whether what is written from now on is the session's own reaction to a frame.
    #[inline]
    pub(crate) fn set_reacting(&mut self, is_reacting: bool) {
        self.is_reacting = is_reacting;
    }

    /// A number that was never used before in this session (`base.id.unique.session`).
    pub(crate) fn number(&mut self) -> u64 {
        let number = self.next_number;
        self.next_number = self.next_number.saturating_add(1);
        number
    }

    /// Leaves out so many numbers, some of which may have been used by what this was restored from.
    pub(crate) fn skip_numbers(&mut self, count: u64) {
        self.next_number = self.next_number.saturating_add(count);
    }

    /// The number that [`number`](Self::number) will give next.
    pub(crate) fn next_number(&self) -> u64 {
        self.next_number
    }

    /// Whether one more unreadable input may be answered.
    pub(crate) fn may_answer_malformed(&mut self) -> bool {
        let burst = self.bounds.malformed_burst;
        self.malformed.take(self.now, burst, (burst / 10).max(1))
    }

    /// Whether output waits beyond its limit.
    #[inline]
    pub(crate) fn is_full(&self) -> bool {
        self.has_pending(self.bounds.output)
    }

    /// Whether more than so many bytes wait to be sent.
    #[inline]
    pub(crate) fn has_pending(&self, bytes: usize) -> bool {
        self.outbox.pending() > bytes
    }

    /// Refuses a command that would add a request or a notification to output that is full.
    #[inline]
    pub(crate) fn check_room(&self) -> Result<(), Misuse> {
        if self.is_full() {
            let limit = self.bounds.output;
            return Err(Misuse::OutputFull { limit });
        }
        Ok(())
    }

    /// Whether the reserve is used up too: a peer that reads nothing makes this side write no more.
    pub(crate) fn is_reserve_spent(&self) -> bool {
        self.outbox.reserved() > self.bounds.reserve
    }

    /// How many bytes wait to be sent, or to be part of a batch's answer.
    pub(crate) fn held(&self) -> usize {
        total([self.outbox.held(), self.batches.held()])
    }

    /// Writes a frame with `write`, or nothing if that fails.
    pub(crate) fn frame(
        &mut self,
        route: Route,
        kind: Kind,
        revision: Option<Revision>,
        write: impl FnOnce(&mut Vec<u8>) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        let is_reserve = self.is_reacting && self.is_full();
        let (out, start) = self.outbox.begin();
        if let Err(error) = write(out) {
            self.outbox.abort(start);
            return Err(error);
        }
        self.outbox.commit(
            start,
            Transmit {
                route,
                len: 0,
                last: false,
                kind,
                revision,
            },
            is_reserve,
        );
        Ok(())
    }

    /// Writes a notification; `params` are left out when they are an empty object.
    pub(crate) fn notification<T: Serialize + ?Sized>(
        &mut self,
        route: Route,
        revision: Revision,
        method: &str,
        params: &T,
        additions: &SessionMembers<'_>,
    ) -> Result<(), EncodeError> {
        self.frame(route, Kind::Notification, Some(revision), |out| {
            write_head(out, None, method);
            write_params(out, revision, params, additions)?;
            out.push(b'}');
            Ok(())
        })
    }

    /// Tells the peer that nobody waits for the answer to the request of this number any more.
    pub(crate) fn cancelled(
        &mut self,
        route: Route,
        revision: Revision,
        number: u64,
        reason: Option<&str>,
    ) {
        let mut params = CancelledParams::new(RequestId::from(number).to_raw());
        params.reason = reason.map(Text::from);
        let additions = SessionMembers::default();
        let written = self.notification(route, revision, Cancelled::NAME, &params, &additions);
        debug_assert!(written.is_ok(), "an id and a text can always be written");
    }

    /// Writes the result of the request `id`.
    pub(crate) fn result<T: Serialize + ?Sized>(
        &mut self,
        target: ReplyTo,
        id: &RequestId,
        revision: Revision,
        result: &T,
        additions: &SessionMembers<'_>,
    ) -> Result<(), EncodeError> {
        self.answer(target, Kind::Result, Some(revision), |out| {
            out.extend_from_slice(b"{\"jsonrpc\":\"2.0\",\"id\":");
            id.write(out);
            out.extend_from_slice(b",\"result\":");
            encode_body(out, revision, result, additions)?;
            out.push(b'}');
            Ok(())
        })
    }

    /// Answers a request with an empty result: `ping` and whatever else has nothing to say. There
    /// are none in the modern era.
    pub(crate) fn answer_empty(&mut self, arrival: &Arrival<'_>) {
        let (target, revision) = (arrival.target, arrival.revision);
        let additions = SessionMembers::default();
        let result = EmptyResult::new();
        let written = self.result(target, &arrival.id, revision, &result, &additions);
        debug_assert!(written.is_ok(), "it is empty");
    }

    /// Answers a request with an error.
    pub(crate) fn refuse(&mut self, arrival: &Arrival<'_>, error: &RpcError) {
        let revision = Some(arrival.revision);
        self.error(arrival.target, Some(&arrival.id), revision, error);
    }

    /// Writes an error answer. Without an id the member is left out, or null where the revision's
    /// schema asks for one (`base.resp.error.noid`).
    pub(crate) fn error(
        &mut self,
        target: ReplyTo,
        id: Option<&RequestId>,
        revision: Option<Revision>,
        error: &RpcError,
    ) {
        let written = self.answer(target, Kind::Error, revision, |out| {
            out.extend_from_slice(b"{\"jsonrpc\":\"2.0\"");
            match id {
                Some(id) => {
                    out.extend_from_slice(b",\"id\":");
                    id.write(out);
                }
                None if revision.is_some_and(|revision| revision < Revision::V2025_11_25) => {
                    out.extend_from_slice(b",\"id\":null");
                }
                None => {}
            }
            out.extend_from_slice(b",\"error\":{\"code\":");
            write_i64(out, lowered_code(error.code, revision));
            out.extend_from_slice(b",\"message\":");
            write_string(out, &error.message);
            if let Some(data) = &error.data {
                out.extend_from_slice(b",\"data\":");
                encode_value(out, revision.unwrap_or(Revision::NEWEST), data)?;
            }
            out.extend_from_slice(b"}}");
            Ok(())
        });
        debug_assert!(
            written.is_ok(),
            "an error answer is text that is JSON already"
        );
    }

    /// Writes an answer to where it belongs: a frame of its own, or the batch's array.
    fn answer(
        &mut self,
        target: ReplyTo,
        kind: Kind,
        revision: Option<Revision>,
        write: impl FnOnce(&mut Vec<u8>) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        let Some(number) = target
            .batch
            .map(NonZeroU64::get)
            .filter(|number| self.batches.get(*number).is_some())
        else {
            return self.frame(target.route, kind, revision, write);
        };
        let written = self.batches.change(number, |batch| {
            let start = batch.answers.len();
            batch.answers.push(if start == 0 { b'[' } else { b',' });
            let written = write(&mut batch.answers);
            if written.is_err() {
                batch.answers.truncate(start);
            }
            trim(&mut batch.answers, 64);
            written
        });
        written.unwrap_or(Ok(()))?;
        self.finish_element(target);
        Ok(())
    }

    /// Begins a batch that came by `route` and holds `open` elements that may be answered. Returns
    /// where their answers go.
    pub(crate) fn begin_batch(&mut self, route: Route, revision: Revision, open: usize) -> ReplyTo {
        if open == 0 {
            return ReplyTo::new(route);
        }
        let number = self.number();
        self.batches.insert(
            number,
            Batch {
                route,
                revision,
                open,
                answers: Vec::new(),
            },
        );
        ReplyTo {
            route,
            batch: NonZeroU64::new(number),
        }
    }

    /// One element of a batch is done, answered or not; the last one sends the array.
    pub(crate) fn finish_element(&mut self, target: ReplyTo) {
        let Some(number) = target.batch.map(NonZeroU64::get) else {
            return;
        };
        let Some(batch) = self.batches.get_mut(number) else {
            return;
        };
        batch.open = batch.open.saturating_sub(1);
        if batch.open > 0 {
            return;
        }
        let Some(batch) = self.batches.remove(number) else {
            return;
        };
        if batch.answers.is_empty() {
            return;
        }
        let written = self.frame(batch.route, Kind::Result, Some(batch.revision), |out| {
            out.extend_from_slice(&batch.answers);
            out.push(b']');
            Ok(())
        });
        debug_assert!(written.is_ok(), "copying bytes can't fail");
    }

    /// Whether it is one that a session could have, as it is unless a saved one was changed, whose open
    /// requests have these targets.
    pub(crate) fn is_sound(&self, targets: impl Iterator<Item = ReplyTo>) -> bool {
        let is_below = |number: u64| number < self.next_number;
        self.next_number >= 1
            && self.next_number < 1 << 40
            && self.tag.is_sound()
            && self.outbox.is_sound(self.next_number)
            && self.batches.last_number().is_none_or(is_below)
            && self.are_batches_sound(targets)
    }

    /// Whether each batch has some answers, and waits for those that are to come.
    fn are_batches_sound(&self, targets: impl Iterator<Item = ReplyTo>) -> bool {
        let mut open = BTreeMap::<u64, usize>::new();
        for number in targets.filter_map(|target| target.batch) {
            let count = open.entry(number.get()).or_default();
            *count = count.saturating_add(1);
        }
        let is_sound = |(number, batch): (u64, &Batch)| {
            open.get(&number) == Some(&batch.open) && batch.has_answers()
        };
        self.batches.iter().all(is_sound) && open.len() == self.batches.len()
    }

    /// The same writer with its limits, in another epoch.
    pub(crate) fn restored(mut self, limits: &Limits, rebase: Rebase) -> Self {
        self.tag.reserve();
        if let Some(malformed) = self.malformed.existing() {
            malformed.rebase(rebase);
        }
        self.bounds = Bounds::of(limits);
        self.now = rebase.now();
        self
    }
}

/// Appends a request's or notification's envelope up to its method.
// Inlined since the method is known wherever this is called from.
#[inline]
pub(crate) fn write_head(out: &mut Vec<u8>, number: Option<u64>, method: &str) {
    if let Some(number) = number {
        out.extend_from_slice(b"{\"jsonrpc\":\"2.0\",\"id\":");
        // Numbers count up from one, so they never reach the sign bit.
        write_i64(out, i64::try_from(number).unwrap_or(i64::MAX));
    } else {
        out.extend_from_slice(b"{\"jsonrpc\":\"2.0\"");
    }
    out.extend_from_slice(b",\"method\":");
    write_name(out, method);
}

/// Appends `,"params":{..}`, or nothing when the object would be empty.
pub(crate) fn write_params<T: Serialize + ?Sized>(
    out: &mut Vec<u8>,
    revision: Revision,
    params: &T,
    additions: &SessionMembers<'_>,
) -> Result<Encoded, EncodeError> {
    let start = out.len();
    out.extend_from_slice(b",\"params\":");
    let encoded = encode_body(out, revision, params, additions)?;
    if out.ends_with(b":{}") {
        out.truncate(start);
    }
    Ok(encoded)
}

/// The code by which `revision` knows an error (`err.retired.32002`, Appendix A row 23).
fn lowered_code(error: i64, revision: Option<Revision>) -> i64 {
    match (error, revision.map(Revision::era)) {
        (code::RESOURCE_NOT_FOUND, Some(Era::Modern)) => code::INVALID_PARAMS,
        (code::MISSING_REQUIRED_CLIENT_CAPABILITY, Some(Era::Legacy)) => code::INVALID_REQUEST,
        _ => error,
    }
}
