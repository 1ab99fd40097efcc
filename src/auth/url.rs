//! The little that is read and written of URLs here: their parts, where metadata of one lies, and
//! forms.
//!
//! Rules of this file: what another parser could read in another way is no URL, so a check of a host
//! holds for whoever connects to it; nothing is decoded but the values of a query.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// The parts of an `http` or `https` URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Url<'a> {
    pub(super) is_https: bool,
    /// The scheme, the host and the port as they are written.
    pub(super) origin: &'a str,
    /// As it is written, an IPv6 address with its brackets.
    pub(super) host: &'a str,
    pub(super) port: u16,
    /// Empty, or it begins with `/`.
    pub(super) path: &'a str,
    /// What follows the `?`.
    pub(super) query: Option<&'a str>,
}

impl<'a> Url<'a> {
    /// Reads a URL; `None` if it has another scheme, a user, a fragment, or characters that no URL
    /// has.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let is_plain = |byte: u8| matches!(byte, 0x21..=0x7E) && !b"\\\"<>^`{|}#".contains(&byte);
        if text.len() > LONGEST || !text.bytes().all(is_plain) {
            return None;
        }
        let (scheme, rest) = text.split_once("://")?;
        let is_https = scheme.eq_ignore_ascii_case("https");
        if !is_https && !scheme.eq_ignore_ascii_case("http") {
            return None;
        }
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (host, port) = host_and_port(&rest[..end])?;
        let (path, query) = match rest[end..].split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (&rest[end..], None),
        };
        Some(Self {
            is_https,
            origin: &text[..scheme.len() + 3 + end],
            host,
            port: port.unwrap_or(if is_https { 443 } else { 80 }),
            path,
            query,
        })
    }

    /// Whether both have the same scheme, host and port.
    pub(super) fn is_same_origin(&self, other: &Url<'_>) -> bool {
        self.is_https == other.is_https && self.port == other.port && self.is_same_host(other.host)
    }

    pub(super) fn is_same_host(&self, host: &str) -> bool {
        self.host.eq_ignore_ascii_case(host)
    }

    /// The path without slashes at its end.
    fn trimmed_path(&self) -> &'a str {
        self.path.trim_end_matches('/')
    }

    /// The URL of a document whose name is put between the origin and the path.
    pub(super) fn inserted(&self, name: &str) -> String {
        format!("{}/.well-known/{name}{}", self.origin, self.trimmed_path())
    }

    /// The URL of a document whose name is put after the path.
    pub(super) fn appended(&self, name: &str) -> String {
        format!("{}{}/.well-known/{name}", self.origin, self.trimmed_path())
    }

    /// Whether this URL names `other`, or a folder that it lies in.
    pub(super) fn covers(&self, other: &Url<'_>) -> bool {
        let (own, path) = (self.trimmed_path(), other.trimmed_path());
        let is_above = path
            .strip_prefix(own)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        let is_query_same = self.query.is_none() || self.query == other.query;
        self.is_same_origin(other) && is_above && is_query_same
    }
}

/// How long a URL may be.
const LONGEST: usize = 8192;

fn host_and_port(authority: &str) -> Option<(&str, Option<u16>)> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let end = rest.find(']')?;
            let is_address = |byte: u8| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.');
            if !rest[..end].bytes().all(is_address) {
                return None;
            }
            authority.split_at(end + 2)
        }
        None => {
            let end = authority.find(':').unwrap_or(authority.len());
            let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
            if !authority[..end].bytes().all(is_name) {
                return None;
            }
            authority.split_at(end)
        }
    };
    let port = match port.strip_prefix(':') {
        Some(digits) if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            Some(digits.parse().ok()?)
        }
        None if port.is_empty() => None,
        _ => return None,
    };
    (!host.is_empty() && host != ".").then_some((host, port))
}

/// Adds a name and a value to a form or a query.
pub(super) fn push_pair(form: &mut String, name: &str, value: &str) {
    if !form.is_empty() && !form.ends_with(['?', '&']) {
        form.push('&');
    }
    form.push_str(name);
    form.push('=');
    form.push_str(&encode(value));
}

/// A value as it stands in a form.
pub(super) fn encode(value: &str) -> String {
    let mut encoded = String::with_capacity(value.len());
    for byte in value.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

/// The value of the one parameter of this name in a query; `None` if there is none.
///
/// Returns an error if there are several, or it is no text.
pub(super) fn parameter(query: &str, name: &str) -> Result<Option<String>, Unclear> {
    let mut found = None;
    for pair in query.split('&') {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        if decode(key)? != name {
            continue;
        }
        if found.is_some() {
            return Err(Unclear);
        }
        found = Some(decode(value)?);
    }
    Ok(found)
}

/// A query that can be read in more than one way, or in none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unclear;

fn decode(value: &str) -> Result<String, Unclear> {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
                let high = digit(rest.next()).ok_or(Unclear)?;
                let low = digit(rest.next()).ok_or(Unclear)?;
                u8::try_from(16 * high + low).map_err(|_| Unclear)?
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).map_err(|_| Unclear)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_read_in_one_way_or_not_at_all() {
        for good in [
            "https://a.example",
            "HTTPS://A.example:8443/x?y=z",
            "http://127.0.0.1:80/",
            "http://[::1]:3000/mcp",
            "https://a.example./x",
        ] {
            assert!(Url::parse(good).is_some(), "{good}");
        }
        for bad in [
            "",
            "ftp://a.example",
            "javascript:alert(1)",
            "//a.example/",
            "https://",
            "https:///x",
            "https://a@b.example/",
            "https://a.example#f",
            "https://a.example\\@b.example/",
            "https://a.example:x/",
            "https://a.example:/",
            "https://a.example:99999/",
            "https://a%2eexample/",
            "https://[::1/",
            "https://[::1]x/",
            "https://[fe80::1%25eth0]/",
            "https://a.example/ x",
            "https://a.example/\r\nx: y",
            "https://\u{ff41}.example/",
            " https://a.example",
        ] {
            assert_eq!(Url::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn documents_lie_where_the_rfcs_say() {
        // `auth.prm.fallback` `auth.asm`
        let url = Url::parse("https://a.example/tenant1/").unwrap();
        let name = "openid-configuration";
        let inserted = "https://a.example/.well-known/openid-configuration/tenant1";
        assert_eq!(url.inserted(name), inserted);
        let appended = "https://a.example/tenant1/.well-known/openid-configuration";
        assert_eq!(url.appended(name), appended);
        let root = Url::parse("https://a.example").unwrap();
        assert_eq!(root.inserted(name), root.appended(name));
    }

    #[test]
    fn a_query_says_a_thing_once() {
        assert_eq!(parameter("a=1&b=x%20y+z", "b"), Ok(Some("x y z".into())));
        assert_eq!(parameter("a=1", "b"), Ok(None));
        assert_eq!(parameter("a=1&%61=2", "a"), Err(Unclear));
        assert_eq!(parameter("a=%zz", "a"), Err(Unclear));
        assert_eq!(parameter("a=%ff", "a"), Err(Unclear));
    }
}
