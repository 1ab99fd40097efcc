//! Servers that break the rules: what a client makes of each, and that it goes on.

use std::time::Duration;

use mcp_proto::frame::LineDecoder;
use mcp_proto::model::method::{CallTool, ListTools};
use mcp_proto::model::page::PaginatedRequestParams;
use mcp_proto::model::tool::CallToolParams;
use mcp_proto::session::{CallOptions, ClientSession, Closed, Route, Session};
use mcp_proto::{Instant, Revision};
use serde_json::Value;

use support::hostile::{
    HostileServer, Part, answer, hostile_servers, opening, outcome, right, victim,
};
use support::on_every_revision;

/// A client, and what became of what it did last.
struct Client {
    session: ClientSession,
    decoder: LineDecoder,
    now: Instant,
    of_list: bool,
    outcome: Option<String>,
}

impl Client {
    fn new(revision: Revision) -> Self {
        let mut session = ClientSession::new(victim(revision, Duration::from_millis(400)));
        let now = Instant::from_millis(1);
        session.open(now).expect("it is new");
        Self {
            decoder: LineDecoder::new(session.frame_limit()),
            session,
            now,
            of_list: false,
            outcome: None,
        }
    }

    fn call(&mut self, of_list: bool) {
        (self.of_list, self.outcome) = (of_list, None);
        let (now, options) = (self.now, CallOptions::new());
        if of_list {
            let made = self
                .session
                .call::<ListTools>(now, &PaginatedRequestParams::new(), options);
            made.expect("it is open");
        } else {
            let params = CallToolParams::new("x");
            let made = self.session.call::<CallTool>(now, &params, options);
            made.expect("it is open");
        }
    }

    /// The id of the next request that it sends.
    fn asked(&mut self) -> Option<Value> {
        let mut frame = Vec::new();
        loop {
            frame.clear();
            self.session.poll_transmit(&mut frame)?;
            let sent: Value = serde_json::from_slice(&frame).expect("a frame is JSON");
            if sent["method"].is_string() && !sent["id"].is_null() {
                return Some(sent["id"].clone());
            }
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        self.decoder.push(bytes);
        while let Some(frame) = self.decoder.next_frame() {
            self.take_frame(frame);
        }
    }

    fn take_frame(&mut self, frame: Result<bytes::Bytes, mcp_proto::frame::FrameError>) {
        match frame {
            Ok(frame) => self.session.handle_frame(self.now, Route::Pipe, frame),
            Err(error) => self.session.handle_malformed(self.now, Route::Pipe, error),
        }
        self.note();
    }

    /// The first thing that became of it stays.
    fn note(&mut self) {
        while let Some(event) = self.session.poll_event() {
            let outcome = outcome(&event, self.of_list);
            self.outcome = self.outcome.take().or(outcome);
        }
    }

    fn play(&mut self, part: Part) {
        match part {
            Part::Bytes(bytes) => bytes.chunks(64 << 10).for_each(|piece| self.take(piece)),
            Part::Drip(bytes) => bytes.iter().for_each(|byte| self.take(&[*byte])),
            Part::Wait => self.wait(),
            Part::Answers(most, line) => {
                for _ in 0..most {
                    let Some(id) = self.asked() else { break };
                    self.take(line.replace("$ID", &id.to_string()).as_bytes());
                }
            }
            Part::End => {
                if let Some(frame) = self.decoder.finish() {
                    self.take_frame(frame);
                }
                let now = self.now;
                self.session
                    .handle_closed(now, Route::Pipe, Closed::EndOfInput);
                self.note();
            }
        }
    }

    /// Lets time pass until something has become of it.
    fn wait(&mut self) {
        for _ in 0..16 {
            if self.outcome.is_some() {
                return;
            }
            let Some(due) = self.session.poll_timeout() else {
                return;
            };
            self.now = due;
            self.session.handle_timeout(due);
            self.note();
        }
    }
}

/// What a client makes of a server, and whether it goes on.
fn outcome_of(case: &HostileServer, revision: Revision) -> (String, bool) {
    let mut client = Client::new(revision);
    let mut id = client.asked().expect("it opens");
    if !case.is_opening() {
        client.take(answer(&id, &opening(revision)).as_bytes());
        assert_eq!(client.outcome.as_deref(), Some("opened"));
        client.call(case.is_list());
        id = client.asked().expect("it calls");
    }
    let parts = case.parts(revision, &id);
    parts.into_iter().for_each(|part| client.play(part));
    client.wait();
    let became = client.outcome.take().unwrap_or_else(|| "nothing".into());
    while client.asked().is_some() {}
    if client.session.is_open() {
        client.call(false);
        let id = client.asked().expect("it calls");
        client.take(answer(&id, &right()).as_bytes());
        return (became, client.outcome.as_deref() == Some("ok"));
    }
    (became, false)
}

on_every_revision! {
    pipe = "it is about lines; those over HTTP are in `tests/http/hostile`";
    fn a_server_that_breaks_the_rules_harms_nobody(revision) {
        let mut others = Vec::new();
        for case in hostile_servers(revision) {
            let (became, goes_on) = outcome_of(&case, revision);
            if became != case.expected(revision) || goes_on != case.is_survived() {
                others.push(format!("{}: {became} {goes_on}, not {}", case.name(), case.expected(revision)));
            }
        }
        assert!(others.is_empty(), "{revision}:\n{}", others.join("\n"));
    }
}
