//! One direction of the link: a pipe of bytes with little room, and an adapter at each end that does
//! what the documentation asks of adapters. On the way bytes are cut, held up, lost and damaged.

use bytes::Bytes;
use mcp_proto::Session;
use mcp_proto::frame::{FrameError, LineDecoder};
use mcp_proto::session::{Closed, Route};

use super::end::End;
use super::frames::hostile;
use super::judge::{Sent, judge};
use super::random::Random;
use super::tally::{Kind, Marks};

/// How often something goes wrong with a frame, in a thousand.
#[derive(Clone, Copy)]
pub struct Faults {
    pub damage: usize,
    pub inject: usize,
}

impl Faults {
    pub const NONE: Self = Self {
        damage: 0,
        inject: 0,
    };

    pub fn random(random: &mut Random) -> Self {
        let (damage, inject) =
            [(0, 0), (0, 0), (30, 0), (0, 100), (100, 200), (200, 30)][random.below(6)];
        Self { damage, inject }
    }

    pub fn is_none(self) -> bool {
        self.damage + self.inject == 0
    }
}

pub struct Pipe {
    /// Frames that the sender's adapter has taken from its session.
    unwritten: Vec<u8>,
    /// Bytes in the pipe.
    bytes: Vec<u8>,
    room: usize,
    decoder: LineDecoder,
    /// How many turns the reader reads nothing.
    stalled: usize,
    /// What the reader will hear once it has read all there is.
    end: Option<Closed>,
    is_over: bool,
    /// Whether anything was done to what the sender sent.
    pub was_damaged: bool,
    pub marks: Marks,
}

impl Pipe {
    pub fn new(room: usize, frame_limit: usize) -> Self {
        Self {
            unwritten: Vec::new(),
            bytes: Vec::new(),
            room,
            decoder: LineDecoder::new(frame_limit),
            stalled: 0,
            end: None,
            is_over: false,
            was_damaged: false,
            marks: Marks::default(),
        }
    }

    /// Whether anything is on its way.
    pub fn is_empty(&self) -> bool {
        self.unwritten.is_empty() && self.bytes.is_empty()
    }

    /// Ends the pipe, once what is in it has been read; `false` when it has ended before.
    pub fn end(&mut self, why: Closed) -> bool {
        let is_new = self.end.is_none() && !self.is_over;
        if is_new {
            self.end = Some(why);
        }
        is_new
    }

    /// Loses what is on its way, as a pipe does whose other end has gone. Returns whether there was
    /// anything.
    fn break_off(&mut self) -> bool {
        let held = !self.is_empty();
        self.unwritten.clear();
        self.bytes.clear();
        held
    }

    pub fn stall(&mut self, turns: usize) {
        self.stalled = turns;
        self.marks.set(Kind::Stalled);
    }

    pub fn heal(&mut self) {
        self.stalled = 0;
    }

    /// Takes a frame from the sender, if the last one is written, and writes what there is room for.
    /// Returns whether anything moved.
    pub fn fill(
        &mut self,
        from: &mut impl Session,
        faults: Faults,
        random: &mut Random,
        sent: impl FnOnce(&[u8], Sent),
    ) -> bool {
        let mut moved = false;
        if self.unwritten.is_empty() {
            moved = self.take(from, faults, random, sent);
            if random.per_mille(faults.inject) {
                self.marks.set(Kind::Injected);
                self.was_damaged = true;
                self.unwritten.extend_from_slice(hostile(random).as_bytes());
                self.unwritten.push(b'\n');
            }
        }
        if self.end.is_some() || self.is_over {
            // What is in the pipe can still be read.
            self.unwritten.clear();
            return moved;
        }
        let room = self.room.saturating_sub(self.bytes.len());
        let written = self.unwritten.len().min(room);
        self.bytes.extend(self.unwritten.drain(..written));
        moved || written > 0
    }

    fn take(
        &mut self,
        from: &mut impl Session,
        faults: Faults,
        random: &mut Random,
        sent: impl FnOnce(&[u8], Sent),
    ) -> bool {
        let Some(transmit) = from.poll_transmit(&mut self.unwritten) else {
            return false;
        };
        assert_eq!(transmit.len, self.unwritten.len(), "the length is wrong");
        assert_eq!(transmit.route, Route::Pipe);
        sent(&self.unwritten, judge(&self.unwritten));
        if random.per_mille(faults.damage) {
            self.was_damaged = true;
            self.damage(random);
        } else {
            self.unwritten.push(b'\n');
        }
        true
    }

    fn damage(&mut self, random: &mut Random) {
        let frame = &mut self.unwritten;
        let length = frame.len();
        let kind = match random.below(5) {
            0 => {
                frame.clear();
                return self.marks.set(Kind::Lost);
            }
            1 => {
                frame.push(b'\n');
                frame.extend_from_within(..=length);
                return self.marks.set(Kind::Duplicated);
            }
            2 => {
                frame.truncate(random.below(length));
                Kind::Truncated
            }
            3 => {
                frame[random.below(length)] = 0xFF;
                Kind::NotUtf8
            }
            _ => {
                frame[random.below(length)] ^= 1 << random.below(7);
                Kind::Corrupted
            }
        };
        frame.push(b'\n');
        self.marks.set(kind);
    }

    /// Lets the reader read, as its adapter would. Returns whether anything happened.
    pub fn deliver(&mut self, to: &mut impl End, random: &mut Random) -> bool {
        if self.stalled > 0 {
            self.stalled -= 1;
            return false;
        }
        if self.is_over || to.session().is_closed() {
            return self.break_off();
        }
        if !to.session().wants_frames() {
            self.marks.set(Kind::WantedNoFrames);
            return false;
        }
        // What the decoder still holds comes before what is still to be read.
        if self.feed(to) {
            return true;
        }
        if self.bytes.is_empty() {
            return self.end.take().is_some_and(|why| self.finish(to, why));
        }
        let most = [1, 64, 4096, 4096][random.below(4)];
        let length = self.bytes.len().min(1 + random.below(most));
        self.decoder.push(&self.bytes[..length]);
        self.bytes.drain(..length);
        self.feed(to);
        true
    }

    fn feed(&mut self, to: &mut impl End) -> bool {
        let mut fed = false;
        while to.session().wants_frames() && !to.session().is_closed() {
            match self.decoder.next_frame() {
                None => break,
                Some(frame) => read(to, frame),
            }
            fed = true;
        }
        fed
    }

    fn finish(&mut self, to: &mut impl End, why: Closed) -> bool {
        if let Some(frame) = self.decoder.finish() {
            read(to, frame);
        }
        to.lose(why);
        self.is_over = true;
        true
    }
}

/// Hands a frame over, or what was none.
fn read(to: &mut impl End, frame: Result<Bytes, FrameError>) {
    match frame {
        Ok(frame) => to.hear(frame),
        Err(error) => {
            to.stop_watching();
            let now = to.common().now;
            to.session().handle_malformed(now, Route::Pipe, error);
        }
    }
}
