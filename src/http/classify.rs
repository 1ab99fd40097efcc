//! What an HTTP request asks for, or the first offence that it commits.
//!
//! Rules of this file: the rungs of the ladder are tried in their order and the first offence is the
//! answer; nothing depends on what came before, so no lock and no session is needed; which era a
//! request belongs to is said by itself (`_meta` or the version header), never by a session id.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use bytes::Bytes;

use crate::limits::Limits;
use crate::model::members::{MetaMember, Param, decode};
use crate::model::method::SpecMethod;
use crate::model::subject;
use crate::model::tool::Tool;
use crate::revision::{Era, Revision};
use crate::rpc::{
    Decoded, EnvelopeKey, Kind, Rejection, Repeated, RequestId, RpcError, Scan, ScannedFrame, Span,
    Text, code, is_string, raw_at, start_of, text_at, write_i64, write_string,
};

use super::cors::preflight;
use super::headers::{self, HeaderError, decode_value, is_session_id, name};
use super::mirror::{self, AnnotationError, HeaderParam};
use super::policy::{HttpPolicy, accepts_answers};
use super::{HttpMethod, Reply, RequestHead};

/// What a server has to know of itself to tell what a request asks for.
#[derive(Clone, Debug)]
pub struct Offers {
    revisions: Vec<Revision>,
    limits: Limits,
    tools: BTreeMap<Box<str>, Vec<HeaderParam>>,
    /// The longest body.
    body: u64,
    is_json_only: bool,
    is_stateless: bool,
    #[cfg(feature = "http")]
    needs_scopes: bool,
}

impl Offers {
    /// Returns what a server of these revisions offers that has no mirrored arguments.
    pub fn new(revisions: impl Into<Vec<Revision>>) -> Self {
        Self {
            revisions: revisions.into(),
            limits: Limits::default(),
            tools: BTreeMap::new(),
            body: 4 << 20,
            is_json_only: false,
            is_stateless: false,
            #[cfg(feature = "http")]
            needs_scopes: false,
        }
    }

    /// Adds a tool, for its arguments that travel in headers too.
    ///
    /// Returns an error if its annotations break the rules.
    pub fn tool(mut self, tool: &Tool<'_>) -> Result<Self, AnnotationError> {
        let params = mirror::annotated(&tool.input_schema)?;
        if !params.is_empty() {
            self.tools.insert(tool.name.as_str().into(), params);
        }
        Ok(self)
    }

    /// Sets the bounds that a frame has to keep.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets how long the body of a request may be, in bytes. 4 MiB.
    #[must_use]
    pub fn body_limit(mut self, bytes: u64) -> Self {
        self.body = bytes;
        self
    }

    /// Says that requests are answered with JSON and never with events, but for those that only
    /// have events: then a client need not take events.
    #[must_use]
    pub fn json_only(mut self) -> Self {
        self.is_json_only = true;
        self
    }

    /// Says that legacy clients have no sessions: each of their requests is served by itself.
    #[must_use]
    pub fn stateless(mut self) -> Self {
        self.is_stateless = true;
        self
    }

    /// The same of a server that needs scopes for something, if it `does`.
    #[cfg(feature = "http")]
    pub(crate) const fn scopes(mut self, does: bool) -> Self {
        self.needs_scopes = does;
        self
    }

    #[cfg(feature = "http")]
    pub(crate) const fn needs_scopes(&self) -> bool {
        self.needs_scopes
    }

    /// The same without the revisions of the legacy era.
    pub(crate) fn modern_only(mut self) -> Self {
        let is_modern = |revision: &Revision| revision.era() == Era::Modern;
        self.revisions.retain(is_modern);
        self
    }

    fn speaks(&self, era: Era) -> bool {
        self.revisions.iter().any(|revision| revision.era() == era)
    }

    fn has_sessions(&self) -> bool {
        self.speaks(Era::Legacy) && !self.is_stateless
    }
}

/// What an HTTP request asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Class {
    /// One request of the modern era, to be served by a session of its own.
    Modern {
        /// The frame.
        frame: ScannedFrame,
        /// Whether it is a `subscriptions/listen`, the answer of which is a stream in any case.
        listens: bool,
    },
    /// Something for a session of the legacy era.
    Legacy {
        /// The session that the client names; `None` when it names none.
        session: Option<Box<str>>,
        /// The revision that the client names; `None` when it names none.
        revision: Option<Revision>,
        /// What it is.
        input: Input,
    },
}

/// What a legacy client wants of its session.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Input {
    /// A frame.
    Post {
        /// The frame.
        frame: ScannedFrame,
        /// What it is; `None` for a batch.
        kind: Option<Kind>,
        /// Whether it is the `initialize` that opens a session.
        opens: bool,
    },
    /// The stream of what belongs to no request, or one that broke.
    Get {
        /// The event after which a stream goes on.
        last_event: Option<Box<str>>,
    },
    /// The end of the session.
    Delete,
}

/// The rungs of the ladder, in the order in which they are tried.
// `httpM.order`
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Rung {
    /// A host that the server doesn't answer to: 403.
    Host,
    /// A web page that the server doesn't answer to: 403.
    Origin,
    /// No token, or one that isn't good here: 401, 400 or 403. Only a protected server asks for one, see
    /// [`ProtectedResource`](super::ProtectedResource), between [`check_site`] and [`check`].
    Authorization,
    /// A method that the endpoint hasn't got: 405.
    Method,
    /// A body that isn't JSON by its type: 415.
    ContentType,
    /// A client that doesn't take what the endpoint answers with: 406.
    Accept,
    /// A body that is too long: 413.
    Length,
    /// A body that isn't JSON: 400, -32700.
    Json,
    /// JSON that is no message: 400, -32600.
    Shape,
    /// Several messages where one is wanted: 400, -32600.
    Batch,
    /// A version header that nobody knows, on a request that doesn't describe itself: 400, -32022.
    UnknownVersion,
    /// An answer, which no modern server waits for: 400, -32600.
    Response,
    /// No version header, or one that can't be read: 400, -32020.
    VersionHeader,
    /// A `_meta` that lacks what every modern request has: 400, -32602.
    Meta,
    /// A version header that differs from `_meta`: 400, -32020.
    VersionMismatch,
    /// A revision that the server doesn't speak: 400, -32022.
    Unsupported,
    /// A method header that is missing or differs: 400, -32020.
    McpMethod,
    /// A name header that is missing, can't be read or differs: 400, -32020.
    McpName,
    /// A header that mirrors an argument and is missing, can't be read or differs: 400, -32020.
    McpParam,
    /// A legacy session id that is none, or none where one is needed: 400.
    Session,
    /// A token that isn't good for what is asked for: 403. Only a protected server knows, after
    /// [`classify`].
    Scopes,
}

impl Rung {
    /// The rungs that need no body, in their order.
    pub const BEFORE_BODY: [Self; 7] = [
        Self::Host,
        Self::Origin,
        Self::Authorization,
        Self::Method,
        Self::ContentType,
        Self::Accept,
        Self::Length,
    ];
    /// The rungs that need the body, in their order.
    pub const WITH_BODY: [Self; 5] = [
        Self::Json,
        Self::Shape,
        Self::Batch,
        Self::UnknownVersion,
        Self::Response,
    ];
    /// The rungs of a modern request, in their order.
    pub const MODERN: [Self; 7] = [
        Self::VersionHeader,
        Self::Meta,
        Self::VersionMismatch,
        Self::Unsupported,
        Self::McpMethod,
        Self::McpName,
        Self::McpParam,
    ];
}

/// Checks whether the request means this server and comes from where it may, which is all that may be
/// said to somebody without a token. The error is the whole answer, but for [`HttpPolicy::cors`].
pub fn check_site(policy: &HttpPolicy, head: &RequestHead) -> Result<(), Reply> {
    if !policy.allows_host(head) {
        return Err(unserved(head, name::HOST, "the host"));
    }
    match policy.allows_origin(head) {
        true => Ok(()),
        false => Err(unserved(head, name::ORIGIN, "pages of the origin")),
    }
}

/// Checks what can be checked before the body is read. The error is the whole answer: a refusal, or
/// 204 for a browser that asks what a page may send ([`HttpPolicy::cors`] is added to either).
pub fn check(policy: &HttpPolicy, offers: &Offers, head: &RequestHead) -> Result<(), Reply> {
    Rung::BEFORE_BODY
        .iter()
        .try_for_each(|rung| before_body(*rung, policy, offers, head))
}

fn before_body(
    rung: Rung,
    policy: &HttpPolicy,
    offers: &Offers,
    head: &RequestHead,
) -> Result<(), Reply> {
    let is_post = head.method == HttpMethod::Post;
    let (is_good, status, why) = match rung {
        Rung::Host => return check_site(policy, head),
        Rung::Method => return method(policy, offers, head),
        Rung::ContentType => (
            !is_post || headers::is_of_type(&head.headers, headers::JSON),
            415,
            "Content-Type must be application/json",
        ),
        Rung::Accept => (
            head.method == HttpMethod::Delete || accepts_answers(head, offers.is_json_only),
            406,
            "Accept must list application/json and text/event-stream",
        ),
        Rung::Length => return length(offers, head),
        _ => return Ok(()),
    };
    match is_good {
        true => Ok(()),
        false => Err(refusal(status, code::INVALID_REQUEST, why)),
    }
}

/// How much is shown of what a client has asked for.
const SHOWN: usize = 100;

/// The answer to who isn't named in the policy, which says whom to name.
fn unserved(head: &RequestHead, header: &str, what: &str) -> Reply {
    let value = head.headers.one(header).ok().flatten();
    let value = start_of(value.unwrap_or_default(), SHOWN);
    let why = alloc::format!(
        "not served here: {what} {value:?}; the server's policy names those that are"
    );
    refusal(403, code::INVALID_REQUEST, &why)
}

/// Whether the endpoint has the method: without legacy sessions it has POST alone, and OPTIONS for
/// the pages that it answers to.
// `httpL.get.405` `httpM.get.405`
fn method(policy: &HttpPolicy, offers: &Offers, head: &RequestHead) -> Result<(), Reply> {
    let allowed = match offers.has_sessions() {
        true => "GET, POST, DELETE",
        false => "POST",
    };
    match head.method {
        HttpMethod::Post => Ok(()),
        HttpMethod::Get | HttpMethod::Delete if offers.has_sessions() => Ok(()),
        _ => Err(preflight(policy, allowed, head).unwrap_or_else(|| {
            let why = "the endpoint hasn't this method";
            let mut reply = refusal(405, code::INVALID_REQUEST, why);
            reply.head.headers.push(name::ALLOW, allowed);
            reply
        })),
    }
}

// `httpM.limits`
fn length(offers: &Offers, head: &RequestHead) -> Result<(), Reply> {
    let declared = head.headers.one(name::CONTENT_LENGTH);
    match declared.map(|length| length.map(str::parse::<u64>)) {
        Ok(None) => Ok(()),
        Ok(Some(Ok(length))) if length <= offers.body => Ok(()),
        Ok(Some(Ok(_))) => Err(too_long(offers)),
        _ => Err(refusal(
            400,
            code::INVALID_REQUEST,
            "Content-Length can't be read",
        )),
    }
}

fn too_long(offers: &Offers) -> Reply {
    let why = alloc::format!("a body may have {} bytes", offers.body);
    refusal(413, code::INVALID_REQUEST, &why)
}

/// Returns what a request asks for that [`check`] found nothing wrong with. The error is the whole
/// answer: that of the first offence, or 202 for a notification to a modern server, which needs
/// none.
pub fn classify(offers: &Offers, head: &RequestHead, body: Bytes) -> Result<Class, Reply> {
    match head.method {
        HttpMethod::Post => {}
        HttpMethod::Delete => return legacy(offers, head, Input::Delete),
        _ => {
            let last_event = head.headers.one(name::LAST_EVENT_ID);
            let last_event = last_event
                .map_err(|error| refusal(400, code::INVALID_REQUEST, &alloc::format!("{error}")))?
                .map(Box::from);
            return legacy(offers, head, Input::Get { last_event });
        }
    }
    if body.len() as u64 > offers.body {
        return Err(too_long(offers));
    }
    let version = head.headers.one(name::MCP_PROTOCOL_VERSION);
    let named = version.ok().flatten().and_then(Revision::from_wire);
    let says_modern = named.is_some_and(|revision| revision.era() == Era::Modern);
    let speaks_modern = offers.speaks(Era::Modern);
    let mut scan = Scan::default();
    let envelope = match decode(&body, &offers.limits, &Repeated::default(), &mut scan) {
        Ok(Decoded::One(envelope)) => envelope,
        Ok(Decoded::Batch) if !says_modern && offers.speaks(Era::Legacy) => {
            let (kind, opens) = (None, false);
            return legacy(offers, head, post(body.clone().into(), kind, opens));
        }
        Ok(Decoded::Batch) => {
            let error = RpcError::invalid_request("Invalid request: a batch");
            return Err(failure(400, None, &error));
        }
        Err(Rejection { error, id, .. }) => return Err(failure(400, id.as_ref(), &error)),
    };
    let (kind, id, scan) = (envelope.kind, envelope.id.clone(), envelope.scan);
    let frame = || ScannedFrame::new(body.clone(), &offers.limits, envelope.clone());
    let describes_itself = scan.param_meta(MetaMember::ProtocolVersion).is_some();
    let is_modern = speaks_modern && (describes_itself || says_modern);
    let is_legacy = !is_modern && offers.speaks(Era::Legacy);
    if is_legacy || !describes_itself && !says_modern {
        // The id of an answer isn't that of a request of the client's.
        let asked = id.as_ref().filter(|_| kind == Kind::Request);
        unknown_version(offers, head, asked)?;
    }
    if is_legacy {
        let opens = is_string(&body, scan.key(EnvelopeKey::Method), "initialize");
        let opens = opens && kind == Kind::Request;
        return legacy(offers, head, post(frame(), Some(kind), opens));
    }
    match kind {
        Kind::Request => {}
        // `httpM.notif.202`
        Kind::Notification => return Err(Reply::empty(202)),
        // `httpM.post`
        Kind::Result | Kind::Error => {
            let why = "Invalid request: nobody waits for an answer";
            return Err(refusal(400, code::INVALID_REQUEST, why));
        }
    }
    let request = Modern::new(offers, head, version, &body, scan);
    for rung in Rung::MODERN {
        if let Err(error) = request.check(rung) {
            return Err(failure(400, id.as_ref(), &error));
        }
    }
    let listens = request.known == Some(SpecMethod::SubscriptionsListen);
    Ok(Class::Modern {
        frame: frame(),
        listens,
    })
}

fn post(frame: ScannedFrame, kind: Option<Kind>, opens: bool) -> Input {
    Input::Post { frame, kind, opens }
}

/// A header that names a version nobody knows, or that this server doesn't speak.
// `httpL.ver.bad`
fn unknown_version(
    offers: &Offers,
    head: &RequestHead,
    id: Option<&RequestId>,
) -> Result<(), Reply> {
    let version = match head.headers.one(name::MCP_PROTOCOL_VERSION) {
        Ok(None) => return Ok(()),
        Ok(Some(version)) => version,
        Err(error) => {
            let error = mismatch(name::MCP_PROTOCOL_VERSION, &alloc::format!("{error}"));
            return Err(failure(400, id, &error));
        }
    };
    let known = Revision::from_wire(version);
    match known.is_some_and(|revision| offers.revisions.contains(&revision)) {
        true => Ok(()),
        false => {
            let error = RpcError::unsupported_version(&offers.revisions, version);
            Err(failure(400, id, &error))
        }
    }
}

/// What a legacy client asks for.
fn legacy(offers: &Offers, head: &RequestHead, input: Input) -> Result<Class, Reply> {
    unknown_version(offers, head, None)?;
    let version = head.headers.one(name::MCP_PROTOCOL_VERSION);
    let revision = version.ok().flatten().and_then(Revision::from_wire);
    let refuse = |why: &str| Err(refusal(400, code::INVALID_REQUEST, why));
    let session = match head.headers.one(name::MCP_SESSION_ID) {
        _ if offers.is_stateless => None,
        Ok(session) => session,
        Err(_) => return refuse("Mcp-Session-Id can't be read"),
    };
    if session.is_some_and(|session| !is_session_id(session)) {
        return refuse("Mcp-Session-Id can't be read");
    }
    let opens = matches!(input, Input::Post { opens: true, .. });
    // `httpL.session.400`
    if session.is_none() && !opens && !offers.is_stateless {
        return refuse("Mcp-Session-Id is missing");
    }
    Ok(Class::Legacy {
        session: session.map(Box::from),
        revision,
        input,
    })
}

/// A request of the modern era and the headers that it came with.
struct Modern<'r> {
    offers: &'r Offers,
    head: &'r RequestHead,
    body: &'r Bytes,
    scan: &'r Scan,
    /// The version header.
    header: Result<Option<&'r str>, HeaderError>,
    /// The version in `_meta`.
    version: Option<Text<'r>>,
    method_header: Result<Option<&'r str>, HeaderError>,
    method: Option<Text<'r>>,
    known: Option<SpecMethod>,
}

impl<'r> Modern<'r> {
    fn new(
        offers: &'r Offers,
        head: &'r RequestHead,
        header: Result<Option<&'r str>, HeaderError>,
        body: &'r Bytes,
        scan: &'r Scan,
    ) -> Self {
        let method_header = head.headers.one(name::MCP_METHOD);
        let method = text_like(body, scan.key(EnvelopeKey::Method), method_header);
        Self {
            offers,
            head,
            body,
            scan,
            header,
            version: text_like(body, scan.param_meta(MetaMember::ProtocolVersion), header),
            method_header,
            known: method.as_deref().and_then(SpecMethod::from_wire),
            method,
        }
    }

    fn check(&self, rung: Rung) -> Result<(), RpcError> {
        match rung {
            Rung::VersionHeader => match self.header {
                Ok(Some(_)) => Ok(()),
                Ok(None) => Err(mismatch(name::MCP_PROTOCOL_VERSION, "is missing")),
                Err(error) => Err(mismatch(
                    name::MCP_PROTOCOL_VERSION,
                    &alloc::format!("{error}"),
                )),
            },
            Rung::Meta => self.check_meta(),
            Rung::VersionMismatch => match self.version.as_deref() == self.header.ok().flatten() {
                true => Ok(()),
                false => Err(mismatch(name::MCP_PROTOCOL_VERSION, "differs from _meta")),
            },
            Rung::Unsupported => self.check_supported(),
            Rung::McpMethod => self.check_method(),
            Rung::McpName => self.check_name(),
            Rung::McpParam => self.check_params(),
            _ => Ok(()),
        }
    }

    // `httpM.meta.missing`
    fn check_meta(&self) -> Result<(), RpcError> {
        let capabilities = self.scan.param_meta(MetaMember::ClientCapabilities);
        let missing = match self.version {
            None => "protocolVersion",
            Some(_) if !capabilities.of(self.body).starts_with(b"{") => "clientCapabilities",
            Some(_) => return Ok(()),
        };
        let why = alloc::format!("Invalid params: {missing} is missing from _meta or malformed");
        Err(RpcError::invalid_params(why))
    }

    // `httpM.ver.unsupported`
    fn check_supported(&self) -> Result<(), RpcError> {
        let version = self.version.as_deref().unwrap_or_default();
        let modern = self.offers.revisions.iter().copied();
        let modern = modern.filter(|revision| revision.era() == Era::Modern);
        match modern.clone().any(|revision| revision.as_str() == version) {
            true => Ok(()),
            false => {
                let modern: Vec<Revision> = modern.collect();
                Err(RpcError::unsupported_version(&modern, version))
            }
        }
    }

    // `httpM.hdr.method.plain`
    fn check_method(&self) -> Result<(), RpcError> {
        match self.method_header {
            Ok(Some(header)) if self.method.as_deref() == Some(header) => Ok(()),
            Ok(Some(_)) => Err(mismatch(name::MCP_METHOD, "differs from the body")),
            Ok(None) => Err(mismatch(name::MCP_METHOD, "is missing")),
            Err(error) => Err(mismatch(name::MCP_METHOD, &alloc::format!("{error}"))),
        }
    }

    /// What a request is for stands in a header too; a body that doesn't say it is refused for
    /// that.
    // `httpM.hdr.name` `httpM.val.extra`
    fn check_name(&self) -> Result<(), RpcError> {
        let (names, is_needed) = match self.known {
            Some(
                known @ (SpecMethod::CallTool | SpecMethod::GetPrompt | SpecMethod::ReadResource),
            ) => (known, true),
            // An extension asks its clients for it, so that some may not know (`task26.header`).
            Some(
                known @ (SpecMethod::GetTask | SpecMethod::UpdateTask | SpecMethod::CancelTask),
            ) => (known, false),
            _ => return Ok(()),
        };
        let header = self.head.headers.one(name::MCP_NAME);
        let subject = subject(Some(names), self.body, self.scan);
        let Some(subject) = text_like(self.body, subject, header) else {
            return Ok(());
        };
        match header {
            Ok(None) if is_needed => Err(mismatch(name::MCP_NAME, "is missing")),
            Ok(None) => Ok(()),
            Err(error) => Err(mismatch(name::MCP_NAME, &alloc::format!("{error}"))),
            Ok(Some(header)) => match decode_value(header) {
                Ok(header) if *header == *subject => Ok(()),
                Ok(_) => Err(mismatch(name::MCP_NAME, "differs from the body")),
                Err(error) => Err(mismatch(name::MCP_NAME, &alloc::format!("{error}"))),
            },
        }
    }

    fn check_params(&self) -> Result<(), RpcError> {
        if self.known != Some(SpecMethod::CallTool) || self.offers.tools.is_empty() {
            return Ok(());
        }
        let tool = text_at(self.body, self.scan.param(Param::Name));
        let params = tool.and_then(|tool| self.offers.tools.get(tool.as_str()));
        let Some(params) = params else {
            return Ok(());
        };
        let arguments = raw_at(self.body, self.scan.param(Param::Arguments));
        mirror::check_params(params, arguments.as_ref(), &self.head.headers)
    }
}

/// The text of the string at `span`, which says the same as a header as a rule.
fn text_like<'r>(
    body: &'r [u8],
    span: Span,
    header: Result<Option<&'r str>, HeaderError>,
) -> Option<Text<'r>> {
    match header {
        Ok(Some(header)) if is_string(body, span, header) => Some(Text::borrowed(header)),
        _ => text_at(body, span),
    }
}

fn mismatch(header: &str, why: &str) -> RpcError {
    RpcError::new(
        code::HEADER_MISMATCH,
        alloc::format!("Header mismatch: {header} {why}"),
    )
}

/// A refusal that belongs to no request.
pub(crate) fn refusal(status: u16, code: i64, why: &str) -> Reply {
    failure(status, None, &RpcError::new(code, String::from(why)))
}

/// A refusal, under the id of its request if that could be read.
fn failure(status: u16, id: Option<&RequestId>, error: &RpcError) -> Reply {
    let mut body = Vec::from(&b"{\"jsonrpc\":\"2.0\""[..]);
    if let Some(id) = id {
        body.extend_from_slice(b",\"id\":");
        id.write(&mut body);
    }
    body.extend_from_slice(b",\"error\":{\"code\":");
    write_i64(&mut body, error.code);
    body.extend_from_slice(b",\"message\":");
    write_string(&mut body, &error.message);
    if let Some(data) = &error.data {
        body.extend_from_slice(b",\"data\":");
        body.extend_from_slice(data.as_str().as_bytes());
    }
    body.extend_from_slice(b"}}");
    Reply::json(status, body)
}
