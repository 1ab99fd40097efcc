//! Roots: the directories and files that a client lets a server work in (`roots/list`).

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::model::field::setters;
use crate::model::list::List;
use crate::model::meta::Meta;
use crate::model::owned::into_owned;
use crate::model::resource::is_valid_uri;
use crate::rpc::Text;

/// A directory or file that a server may work in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[serde(rename(serialize = "mcp_proto::Root"))]
#[non_exhaustive]
pub struct Root<'a> {
    /// Where it is, a `file://` URI; see [`Root::is_file_uri`].
    #[serde(borrow)]
    pub uri: Text<'a>,
    /// The name for people.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Text<'a>>,
    /// Metadata of the root; since 2025-06-18.
    #[serde(
        rename = "_meta",
        borrow,
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub meta: Option<Meta<'a>>,
}

impl<'a> Root<'a> {
    /// The root at `uri`.
    pub fn new(uri: impl Into<Text<'a>>) -> Self {
        Self {
            uri: uri.into(),
            name: None,
            meta: None,
        }
    }

    /// Whether the URI is a `file://` URI, as every revision asks; not checked on decoding.
    pub fn is_file_uri(&self) -> bool {
        let scheme = self.uri.get(..7);
        scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("file://"))
            && is_valid_uri(&self.uri)
    }
}

/// The result of `roots/list`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[serde(rename(serialize = "mcp_proto::ListRootsResult"))]
#[non_exhaustive]
pub struct ListRootsResult<'a> {
    /// The roots; an empty list lets the server work nowhere.
    #[serde(borrow)]
    pub roots: List<'a, Root<'a>>,
    /// Metadata of the result; up to 2025-11-25.
    #[serde(
        rename = "_meta",
        borrow,
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub meta: Option<Meta<'a>>,
}

impl<'a> ListRootsResult<'a> {
    /// These roots.
    pub fn new(roots: Vec<Root<'a>>) -> Self {
        Self {
            roots: roots.into(),
            meta: None,
        }
    }
}

setters! {
    Root { name: Text<'a>, meta: Meta<'a> }
    ListRootsResult { meta: Meta<'a> }
}

into_owned! {
    Root { uri, name, meta }
    ListRootsResult { roots, meta }
}
