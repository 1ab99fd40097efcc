//! Code of users may panic, and then even what it threw may panic when it is dropped.

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use core::any::Any;
use core::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::rpc::bounded;

/// Runs code of a user; the panic's message if it has panicked. What it leaves half done has to be
/// its own.
pub(super) fn try_run<R>(run: impl FnOnce() -> R) -> Result<R, String> {
    catch_unwind(AssertUnwindSafe(run)).map_err(told)
}

/// As [`try_run`], for whom nothing is told.
pub(super) fn catch_panic<R>(run: impl FnOnce() -> R) -> Option<R> {
    try_run(run).ok()
}

/// What a panic said, which is dropped.
fn told(payload: Box<dyn Any + Send>) -> String {
    let text = message(payload.as_ref());
    if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        mem::forget(again);
    }
    text
}

fn message(payload: &(dyn Any + Send)) -> String {
    let text = match payload.downcast_ref::<&str>() {
        Some(text) => Some(*text),
        None => payload.downcast_ref::<String>().map(String::as_str),
    };
    bounded(text.unwrap_or("the panic had no message")).to_string()
}
