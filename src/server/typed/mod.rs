//! Handlers whose definitions are those of their own types, by the crate `schemars`: [`schema`] has
//! the schemas, [`offers`] what is added to a server, [`output`] what a tool may return, [`strings`]
//! how texts are read as types, [`macros`] the short forms of it all.

mod fields;
#[doc(hidden)]
pub mod macros;
mod offers;
mod output;
mod schema;
mod server;
mod strings;

pub use offers::{Mode, Offers};
pub use output::TypedOutput;
pub use schema::{exact_tool_for, output_schema_for, tool_for};
