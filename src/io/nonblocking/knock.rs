//! Whether it was the reader that has woken a task, or somebody else: one that had nothing and hasn't
//! woken since need not be asked again.
//!
//! Rules of this file: whoever is told that the reader is quiet has the reader wake the present task; what
//! wakes notes that before it does so; writer and timer wake in the same way, since whoever waits for
//! several of them at once, as an encrypted stream may, wakes only the last one that has asked.

use core::mem;
use core::sync::atomic::{AtomicBool, Ordering};
use core::task::{Context, Poll, Waker};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Wake;

/// Between the streams and the task that polls them.
pub(super) struct Knock {
    door: Arc<Door>,
    /// What the streams and the timer are polled with.
    waker: Waker,
    /// The task that the door wakes.
    task: Waker,
    /// Whether the reader had nothing when it was polled last.
    is_awaited: bool,
}

/// What they wake.
struct Door {
    task: Mutex<Waker>,
    has_woken: AtomicBool,
}

impl Knock {
    pub(super) fn new(cx: &Context<'_>) -> Self {
        let task = cx.waker().clone();
        let door = Arc::new(Door {
            task: Mutex::new(task.clone()),
            has_woken: AtomicBool::new(false),
        });
        Self {
            waker: Waker::from(Arc::clone(&door)),
            door,
            task,
            is_awaited: false,
        }
    }

    /// Whether the reader had nothing, hasn't woken anybody since, and will wake this task.
    pub(super) fn is_quiet(&mut self, cx: &Context<'_>) -> bool {
        self.wake_this(cx);
        self.is_awaited && !self.door.has_woken.load(Ordering::Acquire)
    }

    /// Polls the reader, which `read` does.
    pub(super) fn poll<T>(
        &mut self,
        cx: &Context<'_>,
        read: impl FnOnce(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        self.door.has_woken.store(false, Ordering::Release);
        let polled = self.poll_other(cx, read);
        self.is_awaited = polled.is_pending();
        polled
    }

    /// Polls something else, which `poll` does, by the same waker.
    pub(super) fn poll_other<T>(
        &mut self,
        cx: &Context<'_>,
        poll: impl FnOnce(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        self.wake_this(cx);
        poll(&mut Context::from_waker(&self.waker))
    }

    /// Has the door wake this task.
    fn wake_this(&mut self, cx: &Context<'_>) {
        if !self.task.will_wake(cx.waker()) {
            self.wake_instead(cx);
        }
    }

    /// Has the door wake this task instead of another one.
    #[cold]
    #[inline(never)]
    fn wake_instead(&mut self, cx: &Context<'_>) {
        let task = cx.waker().clone();
        self.task = task.clone();
        let mut known = self
            .door
            .task
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let past = mem::replace(&mut *known, task);
        drop(known);
        drop(past);
    }
}

impl Wake for Door {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.has_woken.store(true, Ordering::Release);
        let known = self.task.lock().unwrap_or_else(PoisonError::into_inner);
        let task = known.clone();
        drop(known);
        task.wake();
    }
}
