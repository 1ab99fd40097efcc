//! Options of a server that nobody would choose: each is nothing, next to nothing, or all there is. What
//! can't be done then is refused, and whatever was asked for is answered.

use std::time::Duration;

use mcp_proto::io::http::{HttpServeOptions, Machines};
use mcp_proto::session::Change;
use serde_json::json;

use support::http::client::{Sent, Session, call, initialize, modern};
use support::http::machines::Shared;
use support::http::server::serve;

/// A number of nothing, one, or all there is.
#[derive(Clone, Copy, Debug)]
enum Odd {
    None,
    Least,
    Most,
}

impl Odd {
    fn number(self) -> usize {
        match self {
            Self::None => 0,
            Self::Least => 1,
            Self::Most => usize::MAX,
        }
    }

    fn small(self) -> u32 {
        self.number().try_into().unwrap_or(u32::MAX)
    }

    fn time(self) -> Duration {
        match self {
            Self::None => Duration::ZERO,
            Self::Least => Duration::from_nanos(1),
            Self::Most => Duration::MAX,
        }
    }
}

type Set = fn(&mut HttpServeOptions, Odd);

const SETS: [(&str, Set); 25] = [
    ("body", |options, odd| options.body = odd.number()),
    ("body_timeout", |options, odd| {
        options.body_timeout = odd.time();
    }),
    ("write_timeout", |options, odd| {
        options.write_timeout = odd.time();
    }),
    ("threads", |options, odd| {
        // Whoever wants all threads there are gets them.
        options.threads = odd.number().min(64);
    }),
    ("connections", |options, odd| {
        options.connections = odd.number();
    }),
    ("sessions", |options, odd| {
        options.limits.sessions = odd.number();
    }),
    ("sessions_each", |options, odd| {
        options.limits.sessions_each = odd.number();
    }),
    ("half_open", |options, odd| {
        options.limits.half_open = odd.number();
    }),
    ("greeting", |options, odd| {
        options.limits.greeting = odd.time();
    }),
    ("idle", |options, odd| options.limits.idle = odd.time()),
    ("requests", |options, odd| {
        options.limits.requests = odd.number();
    }),
    ("requests_each", |options, odd| {
        options.limits.requests_each = odd.number();
    }),
    ("streams", |options, odd| {
        options.limits.streams = odd.number();
    }),
    ("streams_each", |options, odd| {
        options.limits.streams_each = odd.number();
    }),
    ("cancel_burst", |options, odd| {
        options.limits.cancel_burst = odd.small();
    }),
    ("cancel_rate", |options, odd| {
        options.limits.cancel_rate = odd.small();
    }),
    ("patience", |options, odd| {
        options.streams.patience = odd.time();
    }),
    ("keep_alive", |options, odd| {
        options.streams.keep_alive = Some(odd.time());
    }),
    ("retry", |options, odd| options.streams.retry = odd.time()),
    ("replay_events", |options, odd| {
        options.streams.replay_events = odd.number();
    }),
    ("replay_bytes", |options, odd| {
        options.streams.replay_bytes = odd.number();
    }),
    ("unsent", |options, odd| {
        options.streams.unsent = odd.number();
    }),
    ("unsent_most", |options, odd| {
        options.streams.unsent_most = odd.number();
    }),
    ("exchanges", |options, odd| {
        options.streams.exchanges = odd.number();
    }),
    ("nothing", |_, _| ()),
];

const REFUSALS: [u16; 5] = [404, 408, 413, 429, 503];

/// Does what clients of both eras do, each as far as it comes. Returns how much of it was refused.
fn visit(options: HttpServeOptions, what: &str) -> usize {
    let (service, server, _stage) = serve(options);
    let mut refused = 0;
    let mut visit = |sent: Sent, good: u16| {
        let answer = sent.to(&service);
        let status = answer.status();
        let is_good = status == good;
        assert!(is_good || REFUSALS.contains(&status), "{what}: {status}");
        refused += usize::from(!is_good);
        is_good.then_some(answer)
    };
    for id in 0..2 {
        if let Some(answer) = visit(call(id, "steps"), 200) {
            assert_eq!(answer.last()["result"]["content"][0]["text"], "stepped");
        }
    }
    let filter = json!({"notifications": {"toolsListChanged": true}});
    let listened = visit(modern(5, "subscriptions/listen", filter), 200);
    let opened = visit(initialize(), 200).and_then(|answer| answer.header("mcp-session-id"));
    if let Some(id) = opened {
        let session = Session(id);
        let ready = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
        visit(session.sent(&ready), 202);
        if let Some(answer) = visit(session.call(1, "echo"), 200) {
            assert_eq!(answer.last()["result"]["content"][0]["text"], "{}");
        }
        let stream = visit(session.get(), 200);
        server.changed(Change::Tools);
        drop(stream);
        visit(session.get(), 200);
        visit(session.delete(), 200);
    }
    server.changed(Change::Tools);
    drop(listened);
    refused
}

#[test]
fn an_odd_option_refuses_what_it_must_and_breaks_nothing() {
    for (what, set) in SETS {
        for odd in [Odd::None, Odd::Least, Odd::Most] {
            let mut options = HttpServeOptions::default();
            set(&mut options, odd);
            let refused = visit(options, &format!("{what} {odd:?}"));
            let takes_all = matches!(odd, Odd::Most) || what == "nothing";
            assert!(!takes_all || refused == 0, "{what} {odd:?}: {refused}");
        }
    }
}

#[test]
fn an_odd_option_of_machines_refuses_what_it_must_and_breaks_nothing() {
    type Set = fn(&mut Machines, Odd);
    const SETS: [(&str, Set); 4] = [
        ("lease", |machines, odd| machines.lease = odd.time()),
        ("timeout", |machines, odd| machines.timeout = odd.time()),
        ("handover", |machines, odd| machines.handover = odd.time()),
        ("record", |machines, odd| machines.record = odd.number()),
    ];
    for (what, set) in SETS {
        for odd in [Odd::None, Odd::Least, Odd::Most] {
            let mut machines = Shared::default().machines();
            set(&mut machines, odd);
            let mut options = HttpServeOptions::default().machines(machines);
            for idle in [options.limits.idle, Duration::MAX] {
                options.limits.idle = idle;
                let refused = visit(options.clone(), &format!("{what} {odd:?}"));
                let takes_all = matches!(odd, Odd::Most);
                assert!(!takes_all || refused == 0, "{what} {odd:?}: {refused}");
            }
        }
    }
}
