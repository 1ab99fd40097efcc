//! The protocol as a state machine, for either side of a connection.
//!
//! A session has four kinds of calls, to be made in any order at any time:
//!
//! * **A**, getters (`&self`): what is known of the peer and of the session itself.
//! * **B**, input (`handle_*`): frames, lost connections and the passing of time. They never fail;
//!   bad input becomes an event.
//! * **C**, commands: what the user wants done. They take effect at once or return a `Misuse` and
//!   change nothing.
//! * **D**, output (`poll_*`): frames to send, events to react to, and when to call back at the latest.
//!
//! Both sides implement [`Session`], so that one adapter drives either.

#![cfg_attr(
    not(test),
    warn(
        clippy::arithmetic_side_effects,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::string_slice,
        clippy::unreachable,
        clippy::unwrap_used
    )
)]

mod arrival;
mod ascending;
mod batch;
mod capability_set;
#[cfg(feature = "client")]
mod client;
mod config;
mod error;
mod event;
mod events;
mod growth;
mod id;
mod ids;
mod interest;
mod machine;
mod misuse;
mod name;
mod negotiate;
#[cfg(all(feature = "client", feature = "server", test))]
mod next_revision;
mod outbox;
mod own_meta;
mod path;
mod pieces;
mod progress;
mod queue;
mod rare;
mod rebase;
mod refusal;
mod requests_in;
mod requests_out;
mod rounds;
mod route;
mod save;
#[cfg(feature = "server")]
mod server;
mod side;
mod sound;
mod table;
mod timer;
mod token_bucket;
mod writer;

#[cfg(feature = "client")]
pub use client::{ClientEvent, ClientSession, InputRequested, SavedClient};
pub use config::{
    CallOptions, ClientConfig, EraPolicy, Routing, ServerConfig, TaskUse, Timeout, Timeouts,
};
pub use error::{CallClock, CallError, CloseReason, Delivery};
pub use event::{Change, Completed, Ignored, Received};
pub use id::{CallId, IncomingId, InputId, SubscriptionId};
pub use machine::{Session, Transmit};
pub use misuse::{Capability, Handle, Invalid, Limited, Misuse};
pub use path::Malformed;
#[cfg(feature = "server")]
pub(crate) use queue::Queue;
pub use route::{Closed, ExchangeId, Route};
pub use save::RestoreError;
#[cfg(feature = "server")]
pub use server::{InputError, Request, SavedServer, ServerEvent, ServerSession, ServesClient};
#[cfg(feature = "server")]
pub(crate) use server::{SavedCall, lower_input, needed_for};
#[cfg(all(feature = "http-core", feature = "server"))]
pub(crate) use sound::is_frame;
#[cfg(any(feature = "client", feature = "server"))]
pub(crate) use table::{Table, Weigh};
pub use timer::WakeReason;
#[cfg(all(feature = "http-core", feature = "server"))]
pub(crate) use token_bucket::TokenBucket;
