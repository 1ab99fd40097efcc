//! From the text of a configuration file to its servers: which key holds them, what kind each is,
//! and what becomes of the fields that nobody asked for.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::error::{ConfigError, ConfigErrorKind};
use super::expand::{Environment, expand, expand_json};
use super::source::Source;
use super::{Input, ServerEntry, ServerKind, Servers, UnknownField, Unresolved};
use crate::rpc::{Entry, Raw, Span, string_of};

pub(super) fn parse(
    file: &str,
    text: &str,
    environment: Environment<'_>,
) -> Result<Servers, ConfigError> {
    let source = Source::new(file, text, environment)?;
    let root = source.root();
    source
        .typed(root, "an object")
        .map_err(|kind| source.error(root.start as usize, kind))?;
    let layout = Layout::find(&source, root)?;
    let entries = entries(&source, &layout)?;
    let mut inputs = match layout.inputs {
        Some(inputs) => read_inputs(&source, inputs)?,
        None => Vec::new(),
    };
    for unresolved in entries.iter().flat_map(|entry| &entry.unresolved) {
        need_input(&mut inputs, &unresolved.reference);
    }
    Ok(Servers {
        entries,
        inputs,
        unknown: layout.unknown,
    })
}

/// Where things stand in the file, which differs between the products.
struct Layout {
    /// The keys that lead to the servers.
    path: &'static str,
    servers: Span,
    inputs: Option<Span>,
    unknown: Vec<UnknownField>,
}

impl Layout {
    fn find(source: &Source<'_>, root: Span) -> Result<Self, ConfigError> {
        let mut fields = Fields::new(source, None, root);
        let mut unknown = Vec::new();
        // The first is what the reference reads, so that nothing beside it can get in its way.
        let (path, servers, inputs) = if let Some(servers) = fields.take("mcpServers")? {
            ("mcpServers", servers, None)
        } else if let Some(servers) = fields.take("servers")? {
            ("servers", servers, fields.take("inputs")?)
        } else if let Some(mcp) = fields.take_if("mcp", |mcp| has(source, mcp, "servers"))? {
            let mut nested = Fields::new(source, None, mcp);
            let (servers, inputs) = (nested.take("servers")?, nested.take("inputs")?);
            unknown = nested.into_unknown("mcp.");
            ("mcp.servers", servers.unwrap_or(mcp), inputs)
        } else if let Some(servers) = fields.take("context_servers")? {
            ("context_servers", servers, None)
        } else {
            return Err(source.error(root.start as usize, ConfigErrorKind::NoServers));
        };
        unknown.extend(fields.into_unknown(""));
        Ok(Self {
            path,
            servers,
            inputs,
            unknown,
        })
    }
}

/// Whether `object` has a member `name`.
fn has(source: &Source<'_>, object: Span, name: &str) -> bool {
    source
        .members(object)
        .any(|member| string_of(source.bytes(member.key)) == name)
}

fn entries(source: &Source<'_>, layout: &Layout) -> Result<Vec<ServerEntry>, ConfigError> {
    let at_path = |at: Span, kind| ConfigError {
        field: Some(layout.path.into()),
        ..source.error(at.start as usize, kind)
    };
    let servers = source
        .typed(layout.servers, "an object")
        .map_err(|kind| at_path(layout.servers, kind))?;
    let mut places = BTreeMap::new();
    let mut entries = Vec::new();
    for member in source.members(servers) {
        let name = source
            .string(member.key)
            .map_err(|kind| at_path(member.key, kind))?;
        if let Some(first) = places.insert(name.clone(), member.key) {
            return Err(ConfigError {
                server: Some(name.as_str().into()),
                ..source.error(member.key.start as usize, twice(source, first))
            });
        }
        let mut reader = Reader {
            source,
            name: &name,
            unresolved: Vec::new(),
        };
        entries.push(reader.entry(member.value, layout.path == "context_servers")?);
    }
    Ok(entries)
}

fn twice(source: &Source<'_>, first: Span) -> ConfigErrorKind {
    let (first_line, first_column) = source.position(first.start as usize);
    ConfigErrorKind::Duplicate {
        first_line,
        first_column,
    }
}

fn read_inputs(source: &Source<'_>, inputs: Span) -> Result<Vec<Input>, ConfigError> {
    let wrong = |at: Span, field: &str, kind| ConfigError {
        field: Some(field.into()),
        ..source.error(at.start as usize, kind)
    };
    source
        .typed(inputs, "an array")
        .map_err(|kind| wrong(inputs, "inputs", kind))?;
    let mut read = Vec::new();
    for (n, input) in source.elements(inputs).enumerate() {
        let id = source
            .typed(input, "an object")
            .and_then(|input| {
                let mut members = source.members(input);
                let id = members.find(|member| string_of(source.bytes(member.key)) == "id");
                source.string(id.ok_or(ConfigErrorKind::Missing)?.value)
            })
            .map_err(|kind| wrong(input, &format!("inputs[{n}].id"), kind))?;
        read.push(Input {
            id,
            definition: Some(as_it_is(source, input)),
            is_needed: false,
        });
    }
    Ok(read)
}

/// Marks the input that `reference` needs, if it is one to an input.
fn need_input(inputs: &mut Vec<Input>, reference: &str) {
    let Some(id) = reference.strip_prefix("input:") else {
        return;
    };
    match inputs.iter_mut().find(|input| input.id == id) {
        Some(input) => input.is_needed = true,
        None => inputs.push(Input {
            id: id.to_string(),
            definition: None,
            is_needed: true,
        }),
    }
}

/// A value as the file has it, on one line.
fn as_it_is(source: &Source<'_>, value: Span) -> Raw<'static> {
    let copy = expand_json(source.bytes(value), "", &mut |_, _, _| Ok(None));
    // Leaving every string as it is can't fail.
    copy.map_or(Raw::NULL, |json| Raw::trusted(json.into()))
}

/// The members of an object that nobody has taken yet, in the file's order.
struct Fields<'a> {
    source: &'a Source<'a>,
    server: Option<&'a str>,
    left: Vec<(String, Entry)>,
}

impl<'a> Fields<'a> {
    fn new(source: &'a Source<'a>, server: Option<&'a str>, object: Span) -> Self {
        let named = |entry: Entry| (string_of(source.bytes(entry.key)).into_owned(), entry);
        Self {
            source,
            server,
            left: source.members(object).map(named).collect(),
        }
    }

    fn has(&self, name: &str) -> bool {
        self.left.iter().any(|(key, _)| key == name)
    }

    /// Takes the value of `name`. Errs when the object has it twice.
    fn take(&mut self, name: &str) -> Result<Option<Span>, ConfigError> {
        self.take_if(name, |_| true)
    }

    fn take_if(
        &mut self,
        name: &str,
        fits: impl Fn(Span) -> bool,
    ) -> Result<Option<Span>, ConfigError> {
        let is_it = |(key, entry): &(String, Entry)| key == name && fits(entry.value);
        let Some(index) = self.left.iter().position(is_it) else {
            return Ok(None);
        };
        let (_, entry) = self.left.remove(index);
        let Some((_, again)) = self.left.iter().find(|field| is_it(field)) else {
            return Ok(Some(entry.value));
        };
        let kind = twice(self.source, entry.key);
        Err(ConfigError {
            server: self.server.map(Into::into),
            field: Some(name.into()),
            ..self.source.error(again.key.start as usize, kind)
        })
    }

    /// Takes the value of `name` unless it's `null`, which says the same as nothing.
    fn take_some(&mut self, name: &str) -> Result<Option<Span>, ConfigError> {
        let value = self.take(name)?;
        Ok(value.filter(|value| self.source.type_of(*value) != "null"))
    }

    /// What is left, as the file has it.
    fn into_unknown(self, prefix: &str) -> Vec<UnknownField> {
        let unknown = |(key, entry): (String, Entry)| UnknownField {
            path: format!("{prefix}{key}"),
            value: as_it_is(self.source, entry.value),
        };
        self.left.into_iter().map(unknown).collect()
    }
}

/// What a `type` or `transport` may say.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Transport {
    Stdio,
    Http,
    Sse,
}

/// Reads the entry of one server.
struct Reader<'a> {
    source: &'a Source<'a>,
    name: &'a str,
    unresolved: Vec<Unresolved>,
}

impl<'a> Reader<'a> {
    /// The whole entry. In a file of Zed's it may leave to an extension how the server is started.
    fn entry(&mut self, entry: Span, is_zed: bool) -> Result<ServerEntry, ConfigError> {
        self.source
            .typed(entry, "an object")
            .map_err(|kind| self.error(None, entry, kind))?;
        let mut fields = Fields::new(self.source, Some(self.name), entry);
        let enabled = self.enabled(&mut fields)?;
        let mut unknown = Vec::new();
        let kind = match self.transport(&mut fields)? {
            // The products that write a type connect by it, whatever the URL looks like: a
            // streamable endpoint may well end in `/sse`.
            Some(Transport::Stdio) => self.stdio(&mut fields, entry, &mut unknown)?,
            Some(transport) => self.remote(&mut fields, entry, Some(transport))?,
            None if fields.has("url") => self.remote(&mut fields, entry, None)?,
            None if fields.has("command") => self.stdio(&mut fields, entry, &mut unknown)?,
            None if is_zed => ServerKind::Extension,
            None => return Err(self.error(None, entry, ConfigErrorKind::NoKind)),
        };
        self.unknown(fields, "", &mut unknown)?;
        Ok(ServerEntry {
            name: self.name.to_string(),
            kind,
            enabled,
            unresolved: core::mem::take(&mut self.unresolved),
            unknown,
        })
    }

    fn enabled(&self, fields: &mut Fields<'a>) -> Result<bool, ConfigError> {
        let disabled = fields.take_some("disabled")?;
        let enabled = fields.take_some("enabled")?;
        let is_disabled = disabled.map(|value| self.boolean("disabled", value));
        let is_enabled = enabled.map(|value| self.boolean("enabled", value));
        match (is_disabled.transpose()?, is_enabled.transpose()?) {
            (Some(is_disabled), Some(is_enabled)) if is_disabled == is_enabled => {
                let kind = ConfigErrorKind::Contradiction { other: "disabled" };
                Err(self.error(Some("enabled"), enabled.unwrap_or_default(), kind))
            }
            (is_disabled, is_enabled) => Ok(is_enabled.unwrap_or(is_disabled != Some(true))),
        }
    }

    fn transport(&mut self, fields: &mut Fields<'a>) -> Result<Option<Transport>, ConfigError> {
        let mut transport = None;
        for name in ["type", "transport"] {
            let Some(value) = fields.take_some(name)? else {
                continue;
            };
            let found = match self.string(name, value)?.as_str() {
                "stdio" => Transport::Stdio,
                "http" | "streamable-http" | "streamableHttp" => Transport::Http,
                "sse" => Transport::Sse,
                _ => return Err(self.error(Some(name), value, ConfigErrorKind::UnknownKind)),
            };
            if transport.is_some_and(|first| first != found) {
                let kind = ConfigErrorKind::Contradiction { other: "type" };
                return Err(self.error(Some(name), value, kind));
            }
            transport = Some(found);
        }
        Ok(transport)
    }

    /// A server with a URL; without a transport, how the URL ends decides.
    fn remote(
        &mut self,
        fields: &mut Fields<'a>,
        entry: Span,
        transport: Option<Transport>,
    ) -> Result<ServerKind, ConfigError> {
        let url = self.required(fields, "url", entry)?;
        let url = self.string("url", url)?;
        let headers = self.pairs("headers", fields.take_some("headers")?)?;
        let is_sse = match transport {
            Some(transport) => transport == Transport::Sse,
            None => url.ends_with("/sse"),
        };
        Ok(if is_sse {
            ServerKind::Sse { url, headers }
        } else {
            ServerKind::Http { url, headers }
        })
    }

    /// A server with a command, which older files of Zed's have as an object of path, arguments and
    /// variables.
    fn stdio(
        &mut self,
        fields: &mut Fields<'a>,
        entry: Span,
        unknown: &mut Vec<UnknownField>,
    ) -> Result<ServerKind, ConfigError> {
        let command = self.required(fields, "command", entry)?;
        let cwd = self.optional("cwd", fields.take_some("cwd")?)?;
        let env_file = self.optional("envFile", fields.take_some("envFile")?)?;
        let (command, args, env) = if self.source.type_of(command) == "an object" {
            let mut nested = Fields::new(self.source, Some(self.name), command);
            let path = nested.take("path")?.ok_or_else(|| {
                self.error(Some("command.path"), command, ConfigErrorKind::Missing)
            })?;
            let path = self.string("command.path", path)?;
            let args = self.strings("command.args", nested.take_some("args")?)?;
            let env = self.pairs("command.env", nested.take_some("env")?)?;
            self.unknown(nested, "command.", unknown)?;
            (path, args, env)
        } else {
            let command = self.string("command", command)?;
            let args = self.strings("args", fields.take_some("args")?)?;
            let env = self.pairs("env", fields.take_some("env")?)?;
            (command, args, env)
        };
        Ok(ServerKind::Stdio {
            command,
            args,
            env,
            cwd,
            env_file,
        })
    }

    fn required(
        &self,
        fields: &mut Fields<'a>,
        name: &str,
        entry: Span,
    ) -> Result<Span, ConfigError> {
        let value = fields.take(name)?;
        value.ok_or_else(|| self.error(Some(name), entry, ConfigErrorKind::Missing))
    }

    fn optional(
        &mut self,
        field: &str,
        value: Option<Span>,
    ) -> Result<Option<String>, ConfigError> {
        value.map(|value| self.string(field, value)).transpose()
    }

    fn boolean(&self, field: &str, value: Span) -> Result<bool, ConfigError> {
        self.source
            .typed(value, "a boolean")
            .map(|value| self.source.bytes(value) == b"true")
            .map_err(|kind| self.error(Some(field), value, kind))
    }

    /// A string, its references replaced.
    fn string(&mut self, field: &str, value: Span) -> Result<String, ConfigError> {
        let text = self.source.string(value);
        let text = text.map_err(|kind| self.error(Some(field), value, kind))?;
        self.expanded(field, value, &text)
    }

    fn strings(&mut self, field: &str, value: Option<Span>) -> Result<Vec<String>, ConfigError> {
        let Some(value) = value else {
            return Ok(Vec::new());
        };
        let source = self.source;
        source
            .typed(value, "an array")
            .map_err(|kind| self.error(Some(field), value, kind))?;
        let elements = source.elements(value).enumerate();
        elements
            .map(|(n, element)| self.string(&format!("{field}[{n}]"), element))
            .collect()
    }

    /// An object of strings, in its order.
    fn pairs(
        &mut self,
        field: &str,
        value: Option<Span>,
    ) -> Result<Vec<(String, String)>, ConfigError> {
        let Some(value) = value else {
            return Ok(Vec::new());
        };
        let source = self.source;
        source
            .typed(value, "an object")
            .map_err(|kind| self.error(Some(field), value, kind))?;
        let mut places = BTreeMap::new();
        let mut pairs = Vec::new();
        for member in source.members(value) {
            let name = source
                .string(member.key)
                .map_err(|kind| self.error(Some(field), member.key, kind))?;
            let field = format!("{field}.{name}");
            if let Some(first) = places.insert(name.clone(), member.key) {
                return Err(self.error(Some(&field), member.key, twice(source, first)));
            }
            pairs.push((name, self.string(&field, member.value)?));
        }
        Ok(pairs)
    }

    /// Keeps what nobody has taken, its references replaced like those of the rest.
    fn unknown(
        &mut self,
        fields: Fields<'a>,
        prefix: &str,
        unknown: &mut Vec<UnknownField>,
    ) -> Result<(), ConfigError> {
        for (key, entry) in fields.left {
            let path = format!("{prefix}{key}");
            let json = self.source.bytes(entry.value);
            let mut each = |path: &str, at: usize, text: &str| {
                if !text.contains("${") {
                    return Ok(None);
                }
                let start = entry.value.start + at as u32;
                let place = Span { start, end: start };
                self.expanded(path, place, text).map(Some)
            };
            let value = Raw::trusted(expand_json(json, &path, &mut each)?.into());
            unknown.push(UnknownField { path, value });
        }
        Ok(())
    }

    fn expanded(&mut self, field: &str, at: Span, text: &str) -> Result<String, ConfigError> {
        let expanded = expand(text, self.source.environment).map_err(|variable| {
            let variable = variable.into();
            self.error(Some(field), at, ConfigErrorKind::Undefined { variable })
        })?;
        let field_of = |reference| Unresolved {
            field: field.to_string(),
            reference,
        };
        self.unresolved
            .extend(expanded.unresolved.into_iter().map(field_of));
        Ok(expanded.text)
    }

    fn error(&self, field: Option<&str>, at: Span, kind: ConfigErrorKind) -> ConfigError {
        ConfigError {
            server: Some(self.name.into()),
            field: field.map(Into::into),
            ..self.source.error(at.start as usize, kind)
        }
    }
}
