//! What the responses of a client's exchanges say, piece by piece, to its session.

use alloc::vec::Vec;

use bytes::Bytes;

use crate::frame::{FrameError, SseEvent};
use crate::rpc::{code, member_of};
use crate::session::{Closed, ExchangeId, Route};

use super::super::HttpMethod;
use super::asking::of_post;
use super::codec::{Gate, HttpClient};
use super::exchange::{End, Exchange, Purpose, Reading, Relist, SentRequest};
use super::outcome::{Outcome, outcome};
use super::request::Action;
use super::sent::is_answer_to;
use super::tools::{Learned, lists};
use super::url;

/// How much of a response that is of no use is read before its connection is closed.
const IGNORED: usize = 64 * 1024;

impl HttpClient {
    /// Takes a piece of a response's body.
    pub(super) fn take_piece(&mut self, number: u64, piece: &[u8]) {
        let limit = self.options.limits.frame;
        let Some(entry) = self.exchanges.get_mut(&number) else {
            return;
        };
        match &mut entry.reading {
            Reading::Head => {}
            Reading::Ignored(length) => {
                *length += piece.len();
                if *length > IGNORED {
                    self.actions
                        .push_back(Action::Abort(ExchangeId::new(number)));
                    self.ended(number, End::Clean);
                }
            }
            Reading::Json(_, body) => {
                let length = body.len() + piece.len();
                if length <= limit {
                    return body.extend_from_slice(piece);
                }
                let begun = [
                    &body[..body.len().min(1024)],
                    &piece[..piece.len().min(1024)],
                ];
                let error = FrameError::TooLong {
                    length: length as u64,
                    limit,
                    head: begun.concat().into(),
                    last: piece.last().copied().unwrap_or_default(),
                };
                self.actions
                    .push_back(Action::Abort(ExchangeId::new(number)));
                self.lose(number, Closed::ReadFailed, Some(error));
            }
            Reading::Events(decoder) => {
                decoder.push(piece);
                self.take_events(number);
            }
        }
    }

    /// Takes the events that have come on an exchange.
    fn take_events(&mut self, number: u64) {
        loop {
            let Some(entry) = self.exchanges.get_mut(&number) else {
                return;
            };
            let Reading::Events(decoder) = &mut entry.reading else {
                return;
            };
            match decoder.next_event() {
                None => return,
                Some(Ok(event)) => self.take_event(number, event),
                // Nothing awaits what it would have said, and what follows may be awaited.
                Some(Err(error)) if matches!(entry.purpose, Purpose::Standalone(_)) => {
                    self.actions
                        .push_back(Action::Malformed(Route::Standalone, error));
                }
                Some(Err(error)) => {
                    self.actions
                        .push_back(Action::Abort(ExchangeId::new(number)));
                    self.lose(number, Closed::ReadFailed, Some(error));
                }
            }
        }
    }

    fn take_event(&mut self, number: u64, event: SseEvent) {
        let Some(entry) = self.exchanges.get_mut(&number) else {
            return;
        };
        let is_endpoint = event.event.as_deref() == Some("endpoint");
        match &mut entry.purpose {
            Purpose::Pair(_) if is_endpoint && self.pair.is_none() => {
                self.take_endpoint(number, &event.data);
            }
            // `httpL.sse.emptydata`
            _ if !event.is_message() || event.data.is_empty() => {}
            Purpose::Request(asked) => {
                asked.resumed.attempts = 0;
                if is_answer_to(&event.data, &asked.id) {
                    let asked = asked.clone();
                    entry.purpose = Purpose::Notice;
                    entry.reading = Reading::Ignored(0);
                    self.bound_leftover(number);
                    self.answer(&asked, event.data);
                } else {
                    let route = asked.route;
                    self.actions.push_back(Action::Frame(route, event.data));
                }
            }
            Purpose::Relist(relist) if is_answer_to(&event.data, &relist.call.id) => {
                let relist = relist.clone();
                entry.purpose = Purpose::Notice;
                entry.reading = Reading::Ignored(0);
                self.bound_leftover(number);
                self.relisted(*relist, event.data);
            }
            Purpose::Standalone(standalone) => {
                standalone.resumed.attempts = 0;
                self.actions
                    .push_back(Action::Frame(Route::Standalone, event.data));
            }
            Purpose::Pair(_) => {
                self.actions
                    .push_back(Action::Frame(Route::Standalone, event.data));
            }
            _ => {}
        }
    }

    /// The old pair says where its messages go; then the request that waited for it is sent there.
    // `sse24.post` `sse24.endpoint.uri`
    fn take_endpoint(&mut self, number: u64, data: &[u8]) {
        let reference = core::str::from_utf8(data).unwrap_or_default();
        let Some(endpoint) = url::resolve(&self.url, reference) else {
            self.abort(number);
            return self.close_session(Closed::ReadFailed);
        };
        self.pair = Some(endpoint);
        let Some(Exchange {
            purpose: Purpose::Pair(asked),
            ..
        }) = self.exchanges.get(&number)
        else {
            return;
        };
        let (frame, asked) = (asked.posted.frame.clone(), asked.clone());
        let purpose = Purpose::Request(asked);
        self.start(HttpMethod::Post, of_post(), frame, purpose, None);
    }

    /// An exchange has ended.
    pub(super) fn ended(&mut self, number: u64, how: End) {
        let Some(entry) = self.exchanges.get_mut(&number) else {
            return;
        };
        let closed = match how {
            End::Clean => Closed::EndOfInput,
            End::Broken => Closed::ReadFailed,
            End::NotSent => Closed::Unreachable,
        };
        match (&mut entry.purpose, &mut entry.reading) {
            (Purpose::Request(_) | Purpose::Relist(_), Reading::Json(status, body))
                if how == End::Clean =>
            {
                let (status, body) = (*status, Bytes::from(core::mem::take(body)));
                self.take_json(number, status, body);
            }
            (Purpose::Request(asked), Reading::Events(decoder)) => {
                asked.resumed.learn(decoder);
                self.resume_or_lose(number, closed);
            }
            // A message for the pair was taken.
            (Purpose::Request(_), Reading::Ignored(_)) => {
                self.exchanges.remove(&number);
            }
            (Purpose::Request(asked), _) if asked.resumed.last_event.is_some() => {
                self.resume_or_lose(number, closed);
            }
            (Purpose::Request(_) | Purpose::Relist(_), _) => self.lose(number, closed, None),
            (Purpose::Standalone(standalone), Reading::Events(decoder)) => {
                standalone.resumed.learn(decoder);
                self.standalone_ended(number);
            }
            (Purpose::Standalone(_), _) => self.standalone_ended(number),
            (Purpose::Pair(_), _) => {
                // `sse24.close`
                self.exchanges.remove(&number);
                self.close_session(closed);
            }
            (Purpose::Initialized, _) => {
                self.exchanges.remove(&number);
                // Unless it came too late, and was no longer waited for.
                if let Gate::Greeting(_) = self.gate {
                    self.ask_for_standalone();
                }
            }
            (Purpose::Notice | Purpose::Delete, _) => {
                self.exchanges.remove(&number);
            }
        }
    }

    /// Hands the answer to a request to the session: of a list of tools what a client over HTTP may
    /// offer, and no complaint about headers that can be mended.
    fn answer(&mut self, asked: &SentRequest, frame: Bytes) {
        if asked.calls_tool && is_mismatch(&frame) && self.relist(asked, &frame) {
            return;
        }
        let route = asked.route;
        if !(asked.is_modern && asked.lists_tools) {
            return self.actions.push_back(Action::Frame(route, frame));
        }
        let Learned { frame, rejected } = self.tools.learn(frame);
        for (name, reason) in rejected {
            self.actions
                .push_back(Action::ToolRejected { name, reason });
        }
        self.actions.push_back(Action::Frame(route, frame));
    }

    /// A page of the list of tools has come, for a call that is to be tried once more.
    fn relisted(&mut self, mut relist: Relist, page: Bytes) {
        let tool = member_of(&relist.call.posted.frame, "params");
        let tool = tool.and_then(|params| member_of(params, "name"));
        let is_found = tool.is_some_and(|tool| lists(&page, tool));
        let result = member_of(&page, "result");
        let cursor = result.and_then(|result| member_of(result, "nextCursor"));
        let cursor = cursor.filter(|cursor| cursor.starts_with(b"\"") && !is_found);
        self.tools.learn(page.clone());
        match cursor {
            Some(cursor) if relist.pages > 1 => {
                relist.pages -= 1;
                self.list_tools(relist, Some(cursor));
            }
            _ if is_found => {
                let mut posted = relist.call.posted;
                posted.is_retried = true;
                self.post(posted);
            }
            _ => self.give_up(&relist),
        }
    }

    /// A call that can't be tried once more has the answer that it had.
    fn give_up(&mut self, relist: &Relist) {
        let route = relist.call.route;
        self.actions
            .push_back(Action::Frame(route, relist.error.clone()));
    }

    /// A whole response of JSON.
    // `httpL.req.reply` `httpM.reply` `httpM.status.other`
    fn take_json(&mut self, number: u64, status: u16, body: Bytes) {
        let asked = match self.exchanges.get(&number).map(|entry| &entry.purpose) {
            Some(Purpose::Request(asked)) => asked.clone(),
            Some(Purpose::Relist(relist)) => {
                let relist = Relist::clone(relist);
                self.exchanges.remove(&number);
                return match is_answer_to(&body, &relist.call.id) {
                    true => self.relisted(relist, body),
                    false => self.give_up(&relist),
                };
            }
            _ => return,
        };
        let is_batch = body.trim_ascii_start().starts_with(b"[");
        if is_batch || is_answer_to(&body, &asked.id) {
            self.exchanges.remove(&number);
            return self.answer(&asked, body);
        }
        // An error that names no request, or another one, can only be about this one.
        match member_of(&body, "error").filter(|error| error.starts_with(b"{")) {
            Some(error) => {
                let mut frame = Vec::from(&b"{\"jsonrpc\":\"2.0\",\"id\":"[..]);
                asked.id.write(&mut frame);
                frame.extend_from_slice(b",\"error\":");
                frame.extend_from_slice(error);
                frame.push(b'}');
                self.exchanges.remove(&number);
                self.answer(&asked, frame.into());
            }
            None => self.end_without_message(number, status),
        }
    }

    /// A response that carries no message.
    pub(super) fn end_without_message(&mut self, number: u64, status: u16) {
        let Some(entry) = self.exchanges.get(&number) else {
            return;
        };
        let Purpose::Request(asked) = &entry.purpose else {
            return self.lose(number, Closed::Refused { status }, None);
        };
        match outcome(status, entry.has_session, asked.is_initialize) {
            _ if self.pair.is_some() => self.lose(number, Closed::Refused { status }, None),
            Outcome::Refused(closed) => self.lose(number, closed, None),
            Outcome::Forgotten => {
                self.lose(number, Closed::Forgotten, None);
                self.close_session(Closed::Forgotten);
            }
            Outcome::TryPair => {
                let asked = asked.clone();
                self.exchanges.remove(&number);
                self.get(Purpose::Pair(asked));
            }
        }
    }

    /// Tells the session that a request's answer can't come any more.
    pub(super) fn lose(&mut self, number: u64, closed: Closed, error: Option<FrameError>) {
        let Some(entry) = self.exchanges.remove(&number) else {
            return;
        };
        let route = match &entry.purpose {
            Purpose::Request(asked) => asked.route,
            Purpose::Relist(relist) => return self.give_up(relist),
            Purpose::Standalone(_) | Purpose::Pair(_) => Route::Standalone,
            _ => return,
        };
        let is_pair = matches!(entry.purpose, Purpose::Pair(_));
        if let Some(error) = error {
            self.actions.push_back(Action::Malformed(route, error));
        }
        if is_pair {
            // `sse24.close`: every answer was to come by it.
            return self.close_session(closed);
        }
        self.actions.push_back(Action::Closed(route, closed));
    }
}

/// Whether an answer says that the request's headers don't fit its body.
fn is_mismatch(answer: &[u8]) -> bool {
    let code = member_of(answer, "error").and_then(|error| member_of(error, "code"));
    let code: Option<i64> = code.and_then(|code| serde_json::from_slice(code).ok());
    code == Some(code::HEADER_MISMATCH)
}
