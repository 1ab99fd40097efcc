//! What the host does for an authorization, as futures: to remember, and to bring the user to a page.

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use core::future::poll_fn;
use core::pin::{Pin, pin};
use core::task::Poll;

use super::host::{Auth, User, Visited};
use super::loopback::LoopbackReceiver;
use super::thread::on_thread;
use crate::auth::{Saved, Visit};

/// Something that the host does.
pub(in crate::io) type Job = Pin<Box<dyn Future<Output = Answered> + Send>>;

/// What came of it.
pub(in crate::io) enum Answered {
    Loaded(Box<Saved>),
    Saved,
    Url(String),
    Failed(String),
}

impl Auth {
    /// Looks up what is remembered of a server.
    pub(in crate::io) fn load(&self, server: &str) -> Job {
        let (store, server) = (Arc::clone(&self.inner.store), String::from(server));
        let loaded = on_thread(move || store.load(&server));
        Box::pin(async move {
            match loaded.await {
                Ok(saved) => Answered::Loaded(saved.unwrap_or_default().into()),
                Err(words) => Answered::Failed(words),
            }
        })
    }

    /// Remembers what there is of a server.
    pub(in crate::io) fn save(&self, server: &str, saved: Box<Saved>) -> Job {
        let (store, server) = (Arc::clone(&self.inner.store), String::from(server));
        let stored = on_thread(move || store.save(&server, &saved));
        Box::pin(async move {
            match stored.await {
                Ok(()) => Answered::Saved,
                Err(words) => Answered::Failed(words),
            }
        })
    }

    /// Opens the place that the user comes back to, and says where it is.
    pub(in crate::io) fn open_place(
        &self,
        preferred: Option<&str>,
    ) -> Result<LoopbackReceiver, String> {
        match &self.inner.user {
            User::Nobody => Err("there is no user to ask".into()),
            User::Browser(_) => {
                LoopbackReceiver::bind(preferred).map_err(|error| error.to_string())
            }
            User::Function(_) => Err("AuthOptions::redirect_uri isn't set".into()),
        }
    }

    /// Brings the user to a page.
    pub(in crate::io) fn bring(&self, page: Visit, place: Option<LoopbackReceiver>) -> Job {
        let visited: Visited = match (&self.inner.user, place) {
            (User::Function(visit), _) => visit(page),
            (User::Browser(open), Some(place)) => {
                let (open, stop) = (Arc::clone(open), place.stopper());
                let (url, state) = (page.url, page.state);
                let came = on_thread(move || place.receive(&state));
                let opened = on_thread(move || open(&url));
                Box::pin(async move {
                    let _stop = stop;
                    came_back(opened, came).await
                })
            }
            (User::Browser(_), None) => {
                Box::pin(async { Err("the place to come back to is the host's own".into()) })
            }
            (User::Nobody, _) => Box::pin(async { Err("there is no user to ask".into()) }),
        };
        Box::pin(async move {
            match visited.await {
                Ok(url) => Answered::Url(url),
                Err(words) => Answered::Failed(words),
            }
        })
    }
}

/// Waits until the user comes back, or their browser can't be opened. What opens it may return as late as
/// the browser itself ends.
async fn came_back(
    opened: impl Future<Output = Result<(), String>>,
    came: impl Future<Output = Result<String, String>>,
) -> Result<String, String> {
    let (mut opened, mut came) = (pin!(opened), pin!(came));
    let mut is_open = false;
    poll_fn(|cx| {
        if let Poll::Ready(url) = came.as_mut().poll(cx) {
            return Poll::Ready(url);
        }
        if !is_open && let Poll::Ready(open) = opened.as_mut().poll(cx) {
            open?;
            is_open = true;
        }
        Poll::Pending
    })
    .await
}
