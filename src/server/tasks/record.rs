//! What is kept of a task: the call that it answers, what its handler has learnt so far, and how far it
//! is.
//!
//! Rules of this file: a task begins working; working and waiting for input change into one another, and
//! into an end; an end never changes (`task25.status.graph`). What belongs to a running handler is the
//! ledger that rounds of input carry; what was answered stays in it, so that no key is asked twice
//! (`task26.keys`).

use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;

use bytes::Bytes;

use super::super::ask::{Answer, OwnedRaw, RoundState};
use super::time::iso8601;
use crate::model::elicitation::{ElicitAction, ElicitParams};
use crate::model::encode::encode_value;
use crate::model::input::{InputRequest, InputRequests};
use crate::model::method::{CreateMessage, Elicit, ListRoots, Method, SpecMethod};
use crate::model::owned::IntoOwned;
use crate::model::task::{Task, TaskStatus};
use crate::model::tool::CallToolResult;
use crate::revision::{Era, Revision};
use crate::rpc::{Raw, RpcError, Text, read_json};
use crate::saved::saved;
use crate::scopes::Scopes;
use crate::session::{Request, SavedCall, lower_input};

/// The version of the format that this version of the crate writes and reads.
const FORMAT: u32 = 2;

/// A task.
#[derive(Clone)]
pub(super) struct Record {
    format: u32,
    call: SavedCall,
    /// What a legacy client has said when it opened its session, as JSON.
    opened: [Option<Box<str>>; 2],
    /// What the call's token was good for.
    scopes: Option<String>,
    pub(super) ledger: RoundState,
    pub(super) phase: Phase,
    created: u64,
    updated: u64,
    /// For how many milliseconds it is kept; `None` without an end.
    ttl: Option<u64>,
    poll: u64,
    /// The instance that runs its handler.
    pub(super) instance: Option<Box<str>>,
    /// How often another instance has taken it over since its handler last got on.
    pub(super) takeovers: u32,
}

saved! {
    struct Record {
        format, call, opened, scopes, ledger, phase, created, updated, ttl, poll, instance, takeovers
    }
}

/// How far a task is.
#[derive(Clone, PartialEq)]
pub(super) enum Phase {
    Working,
    /// It waits for these, each with its question.
    Input(Vec<(String, OwnedRaw)>),
    /// It has ended with a result, perhaps one that says that the tool has failed.
    Done {
        result: OwnedRaw,
        is_error: bool,
    },
    Failed(RpcError),
    Cancelled,
}

saved! {
    enum Phase {
        0 => Working,
        1 => Input(value),
        2 => Done { result, is_error },
        3 => Failed(value),
        4 => Cancelled,
    }
}

/// What a new task is kept like.
pub(super) struct Keeping {
    pub(super) now: u64,
    pub(super) ttl: Option<u64>,
    pub(super) poll: u64,
}

impl Record {
    pub(super) fn new(
        request: &Request,
        opened: &[Option<Arc<str>>; 2],
        scopes: Option<&Scopes>,
        ledger: RoundState,
        keeping: &Keeping,
    ) -> Self {
        Self {
            format: FORMAT,
            call: request.save_call(),
            opened: opened.each_ref().map(|text| text.as_deref().map(Box::from)),
            scopes: scopes.map(ToString::to_string),
            ledger,
            phase: Phase::Working,
            created: keeping.now,
            updated: keeping.now,
            ttl: keeping.ttl,
            poll: keeping.poll,
            instance: None,
            takeovers: 0,
        }
    }

    /// Reads what [`pack`](Self::pack) has written. Returns what is the matter with it if it was written in
    /// another format or changed since.
    pub(super) fn unpack(bytes: &[u8]) -> Result<Self, &'static str> {
        let record: Self = read_json(bytes).map_err(|_| "is damaged or of another format")?;
        match record.format == FORMAT {
            true if record.is_sound() => Ok(record),
            true => Err("is damaged"),
            false => Err("was written in another format"),
        }
    }

    /// Whether a task could be so: its call is one, what it asks are questions with a key each, and what
    /// it ends with is a result.
    fn is_sound(&self) -> bool {
        let is_phase_sound = match &self.phase {
            Phase::Input(asked) => {
                let mut keys = BTreeSet::new();
                asked.iter().all(|(key, question)| {
                    keys.insert(key) && question.0.decode::<InputRequest<'_>>().is_ok()
                })
            }
            Phase::Done { result, .. } => result.0.is_object(),
            Phase::Working | Phase::Failed(_) | Phase::Cancelled => true,
        };
        is_phase_sound && self.call.is_sound() && self.created <= self.updated
    }

    pub(super) fn pack(&self) -> Option<Bytes> {
        serde_json::to_vec(self).ok().map(Bytes::from)
    }

    /// When it may be forgotten.
    pub(super) fn expires(&self) -> Option<u64> {
        self.ttl.map(|ttl| self.created.saturating_add(ttl))
    }

    pub(super) fn is_expired(&self, now: u64) -> bool {
        self.expires().is_some_and(|at| at <= now)
    }

    pub(super) fn is_over(&self) -> bool {
        !matches!(self.phase, Phase::Working | Phase::Input(_))
    }

    /// Moves on from a phase that is no end; whether it has.
    pub(super) fn enter(&mut self, now: u64, phase: Phase) -> bool {
        if self.is_over() {
            return false;
        }
        self.phase = phase;
        self.updated = self.updated.max(now);
        self.instance = None;
        self.takeovers = 0;
        // What leads to an end is of no use behind it.
        if self.is_over() {
            self.ledger = RoundState::default();
        }
        true
    }

    /// The call, for its handler.
    pub(super) fn request(&self) -> Request {
        Request::of_saved(&self.call)
    }

    /// What the call's token was good for.
    pub(super) fn scopes(&self) -> Option<Scopes> {
        self.scopes.as_deref().map(Scopes::parse)
    }

    /// What a legacy client has said when it opened its session.
    pub(super) fn opened(&self) -> [Option<Arc<str>>; 2] {
        self.opened
            .each_ref()
            .map(|text| text.as_deref().map(Arc::from))
    }

    /// What it waits for.
    pub(super) fn asked(&self) -> InputRequests<'static> {
        let mut requests = InputRequests::new();
        if let Phase::Input(asked) = &self.phase {
            for (key, question) in asked {
                if let Ok(question) = question.0.decode::<InputRequest<'_>>() {
                    requests.insert(key.clone(), question.into_owned());
                }
            }
        }
        requests
    }

    /// The phase of a run that has left questions open.
    pub(super) fn asking(questions: &InputRequests<'_>) -> Phase {
        let asked = questions.iter().filter_map(|(key, question)| {
            let question = Raw::encode(question).ok()?;
            Some((String::from(key), OwnedRaw(question)))
        });
        Phase::Input(asked.collect())
    }

    /// Takes an answer to a question that is open. What answers no open question changes nothing
    /// (`task26.update.unknownkeys`); one that doesn't fit its question is the error, and changes
    /// nothing either.
    pub(super) fn answer(&mut self, key: &str, answer: Result<&Raw<'_>, &RpcError>) -> Taken {
        let Phase::Input(asked) = &mut self.phase else {
            return Taken::Unknown;
        };
        let Some(at) = asked.iter().position(|(asked, _)| asked == key) else {
            return Taken::Unknown;
        };
        let answer = match answer {
            Ok(raw) if !fits(&asked[at].1, raw) => return Taken::Unfit,
            Ok(raw) => Answer::Result(OwnedRaw(raw.clone().into_owned())),
            Err(error) => Answer::Refused(error.message.as_ref().into()),
        };
        let (key, _) = asked.remove(at);
        self.ledger.answers.insert(key, answer);
        Taken::Accepted
    }

    /// Whether everything is answered that its handler has asked.
    pub(super) fn is_answered(&self) -> bool {
        matches!(&self.phase, Phase::Input(asked) if asked.is_empty())
    }

    pub(super) fn state(&self) -> TaskState {
        let asked = match &self.phase {
            Phase::Input(asked) => &asked[..],
            _ => &[],
        };
        TaskState {
            status: self.status(Era::Modern),
            updated: self.updated,
            asked: asked.iter().map(|(key, _)| key.clone()).collect(),
        }
    }

    /// The status as a revision has it: one in which a tool failed is *failed* in 2025-11-25 and
    /// *completed* since (`task25.failed`, `task26.failed`).
    fn status(&self, era: Era) -> TaskStatus<'static> {
        match &self.phase {
            Phase::Working => TaskStatus::Working,
            Phase::Input(_) => TaskStatus::InputRequired,
            Phase::Done { is_error: true, .. } if era == Era::Legacy => TaskStatus::Failed,
            Phase::Done { .. } => TaskStatus::Completed,
            Phase::Failed(_) => TaskStatus::Failed,
            Phase::Cancelled => TaskStatus::Cancelled,
        }
    }

    /// The task as its client sees it, without what only 2026-07-28 tells.
    pub(super) fn task(&self, id: &str, era: Era) -> Task<'static> {
        let millis = |time: u64| i64::try_from(time).unwrap_or(i64::MAX);
        let id = Text::from(String::from(id));
        let status = self.status(era);
        let (created, updated) = (iso8601(self.created), iso8601(self.updated));
        let task = Task::new(id, status, created, updated, self.ttl.map(millis));
        let task = match &self.phase {
            Phase::Failed(error) => task.status_message(String::from(&*error.message)),
            _ => task,
        };
        task.poll_interval_ms(millis(self.poll))
    }

    /// The same with all that 2026-07-28 tells: what it waits for, and how it has ended (`task26.get`).
    pub(super) fn detailed(&self, id: &str) -> Task<'static> {
        let task = self.task(id, Era::Modern);
        match &self.phase {
            Phase::Input(_) => {
                let mut requests = InputRequests::new();
                for (key, asked) in self.asked().iter() {
                    requests.insert(String::from(key), lower_input(asked, Revision::V2026_07_28));
                }
                task.input_requests(requests)
            }
            Phase::Done { result, .. } => task.result(lower_result(result)),
            Phase::Failed(error) => task.error(error.clone()),
            Phase::Working | Phase::Cancelled => task,
        }
    }
}

/// What is another whenever there is something else to tell of a task. Nothing is asked twice by the same
/// key (`task26.keys`).
#[derive(Clone, Debug, PartialEq)]
pub(in crate::server) struct TaskState {
    status: TaskStatus<'static>,
    updated: u64,
    asked: Vec<String>,
}

/// What has become of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    Accepted,
    /// Nobody has asked.
    Unknown,
    /// It doesn't fit what was asked.
    Unfit,
}

/// A result as 2026-07-28 would have had it.
fn lower_result(result: &OwnedRaw) -> Raw<'static> {
    let lowered = result.0.decode::<CallToolResult<'_>>().ok().and_then(|it| {
        let mut out = Vec::new();
        encode_value(&mut out, Revision::V2026_07_28, &it).ok()?;
        let members = out.strip_prefix(b"{")?;
        let separator: &[u8] = if members == b"}" { b"" } else { b"," };
        let whole = [b"{\"resultType\":\"complete\"", separator, members].concat();
        String::from_utf8(whole).ok()
    });
    match lowered {
        Some(text) => Raw::trusted(text.into()),
        None => result.0.clone(),
    }
}

/// Whether an answer fits the question that it is for.
fn fits(question: &OwnedRaw, answer: &Raw<'_>) -> bool {
    let Ok(question) = question.0.decode::<InputRequest<'_>>() else {
        return false;
    };
    match SpecMethod::from_wire(&question.method) {
        Some(SpecMethod::Elicit) => {
            let Ok(answer) = answer.decode::<<Elicit as Method>::Result<'_>>() else {
                return false;
            };
            let params = question.params.as_ref();
            match params.map(|params| params.decode::<ElicitParams<'_>>()) {
                Some(Ok(ElicitParams::Form(form))) if answer.action == ElicitAction::Accept => {
                    form.validate(&answer).is_ok()
                }
                _ => true,
            }
        }
        Some(SpecMethod::CreateMessage) => answer
            .decode::<<CreateMessage as Method>::Result<'_>>()
            .is_ok(),
        _ => answer.decode::<<ListRoots as Method>::Result<'_>>().is_ok(),
    }
}
