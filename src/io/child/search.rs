//! Where a program is among the directories of a child's `PATH`. The standard library leaves the search to
//! a copy of this process when the child has an environment of its own, and the copy takes the longer
//! the more memory this process has; of a program whose path is known it needs none.

use std::ffi::{OsStr, OsString};
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Anybody may run it.
const ALL: u32 = 0o111;

/// Where `program` is, the first of its name in the directories of `path` that may be run.
///
/// `None` when it is a path itself, is in none of them, or when that depends on what only the system
/// knows: the child's directory and the user's permissions.
pub(super) fn program_in(path: &OsStr, program: &OsStr) -> Option<OsString> {
    if program.as_encoded_bytes().contains(&b'/') {
        return None;
    }
    for directory in std::env::split_paths(path) {
        if !directory.is_absolute() {
            return None;
        }
        let candidate = directory.join(program);
        match may_be_run(&candidate) {
            Some(true) => return Some(candidate.into_os_string()),
            Some(false) => {}
            None => return None,
        }
    }
    None
}

/// Whether everybody may run what is at `path`, or nobody; `None` when that differs or can't be told.
fn may_be_run(path: &Path) -> Option<bool> {
    match path.metadata() {
        Ok(file) if !file.is_file() => Some(false),
        Ok(file) => match file.permissions().mode() & ALL {
            ALL => Some(true),
            0 => Some(false),
            _ => None,
        },
        Err(error) => match error.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory => Some(false),
            _ => None,
        },
    }
}
