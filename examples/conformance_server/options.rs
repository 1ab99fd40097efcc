//! How the server is served over HTTP, as the command line says it.

use std::error::Error;
use std::time::Duration;

use mcp_proto::io::http::HttpServeOptions;

use super::fixture::THREADS;

/// Reads `--json`, `--stateless` and `--keep-alive MS`; the paths of the old pair are there always.
pub fn read(arguments: &[String]) -> Result<HttpServeOptions, Box<dyn Error>> {
    let has = |name: &str| arguments.iter().any(|argument| argument == name);
    let mut options = HttpServeOptions::default()
        .threads(THREADS)
        .pair("/sse", "/messages");
    if has("--json") {
        options = options.json_only();
    }
    if has("--stateless") {
        options = options.stateless();
    }
    if let Some(every) = value_of(arguments, "--keep-alive") {
        options = options.keep_alive(Duration::from_millis(every.parse()?));
    }
    Ok(options)
}

/// What follows `name`.
pub fn value_of<'a>(arguments: &'a [String], name: &str) -> Option<&'a str> {
    let at = arguments.iter().position(|argument| argument == name)?;
    arguments.get(at + 1).map(String::as_str)
}
