//! What is read of files and of strangers: URI templates, configuration files and recordings. Whatever
//! the text, it is read or refused, and what was read holds what it promises.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::client::config::Config;
#[cfg(feature = "record")]
use crate::record::{Recorder, Recording};
use crate::server::Template;
#[cfg(feature = "record")]
use crate::session::{Route, ServerConfig, ServerSession, Session};
#[cfg(feature = "record")]
use crate::time::Instant;

#[cfg(feature = "record")]
use super::source::{Source, small_limits};

#[cfg(feature = "record")]
const NOW: Instant = Instant::from_millis(7);

/// Templates: a line that is one, and lines that are URIs. A value that is found lies within the URI and has its
/// variable's name; a URI without a percent sign or a query is the template with its values put in.
pub fn template(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut lines = text.split('\n');
    let pattern = lines.next().unwrap_or_default();
    let Ok(template) = Template::new(pattern) else {
        return;
    };
    let names: Vec<&str> = template.variables().collect();
    for uri in lines {
        let Some(found) = template.matches(uri) else {
            continue;
        };
        let mut written = String::from(pattern);
        let mut is_plain = !uri.contains('%') && !pattern.contains(['?', '&']);
        for (name, value) in found.iter() {
            assert!(names.contains(&name), "{name} is no variable of {pattern}");
            assert!(value.len() <= uri.len(), "a value is longer than the URI");
            is_plain &= names.iter().filter(|other| **other == name).count() == 1;
            for (expression, put_in) in [
                (format!("{{{name}}}"), String::from(value)),
                (format!("{{+{name}}}"), String::from(value)),
                (format!("{{/{name}}}"), format!("/{value}")),
            ] {
                is_plain &= !value.contains(['{', '}']);
                written = written.replace(&expression, &put_in);
            }
        }
        assert!(
            !is_plain || written == uri,
            "{pattern} is not {uri} with {found:?}"
        );
    }
}

/// Configuration files: errors stand within the file, and what is good has a name once.
pub fn config(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let environment = |name: &str| (!name.len().is_multiple_of(3)).then(|| format!("<{name}>"));
    let Ok(config) = Config::parse("mcp.json", &text, environment) else {
        return;
    };
    for server in &config.servers {
        let found = config.get(&server.name);
        assert!(found.is_some(), "{} is not found by its name", server.name);
    }
    for error in &config.errors {
        assert!(format!("{error}").len() < 64 << 10, "an error is long");
    }
    let is_good = config.errors.is_empty();
    assert_eq!(config.strict().is_ok(), is_good);
}

/// Recordings: those that a recorder writes play to the end; any other text is refused, or plays to a difference.
#[cfg(feature = "record")]
pub fn recording(bytes: &[u8]) {
    match bytes.split_first() {
        Some((which, rest)) if which % 2 == 0 => foreign_recording(rest),
        Some((_, rest)) => own_recording(rest.get(..96).unwrap_or(rest)),
        None => {}
    }
}

#[cfg(feature = "record")]
fn recorded_server() -> ServerSession {
    ServerSession::new(ServerConfig::new("fuzz", "1").limits(small_limits()))
}

#[cfg(feature = "record")]
fn foreign_recording(bytes: &[u8]) {
    if let Ok(recording) = Recording::read(bytes) {
        let _differs = recording.replay(&mut recorded_server(), |_, _, _| {});
        let diagram = recording.diagram("client", "server");
        assert!(!diagram.svg().contains('\0'));
        let _drawn = diagram.text();
    }
}

#[cfg(feature = "record")]
fn own_recording(bytes: &[u8]) {
    let mut source = Source::new(bytes);
    let mut recorder = Recorder::new(recorded_server());
    let mut now = NOW;
    while !source.is_empty() {
        match source.byte() % 4 {
            0 => recorder.handle_frame(now, Route::Pipe, source.frame()),
            1 => {
                now = now + source.duration();
                recorder.handle_timeout(now);
            }
            2 => while recorder.poll_event().is_some() {},
            _ => _ = recorder.poll_transmit(&mut Vec::new()),
        }
    }
    while recorder.poll_transmit(&mut Vec::new()).is_some() {}
    let lines = recorder.take_lines();
    let recording = Recording::read(&lines).expect("a recorder wrote it");
    let played = recording.replay(&mut recorded_server(), |_, _, _| {});
    assert_eq!(played, Ok(()), "it plays as something else");
}
