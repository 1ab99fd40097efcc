//! The poem over HTTP, without a socket and without an HTTP stack: both ends in one loop, and between
//! them what a stack would carry, heads and pieces of bodies.

use std::collections::BTreeMap;
use std::error::Error;
use std::mem;

use mcp_proto::http::{Action, End, HttpClient, HttpClientOptions, HttpRequest, Part};
use mcp_proto::model::capability::ClientCapabilities;
use mcp_proto::model::method::{CallTool, CreateMessage};
use mcp_proto::model::sampling::CreateMessageResult;
use mcp_proto::model::tool::CallToolParams;
use mcp_proto::session::{CallOptions, ClientConfig, ClientEvent, ExchangeId, Routing, Session};
use mcp_proto::{ClientSession, Instant};
use serde_json::json;

use crate::arguments::Arguments;
use crate::exchange::{self, Reader};
use crate::passed::Passed;
use crate::site::Site;
use crate::{RHYME, Recital};

/// Where the server would be.
const URL: &str = "http://localhost/mcp";
/// Nothing takes any time here, so it stands still.
const NOW: Instant = Instant::ZERO;

/// Asks for the poem, and has everything noted that passes.
pub fn recite(arguments: &Arguments, passed: &mut Vec<Passed>) -> Result<Recital, Box<dyn Error>> {
    let config = ClientConfig::new("poetry-club", "1.0")
        .era(arguments.era)
        .capabilities(ClientCapabilities::new().sampling())
        .routing(Routing::PerRequest);
    let mut ends = Ends {
        session: ClientSession::new(config),
        http: HttpClient::new(URL, HttpClientOptions::default()),
        site: Site::new(arguments)?,
        readers: BTreeMap::new(),
        passed,
    };
    ends.session.open(NOW)?;
    let mut recital = Err("nothing was heard of the poem".into());
    loop {
        while let Some(event) = ends.session.poll_event() {
            if let ClientEvent::Closed(why) = &event
                && recital.is_err()
            {
                recital = Err(format!("the session is over: {why:?}").into());
            }
            if let Some(poem) = ends.react(event)? {
                recital = Ok((poem, ends.session.revision()));
                ends.session.close(NOW);
                ends.http.close(NOW);
            }
        }
        if !ends.carry() {
            return recital;
        }
    }
}

struct Ends<'p> {
    session: ClientSession,
    http: HttpClient,
    site: Site,
    /// What has been read of each response.
    readers: BTreeMap<ExchangeId, Reader>,
    passed: &'p mut Vec<Passed>,
}

impl Ends<'_> {
    /// What the client does about an event; the poem, when it has come.
    fn react(&mut self, event: ClientEvent) -> Result<Option<String>, Box<dyn Error>> {
        match event {
            ClientEvent::Opened { .. } => {
                let socks = json!({"theme": "socks"});
                let call = CallToolParams::new("poet").arguments(socks);
                self.session
                    .call::<CallTool>(NOW, &call, CallOptions::new())?;
            }
            // A real client would ask its user before its model writes for a server.
            ClientEvent::InputRequested(asked) => {
                let rhyme = CreateMessageResult::text("a-fox-with-a-pen", RHYME);
                self.session
                    .answer::<CreateMessage>(NOW, asked.input, &rhyme)?;
            }
            ClientEvent::Completed(done) => {
                let result = done.result::<CallTool>()?;
                let text = result.content.first().and_then(|content| content.as_text());
                return Ok(text.map(str::to_owned));
            }
            _ => {}
        }
        Ok(None)
    }

    /// Carries across whatever is there; whether there was anything.
    fn carry(&mut self) -> bool {
        let mut has_moved = false;
        let mut frame = Vec::new();
        while let Some(transmit) = self.session.poll_transmit(&mut frame) {
            self.http.send(NOW, mem::take(&mut frame), &transmit);
        }
        while let Some(action) = self.http.poll() {
            has_moved = true;
            match action {
                Action::Start(request) => self.start(&request),
                Action::Abort(exchange) => self.site.gone(exchange),
                Action::Frame(route, frame) => self.session.handle_frame(NOW, route, frame),
                Action::Closed(route, why) => self.session.handle_closed(NOW, route, why),
                _ => {}
            }
        }
        while let Some((exchange, part)) = self.site.poll_part() {
            has_moved = true;
            self.read(exchange, part);
        }
        has_moved
    }

    fn start(&mut self, request: &HttpRequest) {
        self.readers.insert(request.exchange, Reader::default());
        self.passed.extend(exchange::request(request));
        self.site.start(request);
    }

    /// The client reads a part of a response.
    fn read(&mut self, exchange: ExchangeId, part: Part) {
        let reader = self.readers.entry(exchange).or_default();
        self.passed.extend(reader.read(exchange, &part));
        match part {
            Part::Head(head) => self.http.handle_head(NOW, exchange, &head),
            Part::Body(piece) => self.http.handle_body(NOW, exchange, &piece),
            _ => self.http.handle_end(NOW, exchange, End::Clean),
        }
    }
}
