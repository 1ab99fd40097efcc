//! Tokens in a file that only its owner can read.
//!
//! Rules of this file: the file is written beside and put in its place whole; it is made with the
//! owner's permissions and never opened to others; one that others can read is refused.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use crate::auth::{Saved, StoreError, TokenStore};

/// How long the file may be, in bytes.
const LONGEST: u64 = 16 * 1024 * 1024;

/// A [`TokenStore`] in a file, whose owner alone may read and write it. The tokens stand in it as
/// they are: where the system has a place for secrets, a store of one's own is better.
///
/// Several stores of one program on the same file, or of several programs, may lose what one of them
/// has saved at the same time.
#[derive(Debug)]
pub struct FileStore {
    path: PathBuf,
    /// One at a time.
    turn: Mutex<()>,
}

impl FileStore {
    /// Returns the store in the file at `path`, which is made when there is something to remember;
    /// its folder has to be there.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            turn: Mutex::default(),
        }
    }

    fn read(&self) -> io::Result<BTreeMap<String, Saved>> {
        let about = match fs::metadata(&self.path) {
            Ok(about) => about,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
            Err(error) => return Err(error),
        };
        if about.len() > LONGEST {
            return Err(io::Error::other("the file is too long"));
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            if about.permissions().mode() & 0o077 != 0 {
                return Err(io::Error::other("others may read the file"));
            }
        }
        let text = fs::read(&self.path)?;
        serde_json::from_slice(&text).map_err(|_| io::Error::other("the file isn't one of tokens"))
    }

    fn write(&self, servers: &BTreeMap<String, Saved>) -> io::Result<()> {
        let text: Vec<u8> =
            serde_json::to_vec(servers).map_err(|_| io::Error::other("there is no JSON of it"))?;
        let mut beside = self.path.clone().into_os_string();
        beside.push(format!(".{}", std::process::id()));
        let beside = PathBuf::from(beside);
        // What a program has left behind that died meanwhile.
        let _ = fs::remove_file(&beside);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt;
            options.mode(0o600);
        }
        let mut file = options.open(&beside)?;
        let written = file.write_all(&text).and_then(|()| file.sync_all());
        drop(file);
        let moved = written.and_then(|()| fs::rename(&beside, &self.path));
        if moved.is_err() {
            let _ = fs::remove_file(&beside);
        }
        moved
    }

    fn fail(&self, error: &io::Error) -> StoreError {
        StoreError::new(format!("{}: {}", self.path.display(), error))
    }
}

impl TokenStore for FileStore {
    fn load(&self, server: &str) -> Result<Option<Saved>, StoreError> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let mut servers = self.read().map_err(|error| self.fail(&error))?;
        Ok(servers.remove(server))
    }

    fn save(&self, server: &str, saved: &Saved) -> Result<(), StoreError> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let mut servers = self.read().map_err(|error| self.fail(&error))?;
        servers.insert(server.into(), saved.clone());
        self.write(&servers).map_err(|error| self.fail(&error))
    }
}
