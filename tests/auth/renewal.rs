//! Tokens that have expired: how they are renewed, by one request for all that wait.

use mcp_proto::auth::{AuthErrorKind, Authorizer, Reaction, Saved};
use serde_json::json;

use crate::world::{CHALLENGE, TOKEN, World, authorize, authorizer, challenge, options, presented};

/// A client that has a token which the server has accepted, and what it is renewed with.
fn authorized() -> (World, Authorizer) {
    let mut world = World::new().with(TOKEN, json!({"refresh_token": "r1", "scope": "a b"}));
    let mut authorizer = authorizer(options(), Saved::default());
    authorize(&mut world, &mut authorizer, CHALLENGE).unwrap();
    authorizer.handle_accepted(authorizer.generation(), None);
    (world, authorizer)
}

fn renewed() -> serde_json::Value {
    json!({"access_token": "t2", "token_type": "Bearer", "refresh_token": "r2"})
}

#[test]
fn an_expired_token_is_renewed_without_the_user_and_with_the_scopes_that_it_had() {
    // `auth.refresh`
    let (world, mut authorizer) = authorized();
    let mut world = world.at(TOKEN, 200, renewed());
    authorize(&mut world, &mut authorizer, CHALLENGE).unwrap();
    assert_eq!(presented(&mut authorizer).as_deref(), Some("Bearer t2"));
    assert_eq!(world.visits.len(), 1);
    let form = &world.forms(TOKEN)[1];
    assert_eq!(form["grant_type"], "refresh_token");
    assert_eq!(form["refresh_token"], "r1");
    assert_eq!(form.get("scope"), None, "those that were granted");
    // What comes next is stored before it is used.
    let stored = world.stored.last().unwrap().token.as_ref().unwrap();
    assert_eq!(stored.refresh_token.as_ref().unwrap().expose(), "r2");
    assert!(stored.scopes.contains("a") && stored.scopes.contains("b"));
    // One that isn't replaced stays good.
    let mut world = world.at(
        TOKEN,
        200,
        json!({"access_token": "t3", "token_type": "Bearer"}),
    );
    authorizer.handle_accepted(authorizer.generation(), None);
    authorize(&mut world, &mut authorizer, CHALLENGE).unwrap();
    let token = authorizer.saved().token.as_ref().unwrap();
    assert_eq!(token.refresh_token.as_ref().unwrap().expose(), "r2");
}

#[test]
fn however_many_requests_wait_there_is_one_renewal() {
    // `auth.refresh`
    let (world, mut authorizer) = authorized();
    let mut world = world.at(TOKEN, 200, renewed());
    let generation = authorizer.generation();
    let before = world.asked.len();
    for _ in 0..100 {
        let refused = authorizer.handle_challenge(generation, 401, challenge(CHALLENGE), None);
        assert_eq!(refused, Reaction::Wait);
    }
    world.drive(&mut authorizer).unwrap();
    // Those that come late were sent with the old token.
    for _ in 0..100 {
        let refused = authorizer.handle_challenge(generation, 401, challenge(CHALLENGE), None);
        assert_eq!(refused, Reaction::Retry);
    }
    let renewals = world.asked[before..].iter();
    assert_eq!(renewals.filter(|request| &*request.url == TOKEN).count(), 1);
}

#[test]
fn a_renewed_token_that_is_refused_is_an_error_and_no_circle() {
    // `auth.refresh`
    let (world, mut authorizer) = authorized();
    let mut world = world.at(TOKEN, 200, renewed());
    authorize(&mut world, &mut authorizer, CHALLENGE).unwrap();
    let error = authorize(&mut world, &mut authorizer, CHALLENGE).unwrap_err();
    assert_eq!(error.kind, AuthErrorKind::Refused);
    // Whoever tries again later begins from nothing.
    assert_eq!(presented(&mut authorizer), None);
    let again =
        authorizer.handle_challenge(authorizer.generation(), 401, challenge(CHALLENGE), None);
    assert_eq!(again, Reaction::Wait);
}

#[test]
fn the_user_is_asked_where_a_token_cannot_be_renewed() {
    // `auth.refresh`
    let (world, mut authorizer) = authorized();
    let token = json!({"access_token": "t3", "token_type": "Bearer"});
    let mut world = world
        .at(TOKEN, 400, json!({"error": "invalid_grant"}))
        .then(TOKEN, 200, token);
    authorize(&mut world, &mut authorizer, CHALLENGE).unwrap();
    assert_eq!(world.visits.len(), 2);
    assert_eq!(presented(&mut authorizer).as_deref(), Some("Bearer t3"));
}

#[test]
fn an_authorization_server_in_trouble_keeps_the_token_to_renew_with() {
    let (world, mut authorizer) = authorized();
    let mut world = world.at(TOKEN, 503, json!({}));
    let error = authorize(&mut world, &mut authorizer, CHALLENGE).unwrap_err();
    assert!(matches!(
        error.kind,
        AuthErrorKind::Status { status: 503, .. }
    ));
    assert_eq!(world.visits.len(), 1, "the user is left in peace");
    let token = authorizer.saved().token.as_ref().unwrap();
    assert_eq!(token.refresh_token.as_ref().unwrap().expose(), "r1");
}

#[test]
fn a_server_that_has_moved_to_another_issuer_gets_nothing_of_the_old_one() {
    // `auth.bind`
    let (world, mut authorizer) = authorized();
    let new = "https://new.example";
    let place = "https://new.example/.well-known/oauth-authorization-server";
    let metadata = json!({
        "issuer": new,
        "authorization_endpoint": "https://new.example/authorize",
        "token_endpoint": "https://new.example/token",
        "registration_endpoint": "https://new.example/register",
        "code_challenge_methods_supported": ["S256"],
    });
    let token = json!({"access_token": "n1", "token_type": "Bearer"});
    let mut world = world
        .with(
            crate::world::RESOURCE_METADATA,
            json!({"authorization_servers": [new]}),
        )
        .at(place, 200, metadata)
        .at(
            "https://new.example/register",
            201,
            json!({"client_id": "new-client"}),
        )
        .at("https://new.example/token", 200, token);
    world.redirect = "{redirect}?code=c&state={state}".into();
    let before = world.asked.len();
    authorize(&mut world, &mut authorizer, CHALLENGE).unwrap();
    assert_eq!(presented(&mut authorizer).as_deref(), Some("Bearer n1"));
    for request in &world.asked[before..] {
        assert!(!request.body.contains("r1") && !request.body.contains("client-1"));
    }
}
