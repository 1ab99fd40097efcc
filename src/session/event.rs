//! What the sessions tell their users. An event owns the frame it came in and the places of what
//! matters in it; typed values are read on demand and borrow from the event.

use alloc::boxed::Box;
use alloc::string::String;
use core::fmt;

use bytes::Bytes;
use serde::Deserialize;

use crate::frame::FrameError;
use crate::model::from_scan;
use crate::model::members::MemberSpans;
use crate::model::method::{Method, Notification};
use crate::model::task::CreateTaskResult;
use crate::rpc::{
    Concealed, GoodJson, Landmarks, Raw, RequestId, RpcError, Source, Span, Text, Whole, is_json,
    is_string, member_of, raw_at, start_of, text_at,
};
use crate::saved::saved;

use super::error::{CallError, rpc_error_weight};
use super::id::CallId;
use super::name::MethodName;
use super::path::Malformed;
use super::table::{Weigh, total};

/// A JSON object inside a frame: the params of a message, or a result. `Debug` shows its size,
/// since it may hold secrets.
#[derive(Clone, PartialEq)]
pub(crate) struct Body {
    pub(crate) frame: Bytes,
    pub(crate) span: Span,
}

saved! { struct Body { frame, span } }

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Body({:?})", Concealed(self.span.range().len()))
    }
}

impl Body {
    pub(crate) const fn new(frame: Bytes, span: Span) -> Self {
        Self { frame, span }
    }

    /// Whether an object stands there, if anything does, as it is unless a saved one was changed.
    pub(crate) fn is_sound(&self) -> bool {
        let text = self.span.of(&self.frame);
        !self.span.is_some() || text.starts_with(b"{") && is_json(text)
    }

    /// Whether the same holds of it and the members that stand at `spans` in it are values.
    pub(crate) fn is_sound_with(&self, spans: &MemberSpans) -> bool {
        self.is_sound() && spans.are_values(&self.frame)
    }

    /// A body that isn't part of a larger frame, holding not one byte more than it needs.
    pub(crate) fn exact(&self) -> Self {
        let frame = Bytes::copy_from_slice(self.span.of(&self.frame));
        let span = Span {
            start: 0,
            end: u32::try_from(frame.len()).unwrap_or(0),
        };
        Self { frame, span }
    }

    pub(crate) fn raw(&self) -> Raw<'_> {
        raw_at(&self.frame, self.span).unwrap_or(Raw::EMPTY_OBJECT)
    }

    /// The body as text, of whose frame `source` may be; absent params read like an empty object.
    fn text_in<'a>(&'a self, source: Source<'a>) -> &'a str {
        match self.span.is_some() {
            true => source.text(self.span.of(&self.frame)).unwrap_or("{}"),
            false => "{}",
        }
    }

    /// The body as `T`.
    pub(crate) fn decode<'a, T: Deserialize<'a>>(&'a self) -> Result<T, Malformed> {
        self.decode_in(Source::NONE)
    }

    /// The same of a body of whose frame `source` may be.
    fn decode_in<'a, T: Deserialize<'a>>(&'a self, source: Source<'a>) -> Result<T, Malformed> {
        let text = self.text_in(source);
        serde_json::from_str(text).map_err(|error| Malformed::new(text, &error))
    }
}

impl Weigh for Body {
    #[inline]
    fn weight(&self) -> usize {
        self.frame.len()
    }
}

/// A result, and where its members stand.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) body: Body,
    pub(crate) spans: MemberSpans,
    pub(crate) landmarks: Landmarks,
}

saved! { struct Answer { body, spans; landmarks } }

/// A notification as it was received.
#[derive(Clone, Debug, PartialEq)]
pub struct Received {
    pub(crate) body: Body,
    pub(crate) method: Span,
}

saved! { struct Received { body, method } }

impl Received {
    /// Whether what stands where the parts are said to be can be those.
    pub(crate) fn is_sound(&self) -> bool {
        self.body.is_sound() && is_json(self.method.of(&self.body.frame))
    }

    /// Returns the method's name.
    pub fn method(&self) -> Text<'_> {
        text_at(&self.body.frame, self.method).unwrap_or(Text::borrowed(""))
    }

    /// Returns whether this is the notification `N`.
    pub fn is<N: Notification>(&self) -> bool {
        is_string(&self.body.frame, self.method, N::NAME)
    }

    /// Returns the params as those of `N`. Returns an error that names the place if they don't fit.
    pub fn params<N: Notification>(&self) -> Result<N::Params<'_>, Malformed> {
        self.body.decode()
    }

    /// Returns the params as JSON, an empty object when there are none.
    pub fn raw_params(&self) -> Raw<'_> {
        self.body.raw()
    }

    /// Returns the whole message, as it came.
    pub fn frame(&self) -> &Bytes {
        &self.body.frame
    }
}

/// A call has ended. There is exactly one of these for each call.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Completed {
    /// Which call it was.
    pub call: CallId,
    pub(crate) method: MethodName,
    pub(crate) outcome: Result<Answer, CallError>,
}

saved! { struct Completed { call, method, outcome } }

/// A frame of which parts are taken out is shared from this length on.
const WORTH_SHARING: usize = 512;

impl Completed {
    /// Whether a result stands where it is said to.
    pub(crate) fn is_sound(&self) -> bool {
        let answer = self.outcome.as_ref();
        answer.map_or(true, |answer| answer.body.is_sound_with(&answer.spans))
    }

    /// Returns the outcome of `call`, its result read as its method's; `None` when this is another
    /// call.
    ///
    /// The result borrows from the event.
    pub fn of<M: Method>(&self, call: CallId<M>) -> Option<Result<M::Result<'_>, CallError>> {
        (self.call == call).then(|| self.result::<M>())
    }

    /// Returns the outcome, its result read as that of `M`.
    pub fn result<M: Method>(&self) -> Result<M::Result<'_>, CallError> {
        self.result_in::<M>(Source::NONE)
    }

    /// The same of a result that [`share`](Self::share) may have made a part of `source`.
    pub(crate) fn result_in<'a, M: Method>(
        &'a self,
        source: Source<'a>,
    ) -> Result<M::Result<'a>, CallError> {
        let answer = self.outcome.as_ref().map_err(CallError::clone)?;
        let Body { frame, span } = &answer.body;
        let Answer {
            spans, landmarks, ..
        } = answer;
        if let Some(result) = from_scan::result::<M>(frame, *span, spans, landmarks, source) {
            return Ok(result);
        }
        let result = answer.body.decode_in(source);
        result.map_err(|malformed: Malformed| malformed.into_call_error(M::NAME))
    }

    /// Returns the new task that a call of a tool was answered with, which
    /// [`TaskUse::HandOut`](super::TaskUse::HandOut) hands out; `None` when there is a result or an
    /// error.
    pub fn task(&self) -> Option<CreateTaskResult<'_>> {
        let body = &self.outcome.as_ref().ok()?.body;
        let text = body.span.of(&body.frame);
        let is_modern = member_of(text, "resultType").is_some_and(|kind| kind == b"\"task\"");
        let is_task =
            is_modern || member_of(text, "task").is_some() && member_of(text, "content").is_none();
        body.decode().ok().filter(|_| is_task)
    }

    /// Has what is taken out of a long result share the text that this returns, which is where the
    /// result lies from here on; `None` where copies cost less.
    pub(crate) fn share(&mut self) -> Option<Whole> {
        let frame = &mut self.outcome.as_mut().ok()?.body.frame;
        match frame.len() {
            ..WORTH_SHARING => None,
            _ => Whole::of(frame),
        }
    }

    /// Returns the result as the JSON it came in, or why there is none.
    pub fn raw(&self) -> Result<Raw<'_>, &CallError> {
        self.outcome.as_ref().map(|answer| answer.body.raw())
    }

    /// Reads the result, of whose frame `source` may be, from its start on; what its scan has found the end
    /// of isn't searched again.
    pub(crate) fn reader<'a>(&'a self, source: Source<'a>) -> Result<GoodJson<'a>, &'a CallError> {
        let Answer {
            body, landmarks, ..
        } = self.outcome.as_ref()?;
        let start = body.span.range().start;
        let json = body.text_in(source);
        Ok(GoodJson::with_landmarks(json, start, Some(landmarks)))
    }

    /// How many bytes the result has.
    pub(crate) fn length(&self) -> usize {
        let length = |answer: &Answer| answer.body.span.range().len();
        self.outcome.as_ref().map_or(0, length)
    }

    /// Returns the method that was called.
    pub fn method(&self) -> &str {
        self.method.as_str()
    }
}

/// Something of the server has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// The list of tools.
    Tools,
    /// The list of prompts.
    Prompts,
    /// The list of resources, or of resource templates.
    Resources,
    /// One resource.
    Resource,
}

saved! {
    enum Change {
        0 => Tools,
        1 => Prompts,
        2 => Resources,
        3 => Resource,
    }
}

/// Input that was left without effect, and why. The session goes on.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Ignored {
    /// Bytes that are no frame.
    NotAFrame(FrameError),
    /// A frame that is no message.
    NotAMessage {
        /// The error that its sender is sent, if any.
        error: RpcError,
        /// How a line begins that doesn't even look like JSON, up to 80 bytes: something else that
        /// the peer has printed. `None` for what looks like a message, as it may hold secrets.
        line: Option<Box<str>>,
    },
    /// A response to no open request: late, foreign or repeated.
    // `base.resp.unknown`
    Response(Option<RequestId>),
    /// An error about no request in particular: the peer could not read something.
    Error(RpcError),
    /// A request of the server in the modern era, where it may send none.
    // `base.dir.modern.badreq`
    Request(String),
    /// A notification that is malformed or stands for nothing that is open.
    Notification(String),
}

saved! {
    enum Ignored {
        0 => NotAFrame(value),
        1 => NotAMessage { error, line },
        2 => Response(value),
        3 => Error(value),
        4 => Request(value),
        5 => Notification(value),
    }
}

impl Weigh for Completed {
    fn weight(&self) -> usize {
        match &self.outcome {
            // The landmarks are no part of a saved session, and less than the quarter that may be more.
            Ok(answer) => answer.body.weight(),
            Err(error) => error.weight(),
        }
    }
}

impl Ignored {
    /// A notification that is malformed or stands for nothing that is open.
    pub(crate) fn notification(received: &Received) -> Self {
        Self::Notification(received.method().as_str().chars().take(128).collect())
    }

    /// Which of these it is, without a word of what the peer sent.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::NotAFrame(_) => "not a frame",
            Self::NotAMessage { .. } => "not a message",
            Self::Response(_) => "a response to no open request",
            Self::Error(_) => "an error about no request",
            Self::Request(_) => "a request",
            Self::Notification(_) => "a notification",
        }
    }

    /// A frame that is no message, with the error from reading it.
    pub(crate) fn not_a_message(error: RpcError, frame: &[u8]) -> Self {
        let start = frame.trim_ascii_start();
        let line = match start.first() {
            Some(b'{' | b'[') => None,
            _ => Some(String::from_utf8_lossy(start.get(..80).unwrap_or(start)).into()),
        };
        Self::NotAMessage { error, line }
    }
}

impl Weigh for Ignored {
    fn weight(&self) -> usize {
        match self {
            Self::NotAFrame(FrameError::TooLong { head, .. }) => head.len(),
            Self::NotAMessage { error, line } => {
                let line = line.as_ref().map_or(0, |line| line.len());
                total([rpc_error_weight(error), line])
            }
            Self::Error(error) => rpc_error_weight(error),
            Self::Request(method) | Self::Notification(method) => method.len(),
            _ => 0,
        }
    }
}

impl fmt::Display for Ignored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAFrame(error) => write!(f, "not a frame: {error}"),
            Self::NotAMessage { error, line: None } => write!(f, "not a message: {error}"),
            Self::NotAMessage {
                error,
                line: Some(line),
            } => write!(f, "not a message: {error}: {line:?}"),
            Self::Response(Some(id)) => write!(f, "a response to no open request, {id}"),
            Self::Response(None) => f.write_str("a response without an id"),
            Self::Error(error) => write!(f, "an error about no request: {error}"),
            Self::Request(method) => write!(f, "the request {method}, which a server may not send"),
            Self::Notification(method) => {
                write!(
                    f,
                    "the notification {method}, malformed or about nothing open"
                )
            }
        }
    }
}

/// The progress token in the `_meta` of some params.
pub(crate) fn progress_token_of(params: &[u8]) -> Option<RequestId> {
    let token = member_of(member_of(params, "_meta")?, "progressToken")?;
    RequestId::from_json(core::str::from_utf8(token).ok()?)
}

/// The start of a text of the peer's, of at most `longest` bytes.
pub(crate) fn shortened(text: &str, longest: usize) -> Box<str> {
    start_of(text, longest).into()
}
