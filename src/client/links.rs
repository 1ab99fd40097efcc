//! The links of a tool's output, read one after the other.
//!
//! Rules of this file: each part is looked at once; at most [`Limits::links`](crate::Limits) links
//! are read, in their order, and what is left stays a link for the user to read.

use alloc::vec::Vec;
use core::mem;

use crate::model::content::ResourceLink;

use super::result::{OutputPart, ToolOutput};

/// A tool's output, and how far its links have been read.
pub(super) struct Links {
    output: ToolOutput,
    /// The part that comes next, or whose link is being read.
    at: usize,
    /// How many more links may be read.
    left: usize,
}

impl Links {
    /// Whether an output has links that are to be read.
    pub(super) fn are_in(output: &ToolOutput, limit: usize) -> bool {
        limit > 0 && output.value.parts().iter().any(is_link)
    }

    pub(super) fn new(output: ToolOutput, limit: usize) -> Self {
        Self {
            output,
            at: 0,
            left: limit,
        }
    }

    /// Goes to the next link to read; `None` when there is none, or enough have been read.
    pub(super) fn next(&mut self) -> Option<&ResourceLink<'static>> {
        let links = self.output.value.parts_mut().get(self.at..)?;
        let found = links.iter().position(is_link);
        self.at += found.unwrap_or(links.len());
        self.left = self.left.checked_sub(1)?;
        match self.output.value.parts().get(self.at)? {
            OutputPart::Link(link) => Some(link),
            _ => None,
        }
    }

    /// Puts what was read in the place of the link.
    pub(super) fn put(&mut self, read: OutputPart) {
        if let Some(part) = self.output.value.parts_mut().get_mut(self.at) {
            *part = read;
        }
        self.at += 1;
    }

    /// The output as far as it has been read. The links are done with.
    pub(super) fn take_output(&mut self) -> ToolOutput {
        ToolOutput {
            value: mem::replace(&mut self.output.value, OutputPart::List(Vec::new())),
            raw: mem::take(&mut self.output.raw),
        }
    }
}

fn is_link(part: &OutputPart) -> bool {
    matches!(part, OutputPart::Link(_))
}
