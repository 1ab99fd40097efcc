//! Which hosts and origins are answered to.

use mcp_proto::Revision;
use mcp_proto::http::{HttpMethod, HttpPolicy, Offers, RequestHead, check};

use crate::requests::modern;

fn head(fields: &[(&str, &str)]) -> RequestHead {
    let head = RequestHead::new(HttpMethod::Post, "/mcp");
    fields
        .iter()
        .fold(head, |head, (name, value)| head.with(name, value))
}

fn allows_host(policy: &HttpPolicy, host: &str) -> bool {
    policy.allows_host(&head(&[("host", host)]))
}

fn allows_origin(policy: &HttpPolicy, origin: &str) -> bool {
    policy.allows_origin(&head(&[("origin", origin)]))
}

#[test]
fn a_server_is_for_this_machine_until_its_hosts_are_named() {
    // `httpL.bind` `httpM.bind` `httpL.origin` `httpM.origin` `sse24.origin`
    let local = HttpPolicy::default();
    for host in [
        "localhost",
        "localhost:8080",
        "LOCALHOST",
        "127.0.0.1:1",
        "[::1]",
        "[::1]:80",
        "localhost.",
    ] {
        assert!(allows_host(&local, host), "{host}");
    }
    for host in [
        "example.com",
        "localhost.example.com",
        "127.0.0.1.nip.io",
        "::1",
        "[::2]",
        "",
        "localhost:",
        "localhost:x",
        "localhost:80:80",
        "a@localhost",
        "localhost/x",
        "localhost:99999",
        "[::1",
        "[::1]x",
        "localhost evil",
        "localhost..",
    ] {
        assert!(!allows_host(&local, host), "{host}");
    }
    assert!(
        !local.allows_host(&head(&[])),
        "a client has to say which host it means"
    );
    let twice = head(&[("host", "localhost"), ("host", "localhost")]);
    assert!(!local.allows_host(&twice));
}

#[test]
fn pages_of_this_machine_may_speak_to_it_and_no_others() {
    // `httpL.origin` `httpL.origin.403` `httpM.origin`
    let local = HttpPolicy::local();
    assert!(
        local.allows_origin(&head(&[])),
        "most clients are no web pages"
    );
    for origin in [
        "http://localhost",
        "http://localhost:3000",
        "https://127.0.0.1",
        "http://[::1]:9",
    ] {
        assert!(allows_origin(&local, origin), "{origin}");
    }
    for origin in [
        "null",
        "",
        "http://example.com",
        "http://localhost.example.com",
        "file://localhost",
        "localhost",
        "http://localhost/x",
        "http://a@localhost",
        "chrome-extension://localhost",
    ] {
        assert!(!allows_origin(&local, origin), "{origin}");
    }
    let twice = head(&[
        ("origin", "http://localhost"),
        ("origin", "http://localhost"),
    ]);
    assert!(!local.allows_origin(&twice));
}

#[test]
fn named_hosts_and_origins_are_answered_to_and_no_others() {
    let public = HttpPolicy::public(["API.example.com", "other.example:8443"])
        .origins(["https://app.example.com"]);
    for host in [
        "api.example.com",
        "Api.Example.Com:443",
        "api.example.com.",
        "other.example:8443",
    ] {
        assert!(allows_host(&public, host), "{host}");
    }
    for host in [
        "localhost",
        "example.com",
        "xapi.example.com",
        "other.example",
        "other.example:1",
    ] {
        assert!(!allows_host(&public, host), "{host}");
    }
    assert!(allows_origin(&public, "https://app.example.com"));
    for origin in [
        "http://app.example.com",
        "https://app.example.com:444",
        "https://api.example.com",
        "null",
    ] {
        assert!(!allows_origin(&public, origin), "{origin}");
    }
    let without = HttpPolicy::public(["api.example.com"]);
    assert!(!allows_origin(&without, "https://api.example.com"));
}

#[test]
fn to_open_a_server_to_everyone_is_spelled_out() {
    let any = HttpPolicy::local().any_host();
    assert!(allows_host(&any, "anything") && any.allows_host(&head(&[])));
    assert!(!allows_origin(&any, "https://evil.example"));
    let any = HttpPolicy::local().any_origin();
    assert!(allows_origin(&any, "null") && allows_origin(&any, "https://evil.example"));
    assert!(!allows_host(&any, "evil.example"));
}

#[test]
fn a_refusal_says_whom_to_name_in_the_policy() {
    let why = |header: &str, value: &str| {
        let mut request = modern("tools/list", serde_json::json!({}));
        request.set(header, Some(value));
        let offers = Offers::new(Revision::ALL);
        let reply = check(&HttpPolicy::local(), &offers, &request.head).expect_err("it is refused");
        assert_eq!(reply.head.status, 403);
        let body: serde_json::Value = serde_json::from_slice(&reply.body).expect("it is JSON");
        body["error"]["message"]
            .as_str()
            .expect("it says why")
            .to_owned()
    };
    let host = why("host", "tools.example.com:8000");
    assert!(
        host.contains("the host \"tools.example.com:8000\""),
        "{host}"
    );
    let origin = why("origin", "https://app.example.com");
    assert!(
        origin.contains("origin \"https://app.example.com\""),
        "{origin}"
    );
    // What it shows of a request is bounded, and never breaks the JSON around it.
    let long = why("host", &"\"x".repeat(4000));
    assert!(long.len() < 500, "{long}");
}
