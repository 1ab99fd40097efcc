//! What has happened in a run, and in how many of all runs: a simulation in which a kind of fault
//! never happens proves nothing about it.

use std::fmt;

macro_rules! kinds {
    ($($name:ident,)*) => {
        /// Something that can happen in a run.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Kind { $($name,)* }

        impl Kind {
            pub const ALL: &[Self] = &[$(Self::$name,)*];
        }
    };
}

kinds! {
    // What a session was made with.
    DefaultLimits, TinyLimits, OddLimits, HugeLimits, NarrowPipe,
    // What the link and the clock did.
    Lost, Duplicated, Truncated, Corrupted, Injected, NotUtf8, Stalled, EndOfInput, ReadFailed,
    WriteFailed, ClockJumped, ClockWentBack, Restored, Suspended,
    // What the users did.
    Called, CalledForEver, CancelledCall, Subscribed, Unsubscribed, Answered, Declined, ClientProgress,
    Notified, ClosedByClient, NeverAnswered, Replied, RepliedError, AskedForm, AskedUrl, AskedSampling,
    AskedRoots, ServerProgress, Logged, Changed, Updated, EndedSubscriptions, ClosedByServer,
    Refused, GaveStranger, WantedNoFrames,
    // What they were told.
    Opened20241105, Opened20250326, Opened20250618, Opened20251125, Opened20260728, NeverOpened,
    Succeeded, Failed, TimedOut, Cancelled, BadResult, InputRefused, TooManyRounds, LostCall,
    Progress, InputRequested, InputWithdrawn, Log, Change, SubscriptionOpened, SubscriptionEnded,
    Ignored, Request, RequestAgain, RequestCancelled, ResourceWanted, ResourceUnwanted, RootsChanged,
    Batch, OpeningFailed, Finished, FinishedWithError,
    // What becomes of tasks, and of those who run them.
    TaskWanted, TaskHandedOut, TaskAwaited, TaskAskedAfter, TaskTakenBack, TaskFetched, TaskListed, TaskUpdated,
    TaskCreated, TaskWorks, TaskAsks, TaskDone, TaskFailed, TaskCancelled, TaskCancellationTold, TaskExpired,
    TaskRefused, TaskTold, NeverAnswers, StoreFailed, StepLost, InstanceKilled, InstanceMoved,
}

/// The kinds of one run.
#[derive(Clone, Copy, Default)]
pub struct Marks(u128);

impl Marks {
    pub fn set(&mut self, kind: Kind) {
        self.0 |= 1 << kind as u32;
    }

    pub fn has(self, kind: Kind) -> bool {
        self.0 & (1 << kind as u32) != 0
    }

    pub fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// In how many runs each kind has happened.
#[derive(Clone)]
pub struct Tally {
    runs: u64,
    counts: Vec<u64>,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            runs: 0,
            counts: vec![0; Kind::ALL.len()],
        }
    }
}

impl Tally {
    pub fn add(&mut self, marks: Marks) {
        self.runs += 1;
        for (count, kind) in self.counts.iter_mut().zip(Kind::ALL) {
            *count += u64::from(marks.has(*kind));
        }
    }

    pub fn merge(&mut self, other: &Self) {
        self.runs += other.runs;
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
    }

    /// The kinds among `wanted` that happened in fewer than one run of a hundred.
    pub fn rare(&self, wanted: impl Fn(Kind) -> bool) -> Vec<Kind> {
        let all = Kind::ALL.iter().zip(&self.counts);
        all.filter(|(kind, count)| wanted(**kind) && **count * 100 < self.runs)
            .map(|(kind, _)| *kind)
            .collect()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} runs:", self.runs)?;
        for (kind, count) in Kind::ALL.iter().zip(&self.counts) {
            if *count > 0 {
                let percent = *count as f64 * 100.0 / self.runs as f64;
                write!(f, " {kind:?} {percent:.0}%")?;
            }
        }
        Ok(())
    }
}
