//! By what the two sessions of a pair meet: a pipe, or with the feature `http-core` HTTP in one of its forms.

use std::cell::Cell;
use std::collections::BTreeMap;

use mcp_proto::rpc::Kind;
use mcp_proto::session::{Route, Transmit};
use mcp_proto::{Era, Revision};
use serde_json::Value;

use super::{LEGACY, amount};

#[cfg(feature = "http-core")]
pub use super::exchanged::Carrier;
#[cfg(not(feature = "http-core"))]
pub use super::piped::Carrier;

/// By what the two sessions of a pair meet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Way {
    #[default]
    Pipe,
    /// A modern exchange for each request.
    Modern,
    /// The same, answered with JSON alone.
    ModernJson,
    /// A legacy session shared by an id.
    Streamable,
    /// The same, answered with JSON alone.
    StreamableJson,
    /// Legacy exchanges without a session id.
    Stateless,
    /// The pair of endpoints of 2024-11-05.
    OldPair,
}

impl Way {
    /// The ways by which this revision is spoken.
    pub fn of(revision: Revision) -> Vec<Self> {
        Self::taken(revision, Self::all_of(revision))
    }

    fn all_of(revision: Revision) -> &'static [Self] {
        match revision.era() {
            Era::Modern => &[Self::Pipe, Self::Modern, Self::ModernJson],
            _ => &[
                Self::Pipe,
                Self::Streamable,
                Self::StreamableJson,
                Self::Stateless,
                Self::OldPair,
            ],
        }
    }

    /// The same without those by which only answers come: notifications of a call are left out, or
    /// nothing belongs to no request.
    pub fn of_streams(revision: Revision) -> Vec<Self> {
        let all: &[Self] = match revision.era() {
            Era::Modern => &[Self::Pipe, Self::Modern],
            _ => &[
                Self::Pipe,
                Self::Streamable,
                Self::StreamableJson,
                Self::OldPair,
            ],
        };
        Self::taken(revision, all)
    }

    /// Those of all that a test takes. In a plain run a legacy revision goes by the pipe and by one more,
    /// which is another one for each revision: a test of all revisions still meets every way. Without HTTP there is but the pipe.
    fn taken(revision: Revision, all: &[Self]) -> Vec<Self> {
        if !cfg!(feature = "http-core") {
            return vec![Self::Pipe];
        }
        let is_plain = amount(true, false);
        match LEGACY.iter().position(|legacy| *legacy == revision) {
            Some(nth) if is_plain => vec![all[0], all[1 + nth % (all.len() - 1)]],
            _ => all.to_vec(),
        }
    }

    /// Whether a frame says that a request is cancelled. A modern exchange is closed instead.
    pub fn tells_cancellation(self, revision: Revision) -> bool {
        self == Self::Pipe || revision.era() == Era::Legacy
    }

    /// Whether all that a server sends comes in the order in which it was sent, rather than what
    /// belongs to one request alone.
    pub fn orders_all(self, revision: Revision) -> bool {
        matches!(self, Self::Pipe | Self::OldPair) || revision.era() == Era::Modern
    }

    /// The way of the test that runs on this thread.
    pub fn current() -> Self {
        WAY.get()
    }
}

thread_local! {
    static WAY: Cell<Way> = const { Cell::new(Way::Pipe) };
}

/// Lets the pairs of this thread meet by this way until it is dropped.
pub fn over(way: Way) -> Over {
    WAY.set(way);
    Over(way)
}

/// Runs a test for each of these revisions by each of their ways. The tests share it since loops of their own would be a
/// twentieth of what is compiled of them.
pub fn run_each(
    revisions: impl IntoIterator<Item = Revision>,
    ways: fn(Revision) -> Vec<Way>,
    test: fn(Revision),
) {
    let run = |revision| {
        for way in ways(revision) {
            let _carried = over(way);
            test(revision);
        }
    };
    revisions.into_iter().for_each(run);
}

/// Each of these revisions by each way that carries it, in force until the next one is asked for.
pub fn by_every_way(
    revisions: impl IntoIterator<Item = Revision>,
) -> impl Iterator<Item = (Revision, Over)> {
    let ways = |revision| {
        Way::of(revision)
            .into_iter()
            .map(move |way| (revision, way))
    };
    let all = revisions.into_iter().flat_map(ways);
    all.map(|(revision, way)| (revision, over(way)))
}

/// The same without the ways by which only answers come.
pub fn by_every_stream(
    revisions: impl IntoIterator<Item = Revision>,
) -> impl Iterator<Item = (Revision, Over)> {
    let ways = |revision| {
        Way::of_streams(revision)
            .into_iter()
            .map(move |way| (revision, way))
    };
    let all = revisions.into_iter().flat_map(ways);
    all.map(|(revision, way)| (revision, over(way)))
}

/// The ways that differ to a client whose server is the test, each in force until the next one is
/// asked for: a pipe, and exchanges of which each carries the answer to its request.
pub fn by_every_route() -> impl Iterator<Item = Over> {
    [Way::Pipe, Way::Streamable].into_iter().map(over)
}

/// A way that is in force while this lives.
pub struct Over(Way);

impl Drop for Over {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("carried by {:?}", self.0);
        }
        WAY.set(Way::Pipe);
    }
}

/// What has come out of a step: frames that were sent, by whom.
pub type Frames = Vec<String>;

/// By which routes the frames of a server come to its client.
#[derive(Clone, Debug, Default)]
pub struct Routes {
    /// By which route each request of the client has left.
    asked: BTreeMap<String, Route>,
}

impl Routes {
    /// Notes what a client sends.
    pub fn sent(&mut self, frame: &str, transmit: &Transmit) {
        if transmit.kind == Kind::Request {
            let frame: Value = serde_json::from_str(frame).expect("a frame is JSON");
            self.asked.insert(frame["id"].to_string(), transmit.route);
        }
    }

    /// By which route a frame comes that the server is said to have sent.
    pub fn of(&self, frame: &[u8]) -> Route {
        let way = Way::current();
        if way == Way::Pipe {
            return Route::Pipe;
        }
        let frame: Value = serde_json::from_slice(frame).unwrap_or_default();
        let meta = &frame["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"];
        let named = match frame.get("method") {
            None => &frame["id"],
            Some(_) if !meta.is_null() => meta,
            Some(_) => &frame["params"]["progressToken"],
        };
        match self.asked.get(&named.to_string()) {
            Some(route) if way != Way::OldPair => *route,
            _ => Route::Standalone,
        }
    }
}
