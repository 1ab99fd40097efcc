//! Where the documents are looked for, and what they must say.

use mcp_proto::Revision;
use mcp_proto::auth::{AuthErrorKind, Saved};
use serde_json::json;

use crate::world::{
    CHALLENGE, RESOURCE_METADATA, SERVER, SERVER_METADATA, World, authorize, authorizer, options,
    presented,
};

#[test]
fn a_challenge_leads_to_a_token_that_is_presented() {
    // `auth.bearer` `auth.www.parse` `auth.resource` `auth.pkce`
    let mut world = World::new();
    let mut authorizer = authorizer(options(), Saved::default());
    assert_eq!(presented(&mut authorizer), None);
    authorize(&mut world, &mut authorizer, CHALLENGE).unwrap();
    let order = [
        RESOURCE_METADATA,
        SERVER_METADATA,
        "https://auth.example/register",
        "https://auth.example/token",
    ];
    assert_eq!(world.urls(), order);
    assert_eq!(presented(&mut authorizer).as_deref(), Some("Bearer t1"));
    let elsewhere = authorizer.headers(0, "POST", "https://other.example/mcp");
    assert_eq!(elsewhere, Ok(vec![]), "its own server only");
    let page = world.page();
    assert_eq!(page["response_type"], "code");
    assert_eq!(page["client_id"], "client-1");
    assert_eq!(page["code_challenge_method"], "S256");
    assert_eq!(page["resource"], SERVER);
    let form = &world.forms("https://auth.example/token")[0];
    assert_eq!(form["grant_type"], "authorization_code");
    assert_eq!(form["code"], "c0de");
    assert_eq!(form["client_id"], "client-1");
    assert_eq!(form["resource"], SERVER);
    assert_eq!(form["redirect_uri"], page["redirect_uri"]);
    assert!(form["code_verifier"].len() >= 43);
    // The same answers, time and entropy give the same authorization.
    let mut again = World::new();
    let mut second = self::authorizer(options(), Saved::default());
    authorize(&mut again, &mut second, CHALLENGE).unwrap();
    assert_eq!(again.visits, world.visits);
}

#[test]
fn the_server_s_metadata_is_looked_for_below_its_path_and_then_at_the_root() {
    // `auth.prm.fallback`
    let root = "https://mcp.example/.well-known/oauth-protected-resource";
    let protected = json!({"resource": "https://mcp.example", "authorization_servers": ["https://auth.example"]});
    let mut world = World::new()
        .without(RESOURCE_METADATA)
        .at(root, 200, protected);
    let mut authorizer = authorizer(options(), Saved::default());
    authorize(&mut world, &mut authorizer, "Bearer").unwrap();
    assert_eq!(world.urls()[..2], [RESOURCE_METADATA, root]);
    // Byte for byte as it stands there, without a slash.
    assert_eq!(world.page()["resource"], "https://mcp.example");
}

#[test]
fn the_authorization_server_s_metadata_is_looked_for_in_three_places() {
    // `auth.asm`
    let issuer = "https://auth.example/tenant1";
    let places = [
        "https://auth.example/.well-known/oauth-authorization-server/tenant1",
        "https://auth.example/.well-known/openid-configuration/tenant1",
        "https://auth.example/tenant1/.well-known/openid-configuration",
    ];
    for (tried, place) in places.iter().enumerate() {
        let world = World::new().with(SERVER_METADATA, json!({"issuer": issuer}));
        let metadata = world.answers[SERVER_METADATA].clone();
        let mut world = world
            .with(
                RESOURCE_METADATA,
                json!({"authorization_servers": [issuer]}),
            )
            .without(SERVER_METADATA);
        world.answers.insert((*place).into(), metadata);
        world.redirect = "{redirect}?code=c&state={state}&iss=https://auth.example/tenant1".into();
        let mut authorizer = authorizer(options(), Saved::default());
        authorize(&mut world, &mut authorizer, CHALLENGE).unwrap();
        assert_eq!(world.urls()[1..=tried + 1], places[..=tried]);
    }
}

#[test]
fn a_server_that_says_nothing_is_its_own_authorization_server() {
    // `auth.asm` `auth.md.version`: 2025-03-26.
    let token = json!({"access_token": "old", "token_type": "bearer"});
    let mut world = World::new()
        .without(RESOURCE_METADATA)
        .at(
            "https://mcp.example/register",
            201,
            json!({"client_id": "c"}),
        )
        .at("https://mcp.example/token", 200, token);
    world.redirect = "{redirect}?code=c&state={state}".into();
    let mut authorizer = authorizer(options(), Saved::default());
    authorizer.set_revision(Revision::V2025_03_26);
    authorize(&mut world, &mut authorizer, "").unwrap();
    assert_eq!(presented(&mut authorizer).as_deref(), Some("Bearer old"));
    let at_root = "https://mcp.example/.well-known/oauth-authorization-server";
    let asked = world.asked.iter().find(|request| &*request.url == at_root);
    let version = ("mcp-protocol-version", "2025-03-26".to_owned());
    assert!(asked.expect("it was asked for").headers.contains(&version));
    assert!(
        world.visits[0]
            .url
            .starts_with("https://mcp.example/authorize?")
    );
    assert!(
        !world.page().contains_key("resource"),
        "there was no such thing"
    );
}

#[test]
fn a_redirect_is_followed_within_its_origin_only() {
    let moved = "https://mcp.example/moved";
    let mut world = World::new();
    let document = world.answers[RESOURCE_METADATA][0].clone();
    let mut redirect = document.clone().header("location", "/moved");
    redirect.status = 307;
    world
        .answers
        .insert(RESOURCE_METADATA.into(), vec![redirect]);
    world.answers.insert(moved.into(), vec![document]);
    let mut authorizer = authorizer(options(), Saved::default());
    authorize(&mut world, &mut authorizer, CHALLENGE).unwrap();
    assert_eq!(world.urls()[..2], [RESOURCE_METADATA, moved]);
}

#[test]
fn a_server_in_trouble_is_not_taken_for_an_old_one() {
    for status in [500, 503, 429] {
        let mut world = World::new().at(RESOURCE_METADATA, status, json!({}));
        let mut authorizer = authorizer(options(), Saved::default());
        let error = authorize(&mut world, &mut authorizer, CHALLENGE).unwrap_err();
        assert!(
            matches!(error.kind, AuthErrorKind::Status { .. }),
            "{error}"
        );
        assert_eq!(world.asked.len(), 1);
    }
}
