//! The high-level client: a test for each row of the reference's behaviour that can have one, as
//! `rows.md` has it, then its handles under many threads and tasks.

#![expect(
    clippy::disallowed_methods,
    reason = "the servers of these tests run on threads"
)]

mod answers;
mod bounds;
#[cfg(all(feature = "child", feature = "schemars"))]
mod everything;
mod handles;
mod kept;
mod many;
mod opening;
mod outputs;
#[cfg(feature = "child")]
mod peers;
mod resources;
mod results;
mod sampling;
mod tasks;
mod tools;
#[cfg(feature = "tracing")]
mod traced;
