//! What the bare sessions cost beside plain serde on the same frames, row by row with what is wanted:
//! CPU time as a ratio of medians of interleaved runs, allocations as they are counted, bytes that an
//! idle session takes. `rows million` adds what a million sessions take. `rows count <row> <side> <n>`
//! makes one side of a row, `floor` or `sessions`, `n` times for callgrind: the difference of two runs
//! is free of what is done once. Growth is drawn by `scale`.

mod echo;
#[path = "rows/floor.rs"]
mod floor;
mod measured;

use std::hint::black_box;

use mcp_proto::Era;
use mcp_proto::frame::LineDecoder;
use mcp_proto::model::content::{BlobResourceContents, ResourceContents, TextResourceContents};
use mcp_proto::model::method::{EmptyResult, ListTools, Method, Ping, ReadResource};
use mcp_proto::model::page::PaginatedRequestParams;
use mcp_proto::model::resource::{ReadResourceParams, ReadResourceResult};
use mcp_proto::model::tool::{ListToolsResult, Tool};
use mcp_proto::rpc::Raw;
use mcp_proto::session::{CallId, CallOptions, ClientEvent, Completed, ServerSession};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

use self::echo::floor::Floor;
use self::echo::{MESSAGE, Sessions};
use self::floor::{Contents, Listed, Passes, Read};
use self::measured::{cpu, median_ratio};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<std::alloc::System> = &INSTRUMENTED_SYSTEM;

const SCHEMA: &str = r#"{"type":"object","properties":{"message":{"type":"string","description":"The message to process"},"count":{"type":"integer","minimum":0}},"required":["message"]}"#;

/// Which row to make for callgrind, by how its name starts, which side of it and how often.
struct Counted {
    row: String,
    side: String,
    n: usize,
}

impl Counted {
    fn run(&self, what: &str, mut floor: impl FnMut(), mut sessions: impl FnMut()) {
        if what.starts_with(&self.row) {
            (0..self.n).for_each(|_| match self.side.as_str() {
                "floor" => floor(),
                _ => sessions(),
            });
        }
    }
}

type Only<'a> = Option<&'a Counted>;

#[expect(clippy::disallowed_methods, reason = "a program's own arguments")]
fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [count, row, side, n] = &arguments[..]
        && count == "count"
    {
        let n = n.parse().expect("it is a number");
        let [row, side] = [row, side].map(String::clone);
        return beside_floors(Some(&Counted { row, side, n }));
    }
    println!("| bare sessions | wanted | reached |\n|---|---:|---:|");
    beside_floors(None);
    in_flight();
    chunks();
    idle();
    if arguments.iter().any(|argument| argument == "million") {
        million();
    }
}

fn beside_floors(only: Only<'_>) {
    echoes(only);
    pings(only);
    lists(only);
    texts(only);
    blobs(only);
}

fn row(what: &str, wanted: &str, reached: &str) {
    println!("| {what} | {wanted} | {reached} |");
}

/// A row of a ratio to the floor and of allocations.
fn beside_floor(
    only: Only<'_>,
    what: &str,
    wanted: &str,
    rounds: usize,
    mut floor: impl FnMut(),
    mut sessions: impl FnMut(),
) {
    if let Some(counted) = only {
        return counted.run(what, floor, sessions);
    }
    let ratio = median_ratio(rounds, &mut sessions, &mut floor);
    let allocated = allocations(rounds, &mut sessions);
    let of_floor = allocations(rounds, &mut floor);
    let reached = format!("{ratio:.2}x, {allocated} allocations (floor {of_floor})");
    row(what, wanted, &reached);
}

/// How many allocations one run makes, once everything has been used.
fn allocations(rounds: usize, run: &mut impl FnMut()) -> usize {
    run();
    let region = Region::new(ALLOCATOR);
    (0..rounds).for_each(|_| run());
    let change = region.change();
    (change.allocations + change.reallocations) / rounds
}

fn echoes(only: Only<'_>) {
    for (era, wanted) in [(Era::Legacy, "0.68x (instructions), 0"), (Era::Modern, "-")] {
        let mut sessions = Sessions::open(era);
        let mut floor = Floor::like(&mut sessions, MESSAGE);
        let what = format!("echo, {era:?}");
        let floor = || floor.echo(black_box(MESSAGE));
        beside_floor(only, &what, wanted, 2_000, floor, || {
            sessions.echo(black_box(MESSAGE));
        });
    }
}

fn pings(only: Only<'_>) {
    let mut sessions = Sessions::open(Era::Legacy);
    let mut passes = Passes::default();
    beside_floor(
        only,
        "ping",
        "1.3x",
        2_000,
        || passes.ping(),
        || {
            let call = sessions.client.ping(sessions.now, CallOptions::new());
            let call = call.expect("the session is open");
            sessions.carry_to_server();
            sessions.carry_to_client();
            let ended = completed(&mut sessions);
            assert_eq!(ended.of::<Ping>(call), Some(Ok(EmptyResult::new())));
        },
    );
}

fn lists(only: Only<'_>) {
    let names: Vec<String> = (0..100).map(|n| format!("tool_{n:03}")).collect();
    let schema = Raw::new(SCHEMA).expect("it is JSON");
    let about = "Does something useful with its two arguments and returns a text result.";
    let tool = |name| Tool::new(name, schema.reborrow()).description(about);
    let list = ListToolsResult::new(names.iter().map(tool).collect());
    let json = serde_json::to_string(&list).expect("it is JSON");
    let listed: Listed<'_> = serde_json::from_str(&json).expect("it is a list");
    let mut passes = Passes::default();
    let mut sessions = Sessions::open(Era::Legacy);
    let floor = || passes.list(black_box(&listed));
    beside_floor(only, "tools/list of 100", "1.15x, 12", 50, floor, || {
        let params = PaginatedRequestParams::new();
        let (call, ended) = exchange::<ListTools>(&mut sessions, &params, &list);
        let result = ended.of(call).expect("it is this call");
        assert_eq!(result.expect("it has a result").tools.len(), 100);
    });
}

fn texts(only: Only<'_>) {
    let line = "00000042 the quick brown \"fox\" jumps over the lazy dog and keeps running far\n";
    let text = line.repeat((64 << 10) / line.len());
    let contents = TextResourceContents::new("file:///a", text.as_str());
    reads(
        only,
        "resources/read of 64 KiB text",
        "0.8x, 2",
        200,
        contents.into(),
    );
}

fn blobs(only: Only<'_>) {
    let blob = "QUJD".repeat(1 << 18);
    let contents = BlobResourceContents::new("file:///a", blob.as_str());
    reads(
        only,
        "resources/read of a 1 MiB blob",
        "0.25x",
        20,
        contents.into(),
    );
}

fn reads(only: Only<'_>, what: &str, wanted: &str, rounds: usize, contents: ResourceContents<'_>) {
    let (text, blob) = match &contents {
        ResourceContents::Text(text) => (Some(text.text.as_str()), None),
        ResourceContents::Blob(blob) => (None, Some(blob.blob.as_str())),
        _ => (None, None),
    };
    let of = |text| Option::map(text, floor::text);
    let read = Read {
        contents: vec![Contents {
            uri: floor::text("file:///a"),
            mime_type: None,
            text: of(text),
            blob: of(blob),
            meta: None,
        }],
        meta: None,
    };
    let length = text.or(blob).map_or(0, str::len);
    let result = ReadResourceResult::new(vec![contents.clone()]);
    let mut passes = Passes::default();
    let mut sessions = Sessions::open(Era::Legacy);
    let floor = || passes.read(black_box(&read));
    beside_floor(only, what, wanted, rounds, floor, || {
        let params = ReadResourceParams::new("file:///a");
        let (call, ended) = exchange::<ReadResource>(&mut sessions, &params, &result);
        let result = ended.of(call).expect("it is this call");
        let result = result.expect("it has a result");
        let got = match &result.contents[0] {
            ResourceContents::Text(text) => text.text.len(),
            ResourceContents::Blob(blob) => blob.blob.len(),
            _ => 0,
        };
        assert_eq!(got, length);
    });
}

/// A call, its answer and its end.
fn exchange<M: Method>(
    sessions: &mut Sessions,
    params: &M::Params<'_>,
    result: &M::Result<'_>,
) -> (CallId<M>, Completed) {
    let call = sessions
        .client
        .call::<M>(sessions.now, params, CallOptions::new());
    let call = call.expect("the session is open");
    sessions.carry_to_server();
    let request = sessions.request();
    request.params::<M>().expect("the client sent good params");
    sessions
        .server
        .reply::<M>(sessions.now, request.id, result)
        .expect("the request is open");
    sessions.carry_to_client();
    (call, completed(sessions))
}

fn completed(sessions: &mut Sessions) -> Completed {
    use mcp_proto::Session;
    match sessions.client.poll_event() {
        Some(ClientEvent::Completed(completed)) => completed,
        other => panic!("expected an end, got {other:?}"),
    }
}

fn in_flight() {
    let [mut one, mut many] = [1, 64].map(|many| {
        let mut sessions = Sessions::open(Era::Legacy);
        move || (0..64 / many).for_each(|_| sessions.at_once(many, |nth| nth))
    });
    let ratio = median_ratio(200, &mut many, &mut one);
    row(
        "64 calls in flight, each",
        "1.1x of one",
        &format!("{ratio:.2}x"),
    );
}

fn chunks() {
    let mut line = "x".repeat(32 << 20).into_bytes();
    line.push(b'\n');
    let feed = |chunk: usize| {
        let mut decoder = LineDecoder::new(64 << 20);
        line.chunks(chunk).for_each(|chunk| decoder.push(chunk));
        let frame = decoder.next_frame().expect("it is whole");
        assert_eq!(frame.expect("it is good").len(), 32 << 20);
    };
    let ratio = median_ratio(1, &mut || feed(4 << 10), &mut || feed(line.len()));
    let what = "a line of 32 MiB in chunks of 4 KiB";
    row(what, "1.5x of one piece", &format!("{ratio:.2}x"));
}

/// A server session after its opening and a call, of the same server as `first`.
fn served(first: &ServerSession, era: Era) -> ServerSession {
    let mut sessions = Sessions::open_to(first.another(), era);
    sessions.echo(MESSAGE);
    sessions.server
}

fn server() -> ServerSession {
    ServerSession::new(Sessions::server_config())
}

fn idle() {
    for era in [Era::Legacy, Era::Modern] {
        let first = server();
        let session = served(&first, era);
        let region = Region::new(ALLOCATOR);
        drop(session);
        let heap = region.change().bytes_deallocated;
        let whole = format!("{} bytes", heap + size_of::<ServerSession>());
        row(
            &format!("idle server session, {era:?}"),
            "1,024 bytes",
            &whole,
        );
    }
}

fn million() {
    use mcp_proto::Session;
    const MANY: usize = 1_000_000;
    let before = measured::resident();
    let first = server();
    let mut idle: Vec<ServerSession> = (0..MANY).map(|_| served(&first, Era::Legacy)).collect();
    let grown = (measured::resident() - before) as f64 / f64::from(1 << 30);
    let spent = cpu(|| {
        for session in &mut idle {
            let ping = br#"{"jsonrpc":"2.0","id":77,"method":"ping"}"#;
            let route = mcp_proto::session::Route::Pipe;
            session.handle_frame(mcp_proto::Instant::from_millis(2), route, ping[..].into());
            assert!(session.poll_transmit(&mut Vec::new()).is_some());
        }
    });
    let each = spent / MANY as u64;
    let reached = format!("{grown:.2} GiB; each answers, in {each} ns");
    row("a million of them", "1.1 GiB resident", &reached);
}
