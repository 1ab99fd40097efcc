//! Servers that break the rules, over pipes of the operating system: a client makes of each what it makes of it in memory.

use std::io::{self, BufRead, BufReader, PipeReader, PipeWriter, Write};
use std::thread;
use std::time::Duration;

use mcp_proto::Revision;
use mcp_proto::io::blocking::Connection;
use mcp_proto::model::method::{CallTool, ListTools};
use mcp_proto::model::page::PaginatedRequestParams;
use mcp_proto::model::tool::CallToolParams;
use mcp_proto::session::{CallOptions, ClientSession};
use serde_json::Value;
use support::amount;
use support::hostile::{
    HostileServer, Part, answer, hostile_servers, opening, outcome, right, victim,
};

use support::thread::within;

/// The server's side: what the client sends, and where it hears.
struct Server {
    from_client: BufReader<PipeReader>,
    to_client: Option<PipeWriter>,
}

impl Server {
    /// The id of the next request; `None` once the client has gone.
    fn asked(&mut self) -> Option<Value> {
        loop {
            let mut line = String::new();
            if self.from_client.read_line(&mut line).ok()? == 0 {
                return None;
            }
            let sent: Value = serde_json::from_str(&line).expect("a frame is JSON");
            if sent["method"].is_string() && !sent["id"].is_null() {
                return Some(sent["id"].clone());
            }
        }
    }

    /// Sends something to a client that may have gone.
    fn send(&mut self, bytes: &[u8]) {
        let _gone = self.to_client.as_mut().map(|pipe| pipe.write_all(bytes));
    }

    fn play(&mut self, part: Part) {
        match part {
            Part::Bytes(bytes) => self.send(&bytes),
            Part::Drip(bytes) => bytes.iter().for_each(|byte| self.send(&[*byte])),
            // The cancellation.
            Part::Wait => _ = self.from_client.read_line(&mut String::new()),
            Part::Answers(most, line) => {
                for _ in 0..most {
                    let Some(id) = self.asked() else { return };
                    self.send(line.replace("$ID", &id.to_string()).as_bytes());
                }
            }
            Part::End => self.to_client = None,
        }
    }

    fn run(mut self, case: &HostileServer, revision: Revision) {
        let Some(mut id) = self.asked() else { return };
        if !case.is_opening() {
            self.send(answer(&id, &opening(revision)).as_bytes());
            let Some(call) = self.asked() else { return };
            id = call;
        }
        let parts = case.parts(revision, &id);
        parts.into_iter().for_each(|part| self.play(part));
        while let Some(id) = self.asked() {
            self.send(answer(&id, &right()).as_bytes());
        }
    }
}

/// What becomes of the opening or of the next call.
fn next_outcome(client: &mut Connection<ClientSession>, of_list: bool) -> String {
    loop {
        match client.next().expect("a pipe") {
            None => return "nothing".into(),
            Some(event) => {
                if let Some(outcome) = outcome(&event, of_list) {
                    return outcome;
                }
            }
        }
    }
}

fn call(client: &mut Connection<ClientSession>, of_list: bool) -> String {
    client.with(|session, now| {
        let options = CallOptions::new();
        let made = if of_list {
            let params = PaginatedRequestParams::new();
            session.call::<ListTools>(now, &params, options).map(drop)
        } else {
            let params = CallToolParams::new("x");
            session.call::<CallTool>(now, &params, options).map(drop)
        };
        made.expect("it is open");
    });
    next_outcome(client, of_list)
}

/// Whether the client is to give up.
fn waits(case: &HostileServer, revision: Revision) -> bool {
    matches!(case.expected(revision), "timed_out" | "closed")
}

fn outcome_of(case: &HostileServer, revision: Revision) -> (String, bool) {
    let (from_client, to_server) = io::pipe().expect("a pipe");
    let (from_server, to_client) = io::pipe().expect("a pipe");
    // It only gives up soon where that is what is expected: nothing else may depend on how busy the machine is.
    let patience = match waits(case, revision) {
        true => Duration::from_millis(400),
        false => Duration::from_secs(15),
    };
    let mut session = ClientSession::new(victim(revision, patience));
    session.open(mcp_proto::Instant::ZERO).expect("it is new");
    let mut client = Connection::new(session, from_server, to_server).expect("threads");
    let server = Server {
        from_client: BufReader::new(from_client),
        to_client: Some(to_client),
    };
    thread::scope(|scope| {
        scope.spawn(move || server.run(case, revision));
        let mut became = next_outcome(&mut client, false);
        if !case.is_opening() {
            assert_eq!(became, "opened", "{}", case.name());
            became = call(&mut client, case.is_list());
        }
        // The end is known a moment after what came before it.
        let goes_on = case.is_survived() && call(&mut client, false) == "ok";
        drop(client);
        (became, goes_on)
    })
}

#[test]
fn a_server_that_breaks_the_rules_harms_nobody() {
    for revision in [Revision::V2025_11_25, Revision::V2026_07_28] {
        let (waiting, cases): (Vec<_>, Vec<_>) = hostile_servers(revision)
            .into_iter()
            // A plain run sends those in memory alone: see `tests/it`.
            .filter(|case| amount(!case.sends_much(), true))
            .partition(|case| waits(case, revision));
        let waiting = waiting.into_iter();
        let waiting: Vec<_> = waiting
            .map(|case| support::thread::spawn(move || complaint(case, revision)))
            .collect();
        let waiting = waiting.into_iter();
        let others: Vec<String> = waiting
            .map(|case| case.join().expect("it doesn't panic"))
            .chain(cases.into_iter().map(|case| complaint(case, revision)))
            .flatten()
            .collect();
        assert!(others.is_empty(), "{revision}:\n{}", others.join("\n"));
    }
}

/// What becomes of a client that is not what is expected.
fn complaint(case: HostileServer, revision: Revision) -> Option<String> {
    let name = case.name().to_owned();
    let expected = (case.expected(revision).to_owned(), case.is_survived());
    let became = within(move || outcome_of(&case, revision));
    (became != expected).then(|| format!("{name}: {became:?}, not {expected:?}"))
}
