//! What several instances of a server share, on Redis: legacy sessions, a log of changes, and tasks. They
//! work with any Redis from 6.2 on, and with what speaks its protocol and has streams and scripts.

mod connections;
mod log;
mod store;
mod tasks;

pub use connections::Connections;
pub use log::RedisLog;
pub use store::RedisStore;
pub use tasks::RedisTasks;
