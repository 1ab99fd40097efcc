//! How a client opens: from the session's opening to the log level that is part of it, and to the end.

use alloc::boxed::Box;

use crate::revision::Era;
use crate::session::{CallOptions, ClientEvent, CloseReason, Delivery, Timeout};
use crate::time::Instant;

use super::{Client, ClientError, Event, Stage};

impl Client {
    pub(super) fn session_opened(&mut self, now: Instant) {
        let Stage::Opening(since) = self.stage else {
            return;
        };
        let options = &self.options;
        let handshake = now + options.handshake_timeout;
        let deadline = handshake.min(since + options.timeout);
        let is_legacy = self.session.revision().map(|revision| revision.era()) == Some(Era::Legacy);
        // Modern requests carry the level each.
        let Some(level) = self.options.log_level.filter(|_| is_legacy) else {
            return self.opened();
        };
        let rest = Timeout::After(deadline - now);
        let options = CallOptions::new().idle(rest).total(rest);
        match self.session.set_log_level(now, level, options) {
            Ok(call) => self.stage = Stage::SettingLevel(call.any(), deadline - since),
            Err(misuse) => self.fail_opening(now, misuse.into()),
        }
    }

    pub(super) fn opened(&mut self) {
        self.stage = Stage::Open;
        self.push_event(Event::Opened);
    }

    pub(super) fn fail_opening(&mut self, now: Instant, error: ClientError) {
        self.stage = Stage::Over;
        self.push_event(Event::OpeningFailed(error));
        self.session.close(now);
    }

    pub(super) fn closed(&mut self, now: Instant, reason: CloseReason) {
        // Their calls never were: none of them was sent.
        while let Some(id) = self.waiting.pop_first() {
            self.end(now, id, Err(ClientError::Lost(Delivery::NotSent)));
        }
        if !matches!(self.stage, Stage::Open | Stage::Over) {
            let error = match &reason {
                CloseReason::OpeningRefused(error) => ClientError::Rpc(error.clone()),
                reason => ClientError::Opening(reason.clone()),
            };
            self.push_event(Event::OpeningFailed(error));
        }
        self.stage = Stage::Over;
        let event = ClientEvent::Closed(reason);
        self.push_event(Event::Session(Box::new(event)));
    }
}
