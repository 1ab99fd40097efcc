//! The page that the user visits, and what comes back.

use mcp_proto::auth::{AuthErrorKind, AuthStep, Saved};
use serde_json::json;

use crate::world::{
    CHALLENGE, SERVER_METADATA, TOKEN, World, authorize, authorizer, options, presented,
};

#[test]
fn an_answer_counts_only_from_the_issuer_that_was_asked() {
    // `auth.iss`: the four rows of RFC 9207, and what is compared.
    let good = "&iss=https%3A%2F%2Fauth.example";
    for (is_advertised, issuer, is_accepted) in [
        (true, good, true),
        (true, "", false),
        (false, good, true),
        (false, "", true),
        (true, "&iss=https%3A%2F%2Fevil.example", false),
        (false, "&iss=https%3A%2F%2Fevil.example", false),
        (true, "&iss=https%3A%2F%2Fauth.example%2F", false),
        (true, "&iss=HTTPS%3A%2F%2Fauth.example", false),
        (true, "&iss=https%3A%2F%2Fauth.example%3A443", false),
    ] {
        let advertised = json!({"authorization_response_iss_parameter_supported": is_advertised});
        let mut world = World::new().with(SERVER_METADATA, advertised);
        world.redirect = format!("{{redirect}}?code=c&state={{state}}{issuer}");
        let mut authorizer = authorizer(options(), Saved::default());
        let outcome = authorize(&mut world, &mut authorizer, CHALLENGE);
        assert_eq!(outcome.is_ok(), is_accepted, "{is_advertised} {issuer}");
        // The code goes nowhere.
        assert_eq!(world.urls().contains(&TOKEN), is_accepted);
    }
}

#[test]
fn pkce_with_s256_is_offered_or_the_user_is_not_asked() {
    // `auth.pkce`
    for methods in [json!(null), json!([]), json!(["plain"]), json!(["s256"])] {
        let offered = json!({"code_challenge_methods_supported": methods});
        let mut world = World::new().with(SERVER_METADATA, offered);
        let mut authorizer = authorizer(options(), Saved::default());
        let error = authorize(&mut world, &mut authorizer, CHALLENGE).unwrap_err();
        assert_eq!(error.kind, AuthErrorKind::NoPkce);
        assert!(world.visits.is_empty());
    }
}

#[test]
fn the_user_comes_back_by_https_or_to_this_machine() {
    // `auth.https`
    for (redirect, is_good) in [
        ("http://localhost:5000/cb", true),
        ("http://[::1]:5000/cb", true),
        ("https://app.example/cb", true),
        ("http://app.example/cb", false),
        ("http://localhost.evil.example/cb", false),
        ("http://10.0.0.1/cb", false),
        ("javascript:alert(1)", false),
        ("app:/cb", false),
    ] {
        let mut world = World::new();
        let mut authorizer = authorizer(options().redirect_uri(redirect), Saved::default());
        let outcome = authorize(&mut world, &mut authorizer, CHALLENGE);
        assert_eq!(outcome.is_ok(), is_good, "{redirect}");
        assert_eq!(world.visits.len(), usize::from(is_good));
    }
}

#[test]
fn each_authorization_has_its_own_state_and_verifier() {
    let mut world = World::new();
    let mut authorizer = authorizer(options(), Saved::default());
    authorize(&mut world, &mut authorizer, CHALLENGE).unwrap();
    authorizer.handle_accepted(authorizer.generation(), None);
    authorize(&mut world, &mut authorizer, CHALLENGE).unwrap();
    assert_ne!(world.visits[0].state, world.visits[1].state);
    let forms = world.forms(TOKEN);
    assert_ne!(forms[0]["code_verifier"], forms[1]["code_verifier"]);
}

#[test]
fn what_the_host_cannot_do_ends_the_authorization_at_its_step() {
    for (what, step) in [
        ("redirect", AuthStep::Redirect),
        ("visit", AuthStep::Visit),
        ("save", AuthStep::Store),
    ] {
        let mut world = World::new();
        world.host_fails.insert(what, "no browser here");
        let mut authorizer = authorizer(options(), Saved::default());
        let error = authorize(&mut world, &mut authorizer, CHALLENGE).unwrap_err();
        assert_eq!(error.step, step);
        assert_eq!(error.kind, AuthErrorKind::Host("no browser here".into()));
        assert_eq!(presented(&mut authorizer), None);
    }
}

#[test]
fn an_authorization_endpoint_keeps_the_query_that_it_has() {
    let endpoint = json!({"authorization_endpoint": "https://auth.example/authorize?tenant=1"});
    let mut world = World::new().with(SERVER_METADATA, endpoint);
    let mut authorizer = authorizer(options(), Saved::default());
    authorize(&mut world, &mut authorizer, CHALLENGE).unwrap();
    assert_eq!(world.page()["tenant"], "1");
    assert_eq!(world.page()["response_type"], "code");
}
