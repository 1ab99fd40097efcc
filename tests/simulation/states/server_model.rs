//! What a server session is, in few words: requests by id, the questions that a legacy client is asked, a subscription.

use mcp_proto::revision::Era;

use super::server::Operation::{self, *};
use super::{Seen, Subject, Which, one};

/// The client's request of one id.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Request {
    /// The user works on it, unless the client is being asked; `may_ask` says whether its method lets it ask.
    Call { may_ask: bool },
    /// It is a subscription of a modern client.
    Listen,
}

#[derive(Clone, Default, Hash)]
pub struct ServerModel {
    is_modern: bool,
    is_closed: bool,
    /// The requests that are open, in the order in which they came.
    open: Vec<(Which, Request)>,
    /// Whose questions the client hasn't answered, in the order in which it was asked.
    asked: Vec<Which>,
    /// Whether the user was ever given a handle of a request of this id.
    has_handle: [bool; 2],
}

impl ServerModel {
    pub fn new(era: Era) -> Self {
        Self {
            is_modern: era == Era::Modern,
            ..Self::default()
        }
    }

    fn get(&self, which: Which) -> Option<Request> {
        let found = self.open.iter().find(|(id, _)| *id == which);
        found.map(|(_, request)| *request)
    }

    fn requested(&mut self, which: Which, request: Request) -> Seen {
        let is_listening = request == Request::Listen;
        if self.get(which).is_some() {
            return one(format!("send error -32600 to {which}"));
        }
        if is_listening && !self.is_modern {
            return one(format!("send error -32601 to {which}"));
        }
        self.open.push((which, request));
        self.has_handle[which] |= !is_listening;
        let kind = ["request", "send acknowledged"][usize::from(is_listening)];
        one(format!("{kind} {which}"))
    }

    /// A request is over.
    fn end(&mut self, which: Which) {
        self.open.retain(|(id, _)| *id != which);
        self.asked.retain(|id| *id != which);
    }

    /// The client takes a request back.
    fn cancelled(&mut self, which: Which) -> Seen {
        let (request, is_asked) = (self.get(which), self.asked.contains(&which));
        self.end(which);
        match request {
            None => one("ignored"),
            Some(Request::Listen) => vec![],
            Some(_) => {
                let question = is_asked.then(|| format!("send cancelled question {which}"));
                let cancelled = [format!("cancelled {which}")];
                question.into_iter().chain(cancelled).collect()
            }
        }
    }

    /// A command of the user on a request, by its latest handle, which may not be the user's (any more).
    fn command(&mut self, which: Which, operation: Operation) -> Option<Seen> {
        let may_ask = match self.get(which) {
            Some(Request::Call { may_ask }) if !self.asked.contains(&which) => may_ask,
            _ => return self.has_handle[which].then(|| one("refused")),
        };
        let with = match operation {
            Progress(_) => return Some(one(format!("send progress {which}"))),
            NeedInput(_) if !may_ask => return Some(one("refused")),
            NeedInput(_) if !self.is_modern => {
                self.asked.push(which);
                return Some(one(format!("send question {which}")));
            }
            NeedInput(_) => "input_required",
            Refuse(_) => "error -32603",
            _ => "result",
        };
        self.end(which);
        Some(one(format!("send {with} to {which}")))
    }

    /// The client answers the question of a request, or one that it isn't asked (any more).
    fn answered(&mut self, which: Which) -> Seen {
        if !self.asked.contains(&which) {
            return one("ignored");
        }
        self.asked.retain(|id| *id != which);
        one(format!("request {which} with inputs"))
    }

    /// What is said for each subscription.
    fn listening(&self, said: impl Fn(Which) -> Vec<String>) -> Seen {
        let listening = self.open.iter().filter(|(_, it)| *it == Request::Listen);
        listening.flat_map(|(which, _)| said(*which)).collect()
    }

    fn changed(&self) -> Seen {
        match (self.is_closed, self.is_modern) {
            (true, _) => one("refused"),
            (false, false) => one("send changed"),
            (false, true) => self.listening(|which| one(format!("send changed to {which}"))),
        }
    }

    fn end_subscriptions(&mut self) -> Seen {
        let cancelled = |which| format!("send cancelled {which}");
        let seen = self.listening(|id| vec![cancelled(id), format!("send result to {id}")]);
        self.open.retain(|(_, it)| *it != Request::Listen);
        seen
    }

    /// Time passes until every question has gone unanswered for too long: the request goes on
    /// without an answer.
    fn waited(&mut self) -> Seen {
        let asked = std::mem::take(&mut self.asked);
        let sent = asked
            .iter()
            .map(|id| format!("send cancelled question {id}"));
        let again = asked.iter().map(|id| format!("request {id} with inputs"));
        sent.chain(again).collect()
    }

    fn closed(&mut self, by_peer: bool) -> Seen {
        let mut seen = match by_peer {
            true => vec![],
            false => self.end_subscriptions(),
        };
        self.is_closed = true;
        self.asked.clear();
        for (which, request) in std::mem::take(&mut self.open) {
            if request != Request::Listen {
                seen.push(format!("cancelled {which}"));
            }
        }
        seen.push("closed".into());
        seen
    }
}

impl Subject for ServerModel {
    type Operation = Operation;

    fn operate(&mut self, operation: Operation) -> Option<Seen> {
        let by_user = matches!(operation, Reply(_) | Refuse(_) | Progress(_) | NeedInput(_));
        if self.is_closed && !by_user && !matches!(operation, Changed) {
            return Some(vec![]);
        }
        Some(match operation {
            CallTool(which) => self.requested(which, Request::Call { may_ask: true }),
            ListTools(which) => self.requested(which, Request::Call { may_ask: false }),
            Listen(which) => self.requested(which, Request::Listen),
            Cancelled(which) => self.cancelled(which),
            Reply(which) | Refuse(which) | Progress(which) | NeedInput(which) => {
                return self.command(which, operation);
            }
            Answered(which) | Declined(which) => self.answered(which),
            Changed => self.changed(),
            EndSubscriptions => self.end_subscriptions(),
            Wait => self.waited(),
            Lose => self.closed(true),
            Close => self.closed(false),
        })
    }
}
