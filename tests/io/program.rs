//! Where the program of a server process is found: in the directories of the child's own `PATH`, before
//! the process is started, so that starting it needs no copy of this process, however large it is.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, io};

use mcp_proto::io::child::Command;

use crate::toy::Toy;

const NAME: &str = "mcp-server-of-a-test";

/// A directory with others in it that may hold a program, gone when it is dropped.
struct Directories(PathBuf);

impl Directories {
    fn new() -> Self {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let name = format!("mcp-program-{}-{number}", std::process::id());
        let path = env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// Puts a program into `directory` that prints its path, with `mode` for its permissions.
    // Another process writes it: as long as this one had it open, a child that another test starts could
    // have it too, and a file that somebody writes can't be run.
    fn program(&self, directory: &str, mode: &str) -> PathBuf {
        let path = self.0.join(directory).join(NAME);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let script = r##"echo '#!/bin/sh' > "$1" && echo 'echo "$0"' >> "$1" && chmod "$2" "$1""##;
        let mut write = std::process::Command::new("/bin/sh");
        write.args(["-c", script, "sh"]).arg(&path).arg(mode);
        assert!(write.status().unwrap().success());
        path
    }

    /// A `PATH` of `directories` and what the shell of a program needs.
    fn path(&self, directories: &[&str]) -> OsString {
        let these = directories.iter().map(|directory| self.0.join(directory));
        let own = env::var_os("PATH").unwrap_or_default();
        env::join_paths(these.chain(env::split_paths(&own))).unwrap()
    }
}

impl Drop for Directories {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The program that a command starts, and what it prints.
fn started(command: &Command) -> (PathBuf, String) {
    let mut command = command.to_std();
    let output = command.output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    (
        Path::new(command.get_program()).into(),
        printed.trim_end().into(),
    )
}

#[test]
fn a_program_is_the_first_of_its_name_in_the_childs_path() {
    // `stdio.spawn`
    let directories = Directories::new();
    directories.program("plain", "644");
    fs::create_dir_all(directories.0.join("directory").join(NAME)).unwrap();
    let first = directories.program("first", "755");
    directories.program("second", "755");
    let path = directories.path(&["none", "plain", "directory", "first", "second"]);
    for command in [
        Command::new(NAME).env("PATH", &path),
        Command::new(NAME).env("PATH", &path).env_clear_all(),
        Command::new(NAME).env("PATH", &path).inherit_all_env(),
    ] {
        let printed = first.to_str().unwrap().to_owned();
        assert_eq!(started(&command), (first.clone(), printed));
    }
}

#[test]
fn a_program_sees_the_name_that_it_was_started_by() {
    // `stdio.spawn`
    let (program, printed) = started(&Command::new("sh").args(["-c", "echo \"$0\""]));
    assert!(
        program.is_absolute() && program.ends_with("sh"),
        "{program:?}"
    );
    assert_eq!(printed, "sh");
}

#[test]
fn a_path_of_the_childs_own_directory_is_left_to_the_system() {
    // `stdio.spawn`
    let directories = Directories::new();
    directories.program("here", "755");
    directories.program("there", "755");
    let mut path = OsString::from("here:");
    path.push(directories.path(&["there"]));
    let command = Command::new(NAME)
        .env("PATH", path)
        .current_dir(&directories.0);
    let (program, printed) = started(&command);
    assert_eq!(program, Path::new(NAME));
    assert_eq!(Path::new(&printed), Path::new("here").join(NAME));
}

#[test]
fn a_program_that_not_everybody_may_run_is_left_to_the_system() {
    // `stdio.spawn`
    let directories = Directories::new();
    let mine = directories.program("mine", "700");
    let command = Command::new(NAME).env("PATH", directories.path(&["mine"]));
    let (program, printed) = started(&command);
    assert_eq!(program, Path::new(NAME));
    assert_eq!(Path::new(&printed), mine);
}

#[test]
fn a_program_that_is_nowhere_is_told_of_by_its_name() {
    // `stdio.spawn`
    let directories = Directories::new();
    directories.program("plain", "644");
    for (name, kind) in [
        (NAME, io::ErrorKind::PermissionDenied),
        ("", io::ErrorKind::NotFound),
    ] {
        let command = Command::new(name).env("PATH", directories.path(&["plain"]));
        let error = command.connect(Toy::default()).err().unwrap();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(&format!("`{name}`")), "{error}");
    }
}
