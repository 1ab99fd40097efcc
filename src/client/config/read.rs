//! From the text of a configuration file to its servers, each of which stands for itself: what is
//! wrong with one is reported, and the others are read all the same.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::error::{ConfigError, ConfigErrorKind, clip};
use super::fields::as_it_is;
use super::layout::Layout;
use super::server::{Room, read_server};
use super::source::Source;
use super::{Config, Input, ServerEntry};
use crate::rpc::{Span, string_of};

/// How many mistakes are kept of a file.
const MOST_ERRORS: usize = 1000;

pub(super) fn read(source: &Source<'_>) -> Result<Config, ConfigError> {
    let layout = Layout::find(source)?;
    let servers = source
        .typed(layout.servers, "an object")
        .map_err(|kind| source.field_error(layout.path, layout.servers, kind))?;
    let mut read = Read::default();
    read.servers(source, &layout, servers);
    let mut inputs = match &layout.inputs {
        Ok(Some(inputs)) => read.inputs(source, *inputs),
        Ok(None) => Vec::new(),
        Err(twice) => {
            let kind = source.duplicate(twice.first);
            read.report(source.field_error("inputs", twice.again, kind));
            Vec::new()
        }
    };
    need_inputs(&mut inputs, &read.entries);
    Ok(Config {
        servers: read.entries,
        errors: read.errors,
        errors_omitted: read.omitted,
        inputs,
        unknown: layout.unknown,
    })
}

#[derive(Default)]
struct Read {
    entries: Vec<ServerEntry>,
    errors: Vec<ConfigError>,
    omitted: usize,
}

impl Read {
    fn report(&mut self, error: ConfigError) {
        match self.errors.len() < MOST_ERRORS {
            true => self.errors.push(error),
            false => self.omitted += 1,
        }
    }

    fn servers(&mut self, source: &Source<'_>, layout: &Layout, servers: Span) {
        let mut room = Room::of_a_file();
        let mut places = BTreeMap::new();
        let mut doubled = BTreeSet::new();
        for member in source.members(servers) {
            let name = match source.string(member.key) {
                Ok(name) => name,
                Err(kind) => {
                    self.report(source.field_error(layout.path, member.key, kind));
                    continue;
                }
            };
            if let Some(first) = places.insert(name.clone(), member.key) {
                self.report(ConfigError {
                    server: Some(clip(&name)),
                    ..source.error(member.key.start as usize, source.duplicate(first))
                });
                doubled.insert(name);
                continue;
            }
            match read_server(source, layout, &mut room, &name, member.value) {
                Ok(entry) => self.entries.push(entry),
                Err(rejected) => {
                    self.omitted += rejected.omitted;
                    rejected.errors.into_iter().for_each(|e| self.report(e));
                }
            }
        }
        // Nothing tells which of two servers of one name is meant, so neither is started.
        self.entries.retain(|entry| !doubled.contains(&entry.name));
    }

    fn inputs(&mut self, source: &Source<'_>, inputs: Span) -> Vec<Input> {
        if let Err(kind) = source.typed(inputs, "an array") {
            self.report(source.field_error("inputs", inputs, kind));
        }
        let mut read = Vec::new();
        for (n, input) in source.elements(inputs).enumerate() {
            match input_id(source, input) {
                Ok(id) => read.push(Input {
                    id,
                    definition: Some(as_it_is(source, input)),
                    is_needed: false,
                }),
                Err(kind) => {
                    self.report(source.field_error(&format!("inputs[{n}].id"), input, kind));
                }
            }
        }
        read
    }
}

fn input_id(source: &Source<'_>, input: Span) -> Result<String, ConfigErrorKind> {
    let mut members = source.members(source.typed(input, "an object")?);
    let id = members.find(|member| string_of(source.bytes(member.key)) == "id");
    source.string(id.ok_or(ConfigErrorKind::Missing)?.value)
}

/// Marks the inputs that the servers need, and adds those that the file doesn't define.
fn need_inputs(inputs: &mut Vec<Input>, entries: &[ServerEntry]) {
    let mut places = BTreeMap::new();
    for (index, input) in inputs.iter().enumerate() {
        places.entry(input.id.clone()).or_insert(index);
    }
    let unresolved = entries.iter().flat_map(|entry| &entry.unresolved);
    for id in unresolved.filter_map(|open| open.reference.strip_prefix("input:")) {
        let index = *places.entry(id.into()).or_insert(inputs.len());
        match inputs.get_mut(index) {
            Some(input) => input.is_needed = true,
            None => inputs.push(Input {
                id: id.into(),
                definition: None,
                is_needed: true,
            }),
        }
    }
}
