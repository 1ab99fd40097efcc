//! Sessions under chaos: a seed chooses two ends, a link that cuts, loses, repeats and damages, clocks
//! that jump, and users who do anything at any time; the rules of a session have to hold throughout.
//!
//! A run that breaks one prints the line that replays it. `MCP_SIMULATION_SEEDS` says how many seeds
//! are run, `MCP_SIMULATION_FIRST` which is the first; `.ci/long/simulation` runs a million.

#![expect(
    clippy::disallowed_methods,
    reason = "the seeds are named by the environment, and runs are shared among threads"
)]

mod calls;
mod choices;
mod client;
mod clocks;
mod effects;
mod end;
mod faithful;
mod frames;
mod high;
mod jobs;
mod judge;
mod pipe;
mod random;
mod replies;
mod routed;
mod runs;
mod server;
mod states;
mod strangers;
mod tally;
mod tasks;
mod watch_client;
mod watch_server;
mod weight;
mod world;

use client::ClientEnd;
use high::HighEnd;
use jobs::JobsEnd;
use random::Random;
use server::ServerEnd;
use tally::{Kind, Marks};
use world::{Outcome, World};

/// Runs a seed, and another time restoring sessions on the way: they do the same.
fn run_twice(seed: u64, run: fn(u64, bool, bool) -> Outcome) -> Marks {
    if !seed.is_multiple_of(4) {
        return run(seed, false, seed % 8 < 4).marks;
    }
    let plain = run(seed, true, false);
    if !plain.was_restored {
        return plain.marks;
    }
    let restored = run(seed, true, true);
    assert_eq!(
        plain.trace, restored.trace,
        "a restored session does something else"
    );
    plain.marks.and(restored.marks)
}

fn both_sessions(seed: u64, traces: bool, restores: bool) -> Outcome {
    let mut random = Random::new(seed);
    let client = ClientEnd::new(&mut random, traces);
    let server = ServerEnd::new(&mut random, traces);
    World::new(random, client, server, restores).run()
}

#[test]
fn sessions_keep_their_promises() {
    let run = |seed| run_twice(seed, both_sessions);
    runs::run_seeds("sessions_keep_their_promises", run, |kind| {
        let of_others = matches!(
            kind,
            Kind::OpeningFailed | Kind::Finished | Kind::FinishedWithError | Kind::Suspended
        );
        !of_others && !is_of_tasks(kind)
    });
}

#[test]
fn routed_sessions_keep_their_promises() {
    runs::run_seeds("routed_sessions_keep_their_promises", routed::run, |kind| {
        matches!(
            kind,
            Kind::Called
                | Kind::CancelledCall
                | Kind::Replied
                | Kind::Succeeded
                | Kind::Failed
                | Kind::TimedOut
                | Kind::LostCall
                | Kind::Lost
                | Kind::ClockWentBack
                | Kind::ClockJumped
                | Kind::Restored
                | Kind::Suspended
        )
    });
}

#[test]
fn a_high_level_client_keeps_its_promises() {
    let run = |seed| {
        let mut random = Random::new(seed);
        let client = HighEnd::new(&mut random);
        let server = ServerEnd::new(&mut random, false);
        World::new(random, client, server, false).run().marks
    };
    runs::run_seeds("a_high_level_client_keeps_its_promises", run, |kind| {
        matches!(
            kind,
            Kind::OpeningFailed
                | Kind::Finished
                | Kind::FinishedWithError
                | Kind::Progress
                | Kind::CancelledCall
                | Kind::InputRequested
                | Kind::Lost
                | Kind::Truncated
                | Kind::Injected
                | Kind::WantedNoFrames
                | Kind::TinyLimits
                | Kind::HugeLimits
        )
    });
}

fn is_of_tasks(kind: Kind) -> bool {
    kind as u32 >= Kind::TaskWanted as u32
}

#[test]
fn tasks_keep_their_promises() {
    runs::run_seeds("tasks_keep_their_promises", tasks::run, |kind| {
        let common = matches!(
            kind,
            Kind::Succeeded
                | Kind::Failed
                | Kind::TimedOut
                | Kind::CancelledCall
                | Kind::LostCall
                | Kind::InputRequested
                | Kind::InputWithdrawn
                | Kind::InputRefused
                | Kind::NeverAnswered
                | Kind::Lost
                | Kind::Duplicated
                | Kind::Corrupted
                | Kind::Truncated
                | Kind::Injected
                | Kind::Stalled
                | Kind::ClockJumped
                | Kind::ClockWentBack
                | Kind::Restored
                | Kind::TinyLimits
                | Kind::HugeLimits
        );
        common || is_of_tasks(kind)
    });
}

#[test]
fn a_server_of_jobs_keeps_its_promises() {
    let run = |seed| {
        let mut random = Random::new(seed);
        let client = ClientEnd::new(&mut random, false);
        let server = JobsEnd::new(&mut random);
        World::new(random, client, server, false).run().marks
    };
    runs::run_seeds("a_server_of_jobs_keeps_its_promises", run, |kind| {
        matches!(
            kind,
            Kind::Succeeded
                | Kind::Failed
                | Kind::Replied
                | Kind::NeverAnswered
                | Kind::GaveStranger
                | Kind::ServerProgress
                | Kind::Progress
                | Kind::InputRequested
                | Kind::RequestCancelled
                | Kind::Lost
                | Kind::Injected
                | Kind::WantedNoFrames
                | Kind::TinyLimits
                | Kind::HugeLimits
        )
    });
}
