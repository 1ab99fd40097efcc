//! Whether a request may be answered at all: its token, verified by the host, and what it is good for.
//!
//! Rules of this file: a request without a good token gets no further than its head; a verifier that
//! panics, is too slow or is asked for too much at once lets nobody through and stops nobody else; a
//! verifier that blocks runs on threads of its own; a token is kept no longer than it is verified.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use core::fmt;
use core::pin::Pin;
use core::sync::atomic::{AtomicUsize, Ordering};
use core::task::{Context, Poll};
use core::time::Duration;
use std::time::SystemTime;

use super::super::super::blocking::pool::{Job, Pool};
use super::super::super::panics::catch_panic;
use super::super::super::slot::Slot;
use super::alarms::Alarms;
use super::principal::Principal;
use super::request::within;
use crate::http::{Access, BearerToken, ProtectedResource, RequestHead, TokenRefusal, bearer};

/// How many threads verify tokens.
const THREADS: usize = 16;

/// How many tokens are verified at once, those included that wait for a thread.
const MOST: usize = 1024;

/// How long a verifier may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A server whose clients need tokens, and what verifies them: something of the host's that asks the
/// authorization server (RFC 7662), or checks a signature.
///
/// The verifier only says what a token is: to whom and for which servers it was issued, what it is good
/// for, when it ends. That it was issued for this server and hasn't ended is checked here. Nothing is
/// cached: a verifier that asks others is asked for each request, and may remember for as long as it
/// knows that a token isn't revoked.
///
/// ```
/// use mcp_proto::http::{Access, ProtectedResource, TokenRefusal};
/// use mcp_proto::io::http::{HttpServeOptions, Protection};
///
/// let url = "https://api.example.com/mcp";
/// let resource = ProtectedResource::new(url, ["https://auth.example.com"])?.scopes(["notes"])?;
/// let protection = Protection::new(resource, |request| {
///     // Ask the authorization server about `request.token.expose()` here.
///     let _ = request.token.expose();
///     Err(TokenRefusal::Invalid)
/// });
/// let options = HttpServeOptions::public(["api.example.com"]).protect(protection);
/// # Ok::<(), mcp_proto::http::ProtectionError>(())
/// ```
#[derive(Clone)]
pub struct Protection {
    resource: ProtectedResource,
    verifier: Verifier,
    timeout: Duration,
}

/// What a verifier gets: a token, and the head of the request that it came with.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TokenRequest {
    /// The token.
    pub token: BearerToken,
    /// What the request says before its body. The token stands in it too.
    pub head: RequestHead,
}

type Verified = Result<Access, TokenRefusal>;
type VerifiedLater = Pin<Box<dyn Future<Output = Verified> + Send>>;

#[derive(Clone)]
enum Verifier {
    Known(Arc<[(Box<str>, Access)]>),
    Blocking(Arc<dyn Fn(&TokenRequest) -> Verified + Send + Sync>),
    Async(Arc<dyn Fn(TokenRequest) -> VerifiedLater + Send + Sync>),
}

impl Protection {
    /// Returns the protection of `resource` by a verifier that may block; it runs on threads of its own.
    ///
    /// `verify` returns what a token says, or why it isn't good.
    pub fn new(
        resource: ProtectedResource,
        verify: impl Fn(&TokenRequest) -> Result<Access, TokenRefusal> + Send + Sync + 'static,
    ) -> Self {
        Self::of(resource, Verifier::Blocking(Arc::new(verify)))
    }

    /// Returns the protection of `resource` by a verifier that is a future; it runs within the response.
    pub fn new_async<F>(
        resource: ProtectedResource,
        verify: impl Fn(TokenRequest) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<Access, TokenRefusal>> + Send + 'static,
    {
        let verify = move |request| Box::pin(verify(request)) as VerifiedLater;
        Self::of(resource, Verifier::Async(Arc::new(verify)))
    }

    /// Returns the protection of `resource` by tokens that are known beforehand, with what each gives
    /// access to: for tests, or the one user of a server. How long a comparison takes doesn't depend on
    /// how much of a token is right.
    pub fn known_tokens<T: Into<String>>(
        resource: ProtectedResource,
        tokens: impl IntoIterator<Item = (T, Access)>,
    ) -> Self {
        let tokens = tokens.into_iter();
        let known = tokens.map(|(token, access)| (token.into().into(), access));
        Self::of(resource, Verifier::Known(known.collect()))
    }

    const fn of(resource: ProtectedResource, verifier: Verifier) -> Self {
        Self {
            resource,
            verifier,
            timeout: TIMEOUT,
        }
    }

    /// Sets how long a verifier may take before the request is answered with 503; 10 s, unless set.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Returns what is protected.
    pub const fn resource(&self) -> &ProtectedResource {
        &self.resource
    }
}

impl fmt::Debug for Protection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Protection")
            .field("resource", &self.resource)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

/// A protection while a service runs.
pub(super) struct Guard {
    protection: Protection,
    pool: Pool,
    /// How many tokens are being verified.
    busy: Arc<AtomicUsize>,
}

impl Guard {
    pub(super) fn new(protection: Protection) -> Self {
        Self {
            protection,
            pool: Pool::new(THREADS),
            busy: Arc::default(),
        }
    }

    pub(super) const fn resource(&self) -> &ProtectedResource {
        &self.protection.resource
    }

    /// Returns whose request it is, or why it isn't to be answered.
    // `auth.401` `auth.audience`
    pub(super) async fn admit(
        &self,
        alarms: &Arc<Alarms>,
        head: &RequestHead,
    ) -> Result<Principal, TokenRefusal> {
        let token = bearer(head)?;
        let access = self.verify(alarms, token, head).await?;
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let now = now.map_err(|_| TokenRefusal::Unavailable)?.as_secs();
        self.resource().admit(&access, now)?;
        Ok(Principal::new(access.principal).scopes(access.scopes))
    }

    async fn verify(
        &self,
        alarms: &Arc<Alarms>,
        token: BearerToken,
        head: &RequestHead,
    ) -> Verified {
        let request = |token| TokenRequest {
            token,
            head: head.clone(),
        };
        let verify = match &self.protection.verifier {
            Verifier::Known(known) => return find(known, &token),
            Verifier::Blocking(verify) => {
                let seat = Seat::take(&self.busy).ok_or(TokenRefusal::Unavailable)?;
                self.verify_on_a_thread(Arc::clone(verify), request(token), seat)
            }
            Verifier::Async(verify) => {
                let seat = Seat::take(&self.busy).ok_or(TokenRefusal::Unavailable)?;
                let begun = catch_panic(|| verify(request(token)));
                Caught {
                    future: begun,
                    _seat: Some(seat),
                }
            }
        };
        let verified = within(alarms, self.protection.timeout, verify).await;
        verified.unwrap_or(Err(TokenRefusal::Unavailable))
    }

    fn verify_on_a_thread(
        &self,
        verify: Arc<dyn Fn(&TokenRequest) -> Verified + Send + Sync>,
        request: TokenRequest,
        seat: Seat,
    ) -> Caught {
        let slot = Slot::new();
        let (filled, failed) = (Arc::downgrade(&slot), Arc::downgrade(&slot));
        let run = move || {
            let _seat = seat;
            // Nobody waits any more for what waited too long for its thread.
            if filled.strong_count() > 0 {
                let verified = verify(&request);
                if let Some(slot) = filled.upgrade() {
                    slot.put(verified);
                }
            }
        };
        self.pool.run(Job::new(run, move |_| {
            if let Some(slot) = failed.upgrade() {
                slot.put(Err(TokenRefusal::Unavailable));
            }
        }));
        let verified = Box::pin(async move { slot.wait().await });
        Caught {
            future: Some(verified),
            _seat: None,
        }
    }
}

/// A place among those that are verified at once.
struct Seat(Arc<AtomicUsize>);

impl Seat {
    fn take(busy: &Arc<AtomicUsize>) -> Option<Self> {
        let taken = busy.fetch_add(1, Ordering::Relaxed);
        let seat = Self(Arc::clone(busy));
        (taken < MOST).then_some(seat)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A verifier's future, which costs nobody but its request when it panics.
struct Caught {
    future: Option<VerifiedLater>,
    _seat: Option<Seat>,
}

impl Future for Caught {
    type Output = Verified;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Verified> {
        let Some(verified) = &mut self.future else {
            return Poll::Ready(Err(TokenRefusal::Unavailable));
        };
        let polled = catch_panic(|| verified.as_mut().poll(cx));
        polled.unwrap_or(Poll::Ready(Err(TokenRefusal::Unavailable)))
    }
}

impl Drop for Caught {
    fn drop(&mut self) {
        let verified = self.future.take();
        catch_panic(|| drop(verified));
    }
}

/// What a token gives access to that is known. All are looked at, so that the time says nothing.
fn find(known: &[(Box<str>, Access)], token: &BearerToken) -> Verified {
    let mut found = None;
    for (text, access) in known {
        if token.is(text) {
            found = Some(access);
        }
    }
    found.cloned().ok_or(TokenRefusal::Invalid)
}
