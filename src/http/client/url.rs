//! The little that is read of URLs: their origin, and where a path relative to one leads.

use alloc::boxed::Box;

/// The scheme and the authority of a URL, such as `https://example.com:8443`.
pub(super) fn origin(url: &str) -> Option<&str> {
    let (scheme, rest) = url.split_once("://")?;
    let is_http = ["http", "https"]
        .iter()
        .any(|known| scheme.eq_ignore_ascii_case(known));
    let length = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    (is_http && length > 0).then(|| &url[..scheme.len() + 3 + length])
}

/// Where `reference` leads from `base`; `None` if that is another origin, or can't be read.
// `sse24.endpoint.uri`
pub(super) fn resolve(base: &str, reference: &str) -> Option<Box<str>> {
    let origin_of_base = origin(base)?;
    let is_printable = reference.bytes().all(|byte| matches!(byte, 0x21..=0x7E));
    if !is_printable
        || reference.is_empty()
        || reference.starts_with("//")
        || reference.contains('\\')
    {
        return None;
    }
    if let Some(of_reference) = origin(reference) {
        return of_reference
            .eq_ignore_ascii_case(origin_of_base)
            .then(|| reference.into());
    }
    let has_scheme = reference
        .split(['/', '?', '#'])
        .next()
        .is_some_and(|first| first.contains(':'));
    if has_scheme {
        return None;
    }
    if reference.starts_with('/') {
        return Some([origin_of_base, reference].concat().into());
    }
    let path = base.split(['?', '#']).next().unwrap_or(base);
    if reference.starts_with('?') {
        return Some([path, reference].concat().into());
    }
    let folder = path.rfind('/').filter(|at| *at >= origin_of_base.len());
    let folder = folder.map_or(path, |at| &path[..at]);
    Some([folder, "/", reference].concat().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_leads_somewhere_on_the_same_origin_or_nowhere() {
        let base = "https://example.com/a/sse?x=1";
        for (reference, expected) in [
            ("/message?s=1", Some("https://example.com/message?s=1")),
            ("message", Some("https://example.com/a/message")),
            ("?s=1", Some("https://example.com/a/sse?s=1")),
            ("https://example.com/m", Some("https://example.com/m")),
            ("HTTPS://EXAMPLE.com/m", Some("HTTPS://EXAMPLE.com/m")),
            ("https://evil.example/m", None),
            ("http://example.com/m", None),
            ("https://example.com.evil.example/m", None),
            ("https://example.com@evil.example/m", None),
            ("//evil.example/m", None),
            ("/\\evil.example", None),
            ("javascript:alert(1)", None),
            ("data:x", None),
            ("", None),
            ("/a b", None),
            ("/a\r\nb", None),
        ] {
            assert_eq!(resolve(base, reference).as_deref(), expected, "{reference}");
        }
        assert_eq!(resolve("http://a", "m").as_deref(), Some("http://a/m"));
        assert_eq!(resolve("file:///a", "/m"), None);
    }
}
