//! What a connection's service does for tasks: it answers requests about them, has those look again that
//! wait for one, and tells streams of those that they watch.
//!
//! Rules of this file: what waits or watches looks again after a time that doubles, up to a second, as
//! its task may run on another instance; a stream is told of the state that a task is in at first, and
//! of each that is seen later, up to the last; few look at once, and only for streams that are open.

use core::time::Duration;

use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use super::super::find::watch_tasks;
use super::super::job::End;
use super::super::service::{Later, Look, Service, Waiting};
use super::end::{TaskEnd, Watched};
use crate::model::method::{EmptyResult, SubscriptionsListen};
use crate::model::task::{CancelTask, GetTask, ListTasks, UpdateTask};
use crate::rpc::Text;
use crate::session::{IncomingId, Misuse, Request};
use crate::time::Instant;

/// After how long a request looks again first, and how often that doubles.
const LOOK: (Duration, u32) = (Duration::from_millis(16), 6);
/// How many jobs of a connection look at watched tasks at once.
const WATCHING: usize = 4;

impl Look {
    pub(in crate::server) fn new(request: Request) -> Self {
        Self {
            request,
            looks: 0,
            watched: None,
        }
    }
}

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
            TaskEnd::Wait | TaskEnd::Seen(_) => Ok(()),
        }
    }

    /// Has a request look again later.
    pub(in crate::server) fn wait(&mut self, waits: Option<Box<Look>>) {
        let Some(mut look) = waits.map(|look| *look) else {
            return;
        };
        let due = self.now + LOOK.0 * 2_u32.pow(look.looks.min(LOOK.1));
        look.looks = look.looks.saturating_add(1);
        let later = self.later.get_or_insert_default();
        later.waiting.push(Waiting { due, look });
    }

    /// Begins to tell a stream of the tasks that it asked for.
    pub(in crate::server) fn watch(&mut self, request: Request) {
        let Ok(params) = request.params::<SubscriptionsListen>() else {
            return;
        };
        let ids = params.notifications.task_ids.iter().flatten();
        let ids: BTreeSet<&str> = ids.map(Text::as_str).collect();
        let watched = ids.into_iter().map(Watched::new).collect();
        let later = self.later.get_or_insert_default();
        // Those that are gone are taken out when they may be the half of all.
        if later.waiting.len() >= later.most_waiting {
            let session = &self.session;
            later.waiting.retain(|waiting| {
                waiting.look.watched.is_none() || session.is_watching(waiting.look.request.id)
            });
            later.most_waiting = 2 * later.waiting.len() + 16;
        }
        self.look(Box::new(Look {
            watched: Some(watched),
            ..Look::new(request)
        }));
    }

    /// Looks at the tasks that a stream watches, or does so later.
    fn look(&mut self, look: Box<Look>) {
        let watching = self.later.as_ref().map_or(0, |later| later.watching);
        if !self.session.is_watching(look.request.id) {
            return;
        }
        if watching >= WATCHING {
            return self.wait(Some(look));
        }
        let watched = look.watched.clone().unwrap_or_default();
        if let Some(found) = watch_tasks(&self.server, watched) {
            self.later.get_or_insert_default().watching = watching + 1;
            let job = self.job_of(look.request.clone(), found, None);
            self.begin(job, Some(look));
        }
    }

    /// Tells a stream what is new of its tasks, and has it look again as long as there may be more.
    pub(in crate::server) fn looked(&mut self, look: Option<Box<Look>>, end: End) {
        if let Some(later) = &mut self.later {
            later.watching = later.watching.saturating_sub(1);
        }
        let Some(mut look) = look else {
            return;
        };
        // One that has failed says nothing.
        if let End::Tasks(end) = end
            && let TaskEnd::Seen(mut seen) = *end
        {
            for task in &mut seen {
                let Some((news, state)) = task.news.take() else {
                    continue;
                };
                let stream = look.request.id;
                if self.session.task_changed(self.now, stream, &news).is_ok() {
                    task.told = Some(state);
                    look.looks = 0;
                } else {
                    // There is no room for it now.
                    task.is_over = false;
                }
            }
            seen.retain(|task| !task.is_over);
            look.watched = Some(seen);
        }
        let is_over = look.watched.as_ref().is_none_or(Vec::is_empty);
        if !is_over && self.session.is_watching(look.request.id) {
            self.wait(Some(look));
        }
        self.pump();
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
        for Waiting { look, .. } in later.due(now) {
            if look.watched.is_some() {
                self.look(Box::new(look));
                continue;
            }
            let request = look.request.clone();
            let id = request.id;
            match self.job(request) {
                Ok(Some(job)) => self.begin(job, Some(Box::new(look))),
                Ok(None) => {}
                Err(error) => self.refuse(id, error),
            }
        }
    }
}

impl Later {
    fn due(&mut self, now: Instant) -> Vec<Waiting> {
        self.waiting.extract_if(.., |it| it.due <= now).collect()
    }
}
