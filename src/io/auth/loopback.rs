//! The place on this machine that a browser comes back to after the user was asked.
//!
//! Rules of this file: it is bound to 127.0.0.1 and nothing else; requests that don't have the state
//! of this authorization are answered and forgotten, so that no page which the user visits meanwhile
//! ends it; a request is read up to a bound and for a bounded time; the user is shown a page that
//! says nothing of what came.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread;
use std::time::Instant;

/// How long the user may take.
const PATIENCE: Duration = Duration::from_secs(600);
/// How long a browser may take for its request.
const REQUEST: Duration = Duration::from_secs(5);
/// How long a request may be, in bytes.
const LONGEST: usize = 16 * 1024;
/// How often it is looked whether somebody has come.
const PAUSE: Duration = Duration::from_millis(25);
const PATH: &str = "/callback";

/// A place on this machine, `http://127.0.0.1:PORT/callback`, that a browser comes back to.
#[derive(Debug)]
pub struct LoopbackReceiver {
    listener: TcpListener,
    url: String,
    is_stopped: Arc<AtomicBool>,
}

/// Ends the wait of a receiver when it is dropped.
#[cfg(feature = "http-client")]
pub(super) struct Stopper(Arc<AtomicBool>);

#[cfg(feature = "http-client")]
impl Drop for Stopper {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

impl LoopbackReceiver {
    /// Opens a place on a free port; on that of `preferred`, the URL of an earlier one, if it is free
    /// still.
    ///
    /// Returns an error if there is no port.
    pub fn bind(preferred: Option<&str>) -> io::Result<Self> {
        let port = preferred.and_then(|url| {
            let port = url.strip_prefix("http://127.0.0.1:")?;
            port.strip_suffix(PATH)?.parse().ok()
        });
        let at = |port: u16| TcpListener::bind((Ipv4Addr::LOCALHOST, port));
        let listener = match port.map(at) {
            Some(Ok(listener)) => listener,
            _ => at(0)?,
        };
        listener.set_nonblocking(true)?;
        let port = listener.local_addr()?.port();
        Ok(Self {
            listener,
            url: format!("http://127.0.0.1:{port}{PATH}"),
            is_stopped: Arc::default(),
        })
    }

    /// Returns the URL that the browser has to be sent to.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Waits for the browser, and returns the whole URL that it was sent to: the first one whose
    /// query has this `state`. Closes the place.
    ///
    /// Returns an error if nobody has come for ten minutes.
    pub fn receive(self, state: &str) -> io::Result<String> {
        let end = Instant::now() + PATIENCE;
        loop {
            if self.is_stopped.load(Ordering::Acquire) {
                return Err(io::Error::new(
                    io::ErrorKind::Interrupted,
                    "it was given up",
                ));
            }
            if Instant::now() > end {
                return Err(io::Error::new(
                    io::ErrorKind::TimedOut,
                    "nobody has come back",
                ));
            }
            match self.listener.accept() {
                Ok((stream, _)) => {
                    if let Ok(Some(url)) = self.answer(stream, state) {
                        return Ok(url);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => thread::sleep(PAUSE),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// What ends the wait.
    #[cfg(feature = "http-client")]
    pub(super) fn stopper(&self) -> Stopper {
        Stopper(Arc::clone(&self.is_stopped))
    }

    /// Answers a request; the URL that it is for, if it is the one.
    fn answer(&self, mut stream: TcpStream, state: &str) -> io::Result<Option<String>> {
        stream.set_nonblocking(false)?;
        let end = Instant::now() + REQUEST;
        stream.set_write_timeout(Some(REQUEST))?;
        let mut head = Vec::new();
        let mut chunk = [0; 1024];
        while !head.windows(4).any(|end| end == b"\r\n\r\n") {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() || head.len() > LONGEST {
                return Ok(None);
            }
            stream.set_read_timeout(Some(left))?;
            match stream.read(&mut chunk)? {
                0 => return Ok(None),
                length => head.extend_from_slice(&chunk[..length]),
            }
        }
        let head = String::from_utf8_lossy(&head);
        let target = head.strip_prefix("GET ");
        let target = target.and_then(|rest| rest.split(' ').next()).unwrap_or("");
        let query = target
            .strip_prefix(PATH)
            .and_then(|rest| rest.strip_prefix('?'));
        let has_state = |query: &str| {
            let mut pairs = query.split('&');
            pairs.any(|pair| pair.strip_prefix("state=") == Some(state))
        };
        let is_it = query.is_some_and(has_state);
        let (status, words) = match is_it {
            true => (
                "200 OK",
                "You may close this page and go back to the program.",
            ),
            false => ("404 Not Found", "There is nothing here."),
        };
        let page = format!("<!doctype html><meta charset=utf-8><title>MCP</title><p>{words}</p>");
        // Whether the page is seen makes no difference.
        let _ = write!(
            stream,
            "HTTP/1.1 {status}\r\ncontent-type: text/html; charset=utf-8\r\ncontent-length: {}\r\n\
             cache-control: no-store\r\nreferrer-policy: no-referrer\r\n\
             content-security-policy: default-src 'none'\r\nconnection: close\r\n\r\n{page}",
            page.len()
        );
        Ok(is_it.then(|| {
            [self.url.trim_end_matches(PATH), target]
                .concat()
                .to_string()
        }))
    }
}
