//! What a client session is, in few words: calls, the questions they or the server ask, a subscription.

use mcp_proto::revision::Era;

use super::client::Operation::{self, *};
use super::{Seen, Subject, Which, one};

/// What something belongs to: a call of the user's, a request of the server's, or the subscription.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Of {
    Call(Which),
    Server(Which),
    Listen,
}

#[derive(Clone, Default, Hash)]
pub struct ClientModel {
    is_modern: bool,
    is_closed: bool,
    /// Whether each call may be asked, and how often it was; `None` for one that has ended.
    calls: Vec<Option<(bool, usize)>>,
    /// What the user was asked, the oldest first. A call that asks is nothing that the server works on.
    questions: Vec<Of>,
    /// Whether the subscription is open; `None` when there is none.
    subscription: Option<bool>,
    /// What the server was sent and hasn't ended, in that order.
    sent: Vec<Of>,
}

/// How many rounds of questions a call may take.
const ROUNDS: usize = 10;

impl ClientModel {
    pub fn new(era: Era) -> Self {
        Self {
            is_modern: era == Era::Modern,
            ..Self::default()
        }
    }

    fn call(&mut self, may_be_asked: bool) -> Option<Seen> {
        let ended = self.calls.iter().position(Option::is_none);
        let which = ended.unwrap_or(self.calls.len());
        if which == 2 {
            return None;
        }
        if self.is_closed {
            return Some(one("refused"));
        }
        self.calls.resize(self.calls.len().max(which + 1), None);
        self.calls[which] = Some((may_be_asked, 0));
        self.sent.push(Of::Call(which));
        Some(one(format!("send {which}")))
    }

    /// Whether the server works on a call.
    fn is_working(&self, which: Which) -> bool {
        self.calls[which].is_some() && !self.questions.contains(&Of::Call(which))
    }

    /// Ends a call, and what it asks.
    fn end(&mut self, which: Which, how: &str) -> Seen {
        let asks = self.questions.contains(&Of::Call(which));
        self.calls[which] = None;
        self.sent.retain(|of| *of != Of::Call(which));
        self.questions.retain(|of| *of != Of::Call(which));
        let withdrawn = asks.then(|| "withdrawn".into()).into_iter();
        withdrawn.chain([format!("{how} {which}")]).collect()
    }

    /// Ends a call from this side: the server is told if it works on it.
    fn abandon(&mut self, which: Which, how: &str) -> Seen {
        let is_told = self.is_working(which);
        let told = is_told.then(|| format!("send cancelled {which}"));
        told.into_iter().chain(self.end(which, how)).collect()
    }

    /// Something is done about a call that was made: by the server, unless it is cancelled.
    fn about(&mut self, which: Which, operation: Operation) -> Seen {
        let call = self.calls[which];
        match (operation, call) {
            (Cancel(_), None) => one("refused"),
            (Cancel(_), Some(_)) => self.abandon(which, "cancelled"),
            _ if self.is_closed => vec![],
            _ if !self.is_working(which) => one("ignored"),
            (Progressed(_), _) => one(format!("progress {which}")),
            (Failed(_), _) => self.end(which, "failed"),
            (NeedsInput(_), Some((may_be_asked, rounds))) if self.is_modern => {
                if !may_be_asked || rounds == ROUNDS {
                    let too_many = ["bad result", "TooManyRounds"];
                    return self.end(which, too_many[usize::from(may_be_asked)]);
                }
                self.calls[which] = Some((true, rounds + 1));
                self.questions.push(Of::Call(which));
                one(format!("asked for {which}"))
            }
            // To a legacy client it is a result like any other, with members that it doesn't know.
            _ => self.end(which, "completed"),
        }
    }

    /// The server asks, or takes back what it has asked.
    fn asked(&mut self, which: Which, takes_back: bool) -> Seen {
        let open = self
            .questions
            .iter()
            .position(|of| *of == Of::Server(which));
        match (open, takes_back) {
            _ if self.is_closed => vec![],
            (None, false) if !self.is_modern => {
                self.questions.push(Of::Server(which));
                one("asked")
            }
            (None, _) => one("ignored"),
            (Some(_), false) => one(format!("send error -32600 to {which}")),
            (Some(place), true) => {
                self.questions.remove(place);
                one("withdrawn")
            }
        }
    }

    /// The user answers the oldest question, or refuses it.
    fn answered(&mut self, is_refused: bool) -> Option<Seen> {
        let question = *self.questions.first()?;
        self.questions.remove(0);
        Some(one(match question {
            Of::Call(which) if is_refused => return Some(self.end(which, "refused input")),
            Of::Call(which) => {
                self.sent.retain(|of| *of != question);
                self.sent.push(question);
                format!("send {which} again")
            }
            Of::Server(which) if is_refused => format!("send error -32603 to {which}"),
            Of::Server(which) => format!("send result to {which}"),
            Of::Listen => unreachable!("a subscription asks nothing"),
        }))
    }

    fn subscribe(&mut self) -> Option<Seen> {
        if self.subscription.is_some() {
            return None;
        }
        if self.is_closed {
            return Some(one("refused"));
        }
        // A legacy server tells of its lists unasked.
        self.subscription = Some(!self.is_modern);
        if !self.is_modern {
            return Some(one("subscribed"));
        }
        self.sent.push(Of::Listen);
        Some(one("send listen"))
    }

    /// The subscription is over, if there is one.
    fn end_subscription(&mut self) -> Option<bool> {
        self.sent.retain(|of| *of != Of::Listen);
        self.subscription.take()
    }

    /// The server says something on the subscription's stream, or of its lists.
    fn told(&mut self, operation: Operation) -> Option<Seen> {
        Some(match (operation, self.subscription, self.is_modern) {
            // Nothing is lost if a server tells of a change before it confirms.
            (Changed, Some(_), _) => one("changed for the subscription"),
            (Changed, None, false) if self.is_closed => vec![],
            (Changed, None, false) => one("changed"),
            // Nobody has opened it by a request that could be told of it.
            (_, None, _) | (_, _, false) => return None,
            (Acknowledged, Some(true), _) => one("ignored"),
            (Acknowledged, ..) => {
                self.subscription = Some(true);
                one("subscribed")
            }
            _ => {
                self.end_subscription();
                one("subscription ended")
            }
        })
    }

    /// Time passes until everything that waits for the server has waited for too long.
    fn waited(&mut self) -> Seen {
        // A server that waits for the user may take its time.
        let is_owed = self.questions.iter().any(|of| matches!(of, Of::Server(_)));
        let mut seen = Vec::new();
        for sent in self.sent.clone() {
            match sent {
                Of::Call(which) if self.is_working(which) && !is_owed => {
                    seen.extend(self.abandon(which, "timed out"));
                }
                Of::Listen if self.subscription == Some(false) => {
                    self.end_subscription();
                    seen.extend(["send cancelled listen".into(), "subscription lost".into()]);
                }
                _ => {}
            }
        }
        seen.sort_by_key(|line| !line.starts_with("send"));
        seen
    }

    fn closed(&mut self) -> Seen {
        if std::mem::replace(&mut self.is_closed, true) {
            return vec![];
        }
        let mut seen = Vec::new();
        for sent in self.sent.clone() {
            match sent {
                Of::Call(which) => seen.extend(self.end(which, "lost")),
                _ => seen.extend(self.end_subscription().map(|_| "subscription lost".into())),
            }
        }
        seen.extend(self.questions.drain(..).map(|_| "withdrawn".into()));
        // That of a legacy server is none of its requests.
        seen.extend(self.end_subscription().map(|_| "subscription lost".into()));
        seen.push("closed".into());
        seen
    }
}

impl Subject for ClientModel {
    type Operation = Operation;

    fn operate(&mut self, operation: Operation) -> Option<Seen> {
        match operation {
            CallTool | ListTools => self.call(matches!(operation, CallTool)),
            Cancel(which) | Succeeded(which) | Failed(which) | Progressed(which)
            | NeedsInput(which) => {
                self.calls.get(which)?;
                Some(self.about(which, operation))
            }
            Asked(which) => Some(self.asked(which, false)),
            TookBack(which) => Some(self.asked(which, true)),
            Answer => self.answered(false),
            Decline => self.answered(true),
            Subscribe => self.subscribe(),
            Unsubscribe => self.end_subscription().map(|_| match self.is_modern {
                true => one("send cancelled listen"),
                false => vec![],
            }),
            Acknowledged | Changed | Ended => self.told(operation),
            Wait => Some(self.waited()),
            Lose | Close => Some(self.closed()),
        }
    }
}
