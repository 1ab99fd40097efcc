//! The legacy handshake, and what both eras say about a program: its name, version and icons.
//! The handshake exists up to revision 2025-11-25; `discover.rs` has what took its place.

use alloc::vec::Vec;

use serde::{Deserialize, Deserializer, Serialize};

use crate::model::capability::{ClientCapabilities, ServerCapabilities};
use crate::model::field::{self, open_enum, setters};
use crate::model::list::List;
use crate::model::meta::Meta;
use crate::model::owned::into_owned;
use crate::rpc::Text;

/// Reads pictures to show, without those that can't be read.
pub(crate) fn icons<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Vec<Icon<'de>>>, D::Error> {
    let icons: Option<List<'de, Icon<'de>>> = field::hint(deserializer)?;
    Ok(icons.map(List::into_vec))
}

/// A client or server program, as it presents itself to its peer.
///
/// It is for display and logs: nothing may depend on it (`meta.info.notrust`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[serde(rename(serialize = "mcp_proto::Implementation"))]
#[non_exhaustive]
pub struct Implementation<'a> {
    /// The programmatic name.
    #[serde(borrow)]
    pub name: Text<'a>,
    /// The program's own version, in whatever form it has.
    #[serde(borrow)]
    pub version: Text<'a>,
    /// The name for people, from 2025-06-18 on.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub title: Option<Text<'a>>,
    /// What the program does, from 2025-11-25 on.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Text<'a>>,
    /// Icons to choose from, from 2025-11-25 on.
    #[serde(
        borrow,
        default,
        deserialize_with = "crate::model::initialize::icons",
        skip_serializing_if = "Option::is_none"
    )]
    pub icons: Option<Vec<Icon<'a>>>,
    /// The program's home page, from 2025-11-25 on.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub website_url: Option<Text<'a>>,
}

impl<'a> Implementation<'a> {
    /// A program with nothing but its name and version.
    pub fn new(name: impl Into<Text<'a>>, version: impl Into<Text<'a>>) -> Self {
        Self {
            name: name.into(),
            version: version.into(),
            title: None,
            description: None,
            icons: None,
            website_url: None,
        }
    }

    /// Sets the name for people.
    #[must_use]
    pub fn title(mut self, title: impl Into<Text<'a>>) -> Self {
        self.title = Some(title.into());
        self
    }

    /// Sets what the program does.
    #[must_use]
    pub fn description(mut self, description: impl Into<Text<'a>>) -> Self {
        self.description = Some(description.into());
        self
    }

    /// Sets the icons to choose from.
    #[must_use]
    pub fn icons(mut self, icons: impl IntoIterator<Item = Icon<'a>>) -> Self {
        self.icons = Some(icons.into_iter().collect());
        self
    }

    /// Sets the program's home page.
    #[must_use]
    pub fn website_url(mut self, website_url: impl Into<Text<'a>>) -> Self {
        self.website_url = Some(website_url.into());
        self
    }

    /// What to show to people: the title, or the name where there is none (`data.name.title`).
    pub fn display_name(&self) -> &str {
        self.title.as_ref().unwrap_or(&self.name)
    }
}

/// An icon of a program, tool, prompt, resource or resource template, from 2025-11-25 on.
///
/// Nothing here is fetched or trusted; ask [`is_allowed_icon_uri`] before fetching.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Icon<'a> {
    /// Where the image is: an `https:` or `data:` URI, or one that must not be used.
    #[serde(borrow)]
    pub src: Text<'a>,
    /// The image's type, where the one at `src` is missing or too general.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub mime_type: Option<Text<'a>>,
    /// The sizes it is good for, such as `48x48`, or `any` for a scalable one.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub sizes: Option<Vec<Text<'a>>>,
    /// The background it is made for; any when `None`.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub theme: Option<IconTheme<'a>>,
}

impl<'a> Icon<'a> {
    /// An icon to be found at `src`.
    pub fn new(src: impl Into<Text<'a>>) -> Self {
        Self {
            src: src.into(),
            mime_type: None,
            sizes: None,
            theme: None,
        }
    }

    /// Sets the image's type.
    #[must_use]
    pub fn mime_type(mut self, mime_type: impl Into<Text<'a>>) -> Self {
        self.mime_type = Some(mime_type.into());
        self
    }

    /// Sets the sizes it is good for.
    #[must_use]
    pub fn sizes<T: Into<Text<'a>>>(mut self, sizes: impl IntoIterator<Item = T>) -> Self {
        self.sizes = Some(sizes.into_iter().map(Into::into).collect());
        self
    }

    /// Sets the background it is made for.
    #[must_use]
    pub fn theme(mut self, theme: IconTheme<'a>) -> Self {
        self.theme = Some(theme);
        self
    }

    /// Whether the icon's URI may be used, as [`is_allowed_icon_uri`] judges it.
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

/// Whether an icon at `uri` may be fetched or shown: only `https:` and `data:` are allowed.
///
/// `http:`, `javascript:`, `file:`, `ftp:`, `ws:` and the schemes of apps are refused, and so is
/// what has no scheme (`data.icon.scheme`).
pub fn is_allowed_icon_uri(uri: &str) -> bool {
    let scheme = uri.split_once(':').map(|(scheme, _)| scheme);
    scheme.is_some_and(|s| s.eq_ignore_ascii_case("https") || s.eq_ignore_ascii_case("data"))
}

/// The parameters of `initialize`, which opens a legacy session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[serde(rename(serialize = "mcp_proto::InitializeParams"))]
#[non_exhaustive]
pub struct InitializeParams<'a> {
    /// The revision the client wants, as it wrote it; it need not be one we know.
    #[serde(borrow)]
    pub protocol_version: Text<'a>,
    /// What the client can do.
    #[serde(borrow)]
    pub capabilities: ClientCapabilities<'a>,
    /// The client program.
    #[serde(borrow)]
    pub client_info: Implementation<'a>,
    /// The request's `_meta`.
    #[serde(
        borrow,
        default,
        rename = "_meta",
        skip_serializing_if = "Option::is_none"
    )]
    pub meta: Option<Meta<'a>>,
}

impl<'a> InitializeParams<'a> {
    /// The opening of a session in revision `protocol_version`.
    pub fn new(
        protocol_version: impl Into<Text<'a>>,
        capabilities: ClientCapabilities<'a>,
        client_info: Implementation<'a>,
    ) -> Self {
        let protocol_version = protocol_version.into();
        Self {
            protocol_version,
            capabilities,
            client_info,
            meta: None,
        }
    }
}

/// The result of `initialize`: what the session will be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[serde(rename(serialize = "mcp_proto::InitializeResult"))]
#[non_exhaustive]
pub struct InitializeResult<'a> {
    /// The revision the session speaks, not necessarily the one that was asked for.
    #[serde(borrow)]
    pub protocol_version: Text<'a>,
    /// What the server can do.
    #[serde(borrow)]
    pub capabilities: ServerCapabilities<'a>,
    /// The server program.
    #[serde(borrow)]
    pub server_info: Implementation<'a>,
    /// How to use the server, meant for a model (`lifecycle.instructions`).
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub instructions: Option<Text<'a>>,
    /// The result's `_meta`.
    #[serde(
        borrow,
        default,
        rename = "_meta",
        skip_serializing_if = "Option::is_none"
    )]
    pub meta: Option<Meta<'a>>,
}

impl<'a> InitializeResult<'a> {
    /// The acceptance of a session in revision `protocol_version`.
    pub fn new(
        protocol_version: impl Into<Text<'a>>,
        capabilities: ServerCapabilities<'a>,
        server_info: Implementation<'a>,
    ) -> Self {
        let protocol_version = protocol_version.into();
        Self {
            protocol_version,
            capabilities,
            server_info,
            instructions: None,
            meta: None,
        }
    }

    /// Sets how to use the server.
    #[must_use]
    pub fn instructions(mut self, instructions: impl Into<Text<'a>>) -> Self {
        self.instructions = Some(instructions.into());
        self
    }
}

/// The parameters of `notifications/initialized`, with which the client ends the handshake.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct InitializedParams<'a> {
    /// The notification's `_meta`.
    #[serde(
        borrow,
        default,
        rename = "_meta",
        skip_serializing_if = "Option::is_none"
    )]
    pub meta: Option<Meta<'a>>,
}

impl<'a> InitializedParams<'a> {
    /// Parameters that say nothing.
    pub const fn new() -> Self {
        Self { meta: None }
    }
}

setters! {
    InitializeParams { meta: Meta<'a> }
    InitializeResult { meta: Meta<'a> }
    InitializedParams { meta: Meta<'a> }
}

into_owned! {
    Implementation { name, version, title, description, icons, website_url }
    Icon { src, mime_type, sizes, theme }
    InitializeParams { protocol_version, capabilities, client_info, meta }
    InitializeResult { protocol_version, capabilities, server_info, instructions, meta }
    InitializedParams { meta }
}
