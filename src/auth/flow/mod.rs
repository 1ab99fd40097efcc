//! One authorization, from a challenge to a token or an error.
//!
//! Rules of this file: the whole way is a straight line of code ([`Flow::run`]) that is run anew with
//! each answer; what was answered is found by what it answers, never by its place, and what isn't
//! answered yet leaves the line as the next step. The same answers, time and entropy give the same
//! steps. How many requests there may be is bounded, each address is checked before it is asked, and
//! nothing is done twice: an answer that came is never asked for again.

mod client;
mod code;
mod discover;
mod grants;
mod register;
mod request;
mod token;

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::sync::Arc;

use super::address::origin_of;
use super::challenge::{Challenge, words};
use super::error::{AuthError, AuthErrorKind, AuthStep};
use super::options::{AuthOptions, Grant};
use super::saved::{Saved, Token};
use super::seed::Seed;
use super::step::{AuthRequest, AuthResponse, Step};
use super::url::Url;
use crate::revision::Revision;

/// How many requests one authorization may make.
const MOST_REQUESTS: u32 = 24;

/// Why a server is to be authorized for.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Cause {
    /// What the server has asked for.
    pub challenge: Challenge,
    /// Whether a token is good but has too few scopes.
    pub is_step_up: bool,
    /// The revision that is spoken; `None` while it isn't known.
    pub revision: Option<Revision>,
}

impl Cause {
    /// Returns the cause that a challenge is.
    pub fn new(challenge: Challenge) -> Self {
        Self {
            challenge,
            ..Self::default()
        }
    }

    /// The same, for a token with too few scopes.
    #[must_use]
    pub fn step_up(mut self) -> Self {
        self.is_step_up = true;
        self
    }

    /// The same, while this revision is spoken.
    #[must_use]
    pub fn revision(mut self, revision: Revision) -> Self {
        self.revision = Some(revision);
        self
    }
}

/// One authorization. Do what [`poll`](Self::poll) says and tell what came of it.
#[derive(Debug)]
pub struct Flow {
    options: Arc<AuthOptions>,
    server: Box<str>,
    cause: Cause,
    saved: Saved,
    /// The token that was remembered in the beginning.
    old: Option<Token>,
    seed: Seed,
    answers: BTreeMap<Key, Answer>,
    /// What is being done.
    asked: Option<Key>,
    requests: u32,
    now: u64,
    is_over: bool,
    token: Option<Token>,
}

/// What an answer answers.
type Key = (AuthStep, String);

#[derive(Clone, Debug)]
enum Answer {
    Response(AuthResponse),
    /// There was none: what the host says of it.
    Failed(Box<str>),
    /// A URL that the host has told.
    Told(Box<str>),
    Stored,
}

/// How the line of code is left before its end.
enum Exit {
    Do(Step),
    Failed(AuthError),
}

type Line<T> = Result<T, Exit>;

impl From<AuthError> for Exit {
    fn from(error: AuthError) -> Self {
        Self::Failed(error)
    }
}

fn fail<T>(step: AuthStep, kind: AuthErrorKind) -> Line<T> {
    Err(Exit::Failed(AuthError::new(step, kind)))
}

fn malformed(url: &str, what: &'static str) -> AuthErrorKind {
    let origin = origin_of(url).into();
    AuthErrorKind::Malformed { origin, what }
}

impl Flow {
    /// Begins to authorize for the server at `server`, of which `saved` is remembered. The entropy
    /// has to be new each time and unknown to everybody else.
    pub fn new(
        options: impl Into<Arc<AuthOptions>>,
        server: &str,
        cause: Cause,
        saved: Saved,
        entropy: [u8; 32],
    ) -> Self {
        Self {
            options: options.into(),
            server: server.into(),
            cause,
            old: saved.token.clone(),
            saved,
            seed: Seed::new(entropy),
            answers: BTreeMap::new(),
            asked: None,
            requests: 0,
            now: 0,
            is_over: false,
            token: None,
        }
    }

    /// Returns what is to be done next; `None` while it is being done, and after the end. `now` is in
    /// seconds since 1970.
    pub fn poll(&mut self, now: u64) -> Option<Step> {
        self.now = self.now.max(now);
        if self.is_over || self.asked.is_some() {
            return None;
        }
        let step = match self.run() {
            Err(Exit::Do(step)) => return Some(step),
            Err(Exit::Failed(error)) => Step::Failed(error),
            Ok(token) => {
                self.token = Some(token);
                Step::Done
            }
        };
        self.is_over = true;
        Some(step)
    }

    /// Learns the answer to a [`Step::Fetch`]. Does nothing if none is awaited.
    pub fn handle_response(&mut self, response: AuthResponse) {
        let is_fetch = |(step, _): &Key| {
            !matches!(step, AuthStep::Visit | AuthStep::Redirect | AuthStep::Store)
        };
        self.answer(is_fetch, Answer::Response(response));
    }

    /// Learns where the user comes back to, for a [`Step::Redirect`], or the URL that the browser was
    /// sent to after a [`Step::Visit`]. Does nothing if neither is awaited.
    pub fn handle_url(&mut self, url: &str) {
        let is_told = |(step, _): &Key| matches!(step, AuthStep::Visit | AuthStep::Redirect);
        self.answer(is_told, Answer::Told(url.into()));
    }

    /// Learns that what was to be remembered is, for a [`Step::Save`]. Does nothing if none is
    /// awaited.
    pub fn handle_saved(&mut self) {
        let is_store = |(step, _): &Key| matches!(step, AuthStep::Store);
        self.answer(is_store, Answer::Stored);
    }

    /// Learns that what was to be done last can't be, and why, in words without anything secret.
    /// Does nothing if nothing is awaited.
    pub fn handle_failed(&mut self, why: &str) {
        self.answer(|_| true, Answer::Failed(words(why)));
    }

    /// Returns what is remembered of the server now, the token included.
    pub fn saved(&self) -> &Saved {
        &self.saved
    }

    /// Returns the token, once there is one.
    pub fn token(&self) -> Option<&Token> {
        self.token.as_ref()
    }

    fn answer(&mut self, is_it: impl Fn(&Key) -> bool, answer: Answer) {
        if let Some(key) = self.asked.take_if(|key| is_it(key)) {
            self.answers.insert(key, answer);
        }
    }

    /// The whole way.
    fn run(&mut self) -> Line<Token> {
        self.check_stored()?;
        let resource = self.find_resource()?;
        let server = self.find_server(&resource)?;
        let options = Arc::clone(&self.options);
        let token = match &options.grant {
            Grant::AuthorizationCode => match self.renew(&resource, &server)? {
                Some(token) => token,
                None => self.ask_user(&resource, &server)?,
            },
            Grant::ClientCredentials => self.as_itself(&resource, &server)?,
            Grant::JwtBearer { assertion } => {
                self.by_assertion(&resource, &server, assertion.expose())?
            }
            Grant::Enterprise(provider) => {
                let assertion = self.exchange(&resource, &server, provider)?;
                self.by_assertion(&resource, &server, &assertion)?
            }
        };
        self.store("token", |saved| saved.token = Some(token.clone()))?;
        // As it is remembered: later its time would be reckoned anew.
        Ok(self.saved.token.clone().unwrap_or(token))
    }

    /// Has something remembered before the way goes on.
    fn store(&mut self, label: &str, change: impl FnOnce(&mut Saved)) -> Line<()> {
        let key = (AuthStep::Store, label.into());
        if self.answers.contains_key(&key) {
            return Ok(());
        }
        change(&mut self.saved);
        let saved = Box::new(self.saved.clone());
        self.need(key, Step::Save(saved))
    }

    /// Returns an error if something couldn't be remembered: who goes on without would ask the same
    /// again the next time.
    fn check_stored(&self) -> Line<()> {
        let mut answers = self.answers.iter();
        let failed = answers.find_map(|((step, _), answer)| match answer {
            Answer::Failed(why) if *step == AuthStep::Store => Some(why.clone()),
            _ => None,
        });
        failed.map_or(Ok(()), |why| {
            fail(AuthStep::Store, AuthErrorKind::Host(why))
        })
    }

    /// What the host has told of a step without a request.
    fn told(&self, step: AuthStep) -> Line<Option<Box<str>>> {
        match self.answers.get(&(step, String::new())) {
            Some(Answer::Told(url)) => Ok(Some(url.clone())),
            Some(Answer::Failed(why)) => fail(step, AuthErrorKind::Host(why.clone())),
            _ => Ok(None),
        }
    }

    fn need<T>(&mut self, key: Key, step: Step) -> Line<T> {
        self.asked = Some(key);
        Err(Exit::Do(step))
    }

    /// Returns an error if this may not be asked.
    fn check(&self, step: AuthStep, url: &str, named_by: &str) -> Line<()> {
        match self.options.addresses.check(url, named_by) {
            Ok(()) => Ok(()),
            Err(why) => {
                let origin = match Url::parse(url) {
                    Some(url) => words(url.origin),
                    None => words(url.split(['?', '#']).next().unwrap_or_default()),
                };
                fail(step, AuthErrorKind::Address { origin, why })
            }
        }
    }

    /// The answer to a request; leaves the line until there is one. `named_by` is what the address is
    /// judged by: the server's own, unless the host has named it.
    fn fetch(
        &mut self,
        step: AuthStep,
        label: &str,
        named_by: &str,
        request: impl FnOnce(&Self) -> Result<AuthRequest, AuthErrorKind>,
    ) -> Line<AuthResponse> {
        let key = (step, label.into());
        let origin = || origin_of(label.split('#').next().unwrap_or_default()).into();
        match self.answers.get(&key) {
            Some(Answer::Response(response)) if response.body.len() > self.options.body_limit => {
                return fail(step, AuthErrorKind::TooLong { origin: origin() });
            }
            Some(Answer::Response(response)) => return Ok(response.clone()),
            Some(Answer::Failed(words)) => {
                let (origin, words) = (origin(), words.clone());
                return fail(step, AuthErrorKind::Unreachable { origin, words });
            }
            _ => {}
        }
        let mut request = request(self).map_err(|kind| AuthError::new(step, kind))?;
        self.check(step, &request.url, named_by)?;
        if self.requests == MOST_REQUESTS {
            return fail(step, AuthErrorKind::TooManyRequests);
        }
        self.requests += 1;
        request.body_limit = self.options.body_limit;
        self.need(key, Step::Fetch(request))
    }
}
