//! What answers the server and is told of its news: functions of the client's user. They never hold
//! up the connection: an answer may be given later, from anywhere.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::marker::PhantomData;

use crate::model::capability::ClientCapabilities;
use crate::model::elicitation::{ElicitParams, ElicitResult};
use crate::model::logging::LoggingMessageParams;
use crate::model::method::{CreateMessage, Elicit, ListRoots, LoggingMessage, Method};
use crate::model::owned::IntoOwned;
use crate::model::root::{ListRootsResult, Root};
use crate::model::sampling::{CreateMessageParams, CreateMessageResult};
use crate::rpc::RpcError;
use crate::session::{ClientEvent, InputId, InputRequested, Misuse};
use crate::time::Instant;

use super::Client;

/// The way from what answers a server to its client, from any thread or task. Adapters make it.
#[derive(Clone)]
pub struct ClientAccess(Arc<With>);

/// Runs what it is given on a client.
type With = dyn Fn(&mut dyn FnMut(&mut Client, Instant)) + Send + Sync;

impl ClientAccess {
    /// Takes a function that runs what it is given on the client, once, and makes sure that the
    /// client's output is sent. It does nothing if the client is gone.
    pub fn new(
        with: impl Fn(&mut dyn FnMut(&mut Client, Instant)) + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(with))
    }

    fn with(&self, act: &mut dyn FnMut(&mut Client, Instant)) {
        (self.0)(act);
    }
}

impl fmt::Debug for ClientAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientAccess").finish_non_exhaustive()
    }
}

/// The right to answer one request of the server, once, from any thread or task.
///
/// One that is dropped unused answers that there is no answer.
pub struct Answer<M: Method> {
    client: ClientAccess,
    input: InputId,
    is_open: bool,
    method: PhantomData<fn() -> M>,
}

impl<M: Method> Answer<M> {
    fn new(client: ClientAccess, input: InputId) -> Self {
        Self {
            client,
            input,
            is_open: true,
            method: PhantomData,
        }
    }

    /// Answers with a result.
    ///
    /// Returns an error if the server doesn't wait for it any more, or its revision can't say it;
    /// in the latter case the server is told that there is no answer.
    pub fn send(mut self, result: &M::Result<'_>) -> Result<(), Misuse> {
        let mut sent = Err(Misuse::Closed);
        let input = self.input;
        self.client
            .with(&mut |client, now| sent = client.answer::<M>(now, input, result));
        self.is_open = sent.is_err();
        sent
    }

    /// Refuses with an error. Modern servers hear nothing; the call that needed the answer fails.
    ///
    /// Returns an error if the server doesn't wait for it any more.
    pub fn refuse(mut self, error: RpcError) -> Result<(), Misuse> {
        self.is_open = false;
        self.decline(error)
    }

    fn decline(&self, error: RpcError) -> Result<(), Misuse> {
        let mut sent = Err(Misuse::Closed);
        let (input, mut error) = (self.input, Some(error));
        self.client.with(&mut |client, now| {
            if let Some(error) = error.take() {
                sent = client.decline(now, input, error);
            }
        });
        sent
    }

    /// Answers with `outcome`, whichever it is.
    fn finish(self, outcome: Result<M::Result<'_>, RpcError>) {
        // Nobody may be waiting any more, which is no concern of whoever had the answer.
        let _ = match outcome {
            Ok(result) => self.send(&result),
            Err(error) => self.refuse(error),
        };
    }
}

impl<M: Method> Drop for Answer<M> {
    fn drop(&mut self) {
        if self.is_open {
            let _ = self.decline(RpcError::internal("The handler gave no answer"));
        }
    }
}

impl<M: Method> fmt::Debug for Answer<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
            .field("method", &M::NAME)
            .field("input", &self.input)
            .finish_non_exhaustive()
    }
}

/// What answers one kind of request.
type Answers<M> = Arc<dyn Fn(<M as Method>::Params<'static>, Answer<M>) + Send + Sync>;
/// What takes log messages.
type Log = Arc<dyn Fn(LoggingMessageParams<'static>) + Send + Sync>;
/// What sees the other events.
type Watch = Arc<dyn Fn(&ClientEvent) + Send + Sync>;
/// What sees the frames.
pub(crate) type Tap = Arc<dyn Fn(Direction, &[u8]) + Send + Sync>;
/// What gives the roots.
type Roots = Arc<dyn Fn() -> Vec<Root<'static>> + Send + Sync>;

/// Which way a frame goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Direction {
    /// To the server.
    Sent,
    /// From the server.
    Received,
}

/// The functions that a client was given.
#[derive(Clone, Default)]
pub(super) struct Handlers {
    sampling: Option<Answers<CreateMessage>>,
    elicitation: Option<Answers<Elicit>>,
    roots: Option<Roots>,
    log: Option<Log>,
    event: Option<Watch>,
    frame: Option<Tap>,
}

/// What an event makes the adapter do. Neither may run where it could hold up reading, writing or
/// the deadlines, or with the client locked; a panic in one must not end anything else.
#[non_exhaustive]
pub enum Run {
    /// Must return soon: to be run in order, one after the other.
    Inline(Box<dyn FnOnce() + Send>),
    /// May take its time: to be run beside all others.
    Background(Box<dyn FnOnce() + Send>),
}

impl Handlers {
    pub(super) fn on_sampling(
        &mut self,
        run: impl Fn(CreateMessageParams<'static>, Answer<CreateMessage>) + Send + Sync + 'static,
    ) {
        self.sampling = Some(Arc::new(run));
    }

    pub(super) fn sampling(
        &mut self,
        run: impl Fn(CreateMessageParams<'static>) -> Result<CreateMessageResult<'static>, RpcError>
        + Send
        + Sync
        + 'static,
    ) {
        self.on_sampling(move |params, answer| answer.finish(run(params)));
    }

    pub(super) fn on_elicitation(
        &mut self,
        run: impl Fn(ElicitParams<'static>, Answer<Elicit>) + Send + Sync + 'static,
    ) {
        self.elicitation = Some(Arc::new(run));
    }

    pub(super) fn elicitation(
        &mut self,
        run: impl Fn(ElicitParams<'static>) -> Result<ElicitResult<'static>, RpcError>
        + Send
        + Sync
        + 'static,
    ) {
        self.on_elicitation(move |params, answer| {
            let form = match &params {
                ElicitParams::Form(form) => Some(form.clone()),
                _ => None,
            };
            let result = run(params).and_then(|result| {
                let checked = form.map_or(Ok(()), |form| form.validate(&result));
                checked.map(|()| result).map_err(|violation| {
                    let text = alloc::format!("The answer doesn't fit the form: {violation}");
                    RpcError::internal(text)
                })
            });
            answer.finish(result);
        });
    }

    pub(super) fn roots(&mut self, run: impl Fn() -> Vec<Root<'static>> + Send + Sync + 'static) {
        self.roots = Some(Arc::new(run));
    }

    pub(super) fn log(
        &mut self,
        run: impl Fn(LoggingMessageParams<'static>) + Send + Sync + 'static,
    ) {
        self.log = Some(Arc::new(run));
    }

    pub(super) fn event(&mut self, run: impl Fn(&ClientEvent) + Send + Sync + 'static) {
        self.event = Some(Arc::new(run));
    }

    pub(super) fn frame(&mut self, run: impl Fn(Direction, &[u8]) + Send + Sync + 'static) {
        self.frame = Some(Arc::new(run));
    }

    /// Puts `wrap` around what watches the frames, if anything does.
    #[cfg(feature = "std")]
    pub(super) fn wrap_frame_tap(&mut self, wrap: impl FnOnce(Tap) -> Tap) {
        self.frame = self.frame.take().map(wrap);
    }

    /// Shows a frame to whoever watches them.
    pub(super) fn show(&self, direction: Direction, frame: &[u8]) {
        if let Some(run) = &self.frame {
            run(direction, frame);
        }
    }

    /// What may be asked of a client that has these.
    pub(super) fn capabilities(&self) -> ClientCapabilities<'static> {
        let mut capabilities = ClientCapabilities::new();
        if self.sampling.is_some() {
            capabilities = capabilities.sampling();
        }
        if self.elicitation.is_some() {
            capabilities = capabilities.elicitation_form().elicitation_url();
        }
        if self.roots.is_some() {
            capabilities = capabilities.roots(true);
        }
        capabilities
    }

    /// What is to be done about an event; `None` when nobody cares.
    pub(super) fn react(&self, event: ClientEvent, access: &ClientAccess) -> Option<Run> {
        if let ClientEvent::InputRequested(requested) = &event {
            return Some(Run::Background(self.answering(requested, access)));
        }
        let log = self.log.clone().and_then(|run| {
            let ClientEvent::Log(message) = &event else {
                return None;
            };
            let message = message.params::<LoggingMessage>().ok()?.into_owned();
            Some(move || run(message))
        });
        let watch = self.event.clone();
        if log.is_none() && watch.is_none() {
            return None;
        }
        Some(Run::Inline(Box::new(move || {
            if let Some(log) = log {
                log();
            }
            if let Some(watch) = watch {
                watch(&event);
            }
        })))
    }

    /// What answers an input request.
    fn answering(
        &self,
        requested: &InputRequested,
        access: &ClientAccess,
    ) -> Box<dyn FnOnce() + Send> {
        if let Some(run) = answering(self.sampling.as_ref(), requested, access) {
            return run;
        }
        if let Some(run) = answering(self.elicitation.as_ref(), requested, access) {
            return run;
        }
        let answer = Answer::<ListRoots>::new(access.clone(), requested.input);
        let roots = self.roots.clone();
        Box::new(move || {
            answer.finish(match roots {
                Some(roots) => Ok(ListRootsResult::new(roots())),
                None => Err(RpcError::internal("There is nobody to answer")),
            });
        })
    }
}

/// What answers a request of method `M`; `None` when it is for another method.
fn answering<M>(
    run: Option<&Answers<M>>,
    requested: &InputRequested,
    access: &ClientAccess,
) -> Option<Box<dyn FnOnce() + Send>>
where
    M: Method,
    for<'a> M::Params<'a>: IntoOwned<Owned = M::Params<'static>>,
    M::Params<'static>: Send,
{
    let params = requested.params::<M>()?;
    let params = params.map(IntoOwned::into_owned);
    let run = run.cloned()?;
    let answer = Answer::<M>::new(access.clone(), requested.input);
    Some(Box::new(move || match params {
        Ok(params) => run(params, answer),
        Err(malformed) => answer.finish(Err(malformed.into())),
    }))
}
