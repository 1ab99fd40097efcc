//! Reads the entry of one server: what kind it is, its values with their references replaced, and
//! what becomes of the fields that nobody asked for. Goes on after a mistake, so that a user hears
//! of all of them at once.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::error::{ConfigError, ConfigErrorKind, clip};
use super::expand::{ExpandError, expand, has_opening};
use super::fields::{Fields, Twice};
use super::layout::Layout;
use super::paths::copy_json;
use super::source::Source;
use super::{ServerEntry, ServerKind, UnknownField, Unresolved};
use crate::rpc::{Raw, Span};

/// How many mistakes, and how many warnings, are kept of an entry.
const MOST_ERRORS: usize = 32;

/// How many bytes an entry's references may bring in, and those of a whole file.
const ENTRY_ROOM: usize = 1 << 20;
const FILE_ROOM: usize = 16 << 20;

/// What a reference that stays in the text costs beside its texts, and what a warning costs.
const NOTE: usize = 128;

/// How many bytes the references of a file may still bring in, so that a short file can't become a
/// long one: `${A}` has four bytes, and what it stands for as many as its user likes.
pub(super) struct Room {
    file: usize,
    entry: usize,
}

impl Room {
    pub(super) const fn of_a_file() -> Self {
        Self {
            file: FILE_ROOM,
            entry: 0,
        }
    }

    /// Gives the next entry its share.
    fn open_entry(&mut self) {
        self.entry = self.file.min(ENTRY_ROOM);
    }

    /// Runs `act` on what is left, and takes what it uses from both.
    fn spend<R>(&mut self, act: impl FnOnce(&mut usize) -> R) -> R {
        let before = self.entry;
        let result = act(&mut self.entry);
        self.file -= before.saturating_sub(self.entry).min(self.file);
        result
    }

    /// Takes that many bytes, if they are left.
    fn take(&mut self, bytes: usize) -> bool {
        self.spend(|room| match room.checked_sub(bytes) {
            Some(left) => {
                *room = left;
                true
            }
            None => false,
        })
    }
}

/// What is wrong with a server that can't be used.
#[derive(Default)]
pub(super) struct Rejected {
    /// Never empty.
    pub(super) errors: Vec<ConfigError>,
    /// How many there are beyond these.
    pub(super) omitted: usize,
}

/// Reads the entry of the server `name`.
pub(super) fn read_server(
    source: &Source<'_>,
    layout: &Layout,
    room: &mut Room,
    name: &str,
    entry: Span,
) -> Result<ServerEntry, Rejected> {
    room.open_entry();
    let mut reader = Reader {
        source,
        layout,
        room,
        name,
        rejected: Rejected::default(),
        warnings: Vec::new(),
        unresolved: Vec::new(),
        unknown: Vec::new(),
    };
    if let Err(kind) = source.typed(entry, "an object") {
        reader.fail(None, entry, kind);
        return Err(reader.rejected);
    }
    let mut fields = Fields::new(source, entry);
    let enabled = reader.enabled(&mut fields);
    let kind = reader.kind(&mut fields, entry);
    reader.unknown(fields, "");
    match kind {
        Some(kind) if reader.rejected.errors.is_empty() => Ok(ServerEntry {
            name: name.into(),
            kind,
            enabled,
            warnings: reader.warnings,
            unresolved: reader.unresolved,
            unknown: reader.unknown,
        }),
        _ => Err(reader.rejected),
    }
}

/// What a `type` or `transport` may say.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Transport {
    Stdio,
    Http,
    Sse,
    /// Either of the two, as in opencode.
    Remote,
}

/// A list of names and values.
type Pairs = Vec<(String, String)>;

struct Reader<'a> {
    source: &'a Source<'a>,
    layout: &'a Layout,
    room: &'a mut Room,
    name: &'a str,
    rejected: Rejected,
    warnings: Vec<ConfigError>,
    unresolved: Vec<Unresolved>,
    unknown: Vec<UnknownField>,
}

impl<'a> Reader<'a> {
    fn enabled(&mut self, fields: &mut Fields<'a>) -> bool {
        let disabled = self.take_some(fields, "disabled");
        let enabled = self.take_some(fields, "enabled");
        let is_disabled = disabled.and_then(|value| self.boolean("disabled", value));
        let is_enabled = enabled.and_then(|value| self.boolean("enabled", value));
        if let (Some(is_disabled), Some(is_enabled)) = (is_disabled, is_enabled)
            && is_disabled == is_enabled
        {
            let kind = ConfigErrorKind::Contradiction { other: "disabled" };
            self.fail(Some("enabled"), enabled.unwrap_or_default(), kind);
        }
        is_enabled.unwrap_or(true) && !is_disabled.unwrap_or(false)
    }

    /// How the server is reached; `None` after a mistake.
    fn kind(&mut self, fields: &mut Fields<'a>, entry: Span) -> Option<ServerKind> {
        // The products that write a type connect by it, whatever the URL looks like: a streamable
        // endpoint may well end in `/sse`.
        match self.transport(fields).ok()? {
            Some(Transport::Stdio) => self.stdio(fields, entry),
            Some(transport) => self.remote(fields, entry, transport),
            None if url_field(fields).is_some() => self.remote(fields, entry, Transport::Remote),
            None if fields.has("command") => self.stdio(fields, entry),
            None if self.layout.has_extensions() => Some(ServerKind::Extension),
            None => {
                let found = fields.keys();
                self.fail(None, entry, ConfigErrorKind::NoKind { found });
                None
            }
        }
    }

    /// What `type` and `transport` say. The error has been reported.
    fn transport(&mut self, fields: &mut Fields<'a>) -> Result<Option<Transport>, ()> {
        let mut transport = None;
        for name in ["type", "transport"] {
            let Some(value) = self.take_some(fields, name) else {
                continue;
            };
            let found = match self.string(name, value).ok_or(())?.as_str() {
                "stdio" | "local" => Transport::Stdio,
                "http" | "streamable-http" | "streamableHttp" | "streamable_http" => {
                    Transport::Http
                }
                "sse" => Transport::Sse,
                "remote" => Transport::Remote,
                _ => {
                    self.fail(Some(name), value, ConfigErrorKind::UnknownKind);
                    return Err(());
                }
            };
            if transport.is_some_and(|first| first != found) {
                let kind = ConfigErrorKind::Contradiction { other: "type" };
                self.fail(Some(name), value, kind);
                return Err(());
            }
            transport = Some(found);
        }
        Ok(transport)
    }

    /// A server with a URL. Unless the file says how it speaks, the end of the URL decides.
    fn remote(
        &mut self,
        fields: &mut Fields<'a>,
        entry: Span,
        transport: Transport,
    ) -> Option<ServerKind> {
        let field = url_field(fields).unwrap_or("url");
        let place = self.required(fields, field, entry);
        let url = place.and_then(|value| self.string(field, value));
        let headers = self.headers(fields);
        let (url, place) = (url?, place?);
        let is_http = field == "httpUrl";
        if is_http && transport == Transport::Sse {
            let kind = ConfigErrorKind::Contradiction { other: "type" };
            self.fail(Some(field), place, kind);
        }
        let is_sse = match transport {
            Transport::Sse => true,
            Transport::Remote => !is_http && url.ends_with("/sse"),
            Transport::Http | Transport::Stdio => false,
        };
        Some(match is_sse {
            true => ServerKind::Sse { url, headers },
            false => ServerKind::Http { url, headers },
        })
    }

    /// The headers, some of which Codex takes from the environment by name.
    fn headers(&mut self, fields: &mut Fields<'a>) -> Pairs {
        let mut headers = self.either_pairs(fields, "headers", "http_headers");
        let field = "env_http_headers";
        if let Some(place) = self.take_some(fields, field) {
            for (header, variable) in self.pairs(field, Some(place)) {
                // A variable that isn't there leaves its header out, as Codex does.
                let value = self.variable(field, place, &variable);
                headers.extend(
                    value
                        .filter(|value| !value.is_empty())
                        .map(|value| (header, value)),
                );
            }
        }
        let field = "bearer_token_env_var";
        if let Some(place) = self.take_some(fields, field)
            && let Some(variable) = self.string(field, place)
        {
            match self.variable(field, place, &variable) {
                Some(token) => headers.push(("Authorization".into(), format!("Bearer {token}"))),
                None => {
                    let variable = clip(&variable);
                    self.fail(Some(field), place, ConfigErrorKind::Undefined { variable });
                }
            }
        }
        headers
    }

    /// A server with a command: a string, the list of opencode, or the object of older files of
    /// Zed's.
    fn stdio(&mut self, fields: &mut Fields<'a>, entry: Span) -> Option<ServerKind> {
        let command = self.required(fields, "command", entry);
        let cwd = self.optional(fields, "cwd");
        let env_file = self.optional(fields, "envFile");
        let place = command?;
        let (command, args, env) = match self.source.type_of(place) {
            "an object" => self.command_object(place),
            "an array" => {
                let mut words = self.strings("command", Some(place)).into_iter();
                let command = words.next();
                if command.is_none() && self.source.elements(place).next().is_none() {
                    self.fail(Some("command[0]"), place, ConfigErrorKind::Missing);
                }
                let (args, env) = self.args_and_env(fields);
                (command, words.chain(args).collect(), env)
            }
            _ => {
                let command = self.string("command", place);
                let (args, env) = self.args_and_env(fields);
                (command, args, env)
            }
        };
        let command = command?;
        if has_arguments(&command) {
            self.warn("command", place, ConfigErrorKind::ArgumentsInCommand);
        }
        Some(ServerKind::Stdio {
            command,
            args,
            env,
            cwd,
            env_file,
        })
    }

    fn command_object(&mut self, command: Span) -> (Option<String>, Vec<String>, Pairs) {
        let mut nested = Fields::new(self.source, command);
        let path = match self.take(&mut nested, "path") {
            Some(path) => self.string("command.path", path),
            None => {
                self.fail(Some("command.path"), command, ConfigErrorKind::Missing);
                None
            }
        };
        let args = self.take_some(&mut nested, "args");
        let args = self.strings("command.args", args);
        let env = self.take_some(&mut nested, "env");
        let env = self.pairs("command.env", env);
        self.unknown(nested, "command.");
        (path, args, env)
    }

    fn args_and_env(&mut self, fields: &mut Fields<'a>) -> (Vec<String>, Pairs) {
        let args = self.take_some(fields, "args");
        let args = self.strings("args", args);
        let mut env = self.either_pairs(fields, "env", "environment");
        // The variables that Codex passes on by name, where they are defined.
        if let Some(place) = self.take_some(fields, "env_vars") {
            let mut set: BTreeSet<_> = env.iter().map(|(name, _)| name.clone()).collect();
            for name in self.strings("env_vars", Some(place)) {
                if set.insert(name.clone())
                    && let Some(value) = self.variable("env_vars", place, &name)
                {
                    env.push((name, value));
                }
            }
        }
        (args, env)
    }

    fn take(&mut self, fields: &mut Fields<'a>, name: &str) -> Option<Span> {
        match fields.take(name) {
            Ok(value) => value,
            Err(Twice {
                value,
                first,
                again,
            }) => {
                self.fail(Some(name), again, self.source.duplicate(first));
                Some(value)
            }
        }
    }

    /// Takes the value of `name` unless it's `null`, which says the same as nothing.
    fn take_some(&mut self, fields: &mut Fields<'a>, name: &str) -> Option<Span> {
        let value = self.take(fields, name);
        value.filter(|value| self.source.type_of(*value) != "null")
    }

    fn required(&mut self, fields: &mut Fields<'a>, name: &str, entry: Span) -> Option<Span> {
        let value = self.take(fields, name);
        if value.is_none() {
            self.fail(Some(name), entry, ConfigErrorKind::Missing);
        }
        value
    }

    fn optional(&mut self, fields: &mut Fields<'a>, name: &str) -> Option<String> {
        let value = self.take_some(fields, name)?;
        self.string(name, value)
    }

    fn boolean(&mut self, field: &str, value: Span) -> Option<bool> {
        match self.source.typed(value, "a boolean") {
            Ok(value) => Some(self.source.bytes(value) == b"true"),
            Err(kind) => {
                self.fail(Some(field), value, kind);
                None
            }
        }
    }

    /// A string, its references replaced.
    fn string(&mut self, field: &str, value: Span) -> Option<String> {
        match self.source.string(value) {
            Ok(text) => self.expanded(field, value, &text),
            Err(kind) => {
                self.fail(Some(field), value, kind);
                None
            }
        }
    }

    fn strings(&mut self, field: &str, value: Option<Span>) -> Vec<String> {
        let source = self.source;
        let value = value.unwrap_or_default();
        if value.is_some()
            && let Err(kind) = source.typed(value, "an array")
        {
            self.fail(Some(field), value, kind);
        }
        let elements = source.elements(value).enumerate();
        elements
            .filter_map(|(n, element)| self.string(&format!("{field}[{n}]"), element))
            .collect()
    }

    /// The pairs of a field that has two names in different products.
    fn either_pairs(
        &mut self,
        fields: &mut Fields<'a>,
        name: &'static str,
        other_name: &str,
    ) -> Pairs {
        let value = self.take_some(fields, name);
        let other = self.take_some(fields, other_name);
        match (value, other) {
            (Some(_), Some(other)) => {
                let kind = ConfigErrorKind::Contradiction { other: name };
                self.fail(Some(other_name), other, kind);
                Vec::new()
            }
            (None, Some(other)) => self.pairs(other_name, Some(other)),
            (value, None) => self.pairs(name, value),
        }
    }

    /// An object of strings, in its order.
    fn pairs(&mut self, field: &str, value: Option<Span>) -> Pairs {
        let source = self.source;
        let value = value.unwrap_or_default();
        if value.is_some()
            && let Err(kind) = source.typed(value, "an object")
        {
            self.fail(Some(field), value, kind);
        }
        let mut places = BTreeMap::new();
        let mut pairs = Vec::new();
        for member in source.members(value) {
            let name = match source.string(member.key) {
                Ok(name) => name,
                Err(kind) => {
                    self.fail(Some(field), member.key, kind);
                    continue;
                }
            };
            let field = format!("{field}.{name}");
            if let Some(first) = places.insert(name.clone(), member.key) {
                self.fail(Some(&field), member.key, source.duplicate(first));
                continue;
            }
            if let Some(text) = self.string(&field, member.value) {
                if is_bare_variable(&text) && source.string(member.value) == Ok(text.clone()) {
                    self.warn(&field, member.value, ConfigErrorKind::BareVariable);
                }
                pairs.push((name, text));
            }
        }
        pairs
    }

    /// Keeps what nobody has taken, its references replaced like those of the rest.
    fn unknown(&mut self, fields: Fields<'a>, prefix: &str) {
        let source = self.source;
        for (key, entry) in fields.into_left() {
            let path = format!("{prefix}{key}");
            let json = copy_json(source.bytes(entry.value), &path, &mut |path, at, text| {
                if !has_opening(text, self.layout.syntax) {
                    return None;
                }
                let start = entry.value.start + at as u32;
                let place = Span { start, end: start };
                self.expanded(path, place, text)
            });
            let value = Raw::trusted(json.into());
            self.unknown.push(UnknownField { path, value });
        }
    }

    fn expanded(&mut self, field: &str, at: Span, text: &str) -> Option<String> {
        let (syntax, environment) = (self.layout.syntax, self.source.environment);
        let expanded = self
            .room
            .spend(|room| expand(text, syntax, environment, room));
        let expanded = match expanded {
            Ok(expanded) => expanded,
            Err(ExpandError::Undefined(variable)) => {
                let variable = clip(&variable);
                self.fail(Some(field), at, ConfigErrorKind::Undefined { variable });
                return None;
            }
            Err(ExpandError::TooLong) => {
                self.too_long(field, at);
                return None;
            }
        };
        for reference in expanded.unresolved {
            let field = clip(field).into_string();
            if !self.room.take(field.len() + reference.len() + NOTE) {
                self.too_long(&field, at);
                return None;
            }
            self.unresolved.push(Unresolved { field, reference });
        }
        Some(expanded.text)
    }

    /// The value of a variable that a field names, if it's defined.
    fn variable(&mut self, field: &str, at: Span, name: &str) -> Option<String> {
        let value = (self.source.environment)(name)?;
        if !self.room.take(value.len()) {
            self.too_long(field, at);
        }
        Some(value)
    }

    fn too_long(&mut self, field: &str, at: Span) {
        let kind = ConfigErrorKind::ReferencesTooLong { limit: ENTRY_ROOM };
        self.fail(Some(field), at, kind);
    }

    fn fail(&mut self, field: Option<&str>, at: Span, kind: ConfigErrorKind) {
        if self.rejected.errors.len() == MOST_ERRORS {
            self.rejected.omitted += 1;
            return;
        }
        let error = self.error(field, at, kind);
        self.rejected.errors.push(error);
    }

    fn warn(&mut self, field: &str, at: Span, kind: ConfigErrorKind) {
        if self.warnings.len() < MOST_ERRORS && self.room.take(4 * NOTE) {
            let warning = self.error(Some(field), at, kind);
            self.warnings.push(warning);
        }
    }

    fn error(&self, field: Option<&str>, at: Span, kind: ConfigErrorKind) -> ConfigError {
        ConfigError {
            server: Some(clip(self.name)),
            field: field.map(clip),
            ..self.source.error(at.start as usize, kind)
        }
    }
}

/// The field that has the URL: `httpUrl` in Gemini CLI and Qwen Code, where it is the one of
/// several that counts, and `serverUrl` in Windsurf and Antigravity.
fn url_field(fields: &Fields<'_>) -> Option<&'static str> {
    let names = ["httpUrl", "url", "serverUrl"];
    names.into_iter().find(|name| fields.has(name))
}

/// Whether a command looks like a line for a shell. A path may well have spaces in it.
fn has_arguments(command: &str) -> bool {
    let mut words = command.split_whitespace();
    let first_is_name = words
        .next()
        .is_some_and(|first| memchr::memchr2(b'/', b'\\', first.as_bytes()).is_none());
    let mut more = words.peekable();
    more.peek().is_some() && (first_is_name || more.any(|word| word.starts_with('-')))
}

/// Whether the last word is `$NAME`, which a shell would replace.
fn is_bare_variable(text: &str) -> bool {
    let last = text.rsplit(' ').next().unwrap_or_default();
    let name = last.strip_prefix('$').unwrap_or_default();
    let is_part = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    name.starts_with(|first: char| first.is_ascii_uppercase()) && name.bytes().all(is_part)
}
