//! A relative path that stays below where it is joined to, for whoever opens or writes files by what a
//! peer says.

use alloc::boxed::Box;
use alloc::string::String;
use core::fmt;
use core::ops::Deref;

use serde::{Deserialize, Deserializer};

/// A relative path with slashes that stays below the folder it is joined to, on every system.
///
/// It has no empty part, no `.` or `..`, no backslash, no colon (drives, streams) and no control
/// character. It does not look at links in the file system: those are up to its owner.
///
/// ```
/// use mcp_proto::server::SafePath;
///
/// assert_eq!(&*SafePath::new("docs/readme.md")?, "docs/readme.md");
/// assert!(SafePath::new("../../etc/passwd").is_err());
/// assert!(SafePath::new("/etc/passwd").is_err());
/// # Ok::<(), mcp_proto::server::UnsafePath>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SafePath(Box<str>);

/// The path would leave the folder, or means something else on another system. Refuse the request
/// with `?`; don't repair the path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnsafePath(());

impl fmt::Display for UnsafePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a path below this folder")
    }
}

impl core::error::Error for UnsafePath {}

impl SafePath {
    /// Returns the path, or an error if it isn't safe.
    pub fn new(path: &str) -> Result<Self, UnsafePath> {
        let is_safe = |part: &str| {
            !matches!(part, "" | "." | "..")
                // Some systems take these off the end, and open what is left.
                && !part.ends_with([' ', '.'])
                && !part.contains(|c: char| matches!(c, '\\' | ':') || c.is_control())
        };
        match path.split('/').all(is_safe) {
            true => Ok(Self(path.into())),
            false => Err(UnsafePath(())),
        }
    }

    /// Returns the path as text, its parts separated by slashes.
    pub const fn as_str(&self) -> &str {
        &self.0
    }
}

impl Deref for SafePath {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for SafePath {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SafePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for SafePath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::new(&text).map_err(serde::de::Error::custom)
    }
}
