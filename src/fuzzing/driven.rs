//! Runs a session as the bytes of a fuzzer say. What is the same for both sides is here: frames, bad
//! bytes, time, events, saving and the end; a side says what its user does and what must hold.

use alloc::string::String;
use alloc::vec::Vec;

use crate::frame::FrameError;
use crate::session::{Closed, Route, Session};
use crate::time::Instant;

use super::source::Source;
use super::{let_pass, take_frame};

/// Saving costs more than everything else together, and a third time finds nothing new.
const MOST_SAVES: usize = 2;

/// A session with what its user remembers of it.
pub(super) trait Driven {
    type Session: Session;

    fn session(&mut self) -> &mut Self::Session;

    fn now(&mut self) -> &mut Instant;

    /// The frames that were sent.
    fn sent(&mut self) -> &mut Vec<String>;

    /// Whether an event has told the end.
    fn is_closed(&self) -> bool;

    /// Ends the session from this side.
    fn close(&mut self);

    /// Something that a user of the session does; refusals are part of it.
    fn command(&mut self, source: &mut Source<'_>);

    /// Takes one event, and says whether there was one.
    fn event(&mut self) -> bool;

    /// Takes every event there is.
    fn take_events(&mut self) {
        for _ in 0..10_000 {
            if !self.event() {
                return;
            }
        }
        panic!("the events never end");
    }

    /// Saves the session and goes on with the restored one.
    fn restore(&mut self);

    /// Sees to it that the end has ended everything.
    fn assert_nothing_is_open(&self);

    fn pass(&mut self, source: &mut Source<'_>) {
        *self.now() = *self.now() + source.duration();
        let now = *self.now();
        let_pass(self.session(), now);
    }
}

/// Does what `bytes` say and loses the connection; and once more with a session that is saved and
/// restored on the way, which has to send the same.
pub(super) fn check<W: Driven>(bytes: &[u8], new: impl Fn(&mut Source<'_>) -> W) {
    let (sent, is_saved) = run(bytes, false, &new);
    if is_saved {
        let (again, _) = run(bytes, true, &new);
        assert_eq!(sent, again, "a restored session sends something else");
    }
}

/// Gives what was sent, and whether the bytes asked for saving.
fn run<W: Driven>(
    bytes: &[u8],
    restores: bool,
    new: impl Fn(&mut Source<'_>) -> W,
) -> (Vec<String>, bool) {
    let mut source = Source::new(bytes);
    let mut world = new(&mut source);
    let mut saves = 0;
    while !source.is_empty() {
        match source.byte() % 12 {
            8 => {
                saves += 1;
                if restores && saves <= MOST_SAVES {
                    world.restore();
                }
            }
            chosen => step(&mut world, &mut source, chosen),
        }
    }
    (finish(world), saves > 0)
}

fn step(world: &mut impl Driven, source: &mut Source<'_>, chosen: u8) {
    let now = *world.now();
    match chosen {
        0..4 => {
            let frame = source.frame();
            world.session().handle_frame(now, Route::Pipe, frame);
        }
        4 => {
            let valid_up_to = source.below(9);
            let error = FrameError::NotUtf8 { valid_up_to };
            world.session().handle_malformed(now, Route::Pipe, error);
        }
        5 => world.pass(source),
        6 => {
            let frame = take_frame(world.session());
            world.sent().extend(frame);
        }
        7 => _ = world.event(),
        9 if source.byte() > 250 => match source.byte() % 2 {
            0 => world.close(),
            _ => world
                .session()
                .handle_closed(now, Route::Pipe, Closed::WriteFailed),
        },
        _ => world.command(source),
    }
}

/// Loses the connection: everything has to end.
fn finish<W: Driven>(mut world: W) -> Vec<String> {
    let now = *world.now();
    world
        .session()
        .handle_closed(now, Route::Pipe, Closed::EndOfInput);
    world.take_events();
    assert!(world.is_closed(), "the end was never told");
    assert_eq!(world.session().poll_timeout(), None);
    world.assert_nothing_is_open();
    while let Some(frame) = take_frame(world.session()) {
        world.sent().push(frame);
    }
    core::mem::take(world.sent())
}
