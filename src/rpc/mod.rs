//! JSON-RPC 2.0: frames to messages and back, without a single MCP method name.
mod raw;
mod text;

pub use raw::Raw;
pub(crate) use raw::RAW_TOKEN;
pub use text::Text;
