//! Streams that outlive their exchanges: when one is asked for again, and when it no longer is.
//!
//! Rules of this file: what belongs to a request is asked for from the event that was read last; a
//! request whose stream can't be had back is lost, and never said not to have been sent; a server
//! that ends a stream again and again is asked ever more seldom.

use core::time::Duration;

use crate::session::{Closed, ExchangeId};

use super::super::ResponseHead;
use super::super::headers::{Headers, name};
use super::codec::{Gate, HttpClient};
use super::exchange::{Purpose, Resumed};
use super::request::Action;

impl HttpClient {
    /// The stream that carries an answer has ended, or could not be had back: it is asked for again
    /// if that can help.
    // `httpL.resume` `httpL.sse.end.noresp` `httpM.noresume` `httpM.reissue.safe`
    pub(super) fn resume_or_lose(&mut self, number: u64, closed: Closed) {
        let attempts = self.options.attempts;
        let Some(asked) = self.exchanges.get(&number).and_then(|entry| entry.asked()) else {
            return;
        };
        let Resumed {
            last_event,
            retry,
            attempts: tried,
        } = &asked.resumed;
        let may_resume = !asked.is_modern && last_event.is_some();
        if may_resume && (retry.is_some() || *tried < attempts) {
            return self.resume_later(number);
        }
        let closed = match last_event {
            // Its request was sent, whatever became of the last try.
            Some(_) => Closed::ReadFailed,
            None => closed,
        };
        self.lose(number, closed, None);
    }

    /// A server doesn't give the rest of a stream.
    pub(super) fn resume_refused(&mut self, number: u64, head: &ResponseHead, is_forgotten: bool) {
        self.actions
            .push_back(Action::Abort(ExchangeId::new(number)));
        if is_forgotten {
            self.exchanges.remove(&number);
            return self.close_session(Closed::Forgotten);
        }
        match may_pass(head.status) {
            true => {
                self.note_refusal(number, &head.headers);
                self.resume_or_lose(number, Closed::ReadFailed);
            }
            false => self.lose(number, Closed::ReadFailed, None),
        }
    }

    /// A server doesn't give the stream that belongs to no request, which is no failure: most have
    /// none.
    // `httpL.get.405`
    pub(super) fn standalone_refused(&mut self, number: u64, head: &ResponseHead) {
        self.actions
            .push_back(Action::Abort(ExchangeId::new(number)));
        if head.status == 404 && self.gate == Gate::Open {
            return self.close_session(Closed::Forgotten);
        }
        let Some(entry) = self.exchanges.get_mut(&number) else {
            return;
        };
        let had_it = match &mut entry.purpose {
            Purpose::Standalone(standalone) if standalone.was_given => {
                // What was read of it may be forgotten.
                let is_unknown = head.status == 400 && standalone.resumed.last_event.is_some();
                if is_unknown {
                    standalone.resumed.last_event = None;
                }
                is_unknown || may_pass(head.status)
            }
            _ => false,
        };
        if had_it {
            self.note_refusal(number, &head.headers);
            self.standalone_ended(number);
        } else {
            self.exchanges.remove(&number);
        }
        self.open_gate();
    }

    /// The stream that belongs to no request has ended, or could not be had back.
    pub(super) fn standalone_ended(&mut self, number: u64) {
        let (now, most) = (self.now, self.options.standalone_attempts);
        let settled = self.options.settled;
        let Some(entry) = self.exchanges.get_mut(&number) else {
            return;
        };
        let Purpose::Standalone(standalone) = &mut entry.purpose else {
            return;
        };
        let lasted = standalone.began.take();
        if lasted.is_some_and(|began| now.saturating_since(began) >= settled) {
            standalone.resumed.attempts = 0;
        }
        let resumed = &standalone.resumed;
        let is_asked = standalone.was_given && (resumed.retry.is_some() || resumed.attempts < most);
        match is_asked {
            true => self.resume_later(number),
            false => {
                self.exchanges.remove(&number);
            }
        }
        self.open_gate();
    }

    /// Asks for a stream again after the time that the server has said, or a longer one each time.
    fn resume_later(&mut self, number: u64) {
        let Some(mut entry) = self.exchanges.remove(&number) else {
            return;
        };
        let Some(resumed) = resumed(&mut entry.purpose) else {
            return;
        };
        let pause = self.options.pause(resumed.attempts, resumed.retry);
        resumed.attempts = resumed.attempts.saturating_add(1);
        self.resumes.push((self.now + pause, entry.purpose));
    }

    /// Keeps what a refusal says of when to come back.
    fn note_refusal(&mut self, number: u64, headers: &Headers) {
        let after = headers.one(name::RETRY_AFTER).ok().flatten();
        let after = after.and_then(|seconds| seconds.parse().ok());
        let entry = self.exchanges.get_mut(&number);
        if let Some(resumed) = entry.and_then(|entry| resumed(&mut entry.purpose))
            && let Some(seconds) = after
        {
            resumed.retry = Some(Duration::from_secs(seconds));
        }
    }
}

fn resumed(purpose: &mut Purpose) -> Option<&mut Resumed> {
    match purpose {
        Purpose::Request(asked) => Some(&mut asked.resumed),
        Purpose::Standalone(standalone) => Some(&mut standalone.resumed),
        _ => None,
    }
}

/// Whether a refusal may be over in a while.
const fn may_pass(status: u16) -> bool {
    matches!(status, 408 | 425 | 429 | 500..=599)
}
