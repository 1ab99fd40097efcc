//! Resources: their listing, templates, reading and watching (`resources/*`).

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::model::content::{Annotations, ResourceContents};
use crate::model::field::setters;
use crate::model::initialize::Icon;
use crate::model::list::List;
use crate::model::meta::Meta;
use crate::model::owned::into_owned;
pub use crate::model::page::PaginatedRequestParams as ListResourcesParams;
pub use crate::model::page::PaginatedRequestParams as ListResourceTemplatesParams;
use crate::model::page::{CacheScope, cache_hints};
use crate::model::state::RequestState;
use crate::rpc::{Raw, Text};

/// A resource that a server offers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[serde(rename(serialize = "mcp_proto::Resource"))]
#[non_exhaustive]
pub struct Resource<'a> {
    /// Where it can be read.
    #[serde(borrow)]
    pub uri: Text<'a>,
    /// The name for programs.
    #[serde(borrow)]
    pub name: Text<'a>,
    /// The name for people; since 2025-06-18.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub title: Option<Text<'a>>,
    /// What it is, for people and models.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Text<'a>>,
    /// The MIME type, if it is known.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub mime_type: Option<Text<'a>>,
    /// The size in bytes before any encoding, if it is known.
    #[serde(
        default,
        deserialize_with = "crate::model::field::integer",
        skip_serializing_if = "Option::is_none"
    )]
    pub size: Option<i64>,
    /// Pictures to show for it; since 2025-11-25.
    #[serde(
        borrow,
        default,
        deserialize_with = "crate::model::initialize::icons",
        skip_serializing_if = "Option::is_none"
    )]
    pub icons: Option<Vec<Icon<'a>>>,
    /// For whom it is and how much it matters.
    #[serde(
        borrow,
        default,
        deserialize_with = "crate::model::field::hint",
        skip_serializing_if = "Option::is_none"
    )]
    pub annotations: Option<Annotations<'a>>,
    /// Metadata of the resource; since 2025-06-18.
    #[serde(
        rename = "_meta",
        borrow,
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub meta: Option<Meta<'a>>,
}

impl<'a> Resource<'a> {
    /// The resource at `uri`.
    pub fn new(uri: impl Into<Text<'a>>, name: impl Into<Text<'a>>) -> Self {
        Self {
            uri: uri.into(),
            name: name.into(),
            title: None,
            description: None,
            mime_type: None,
            size: None,
            icons: None,
            annotations: None,
            meta: None,
        }
    }

    /// The name to show: `title`, else `name`.
    pub fn display_name(&self) -> &str {
        self.title.as_ref().unwrap_or(&self.name)
    }
}

/// A family of resources whose URIs follow a template.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[serde(rename(serialize = "mcp_proto::ResourceTemplate"))]
#[non_exhaustive]
pub struct ResourceTemplate<'a> {
    /// The URI template (RFC 6570).
    #[serde(borrow)]
    pub uri_template: Text<'a>,
    /// The name for programs.
    #[serde(borrow)]
    pub name: Text<'a>,
    /// The name for people; since 2025-06-18.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub title: Option<Text<'a>>,
    /// What the resources are, for people and models.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Text<'a>>,
    /// The MIME type, if all of them have the same.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub mime_type: Option<Text<'a>>,
    /// Pictures to show for it; since 2025-11-25.
    #[serde(
        borrow,
        default,
        deserialize_with = "crate::model::initialize::icons",
        skip_serializing_if = "Option::is_none"
    )]
    pub icons: Option<Vec<Icon<'a>>>,
    /// For whom they are and how much they matter.
    #[serde(
        borrow,
        default,
        deserialize_with = "crate::model::field::hint",
        skip_serializing_if = "Option::is_none"
    )]
    pub annotations: Option<Annotations<'a>>,
    /// Metadata of the template; since 2025-06-18.
    #[serde(
        rename = "_meta",
        borrow,
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub meta: Option<Meta<'a>>,
}

impl<'a> ResourceTemplate<'a> {
    /// The resources whose URIs follow `uri_template`.
    pub fn new(uri_template: impl Into<Text<'a>>, name: impl Into<Text<'a>>) -> Self {
        Self {
            uri_template: uri_template.into(),
            name: name.into(),
            title: None,
            description: None,
            mime_type: None,
            icons: None,
            annotations: None,
            meta: None,
        }
    }

    /// The name to show: `title`, else `name`.
    pub fn display_name(&self) -> &str {
        self.title.as_ref().unwrap_or(&self.name)
    }
}

macro_rules! list_result {
    ($name:ident, $written:literal, $method:literal, $field:ident: $item:ident, $about:literal) => {
        #[doc = concat!("The result of `", $method, "`: one page.")]
        #[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
        #[serde(rename_all = "camelCase")]
        #[serde(rename(serialize = $written))]
        #[non_exhaustive]
        pub struct $name<'a> {
            #[doc = $about]
            #[serde(borrow)]
            pub $field: List<'a, $item<'a>>,
            /// The cursor of the next page; `None` when this is the last.
            #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
            pub next_cursor: Option<Text<'a>>,
            /// For how many milliseconds the result stays fresh; since 2026-07-28.
            #[serde(
                default,
                deserialize_with = "crate::model::field::integer",
                serialize_with = "crate::model::field::lifetime",
                skip_serializing_if = "Option::is_none"
            )]
            pub ttl_ms: Option<i64>,
            /// Who may be given a cached copy; since 2026-07-28.
            #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
            pub cache_scope: Option<CacheScope<'a>>,
            /// Metadata of the result.
            #[serde(
                rename = "_meta",
                borrow,
                default,
                skip_serializing_if = "Option::is_none"
            )]
            pub meta: Option<Meta<'a>>,
        }

        impl<'a> $name<'a> {
            /// The last page, with these items.
            pub fn new($field: Vec<$item<'a>>) -> Self {
                Self {
                    $field: $field.into(),
                    ..Self::default()
                }
            }
        }
    };
}

list_result!(
    ListResourcesResult,
    "mcp_proto::ListResourcesResult",
    "resources/list",
    resources: Resource,
    "The resources of this page."
);
list_result!(
    ListResourceTemplatesResult,
    "mcp_proto::ListResourceTemplatesResult",
    "resources/templates/list",
    resource_templates: ResourceTemplate,
    "The templates of this page."
);

/// The parameters of `resources/read`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[serde(rename(serialize = "mcp_proto::ReadResourceParams"))]
#[non_exhaustive]
pub struct ReadResourceParams<'a> {
    /// What to read; see [`is_valid_uri`].
    #[serde(borrow)]
    pub uri: Text<'a>,
    /// The answers to what the previous round asked for; since 2026-07-28.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub input_responses: Option<Raw<'a>>,
    /// The server's state, echoed from the previous round; since 2026-07-28.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub request_state: Option<RequestState<'a>>,
    /// Metadata of the request.
    #[serde(
        rename = "_meta",
        borrow,
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub meta: Option<Meta<'a>>,
}

impl<'a> ReadResourceParams<'a> {
    /// Reads what is at `uri`.
    pub fn new(uri: impl Into<Text<'a>>) -> Self {
        Self {
            uri: uri.into(),
            input_responses: None,
            request_state: None,
            meta: None,
        }
    }
}

/// The result of `resources/read`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[serde(rename(serialize = "mcp_proto::ReadResourceResult"))]
#[non_exhaustive]
pub struct ReadResourceResult<'a> {
    /// What was read; several for a directory, with URIs of their own. Never empty to say that
    /// there is no such resource: that is an error.
    #[serde(borrow)]
    pub contents: List<'a, ResourceContents<'a>>,
    /// For how many milliseconds the result stays fresh; since 2026-07-28.
    #[serde(
        default,
        deserialize_with = "crate::model::field::integer",
        serialize_with = "crate::model::field::lifetime",
        skip_serializing_if = "Option::is_none"
    )]
    pub ttl_ms: Option<i64>,
    /// Who may be given a cached copy; since 2026-07-28.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub cache_scope: Option<CacheScope<'a>>,
    /// Metadata of the result.
    #[serde(
        rename = "_meta",
        borrow,
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub meta: Option<Meta<'a>>,
}

impl<'a> ReadResourceResult<'a> {
    /// These contents.
    pub fn new(contents: Vec<ResourceContents<'a>>) -> Self {
        Self {
            contents: contents.into(),
            ..Self::default()
        }
    }
}

macro_rules! uri_params {
    ($($name:ident = $about:literal)*) => { $(
        #[doc = $about]
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(rename_all = "camelCase")]
        #[non_exhaustive]
        pub struct $name<'a> {
            /// The resource it is about.
            #[serde(borrow)]
            pub uri: Text<'a>,
            /// Metadata of the message.
            #[serde(rename = "_meta", borrow, default, skip_serializing_if = "Option::is_none")]
            pub meta: Option<Meta<'a>>,
        }

        impl<'a> $name<'a> {
            /// About the resource at `uri`.
            pub fn new(uri: impl Into<Text<'a>>) -> Self {
                Self { uri: uri.into(), meta: None }
            }
        }
    )* };
}

uri_params! {
    SubscribeParams = "The parameters of `resources/subscribe`; up to 2025-11-25."
    UnsubscribeParams = "The parameters of `resources/unsubscribe`; up to 2025-11-25."
    ResourceUpdatedParams = "The parameters of `notifications/resources/updated`; the URI may lie below the one subscribed to."
}

/// Whether `uri` has an RFC 3986 scheme, no space or control character, and only whole `%` escapes.
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

/// Whether an error code of `resources/read` says that there is no such resource: -32002 up to
/// 2025-11-25, -32602 since 2026-07-28. Servers mix them, so both count in every revision.
pub fn is_resource_not_found(code: i64) -> bool {
    matches!(code, -32002 | -32602)
}

cache_hints!(
    ListResourcesResult,
    ListResourceTemplatesResult,
    ReadResourceResult
);

setters! {
    Resource {
        title: Text<'a>, description: Text<'a>, mime_type: Text<'a>, size: i64,
        icons: Vec<Icon<'a>>, annotations: Annotations<'a>, meta: Meta<'a>,
    }
    ResourceTemplate {
        title: Text<'a>, description: Text<'a>, mime_type: Text<'a>, icons: Vec<Icon<'a>>,
        annotations: Annotations<'a>, meta: Meta<'a>,
    }
    ListResourcesResult {
        next_cursor: Text<'a>, ttl_ms: i64, cache_scope: CacheScope<'a>, meta: Meta<'a>,
    }
    ListResourceTemplatesResult {
        next_cursor: Text<'a>, ttl_ms: i64, cache_scope: CacheScope<'a>, meta: Meta<'a>,
    }
    ReadResourceParams { input_responses: Raw<'a>, request_state: RequestState<'a>, meta: Meta<'a> }
    ReadResourceResult { ttl_ms: i64, cache_scope: CacheScope<'a>, meta: Meta<'a> }
    SubscribeParams { meta: Meta<'a> }
    UnsubscribeParams { meta: Meta<'a> }
    ResourceUpdatedParams { meta: Meta<'a> }
}

into_owned! {
    Resource { uri, name, title, description, mime_type, size, icons, annotations, meta }
    ResourceTemplate { uri_template, name, title, description, mime_type, icons, annotations, meta }
    ListResourcesResult { resources, next_cursor, ttl_ms, cache_scope, meta }
    ListResourceTemplatesResult { resource_templates, next_cursor, ttl_ms, cache_scope, meta }
    ReadResourceParams { uri, input_responses, request_state, meta }
    ReadResourceResult { contents, ttl_ms, cache_scope, meta }
    SubscribeParams { uri, meta }
    UnsubscribeParams { uri, meta }
    ResourceUpdatedParams { uri, meta }
}
