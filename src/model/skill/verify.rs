//! Holding what was read for a skill to its entry: the file is listed, its size and digest are right,
//! and the front matter of SKILL.md is what was said of it.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::Write;

use sha2::{Digest, Sha256};

use super::entry::quoted;
use super::front_matter::{difference, front_matter};
use super::path::relative;
use super::{MOST_BYTES, SKILL_MD, Skill, SkillError, SkillResource, SkillResources};
use crate::model::content::ResourceContents;
use crate::model::resource::ReadResourceResult;
use crate::model::safe_path::SafePath;
use crate::rpc::Concealed;

/// A file of a skill that is what the skill's entry says.
///
/// It is untrusted input for a model all the same. `Debug` shows how long it is, not what it says.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SkillFile {
    /// Its place in the skill's directory, safe to be joined to a directory of one's own.
    pub path: SafePath,
    /// What it contains.
    pub bytes: Vec<u8>,
    /// What kind it is, by its server; `None` when that doesn't say.
    pub mime_type: Option<String>,
    /// Whether a digest has vouched for it: not in a skill whose files are made when they are read.
    pub has_digest: bool,
}

impl SkillFile {
    /// Returns the file as a text; `None` when it isn't UTF-8.
    pub fn as_text(&self) -> Option<&str> {
        core::str::from_utf8(&self.bytes).ok()
    }
}

impl core::fmt::Debug for SkillFile {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("SkillFile")
            .field("path", &self.path)
            .field("bytes", &Concealed(self.bytes.len()))
            .finish_non_exhaustive()
    }
}

/// Returns the digest of these bytes as a skill's entry has it: `sha256:` and 64 hexadecimal digits.
pub fn digest(bytes: &[u8]) -> String {
    let mut digest = String::from("sha256:");
    for byte in Sha256::digest(bytes) {
        // A string takes everything.
        let _ = write!(digest, "{byte:02x}");
    }
    digest
}

impl SkillResource<'static> {
    /// Returns what an entry says of the file at `uri` that has these bytes.
    pub fn of(uri: impl Into<String>, bytes: &[u8]) -> Self {
        let size = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
        Self::new(uri.into(), digest(bytes), size)
    }
}

impl Skill<'_> {
    /// Returns an error if the file at `uri` must not be read for this skill: the skill is too large,
    /// doesn't list the file, or doesn't have it in its directory. Ask before reading it.
    pub fn check_read(&self, uri: &str) -> Result<(), SkillError> {
        self.find(uri).map(drop)
    }

    /// Returns the file that a server gave for `uri`, once it is known to be what this entry says: it
    /// is listed, it has the size and the digest that are given there, and in SKILL.md the front
    /// matter is that of the entry, field by field.
    ///
    /// Of a skill whose files are made when they are read only the front matter can be compared.
    /// Returns an error if something differs; then nothing of the answer may be used.
    pub fn verify(
        &self,
        uri: &str,
        result: &ReadResourceResult<'_>,
    ) -> Result<SkillFile, SkillError> {
        let (path, listed) = self.find(uri)?;
        let wrong = || SkillError::Contents(quoted(uri));
        let (Some(contents), 1) = (result.contents.first(), result.contents.len()) else {
            return Err(wrong());
        };
        if *contents.uri() != *uri || !result.contents.skipped().is_empty() {
            return Err(wrong());
        }
        let (bytes, mime_type) = match contents {
            ResourceContents::Text(text) => (text.text.as_bytes().to_vec(), &text.mime_type),
            ResourceContents::Blob(blob) => {
                (blob.decode_blob().map_err(|_| wrong())?, &blob.mime_type)
            }
        };
        if let Some(listed) = listed {
            listed.verify(&bytes)?;
        } else if bytes.len() as u64 > MOST_BYTES {
            return Err(SkillError::TooManyBytes(bytes.len() as u64));
        }
        if path.as_str() == SKILL_MD {
            self.verify_front_matter(&bytes)?;
        }
        Ok(SkillFile {
            path,
            bytes,
            mime_type: mime_type.as_ref().map(ToString::to_string),
            has_digest: listed.is_some(),
        })
    }

    /// Where the file lies, and what the entry says of it if it says anything of files.
    fn find(&self, uri: &str) -> Result<(SafePath, Option<&SkillResource<'_>>), SkillError> {
        self.check_limits()?;
        let outside = || SkillError::Outside(quoted(uri));
        let path = relative(self.root(), uri).ok_or_else(outside)?;
        match &self.resources {
            SkillResources::Dynamic => Ok((path, None)),
            SkillResources::Files(files) => match files.iter().find(|file| file.uri == *uri) {
                Some(file) => Ok((path, Some(file))),
                None => Err(SkillError::Unlisted(quoted(uri))),
            },
        }
    }

    fn verify_front_matter(&self, skill_md: &[u8]) -> Result<(), SkillError> {
        let text = core::str::from_utf8(skill_md).map_err(|_| SkillError::NotText)?;
        match difference(&front_matter(text)?, &self.frontmatter) {
            None => Ok(()),
            Some(field) => Err(SkillError::FrontMatterDiffers(quoted(&field))),
        }
    }
}

impl SkillResource<'_> {
    /// Returns an error if these bytes aren't those of the file: the size is compared first.
    pub fn verify(&self, bytes: &[u8]) -> Result<(), SkillError> {
        if i64::try_from(bytes.len()) != Ok(self.size) {
            return Err(SkillError::SizeDiffers {
                uri: quoted(&self.uri),
                expected: self.size,
                actual: bytes.len(),
            });
        }
        match self.digest == digest(bytes).as_str() {
            true => Ok(()),
            false => Err(SkillError::DigestDiffers(quoted(&self.uri))),
        }
    }
}
