//! What a connection's service does for tasks: it answers requests about them, and has those look again
//! that wait for one.
//!
//! Rules of this file: a request that waits looks again after a time that doubles, up to a second, as
//! its task may run on another instance.

use core::time::Duration;

use alloc::boxed::Box;

use super::super::service::{Later, Service, Waiting};
use super::end::TaskEnd;
use crate::model::method::EmptyResult;
use crate::model::task::{CancelTask, GetTask, ListTasks, UpdateTask};
use crate::session::{IncomingId, Misuse, Request};
use crate::time::Instant;

/// After how long a request looks again first, and how often that doubles.
const LOOK: (Duration, u32) = (Duration::from_millis(16), 6);

impl Service {
    /// Answers a request about tasks, or asks what a task has to know.
    pub(in crate::server) fn tell_of_task(
        &mut self,
        request: IncomingId,
        end: TaskEnd,
    ) -> Result<(), Misuse> {
        let now = self.now;
        let session = &mut self.session;
        match end {
            TaskEnd::Created(result) => session.reply_task(now, request, &result),
            TaskEnd::Got(task) => session.reply::<GetTask>(now, request, &task),
            TaskEnd::Updated => session.reply::<UpdateTask>(now, request, &EmptyResult::default()),
            TaskEnd::Cancelled(result) => session.reply::<CancelTask>(now, request, &result),
            TaskEnd::Listed(result) => session.reply::<ListTasks>(now, request, &result),
            TaskEnd::Payload(result) => session.reply_raw(now, request, &result),
            TaskEnd::Ask(questions) => self.ask(request, questions, None),
            TaskEnd::Wait => Ok(()),
        }
    }

    /// Has a request look again later.
    pub(in crate::server) fn wait(&mut self, waits: Option<Box<(Request, u32)>>) {
        let Some(waits) = waits else {
            return;
        };
        let (request, looks) = *waits;
        let later = self.later.get_or_insert_default();
        let time = LOOK.0 * 2_u32.pow(looks.min(LOOK.1));
        later.waiting.push(Waiting {
            request,
            due: self.now + time,
            looks: looks.saturating_add(1),
        });
    }

    /// When the next request looks again.
    pub(in crate::server) fn next_look(&self) -> Option<Instant> {
        let waiting = self.later.as_ref()?.waiting.iter();
        waiting.map(|waiting| waiting.due).min()
    }

    /// Has those requests look again whose time has come.
    pub(in crate::server) fn look_again(&mut self) {
        let Some(later) = &mut self.later else {
            return;
        };
        let now = self.now;
        for Waiting { request, looks, .. } in later.due(now) {
            let waits = Some(Box::new((request.clone(), looks)));
            let id = request.id;
            match self.job(request) {
                Ok(Some(job)) => self.begin(job, waits),
                Ok(None) => {}
                Err(error) => self.refuse(id, error),
            }
        }
    }
}

impl Later {
    fn due(&mut self, now: Instant) -> alloc::vec::Vec<Waiting> {
        self.waiting.extract_if(.., |it| it.due <= now).collect()
    }
}
