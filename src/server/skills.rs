//! Skills that a server offers: their files in memory, what is said of each, and the three methods of
//! the extension. They need no handler but for reading a file, which is a resource like any other.
//!
//! Rules of this file: what is told of a file is reckoned from the bytes that are served; a skill that
//! lies in another's directory is part of that one too, whose entry then lists its files; URIs are
//! made here, with every path escaped.

mod set;

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::hook::Hook;
use super::list::{next_cursor, page_start, reply, start_at};
use super::registry::Offered;
use super::{DefinitionError, Registry, Server, Shared};
use crate::model::method::Method;
use crate::model::object::Object;
use crate::model::page::CacheScope;
use crate::model::safe_path::SafePath;
use crate::model::skill::{
    GetSkill, GetSkillResult, ListSkills, ListSkillsResult, MOST_BYTES, MOST_FILES,
    ReadResourceDirectory, ReadResourceDirectoryResult, SKILL_MD, SkillError, SkillResource,
    encoded, front_matter, is_skill_name,
};
use crate::revision::Era;
use crate::rpc::{RpcError, Text};
use crate::session::{Request, ServerSession};
use crate::time::Instant;

pub(super) use set::SkillSet;

/// The files of one skill, for [`Server::skill`].
///
/// They are kept in memory as they were given, so that what is served is what was described.
///
/// ```
/// use mcp_proto::Server;
/// use mcp_proto::server::SkillFiles;
///
/// let skill = SkillFiles::new("---\nname: refunds\ndescription: How to refund an order\n---\nRead policy.md first.")?
///     .file("policy.md", "Within 30 days.")?
///     .below("acme/billing")?;
/// assert_eq!(skill.uri(), "skill://acme/billing/refunds/SKILL.md");
/// let server = Server::new("shop", "1.0").skill(skill);
/// # Ok::<(), mcp_proto::model::skill::SkillError>(())
/// ```
#[derive(Clone, Debug)]
pub struct SkillFiles {
    name: String,
    description: String,
    frontmatter: Object<'static>,
    /// The directory of its URIs.
    root: String,
    files: Vec<(SafePath, File)>,
    bytes: u64,
}

/// A file as it is served, and what is said of it.
#[derive(Clone, Debug)]
struct File {
    content: Content,
    digest: Arc<String>,
    size: i64,
}

#[derive(Clone, Debug)]
enum Content {
    Text(Arc<String>),
    Base64(Arc<String>),
}

impl SkillFiles {
    /// Creates a skill of this SKILL.md alone. It is called as its front matter says.
    ///
    /// Returns an error if the front matter can't be read, or has no name that a skill can have and
    /// no description of at most 1,024 characters.
    pub fn new(skill_md: impl Into<String>) -> Result<Self, SkillError> {
        let skill_md = skill_md.into();
        let frontmatter = front_matter(&skill_md)?;
        let text = |field| {
            let text: Option<Text<'_>> = frontmatter.read(field);
            let text = text.filter(|text| !text.trim().is_empty());
            text.map(Text::into_string)
                .ok_or(SkillError::Missing(field))
        };
        let (name, description) = (text("name")?, text("description")?);
        if !is_skill_name(&name) {
            return Err(SkillError::Name(name.into()));
        }
        if description.chars().count() > 1024 {
            return Err(SkillError::Description);
        }
        let skill = Self {
            root: alloc::format!("skill://{}", encoded(&name)),
            name,
            description,
            frontmatter,
            files: Vec::new(),
            bytes: 0,
        };
        skill.file(SKILL_MD, skill_md)
    }

    /// Adds a file at this path in the skill's directory, with slashes between its parts.
    ///
    /// Returns an error if the path isn't a [`SafePath`] or is taken, or if the skill gets larger than
    /// hosts have to take: 512 files, 16 MiB.
    pub fn file(mut self, path: &str, bytes: impl Into<Vec<u8>>) -> Result<Self, SkillError> {
        let bytes = bytes.into();
        let safe = SafePath::new(path).map_err(|_| SkillError::Outside(path.into()))?;
        // Neither may a file be a directory of another.
        let is_taken = |(taken, _): &(SafePath, File)| {
            let is_below = |long: &str, short: &str| {
                let rest = long.strip_prefix(short);
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            };
            is_below(taken, path) || is_below(path, taken)
        };
        if self.files.iter().any(is_taken) {
            return Err(SkillError::Repeated(path.into()));
        }
        self.bytes = self.bytes.saturating_add(bytes.len() as u64);
        self.files.push((safe, File::new(bytes)));
        match () {
            () if self.files.len() > MOST_FILES => Err(SkillError::TooManyFiles(self.files.len())),
            () if self.bytes > MOST_BYTES => Err(SkillError::TooManyBytes(self.bytes)),
            () => Ok(self),
        }
    }

    /// Puts the skill's directory below another one, such as `acme/billing`. Below the directory of
    /// another skill it is part of that one too.
    ///
    /// Returns an error if the path isn't a [`SafePath`].
    pub fn below(mut self, path: &str) -> Result<Self, SkillError> {
        let path = SafePath::new(path).map_err(|_| SkillError::Outside(path.into()))?;
        self.root = alloc::format!("skill://{}/{}", encoded(&path), encoded(&self.name));
        Ok(self)
    }

    /// Returns the URI of its SKILL.md, by which clients know it.
    pub fn uri(&self) -> String {
        alloc::format!("{}/{SKILL_MD}", self.root)
    }

    /// Returns its name, by its front matter.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl File {
    fn new(bytes: Vec<u8>) -> Self {
        let SkillResource { digest, size, .. } = SkillResource::of("", &bytes);
        let content = match String::from_utf8(bytes) {
            Ok(text) => Content::Text(Arc::new(text)),
            Err(error) => Content::Base64(Arc::new(BASE64_STANDARD.encode(error.as_bytes()))),
        };
        Self {
            content,
            digest: Arc::new(digest.into_string()),
            size,
        }
    }
}

impl<Mode> Server<Mode> {
    /// Adds a skill, and declares that the server has skills. Clients from 2026-07-28 on list it, read
    /// its files and look into its directories; for all others its files are resources.
    ///
    /// The scopes that a token needs for its SKILL.md, by [`resource_scopes`](Self::resource_scopes), it
    /// needs for all files of the skill; what is said of the skill everybody may know. A skill that can't
    /// be offered is left out; [`check`](Self::check) tells why.
    #[must_use]
    pub fn skill(self, skill: SkillFiles) -> Self {
        self.with_skill(Arc::new(skill), &[])
    }

    pub(super) fn with_skill(self, skill: Arc<SkillFiles>, hooks: &[Arc<Hook>]) -> Self {
        let uri = skill.uri();
        let hooks = hooks.iter().cloned().collect();
        let registry = &self.shared.registry;
        let added = registry.edit(|offered| add(offered, skill, hooks));
        let kind = "skill";
        let error = match added {
            Ok(false) => None,
            Ok(true) => Some(DefinitionError::Duplicate {
                kind,
                name: uri.into(),
            }),
            Err(error) => Some(error),
        };
        self.refuse(error)
    }
}

impl Registry {
    /// Adds a skill, or replaces the one of its URI. Returns an error if it can't be offered; then
    /// nothing has changed.
    pub fn add_skill(&self, skill: SkillFiles) -> Result<(), DefinitionError> {
        let skill = Arc::new(skill);
        self.edit(|offered| add(offered, skill, Arc::new([])))
            .map(drop)
    }

    /// Takes the skill away whose SKILL.md has this URI; whether there was one. Files that another
    /// skill has as well stay.
    pub fn remove_skill(&self, uri: &str) -> bool {
        self.edit(|offered| {
            let removed = Arc::make_mut(&mut offered.skills).remove(uri);
            (removed, removed.then(|| offered.resources.remove(uri)))
        })
        .0
    }
}

/// Adds a skill; whether it has replaced one.
fn add(
    offered: &mut Offered,
    skill: Arc<SkillFiles>,
    hooks: Arc<[Arc<Hook>]>,
) -> Result<bool, DefinitionError> {
    let uri = skill.uri();
    let skills = Arc::make_mut(&mut offered.skills);
    let replaced = skills.insert(skill, hooks).map_err(|error| {
        let uri = uri.as_str().into();
        DefinitionError::Skill { uri, error }
    })?;
    if let Some((resource, handler)) = skills.served(&uri) {
        offered.resources.insert(&uri, resource, handler);
    }
    Ok(replaced)
}

/// The methods of the extension.
pub(super) fn methods() -> Vec<Box<str>> {
    let methods = [
        ListSkills::NAME,
        GetSkill::NAME,
        ReadResourceDirectory::NAME,
    ];
    methods.map(Box::from).into()
}

/// Answers a request of the extension, or returns the error to answer with; anything else is not of
/// this server.
pub(super) fn answer(
    server: &Shared,
    request: &Request,
    session: &mut ServerSession,
    now: Instant,
) -> Result<(), RpcError> {
    let offered = server.registry.read();
    let unknown = || RpcError::method_not_found(request.method());
    if request.revision.era() != Era::Modern || !offered.skills.are_offered(&offered.declared) {
        return Err(unknown());
    }
    let size = server.page_size;
    let skills = &offered.skills;
    let ttl = i64::try_from(server.config.ttl_ms).unwrap_or(i64::MAX);
    let scope = match server.config.is_public {
        true => CacheScope::Public,
        false => CacheScope::Private,
    };
    match request.method() {
        ListSkills::NAME => {
            let start = page_start(request, skills.len())?;
            let mut result = ListSkillsResult::new(skills.page(start, size));
            result.next_cursor = next_cursor(start, size, skills.len() - start > size);
            let result = result.ttl_ms(ttl).cache_scope(scope);
            reply::<ListSkills>(request, session, now, &result)
        }
        GetSkill::NAME => {
            let params = request.params::<GetSkill>()?;
            let skill = skills.get(&params.uri).ok_or_else(|| {
                let uri: String = params.uri.chars().take(256).collect();
                RpcError::invalid_params(alloc::format!("No skill is served at {uri}"))
            })?;
            let result = GetSkillResult::new(skill).ttl_ms(ttl).cache_scope(scope);
            reply::<GetSkill>(request, session, now, &result)
        }
        ReadResourceDirectory::NAME => {
            let params = request.params::<ReadResourceDirectory>()?;
            let children = skills.children(&params.uri).ok_or_else(|| {
                let uri: String = params.uri.chars().take(256).collect();
                RpcError::invalid_params(alloc::format!("{uri} is not a directory"))
            })?;
            let start = start_at(params.cursor, children.len())?;
            let has_more = children.len() - start > size;
            let page = children.into_iter().skip(start).take(size).collect();
            let mut result = ReadResourceDirectoryResult::new(page);
            result.next_cursor = next_cursor(start, size, has_more);
            reply::<ReadResourceDirectory>(request, session, now, &result)
        }
        _ => Err(unknown()),
    }
}
