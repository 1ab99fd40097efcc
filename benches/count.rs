//! Counts instead of clocks: `count <mode> <n> [length]` makes `n` echoes, of a text of `length` bytes
//! if one is given, for callgrind to look at; `count` without arguments prints allocations, sizes and the heap of idle sessions.
//!
//! Modes: `floor-legacy`, `sessions-legacy`, `floor-modern`, `sessions-modern`, and of calls without
//! arguments `flight-legacy` for fifty at once and `single-legacy` for one after the other. The difference of
//! two runs with different `n` is free of everything that is done once (`.ci/budget`).

mod echo;

use std::hint::black_box;

use mcp_proto::Era;
use mcp_proto::session::{ClientEvent, ClientSession, ServerEvent, ServerSession};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, Stats, StatsAlloc};

use self::echo::floor::Floor;
use self::echo::{MESSAGE, Sessions};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<std::alloc::System> = &INSTRUMENTED_SYSTEM;

#[expect(clippy::disallowed_methods, reason = "a program's own arguments")]
fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // `cargo bench` says `--bench` to every benchmark.
    let arguments: Vec<&str> = arguments
        .iter()
        .map(String::as_str)
        .filter(|argument| !argument.starts_with("--"))
        .collect();
    match arguments[..] {
        [mode, n] => run(mode, number(n), MESSAGE),
        [mode, n, length] => run(mode, number(n), &"text ".repeat(number(length) / 5)),
        _ => report(),
    }
}

fn number(argument: &str) -> usize {
    argument.parse().expect("the argument is a number")
}

fn run(mode: &str, n: usize, message: &str) {
    let (what, era) = mode.split_once('-').expect("such as floor-legacy");
    let era = match era {
        "legacy" => Era::Legacy,
        "modern" => Era::Modern,
        other => panic!("no such era: {other}"),
    };
    let mut sessions = Sessions::open(era);
    match what {
        "floor" => {
            let mut floor = Floor::like(&mut sessions, message);
            (0..n).for_each(|_| floor.echo(black_box(message)));
        }
        "flight" => (0..n / 50).for_each(|_| sessions.at_once(50, |nth| nth)),
        "single" => (0..n).for_each(|_| sessions.at_once(1, |nth| nth)),
        "sessions" => (0..n).for_each(|_| sessions.echo(black_box(message))),
        other => panic!("no such mode: {other}"),
    }
}

fn report() {
    const ROUNDS: usize = 1000;
    for era in [Era::Legacy, Era::Modern] {
        let mut sessions = Sessions::open(era);
        let mut floor = Floor::like(&mut sessions, MESSAGE);
        floor.echo(MESSAGE);
        sessions.echo(MESSAGE);
        let each = |stats: Stats| (stats.allocations + stats.reallocations) as f64 / ROUNDS as f64;
        let region = Region::new(ALLOCATOR);
        (0..ROUNDS).for_each(|_| floor.echo(black_box(MESSAGE)));
        println!("{era:?} floor: {:.2} allocations", each(region.change()));
        let region = Region::new(ALLOCATOR);
        (0..ROUNDS).for_each(|_| sessions.echo(black_box(MESSAGE)));
        println!("{era:?} sessions: {:.2} allocations", each(region.change()));
    }
    for era in [Era::Legacy, Era::Modern] {
        // What all sessions of a server share isn't theirs.
        let first = ServerSession::new(Sessions::server_config());
        let mut sessions = Sessions::open_to(first.another(), era);
        sessions.echo(MESSAGE);
        let Sessions { client, server, .. } = sessions;
        println!("{era:?} idle client: {} bytes of heap", freed_by(client));
        println!("{era:?} idle server: {} bytes of heap", freed_by(server));
    }
    println!("ClientSession: {} bytes", size_of::<ClientSession>());
    println!("ServerSession: {} bytes", size_of::<ServerSession>());
    println!("ClientEvent: {} bytes", size_of::<ClientEvent>());
    println!("ServerEvent: {} bytes", size_of::<ServerEvent>());
}

/// How many bytes of heap `value` holds.
fn freed_by<T>(value: T) -> usize {
    let region = Region::new(ALLOCATOR);
    drop(value);
    region.change().bytes_deallocated
}
