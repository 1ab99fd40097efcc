//! What a client of one server has to present with each request, and what it does when the server
//! wants more.
//!
//! Rules of this file: there is one authorization at a time, however many requests wait for it; what
//! a server says to a token that is no longer the current one counts for nothing; a token that was
//! never accepted and is refused ends in an error, as do scopes that are asked for again, so that no
//! server leads its client in a circle; the token goes to the server's own origin and nowhere else.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::challenge::{Challenge, Scheme};
use super::error::{AuthError, AuthErrorKind, AuthStep};
use super::flow::{Cause, Flow};
use super::jwt::{Proof, dpop_proof};
use super::options::AuthOptions;
use super::saved::{Saved, Token};
use super::seed::Seed;
use super::step::{AuthResponse, Step};
use super::url::Url;
use crate::revision::Revision;

/// How often in a row a server may ask for more scopes, or for another nonce, before a request is
/// accepted.
const MOST_IN_A_ROW: u32 = 3;

/// The authorization of a client at one server.
///
/// Add what [`headers`](Self::headers) says to each request, tell of each answer, and do what
/// [`poll`](Self::poll) says while an authorization goes on.
#[derive(Debug)]
pub struct Authorizer {
    options: Arc<AuthOptions>,
    server: Box<str>,
    saved: Saved,
    seed: Seed,
    drawn: u64,
    /// Which token is the current one.
    generation: u64,
    /// Whether the server has accepted the current token.
    is_accepted: bool,
    /// How often in a row the current token was refused for its scopes.
    step_ups: u32,
    nonces: u32,
    /// What the server wants to see in proofs.
    nonce: Option<Box<str>>,
    flow: Option<Flow>,
    revision: Option<Revision>,
}

/// What is to be done with a request that was answered with a challenge.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reaction {
    /// Send it again now, with other headers.
    Retry,
    /// Hold it back until the authorization that has begun is over: see [`Authorizer::poll`].
    Wait,
    /// It stays refused.
    Refuse(AuthError),
}

impl Authorizer {
    /// Returns the authorization at the server at `server`, of which `saved` is remembered. The
    /// entropy has to be new each time and unknown to everybody else.
    pub fn new(
        options: impl Into<Arc<AuthOptions>>,
        server: &str,
        saved: Saved,
        entropy: [u8; 32],
    ) -> Self {
        Self {
            options: options.into(),
            server: server.into(),
            saved,
            seed: Seed::new(entropy),
            drawn: 0,
            generation: 0,
            // It was, at some time, by a program that has remembered it.
            is_accepted: true,
            step_ups: 0,
            nonces: 0,
            nonce: None,
            flow: None,
            revision: None,
        }
    }

    /// Returns the header fields that authorize a request, names in lower case; none while there is
    /// no token, and for another origin. `now` is in seconds since 1970.
    ///
    /// Returns an error if a proof can't be signed.
    // `auth.bearer`
    pub fn headers(
        &mut self,
        now: u64,
        method: &str,
        url: &str,
    ) -> Result<Vec<(&'static str, String)>, AuthError> {
        let Some(token) = &self.saved.token else {
            return Ok(Vec::new());
        };
        let is_own = match (Url::parse(url), Url::parse(&self.server)) {
            (Some(url), Some(server)) => url.is_same_origin(&server),
            _ => false,
        };
        if !is_own {
            return Ok(Vec::new());
        }
        let secret = token.access_token.expose();
        match (token.scheme, &self.options.dpop) {
            (Scheme::Bearer, _) => Ok(alloc::vec![("authorization", format!("Bearer {secret}"))]),
            (Scheme::Dpop, Some(key)) => {
                self.drawn += 1;
                let id = self.seed.text("proof", self.drawn);
                let proof = Proof {
                    method,
                    url,
                    token: Some(secret),
                    nonce: self.nonce.as_deref(),
                };
                let proof = dpop_proof(key.signer(), proof, &id, now)
                    .map_err(|error| AuthError::new(AuthStep::Use, error.into()))?;
                let authorization = format!("DPoP {secret}");
                Ok(alloc::vec![
                    ("authorization", authorization),
                    ("dpop", proof)
                ])
            }
            (Scheme::Dpop, None) => Ok(Vec::new()),
        }
    }

    /// Returns which token [`headers`](Self::headers) presents: a number that grows with each.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Returns what is remembered of the server.
    pub fn saved(&self) -> &Saved {
        &self.saved
    }

    /// Learns the revision that is spoken.
    pub fn set_revision(&mut self, revision: Revision) {
        self.revision = Some(revision);
    }

    /// Learns of an answer without a challenge to a request that was sent with the token of this
    /// generation, and the value of its header `dpop-nonce`.
    pub fn handle_accepted(&mut self, generation: u64, nonce: Option<&str>) {
        self.keep_nonce(nonce);
        if generation == self.generation {
            self.is_accepted = true;
            (self.step_ups, self.nonces) = (0, 0);
        }
    }

    /// Learns that a request was answered with this status, 401 or 403, and this challenge. It was
    /// sent with the token of `generation`; `nonce` is the answer's header `dpop-nonce`.
    pub fn handle_challenge(
        &mut self,
        generation: u64,
        status: u16,
        challenge: Challenge,
        nonce: Option<&str>,
    ) -> Reaction {
        self.keep_nonce(nonce);
        if self.flow.is_some() {
            return Reaction::Wait;
        }
        if generation < self.generation {
            return Reaction::Retry;
        }
        let error = challenge.error.as_deref();
        match (status, error) {
            (401, Some("use_dpop_nonce")) if self.is_bound() && nonce.is_some() => {
                self.nonces += 1;
                match self.nonces < MOST_IN_A_ROW {
                    true => Reaction::Retry,
                    false => refuse(AuthErrorKind::Refused),
                }
            }
            // The token was made for this server a moment ago.
            (401, _) if self.saved.token.is_some() && !self.is_accepted => {
                self.forget_access();
                refuse(AuthErrorKind::Refused)
            }
            (401, _) => self.begin(challenge, false),
            (403, Some("insufficient_scope")) if self.saved.token.is_some() => {
                self.step_up(challenge)
            }
            (403, Some("insufficient_scope")) => self.begin(challenge, false),
            _ => refuse(AuthErrorKind::Refused),
        }
    }

    /// Returns what is to be done next for the authorization that goes on; `None` while it is being
    /// done, and when there is none. With [`Step::Done`] and [`Step::Failed`] it is over.
    pub fn poll(&mut self, now: u64) -> Option<Step> {
        let flow = self.flow.as_mut()?;
        let step = flow.poll(now)?;
        if matches!(step, Step::Done | Step::Failed(_)) {
            self.saved = flow.saved().clone();
            if matches!(step, Step::Done) {
                self.generation += 1;
                self.is_accepted = false;
            }
            self.flow = None;
        }
        Some(step)
    }

    /// As [`Flow::handle_response`].
    pub fn handle_response(&mut self, response: AuthResponse) {
        if let Some(flow) = &mut self.flow {
            flow.handle_response(response);
        }
    }

    /// As [`Flow::handle_url`].
    pub fn handle_url(&mut self, url: &str) {
        if let Some(flow) = &mut self.flow {
            flow.handle_url(url);
        }
    }

    /// As [`Flow::handle_saved`].
    pub fn handle_saved(&mut self) {
        if let Some(flow) = &mut self.flow {
            flow.handle_saved();
        }
    }

    /// As [`Flow::handle_failed`].
    pub fn handle_failed(&mut self, why: &str) {
        if let Some(flow) = &mut self.flow {
            flow.handle_failed(why);
        }
    }

    /// Asks for the scopes that a token lacks.
    // `auth.scope.select`
    fn step_up(&mut self, challenge: Challenge) -> Reaction {
        let asked = challenge.scope.clone().unwrap_or_default();
        let has = |token: &Token| token.scopes.covers(&asked);
        // Asking for what it has got already would never end.
        if self.saved.token.as_ref().is_some_and(has) || self.step_ups == MOST_IN_A_ROW {
            return refuse(AuthErrorKind::Scopes);
        }
        self.step_ups += 1;
        self.begin(challenge, true)
    }

    fn begin(&mut self, challenge: Challenge, is_step_up: bool) -> Reaction {
        let cause = Cause {
            challenge,
            is_step_up,
            revision: self.revision,
        };
        self.drawn += 1;
        let entropy = self.seed.draw("authorization", self.drawn);
        let (options, saved) = (Arc::clone(&self.options), self.saved.clone());
        self.flow = Some(Flow::new(options, &self.server, cause, saved, entropy));
        Reaction::Wait
    }

    /// Has the next authorization begin from nothing, which the user may want after an error.
    fn forget_access(&mut self) {
        self.saved.token = None;
        self.generation += 1;
        self.is_accepted = true;
    }

    fn is_bound(&self) -> bool {
        let token = self.saved.token.as_ref();
        token.is_some_and(|token| token.scheme == Scheme::Dpop)
    }

    fn keep_nonce(&mut self, nonce: Option<&str>) {
        let nonce = nonce.filter(|nonce| {
            (1..=1024).contains(&nonce.len()) && nonce.bytes().all(|b| matches!(b, 0x21..=0x7E))
        });
        if let Some(nonce) = nonce {
            self.nonce = Some(nonce.into());
        }
    }
}

fn refuse(kind: AuthErrorKind) -> Reaction {
    Reaction::Refuse(AuthError::new(AuthStep::Use, kind))
}
