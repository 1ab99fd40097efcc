//! Skills out of a directory: every folder with a SKILL.md, read once and whole, so that nothing that
//! happens to the files afterwards changes what is served.
//!
//! Rules of this file: every folder and file is opened by its name in the folder above it, never by a
//! path, and never through a link; what an open handle says of itself is believed, not what was said
//! before it was opened; everything is bounded before it is read.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fd::OwnedFd;
use rustix::fs::{Dir, FileType, Mode, OFlags, fstat, open, openat};

use crate::model::skill::{MOST_BYTES, SKILL_MD, SkillError};
use crate::server::SkillFiles;

/// How deep folders may nest.
const DEPTH: usize = 32;
/// How many files and folders are looked at.
const MOST_ENTRIES: usize = 1 << 16;
/// How many bytes of files are read.
const MOST_READ: u64 = 256 << 20;

/// Reads all skills in a directory: each folder with a SKILL.md is one, called as the folder is, with
/// everything in the folder as its files. Folders within a skill may be skills too, and lie in both.
/// What begins with a dot is left out.
///
/// It blocks while it reads, so call it before serving begins, or on a thread of its own. What it gives
/// is in memory and stays as it is; read it again and [replace](crate::server::Registry::add_skill) the
/// skills to serve what has changed.
///
/// Returns an error, which names the file, if something can't be read, is a link or no ordinary file,
/// has a name that can't be in a URI's path, if a skill breaks a rule or isn't called as its folder, or
/// if there is more than 65,536 files and folders or 256 MiB.
pub fn read_skills(directory: impl AsRef<Path>) -> Result<Vec<SkillFiles>, ReadSkillsError> {
    let directory = directory.as_ref();
    let error = |error: io::Error| ReadSkillsError::new("", Reason::Io(error));
    // The directory itself is the caller's word, so a link to it is followed.
    let root = open(directory, FOLDER, Mode::empty()).map_err(|errno| error(errno.into()))?;
    let mut reader = Reader::default();
    reader.folder(&root, "", 0, false)?;
    reader.skills()
}

/// Why the skills of a directory couldn't be read, and which file is the reason.
#[derive(Debug)]
pub struct ReadSkillsError {
    /// The file or folder, by its path in the directory; empty for the directory itself.
    path: Box<str>,
    reason: Reason,
}

#[derive(Debug)]
enum Reason {
    Io(io::Error),
    Skill(SkillError),
    Refused(&'static str),
}

impl ReadSkillsError {
    fn new(path: &str, reason: Reason) -> Self {
        let path = path.into();
        Self { path, reason }
    }

    /// Returns the file or folder that is the reason, by its path in the directory; empty for the
    /// directory itself.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Returns what is wrong with the skill, if that is the reason.
    pub fn skill_error(&self) -> Option<&SkillError> {
        match &self.reason {
            Reason::Skill(error) => Some(error),
            _ => None,
        }
    }
}

impl fmt::Display for ReadSkillsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path() {
            "" => f.write_str("the directory of skills: ")?,
            path => write!(f, "{path}: ")?,
        }
        match &self.reason {
            Reason::Io(error) => error.fmt(f),
            Reason::Skill(error) => error.fmt(f),
            Reason::Refused(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for ReadSkillsError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.reason {
            Reason::Io(error) => Some(error),
            Reason::Skill(error) => Some(error),
            Reason::Refused(_) => None,
        }
    }
}

const FOLDER: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::CLOEXEC);

/// What is opened by its name in a folder. A pipe doesn't wait for its writer so.
const INSIDE: OFlags = OFlags::RDONLY
    .union(OFlags::NOFOLLOW)
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY)
    .union(OFlags::CLOEXEC);

/// What was read: the files of all folders by their paths, in order.
#[derive(Default)]
struct Reader {
    files: Vec<(String, Vec<u8>)>,
    /// The folders with a SKILL.md.
    skills: Vec<String>,
    entries: usize,
    bytes: u64,
}

impl Reader {
    /// Reads a folder, but no file that lies in no skill.
    fn folder(
        &mut self,
        folder: &OwnedFd,
        path: &str,
        depth: usize,
        is_in_skill: bool,
    ) -> Result<(), ReadSkillsError> {
        let failed =
            |error: rustix::io::Errno| ReadSkillsError::new(path, Reason::Io(error.into()));
        let refused = |why| ReadSkillsError::new(path, Reason::Refused(why));
        if depth > DEPTH {
            return Err(refused("folders nest too deep"));
        }
        let mut names = Vec::new();
        for entry in Dir::read_from(folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            self.entries += 1;
            if self.entries > MOST_ENTRIES {
                return Err(refused("there are more than 65,536 files and folders"));
            }
            let name = OsStr::from_bytes(entry.file_name().to_bytes());
            if entry.file_name().to_bytes().starts_with(b".") {
                continue;
            }
            let name = name
                .to_str()
                .ok_or_else(|| refused("a name in it isn't UTF-8"))?;
            names.push(name.to_string());
        }
        names.sort_unstable();
        let leads = |name: &String| name == SKILL_MD;
        if path.is_empty() && names.iter().any(leads) {
            return Err(refused("SKILL.md has to lie in a folder of its own"));
        }
        let is_skill = names.iter().any(leads);
        if is_skill {
            self.skills.push(path.into());
        }
        for name in names {
            let path = match path {
                "" => name.clone(),
                path => format!("{path}/{name}"),
            };
            self.entry(folder, &name, (&path, depth), is_skill || is_in_skill)?;
        }
        Ok(())
    }

    fn entry(
        &mut self,
        folder: &OwnedFd,
        name: &str,
        (path, depth): (&str, usize),
        is_in_skill: bool,
    ) -> Result<(), ReadSkillsError> {
        let failed = |error: io::Error| ReadSkillsError::new(path, Reason::Io(error));
        let refused = |why| ReadSkillsError::new(path, Reason::Refused(why));
        let opened = match openat(folder, name, INSIDE, Mode::empty()) {
            // A link, by what the flag says of one.
            Err(rustix::io::Errno::LOOP | rustix::io::Errno::MLINK) => {
                return Err(refused("links aren't followed"));
            }
            // Sockets, and devices without a driver, can't be opened at all.
            Err(rustix::io::Errno::NXIO) => return Err(refused("it is no ordinary file")),
            opened => opened.map_err(|errno| failed(errno.into()))?,
        };
        let found = fstat(&opened).map_err(|errno| failed(errno.into()))?;
        match FileType::from_raw_mode(found.st_mode) {
            FileType::Directory => self.folder(&opened, path, depth + 1, is_in_skill),
            FileType::RegularFile if is_in_skill => {
                let bytes = self.read(opened, path)?;
                self.files.push((path.into(), bytes));
                Ok(())
            }
            FileType::RegularFile => Ok(()),
            _ => Err(refused("it is no ordinary file")),
        }
    }

    /// Reads a file that is open, as long as it is then and no longer than is left.
    fn read(&mut self, file: OwnedFd, path: &str) -> Result<Vec<u8>, ReadSkillsError> {
        let left = MOST_BYTES.min(MOST_READ - self.bytes);
        let mut bytes = Vec::new();
        let mut file = File::from(file).take(left + 1);
        let read = file.read_to_end(&mut bytes);
        read.map_err(|error| ReadSkillsError::new(path, Reason::Io(error)))?;
        let length = bytes.len() as u64;
        if length > MOST_BYTES {
            let error = SkillError::TooManyBytes(length);
            return Err(ReadSkillsError::new(path, Reason::Skill(error)));
        }
        if length > left {
            let why = "the skills have more than 256 MiB";
            return Err(ReadSkillsError::new(path, Reason::Refused(why)));
        }
        self.bytes += length;
        Ok(bytes)
    }

    /// The skills of what was read.
    fn skills(mut self) -> Result<Vec<SkillFiles>, ReadSkillsError> {
        self.files.sort_unstable();
        let skills = self.skills.iter();
        skills.map(|folder| self.skill(folder)).collect()
    }

    fn skill(&self, folder: &str) -> Result<SkillFiles, ReadSkillsError> {
        let wrong = |path: &str, error| ReadSkillsError::new(path, Reason::Skill(error));
        let prefix = format!("{folder}/");
        let from = self.files.partition_point(|(path, _)| *path < prefix);
        let files = self.files.get(from..).unwrap_or_default().iter();
        let files = files.take_while(|(path, _)| path.starts_with(&prefix));
        let skill_md = format!("{folder}/{SKILL_MD}");
        let own = |(path, _): &&(String, Vec<u8>)| *path == skill_md;
        let bytes = files.clone().find(own).map(|(_, bytes)| bytes.clone());
        let text = String::from_utf8(bytes.unwrap_or_default());
        let text = text.map_err(|_| wrong(&skill_md, SkillError::NotText))?;
        let mut skill = SkillFiles::new(text).map_err(|error| wrong(&skill_md, error))?;
        let (above, name) = folder.rsplit_once('/').unwrap_or(("", folder));
        if name != skill.name() {
            let error = SkillError::Directory {
                name: skill.name().into(),
                uri: folder.into(),
            };
            return Err(wrong(&skill_md, error));
        }
        for (path, bytes) in files.filter(|(path, _)| *path != skill_md) {
            let inside = path.get(prefix.len()..).unwrap_or_default();
            let added = skill.file(inside, bytes.clone());
            skill = added.map_err(|error| wrong(path, error))?;
        }
        match above {
            "" => Ok(skill),
            above => skill.below(above).map_err(|error| wrong(folder, error)),
        }
    }
}
