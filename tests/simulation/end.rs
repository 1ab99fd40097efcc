//! What both ends of a simulated connection have in common: a clock that is not to be trusted, the
//! trace of what has happened, and the rules that hold for any session.

use std::fmt::{self, Write};
use std::hash::{DefaultHasher, Hasher};
use std::time::Duration;

use bytes::Bytes;
use mcp_proto::session::{Closed, Misuse, Route};
use mcp_proto::{Instant, Limits, Revision, Session};
use serde_json::Value;

use super::judge::Sent;
use super::random::Random;
use super::runs::number;
use super::tally::{Kind, Marks};

/// Anything open, or the event that ends it, takes more than so many bytes.
const LEAST: usize = 48;

/// A session and its user.
pub trait End {
    type Session: Session;

    fn parts(&mut self) -> (&mut Self::Session, &mut Common);

    fn session(&mut self) -> &mut Self::Session {
        self.parts().0
    }

    fn common(&mut self) -> &mut Common {
        self.parts().1
    }

    /// Whether what this end's user says is what `faithful` expects.
    fn speaks_of_marks(&self) -> bool {
        false
    }

    /// Does something that a user may do, whether or not it is the time for it.
    fn command(&mut self, random: &mut Random);

    /// Takes one event; `false` when there is none.
    fn take_event(&mut self, random: &mut Random) -> bool;

    /// Answers all that the peer waits for; returns whether there was anything.
    fn answer_all(&mut self, random: &mut Random) -> bool;

    /// Saves the session and goes on with the restored one.
    fn restore(&mut self, _random: &mut Random) {}

    /// Sees to it that a saved session is the same when it is restored and saved again.
    fn assert_saves(&self) {}

    /// Sees to it that the account of what is held has what is known to be there.
    fn assert_weighs(&self) {}

    /// What this end waits for that has to end by itself, for a message; `None` when nothing.
    fn waits_for(&self) -> Option<String>;

    /// Whether all places for calls are taken by what may last for ever.
    fn is_full(&self) -> bool {
        false
    }

    /// Whether something is open that has no deadline because its user wanted none.
    fn waits_for_ever(&self) -> bool {
        false
    }

    /// Sees to it that the end of the session has ended everything.
    fn assert_over(&self);

    /// How many bytes are held, and what bounds them.
    fn held(&self) -> (usize, &Limits);

    /// How often the time has to be told before nothing is due any more.
    fn patience(&self) -> usize {
        1
    }

    /// Tells the session what time it is.
    fn wait(&mut self, now: Instant) {
        self.session().handle_timeout(now);
    }

    /// Something else than a frame comes, of which nobody knows what it was to do.
    fn stop_watching(&mut self) {}

    /// Takes a frame.
    fn hear(&mut self, frame: Bytes) {
        let now = self.common().now;
        self.session().handle_frame(now, Route::Pipe, frame);
    }

    /// Lets the time come, after which nothing may be due any more.
    fn pass(&mut self, duration: Duration) {
        let now = self.common().now + duration;
        self.common().now = now;
        self.common().passed += duration;
        let mut due = None;
        for _ in 0..self.patience() {
            self.wait(now);
            due = self.session().poll_timeout().filter(|next| *next <= now);
            if due.is_none() {
                break;
            }
        }
        assert_eq!(
            due, None,
            "a deadline stays due: an adapter would never sleep"
        );
    }

    /// What the peer sends makes a session hold one frame more than its limit at the most; what its
    /// own user says comes on top.
    fn assert_bounded(&self, own: usize) {
        let (held, limits) = self.held();
        let most = limits
            .memory
            .saturating_add(limits.frame)
            .saturating_add(own);
        assert!(held <= most, "{held} bytes are held, {most} are allowed");
        let least = self.known() * LEAST;
        assert!(
            held >= least,
            "{held} bytes are held, where {least} are known of"
        );
    }

    /// How many calls or requests this user knows to be open.
    fn known(&self) -> usize {
        0
    }

    /// Where nothing moves any more but the time: what is open is accounted for, and will wake the session.
    fn assert_in_time(&mut self) {}

    /// What an adapter can see of the session: it has to be the same after a restore.
    fn seen(&mut self) -> (usize, bool, Option<Duration>) {
        let (held, _) = self.held();
        let (session, common) = self.parts();
        let left = session.poll_timeout().map(|due| due - common.now);
        (held, session.wants_frames(), left)
    }

    fn lose(&mut self, why: Closed) {
        let now = self.common().now;
        self.session().handle_closed(now, Route::Pipe, why);
    }
}

/// What every end keeps.
pub struct Common {
    pub now: Instant,
    /// How much time has passed: it neither goes back nor begins anew.
    pub passed: Duration,
    pub marks: Marks,
    /// Whether what is heard is what the other end's user has said.
    pub is_faithful: bool,
    /// Whether no bit of a frame has changed on the way, which may make it another valid one.
    pub is_intact: bool,
    pub is_closed: bool,
    name: &'static str,
    /// Whether events and frames go into the trace.
    traces: bool,
    /// Whether they are printed: a run that is replayed shows what happens.
    shows: bool,
    trace: Trace,
}

impl Common {
    pub fn new(name: &'static str, random: &mut Random, traces: bool) -> Self {
        Self {
            now: Instant::from_millis(random.below(2000) as u64),
            passed: Duration::ZERO,
            marks: Marks::default(),
            is_faithful: false,
            is_intact: true,
            is_closed: false,
            name,
            traces,
            shows: number("MCP_SIMULATION_SEEDS") == Some(1),
            trace: Trace(DefaultHasher::new()),
        }
    }

    pub fn mark(&mut self, kind: Kind) {
        self.marks.set(kind);
    }

    /// Notes an event, which must not come after the last one.
    pub fn note_event(&mut self, event: &impl fmt::Debug) {
        assert!(!self.is_closed, "{event:?} after the end");
        assert!(!format!("{event:?}").is_empty());
        self.note(event);
    }

    pub fn note(&mut self, event: &impl fmt::Debug) {
        if self.traces {
            let _ = write!(self.trace, "{event:?}");
        }
        if self.shows {
            println!("{} {} hears {event:?}", self.now, self.name);
        }
    }

    pub fn note_frame(&mut self, frame: &[u8], sent: Sent) {
        if sent == Sent::Batch {
            self.mark(Kind::Batch);
        }
        if self.traces {
            self.trace.0.write(frame);
        }
        if self.shows {
            let frame = String::from_utf8_lossy(frame);
            println!("{} {} sends {frame}", self.now, self.name);
        }
    }

    /// A number that is the same for the same events and frames.
    pub fn trace(&self) -> u64 {
        self.trace.0.finish()
    }

    pub fn mark_opened(&mut self, revision: Revision) {
        let index = Revision::ALL.iter().position(|known| *known == revision);
        let opened = [
            Kind::Opened20241105,
            Kind::Opened20250326,
            Kind::Opened20250618,
            Kind::Opened20251125,
            Kind::Opened20260728,
        ];
        self.mark(opened[index.expect("a known revision")]);
    }
}

struct Trace(DefaultHasher);

impl Write for Trace {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.write(text.as_bytes());
        Ok(())
    }
}

/// Whether output is never full, so that all that may go out does.
pub fn has_room(limits: &Limits) -> bool {
    limits.output >= 1 << 20
}

/// Whether no limit is ever reached by what users say, so that nothing has to be refused.
pub fn are_ample(limits: &Limits) -> bool {
    let bytes = [limits.frame, limits.output, limits.memory];
    let texts = [limits.name, limits.uri, limits.id, limits.peer];
    let counts = [
        limits.calls,
        limits.subscriptions,
        limits.inputs,
        limits.depth,
    ];
    has_room(limits)
        && bytes.iter().all(|most| *most >= 1 << 20)
        && texts.iter().all(|most| *most >= 256)
        && counts.iter().all(|most| *most >= 64)
        && limits.cancel_burst >= 64
        && limits.cancel_rate >= 20
}

/// Compares what is saved before and after a command that was refused.
pub fn assert_unchanged(before: &str, after: &str, misuse: &Misuse) {
    let said = misuse.to_string();
    assert!(!said.is_empty() && !said.ends_with(' '), "{said:?}");
    assert_same_text(before, after);
}

/// Changes of a saved session that none could have saved, whichever side it is of: its format, the next
/// number, how much of its output is of the reserve, whether it has ended.
pub fn damaged(text: &str) -> impl Iterator<Item = String> {
    let saved: Value = serde_json::from_str(text).expect("JSON");
    (0..4).map(move |which| {
        let mut saved = saved.clone();
        let writer = &mut saved[2][0];
        match which {
            0 => writer[2] = 0.into(),
            1 => {
                let reserved = writer[3][3].as_u64().expect("a number");
                writer[3][3] = (reserved + 1).into();
            }
            2 => writer[3][4] = (1_u64 << 63).into(),
            _ => saved[0] = 0.into(),
        }
        saved.to_string()
    })
}

/// What is saved without the places whose text depends on the epoch: what happened before it began is
/// kept as how long ago that was, and some as two numbers of which one is that.
pub fn without_epoch(text: &str, places: &[[usize; 3]]) -> String {
    let mut saved: Value = serde_json::from_str(text).expect("JSON");
    for [side, part, place] in places {
        let part = &mut saved[side][part];
        if let Some(value) = part.get_mut(place) {
            value.take();
        }
    }
    saved.to_string()
}

/// Compares what is saved before and after nothing has happened.
pub fn assert_same_text(before: &str, after: &str) {
    let same = before
        .bytes()
        .zip(after.bytes())
        .take_while(|(a, b)| a == b);
    let at = same.count();
    if at < before.len().max(after.len()) {
        let around = |text: &str| {
            let end = text.len().min(at + 120);
            text.get(at.saturating_sub(160)..end)
                .unwrap_or_default()
                .to_owned()
        };
        let (before, after) = (around(before), around(after));
        panic!("nothing was done, yet it changed:\n{before}\n{after}");
    }
}

/// A duration of any kind: none, a moment, minutes, for ever.
pub fn duration(random: &mut Random) -> Duration {
    match random.below(8) {
        0 => Duration::ZERO,
        1..6 => Duration::from_millis(random.below(900) as u64),
        6 => Duration::from_secs(random.below(90) as u64),
        _ => Duration::from_secs(random.below(1500) as u64),
    }
}

/// The limits of a session: those that most have, those that are always reached, one that is out of
/// all proportion, and none to speak of.
pub fn limits(random: &mut Random, marks: &mut Marks) -> Limits {
    match random.below(5) {
        0 | 1 => {
            marks.set(Kind::DefaultLimits);
            Limits::default()
        }
        2 => {
            marks.set(Kind::TinyLimits);
            tiny(random)
        }
        3 => {
            marks.set(Kind::OddLimits);
            odd(random)
        }
        _ => {
            marks.set(Kind::HugeLimits);
            huge()
        }
    }
}

fn tiny(random: &mut Random) -> Limits {
    let mut limits = Limits::default();
    let mut small = || 1 + random.below(4);
    limits.depth = 8 + small();
    limits.calls = small();
    limits.subscriptions = small();
    limits.events = small();
    limits.output = 64 * small();
    limits.inputs = small();
    limits.pages = small();
    limits.batch = small();
    limits.cancel_burst = small() as u32;
    limits.cancel_rate = small() as u32;
    limits.malformed_burst = 4 * small() as u32;
    limits.frame = 2048;
    limits.memory = 4096 * small();
    limits.peer = 1024;
    limits.name = 64;
    limits.uri = 64;
    limits.id = 16;
    limits.input_rounds = 1 + random.below(2);
    limits
}

/// Nothing, next to nothing or everything in one place.
fn odd(random: &mut Random) -> Limits {
    let mut limits = Limits::default();
    let value = [0, 1, usize::MAX][random.below(3)];
    let rate = u32::try_from(value).unwrap_or(u32::MAX);
    match random.below(19) {
        0 => limits.frame = value,
        1 => limits.depth = value,
        2 => limits.id = value,
        3 => limits.name = value,
        4 => limits.uri = value,
        5 => limits.calls = value,
        6 => limits.subscriptions = value,
        7 => limits.events = value,
        8 => limits.output = value,
        9 => limits.memory = value,
        10 => limits.peer = value,
        11 => limits.input_rounds = value,
        12 => limits.inputs = value,
        13 => limits.pages = value,
        14 => limits.links = value,
        15 => limits.batch = value,
        16 => limits.cancel_burst = rate,
        17 => limits.cancel_rate = rate,
        _ => limits.malformed_burst = rate,
    }
    limits
}

fn huge() -> Limits {
    let mut limits = Limits::default();
    let huge = usize::MAX;
    limits.calls = huge;
    limits.subscriptions = huge;
    limits.events = huge;
    limits.output = huge;
    limits.input_rounds = huge;
    limits.inputs = huge;
    limits.pages = huge;
    limits.batch = huge;
    limits.frame = huge;
    limits.memory = huge;
    limits.peer = huge;
    limits.name = huge;
    limits.uri = huge;
    limits.id = huge;
    limits.cancel_burst = u32::MAX;
    limits.cancel_rate = u32::MAX;
    limits.malformed_burst = u32::MAX;
    limits
}

/// The revisions that an end speaks.
pub fn revisions(random: &mut Random) -> Vec<Revision> {
    match random.below(4) {
        0 | 1 => Revision::ALL.to_vec(),
        2 => Revision::ALL[random.below(5)..].to_vec(),
        _ => Revision::ALL[..=random.below(5)].to_vec(),
    }
}
