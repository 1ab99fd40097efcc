//! Where the servers stand in a file, which differs between the products.

use alloc::vec::Vec;

use super::UnknownField;
use super::error::{ConfigError, ConfigErrorKind};
use super::expand::Syntax;
use super::fields::{Fields, Twice};
use super::source::Source;
use crate::rpc::{Span, string_of};

/// Where things stand in one file.
pub(super) struct Layout {
    /// The keys that lead to the servers.
    pub(super) path: &'static str,
    pub(super) servers: Span,
    /// What the user is to be asked for, in VS Code's files.
    pub(super) inputs: Result<Option<Span>, Twice>,
    /// How references are written in this product's files.
    pub(super) syntax: Syntax,
    /// What else the file has.
    pub(super) unknown: Vec<UnknownField>,
}

impl Layout {
    /// Returns an error if the file is no object or none of the known keys is there.
    pub(super) fn find(source: &Source<'_>) -> Result<Self, ConfigError> {
        let root = source.root();
        source
            .typed(root, "an object")
            .map_err(|kind| source.error(root.start as usize, kind))?;
        let mut fields = Fields::new(source, root);
        let Some(mut layout) = Self::take(source, &mut fields)? else {
            let found = fields.keys();
            return Err(source.error(root.start as usize, ConfigErrorKind::NoServers { found }));
        };
        layout.unknown.extend(fields.into_unknown(""));
        Ok(layout)
    }

    fn take(source: &Source<'_>, fields: &mut Fields<'_>) -> Result<Option<Self>, ConfigError> {
        // The first is what the reference reads, so that nothing beside it can get in its way:
        // Gemini CLI has an `mcp` next to it that lists no servers.
        if let Some(servers) = once(source, "mcpServers", fields.take("mcpServers"))? {
            return Ok(Some(Self::new("mcpServers", servers)));
        }
        if let Some(servers) = once(source, "servers", fields.take("servers"))? {
            return Ok(Some(Self {
                inputs: fields.take("inputs"),
                ..Self::new("servers", servers)
            }));
        }
        let nested = fields.take_if("mcp", |mcp| has_servers(source, mcp));
        if let Some(mcp) = once(source, "mcp", nested)? {
            return Self::nested(source, mcp).map(Some);
        }
        let mut others = ["context_servers", "amp.mcpServers"].to_vec();
        if !source.is_text() {
            // Codex's, which is TOML; the reference refuses it in a file of JSON.
            others.push("mcp_servers");
        }
        for path in others {
            if let Some(servers) = once(source, path, fields.take(path))? {
                return Ok(Some(Self::new(path, servers)));
            }
        }
        // The servers of opencode and Crush stand in `mcp` itself.
        let listed = fields.take_if("mcp", |mcp| lists_objects(source, mcp));
        let servers = once(source, "mcp", listed)?;
        Ok(servers.map(|servers| Self {
            syntax: Syntax::Braces,
            ..Self::new("mcp", servers)
        }))
    }

    /// The servers in `mcp.servers`, of VS Code's settings and of opencode's newer files.
    fn nested(source: &Source<'_>, mcp: Span) -> Result<Self, ConfigError> {
        let mut fields = Fields::new(source, mcp);
        let servers = once(source, "mcp.servers", fields.take("servers"))?;
        Ok(Self {
            inputs: fields.take("inputs"),
            syntax: Syntax::Braces,
            unknown: fields.into_unknown("mcp."),
            ..Self::new("mcp.servers", servers.unwrap_or(mcp))
        })
    }

    fn new(path: &'static str, servers: Span) -> Self {
        Self {
            path,
            servers,
            inputs: Ok(None),
            syntax: Syntax::Dollar,
            unknown: Vec::new(),
        }
    }

    /// Whether an extension of the editor's may know how a server is started, as in Zed.
    pub(super) fn has_extensions(&self) -> bool {
        self.path == "context_servers"
    }
}

fn once(
    source: &Source<'_>,
    field: &str,
    taken: Result<Option<Span>, Twice>,
) -> Result<Option<Span>, ConfigError> {
    taken.map_err(|twice| source.field_error(field, twice.again, source.duplicate(twice.first)))
}

fn has_servers(source: &Source<'_>, object: Span) -> bool {
    source
        .members(object)
        .any(|member| string_of(source.bytes(member.key)) == "servers")
}

fn lists_objects(source: &Source<'_>, object: Span) -> bool {
    source
        .members(object)
        .any(|member| source.type_of(member.value) == "an object")
}
