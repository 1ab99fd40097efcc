//! Clients of every kind at a protected server of ours, with an authorization server and a browser that are
//! made up, over sockets.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use mcp_proto::auth::AuthOptions;
use mcp_proto::http::{Access, ProtectedResource, TokenRefusal};
use mcp_proto::io::auth::Auth;
use mcp_proto::io::http::{HttpServeOptions, HttpServer, Protection, Remote};
use mcp_proto::server::Context;
use mcp_proto::{AsyncClient, BlockingClient, Scopes, Server, Tool};
use serde_json::{Value, json};

use crate::scripted::options;

/// What the authorization server has given and was asked for.
#[derive(Clone, Default)]
struct Issuer(Arc<Mutex<Issued>>);

#[derive(Default)]
struct Issued {
    url: String,
    /// The scopes of each token that is good.
    tokens: BTreeMap<String, String>,
    /// The scopes that the user has agreed to.
    agreed: String,
    grants: Vec<String>,
    registered: usize,
    given: usize,
}

impl Issuer {
    fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let issuer = Self::default();
        let url = format!("http://{}", listener.local_addr().unwrap());
        issuer.0.lock().unwrap().url = url;
        let served = issuer.clone();
        support::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let served = served.clone();
                // A client that says nothing, or leaves in the middle, is no matter here.
                support::thread::spawn(move || drop(served.serve(stream)));
            }
        });
        issuer
    }

    fn serve(&self, stream: TcpStream) -> std::io::Result<()> {
        let mut reader = BufReader::new(stream);
        let (mut first, mut length) = (String::new(), 0);
        reader.read_line(&mut first)?;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            let line = line.trim_end().to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let path = first.split(' ').nth(1).unwrap_or_default();
        let answer = self.answer(path, &String::from_utf8(body).unwrap());
        let (status, text) = match answer {
            Some(answer) => ("200 OK", answer.to_string()),
            None => ("404 Not Found", "{}".to_owned()),
        };
        let length = text.len();
        write!(
            reader.get_mut(),
            "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\
             connection: close\r\n\r\n{text}"
        )
    }

    fn answer(&self, path: &str, body: &str) -> Option<Value> {
        let mut issued = self.0.lock().unwrap();
        let url = issued.url.clone();
        Some(match path {
            "/.well-known/oauth-authorization-server" => json!({
                "issuer": url,
                "authorization_endpoint": format!("{url}/authorize"),
                "token_endpoint": format!("{url}/token"),
                "registration_endpoint": format!("{url}/register"),
                "code_challenge_methods_supported": ["S256"],
            }),
            "/register" => {
                issued.registered += 1;
                json!({"client_id": "c"})
            }
            "/token" => {
                let grant = if body.contains("grant_type=refresh_token") {
                    "refresh"
                } else {
                    "code"
                };
                issued.grants.push(grant.into());
                issued.given += 1;
                let token = format!("t{}", issued.given);
                let agreed = issued.agreed.clone();
                issued.tokens.insert(token.clone(), agreed.clone());
                json!({"access_token": token, "token_type": "Bearer", "scope": agreed,
                    "refresh_token": "r", "expires_in": 3600})
            }
            _ => return None,
        })
    }

    /// The user agrees to the page, and their browser goes where it is sent.
    fn agree(&self, page: &str) -> std::io::Result<()> {
        let value = |name: &str| {
            let query = page.split_once('?').expect("it has a query").1;
            let field = query.split('&').find_map(|pair| pair.strip_prefix(name));
            let value = field.and_then(|value| value.strip_prefix('='));
            let value = value
                .unwrap_or_default()
                .replace("%3A", ":")
                .replace("%2F", "/");
            value.replace("%20", " ").replace('+', " ")
        };
        self.0.lock().unwrap().agreed = value("scope");
        let redirect = value("redirect_uri");
        let (authority, path) = redirect
            .strip_prefix("http://")
            .unwrap()
            .split_once('/')
            .unwrap();
        let mut browser = TcpStream::connect(authority)?;
        let state = value("state");
        write!(
            browser,
            "GET /{path}?code=c&state={state} HTTP/1.1\r\nhost: {authority}\r\nconnection: close\r\n\r\n"
        )?;
        browser.read_to_end(&mut Vec::new()).map(drop)
    }

    fn revoke(&self) {
        self.0.lock().unwrap().tokens.clear();
    }

    fn verify(&self, token: &str, url: &str) -> Result<Access, TokenRefusal> {
        let issued = self.0.lock().unwrap();
        let scopes = issued.tokens.get(token).ok_or(TokenRefusal::Invalid)?;
        Ok(Access::new("ali", [url]).scopes(Scopes::parse(scopes)))
    }

    /// What it was asked for, once for each client.
    fn check(&self) {
        let issued = self.0.lock().unwrap();
        assert_eq!(issued.registered, 1);
        assert_eq!(issued.grants, ["code", "refresh", "code"]);
    }
}

/// A server whose tools need scopes, where it is, and who issues its tokens.
fn serve() -> (HttpServer, Remote, Issuer) {
    let issuer = Issuer::start();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("http://{}/mcp", listener.local_addr().unwrap());
    let tool = |name: &'static str| Tool::new(name, json!({"type": "object"}).into());
    let who = |context: &Context, _: Value| {
        let scopes = context.scopes().map(ToString::to_string);
        Ok(format!("{:?} {scopes:?}", context.principal()))
    };
    let server = Server::new("notes", "1.0")
        .tool(tool("who"), who)
        .tool(tool("add"), who)
        .tool_scopes("add", ["notes:write"]);
    let issued_by = issuer.0.lock().unwrap().url.clone();
    let resource = ProtectedResource::new(url.as_str(), [issued_by]).unwrap();
    let resource = resource.scopes(["notes"]).unwrap();
    let (verifier, named) = (issuer.clone(), url.clone());
    let protection = Protection::new(resource, move |request| {
        verifier.verify(request.token.expose(), &named)
    });
    let options = HttpServeOptions::local().protect(protection);
    let server = HttpServer::start(server, listener, options).unwrap();
    let browser = issuer.clone();
    let auth = Auth::browser(AuthOptions::new("test"), move |page| browser.agree(page));
    (server, Remote::new(url).auth(auth), issuer)
}

const NOTES: &str = r#"Some("ali") Some("notes")"#;
const MORE: &str = r#"Some("ali") Some("notes notes:write")"#;

/// What a client goes through that calls by threads.
fn visit(client: &BlockingClient, issuer: &Issuer) {
    let call = |tool: &str| client.call_tool(tool, json!({})).unwrap().value.to_string();
    client.open().unwrap();
    assert_eq!(call("who"), NOTES);
    issuer.revoke();
    assert_eq!(call("who"), NOTES);
    for tool in ["add", "who"] {
        assert_eq!(call(tool), MORE, "{tool}");
    }
    issuer.check();
    client.close().unwrap();
}

#[test]
fn a_blocking_client_registers_is_authorized_refreshes_and_asks_for_more() {
    // `auth.bearer` `auth.401` `auth.scope.select` `auth.refresh`
    let (_server, remote, issuer) = serve();
    visit(&BlockingClient::url(options(), remote), &issuer);
}

#[cfg(feature = "ureq")]
#[test]
fn a_client_over_ureq_registers_is_authorized_refreshes_and_asks_for_more() {
    // `auth.bearer` `auth.401` `auth.scope.select` `auth.refresh`
    let (_server, remote, issuer) = serve();
    visit(&BlockingClient::ureq(options(), remote), &issuer);
}

#[tokio::test]
async fn a_client_of_futures_registers_is_authorized_refreshes_and_asks_for_more() {
    // `auth.bearer` `auth.401` `auth.scope.select` `auth.refresh`
    let (_server, remote, issuer) = serve();
    let (client, driver) = AsyncClient::url(options(), remote);
    tokio::spawn(driver);
    client.open().await.unwrap();
    for (tool, seen) in [("who", NOTES), ("who", NOTES), ("add", MORE), ("who", MORE)] {
        let said = client.call_tool(tool, json!({})).await.unwrap();
        assert_eq!(said.value.to_string(), seen);
        if seen == NOTES && issuer.0.lock().unwrap().given == 1 {
            issuer.revoke();
        }
    }
    issuer.check();
    client.close().await.unwrap();
}
