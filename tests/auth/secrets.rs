//! Nothing secret shows.

use mcp_proto::auth::{AuthResponse, Credentials, Reaction, Saved, Step};
use serde_json::json;

use crate::world::{CHALLENGE, REGISTER, TOKEN, World, authorize, authorizer, challenge, options};

#[test]
fn neither_debug_nor_errors_show_a_token_a_code_or_a_secret() {
    let mut world = World::new()
        .with(
            TOKEN,
            json!({"access_token": "s3cret-token", "refresh_token": "s3cret-refresh"}),
        )
        .with(REGISTER, json!({"client_secret": "s3cret-client"}));
    world.redirect = "{redirect}?code=s3cret-code&state={state}&iss=https://auth.example".into();
    let options = options().client(Credentials::secret("given", "s3cret-given"));
    let mut shown = format!("{options:?}");
    for options in [options, self::options()] {
        let mut authorizer = authorizer(options, Saved::default());
        let reaction = authorizer.handle_challenge(0, 401, challenge(CHALLENGE), None);
        assert_eq!(reaction, Reaction::Wait);
        for _ in 0..4 {
            shown.push_str(&format!("{authorizer:?}"));
            match authorizer.poll(0) {
                Some(Step::Fetch(request)) => {
                    shown.push_str(&format!("{request:?}"));
                    let body = world.answers[&*request.url][0].body.clone();
                    authorizer.handle_response(AuthResponse::new(200, body));
                }
                Some(step @ Step::Save(_)) => {
                    shown.push_str(&format!("{step:?}"));
                    authorizer.handle_saved();
                }
                step => shown.push_str(&format!("{step:?}")),
            }
        }
    }
    let mut authorizer = authorizer(self::options(), Saved::default());
    authorize(&mut world, &mut authorizer, CHALLENGE).unwrap();
    shown.push_str(&format!(
        "{authorizer:?} {:?} {:?}",
        world.visits, world.stored
    ));
    authorizer.handle_accepted(authorizer.generation(), None);
    let denied =
        json!({"error": "invalid_grant", "error_description": "no\r\nsuch\u{1b}[31m code"});
    let mut world = world.at(TOKEN, 400, denied);
    let error = authorize(&mut world, &mut authorizer, CHALLENGE).unwrap_err();
    let words = error.to_string();
    assert_eq!(
        words,
        "asking for a token: the authorization server says \"invalid_grant\": no  such [31m code"
    );
    shown.push_str(&format!("{error:?}{words}"));
    assert!(!shown.contains("s3cret"), "{shown}");
    let state = &*world.visits[0].state;
    assert!(!shown.contains(state));
}

#[test]
fn what_is_remembered_survives_as_json() {
    let mut world = World::new().with(TOKEN, json!({"refresh_token": "r1", "scope": "a"}));
    let mut authorizer = authorizer(options(), Saved::default());
    authorize(&mut world, &mut authorizer, CHALLENGE).unwrap();
    let text = serde_json::to_string(authorizer.saved()).unwrap();
    let saved: Saved = serde_json::from_str(&text).unwrap();
    assert_eq!(&saved, authorizer.saved());
}
