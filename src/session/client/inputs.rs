//! What a client's user has to answer: requests of a legacy server, and the entries of a modern
//! server's `input_required` results. The user knows both by numbers of one kind.
//!
//! Rules of this file: an input is open from its event to its answer, its refusal or its withdrawal,
//! whichever comes first; a legacy request is answered where it came from, an entry is handed to
//! the call whose round it belongs to; an answer that can't be written leaves its input open.

use alloc::boxed::Box;
use alloc::vec::Vec;

use serde::Serialize;
use smallvec::SmallVec;

use crate::limits::Limits;
use crate::model::encode::{EncodeError, SessionMembers, encode_value};
use crate::model::meta::RELATED_TASK;
use crate::revision::{Era, Revision};
use crate::rpc::{RequestId, RpcError, member_of, write_string};
use crate::saved::saved;

use super::super::arrival::{Arrival, ReplyTo};
use super::super::event::Body;
use super::super::misuse::{Handle, Misuse};
use super::super::name::MethodName;
use super::super::progress::{Report, Reported};
use super::super::requests_in::{RequestIn, RequestsIn};
use super::super::route::Route;
use super::super::sound;
use super::super::table::{Table, Weigh, total};
use super::super::writer::MessageWriter;

/// What is kept of a legacy server's request.
#[derive(Clone, Debug)]
struct PendingInput {
    method: MethodName,
    /// The member of `_meta` that names the task it belongs to, if it names one.
    related_task: Option<Box<[u8]>>,
}

saved! { struct PendingInput { method, related_task } }

impl Weigh for PendingInput {
    fn weight(&self) -> usize {
        let related = self.related_task.as_ref().map_or(0, |member| member.len());
        total([size_of::<Self>(), related])
    }
}

/// An entry of a modern server's result.
#[derive(Clone, Debug)]
pub(super) struct RoundEntry {
    /// The number of the request that was answered with it.
    request: u64,
    key: Box<str>,
    method: MethodName,
    reported: Reported,
}

saved! { struct RoundEntry { request, key, method, reported } }

impl RoundEntry {
    pub(super) fn new(request: u64, key: Box<str>, method: MethodName) -> Self {
        Self {
            request,
            key,
            method,
            reported: Reported::default(),
        }
    }
}

impl Weigh for RoundEntry {
    fn weight(&self) -> usize {
        total([size_of::<Self>(), self.key.len()])
    }
}

/// What has become of an answer.
pub(super) enum Answered {
    /// It was sent to a legacy server.
    Sent,
    /// It is one for the round of a call.
    OfRound {
        /// The number of the call's request.
        request: u64,
        key: Box<str>,
        answer: Vec<u8>,
    },
}

/// The inputs that are open.
#[derive(Clone, Debug, Default)]
pub(super) struct Inputs {
    requests: RequestsIn<PendingInput, 0>,
    entries: Table<RoundEntry, 0>,
}

saved! { struct Inputs { requests, entries } }

impl Inputs {
    /// Whether a request may come in at all.
    pub(super) fn check(&self, arrival: &Arrival<'_>, limits: &Limits) -> Result<(), RpcError> {
        self.requests.check(arrival, limits)
    }

    /// Whether one more request of a legacy server may wait for the user. The first one always
    /// may; for others there has to be memory.
    pub(super) fn check_room(
        &self,
        limits: &Limits,
        has_memory: impl FnOnce() -> bool,
    ) -> Result<(), RpcError> {
        if self.requests.len() >= limits.calls() {
            return Err(RpcError::over_limit("requests in flight", limits.calls()));
        }
        if !self.requests.is_empty() && !has_memory() {
            return Err(RpcError::over_limit("bytes held", limits.memory));
        }
        Ok(())
    }

    /// Enters a legacy server's request under a number that no other input has had.
    pub(super) fn insert_request(&mut self, number: u64, arrival: Arrival<'_>) {
        let request = RequestIn::new(arrival, |method, body| PendingInput {
            method,
            related_task: related_task(&body),
        });
        self.requests.insert(number, request);
    }

    /// Enters an entry of a round likewise.
    pub(super) fn insert_entry(&mut self, number: u64, entry: RoundEntry) {
        self.entries.insert(number, entry);
    }

    /// What an input is for.
    pub(super) fn method(&self, number: u64) -> Result<&MethodName, Misuse> {
        let of_request = || Some(&self.requests.get(number)?.part.method);
        let of_entry = self.entries.get(number).map(|entry| &entry.method);
        let method = of_entry.or_else(of_request);
        method.ok_or(Misuse::Unknown(Handle::Input))
    }

    /// Ends an input with its result, or leaves it open if that can't be written.
    pub(super) fn answer<R: Serialize>(
        &mut self,
        number: u64,
        writer: &mut MessageWriter,
        revision: Revision,
        result: &R,
    ) -> Result<Answered, EncodeError> {
        if self.entries.get(number).is_none() {
            let open = self.requests.get(number);
            let related = open.and_then(|open| open.part.related_task.clone());
            let additions = SessionMembers {
                meta: related.as_deref().unwrap_or_default(),
                ..SessionMembers::default()
            };
            self.requests
                .answer(number, writer, result, |_| additions)?;
            return Ok(Answered::Sent);
        }
        let mut answer = Vec::new();
        encode_value(&mut answer, revision, result)?;
        Ok(match self.entries.remove(number) {
            Some(RoundEntry { request, key, .. }) => Answered::OfRound {
                request,
                key,
                answer,
            },
            None => Answered::Sent,
        })
    }

    /// Ends an input with an error, which a legacy server is sent. Returns the number of the call's
    /// request if it was for a round, which has then failed.
    pub(super) fn refuse(
        &mut self,
        number: u64,
        writer: &mut MessageWriter,
        error: &RpcError,
    ) -> Option<u64> {
        if let Some(entry) = self.entries.remove(number) {
            return Some(entry.request);
        }
        self.requests.refuse(number, writer, error);
        None
    }

    /// Reports progress on an input, if its server wants to know of it; a modern one doesn't.
    pub(super) fn report(
        &mut self,
        number: u64,
        writer: &mut MessageWriter,
        report: &Report<'_>,
    ) -> Result<(), Misuse> {
        match self.entries.get_mut(number) {
            Some(entry) => entry.reported.report(writer, None, report),
            None => self.requests.report(number, writer, report),
        }
    }

    /// Ends the request that its server takes back by its id. Returns its number.
    pub(super) fn take_back(&mut self, id: &RequestId, writer: &mut MessageWriter) -> Option<u64> {
        let number = self.requests.find(id)?;
        self.requests.drop(number, writer);
        Some(number)
    }

    /// Ends the requests that a legacy server made by this stream. Returns their numbers.
    pub(super) fn take_back_route(
        &mut self,
        route: Route,
        writer: &mut MessageWriter,
    ) -> SmallVec<[u64; 8]> {
        let asked = self.requests.on_route(route, Era::Legacy);
        for number in &asked {
            self.requests.drop(*number, writer);
        }
        asked
    }

    /// Ends the entries of a call's round. Returns their numbers.
    pub(super) fn withdraw_round(&mut self, request: u64) -> SmallVec<[u64; 8]> {
        let entries = self.entries.iter();
        let of_call = entries.filter(|(_, entry)| entry.request == request);
        let withdrawn: SmallVec<[u64; 8]> = of_call.map(|(number, _)| number).collect();
        for number in &withdrawn {
            self.entries.remove(*number);
        }
        withdrawn
    }

    /// Ends all requests of a legacy server without an answer. Returns their numbers.
    pub(super) fn drop_requests(&mut self, writer: &mut MessageWriter) -> SmallVec<[u64; 8]> {
        self.requests.drop_all(writer)
    }

    /// Whether a legacy server waits for the user; it doesn't say for which call.
    #[inline]
    pub(super) fn owes_answer(&self) -> bool {
        !self.requests.is_empty()
    }

    /// How many bytes they hold.
    pub(super) fn held(&self) -> usize {
        total([self.requests.held(), self.entries.held()])
    }

    /// Where the answers to a legacy server go.
    pub(super) fn targets(&self) -> impl Iterator<Item = ReplyTo> {
        self.requests.targets()
    }

    /// Whether all have numbers that were given out, and the tasks that they name are named as members,
    /// as is the case unless a saved session was changed.
    pub(super) fn is_sound(&self, writer: &MessageWriter) -> bool {
        let is_member = |member: &[u8]| sound::is_object(&[b"{", member, b"}"].concat());
        let is_input_sound =
            |input: &PendingInput| input.related_task.as_deref().is_none_or(is_member);
        let last = self.entries.last_number();
        last.is_none_or(|last| last < writer.next_number())
            && self.requests.is_sound(writer, is_input_sound)
    }

    /// What is asked for rounds: the numbers of the calls' requests, and the keys.
    pub(super) fn asked(&self) -> impl Iterator<Item = (u64, &str)> {
        let entries = self.entries.iter();
        entries.map(|(_, entry)| (entry.request, &*entry.key))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.requests.is_empty() && self.entries.is_empty()
    }
}

/// The member by which the answer to a request belongs to the same task as the request.
// `task25.related`
fn related_task(body: &Body) -> Option<Box<[u8]>> {
    let meta = member_of(body.span.of(&body.frame), "_meta")?;
    let related = member_of(meta, RELATED_TASK)?;
    let mut member = Vec::new();
    write_string(&mut member, RELATED_TASK);
    member.push(b':');
    member.extend_from_slice(related);
    Some(member.into())
}
