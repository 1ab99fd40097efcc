//! A socket in two halves, and its end: dropping the writing half tells the peer that nothing more
//! will come, and a peer that doesn't leave then is left.
//!
//! Rules of this file: when the connection is gone, what is pending is written and what comes is read,
//! since a socket that is closed with something unread takes back what was written; once nothing has
//! moved for a while, and at the latest after a while longer, both directions are shut down, which ends
//! the threads that block on them.

use alloc::sync::Arc;
use core::time::Duration;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
#[cfg(unix)]
use std::os::unix::net::UnixStream;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::super::thread::spawn;

/// How long a peer that neither sends nor takes anything is waited for.
const QUIET: Duration = Duration::from_secs(2);
/// How long any peer is waited for.
const LATEST: Duration = Duration::from_secs(10);
/// How much one write offers, so that a slow peer is seen to take it.
const CHUNK: usize = 64 * 1024;

/// What is read, written and shut down by reference.
pub(super) trait Socket: Send + Sync + 'static {
    fn read(&self, chunk: &mut [u8]) -> io::Result<usize>;
    fn write(&self, bytes: &[u8]) -> io::Result<usize>;
    fn shutdown(&self, how: Shutdown) -> io::Result<()>;
}

macro_rules! socket {
    ($socket:ident) => {
        impl Socket for $socket {
            fn read(&self, chunk: &mut [u8]) -> io::Result<usize> {
                (&mut &*self).read(chunk)
            }

            fn write(&self, bytes: &[u8]) -> io::Result<usize> {
                (&mut &*self).write(bytes)
            }

            fn shutdown(&self, how: Shutdown) -> io::Result<()> {
                $socket::shutdown(self, how)
            }
        }
    };
}

socket!(TcpStream);
#[cfg(unix)]
socket!(UnixStream);

/// The socket and what is known of its halves.
struct Shared<S> {
    socket: S,
    traffic: Mutex<Traffic>,
    changed: Condvar,
}

struct Traffic {
    /// How many halves there still are.
    halves: usize,
    /// How often something has moved.
    moves: u64,
    /// Whether both directions were shut down.
    is_cut: bool,
}

/// The half that reads.
pub(super) struct Reading<S: Socket>(Arc<Shared<S>>);

/// The half that writes. Dropping it ends the output.
pub(super) struct Writing<S: Socket>(Arc<Shared<S>>);

/// Divides a socket; the third is for its end.
pub(super) fn divide<S: Socket>(socket: S) -> (Reading<S>, Writing<S>, Arc<dyn Leave>) {
    let shared = Arc::new(Shared {
        socket,
        traffic: Mutex::new(Traffic {
            halves: 2,
            moves: 0,
            is_cut: false,
        }),
        changed: Condvar::new(),
    });
    let leave = Arc::clone(&shared);
    (Reading(Arc::clone(&shared)), Writing(shared), leave)
}

/// Ends a socket although its peer may not.
pub(super) trait Leave: Send + Sync {
    /// Gives the peer its time, on a thread of its own.
    fn leave(self: Arc<Self>);
}

impl<S: Socket> Leave for Shared<S> {
    fn leave(self: Arc<Self>) {
        if self.lock().halves == 0 {
            return;
        }
        let patient = Arc::clone(&self);
        if spawn("mcp socket", move || patient.wait_and_cut()).is_err() {
            self.cut();
        }
    }
}

impl<S: Socket> Shared<S> {
    fn lock(&self) -> MutexGuard<'_, Traffic> {
        self.traffic.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait_and_cut(&self) {
        let latest = Instant::now() + LATEST;
        let mut traffic = self.lock();
        loop {
            let moves = traffic.moves;
            let time = QUIET.min(latest.saturating_duration_since(Instant::now()));
            let waited = self
                .changed
                .wait_timeout_while(traffic, time, |traffic| traffic.halves > 0);
            traffic = waited.unwrap_or_else(PoisonError::into_inner).0;
            if traffic.halves == 0 {
                return;
            }
            if traffic.moves == moves || latest <= Instant::now() {
                break;
            }
        }
        drop(traffic);
        self.cut();
    }

    fn cut(&self) {
        self.lock().is_cut = true;
        // That it fails means that the peer is gone already.
        drop(self.socket.shutdown(Shutdown::Both));
    }

    fn moved(&self, length: io::Result<usize>) -> io::Result<usize> {
        if length.is_ok() {
            self.lock().moves += 1;
        }
        length
    }

    fn dropped(&self) {
        self.lock().halves -= 1;
        self.changed.notify_all();
    }
}

impl<S: Socket> Read for Reading<S> {
    fn read(&mut self, chunk: &mut [u8]) -> io::Result<usize> {
        // What is in the system's buffers may still be read, and a flood has no end.
        if self.0.lock().is_cut {
            return Ok(0);
        }
        self.0.moved(self.0.socket.read(chunk))
    }
}

impl<S: Socket> Write for Writing<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let bytes = &bytes[..bytes.len().min(CHUNK)];
        self.0.moved(self.0.socket.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<S: Socket> Drop for Reading<S> {
    fn drop(&mut self) {
        self.0.dropped();
    }
}

impl<S: Socket> Drop for Writing<S> {
    fn drop(&mut self) {
        // That it fails means that the peer is gone already.
        drop(self.0.socket.shutdown(Shutdown::Write));
        self.0.dropped();
    }
}
