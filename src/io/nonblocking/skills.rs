//! Skills for tasks: listed and asked for without a file being read, then read file by file, each held
//! to what was said of it.

use alloc::string::String;
use alloc::vec::Vec;

use super::client::AsyncClient;
use crate::client::{ClientError, Listed, Operation, Output};
use crate::model::page::PageGuard;
use crate::model::resource::Resource;
use crate::model::skill::{ReadResourceDirectoryParams, Skill, SkillFile};
use crate::rpc::Raw;

impl AsyncClient {
    /// All skills that the server lists; none, without asking, when it has no skills. It may have more,
    /// which [`get_skill`](Self::get_skill) finds. No file of any is read.
    ///
    /// Each entry has been checked; those that break a rule, and entries whose URI was listed before,
    /// are among [`Listed::skipped`]. Kept as resources are.
    pub async fn list_skills(&self) -> Result<Listed<Skill<'static>>, ClientError> {
        match self.run(Operation::ListSkills).await? {
            Output::Skills(skills) => Ok(skills),
            _ => unreachable!("a request is answered with the output of its kind"),
        }
    }

    /// What the server says now of the skill whose SKILL.md is at `uri`. No file of it is read.
    ///
    /// Returns an error if it is no skill of the server, or the server has no skills.
    pub async fn get_skill(&self, uri: &str) -> Result<Skill<'static>, ClientError> {
        match self.run(Operation::GetSkill(uri.into())).await? {
            Output::Skill(skill) => Ok(*skill),
            _ => unreachable!("a request is answered with the output of its kind"),
        }
    }

    /// Reads the file at `uri` of a skill of this server, such as its SKILL.md at `skill.uri`, and
    /// hands it out once it is what `skill` says: see [`Skill::verify`].
    ///
    /// Returns [`ClientError::Skill`], before anything is sent, if the skill doesn't list the file or is
    /// larger than 512 files or 16 MiB, and after it if the file is another one.
    pub async fn read_skill_file(
        &self,
        skill: &Skill<'_>,
        uri: &str,
    ) -> Result<SkillFile, ClientError> {
        skill.check()?;
        skill.check_read(uri)?;
        let output = self.read_resource(uri).await?;
        Ok(skill.verify(uri, &output.raw)?)
    }

    /// What lies right in the directory at `uri`, which has no slash at its end: files, and directories
    /// by their MIME type [`DIRECTORY`](crate::model::skill::DIRECTORY). Files that a skill's entry
    /// doesn't list have come after it and aren't the skill's until the entry is got anew.
    ///
    /// Returns an error if it is no directory, the server doesn't read directories, or its pages never
    /// end.
    pub async fn read_directory(&self, uri: &str) -> Result<Vec<Resource<'static>>, ClientError> {
        let limits = &self.options().limits;
        let pages = u32::try_from(limits.pages).unwrap_or(u32::MAX);
        let mut guard = PageGuard::new(pages);
        let mut children = Vec::new();
        let mut held = 0_usize;
        let mut params = ReadResourceDirectoryParams::new(String::from(uri));
        loop {
            let page = match self.run(Operation::ReadDirectory(params.clone())).await? {
                Output::Directory(page) => page,
                _ => unreachable!("a request is answered with the output of its kind"),
            };
            // Roughly twice its JSON, as in a listing.
            let length = Raw::encode(&page).map_or(0, |json| json.as_str().len());
            held = length.saturating_mul(2).saturating_add(held);
            children.extend(page.resources.into_vec());
            if held > limits.memory {
                return Err(ClientError::LimitReached {
                    what: "the bytes of a directory",
                    limit: limits.memory,
                });
            }
            params.cursor = guard.advance(page.next_cursor)?;
            if params.cursor.is_none() {
                return Ok(children);
            }
        }
    }
}
