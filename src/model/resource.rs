//! Resources: their listing, templates, reading and watching (`resources/*`).

use alloc::vec::Vec;

use crate::model::content::{Annotations, ResourceContents};
use crate::model::field::Lifetime;
use crate::model::initialize::Icon;
use crate::model::list::{Element, List, once};
use crate::model::members::ScannedBody;
use crate::model::meta::Meta;
pub use crate::model::page::PaginatedRequestParams as ListResourcesParams;
pub use crate::model::page::PaginatedRequestParams as ListResourceTemplatesParams;
use crate::model::page::{CacheScope, cache_hints, page_from_scan};
use crate::model::state::RequestState;
use crate::model::wire_type::wire_type;
use crate::rpc::{GoodJson, Raw, Text};

wire_type! {
    /// A resource that a server offers.
    #[derive(Debug)]
    pub struct Resource<'a> {
        /// Where it can be read.
        uri: Text<'a>,
        /// The name for programs.
        name: Text<'a>,
        /// The name for people; since 2025-06-18.
        title?: Text<'a> [since(V2025_06_18)],
        /// What it is, for people and models.
        description?: Text<'a>,
        /// The MIME type, if it is known.
        mime_type? as "mimeType": Text<'a>,
        /// The size in bytes before any encoding, if it is known.
        #[read(crate::model::field::integer)]
        size?: i64,
        /// Pictures to show for it; since 2025-11-25.
        #[read(crate::model::initialize::icons)]
        icons?: Vec<Icon<'a>> [since(V2025_11_25)],
        /// Who it is for and how important it is.
        #[read(crate::model::field::hint)]
        annotations?: Annotations<'a>,
        /// Metadata of the resource; since 2025-06-18.
        meta? as "_meta": Meta<'a> [since(V2025_06_18)],
    }

    /// Returns the resource at `uri`.
    pub fn new(uri: impl Into<Text<'a>>, name: impl Into<Text<'a>>);
}

impl<'a> Element<'a> for Resource<'a> {}

impl<'a> Resource<'a> {
    /// Returns the name to show: `title`, else `name`.
    pub fn display_name(&self) -> &str {
        self.title.as_ref().unwrap_or(&self.name)
    }
}

wire_type! {
    /// A family of resources whose URIs follow a template.
    #[derive(Debug)]
    pub struct ResourceTemplate<'a> {
        /// The URI template (RFC 6570).
        uri_template as "uriTemplate": Text<'a>,
        /// The name for programs.
        name: Text<'a>,
        /// The name for people; since 2025-06-18.
        title?: Text<'a> [since(V2025_06_18)],
        /// What the resources are, for people and models.
        description?: Text<'a>,
        /// The MIME type, if all of them have the same.
        mime_type? as "mimeType": Text<'a>,
        /// Pictures to show for it; since 2025-11-25.
        #[read(crate::model::initialize::icons)]
        icons?: Vec<Icon<'a>> [since(V2025_11_25)],
        /// Who they are for and how important they are.
        #[read(crate::model::field::hint)]
        annotations?: Annotations<'a>,
        /// Metadata of the template; since 2025-06-18.
        meta? as "_meta": Meta<'a> [since(V2025_06_18)],
    }

    /// Returns the resources whose URIs follow `uri_template`.
    pub fn new(uri_template: impl Into<Text<'a>>, name: impl Into<Text<'a>>);
}

impl<'a> Element<'a> for ResourceTemplate<'a> {}

impl<'a> ResourceTemplate<'a> {
    /// Returns the name to show: `title`, else `name`.
    pub fn display_name(&self) -> &str {
        self.title.as_ref().unwrap_or(&self.name)
    }
}

wire_type! {
    /// The result of `resources/list`: one page.
    #[derive(Debug, Default)]
    pub struct ListResourcesResult<'a> {
        /// The resources of this page.
        resources: List<'a, Resource<'a>>,
        /// The cursor of the next page; `None` when this is the last.
        next_cursor? as "nextCursor": Text<'a>,
        /// For how many milliseconds the result stays fresh; since 2026-07-28.
        #[read(crate::model::field::integer)]
        ttl_ms? as "ttlMs": i64 as Lifetime [since(V2026_07_28)],
        /// Who may be given a cached copy; since 2026-07-28.
        cache_scope? as "cacheScope": CacheScope<'a> [since(V2026_07_28)],
        /// Metadata of the result.
        meta? as "_meta": Meta<'a>,
    }

    /// Returns the last page, with these items.
    pub fn new(resources: Vec<Resource<'a>>);
}

wire_type! {
    /// The result of `resources/templates/list`: one page.
    #[derive(Debug, Default)]
    pub struct ListResourceTemplatesResult<'a> {
        /// The templates of this page.
        resource_templates as "resourceTemplates": List<'a, ResourceTemplate<'a>>,
        /// The cursor of the next page; `None` when this is the last.
        next_cursor? as "nextCursor": Text<'a>,
        /// For how many milliseconds the result stays fresh; since 2026-07-28.
        #[read(crate::model::field::integer)]
        ttl_ms? as "ttlMs": i64 as Lifetime [since(V2026_07_28)],
        /// Who may be given a cached copy; since 2026-07-28.
        cache_scope? as "cacheScope": CacheScope<'a> [since(V2026_07_28)],
        /// Metadata of the result.
        meta? as "_meta": Meta<'a>,
    }

    /// Returns the last page, with these items.
    pub fn new(resource_templates: Vec<ResourceTemplate<'a>>);
}

wire_type! {
    /// The parameters of `resources/read`.
    #[derive(Debug)]
    pub struct ReadResourceParams<'a> {
        /// What to read; see [`is_valid_uri`].
        uri: Text<'a>,
        /// The answers to what the previous round asked for; since 2026-07-28.
        input_responses? as "inputResponses": Raw<'a> [since(V2026_07_28)],
        /// The server's state, echoed from the previous round; since 2026-07-28.
        request_state? as "requestState": RequestState<'a> [since(V2026_07_28)],
        /// Metadata of the request.
        meta? as "_meta": Meta<'a>,
    }

    /// Reads what is at `uri`.
    pub fn new(uri: impl Into<Text<'a>>);
}

wire_type! {
    /// The result of `resources/read`.
    #[derive(Debug, Default)]
    pub struct ReadResourceResult<'a> {
        /// What was read; several for a directory, with URIs of their own. Never empty to say that
        /// there is no such resource: that is an error.
        contents: List<'a, ResourceContents<'a>>,
        /// For how many milliseconds the result stays fresh; since 2026-07-28.
        #[read(crate::model::field::integer)]
        ttl_ms? as "ttlMs": i64 as Lifetime [since(V2026_07_28)],
        /// Who may be given a cached copy; since 2026-07-28.
        cache_scope? as "cacheScope": CacheScope<'a> [since(V2026_07_28)],
        /// Metadata of the result.
        meta? as "_meta": Meta<'a>,
    }

    /// Creates a result of these contents.
    pub fn new(contents: Vec<ResourceContents<'a>>);
}

impl<'a> ReadResourceResult<'a> {
    /// The result by its members, when all are as they should be and there are no others than usual: then
    /// what may be long is read once.
    pub(crate) fn from_scan(body: ScannedBody<'a>) -> Option<Self> {
        let mut result = Self::default();
        let mut contents = None;
        let mut reader = body.reader();
        reader.object()?;
        while let Some(key) = reader.key()? {
            match key.as_str() {
                "contents" => once(&mut contents, Self::read_contents(&mut reader)?)?,
                "resultType" => drop(reader.value()?),
                "ttlMs" => {
                    let time = serde_json::from_str(reader.value()?).ok()?;
                    once(&mut result.ttl_ms, time)?;
                }
                "cacheScope" => {
                    let scope = serde_json::from_str(reader.value()?).ok()?;
                    once(&mut result.cache_scope, scope)?;
                }
                "_meta" => {
                    let meta = Meta::from_raw(Raw::constant(reader.value()?))?;
                    once(&mut result.meta, meta)?;
                }
                _ => return None,
            }
        }
        result.contents = contents?.into();
        Some(result)
    }

    fn read_contents(reader: &mut GoodJson<'a>) -> Option<Vec<ResourceContents<'a>>> {
        reader.array()?;
        // One at most times, for which there need be no room for more.
        let mut contents = Vec::with_capacity(1);
        while reader.has_element() {
            contents.push(ResourceContents::read_next(reader)?);
        }
        Some(contents)
    }
}

wire_type! {
    /// The parameters of `resources/subscribe`; up to 2025-11-25.
    #[derive(Debug)]
    pub struct SubscribeParams<'a> {
        /// The resource it is about.
        uri: Text<'a>,
        /// Metadata of the message.
        meta? as "_meta": Meta<'a>,
    }

    /// Creates the parameters for the resource at `uri`.
    pub fn new(uri: impl Into<Text<'a>>);
}

wire_type! {
    /// The parameters of `resources/unsubscribe`; up to 2025-11-25.
    #[derive(Debug)]
    pub struct UnsubscribeParams<'a> {
        /// The resource it is about.
        uri: Text<'a>,
        /// Metadata of the message.
        meta? as "_meta": Meta<'a>,
    }

    /// Creates the parameters for the resource at `uri`.
    pub fn new(uri: impl Into<Text<'a>>);
}

wire_type! {
    /// The parameters of `notifications/resources/updated`; the URI may lie below the one
    /// subscribed to.
    #[derive(Debug)]
    pub struct ResourceUpdatedParams<'a> {
        /// The resource it is about.
        uri: Text<'a>,
        /// Metadata of the message.
        meta? as "_meta": Meta<'a>,
    }

    /// Creates the parameters for the resource at `uri`.
    pub fn new(uri: impl Into<Text<'a>>);
}

/// Returns whether `uri` has an RFC 3986 scheme, no space or control character, and only whole `%`
/// escapes.
pub fn is_valid_uri(uri: &str) -> bool {
    let Some((scheme, rest)) = uri.split_once(':') else {
        return false;
    };
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
    let starts_with_letter = scheme
        .bytes()
        .next()
        .is_some_and(|byte| byte.is_ascii_alphabetic());
    starts_with_letter
        && scheme.bytes().all(allowed)
        && !rest.contains(|c: char| c.is_control() || c.is_whitespace())
        && rest.split('%').skip(1).all(|escape| {
            let mut digits = escape.bytes();
            (0..2).all(|_| digits.next().is_some_and(|digit| digit.is_ascii_hexdigit()))
        })
}

/// Returns whether an error code of `resources/read` says that there is no such resource: -32002 up
/// to 2025-11-25, -32602 since 2026-07-28. Servers mix them, so both count in every revision.
pub fn is_resource_not_found(code: i64) -> bool {
    matches!(code, -32002 | -32602)
}

cache_hints!(
    ListResourcesResult,
    ListResourceTemplatesResult,
    ReadResourceResult
);
page_from_scan! {
    ListResourcesResult { resources as "resources" }
    ListResourceTemplatesResult { resource_templates as "resourceTemplates" }
}
