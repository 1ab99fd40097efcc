//! Lists that come in pages, and the cache hints that 2026-07-28 gives with them.
//! Cursors are opaque: they are echoed byte for byte, and the empty string is one of them.

use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::marker::PhantomData;
use core::time::Duration;

use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::model::field::open_enum;
use crate::model::list::List;
use crate::model::meta::Meta;
use crate::model::wire_type::wire_type;
use crate::rpc::{Raw, Text, members};

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
                use $crate::model::page::Page;
                let page = match Page::read_whole(body.text(), $key) {
                    Some(page) => page,
                    None => {
                        let page = Page::read(body.text(), concat!("\"", $key, "\""))?;
                        let list = $crate::model::list::List::read(page.list)?;
                        page.with(list)
                    }
                };
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

/// The members of one page, its list read or as the JSON it is.
pub(crate) struct Page<'a, L> {
    pub(crate) list: L,
    pub(crate) next_cursor: Option<Text<'a>>,
    pub(crate) ttl_ms: Option<i64>,
    pub(crate) cache_scope: Option<CacheScope<'a>>,
    pub(crate) meta: Option<Meta<'a>>,
}

impl<'a, L> Page<'a, L> {
    const fn of(list: L) -> Self {
        Self {
            list,
            next_cursor: None,
            ttl_ms: None,
            cache_scope: None,
            meta: None,
        }
    }

    /// The same page with its list read.
    pub(crate) fn with<T>(self, list: T) -> Page<'a, T> {
        Page {
            list,
            next_cursor: self.next_cursor,
            ttl_ms: self.ttl_ms,
            cache_scope: self.cache_scope,
            meta: self.meta,
        }
    }
}

impl<'a, T: Deserialize<'a>> Page<'a, List<'a, T>> {
    /// Reads a page all of whose list can be read, as nearly every one can; `None` for others and where
    /// [`read`](Page::read) says so. The text is read once.
    pub(crate) fn read_whole(text: &'a str, list: &'static str) -> Option<Self> {
        let whole = Whole(list, PhantomData);
        let mut text = serde_json::Deserializer::from_str(text);
        whole.deserialize(&mut text).ok()
    }
}

/// Reads a page whose list has this key.
struct Whole<T>(&'static str, PhantomData<T>);

impl<'a, T: Deserialize<'a>> DeserializeSeed<'a> for Whole<T> {
    type Value = Page<'a, List<'a, T>>;

    fn deserialize<D: Deserializer<'a>>(self, page: D) -> Result<Self::Value, D::Error> {
        page.deserialize_map(self)
    }
}

impl<'a, T: Deserialize<'a>> Visitor<'a> for Whole<T> {
    type Value = Page<'a, List<'a, T>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a page")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut page = Page::of(None::<Vec<T>>);
        while let Some(key) = members.next_key::<Text<'a>>()? {
            match key.as_str() {
                key if key == self.0 && page.list.is_none() => {
                    page.list = Some(members.next_value()?);
                }
                "nextCursor" if page.next_cursor.is_none() => {
                    page.next_cursor = Some(members.next_value()?);
                }
                "resultType" => {
                    members.next_value::<IgnoredAny>()?;
                }
                "ttlMs" if page.ttl_ms.is_none() => page.ttl_ms = Some(members.next_value()?),
                "cacheScope" if page.cache_scope.is_none() => {
                    page.cache_scope = Some(members.next_value()?);
                }
                "_meta" if page.meta.is_none() => page.meta = Some(members.next_value()?),
                _ => return Err(A::Error::custom("another member")),
            }
        }
        let list = page
            .list
            .take()
            .ok_or_else(|| A::Error::custom("no list"))?;
        Ok(page.with(list.into()))
    }
}

impl<'a> Page<'a, &'a str> {
    /// Reads the members of a result that is known to be good JSON; `None` when there are others than
    /// usual, one is there twice, or one isn't as it should be. `list` is the key of the list, quoted.
    pub(crate) fn read(text: &'a str, list: &str) -> Option<Self> {
        let mut page = Page::of("");
        for member in members(text.as_bytes()) {
            let value = text.get(member.value.range())?;
            match text.get(member.key.range())? {
                key if key == list && page.list.is_empty() => page.list = value,
                "\"nextCursor\"" if page.next_cursor.is_none() => {
                    page.next_cursor = Some(Text::from_token(value)?);
                }
                "\"resultType\"" => {}
                "\"ttlMs\"" if page.ttl_ms.is_none() => {
                    page.ttl_ms = Some(serde_json::from_str(value).ok()?);
                }
                "\"cacheScope\"" if page.cache_scope.is_none() => {
                    page.cache_scope = Some(serde_json::from_str(value).ok()?);
                }
                "\"_meta\"" if page.meta.is_none() => {
                    page.meta = Some(Meta::from_raw(Raw::trusted(value.into()))?);
                }
                _ => return None,
            }
        }
        (!page.list.is_empty()).then_some(page)
    }
}

/// Why a listing was given up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PageError {
    /// The peer sent a cursor that it had sent before in this listing: the fault is the peer's.
    #[error("the peer repeated a cursor, so the listing would never end")]
    RepeatedCursor,
    /// The peer has more pages than are wanted: raise the limit, or do with those there are.
    #[error("the listing has more than {limit} pages")]
    TooManyPages {
        /// The most pages that were wanted.
        limit: u32,
    },
}

/// Follows one listing from page to page and stops one that would never end.
///
/// It is plain data: it holds the cursors seen so far and can be saved with them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageGuard {
    limit: u32,
    seen: BTreeSet<String>,
}

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
