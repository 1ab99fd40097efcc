//! What a handler sees of its request, its client and its server.

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::model::capability::ClientCapabilities;
use crate::model::elicitation::{
    ElicitAction, ElicitParams, ElicitRequestFormParams, ElicitRequestURLParams,
};
use crate::model::initialize::Implementation;
use crate::model::input::InputRequest;
use crate::model::logging::{LoggingLevel, LoggingMessageParams};
use crate::model::meta::Meta;
use crate::model::method::{CreateMessage, Elicit, ListRoots, Method};
use crate::model::owned::IntoOwned;
use crate::model::root::Root;
use crate::model::sampling::{CreateMessageParams, CreateMessageResult};
use crate::revision::{Era, Revision};
use crate::rpc::{Raw, Text};
use crate::session::{Change, Request, ServerSession};
use crate::time::Instant;

use super::ask::{Answer, AskError, InputPending, OwnedRaw, Run};
use super::registry::Registry;

/// How a server reaches the session that a request came from. Adapters implement it.
pub trait Reach: Send + Sync {
    /// Runs `act` on the session, once, and sees to it that what comes of it is sent.
    fn with(&self, act: &mut dyn FnMut(&mut ServerSession, Instant));

    /// Whether nobody wants the answer any more.
    fn is_cancelled(&self) -> bool;

    /// Who sends the request, as the transport has authenticated them; `None` where it doesn't, as
    /// on a pipe. What a client says of itself is no answer.
    fn principal(&self) -> Option<&str> {
        None
    }
}

/// Runs `act` on the session; `None` when the session can't be reached any more.
pub(super) fn reach<R>(
    reach: &dyn Reach,
    act: impl FnOnce(&mut ServerSession, Instant) -> R,
) -> Option<R> {
    let mut act = Some(act);
    let mut result = None;
    reach.with(&mut |session, now| {
        if let Some(act) = act.take() {
            result = Some(act(session, now));
        }
    });
    result
}

/// A handler's view of one request. It is cheap to clone and may be kept while the request is open.
#[derive(Clone)]
pub struct Context {
    inner: Arc<Inner>,
}

struct Inner {
    request: Request,
    reach: Arc<dyn Reach>,
    registry: Arc<Registry>,
    capabilities: ClientCapabilities<'static>,
    client: Option<Implementation<'static>>,
    ledger: Mutex<Run>,
}

/// What a user made of a form.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Elicited<T> {
    /// Filled in.
    Accepted(T),
    /// Refused.
    Declined,
    /// Closed without a choice.
    Cancelled,
}

/// The user did not fill in a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotAccepted {
    /// They refused.
    #[error("the user declined")]
    Declined,
    /// They closed it without a choice.
    #[error("the user cancelled")]
    Cancelled,
}

impl<T> Elicited<T> {
    /// What was filled in; errs when nothing was.
    pub fn accepted(self) -> Result<T, NotAccepted> {
        match self {
            Self::Accepted(value) => Ok(value),
            Self::Declined => Err(NotAccepted::Declined),
            Self::Cancelled => Err(NotAccepted::Cancelled),
        }
    }
}

impl Context {
    pub(super) fn new(
        request: Request,
        reached: Arc<dyn Reach>,
        registry: Arc<Registry>,
        ledger: Run,
    ) -> Self {
        let known = reach(&*reached, |session, _| {
            let capabilities = session.capabilities_of(request.id);
            let client = request.client_info().or_else(|| session.client_info());
            (
                capabilities.unwrap_or_default().into_owned(),
                client.map(IntoOwned::into_owned),
            )
        });
        let (capabilities, client) = known.unwrap_or_default();
        Self {
            inner: Arc::new(Inner {
                request,
                reach: reached,
                registry,
                capabilities,
                client,
                ledger: Mutex::new(ledger),
            }),
        }
    }

    /// The request as it came.
    pub fn request(&self) -> &Request {
        &self.inner.request
    }

    /// The request's `_meta`; `None` when it has none.
    pub fn meta(&self) -> Option<Meta<'_>> {
        #[derive(serde::Deserialize)]
        struct WithMeta<'a> {
            #[serde(borrow, default, rename = "_meta")]
            meta: Option<Meta<'a>>,
        }
        let params = self.inner.request.raw_params();
        let with_meta: WithMeta<'_> = params.decode().ok()?;
        with_meta.meta.map(IntoOwned::into_owned)
    }

    /// Who the client is, when it says so. For display only.
    pub fn client_info(&self) -> Option<&Implementation<'static>> {
        self.inner.client.as_ref()
    }

    /// What the client can be asked for.
    pub fn client_capabilities(&self) -> &ClientCapabilities<'static> {
        &self.inner.capabilities
    }

    /// The revision of the request; for logs, handlers need no branch on it.
    pub fn revision(&self) -> Revision {
        self.inner.request.revision
    }

    /// The least level of log messages that the client wants; `None` when it hasn't said so.
    pub fn log_level(&self) -> Option<LoggingLevel> {
        let set = match self.revision().era() {
            Era::Modern => return self.meta().and_then(|meta| meta.log_level()),
            Era::Legacy => reach(&*self.inner.reach, |session, _| session.client_log_level()),
        };
        set.flatten()
    }

    /// Who sends the request, as the transport has authenticated them; `None` where it doesn't, as
    /// on a pipe.
    pub fn principal(&self) -> Option<&str> {
        self.inner.reach.principal()
    }

    /// Whether nobody wants the answer any more. Long work looks at it now and then.
    pub fn is_cancelled(&self) -> bool {
        self.inner.reach.is_cancelled()
    }

    /// Asks the user to fill in a form, and reads what they filled in as `T`.
    ///
    /// `key` names the question within this request. Errs while the answer isn't there: hand that
    /// on with `?`; and when the answer doesn't fit the form.
    pub fn elicit<T: DeserializeOwned>(
        &self,
        key: &str,
        form: ElicitRequestFormParams<'_>,
    ) -> Result<Elicited<T>, AskError> {
        let check = form.clone();
        let answer = self.ask::<Elicit>(key, &ElicitParams::Form(form), |raw| {
            let answer = raw.decode::<<Elicit as Method>::Result<'_>>().ok()?;
            let is_good = answer.action != ElicitAction::Accept || check.validate(&answer).is_ok();
            is_good.then_some(())
        })?;
        let result: <Elicit as Method>::Result<'_> = answer.decode().map_err(malformed)?;
        Ok(match result.action {
            ElicitAction::Accept => {
                let content = result.content.unwrap_or_default();
                let content = Raw::encode(&content).map_err(malformed)?;
                Elicited::Accepted(content.decode::<T>().map_err(malformed)?)
            }
            ElicitAction::Decline => Elicited::Declined,
            ElicitAction::Cancel => Elicited::Cancelled,
        })
    }

    /// Asks the user to go to a URL. That they accept means that they go there, not that they are
    /// done (`elicit.result.accept.url`).
    pub fn elicit_url(
        &self,
        key: &str,
        url: ElicitRequestURLParams<'_>,
    ) -> Result<Elicited<()>, AskError> {
        let answer = self.ask::<Elicit>(key, &ElicitParams::Url(url), |raw| {
            raw.decode::<<Elicit as Method>::Result<'_>>()
                .ok()
                .map(drop)
        })?;
        let result: <Elicit as Method>::Result<'_> = answer.decode().map_err(malformed)?;
        Ok(match result.action {
            ElicitAction::Accept => Elicited::Accepted(()),
            ElicitAction::Decline => Elicited::Declined,
            ElicitAction::Cancel => Elicited::Cancelled,
        })
    }

    /// Has the client's model write a message.
    ///
    /// `key` names the question within this request. Errs while the answer isn't there: hand that
    /// on with `?`.
    pub fn sample(
        &self,
        key: &str,
        params: &CreateMessageParams<'_>,
    ) -> Result<CreateMessageResult<'static>, AskError> {
        let answer = self.ask::<CreateMessage>(key, params, |raw| {
            raw.decode::<CreateMessageResult<'_>>().ok().map(drop)
        })?;
        let result = answer
            .decode::<CreateMessageResult<'_>>()
            .map_err(malformed)?;
        Ok(result.into_owned())
    }

    /// Asks for the client's roots. Errs while the answer isn't there: hand that on with `?`.
    pub fn roots(&self) -> Result<Vec<Root<'static>>, AskError> {
        let params = <ListRoots as Method>::Params::default();
        let answer = self.ask::<ListRoots>("roots", &params, |raw| {
            raw.decode::<<ListRoots as Method>::Result<'_>>()
                .ok()
                .map(drop)
        })?;
        let result: <ListRoots as Method>::Result<'_> = answer.decode().map_err(malformed)?;
        Ok(result.roots.into_owned().into_vec())
    }

    /// Does something once, though the handler may run several times: later runs of this request
    /// get the result of the first.
    ///
    /// It guards against being run again by a further round, not against a client that sends an
    /// old state twice: for what must never happen twice, such as a charge, the caller's own store
    /// decides. Errs with what `act` errs with, and when its result can't be kept.
    pub fn once<T, E>(
        &self,
        key: &str,
        act: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, super::HandlerError>
    where
        T: Serialize + DeserializeOwned,
        super::HandlerError: From<E>,
    {
        if let Some(kept) = self.ledger().carried.once.get(key) {
            return Ok(kept.0.decode::<T>()?);
        }
        let value = act()?;
        let kept = OwnedRaw(Raw::encode(&value)?);
        self.ledger().carried.once.insert(key.into(), kept);
        Ok(value)
    }

    /// Reports progress, if the client wants to know. What an earlier run of this request reported
    /// isn't sent again. Numbers that don't increase are left out.
    pub fn progress(&self, progress: f64, total: Option<f64>, message: Option<&str>) {
        if self.ledger().is_repeated_report() {
            return;
        }
        let id = self.inner.request.id;
        // It is for the client's information only: a request that is over has no use for it.
        let _ = reach(&*self.inner.reach, |session, now| {
            session.progress(now, id, progress, total, message)
        });
    }

    /// Sends a log message, if the client wants messages of this level. `data` may be anything that
    /// serde can write.
    pub fn log<T: Serialize + ?Sized>(&self, level: LoggingLevel, data: &T) {
        if self.ledger().is_repeated_report() {
            return;
        }
        let Ok(data) = Raw::encode(data) else { return };
        let id = self.inner.request.id;
        let message = LoggingMessageParams::new(level, data);
        let _ = reach(&*self.inner.reach, |session, now| {
            session.log(now, Some(id), &message)
        });
    }

    /// Sends a log message of the level *info*.
    pub fn info(&self, text: &str) {
        self.log(LoggingLevel::Info, text);
    }

    /// Tells those who subscribed to it that a resource has changed.
    pub fn resource_updated(&self, uri: &str) {
        let _ = reach(&*self.inner.reach, |session, now| {
            session.resource_updated(now, uri)
        });
    }

    /// What the server offers, to be changed while it runs. Say what has changed with
    /// [`changed`](Self::changed) before the handler ends.
    pub fn registry(&self) -> &Registry {
        &self.inner.registry
    }

    /// Tells the client that a list has changed, before this request is answered.
    pub fn changed(&self, change: Change) {
        let _ = reach(&*self.inner.reach, |session, now| {
            session.changed(now, change)
        });
    }

    pub(super) fn ledger(&self) -> MutexGuard<'_, Run> {
        self.inner
            .ledger
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn with<R>(&self, act: impl FnOnce(&mut ServerSession, Instant) -> R) -> Option<R> {
        reach(&*self.inner.reach, act)
    }

    /// The answer to a question, or its way to the client.
    fn ask<M: Method>(
        &self,
        key: &str,
        params: &M::Params<'_>,
        is_good: impl FnOnce(&Raw<'_>) -> Option<()>,
    ) -> Result<Raw<'static>, AskError> {
        let mut ledger = self.ledger();
        match ledger.carried.answers.get(key) {
            Some(Answer::Result(raw)) => return Ok(raw.0.clone()),
            Some(Answer::Refused(text)) => return Err(AskError::Refused(text.clone())),
            None => {}
        }
        match self.inner.request.raw_input(key) {
            Some(Ok(raw)) if is_good(&raw).is_some() => {
                let raw = raw.into_owned();
                let kept = Answer::Result(OwnedRaw(raw.clone()));
                ledger.carried.answers.insert(key.into(), kept);
                return Ok(raw);
            }
            Some(Ok(_)) => {
                let told = alloc::format!("the answer to {key} doesn't fit the question");
                ledger.note_bad_answer(&told);
                return Err(AskError::Malformed(told.into()));
            }
            Some(Err(error)) => {
                let text: Box<str> = error.message.into();
                ledger
                    .carried
                    .answers
                    .insert(key.into(), Answer::Refused(text.clone()));
                return Err(AskError::Refused(text));
            }
            None => {}
        }
        let asked = InputRequest::encode::<M>(params).map_err(malformed)?;
        let needed = crate::session::needed_for(&asked);
        let needed = needed.map_err(|misuse| malformed(&misuse))?;
        if let Some(missing) = self.inner.capabilities.missing_for(&needed) {
            ledger.note_missing(missing);
            return Err(AskError::NotSupported(not_supported(M::NAME)));
        }
        ledger
            .asked
            .insert(Text::from(String::from(key)), asked.into_owned());
        Err(AskError::Pending(InputPending(())))
    }
}

fn malformed(error: impl ToString) -> AskError {
    AskError::Malformed(error.to_string().into())
}

/// The words that clients of every kind show when they can't be asked.
fn not_supported(method: &str) -> &'static str {
    match method {
        CreateMessage::NAME => "Sampling not supported",
        Elicit::NAME => "Elicitation not supported",
        _ => "List roots not supported",
    }
}

impl core::fmt::Debug for Context {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Context")
            .field("request", &self.inner.request.id)
            .finish_non_exhaustive()
    }
}
