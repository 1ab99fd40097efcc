//! The threads of the blocking adapter.
//!
//! They are detached, as nothing can interrupt a blocked read or write, and end as their stream does,
//! when the session is closed, or when the connection is gone and the stream next yields.

use alloc::sync::Weak;
use alloc::vec;
use alloc::vec::Vec;
use std::io::{self, Read, Write};
use std::sync::PoisonError;
use std::time::Instant;

use super::super::shared::{LINGER, Shared, recycle, sleep_time};
use crate::frame::LineDecoder;
use crate::session::Session;

/// How much one read asks for.
const CHUNK: usize = 64 * 1024;

/// The reader thread. It holds the session only while it hands frames on.
///
/// Once the session is closed it reads on, and throws away what comes, until the output is written
/// and a moment longer: a peer that is busy writing may not read before, and a socket that is
/// closed with something unread takes back what was written. With `drain` it goes on to the end.
pub(in crate::io) fn read_all<S: Session>(
    connection: &Weak<Shared<S>>,
    mut reader: impl Read,
    mut decoder: LineDecoder,
    drain: bool,
) {
    let mut chunk = vec![0; CHUNK];
    let end = loop {
        match reader.read(&mut chunk) {
            Ok(0) => break Ok(()),
            Ok(length) => decoder.push(&chunk[..length]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => break Err(error),
        }
        let shared = connection.upgrade();
        if !shared.is_some_and(|shared| hand_on(&shared, &mut decoder)) {
            discard(connection, &mut reader, &mut chunk, drain);
            break Ok(());
        }
    };
    if let Some(shared) = connection.upgrade() {
        let mut state = shared.lock();
        state.end_input(&mut decoder, end);
        shared.writer.notify_one();
        let _no_task = shared.notify(&mut state);
    }
}

fn discard<S: Session>(
    connection: &Weak<Shared<S>>,
    reader: &mut impl Read,
    chunk: &mut [u8],
    drain: bool,
) {
    let is_writing = || {
        let shared = connection.upgrade();
        shared.is_some_and(|shared| !shared.lock().writer_done)
    };
    let mut end = None;
    while drain
        || is_writing()
        || *end.get_or_insert_with(|| Instant::now() + LINGER) > Instant::now()
    {
        match reader.read(chunk) {
            Ok(1..) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            _ => return,
        }
    }
}

/// Hands on what the decoder has, waiting while no frames are welcome; `false` at the end.
fn hand_on<S: Session>(shared: &Shared<S>, decoder: &mut LineDecoder) -> bool {
    let mut state = shared.lock();
    loop {
        let fed = state.feed(decoder, shared.clock.now());
        let _no_task = shared.notify(&mut state);
        if state.is_ended() {
            return false;
        }
        if state.wants_frames() {
            if fed == 0 {
                return true;
            }
            continue;
        }
        state.reader_waits = true;
        state = shared
            .reader
            .wait(state)
            .unwrap_or_else(PoisonError::into_inner);
        state.reader_waits = false;
    }
}

/// The writer thread. It drops its stream before it says that it is done.
pub(in crate::io) fn write_all<S: Session>(shared: &Shared<S>, mut writer: impl Write) {
    let end = write_lines(shared, &mut writer);
    drop(writer);
    let mut state = shared.lock();
    if let Err(error) = end {
        state.fail_output(error);
        let _no_task = shared.notify(&mut state);
        while let Some(wake) = state.poll_drain() {
            let time = sleep_time(wake, shared.clock.now());
            let waited = shared.writer.wait_timeout(state, time);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
    state.writer_done = true;
    let _no_task = shared.notify(&mut state);
}

fn write_lines<S: Session>(shared: &Shared<S>, writer: &mut impl Write) -> io::Result<()> {
    let mut lines = Vec::new();
    loop {
        let mut state = shared.lock();
        loop {
            state.fill_output();
            let _no_task = shared.notify(&mut state);
            if !state.outgoing.is_empty() {
                break;
            }
            if state.is_ended() {
                return Ok(());
            }
            state.writer_waits = true;
            state = shared
                .writer
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
            state.writer_waits = false;
        }
        core::mem::swap(&mut state.outgoing, &mut lines);
        drop(state);
        writer.write_all(&lines)?;
        writer.flush()?;
        recycle(&mut lines);
    }
}
