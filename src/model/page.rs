//! Lists that come in pages, and the cache hints that 2026-07-28 gives with them.
//! Cursors are opaque: they are echoed byte for byte, and the empty string is one of them.

use alloc::collections::BTreeSet;
use alloc::string::String;
use core::fmt;
use core::time::Duration;

use crate::model::field::open_enum;
use crate::model::list::once;
use crate::model::meta::Meta;
use crate::model::wire_type::wire_type;
use crate::named::named;
use crate::rpc::{GoodJson, Raw, Text};

wire_type! {
    /// The parameters of every method that returns its list in pages.
    #[derive(Debug, Default)]
    pub struct PaginatedRequestParams<'a> {
        /// Where to go on, as the previous page's `next_cursor` said; `None` asks for the first
        /// page.
        cursor?: Text<'a>,
        /// Metadata of the request.
        meta? as "_meta": Meta<'a>,
    }

    /// Asks for the first page.
    pub fn new();
}

open_enum! {
    /// Who may be given a cached result; since 2026-07-28.
    CacheScope {
        /// Everybody.
        Public = "public",
        /// Only who asked for it.
        Private = "private",
    }
}

/// How long a result may be cached, and for which users.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct CacheHints {
    /// How long after its arrival the result stays fresh; zero means it is stale at once.
    pub lifetime: Duration,
    /// Whether it may be given to others than the one who asked.
    pub shared: bool,
}

impl CacheHints {
    /// Reads the two fields of a result. An absent or negative time counts as zero, an absent or
    /// unknown scope as private.
    // `cache.absent`, `cache.scope`
    pub fn new(ttl_ms: Option<i64>, cache_scope: Option<&CacheScope<'_>>) -> Self {
        let milliseconds = ttl_ms.and_then(|ttl| u64::try_from(ttl).ok()).unwrap_or(0);
        Self {
            lifetime: Duration::from_millis(milliseconds),
            shared: cache_scope == Some(&CacheScope::Public),
        }
    }
}

/// Gives a result with `ttl_ms` and `cache_scope` the getter that reads both.
macro_rules! cache_hints {
    ($($name:ident),* $(,)?) => { $(
        impl $name<'_> {
            /// Returns how long this result may be cached, and for which users.
            pub fn cache_hints(&self) -> $crate::model::page::CacheHints {
                $crate::model::page::CacheHints::new(self.ttl_ms, self.cache_scope.as_ref())
            }
        }
    )* };
}

/// Gives the result of a listing a reader by its members, for when there are no others than usual and
/// each is as it should be: the list is not read twice, as `Deserialize` does to find its end.
macro_rules! page_from_scan {
    ($($name:ident { $list:ident as $key:literal })*) => { $(
        impl<'a> $name<'a> {
            pub(crate) fn from_scan(
                body: $crate::model::members::ScannedBody<'a>,
            ) -> Option<Self> {
                use $crate::model::list::{Element, List};
                use $crate::model::page::Page;
                let page = Page::read(body.reader(), $key, Element::read_list).or_else(|| {
                    Page::read(body.reader(), $key, |reader| List::read(reader.value()?))
                })?;
                Some(Self {
                    $list: page.list,
                    next_cursor: page.next_cursor,
                    ttl_ms: page.ttl_ms,
                    cache_scope: page.cache_scope,
                    meta: page.meta,
                })
            }
        }
    )* };
}

pub(crate) use {cache_hints, page_from_scan};

/// The members of one page.
pub(crate) struct Page<'a, L> {
    pub(crate) list: L,
    pub(crate) next_cursor: Option<Text<'a>>,
    pub(crate) ttl_ms: Option<i64>,
    pub(crate) cache_scope: Option<CacheScope<'a>>,
    pub(crate) meta: Option<Meta<'a>>,
}

impl<'a, L> Page<'a, L> {
    /// Reads the members of a result, and with `read` the list that is under
    /// `key`; `None` when there are others than usual, one is there twice, or one isn't as it should be.
    pub(crate) fn read(
        mut reader: GoodJson<'a>,
        key: &str,
        read: impl Fn(&mut GoodJson<'a>) -> Option<L>,
    ) -> Option<Self> {
        let (mut list, mut next_cursor) = (None, None);
        let (mut ttl_ms, mut cache_scope, mut meta) = (None, None, None);
        reader.object()?;
        while let Some(name) = reader.key()? {
            match name.as_str() {
                name if name == key => once(&mut list, read(&mut reader)?)?,
                "nextCursor" => once(&mut next_cursor, reader.text()?)?,
                "resultType" => drop(reader.value()?),
                "ttlMs" => once(&mut ttl_ms, serde_json::from_str(reader.value()?).ok()?)?,
                "cacheScope" => {
                    once(
                        &mut cache_scope,
                        serde_json::from_str(reader.value()?).ok()?,
                    )?;
                }
                "_meta" => once(&mut meta, Meta::from_raw(Raw::constant(reader.value()?))?)?,
                _ => return None,
            }
        }
        Some(Self {
            list: list?,
            next_cursor,
            ttl_ms,
            cache_scope,
            meta,
        })
    }
}

/// Why a listing was given up.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PageError {
    /// The peer sent a cursor that it had sent before in this listing: the fault is the peer's.
    RepeatedCursor,
    /// The peer has more pages than are wanted: raise the limit, or do with those there are.
    TooManyPages {
        /// The most pages that were wanted.
        limit: u32,
    },
}

impl fmt::Display for PageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RepeatedCursor => {
                f.write_str("the peer repeated a cursor, so the listing would never end")
            }
            Self::TooManyPages { limit } => write!(f, "the listing has more than {limit} pages"),
        }
    }
}

impl core::error::Error for PageError {}

/// Follows one listing from page to page and stops one that would never end.
///
/// It is plain data: it holds the cursors seen so far and can be saved with them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageGuard {
    limit: u32,
    seen: BTreeSet<String>,
}

named! { struct PageGuard { limit, seen } }

impl PageGuard {
    /// Creates a guard for a listing of at most `limit` pages.
    pub fn new(limit: u32) -> Self {
        Self {
            limit,
            seen: BTreeSet::new(),
        }
    }

    /// Takes the `next_cursor` of a page that has arrived; gives the cursor to ask with, `None`
    /// when the listing is complete. Returns an error if the cursor repeats or the limit is
    /// reached.
    pub fn advance<'a>(
        &mut self,
        next_cursor: Option<Text<'a>>,
    ) -> Result<Option<Text<'a>>, PageError> {
        let Some(cursor) = next_cursor else {
            return Ok(None);
        };
        if self.seen.contains(cursor.as_str()) {
            return Err(PageError::RepeatedCursor);
        }
        // One page has come for every cursor seen, and one for the request without a cursor.
        if self.seen.len().saturating_add(1) >= self.limit as usize {
            return Err(PageError::TooManyPages { limit: self.limit });
        }
        self.seen.insert(cursor.as_str().into());
        Ok(Some(cursor))
    }
}
