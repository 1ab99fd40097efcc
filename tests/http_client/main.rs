//! The clients at a URL, against servers that say what a test wants them to: over sockets, with the
//! default stack and with an HTTP client of one's own.

#![allow(
    clippy::disallowed_methods,
    reason = "these tests are about sockets, threads and clocks"
)]

#[cfg(feature = "auth")]
mod authorized;
#[cfg(feature = "hyper")]
mod dropped;
mod entries;
mod eras;
mod failures;
#[cfg(feature = "http")]
mod joined;
#[cfg(all(feature = "auth", feature = "hyper"))]
mod protected;
mod scripted;
mod services;
mod settings;
mod streams;
#[cfg(all(feature = "rustls", feature = "hyper"))]
mod tls;
