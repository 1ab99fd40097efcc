//! Skills: folders of files with instructions for a model, each led by a SKILL.md, that a server offers
//! as resources (the extension `io.modelcontextprotocol/skills`, from 2026-07-28 on).
//!
//! An entry says what a skill is without its files; what the server then gives for one of them is
//! [held to it](Skill::verify) before anybody uses it. That the two agree says nothing of whether the
//! server can be trusted: what a skill says is untrusted input for a model.

mod entry;
mod front_matter;
mod path;
mod verify;
mod yaml;

use alloc::vec::Vec;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::model::field::{Lifetime, json_text};
use crate::model::list::{Element, List};
use crate::model::meta::Meta;
use crate::model::method::{Extension, Method, Paginated};
use crate::model::object::Object;
use crate::model::owned::IntoOwned;
use crate::model::page::{CacheScope, PaginatedRequestParams, cache_hints};
use crate::model::resource::Resource;
use crate::model::wire_type::wire_type;
use crate::rpc::{Source, Text};

pub use entry::SkillError;
pub use front_matter::{FrontMatterError, front_matter};
pub(crate) use path::root_of;
#[cfg(feature = "server")]
pub(crate) use path::{decoded, encoded, is_skill_name};
pub use verify::{SkillFile, digest};

/// The id of the extension.
pub const SKILLS_EXTENSION: &str = "io.modelcontextprotocol/skills";

/// The MIME type of a resource that is a directory.
pub const DIRECTORY: &str = "inode/directory";

/// The name of the file that every skill has.
pub const SKILL_MD: &str = "SKILL.md";

/// How many files of a skill every host takes, SKILL.md included.
pub const MOST_FILES: usize = 512;

/// How many bytes the files of a skill may have together so that every host takes it.
pub const MOST_BYTES: u64 = 16 << 20;

wire_type! {
    /// One file of a skill, with what its content has to be.
    #[derive(Debug)]
    pub struct SkillResource<'a> {
        /// Where it can be read.
        uri: Text<'a>,
        /// The SHA-256 of its bytes: `sha256:` and 64 hexadecimal digits in lower case.
        digest: Text<'a>,
        /// How many bytes it has.
        size: i64,
    }

    /// Returns the file at `uri`.
    pub fn new(uri: impl Into<Text<'a>>, digest: impl Into<Text<'a>>, size: i64);
}

/// The files of a skill.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum SkillResources<'a> {
    /// All of them, SKILL.md included, each once.
    Files(Vec<SkillResource<'a>>),
    /// They are made when they are read, so that nothing can be said of them before.
    Dynamic,
}

wire_type! {
    /// What a server says of one skill.
    ///
    /// One that is read from a server has been checked: its URI ends in its name and SKILL.md, its name
    /// is well-formed, all its files lie in its directory, each once and with a digest, and SKILL.md is
    /// among them. Its name is a label: two skills of a server may share it, and those of two servers
    /// even their URI.
    #[derive(Debug)]
    pub struct Skill<'a> {
        /// The URI of its SKILL.md, by which its server knows it.
        uri: Text<'a>,
        /// The front matter of its SKILL.md. A host must not widen what a model may do because of
        /// what stands here, such as `allowed-tools`, unless its user agrees.
        frontmatter: Object<'a>,
        /// Its files.
        resources: SkillResources<'a>,
        /// Metadata of the entry.
        meta? as "_meta": Meta<'a>,
    }

    /// Returns the entry of the skill whose SKILL.md is at `uri`.
    pub fn new(
        uri: impl Into<Text<'a>>,
        frontmatter: Object<'a>,
        resources: impl Into<SkillResources<'a>>,
    );
    check entry::checked;
}

wire_type! {
    /// The result of `skills/list`: one page.
    #[derive(Debug, Default)]
    pub struct ListSkillsResult<'a> {
        /// The skills of this page; those that aren't listed may be there all the same.
        skills: List<'a, Skill<'a>>,
        /// The cursor of the next page; `None` when this is the last.
        next_cursor? as "nextCursor": Text<'a>,
        /// For how many milliseconds the result stays fresh.
        #[read(crate::model::field::integer)]
        ttl_ms? as "ttlMs": i64 as Lifetime,
        /// Who may be given a cached copy.
        cache_scope? as "cacheScope": CacheScope<'a>,
        /// Metadata of the result.
        meta? as "_meta": Meta<'a>,
    }

    /// Returns the last page, with these items.
    pub fn new(skills: Vec<Skill<'a>>);
}

wire_type! {
    /// The parameters of `skills/get`.
    #[derive(Debug)]
    pub struct GetSkillParams<'a> {
        /// The URI of the skill's SKILL.md.
        uri: Text<'a>,
        /// Metadata of the request.
        meta? as "_meta": Meta<'a>,
    }

    /// Asks for the skill whose SKILL.md is at `uri`.
    pub fn new(uri: impl Into<Text<'a>>);
}

wire_type! {
    /// The result of `skills/get`.
    #[derive(Debug)]
    pub struct GetSkillResult<'a> {
        /// The skill as it is now.
        skill: Skill<'a>,
        /// For how many milliseconds the result stays fresh.
        #[read(crate::model::field::integer)]
        ttl_ms? as "ttlMs": i64 as Lifetime,
        /// Who may be given a cached copy.
        cache_scope? as "cacheScope": CacheScope<'a>,
        /// Metadata of the result.
        meta? as "_meta": Meta<'a>,
    }

    /// Returns the result for one skill.
    pub fn new(skill: Skill<'a>);
}

wire_type! {
    /// The parameters of `resources/directory/read`.
    #[derive(Debug)]
    pub struct ReadResourceDirectoryParams<'a> {
        /// The directory, without a slash at its end.
        uri: Text<'a>,
        /// Where to go on, as the previous page's `next_cursor` said; `None` asks for the first
        /// page.
        cursor?: Text<'a>,
        /// Metadata of the request.
        meta? as "_meta": Meta<'a>,
    }

    /// Asks for the first page of the directory at `uri`.
    pub fn new(uri: impl Into<Text<'a>>);
}

wire_type! {
    /// The result of `resources/directory/read`: one page.
    #[derive(Debug, Default)]
    pub struct ReadResourceDirectoryResult<'a> {
        /// What lies right in the directory; directories have the MIME type [`DIRECTORY`].
        resources: List<'a, Resource<'a>>,
        /// The cursor of the next page; `None` when this is the last.
        next_cursor? as "nextCursor": Text<'a>,
        /// Metadata of the result.
        meta? as "_meta": Meta<'a>,
    }

    /// Returns the last page, with these items.
    pub fn new(resources: Vec<Resource<'a>>);
}

/// The method `skills/list`.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct ListSkills;

/// The method `skills/get`.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct GetSkill;

/// The method `resources/directory/read`, which a server has that declares `directoryRead`.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct ReadResourceDirectory;

impl Method for ListSkills {
    const NAME: &'static str = "skills/list";
    type Params<'a> = PaginatedRequestParams<'a>;
    type Result<'a> = ListSkillsResult<'a>;
    const EXTENSION: Option<Extension> = Some(Extension::new(SKILLS_EXTENSION));
}

impl Paginated for ListSkills {
    fn next_cursor<'p>(page: &'p ListSkillsResult<'_>) -> Option<Text<'p>> {
        page.next_cursor.as_ref().map(Text::reborrow)
    }
}

impl Method for GetSkill {
    const NAME: &'static str = "skills/get";
    type Params<'a> = GetSkillParams<'a>;
    type Result<'a> = GetSkillResult<'a>;
    const EXTENSION: Option<Extension> = Some(Extension::new(SKILLS_EXTENSION));
}

impl Method for ReadResourceDirectory {
    const NAME: &'static str = "resources/directory/read";
    type Params<'a> = ReadResourceDirectoryParams<'a>;
    type Result<'a> = ReadResourceDirectoryResult<'a>;
    const EXTENSION: Option<Extension> =
        Some(Extension::new(SKILLS_EXTENSION).with_setting("directoryRead"));
}

impl<'a> Element<'a> for Skill<'a> {}

impl<'a> Skill<'a> {
    /// Returns its name, by its front matter; empty where that has none.
    pub fn name(&self) -> Text<'_> {
        self.frontmatter.read("name").unwrap_or(Text::borrowed(""))
    }

    /// Returns what it is for, by its front matter; empty where that doesn't say.
    pub fn description(&self) -> Text<'_> {
        let said = self.frontmatter.read("description");
        said.unwrap_or(Text::borrowed(""))
    }

    /// Returns the URI of its directory, without a slash at its end: what a relative path in one of
    /// its files is relative to.
    pub fn root(&self) -> &str {
        root_of(&self.uri).unwrap_or_default()
    }

    /// Returns its files; none when they are made when they are read.
    pub fn files(&self) -> &[SkillResource<'a>] {
        match &self.resources {
            SkillResources::Files(files) => files,
            SkillResources::Dynamic => &[],
        }
    }
}

impl<'a> From<Vec<SkillResource<'a>>> for SkillResources<'a> {
    fn from(files: Vec<SkillResource<'a>>) -> Self {
        Self::Files(files)
    }
}

impl Serialize for SkillResources<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Files(files) => files.serialize(serializer),
            Self::Dynamic => serializer.serialize_str("dynamic"),
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for SkillResources<'a> {
    /// Returns an error if the value is neither a list of files nor `"dynamic"`.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = json_text(deserializer)?;
        match text.strip_prefix('"') {
            None => serde_json::from_str(text)
                .map(Self::Files)
                .map_err(crate::model::field::inner_error),
            Some("dynamic\"") => Ok(Self::Dynamic),
            Some(_) => Err(de::Error::custom("expected files or \"dynamic\"")),
        }
    }
}

impl IntoOwned for SkillResources<'_> {
    type Owned = SkillResources<'static>;

    fn owned_from(self, source: Source<'_>) -> SkillResources<'static> {
        match self {
            Self::Files(files) => SkillResources::Files(files.owned_from(source)),
            Self::Dynamic => SkillResources::Dynamic,
        }
    }
}

cache_hints!(ListSkillsResult, GetSkillResult);
