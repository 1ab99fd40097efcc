//! As which client an authorization server is asked.

use mcp_proto::auth::{AuthErrorKind, Credentials, Saved};
use serde_json::{Value, json};

use crate::world::{
    CHALLENGE, ISSUER, REGISTER, RESOURCE_METADATA, SERVER_METADATA, TOKEN, World, authorize,
    authorizer, options,
};

const DOCUMENT: &str = "https://app.example/client.json";

#[test]
fn the_host_s_client_comes_first_then_its_document_then_a_registration() {
    // `auth.reg`
    let cimd = json!({"client_id_metadata_document_supported": true});
    for (options, is_document_read, expected) in [
        (
            options()
                .client(Credentials::public("given"))
                .client_metadata_url(DOCUMENT),
            true,
            "given",
        ),
        (options().client_metadata_url(DOCUMENT), true, DOCUMENT),
        (options().client_metadata_url(DOCUMENT), false, "client-1"),
        (options(), true, "client-1"),
    ] {
        let mut world = World::new();
        if is_document_read {
            world = world.with(SERVER_METADATA, cimd.clone());
        }
        let mut authorizer = authorizer(options, Saved::default());
        authorize(&mut world, &mut authorizer, CHALLENGE).unwrap();
        assert_eq!(world.page()["client_id"], expected);
        assert_eq!(world.urls().contains(&REGISTER), expected == "client-1");
    }
}

#[test]
fn a_client_that_nobody_registers_is_the_host_s_to_bring() {
    // `auth.reg`
    let mut world = World::new().with(SERVER_METADATA, json!({"registration_endpoint": null}));
    let mut authorizer = authorizer(options(), Saved::default());
    let error = authorize(&mut world, &mut authorizer, CHALLENGE).unwrap_err();
    let issuer = ISSUER.into();
    assert_eq!(error.kind, AuthErrorKind::NoClient { issuer });
}

#[test]
fn a_registration_says_what_kind_of_application_it_is_for() {
    // `auth.reg`
    for (redirect, kind) in [
        ("http://127.0.0.1:1/cb", "native"),
        ("http://localhost:1/cb", "native"),
        ("https://app.example/cb", "web"),
    ] {
        let mut world = World::new();
        let mut authorizer = authorizer(options().redirect_uri(redirect), Saved::default());
        authorize(&mut world, &mut authorizer, CHALLENGE).unwrap();
        let asked = world.asked.iter().find(|request| &*request.url == REGISTER);
        let asked: Value = serde_json::from_str(&asked.unwrap().body).unwrap();
        assert_eq!(asked["application_type"], kind);
        assert_eq!(asked["redirect_uris"], json!([redirect]));
        assert_eq!(
            asked["grant_types"],
            json!(["authorization_code", "refresh_token"])
        );
        assert_eq!(asked["token_endpoint_auth_method"], "none");
    }
}

#[test]
fn a_registration_is_remembered_and_used_again() {
    // `auth.bind`
    let mut world = World::new();
    let mut first = authorizer(options(), Saved::default());
    authorize(&mut world, &mut first, CHALLENGE).unwrap();
    // It was stored before the user was asked.
    assert_eq!(world.stored.len(), 2);
    assert_eq!(world.stored[0].token, None);
    let mut saved = world.stored.pop().unwrap();
    assert_eq!(&*saved.registrations[ISSUER].client_id, "client-1");
    saved.token = None;
    let mut world = World::new();
    let mut second = authorizer(options(), saved.clone());
    authorize(&mut world, &mut second, CHALLENGE).unwrap();
    assert!(!world.urls().contains(&REGISTER));
    // Users that come back elsewhere need another one.
    let mut world = World::new();
    let mut third = authorizer(options().redirect_uri("https://app.example/cb"), saved);
    authorize(&mut world, &mut third, CHALLENGE).unwrap();
    assert!(world.urls().contains(&REGISTER));
}

#[test]
fn credentials_are_never_used_at_another_authorization_server() {
    // `auth.bind`
    let mut world = World::new();
    let mut first = authorizer(options(), Saved::default());
    authorize(&mut world, &mut first, CHALLENGE).unwrap();
    let mut saved = first.saved().clone();
    saved.token = None;
    let moved = |world: World| {
        let metadata = world.answers[SERVER_METADATA].clone();
        let mut world = world.with(
            RESOURCE_METADATA,
            json!({"authorization_servers": ["https://new.example"]}),
        );
        let place = "https://new.example/.well-known/oauth-authorization-server";
        world.answers.insert(place.into(), metadata);
        world.redirect = "{redirect}?code=c&state={state}&iss=https://new.example".into();
        world
            .with(place, json!({"issuer": "https://new.example"}))
            .with(REGISTER, json!({"client_id": "client-2"}))
    };
    let mut world = moved(World::new());
    let mut second = authorizer(options(), saved);
    authorize(&mut world, &mut second, CHALLENGE).unwrap();
    assert_eq!(world.page()["client_id"], "client-2");
    assert_eq!(second.saved().registrations.len(), 2);
    // What the host has brought belongs to the first that it was used at, or to the one it names.
    let given = || Credentials::secret("given", "pass");
    let mut world = World::new();
    let mut first = authorizer(options().client(given()), Saved::default());
    authorize(&mut world, &mut first, CHALLENGE).unwrap();
    let mut saved = first.saved().clone();
    saved.token = None;
    for (options, saved) in [
        (options().client(given()), saved),
        (options().client(given().issuer(ISSUER)), Saved::default()),
    ] {
        let mut world = moved(World::new());
        let mut second = authorizer(options, saved);
        let error = authorize(&mut world, &mut second, CHALLENGE).unwrap_err();
        assert!(
            matches!(error.kind, AuthErrorKind::OtherIssuer { .. }),
            "{error}"
        );
        assert!(!world.urls().contains(&TOKEN));
    }
}

#[test]
fn a_secret_is_shown_as_the_authorization_server_takes_it() {
    for (methods, given, basic, in_form) in [
        (json!(["client_secret_basic"]), json!(null), true, false),
        (json!(null), json!(null), true, false),
        (json!(["client_secret_post"]), json!(null), false, true),
        (
            json!(["client_secret_post", "client_secret_basic"]),
            json!("client_secret_post"),
            false,
            true,
        ),
        (json!(["none"]), json!(null), false, false),
    ] {
        let registered = json!({"client_secret": "s:1", "token_endpoint_auth_method": given});
        let mut world = World::new()
            .with(
                SERVER_METADATA,
                json!({"token_endpoint_auth_methods_supported": methods}),
            )
            .with(REGISTER, registered);
        let mut authorizer = authorizer(options(), Saved::default());
        authorize(&mut world, &mut authorizer, CHALLENGE).unwrap();
        let request = world.asked.last().unwrap();
        let header = request
            .headers
            .iter()
            .find(|(name, _)| *name == "authorization");
        // client-1:s%3A1
        let expected = basic.then_some("Basic Y2xpZW50LTE6cyUzQTE=");
        assert_eq!(
            header.map(|(_, value)| value.as_str()),
            expected,
            "{methods}"
        );
        let form = &world.forms(TOKEN)[0];
        assert_eq!(form.contains_key("client_secret"), in_form, "{methods}");
        assert_eq!(form.contains_key("client_id"), !basic, "{methods}");
    }
}

#[test]
fn a_client_that_was_forgotten_is_registered_anew() {
    let mut world = World::new();
    let mut authorizer = authorizer(options(), Saved::default());
    authorize(&mut world, &mut authorizer, CHALLENGE).unwrap();
    let mut world = World::new().at(TOKEN, 401, json!({"error": "invalid_client"}));
    authorizer.handle_accepted(authorizer.generation(), None);
    let error = authorize(&mut world, &mut authorizer, CHALLENGE).unwrap_err();
    assert!(
        matches!(error.kind, AuthErrorKind::Denied { .. }),
        "{error}"
    );
    let mut world = World::new();
    authorize(&mut world, &mut authorizer, CHALLENGE).unwrap();
    assert!(world.urls().contains(&REGISTER));
}
