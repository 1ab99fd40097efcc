//! What a handler sees of its request, its client and its server.

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::fmt;
use core::sync::atomic::{AtomicBool, Ordering};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::lock::{Lock, Once};
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
use crate::named::named;
use crate::revision::{Era, Revision};
use crate::rpc::{Raw, Text};
use crate::scopes::Scopes;
use crate::session::{Change, Request};

use super::Shared;
use super::ask::{Answer, AskError, InputPending, LedgerKeeper, OwnedRaw, RoundState, Run};
use super::effect::{Effect, EffectKind, EffectSink, JobId};

/// A handler's view of one request. It is cheap to clone and may be kept while the request is open.
#[derive(Clone)]
pub struct Context {
    inner: Arc<Inner>,
}

struct Inner {
    job: JobId,
    request: Request,
    server: Arc<Shared>,
    given: Given,
    /// Who the client is, once somebody asks.
    client: Once<Box<ClientIdentity>>,
    is_cancelled: AtomicBool,
    run: Lock<Run>,
}

/// What the session knew of the client when the handler was to run.
pub(super) struct Given {
    /// What the client has said when the session was opened, as JSON: who it is, and what it can do.
    pub(super) opened: [Option<Arc<str>>; 2],
    /// The level that a legacy client has set.
    pub(super) legacy_log_level: Option<LoggingLevel>,
    pub(super) principal: Option<Arc<str>>,
    /// What the request's token is good for.
    pub(super) scopes: Option<Arc<Scopes>>,
    /// Whether the handler may have its call become a task.
    pub(super) may_begin_task: bool,
}

/// What a client says of itself.
struct ClientIdentity {
    info: Option<Implementation<'static>>,
    capabilities: ClientCapabilities<'static>,
}

/// Tells a handler that its request was cancelled, for as long as anybody has its context.
pub(super) struct Canceller(Weak<Inner>);

impl Canceller {
    pub(super) fn cancel(&self) {
        if let Some(inner) = self.0.upgrade() {
            inner.is_cancelled.store(true, Ordering::Release);
        }
    }
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotAccepted {
    /// They refused: go on without, and don't ask again.
    Declined,
    /// They closed it without a choice: asking again later is fine.
    Cancelled,
}

impl fmt::Display for NotAccepted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Declined => f.write_str("the user declined"),
            Self::Cancelled => f.write_str("the user cancelled"),
        }
    }
}

impl core::error::Error for NotAccepted {}

impl<T> Elicited<T> {
    /// Returns what was filled in; returns an error if nothing was.
    pub fn accepted(self) -> Result<T, NotAccepted> {
        match self {
            Self::Accepted(value) => Ok(value),
            Self::Declined => Err(NotAccepted::Declined),
            Self::Cancelled => Err(NotAccepted::Cancelled),
        }
    }
}

impl Context {
    pub(super) fn new(job: JobId, request: Request, server: Arc<Shared>, given: Given) -> Self {
        Self {
            inner: Arc::new(Inner {
                job,
                request,
                server,
                given,
                client: Once::new(),
                is_cancelled: AtomicBool::new(false),
                run: Lock::default(),
            }),
        }
    }

    pub(super) fn canceller(&self) -> Canceller {
        Canceller(Arc::downgrade(&self.inner))
    }

    /// Gives `sink` what the handler does while it runs.
    pub(super) fn set_sink(&self, sink: EffectSink) {
        self.inner.run.with(|run| run.sink = Some(sink));
    }

    /// Begins with what earlier rounds have brought.
    pub(super) fn carry(&self, carried: RoundState) {
        self.inner
            .run
            .with(|run| run.carried = Some(Box::new(carried)));
    }

    /// Has the handler run as a task, whose ledger `keeper` keeps at once.
    pub(super) fn run_as_task(&self, keeper: Option<LedgerKeeper>) {
        self.inner.run.with(|run| {
            run.is_task = true;
            run.keeper = keeper;
        });
    }

    /// What the client has said when its session was opened, as JSON.
    pub(super) fn opened(&self) -> &[Option<Arc<str>>; 2] {
        &self.inner.given.opened
    }

    pub(super) fn server_arc(&self) -> Arc<Shared> {
        Arc::clone(&self.inner.server)
    }

    /// Who the client is, by the request or else by the opening of its session.
    fn client(&self) -> &ClientIdentity {
        self.inner.client.get_or_make(|| {
            let Inner { request, given, .. } = &*self.inner;
            let [info, capabilities] = given.opened.each_ref().map(Option::as_deref);
            let info: Option<Implementation<'_>> = info.and_then(read);
            let (info, capabilities) = match request.revision.era() {
                Era::Legacy if info.is_some() => (info, capabilities.and_then(read)),
                _ => (
                    request.client_info().or(info),
                    request.client_capabilities(),
                ),
            };
            Box::new(ClientIdentity {
                info: info.map(IntoOwned::into_owned),
                capabilities: capabilities.unwrap_or_default().into_owned(),
            })
        })
    }

    pub(super) fn job(&self) -> JobId {
        self.inner.job
    }

    pub(super) fn server(&self) -> &Shared {
        &self.inner.server
    }

    /// Takes the state of the run; what the handler does from here on has no effect.
    pub(super) fn take_run(&self) -> Run {
        self.inner.run.with(core::mem::take)
    }

    /// What a run has done that has its result; what the handler does from here on has no effect.
    pub(super) fn end_run(&self) -> Vec<Effect> {
        let taken = |run: &mut Run| {
            let effects = core::mem::take(&mut run.effects);
            (effects, run.sink.take(), run.keeper.take())
        };
        // What takes the effects is dropped when the lock is free again.
        let (effects, _sink, _keeper) = self.inner.run.with(taken);
        effects
    }

    /// Whether the client is to be asked something before there can be a result, or to be handed a
    /// task.
    pub(super) fn is_asking(&self) -> bool {
        let is_open = |run: &mut Run| !run.asked.is_empty() || run.begins_task;
        self.inner.run.with(is_open)
    }

    /// Hands an effect on, unless an earlier run had it already.
    fn report(&self, effect: EffectKind) {
        let is_repeated = self.inner.run.with(Run::is_repeated_report);
        if !is_repeated {
            self.effect(effect);
        }
    }

    fn effect(&self, effect: EffectKind) {
        let effect = Effect(effect);
        let given = self.inner.run.with(|run| match &run.sink {
            Some(sink) => Some((Arc::clone(sink), effect)),
            None => {
                run.effects.push(effect);
                None
            }
        });
        if let Some((sink, effect)) = given {
            sink(self.inner.job, effect);
        }
    }

    /// Returns the request as it came.
    pub fn request(&self) -> &Request {
        &self.inner.request
    }

    /// Returns the request's `_meta`; `None` when it has none.
    pub fn meta(&self) -> Option<Meta<'_>> {
        struct WithMeta<'a> {
            meta: Option<Meta<'a>>,
        }
        named! { read struct WithMeta<'a> { [meta] = "_meta" } }
        let params = self.inner.request.raw_params();
        let with_meta: WithMeta<'_> = params.decode().ok()?;
        with_meta.meta.map(IntoOwned::into_owned)
    }

    /// Returns who the client is, when it says so. For display only.
    pub fn client_info(&self) -> Option<&Implementation<'static>> {
        self.client().info.as_ref()
    }

    /// Returns what the client can be asked for.
    pub fn client_capabilities(&self) -> &ClientCapabilities<'static> {
        &self.client().capabilities
    }

    /// Returns the revision of the request; for logs, handlers need no branch on it.
    pub fn revision(&self) -> Revision {
        self.inner.request.revision
    }

    /// Returns the least level of log messages that the client wants; `None` when it hasn't said
    /// so.
    ///
    /// Deprecated since 2026-07-28: log to stderr, or use OpenTelemetry. See
    /// [`logging`](crate::model::logging#deprecated).
    pub fn log_level(&self) -> Option<LoggingLevel> {
        match self.revision().era() {
            Era::Modern => self.meta().and_then(|meta| meta.log_level()),
            Era::Legacy => self.inner.given.legacy_log_level,
        }
    }

    /// Returns who sends the request, as the transport has authenticated them; `None` where it
    /// doesn't, as on a pipe.
    pub fn principal(&self) -> Option<&str> {
        self.inner.given.principal.as_deref()
    }

    /// Returns what the request's token is good for; `None` where nobody asks for tokens, as on a pipe.
    /// The token itself is shown to no handler.
    ///
    /// A handler that asks its client runs again with what the answer's token is good for, which is the
    /// same principal's.
    // `auth.principal`
    pub fn scopes(&self) -> Option<&Scopes> {
        self.inner.given.scopes.as_deref()
    }

    /// Returns whether the request was cancelled or its connection lost. Check it now and then
    /// during long work.
    pub fn is_cancelled(&self) -> bool {
        self.inner.is_cancelled.load(Ordering::Acquire)
    }

    /// Has the call go on as a task, if its tool may and its client can: the client gets the task's
    /// handle now, and the handler runs again from the top, with what was answered and done so far.
    /// What it asks from here on is asked as input of the task.
    ///
    /// For tools whose handlers [begin their tasks](super::Tasks::begun_by_handler) themselves; in
    /// every other call it does nothing. Returns an error when the task begins: hand that on with `?`.
    // `task26.mrtr.first`
    pub fn begin_task(&self) -> Result<(), InputPending> {
        let may_begin = self.inner.given.may_begin_task;
        self.inner.run.with(|run| {
            if run.is_task || !may_begin {
                return Ok(());
            }
            run.begins_task = true;
            Err(InputPending(()))
        })
    }

    /// Returns whether the call runs as a task, which outlives its request and its connection.
    pub fn is_task(&self) -> bool {
        self.inner.run.with(|run| run.is_task)
    }

    /// Asks the user to fill in a form, and reads what they filled in as `T`.
    ///
    /// `key` names the question within this request. Returns an error while the answer isn't there:
    /// hand that on with `?`; and when the answer doesn't fit the form.
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
    /// done.
    // `elicit.result.accept.url`
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

    /// Asks the client's model for a message.
    ///
    /// `key` names the question within this request. Returns an error while the answer isn't there:
    /// hand that on with `?`.
    ///
    /// Deprecated since 2026-07-28: use the API of a model provider directly. See
    /// [`sampling`](crate::model::sampling#deprecated).
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

    /// Asks for the client's roots. Returns an error while the answer isn't there: hand that on
    /// with `?`.
    ///
    /// Deprecated since 2026-07-28: take directories and files as arguments of tools, resource URIs
    /// or configuration. See [`root`](crate::model::root#deprecated).
    pub fn roots(&self) -> Result<Vec<Root<'static>>, AskError> {
        self.roots_named("roots")
    }

    /// As [`roots`](Self::roots), for a question named `key` within the request.
    ///
    /// Deprecated since 2026-07-28: take directories and files as arguments of tools, resource URIs
    /// or configuration. See [`root`](crate::model::root#deprecated).
    pub fn roots_named(&self, key: &str) -> Result<Vec<Root<'static>>, AskError> {
        let params = <ListRoots as Method>::Params::default();
        let answer = self.ask::<ListRoots>(key, &params, |raw| {
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
    /// decides. In a task the result is stored before this returns, so that it stays done when its
    /// process ends; that of a handler which is a future, when its run ends. Returns the error of `act`, or one if its result can't be kept.
    pub fn once<T, E>(
        &self,
        key: &str,
        act: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, super::HandlerError>
    where
        T: Serialize + DeserializeOwned,
        super::HandlerError: From<E>,
    {
        let kept = self
            .inner
            .run
            .with(|run| run.carried.as_ref()?.once.get(key).cloned());
        if let Some(kept) = kept {
            return Ok(kept.0.decode::<T>()?);
        }
        let value = act()?;
        let kept = OwnedRaw(Raw::encode(&value)?);
        let to_keep = self.inner.run.with(|run| {
            let carried = run.carried.get_or_insert_default();
            carried.once.insert(key.into(), kept);
            Some((run.keeper.clone()?, run.to_carry()))
        });
        if let Some((keeper, ledger)) = to_keep {
            keeper(&ledger);
        }
        Ok(value)
    }

    /// Reports progress, if the client wants to know. What an earlier run of this request reported
    /// isn't sent again. Numbers that don't increase are left out.
    pub fn progress(&self, progress: f64, total: Option<f64>, message: Option<&str>) {
        self.report(EffectKind::Progress {
            progress,
            total,
            message: message.map(Box::from),
        });
    }

    /// Sends a log message, if the client wants messages of this level. `data` may be anything that
    /// serde can write.
    ///
    /// Deprecated since 2026-07-28: log to stderr, or use OpenTelemetry. See
    /// [`logging`](crate::model::logging#deprecated).
    pub fn log<T: Serialize + ?Sized>(&self, level: LoggingLevel, data: &T) {
        if let Ok(data) = Raw::encode(data) {
            let message = LoggingMessageParams::new(level, data);
            self.report(EffectKind::Log(message.into_owned()));
        }
    }

    /// Sends a log message of the level *info*.
    pub fn info(&self, text: &str) {
        self.log(LoggingLevel::Info, text);
    }

    /// Tells those who subscribed to it, on whatever connection, that a resource has changed.
    pub fn resource_updated(&self, uri: &str) {
        self.effect(EffectKind::Updated(uri.into()));
    }

    /// Tells all clients that a list has changed, this one before its request is answered.
    pub fn changed(&self, change: Change) {
        self.effect(EffectKind::Changed(change));
    }

    /// The answer to a question, or its way to the client.
    fn ask<M: Method>(
        &self,
        key: &str,
        params: &M::Params<'_>,
        is_good: impl FnOnce(&Raw<'_>) -> Option<()>,
    ) -> Result<Raw<'static>, AskError> {
        let known = self
            .inner
            .run
            .with(|run| run.carried.as_ref()?.answers.get(key).cloned());
        match known {
            Some(Answer::Result(raw)) => return Ok(raw.0),
            Some(Answer::Refused(text)) => return Err(AskError::Refused(text)),
            None => {}
        }
        let answer = match self.inner.request.raw_input(key) {
            Some(Ok(raw)) if is_good(&raw).is_some() => Answer::Result(OwnedRaw(raw.into_owned())),
            Some(Ok(_)) => {
                let told = alloc::format!("the answer to {key} doesn't fit the question");
                self.inner.run.with(|run| run.note_bad_answer(&told));
                return Err(AskError::Malformed(told.into()));
            }
            Some(Err(error)) => Answer::Refused(error.message.into()),
            None => return Err(self.question::<M>(key, params)),
        };
        let kept = answer.clone();
        self.inner.run.with(|run| {
            run.carried
                .get_or_insert_default()
                .answers
                .insert(key.into(), kept)
        });
        match answer {
            Answer::Result(raw) => Ok(raw.0),
            Answer::Refused(text) => Err(AskError::Refused(text)),
        }
    }

    /// Notes that the client is to be asked.
    fn question<M: Method>(&self, key: &str, params: &M::Params<'_>) -> AskError {
        let asked = match InputRequest::encode::<M>(params) {
            Ok(asked) => asked.into_owned(),
            Err(error) => return malformed(error),
        };
        let needed = match crate::session::needed_for(&asked) {
            Ok(needed) => needed,
            Err(misuse) => return malformed(misuse),
        };
        let missing = self.client().capabilities.missing_for(&needed);
        self.inner.run.with(|run| match missing {
            Some(missing) => {
                run.note_missing(missing);
                AskError::NotSupported(not_supported(M::NAME))
            }
            None => {
                let key = Text::from(String::from(key));
                run.asked.insert(key, asked);
                AskError::Pending(InputPending(()))
            }
        })
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

fn read<'a, T: serde::Deserialize<'a>>(json: &'a str) -> Option<T> {
    serde_json::from_str(json).ok()
}
