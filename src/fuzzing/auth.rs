//! Authorization against servers that answer anything: it asks only where it may, keeps what it knows to itself, and ends.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;

use crate::auth::{
    AuthOptions, AuthRequest, AuthResponse, Authorizer, Challenge, Reaction, Saved, Step,
};

use super::source::Source;

const SERVER: &str = "https://mcp.example/mcp";
/// More steps than any authorization has.
const MOST: usize = 200;
const NOW: u64 = 1_800_000_000;

/// Documents that lead further than noise does; what a fuzzer changes in them comes as a piece.
const BODIES: [&str; 12] = [
    r#"{"resource":"https://mcp.example/mcp","authorization_servers":["https://auth.example"]}"#,
    r#"{"resource":"https://mcp.example","authorization_servers":["https://auth.example/a","http://127.0.0.1/"],"scopes_supported":["a","b"]}"#,
    r#"{"issuer":"https://auth.example","authorization_endpoint":"https://auth.example/authorize","token_endpoint":"https://auth.example/token","registration_endpoint":"https://auth.example/register","response_types_supported":["code"],"code_challenge_methods_supported":["S256"],"token_endpoint_auth_methods_supported":["none"]}"#,
    r#"{"issuer":"https://auth.example","authorization_endpoint":"javascript:alert(1)","token_endpoint":"http://auth.example/token","response_types_supported":["code"],"code_challenge_methods_supported":["S256"]}"#,
    r#"{"issuer":"https://auth.example/a","authorization_endpoint":"https://auth.example/authorize?x=1","token_endpoint":"https://elsewhere.example/token","client_id_metadata_document_supported":true,"response_types_supported":["code"],"code_challenge_methods_supported":["plain"],"authorization_response_iss_parameter_supported":true}"#,
    r#"{"client_id":"c","client_secret":"s"}"#,
    r#"{"client_id":"c","token_endpoint_auth_method":"none"}"#,
    r#"{"access_token":"secret-token","token_type":"Bearer","expires_in":3600,"refresh_token":"secret-refresh","scope":"a"}"#,
    r#"{"access_token":"secret-token","token_type":"mac","expires_in":-1}"#,
    r#"{"error":"invalid_client","error_description":"no"}"#,
    r#"{"error":"invalid_grant"}"#,
    "{}",
];

const CHALLENGES: [&str; 4] = [
    "Bearer",
    "Bearer resource_metadata=\"https://mcp.example/.well-known/oauth-protected-resource/mcp\", scope=\"a\"",
    "Bearer error=\"insufficient_scope\", scope=\"a b\"",
    "Bearer resource_metadata=\"http://10.0.0.1/\"",
];

/// Checks an authorization, and one more after the server has refused the token that came of it.
pub fn authorization(bytes: &[u8]) {
    let mut source = Source::new(bytes);
    let options = AuthOptions::new("fuzz");
    let mut authorizer = Authorizer::new(options, SERVER, Saved::default(), [7; 32]);
    for _ in 0..3 {
        let generation = authorizer.generation();
        let status = if source.byte().is_multiple_of(3) {
            403
        } else {
            401
        };
        let reaction = match source.byte() {
            255 => {
                let challenge = Challenge::parse([source.piece()]);
                authorizer.handle_challenge(generation, status, challenge, None)
            }
            chosen => {
                let text = CHALLENGES[usize::from(chosen) % CHALLENGES.len()];
                let challenge = Challenge::parse([text.as_bytes()]);
                authorizer.handle_challenge(generation, status, challenge, Some("n"))
            }
        };
        if matches!(reaction, Reaction::Wait) {
            drive(&mut authorizer, &mut source);
        }
        presents_only_to_its_server(&mut authorizer);
    }
}

fn drive(authorizer: &mut Authorizer, source: &mut Source<'_>) {
    for _ in 0..MOST {
        let step = authorizer.poll(NOW).expect("a step follows an answer");
        match step {
            Step::Fetch(request) => {
                may_be_asked(&request);
                let shown = format!("{request:?}");
                assert!(!shown.contains("secret-"), "{shown}");
                authorizer.handle_response(response(source));
            }
            Step::Redirect { preferred } => match source.byte() % 8 {
                0 => authorizer.handle_failed("no"),
                _ => {
                    let own = "http://127.0.0.1:7777/callback";
                    authorizer.handle_url(preferred.as_deref().unwrap_or(own));
                }
            },
            Step::Visit(visit) => {
                let is_safe = is_https(&visit.url) || is_local(&visit.url);
                assert!(is_safe, "a browser is sent to {}", visit.url);
                let (to, state) = (&visit.redirect_uri, &visit.state);
                match source.byte() % 8 {
                    0 => authorizer.handle_failed("no"),
                    1 => authorizer.handle_url(&String::from_utf8_lossy(source.piece())),
                    2 => authorizer.handle_url(&format!("{to}?code=c&state=x")),
                    3 => authorizer.handle_url(&format!("{to}?error=access_denied&state={state}")),
                    4 => {
                        let issuer = "https%3A%2F%2Fauth.example";
                        authorizer.handle_url(&format!("{to}?code=c&state={state}&iss={issuer}"));
                    }
                    _ => authorizer.handle_url(&format!("{to}?code=c&state={state}")),
                }
            }
            Step::Save(saved) => {
                let stored = serde_json::to_vec(&saved).expect("it can be stored");
                let again: Saved = serde_json::from_slice(&stored).expect("and read again");
                assert_eq!(again, *saved, "it is saved as something else");
                match source.byte() % 8 {
                    0 => authorizer.handle_failed("no"),
                    _ => authorizer.handle_saved(),
                }
            }
            Step::Done | Step::Failed(_) => {
                assert!(authorizer.poll(NOW).is_none(), "it goes on after its end");
                return;
            }
        }
    }
    panic!("it never ends");
}

/// No address of the network that the machine is in, and nothing in the clear.
fn may_be_asked(request: &AuthRequest) {
    let url = &request.url;
    assert!(is_https(url), "{url} is asked in the clear");
    assert!(!url.contains(['\n', '\r', ' ']), "{url:?} is no URL");
    assert!(!is_local(url), "{url} is asked, and is of this machine");
    for (name, value) in &request.headers {
        assert!(!value.contains(['\n', '\r']), "{name} has two lines");
    }
}

/// A scheme may be written in capitals.
fn is_https(url: &str) -> bool {
    url.get(..8)
        .is_some_and(|scheme| scheme.eq_ignore_ascii_case("https://"))
}

fn is_local(url: &str) -> bool {
    let (_, rest) = url.split_once("://").unwrap_or_default();
    ["127.0.0.1", "localhost", "[::1]"].iter().any(|host| {
        let after = rest.strip_prefix(host);
        after.is_some_and(|after| after.is_empty() || after.starts_with([':', '/', '?']))
    })
}

fn response(source: &mut Source<'_>) -> AuthResponse {
    let status = [200, 200, 200, 201, 400, 401, 404, 302][source.below(8)];
    let body: Box<[u8]> = match source.byte() {
        255 => source.piece().into(),
        chosen => BODIES[usize::from(chosen) % BODIES.len()].as_bytes().into(),
    };
    let response = AuthResponse::new(status, body);
    match source.byte() {
        255 => response.header("location", source.piece()),
        254 => response.header("dpop-nonce", source.piece()),
        _ => response,
    }
}

fn presents_only_to_its_server(authorizer: &mut Authorizer) {
    for elsewhere in [
        "https://evil.example/mcp",
        "http://mcp.example/mcp",
        "https://mcp.example.evil/",
    ] {
        if let Ok(headers) = authorizer.headers(NOW, "POST", elsewhere) {
            assert!(
                headers.is_empty(),
                "{elsewhere} would get {} headers",
                headers.len()
            );
        }
    }
    assert!(
        !format!("{authorizer:?}").contains("secret-"),
        "Debug shows a secret"
    );
}
