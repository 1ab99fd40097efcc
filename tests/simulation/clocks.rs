//! The two clocks of each call of a client, told by its frames alone: when it has to be over, to the
//! moment.

use std::collections::BTreeMap;
use std::time::Duration;

use mcp_proto::session::{CallClock, CallError, CallId};

/// Until when a call may go on, as time has passed since the run began.
struct Clock {
    idle: Option<Duration>,
    idle_ends: Option<Duration>,
    total: Option<Duration>,
    total_ends: Option<Duration>,
}

/// The clocks of the calls that are open.
#[derive(Default)]
pub struct Clocks {
    pub now: Duration,
    calls: BTreeMap<CallId, Clock>,
    /// Whether a legacy server waits for the user, for whichever call.
    are_stopped: bool,
}

impl Clocks {
    /// A call begins, whose clocks run for so long: idle, total.
    pub fn start(&mut self, call: CallId, [idle, total]: [Option<Duration>; 2]) {
        let ends = |after: Option<Duration>| after.and_then(|after| end(self.now, after));
        let clock = Clock {
            idle,
            idle_ends: ends(idle).filter(|_| !self.are_stopped),
            total,
            total_ends: ends(total),
        };
        self.calls.insert(call, clock);
    }

    /// There is a sign of life of a call, or it waits for its user.
    pub fn restart(&mut self, call: CallId, runs: bool) {
        let runs = runs && !self.are_stopped;
        if let Some(clock) = self.calls.get_mut(&call) {
            let ends = clock.idle.and_then(|idle| end(self.now, idle));
            clock.idle_ends = ends.filter(|_| runs);
        }
    }

    /// A legacy server begins to wait for the user, or waits no more.
    pub fn owe(&mut self, owes: bool) {
        if !owes && !self.are_stopped {
            return;
        }
        self.are_stopped = owes;
        let calls: Vec<CallId> = self.calls.keys().copied().collect();
        for call in calls {
            self.restart(call, !owes);
        }
    }

    pub fn end(&mut self, call: CallId) {
        self.calls.remove(&call);
    }

    /// A call has timed out, as it has to just when its time is over.
    pub fn timed_out(&mut self, call: CallId, error: &CallError) {
        let clock = self.calls.remove(&call).expect("it was open");
        let CallError::TimedOut {
            clock: which,
            after,
        } = error
        else {
            panic!("{error:?} by the time alone");
        };
        let (ran, ends) = match which {
            CallClock::Total => (clock.total, clock.total_ends),
            _ => (clock.idle, clock.idle_ends),
        };
        assert_eq!(Some(*after), ran, "how long the clock of {call} ran");
        let is_over = ends.is_some_and(|ends| ends <= self.now);
        assert!(
            is_over,
            "{call} timed out at {:?}, not at {ends:?}",
            self.now
        );
    }

    /// Time has passed: what is still open has some left.
    pub fn assert_running(&self) {
        let next = self.next();
        let is_running = next.is_none_or(|(_, ends)| ends > self.now);
        assert!(is_running, "{next:?} is over at {:?}", self.now);
    }

    /// The call whose time is over next, and when that is. A call that had no time from the beginning is
    /// over now.
    pub fn next(&self) -> Option<(CallId, Duration)> {
        let calls = self.calls.iter();
        let ends = calls.flat_map(|(call, clock)| {
            let ends = [clock.idle_ends, clock.total_ends];
            ends.into_iter().flatten().map(|ends| (*call, ends))
        });
        ends.min_by_key(|(_, ends)| *ends)
    }
}

/// When a time is over that begins now; `None` when that is never.
pub fn end(now: Duration, after: Duration) -> Option<Duration> {
    let ends = now.checked_add(after);
    ends.filter(|ends| *ends < Duration::MAX)
}
