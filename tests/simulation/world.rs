//! One run: two ends and the link between them, chosen by a seed; first chaos, then the link heals and
//! everything has to come to an end.

use std::time::Duration;

use mcp_proto::Session;
use mcp_proto::session::Closed;

use super::end::{End, duration};
use super::pipe::{Faults, Pipe};
use super::random::Random;
use super::tally::{Kind, Marks};

/// What users say in a run adds up to less than this.
const OWN: usize = 100_000;

/// What came of a run.
pub struct Outcome {
    pub marks: Marks,
    /// The events and frames of both ends, as a number.
    pub trace: (u64, u64),
    pub was_restored: bool,
}

pub struct World<C, S> {
    random: Random,
    client: C,
    server: S,
    to_server: Pipe,
    to_client: Pipe,
    faults: Faults,
    restores: bool,
    was_restored: bool,
    /// Whether the link has done its work and nobody has left early.
    is_clean: bool,
}

impl<C: End, S: End> World<C, S> {
    pub fn new(mut random: Random, mut client: C, mut server: S, restores: bool) -> Self {
        let room = [64, 1024, 1 << 16, 1 << 16][random.below(4)];
        let mut to_server = Pipe::new(room, server.session().frame_limit());
        let to_client = Pipe::new(room, client.session().frame_limit());
        if room == 64 {
            to_server.marks.set(Kind::NarrowPipe);
        }
        let faults = Faults::random(&mut random);
        client.common().is_faithful = faults.is_none() && server.speaks_of_marks();
        server.common().is_faithful = faults.is_none() && client.speaks_of_marks();
        Self {
            random,
            client,
            server,
            to_server,
            to_client,
            faults,
            restores,
            was_restored: false,
            is_clean: faults.is_none(),
        }
    }

    /// Runs it all; panics where a rule is broken.
    pub fn run(mut self) -> Outcome {
        // Most runs have opened before anything goes wrong.
        if self.random.below(4) > 0 {
            let faults = std::mem::replace(&mut self.faults, Faults::NONE);
            for _ in 0..40 {
                self.carry();
                self.client.take_event(&mut self.random);
                self.server.take_event(&mut self.random);
            }
            self.faults = faults;
        }
        let steps = 20 + self.random.below(120);
        for _ in 0..steps {
            self.step();
            self.client.assert_bounded(OWN);
            self.server.assert_bounded(OWN);
            match self.random.below(128) {
                0 => {
                    self.client.assert_saves();
                    self.server.assert_saves();
                }
                1..8 => {
                    self.client.assert_weighs();
                    self.server.assert_weighs();
                }
                _ => {}
            }
        }
        self.come_to_an_end();
        self.close();
        let (client, server) = (self.client.common(), self.server.common());
        let marks = client.marks.and(server.marks);
        Outcome {
            marks: marks.and(self.to_server.marks).and(self.to_client.marks),
            trace: (client.trace(), server.trace()),
            was_restored: self.was_restored,
        }
    }

    fn step(&mut self) {
        match self.random.below(32) {
            0..2 => {
                self.fill_to_server();
            }
            2..4 => {
                self.fill_to_client();
            }
            4..6 => {
                self.read_server();
            }
            6..8 => {
                self.read_client();
            }
            8..12 => {
                self.carry();
            }
            12..15 => {
                self.client.take_event(&mut self.random);
            }
            15..18 => {
                self.server.take_event(&mut self.random);
            }
            18..24 => self.client.command(&mut self.random),
            24..30 => self.server.command(&mut self.random),
            30 => self.pass(),
            _ => self.mishap(),
        }
    }

    /// Moves something in both directions.
    fn carry(&mut self) -> bool {
        let mut moved = self.fill_to_server() | self.fill_to_client();
        moved |= self.read_server() | self.read_client();
        moved
    }

    fn fill_to_server(&mut self) -> bool {
        let (session, common) = self.client.parts();
        let note = |frame: &[u8], sent| common.note_frame(frame, sent);
        let moved = self
            .to_server
            .fill(session, self.faults, &mut self.random, note);
        self.tell_of_corruption();
        moved
    }

    fn fill_to_client(&mut self) -> bool {
        let (session, common) = self.server.parts();
        let note = |frame: &[u8], sent| common.note_frame(frame, sent);
        let moved = self
            .to_client
            .fill(session, self.faults, &mut self.random, note);
        self.tell_of_corruption();
        moved
    }

    fn tell_of_corruption(&mut self) {
        let marks = self.to_server.marks.and(self.to_client.marks);
        let is_intact = !marks.has(Kind::Corrupted);
        self.client.common().is_intact = is_intact;
        self.server.common().is_intact = is_intact;
    }

    fn read_server(&mut self) -> bool {
        self.to_server.deliver(&mut self.server, &mut self.random)
    }

    fn read_client(&mut self) -> bool {
        self.to_client.deliver(&mut self.client, &mut self.random)
    }

    fn pass(&mut self) {
        let passed = match self.random.below(4) {
            0 => duration(&mut self.random),
            _ => Duration::from_millis(self.random.below(200) as u64),
        };
        self.client.pass(passed);
        self.server.pass(passed);
    }

    /// Something that seldom happens.
    fn mishap(&mut self) {
        let random = &mut self.random;
        match random.below(16) {
            0..3 => self.restore(),
            3 => {
                // A machine sleeps, or its clock is set.
                self.client.common().mark(Kind::ClockJumped);
                self.client.pass(Duration::from_secs(7200));
            }
            4 | 5 => self.go_back(),
            6..9 => self.to_server.stall(random.below(40)),
            9..12 => self.to_client.stall(random.below(40)),
            _ if random.below(3) > 0 => {}
            12 => self.lose_both(Closed::EndOfInput, Kind::EndOfInput),
            13 => self.lose_both(Closed::ReadFailed, Kind::ReadFailed),
            14 => {
                self.is_clean = false;
                self.client.common().mark(Kind::WriteFailed);
                self.client.lose(Closed::WriteFailed);
            }
            _ => {
                self.is_clean = false;
                self.server.common().mark(Kind::WriteFailed);
                self.server.lose(Closed::WriteFailed);
            }
        }
    }

    fn restore(&mut self) {
        self.was_restored = true;
        // The same choices whether or not it is done.
        let chosen = self.random.number();
        if self.restores {
            self.client.common().mark(Kind::Restored);
            let before = (self.client.seen(), self.server.seen());
            self.client.restore(&mut Random::new(chosen));
            self.server.restore(&mut Random::new(chosen ^ 1));
            let after = (self.client.seen(), self.server.seen());
            assert_eq!(after, before, "a restored session looks different");
        }
    }

    /// The next thing happens before the last one, as far as the clock is concerned.
    fn go_back(&mut self) {
        self.client.common().mark(Kind::ClockWentBack);
        let now = self.client.common().now;
        let back = now.since_epoch().saturating_sub(Duration::from_secs(3));
        let back = mcp_proto::Instant::new(back);
        self.client.common().now = back;
        self.client.command(&mut self.random);
        self.read_client();
        self.client.common().now = now;
    }

    /// One direction ends.
    fn lose_both(&mut self, why: Closed, kind: Kind) {
        self.is_clean = false;
        self.client.common().mark(kind);
        match self.random.below(2) {
            0 => self.to_server.end(why),
            _ => self.to_client.end(why),
        };
    }

    /// The link heals, users answer, time passes: whatever is open has to end.
    fn come_to_an_end(&mut self) {
        self.faults = Faults::NONE;
        self.to_server.heal();
        self.to_client.heal();
        let was_damaged = self.to_server.was_damaged || self.to_client.was_damaged;
        // Limits of none or one may let nothing through.
        let marks = self.client.common().marks.and(self.server.common().marks);
        let mut is_clean = self.is_clean && !was_damaged && !marks.has(Kind::OddLimits);
        for _ in 0..10_000 {
            self.quiet();
            self.client.assert_in_time();
            self.server.assert_in_time();
            let waits = self.client.waits_for();
            let now = self.client.common().now;
            let client = self.client.session();
            // What began when another thing timed out may have no time at all.
            let is_due = client.poll_timeout().is_some_and(|next| next <= now);
            let is_prompt = !is_due && !client.is_closed() && !self.client.is_full();
            if is_clean && is_prompt {
                assert_eq!(waits, None, "nothing went wrong, yet nothing happens");
                assert!(!self.client.waits_for_ever(), "an answer has never come");
            }
            // What times out is lost in what follows.
            is_clean &= is_due;
            let Some(waits) = waits else { return };
            let (client, server) = (self.client.session(), self.server.session());
            let next = client.poll_timeout();
            let next = next.unwrap_or_else(|| panic!("{waits} has no deadline and never ends"));
            let server_next = server.poll_timeout();
            let wait = next - self.client.common().now;
            let wait = match server_next {
                Some(next) => wait.min(next - self.server.common().now),
                None => wait,
            };
            self.client.pass(wait);
            self.server.pass(wait);
        }
        panic!("it goes on and on");
    }

    /// Goes on until neither end has anything to do without the passing of time.
    fn quiet(&mut self) {
        for _ in 0..100_000 {
            let mut moved = self.carry();
            while self.client.take_event(&mut self.random) {
                moved = true;
            }
            while self.server.take_event(&mut self.random) {
                moved = true;
            }
            moved |= self.client.answer_all(&mut self.random);
            moved |= self.server.answer_all(&mut self.random);
            moved |= self.follow_ends();
            if !moved {
                return self.assert_quiet();
            }
        }
        panic!("neither end comes to rest");
    }

    /// A session that is over closes its connection once its output is written.
    fn follow_ends(&mut self) -> bool {
        let server_is_over = self.server.session().is_closed();
        let client_is_over = self.client.session().is_closed();
        let ended =
            server_is_over && self.to_client.is_empty() && self.to_client.end(Closed::EndOfInput);
        client_is_over && self.to_server.is_empty() && self.to_server.end(Closed::EndOfInput)
            || ended
    }

    fn assert_quiet(&mut self) {
        let client = self.client.session();
        assert!(
            client.wants_frames() || client.is_closed(),
            "a client with nothing to do wants no frames"
        );
        let server = self.server.session();
        assert!(
            server.wants_frames() || server.is_closed(),
            "a server with nothing to do wants no frames"
        );
        assert!(self.to_server.is_empty(), "the server reads no more");
        assert!(self.to_client.is_empty(), "the client reads no more");
    }

    /// The connection is lost: each end has to say so, once and last.
    fn close(&mut self) {
        self.client.lose(Closed::EndOfInput);
        self.server.lose(Closed::EndOfInput);
        while self.client.take_event(&mut self.random) {}
        while self.server.take_event(&mut self.random) {}
        self.client.assert_over();
        self.server.assert_over();
    }
}
