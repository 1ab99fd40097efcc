//! rmcp's client, authorized by its `auth` module, against `examples/protected_server`: challenged, it finds the
//! authorization server, registers, has the user asked, calls, refreshes, and asks for more when a tool needs it.
//! `rmcp-authorized-client URL AGENT [MODE]`, where MODE is `legacy` for a session, and `AGENT PAGE REDIRECT` is a
//! user who prints where they are sent.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rmcp::ServiceError;
use rmcp::model::{
    CallToolRequestParams, ClientCapabilities, ClientConfig, Implementation, JsonObject,
    ProtocolVersion,
};
use rmcp::service::{ClientLifecycleMode, ClientServiceExt, RoleClient, RunningService};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::auth::{
    AuthClient, AuthorizationCallback, AuthorizationManager, AuthorizationRequest, OAuthState,
    WWWAuthenticateParams,
};
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use serde_json::{Value, json};

const REDIRECT: &str = "http://127.0.0.1:9/callback";

type Auth = AuthClient<reqwest::Client>;
type Client = RunningService<RoleClient, ClientConfig>;

/// Where everybody is.
struct Places {
    url: String,
    agent: String,
    is_legacy: bool,
}

impl Places {
    fn lifecycle(&self) -> ClientLifecycleMode {
        match self.is_legacy {
            true => ClientLifecycleMode::Initialize,
            false => ClientLifecycleMode::Discover {
                preferred_versions: vec![ProtocolVersion::V_2026_07_28],
            },
        }
    }

    fn client(&self) -> ClientConfig {
        let about = Implementation::new("rmcp", "3.11");
        ClientConfig::new(ClientCapabilities::default(), about)
    }

    /// The challenge that a client without a token gets.
    async fn challenge(&self) -> Result<String> {
        let transport = StreamableHttpClientTransport::from_uri(self.url.as_str());
        let refused = self
            .client()
            .serve_with_lifecycle(transport, self.lifecycle());
        let refused = refused.await.err().context("it needs no token")?;
        let challenge = refused.auth_challenge();
        Ok(challenge
            .with_context(|| format!("no challenge: {refused}"))?
            .to_owned())
    }

    /// Where the user is sent once they have agreed to what a page asks.
    fn agreed(&self, page: &str) -> Result<String> {
        let said = Command::new(&self.agent).arg(page).arg(REDIRECT).output()?;
        ensure!(
            said.status.success(),
            "{}",
            String::from_utf8_lossy(&said.stderr)
        );
        Ok(String::from_utf8(said.stdout)?.trim().to_owned())
    }

    async fn connected(&self, manager: AuthorizationManager) -> Result<(Client, Auth)> {
        let auth = AuthClient::new(reqwest::Client::new(), manager);
        let config = StreamableHttpClientTransportConfig::with_uri(self.url.as_str());
        let transport = StreamableHttpClientTransport::with_client(auth.clone(), config);
        let client = self
            .client()
            .serve_with_lifecycle(transport, self.lifecycle())
            .await?;
        Ok((client, auth))
    }
}

async fn call(
    client: &Client,
    tool: &'static str,
    arguments: Value,
) -> Result<String, ServiceError> {
    let arguments = serde_json::from_value::<JsonObject>(arguments).unwrap();
    let call = CallToolRequestParams::new(tool).with_arguments(arguments);
    let result = client.call_tool(call).await?;
    let text = result.content.first().and_then(|it| it.as_text());
    Ok(text.map(|text| text.text.clone()).unwrap_or_default())
}

/// The token that has less than the tool needs is exchanged for one that has more.
async fn step_up(places: &Places, auth: &Auth, refused: &ServiceError) -> Result<()> {
    let challenge = refused.auth_challenge();
    let challenge = challenge.with_context(|| format!("no challenge: {refused}"))?;
    let wanted = WWWAuthenticateParams::parse(challenge, &places.url.parse()?);
    ensure!(wanted.is_insufficient_scope(), "{challenge}");
    let scope = wanted.scope.context("it doesn't say what is needed")?;
    let manager = auth.auth_manager.lock().await;
    let page = manager.request_scope_upgrade(&scope).await?;
    let back = AuthorizationCallback::from_redirect_url(&places.agreed(&page)?)?;
    let issuer = back.issuer.as_deref();
    let exchanged =
        manager.exchange_code_for_token_with_issuer(&back.code, &back.csrf_token, issuer);
    exchanged.await?;
    Ok(())
}

#[tokio::main]
async fn main() -> Result<()> {
    let mut given = std::env::args().skip(1);
    let usage = "usage: rmcp-authorized-client URL AGENT [MODE]";
    let places = Places {
        url: given.next().context(usage)?,
        agent: given.next().context(usage)?,
        is_legacy: given.next().as_deref() == Some("legacy"),
    };
    let challenge = places.challenge().await?;
    // What is at a private address is fetched for those alone who say that they want it.
    let manager = AuthorizationManager::new_allowing_private_addresses(places.url.as_str()).await?;
    let mut state = OAuthState::Unauthorized(manager);
    // Of itself it asks for all scopes that it hears of.
    let request = AuthorizationRequest::new(REDIRECT)
        .with_client_name("rmcp")
        .with_application_type("native")
        .with_initial_scope_selection()
        .with_challenge(challenge);
    state.start_authorization(request).await?;
    let page = state.get_authorization_url().await?;
    state.handle_callback_url(&places.agreed(&page)?).await?;
    let manager = state
        .into_authorization_manager()
        .context("it isn't authorized")?;

    let (client, auth) = places.connected(manager).await?;
    let who = async || Ok::<_, anyhow::Error>(call(&client, "who", json!({})).await?);
    ensure!(who().await? == "ali may notes", "the first call");
    tokio::time::sleep(Duration::from_secs(4)).await;
    ensure!(
        who().await? == "ali may notes",
        "the call after the token has ended"
    );
    let note = json!({"text": "by rmcp"});
    let refused = call(&client, "add_note", note.clone()).await.err();
    let refused = refused.context("a note without the scope for it")?;
    step_up(&places, &auth, &refused).await?;
    call(&client, "add_note", note).await?;
    ensure!(who().await? == "ali may notes notes:write", "the last call");
    let revision = client.peer_info().map(|it| it.protocol_version.to_string());
    println!(
        "registered, authorized, called, refreshed, stepped up: {}",
        revision.unwrap_or_default()
    );
    client.cancel().await?;
    Ok(())
}
