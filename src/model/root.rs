//! Roots: the directories and files that a client lets a server work in (`roots/list`).
//!
//! # Deprecated
//!
//! Revision 2026-07-28 deprecates roots. They still work, and may go in a revision released on or
//! after 2027-07-28. New code should not use them: pass directories and files as arguments of
//! tools, as resource URIs or by the server's configuration, says the specification's list of
//! [deprecated features](https://modelcontextprotocol.io/specification/2026-07-28/deprecated).

use alloc::vec::Vec;

use crate::model::list::List;
use crate::model::meta::Meta;
use crate::model::resource::is_valid_uri;
use crate::model::wire_type::wire_type;
use crate::rpc::Text;

wire_type! {
    /// A directory or file that a server may work in.
    ///
    /// Deprecated since 2026-07-28: take directories and files as arguments of tools, resource URIs
    /// or configuration. See [`root`](crate::model::root#deprecated).
    #[derive(Debug)]
    pub struct Root<'a> {
        /// Where it is, a `file://` URI; see [`Root::is_file_uri`].
        uri: Text<'a>,
        /// The name for people.
        name?: Text<'a>,
        /// Metadata of the root; since 2025-06-18.
        meta? as "_meta": Meta<'a> [since(V2025_06_18)],
    }

    /// Returns the root at `uri`.
    pub fn new(uri: impl Into<Text<'a>>);
}

impl<'a> Root<'a> {
    /// Returns whether the URI is a `file://` URI, as every revision asks; not checked on decoding.
    pub fn is_file_uri(&self) -> bool {
        let scheme = self.uri.get(..7);
        scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("file://"))
            && is_valid_uri(&self.uri)
    }
}

wire_type! {
    /// The result of `roots/list`.
    ///
    /// Deprecated since 2026-07-28: take directories and files as arguments of tools, resource URIs
    /// or configuration. See [`root`](crate::model::root#deprecated).
    #[derive(Debug, Default)]
    pub struct ListRootsResult<'a> {
        /// The roots; an empty list lets the server work nowhere.
        roots: List<'a, Root<'a>>,
        /// Metadata of the result; up to 2025-11-25.
        meta? as "_meta": Meta<'a> [until(V2025_11_25)],
    }

    /// Creates a result of these roots.
    pub fn new(roots: Vec<Root<'a>>);
}
