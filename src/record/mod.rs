//! What passes through a session, written down as lines of JSON: a [`Recorder`] writes it, a [`Recording`] reads it, plays it
//! to another session and compares what that one sends, byte for byte, or draws it as a [`Diagram`].
//!
//! A machine is the same after the same inputs, so a recording is a test: what a user has seen once can be seen again by
//! whoever has the lines, without the peer, the network or the time that it took.
//!
//! ```
//! use mcp_proto::record::{Cue, Recorder, Recording};
//! use mcp_proto::session::{Route, ServerConfig};
//! use mcp_proto::{Instant, ServerSession, Session};
//!
//! let config = ServerConfig::new("greeter", "1.0");
//! let mut session = Recorder::new(ServerSession::new(config.clone()));
//! let question = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
//! session.handle_frame(Instant::ZERO, Route::Pipe, question.into());
//! while session.poll_transmit(&mut Vec::new()).is_some() {}
//! let lines = session.take_lines();
//!
//! let recording = Recording::read(&lines)?;
//! recording.replay(&mut ServerSession::new(config), |_, _, _: Cue<_>| {})?;
//! print!("{}", recording.diagram("client", "server").text());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod diagram;
mod entry;
mod recorder;
mod recording;
mod redaction;
mod svg;

pub use diagram::Diagram;
pub use entry::{Entry, Happened};
pub use recorder::Recorder;
pub use recording::{Cue, Difference, Recording, UnreadableRecording};
