//! How a client is authorized: what it is called, as whom it asks, and what it allows.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use core::fmt;

use super::address::AddressPolicy;
use super::secret::Secret;
use super::signer::Signer;

/// How a client is authorized at a server over HTTP.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct AuthOptions {
    /// What the client is called where it registers itself.
    pub client_name: Box<str>,
    /// How a token is asked for.
    pub grant: Grant,
    /// The client as it was registered by hand; `None` when it wasn't.
    pub client: Option<Credentials>,
    /// Where the client's own metadata document lies: an `https` URL that is its id at authorization
    /// servers which read such documents. `None` when there is none.
    pub client_metadata_url: Option<Box<str>>,
    /// Where the user comes back to; `None` when whoever drives the authorization opens a place for
    /// each.
    pub redirect_uri: Option<Box<str>>,
    /// Which addresses may be asked.
    pub addresses: AddressPolicy,
    /// The key that tokens are bound to where the authorization server can do that (RFC 9449); `None`
    /// when whoever has a token may use it.
    pub dpop: Option<Key>,
    /// How long an answer may be, in bytes. 64 KiB.
    pub body_limit: usize,
}

impl AuthOptions {
    /// Returns the options of a client that is called `client_name` and asks its user.
    pub fn new(client_name: impl Into<String>) -> Self {
        let client_name: String = client_name.into();
        Self {
            client_name: client_name.into(),
            grant: Grant::AuthorizationCode,
            client: None,
            client_metadata_url: None,
            redirect_uri: None,
            addresses: AddressPolicy::new(),
            dpop: None,
            body_limit: 64 * 1024,
        }
    }

    /// Sets how a token is asked for.
    #[must_use]
    pub fn grant(mut self, grant: Grant) -> Self {
        self.grant = grant;
        self
    }

    /// Sets the client as it was registered by hand.
    #[must_use]
    pub fn client(mut self, client: Credentials) -> Self {
        self.client = Some(client);
        self
    }

    /// Sets where the client's own metadata document lies.
    #[must_use]
    pub fn client_metadata_url(mut self, url: impl Into<String>) -> Self {
        let url: String = url.into();
        self.client_metadata_url = Some(url.into());
        self
    }

    /// Sets where the user comes back to.
    #[must_use]
    pub fn redirect_uri(mut self, url: impl Into<String>) -> Self {
        let url: String = url.into();
        self.redirect_uri = Some(url.into());
        self
    }

    /// Sets which addresses may be asked.
    #[must_use]
    pub fn addresses(mut self, addresses: AddressPolicy) -> Self {
        self.addresses = addresses;
        self
    }

    /// Sets the key that tokens are bound to.
    #[must_use]
    pub fn dpop(mut self, key: impl Signer + 'static) -> Self {
        self.dpop = Some(Key::new(key));
        self
    }
}

/// How a token is asked for.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Grant {
    /// The user is asked, on a page of the authorization server.
    AuthorizationCode,
    /// The client has it for itself, without a user; it has to be registered by hand.
    ClientCredentials,
    /// Somebody vouches for the client or its user, such as the platform that a workload runs on
    /// (RFC 7523).
    JwtBearer {
        /// What they say, signed by them, for this authorization server.
        assertion: Secret,
    },
    /// The identity provider of an enterprise vouches for its user, whose token is exchanged for
    /// that (Identity Assertion JWT Authorization Grant).
    Enterprise(IdentityProvider),
}

/// The identity provider of an enterprise, where the user is known already.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct IdentityProvider {
    /// Where it exchanges tokens.
    pub token_endpoint: Box<str>,
    /// The client, as the provider knows it.
    pub client: Credentials,
    /// What the provider has said of who the user is.
    pub id_token: Secret,
}

impl IdentityProvider {
    /// Returns the provider that exchanges tokens at `token_endpoint`.
    pub fn new(
        token_endpoint: impl Into<String>,
        client: Credentials,
        id_token: impl Into<Secret>,
    ) -> Self {
        let token_endpoint: String = token_endpoint.into();
        Self {
            token_endpoint: token_endpoint.into(),
            client,
            id_token: id_token.into(),
        }
    }
}

/// A client that was registered by hand, and how it shows that it is the one.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Credentials {
    /// The client's id.
    pub client_id: Box<str>,
    /// How it shows that it is the one.
    pub proof: ClientProof,
    /// The authorization server that knows it, by its `issuer`; `None` when it is the one that the
    /// server names first.
    pub issuer: Option<Box<str>>,
}

/// How a client shows who it is.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ClientProof {
    /// Not at all: it is a public client.
    None,
    /// By a secret, which is sent as the authorization server takes it.
    Secret(Secret),
    /// By an assertion that it signs (`private_key_jwt`).
    PrivateKey(Key),
}

impl Credentials {
    /// Returns a public client.
    pub fn public(client_id: impl Into<String>) -> Self {
        let client_id: String = client_id.into();
        Self {
            client_id: client_id.into(),
            proof: ClientProof::None,
            issuer: None,
        }
    }

    /// Returns a client with a secret.
    pub fn secret(client_id: impl Into<String>, secret: impl Into<Secret>) -> Self {
        Self {
            proof: ClientProof::Secret(secret.into()),
            ..Self::public(client_id)
        }
    }

    /// Returns a client with a key.
    pub fn private_key(client_id: impl Into<String>, key: impl Signer + 'static) -> Self {
        Self {
            proof: ClientProof::PrivateKey(Key::new(key)),
            ..Self::public(client_id)
        }
    }

    /// Sets the authorization server that knows the client. At any other, an authorization fails.
    #[must_use]
    pub fn issuer(mut self, issuer: impl Into<String>) -> Self {
        let issuer: String = issuer.into();
        self.issuer = Some(issuer.into());
        self
    }
}

/// A key that signs.
#[derive(Clone)]
pub struct Key(Arc<dyn Signer>);

impl Key {
    /// Returns the key of `signer`.
    pub fn new(signer: impl Signer + 'static) -> Self {
        Self(Arc::new(signer))
    }

    pub(super) fn signer(&self) -> &dyn Signer {
        &*self.0
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.0.algorithm())
    }
}
