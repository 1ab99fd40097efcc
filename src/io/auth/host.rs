//! How a client is authorized, and what its host does for it.
//!
//! Rules of this file: what the host brings runs on threads of its own or as a future, never where it
//! could stop a connection; nothing of it is asked twice for one step.

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use core::fmt::{self, Display};
use core::pin::Pin;
use std::io;
use std::sync::{Mutex, PoisonError};

use super::thread::on_thread;
use crate::auth::{AuthError, AuthOptions, MemoryStore, TokenStore, Visit};

/// The URL that a browser was sent to, or why there is none.
pub(super) type Visited = Pin<Box<dyn Future<Output = Result<String, String>> + Send>>;

/// How a client authorizes itself at servers that want it, for
/// [`Remote::auth`](crate::io::http::Remote::auth). Clones are the same: what one is given the others
/// have.
#[derive(Clone)]
pub struct Auth {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    options: Arc<AuthOptions>,
    pub(super) store: Arc<dyn TokenStore>,
    pub(super) user: User,
    last_error: Mutex<Option<AuthError>>,
}

/// What opens a page in a browser.
pub(super) type OpenPage = Arc<dyn Fn(&str) -> io::Result<()> + Send + Sync>;

/// Who brings the user to a page.
pub(super) enum User {
    Nobody,
    /// A browser, which comes back to a [`LoopbackReceiver`](super::LoopbackReceiver).
    Browser(OpenPage),
    Function(Box<dyn Fn(Visit) -> Visited + Send + Sync>),
}

impl Auth {
    /// Returns the authorization of a client whose user isn't there: for grants without a page, and
    /// with tokens that are remembered.
    pub fn unattended(options: AuthOptions) -> Self {
        Self::with(options, User::Nobody)
    }

    /// Returns the authorization of a client whose user has a browser on this machine. `open` has to
    /// open the URL that it is given there, which is `https` or on this machine, without a shell; it
    /// is called on a thread of its own, and may return as late as the browser ends. The browser comes back to this machine, to a
    /// [`LoopbackReceiver`](super::LoopbackReceiver).
    pub fn browser(
        options: AuthOptions,
        open: impl Fn(&str) -> io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        Self::with(options, User::Browser(Arc::new(open)))
    }

    /// Returns the authorization of a client whose host brings the user to a page itself: `visit` is
    /// given the page and returns the URL that the browser was sent to afterwards. It runs on a
    /// thread of its own. [`AuthOptions::redirect_uri`] has to say where the user comes back to.
    pub fn visit<E: Display>(
        options: AuthOptions,
        visit: impl Fn(Visit) -> Result<String, E> + Send + Sync + 'static,
    ) -> Self {
        let visit = Arc::new(visit);
        let run = move |page: Visit| -> Visited {
            let visit = Arc::clone(&visit);
            Box::pin(on_thread(move || {
                visit(page).map_err(|error| error.to_string())
            }))
        };
        Self::with(options, User::Function(Box::new(run)))
    }

    /// As [`visit`](Self::visit), with a future.
    pub fn visit_async<E: Display, F>(
        options: AuthOptions,
        visit: impl Fn(Visit) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<String, E>> + Send + 'static,
    {
        let run = move |page: Visit| -> Visited {
            let visited = visit(page);
            Box::pin(async move { visited.await.map_err(|error| error.to_string()) })
        };
        Self::with(options, User::Function(Box::new(run)))
    }

    /// Sets where tokens are remembered; in memory unless it is said. To be called before the first
    /// clone is made.
    #[must_use]
    pub fn store(self, store: impl TokenStore + 'static) -> Self {
        match Arc::try_unwrap(self.inner) {
            Ok(mut inner) => {
                inner.store = Arc::new(store);
                Self {
                    inner: Arc::new(inner),
                }
            }
            // A clone is in use, with the store that it has.
            Err(inner) => Self { inner },
        }
    }

    /// Returns why the last authorization has failed; `None` if none has, or one has succeeded since.
    pub fn last_error(&self) -> Option<AuthError> {
        let error = self.inner.last_error.lock();
        error.unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn with(options: AuthOptions, user: User) -> Self {
        Self {
            inner: Arc::new(Inner {
                options: Arc::new(options),
                store: Arc::new(MemoryStore::new()),
                user,
                last_error: Mutex::default(),
            }),
        }
    }

    pub(in crate::io) fn options(&self) -> Arc<AuthOptions> {
        Arc::clone(&self.inner.options)
    }

    pub(in crate::io) fn set_error(&self, error: Option<AuthError>) {
        let kept = self.inner.last_error.lock();
        *kept.unwrap_or_else(PoisonError::into_inner) = error;
    }
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Auth")
            .field("options", &self.inner.options)
            .finish_non_exhaustive()
    }
}
