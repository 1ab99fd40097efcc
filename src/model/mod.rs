//! The typed vocabulary of all five revisions as one superset, and what each revision lacks.

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

pub mod blocks;
pub mod cancel;
pub mod capability;
pub mod completion;
pub mod content;
pub mod discover;
pub mod elicitation;
pub mod encode;
pub(crate) mod field;
pub mod form;
pub(crate) mod from_scan;
pub mod initialize;
pub mod input;
#[cfg(feature = "jsonschema")]
pub mod json_schema;
pub mod list;
pub mod logging;
pub(crate) mod members;
pub mod meta;
pub mod method;
pub mod object;
pub(crate) mod open_object;
pub mod owned;
pub mod page;
mod peek;
mod peer_meta;
pub mod progress;
pub mod prompt;
pub mod resource;
pub mod root;
pub(crate) mod safe_path;
pub mod sampling;
pub mod schema;
#[cfg(feature = "skills")]
pub mod skill;
mod state;
pub mod subscription;
pub mod task;
pub mod tool;
pub mod validation;
mod wire_type;

pub use peek::Peek;
pub(crate) use peek::subject;
