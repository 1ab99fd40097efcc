//! Threads of the tests. What starts one is nine hundred lines for the compiler, so that it is made once for each type
//! that a thread gives, not for each closure.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Starts a thread.
pub fn spawn<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    spawn_boxed(Box::new(run))
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test that gets no thread has failed"
)]
fn spawn_boxed<T: Send + 'static>(run: Box<dyn FnOnce() -> T + Send>) -> JoinHandle<T> {
    thread::spawn(run)
}

/// Fails the test when `run` takes longer than any machine needs for it.
pub fn within<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> T {
    within_boxed(Box::new(run))
}

fn within_boxed<T: Send + 'static>(run: Box<dyn FnOnce() -> T + Send>) -> T {
    let (done, result) = mpsc::channel();
    let thread = spawn(move || done.send(run()));
    match result.recv_timeout(Duration::from_secs(20)) {
        Ok(result) => result,
        Err(RecvTimeoutError::Timeout) => panic!("it hangs"),
        Err(RecvTimeoutError::Disconnected) => match thread.join() {
            Err(panic) => std::panic::resume_unwind(panic),
            Ok(_) => unreachable!("the result was sent"),
        },
    }
}
