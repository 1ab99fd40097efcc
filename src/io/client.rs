//! A blocking client for code that does one thing after the other: it makes a call and waits for its
//! end. Whatever else comes meanwhile goes to one function, in the order of the wire.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use core::fmt;
use std::io;

use super::Handle;
use super::blocking::Drive;
use crate::model::method::{Method, Paginated};
use crate::model::page::{PageError, PageGuard, PaginatedRequestParams};
use crate::rpc::Text;
use crate::session::{
    CallError, CallId, CallOptions, ClientEvent, ClientSession, CloseReason, Completed, Misuse,
    Session,
};
use crate::time::Instant;

/// Why a [`Client`] could not do what it was asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The command was refused and nothing was sent.
    #[error(transparent)]
    Misuse(#[from] Misuse),
    /// The call ended without a result.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The listing would never end, or is longer than the limit.
    #[error(transparent)]
    Page(#[from] PageError),
    /// The session has ended.
    #[error("{reason}{}", Because(.error))]
    Closed {
        /// Why.
        reason: CloseReason,
        /// What a stream failed with, or how the child process ended.
        error: Option<io::Error>,
    },
}

/// Shows a cause behind what it has caused.
struct Because<'a>(&'a Option<io::Error>);

impl fmt::Display for Because<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|error| write!(f, ": {error}"))
    }
}

/// What takes the events that nobody waits for.
trait React<S: Session>: FnMut(&Handle<S>, ClientEvent) + Send {}

impl<S: Session, F: FnMut(&Handle<S>, ClientEvent) + Send> React<S> for F {}

/// A client session, the connection that drives it, and what answers the server.
///
/// The session may be wrapped in one of the caller's own, as long as that gives it by `AsMut`.
///
/// ```no_run
/// # fn run() -> Result<(), Box<dyn std::error::Error>> {
/// use mcp_proto::io::{child::Command, client::Client};
/// use mcp_proto::model::{method::CallTool, tool::CallToolParams};
/// use mcp_proto::session::{CallOptions, ClientConfig, ClientSession};
///
/// let session = ClientSession::new(ClientConfig::new("my-client", "1.0"));
/// let server = Command::new("my-server").connect(session)?;
/// let mut client = Client::new(server, |_session, _event| {});
/// client.open()?;
/// let done = client.call::<CallTool>(&CallToolParams::new("hello"), CallOptions::new())?;
/// println!("{:?}", done.result::<CallTool>()?.content);
/// client.close()?;
/// client.into_connection().shutdown()?;
/// # Ok(())
/// # }
/// ```
pub struct Client<C: Drive> {
    connection: C,
    react: Box<dyn React<C::Session>>,
    /// The calls that were begun here and not waited for yet, and the ends that have come.
    calls: BTreeMap<CallId, Option<Completed>>,
    reason: Option<CloseReason>,
}

impl<C> Client<C>
where
    C: Drive,
    C::Session: Session<Event = ClientEvent> + AsMut<ClientSession>,
{
    /// A client of `connection` that is to be opened.
    ///
    /// While it waits, `react` gets every event but the ends of the calls that are waited for. It
    /// answers input requests, at once or from another thread, through the handle. The session is
    /// not locked meanwhile, but its timeouts are not driven either.
    pub fn new(
        connection: C,
        react: impl FnMut(&Handle<C::Session>, ClientEvent) + Send + 'static,
    ) -> Self {
        Self {
            connection,
            react: Box::new(react),
            calls: BTreeMap::new(),
            reason: None,
        }
    }

    /// Opens the session and waits until calls can be made.
    pub fn open(&mut self) -> Result<(), ClientError> {
        self.with(ClientSession::open)?;
        while !self.with(|session, _| session.is_open()) {
            self.step(None)?;
        }
        Ok(())
    }

    /// Makes a call and waits for its end.
    ///
    /// The result borrows from what is returned: read it with [`Completed::result`].
    pub fn call<M: Method>(
        &mut self,
        params: &M::Params<'_>,
        options: CallOptions<'_>,
    ) -> Result<Completed, ClientError> {
        let call = self.begin(|session, now| session.call::<M>(now, params, options))?;
        self.wait(call)
    }

    /// Begins a call whose end is waited for later, such as one to be cancelled, several at once, or
    /// one with a command of its own like [`ClientSession::ping`].
    pub fn begin<M>(
        &mut self,
        act: impl FnOnce(&mut ClientSession, Instant) -> Result<CallId<M>, Misuse>,
    ) -> Result<CallId<M>, ClientError> {
        let call = self.with(act)?;
        self.calls.insert(call.any(), None);
        Ok(call)
    }

    /// Waits for the end of a call that was begun with [`begin`](Self::begin), once for each.
    ///
    /// A call that was lost with its session errs with the end of the session, which says more.
    pub fn wait<M>(&mut self, call: CallId<M>) -> Result<Completed, ClientError> {
        loop {
            match self.calls.get(&call.any()) {
                None => return Err(Misuse::Unknown("call").into()),
                Some(None) => self.step(None)?,
                Some(Some(_)) => break,
            };
        }
        let done = self.calls.remove(&call.any()).flatten();
        let done = done.ok_or(Misuse::Unknown("call"))?;
        match done.raw() {
            Ok(_) => Ok(done),
            Err(CallError::Lost(_)) if self.with(|session, _| session.is_closed()) => {
                Err(self.drain())
            }
            Err(error) => Err(error.clone().into()),
        }
    }

    /// Asks for a list and gives each page to `take`, in order.
    ///
    /// Errs when a cursor comes twice, or after [`Limits::pages`](crate::Limits::pages).
    pub fn list<M: Paginated>(
        &mut self,
        options: CallOptions<'_>,
        mut take: impl FnMut(M::Result<'_>),
    ) -> Result<(), ClientError> {
        let limit = self.with(|session, _| session.limits().pages);
        let mut guard = PageGuard::new(u32::try_from(limit).unwrap_or(u32::MAX));
        let mut cursor: Option<String> = None;
        loop {
            let mut params = PaginatedRequestParams::new();
            params.cursor = cursor.as_deref().map(Text::from);
            let done = self.call::<M>(&params, options.clone())?;
            let page = done.result::<M>()?;
            let next = M::next_cursor(&page).map(Text::into_owned);
            take(page);
            cursor = guard.advance(next)?.map(Text::into_string);
            if cursor.is_none() {
                return Ok(());
            }
        }
    }

    /// Lets `react` have what comes until `deadline`, a time of [`now`](Self::now).
    pub fn listen_until(&mut self, deadline: Instant) -> Result<(), ClientError> {
        while self.step(Some(deadline))? {}
        Ok(())
    }

    /// Closes the session and waits until what was pending is written.
    ///
    /// Errs with what a stream had failed with before that, or how a child process had ended.
    pub fn close(&mut self) -> Result<(), ClientError> {
        self.with(ClientSession::close);
        match self.drain() {
            ClientError::Closed {
                reason: CloseReason::Local,
                error: None,
            } => Ok(()),
            error => Err(error),
        }
    }

    /// Runs `act` on the session and sends what comes of it. See [`Handle::with`].
    pub fn with<R>(&self, act: impl FnOnce(&mut ClientSession, Instant) -> R) -> R {
        let handle = self.connection.handle();
        handle.with(|session, now| act(session.as_mut(), now))
    }

    /// What time it is for this session.
    pub fn now(&self) -> Instant {
        self.connection.handle().now()
    }

    /// The connection.
    pub fn connection(&self) -> &C {
        &self.connection
    }

    /// The connection itself, to be shut down.
    pub fn into_connection(self) -> C {
        self.connection
    }

    /// Waits for one event and lets it have its effect; `false` when none came in time.
    fn step(&mut self, deadline: Option<Instant>) -> Result<bool, ClientError> {
        let next = match deadline {
            Some(deadline) => self.connection.next_event_before(deadline),
            None => self.connection.next_event(),
        };
        match next {
            Ok(Some(event)) => {
                self.take(event);
                Ok(true)
            }
            Ok(None) if self.reason.is_none() => Ok(false),
            Ok(None) => Err(self.closed(None)),
            Err(error) => Err(self.closed(Some(error))),
        }
    }

    fn take(&mut self, event: ClientEvent) {
        match event {
            ClientEvent::Completed(done) if self.calls.contains_key(&done.call) => {
                self.calls.insert(done.call, Some(done));
            }
            event => {
                if let ClientEvent::Closed(reason) = &event {
                    self.reason = Some(reason.clone());
                }
                (self.react)(&self.connection.handle(), event);
            }
        }
    }

    /// Takes everything up to the end of a session that is closed.
    fn drain(&mut self) -> ClientError {
        loop {
            if let Err(error) = self.step(None) {
                return error;
            }
        }
    }

    fn closed(&self, error: Option<io::Error>) -> ClientError {
        let reason = self.reason.clone().unwrap_or(CloseReason::Local);
        ClientError::Closed { reason, error }
    }
}

impl<C: Drive + fmt::Debug> fmt::Debug for Client<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("connection", &self.connection)
            .finish_non_exhaustive()
    }
}
