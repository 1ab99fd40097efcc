//! What a client session is, in few words: calls, the questions they or the server ask, a subscription.

use mcp_proto::revision::Era;

use super::client::Operation;
use super::{Seen, Subject, Which, one};

/// A call of the user's.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Call {
    may_be_asked: bool,
    stage: Stage,
    /// How often it has been asked already.
    rounds: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Stage {
    /// The server works on it.
    Sent,
    /// The user is asked before it goes on.
    Asked,
    Ended,
}

/// Who has asked what the user was shown.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Question {
    OfCall(Which),
    OfServer(Which),
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Subscription {
    None,
    Asked,
    Open,
}

#[derive(Clone, Hash)]
pub struct ClientModel {
    is_modern: bool,
    is_closed: bool,
    calls: Vec<Call>,
    questions: Vec<Question>,
    subscription: Subscription,
    /// What the server was sent and hasn't ended, in that order.
    sent: Vec<Sent>,
}

/// A request to the server.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Sent {
    Call(Which),
    Listen,
}

/// How many rounds of questions a call may take.
const ROUNDS: usize = 10;

impl ClientModel {
    pub fn new(era: Era) -> Self {
        Self {
            is_modern: era == Era::Modern,
            is_closed: false,
            calls: Vec::new(),
            questions: Vec::new(),
            subscription: Subscription::None,
            sent: Vec::new(),
        }
    }

    fn call(&mut self, may_be_asked: bool) -> Option<Seen> {
        let ended = self
            .calls
            .iter()
            .position(|call| call.stage == Stage::Ended);
        let which = ended.unwrap_or(self.calls.len());
        if which == 2 {
            return None;
        }
        if self.is_closed {
            return Some(one("refused"));
        }
        let call = Call {
            may_be_asked,
            stage: Stage::Sent,
            rounds: 0,
        };
        match ended {
            Some(which) => self.calls[which] = call,
            None => self.calls.push(call),
        }
        self.sent.push(Sent::Call(which));
        Some(one(format!("send {which}")))
    }

    /// Ends a call, and what it asks.
    fn end(&mut self, which: Which, how: &str) -> Seen {
        self.calls[which].stage = Stage::Ended;
        self.sent.retain(|sent| *sent != Sent::Call(which));
        let open = self.questions.len();
        self.questions
            .retain(|question| *question != Question::OfCall(which));
        let mut seen = vec!["withdrawn".into(); open - self.questions.len()];
        seen.push(format!("{how} {which}"));
        seen
    }

    fn cancel(&mut self, which: Which) -> Option<Seen> {
        let stage = self.calls.get(which)?.stage;
        if stage == Stage::Ended {
            return Some(one("refused"));
        }
        Some(self.abandon(which, "cancelled"))
    }

    /// Ends a call from this side: the server is told if it works on it.
    fn abandon(&mut self, which: Which, how: &str) -> Seen {
        let is_sent = self.calls[which].stage == Stage::Sent;
        let mut seen = self.end(which, how);
        if is_sent {
            seen.insert(0, format!("send cancelled {which}"));
        }
        seen
    }

    /// The server responds to the latest request of a call.
    fn responded(&mut self, which: Which, how: &str) -> Option<Seen> {
        let call = self.calls.get(which)?;
        Some(match call.stage {
            _ if self.is_closed => vec![],
            Stage::Sent => self.end(which, how),
            _ => one("ignored"),
        })
    }

    fn needs_input(&mut self, which: Which) -> Option<Seen> {
        let call = *self.calls.get(which)?;
        if self.is_closed || call.stage != Stage::Sent {
            return self.responded(which, "");
        }
        // To a legacy client it is a result like any other, with members that it doesn't know.
        if !self.is_modern {
            return self.responded(which, "completed");
        }
        if !call.may_be_asked {
            return self.responded(which, "bad result");
        }
        if call.rounds == ROUNDS {
            return self.responded(which, "TooManyRounds");
        }
        let call = &mut self.calls[which];
        (call.stage, call.rounds) = (Stage::Asked, call.rounds + 1);
        self.questions.push(Question::OfCall(which));
        Some(one(format!("asked for {which}")))
    }

    fn progressed(&mut self, which: Which) -> Option<Seen> {
        let call = self.calls.get(which)?;
        Some(match call.stage {
            _ if self.is_closed => vec![],
            Stage::Sent => one(format!("progress {which}")),
            _ => one("ignored"),
        })
    }

    fn asked(&mut self, which: Which) -> Seen {
        if self.is_closed {
            return vec![];
        }
        if self.is_modern {
            return one("ignored");
        }
        if self.questions.contains(&Question::OfServer(which)) {
            return one(format!("send error -32600 to {which}"));
        }
        self.questions.push(Question::OfServer(which));
        one("asked")
    }

    fn took_back(&mut self, which: Which) -> Seen {
        if self.is_closed {
            return vec![];
        }
        let open = self
            .questions
            .iter()
            .position(|question| *question == Question::OfServer(which));
        match open {
            Some(place) => {
                self.questions.remove(place);
                one("withdrawn")
            }
            None => one("ignored"),
        }
    }

    fn answer(&mut self) -> Option<Seen> {
        if self.questions.is_empty() {
            return None;
        }
        Some(match self.questions.remove(0) {
            Question::OfServer(which) => one(format!("send result to {which}")),
            Question::OfCall(which) => {
                self.calls[which].stage = Stage::Sent;
                self.sent.retain(|sent| *sent != Sent::Call(which));
                self.sent.push(Sent::Call(which));
                one(format!("send {which} again"))
            }
        })
    }

    fn decline(&mut self) -> Option<Seen> {
        if self.questions.is_empty() {
            return None;
        }
        Some(match self.questions.remove(0) {
            Question::OfServer(which) => one(format!("send error -32603 to {which}")),
            Question::OfCall(which) => self.end(which, "refused input"),
        })
    }

    fn subscribe(&mut self) -> Option<Seen> {
        if self.subscription != Subscription::None {
            return None;
        }
        if self.is_closed {
            return Some(one("refused"));
        }
        // A legacy server tells of its lists unasked.
        if !self.is_modern {
            self.subscription = Subscription::Open;
            return Some(one("subscribed"));
        }
        self.subscription = Subscription::Asked;
        self.sent.push(Sent::Listen);
        Some(one("send listen"))
    }

    /// The subscription is over, if there is one.
    fn end_subscription(&mut self) -> Subscription {
        self.sent.retain(|sent| *sent != Sent::Listen);
        std::mem::replace(&mut self.subscription, Subscription::None)
    }

    fn unsubscribe(&mut self) -> Option<Seen> {
        match self.end_subscription() {
            Subscription::None => None,
            _ if self.is_modern => Some(one("send cancelled listen")),
            _ => Some(vec![]),
        }
    }

    fn acknowledged(&mut self) -> Option<Seen> {
        match self.subscription {
            Subscription::None => None,
            // Nobody has opened it by a request that could be told of it.
            _ if !self.is_modern => None,
            Subscription::Asked => {
                self.subscription = Subscription::Open;
                Some(one("subscribed"))
            }
            Subscription::Open => Some(one("ignored")),
        }
    }

    fn changed(&mut self) -> Option<Seen> {
        match self.subscription {
            _ if self.is_closed && !self.is_modern => Some(vec![]),
            Subscription::None if self.is_modern => None,
            Subscription::None => Some(one("changed")),
            // Nothing is lost if a server tells of a change before it confirms.
            _ => Some(one("changed for the subscription")),
        }
    }

    fn ended(&mut self) -> Option<Seen> {
        if !self.is_modern {
            return None;
        }
        match self.end_subscription() {
            Subscription::None => None,
            _ => Some(one("subscription ended")),
        }
    }

    /// Time passes until everything that waits for the server has waited for too long.
    fn waited(&mut self) -> Seen {
        // A server that waits for the user may take its time.
        let is_owed = self
            .questions
            .iter()
            .any(|question| matches!(question, Question::OfServer(_)));
        let mut seen = Vec::new();
        for sent in self.sent.clone() {
            match sent {
                Sent::Call(which) if self.calls[which].stage == Stage::Sent && !is_owed => {
                    seen.extend(self.abandon(which, "timed out"));
                }
                Sent::Listen if self.subscription == Subscription::Asked => {
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
                Sent::Call(which) => seen.extend(self.end(which, "lost")),
                Sent::Listen => {
                    self.end_subscription();
                    seen.push("subscription lost".into());
                }
            }
        }
        seen.extend(self.questions.drain(..).map(|_| "withdrawn".into()));
        // That of a legacy server is none of its requests.
        if self.end_subscription() != Subscription::None {
            seen.push("subscription lost".into());
        }
        seen.push("closed".into());
        seen
    }
}

impl Subject for ClientModel {
    type Operation = Operation;

    fn operate(&mut self, operation: Operation) -> Option<Seen> {
        match operation {
            Operation::CallTool => self.call(true),
            Operation::ListTools => self.call(false),
            Operation::Cancel(which) => self.cancel(which),
            Operation::Succeeded(which) => self.responded(which, "completed"),
            Operation::Failed(which) => self.responded(which, "failed"),
            Operation::Progressed(which) => self.progressed(which),
            Operation::NeedsInput(which) => self.needs_input(which),
            Operation::Asked(which) => Some(self.asked(which)),
            Operation::TookBack(which) => Some(self.took_back(which)),
            Operation::Answer => self.answer(),
            Operation::Decline => self.decline(),
            Operation::Subscribe => self.subscribe(),
            Operation::Unsubscribe => self.unsubscribe(),
            Operation::Acknowledged => self.acknowledged(),
            Operation::Changed => self.changed(),
            Operation::Ended => self.ended(),
            Operation::Wait => Some(self.waited()),
            Operation::Lose | Operation::Close => Some(self.closed()),
        }
    }
}
