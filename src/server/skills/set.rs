//! All skills of a server by their URIs, with their files in one tree.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::super::handler::{Handler, Reply};
use super::super::hook::{Hook, Hooked};
use super::{Content, File, SkillFiles};
use crate::model::capability::ServerCapabilities;
use crate::model::content::{BlobResourceContents, ResourceContents, TextResourceContents};
use crate::model::object::Object;
use crate::model::resource::{ReadResourceResult, Resource};
use crate::model::skill::{
    DIRECTORY, MOST_BYTES, MOST_FILES, SKILL_MD, SKILLS_EXTENSION, Skill, SkillError,
    SkillResource, encoded, root_of,
};
use crate::rpc::Text;

#[derive(Clone, Default)]
pub(in super::super) struct SkillSet {
    /// The skills as they were added, by the URI of SKILL.md.
    added: BTreeMap<Box<str>, Added>,
    /// What is said of each.
    entries: BTreeMap<Box<str>, Skill<'static>>,
    /// Every file of any of them.
    files: BTreeMap<Arc<String>, Served>,
}

#[derive(Clone)]
struct Added {
    skill: Arc<SkillFiles>,
    hooks: Arc<[Arc<Hook>]>,
}

#[derive(Clone)]
struct Served {
    file: File,
    resource: Resource<'static>,
    handler: Hooked,
}

impl SkillSet {
    /// Adds a skill; whether it has replaced one. Returns an error, and changes nothing, if its files
    /// aren't those of another skill where they share URIs, or make another one too large.
    pub(super) fn insert(
        &mut self,
        skill: Arc<SkillFiles>,
        hooks: Arc<[Arc<Hook>]>,
    ) -> Result<bool, SkillError> {
        let uri = skill.uri();
        if self.added.contains_key(uri.as_str()) {
            let mut without = self.clone();
            without.remove(&uri);
            without.insert(skill, hooks)?;
            *self = without;
            return Ok(true);
        }
        self.check(&skill)?;
        for (path, file) in &skill.files {
            let uri = Arc::new(alloc::format!("{}/{}", skill.root, encoded(path)));
            if !self.files.contains_key(&uri) || path.as_str() == SKILL_MD {
                let served = Served::new(&uri, path, file, &skill, &hooks);
                self.files.insert(uri, served);
            }
        }
        let added = Added { skill, hooks };
        self.added.insert(uri.as_str().into(), added);
        self.describe(&uri);
        for outer in self.enclosing(&uri) {
            self.describe(&outer);
        }
        Ok(false)
    }

    /// Takes a skill away; whether there was one.
    pub(super) fn remove(&mut self, uri: &str) -> bool {
        if self.added.remove(uri).is_none() {
            return false;
        }
        let added = core::mem::take(self).added;
        for (_, Added { skill, hooks }) in added {
            // They were together before.
            let _ = self.insert(skill, hooks);
        }
        true
    }

    /// The skills as they were added, with the hooks around their files.
    pub(in super::super) fn added(&self) -> impl Iterator<Item = (&Arc<SkillFiles>, &[Arc<Hook>])> {
        let added = self.added.values();
        added.map(|Added { skill, hooks }| (skill, &**hooks))
    }

    /// Whether the server has skills, or has declared that it may have some.
    pub(in super::super) fn are_offered(&self, declared: &ServerCapabilities<'_>) -> bool {
        !self.added.is_empty() || declared.extension_settings(SKILLS_EXTENSION).is_some()
    }

    /// The same capabilities with those of a server that has skills.
    pub(in super::super) fn declared_in(
        capabilities: ServerCapabilities<'static>,
    ) -> ServerCapabilities<'static> {
        let settings = Object::new().with("directoryRead", &true);
        capabilities
            .resources(true)
            .resources_subscribe()
            .extension(SKILLS_EXTENSION, &settings)
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The entries from the `start`th on, `size` of them.
    pub(super) fn page(&self, start: usize, size: usize) -> Vec<Skill<'static>> {
        let entries = self.entries.values().skip(start);
        entries.take(size).cloned().collect()
    }

    pub(super) fn get(&self, uri: &str) -> Option<Skill<'static>> {
        self.entries.get(uri).cloned()
    }

    /// What answers who reads the file at `uri`.
    pub(in super::super) fn handler(&self, uri: &str) -> Option<Hooked> {
        let served = self.find(uri)?;
        Some(served.handler.clone())
    }

    /// A file as a resource, and what answers who reads it.
    pub(super) fn served(&self, uri: &str) -> Option<(Resource<'static>, Hooked)> {
        let served = self.find(uri)?;
        Some((served.resource.clone(), served.handler.clone()))
    }

    fn find(&self, uri: &str) -> Option<&Served> {
        if self.files.is_empty() {
            return None;
        }
        self.files.get(&String::from(uri))
    }

    /// What lies right in a directory; `None` when there is no such directory.
    pub(super) fn children(&self, uri: &str) -> Option<Vec<Resource<'static>>> {
        let path = uri.strip_prefix("skill://")?;
        if path.is_empty() || path.ends_with('/') {
            return None;
        }
        let mut children = Vec::new();
        let mut inner: Option<&str> = None;
        for (file, served) in self.below(uri) {
            let rest = file.get(uri.len() + 1..).unwrap_or_default();
            let Some((directory, _)) = rest.split_once('/') else {
                children.push(served.resource.clone());
                continue;
            };
            // Those of one directory stand together.
            if inner != Some(directory) {
                inner = Some(directory);
                let uri = alloc::format!("{uri}/{directory}");
                let name = crate::model::skill::decoded(directory).unwrap_or_default();
                children.push(Resource::new(uri, name).mime_type(DIRECTORY));
            }
        }
        (!children.is_empty()).then_some(children)
    }

    /// The files below a directory.
    fn below(&self, directory: &str) -> impl Iterator<Item = (&str, &Served)> {
        let prefix = alloc::format!("{directory}/");
        let from = self.files.range(Arc::new(prefix.clone())..);
        from.map(|(uri, served)| (uri.as_str(), served))
            .take_while(move |(uri, _)| uri.starts_with(&prefix))
    }

    /// The skills in whose directories this one lies.
    fn enclosing(&self, uri: &str) -> Vec<String> {
        let root = root_of(uri).unwrap_or_default();
        let slashes = root.char_indices().filter(|(_, c)| *c == '/');
        let outer = slashes.map(|(at, _)| alloc::format!("{}/{SKILL_MD}", &root[..at]));
        outer
            .filter(|uri| self.added.contains_key(uri.as_str()))
            .collect()
    }

    /// The innermost skill that has the file at `uri`, by its own URI.
    pub(in super::super) fn skill_of(&self, uri: &str) -> Option<&str> {
        self.find(uri)?;
        let slashes = uri.char_indices().rev().filter(|(_, c)| *c == '/');
        let mut skills = slashes.map(|(at, _)| alloc::format!("{}/{SKILL_MD}", &uri[..at]));
        skills.find_map(|skill| Some(&**self.added.get_key_value(skill.as_str())?.0))
    }

    /// Whether a skill that isn't there yet can be added.
    fn check(&self, skill: &SkillFiles) -> Result<(), SkillError> {
        let (mut count, mut bytes) = (0, 0);
        for (path, file) in &skill.files {
            let uri = alloc::format!("{}/{}", skill.root, encoded(path));
            match self.find(&uri) {
                Some(there) if there.file.digest != file.digest => {
                    return Err(SkillError::Conflict(uri.into()));
                }
                Some(_) => {}
                None if self.below(&uri).next().is_some() => {
                    return Err(SkillError::Conflict(uri.into()));
                }
                None => {
                    count += 1;
                    bytes += u64::try_from(file.size).unwrap_or(0);
                }
            }
        }
        let own = alloc::format!("{}/{SKILL_MD}", skill.root);
        let nested = self
            .below(&skill.root)
            .fold((0, 0), |(count, bytes), (_, served)| {
                (
                    count + 1,
                    bytes + u64::try_from(served.file.size).unwrap_or(0),
                )
            });
        let outer = self.enclosing(&own).into_iter().map(|outer| {
            let files = self
                .entries
                .get(outer.as_str())
                .map_or(&[][..], Skill::files);
            let sizes = files
                .iter()
                .map(|file| u64::try_from(file.size).unwrap_or(0));
            (files.len(), sizes.sum())
        });
        for (there, there_bytes) in outer.chain([nested]) {
            if there + count > MOST_FILES {
                return Err(SkillError::TooManyFiles(there + count));
            }
            if there_bytes + bytes > MOST_BYTES {
                return Err(SkillError::TooManyBytes(there_bytes + bytes));
            }
        }
        Ok(())
    }

    /// Says anew what is said of a skill.
    fn describe(&mut self, uri: &str) {
        let Some(Added { skill, .. }) = self.added.get(uri) else {
            return;
        };
        let files = self.below(&skill.root).map(|(_, served)| {
            let uri = served.resource.uri.clone();
            let digest = Text::from(Arc::clone(&served.file.digest));
            SkillResource::new(uri, digest, served.file.size)
        });
        let files: Vec<_> = files.collect();
        let skill_uri = files.iter().find(|file| file.uri == *uri);
        let skill_uri =
            skill_uri.map_or_else(|| Text::from(String::from(uri)), |file| file.uri.clone());
        let entry = Skill::new(skill_uri, skill.frontmatter.clone(), files);
        self.entries.insert(uri.into(), entry);
    }
}

impl Served {
    fn new(
        uri: &Arc<String>,
        path: &str,
        file: &File,
        skill: &SkillFiles,
        hooks: &[Arc<Hook>],
    ) -> Self {
        let uri = Text::from(Arc::clone(uri));
        let name = path.rsplit('/').next().unwrap_or(path);
        let mime_type = mime_type(name, &file.content);
        let mut resource = Resource::new(uri.clone(), String::from(name));
        if path == SKILL_MD {
            resource.name = skill.name.clone().into();
            resource.description = Some(skill.description.clone().into());
        }
        resource.mime_type = Some(mime_type.into());
        resource.size = Some(file.size);
        let content = file.content.clone();
        let handler = Handler::Blocking(Arc::new(move |_| {
            let contents: ResourceContents<'static> = match &content {
                Content::Text(text) => TextResourceContents::new(uri.clone(), Arc::clone(text))
                    .mime_type(mime_type)
                    .into(),
                Content::Base64(data) => BlobResourceContents::new(uri.clone(), Arc::clone(data))
                    .mime_type(mime_type)
                    .into(),
            };
            Ok(Reply::Resource(ReadResourceResult::new(alloc::vec![
                contents
            ])))
        }));
        Self {
            file: file.clone(),
            resource,
            handler: Hooked::from(handler).inside(hooks),
        }
    }
}

/// What kind of file it is, by its name and by whether it is a text.
fn mime_type(name: &str, content: &Content) -> &'static str {
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    let extension = extension.to_ascii_lowercase();
    let known = match extension.as_str() {
        "md" | "markdown" => "text/markdown",
        "json" => "application/json",
        "yaml" | "yml" => "application/yaml",
        "toml" => "application/toml",
        "xml" => "application/xml",
        "html" | "htm" => "text/html",
        "css" => "text/css",
        "csv" => "text/csv",
        "js" | "mjs" => "text/javascript",
        "py" => "text/x-python",
        "sh" => "application/x-sh",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "pdf" => "application/pdf",
        "zip" => "application/zip",
        _ => "",
    };
    match content {
        _ if !known.is_empty() => known,
        Content::Text(_) => "text/plain",
        Content::Base64(_) => "application/octet-stream",
    }
}
