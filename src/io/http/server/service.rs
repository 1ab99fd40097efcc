//! A server as a service of HTTP, to be mounted in whatever HTTP stack there is.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use core::convert::Infallible;
use core::fmt;
use core::future::poll_fn;
use core::pin::{Pin, pin};
use core::task::{Context, Poll};
use core::time::Duration;
use std::io;

use bytes::Bytes;
use http::header::{self, InvalidHeaderName, InvalidHeaderValue};
use http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body::Body;
use tower_service::Service;

use super::body::HttpServiceBody;
use super::cell::Cell;
use super::detached::HandlerFuture;
use super::exchange::Exchange;
use super::hub::{Hub, Member, Spawn, Stage};
use super::kept::Kept;
use super::machines::{self, Taken, Wait};
use super::options::HttpServeOptions;
use super::owner::Owner;
use super::principal::{Asks, Peer, Principal};
use super::protection::Guard;
use super::request::{drain, head_of, random_hex, random_tag, read};
use super::shared::Shared;
use super::stored::{is_durable, is_id};
use crate::http::headers::{self, name};
use crate::http::{
    Caller, Class, Ended, HttpMethod, HttpSession, Input, Offers, Part, Place, Placed,
    ProtectedResource, Reply, RequestHead, ResponseHead, SessionKind, SessionStatus, check,
    check_site, classify, later, refusal, unscoped,
};
use crate::revision::{Era, Revision};
use crate::rpc::{Kind, ScannedFrame, code};
use crate::scopes::Scopes;
use crate::server::{Async, Server};
use crate::session::ExchangeId;

/// A server as a [`tower_service::Service`], for axum, hyper and everything else that takes one. It
/// is cheap to clone; clones share their sessions.
///
/// Everything ends when the last clone and the last body of a response are gone.
#[derive(Clone)]
pub struct HttpService {
    owner: Arc<Owner>,
}

impl HttpService {
    /// Creates the service of a server whose handlers are all blocking; they run on threads.
    ///
    /// Returns an error if [`check`](Server::check) does, or if a tool's `x-mcp-header` annotations
    /// break the rules.
    pub fn new(server: Server, options: HttpServeOptions) -> io::Result<Self> {
        Self::of(server.into_async(), options, None)
    }

    /// Creates the service of a server some of whose handlers are futures.
    ///
    /// A modern request's handler runs within its response. That of a legacy session outlives its
    /// connection, so it is given to `spawn`, on whatever thread; with tokio, have it spawned by a
    /// handle of the runtime. Returns an error as [`new`](Self::new) does.
    pub fn with_spawner(
        server: impl Into<Server<Async>>,
        options: HttpServeOptions,
        spawn: impl Fn(HandlerFuture) + Send + Sync + 'static,
    ) -> io::Result<Self> {
        Self::of(server.into(), options, Some(Box::new(spawn)))
    }

    /// Creates the service of a server some of whose handlers are futures, which run on the runtime
    /// of tokio that this is called on. It takes the feature `tokio` or `hyper`.
    ///
    /// Returns an error as [`new`](Self::new) does, and if there is no runtime.
    #[cfg(any(feature = "tokio", feature = "hyper"))]
    pub fn on_tokio(
        server: impl Into<Server<Async>>,
        options: HttpServeOptions,
    ) -> io::Result<Self> {
        let handle = tokio::runtime::Handle::try_current().map_err(io::Error::other)?;
        Self::with_spawner(server, options, move |handler| drop(handle.spawn(handler)))
    }

    fn of(
        server: Server<Async>,
        options: HttpServeOptions,
        spawn: Option<Spawn>,
    ) -> io::Result<Self> {
        let server = server.seal_otherwise(Kept::new);
        let hub = Hub::new(server, options, spawn)?;
        machines::begin(&hub);
        let guard = hub.options.protection.clone().map(Guard::new);
        Ok(Self {
            owner: Arc::new(Owner { hub, guard }),
        })
    }

    /// Ends the service: new work is refused with 503, streams that belong to no call end, calls may
    /// still be answered for `grace`, then everything ends. It is ready as soon as nothing is open.
    ///
    /// Sessions that are kept in a [store](super::Machines::store) are put there last, so that other
    /// instances go on with them.
    pub async fn close(&self, grace: Duration) {
        let hub = &self.owner.hub;
        hub.drain();
        let at = hub.now() + grace;
        let mut late = pin!(hub.alarms.sleep_until(at));
        poll_fn(|cx| match hub.poll_idle(cx) {
            Poll::Ready(()) => Poll::Ready(()),
            Poll::Pending => late.as_mut().poll(cx),
        })
        .await;
        hub.park_all().await;
        hub.finish();
    }

    /// Waits until the other instances can know of all changes that were told at this one so far, as
    /// by [`Server::changed`]: until they stand in the log, or were given up on. Ready at once where
    /// there is no [fan-out](super::Machines::fanout).
    ///
    /// What a handler tells is lost with its instance until then. One that must not answer before its
    /// change is told awaits this.
    pub async fn announced(&self) {
        if let Some(shared) = &self.owner.hub.shared {
            let told = shared.told();
            poll_fn(|cx| shared.poll_settled(cx, told)).await;
        }
    }

    /// Waits until the service is being closed.
    pub async fn closing(&self) {
        poll_fn(|cx| self.owner.hub.poll_stage(cx, Stage::Draining)).await;
    }

    /// Waits until everything has ended that was open.
    pub async fn closed(&self) {
        poll_fn(|cx| self.owner.hub.poll_stage(cx, Stage::Over)).await;
    }

    /// Ends everything now.
    #[cfg(feature = "hyper")]
    pub(super) fn finish(&self) {
        self.owner.hub.finish();
    }

    #[cfg(feature = "hyper")]
    pub(super) fn options(&self) -> &HttpServeOptions {
        &self.owner.hub.options
    }
}

impl<B> Service<Request<B>> for HttpService
where
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Send,
{
    type Response = Response<HttpServiceBody>;
    type Error = Infallible;
    type Future = HttpServiceFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> HttpServiceFuture {
        let owner = Arc::clone(&self.owner);
        HttpServiceFuture(Box::pin(answer(owner, request)))
    }
}

/// A response of a [`HttpService`] on its way. Dropping it says that the client has gone.
pub struct HttpServiceFuture(Pin<Box<dyn Future<Output = Response<HttpServiceBody>> + Send>>);

impl Future for HttpServiceFuture {
    type Output = Result<Response<HttpServiceBody>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.get_mut().0.as_mut().poll(cx).map(Ok)
    }
}

async fn answer<B: Body>(owner: Arc<Owner>, request: Request<B>) -> Response<HttpServiceBody> {
    let (parts, body) = request.into_parts();
    let head = head_of(&parts);
    let (known, peer) = (parts.extensions.get(), parts.extensions.get::<Peer>());
    let mut verified = None;
    let mut body = pin!(body);
    let offers = owner.hub.offers();
    let taken = owner.take(&offers, &head, &mut verified, body.as_mut());
    let answered = match taken.await {
        Ok(frame) => {
            let known = match owner.guard {
                Some(_) => verified.as_ref(),
                None => known,
            };
            let asks = Asks::new(known, peer);
            owner.answer(&offers, &head, asks, frame).await
        }
        Err(reply) => {
            // Whoever waits to be asked for the body reads the answer, and reading would ask.
            if !head.headers.has("expect") {
                drain(&owner.hub.alarms, body).await;
            }
            Err(reply)
        }
    };
    let whole = |reply: Reply| (reply.head, HttpServiceBody::whole(reply.body));
    let (mut response, body) = answered.unwrap_or_else(whole);
    let cors = owner.hub.options.policy.cors(&head);
    for (name, value) in cors.iter() {
        response.headers.push(name, value);
    }
    with_head(&response, body)
}

impl Owner {
    /// Reads the body of a request that may be answered, and finds out whose it is where clients need
    /// tokens. The error is the whole answer; the body may not have been read to its end then.
    async fn take<B: Body>(
        &self,
        offers: &Offers,
        head: &RequestHead,
        verified: &mut Option<Principal>,
        body: Pin<&mut B>,
    ) -> Result<Bytes, Reply> {
        let hub = &self.hub;
        let options = &hub.options;
        if let Some(guard) = &self.guard {
            // Boxed, as what asks for no tokens needs none of it.
            *verified = Box::pin(self.identify(guard, head)).await?;
        }
        check(&options.policy, offers, head)?;
        if head.method != HttpMethod::Post {
            return Ok(Bytes::new());
        }
        let (longest, time) = (options.body, options.body_timeout);
        let read = read(&hub.alarms, body, longest, time).await;
        read.map_err(|error| error.reply(longest))
    }

    /// Whose request it is; nobody's that asks what a page may send. The error is the whole answer: the
    /// metadata, or a refusal.
    // `auth.401` `auth.prm`
    async fn identify(
        &self,
        guard: &Guard,
        head: &RequestHead,
    ) -> Result<Option<Principal>, Reply> {
        let policy = &self.hub.options.policy;
        check_site(policy, head)?;
        if *head.path == *guard.resource().metadata_path() {
            let answer = self.described(guard).answer(policy, head);
            return answer.map_or(Ok(None), Err);
        }
        if head.method == HttpMethod::Options {
            return Ok(None);
        }
        let admitted = guard.admit(&self.hub.alarms, head).await;
        let refused = |why| self.described(guard).refuse(&why);
        admitted.map(Some).map_err(refused)
    }

    /// What is protected, with the scopes that are needed for what the server offers now.
    fn described(&self, guard: &Guard) -> ProtectedResource {
        let all = self.hub.server.registry().all_scopes();
        guard.resource().clone().supports(&all)
    }

    /// Returns the refusal of a request whose token isn't good for what it asks for.
    // `auth.403.scope`
    fn check_scopes(&self, offers: &Offers, class: &Class, asks: Asks<'_>) -> Result<(), Reply> {
        let frame = match class {
            _ if !offers.needs_scopes() => return Ok(()),
            Class::Modern { frame, .. } => frame,
            Class::Legacy {
                input: Input::Post { frame, .. },
                ..
            } => frame,
            Class::Legacy { .. } => return Ok(()),
        };
        let needed = self.hub.server.scopes_for(frame.bytes());
        let none = Scopes::default();
        let granted = asks.scopes.map_or(&none, |scopes| scopes);
        match &self.guard {
            _ if granted.covers(&needed) => Ok(()),
            Some(guard) => {
                let resource = self.described(guard);
                let checked = resource.check_scopes(&needed, granted);
                checked.map_err(|why| resource.refuse(&why))
            }
            None => Err(unscoped(&needed)),
        }
    }

    /// The response to a request. The error is a whole one.
    async fn answer(
        self: &Arc<Self>,
        offers: &Offers,
        head: &RequestHead,
        asks: Asks<'_>,
        frame: Bytes,
    ) -> Result<(ResponseHead, HttpServiceBody), Reply> {
        let of_pair = self.of_pair(head);
        let is_pair = of_pair.is_some();
        let class = match of_pair {
            Some(of_pair) => of_pair.class(frame),
            None => classify(offers, head, frame)?,
        };
        self.check_scopes(offers, &class, asks)?;
        let mut exchange = match self.hub.shared.as_ref().filter(|_| !is_pair) {
            Some(shared) if shared.machines.store.is_some() => {
                // Boxed, as it is rare and large.
                Box::pin(self.open_stored(shared, class, asks)).await?
            }
            _ => self.open(class, asks, is_pair)?,
        };
        let mut whole = Bytes::new();
        let head = loop {
            match poll_fn(|cx| exchange.poll_part(cx)).await {
                Some(Part::Head(head)) => break head,
                Some(_) => {}
                None => return Err(Reply::empty(503)),
            }
        };
        if !head.headers.has(name::CONTENT_LENGTH) {
            return Ok((head, HttpServiceBody::events(exchange)));
        }
        while let Some(part) = poll_fn(|cx| exchange.poll_part(cx)).await {
            if let Part::Body(bytes) = part {
                whole = bytes;
            }
        }
        Ok((head, HttpServiceBody::whole(whole)))
    }
}

impl Owner {
    /// Which of the two endpoints of 2024-11-05 a request is for, if any: the stream of events, or the
    /// messages for a session.
    fn of_pair(&self, head: &RequestHead) -> Option<ForPair> {
        let pair = self.hub.options.pair.as_ref()?;
        match head.method {
            HttpMethod::Get if head.path == pair.events => Some(ForPair::Events),
            HttpMethod::Post if head.path == pair.messages => {
                let query = head.query.as_deref().unwrap_or_default();
                let mut fields = query.split('&');
                let session = fields.find_map(|field| field.strip_prefix("session="));
                Some(ForPair::Message(session.unwrap_or_default().into()))
            }
            _ => None,
        }
    }

    /// Opens an exchange where it belongs.
    fn open(
        self: &Arc<Self>,
        class: Class,
        asks: Asks<'_>,
        is_pair: bool,
    ) -> Result<Exchange, Reply> {
        let Placed { place, ticket, .. } = self.hub.place(&class, asks.caller)?;
        let begun = match (place, class) {
            (Place::Session(cell), Class::Legacy { input, .. }) => {
                let begun = cell.begin(input, asks.scopes);
                begun.map_or_else(|| Err(no_session()), |exchange| Ok((cell, exchange)))
            }
            (Place::New, Class::Legacy { input, .. }) if is_pair || !self.is_stateless() => {
                self.begin_session(input, asks, is_pair)
            }
            (
                _,
                Class::Legacy {
                    revision, input, ..
                },
            ) => Ok(self.begin_stateless(revision, input, asks)),
            (_, Class::Modern { frame, listens }) => Ok(self.begin_modern(frame, listens, asks)),
        };
        match begun {
            Ok((cell, id)) => Ok(Exchange::new(Arc::clone(self), cell, id, ticket)),
            Err(reply) => {
                self.hub.ended(ticket, Ended::Answered);
                Err(reply)
            }
        }
    }

    /// The same where sessions are kept in a store: the session is fetched from there, and what must
    /// not be lost is put there before the client hears of it.
    async fn open_stored(
        self: &Arc<Self>,
        shared: &Arc<Shared>,
        class: Class,
        asks: Asks<'_>,
    ) -> Result<Exchange, Reply> {
        let Class::Legacy { session, input, .. } = &class else {
            return self.open(class, asks, false);
        };
        if self.is_stateless() {
            return self.open(class, asks, false);
        }
        let (is_new, changes) = (session.is_none(), is_durable(input));
        let mut wait = Wait::new(self.hub.now() + shared.machines.handover);
        let exchange = loop {
            if let Some(id) = session {
                self.fetch(shared, id, asks.caller, &mut wait).await?;
            }
            match self.open(class.clone(), asks, false) {
                // It has moved on since it was fetched: another look says where to, or that it is
                // over.
                Err(reply) if reply.head.status == 404 && !is_new => {
                    self.pause(&mut wait).await?;
                }
                opened => break opened?,
            }
        };
        if !is_new && !changes {
            return Ok(exchange);
        }
        let (hub, cell) = (Arc::clone(&self.hub), Arc::clone(exchange.cell()));
        let saved = if is_new {
            // What was refused is no session.
            if cell.with(|http, _| http.status()) == SessionStatus::Closed {
                return Ok(exchange);
            }
            let principal = asks.caller.principal().map(String::from);
            let job = move || hub.keep_new(&cell, principal.as_deref());
            shared.run(job).await
        } else {
            cell.has_changed();
            shared.run(move || hub.save(&cell, false)).await
        };
        match saved {
            Ok(()) => Ok(exchange),
            Err(_) => {
                if is_new {
                    exchange.cell().close();
                }
                Err(unavailable())
            }
        }
    }

    /// Has a session here, wherever it was.
    async fn fetch(
        self: &Arc<Self>,
        shared: &Arc<Shared>,
        id: &str,
        caller: Caller<'_>,
        wait: &mut Wait,
    ) -> Result<(), Reply> {
        let hub = &self.hub;
        loop {
            match hub.has(id, caller) {
                Some(true) => return Ok(()),
                Some(false) => return Err(no_session()),
                None if hub.stage() != Stage::Open => {
                    return Err(later(503, "the server is closing", "1"));
                }
                None if !is_id(id) => return Err(no_session()),
                None => {}
            }
            let (taker, wanted, asks) = (Arc::clone(hub), Box::<str>::from(id), wait.asks());
            let principal = caller.principal().map(String::from);
            let job = move || {
                let caller = principal.as_deref();
                let caller = caller.map_or(Caller::Anyone, Caller::Principal);
                taker.take(&wanted, caller, asks)
            };
            match shared.run(job).await {
                // It may have moved on already.
                Ok(Taken::Here) if hub.has(id, caller).is_some() => {}
                Ok(Taken::None) => return Err(no_session()),
                Ok(Taken::NoRoom) => return Err(later(503, "too many sessions", "60")),
                Err(_) => return Err(unavailable()),
                Ok(Taken::Here | Taken::Driven) => self.pause(wait).await?,
            }
        }
    }

    /// Waits until it is time to look for a session again; the error is the answer once that has
    /// taken too long.
    async fn pause(&self, wait: &mut Wait) -> Result<(), Reply> {
        match wait.next(self.hub.now()) {
            Some(at) => {
                self.hub.alarms.sleep_until(at).await;
                Ok(())
            }
            None => Err(later(503, "the session is at work elsewhere", "1")),
        }
    }

    fn is_stateless(&self) -> bool {
        self.hub.options.stateless
    }

    fn service(&self, asks: Asks<'_>) -> crate::server::Service {
        let mut service = self.hub.server.service();
        if asks.scopes.is_some() {
            service.set_scopes(asks.scopes.cloned());
        }
        match asks.caller {
            Caller::Principal(name) => service.principal(name),
            _ => service,
        }
    }

    fn begin_modern(&self, frame: ScannedFrame, listens: bool, asks: Asks<'_>) -> Begun {
        let streams = Arc::clone(&self.hub.streams);
        let http = HttpSession::new(self.service(asks), SessionKind::Modern, streams);
        let (kind, opens) = (Some(Kind::Request), false);
        let cell = Cell::new(&self.hub, http, None, listens);
        begin(cell, Input::Post { frame, kind, opens })
    }

    /// A request of a legacy client on a server without sessions.
    fn begin_stateless(&self, revision: Option<Revision>, input: Input, asks: Asks<'_>) -> Begun {
        let mut service = self.service(asks);
        if !matches!(input, Input::Post { opens: true, .. }) {
            let spoken = self.hub.server.config().newest(Era::Legacy);
            let revisions = [revision, Some(Revision::V2025_03_26), spoken];
            let mut revisions = revisions.into_iter().flatten();
            // One of them is spoken, or the client wouldn't have come so far.
            revisions.any(|revision| service.assume_initialized(revision).is_ok());
        }
        let streams = Arc::clone(&self.hub.streams);
        let http = HttpSession::new(service, SessionKind::Stateless, streams);
        begin(Cell::new(&self.hub, http, None, false), input)
    }

    /// The first exchange of a session.
    fn begin_session(&self, input: Input, asks: Asks<'_>, is_pair: bool) -> Result<Begun, Reply> {
        let entropy = random_hex::<16>().zip(random_tag());
        let Some((id, tag)) = entropy else {
            let why = "the server has no entropy for a session";
            return Err(refusal(503, code::INTERNAL_ERROR, why));
        };
        let id: Arc<str> = id.into();
        let kind = match &self.hub.options.pair {
            Some(pair) if is_pair => SessionKind::Pair {
                endpoint: alloc::format!("{}?session={id}", pair.messages).into(),
            },
            _ => SessionKind::Legacy {
                id: id.clone(),
                tag,
            },
        };
        let streams = Arc::clone(&self.hub.streams);
        let http = HttpSession::new(self.service(asks), kind, streams);
        let cell = Cell::new(&self.hub, http, Some(id.clone()), true);
        let (cell, exchange) = begin(cell, input);
        // What was refused is no session.
        let status = cell.with(|http, _| http.status());
        if status != SessionStatus::Closed
            && let Err(reply) = self.hub.insert(id, asks.caller, &cell)
        {
            cell.close();
            return Err(reply);
        }
        Ok((cell, exchange))
    }
}

fn no_session() -> Reply {
    refusal(404, code::INVALID_REQUEST, "no such session")
}

/// What is said while the store can't be reached. It says nothing of whether there is a session.
fn unavailable() -> Reply {
    later(503, "the store of sessions can't be reached", "2")
}

/// An exchange and its session.
type Begun = (Arc<Cell>, ExchangeId);

fn begin(cell: Arc<Cell>, input: Input) -> Begun {
    let exchange = cell.with(|http, now| http.handle(now, input));
    (cell, exchange)
}

/// What a request for an endpoint of 2024-11-05 is for.
enum ForPair {
    Events,
    /// A message for the session of this id.
    Message(Box<str>),
}

impl ForPair {
    fn class(self, frame: Bytes) -> Class {
        let (session, input) = match self {
            Self::Events => (None, Input::Get { last_event: None }),
            Self::Message(session) => {
                let (kind, opens) = (None, false);
                let frame = frame.into();
                (Some(session), Input::Post { frame, kind, opens })
            }
        };
        Class::Legacy {
            session,
            revision: None,
            input,
        }
    }
}

fn with_head(head: &ResponseHead, body: HttpServiceBody) -> Response<HttpServiceBody> {
    let mut response = Response::new(body);
    let status = StatusCode::from_u16(head.status);
    *response.status_mut() = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().reserve(2);
    for (name, value) in head.headers.iter() {
        if let (Ok(name), Ok(value)) = (field_name(name), field_value(value)) {
            response.headers_mut().append(name, value);
        }
    }
    response
}

/// A name, which most responses have from the same few.
fn field_name(name: &str) -> Result<HeaderName, InvalidHeaderName> {
    match name {
        name::CONTENT_TYPE => Ok(header::CONTENT_TYPE),
        name::CONTENT_LENGTH => Ok(header::CONTENT_LENGTH),
        name => HeaderName::from_bytes(name.as_bytes()),
    }
}

fn field_value(value: &[u8]) -> Result<HeaderValue, InvalidHeaderValue> {
    const JSON: &[u8] = headers::JSON.as_bytes();
    match value {
        JSON => Ok(HeaderValue::from_static(headers::JSON)),
        value => HeaderValue::from_bytes(value),
    }
}

impl fmt::Debug for HttpService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpService")
            .field("options", &self.owner.hub.options)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for HttpServiceFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpServiceFuture").finish_non_exhaustive()
    }
}
