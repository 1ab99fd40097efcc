//! A server over HTTP to be measured, this crate's or `rmcp`'s by the feature it is built with; both
//! are the same tower service to all that is here. `compare` drives it and prints the table.
//!
//! `peer exchange N` answers N requests without a socket, for callgrind to look at, and `peer requests N`
//! only makes them, which is no part of what a peer costs; `peer counts` prints allocations and the heap of idle sessions; `peer serve` listens, prints its port, and tells
//! of a change for every line that it reads.

mod counting;
mod frames;
mod listeners;
#[cfg(feature = "ours")]
mod ours;
#[cfg(feature = "rmcp")]
mod rmcp;
mod serve;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use tower_service::Service;

use self::counting::{Counting, counted};
#[cfg(feature = "ours")]
use self::ours as peer;
#[cfg(feature = "rmcp")]
use self::rmcp as peer;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        match arguments[..] {
            ["exchange", n] => exchanges(number(n)).await,
            ["requests", n] => (0..number(n)).for_each(|_| drop(frames::echo(Full::new))),
            ["counts"] => counts().await,
            ["serve"] => serve::serve(peer::stateless()).await,
            ["listeners", n] => listeners::told(number(n)).await,
            _ => panic!("exchange N, requests N, counts, serve or listeners N"),
        }
    });
}

fn number(argument: &str) -> usize {
    argument.parse().expect("a number")
}

async fn exchanges(n: usize) {
    let mut service = peer::stateless();
    for _ in 0..n {
        let answer = whole(service.call(frames::echo(Full::new)).await).await;
        frames::check(&answer);
    }
}

async fn counts() {
    const ROUNDS: usize = 1000;
    let mut service = peer::stateless();
    for _ in 0..10 {
        whole(service.call(frames::echo(Full::new)).await).await;
    }
    let before = counted();
    for _ in 0..ROUNDS {
        whole(service.call(frames::echo(Full::new)).await).await;
    }
    let allocations = counted().allocations - before.allocations;
    // What the request itself takes is no part of what a peer costs.
    let before = counted();
    (0..ROUNDS).for_each(|_| drop(frames::echo(Full::new)));
    let own = counted().allocations - before.allocations;
    let each = (allocations - own) as f64 / ROUNDS as f64;
    println!("allocations {each:.2}");

    let mut service = peer::stateful();
    open(&mut service, 10).await;
    let before = counted().bytes;
    open(&mut service, ROUNDS).await;
    let held = counted().bytes - before;
    println!("idle {}", held / ROUNDS as isize);
}

/// Opens legacy sessions, each of which has been called once and is idle since.
async fn open<S, B>(service: &mut S, n: usize)
where
    S: Service<Request<Full<Bytes>>, Response = Response<B>, Error = std::convert::Infallible>,
    B: Body<Data = Bytes>,
    B::Error: std::fmt::Debug,
{
    for _ in 0..n {
        let opened = service.call(frames::initialize()).await;
        let Ok(opened) = opened;
        let id = opened.headers()["mcp-session-id"].clone();
        whole(Ok(opened)).await;
        whole(service.call(frames::initialized(&id)).await).await;
        let answer = whole(service.call(frames::legacy_echo(&id)).await).await;
        frames::check(&answer);
    }
    // What ends a session's work may run in tasks, and what waits for a second is over after it.
    tokio::time::sleep(std::time::Duration::from_millis(1_200)).await;
}

/// The whole body of a response.
async fn whole<B>(response: Result<Response<B>, std::convert::Infallible>) -> Bytes
where
    B: Body<Data = Bytes>,
    B::Error: std::fmt::Debug,
{
    let Ok(response) = response;
    let body = response.into_body().collect().await;
    body.expect("the body is whole").to_bytes()
}
