//! What a server session is, in few words: requests by id, the questions that a legacy client is asked, a subscription.

use mcp_proto::revision::Era;

use super::server::Operation;
use super::{Seen, Subject, Which, one};

/// The client's request of one id.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Request {
    /// The user works on it; `may_ask` says whether its method lets it ask.
    Handed { may_ask: bool },
    /// A legacy client is being asked.
    Asking,
    /// It is a subscription of a modern client.
    Listening,
}

#[derive(Clone, Hash)]
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
            is_closed: false,
            open: Vec::new(),
            asked: Vec::new(),
            has_handle: [false; 2],
        }
    }

    fn place(&self, which: Which) -> Option<usize> {
        self.open.iter().position(|(id, _)| *id == which)
    }

    fn get(&self, which: Which) -> Option<Request> {
        Some(self.open[self.place(which)?].1)
    }

    fn set(&mut self, which: Which, request: Request) {
        match self.place(which) {
            Some(place) => self.open[place].1 = request,
            None => self.open.push((which, request)),
        }
    }

    fn take(&mut self, which: Which) -> Option<Request> {
        self.asked.retain(|asked| *asked != which);
        Some(self.open.remove(self.place(which)?).1)
    }

    fn requested(&mut self, which: Which, request: Request) -> Seen {
        if self.is_closed {
            return vec![];
        }
        if self.get(which).is_some() {
            return one(format!("send error -32600 to {which}"));
        }
        let is_listening = request == Request::Listening;
        if is_listening && !self.is_modern {
            return one(format!("send error -32601 to {which}"));
        }
        self.set(which, request);
        self.has_handle[which] |= !is_listening;
        vec![match is_listening {
            true => format!("send acknowledged {which}"),
            false => format!("request {which}"),
        }]
    }

    /// The client takes a request back.
    fn cancelled(&mut self, which: Which) -> Seen {
        if self.is_closed {
            return vec![];
        }
        let cancelled = format!("cancelled {which}");
        match self.take(which) {
            None => one("ignored"),
            Some(Request::Listening) => vec![],
            Some(Request::Handed { .. }) => vec![cancelled],
            Some(Request::Asking) => vec![format!("send cancelled question {which}"), cancelled],
        }
    }

    /// A command of the user on a request, by its latest handle: `Err` when it isn't the user's.
    fn handed(&self, which: Which) -> Result<bool, Option<Seen>> {
        match self.get(which) {
            Some(Request::Handed { may_ask }) => Ok(may_ask),
            _ if self.has_handle[which] => Err(Some(one("refused"))),
            _ => Err(None),
        }
    }

    fn answer(&mut self, which: Which, with: &str) -> Option<Seen> {
        if let Err(refused) = self.handed(which) {
            return refused;
        }
        self.take(which);
        Some(one(format!("send {with} to {which}")))
    }

    fn progress(&self, which: Which) -> Option<Seen> {
        match self.handed(which) {
            Err(refused) => refused,
            Ok(_) => Some(one(format!("send progress {which}"))),
        }
    }

    fn need_input(&mut self, which: Which) -> Option<Seen> {
        match self.handed(which) {
            Err(refused) => refused,
            Ok(false) => Some(one("refused")),
            Ok(true) if self.is_modern => self.answer(which, "input_required"),
            Ok(true) => {
                self.set(which, Request::Asking);
                self.asked.push(which);
                Some(one(format!("send question {which}")))
            }
        }
    }

    /// The client answers the question of a request, or one that it isn't asked (any more).
    fn answered(&mut self, which: Which) -> Seen {
        if self.is_closed {
            return vec![];
        }
        if self.get(which) != Some(Request::Asking) {
            return one("ignored");
        }
        self.asked.retain(|asked| *asked != which);
        self.set(which, Request::Handed { may_ask: true });
        one(format!("request {which} with inputs"))
    }

    fn listening(&self) -> Vec<Which> {
        let listening = self
            .open
            .iter()
            .filter(|(_, request)| *request == Request::Listening);
        listening.map(|(which, _)| *which).collect()
    }

    fn changed(&self) -> Seen {
        if self.is_closed {
            return one("refused");
        }
        if !self.is_modern {
            return one("send changed");
        }
        let listening = self.listening();
        listening
            .iter()
            .map(|which| format!("send changed to {which}"))
            .collect()
    }

    fn end_subscriptions(&mut self) -> Seen {
        let listening = self.listening();
        self.open
            .retain(|(_, request)| *request != Request::Listening);
        let ended = |which: &Which| {
            [
                format!("send cancelled {which}"),
                format!("send result to {which}"),
            ]
        };
        listening.iter().flat_map(ended).collect()
    }

    /// Time passes until every question has gone unanswered for too long: the request goes on
    /// without an answer.
    fn waited(&mut self) -> Seen {
        let mut seen = Vec::new();
        for which in std::mem::take(&mut self.asked) {
            self.set(which, Request::Handed { may_ask: true });
            seen.push(format!("send cancelled question {which}"));
            seen.push(format!("request {which} with inputs"));
        }
        seen.sort_by_key(|line| !line.starts_with("send"));
        seen
    }

    fn closed(&mut self, by_peer: bool) -> Seen {
        if std::mem::replace(&mut self.is_closed, true) {
            return vec![];
        }
        let mut seen = if by_peer {
            vec![]
        } else {
            self.end_subscriptions()
        };
        self.asked.clear();
        for (which, request) in std::mem::take(&mut self.open) {
            if request != Request::Listening {
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
        Some(match operation {
            Operation::CallTool(which) => self.requested(which, Request::Handed { may_ask: true }),
            Operation::ListTools(which) => {
                self.requested(which, Request::Handed { may_ask: false })
            }
            Operation::Listen(which) => self.requested(which, Request::Listening),
            Operation::Cancelled(which) => self.cancelled(which),
            Operation::Reply(which) => return self.answer(which, "result"),
            Operation::Refuse(which) => return self.answer(which, "error -32603"),
            Operation::Progress(which) => return self.progress(which),
            Operation::NeedInput(which) => return self.need_input(which),
            Operation::Answered(which) | Operation::Declined(which) => self.answered(which),
            Operation::Changed => self.changed(),
            Operation::EndSubscriptions => self.end_subscriptions(),
            Operation::Wait => self.waited(),
            Operation::Lose => self.closed(true),
            Operation::Close => self.closed(false),
        })
    }
}
