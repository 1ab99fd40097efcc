//! What a client knows of the tools that a modern server has listed: which of their arguments travel
//! in headers too.
//!
//! Rules of this file: the schema that was listed last counts (`httpM.param.latest`); a tool whose
//! annotations break the rules is left out of the list, and the others stay
//! (`httpM.param.reject`); how many are remembered is bounded.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use bytes::Bytes;

use crate::rpc::{Raw, elements, member_of, string_of};

use super::super::headers::Headers;
use super::super::mirror::{self, AnnotationError, HeaderParam};

/// How many tools are remembered. What is mirrored of others is for their server to ask for again.
const MOST: usize = 4096;

/// The tools that have arguments which travel in headers.
#[derive(Debug, Default)]
pub(super) struct MirroredTools {
    params: BTreeMap<Box<str>, Vec<HeaderParam>>,
}

/// A list of tools without those that break the rules, and what was wrong with each of them.
pub(super) struct Learned {
    pub(super) frame: Bytes,
    pub(super) rejected: Vec<(Box<str>, AnnotationError)>,
}

/// Whether a page of a list of tools has the tool of this name, which is JSON as `tool` is.
pub(super) fn lists(page: &[u8], tool: &[u8]) -> bool {
    let name = string_of(tool);
    let tools = member_of(page, "result").and_then(|result| member_of(result, "tools"));
    tools.is_some_and(|tools| {
        elements(tools).any(|listed| {
            let listed = member_of(listed.of(tools), "name");
            listed.is_some_and(|listed| string_of(listed) == name)
        })
    })
}

impl MirroredTools {
    /// Learns from the answer to a `tools/list`.
    pub(super) fn learn(&mut self, frame: Bytes) -> Learned {
        let rejected = Vec::new();
        let may_say = memchr::memmem::find(&frame, b"x-mcp").is_some()
            || memchr::memmem::find(&frame, b"\\u").is_some();
        let result = member_of(&frame, "result").filter(|_| may_say || !self.params.is_empty());
        let Some(tools) = result.and_then(|result| member_of(result, "tools")) else {
            return Learned { frame, rejected };
        };
        let mut rejected = rejected;
        let mut kept = Vec::from(&b"["[..]);
        for tool in elements(tools) {
            let tool = tool.of(tools);
            match self.learn_tool(tool) {
                Err((name, error)) => rejected.push((name, error)),
                Ok(()) => {
                    if kept.len() > 1 {
                        kept.push(b',');
                    }
                    kept.extend_from_slice(tool);
                }
            }
        }
        if rejected.is_empty() {
            return Learned { frame, rejected };
        }
        kept.push(b']');
        // The list is a part of the frame, so that its place is known by its address.
        let start = tools.as_ptr() as usize - frame.as_ptr() as usize;
        let end = start + tools.len();
        let frame = [&frame[..start], &kept, &frame[end..]].concat().into();
        Learned { frame, rejected }
    }

    fn learn_tool(&mut self, tool: &[u8]) -> Result<(), (Box<str>, AnnotationError)> {
        let (Some(name), Some(schema)) = (member_of(tool, "name"), member_of(tool, "inputSchema"))
        else {
            return Ok(());
        };
        let name: Box<str> = string_of(name).into();
        let text = core::str::from_utf8(schema).unwrap_or_default();
        let Ok(schema) = Raw::new(text) else {
            return Ok(());
        };
        match mirror::annotated(&schema) {
            Ok(params) if params.is_empty() => {
                self.params.remove(&name);
            }
            Ok(params) if self.params.len() < MOST || self.params.contains_key(&name) => {
                self.params.insert(name, params);
            }
            Ok(_) => {}
            Err(error) => {
                self.params.remove(&name);
                return Err((name, error));
            }
        }
        Ok(())
    }

    /// Whether nothing is mirrored.
    pub(super) fn is_empty(&self) -> bool {
        self.params.is_empty()
    }

    /// The headers that a call of `tool` with these arguments has to have.
    // `httpM.param.support`
    pub(super) fn add_headers(
        &self,
        headers: &mut Headers,
        tool: &str,
        arguments: Option<&Raw<'_>>,
    ) {
        for param in self.params.get(tool).into_iter().flatten() {
            let value: Option<String> = mirror::header_value(param, arguments);
            if let Some(value) = value {
                headers.push(&param.header, value);
            }
        }
    }
}
