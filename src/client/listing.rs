//! Lists that come in pages: asked for page by page until they are whole, then kept.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::model::page::PaginatedRequestParams;
use crate::revision::Era;
use crate::rpc::{Source, Text, code};
use crate::session::{CallError, CallOptions, Completed, Misuse};
use crate::time::Instant;

use super::catalog::{Listable, read_page, stale_at};
use super::listed::Listed;
use super::operation::{Listing, Next, Step, Work, done};
use super::{Client, ClientError};

impl Client {
    /// Begins a list that comes in pages.
    pub(super) fn listing<M: Listable>(&mut self, now: Instant) -> Result<(Step, Work), Misuse> {
        let pages = self.session.limits().pages;
        let generation = M::list(&mut self.catalog).generation();
        let mut listing = Box::new(Listing::new(pages, generation));
        let step = self.page::<M>(now, &mut listing)?;
        Ok((step, M::operation(listing)))
    }

    /// Asks for the next page of a list, unless the whole of it is known.
    pub(super) fn page<M: Listable>(
        &mut self,
        now: Instant,
        listing: &mut Listing<M::Item>,
    ) -> Result<Step, Misuse> {
        let list = M::list(&mut self.catalog);
        if listing.cursor.is_none()
            && let Some(items) = list.fresh(now)
        {
            return Ok(done(M::output(items)));
        }
        let mut params = PaginatedRequestParams::new();
        params.cursor = listing.cursor.as_ref().map(Text::reborrow);
        match self.session.call::<M>(now, &params, CallOptions::new()) {
            Ok(call) => Ok(Step::Call(call.any())),
            Err(Misuse::NotDeclaredByPeer(_) | Misuse::ExtensionNotDeclared(_)) => {
                Ok(done(M::output(Listed::empty())))
            }
            Err(misuse) => Err(misuse),
        }
    }

    /// Until when a list holds of which the server says nothing: until it changes in the legacy
    /// era.
    fn unsaid(&self, now: Instant) -> Option<Instant> {
        let era = self.session.revision().map(|revision| revision.era());
        (era == Some(Era::Modern)).then_some(now)
    }

    /// Takes a page; then the list is complete, or another page is asked for.
    pub(super) fn paged<M: Listable>(
        &mut self,
        now: Instant,
        mut listing: Box<Listing<M::Item>>,
        done: &Completed,
        source: Source<'_>,
    ) -> Result<Next, ClientError> {
        let page = match done.reader(source) {
            Ok(reader) => read_page::<M>(reader, source),
            Err(CallError::Rpc(error))
                if error.code == code::INVALID_PARAMS
                    && listing.cursor.is_some()
                    && !listing.restarted =>
            {
                // The list has changed under the cursor: once more from the start (`cache.pages`).
                let pages = self.session.limits().pages;
                let generation = M::list(&mut self.catalog).generation();
                let mut again = Box::new(Listing::new(pages, generation));
                again.restarted = true;
                return Ok(Next::Again(M::operation(again)));
            }
            // What the server doesn't know it doesn't offer, whatever it declared.
            Err(CallError::Rpc(error))
                if error.code == code::METHOD_NOT_FOUND && listing.cursor.is_none() =>
            {
                let items = Listed::empty();
                let until = self.unsaid(now);
                M::list(&mut self.catalog).keep(&items, listing.generation, until);
                return Ok(Next::Done(Box::new(Ok(M::output(items)))));
            }
            Err(error) => return Err(error.clone().into()),
        };
        // Read once more for what is wrong with it.
        let page = match page {
            Some(page) => page,
            None => return Err(malformed::<M>(done).into()),
        };
        let is_modern = self.session.revision().map(|revision| revision.era()) == Some(Era::Modern);
        if is_modern {
            let stale = stale_at(now, &page.hints);
            listing.stale = Some(listing.stale.map_or(stale, |known| known.min(stale)));
        }
        let limits = self.session.limits();
        let limit = limits.uri;
        if page
            .next
            .as_ref()
            .is_some_and(|cursor| cursor.len() > limit)
        {
            let what = "the length of a cursor";
            return Err(ClientError::LimitReached { what, limit });
        }
        // Each item is held twice: as its type, and as it came.
        listing.held = listing.held.saturating_add(done.length().saturating_mul(2));
        let limit = limits.memory;
        if listing.held > limit {
            let what = "the bytes of a listing";
            return Err(ClientError::LimitReached { what, limit });
        }
        if let Some(unreadable) = page.items.skipped().first().filter(|_| self.options.strict) {
            return Err(ClientError::Unreadable(Box::new(unreadable.clone())));
        }
        append(&mut listing.raw, page.raw);
        listing.skipped.extend(page.items.skipped().iter().cloned());
        append(&mut listing.items, page.items.into_vec());
        listing.cursor = listing.guard.advance(page.next)?;
        if listing.cursor.is_some() {
            return Ok(Next::Again(M::operation(listing)));
        }
        M::settle(&mut listing);
        let items = Listed::new(listing.items, listing.raw, listing.skipped);
        M::list(&mut self.catalog).keep(&items, listing.generation, listing.stale);
        Ok(Next::Done(Box::new(Ok(M::output(items)))))
    }
}

/// Most lists have one page, which needs no copy.
fn append<T>(all: &mut Vec<T>, more: Vec<T>) {
    match all.is_empty() {
        true => *all = more,
        false => all.extend(more),
    }
}

/// What is wrong with a page that can't be read.
fn malformed<M: Listable>(done: &Completed) -> CallError {
    let bad = CallError::BadResult {
        method: M::NAME.into(),
        path: M::MEMBER.into(),
        reason: "no list".into(),
    };
    done.result::<M>().err().unwrap_or(bad)
}
