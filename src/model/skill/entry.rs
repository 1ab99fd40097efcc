//! What an entry has to be, whoever sends it: checked when one is read, so that nobody has to remember.

use alloc::boxed::Box;
use alloc::collections::BTreeSet;

use super::front_matter::FrontMatterError;
use super::path::{decoded, is_skill_name, relative, root_of};
use super::{MOST_BYTES, MOST_FILES, SKILL_MD, Skill, SkillResources};
use crate::rpc::{Text, bounded};

/// What is wrong with a skill, or with a file that was read for one. Nothing of it may be used: tell
/// the user, or ask the server for the skill as it is now. Of long texts the start is kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SkillError {
    /// The URI isn't that of a SKILL.md in a directory.
    #[error("{0:?} isn't the URI of a SKILL.md")]
    Uri(Box<str>),
    /// The front matter has no text of this name, or an empty one.
    #[error("the skill's front matter has no {0}")]
    Missing(&'static str),
    /// The name isn't 1 to 64 lower-case letters and digits with single hyphens between them.
    #[error("{0:?} can't be the name of a skill")]
    Name(Box<str>),
    /// The description is longer than 1,024 characters.
    #[error("the skill's description is longer than 1,024 characters")]
    Description,
    /// The directory isn't called as the skill is.
    #[error("the skill {name:?} isn't in a directory of its name: {uri}")]
    Directory {
        /// The skill's name.
        name: Box<str>,
        /// Its URI.
        uri: Box<str>,
    },
    /// A file doesn't lie in the skill's directory, or has a name that means something else on
    /// another system.
    #[error("{0:?} isn't a file in the skill's directory")]
    Outside(Box<str>),
    /// A file stands twice in the entry.
    #[error("the skill lists {0:?} twice")]
    Repeated(Box<str>),
    /// The file isn't listed: it isn't one of the skill, or has come after the entry was made.
    #[error("the skill doesn't list {0:?}")]
    Unlisted(Box<str>),
    /// The digest isn't `sha256:` and 64 hexadecimal digits in lower case.
    #[error("{0:?} has no SHA-256 digest")]
    DigestFormat(Box<str>),
    /// The size is less than nothing.
    #[error("{0:?} has no size")]
    Size(Box<str>),
    /// There are more files than [`MOST_FILES`].
    #[error("the skill has {0} files; at most 512 are taken")]
    TooManyFiles(usize),
    /// The files have more bytes than [`MOST_BYTES`].
    #[error("the skill has {0} bytes; at most 16 MiB are taken")]
    TooManyBytes(u64),
    /// The front matter of SKILL.md can't be read.
    #[error(transparent)]
    FrontMatter(#[from] FrontMatterError),
    /// SKILL.md isn't UTF-8.
    #[error("SKILL.md isn't a text in UTF-8")]
    NotText,
    /// The server has answered with other contents than those of this one file.
    #[error("the server's answer isn't the contents of {0:?}")]
    Contents(Box<str>),
    /// The file has another size than the entry says.
    #[error("{uri:?} has {actual} bytes, and the skill says {expected}")]
    SizeDiffers {
        /// The file.
        uri: Box<str>,
        /// What the entry says.
        expected: i64,
        /// What it has.
        actual: usize,
    },
    /// The file has other bytes than the entry says.
    #[error("{0:?} isn't the file that the skill describes: its digest differs")]
    DigestDiffers(Box<str>),
    /// The front matter of SKILL.md isn't what the entry says, in this field.
    #[error("the front matter of SKILL.md isn't what the skill's entry says: {0:?} differs")]
    FrontMatterDiffers(Box<str>),
    /// Two skills would have different files at one URI.
    #[error("two skills have different files at {0:?}")]
    Conflict(Box<str>),
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
