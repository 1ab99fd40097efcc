//! One exchange as its HTTP stack awaits it: the parts of a response, and the handlers that live no
//! longer than the exchange.
//!
//! Rules of this file: dropping it tells the session that its client has gone; its ticket comes back
//! exactly once.

use alloc::sync::Arc;
use core::task::{Context, Poll};

use smallvec::SmallVec;

use super::super::super::jobs::{ServiceAccess, with_effects};
use super::super::super::task::Task;
use super::cell::{Cell, Found};
use super::owner::Owner;
use crate::http::{Ended, Part, Ticket};
use crate::session::ExchangeId;

pub(super) struct Exchange {
    /// Keeps the service for as long as something of it is read.
    _owner: Arc<Owner>,
    cell: Arc<Cell>,
    id: ExchangeId,
    ticket: Option<Ticket>,
    tasks: SmallVec<[Task; 1]>,
    is_over: bool,
}

impl Exchange {
    pub(super) fn new(owner: Arc<Owner>, cell: Arc<Cell>, id: ExchangeId, ticket: Ticket) -> Self {
        Self {
            _owner: owner,
            cell,
            id,
            ticket: Some(ticket),
            tasks: SmallVec::new(),
            is_over: false,
        }
    }

    pub(super) const fn cell(&self) -> &Arc<Cell> {
        &self.cell
    }

    /// The next part of the response; `None` after the last one.
    pub(super) fn poll_part(&mut self, cx: &mut Context<'_>) -> Poll<Option<Part>> {
        while !self.is_over {
            self.run(cx);
            match self.cell.find(self.id, cx) {
                Found::Part(Part::End) => self.end(Ended::Answered),
                Found::Part(part) => return Poll::Ready(Some(part)),
                Found::Jobs(jobs) => {
                    let cell = &self.cell;
                    let tasks = jobs
                        .into_iter()
                        .map(|job| Task::new(with_effects(cell, job)));
                    self.tasks.extend(tasks);
                }
                Found::Nothing => return Poll::Pending,
            }
        }
        Poll::Ready(None)
    }

    /// Whether all of it has been taken.
    pub(super) const fn is_over(&self) -> bool {
        self.is_over
    }

    /// Moves the handlers on.
    fn run(&mut self, cx: &mut Context<'_>) {
        let cell = &self.cell;
        self.tasks.retain(|task| {
            let Poll::Ready(outcome) = task.poll(cx) else {
                return true;
            };
            cell.with_service(|service, now| {
                service.handle_outcome(now, outcome);
            });
            false
        });
    }

    fn end(&mut self, ended: Ended) {
        self.is_over = true;
        self.tasks.clear();
        if let Some(ticket) = self.ticket.take() {
            self.cell.hub.ended(ticket, ended);
        }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        if !self.is_over {
            let id = self.id;
            self.cell.with(|http, now| http.handle_gone(now, id));
            self.end(Ended::Gone);
        }
    }
}
