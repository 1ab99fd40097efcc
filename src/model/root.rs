//! Roots: the directories and files that a client lets a server work in (`roots/list`).

use alloc::vec::Vec;

use crate::model::list::List;
use crate::model::meta::Meta;
use crate::model::resource::is_valid_uri;
use crate::model::wire_type::wire_type;
use crate::rpc::Text;

wire_type! {
    /// A directory or file that a server may work in.
    #[derive(Debug)]
    pub struct Root<'a> {
        /// Where it is, a `file://` URI; see [`Root::is_file_uri`].
        uri: Text<'a>,
        /// The name for people.
        name?: Text<'a>,
        /// Metadata of the root; since 2025-06-18.
        meta? as "_meta": Meta<'a> [since(V2025_06_18)],
    }

    /// The root at `uri`.
    pub fn new(uri: impl Into<Text<'a>>);
}

impl<'a> Root<'a> {
    /// Whether the URI is a `file://` URI, as every revision asks; not checked on decoding.
    pub fn is_file_uri(&self) -> bool {
        let scheme = self.uri.get(..7);
        scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("file://"))
            && is_valid_uri(&self.uri)
    }
}

wire_type! {
    /// The result of `roots/list`.
    #[derive(Debug, Default)]
    pub struct ListRootsResult<'a> {
        /// The roots; an empty list lets the server work nowhere.
        roots: List<'a, Root<'a>>,
        /// Metadata of the result; up to 2025-11-25.
        meta? as "_meta": Meta<'a> [until(V2025_11_25)],
    }

    /// These roots.
    pub fn new(roots: Vec<Root<'a>>);
}
