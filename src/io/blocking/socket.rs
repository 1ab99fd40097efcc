//! The writing half of a socket whose reading half lives on: dropping it tells the peer that nothing
//! more will come.

use std::io::{self, Write};
use std::net::{Shutdown, TcpStream};
#[cfg(unix)]
use std::os::unix::net::UnixStream;

/// A socket whose output can be ended by itself.
pub(super) trait Socket: Write {
    fn end_output(&self) -> io::Result<()>;
}

impl Socket for TcpStream {
    fn end_output(&self) -> io::Result<()> {
        self.shutdown(Shutdown::Write)
    }
}

#[cfg(unix)]
impl Socket for UnixStream {
    fn end_output(&self) -> io::Result<()> {
        self.shutdown(Shutdown::Write)
    }
}

/// The writing half of a socket. Dropping it ends the output.
pub(super) struct HalfClose<W: Socket>(pub(super) W);

impl<W: Socket> Write for HalfClose<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl<W: Socket> Drop for HalfClose<W> {
    fn drop(&mut self) {
        // That it fails means that the peer is gone already.
        drop(self.0.end_output());
    }
}
