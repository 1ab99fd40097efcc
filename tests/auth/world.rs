//! A server and its authorization server as data: what each address answers, and what the user's
//! browser brings back.

use std::collections::BTreeMap;
use std::sync::Arc;

use mcp_proto::auth::{
    AuthError, AuthOptions, AuthRequest, AuthResponse, Authorizer, Challenge, Reaction, Saved,
    Step, Visit,
};
use serde_json::{Value, json};

pub const SERVER: &str = "https://mcp.example/mcp";
pub const ISSUER: &str = "https://auth.example";
pub const RESOURCE_METADATA: &str = "https://mcp.example/.well-known/oauth-protected-resource/mcp";
pub const SERVER_METADATA: &str = "https://auth.example/.well-known/oauth-authorization-server";
pub const REGISTER: &str = "https://auth.example/register";
pub const TOKEN: &str = "https://auth.example/token";
pub const CHALLENGE: &str =
    "Bearer resource_metadata=\"https://mcp.example/.well-known/oauth-protected-resource/mcp\"";
pub const REDIRECT: &str = "http://127.0.0.1:7777/callback";

/// The time at which all begins.
pub const START: u64 = 1_800_000_000;

/// An answer as data: a status, header fields, and a body that is JSON or text.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Answer {
    pub fn json(status: u16, body: &Value) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: body.to_string(),
        }
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }
}

/// What there is, and what was asked of it.
pub struct World {
    /// The answers at each address, in their order; the last one is given again and again. Where
    /// there is none, nothing is found.
    pub answers: BTreeMap<String, Vec<Answer>>,
    /// What the browser is sent to, with `{redirect}` and `{state}` in it.
    pub redirect: String,
    /// Why the host can't do a step, by its name.
    pub host_fails: BTreeMap<&'static str, &'static str>,
    pub asked: Vec<AuthRequest>,
    pub visits: Vec<Visit>,
    pub stored: Vec<Saved>,
    pub now: u64,
}

impl Default for World {
    fn default() -> Self {
        let metadata = json!({
            "issuer": ISSUER,
            "authorization_endpoint": "https://auth.example/authorize",
            "token_endpoint": TOKEN,
            "registration_endpoint": REGISTER,
            "response_types_supported": ["code"],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["none"],
            "authorization_response_iss_parameter_supported": true,
        });
        let protected = json!({"resource": SERVER, "authorization_servers": [ISSUER]});
        let token = json!({"access_token": "t1", "token_type": "Bearer", "expires_in": 3600});
        let world = Self {
            answers: BTreeMap::new(),
            redirect: "{redirect}?code=c0de&state={state}&iss=https%3A%2F%2Fauth.example".into(),
            host_fails: BTreeMap::new(),
            asked: Vec::new(),
            visits: Vec::new(),
            stored: Vec::new(),
            now: START,
        };
        world
            .at(RESOURCE_METADATA, 200, protected)
            .at(SERVER_METADATA, 200, metadata)
            .at(REGISTER, 201, json!({"client_id": "client-1"}))
            .at(TOKEN, 200, token)
    }
}

impl World {
    pub fn new() -> Self {
        Self::default()
    }

    /// The same with another answer at an address.
    pub fn at(mut self, url: &str, status: u16, body: Value) -> Self {
        let answer = Answer::json(status, &body);
        self.answers.insert(url.into(), vec![answer]);
        self
    }

    /// The same with one more answer at an address, after those that it has.
    pub fn then(mut self, url: &str, status: u16, body: Value) -> Self {
        let answer = Answer::json(status, &body);
        self.answers.entry(url.into()).or_default().push(answer);
        self
    }

    /// The same without an answer at an address.
    pub fn without(mut self, url: &str) -> Self {
        self.answers.remove(url);
        self
    }

    /// The same with members of an answer's body changed; `null` takes one away.
    pub fn with(mut self, url: &str, changes: Value) -> Self {
        let answers = self.answers.get_mut(url).expect("there is an answer");
        let answer = answers.last_mut().expect("there is an answer");
        let mut body: Value = serde_json::from_str(&answer.body).expect("it is JSON");
        for (name, value) in changes.as_object().expect("an object") {
            body[name] = value.clone();
        }
        let members = body.as_object_mut().expect("an object");
        members.retain(|_, value| !value.is_null());
        answer.body = body.to_string();
        self
    }

    /// Does what an authorization asks for until it is over.
    pub fn drive(&mut self, authorizer: &mut Authorizer) -> Result<(), AuthError> {
        for _ in 0..100 {
            match authorizer.poll(self.now).expect("a step follows an answer") {
                Step::Fetch(request) => {
                    assert!(authorizer.poll(self.now).is_none(), "it waits");
                    let response = self.answer(&request);
                    self.asked.push(request);
                    authorizer.handle_response(response);
                }
                Step::Redirect { preferred } => match self.host_fails.get("redirect") {
                    Some(why) => authorizer.handle_failed(why),
                    None => authorizer.handle_url(preferred.as_deref().unwrap_or(REDIRECT)),
                },
                Step::Visit(visit) => {
                    let redirect = self.redirect.replace("{redirect}", &visit.redirect_uri);
                    let redirect = redirect.replace("{state}", &visit.state);
                    self.visits.push(visit);
                    match self.host_fails.get("visit") {
                        Some(why) => authorizer.handle_failed(why),
                        None => authorizer.handle_url(&redirect),
                    }
                }
                Step::Save(saved) => {
                    self.stored.push(*saved);
                    match self.host_fails.get("save") {
                        Some(why) => authorizer.handle_failed(why),
                        None => authorizer.handle_saved(),
                    }
                }
                Step::Done => return Ok(()),
                Step::Failed(error) => return Err(error),
                step => panic!("{step:?}"),
            }
        }
        panic!("it never ends");
    }

    fn answer(&mut self, request: &AuthRequest) -> AuthResponse {
        let Some(answers) = self.answers.get_mut(&*request.url) else {
            return AuthResponse::new(404, "");
        };
        let answer = match answers.len() {
            1 => answers[0].clone(),
            _ => answers.remove(0),
        };
        let mut body = answer.body.into_bytes();
        body.truncate(request.body_limit + 1);
        let response = AuthResponse::new(answer.status, body);
        let headers = answer.headers.iter();
        headers.fold(response, |response, (name, value)| {
            response.header(name, value.as_bytes())
        })
    }

    /// The addresses that were asked, in their order.
    pub fn urls(&self) -> Vec<&str> {
        self.asked.iter().map(|request| &*request.url).collect()
    }

    /// The forms that were sent to an address, in their order.
    pub fn forms(&self, url: &str) -> Vec<BTreeMap<String, String>> {
        let asked = self.asked.iter().filter(|request| &*request.url == url);
        asked.map(|request| form(&request.body)).collect()
    }

    /// The query of the page that was visited last.
    pub fn page(&self) -> BTreeMap<String, String> {
        let visit = self.visits.last().expect("a page was visited");
        form(visit.url.split_once('?').expect("it has a query").1)
    }
}

/// The names and values of a form.
pub fn form(text: &str) -> BTreeMap<String, String> {
    let decode = |text: &str| {
        let mut bytes = Vec::new();
        let mut rest = text.bytes();
        while let Some(byte) = rest.next() {
            bytes.push(match byte {
                b'%' => {
                    let hex = [rest.next().unwrap(), rest.next().unwrap()];
                    u8::from_str_radix(std::str::from_utf8(&hex).unwrap(), 16).unwrap()
                }
                byte => byte,
            });
        }
        String::from_utf8(bytes).unwrap()
    };
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    let mut form = BTreeMap::new();
    for pair in pairs {
        let (name, value) = pair.split_once('=').expect("a name and a value");
        let before = form.insert(decode(name), decode(value));
        assert_eq!(before, None, "{name} stands once");
    }
    form
}

pub fn options() -> AuthOptions {
    AuthOptions::new("test")
}

pub fn authorizer(options: AuthOptions, saved: Saved) -> Authorizer {
    Authorizer::new(Arc::new(options), SERVER, saved, [7; 32])
}

pub fn challenge(text: &str) -> Challenge {
    Challenge::parse([text.as_bytes()])
}

/// Lets a server answer 401 with a challenge, and drives what follows to its end.
pub fn authorize(
    world: &mut World,
    authorizer: &mut Authorizer,
    text: &str,
) -> Result<(), AuthError> {
    let generation = authorizer.generation();
    match authorizer.handle_challenge(generation, 401, challenge(text), None) {
        Reaction::Wait => world.drive(authorizer),
        Reaction::Refuse(error) => Err(error),
        reaction => panic!("{reaction:?}"),
    }
}

/// What a request presents.
pub fn presented(authorizer: &mut Authorizer) -> Option<String> {
    let headers = authorizer.headers(START, "POST", SERVER).expect("headers");
    let found = headers.iter().find(|(name, _)| *name == "authorization");
    found.map(|(_, value)| value.clone())
}
