//! A server whose clients need tokens, at `http://ADDRESS/mcp`:
//! `cargo run --features hyper,ureq,schemars --example protected_server -- ADDRESS ISSUER`
//!
//! It asks the authorization server at the URL `ISSUER` about each token (RFC 7662), as the client `resource`
//! with the secret in `RESOURCE_SECRET`. Everybody needs the scope `notes`, and to add a note also `notes:write`.

#![allow(
    clippy::disallowed_methods,
    reason = "a program reads its arguments and its environment"
)]

use std::env;
use std::error::Error;
use std::net::TcpListener;
use std::sync::Mutex;
use std::time::Duration;

use mcp_proto::http::{Access, ProtectedResource, TokenRefusal};
use mcp_proto::io::http::{HttpServeOptions, HttpServer, Protection, TokenRequest};
use mcp_proto::server::Context;
use mcp_proto::{Scopes, Server, tools};
use serde::Deserialize;
use ureq::Agent;

static NOTES: Mutex<Vec<String>> = Mutex::new(Vec::new());

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [address, issuer] = &arguments[..] else {
        return Err("usage: protected_server ADDRESS ISSUER".into());
    };
    let server = Server::new("notes", "1.0")
        .add(tools! {
            /// Says who calls, and what for.
            fn who(context: &Context) -> String {
                let scopes = context.scopes().map(Scopes::to_string).unwrap_or_default();
                format!("{} may {scopes}", context.principal().unwrap_or("nobody"))
            }

            /// Adds a note.
            fn add_note(text: String) -> String {
                let mut notes = NOTES.lock().unwrap();
                notes.push(text);
                format!("{} notes", notes.len())
            }
        })
        .tool_scopes("add_note", ["notes:write"]);

    let resource = ProtectedResource::new(format!("http://{address}/mcp"), [issuer.as_str()])?
        .scopes(["notes"])?
        .name("Notes");
    let issuer = Issuer::new(issuer, env::var("RESOURCE_SECRET").unwrap_or_default())?;
    let protection = Protection::new(resource, move |request| issuer.verify(request));
    let options = HttpServeOptions::local().protect(protection);
    let listener = TcpListener::bind(address)?;
    Ok(HttpServer::start(server, listener, options)?.wait()?)
}

/// An authorization server that is asked about tokens.
struct Issuer {
    agent: Agent,
    endpoint: String,
    secret: String,
}

#[derive(Deserialize)]
struct Metadata {
    introspection_endpoint: String,
}

/// What it says of one.
#[derive(Deserialize)]
struct Introspected {
    active: bool,
    #[serde(default)]
    sub: String,
    #[serde(default)]
    aud: Audience,
    #[serde(default)]
    scope: String,
    exp: Option<u64>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Default for Audience {
    fn default() -> Self {
        Self::Several(Vec::new())
    }
}

impl Issuer {
    fn new(issuer: &str, secret: String) -> Result<Self, Box<dyn Error>> {
        let config = Agent::config_builder().timeout_global(Some(Duration::from_secs(5)));
        let agent = Agent::new_with_config(config.max_redirects(0).build());
        let url = format!("{issuer}/.well-known/oauth-authorization-server");
        let metadata = agent.get(url).call()?.into_body().read_to_vec()?;
        let metadata: Metadata = serde_json::from_slice(&metadata)?;
        let endpoint = metadata.introspection_endpoint;
        Ok(Self {
            agent,
            endpoint,
            secret,
        })
    }

    /// Says what a token is. That it is one for this server, and hasn't ended, isn't to be checked here.
    fn verify(&self, request: &TokenRequest) -> Result<Access, TokenRefusal> {
        let said = self.ask(request.token.expose());
        let said = said.map_err(|error| {
            eprintln!("the issuer can't be asked: {error}");
            TokenRefusal::Unavailable
        })?;
        if !said.active || said.sub.is_empty() {
            return Err(TokenRefusal::Invalid);
        }
        let audience = match said.aud {
            Audience::One(name) => vec![name],
            Audience::Several(names) => names,
        };
        let access = Access::new(said.sub, audience).scopes(Scopes::parse(&said.scope));
        Ok(match said.exp {
            Some(end) => access.expires(end),
            None => access,
        })
    }

    fn ask(&self, token: &str) -> Result<Introspected, Box<dyn Error>> {
        let secret = self.secret.replace(' ', "+");
        let known = base64(format!("resource:{secret}").as_bytes());
        let response = self
            .agent
            .post(&self.endpoint)
            .header("authorization", format!("Basic {known}"))
            .send_form([("token", token)])?;
        Ok(serde_json::from_slice(
            &response.into_body().read_to_vec()?,
        )?)
    }
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::prelude::BASE64_STANDARD.encode(bytes)
}
