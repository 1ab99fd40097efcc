//! Each bound of `Limits` at one below it, at it and one above: what is within is taken, what is beyond isn't. What a
//! peer hears of it is in `limits`.

use std::time::Duration;

use mcp_proto::model::input::InputRequests;
use mcp_proto::model::method::CallTool;
use mcp_proto::model::page::PageGuard;
use mcp_proto::model::tool::CallToolParams;
use mcp_proto::rpc::Text;
use mcp_proto::session::{
    CallOptions, ClientEvent, ClientSession, Misuse, Route, ServerEvent, ServerSession, Session,
};
use mcp_proto::{Era, Limits, Revision};
use serde_json::{Value, json};

use support::on_every_revision;
use support::pair::{Pair, client_config, server_config};
use support::script::{
    Script, initialize, notification, opening_result, request, result, tool_call,
};

/// A bound: its name, a value for it, how it is set, and whether a session of a revision with such limits takes so much;
/// `None` when the revision has no such thing.
struct Bound {
    name: &'static str,
    at: usize,
    set: fn(&mut Limits, usize),
    takes: fn(Revision, &Limits, usize) -> Option<bool>,
}

macro_rules! bounds {
    ($($name:ident = $at:literal: $takes:expr,)*) => {
        [$(Bound {
            name: stringify!($name),
            at: $at,
            set: |limits, value| limits.$name = value.try_into().expect("a small number"),
            takes: $takes,
        }),*]
    };
}

const BOUNDS: [Bound; 18] = bounds! {
    frame = 1000: |revision, limits, size| {
        let mut server = server(revision, limits);
        let line = format!("{}\n", padded(revision, 1, size));
        server.feed_bytes(line.as_bytes(), 64);
        Some(requests(&mut server) == 1)
    },
    depth = 16: |revision, limits, depth| {
        let mut server = server(revision, limits);
        // The message, its params and the arguments are three levels themselves.
        let inner = "[".repeat(depth - 3) + &"]".repeat(depth - 3);
        let mut call = tool_call(revision, 1);
        call["params"]["arguments"] = json!({"a": serde_json::from_str::<Value>(&inner).unwrap()});
        server.feed_json(&call);
        Some(requests(&mut server) == 1)
    },
    id = 30: |revision, limits, length| {
        let mut server = server(revision, limits);
        // The quotes are part of it.
        server.feed_json(&tool_call(revision, "x".repeat(length - 2)));
        Some(requests(&mut server) == 1)
    },
    name = 100: |revision, limits, length| {
        let mut server = server(revision, limits);
        server.feed_json(&request(revision, 1, "tools/call", json!({"name": "x".repeat(length)})));
        Some(requests(&mut server) == 1)
    },
    uri = 100: |revision, limits, length| {
        let mut server = server(revision, limits);
        let uri = format!("a:{}", "x".repeat(length - 2));
        server.feed_json(&request(revision, 1, "resources/read", json!({"uri": uri})));
        Some(requests(&mut server) == 1)
    },
    calls = 5: |revision, limits, count| {
        let mut server = server(revision, limits);
        for id in 0..count {
            server.feed_json(&tool_call(revision, id));
        }
        Some(requests(&mut server) == count)
    },
    subscriptions = 5: |revision, limits, count| {
        let mut server = server(revision, limits);
        for id in 0..count {
            server.feed_json(&match revision.era() {
                Era::Legacy => request(revision, id, "resources/subscribe", json!({"uri": format!("a:{id}")})),
                _ => request(revision, id, "subscriptions/listen", json!({"notifications": {"toolsListChanged": true}})),
            });
        }
        Some(server.sent().iter().all(|sent| sent.get("error").is_none()))
    },
    events = 5: |revision, limits, count| {
        let mut server = server(revision, limits);
        let now = server.now;
        let mut feed = |id: usize| {
            let call = tool_call(revision, id).to_string();
            let wanted = server.session.wants_frames();
            server.session.handle_frame(now, Route::Pipe, call.into());
            wanted
        };
        Some((0..count).all(&mut feed))
    },
    output = 2000: |revision, limits, size| {
        // So much waits, and one more request is taken.
        let mut client = client(revision, limits);
        let call = |client: &mut Script<ClientSession>, name: usize| {
            let params = CallToolParams::new("x".repeat(name));
            client.session.call::<CallTool>(client.now, &params, CallOptions::new())
        };
        let mut measured = self::client(revision, &Limits::default());
        call(&mut measured, 1).unwrap();
        let mut frame = Vec::new();
        measured.session.poll_transmit(&mut frame).unwrap();
        call(&mut client, size - frame.len() + 1).unwrap();
        Some(match call(&mut client, 1) {
            Ok(_) => true,
            Err(misuse) => {
                assert!(matches!(misuse, Misuse::OutputFull { .. }), "{misuse:?}");
                false
            }
        })
    },
    memory = 20_000: |revision, limits, size| {
        // The frame of a second request makes it so much.
        let mut server = server(revision, limits);
        server.feed(padded(revision, 1, 1000));
        assert_eq!(requests(&mut server), 1);
        let frame = size - server.session.held_bytes();
        server.feed(padded(revision, 2, frame));
        Some(requests(&mut server) == 1)
    },
    peer = 300: |revision, limits, size| Some(match revision.era() {
        Era::Legacy => {
            let mut server = Script::fresh_server(server_config().limits(limits.clone()));
            let mut opening = initialize(0, revision.as_str());
            let info = json!({"name": "", "version": "1"}).to_string();
            opening["params"]["clientInfo"]["version"] = "1".into();
            opening["params"]["clientInfo"]["name"] = "x".repeat(size - info.len()).into();
            server.feed_json(&opening);
            server.reply().get("result").is_some()
        }
        _ => {
            let mut client = Script::fresh_client(client_config(revision).limits(limits.clone()));
            let asked = client.reply();
            let mut answer = opening_result(revision, &json!({"tools": {}}));
            // It is kept as JSON text, with its quotes.
            answer["instructions"] = "x".repeat(size - 2).into();
            answer["_meta"]["io.modelcontextprotocol/serverInfo"] = json!({"name": "s", "version": "1"});
            client.feed_json(&result(&asked["id"], answer));
            matches!(client.events.pop_front(), Some(ClientEvent::Opened { .. }))
        }
    }),
    input_rounds = 5: |revision, limits, rounds| Some(match revision.era() {
        Era::Legacy => {
            let (mut pair, request) = asked(revision, limits);
            let ask = |pair: &mut Pair| {
                let taken = pair.server.need_input(pair.now, request, &InputRequests::new(), Some("s"));
                pair.drive();
                taken.is_ok()
            };
            (0..rounds).all(|_| ask(&mut pair))
        }
        _ => {
            let mut client = client(revision, limits);
            let params = CallToolParams::new("x");
            client.session.call::<CallTool>(client.now, &params, CallOptions::new()).unwrap();
            for _ in 0..rounds {
                let Some(id) = client.sent().first().map(|sent| sent["id"].clone()) else {
                    return Some(false);
                };
                client.feed_json(&result(&id, json!({"resultType": "input_required", "requestState": "s"})));
            }
            client.take_events().is_empty()
        }
    }),
    inputs = 5: |revision, limits, count| {
        let (mut pair, request) = asked(revision, limits);
        let keys = (0..count).map(|n| n.to_string());
        let many = keys.fold(InputRequests::new(), |many, key| many.roots(key));
        Some(pair.server.need_input(pair.now, request, &many, None).is_ok())
    },
    pages = 5: |_, limits, count| {
        let mut pages = PageGuard::new(limits.pages.try_into().unwrap());
        // The last page names no further one.
        let cursors = (1..count).map(|n| Some(Text::from(n.to_string())));
        Some(cursors.chain([None]).all(|next| pages.advance(next).is_ok()))
    },
    batch = 5: |revision, limits, count| {
        if revision != Revision::V2025_03_26 {
            return None;
        }
        let mut server = server(revision, limits);
        let elements: Vec<_> = (0..count).map(|id| request(revision, id, "ping", json!({}))).collect();
        server.feed_json(&elements.into());
        Some(server.reply().is_array())
    },
    cancel_burst = 5: |revision, limits, count| {
        let mut server = server(revision, limits);
        Some((0..count).all(|id| cancelled_at_once(&mut server, revision, id)))
    },
    cancel_rate = 5: |revision, limits, count| {
        let mut server = server(revision, limits);
        let burst = limits.cancel_burst as usize;
        assert!((0..burst).all(|id| cancelled_at_once(&mut server, revision, id)));
        server.pass(Duration::from_secs(1));
        Some((burst..burst + count).all(|id| cancelled_at_once(&mut server, revision, id)))
    },
    malformed_burst = 5: |revision, limits, count| {
        let mut server = server(revision, limits);
        for _ in 0..count {
            server.feed("garbage");
        }
        Some(server.sent().len() == count)
    },
};

fn server(revision: Revision, limits: &Limits) -> Script<ServerSession> {
    Script::server_with(revision, server_config().limits(limits.clone()))
}

fn client(revision: Revision, limits: &Limits) -> Script<ClientSession> {
    Script::client_with(revision, client_config(revision).limits(limits.clone()))
}

/// How many requests have come.
fn requests(server: &mut Script<ServerSession>) -> usize {
    let events = server.take_events().into_iter();
    events
        .filter(|event| matches!(event, ServerEvent::Request(_)))
        .count()
}

/// A call of so many bytes.
fn padded(revision: Revision, id: i64, length: usize) -> String {
    let mut call = tool_call(revision, id);
    call["params"]["arguments"] = json!({"a": ""});
    let own = call.to_string().len();
    call["params"]["arguments"]["a"] = "x".repeat(length - own).into();
    call.to_string()
}

/// A server of such limits that has been called.
fn asked(revision: Revision, limits: &Limits) -> (Pair, mcp_proto::session::IncomingId) {
    let config = server_config().limits(limits.clone());
    let mut pair = Pair::open_with(client_config(revision), config);
    let params = CallToolParams::new("x");
    pair.client
        .call::<CallTool>(pair.now, &params, CallOptions::new())
        .unwrap();
    pair.drive();
    let request = pair.request().id;
    (pair, request)
}

/// Whether a call is taken that is cancelled at once.
fn cancelled_at_once(server: &mut Script<ServerSession>, revision: Revision, id: usize) -> bool {
    server.feed_json(&tool_call(revision, id));
    server.feed_json(&notification(
        "notifications/cancelled",
        json!({"requestId": id}),
    ));
    requests(server) == 1
}

on_every_revision! {
    pipe = "they are bounds of the sessions; those of an endpoint are in `tests/http`";
    fn what_is_within_a_bound_is_taken_and_one_more_is_not(revision) {
        for Bound { name, at, set, takes } in BOUNDS {
            let mut limits = Limits::default();
            // So that the allowance of a second is what bounds it.
            limits.cancel_burst = if name == "cancel_rate" { 20 } else { limits.cancel_burst };
            set(&mut limits, at);
            for (amount, fits) in [(at - 1, true), (at, true), (at + 1, false)] {
                if let Some(taken) = takes(revision, &limits, amount) {
                    assert_eq!(taken, fits, "{name}: {amount} of {at} in {revision}");
                }
            }
        }
    }
}

#[test]
fn every_bound_is_tried_and_documented() {
    let fields = format!("{:?}", Limits::default());
    let fields: Vec<(&str, usize)> = fields
        .trim_start_matches("Limits { ")
        .trim_end_matches(" }")
        .split(", ")
        .filter_map(|field| field.split_once(": "))
        .map(|(name, default)| (name, default.parse().expect("a number")))
        .collect();
    assert_eq!(fields.len(), 19);
    let documentation = include_str!("../../src/limits.rs");
    for (name, default) in fields {
        // Links are the high-level client's: `links_past_the_limit_stay_links`.
        let is_tried = BOUNDS.iter().any(|bound| bound.name == name) || name == "links";
        assert!(is_tried, "{name} is not tried");
        let start = format!("/// | [`{name}`](field@Self::{name}) | ");
        let row = documentation
            .lines()
            .find_map(|line| line.strip_prefix(&start));
        let row = row.unwrap_or_else(|| panic!("{name} has no row"));
        let [stated, reason, precedent] = row.split(" | ").collect::<Vec<_>>()[..] else {
            panic!("{row}");
        };
        assert!(!reason.is_empty() && precedent.len() > 3, "{row}");
        let stated = match stated.split_once(' ') {
            Some((number, "MiB")) => number.parse::<usize>().unwrap() << 20,
            Some((number, "KiB")) => number.parse::<usize>().unwrap() << 10,
            _ => stated.replace(',', "").parse().unwrap(),
        };
        assert_eq!(stated, default, "the default of {name}");
    }
}
