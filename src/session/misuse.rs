//! What can be wrong with one command. The session refuses it and stays as it was, so each variant
//! says what the code that gave the command may do instead.

use alloc::boxed::Box;
use core::fmt;

use crate::model::capability::ClientCapabilities;
use crate::model::encode::EncodeError;
use crate::model::method::{ClientCapability, Extension, ServerCapability, SpecMethod};
use crate::revision::Revision;

/// A command that was refused. Nothing has changed; the code that gave it needs a look.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Misuse {
    /// The session isn't open yet: wait for its `Opened` event.
    NotOpen,
    /// The session has been opened before: a session serves one connection, make a new one.
    AlreadyOpened,
    /// The session has ended: make a new one for the next connection.
    Closed,
    /// Nothing with this id is open in this session (any more): what it was for is over.
    Unknown(Handle),
    /// The request is for another method than the reply: answer with the result of that method.
    WrongMethod {
        /// The request's method.
        method: Box<str>,
    },
    /// The session sends this message by itself or has a command of its own for it: see
    /// [`open`](super::ClientSession::open) for `initialize` and `notifications/initialized`,
    /// [`subscribe`](super::ClientSession::subscribe) for `subscriptions/listen`,
    /// [`cancel`](super::ClientSession::cancel) and [`progress`](super::ClientSession::progress) for
    /// the notifications of these names, [`resource_updated`](super::ServerSession::resource_updated)
    /// for `notifications/resources/updated`.
    OwnCommand(SpecMethod),
    /// The server did not declare the capability this needs: do without it.
    // `caps.only.negotiated`
    NotDeclaredByPeer(ServerCapability),
    /// The server did not declare the extension that the method belongs to, or speaks a revision that
    /// has none: do without it.
    // `ext.mismatch`
    ExtensionNotDeclared(Extension),
    /// This side did not declare the capability this needs: add it to the configuration.
    NotDeclared(Capability),
    /// The client did not declare what the input requests need; answer with
    /// [`RpcError::missing_client_capability`](crate::rpc::RpcError::missing_client_capability).
    MissingClientCapability(Box<ClientCapabilities<'static>>),
    /// The client did not ask for a task, so that it can't be answered with one: answer with the
    /// result.
    TaskNotAsked,
    /// The revision in use doesn't have this method from this side: do without it with this peer.
    NotInRevision {
        /// What was to be sent.
        method: SpecMethod,
        /// The revision in use.
        revision: Revision,
    },
    /// The revision in use doesn't have this error code: answer with another.
    CodeNotInRevision {
        /// The error code.
        code: i64,
        /// The revision of the request.
        revision: Revision,
    },
    /// An error code that the specification keeps for itself: choose another.
    // `err.range.spec`
    ReservedCode(i64),
    /// Input can't be asked for here, only in `tools/call`, `prompts/get` and `resources/read`:
    /// answer without it.
    InputNotAllowed {
        /// The request's method.
        method: Box<str>,
    },
    /// A limit is reached. Try again once something that is open has ended, or raise it in
    /// [`Limits`](crate::Limits).
    LimitReached {
        /// What the limit is on.
        what: Limited,
        /// The limit.
        limit: usize,
    },
    /// More output waits to be sent than [`Limits::output`](crate::Limits::output) allows. Give the
    /// command again once [`poll_transmit`](super::Session::poll_transmit) has handed some out.
    OutputFull {
        /// The limit.
        limit: usize,
    },
    /// Progress has to be finite and to increase: leave this report out.
    // `progress.increase`
    ProgressNotIncreasing,
    /// The value breaks a rule of the protocol, or the configuration has none that fits: correct it.
    Invalid(Invalid),
    /// The value can't be written, for the reason inside: correct it.
    Encode(EncodeError),
}

impl fmt::Display for Misuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotOpen => f.write_str("the session is not open yet"),
            Self::AlreadyOpened => f.write_str("the session has been opened already"),
            Self::Closed => f.write_str("the session has ended"),
            Self::Unknown(handle) => write!(f, "no open {handle}"),
            Self::WrongMethod { method } => write!(f, "the request is for {method}"),
            Self::OwnCommand(method) => {
                write!(f, "{} is sent by a command of its own", method.as_str())
            }
            Self::NotDeclaredByPeer(capability) => {
                write!(f, "the server did not declare {capability}")
            }
            Self::ExtensionNotDeclared(extension) => {
                write!(f, "the server did not declare {extension}")
            }
            Self::NotDeclared(capability) => write!(f, "{capability} was not declared"),
            Self::MissingClientCapability(_) => {
                f.write_str("the client did not declare what the input needs")
            }
            Self::TaskNotAsked => f.write_str("the client did not ask for a task"),
            Self::NotInRevision { method, revision } => {
                write!(f, "{} does not exist in {revision}", method.as_str())
            }
            Self::CodeNotInRevision { code, revision } => {
                write!(f, "the error {code} does not exist in {revision}")
            }
            Self::ReservedCode(code) => {
                write!(f, "the code {code} is reserved by the specification")
            }
            Self::InputNotAllowed { method } => write!(f, "{method} may not ask for input"),
            Self::LimitReached { what, limit } => {
                write!(f, "the limit of {limit} on {what} is reached")
            }
            Self::OutputFull { limit } => {
                write!(f, "more than {limit} bytes of output wait to be sent")
            }
            Self::ProgressNotIncreasing => f.write_str("progress has to increase with each report"),
            Self::Invalid(invalid) => write!(f, "{invalid}"),
            Self::Encode(error) => fmt::Display::fmt(error, f),
        }
    }
}

impl core::error::Error for Misuse {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Encode(error) => error.source(),
            _ => None,
        }
    }
}

impl From<EncodeError> for Misuse {
    fn from(error: EncodeError) -> Self {
        Self::Encode(error)
    }
}

/// What an id stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Handle {
    /// A call of a client, by its [`CallId`](super::CallId): it has completed.
    Call,
    /// A request that a server has to answer, by its [`IncomingId`](super::IncomingId): it was
    /// answered or cancelled, or its client is being asked for input.
    Request,
    /// An input request that a client has to answer, by its [`InputId`](super::InputId): it was
    /// answered, declined or withdrawn.
    Input,
    /// A subscription of a client, by its [`SubscriptionId`](super::SubscriptionId), or the stream of one at
    /// a server: it has ended, or is about something else.
    Subscription,
}

impl fmt::Display for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Call => "call",
            Self::Request => "request",
            Self::Input => "input request",
            Self::Subscription => "subscription",
        })
    }
}

/// A capability of either side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Capability {
    /// One of a client's: set it in [`ClientConfig::capabilities`](super::ClientConfig).
    Client(ClientCapability),
    /// One of a server's: set it in [`ServerConfig::capabilities`](super::ServerConfig).
    Server(ServerCapability),
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Client(capability) => capability.fmt(f),
            Self::Server(capability) => capability.fmt(f),
        }
    }
}

impl From<ClientCapability> for Capability {
    fn from(capability: ClientCapability) -> Self {
        Self::Client(capability)
    }
}

impl From<ServerCapability> for Capability {
    fn from(capability: ServerCapability) -> Self {
        Self::Server(capability)
    }
}

/// What a limit is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Limited {
    /// The requests of this side that await an answer, by
    /// [`Limits::calls`](field@crate::Limits::calls): wait for one to end.
    Calls,
    /// The subscriptions and the URIs they are for, by
    /// [`Limits::subscriptions`](crate::Limits::subscriptions): end one.
    Subscriptions,
    /// The input requests of one round, by [`Limits::inputs`](crate::Limits::inputs): ask for the
    /// rest in the next round.
    Inputs,
    /// The rounds of input for one request, by
    /// [`Limits::input_rounds`](crate::Limits::input_rounds): answer with what is known.
    InputRounds,
    /// The bytes of state that a server keeps for requests that come again, by
    /// [`Limits::output`](crate::Limits::output): seal the state, so that clients carry it.
    State,
}

impl fmt::Display for Limited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Calls => "calls in flight",
            Self::Subscriptions => "subscriptions",
            Self::Inputs => "input requests in one round",
            Self::InputRounds => "rounds of input",
            Self::State => "bytes of state",
        })
    }
}

/// What is wrong with a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Invalid {
    /// The configuration has no revision that its era policy allows: add one, or change the policy.
    NoRevision,
    /// The revision isn't of the legacy era, or the configuration doesn't have it: choose one of those
    /// that are both.
    NotLegacy(Revision),
    /// The error hasn't got the data that its code demands: make it with the constructor of
    /// [`RpcError`](crate::rpc::RpcError) for this code.
    ErrorData,
    /// The URI of a resource that has changed isn't a URI: give the one that was listed.
    ResourceUri,
    /// A root isn't a `file://` URI: leave it out.
    RootUri,
    /// There are neither input requests nor a state: ask for something, or answer.
    NoInput,
    /// The method of an input request is none that a client can be asked.
    InputMethod,
    /// The params of an input request don't fit its method.
    InputParams,
    /// The URL of an elicitation can't be opened in a browser: give an absolute one of `http` or
    /// `https`.
    ElicitationUrl,
    /// A form has fields that aren't primitive: ask for each of their members.
    NestedForm,
    /// The tool uses and the tool results of the messages to sample from don't match: give each use
    /// its result, in the message after it.
    ToolBalance,
    /// The params of a call have a `task` of their own: ask for a task by
    /// [`CallOptions::task`](field@super::CallOptions::task).
    TaskMember,
    /// The tool doesn't run as a task: call it without one.
    // `task25.tool.forbidden`
    TaskForbidden,
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoRevision => "no revision is configured for this policy",
            Self::NotLegacy(revision) => {
                return write!(f, "{revision} is no legacy revision of the configuration");
            }
            Self::ErrorData => "the error hasn't got the data that its code asks for",
            Self::ResourceUri => "what has changed has no valid URI",
            Self::RootUri => "a root that is no file:// URI",
            Self::NoInput => "neither input requests nor a state",
            Self::TaskForbidden => "the tool doesn't run as a task",
            Self::TaskMember => "a task is asked for by the options of the call",
            Self::InputMethod => "a method that can't be asked of a client",
            Self::InputParams => "the params of an input request don't fit its method",
            Self::ElicitationUrl => "a URL that can't be opened",
            Self::NestedForm => "a form whose fields are not all primitive",
            Self::ToolBalance => "tool uses and tool results don't match",
        })
    }
}
