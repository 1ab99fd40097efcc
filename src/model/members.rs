//! The members by which messages are routed: the keys that a scan looks for, and what is kept of
//! their places so that a body need not be scanned again.

use crate::limits::Limits;
use crate::rpc::{
    self, BodySpans, Decoded, GoodJson, KeyTable, Landmarks, Raw, Rejection, Repeated, Scan,
    Source, Span, Text, is_json,
};
use crate::saved::saved;

/// Declares the members of one kind of object that a scan remembers, by their keys.
macro_rules! members {
    ($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $member:ident = $key:literal,)* }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub(crate) enum $name {
            $($(#[$doc])* $member,)*
        }

        impl $name {
            /// The number of the member called `key`.
            #[inline]
            fn number(key: &[u8]) -> Option<usize> {
                $(if key == $key.as_bytes() {
                    return Some(Self::$member as usize);
                })*
                None
            }

            /// The number of the member with whose key and colon `text` starts, and their length.
            #[inline]
            fn first_in(text: &[u8]) -> Option<(usize, usize)> {
                $({
                    const KEY: &[u8] = concat!("\"", $key, "\":").as_bytes();
                    if text.starts_with(KEY) {
                        return Some((Self::$member as usize, KEY.len()));
                    }
                })*
                None
            }
        }
    };
}

members! {
    /// A member of params.
    Param {
        Meta = "_meta",
        Name = "name",
        Uri = "uri",
        Arguments = "arguments",
        RequestId = "requestId",
        ProgressToken = "progressToken",
        InputResponses = "inputResponses",
        RequestState = "requestState",
        Task = "task",
        TaskId = "taskId",
    }
}

members! {
    /// A member of a result.
    ResultMember {
        Meta = "_meta",
        Content = "content",
        ResultType = "resultType",
        StructuredContent = "structuredContent",
        IsError = "isError",
        InputRequests = "inputRequests",
        RequestState = "requestState",
    }
}

members! {
    /// A member of the `_meta` of params or of a result.
    MetaMember {
        ProgressToken = "progressToken",
        ProtocolVersion = "io.modelcontextprotocol/protocolVersion",
        ClientCapabilities = "io.modelcontextprotocol/clientCapabilities",
        ClientInfo = "io.modelcontextprotocol/clientInfo",
        LogLevel = "io.modelcontextprotocol/logLevel",
        SubscriptionId = "io.modelcontextprotocol/subscriptionId",
    }
}

/// The keys of MCP for the scan, which knows none.
pub(crate) struct Keys;

impl KeyTable for Keys {
    // It stands first in both kinds of body.
    const NESTED: usize = Param::Meta as usize;

    #[inline]
    fn in_params(key: &[u8]) -> Option<usize> {
        Param::number(key)
    }

    #[inline]
    fn first_in_params(text: &[u8]) -> Option<(usize, usize)> {
        Param::first_in(text)
    }

    #[inline]
    fn in_result(key: &[u8]) -> Option<usize> {
        ResultMember::number(key)
    }

    #[inline]
    fn first_in_result(text: &[u8]) -> Option<(usize, usize)> {
        ResultMember::first_in(text)
    }

    #[inline]
    fn in_nested(key: &[u8]) -> Option<usize> {
        MetaMember::number(key)
    }

    #[inline]
    fn first_in_nested(text: &[u8]) -> Option<(usize, usize)> {
        MetaMember::first_in(text)
    }
}

const _: () = assert!(Param::Meta as usize == ResultMember::Meta as usize);

/// Reads the envelope of `frame` by way of a fresh `scan`, remembering MCP's members.
pub(crate) fn decode<'s>(
    frame: &[u8],
    limits: &Limits,
    repeated: &Repeated,
    scan: &'s mut Scan,
) -> Result<Decoded<'s>, Rejection> {
    rpc::decode::<Keys>(frame, limits, repeated, scan)
}

impl Scan {
    /// The member of `params`.
    #[inline]
    pub(crate) fn param(&self, member: Param) -> Span {
        self.params.member(member as usize)
    }

    /// The member of the `_meta` of `params`.
    #[inline]
    pub(crate) fn param_meta(&self, member: MetaMember) -> Span {
        self.params.nested(member as usize)
    }

    /// The member of `result`.
    #[inline]
    pub(crate) fn result_member(&self, member: ResultMember) -> Span {
        self.result.member(member as usize)
    }
}

/// Remembers the `_meta` of a body that has passed all checks, unless it says something that
/// differs from message to message.
pub(crate) fn remember_meta(repeated: &mut Repeated, frame: &[u8], body: &BodySpans) {
    let varies = [MetaMember::ProgressToken, MetaMember::SubscriptionId];
    if !varies
        .iter()
        .any(|member| body.nested(*member as usize).is_some())
    {
        repeated.remember(frame, body.member(Keys::NESTED), body);
    }
}

/// Where the members of a body stand in its frame that are asked for after the scan.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct MemberSpans {
    spans: [Span; 4],
    /// Whether `tools/call` has no other members in this body, so that these are enough to read it.
    is_complete: bool,
}

saved! { struct MemberSpans { spans, is_complete } }

impl MemberSpans {
    /// Those of a request's params, given where its subject stands and whether it calls a tool.
    pub(crate) fn of_params(scan: &Scan, subject: Span, calls_tool: bool) -> Self {
        let others = [Param::InputResponses, Param::RequestState, Param::Task];
        let has_others = others.iter().any(|other| scan.param(*other).is_some());
        Self {
            spans: [
                subject,
                scan.param(Param::Arguments),
                Span::NONE,
                scan.param(Param::Meta),
            ],
            is_complete: calls_tool && !has_others && !scan.params.has_duplicate,
        }
    }

    /// Those of a result.
    pub(crate) fn of_result(scan: &Scan) -> Self {
        Self {
            spans: [
                scan.result_member(ResultMember::Content),
                scan.result_member(ResultMember::StructuredContent),
                scan.result_member(ResultMember::IsError),
                scan.result_member(ResultMember::Meta),
            ],
            is_complete: !scan.result.has_duplicate,
        }
    }

    /// Whether a value stands in `frame` wherever one is said to be, as does unless what was saved was
    /// changed.
    pub(crate) fn are_values(&self, frame: &[u8]) -> bool {
        let mut spans = self.spans.iter().filter(|span| span.is_some());
        spans.all(|span| is_json(span.of(frame)))
    }

    /// What a request is for: the name of a tool or prompt, or a URI.
    pub(crate) const fn subject(&self) -> Span {
        self.spans[0]
    }

    /// The arguments of a request.
    pub(crate) const fn arguments(&self) -> Span {
        self.spans[1]
    }

    /// The `_meta`.
    pub(crate) const fn meta(&self) -> Span {
        self.spans[3]
    }
}

/// A body of `tools/call` whose members a scan has found.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ScannedBody<'a> {
    /// The body, found once to be text so that its members need not be.
    text: &'a str,
    /// Where it starts in the frame.
    start: usize,
    spans: &'a MemberSpans,
    landmarks: Option<&'a Landmarks>,
}

impl<'a> ScannedBody<'a> {
    /// The body that stands at `body` in `frame`, which `source` may share, and has its members at `spans`;
    /// `None` when there may be others that matter.
    pub(crate) fn new(
        frame: &'a [u8],
        body: Span,
        spans: &'a MemberSpans,
        landmarks: Option<&'a Landmarks>,
        source: Source<'a>,
    ) -> Option<Self> {
        if !spans.is_complete {
            return None;
        }
        Some(Self {
            text: source.text(body.of(frame)).ok()?,
            start: body.range().start,
            spans,
            landmarks,
        })
    }

    /// All of it, to be read from its start on.
    pub(crate) fn reader(&self) -> GoodJson<'a> {
        GoodJson::with_landmarks(self.text, self.start, self.landmarks)
    }

    /// The name of the tool, when it is a string.
    pub(crate) fn name(&self) -> Option<Text<'a>> {
        Text::from_token(self.json(self.spans.subject())?)
    }

    /// The arguments if there are any; `None` when they are no object.
    pub(crate) fn arguments(&self) -> Option<Option<Raw<'a>>> {
        self.object(self.spans.arguments())
    }

    /// The `_meta` if there is one; `None` when it is no object.
    pub(crate) fn meta(&self) -> Option<Option<Raw<'a>>> {
        self.object(self.spans.meta())
    }

    /// The content as the text it is, empty when there is none.
    pub(crate) fn content(&self) -> Option<&'a str> {
        self.json(self.spans.spans[0])
    }

    /// The structured content if there is any.
    pub(crate) fn structured_content(&self) -> Option<Option<Raw<'a>>> {
        self.raw(self.spans.spans[1])
    }

    /// Whether the tool failed, as the text it is, empty when nothing is said.
    pub(crate) fn is_error(&self) -> Option<&'a str> {
        self.json(self.spans.spans[2])
    }

    /// The member at `span`, empty when there is none; `None` when it stands outside of the body.
    fn json(&self, span: Span) -> Option<&'a str> {
        if !span.is_some() {
            return Some("");
        }
        let [start, end] = [span.start, span.end].map(|at| (at as usize).checked_sub(self.start));
        self.text.get(start?..end?)
    }

    fn raw(&self, span: Span) -> Option<Option<Raw<'a>>> {
        let json = self.json(span)?;
        Some((!json.is_empty()).then(|| Raw::trusted(json.into())))
    }

    #[inline]
    fn object(&self, span: Span) -> Option<Option<Raw<'a>>> {
        match self.json(span)? {
            "" => Some(None),
            json => json.starts_with('{').then(|| Some(Raw::constant(json))),
        }
    }
}
