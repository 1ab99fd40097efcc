//! Skills for threads: see the operations of these names of the client for tasks.

use alloc::vec::Vec;

use super::client::BlockingClient;
use crate::client::{ClientError, Listed};
use crate::model::resource::Resource;
use crate::model::skill::{Skill, SkillFile};

impl BlockingClient {
    /// All skills that the server lists; none, without asking, when it has no skills. It may have more,
    /// which [`get_skill`](Self::get_skill) finds. No file of any is read.
    ///
    /// Each entry has been checked; those that break a rule, and entries whose URI was listed before,
    /// are among [`Listed::skipped`]. Kept as resources are.
    pub fn list_skills(&self) -> Result<Listed<Skill<'static>>, ClientError> {
        self.wait(self.inner.list_skills())
    }

    /// What the server says now of the skill whose SKILL.md is at `uri`. No file of it is read.
    ///
    /// Returns an error if it is no skill of the server, or the server has no skills.
    pub fn get_skill(&self, uri: &str) -> Result<Skill<'static>, ClientError> {
        self.wait(self.inner.get_skill(uri))
    }

    /// Reads the file at `uri` of a skill of this server, such as its SKILL.md at `skill.uri`, and
    /// hands it out once it is what `skill` says: see [`Skill::verify`].
    ///
    /// Returns [`ClientError::Skill`], before anything is sent, if the skill doesn't list the file or is
    /// larger than 512 files or 16 MiB, and after it if the file is another one.
    pub fn read_skill_file(&self, skill: &Skill<'_>, uri: &str) -> Result<SkillFile, ClientError> {
        self.wait(self.inner.read_skill_file(skill, uri))
    }

    /// What lies right in the directory at `uri`, which has no slash at its end: files, and directories
    /// by their MIME type [`DIRECTORY`](crate::model::skill::DIRECTORY). Files that a skill's entry
    /// doesn't list have come after it and aren't the skill's until the entry is got anew.
    ///
    /// Returns an error if it is no directory, the server doesn't read directories, or its pages never
    /// end.
    pub fn read_directory(&self, uri: &str) -> Result<Vec<Resource<'static>>, ClientError> {
        self.wait(self.inner.read_directory(uri))
    }
}
