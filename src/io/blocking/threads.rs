//! The threads of the blocking adapter.
//!
//! They are detached, as nothing can interrupt a blocked read or write, and end as their stream does,
//! when the session is closed, or when the connection is gone and the stream next yields.

use alloc::format;
use alloc::sync::Weak;
use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;
use std::io::{self, Read, Write};
use std::sync::PoisonError;
use std::thread;

use super::super::shared::{Shared, State, is_peer_gone, recycle};
use crate::frame::LineDecoder;
use crate::session::{Closed, Session};

/// How much one read asks for.
const CHUNK: usize = 64 * 1024;
/// How long a failed write waits for the last frames of a peer that has gone.
const DRAIN_TIMEOUT: Duration = Duration::from_millis(200);

/// Starts a detached thread.
pub(in crate::io) fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let spawned = thread::Builder::new().name(name.into()).spawn(run);
    spawned
        .map(drop)
        .map_err(|error| io::Error::new(error.kind(), format!("no thread for the {name}: {error}")))
}

/// The reader thread. It holds the session only while it hands frames on.
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
        let Some(shared) = connection.upgrade() else {
            break Ok(());
        };
        if !hand_on(&shared, &mut decoder) {
            break Ok(());
        }
    };
    if let Some(shared) = connection.upgrade() {
        let mut state = shared.lock();
        let now = shared.clock.now();
        state.end_input(now, &mut decoder, end);
        shared.writer.notify_one();
        let _no_task = shared.settle(&mut state);
    }
    while drain && matches!(reader.read(&mut chunk), Ok(1..)) {}
}

/// Hands on what the decoder has, waiting while no frames are welcome; `false` at the end.
fn hand_on<S: Session>(shared: &Shared<S>, decoder: &mut LineDecoder) -> bool {
    let mut state = shared.lock();
    loop {
        let fed = state.feed(shared.clock.now(), decoder);
        let _no_task = shared.settle(&mut state);
        if state.is_ended() {
            return false;
        }
        if state.session.wants_frames() {
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
        if is_peer_gone(&error) {
            let waiting = |state: &mut State<S>| state.input_end.is_none() && !state.is_ended();
            let waited = shared
                .writer
                .wait_timeout_while(state, DRAIN_TIMEOUT, waiting);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        state.close(shared.clock.now(), Closed::WriteFailed);
        state.keep_error(error);
    }
    state.writer_done = true;
    let _no_task = shared.settle(&mut state);
}

fn write_lines<S: Session>(shared: &Shared<S>, writer: &mut impl Write) -> io::Result<()> {
    let mut lines = Vec::new();
    loop {
        let mut state = shared.lock();
        loop {
            state.fill_output();
            let _no_task = shared.settle(&mut state);
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
