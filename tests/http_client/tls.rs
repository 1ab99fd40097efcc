//! The clients over TLS, against a real server whose certificate comes from an authority of the test.

use std::cell::RefCell;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use mcp_proto::client::ClientError;
use mcp_proto::io::http::{HttpServeOptions, HttpServer, Remote};
use mcp_proto::rpc::Raw;
use mcp_proto::{Server, Tool};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use serde_json::Value;
use tokio::io::copy_bidirectional;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::{ServerConfig, crypto};

use crate::scripted::options;

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority(name: &str) -> Authority {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A certificate for a host, to be changed.
fn certificate(host: &str) -> CertificateParams {
    CertificateParams::new(vec![host.to_owned()]).unwrap()
}

/// A server behind TLS: the one of this crate, and before it what ends the encryption.
struct Site {
    url: String,
    /// How many connections have come as far as the server.
    admitted: Arc<AtomicUsize>,
    _server: HttpServer,
}

impl Site {
    fn start(authority: &Authority, certificate: &CertificateParams) -> Self {
        let key = KeyPair::generate().unwrap();
        let certificate = certificate.signed_by(&key, authority).unwrap();
        let provider = Arc::new(crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
            )
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let server = greeter();
        let address = server.address();
        let admitted = Arc::<AtomicUsize>::default();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!(
            "https://localhost:{}/mcp",
            listener.local_addr().unwrap().port()
        );
        listener.set_nonblocking(true).unwrap();
        let counted = Arc::clone(&admitted);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        support::thread::spawn(move || {
            runtime.block_on(async move {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                while let Ok((socket, _)) = listener.accept().await {
                    let counted = Arc::clone(&counted);
                    tokio::spawn(decrypt(acceptor.clone(), socket, address, counted));
                }
            });
        });
        Self {
            url,
            admitted,
            _server: server,
        }
    }
}

async fn decrypt(
    acceptor: TlsAcceptor,
    socket: TcpStream,
    server: SocketAddr,
    admitted: Arc<AtomicUsize>,
) {
    // The client has said why when it doesn't go on.
    let Ok(mut decrypted) = acceptor.accept(socket).await else {
        return;
    };
    admitted.fetch_add(1, Ordering::SeqCst);
    let mut plain = TcpStream::connect(server).await.unwrap();
    let _ = copy_bidirectional(&mut decrypted, &mut plain).await;
}

fn greeter() -> HttpServer {
    let schema = Raw::new(r#"{"type":"object"}"#).unwrap();
    let server = Server::new("greeter", "1").tool(Tool::new("greet", schema), |_, _: Value| {
        Ok("hello over TLS")
    });
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    HttpServer::start(server, listener, HttpServeOptions::default()).unwrap()
}

/// Those clients that speak TLS, as `with_each` has them.
fn with_each(remote: &Remote, test: impl Fn(&dyn crate::scripted::Calls)) {
    let mut options = options();
    options.timeout = Duration::from_secs(10);
    crate::scripted::with_each(remote, &options, test);
}

/// What the user of each client is told when it can't be opened.
fn refusals(remote: &Remote) -> Vec<String> {
    let told = RefCell::new(Vec::new());
    with_each(remote, |client| {
        let error = client.open().unwrap_err();
        let is_good = matches!(error, ClientError::Peer { .. } | ClientError::Connection(_));
        assert!(is_good, "{error:?}");
        told.borrow_mut().push(error.to_string());
    });
    told.into_inner()
}

#[test]
fn a_server_whose_authority_is_trusted_is_called_by_each_client() {
    let authority = authority("known");
    let site = Site::start(&authority, &certificate("localhost"));
    for remote in [
        Remote::new(&*site.url).trust(authority.pem()),
        Remote::new(&*site.url).trust(authority.der()),
    ] {
        with_each(&remote, |client| {
            client.open().unwrap();
            assert_eq!(client.call("greet").unwrap(), "hello over TLS");
            client.close().unwrap();
        });
    }
}

#[test]
fn a_server_that_isnt_trusted_is_told_nothing_and_its_user_why() {
    let (known, unknown) = (authority("known"), authority("unknown"));
    let mut old = certificate("localhost");
    (old.not_before, old.not_after) = (
        rcgen::date_time_ymd(2020, 1, 1),
        rcgen::date_time_ymd(2021, 1, 1),
    );
    let mut young = certificate("localhost");
    (young.not_before, young.not_after) = (
        rcgen::date_time_ymd(2090, 1, 1),
        rcgen::date_time_ymd(2091, 1, 1),
    );
    let cases = [
        (
            &unknown,
            certificate("localhost"),
            "an authority that isn't trusted here, see `Remote::trust`",
        ),
        (
            &known,
            certificate("other.example"),
            "its certificate is for another host",
        ),
        (&known, old, "its certificate has expired"),
        (&known, young, "its certificate isn't valid yet"),
    ];
    for (authority, certificate, why) in cases {
        let site = Site::start(authority, &certificate);
        // Those that everybody trusts haven't signed it either.
        let mut remotes = vec![Remote::new(&*site.url).trust(known.der())];
        if std::ptr::eq(authority, &unknown) {
            remotes.push(Remote::new(&*site.url));
        }
        for remote in remotes {
            let remote = remote.header("authorization", "Bearer s3cret");
            for told in refusals(&remote) {
                assert!(told.contains(why), "{told}");
                assert!(told.contains("`https://localhost:"), "{told}");
                assert!(!told.contains("s3cret"), "{told}");
            }
        }
        assert_eq!(site.admitted.load(Ordering::SeqCst), 0, "{why}");
    }
}

#[test]
fn a_server_without_tls_is_called_that() {
    let server = greeter();
    let url = format!("https://{}/mcp", server.address());
    for told in refusals(&Remote::new(url)) {
        assert!(told.contains("it doesn't speak TLS"), "{told}");
    }
}

#[test]
fn a_certificate_that_is_none_is_an_error_at_once() {
    for nonsense in [
        "",
        "nonsense",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    ] {
        let remote = Remote::new("https://localhost:1/mcp").trust(nonsense);
        for told in refusals(&remote) {
            assert!(
                told.contains("a certificate to trust can't be read"),
                "{told}"
            );
        }
    }
}
