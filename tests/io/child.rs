//! Server processes: how they are started, what they see, and how they end.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use mcp_proto::client::config::Config;
use mcp_proto::io::EntryError;
use mcp_proto::io::child::{ChildConnection, Command};
use mcp_proto::session::Closed;

use crate::toy::{Event, Toy, frame};
use support::thread::within;

const SAFE: [&str; 6] = ["HOME", "LOGNAME", "PATH", "SHELL", "TERM", "USER"];
const TERMINATED: i32 = 15;
const KILLED: i32 = 9;

fn shell(script: &str) -> Command {
    let short = Duration::from_millis(100);
    let command = Command::new("sh").args(["-c", script]).stderr_quiet();
    command.close_wait(short).terminate_wait(short)
}

fn next_line(connection: &mut ChildConnection<Toy>) -> String {
    match connection.next().unwrap() {
        Some(Event::Frame(line)) => String::from_utf8(line.to_vec()).unwrap(),
        other => panic!("{other:?} is no frame"),
    }
}

/// The lines that `command` prints.
fn lines(command: Command) -> Vec<String> {
    let mut connection = command.connect(Toy::default()).unwrap();
    let mut lines = Vec::new();
    loop {
        match connection.next() {
            Ok(Some(Event::Frame(line))) => {
                lines.push(String::from_utf8(line.to_vec()).unwrap());
            }
            Ok(Some(_)) => {}
            Ok(None) => return lines,
            // None of these lines is a message, which is told at the end.
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{error}"),
        }
    }
}

fn environment(command: Command) -> BTreeMap<String, String> {
    let split = |line: String| {
        line.split_once('=')
            .map(|(key, value)| (key.into(), value.into()))
    };
    lines(command).into_iter().filter_map(split).collect()
}

#[test]
fn frames_go_to_the_child_and_come_back() {
    // `stdio.spawn` `stdio.client.should`
    within(|| {
        let mut connection = Command::new("cat").connect(Toy::default()).unwrap();
        assert!(connection.id().is_some());
        for number in 0..100 {
            connection.with(|toy, _| toy.send(frame(number)));
        }
        for number in 0..100 {
            assert_eq!(next_line(&mut connection), frame(number));
        }
        assert!(connection.shutdown().unwrap().success());
    });
}

#[test]
fn a_child_inherits_the_safe_variables_and_what_it_is_given() {
    // `stdio.cred`
    within(|| {
        let env = environment(Command::new("env").env("TERM", "other").env("TOKEN", "a=b"));
        assert_eq!(env["TERM"], "other");
        assert_eq!(env["TOKEN"], "a=b");
        for (name, value) in &env {
            match SAFE.contains(&name.as_str()) {
                true if name != "TERM" => assert_eq!(&std::env::var(name).unwrap(), value),
                true => {}
                false => assert_eq!(name, "TOKEN"),
            }
        }
        let kept = SAFE.iter().filter(|name| std::env::var_os(name).is_some());
        assert!(kept.into_iter().all(|name| env.contains_key(*name)));
    });
}

#[test]
fn a_child_inherits_nothing_or_everything_when_asked() {
    within(|| {
        let nothing = Command::new("/usr/bin/env")
            .env_clear_all()
            .env("TOKEN", "t");
        assert_eq!(
            environment(nothing),
            BTreeMap::from([("TOKEN".into(), "t".into())])
        );
        let all = environment(Command::new("env").inherit_all_env());
        for (name, value) in std::env::vars().filter(|(_, value)| !value.contains('\n')) {
            assert_eq!(all.get(&name), Some(&value), "{name}");
        }
    });
}

#[test]
fn arguments_are_passed_as_they_are_and_the_directory_is_set() {
    within(|| {
        let odd = ["$HOME", "a b", "'", "*", ""];
        let printed = lines(Command::new("printf").arg("[%s]\n").args(odd));
        assert_eq!(printed, ["[$HOME]", "[a b]", "[']", "[*]", "[]"]);
        assert_eq!(lines(Command::new("pwd").current_dir("/")), ["/"]);
    });
}

#[test]
fn a_program_that_is_not_there_is_named() {
    let error = Command::new("no-such-program")
        .connect(Toy::default())
        .unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
    assert!(error.to_string().contains("`no-such-program`"), "{error}");
    let elsewhere = Command::new("cat").current_dir("/no/such/place");
    let error = elsewhere.connect(Toy::default()).unwrap_err();
    assert!(error.to_string().contains("/no/such/place"), "{error}");
}

#[test]
fn secrets_do_not_show() {
    let command = Command::new("server")
        .arg("--key=hidden")
        .env("TOKEN", "hidden");
    let shown = format!("{command:?}");
    assert!(
        shown.contains("server") && !shown.contains("hidden"),
        "{shown}"
    );
}

#[test]
fn arguments_that_stand_behind_the_program_do_not_show() {
    // A configuration has put them there, where they name no program.
    let command = Command::new("no-such-program --key=hidden");
    assert!(!format!("{command:?}").contains("hidden"), "{command:?}");
    let error = command.connect(Toy::default()).unwrap_err().to_string();
    let starts = error.starts_with("can't start `no-such-program`");
    assert!(starts && !error.contains("hidden"), "{error}");
}

#[test]
fn a_child_that_exits_well_ends_the_session() {
    // `stdio.shutdown.server`
    within(|| {
        let mut connection = shell("echo '{\"last\":1}'")
            .connect(Toy::default())
            .unwrap();
        assert_eq!(next_line(&mut connection), "{\"last\":1}");
        assert_eq!(
            connection.next().unwrap(),
            Some(Event::Closed(Closed::EndOfInput))
        );
        assert_eq!(connection.next().unwrap(), None);
        assert!(connection.shutdown().unwrap().success());
    });
}

#[test]
fn a_child_that_fails_is_named_with_its_last_words() {
    within(|| {
        let script =
            "for i in $(seq 30); do echo line $i >&2; done; printf 'no newline' >&2; exit 3";
        let mut connection = shell(script).connect(Toy::default()).unwrap();
        assert_eq!(
            connection.next().unwrap(),
            Some(Event::Closed(Closed::EndOfInput))
        );
        let error = connection.next().unwrap_err().to_string();
        assert!(error.contains("`sh` ended with exit status: 3"), "{error}");
        assert!(
            error.contains("line 12\n") && error.ends_with("no newline"),
            "{error}"
        );
        assert!(
            !error.contains("line 11\n"),
            "twenty lines are kept: {error}"
        );
        assert_eq!(connection.stderr_tail().lines().count(), 20);
        assert_eq!(connection.next().unwrap(), None);
        assert_eq!(connection.id(), None);
        assert_eq!(connection.shutdown().unwrap().code(), Some(3));
    });
}

#[test]
fn what_a_child_writes_to_stderr_changes_nothing() {
    // `stdio.stderr`
    within(|| {
        // More than a pipe holds, invalid text and a line beyond all bounds.
        let script =
            "head -c 300000 /dev/zero >&2; printf '\\n\\377 error: fatal\\n' >&2; exec cat";
        let (give, given) = mpsc::channel();
        let command = shell(script).stderr_lines(move |line| give.send(line.to_owned()).unwrap());
        let mut connection = command.connect(Toy::default()).unwrap();
        connection.with(|toy, _| toy.send("{}"));
        assert_eq!(next_line(&mut connection), "{}");
        assert!(given.recv().unwrap().len() <= 4096);
        assert_eq!(given.recv().unwrap(), "\u{fffd} error: fatal");
        assert!(connection.stderr_tail().ends_with("\u{fffd} error: fatal"));
        assert!(connection.shutdown().unwrap().success());
        assert!(given.recv().is_err(), "the end of the stream was reached");
    });
}

#[test]
fn a_child_is_ended_by_the_end_of_its_input() {
    // `stdio.shutdown.client`
    within(|| {
        let connection = shell("cat >/dev/null; exit 7")
            .connect(Toy::default())
            .unwrap();
        assert_eq!(connection.shutdown().unwrap().code(), Some(7));
    });
}

#[test]
fn a_child_that_ignores_the_end_of_its_input_is_terminated() {
    // `stdio.shutdown.client`
    within(|| {
        let mut connection = shell("echo '{}'; sleep 60")
            .connect(Toy::default())
            .unwrap();
        next_line(&mut connection);
        let begin = Instant::now();
        assert_eq!(connection.shutdown().unwrap().signal(), Some(TERMINATED));
        assert!(
            begin.elapsed() >= Duration::from_millis(100),
            "it was given time"
        );
    });
}

#[test]
fn a_child_that_ignores_termination_is_killed_with_all_it_started() {
    // `stdio.shutdown.client`
    within(|| {
        let (alive, gone) = mpsc::channel::<()>();
        let script = "trap '' TERM; echo '{}'; sleep 60; sleep 60";
        let command = shell(script).stderr_lines(move |_| drop(alive.clone()));
        let mut connection = command.connect(Toy::default()).unwrap();
        next_line(&mut connection);
        let begin = Instant::now();
        assert_eq!(connection.shutdown().unwrap().signal(), Some(KILLED));
        assert!(
            begin.elapsed() >= Duration::from_millis(200),
            "it was given time twice"
        );
        // Every process that held its standard error is gone.
        assert!(gone.recv().is_err());
    });
}

#[test]
fn what_a_child_leaves_behind_is_terminated() {
    within(|| {
        let (alive, gone) = mpsc::channel::<()>();
        let script = "sleep 60 >/dev/null & echo '{}'; exec cat";
        let command = shell(script).stderr_lines(move |_| drop(alive.clone()));
        let mut connection = command.connect(Toy::default()).unwrap();
        next_line(&mut connection);
        assert!(connection.shutdown().unwrap().success());
        assert!(gone.recv().is_err());
    });
}

#[test]
fn a_child_that_still_writes_is_read_to_its_end() {
    within(|| {
        // Were its output closed, it would die of a broken pipe.
        let script = "cat >/dev/null; head -c 300000 /dev/zero | tr '\\0' x && exit 5";
        let connection = shell(script)
            .close_wait(Duration::from_secs(10))
            .connect(Toy::default());
        assert_eq!(connection.unwrap().shutdown().unwrap().code(), Some(5));
    });
}

#[test]
fn dropping_the_connection_waits_until_the_child_and_all_it_started_have_ended() {
    // A process that outlives the end of `main` would never be ended.
    within(|| {
        let (alive, gone) = mpsc::channel::<()>();
        let script = "trap '' TERM; echo '{}'; sleep 60";
        let command = shell(script).stderr_lines(move |_| drop(alive.clone()));
        let mut connection = command.connect(Toy::default()).unwrap();
        next_line(&mut connection);
        let id = connection.id().unwrap();
        drop(connection);
        assert!(!is_alive(id), "it was waited for");
        assert!(gone.recv().is_err());
    });
}

fn is_alive(id: u32) -> bool {
    let status = std::process::Command::new("kill")
        .args(["-0", &id.to_string()])
        .stderr(std::process::Stdio::null())
        .status();
    status.unwrap().success()
}

#[test]
fn a_panic_in_what_takes_the_lines_of_stderr_costs_its_line_and_nothing_else() {
    within(|| {
        let (give, given) = mpsc::channel();
        let mut is_first = true;
        // More than a pipe holds, so that a server nobody drains would stop.
        let script = "echo first >&2; head -c 300000 /dev/zero | tr '\\0' '\\n' >&2; echo last >&2; exec cat";
        let command = shell(script).stderr_lines(move |line| {
            if std::mem::take(&mut is_first) {
                panic!("expected by the test");
            }
            drop(give.send(line.to_owned()));
        });
        let mut connection = command.connect(Toy::default()).unwrap();
        connection.with(|toy, _| toy.send("{}"));
        assert_eq!(next_line(&mut connection), "{}");
        assert_eq!(given.recv().unwrap(), "last");
    });
}

#[test]
fn pipes_that_a_process_of_another_group_holds_bind_no_threads() {
    within(|| {
        let (alive, gone) = mpsc::channel::<()>();
        // It outlives the server and all its signals.
        let script = "setsid sh -c 'echo $$; exec sleep 20' & wait";
        let command = shell(script).stderr_lines(move |_| drop(alive.clone()));
        let mut connection = command.connect(Toy::default()).unwrap();
        let grandchild = next_line(&mut connection).parse().unwrap();
        connection.shutdown().unwrap();
        assert!(
            gone.recv().is_err(),
            "the thread of its standard error has ended"
        );
        assert!(is_alive(grandchild), "or the test would show nothing");
        let mut kill = std::process::Command::new("kill");
        kill.arg(grandchild.to_string()).status().unwrap();
    });
}

#[test]
fn a_server_that_says_no_message_is_named_with_its_first_words() {
    within(|| {
        let script = "echo 'Starting up ...'; echo; cat >/dev/null";
        let mut connection = shell(script).connect(Toy::default()).unwrap();
        assert_eq!(next_line(&mut connection), "Starting up ...");
        connection.with(|toy, _| toy.close());
        let error = connection.next().unwrap_err().to_string();
        assert!(
            error.contains("`sh`") && error.contains("\"Starting up ...\""),
            "{error}"
        );
        assert_eq!(connection.next().unwrap(), None);
    });
}

#[test]
fn a_command_for_another_runtime_has_the_same_environment() {
    let mut command = Command::new("env")
        .env("TOKEN", "t")
        .env_clear_all()
        .to_std();
    let output = command.env("PATH", "/usr/bin:/bin").output().unwrap();
    let output = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.contains("TOKEN=t\n") && output.lines().count() == 2,
        "{output}"
    );
}

/// The one server of a configuration file, as a command.
fn configured(entry: &str) -> Result<Command, EntryError> {
    let file = format!(r#"{{"mcpServers": {{"s": {entry}}}}}"#);
    let config = Config::parse("mcp.json", &file, |_| None).unwrap();
    Command::try_from(config.get("s").unwrap())
}

#[test]
fn a_configured_server_is_started_with_its_arguments_variables_and_directory() {
    let entry = r#"{"command": "sh", "args": ["-c", "echo \"$1 $KEY\"; pwd", "sh", "one two"],
        "env": {"KEY": "value"}, "cwd": "/", "unused": "${workspaceFolder}"}"#;
    assert_eq!(lines(configured(entry).unwrap()), ["one two value", "/"]);
}

#[cfg(not(any(feature = "hyper-client", feature = "ureq")))]
#[test]
fn a_server_at_a_url_names_the_feature_that_reaches_it() {
    for (url, feature) in [
        ("http://a/mcp", "hyper-client"),
        ("https://a/mcp", "rustls"),
    ] {
        let file = format!(r#"{{"mcpServers": {{"s": {{"url": "{url}"}}}}}}"#);
        let config = Config::parse("mcp.json", &file, |_| None).unwrap();
        let options = mcp_proto::ClientOptions::default();
        let refused = mcp_proto::BlockingClient::from_entry(options, &config.servers[0]);
        let message = refused.unwrap_err().to_string();
        assert!(message.contains(&format!("`{feature}`")), "{message}");
    }
}

#[test]
fn a_server_that_lacks_something_is_not_started() {
    let cases = [
        (r#"{"url": "https://h/mcp"}"#, "server \"s\" has no command"),
        (
            r#"{"command": "c", "args": ["${input:key}"]}"#,
            "server \"s\": args[0]: ${input:key} has no value yet",
        ),
        (
            r#"{"command": "c", "envFile": ".env"}"#,
            "server \"s\": envFile: \".env\" has to be read first",
        ),
    ];
    for (entry, expected) in cases {
        assert_eq!(configured(entry).unwrap_err().to_string(), expected);
    }
}
