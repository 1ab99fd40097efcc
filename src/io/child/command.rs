//! How to start a server process: its program, arguments, environment and directory.
//! Never through a shell, and without the environment's secrets unless they are asked for.

#[cfg(unix)]
use alloc::borrow::Cow;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Mutex;

use super::super::blocking::Connection;
use super::super::entry::{EntryError, check_resolved};
use super::super::thread::spawn;
use super::pipe::{Heard, Output, alive};
use super::process::{Process, Waits};
#[cfg(unix)]
use super::search;
use super::stderr::{Stderr, Tail};
use super::{AsyncChildConnection, ChildConnection};
use crate::client::config::{ServerEntry, ServerKind};
use crate::session::Session;

/// The variables that a child inherits in any case.
const INHERITED: &[&str] = if cfg!(windows) {
    &[
        "APPDATA",
        "HOMEDRIVE",
        "HOMEPATH",
        "LOCALAPPDATA",
        "PATH",
        "PATHEXT",
        "PROCESSOR_ARCHITECTURE",
        "SYSTEMDRIVE",
        "SYSTEMROOT",
        "TEMP",
        "USERNAME",
        "USERPROFILE",
    ]
} else {
    &["HOME", "LOGNAME", "PATH", "SHELL", "TERM", "USER"]
};

/// How to start a server process.
///
/// ```no_run
/// # fn run(session: impl mcp_proto::session::Session<Event: Send> + Send + 'static) -> std::io::Result<()> {
/// use mcp_proto::io::child::Command;
///
/// let mut server = Command::new("my-server").arg("--quiet").env("TOKEN", "..").connect(session)?;
/// while let Some(_event) = server.next()? {}
/// server.shutdown()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Command {
    program: OsString,
    args: Vec<OsString>,
    inherited: Inherited,
    env: BTreeMap<OsString, OsString>,
    directory: Option<PathBuf>,
    stderr: Stderr,
    waits: Waits,
}

#[derive(Clone, Copy, Debug)]
enum Inherited {
    Safe,
    All,
    Nothing,
}

impl Command {
    /// Starts `program`, which is looked for in the child's `PATH` unless it is a path.
    ///
    /// Of this process's environment the child gets what every program needs and nothing that may
    /// be secret: `HOME`, `LOGNAME`, `PATH`, `SHELL`, `TERM` and `USER`; on Windows `APPDATA`,
    /// `HOMEDRIVE`, `HOMEPATH`, `LOCALAPPDATA`, `PATH`, `PATHEXT`, `PROCESSOR_ARCHITECTURE`,
    /// `SYSTEMDRIVE`, `SYSTEMROOT`, `TEMP`, `USERNAME` and `USERPROFILE`. Others are given with
    /// [`env`](Self::env) or [`inherit_all_env`](Self::inherit_all_env).
    pub fn new(program: impl Into<OsString>) -> Self {
        Self {
            program: program.into(),
            args: Vec::new(),
            inherited: Inherited::Safe,
            env: BTreeMap::new(),
            directory: None,
            stderr: Stderr::PassOn,
            waits: Waits {
                close: Duration::from_secs(2),
                terminate: Duration::from_secs(2),
            },
        }
    }

    /// Adds one argument, which is passed on as it is.
    pub fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Adds several arguments.
    pub fn args(mut self, args: impl IntoIterator<Item = impl Into<OsString>>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Sets an environment variable, over one that would be inherited.
    pub fn env(mut self, key: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.env.insert(key.into(), value.into());
        self
    }

    /// Lets the child inherit nothing, not even `PATH`: it gets what [`env`](Self::env) sets.
    pub fn env_clear_all(mut self) -> Self {
        self.inherited = Inherited::Nothing;
        self
    }

    /// Lets the child inherit the whole environment of this process, secrets included.
    pub fn inherit_all_env(mut self) -> Self {
        self.inherited = Inherited::All;
        self
    }

    /// Sets the directory that the child runs in; this process's own when it isn't set.
    pub fn current_dir(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directory = Some(directory.into());
        self
    }

    /// Discards what the child writes to its standard error, which otherwise goes to this
    /// process's own.
    pub fn stderr_quiet(mut self) -> Self {
        self.stderr = Stderr::Quiet;
        self
    }

    /// Gives each line of the child's standard error to `lines`, on a thread of its own. A line of
    /// more than 4 KiB is cut short. Of several children that this command and its clones start, one
    /// line at a time is given.
    pub fn stderr_lines(mut self, lines: impl FnMut(&str) + Send + 'static) -> Self {
        self.stderr = Stderr::Lines(Arc::new(Mutex::new(lines)));
        self
    }

    /// Sets how long a child whose input has ended may take before it is asked to terminate. 2 s, but
    /// 100 ms at most for one that has never said anything.
    pub fn close_wait(mut self, wait: Duration) -> Self {
        self.waits.close = wait;
        self
    }

    /// Sets how long a child that was asked to terminate may take before it is killed. 2 s.
    pub fn terminate_wait(mut self, wait: Duration) -> Self {
        self.waits.terminate = wait;
        self
    }

    /// Returns the same command as one of the standard library, for a runtime with processes of its
    /// own. Its standard streams are not set. On Unix the program has been looked for already, so that a
    /// `PATH` that is set afterwards changes nothing but what the child sees.
    pub fn to_std(&self) -> std::process::Command {
        let mut command = self.found();
        command.args(&self.args);
        match self.inherited {
            Inherited::All => {}
            Inherited::Nothing => {
                command.env_clear();
            }
            Inherited::Safe => {
                command
                    .env_clear()
                    .envs(INHERITED.iter().filter_map(|name| inherited(name)));
            }
        }
        command.envs(&self.env);
        if let Some(directory) = &self.directory {
            command.current_dir(directory);
        }
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        command
    }

    /// A command of the program where it is, which keeps its name.
    #[cfg(unix)]
    fn found(&self) -> std::process::Command {
        let path = match self.env.get(OsStr::new("PATH")) {
            Some(path) => Some(Cow::Borrowed(path)),
            None if matches!(self.inherited, Inherited::Nothing) => None,
            None => std::env::var_os("PATH").map(Cow::Owned),
        };
        let found = path.and_then(|path| search::program_in(&path, &self.program));
        let mut command = std::process::Command::new(found.as_deref().unwrap_or(&self.program));
        std::os::unix::process::CommandExt::arg0(&mut command, &self.program);
        command
    }

    #[cfg(not(unix))]
    fn found(&self) -> std::process::Command {
        std::process::Command::new(&self.program)
    }

    /// Starts the process and drives `session` over its standard streams.
    ///
    /// Returns an error, naming the program, when it can't be started.
    pub fn connect<S>(self, session: S) -> io::Result<ChildConnection<S>>
    where
        S: Session + Send + 'static,
        S::Event: Send,
    {
        let mut command = self.to_std();
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let (alive, gone) = alive()?;
        let mut child = command.spawn().map_err(|error| self.not_started(&error))?;
        let streams = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let tail = Arc::new(Tail::default());
        // From here on an error ends the process.
        let is_heard = Arc::default();
        let process = Process::new(child, self.waits, &is_heard, Arc::clone(&tail), alive);
        let (Some(stdin), Some(stdout), Some(stderr)) = streams else {
            return Err(io::Error::other("the process has no standard streams"));
        };
        let to = self.stderr;
        let stdout = Heard::new(Output::new(stdout, &gone), &is_heard);
        let stderr = Output::new(stderr, &gone);
        spawn("mcp stderr", move || tail.drain(stderr, &to))?;
        let connection = Connection::start(session, stdout, stdin, true)?;
        let program = shown(&self.program);
        Ok(ChildConnection::new(connection, process, program))
    }

    /// As [`connect`](Self::connect), for tasks of any runtime: threads do what blocks.
    ///
    /// Returns an error, naming the program, when it can't be started.
    pub fn connect_async<S>(self, session: S) -> io::Result<AsyncChildConnection<S>>
    where
        S: Session + Send + 'static,
        S::Event: Send + 'static,
    {
        AsyncChildConnection::new(self.connect(session)?)
    }

    fn not_started(&self, error: &io::Error) -> io::Error {
        let program = shown(&self.program);
        let place = match &self.directory {
            Some(directory) => format!(" in {}", directory.display()),
            None => String::new(),
        };
        io::Error::new(
            error.kind(),
            format!("can't start `{program}`{place}: {error}"),
        )
    }
}

/// Arguments and variables may be secrets, so only their number is shown.
impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Command")
            .field("program", &shown(&self.program))
            .field("args", &self.args.len())
            .field("env", &self.env.len())
            .field("directory", &self.directory)
            .finish_non_exhaustive()
    }
}

/// How to start a server of a configuration file. Whether it's enabled makes no difference.
impl TryFrom<&ServerEntry> for Command {
    type Error = EntryError;

    fn try_from(entry: &ServerEntry) -> Result<Self, EntryError> {
        let server = entry.name.clone();
        let ServerKind::Stdio {
            command,
            args,
            env,
            cwd,
            env_file,
            ..
        } = &entry.kind
        else {
            return Err(EntryError::NoCommand { server });
        };
        check_resolved(entry, &["command", "args", "env", "environment", "cwd"])?;
        if let Some(path) = env_file.clone() {
            return Err(EntryError::EnvFile { server, path });
        }
        let mut started = Self::new(command).args(args);
        for (name, value) in env {
            started = started.env(name, value);
        }
        Ok(match cwd {
            Some(cwd) => started.current_dir(cwd),
            None => started,
        })
    }
}

/// A program as it may be shown: a configuration may have put arguments behind it, secrets
/// included.
fn shown(program: &OsStr) -> String {
    let text = program.to_string_lossy();
    let first = text.split(' ').next().unwrap_or_default();
    match first.contains(['/', '\\']) {
        // A path may have spaces in it.
        true => text.into_owned(),
        false => first.into(),
    }
}

/// A variable of this process, unless its value is a shell function.
fn inherited(name: &str) -> Option<(&OsStr, OsString)> {
    let value = std::env::var_os(name)?;
    (!value.as_encoded_bytes().starts_with(b"()")).then_some((OsStr::new(name), value))
}
