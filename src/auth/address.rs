//! Which addresses may be asked for metadata and tokens: a server names them, and must not make its
//! client ask others within the client's own network.
//!
//! Rules of this file: `https`, or `http` on this machine; a host that stands for this machine or a
//! private network is refused, however it is written, unless the server itself is there or the host
//! has allowed it. Names are judged as they are written: what they resolve to is the HTTP client's
//! to check.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::net::{Ipv4Addr, Ipv6Addr};

use super::url::Url;

/// Which addresses an authorization may lead to.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct AddressPolicy {
    is_private_allowed: bool,
    trusted: Vec<String>,
}

/// Why an address is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AddressError {
    /// It is no URL of HTTP, or one that can be read in more than one way.
    NoUrl,
    /// It isn't `https`, and leads to another machine.
    NotHttps,
    /// It leads to this machine or to a private network.
    Private,
}

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoUrl => f.write_str("it is no URL"),
            Self::NotHttps => f.write_str("it is neither https nor on this machine"),
            Self::Private => f.write_str("it leads to this machine or a private network"),
        }
    }
}

impl core::error::Error for AddressError {}

impl AddressPolicy {
    /// Returns the policy that allows `https` on public hosts, and what is where the server is.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same, and hosts of private networks and of this machine are allowed too.
    #[must_use]
    pub fn allow_private(mut self) -> Self {
        self.is_private_allowed = true;
        self
    }

    /// The same, and whatever is at `host`, such as `keycloak` or `10.0.0.7`, is allowed, by `http`
    /// too. The name is compared as it is written.
    #[must_use]
    pub fn trust(mut self, host: impl Into<String>) -> Self {
        self.trusted.push(host.into());
        self
    }

    /// Returns an error if `url` may not be asked in an authorization for `server`, which is the URL
    /// of the server that the user has named.
    // `auth.https`
    pub fn check(&self, url: &str, server: &str) -> Result<(), AddressError> {
        let url = Url::parse(url).ok_or(AddressError::NoUrl)?;
        let server = Url::parse(server).ok_or(AddressError::NoUrl)?;
        if self.trusted.iter().any(|host| url.is_same_host(host)) {
            return Ok(());
        }
        let reach = reach(url.host);
        if !url.is_https && reach != Reach::Loopback {
            return Err(AddressError::NotHttps);
        }
        let is_named = match reach {
            Reach::Public => true,
            Reach::Loopback => self::reach(server.host) == Reach::Loopback,
            Reach::Private => url.is_same_host(server.host),
        };
        match is_named || self.is_private_allowed {
            true => Ok(()),
            false => Err(AddressError::Private),
        }
    }
}

/// Where a host is, as far as its name says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    Loopback,
    Private,
    Public,
}

/// Where a host is, an IPv6 address with its brackets.
pub(super) fn reach(host: &str) -> Reach {
    if let Some(address) = host.strip_prefix('[') {
        let address = address.strip_suffix(']').unwrap_or(address);
        return address
            .parse()
            .map_or(Reach::Private, |address: Ipv6Addr| reach_v6(address));
    }
    let name = host.trim_end_matches('.').to_ascii_lowercase();
    let last = name.rsplit('.').next().unwrap_or_default();
    let is_number = last.bytes().all(|byte| byte.is_ascii_digit())
        || last
            .strip_prefix("0x")
            .is_some_and(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()));
    if is_number {
        return any_v4(&name).map_or(Reach::Private, reach_v4);
    }
    match last {
        "localhost" => Reach::Loopback,
        "local" | "internal" | "lan" | "intranet" | "corp" | "home" | "arpa" => Reach::Private,
        _ if name.contains('.') => Reach::Public,
        // A name without a dot is looked up in the client's own network.
        _ => Reach::Private,
    }
}

/// An IPv4 address in any notation that resolvers take: fewer than four parts, octal, hexadecimal.
fn any_v4(text: &str) -> Option<Ipv4Addr> {
    let parts: Vec<u64> = text
        .split('.')
        .map(|part| {
            let (digits, radix) = match part.strip_prefix("0x") {
                Some(hex) => (hex, 16),
                None if part.len() > 1 && part.starts_with('0') => (&part[1..], 8),
                None => (part, 10),
            };
            match digits {
                "" if radix == 16 => Some(0),
                digits => u64::from_str_radix(digits, radix).ok(),
            }
        })
        .collect::<Option<_>>()?;
    let (last, first) = parts.split_last()?;
    if first.len() > 3 || first.iter().any(|part| *part > 255) {
        return None;
    }
    let bits = 8 * (4 - first.len());
    if *last >= 1 << bits {
        return None;
    }
    let mut address = *last;
    for (place, part) in first.iter().enumerate() {
        address |= part << (8 * (3 - place));
    }
    u32::try_from(address).ok().map(Ipv4Addr::from)
}

fn reach_v4(address: Ipv4Addr) -> Reach {
    let [a, b, c, _] = address.octets();
    match (a, b, c) {
        (127, ..) => Reach::Loopback,
        (0 | 10, ..) | (224.., ..) => Reach::Private,
        (100, 64..=127, _) | (169, 254, _) | (172, 16..=31, _) => Reach::Private,
        (192, 168, _) | (192, 0, 0 | 2) | (192, 88, 99) => Reach::Private,
        (198, 18 | 19, _) | (198, 51, 100) | (203, 0, 113) => Reach::Private,
        _ => Reach::Public,
    }
}

fn reach_v6(address: Ipv6Addr) -> Reach {
    let s = address.segments();
    let inner = |high: u16, low: u16| {
        let [[a, b], [c, d]] = [high.to_be_bytes(), low.to_be_bytes()];
        match reach_v4(Ipv4Addr::new(a, b, c, d)) {
            Reach::Public => Reach::Public,
            // Only what is written as such counts as this machine, which `http` may speak to.
            _ => Reach::Private,
        }
    };
    match s {
        [0, 0, 0, 0, 0, 0, 0, 1] => Reach::Loopback,
        [0, 0, 0, 0, 0, 0xFFFF | 0, high, low] => inner(high, low),
        [0x64, 0xFF9B, 0, 0, 0, 0, high, low] => inner(high, low),
        [0x2002, high, low, ..] => inner(high, low),
        // Only what is handed out to networks of the world, without what is set aside in it.
        [0x2001, 0 | 0xDB8, ..] => Reach::Private,
        [0x2000..=0x3FFF, ..] => Reach::Public,
        _ => Reach::Private,
    }
}

/// The host of a URL in lower case, for what is kept by it; empty if it is no URL.
pub(super) fn origin_of(url: &str) -> String {
    let origin = Url::parse(url).map(|url| url.origin.to_ascii_lowercase());
    origin.unwrap_or_else(|| "".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_private_host_is_known_however_it_is_written() {
        for (host, expected) in [
            ("127.0.0.1", Reach::Loopback),
            ("127.1", Reach::Loopback),
            ("0x7f.1", Reach::Loopback),
            ("2130706433", Reach::Loopback),
            ("017700000001", Reach::Loopback),
            ("localhost", Reach::Loopback),
            ("LOCALHOST.", Reach::Loopback),
            ("a.localhost", Reach::Loopback),
            ("[::1]", Reach::Loopback),
            ("[0:0:0:0:0:0:0:1]", Reach::Loopback),
            ("[::ffff:127.0.0.1]", Reach::Private),
            ("[::ffff:a00:1]", Reach::Private),
            ("[::127.0.0.1]", Reach::Private),
            ("[64:ff9b::a00:1]", Reach::Private),
            ("[2002:a00:1::]", Reach::Private),
            ("[fe80::1]", Reach::Private),
            ("[fd00::1]", Reach::Private),
            ("[ff02::1]", Reach::Private),
            ("[::]", Reach::Private),
            ("10.0.0.1", Reach::Private),
            ("0xa.0.0.1", Reach::Private),
            ("012.0.0.1", Reach::Private),
            ("167772161", Reach::Private),
            ("169.254.169.254", Reach::Private),
            ("2852039166", Reach::Private),
            ("172.31.0.1", Reach::Private),
            ("192.168.0.1", Reach::Private),
            ("100.64.0.1", Reach::Private),
            ("0.0.0.0", Reach::Private),
            ("0", Reach::Private),
            ("255.255.255.255", Reach::Private),
            ("1.2.3.4.5", Reach::Private),
            ("256.0.0.1", Reach::Private),
            ("08.0.0.1", Reach::Private),
            ("metadata.google.internal", Reach::Private),
            ("printer.local", Reach::Private),
            ("intranet", Reach::Private),
            ("8.8.8.8", Reach::Public),
            ("172.32.0.1", Reach::Public),
            ("[2606:4700::1]", Reach::Public),
            ("[::ffff:8.8.8.8]", Reach::Public),
            ("auth.example.com", Reach::Public),
            ("10.example.com", Reach::Public),
        ] {
            assert_eq!(reach(host), expected, "{host}");
        }
    }

    #[test]
    fn plain_http_and_private_hosts_take_a_word_of_the_host() {
        // `auth.https`
        let policy = AddressPolicy::new();
        let server = "https://mcp.example/mcp";
        let check = |url| policy.check(url, server);
        assert_eq!(check("https://auth.example/token"), Ok(()));
        assert_eq!(
            check("http://auth.example/token"),
            Err(AddressError::NotHttps)
        );
        assert_eq!(check("http://127.0.0.1/token"), Err(AddressError::Private));
        assert_eq!(check("https://10.0.0.1/"), Err(AddressError::Private));
        assert_eq!(check("file:///etc/passwd"), Err(AddressError::NoUrl));
        let local = "http://localhost:3000/mcp";
        assert_eq!(policy.check("http://127.0.0.1:9000/", local), Ok(()));
        assert_eq!(
            policy.check("https://10.0.0.1/", local),
            Err(AddressError::Private)
        );
        let policy = AddressPolicy::new().allow_private();
        assert_eq!(policy.check("https://10.0.0.1/", server), Ok(()));
        assert_eq!(
            policy.check("http://10.0.0.1/", server),
            Err(AddressError::NotHttps)
        );
        let policy = AddressPolicy::new().trust("10.0.0.1");
        assert_eq!(policy.check("http://10.0.0.1/", server), Ok(()));
    }
}
