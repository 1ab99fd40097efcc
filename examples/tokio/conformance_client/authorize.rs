//! How the client under test authorizes itself: as the suite's context says, with a user who agrees
//! to everything at once.

use std::env;
use std::error::Error;
use std::io::{self, Read, Write};
use std::net::TcpStream;

use mcp_proto::auth::{
    AuthOptions, Credentials, Es256Signer, Grant, IdentityProvider, Secret, Visit,
};
use mcp_proto::io::auth::Auth;
use serde::Deserialize;

/// What the suite tells of the client, as far as a scenario has it.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Context {
    client_id: Option<String>,
    client_secret: Option<String>,
    private_key_pem: Option<String>,
    idp_client_id: String,
    idp_id_token: Option<String>,
    idp_token_endpoint: String,
    valid_jwt: Option<String>,
}

/// Where the client's own metadata document would lie, and where its user comes back to. Nobody
/// listens at either: the user agent below reads the redirect.
const DOCUMENT: &str = "https://conformance-test.local/client-metadata.json";
const REDIRECT: &str = "http://127.0.0.1:8765/callback";

pub fn authorization(scenario: &str) -> Result<Auth, Box<dyn Error>> {
    let context = env::var("MCP_CONFORMANCE_CONTEXT").unwrap_or_else(|_| "{}".into());
    let context: Context = serde_json::from_str(&context)?;
    let mut entropy = [0; 32];
    getrandom(&mut entropy)?;
    let mut options = AuthOptions::new("conformance-client")
        .client_metadata_url(DOCUMENT)
        .redirect_uri(REDIRECT)
        .dpop(Es256Signer::generate(&entropy)?);
    options.grant = match &context {
        Context {
            idp_id_token: Some(id_token),
            ..
        } => {
            let client = Credentials::public(context.idp_client_id.clone());
            let endpoint = context.idp_token_endpoint.clone();
            Grant::Enterprise(IdentityProvider::new(endpoint, client, id_token.as_str()))
        }
        Context {
            valid_jwt: Some(jwt),
            ..
        } => Grant::JwtBearer {
            assertion: Secret::new(jwt.as_str()),
        },
        _ if scenario.contains("client-credentials") => Grant::ClientCredentials,
        _ => Grant::AuthorizationCode,
    };
    options.client = match (
        context.client_id,
        context.client_secret,
        context.private_key_pem,
    ) {
        (Some(id), _, Some(pem)) => {
            Some(Credentials::private_key(id, Es256Signer::from_pem(&pem)?))
        }
        (Some(id), Some(secret), _) => Some(Credentials::secret(id, secret)),
        (Some(id), None, None) => Some(Credentials::public(id)),
        _ => None,
    };
    Ok(Auth::visit(options, agree))
}

/// Visits a page of the suite, which agrees by itself, and returns where it redirects to.
fn agree(page: Visit) -> io::Result<String> {
    let rest = page.url.strip_prefix("http://");
    let (authority, path) = rest
        .and_then(|rest| rest.split_once('/'))
        .ok_or_else(other)?;
    let mut stream = TcpStream::connect(authority)?;
    write!(
        stream,
        "GET /{path} HTTP/1.1\r\nhost: {authority}\r\nconnection: close\r\n\r\n"
    )?;
    let mut response = String::new();
    stream.take(64 * 1024).read_to_string(&mut response)?;
    let mut lines = response.lines();
    let location = lines.find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let is_it = name.eq_ignore_ascii_case("location");
        is_it.then(|| value.trim().to_owned())
    });
    location.ok_or_else(other)
}

fn other() -> io::Error {
    io::Error::other("the page isn't one of the suite")
}

fn getrandom(bytes: &mut [u8]) -> io::Result<()> {
    std::fs::File::open("/dev/urandom")?.read_exact(bytes)
}
