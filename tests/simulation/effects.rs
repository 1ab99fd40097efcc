//! What a session does at once with one command or one frame: what it writes and what it tells, beyond
//! what waited before.

use mcp_proto::Session;
use serde_json::Value;

/// The messages that were written, those of a batch one by one, and the events that were told.
pub struct Effects<E> {
    pub frames: Vec<Value>,
    pub events: Vec<E>,
}

impl<E> Effects<E> {
    /// What has come about between two states of a session; `None` when it has ended, which drops what
    /// waited.
    pub fn between<S: Session<Event = E> + Clone>(before: &S, after: &S) -> Option<Self> {
        if after.is_closed() {
            return None;
        }
        let (waited, told) = drained(before.clone());
        let told = told.len();
        let (frames, mut events) = drained(after.clone());
        assert!(frames.starts_with(&waited), "what waited has changed");
        let new = frames.iter().skip(waited.len());
        let new = new.map(|frame| serde_json::from_slice(frame).expect("JSON"));
        let flat = new.flat_map(|frame| match frame {
            Value::Array(elements) => elements,
            message => vec![message],
        });
        assert!(events.len() >= told, "what was told is gone");
        events.drain(..told);
        Some(Self {
            frames: flat.collect(),
            events,
        })
    }

    /// Sees to it that nothing was written.
    pub fn assert_silent(&self, why: &str) {
        assert!(self.frames.is_empty(), "{why}: {:?}", self.frames);
    }

    /// The only message that was written.
    pub fn only_frame(&self, why: &str) -> &Value {
        match &self.frames[..] {
            [only] => only,
            others => panic!("{why}: one message is to be written, not {others:?}"),
        }
    }
}

/// The messages that wait to be sent.
pub fn waiting<S: Session + Clone>(session: &S) -> Vec<Value> {
    let (frames, _) = drained(session.clone());
    let frames = frames.iter();
    frames
        .map(|frame| serde_json::from_slice(frame).expect("JSON"))
        .collect()
}

impl<E: std::fmt::Debug> Effects<E> {
    /// Sees to it that nobody was told anything.
    pub fn assert_untold(&self, why: &str) {
        assert!(self.events.is_empty(), "{why}: {:?}", self.events);
    }

    /// The only event that was told.
    pub fn only_event(&self, why: &str) -> &E {
        match &self.events[..] {
            [only] => only,
            others => panic!("{why}: one event is to be told, not {others:?}"),
        }
    }
}

/// The frames that wait, and the events.
fn drained<S: Session>(mut session: S) -> (Vec<Vec<u8>>, Vec<S::Event>) {
    let mut frames = Vec::new();
    let mut frame = Vec::new();
    while session.poll_transmit(&mut frame).is_some() {
        frames.push(std::mem::take(&mut frame));
    }
    (
        frames,
        std::iter::from_fn(|| session.poll_event()).collect(),
    )
}
