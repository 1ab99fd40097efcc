//! Calls of tools that become tasks: a user who wants them in every way, and a server whose instances come
//! and go while the store stays.

mod server;
mod store;
mod user;

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use super::random::Random;
use super::tally::Marks;
use super::world::World;
use server::TasksEnd;
use store::Store;
use user::UserEnd;

/// Runs a seed.
pub fn run(seed: u64) -> Marks {
    let mut random = Random::new(seed);
    let store = Store::new(&mut random);
    let user = UserEnd::new(&mut random, store.clone());
    let server = TasksEnd::new(&mut random, store.clone());
    let marks = World::new(random, user, server, false).run().marks;
    store.assert_forgets();
    let of_tasks = store.ledger().marks;
    marks.and(of_tasks)
}

/// What a future comes to that waits for nobody.
fn ready_now<T>(future: impl Future<Output = T>) -> T {
    let polled = pin!(future).poll(&mut Context::from_waker(Waker::noop()));
    match polled {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("it waits"),
    }
}

/// A number as calls and results have it: who changes a digit of it doesn't make another number of it.
fn signed(number: u64) -> String {
    format!(
        "{number}:{}",
        number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32
    )
}

/// The number of such a text; `None` for any other text.
fn number_of(text: &str) -> Option<u64> {
    let number = text.split_once(':')?.0.parse().ok()?;
    (signed(number) == text).then_some(number)
}
