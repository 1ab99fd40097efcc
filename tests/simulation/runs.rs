//! Runs seeds on all processors and says of each broken rule once which seed shows it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, Once};

use super::tally::{Kind, Marks, Tally};

/// Seeds of a plain `cargo test`, and of a thorough one, which sees to it that enough happens too.
const SEEDS: (u64, u64) = (12, 1000);
/// How many distinct failures are enough.
const FAILURES: usize = 8;

thread_local! {
    /// Where the last panic of a run was, and what it said.
    static PANIC: RefCell<Option<(String, String)>> = const { RefCell::new(None) };
}

/// Panics of runs are kept instead of printed: what shows a broken rule many times is told once.
static HOOK: Once = Once::new();

/// What has happened, and where which rule was broken: the seed and what was said.
#[derive(Default)]
struct Runs {
    tally: Tally,
    broken: BTreeMap<String, (u64, String)>,
}

/// A number from the environment.
pub fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().expect("a number of seeds"))
}

/// Runs all seeds, sees to it that none breaks a rule and that each kind that is `wanted` has happened
/// often enough to mean something.
pub fn run_seeds(test: &str, run: fn(u64) -> Marks, wanted: impl Fn(Kind) -> bool) {
    let first = number("MCP_SIMULATION_FIRST").unwrap_or(0);
    let seeds = number("MCP_SIMULATION_SEEDS").unwrap_or_else(|| support::amount(SEEDS.0, SEEDS.1));
    HOOK.call_once(keep_panics);
    let next = AtomicU64::new(first);
    let runs = Mutex::new(Runs::default());
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| work(&next, first + seeds, &runs, run));
        }
    });
    let runs = runs.into_inner().expect("no thread panics with it");
    println!("{test}: {}", runs.tally);
    for (seed, said) in runs.broken.values() {
        println!("{said}");
        println!(
            "replay: MCP_SIMULATION_FIRST={seed} MCP_SIMULATION_SEEDS=1 \
             cargo test --test simulation {test}"
        );
    }
    assert!(
        runs.broken.is_empty(),
        "{} rules are broken",
        runs.broken.len()
    );
    if seeds >= 1000 {
        assert_eq!(runs.tally.rare(wanted), [], "these happen in too few runs");
    }
}

fn keep_panics() {
    let print = take_hook();
    set_hook(Box::new(move |panic| {
        // A run is on a thread of its own, which has no name.
        if std::thread::current().name().is_some() {
            return print(panic);
        }
        let place = panic.location().map(ToString::to_string);
        PANIC.set(Some((place.unwrap_or_default(), panic.to_string())));
    }));
}

fn work(next: &AtomicU64, end: u64, runs: &Mutex<Runs>, run: fn(u64) -> Marks) {
    let mut tally = Tally::default();
    loop {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        if seed >= end {
            break;
        }
        match catch_unwind(AssertUnwindSafe(|| run(seed))) {
            Ok(marks) => tally.add(marks),
            Err(_) => {
                let (place, said) = PANIC.take().unwrap_or_default();
                let mut runs = runs.lock().expect("no thread panics with it");
                runs.broken.entry(place).or_insert((seed, said));
                if runs.broken.len() >= FAILURES {
                    next.store(end, Ordering::Relaxed);
                }
            }
        }
    }
    let mut runs = runs.lock().expect("no thread panics with it");
    runs.tally.merge(&tally);
}
