//! Streams of changes without sockets: what it costs to tell all of them.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use http_body::Body;
use tower_service::Service;

use crate::{frames, peer};

#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Relaxed);
    }
}

/// Opens `n` streams and tells of a change a few times; prints the CPU time until all were woken, and
/// until all have given their HTTP stack the event.
pub async fn told(n: usize) {
    let mut service = peer::stateless();
    let mut bodies = Vec::new();
    for _ in 0..n {
        let Ok(response) = service.call(frames::listen()).await;
        bodies.push(Box::pin(response.into_body()));
    }
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(woken.clone());
    let mut cx = Context::from_waker(&waker);
    let mut events = 0;
    // Streams of peers may need their tasks to run.
    while events < n {
        events += bodies
            .iter_mut()
            .map(|body| drain(body.as_mut(), &mut cx))
            .sum::<usize>();
        tokio::task::yield_now().await;
    }
    for _ in 0..5 {
        woken.0.store(0, Relaxed);
        let start = cpu();
        peer::tell();
        while woken.0.load(Relaxed) < n {
            tokio::task::yield_now().await;
        }
        let told = cpu() - start;
        let events: usize = bodies
            .iter_mut()
            .map(|body| drain(body.as_mut(), &mut cx))
            .sum();
        let taken = cpu() - start;
        assert_eq!(events, n, "each stream has its event");
        println!(
            "told {:.3} taken {:.3}",
            told.as_secs_f64() * 1e3,
            taken.as_secs_f64() * 1e3
        );
    }
}

/// Takes what there is and returns how much it was.
fn drain<B: Body>(mut body: Pin<&mut B>, cx: &mut Context<'_>) -> usize {
    let mut events = 0;
    while let Poll::Ready(Some(Ok(_))) = body.as_mut().poll_frame(cx) {
        events += 1;
    }
    events
}

/// The CPU time of this process.
fn cpu() -> Duration {
    let tasks = std::fs::read_dir("/proc/self/task").expect("Linux");
    let nanos = tasks.filter_map(|task| {
        let stat = std::fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?;
        stat.split(' ').next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(nanos.sum())
}
