//! The legacy era on the server: the handshake, and the requests whose whole effect is on the
//! session: log levels and subscriptions to resources.
//!
//! Rules of this file: a session is initialized once (`lifecycle.reinit`); the answer names the
//! revision that was asked for if the server speaks it, else its newest legacy one; nothing is
//! asked of the client before it has said `initialized` (`lifecycle.pre.server`).

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;

use crate::model::encode::SessionMembers;
use crate::model::initialize::{InitializeParams, InitializeResult};
use crate::model::method::{self, Method};
use crate::model::resource::SubscribeParams;
use crate::revision::{Era, Revision};
use crate::rpc::{RpcError, Text, code};

use super::super::arrival::Arrival;
use super::super::misuse::{Invalid, Misuse};
use super::super::negotiate;
use super::super::route::Route;
use super::{ServerEvent, ServerSession, Stage};

impl ServerSession {
    /// Makes this a legacy session of `revision` without a handshake, for a client whose handshake
    /// another session has answered: nothing is known of the client, so nothing is asked of it.
    ///
    /// Returns an error if a handshake has begun, the session has ended, or the server doesn't speak
    /// this revision or it is none of the legacy era.
    pub fn assume_initialized(&mut self, revision: Revision) -> Result<(), Misuse> {
        if self.state.closed {
            return Err(Misuse::Closed);
        }
        if self.state.legacy.stage != Stage::None {
            return Err(Misuse::AlreadyOpened);
        }
        let is_spoken = self.fixed.config.revisions.contains(&revision);
        if revision.era() != Era::Legacy || !is_spoken {
            return Err(Misuse::Invalid(Invalid::NotLegacy(revision)));
        }
        self.state.legacy.stage = Stage::Open(revision);
        self.state.legacy.route = Route::Standalone;
        Ok(())
    }

    /// `initialize`
    pub(super) fn initialize(&mut self, arrival: &Arrival<'_>) {
        if self.state.legacy.stage != Stage::None {
            let error = RpcError::invalid_request("Invalid request: already initialized");
            return self.refuse(arrival, &error);
        }
        if arrival.target.batch.is_some() {
            let error = RpcError::invalid_request("Invalid request: initialize in a batch");
            return self.refuse(arrival, &error);
        }
        let params = match arrival.body.decode::<InitializeParams<'_>>() {
            Ok(params) => params,
            Err(malformed) => return self.refuse(arrival, &malformed.into()),
        };
        let Some(revision) =
            negotiate::answer(&self.fixed.config.revisions, &params.protocol_version)
        else {
            return self.refuse_handshake(arrival, &params.protocol_version);
        };
        let kept = |json: Result<String, serde_json::Error>| json.ok().map(Arc::<str>::from);
        let info = kept(serde_json::to_string(&params.client_info));
        let capabilities = kept(serde_json::to_string(&params.capabilities));
        let longest = self.fixed.config.limits.peer;
        let is_too_long =
            |text: &Option<Arc<str>>| text.as_ref().is_some_and(|text| text.len() > longest);
        if is_too_long(&info) || is_too_long(&capabilities) {
            let error = alloc::format!(
                "Invalid params: clientInfo or capabilities longer than {longest} bytes"
            );
            return self.refuse(arrival, &RpcError::invalid_params(error));
        }
        let mut result = InitializeResult::new(
            revision.as_str(),
            self.fixed.config.capabilities.clone(),
            self.fixed.config.info.clone(),
        );
        result.instructions = self.fixed.config.instructions.as_ref().map(Text::reborrow);
        let additions = SessionMembers::default();
        let written =
            self.state
                .writer
                .result(arrival.target, &arrival.id, revision, &result, &additions);
        if written.is_err() {
            let error = RpcError::internal("The capabilities can't be written");
            return self.refuse(arrival, &error);
        }
        arrival.answered(None);
        (self.state.legacy.info, self.state.legacy.capabilities) = (info, capabilities);
        self.state.legacy.stage = Stage::Greeted(revision);
        self.state.legacy.route = match arrival.target.route {
            Route::Pipe => Route::Pipe,
            _ => Route::Standalone,
        };
        self.state.events.push(ServerEvent::Opened { revision });
    }

    /// A modern server says what it speaks (`era.server.modern.init`).
    fn refuse_handshake(&mut self, arrival: &Arrival<'_>, requested: &str) {
        let error = self.unsupported_handshake(requested);
        self.state
            .writer
            .error(arrival.target, Some(&arrival.id), None, &error);
    }

    /// The answer to an `initialize` that describes itself as a modern request: there is no such
    /// method (`era.server.modern.init.code`).
    pub(super) fn no_handshake(&self, arrival: &Arrival<'_>) -> RpcError {
        let params = arrival.body.decode::<InitializeParams<'_>>();
        let requested = params
            .as_ref()
            .map_or("", |params| &params.protocol_version);
        let mut error = self.unsupported_handshake(requested);
        error.code = code::METHOD_NOT_FOUND;
        error
    }

    fn unsupported_handshake(&self, requested: &str) -> RpcError {
        let supported = &self.fixed.config.revisions;
        let mut error = RpcError::unsupported_version(supported, requested);
        let names: alloc::vec::Vec<&str> = supported.iter().map(|r| r.as_str()).collect();
        error.message = alloc::format!(
            "Unsupported protocol version; supported: {}",
            names.join(", ")
        )
        .into();
        error
    }

    /// The client is ready: what waited for that is asked now.
    pub(super) fn initialized(&mut self) {
        if let Stage::Greeted(revision) = self.state.legacy.stage {
            self.state.legacy.stage = Stage::Open(revision);
            self.ask_waiting();
        }
    }

    /// `logging/setLevel` (`log.setlevel`)
    pub(super) fn set_level(&mut self, arrival: &Arrival<'_>) {
        match arrival
            .body
            .decode::<<method::SetLevel as Method>::Params<'_>>()
        {
            Ok(params) => {
                self.state.legacy.log_level = Some(params.level);
                self.answer_empty(arrival);
            }
            Err(malformed) => self.refuse(arrival, &malformed.into()),
        }
    }

    /// `resources/subscribe` (`res.sub.legacy`)
    pub(super) fn subscribe(&mut self, arrival: &Arrival<'_>) {
        let Some(uri) = subscribed_uri(arrival) else {
            return self.refuse(arrival, &RpcError::invalid_params("Invalid params: no uri"));
        };
        let limits = &self.fixed.config.limits;
        if self.state.subscriptions.count() >= limits.subscriptions {
            let error = RpcError::over_limit("subscriptions", limits.subscriptions);
            return self.refuse(arrival, &error);
        }
        if !self.has_room_for(uri.len().saturating_mul(2)) {
            let error = RpcError::over_limit("bytes held", limits.memory);
            return self.refuse(arrival, &error);
        }
        let is_new = self.state.subscriptions.subscribe(&uri);
        self.answer_empty(arrival);
        if is_new {
            self.state.events.push(ServerEvent::Subscribed { uri });
        }
    }

    /// `resources/unsubscribe`
    pub(super) fn unsubscribe(&mut self, arrival: &Arrival<'_>) {
        let Some(uri) = subscribed_uri(arrival) else {
            return self.refuse(arrival, &RpcError::invalid_params("Invalid params: no uri"));
        };
        let is_over = self.state.subscriptions.unsubscribe(&uri);
        self.answer_empty(arrival);
        if is_over {
            self.state.events.push(ServerEvent::Unsubscribed { uri });
        }
    }
}

fn subscribed_uri(arrival: &Arrival<'_>) -> Option<Box<str>> {
    let params = arrival.body.decode::<SubscribeParams<'_>>().ok()?;
    Some(params.uri.as_str().into())
}
