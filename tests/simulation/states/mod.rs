//! Sessions against a model of them: every state that some operations lead to, and long random walks.
//!
//! The model is what this crate's rules say in as few words as can be; it knows no frames. An operation is done to both,
//! and what the session sends and reports has to be what the model says, in that order. States are told apart by what the
//! session would save and by the model's own.
//!
//! `MCP_MODEL_DEPTH` says how many operations are tried in every order; `.ci/run` tries six, and seven
//! take some minutes.

mod client;
mod client_model;
mod server;
mod server_model;

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::hash::{DefaultHasher, Hash, Hasher};

use client::ClientSide;
use client_model::ClientModel;
use mcp_proto::{Revision, Session};
use serde_json::Value;
use server::ServerSide;
use server_model::ServerModel;

use super::random::Random;

/// How deep every order is tried unless the environment says otherwise: what a moment is enough for.
const DEPTH: usize = 3;

/// How long the random walks are, and how many of them a plain run has and a thorough one.
const WALK: usize = 500;
const WALKS: (u64, u64) = (5, 20);

/// The peer's id of a request, and which of the own calls: there are two of each.
type Which = usize;

/// What is seen of a session after an operation: a refusal, the frames it sends, the events it reports.
type Seen = Vec<String>;

/// One thing is seen.
fn one(line: impl Into<String>) -> Seen {
    vec![line.into()]
}

/// What a session and its model have in common.
trait Subject: Clone {
    type Operation: Copy + Debug;

    /// Does it; `None` where there is nothing to do it to.
    fn operate(&mut self, operation: Self::Operation) -> Option<Seen>;
}

/// The messages that a session has to send.
fn sent(session: &mut impl Session) -> Vec<Value> {
    let mut messages = Vec::new();
    let mut frame = Vec::new();
    while session.poll_transmit(&mut frame).is_some() {
        messages.push(serde_json::from_slice(&frame).expect("a frame is JSON"));
        frame.clear();
    }
    messages
}

/// A session, which tells its state.
trait Side: Subject {
    /// What it would save, as bytes.
    fn state(&self) -> Vec<u8>;
}

/// A session and its model after the same operations.
#[derive(Clone)]
struct Compared<S: Subject, M> {
    session: S,
    model: M,
    path: Vec<S::Operation>,
}

impl<S: Side, M: Subject<Operation = S::Operation> + Hash> Compared<S, M> {
    fn new(session: S, model: M) -> Self {
        Self {
            session,
            model,
            path: Vec::new(),
        }
    }

    /// Does an operation to both. Returns whether there was anything to do.
    fn operate(&mut self, operation: S::Operation) -> bool {
        self.path.push(operation);
        let expected = self.model.operate(operation);
        if expected.is_none() {
            self.path.pop();
            return false;
        }
        let seen = self.session.operate(operation);
        assert_eq!(
            seen, expected,
            "the session (left), the model (right) after {:?}",
            self.path
        );
        true
    }

    fn digest(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.session.state().hash(&mut hasher);
        self.model.hash(&mut hasher);
        hasher.finish()
    }
}

/// Tries all operations in every order, as far as `depth`. Returns how many states there are.
fn explore<S: Side, M: Subject<Operation = S::Operation> + Hash>(
    start: Compared<S, M>,
    operations: &[S::Operation],
    depth: usize,
) -> usize {
    let mut known = BTreeSet::from([start.digest()]);
    let mut edge = vec![start];
    for _ in 0..depth {
        let mut next = Vec::new();
        for state in &edge {
            for operation in operations {
                let mut after = state.clone();
                if after.operate(*operation) && known.insert(after.digest()) {
                    next.push(after);
                }
            }
        }
        edge = next;
    }
    known.len()
}

/// Walks at random, where each walk begins anew.
fn walk<S: Side, M: Subject<Operation = S::Operation> + Hash>(
    start: &Compared<S, M>,
    operations: &[S::Operation],
    ends: fn(S::Operation) -> bool,
) {
    for seed in 0..support::amount(WALKS.0, WALKS.1) {
        let mut random = Random::new(seed);
        let mut state = start.clone();
        for step in 0..WALK {
            let operation = operations[random.below(operations.len())];
            // A session that has ended has no way to go; the operations that end it come last.
            if step > WALK - 20 || !ends(operation) {
                state.operate(operation);
            }
        }
    }
}

fn depth() -> usize {
    let given = std::env::var("MCP_MODEL_DEPTH").ok();
    given.map_or(DEPTH, |depth| {
        depth.parse().expect("a number of operations")
    })
}

fn compare_client(revision: Revision) {
    let start = Compared::new(ClientSide::open(revision), ClientModel::new(revision.era()));
    let states = compare(&start, &client::operations(), client::ends);
    println!("a client of {revision} has {states}");
}

fn compare_server(revision: Revision) {
    let start = Compared::new(ServerSide::open(revision), ServerModel::new(revision.era()));
    let states = compare(&start, &server::operations(), server::ends);
    println!("a server of {revision} has {states}");
}

fn compare<S: Side, M: Subject<Operation = S::Operation> + Hash>(
    start: &Compared<S, M>,
    operations: &[S::Operation],
    ends: fn(S::Operation) -> bool,
) -> String {
    walk(start, operations, ends);
    let (depth, states) = (depth(), explore(start.clone(), operations, depth()));
    let alphabet = operations.len();
    format!("{states} states within {depth} of {alphabet} operations")
}

#[test]
fn a_legacy_client_does_what_its_model_says() {
    compare_client(Revision::V2025_11_25);
}

#[test]
fn a_modern_client_does_what_its_model_says() {
    compare_client(Revision::V2026_07_28);
}

#[test]
fn a_legacy_server_does_what_its_model_says() {
    compare_server(Revision::V2025_11_25);
}

#[test]
fn a_modern_server_does_what_its_model_says() {
    compare_server(Revision::V2026_07_28);
}
