//! Which scopes are asked for, and what a server that asks for more gets.

use mcp_proto::auth::{AuthErrorKind, Authorizer, Reaction, Saved};
use serde_json::json;

use crate::world::{
    CHALLENGE, RESOURCE_METADATA, SERVER_METADATA, World, authorize, authorizer, challenge, options,
};

fn scope_of(world: &World) -> Option<String> {
    world.page().get("scope").cloned()
}

#[test]
fn scopes_are_those_of_the_challenge_then_those_of_the_server_then_none() {
    // `auth.scope.select`
    let supported = json!({"scopes_supported": ["b", "a"]});
    let named = format!("{CHALLENGE}, scope=\"x\"");
    for (text, supported, expected) in [
        (named.as_str(), Some(&supported), Some("x")),
        (CHALLENGE, Some(&supported), Some("a b")),
        (CHALLENGE, None, None),
    ] {
        let mut world = World::new();
        if let Some(supported) = supported {
            world = world.with(RESOURCE_METADATA, supported.clone());
        }
        let mut authorizer = authorizer(options(), Saved::default());
        authorize(&mut world, &mut authorizer, text).unwrap();
        assert_eq!(scope_of(&world).as_deref(), expected);
    }
}

#[test]
fn offline_access_is_asked_for_only_where_it_is_advertised() {
    // `auth.refresh`
    let of_resource = json!({"scopes_supported": ["a", "offline_access"]});
    for (supported, grants, expected) in [
        (
            json!(["a", "offline_access"]),
            json!(null),
            "a offline_access",
        ),
        (
            json!(["a", "offline_access"]),
            json!(["authorization_code"]),
            "a",
        ),
        (json!(["a"]), json!(null), "a"),
        (json!(null), json!(null), "a"),
    ] {
        let metadata = json!({"scopes_supported": supported, "grant_types_supported": grants});
        let mut world = World::new()
            .with(RESOURCE_METADATA, of_resource.clone())
            .with(SERVER_METADATA, metadata);
        let mut authorizer = authorizer(options(), Saved::default());
        authorize(&mut world, &mut authorizer, CHALLENGE).unwrap();
        assert_eq!(scope_of(&world).as_deref(), Some(expected));
    }
}

fn step_up(authorizer: &mut Authorizer, scope: &str) -> Reaction {
    let text = format!("{CHALLENGE}, error=\"insufficient_scope\", scope=\"{scope}\"");
    authorizer.handle_challenge(authorizer.generation(), 403, challenge(&text), None)
}

#[test]
fn a_step_up_asks_for_what_there_was_and_what_is_wanted() {
    // `auth.scope.select`
    let mut world = World::new().with(RESOURCE_METADATA, json!({"scopes_supported": ["decoy"]}));
    let mut authorizer = authorizer(options(), Saved::default());
    let text = format!("{CHALLENGE}, scope=\"basic\"");
    authorize(&mut world, &mut authorizer, &text).unwrap();
    authorizer.handle_accepted(authorizer.generation(), None);
    assert_eq!(step_up(&mut authorizer, "write"), Reaction::Wait);
    world.drive(&mut authorizer).unwrap();
    assert_eq!(scope_of(&world).as_deref(), Some("basic write"));
}

#[test]
fn scopes_that_are_asked_for_in_vain_are_not_asked_for_for_ever() {
    // `auth.scope.select`
    let mut world = World::new();
    let mut authorizer = authorizer(options(), Saved::default());
    authorize(&mut world, &mut authorizer, CHALLENGE).unwrap();
    assert_eq!(step_up(&mut authorizer, "admin"), Reaction::Wait);
    world.drive(&mut authorizer).unwrap();
    let refused = |reaction| matches!(reaction, Reaction::Refuse(error) if error.kind == AuthErrorKind::Scopes);
    assert!(refused(step_up(&mut authorizer, "admin")));
    assert_eq!(world.visits.len(), 2);
    // Nor are ever new ones, unless something was accepted in between.
    for scope in ["s1", "s2"] {
        assert_eq!(step_up(&mut authorizer, scope), Reaction::Wait);
        world.drive(&mut authorizer).unwrap();
    }
    assert!(refused(step_up(&mut authorizer, "s3")));
    authorizer.handle_accepted(authorizer.generation(), None);
    assert_eq!(step_up(&mut authorizer, "s3"), Reaction::Wait);
}
