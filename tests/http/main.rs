//! HTTP as MCP uses it: header values, mirrored arguments, hosts and origins, and what a request
//! asks for, sessions and their streams. All of it without a socket.

mod answer;
mod closing;
mod cors;
mod headers;
mod ladder;
mod mirror;
mod pair;
mod policy;
mod requests;
mod resume;
mod served;
mod streams;
mod table;
