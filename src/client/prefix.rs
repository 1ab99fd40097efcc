//! Tools under names of the client's choice: a prefix for each server, and the tools of several
//! servers as one list in which no name stands for two of them.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use crate::model::tool::Tool;

/// A prefix for the names of one server's tools; the empty one changes nothing.
///
/// ```
/// # use mcp_proto::client::Prefix;
/// let prefix = Prefix::new("foo");
/// assert_eq!(prefix.add("bar").as_deref(), Some("foo_bar"));
/// assert_eq!(prefix.remove("foo_bar"), "bar");
/// assert_eq!(prefix.remove("bar"), "bar");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prefix(String);

impl Prefix {
    /// Creates a prefix that is put in front of each name, with an underscore between.
    pub fn new(prefix: impl Into<String>) -> Self {
        Self(prefix.into())
    }

    /// Returns the prefix without its underscore.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the name by which the client knows the server's tool `name`; `None` for a tool that
    /// would have no name at all.
    pub fn add(&self, name: &str) -> Option<String> {
        match (self.0.as_str(), name) {
            ("", "") => None,
            ("", name) => Some(name.to_string()),
            (prefix, name) => Some(alloc::format!("{prefix}_{name}")),
        }
    }

    /// Returns the name by which the server knows a tool; a name without the prefix is one already.
    pub fn remove<'n>(&self, name: &'n str) -> &'n str {
        let rest = name.strip_prefix(self.0.as_str());
        match rest.and_then(|rest| rest.strip_prefix('_')) {
            Some(rest) if !self.0.is_empty() => rest,
            _ => name,
        }
    }
}

/// A tool of one of several servers.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct PrefixedTool {
    /// The name among all tools.
    pub name: String,
    /// The number of its server, in the order in which the servers were added.
    pub server: usize,
    /// The tool as its server defines it.
    pub tool: Tool<'static>,
}

/// The tools of several servers as one list.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ToolSet {
    servers: Vec<String>,
    tools: Vec<PrefixedTool>,
    by_name: BTreeMap<String, usize>,
}

/// Two servers have a tool of the same name: give one of them a prefix with
/// [`ClientOptions::tool_prefix`](super::ClientOptions::tool_prefix).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NameConflict {
    /// The name of the tool.
    pub name: String,
    /// The server whose tools were to be added.
    pub server: String,
    /// The server that has the name already.
    pub existing: String,
}

impl fmt::Display for NameConflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            name,
            server,
            existing,
        } = self;
        write!(
            f,
            "{server} defines a tool whose name conflicts with an existing tool of {existing}: \
             '{name}'. Set the `tool_prefix` option to avoid name conflicts"
        )
    }
}

impl core::error::Error for NameConflict {}

impl ToolSet {
    /// Creates a set without servers.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the tools of a server, after those there are; tools without a name are left out.
    ///
    /// Returns the server's number, or an error that names both servers if one of its names is
    /// taken; then nothing has changed.
    pub fn add(
        &mut self,
        label: impl Into<String>,
        prefix: &Prefix,
        tools: &[Tool<'static>],
    ) -> Result<usize, NameConflict> {
        let (label, server) = (label.into(), self.servers.len());
        let mut added = Vec::new();
        let mut names = BTreeMap::new();
        for tool in tools {
            let Some(name) = prefix.add(&tool.name) else {
                continue;
            };
            let place = self.tools.len() + added.len();
            let existing = match self.by_name.get(&name) {
                Some(existing) => self.tools.get(*existing).map(|tool| tool.server),
                None => names.insert(name.clone(), place).map(|_| server),
            };
            if let Some(existing) = existing {
                let existing = match existing == server {
                    true => label.clone(),
                    false => self.label(existing).into(),
                };
                return Err(NameConflict {
                    name,
                    existing,
                    server: label,
                });
            }
            let tool = tool.clone();
            added.push(PrefixedTool { name, server, tool });
        }
        self.servers.push(label);
        self.tools.append(&mut added);
        self.by_name.extend(names);
        Ok(server)
    }

    /// Returns all tools, in the order of their servers.
    pub fn tools(&self) -> &[PrefixedTool] {
        &self.tools
    }

    /// Returns the tool of that name.
    pub fn get(&self, name: &str) -> Option<&PrefixedTool> {
        self.tools.get(*self.by_name.get(name)?)
    }

    /// Returns what a server was called when it was added; empty when there is none of that number.
    pub fn label(&self, server: usize) -> &str {
        self.servers.get(server).map_or("", String::as_str)
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
