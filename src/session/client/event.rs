//! What a client session tells its user.

use crate::model::method::Method;
use crate::model::owned::IntoOwned;
use crate::model::subscription::SubscriptionFilter;
use crate::revision::Revision;
use crate::rpc::Raw;
use crate::saved::saved;

use super::super::error::{CallError, CloseReason};
use super::super::event::{Body, Change, Completed, Ignored, Received};
use super::super::events::SessionEvent;
use super::super::id::{CallId, InputId, SubscriptionId};
use super::super::name::MethodName;
use super::super::path::Malformed;
use super::super::table::{Weigh, total};

/// Something that happened in a client session, in the order of the wire.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ClientEvent {
    /// The session is open: calls may be made, and the server's info, capabilities and
    /// instructions can be asked for.
    Opened {
        /// The revision that both sides speak from now on.
        revision: Revision,
    },
    /// A call has ended.
    Completed(Completed),
    /// The server needs something from the user or host while it works; answer it with
    /// [`ClientSession::answer`](super::ClientSession::answer) or
    /// [`decline`](super::ClientSession::decline).
    InputRequested(InputRequested),
    /// An input request needs no answer any more: the server or the call's end withdrew it.
    InputWithdrawn(InputId),
    /// The server reports progress on a call that asked for it.
    Progress {
        /// The call.
        call: CallId,
        /// The notification; its params are those of
        /// [`Progress`](crate::model::method::Progress).
        progress: Received,
    },
    /// A log message of the server; its params are those of
    /// [`LoggingMessage`](crate::model::method::LoggingMessage). On a pipe nothing says which
    /// call it belongs to.
    // `log.stdio.gap`
    Log(Received),
    /// Something of the server has changed.
    Changed {
        /// What.
        change: Change,
        /// The subscription that it came for, one event for each. `None` when no subscription asked
        /// for it: legacy servers tell of their lists unasked.
        subscription: Option<SubscriptionId>,
        /// The notification; that of a [`Change::Resource`] has the URI in its params.
        notification: Received,
    },
    /// The server has confirmed a subscription. What changed before this may have been missed.
    Subscribed {
        /// Which one.
        subscription: SubscriptionId,
        /// The part of the filter that the server honours.
        // `sub.ack.subset`
        honoured: SubscriptionFilter<'static>,
    },
    /// A subscription is over; to go on, subscribe again.
    SubscriptionEnded {
        /// Which one.
        subscription: SubscriptionId,
        /// What it was for.
        filter: SubscriptionFilter<'static>,
        /// `Ok` when the server ended it gracefully, with a result.
        outcome: Result<(), CallError>,
    },
    /// The server says how far a task is, unasked; calls that wait for it have taken note.
    // `task25.notif`, `task26.notif`
    TaskChanged {
        /// The subscription that it came for; `None` in 2025-11-25, which says it unasked.
        subscription: Option<SubscriptionId>,
        /// The notification; its params are those of
        /// [`TaskChanged`](crate::model::task::TaskChanged).
        notification: Received,
    },
    /// What the user was sent to a URL for is done (2025-11-25); the params are those of
    /// [`ElicitationComplete`](crate::model::method::ElicitationComplete).
    ElicitationCompleted(Received),
    /// A notification that no revision defines, for extensions.
    Notification(Received),
    /// Input that was left without effect.
    Ignored(Ignored),
    /// The session has ended. This is the last event.
    Closed(CloseReason),
}

saved! {
    enum ClientEvent {
        0 => Opened { revision },
        1 => Completed(value),
        2 => InputRequested(value),
        3 => InputWithdrawn(value),
        4 => Progress { call, progress },
        5 => Log(value),
        6 => Changed { change, subscription, notification },
        7 => Subscribed { subscription, honoured: SubscriptionFilter::into_owned },
        8 => SubscriptionEnded { subscription, filter: SubscriptionFilter::into_owned, outcome },
        9 => TaskChanged { subscription, notification },
        10 => ElicitationCompleted(value),
        11 => Notification(value),
        12 => Ignored(value),
        13 => Closed(value),
    }
}

/// One thing a server asks for: sampling, elicitation or roots.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct InputRequested {
    /// What the answer has to name.
    pub input: InputId,
    /// The call it is needed for; `None` in the legacy era, which doesn't say.
    pub call: Option<CallId>,
    pub(crate) method: MethodName,
    pub(crate) body: Body,
}

saved! { struct InputRequested { input, call, method, body } }

impl InputRequested {
    /// Returns the method's name: `sampling/createMessage`, `elicitation/create` or `roots/list`.
    pub fn method(&self) -> &str {
        self.method.as_str()
    }

    /// Returns the params, when the request is for `M`; `None` when it is for another method.
    ///
    /// The inner error names the place where the params don't fit.
    pub fn params<M: Method>(&self) -> Option<Result<M::Params<'_>, Malformed>> {
        (self.method.as_str() == M::NAME).then(|| self.body.decode())
    }

    /// Returns the params as JSON.
    pub fn raw_params(&self) -> Raw<'_> {
        self.body.raw()
    }
}

impl ClientEvent {
    /// Whether all that was received and may be read stands where it is said to, as it does unless a
    /// saved session was changed.
    pub(super) fn is_sound(&self) -> bool {
        match self {
            Self::Completed(completed) => completed.is_sound(),
            Self::InputRequested(requested) => requested.body.is_sound(),
            Self::Progress {
                progress: received, ..
            }
            | Self::Log(received)
            | Self::Changed {
                notification: received,
                ..
            }
            | Self::TaskChanged {
                notification: received,
                ..
            }
            | Self::ElicitationCompleted(received)
            | Self::Notification(received) => received.is_sound(),
            Self::Opened { .. }
            | Self::InputWithdrawn(_)
            | Self::Subscribed { .. }
            | Self::SubscriptionEnded { .. }
            | Self::Ignored(_)
            | Self::Closed(_) => true,
        }
    }

    /// How many bytes the event holds, roughly.
    pub(crate) fn held(&self) -> usize {
        self.weight()
    }
}

impl Weigh for ClientEvent {
    #[inline]
    fn weight(&self) -> usize {
        let texts = match self {
            // Most of them are; the others are weighed apart from this.
            Self::Completed(completed) => completed.weight(),
            other => other.texts(),
        };
        total([size_of::<Self>(), texts])
    }
}

impl ClientEvent {
    #[inline(never)]
    fn texts(&self) -> usize {
        match self {
            Self::Completed(completed) => completed.weight(),
            Self::InputRequested(requested) => requested.body.weight(),
            Self::Progress {
                progress: received, ..
            }
            | Self::Log(received)
            | Self::Changed {
                notification: received,
                ..
            }
            | Self::TaskChanged {
                notification: received,
                ..
            }
            | Self::ElicitationCompleted(received)
            | Self::Notification(received) => received.body.weight(),
            Self::Subscribed { honoured, .. } => filter_weight(honoured),
            Self::SubscriptionEnded {
                filter, outcome, ..
            } => {
                let outcome = outcome.as_ref().err();
                total([filter_weight(filter), outcome.map_or(0, Weigh::weight)])
            }
            Self::Ignored(ignored) => ignored.weight(),
            Self::Closed(reason) => reason.weight(),
            Self::Opened { .. } | Self::InputWithdrawn(_) => 0,
        }
    }
}

fn filter_weight(filter: &SubscriptionFilter<'_>) -> usize {
    let lists = [&filter.resource_subscriptions, &filter.task_ids];
    let texts = lists.into_iter().flatten().flatten();
    texts
        .map(|text| total([size_of_val(text), text.len()]))
        .sum()
}

impl SessionEvent for ClientEvent {
    fn is_last(&self) -> bool {
        matches!(self, Self::Closed(_))
    }
}
