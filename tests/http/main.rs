//! HTTP as MCP uses it: header values, mirrored arguments, hosts and origins, and what a request
//! asks for, sessions and their streams. All of it without a socket.

mod answer;
mod bounds;
mod challenge;
mod closing;
mod codec;
mod cors;
mod edge;
mod headers;
mod hostile;
mod ladder;
mod mirror;
mod net;
mod pair;
mod policy;
mod protected;
mod random;
mod requests;
mod responses;
mod resume;
mod saved;
mod served;
mod standing;
mod streams;
mod table;
