//! What has passed between the two ends, in the order in which it did.

use mcp_proto::client::Direction;
use mcp_proto::session::ExchangeId;

/// A frame that has passed.
pub struct Frame {
    pub direction: Direction,
    pub bytes: Vec<u8>,
}

/// Something that has passed.
#[cfg_attr(
    not(feature = "http-core"),
    expect(dead_code, reason = "over pipes there are only frames")
)]
pub enum Passed {
    /// A frame by itself.
    Frame(Frame),
    /// The first line of a request or a response, and whose it is.
    Head(Direction, ExchangeId, String),
    /// A header field.
    Header(Direction, String),
    /// A frame as the body of a request or of a response.
    Body(Frame),
    /// An event of a response that is a stream, with its frame if it has one.
    Event(ExchangeId, Option<Frame>),
}

impl Passed {
    /// The frame that has passed, if it is one.
    pub fn frame(&self) -> Option<&Frame> {
        match self {
            Self::Frame(frame) | Self::Body(frame) | Self::Event(_, Some(frame)) => Some(frame),
            _ => None,
        }
    }

    /// Whether an exchange begins with it.
    pub fn opens(&self) -> bool {
        matches!(self, Self::Head(Direction::Sent, ..))
    }
}
