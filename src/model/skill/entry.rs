//! What an entry has to be, whoever sends it: checked when one is read, so that nobody has to remember.

use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use core::fmt;

use super::front_matter::FrontMatterError;
use super::path::{decoded, is_skill_name, relative, root_of};
use super::{MOST_BYTES, MOST_FILES, SKILL_MD, Skill, SkillResources};
use crate::rpc::{Text, bounded};

/// What is wrong with a skill, or with a file that was read for one. Nothing of it may be used: tell
/// the user, or ask the server for the skill as it is now. Of long texts the start is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SkillError {
    /// The URI isn't that of a SKILL.md in a directory.
    Uri(Box<str>),
    /// The front matter has no text of this name, or an empty one.
    Missing(&'static str),
    /// The name isn't 1 to 64 lower-case letters and digits with single hyphens between them.
    Name(Box<str>),
    /// The description is longer than 1,024 characters.
    Description,
    /// The directory isn't called as the skill is.
    Directory {
        /// The skill's name.
        name: Box<str>,
        /// Its URI.
        uri: Box<str>,
    },
    /// A file doesn't lie in the skill's directory, or has a name that means something else on
    /// another system.
    Outside(Box<str>),
    /// A file stands twice in the entry.
    Repeated(Box<str>),
    /// The file isn't listed: it isn't one of the skill, or has come after the entry was made.
    Unlisted(Box<str>),
    /// The digest isn't `sha256:` and 64 hexadecimal digits in lower case.
    DigestFormat(Box<str>),
    /// The size is less than nothing.
    Size(Box<str>),
    /// There are more files than [`MOST_FILES`].
    TooManyFiles(usize),
    /// The files have more bytes than [`MOST_BYTES`].
    TooManyBytes(u64),
    /// The front matter of SKILL.md can't be read.
    FrontMatter(FrontMatterError),
    /// SKILL.md isn't UTF-8.
    NotText,
    /// The server has answered with other contents than those of this one file.
    Contents(Box<str>),
    /// The file has another size than the entry says.
    SizeDiffers {
        /// The file.
        uri: Box<str>,
        /// What the entry says.
        expected: i64,
        /// What it has.
        actual: usize,
    },
    /// The file has other bytes than the entry says.
    DigestDiffers(Box<str>),
    /// The front matter of SKILL.md isn't what the entry says, in this field.
    FrontMatterDiffers(Box<str>),
    /// Two skills would have different files at one URI.
    Conflict(Box<str>),
}

impl fmt::Display for SkillError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uri(text) => write!(f, "{text:?} isn't the URI of a SKILL.md"),
            Self::Missing(what) => write!(f, "the skill's front matter has no {what}"),
            Self::Name(text) => write!(f, "{text:?} can't be the name of a skill"),
            Self::Description => {
                f.write_str("the skill's description is longer than 1,024 characters")
            }
            Self::Directory { name, uri } => write!(
                f,
                "the skill {name:?} isn't in a directory of its name: {uri}"
            ),
            Self::Outside(text) => write!(f, "{text:?} isn't a file in the skill's directory"),
            Self::Repeated(text) => write!(f, "the skill lists {text:?} twice"),
            Self::Unlisted(text) => write!(f, "the skill doesn't list {text:?}"),
            Self::DigestFormat(text) => write!(f, "{text:?} has no SHA-256 digest"),
            Self::Size(text) => write!(f, "{text:?} has no size"),
            Self::TooManyFiles(number) => {
                write!(f, "the skill has {number} files; at most 512 are taken")
            }
            Self::TooManyBytes(number) => {
                write!(f, "the skill has {number} bytes; at most 16 MiB are taken")
            }
            Self::FrontMatter(error) => fmt::Display::fmt(error, f),
            Self::NotText => f.write_str("SKILL.md isn't a text in UTF-8"),
            Self::Contents(text) => write!(f, "the server's answer isn't the contents of {text:?}"),
            Self::SizeDiffers {
                uri,
                expected,
                actual,
            } => write!(
                f,
                "{uri:?} has {actual} bytes, and the skill says {expected}"
            ),
            Self::DigestDiffers(text) => write!(
                f,
                "{text:?} isn't the file that the skill describes: its digest differs"
            ),
            Self::FrontMatterDiffers(text) => write!(
                f,
                "the front matter of SKILL.md isn't what the skill's entry says: {text:?} differs"
            ),
            Self::Conflict(text) => write!(f, "two skills have different files at {text:?}"),
        }
    }
}

impl core::error::Error for SkillError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::FrontMatter(error) => error.source(),
            _ => None,
        }
    }
}

impl From<FrontMatterError> for SkillError {
    fn from(error: FrontMatterError) -> Self {
        Self::FrontMatter(error)
    }
}

/// The start of a peer's text, to be kept.
pub(super) fn quoted(text: &str) -> Box<str> {
    bounded(text).into()
}

/// Gives back an entry that was read, or says what is wrong with it.
pub(super) fn checked(skill: Skill<'_>) -> Result<Skill<'_>, SkillError> {
    skill.check()?;
    Ok(skill)
}

impl Skill<'_> {
    /// Returns an error if a rule about entries is broken. One that was read from a server has been
    /// checked already.
    pub fn check(&self) -> Result<(), SkillError> {
        let root = root_of(&self.uri).ok_or_else(|| SkillError::Uri(quoted(&self.uri)))?;
        let text = |field| {
            let text: Option<Text<'_>> = self.frontmatter.read(field);
            let text = text.filter(|text| !text.trim().is_empty());
            text.ok_or(SkillError::Missing(field))
        };
        let name = text("name")?;
        text("description")?;
        if !is_skill_name(&name) {
            return Err(SkillError::Name(quoted(&name)));
        }
        let directory = root.rsplit('/').next().and_then(decoded);
        if directory.as_deref() != Some(name.as_str()) {
            return Err(SkillError::Directory {
                name: quoted(&name),
                uri: quoted(&self.uri),
            });
        }
        match &self.resources {
            SkillResources::Files(_) => self.check_files(root),
            SkillResources::Dynamic => Ok(()),
        }
    }

    fn check_files(&self, root: &str) -> Result<(), SkillError> {
        let mut paths = BTreeSet::new();
        for file in self.files() {
            let uri = || quoted(&file.uri);
            let path = relative(root, &file.uri).ok_or_else(|| SkillError::Outside(uri()))?;
            let is_skill_md = path.as_str() == SKILL_MD;
            if is_skill_md && file.uri != self.uri {
                return Err(SkillError::Repeated(uri()));
            }
            if !paths.insert(path) {
                return Err(SkillError::Repeated(uri()));
            }
            if !is_digest(&file.digest) {
                return Err(SkillError::DigestFormat(uri()));
            }
            if file.size < 0 {
                return Err(SkillError::Size(uri()));
            }
        }
        match self.files().iter().any(|file| file.uri == self.uri) {
            true => Ok(()),
            false => Err(SkillError::Unlisted(quoted(&self.uri))),
        }
    }

    /// Returns an error if the skill is larger than hosts have to take: more than [`MOST_FILES`] files,
    /// or more than [`MOST_BYTES`]. It is known before any file is read.
    pub fn check_limits(&self) -> Result<(), SkillError> {
        let files = self.files();
        if files.len() > MOST_FILES {
            return Err(SkillError::TooManyFiles(files.len()));
        }
        let sizes = files
            .iter()
            .map(|file| u64::try_from(file.size).unwrap_or(0));
        match sizes.fold(0, u64::saturating_add) {
            total if total > MOST_BYTES => Err(SkillError::TooManyBytes(total)),
            _ => Ok(()),
        }
    }
}

fn is_digest(digest: &str) -> bool {
    digest.strip_prefix("sha256:").is_some_and(|hex| {
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        hex.len() == 64 && hex.bytes().all(is_digit)
    })
}
