//! Every bound of the crate in one value, with its default and the reason for it.
//! Each layer enforces its own; nothing a peer sends can make anything grow past these.

/// The bounds that a session and its adapters keep.
///
/// Start from [`Limits::default`] and change what you must with the setters of the same name.
/// Sizes are bytes unless a field says otherwise. Each bound is tried at one below, at it and one
/// above in `tests/it/bounds.rs`; [`total`](Self::total) says what they amount to.
///
/// | Bound | Default | Reason | Precedent
/// |---|---|---|---
/// | [`frame`](field@Self::frame) | 16 MiB | images and files travel as base64 inside one frame | rmcp: 16 MiB an event
/// | [`depth`](field@Self::depth) | 128 | a reader that recurses must not use up its stack | serde_json: 128
/// | [`id`](field@Self::id) | 256 | ids are echoed and kept for each request | none
/// | [`name`](field@Self::name) | 1 KiB | names are kept with their request and written to logs | MCP: 128 for tool names
/// | [`uri`](field@Self::uri) | 8 KiB | a URI or cursor is kept with its request | nginx: 8 KiB for a request line
/// | [`calls`](field@Self::calls) | 1,024 | each call in flight costs an entry and a handler | HTTP/2: 100 streams or more
/// | [`subscriptions`](field@Self::subscriptions) | 1,024 | each change is told to every one of them | as for calls
/// | [`events`](field@Self::events) | 1,024 | a user that polls slowly must slow the peer down | as for calls
/// | [`output`](field@Self::output) | 16 MiB | a peer that reads nothing must not be written for | hyper: 400 KiB for a stream of HTTP/2
/// | [`memory`](field@Self::memory) | 64 MiB | four frames of the largest size, whatever holds them | none
/// | [`peer`](field@Self::peer) | 1 MiB | what a peer says of itself is kept as long as the session | none
/// | [`input_rounds`](field@Self::input_rounds) | 10 | a peer that asks for ever must come to an end | SDKs in TypeScript, Python, Rust: 10
/// | [`inputs`](field@Self::inputs) | 64 | each question is shown to somebody | none
/// | [`pages`](field@Self::pages) | 64 | a listing that never ends must come to an end | curl: 50 redirects
/// | [`links`](field@Self::links) | 64 | each link is a request of the client's own | none
/// | [`batch`](field@Self::batch) | 1,024 | the answers of a batch wait for the last one | as for calls
/// | [`cancel_burst`](field@Self::cancel_burst) | 100 | work that is cancelled at once is free for who asks for it | rapid reset: 20 in h2, 1,000 in nghttp2
/// | [`cancel_rate`](field@Self::cancel_rate) | 20 | who cancels now and then is never refused | nghttp2: 33 a second
/// | [`malformed_burst`](field@Self::malformed_burst) | 1,000 | garbage must not make this side write as much | nghttp2: 10,000 glitches
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The longest frame that is read; a longer line is discarded up to its newline. 16 MiB, as
    /// images and files travel as base64 inside one frame.
    pub frame: usize,
    /// How deep JSON may nest. 128, as serde_json has it; 0 counts as 1.
    pub depth: usize,
    /// The longest request id, as JSON text. 256: ids are echoed and kept for each request. A
    /// request whose id is longer is refused with an error that can't name it. That of an answer
    /// may always have 20 bytes, as a session's own ids do.
    pub id: usize,
    /// The longest method, tool or prompt name. 1 KiB; a method may always have 64 bytes.
    pub name: usize,
    /// The longest resource URI or cursor. 8 KiB, as HTTP servers have for a request line.
    pub uri: usize,
    /// Calls in flight at once, each way. 1,024; 0 counts as 1.
    pub calls: usize,
    /// Subscriptions (URIs and listen streams together) at once. 1,024.
    pub subscriptions: usize,
    /// Events that wait to be polled before the session wants no more frames. 1,024; 0 counts as 1.
    pub events: usize,
    /// Output that waits to be polled, in bytes. 16 MiB. Beyond it, commands that would add
    /// requests or notifications are refused, log messages and progress are dropped, and a server
    /// that awaits no response itself wants no more frames. Answers and cancellations are always
    /// taken; for what a session answers by itself there is a reserve of 2 KiB for each of
    /// [`calls`](field@Self::calls), beyond which it wants no more frames in any case.
    pub output: usize,
    /// What a session holds, in bytes: the frames of events that wait to be polled and of requests
    /// in flight, answers that wait in a batch, unsent output, and what is kept of the peer's
    /// texts. 64 MiB. A request that doesn't fit any more is refused as one beyond
    /// [`calls`](field@Self::calls) is, and while events wait to be polled the session wants no more
    /// frames. What is written then, such as refusals, is bounded by [`output`](Self::output)
    /// alone: see [`total`](Self::total). Each listing of a high-level client, and the events that
    /// wait to be polled from it, are held to it as well.
    pub memory: usize,
    /// What is kept of each text in which a peer describes itself: its info, its capabilities, its
    /// instructions, in bytes. 1 MiB. An opening that says more is refused.
    pub peer: usize,
    /// Rounds of input that one call may ask for. 10.
    pub input_rounds: usize,
    /// Input requests that one round may hold. 64.
    pub inputs: usize,
    /// Pages that one listing may have. 64.
    pub pages: usize,
    /// Links in a tool's result that a client reads by itself; those past it stay links. 64.
    pub links: usize,
    /// Elements of one batch (2025-03-26). 1,024.
    pub batch: usize,
    /// Cancelled requests that may come in one burst before new requests are refused. 100; 0 counts
    /// as 1.
    pub cancel_burst: u32,
    /// How fast the allowance for cancelled requests grows back, each second. 20.
    pub cancel_rate: u32,
    /// Errors that answer unreadable input in one burst before further ones stay unanswered. 1,000:
    /// a peer that sends garbage cannot make this side write as much as it does forever.
    pub malformed_burst: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            frame: 16 << 20,
            depth: 128,
            id: 256,
            name: 1 << 10,
            uri: 8 << 10,
            calls: 1024,
            subscriptions: 1024,
            events: 1024,
            output: 16 << 20,
            memory: 64 << 20,
            peer: 1 << 20,
            input_rounds: 10,
            inputs: 64,
            pages: 64,
            links: 64,
            batch: 1024,
            cancel_burst: 100,
            cancel_rate: 20,
            malformed_burst: 1000,
        }
    }
}

impl Limits {
    /// Returns the most that a session allocates whatever its peer sends, in bytes, beside the one
    /// frame that takes it over a limit: [`memory`](Self::memory), [`output`](Self::output) and its
    /// reserve, a quarter of these for the room in which buffers grow, and 128 KiB. With the
    /// defaults it is 103 MiB.
    ///
    /// Answers and calls of the user's own come on top, as they are always taken or refused by
    /// number. A frame counts with its length: one that came through a
    /// [`LineDecoder`](crate::frame::LineDecoder) may keep twice as much alive, or 8 KiB.
    pub const fn total(&self) -> usize {
        let held = self.memory.saturating_add(self.output);
        let held = held.saturating_add(self.reserve());
        held.saturating_add(held / 4).saturating_add(128 << 10)
    }

    /// Whether more may come in beside so many events that wait, when so many bytes are held. When
    /// none waits, polling can't help, so one more may.
    #[inline]
    pub(crate) fn have_room(&self, events: usize, held: impl FnOnce() -> usize) -> bool {
        events == 0 || (events < self.events && held() < self.memory)
    }

    /// How many calls may be in flight: at least one, as who waits for its turn would wait for ever.
    pub(crate) const fn calls(&self) -> usize {
        match self.calls {
            0 => 1,
            calls => calls,
        }
    }

    /// How many requests may be cancelled in one burst: at least one, as a bucket without room
    /// would never have another.
    pub(crate) fn cancels(&self) -> u32 {
        self.cancel_burst.max(1)
    }

    /// How much a session may answer by itself while its output is full.
    pub(crate) const fn reserve(&self) -> usize {
        self.calls().saturating_mul(2 << 10)
    }
}
