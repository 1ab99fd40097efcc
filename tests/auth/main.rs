//! Authorization in memory: time, entropy, servers and the user's browser are values.

mod discovery;
mod grants;
mod hostile;
mod pages;
mod registration;
mod renewal;
mod scopes;
mod secrets;
mod world;
