//! What a call keeps of the task that it has become, and when to ask after which task.

use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use core::time::Duration;

use crate::revision::Revision;
use crate::saved::saved;
use crate::time::Instant;

use super::super::config::TaskUse;
use super::super::table::{Weigh, total};

/// How long to wait before asking again when the server doesn't say.
pub(super) const USUAL_PAUSE: Duration = Duration::from_secs(1);

/// How long to wait at least, and at most, whatever the server says.
pub(super) const PAUSES: [Duration; 2] = [Duration::from_millis(100), Duration::from_secs(3600)];

/// What a call keeps of the task it has become, or is to become.
#[derive(Clone, Debug)]
pub(super) struct CallTask {
    /// Empty until the server has made the task.
    pub(super) id: Box<str>,
    pub(super) stage: Stage,
    /// Whether the call ends with the new task instead of its result.
    pub(super) is_handed_out: bool,
    /// Whether the task is cancelled when the call ends before it.
    pub(super) is_owned: bool,
    /// How long to wait between two requests.
    pub(super) pause: Duration,
    /// When to ask again.
    pub(super) due: Option<Instant>,
    /// When it was asked last.
    pub(super) asked_at: Instant,
    /// The keys of all that it has waited for.
    pub(super) asked: BTreeSet<Box<str>>,
    /// How many requests in a row were lost.
    pub(super) losses: u8,
}

saved! {
    struct CallTask {
        id, stage, is_handed_out, is_owned, pause, due, asked_at, asked, losses
    }
}

/// What a call does about its task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// The call itself waits for its answer.
    Call,
    /// `tasks/get` is under way.
    Get,
    /// It waits before it asks again, or until the task's input is there.
    Pause,
    /// `tasks/update` is under way.
    Update,
    /// `tasks/result` is under way (2025-11-25).
    Payload,
}

saved! {
    enum Stage {
        0 => Call,
        1 => Get,
        2 => Pause,
        3 => Update,
        4 => Payload,
    }
}

impl CallTask {
    pub(super) fn new(stage: Stage, is_owned: bool) -> Self {
        Self {
            id: "".into(),
            stage,
            is_handed_out: false,
            is_owned,
            pause: USUAL_PAUSE,
            due: None,
            asked_at: Instant::ZERO,
            asked: BTreeSet::new(),
            losses: 0,
        }
    }
}

impl Weigh for CallTask {
    fn weight(&self) -> usize {
        let keys = self
            .asked
            .iter()
            .map(|key| total([size_of_val(key), key.len()]));
        total([size_of::<Self>(), self.id.len(), keys.sum()])
    }
}

/// When to ask again, for which calls. There is one from the first call that may become a task.
#[derive(Clone, Debug, Default)]
pub(super) struct Pauses(pub(super) BTreeSet<(Instant, u64)>);

impl Pauses {
    pub(super) fn first(&self) -> Option<Instant> {
        self.0.first().map(|(due, _)| *due)
    }

    pub(super) fn pop_due(&mut self, now: Instant) -> Option<u64> {
        self.first().filter(|due| *due <= now)?;
        self.0.pop_first().map(|(_, number)| number)
    }
}

/// The member by which a request of 2025-11-25 asks to run as a task.
pub(super) fn task_member(wanted: TaskUse, revision: Revision) -> Option<Vec<u8>> {
    let metadata = match wanted {
        TaskUse::Ask(metadata) | TaskUse::HandOut(metadata) => metadata,
        TaskUse::Wait => return None,
    };
    if revision != Revision::V2025_11_25 {
        return None;
    }
    let mut member = b"\"task\":".to_vec();
    let json = serde_json::to_vec(&metadata).unwrap_or_else(|_| b"{}".to_vec());
    member.extend_from_slice(&json);
    Some(member)
}
