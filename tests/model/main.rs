//! The typed vocabulary: what decodes, what encodes, what each revision has. One binary.

mod capability;
mod content;
mod discover;
mod elicitation;
mod encode;
mod initialize;
mod input;
mod meta;
mod method;
mod notification;
mod prompt;
mod resource;
mod round_trip;
mod sampling;
mod subscription;
mod task;
mod tool;
mod unreadable;
