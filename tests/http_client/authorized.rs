//! Clients that authorize themselves at a server which wants to know who asks.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::thread;
use std::time::Duration;

use http::{HeaderMap, Request, Response};
use mcp_proto::auth::{AuthOptions, MemoryStore, Saved, TokenStore, Visit};
use mcp_proto::io::auth::{Auth, LoopbackReceiver};
use mcp_proto::io::http::{Remote, RequestBody};
use mcp_proto::io::nonblocking::AsyncClient;
use serde_json::{Value, json};
use tower_service::Service;

use crate::services::Whole;

use crate::scripted::{discovered, options, said};

/// A modern server and its authorization server without a network. A token is good until `expire`.
#[derive(Clone, Default)]
struct Guarded(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    tokens: u32,
    is_expired: bool,
    asked: Vec<(String, HeaderMap)>,
}

impl Guarded {
    fn answer(&self, request: Request<RequestBody>) -> (u16, Value) {
        let mut state = self.0.lock().unwrap();
        let (url, headers) = (request.uri().to_string(), request.headers().clone());
        state.asked.push((url.clone(), headers.clone()));
        match &*url {
            "https://memory.example/mcp" => {
                let good = format!("Bearer t{}", state.tokens);
                let is_good = headers
                    .get("authorization")
                    .is_some_and(|value| *value == *good);
                if !is_good || state.is_expired {
                    return (401, json!({}));
                }
                let body = request.into_body().into_bytes();
                let body: Value = serde_json::from_slice(&body).unwrap();
                let result = match body["method"].as_str().unwrap() {
                    "server/discover" => discovered(),
                    _ => said("come in"),
                };
                (
                    200,
                    json!({"jsonrpc": "2.0", "id": body["id"], "result": result}),
                )
            }
            "https://memory.example/.well-known/oauth-protected-resource/mcp" => (
                200,
                json!({
                    "resource": "https://memory.example/mcp",
                    "authorization_servers": ["https://auth.example"],
                }),
            ),
            "https://auth.example/.well-known/oauth-authorization-server" => (
                200,
                json!({
                    "issuer": "https://auth.example",
                    "authorization_endpoint": "https://auth.example/authorize",
                    "token_endpoint": "https://auth.example/token",
                    "registration_endpoint": "https://auth.example/register",
                    "code_challenge_methods_supported": ["S256"],
                }),
            ),
            "https://auth.example/register" => (201, json!({"client_id": "c"})),
            "https://auth.example/token" => {
                state.tokens += 1;
                state.is_expired = false;
                let token = format!("t{}", state.tokens);
                (
                    200,
                    json!({"access_token": token, "token_type": "Bearer", "refresh_token": "r"}),
                )
            }
            _ => (404, json!({})),
        }
    }

    fn expire(&self) {
        self.0.lock().unwrap().is_expired = true;
    }

    fn count(&self, url: &str) -> usize {
        let state = self.0.lock().unwrap();
        state.asked.iter().filter(|(asked, _)| asked == url).count()
    }
}

impl Service<Request<RequestBody>> for Guarded {
    type Response = Response<Whole>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Whole>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<RequestBody>) -> Self::Future {
        let (status, body) = self.answer(request);
        let response = Response::builder()
            .status(status)
            .header("content-type", "application/json");
        ready(Ok(response
            .body(Whole(Some(body.to_string().into())))
            .unwrap()))
    }
}

fn auth_options() -> AuthOptions {
    AuthOptions::new("test").redirect_uri("https://app.example/cb")
}

fn agreed(page: &Visit) -> String {
    format!("{}?code=c&state={}", page.redirect_uri, page.state)
}

fn client(guarded: &Guarded, auth: Auth) -> AsyncClient {
    let remote = Remote::new("https://memory.example/mcp").header("x-host", "mine");
    let (client, driver) = AsyncClient::http(options(), remote.auth(auth), guarded.clone());
    tokio::spawn(driver);
    client
}

#[tokio::test]
async fn a_client_authorizes_itself_and_shows_its_headers_to_its_server_only() {
    // `auth.bearer` `auth.401` `auth.era`
    let guarded = Guarded::default();
    let auth = Auth::visit(auth_options(), |page| Ok::<_, String>(agreed(&page)));
    let client = client(&guarded, auth.clone());
    client.open().await.unwrap();
    let said: String = client.call_tool_as("greet", json!({})).await.unwrap();
    assert_eq!(said, "come in");
    assert_eq!(auth.last_error(), None);
    let state = guarded.0.lock().unwrap();
    for (url, headers) in &state.asked {
        let is_server = url == "https://memory.example/mcp";
        assert_eq!(headers.contains_key("x-host"), is_server, "{url}");
        assert!(!url.contains("t1"));
    }
    let (_, last) = state.asked.last().unwrap();
    assert_eq!(last["authorization"], "Bearer t1");
}

#[tokio::test]
async fn calls_that_find_the_token_expired_wait_for_one_renewal() {
    // `auth.refresh`
    let guarded = Guarded::default();
    let visits = Arc::new(Mutex::new(0));
    let seen = Arc::clone(&visits);
    let auth = Auth::visit(auth_options(), move |page| {
        *seen.lock().unwrap() += 1;
        Ok::<_, String>(agreed(&page))
    });
    let client = client(&guarded, auth);
    client.open().await.unwrap();
    guarded.expire();
    let calls: Vec<_> = (0..20)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.call_tool("greet", json!({})).await })
        })
        .collect();
    for call in calls {
        call.await.unwrap().unwrap();
    }
    assert_eq!(guarded.count("https://auth.example/token"), 2);
    assert_eq!(*visits.lock().unwrap(), 1, "the user is asked once");
}

#[tokio::test]
async fn a_user_may_take_longer_than_the_server() {
    // `era.http.auth`
    let guarded = Guarded::default();
    let auth = Auth::visit(auth_options(), |page| {
        thread::sleep(Duration::from_millis(1500));
        Ok::<_, String>(agreed(&page))
    });
    let remote = Remote::new("https://memory.example/mcp").auth(auth);
    let mut options = options();
    options.timeout = Duration::from_millis(700);
    options.handshake_timeout = Duration::from_millis(700);
    let (client, driver) = AsyncClient::http(options, remote, guarded);
    tokio::spawn(driver);
    client.open().await.unwrap();
}

#[tokio::test]
async fn an_authorization_that_fails_says_why() {
    let guarded = Guarded::default();
    let auth = Auth::visit(auth_options(), |_| {
        Err::<String, _>("the window was closed")
    });
    let client = client(&guarded, auth.clone());
    let error = client.open().await.unwrap_err().to_string();
    let why = "asking the user: the window was closed";
    assert_eq!(auth.last_error().unwrap().to_string(), why);
    assert!(error.contains(why), "{error}");
    assert_eq!(guarded.count("https://auth.example/token"), 0);
}

#[tokio::test]
async fn a_token_that_is_remembered_asks_nobody() {
    let guarded = Guarded::default();
    let store: Arc<MemoryStore> = Arc::default();
    struct Shared(Arc<MemoryStore>);
    impl TokenStore for Shared {
        fn load(&self, server: &str) -> Result<Option<Saved>, mcp_proto::auth::StoreError> {
            self.0.load(server)
        }
        fn save(&self, server: &str, saved: &Saved) -> Result<(), mcp_proto::auth::StoreError> {
            self.0.save(server, saved)
        }
    }
    let auth = Auth::visit(auth_options(), |page| Ok::<_, String>(agreed(&page)));
    let first = client(&guarded, auth.store(Shared(Arc::clone(&store))));
    first.open().await.unwrap();
    let auth = Auth::unattended(auth_options()).store(Shared(store));
    let second = client(&guarded, auth);
    second.open().await.unwrap();
    assert_eq!(guarded.count("https://auth.example/token"), 1);
}

fn get(url: &str) -> String {
    let rest = url.strip_prefix("http://").unwrap();
    let (authority, path) = rest.split_once('/').unwrap();
    let mut stream = TcpStream::connect(authority).unwrap();
    write!(stream, "GET /{path} HTTP/1.1\r\nhost: {authority}\r\n\r\n").unwrap();
    let mut page = String::new();
    stream.read_to_string(&mut page).unwrap();
    page
}

#[test]
fn the_place_to_come_back_to_takes_what_has_the_state_and_nothing_else() {
    // `auth.https`
    let place = LoopbackReceiver::bind(None).unwrap();
    let url = place.url().to_owned();
    assert!(url.starts_with("http://127.0.0.1:"));
    let waiting = support::thread::spawn(move || place.receive("s1"));
    for stray in ["", "?state=other&code=x", "?code=x", "x?state=s1"] {
        assert!(
            get(&format!("{url}{stray}")).starts_with("HTTP/1.1 404"),
            "{stray}"
        );
    }
    let right = format!("{url}?code=secret&state=s1");
    let page = get(&right);
    assert!(page.starts_with("HTTP/1.1 200") && !page.contains("secret"));
    assert_eq!(waiting.join().unwrap().unwrap(), right);
    // The port is free again, for the next authorization.
    let again = LoopbackReceiver::bind(Some(&url)).unwrap();
    assert_eq!(again.url(), url);
}

#[cfg(unix)]
#[test]
fn a_file_of_tokens_is_its_owner_s_alone() {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use mcp_proto::auth::Token;
    use mcp_proto::io::auth::FileStore;

    let folder = std::env::temp_dir().join(format!("mcp-proto-auth-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join("tokens.json");
    let store = FileStore::new(&path);
    assert_eq!(store.load("https://a.example"), Ok(None));
    let token: Token = serde_json::from_value(json!({
        "access_token": "t", "scheme": "Bearer", "issuer": "https://i.example",
        "expires_at": null, "refresh_token": null, "scopes": ["a"],
    }))
    .unwrap();
    let mut saved = Saved::default();
    saved.token = Some(token);
    store.save("https://a.example", &saved).unwrap();
    store.save("https://b.example", &Saved::default()).unwrap();
    assert_eq!(store.load("https://a.example"), Ok(Some(saved)));
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(store.load("https://a.example").is_err());
    fs::remove_dir_all(&folder).unwrap();
}
