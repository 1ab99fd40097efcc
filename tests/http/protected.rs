//! A server whose clients need tokens: its metadata, what it reads of a request, its answers to those
//! that have no token or none that is good here, and where in the ladder they stand.

use mcp_proto::Scopes;
use mcp_proto::edge::Edge;
use mcp_proto::http::{
    Access, HttpMethod, HttpPolicy, ProtectedResource, ProtectionError, Reply, RequestHead, Rung,
    TokenRefusal, bearer, check, check_site, classify,
};
use mcp_proto::server::Server;
use mcp_proto::{Revision, Tool};
use serde_json::{Value, json};

use crate::ladder::{ROWS, call};
use crate::requests::{Sent, modern, offers};

const URL: &str = "https://api.example.com/mcp";
const ISSUER: &str = "https://auth.example.com";
const METADATA: &str = "https://api.example.com/.well-known/oauth-protected-resource/mcp";

/// The time at which tokens are looked at.
const NOW: u64 = 1_800_000_000;

fn resource() -> ProtectedResource {
    let resource = ProtectedResource::new(URL, [ISSUER]).expect("it is good");
    resource.scopes(["notes"]).expect("they are scopes")
}

fn scopes(text: &str) -> Scopes {
    Scopes::parse(text)
}

fn access() -> Access {
    Access::new("ali", [URL]).scopes(scopes("notes"))
}

fn with_token(values: &[&[u8]]) -> RequestHead {
    let head = RequestHead::new(HttpMethod::Post, "/mcp");
    let mut fields = values.iter();
    fields
        .by_ref()
        .fold(head, |head, value| head.with("authorization", value))
}

fn challenge(reply: &Reply) -> &str {
    let challenge = reply.head.headers.one("www-authenticate");
    challenge.expect("it can be read").unwrap_or_default()
}

#[test]
fn the_metadata_lies_at_its_path_and_names_who_issues_tokens() {
    // `auth.prm`
    for (url, path) in [
        (URL, "/.well-known/oauth-protected-resource/mcp"),
        ("https://a.example", "/.well-known/oauth-protected-resource"),
        (
            "https://a.example/",
            "/.well-known/oauth-protected-resource",
        ),
        (
            "http://localhost:8080/a/b/",
            "/.well-known/oauth-protected-resource/a/b",
        ),
        ("http://[::1]/x", "/.well-known/oauth-protected-resource/x"),
    ] {
        let resource = ProtectedResource::new(url, [ISSUER]).expect(url);
        assert_eq!(resource.metadata_path(), path);
        assert!(resource.metadata_url().ends_with(path));
        let document: Value = serde_json::from_str(&resource.metadata()).unwrap();
        assert_eq!(document["resource"], url, "byte for byte");
        assert_eq!(document["authorization_servers"], json!([ISSUER]));
        assert_eq!(document["bearer_methods_supported"], json!(["header"]));
        assert!(document.get("scopes_supported").is_none());
    }
    let resource = resource()
        .supports(&scopes("files:write offline_access"))
        .name("Notes")
        .documentation("https://docs.example.com");
    let document: Value = serde_json::from_str(&resource.metadata()).unwrap();
    // `auth.refresh`: that a client may be offline is no matter of the server's.
    assert_eq!(
        document["scopes_supported"],
        json!(["files:write", "notes"])
    );
    assert_eq!(document["resource_name"], "Notes");
    assert_eq!(
        document["resource_documentation"],
        "https://docs.example.com"
    );
}

#[test]
fn the_metadata_is_given_to_who_asks_for_it_and_to_pages_that_are_named() {
    // `auth.prm`
    let (resource, page) = (resource(), "https://app.example.com");
    let path = resource.metadata_path();
    let named = HttpPolicy::public(["api.example.com"]).origins([page]);
    let answer = |method, policy: &HttpPolicy| {
        let head = RequestHead::new(method, path)
            .with("origin", page)
            .with("access-control-request-method", "GET");
        let reply = resource.answer(policy, &head).expect("it is for this");
        (reply.head.status, reply.body)
    };
    let (status, body) = answer(HttpMethod::Get, &named);
    assert_eq!((status, &body[..]), (200, resource.metadata().as_bytes()));
    assert_eq!(answer(HttpMethod::Options, &named).0, 204);
    assert_eq!(answer(HttpMethod::Options, &HttpPolicy::local()).0, 405);
    assert_eq!(answer(HttpMethod::Post, &named).0, 405);
    for other in ["/mcp", "/.well-known/oauth-protected-resource", "/x"] {
        let head = RequestHead::new(HttpMethod::Get, other);
        assert!(resource.answer(&named, &head).is_none());
    }
}

#[test]
fn a_server_is_described_in_a_way_that_can_be_relied_on_or_not_at_all() {
    // `auth.https`
    for bad in [
        "",
        "api.example.com/mcp",
        "http://api.example.com/mcp",
        "http://localhost.example.com/mcp",
        "http://127.0.0.1.example.com/mcp",
        "http://localhost:99999/",
        "ftp://localhost/",
        "https://",
        "https:///mcp",
        "https://:443/mcp",
        "https://ali@api.example.com/mcp",
        "https://api.example.com/mcp?x=1",
        "https://api.example.com/mcp#x",
        "https://api.example.com/mcp\r\nx: y",
        "https://api.example.com/\"",
        "https://\u{e4}.example.com/",
    ] {
        let is_url = |made| matches!(made, Err(ProtectionError::Url(url)) if *url == *bad);
        assert!(is_url(ProtectedResource::new(bad, [ISSUER])), "{bad}");
        assert!(is_url(ProtectedResource::new(URL, [bad])), "{bad}");
    }
    let none: [&str; 0] = [];
    let made = ProtectedResource::new(URL, none);
    assert_eq!(made, Err(ProtectionError::NoIssuer));
    // A scope that is left out would be one that nobody needs.
    for bad in ["", "a b", "a\"", "a\\", "a\n", "\u{e9}", &"a".repeat(257)] {
        let made = resource().scopes(["good", bad]);
        assert!(matches!(made, Err(ProtectionError::Scope(_))), "{bad}");
    }
    let many = (0..257).map(|number| number.to_string());
    assert!(resource().scopes(many).is_err());
}

#[test]
fn a_token_is_read_from_one_field_in_one_way() {
    // `auth.bearer` `auth.401`
    let longest = [b"Bearer ".to_vec(), vec![b'a'; 8 * 1024]].concat();
    for (value, token) in [
        (&b"Bearer abc"[..], "abc"),
        (b"bearer abc", "abc"),
        (b"BEARER  abc", "abc"),
        (b"  Bearer abc  ", "abc"),
        (b"Bearer aZ09-._~+/==", "aZ09-._~+/=="),
        (&longest, &"a".repeat(8 * 1024)),
    ] {
        let read = bearer(&with_token(&[value])).expect("it is a token");
        assert_eq!(read.expose(), token);
        assert!(!format!("{read:?}").contains(token));
        assert!(read.is(token) && !read.is(&token[1..]) && !read.is(&format!("{token}a")));
    }
    let too_long = [&longest[..], b"a"].concat();
    let endless = [b"Bearer ".to_vec(), vec![b'a'; 1 << 20]].concat();
    for values in [
        &[&b"Bearer"[..]][..],
        &[b"Bearer "],
        &[b"Bearer ="],
        &[b"Bearer a b"],
        &[b"Bearer a,b"],
        &[b"Bearer a, Bearer b"],
        &[b"Bearer a=b"],
        &[b"Bearer \"a\""],
        &[b"Bearer\ta"],
        &[b"Bearer \ta"],
        &[b"Bearer a\r\nx: y"],
        &[b"Bearer a\0"],
        &[b"Bearer \xe9"],
        &[b"Bearer \xff"],
        &[&too_long],
        &[&endless],
        &[b"Bearer a", b"Bearer a"],
        &[b"Bearer a", b"Bearer b"],
        &[b"Basic a", b"Bearer a"],
    ] {
        let read = bearer(&with_token(values));
        assert_eq!(read, Err(TokenRefusal::Malformed), "{values:?}");
    }
    for value in ["Basic YTpi", "DPoP abc", "Bearerabc", ""] {
        let read = bearer(&with_token(&[value.as_bytes()]));
        assert_eq!(read, Err(TokenRefusal::Missing));
    }
    assert_eq!(bearer(&with_token(&[])), Err(TokenRefusal::Missing));
    let in_query = RequestHead::new(HttpMethod::Post, "/mcp?access_token=abc");
    assert_eq!(bearer(&in_query), Err(TokenRefusal::Missing));
}

#[test]
fn each_refusal_has_its_status_and_its_challenge() {
    // `auth.401` `auth.www.send` `auth.403.scope`
    let resource = resource();
    let end = format!("resource_metadata=\"{METADATA}\"");
    let invalid = |why: &str| {
        format!(
            "Bearer error=\"invalid_token\", error_description=\"{why}\", scope=\"notes\", {end}"
        )
    };
    let more = scopes("files:write");
    for (why, status, challenged) in [
        (
            TokenRefusal::Missing,
            401,
            format!("Bearer scope=\"notes\", {end}"),
        ),
        (TokenRefusal::Invalid, 401, invalid("the token isn't valid")),
        (TokenRefusal::Expired, 401, invalid("the token has expired")),
        (
            TokenRefusal::OtherAudience,
            401,
            invalid("the token is for another server"),
        ),
        (
            TokenRefusal::Malformed,
            400,
            format!(
                "Bearer error=\"invalid_request\", error_description=\"the token can't be read\", \
                 scope=\"notes\", {end}"
            ),
        ),
        (
            TokenRefusal::MissingScopes(more),
            403,
            format!(
                "Bearer error=\"insufficient_scope\", error_description=\"more scopes are needed\", \
                 scope=\"files:write notes\", {end}"
            ),
        ),
        (TokenRefusal::Unavailable, 503, String::new()),
    ] {
        let reply = resource.refuse(&why);
        assert_eq!(reply.head.status, status);
        assert_eq!(challenge(&reply), challenged);
        assert_eq!(reply.head.headers.has("retry-after"), status == 503);
        let body: Value = serde_json::from_slice(&reply.body).unwrap();
        assert_eq!(body["error"]["code"], -32600);
    }
    let bare = ProtectedResource::new(URL, [ISSUER]).unwrap();
    assert_eq!(
        challenge(&bare.refuse(&TokenRefusal::Missing)),
        format!("Bearer {end}")
    );
}

#[test]
fn a_token_counts_for_the_server_that_it_was_issued_for_and_in_its_time() {
    // `auth.audience` `auth.401`
    let resource = resource().audience("api://notes");
    assert_eq!(resource.admit(&access().expires(NOW + 1), NOW), Ok(()));
    for (access, why) in [
        (
            Access::new("ali", ["api://notes"]),
            TokenRefusal::MissingScopes(scopes("notes")),
        ),
        (access().expires(NOW), TokenRefusal::Expired),
        (access().expires(0), TokenRefusal::Expired),
    ] {
        assert_eq!(resource.admit(&access, NOW), Err(why));
    }
    let none: [&str; 0] = [];
    let foreign = Access::new("ali", none).scopes(scopes("notes"));
    assert_eq!(
        resource.admit(&foreign, NOW),
        Err(TokenRefusal::OtherAudience)
    );
    for other in [
        "",
        "https://api.example.com",
        "https://api.example.com/",
        "https://api.example.com/mcp/",
        "https://api.example.com/mcp/x",
        "https://api.example.com/mcp2",
        "https://api.example.com/MCP",
        "https://API.example.com/mcp",
        "http://api.example.com/mcp",
        "https://api.example.com:443/mcp",
        "https://other.example.com/mcp",
        "https://api.example.com.evil.example/mcp",
        "api://notes/",
    ] {
        let access = Access::new("ali", [other]).scopes(scopes("notes"));
        let admitted = resource.admit(&access, NOW);
        assert_eq!(admitted, Err(TokenRefusal::OtherAudience), "{other}");
    }
    // Of several audiences one is enough, and a site has two spellings of its own.
    let both = Access::new("ali", ["https://other.example.com", URL]).scopes(scopes("notes"));
    assert_eq!(resource.admit(&both, NOW), Ok(()));
    let site = ProtectedResource::new("https://api.example.com", [ISSUER]).unwrap();
    for name in ["https://api.example.com", "https://api.example.com/"] {
        assert_eq!(site.admit(&Access::new("ali", [name]), NOW), Ok(()));
    }
}

#[test]
fn what_is_asked_for_beside_what_is_missing_is_what_the_token_had() {
    // `auth.403.scope` `auth.scope.select`
    let resource = resource().supports(&scopes("files:read files:write mail"));
    let granted = scopes("notes files:read openid");
    assert_eq!(
        resource.check_scopes(&scopes("files:read"), &granted),
        Ok(())
    );
    let missing = resource.check_scopes(&scopes("files:write"), &granted);
    let asked = scopes("files:read files:write notes");
    assert_eq!(missing, Err(TokenRefusal::MissingScopes(asked)));
}

/// What a protected server answers before it serves, in the order of the ladder.
fn sent(request: &Sent, granted: Option<&Access>) -> Result<(), Reply> {
    let (resource, policy) = (resource(), HttpPolicy::local());
    let offers = offers(&Revision::ALL);
    check_site(&policy, &request.head)?;
    let refuse = |why| resource.refuse(&why);
    bearer(&request.head).map_err(refuse)?;
    let granted = granted.ok_or_else(|| refuse(TokenRefusal::Invalid))?;
    resource.admit(granted, NOW).map_err(refuse)?;
    check(&policy, &offers, &request.head)?;
    classify(&offers, &request.head, request.bytes())?;
    let needed = scopes("deploy");
    resource
        .check_scopes(&needed, &granted.scopes)
        .map_err(refuse)
}

#[test]
fn authorization_stands_on_its_rungs_of_the_ladder() {
    // `httpM.order` `auth.401` `auth.403.scope`
    let good = access().scopes(scopes("notes deploy"));
    let mut authorized = call();
    authorized.set("authorization", Some("Bearer abc"));
    assert!(sent(&authorized, Some(&good)).is_ok());
    let elsewhere = Access::new("ali", ["https://other.example.com"]);
    let mut malformed = call();
    malformed.set("authorization", Some("Bearer a b"));
    for (status, request, access) in [
        (401, &call(), Some(&good)),
        (400, &malformed, Some(&good)),
        (401, &authorized, None),
        (401, &authorized, Some(&elsewhere)),
        (403, &authorized, Some(&access().scopes(scopes("other")))),
        (403, &authorized, Some(&access())),
    ] {
        let reply = sent(request, access).expect_err("it is refused");
        assert_eq!(reply.head.status, status);
        assert!(challenge(&reply).starts_with("Bearer "));
    }
    for row in &ROWS {
        // Without a token: only what says nothing of the server comes before.
        let mut request = call();
        (row.commit)(&mut request);
        let reply = sent(&request, Some(&good)).expect_err("it is refused");
        let is_before = row.rung < Rung::Authorization;
        let expected = if is_before { row.answer.0 } else { 401 };
        assert_eq!(
            reply.head.status, expected,
            "{:?} without a token",
            row.rung
        );
        // With one that isn't good for it: every other offence comes before.
        let mut request = authorized.clone();
        (row.commit)(&mut request);
        let reply = sent(&request, Some(&access())).expect_err("it is refused");
        assert!(row.rung < Rung::Scopes);
        assert_eq!(
            reply.head.status, row.answer.0,
            "{:?} without scopes",
            row.rung
        );
    }
}

fn server() -> Server {
    let schema = || json!({"type": "object"}).into();
    Server::new("edge", "1.0")
        .unsealed_state()
        .tool(Tool::new("deploy", schema()), |context, ()| {
            let scopes = context.scopes().map(ToString::to_string);
            Ok(format!("{:?} {scopes:?}", context.principal()))
        })
        .tool_scopes("deploy", ["deploy"])
}

fn deploy() -> Sent {
    let mut request = modern("tools/call", json!({"name": "deploy", "arguments": {}}));
    request.set("host", Some("localhost"));
    request
}

#[test]
fn a_host_that_starts_the_server_for_each_request_protects_it_too() {
    // `auth.401` `auth.403.scope` `auth.audience` `auth.principal`
    let edge = Edge::new(&server(), HttpPolicy::local()).unwrap();
    let request = deploy();
    let answer = |edge: &Edge, access| {
        let sender = match edge.admit(&request.head, access, NOW) {
            Ok(sender) => sender,
            Err(reply) => return reply,
        };
        edge.answer(&request.head, request.bytes(), sender)
    };
    // Nobody says what the requester's token is good for, so it is good for nothing.
    for sender in [None, Some("ali")] {
        let reply = edge.answer(&request.head, request.bytes(), sender);
        assert_eq!((reply.head.status, challenge(&reply)), (403, ""));
    }
    let edge = edge.protect(resource());
    let good = access().scopes(scopes("notes deploy"));
    let reply = answer(&edge, Ok(good.clone()));
    assert_eq!(reply.head.status, 200);
    let text = String::from_utf8_lossy(&reply.body);
    assert!(
        text.contains(r#"Some(\"ali\") Some(\"deploy notes\")"#),
        "{text}"
    );
    for (access, status) in [
        (Err(TokenRefusal::Missing), 401),
        (Ok(Access::new("ali", ["https://other.example.com"])), 401),
        (Ok(good.expires(NOW)), 401),
        (Ok(access()), 403),
        (Err(TokenRefusal::Unavailable), 503),
    ] {
        let reply = answer(&edge, access);
        assert_eq!(reply.head.status, status);
        if status == 403 {
            assert!(challenge(&reply).contains("scope=\"deploy notes\""));
        }
    }
    let head =
        RequestHead::new(HttpMethod::Get, resource().metadata_path()).with("host", "localhost");
    let metadata = edge
        .admit(&head, Err(TokenRefusal::Missing), NOW)
        .unwrap_err();
    let document: Value = serde_json::from_slice(&metadata.body).unwrap();
    assert_eq!(document["scopes_supported"], json!(["deploy", "notes"]));
}
