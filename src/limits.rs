//! Every bound of the crate in one value, with its default and the reason for it.
//! Each layer enforces its own; nothing a peer sends can make anything grow past these.

/// The bounds that a session and its adapters keep.
///
/// Start from [`Limits::default`] and change what you must with the setters of the same name.
/// Sizes are bytes unless a field says otherwise.
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
