//! The legacy handshake, and what both eras say about a program: its name, version and icons.
//! The handshake exists up to revision 2025-11-25; [`discover`](super::discover) has what replaced it.

use alloc::vec::Vec;

use serde::Deserializer;

use crate::model::capability::{ClientCapabilities, ServerCapabilities};
use crate::model::field::{self, open_enum};
use crate::model::list::List;
use crate::model::meta::Meta;
use crate::model::wire_type::wire_type;
use crate::rpc::Text;

/// Reads pictures to show, without those that can't be read.
pub(crate) fn icons<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Vec<Icon<'de>>>, D::Error> {
    let icons: Option<List<'de, Icon<'de>>> = field::hint(deserializer)?;
    Ok(icons.map(List::into_vec))
}

wire_type! {
    /// A client or server program, as it presents itself to its peer.
    ///
    /// It is for display and logs: nothing may depend on it.
    // `meta.info.notrust`
    #[derive(Debug)]
    pub struct Implementation<'a> {
        /// The programmatic name.
        name: Text<'a>,
        /// The program's own version, in whatever form it has.
        version: Text<'a>,
        /// The name for people, from 2025-06-18 on.
        title?: Text<'a> [since(V2025_06_18)],
        /// What the program does, from 2025-11-25 on.
        description?: Text<'a> [since(V2025_11_25)],
        /// Icons to choose from, from 2025-11-25 on.
        #[read(crate::model::initialize::icons)]
        icons?: Vec<Icon<'a>> [since(V2025_11_25)],
        /// The program's home page, from 2025-11-25 on.
        website_url? as "websiteUrl": Text<'a> [since(V2025_11_25)],
    }

    /// Creates a program with nothing but its name and version.
    pub fn new(name: impl Into<Text<'a>>, version: impl Into<Text<'a>>);
}

impl<'a> Implementation<'a> {
    /// Returns what to show to people: the title, or the name where there is none.
    // `data.name.title`
    pub fn display_name(&self) -> &str {
        self.title.as_ref().unwrap_or(&self.name)
    }
}

wire_type! {
    /// An icon of a program, tool, prompt, resource or resource template, from 2025-11-25 on.
    ///
    /// Nothing here is fetched or trusted; ask [`is_allowed_icon_uri`] before fetching.
    #[derive(Debug)]
    pub struct Icon<'a> {
        /// Where the image is: an `https:` or `data:` URI, or one that must not be used.
        src: Text<'a>,
        /// The image's type, where the one at `src` is missing or too general.
        mime_type? as "mimeType": Text<'a>,
        /// The sizes it is good for, such as `48x48`, or `any` for a scalable one.
        sizes?: Vec<Text<'a>>,
        /// The background it is made for; any when `None`.
        theme?: IconTheme<'a>,
    }

    /// Creates an icon to be found at `src`.
    pub fn new(src: impl Into<Text<'a>>);
}

impl<'a> Icon<'a> {
    /// Returns whether the icon's URI may be used, as [`is_allowed_icon_uri`] judges it.
    pub fn is_allowed(&self) -> bool {
        is_allowed_icon_uri(&self.src)
    }
}

open_enum! {
    /// The background an icon is made for.
    IconTheme {
        /// A light background.
        Light = "light",
        /// A dark background.
        Dark = "dark",
    }
}

/// Returns whether an icon at `uri` may be fetched or shown: only `https:` and `data:` are allowed.
///
/// `http:`, `javascript:`, `file:`, `ftp:`, `ws:` and the schemes of apps are refused, and so is
/// what has no scheme.
// `data.icon.scheme`
pub fn is_allowed_icon_uri(uri: &str) -> bool {
    let scheme = uri.split_once(':').map(|(scheme, _)| scheme);
    scheme.is_some_and(|s| s.eq_ignore_ascii_case("https") || s.eq_ignore_ascii_case("data"))
}

wire_type! {
    /// The parameters of `initialize`, which opens a legacy session.
    #[derive(Debug)]
    pub struct InitializeParams<'a> {
        /// The revision the client wants, as it wrote it; it need not be one we know.
        protocol_version as "protocolVersion": Text<'a>,
        /// What the client can do.
        capabilities: ClientCapabilities<'a> [rewritten(ClientCapabilities::downgrade)],
        /// The client program.
        client_info as "clientInfo": Implementation<'a>,
        /// The request's `_meta`.
        meta? as "_meta": Meta<'a>,
    }

    /// Returns the opening of a session in revision `protocol_version`.
    pub fn new(
        protocol_version: impl Into<Text<'a>>,
        capabilities: ClientCapabilities<'a>,
        client_info: Implementation<'a>,
    );
}

wire_type! {
    /// The result of `initialize`: what the session will be.
    #[derive(Debug)]
    pub struct InitializeResult<'a> {
        /// The revision the session speaks, not necessarily the one that was asked for.
        protocol_version as "protocolVersion": Text<'a>,
        /// What the server can do.
        capabilities: ServerCapabilities<'a> [rewritten(ServerCapabilities::downgrade)],
        /// The server program.
        server_info as "serverInfo": Implementation<'a>,
        /// How to use the server, meant for a model.
        // `lifecycle.instructions`
        instructions?: Text<'a>,
        /// The result's `_meta`.
        meta? as "_meta": Meta<'a>,
    }

    /// Returns the acceptance of a session in revision `protocol_version`.
    pub fn new(
        protocol_version: impl Into<Text<'a>>,
        capabilities: ServerCapabilities<'a>,
        server_info: Implementation<'a>,
    );
}

wire_type! {
    /// The parameters of `notifications/initialized`, with which the client ends the handshake.
    #[derive(Debug, Default)]
    pub struct InitializedParams<'a> {
        /// The notification's `_meta`.
        meta? as "_meta": Meta<'a>,
    }
}

impl<'a> InitializedParams<'a> {
    /// Creates empty parameters.
    pub const fn new() -> Self {
        Self { meta: None }
    }
}
