//! How costs grow with numbers: `scale` prints a line of comma-separated values for each point, the
//! name of the curve, how many, and the nanoseconds of CPU or the bytes for each. `scale NAME` prints
//! one curve. `.ci/long/scale` draws them.

#[expect(dead_code, reason = "plain serde is measured by others")]
mod echo;
#[expect(dead_code, reason = "growth is measured without a floor")]
mod measured;

use bytes::Bytes;
use mcp_proto::model::resource::ResourceTemplate;
use mcp_proto::model::subscription::SubscriptionFilter;
use mcp_proto::model::tool::Tool;
use mcp_proto::rpc::Kind;
use mcp_proto::server::{Context, Event, Server, Variables};
use mcp_proto::session::{Route, ServerSession, Session};
use mcp_proto::{Era, Instant, Limits};
use serde::Deserialize;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

use self::echo::{MESSAGE, Sessions};
use self::measured::cpu;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<std::alloc::System> = &INSTRUMENTED_SYSTEM;

#[expect(clippy::disallowed_methods, reason = "a program's own arguments")]
fn main() {
    let named = std::env::args()
        .skip(1)
        .find(|argument| !argument.starts_with("--"));
    for (name, curve) in CURVES {
        if named.as_deref().is_none_or(|named| named == name) {
            curve(name);
        }
    }
}

/// Measures a curve and prints it under its name.
type Curve = fn(&str);

const CURVES: [(&str, Curve); 5] = [
    ("calls", calls),
    ("frames", frames),
    ("registered", registered),
    ("sessions", sessions),
    ("subscriptions", subscriptions),
];

/// In which order a server answers.
#[derive(Clone, Copy, Debug)]
enum Order {
    First,
    Last,
    Any,
}

impl Order {
    /// Which of `many` is answered as the `nth`.
    fn of(self, nth: usize, many: usize) -> usize {
        match self {
            Self::First => nth,
            Self::Last => many - 1 - nth,
            // A number without a common factor with any power of ten steps over all of them.
            Self::Any => nth * 7_919 % many,
        }
    }
}

/// The cost of one call while so many are in flight.
fn calls(name: &str) {
    for order in [Order::First, Order::Last, Order::Any] {
        for many in [1, 10, 100, 1_000, 10_000, 100_000] {
            let rounds = (200_000 / many).max(1);
            let mut limits = Limits::default();
            limits.calls = many;
            limits.events = many;
            limits.memory = 4 << 30;
            limits.output = 4 << 30;
            let mut sessions = Sessions::with_limits(Era::Legacy, limits);
            sessions.at_once(many, |nth| order.of(nth, many));
            let spent =
                cpu(|| (0..rounds).for_each(|_| sessions.at_once(many, |nth| order.of(nth, many))));
            println!("{name}/{order:?},{many},{}", spent / (rounds * many) as u64);
        }
    }
}

/// The cost of a byte of an echo whose text has so many.
fn frames(name: &str) {
    for era in [Era::Legacy, Era::Modern] {
        for length in [100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000] {
            let mut sessions = Sessions::open(era);
            let message = "text ".repeat(length / 5);
            let rounds = (50_000_000 / length).min(20_000);
            let spent = cpu(|| (0..rounds).for_each(|_| sessions.echo(&message)));
            let each = spent as f64 / (rounds * length) as f64;
            println!("{name}/{era:?},{length},{each:.3}");
        }
    }
}

/// How many bytes an idle server session takes, its heap included, after its opening and a call.
fn sessions(name: &str) {
    for era in [Era::Legacy, Era::Modern] {
        for many in [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000] {
            let mut idle = Vec::with_capacity(many);
            // A server has one configuration for all of them.
            let first = ServerSession::new(Sessions::server_config());
            let before = Region::new(ALLOCATOR);
            idle.extend((0..many).map(|_| {
                let mut sessions = Sessions::open_to(first.another(), era);
                sessions.echo(MESSAGE);
                sessions.server
            }));
            let heap = before.change();
            let heap = heap.bytes_allocated - heap.bytes_deallocated;
            let each = heap / many + size_of::<ServerSession>();
            println!("{name}/{era:?},{many},{each}");
        }
    }
}

/// The cost of a change that one subscriber hears of, of so many resources that are watched.
fn subscriptions(name: &str) {
    for era in [Era::Legacy, Era::Modern] {
        for many in [1, 10, 100, 1_000, 10_000] {
            let mut limits = Limits::default();
            // A stream and a resource each.
            limits.subscriptions = 2 * many;
            limits.events = many;
            let mut sessions = Sessions::with_limits(era, limits);
            for nth in 0..many {
                let uri = format!("file:///watched/{nth}");
                let filter = SubscriptionFilter::new().resource_subscriptions([uri]);
                let subscribed = sessions.client.subscribe(sessions.now, &filter);
                subscribed.expect("there is room for it");
                while sessions.carry_to_server() + sessions.carry_to_client() > 0 {
                    take_events(&mut sessions);
                }
            }
            const ROUNDS: usize = 2_000;
            let spent = cpu(|| {
                for nth in 0..ROUNDS {
                    let uri = format!("file:///watched/{}", nth * 7_919 % many);
                    let told = sessions.server.resource_updated(sessions.now, &uri);
                    told.expect("it is declared");
                    assert_eq!(sessions.carry_to_client(), 1);
                    take_events(&mut sessions);
                }
            });
            println!("{name}/{era:?},{many},{}", spent / ROUNDS as u64);
        }
    }
}

/// The cost of a request to a server that has so many tools, or so many templates of resources: of one
/// tool that is called again and again, and of each tool and each template in turn, which the caches
/// of the machine no longer hold when they are many.
fn registered(name: &str) {
    for (variant, step) in [("Tool", 0), ("Tools", 7_919)] {
        for many in [1, 10, 100, 1_000, 10_000, 100_000] {
            let server = (0..many).fold(Server::new("bench-server", "1.0.0"), |server, nth| {
                let tool = Tool::from(format!("tool_{nth}"));
                server.tool(tool, |_, arguments: Say| Ok(arguments.message))
            });
            let spent = asked(server, |nth| {
                let nth = (many / 2 + nth * step) % many;
                format!(
                    r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"tool_{nth}","arguments":{{"message":"hello"}}}}}}"#
                )
            });
            println!("{name}/{variant},{many},{spent}");
        }
    }
    for many in [1, 10, 100, 1_000] {
        let server = (0..many).fold(Server::new("bench-server", "1.0.0"), |server, nth| {
            let template = format!("file:///{nth}/{{path}}");
            let template = ResourceTemplate::new(template, format!("template_{nth}"));
            let read = |_: &Context, _: Variables| Ok(String::from("hello"));
            let added = server.resource_template(template, read);
            added.expect("it is a template")
        });
        let spent = asked(server, |nth| {
            let nth = nth * 7_919 % many;
            format!(
                r#"{{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{{"uri":"file:///{nth}/a"}}}}"#
            )
        });
        println!("{name}/Templates,{many},{spent}");
    }
}

/// What the tools take.
#[derive(Deserialize)]
struct Say {
    message: String,
}

/// The nanoseconds that a server takes for each of these requests, its job included.
fn asked(server: Server, request: impl Fn(usize) -> String) -> u64 {
    const ROUNDS: usize = 20_000;
    const NOW: Instant = Instant::from_millis(1);
    let mut service = server.service();
    let mut out = Vec::new();
    let opening = [
        r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"bench-client","version":"1.0.0"}}}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#,
    ];
    for frame in opening {
        service.handle_frame(NOW, Route::Pipe, frame.into());
        while service.poll_event().is_some() {}
        while service.poll_transmit(&mut out).is_some() {}
    }
    let requests: Vec<Bytes> = (0..ROUNDS).map(|nth| request(nth).into()).collect();
    let spent = cpu(|| {
        for request in requests {
            service.handle_frame(NOW, Route::Pipe, request);
            let Some(Event::Job(job)) = service.poll_event() else {
                panic!("expected a job");
            };
            assert!(service.handle_outcome(NOW, job.run()));
            out.clear();
            let answer = service.poll_transmit(&mut out).expect("an answer");
            assert_eq!(answer.kind, Kind::Result);
        }
    });
    spent / ROUNDS as u64
}

fn take_events(sessions: &mut Sessions) {
    while sessions.client.poll_event().is_some() {}
    while sessions.server.poll_event().is_some() {}
}
