//! A server beside the other routes of an axum application, with TLS by rustls and a bearer token.
//!
//! `axum_server ADDRESS [CERTIFICATE.pem KEY.pem]`; the token is `open sesame`. Without a certificate
//! it speaks plain HTTP, as behind a proxy that ends TLS. Ctrl-C ends it and lets calls be answered.

mod tls;

use std::error::Error;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use mcp_proto::io::http::{HttpServeOptions, HttpService, Principal};
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
    let service = HttpService::on_tokio(server, HttpServeOptions::default())?;
    let app = Router::new()
        .route_service("/mcp", service.clone())
        .layer(from_fn(bearer))
        .route("/", get(|| async { "The server of MCP is at /mcp.\n" }));

    let listener = TcpListener::bind(address).await?;
    eprintln!("{}", listener.local_addr()?);
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

/// Lets those through who have the token, and says who they are.
async fn bearer(mut request: Request, next: Next) -> Response {
    let token = request.headers().get(header::AUTHORIZATION);
    if token.is_none_or(|token| token != "Bearer open sesame") {
        let ask = [(header::WWW_AUTHENTICATE, "Bearer")];
        return (StatusCode::UNAUTHORIZED, ask).into_response();
    }
    request.extensions_mut().insert(Principal::new("ali"));
    next.run(request).await
}
