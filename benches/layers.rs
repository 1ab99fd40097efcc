//! The high-level client and server without I/O: `layers <era> <n>` makes `n` calls of a tool, each
//! begun by the client, answered by a handler that runs inline, and ended with the client's output;
//! without arguments their allocations are printed. See `.ci/budget`.

#[expect(dead_code, reason = "the sessions alone are measured by others")]
mod echo;

use std::hint::black_box;

use mcp_proto::client::{Client, ClientOptions, Event as ClientEvent, Operation, Output, ToolCall};
use mcp_proto::frame::LineDecoder;
use mcp_proto::model::tool::Tool;
use mcp_proto::rpc::Raw;
use mcp_proto::server::{Event, Server, Service};
use mcp_proto::session::{EraPolicy, Session};
use mcp_proto::{Instant, Limits};
use serde::Deserialize;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

use self::echo::{Arguments, MESSAGE, carry};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<std::alloc::System> = &INSTRUMENTED_SYSTEM;

const NOW: Instant = Instant::from_millis(1);

#[expect(clippy::disallowed_methods, reason = "a program's own arguments")]
fn main() {
    let arguments = std::env::args().skip(1);
    let arguments = Vec::from_iter(arguments.filter(|argument| !argument.starts_with("--")));
    match &arguments[..] {
        [era, n] => {
            let n = n.parse().expect("it is a number");
            let mut layers = Layers::open(policy(era));
            (0..n).for_each(|_| layers.echo(black_box(MESSAGE)));
        }
        _ => {
            const ROUNDS: usize = 1000;
            for era in ["legacy", "modern"] {
                let mut layers = Layers::open(policy(era));
                layers.echo(MESSAGE);
                let region = Region::new(ALLOCATOR);
                (0..ROUNDS).for_each(|_| layers.echo(black_box(MESSAGE)));
                let made = region.change();
                let made = (made.allocations + made.reallocations) as f64 / ROUNDS as f64;
                println!("Layers {era}: {made:.2} allocations");
            }
        }
    }
}

fn policy(era: &str) -> EraPolicy {
    match era {
        "legacy" => EraPolicy::Legacy,
        "modern" => EraPolicy::Modern,
        other => panic!("no such era: {other}"),
    }
}

/// What the tool takes.
#[derive(Deserialize)]
struct Echo {
    message: String,
}

/// A client and a server that are open, and the two directions of a pipe between them.
struct Layers {
    client: Client,
    server: Service,
    to_client: LineDecoder,
    to_server: LineDecoder,
    line: Vec<u8>,
}

impl Layers {
    fn open(era: EraPolicy) -> Self {
        let schema = Raw::new(r#"{"type":"object","properties":{"message":{"type":"string"}}}"#);
        let tool = Tool::new("echo", schema.expect("it is JSON"));
        let server = Server::new("bench-server", "1.0.0");
        let server = server.tool(tool, |_, echo: Echo| Ok(echo.message));
        let limit = Limits::default().frame;
        let mut layers = Self {
            client: Client::new(ClientOptions::new("bench-client", "1.0.0").era(era)),
            server: server.service(),
            to_client: LineDecoder::new(limit),
            to_server: LineDecoder::new(limit),
            line: Vec::new(),
        };
        layers.client.open(NOW).expect("it is not open yet");
        while layers.carry_to_server() + layers.carry_to_client() > 0 {}
        assert!(layers.client.is_open());
        while layers.client.poll_event().is_some() {}
        while layers.server.poll_event().is_some() {}
        layers
    }

    fn carry_to_server(&mut self) -> usize {
        let line = &mut self.line;
        carry(
            &mut self.client,
            &mut self.to_server,
            &mut self.server,
            line,
            NOW,
        )
    }

    fn carry_to_client(&mut self) -> usize {
        let line = &mut self.line;
        carry(
            &mut self.server,
            &mut self.to_client,
            &mut self.client,
            line,
            NOW,
        )
    }

    /// One call of the tool, there and back.
    #[inline(never)]
    fn echo(&mut self, message: &str) {
        let call = ToolCall::new("echo").arguments(Arguments { message });
        let call = Operation::CallTool(call.expect("they are an object"));
        let started = self.client.start(NOW, call);
        self.carry_to_server();
        let Some(Event::Job(job)) = self.server.poll_event() else {
            panic!("expected a job");
        };
        assert!(self.server.handle_outcome(NOW, job.run()));
        self.carry_to_client();
        let Some(ClientEvent::Finished { operation, outcome }) = self.client.poll_event() else {
            panic!("expected the end of the call");
        };
        assert_eq!(operation, started);
        let Ok(Output::Tool(output)) = *outcome else {
            panic!("expected an output");
        };
        assert_eq!(output.value.as_text(), Some(message));
    }
}
