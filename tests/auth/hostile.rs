//! Authorization servers that mean no good, as data: `hostile.jsonl` has a case on each line.
//!
//! A case changes the answers of a good server (`with` some members of a body, `at` an address
//! another answer), what the browser brings back (`redirect`), or what the server says to a token
//! (`then`). It says how the authorization has to end (`expect`: the step and the kind of the error,
//! or `token`), and which addresses must `never` be asked, the user's page included.

use mcp_proto::auth::{AddressPolicy, AuthError, Reaction, Saved};
use serde_derive::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

use crate::world::{
    Answer, CHALLENGE, REGISTER, RESOURCE_METADATA, SERVER, SERVER_METADATA, TOKEN, World,
    challenge, options,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    #[serde(default)]
    server: Option<String>,
    #[serde(default)]
    challenge: Option<String>,
    #[serde(default)]
    with: BTreeMap<String, Value>,
    #[serde(default)]
    at: BTreeMap<String, At>,
    #[serde(default)]
    redirect: Option<String>,
    #[serde(default)]
    allow_private: bool,
    #[serde(default)]
    then: Vec<Then>,
    expect: String,
    #[serde(default)]
    never: Vec<String>,
    /// How many requests there are at most.
    #[serde(default)]
    most: Option<usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct At {
    status: u16,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    body: Value,
    /// How often the text of the body is repeated.
    #[serde(default)]
    repeat: Option<usize>,
}

/// What the server says to a request with the token; without a status it is accepted.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Then {
    #[serde(default)]
    status: Option<u16>,
    #[serde(default)]
    challenge: Option<String>,
    #[serde(default)]
    nonce: Option<String>,
    /// How often it is said.
    #[serde(default = "once")]
    times: usize,
}

fn once() -> usize {
    1
}

/// The address that a short name stands for.
fn address(name: &str) -> &str {
    match name {
        "prm" => RESOURCE_METADATA,
        "asm" => SERVER_METADATA,
        "register" => REGISTER,
        "token" => TOKEN,
        url => url,
    }
}

fn world_of(case: &Case) -> World {
    let mut world = World::new();
    for (name, changes) in &case.with {
        world = world.with(address(name), changes.clone());
    }
    for (name, at) in &case.at {
        let text = match &at.body {
            Value::Null => String::new(),
            Value::String(text) => text.repeat(at.repeat.unwrap_or(1)),
            json => json.to_string(),
        };
        let headers = at.headers.clone().into_iter().collect();
        let (status, body) = (at.status, text);
        let answer = Answer {
            status,
            headers,
            body,
        };
        world.answers.insert(address(name).into(), vec![answer]);
    }
    if let Some(redirect) = &case.redirect {
        world.redirect = redirect.clone();
    }
    world
}

fn run(case: &Case, world: &mut World) -> Result<(), AuthError> {
    let mut options = options();
    if case.allow_private {
        options = options.addresses(AddressPolicy::new().allow_private());
    }
    let server = case.server.as_deref().unwrap_or(SERVER);
    let mut authorizer =
        mcp_proto::auth::Authorizer::new(options, server, Saved::default(), [7; 32]);
    let first = Then {
        status: Some(401),
        challenge: Some(case.challenge.clone().unwrap_or_else(|| CHALLENGE.into())),
        nonce: None,
        times: 1,
    };
    for said in [&first].into_iter().chain(&case.then) {
        for _ in 0..said.times {
            let generation = authorizer.generation();
            let nonce = said.nonce.as_deref();
            let Some(status) = said.status else {
                authorizer.handle_accepted(generation, nonce);
                continue;
            };
            let text = said.challenge.as_deref().unwrap_or(CHALLENGE);
            match authorizer.handle_challenge(generation, status, challenge(text), nonce) {
                Reaction::Wait => world.drive(&mut authorizer)?,
                Reaction::Retry => {}
                Reaction::Refuse(error) => return Err(error),
                reaction => panic!("{reaction:?}"),
            }
        }
    }
    Ok(())
}

/// The step and the kind of an error.
fn name_of(error: &AuthError) -> String {
    let kind = format!("{:?}", error.kind);
    let end = kind.find(|c: char| !c.is_alphanumeric());
    format!("{:?} {}", error.step, &kind[..end.unwrap_or(kind.len())])
}

#[test]
fn an_authorization_server_that_means_no_good_gets_nothing_and_nobody_waits_for_ever() {
    // `auth.asm.issuer` `auth.iss` `auth.pkce` `auth.https` `auth.bind` `auth.resource`
    let mut wrong = Vec::new();
    let mut cases = 0;
    for line in include_str!("hostile.jsonl").lines() {
        let case: Case = serde_json::from_str(line).unwrap_or_else(|e| panic!("{line}: {e}"));
        cases += 1;
        let mut world = world_of(&case);
        let outcome = match run(&case, &mut world) {
            Ok(()) => "token".into(),
            Err(error) => {
                assert!(error.to_string().len() < 700, "{}", case.name);
                name_of(&error)
            }
        };
        if outcome != case.expect {
            wrong.push(format!(
                "{}: {outcome} in place of {}",
                case.name, case.expect
            ));
        }
        let pages = world.visits.iter().map(|visit| &*visit.url);
        for url in world.urls().into_iter().chain(pages) {
            for never in &case.never {
                if url.starts_with(address(never)) {
                    wrong.push(format!("{}: {url} was asked", case.name));
                }
            }
        }
        if case.most.is_some_and(|most| world.asked.len() > most) {
            wrong.push(format!("{}: {} requests", case.name, world.asked.len()));
        }
        assert!(world.asked.len() <= 100, "{}", case.name);
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(cases >= 60, "{cases} cases");
}
