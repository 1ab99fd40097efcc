//! How costs grow with numbers: `scale` prints a line of comma-separated values for each point, the
//! name of the curve, how many, and the nanoseconds of CPU or the bytes for each. `scale NAME` prints
//! one curve. `.ci/long/scale` draws them.

#[expect(dead_code, reason = "plain serde is measured by others")]
mod echo;

use std::fs;

use mcp_proto::model::method::CallTool;
use mcp_proto::model::tool::{CallToolParams, CallToolResult};
use mcp_proto::session::{CallOptions, ClientEvent, Session};
use mcp_proto::{Era, Limits};

use self::echo::{MESSAGE, Sessions};

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

const CURVES: [(&str, fn(&str)); 1] = [("calls", calls)];

/// In which order a server answers.
#[derive(Clone, Copy, Debug)]
enum Order {
    First,
    Last,
    Any,
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
            in_flight(&mut sessions, many, order);
            let spent = cpu(|| (0..rounds).for_each(|_| in_flight(&mut sessions, many, order)));
            println!("{name}/{order:?},{many},{}", spent / (rounds * many) as u64);
        }
    }
}

/// Has so many calls in flight at once, and all of them answered.
fn in_flight(sessions: &mut Sessions, many: usize, order: Order) {
    let params = CallToolParams::new("echo");
    for _ in 0..many {
        sessions
            .client
            .call::<CallTool>(sessions.now, &params, CallOptions::new())
            .expect("the session is open");
    }
    sessions.carry_to_server();
    let requests: Vec<_> = (0..many).map(|_| sessions.request().id).collect();
    let result = CallToolResult::text(MESSAGE);
    for nth in 0..many {
        let nth = match order {
            Order::First => nth,
            Order::Last => many - 1 - nth,
            // A number without a common factor with any power of ten steps over all of them.
            Order::Any => nth * 7_919 % many,
        };
        sessions
            .server
            .reply::<CallTool>(sessions.now, requests[nth], &result)
            .expect("the request is open");
    }
    sessions.carry_to_client();
    for _ in 0..many {
        let event = sessions.client.poll_event();
        assert!(
            matches!(event, Some(ClientEvent::Completed(_))),
            "{event:?}"
        );
    }
}

/// The nanoseconds of CPU that something takes this thread.
fn cpu(run: impl FnOnce()) -> u64 {
    let spent = || -> u64 {
        let statistics = fs::read_to_string("/proc/thread-self/schedstat").expect("Linux tells");
        let first = statistics.split(' ').next().expect("it has three numbers");
        first.parse().expect("it is a number")
    };
    let before = spent();
    run();
    spent() - before
}
