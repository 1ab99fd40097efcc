//! States of unfinished modern requests on a server without a seal: each request is a session of its
//! own, so what the next round needs stays with the service.
//!
//! Rules of this file: nobody can guess the name of a state; it opens for the request that it belongs
//! to and no other; the oldest ones make room for new ones.

use alloc::string::String;
use alloc::vec::Vec;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::request::random_hex;
use crate::server::{KeptStates, SealError, StateSeal};

/// How many states are kept, and how many bytes of them.
const MOST: (usize, usize) = (65_536, 64 << 20);

pub(super) struct Kept(Mutex<KeptStates>);

impl Kept {
    pub(super) fn new() -> Self {
        Self(Mutex::new(KeptStates::new(MOST.0, MOST.1)))
    }

    fn lock(&self) -> MutexGuard<'_, KeptStates> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The secret belongs to the binding, so that a state opens only for who knows it.
fn bound(binding: &[u8], secret: &str) -> Vec<u8> {
    let mut bound = Vec::from(binding);
    bound.extend_from_slice(secret.as_bytes());
    bound
}

impl StateSeal for Kept {
    fn seal(&self, state: &[u8], binding: &[u8]) -> Result<String, SealError> {
        let secret = random_hex::<16>().ok_or(SealError::NoEntropy)?;
        let state = String::from_utf8_lossy(state).into_owned();
        let name = self.lock().keep(bound(binding, &secret), state);
        let name = name.ok_or(SealError::NoEntropy)?;
        Ok(alloc::format!("{name}.{secret}"))
    }

    fn open(&self, sealed: &str, binding: &[u8]) -> Result<Vec<u8>, SealError> {
        let (name, secret) = sealed.split_once('.').ok_or(SealError::Foreign)?;
        let state = self.lock().open(name, &bound(binding, secret))?;
        Ok(state.into_bytes())
    }
}
