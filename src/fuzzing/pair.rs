//! Both sessions on a link that loses, repeats, reorders and damages frames.

use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use bytes::Bytes;

use crate::session::{Route, Session};
use crate::time::Instant;

use super::driven::Driven;
use super::source::Source;
use super::{client, let_pass, server, take_frame};

/// Longer than any deadline of a session.
const LONG: Duration = Duration::from_secs(601);

/// Checks a client and a server: whatever the link has done, every call ends by itself in the end.
pub fn pair(bytes: &[u8]) {
    let mut source = Source::new(bytes);
    let mut client = client::World::new(&mut source);
    let mut server = server::World::new();
    let mut to_server = Link::default();
    let mut to_client = Link::default();
    while !source.is_empty() {
        match source.byte() % 8 {
            0 => to_server.fill(&mut client.session),
            1 => to_client.fill(&mut server.session),
            2 => to_server.deliver(&mut source, &mut server.session, server.now),
            3 => to_client.deliver(&mut source, &mut client.session, client.now),
            4 => {
                client.event();
                server.event();
            }
            5 => {
                client.pass(&mut source);
                server.pass(&mut source);
            }
            6 => client.command(&mut source),
            _ => server.command(&mut source),
        }
    }
    for _ in 0..8 {
        to_server.exchange(&mut client.session, &mut server.session, server.now);
        server.answer_all();
        to_client.exchange(&mut server.session, &mut client.session, client.now);
        client.take_events();
        client.now = client.now + LONG;
        server.now = server.now + LONG;
        let_pass(&mut client.session, client.now);
        let_pass(&mut server.session, server.now);
    }
    let open = client.calls.iter().find(|(_, is_open)| **is_open);
    assert_eq!(open, None, "a call has never ended");
}

/// One direction.
#[derive(Default)]
struct Link {
    frames: VecDeque<Vec<u8>>,
}

impl Link {
    fn fill(&mut self, from: &mut impl Session) {
        self.frames.extend(take_frame(from).map(String::into_bytes));
    }

    /// Delivers a frame, or does something to it.
    fn deliver(&mut self, source: &mut Source<'_>, to: &mut impl Session, now: Instant) {
        let Some(mut frame) = self.frames.pop_front() else {
            return;
        };
        match source.byte() {
            0..16 => return,
            16..32 => self.frames.push_back(frame.clone()),
            32..48 => return self.frames.push_back(frame),
            48..64 => {
                let at = source.below(frame.len());
                if let Some(byte) = frame.get_mut(at) {
                    *byte ^= source.byte();
                }
            }
            64..72 => frame.truncate(source.below(frame.len())),
            _ => {}
        }
        to.handle_frame(now, Route::Pipe, Bytes::from(frame));
    }

    /// Delivers all there is, in order and undamaged.
    fn exchange(&mut self, from: &mut impl Session, to: &mut impl Session, now: Instant) {
        while let Some(frame) = take_frame(from) {
            self.frames.push_back(frame.into_bytes());
        }
        for frame in self.frames.drain(..) {
            to.handle_frame(now, Route::Pipe, Bytes::from(frame));
        }
    }
}
