//! A server beside the other routes of an axum application, with TLS by rustls and a bearer token.
//!
//! `axum_server ADDRESS [CERTIFICATE.pem KEY.pem]`; the token is `open-sesame`. With a certificate its clients
//! know it as `localhost`. Without one it speaks plain HTTP, as behind a proxy that ends TLS. Ctrl-C ends it and lets calls be answered.

mod tls;

use std::error::Error;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use mcp_proto::http::{Access, ProtectedResource};
use mcp_proto::io::http::{HttpServeOptions, HttpService, Protection};
use mcp_proto::server::Context;
use mcp_proto::{Server, tools};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let address = arguments.first().map_or("127.0.0.1:8443", String::as_str);
    let server = Server::new("axum-server", "1.0").add(tools! {
        /// Says who calls.
        fn who(context: &Context) -> String {
            context.principal().unwrap_or("nobody").to_owned()
        }

        /// Takes a nap of so many seconds.
        async fn nap(seconds: u32) -> String {
            tokio::time::sleep(Duration::from_secs(seconds.into())).await;
            "Good morning".to_owned()
        }
    });
    let listener = TcpListener::bind(address).await?;
    let bound = listener.local_addr()?;
    let url = match arguments.len() {
        3 => format!("https://localhost:{}/mcp", bound.port()),
        _ => format!("http://{bound}/mcp"),
    };
    // Where there are more users than one, an authorization server says what a token is: see
    // `protected_server.rs`.
    let resource = ProtectedResource::new(url.as_str(), ["https://auth.example.com"])?;
    let metadata = resource.metadata_path().to_owned();
    let known = [("open-sesame", Access::new("ali", [url]))];
    let protection = Protection::known_tokens(resource, known);
    let service = HttpService::on_tokio(server, HttpServeOptions::default().protect(protection))?;
    let app = Router::new()
        .route_service("/mcp", service.clone())
        .route_service(&metadata, service.clone())
        .route("/", get(|| async { "The server of MCP is at /mcp.\n" }));

    eprintln!("{bound}");
    let ending = service.clone();
    let end = async move {
        // Without signals it just goes on.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        // Streams would hold axum's own end up for ever.
        tokio::spawn(async move { ending.close(Duration::from_secs(10)).await });
    };
    match &arguments[..] {
        [_, certificate, key] => {
            let listener = tls::Listener::new(listener, certificate, key)?;
            axum::serve(listener, app)
                .with_graceful_shutdown(end)
                .await?;
        }
        _ => {
            axum::serve(listener, app)
                .with_graceful_shutdown(end)
                .await?
        }
    }
    Ok(())
}
