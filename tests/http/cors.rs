//! What the pages of other origins are told, which is nothing until origins are named.

use mcp_proto::Revision;
use mcp_proto::http::headers::Headers;
use mcp_proto::http::{HttpMethod, HttpPolicy, Offers, Reply, RequestHead, check};

use crate::requests::offers;

const APP: &str = "https://app.example.com";

fn policy() -> HttpPolicy {
    HttpPolicy::public(["api.example.com"]).origins([APP, "https://other.example.com"])
}

fn from(method: HttpMethod, origin: Option<&str>) -> RequestHead {
    let head = RequestHead::new(method, "/mcp").with("host", "api.example.com");
    match origin {
        Some(origin) => head.with("origin", origin),
        None => head,
    }
}

fn preflight(origin: &str, headers: &str) -> RequestHead {
    from(HttpMethod::Options, Some(origin))
        .with("access-control-request-method", "POST")
        .with("access-control-request-headers", headers)
}

fn refused(policy: &HttpPolicy, offers: &Offers, head: &RequestHead) -> Reply {
    check(policy, offers, head).expect_err("it is answered at once")
}

fn one<'h>(headers: &'h Headers, name: &str) -> Option<&'h str> {
    headers.one(name).expect("it is good")
}

#[test]
fn nothing_is_said_to_pages_until_origins_are_named() {
    let local = HttpPolicy::local();
    let page = RequestHead::new(HttpMethod::Post, "/mcp")
        .with("host", "localhost")
        .with("origin", "http://localhost:6274");
    assert!(local.allows_origin(&page));
    assert_eq!(local.cors(&page), Headers::new());
    let nobody = HttpPolicy::public(["api.example.com"]);
    assert_eq!(
        nobody.cors(&from(HttpMethod::Post, Some(APP))),
        Headers::new()
    );
    let asks = preflight("http://localhost:6274", "content-type");
    let local = HttpPolicy::local().any_host();
    let reply = refused(&local, &offers(&Revision::ALL), &asks);
    assert_eq!(reply.head.status, 405);
}

#[test]
fn a_page_of_a_named_origin_may_read_the_answer_and_the_sessions_id() {
    let policy = policy();
    let headers = policy.cors(&from(HttpMethod::Post, Some(APP)));
    assert_eq!(one(&headers, "access-control-allow-origin"), Some(APP));
    assert_eq!(one(&headers, "vary"), Some("Origin"));
    let exposed = one(&headers, "access-control-expose-headers").expect("some are");
    assert!(exposed.contains("Mcp-Session-Id"));
    assert!(!headers.has("access-control-allow-credentials"));
    for foreign in [
        "https://evil.example",
        "null",
        "https://app.example.com.evil.example",
    ] {
        let foreign = policy.cors(&from(HttpMethod::Post, Some(foreign)));
        assert_eq!(foreign, Headers::new());
    }
    // No page has sent it, but a cache must not give its answer to one.
    let headers = policy.cors(&from(HttpMethod::Post, None));
    assert_eq!(headers, Headers::new().with("vary", "Origin"));
    let open = policy.any_origin();
    let headers = open.cors(&from(HttpMethod::Post, Some("https://evil.example")));
    assert_eq!(one(&headers, "access-control-allow-origin"), Some("*"));
}

#[test]
fn a_preflight_is_told_what_may_be_sent() {
    let (all, modern) = (offers(&Revision::ALL), offers(&[Revision::NEWEST]));
    let wanted = "content-type, MCP-Param-Region, mcp-param-b\u{1}d, x-evil,mcp-param-count";
    let wanted = wanted.replace('\u{1}', "\"");
    for (offers, methods) in [(&all, "GET, POST, DELETE"), (&modern, "POST")] {
        let reply = refused(&policy(), offers, &preflight(APP, &wanted));
        assert_eq!((reply.head.status, reply.body.len()), (204, 0));
        let headers = &reply.head.headers;
        assert_eq!(one(headers, "access-control-allow-methods"), Some(methods));
        assert!(headers.has("access-control-max-age"));
        let allowed = one(headers, "access-control-allow-headers").expect("some are");
        let allowed: Vec<_> = allowed.split(", ").collect();
        for name in [
            "Mcp-Session-Id",
            "Mcp-Protocol-Version",
            "Mcp-Method",
            "Mcp-Name",
            "Last-Event-ID",
            "Authorization",
            "MCP-Param-Region",
            "mcp-param-count",
        ] {
            assert!(allowed.contains(&name), "{name}");
        }
        assert_eq!(allowed.len(), 10, "{allowed:?}");
    }
}

#[test]
fn a_preflight_of_a_foreign_page_or_for_a_foreign_host_is_refused() {
    let all = offers(&Revision::ALL);
    let foreign = preflight("https://evil.example", "content-type");
    assert_eq!(refused(&policy(), &all, &foreign).head.status, 403);
    let mut elsewhere = RequestHead::new(HttpMethod::Options, "/mcp").with("host", "evil.example");
    elsewhere.headers.push("origin", APP);
    elsewhere
        .headers
        .push("access-control-request-method", "POST");
    assert_eq!(refused(&policy(), &all, &elsewhere).head.status, 403);
    // OPTIONS that is no preflight is a method like others.
    let plain = from(HttpMethod::Options, Some(APP));
    assert_eq!(refused(&policy(), &all, &plain).head.status, 405);
}
