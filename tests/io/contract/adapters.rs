//! How each adapter is put between a session and a peer.

use std::future::Future;
use std::io::{self, PipeReader, PipeWriter};
use std::net::{Shutdown, TcpListener, TcpStream};
#[cfg(unix)]
use std::os::unix::net::UnixStream;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};

use mcp_proto::io::blocking::{self, Connection};
use mcp_proto::io::nonblocking::{self, Threaded};
use mcp_proto::session::Session;

use super::{Adapter, Connected, Next};

struct Unpark(thread::Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Polls on this thread until it is ready, or for so long.
pub fn poll_for<T>(time: Option<Duration>, future: impl Future<Output = T>) -> Option<T> {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    let end = time.map(|time| Instant::now() + time);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return Some(output);
        }
        match end.map(|end| end.saturating_duration_since(Instant::now())) {
            None => thread::park(),
            Some(Duration::ZERO) => return None,
            Some(left) => thread::park_timeout(left),
        }
    }
}

/// What waits for the events of a blocking connection.
fn blocked<S: Session, C: blocking::Drive<Session = S>>(
    connection: &mut C,
    time: Option<Duration>,
) -> Option<Next<S::Event>> {
    let Some(time) = time else {
        return Some(connection.next_event());
    };
    // At its deadline it gives up whatever is there.
    let deadline = connection.handle().now() + time.max(Duration::from_millis(1));
    match connection.next_event_before(deadline) {
        Ok(None) if !connection.handle().with(|session, _| session.is_closed()) => None,
        next => Some(next),
    }
}

/// What waits for the events of an asynchronous connection.
fn polled<S: Session, C: nonblocking::Drive<Session = S>>(
    connection: &mut C,
    time: Option<Duration>,
) -> Option<Next<S::Event>> {
    poll_for(time, std::future::poll_fn(|cx| connection.poll_event(cx)))
}

fn pipes() -> (PipeReader, PipeWriter, PipeReader, PipeWriter) {
    let (from_us, to_peer) = io::pipe().unwrap();
    let (from_peer, to_us) = io::pipe().unwrap();
    (from_peer, to_peer, from_us, to_us)
}

pub struct Blocking;

impl Adapter for Blocking {
    fn connect<S>(session: S) -> Connected<S>
    where
        S: Session<Event: Send> + Send + 'static,
    {
        let (from_peer, to_peer, from_us, to_us) = pipes();
        let mut connection = Connection::new(session, from_peer, to_peer).unwrap();
        Connected {
            handle: connection.handle(),
            next: Box::new(move |time| blocked(&mut connection, time)),
            from_us: Box::new(from_us),
            to_us: Box::new(to_us),
        }
    }
}

pub struct Threads;

impl Adapter for Threads {
    fn connect<S>(session: S) -> Connected<S>
    where
        S: Session<Event: Send> + Send + 'static,
    {
        let (from_peer, to_peer, from_us, to_us) = pipes();
        let connection = Connection::new(session, from_peer, to_peer).unwrap();
        let mut connection = Threaded::new(connection).unwrap();
        Connected {
            handle: connection.handle(),
            next: Box::new(move |time| polled(&mut connection, time)),
            from_us: Box::new(from_us),
            to_us: Box::new(to_us),
        }
    }
}

/// One half of the peer's socket: a pipe would be closed when it is dropped.
pub struct Half<S>(pub S, pub Shutdown, pub fn(&S, Shutdown) -> io::Result<()>);

impl<S: io::Read> io::Read for Half<S> {
    fn read(&mut self, chunk: &mut [u8]) -> io::Result<usize> {
        self.0.read(chunk)
    }
}

impl<S: io::Write> io::Write for Half<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<S> Drop for Half<S> {
    fn drop(&mut self) {
        drop(self.2(&self.0, self.1));
    }
}

pub struct Tcp;

impl Adapter for Tcp {
    fn connect<S>(session: S) -> Connected<S>
    where
        S: Session<Event: Send> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let theirs = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (ours, _) = listener.accept().unwrap();
        let mut connection = Connection::tcp(session, ours).unwrap();
        let (other, end) = (theirs.try_clone().unwrap(), TcpStream::shutdown);
        Connected {
            handle: connection.handle(),
            next: Box::new(move |time| blocked(&mut connection, time)),
            from_us: Box::new(Half(other, Shutdown::Read, end)),
            to_us: Box::new(Half(theirs, Shutdown::Write, end)),
        }
    }
}

#[cfg(unix)]
pub struct Unix;

#[cfg(unix)]
impl Adapter for Unix {
    fn connect<S>(session: S) -> Connected<S>
    where
        S: Session<Event: Send> + Send + 'static,
    {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let mut connection = Connection::unix(session, ours).unwrap();
        let (other, end) = (theirs.try_clone().unwrap(), UnixStream::shutdown);
        Connected {
            handle: connection.handle(),
            next: Box::new(move |time| blocked(&mut connection, time)),
            from_us: Box::new(Half(other, Shutdown::Read, end)),
            to_us: Box::new(Half(theirs, Shutdown::Write, end)),
        }
    }
}

/// How much an in-memory pipe holds.
#[cfg(any(feature = "tokio", feature = "futures-io"))]
const ROOM: usize = 64 << 10;

/// The peer's end of an in-memory pipe, which blocks.
#[cfg(any(feature = "tokio", feature = "futures-io"))]
struct Far(tokio::io::DuplexStream);

#[cfg(any(feature = "tokio", feature = "futures-io"))]
impl io::Read for Far {
    fn read(&mut self, chunk: &mut [u8]) -> io::Result<usize> {
        let read = poll_for(None, tokio::io::AsyncReadExt::read(&mut self.0, chunk));
        read.expect("it waits for ever")
    }
}

#[cfg(any(feature = "tokio", feature = "futures-io"))]
impl io::Write for Far {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = poll_for(None, tokio::io::AsyncWriteExt::write(&mut self.0, bytes));
        written.expect("it waits for ever")
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(feature = "tokio")]
pub struct Tokio;

#[cfg(feature = "tokio")]
impl Adapter for Tokio {
    fn connect<S>(session: S) -> Connected<S>
    where
        S: Session<Event: Send> + Send + 'static,
    {
        let (from_peer, to_us) = tokio::io::duplex(ROOM);
        let (from_us, to_peer) = tokio::io::duplex(ROOM);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        let mut connection = nonblocking::tokio::Connection::new(session, from_peer, to_peer);
        Connected {
            handle: connection.handle(),
            next: Box::new(move |time| {
                runtime.block_on(async {
                    match time {
                        None => Some(connection.next().await),
                        Some(time) => tokio::time::timeout(time, connection.next()).await.ok(),
                    }
                })
            }),
            from_us: Box::new(Far(from_us)),
            to_us: Box::new(Far(to_us)),
        }
    }
}

/// What waits for the events of a connection over a socket of tokio, which `wrap` makes of one.
#[cfg(feature = "tokio")]
fn over_socket<S, Stream>(
    session: S,
    wrap: impl FnOnce() -> io::Result<Stream>,
) -> (mcp_proto::io::Handle<S>, super::Wait<S::Event>)
where
    S: Session<Event: Send> + Send + 'static,
    Stream: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + 'static,
{
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let stream = runtime.block_on(async { wrap() }).unwrap();
    let (reader, writer) = tokio::io::split(stream);
    let mut connection = nonblocking::tokio::Connection::new(session, reader, writer);
    let handle = connection.handle();
    let next = Box::new(move |time| {
        runtime.block_on(async {
            match time {
                None => Some(connection.next().await),
                Some(time) => tokio::time::timeout(time, connection.next()).await.ok(),
            }
        })
    });
    (handle, next)
}

#[cfg(feature = "tokio")]
pub struct TokioTcp;

#[cfg(feature = "tokio")]
impl Adapter for TokioTcp {
    fn connect<S>(session: S) -> Connected<S>
    where
        S: Session<Event: Send> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let theirs = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (ours, _) = listener.accept().unwrap();
        ours.set_nonblocking(true).unwrap();
        let (handle, next) = over_socket(session, || tokio::net::TcpStream::from_std(ours));
        let (other, end) = (theirs.try_clone().unwrap(), TcpStream::shutdown);
        Connected {
            handle,
            next,
            from_us: Box::new(Half(other, Shutdown::Read, end)),
            to_us: Box::new(Half(theirs, Shutdown::Write, end)),
        }
    }
}

#[cfg(all(feature = "tokio", unix))]
pub struct TokioUnix;

#[cfg(all(feature = "tokio", unix))]
impl Adapter for TokioUnix {
    fn connect<S>(session: S) -> Connected<S>
    where
        S: Session<Event: Send> + Send + 'static,
    {
        let (ours, theirs) = UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        let (handle, next) = over_socket(session, || tokio::net::UnixStream::from_std(ours));
        let (other, end) = (theirs.try_clone().unwrap(), UnixStream::shutdown);
        Connected {
            handle,
            next,
            from_us: Box::new(Half(other, Shutdown::Read, end)),
            to_us: Box::new(Half(theirs, Shutdown::Write, end)),
        }
    }
}

#[cfg(feature = "futures-io")]
pub struct FuturesIo;

#[cfg(feature = "futures-io")]
impl Adapter for FuturesIo {
    fn connect<S>(session: S) -> Connected<S>
    where
        S: Session<Event: Send> + Send + 'static,
    {
        use crate::futures_io::{Pipe, sleep};
        let (from_peer, to_us) = tokio::io::duplex(ROOM);
        let (from_us, to_peer) = tokio::io::duplex(ROOM);
        // The timer's future isn't `Send` by itself, so the connection is made by who drives it.
        let mut connection = nonblocking::futures_io::Connection::new(
            session,
            Pipe(from_peer),
            Pipe(to_peer),
            |time| -> std::pin::Pin<Box<dyn Future<Output = ()> + Send>> { Box::pin(sleep(time)) },
        );
        Connected {
            handle: connection.handle(),
            next: Box::new(move |time| polled(&mut connection, time)),
            from_us: Box::new(Far(from_us)),
            to_us: Box::new(Far(to_us)),
        }
    }
}

#[cfg(all(feature = "child", unix))]
pub use processes::{Child, ChildAsync};

#[cfg(all(feature = "child", unix))]
mod processes {
    use std::fs::{self, File};
    use std::io::{self, Read, Write};
    use std::path::PathBuf;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use mcp_proto::io::child::Command;

    use super::*;

    static COUNT: AtomicUsize = AtomicUsize::new(0);

    /// A process that hands on what it hears to one pipe of the file system, and says what it hears
    /// from another: the test stands behind it.
    fn relay() -> (Command, Lazy, Lazy) {
        let number = COUNT.fetch_add(1, Ordering::SeqCst);
        let name = format!("mcp-contract-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir(&folder).unwrap();
        let (out, back) = (folder.join("out"), folder.join("back"));
        let mut make = std::process::Command::new("mkfifo");
        assert!(make.args([&out, &back]).status().unwrap().success());
        // Each `cat` ends when its side does; neither holds the other's pipes.
        let script = r#"cat <"$2" & exec cat >"$1""#;
        let command = Command::new("sh")
            .args(["-c", script, "sh"])
            .arg(&out)
            .arg(&back);
        let short = Duration::from_millis(200);
        let command = command
            .stderr_quiet()
            .close_wait(short)
            .terminate_wait(short);
        (command, Lazy(out, None), Lazy(back, None))
    }

    /// A named pipe, opened when the process surely opens it too.
    struct Lazy(PathBuf, Option<File>);

    impl Lazy {
        fn open(mut self, write: bool) -> Self {
            let mut options = File::options();
            self.1 = Some(options.read(!write).write(write).open(&self.0).unwrap());
            self
        }

        fn file(&mut self) -> &mut File {
            self.1.as_mut().expect("it was opened")
        }
    }

    impl Read for Lazy {
        fn read(&mut self, chunk: &mut [u8]) -> io::Result<usize> {
            self.file().read(chunk)
        }
    }

    impl Write for Lazy {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.file().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Drop for Lazy {
        fn drop(&mut self) {
            drop(fs::remove_file(&self.0));
            // The other one's, too, when this is the last.
            drop(self.0.parent().map(fs::remove_dir));
        }
    }

    pub struct Child;

    impl Adapter for Child {
        fn connect<S>(session: S) -> Connected<S>
        where
            S: Session<Event: Send> + Send + 'static,
        {
            let (command, out, back) = relay();
            let mut connection = command.connect(session).unwrap();
            let (out, back) = (out.open(false), back.open(true));
            Connected {
                handle: connection.handle(),
                next: Box::new(move |time| blocked(&mut connection, time)),
                from_us: Box::new(out),
                to_us: Box::new(back),
            }
        }
    }

    pub struct ChildAsync;

    impl Adapter for ChildAsync {
        fn connect<S>(session: S) -> Connected<S>
        where
            S: Session<Event: Send> + Send + 'static,
        {
            let (command, out, back) = relay();
            let mut connection = command.connect_async(session).unwrap();
            let (out, back) = (out.open(false), back.open(true));
            Connected {
                handle: connection.handle(),
                next: Box::new(move |time| polled(&mut connection, time)),
                from_us: Box::new(out),
                to_us: Box::new(back),
            }
        }
    }
}
