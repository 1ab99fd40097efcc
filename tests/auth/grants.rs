//! Tokens without a page, and tokens that are bound to a key.

use std::borrow::Cow;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use mcp_proto::auth::{
    AuthErrorKind, AuthStep, Credentials, Grant, IdentityProvider, Reaction, Saved, SignError,
    Signer,
};
use serde_json::{Value, json};

use crate::world::{
    CHALLENGE, ISSUER, REGISTER, SERVER, SERVER_METADATA, START, TOKEN, World, authorize,
    authorizer, challenge, options, presented,
};

/// A key whose signatures are known.
struct TestKey(&'static str);

impl Signer for TestKey {
    fn algorithm(&self) -> &str {
        self.0
    }

    fn public_jwk(&self) -> Cow<'_, str> {
        r#"{"kty":"EC","crv":"P-256","x":"eA","y":"eQ"}"#.into()
    }

    fn key_id(&self) -> Option<&str> {
        Some("key-1")
    }

    fn sign(&self, _: &[u8]) -> Result<Vec<u8>, SignError> {
        Ok(b"signature".to_vec())
    }
}

/// The head and the claims of a token that is signed.
fn decode(jwt: &str) -> [Value; 2] {
    let parts: Vec<&str> = jwt.split('.').collect();
    assert_eq!(parts.len(), 3);
    assert_eq!(parts[2], BASE64_URL_SAFE_NO_PAD.encode("signature"));
    [0, 1].map(|part| {
        let json = BASE64_URL_SAFE_NO_PAD.decode(parts[part]).unwrap();
        serde_json::from_slice(&json).unwrap()
    })
}

#[test]
fn a_client_has_a_token_for_itself_without_a_user() {
    for (client, method) in [
        (Credentials::secret("me", "pass"), "client_secret_basic"),
        (
            Credentials::private_key("me", TestKey("ES256")),
            "private_key_jwt",
        ),
    ] {
        let methods = json!({"token_endpoint_auth_methods_supported": [method]});
        let mut world = World::new().with(SERVER_METADATA, methods);
        let options = options().client(client).grant(Grant::ClientCredentials);
        let mut authorizer = authorizer(options, Saved::default());
        authorize(&mut world, &mut authorizer, CHALLENGE).unwrap();
        assert_eq!(presented(&mut authorizer).as_deref(), Some("Bearer t1"));
        assert!(world.visits.is_empty() && !world.urls().contains(&REGISTER));
        let form = &world.forms(TOKEN)[0];
        assert_eq!(form["grant_type"], "client_credentials");
        assert_eq!(form["resource"], SERVER);
        if method == "private_key_jwt" {
            let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
            assert_eq!(form["client_assertion_type"], kind);
            let [head, claims] = decode(&form["client_assertion"]);
            assert_eq!(head, json!({"alg": "ES256", "typ": "JWT", "kid": "key-1"}));
            assert_eq!(
                (&claims["iss"], &claims["sub"]),
                (&json!("me"), &json!("me"))
            );
            assert_eq!(claims["aud"], ISSUER);
            assert_eq!(claims["iat"], START);
            assert!(claims["exp"].as_u64().unwrap() > START);
        }
    }
    let mut authorizer = authorizer(options().grant(Grant::ClientCredentials), Saved::default());
    let error = authorize(&mut World::new(), &mut authorizer, CHALLENGE).unwrap_err();
    assert!(matches!(error.kind, AuthErrorKind::NoClient { .. }));
}

#[test]
fn a_workload_shows_what_its_platform_says_of_it_once() {
    let grant = || Grant::JwtBearer {
        assertion: "platform.says.so".into(),
    };
    let mut world = World::new();
    let mut workload = authorizer(options().grant(grant()), Saved::default());
    authorize(&mut world, &mut workload, CHALLENGE).unwrap();
    let form = &world.forms(TOKEN)[0];
    let jwt_bearer = "urn:ietf:params:oauth:grant-type:jwt-bearer";
    assert_eq!(form["grant_type"], jwt_bearer);
    assert_eq!(form["assertion"], "platform.says.so");
    let mut world = World::new().at(TOKEN, 400, json!({"error": "invalid_grant"}));
    let mut workload = authorizer(options().grant(grant()), Saved::default());
    let error = authorize(&mut world, &mut workload, CHALLENGE).unwrap_err();
    assert_eq!(error.step, AuthStep::Token);
    assert_eq!(world.forms(TOKEN).len(), 1, "there is no other way");
    assert!(world.visits.is_empty());
}

#[test]
fn an_enterprise_vouches_for_its_user() {
    let idp = "https://idp.example/token";
    let id_jag = "urn:ietf:params:oauth:token-type:id-jag";
    let exchanged =
        json!({"access_token": "jag", "issued_token_type": id_jag, "token_type": "N_A"});
    let provider = IdentityProvider::new(idp, Credentials::public("idp-client"), "id-token");
    let options = options()
        .client(Credentials::secret("c/1", "p&q"))
        .grant(Grant::Enterprise(provider));
    let methods = json!({"token_endpoint_auth_methods_supported": ["client_secret_basic"]});
    let world = || World::new().with(SERVER_METADATA, methods.clone());
    let mut there = world().at(idp, 200, exchanged.clone());
    let mut user = authorizer(options.clone(), Saved::default());
    authorize(&mut there, &mut user, CHALLENGE).unwrap();
    let form = &there.forms(idp)[0];
    assert_eq!(
        form["grant_type"],
        "urn:ietf:params:oauth:grant-type:token-exchange"
    );
    assert_eq!(form["requested_token_type"], id_jag);
    assert_eq!(form["subject_token"], "id-token");
    assert_eq!(form["audience"], ISSUER);
    assert_eq!(form["resource"], SERVER);
    assert_eq!(form["client_id"], "idp-client");
    let form = &there.forms(TOKEN)[0];
    assert_eq!(form["assertion"], "jag");
    let basic = ("authorization", "Basic YyUyRjE6cCUyNnE=".to_owned());
    assert!(there.asked.last().unwrap().headers.contains(&basic));
    // What the provider gives has to be what was asked for.
    let mut other = exchanged;
    other["issued_token_type"] = json!("urn:ietf:params:oauth:token-type:access_token");
    let mut there = world().at(idp, 200, other);
    let mut user = authorizer(options, Saved::default());
    let error = authorize(&mut there, &mut user, CHALLENGE).unwrap_err();
    assert_eq!(error.step, AuthStep::Exchange);
    assert!(!there.urls().contains(&TOKEN));
}

fn with_dpop() -> World {
    World::new()
        .with(
            SERVER_METADATA,
            json!({"dpop_signing_alg_values_supported": ["ES256"]}),
        )
        .with(TOKEN, json!({"token_type": "DPoP"}))
}

#[test]
fn a_bound_token_comes_with_a_new_proof_for_each_request() {
    let mut world = with_dpop();
    let mut authorizer = authorizer(options().dpop(TestKey("ES256")), Saved::default());
    authorize(&mut world, &mut authorizer, CHALLENGE).unwrap();
    let asked = world.asked.last().unwrap();
    let proof = asked
        .headers
        .iter()
        .find(|(name, _)| *name == "dpop")
        .unwrap();
    let [head, claims] = decode(&proof.1);
    let jwk = json!({"kty": "EC", "crv": "P-256", "x": "eA", "y": "eQ"});
    assert_eq!(head, json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": jwk}));
    assert_eq!(
        (&claims["htm"], &claims["htu"]),
        (&json!("POST"), &json!(TOKEN))
    );
    assert!(claims.get("ath").is_none() && claims.get("nonce").is_none());
    let mut seen = vec![claims["jti"].clone()];
    for _ in 0..2 {
        let url = format!("{SERVER}?x=y");
        let headers = authorizer.headers(START, "POST", &url).unwrap();
        assert_eq!(headers[0], ("authorization", "DPoP t1".to_owned()));
        let [_, claims] = decode(&headers[1].1);
        assert_eq!(claims["htu"], SERVER);
        // The SHA-256 of the token.
        assert_eq!(claims["ath"].as_str().unwrap().len(), 43);
        assert!(!seen.contains(&claims["jti"]));
        seen.push(claims["jti"].clone());
    }
}

#[test]
fn a_nonce_is_put_into_a_new_proof_once() {
    let refusal = json!({"error": "use_dpop_nonce"});
    let mut world = with_dpop();
    let nonce = crate::world::Answer::json(400, &refusal).header("dpop-nonce", "n1");
    world
        .answers
        .get_mut(TOKEN)
        .unwrap()
        .insert(0, nonce.clone());
    let mut authorizer = authorizer(options().dpop(TestKey("ES256")), Saved::default());
    authorize(&mut world, &mut authorizer, CHALLENGE).unwrap();
    let asked = world.asked.last().unwrap();
    let proof = asked
        .headers
        .iter()
        .find(|(name, _)| *name == "dpop")
        .unwrap();
    assert_eq!(decode(&proof.1)[1]["nonce"], "n1");
    // The server has nonces of its own.
    let text = "DPoP error=\"use_dpop_nonce\"";
    let generation = authorizer.generation();
    let refused = |authorizer: &mut mcp_proto::auth::Authorizer| {
        authorizer.handle_challenge(generation, 401, challenge(text), Some("n2"))
    };
    assert_eq!(refused(&mut authorizer), Reaction::Retry);
    let headers = authorizer.headers(START, "POST", SERVER).unwrap();
    assert_eq!(decode(&headers[1].1)[1]["nonce"], "n2");
    authorizer.handle_accepted(generation, Some("n3"));
    let headers = authorizer.headers(START, "POST", SERVER).unwrap();
    assert_eq!(decode(&headers[1].1)[1]["nonce"], "n3");
    // Not for ever.
    let outcomes: Vec<bool> = (0..4)
        .map(|_| refused(&mut authorizer) == Reaction::Retry)
        .collect();
    assert_eq!(outcomes, [true, true, false, false]);
    // Nor at the token endpoint.
    world.answers.insert(TOKEN.into(), vec![nonce]);
    let mut authorizer = self::authorizer(options().dpop(TestKey("ES256")), Saved::default());
    let before = world.asked.len();
    authorize(&mut world, &mut authorizer, CHALLENGE).unwrap_err();
    let asked = world.asked[before..].iter();
    assert_eq!(asked.filter(|request| &*request.url == TOKEN).count(), 2);
}

#[test]
fn a_token_that_is_not_bound_though_it_should_be_is_not_used() {
    let mut world = with_dpop().with(TOKEN, json!({"token_type": "Bearer"}));
    let mut authorizer = authorizer(options().dpop(TestKey("ES256")), Saved::default());
    let error = authorize(&mut world, &mut authorizer, CHALLENGE).unwrap_err();
    assert_eq!(error.kind, AuthErrorKind::NotBound);
    // Where it isn't offered, nobody has promised it.
    let mut authorizer = self::authorizer(options().dpop(TestKey("ES256")), Saved::default());
    authorize(&mut World::new(), &mut authorizer, CHALLENGE).unwrap();
    // A secret that both sides have proves nothing.
    let mut world = with_dpop().with(
        SERVER_METADATA,
        json!({"dpop_signing_alg_values_supported": ["HS256"]}),
    );
    let mut authorizer = self::authorizer(options().dpop(TestKey("HS256")), Saved::default());
    let error = authorize(&mut world, &mut authorizer, CHALLENGE).unwrap_err();
    assert!(matches!(error.kind, AuthErrorKind::Sign(_)));
}
