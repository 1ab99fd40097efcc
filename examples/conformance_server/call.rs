//! What a handler sees of its request, and how it ends without a result.
//!
//! A handler is re-entrant: what it needs from the client it asks for by leaving with
//! [`Stop::Ask`]. When the answers are there it runs again from the top and finds them.

use std::time::Duration;

use mcp_proto::io::blocking::Context;
use mcp_proto::model::elicitation::{ElicitParams, ElicitRequestFormParams, ElicitResult};
use mcp_proto::model::input::InputRequests;
use mcp_proto::model::logging::{LoggingLevel, LoggingMessageParams};
use mcp_proto::model::method::{Elicit, Method};
use mcp_proto::rpc::RpcError;
use mcp_proto::session::{Change, Misuse, Request};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::seal::Seal;

/// Why a handler has no result to give, at least not yet.
pub enum Stop {
    /// The client has to be asked first; the state comes back with the answers.
    Ask(InputRequests<'static>, Option<String>),
    /// The arguments don't fit the tool.
    BadArguments(String),
    /// Nobody wants the result any more.
    Cancelled,
    /// The request is answered with an error.
    Error(RpcError),
}

impl From<RpcError> for Stop {
    fn from(error: RpcError) -> Self {
        Self::Error(error)
    }
}

impl From<Misuse> for Stop {
    fn from(misuse: Misuse) -> Self {
        match misuse {
            Misuse::MissingClientCapability(needed) => {
                Self::Error(RpcError::missing_client_capability(&needed))
            }
            // The request is over: it was cancelled, or its client has gone.
            Misuse::Unknown(_) | Misuse::Closed => Self::Cancelled,
            other => Self::Error(RpcError::internal(other.to_string())),
        }
    }
}

/// One round of one request.
pub struct Call<'c> {
    pub request: &'c Request,
    pub context: &'c Context,
    pub seal: &'c Seal,
}

impl Call<'_> {
    /// The arguments of a tool call.
    pub fn arguments<T: DeserializeOwned>(&self) -> Result<T, Stop> {
        let arguments = self.request.arguments().decode();
        arguments.map_err(|error| Stop::BadArguments(format!("Invalid arguments: {error}")))
    }

    /// What the client answered to the input `key`; `None` before it was asked.
    pub fn answer<M: Method>(&self, key: &str) -> Result<Option<M::Result<'_>>, Stop> {
        let answer = self.request.input::<M>(key).transpose();
        answer.map_err(|error| Stop::Error(error.into()))
    }

    /// What the person answered to the form that was asked for as `key`.
    pub fn form_answer(
        &self,
        key: &str,
        form: &ElicitRequestFormParams<'_>,
    ) -> Result<Option<ElicitResult<'_>>, Stop> {
        let answer = self.answer::<Elicit>(key)?;
        if let Some(Err(violation)) = answer.as_ref().map(|answer| form.validate(answer)) {
            let text = format!("Invalid params: inputResponses.{key}{violation}");
            return Err(RpcError::invalid_params(text).into());
        }
        Ok(answer)
    }

    /// What the person answers to the form; asks for it first.
    pub fn elicit(
        &self,
        key: &'static str,
        form: ElicitRequestFormParams<'static>,
    ) -> Result<ElicitResult<'_>, Stop> {
        match self.form_answer(key, &form)? {
            Some(answer) => Ok(answer),
            None => Err(Stop::Ask(
                InputRequests::new().elicit(key, &ElicitParams::Form(form)),
                None,
            )),
        }
    }

    /// The state that the last round of this handler left with; `None` in the first round.
    pub fn state<T: DeserializeOwned>(&self) -> Result<Option<T>, Stop> {
        let Some(sealed) = self.request.state() else {
            return Ok(None);
        };
        let opened = self.seal.open(&self.owner(), &sealed);
        let state = opened.and_then(|text| serde_json::from_slice(&text).ok());
        match state {
            Some(state) => Ok(Some(state)),
            None => {
                Err(RpcError::invalid_params("Invalid params: not a requestState of mine").into())
            }
        }
    }

    /// How to leave in order to ask for something and find `state` in the next round.
    pub fn ask<T: Serialize>(&self, requests: InputRequests<'static>, state: &T) -> Stop {
        let text = serde_json::to_vec(state).ok();
        match text.and_then(|text| self.seal.seal(&self.owner(), &text)) {
            Some(sealed) => Stop::Ask(requests, Some(sealed)),
            None => Stop::Error(RpcError::internal("The state can't be sealed")),
        }
    }

    /// Reports how far the work has come, if the client wants to know.
    pub fn progress(&self, progress: f64, total: f64) -> Result<(), Stop> {
        let id = self.request.id;
        self.context
            .with(|session, now| session.progress(now, id, progress, Some(total), None))?;
        Ok(())
    }

    /// Sends a log message, if the client wants it.
    pub fn log(&self, level: LoggingLevel, text: &str) -> Result<(), Stop> {
        let message = LoggingMessageParams::text(level, text);
        let id = Some(self.request.id);
        self.context
            .with(|session, now| session.log(now, id, &message))?;
        Ok(())
    }

    /// Tells whoever listens that a list has changed.
    pub fn changed(&self, change: Change) -> Result<(), Stop> {
        Ok(self
            .context
            .with(|session, now| session.changed(now, change))?)
    }

    /// Takes `time`, unless the request is cancelled meanwhile.
    pub fn sleep(&self, time: Duration) -> Result<(), Stop> {
        match self.context.sleep(time) {
            true => Err(Stop::Cancelled),
            false => Ok(()),
        }
    }

    /// To whom a state belongs: the method and what it is for.
    fn owner(&self) -> String {
        let target = self.request.target();
        format!(
            "{} {}",
            self.request.method(),
            target.as_deref().unwrap_or_default()
        )
    }
}
