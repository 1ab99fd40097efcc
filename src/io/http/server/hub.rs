//! What all exchanges of one service share: the table of sessions, the time, the threads of handlers,
//! and who is told of changes.
//!
//! Rules of this file: the table's lock is never held while a session's is taken; what is open is
//! known from the moment somebody waits for it, so that the end reaches all of it.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU64, Ordering};
use core::task::{Context, Poll, Waker};
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::super::super::Clock;
use super::super::super::blocking::pool::Pool;
use super::super::super::jobs::refused;
use super::alarms::{Alarm, Alarms, Ring};
use super::detached::HandlerFuture;
use super::options::HttpServeOptions;
use super::request::random_hex;
use super::shared::Shared;
use crate::http::mirror::annotated;
use crate::http::{
    Caller, Class, Ended, Endpoint, Offers, Placed, Reply, SessionStatus, StreamOptions, Ticket,
};
use crate::server::{Async, Listener, Server, Snapshot};
use crate::session::Change;
use crate::time::Instant;

/// A session that is open, as the hub sees it.
pub(super) trait Member: Send + Sync + 'static {
    fn number(&self) -> u64;

    /// Whether its client is to be told of changes.
    fn listens(&self) -> bool;

    /// Learns of a change, which stands at this position of a log that several instances share.
    fn changed(self: &Arc<Self>, change: Change, uri: &str, position: Option<u64>);

    /// Has it told again how far it has come.
    fn note(self: &Arc<Self>);

    fn drain(self: &Arc<Self>);

    fn close(self: &Arc<Self>);
}

/// Where a handler runs that is a future.
pub(super) type Spawn = Box<dyn Fn(HandlerFuture) + Send + Sync>;

pub(super) struct Hub<C> {
    pub(super) server: Server<Async>,
    pub(super) options: HttpServeOptions,
    /// Those of the options, as sessions share them.
    pub(super) streams: Arc<StreamOptions>,
    pub(super) alarms: Arc<Alarms>,
    pub(super) pool: Pool,
    pub(super) spawn: Option<Spawn>,
    next: AtomicU64,
    table: Mutex<Table<C>>,
    /// The exchanges that stand alone and that somebody waits for.
    alone: Mutex<BTreeMap<u64, Weak<C>>>,
    offers: Mutex<(Snapshot, Arc<Offers>)>,
    end: Mutex<End>,
    /// What this instance shares with others.
    pub(super) shared: Option<Arc<Shared>>,
}

struct Table<C> {
    endpoint: Endpoint<Arc<C>>,
    alarm: Option<Alarm>,
}

/// How far the end has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    #[default]
    Open,
    /// No new work is taken.
    Draining,
    /// Everything has ended.
    Over,
}

#[derive(Default)]
struct End {
    stage: Stage,
    wakers: Vec<Waker>,
}

impl<C: Member> Hub<C> {
    /// Returns an error if the server can't be served as it is defined.
    pub(super) fn new(
        server: Server<Async>,
        options: HttpServeOptions,
        spawn: Option<Spawn>,
    ) -> io::Result<Arc<Self>> {
        server.check().map_err(refused)?;
        let (snapshot, offers) = offers(&server, &options, true)?;
        let alarms = Alarms::new(Clock::start());
        let shared = match &options.machines {
            None => None,
            Some(machines) => {
                let name = random_hex::<16>().ok_or_else(|| io::Error::other("no entropy"))?;
                Some(Shared::new(machines.clone(), name, Arc::clone(&alarms)))
            }
        };
        let hub = Arc::new(Self {
            alarms,
            pool: Pool::new(options.threads),
            spawn,
            next: AtomicU64::new(0),
            table: Mutex::new(Table {
                endpoint: Endpoint::new(options.limits.clone()),
                alarm: None,
            }),
            alone: Mutex::default(),
            offers: Mutex::new((snapshot, Arc::new(offers))),
            end: Mutex::default(),
            shared,
            streams: Arc::new(options.streams.clone()),
            options,
            server,
        });
        let listener: Weak<Self> = Arc::downgrade(&hub);
        hub.server.service().add_listener(listener);
        Ok(hub)
    }

    pub(super) fn now(&self) -> Instant {
        self.alarms.now()
    }

    pub(super) fn next_number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    fn table(&self) -> MutexGuard<'_, Table<C>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn alone(&self) -> MutexGuard<'_, BTreeMap<u64, Weak<C>>> {
        self.alone.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end_of(&self) -> MutexGuard<'_, End> {
        self.end.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the server offers now.
    pub(super) fn offers(&self) -> Arc<Offers> {
        let mut known = self.offers.lock().unwrap_or_else(PoisonError::into_inner);
        if !known.0.is_current(self.server.registry())
            && let Ok((snapshot, offers)) = offers(&self.server, &self.options, false)
        {
            *known = (snapshot, Arc::new(offers));
        }
        Arc::clone(&known.1)
    }

    pub(super) fn place(&self, class: &Class, caller: Caller<'_>) -> Result<Placed<Arc<C>>, Reply> {
        let now = self.now();
        self.table().endpoint.place(now, class, caller)
    }

    /// Enters a session under its id.
    pub(super) fn insert(
        self: &Arc<Self>,
        id: Arc<str>,
        caller: Caller<'_>,
        cell: &Arc<C>,
    ) -> Result<(), Reply> {
        let now = self.now();
        let mut table = self.table();
        let inserted = table.endpoint.insert(now, id, caller, Arc::clone(cell));
        self.arm(&mut table);
        drop(table);
        for forgotten in inserted? {
            forgotten.close();
        }
        cell.note();
        self.catch_up(cell);
        Ok(())
    }

    /// The session of this id.
    pub(super) fn find(&self, id: &str) -> Option<Arc<C>> {
        self.table().endpoint.get(id).cloned()
    }

    /// Takes a session out of the table, unless it is another one by now.
    pub(super) fn take_out(&self, id: &str, cell: &C) {
        let mut table = self.table();
        let known = table.endpoint.get(id);
        let is_known = known.is_some_and(|known| known.number() == cell.number());
        let _taken = is_known.then(|| table.endpoint.remove(id));
    }

    /// A session has come so far.
    pub(super) fn note(self: &Arc<Self>, now: Instant, id: &str, status: SessionStatus) {
        let mut table = self.table();
        table.endpoint.note(now, id, status);
        self.arm(&mut table);
    }

    /// An exchange is over.
    pub(super) fn ended(&self, ticket: Ticket, ended: Ended) {
        let now = self.now();
        let mut table = self.table();
        table.endpoint.ended(now, ticket, ended);
        let is_idle = table.endpoint.open_requests() == 0;
        drop(table);
        if is_idle {
            self.wake_at_the_end();
        }
    }

    fn arm(self: &Arc<Self>, table: &mut Table<C>) {
        let Some(at) = table.endpoint.poll_timeout() else {
            return;
        };
        if table.alarm.is_none_or(|alarm| at < alarm.at) {
            if let Some(later) = table.alarm.take() {
                self.alarms.unset(later);
            }
            let hub: Weak<Self> = Arc::downgrade(self);
            table.alarm = Some(self.alarms.set(at, hub));
        }
    }

    /// Somebody waits for an exchange that stands alone.
    pub(super) fn remember(&self, cell: &Arc<C>) {
        self.alone().insert(cell.number(), Arc::downgrade(cell));
        self.catch_up(cell);
    }

    /// The end may have come before somebody was known.
    fn catch_up(&self, cell: &Arc<C>) {
        let stage = self.end_of().stage;
        match stage {
            Stage::Open => {}
            Stage::Draining => cell.drain(),
            Stage::Over => cell.close(),
        }
    }

    pub(super) fn forget(&self, number: u64) {
        self.alone().remove(&number);
    }

    /// All that is open.
    pub(super) fn cells(&self, is_wanted: impl Fn(&C) -> bool) -> Vec<Arc<C>> {
        let mut cells: Vec<_> = self.table().endpoint.handles().cloned().collect();
        // One that is dropped meanwhile forgets itself, so the list is free again before.
        let alone: Vec<_> = self.alone().values().filter_map(Weak::upgrade).collect();
        cells.extend(alone.into_iter().filter(|cell| is_wanted(cell)));
        cells
    }

    /// Takes no new work, and ends the streams that would never end by themselves.
    pub(super) fn drain(&self) {
        self.table().endpoint.drain();
        self.reach(Stage::Draining);
        for cell in self.cells(|_| true) {
            cell.drain();
        }
    }

    /// Ends everything.
    pub(super) fn finish(&self) {
        self.table().endpoint.drain();
        self.reach(Stage::Over);
        for cell in self.cells(|_| true) {
            cell.close();
        }
    }

    pub(super) fn stage(&self) -> Stage {
        self.end_of().stage
    }

    fn reach(&self, stage: Stage) {
        let mut end = self.end_of();
        end.stage = end.stage.max(stage);
        drop(end);
        self.wake_at_the_end();
    }

    fn wake_at_the_end(&self) {
        let mut end = self.end_of();
        if end.stage == Stage::Open {
            return;
        }
        let wakers = core::mem::take(&mut end.wakers);
        drop(end);
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Waits until the end has come so far.
    pub(super) fn poll_stage(&self, cx: &Context<'_>, stage: Stage) -> Poll<()> {
        let mut end = self.end_of();
        if end.stage >= stage {
            return Poll::Ready(());
        }
        end.wait(cx);
        Poll::Pending
    }

    /// Waits until no request awaits its answer.
    pub(super) fn poll_idle(&self, cx: &Context<'_>) -> Poll<()> {
        self.end_of().wait(cx);
        match self.table().endpoint.open_requests() {
            0 => Poll::Ready(()),
            _ => Poll::Pending,
        }
    }
}

impl End {
    fn wait(&mut self, cx: &Context<'_>) {
        let is_known = self.wakers.iter().any(|known| known.will_wake(cx.waker()));
        if !is_known {
            self.wakers.push(cx.waker().clone());
        }
    }
}

impl<C: Member> Hub<C> {
    /// Tells the clients of this instance of a change, which stands at this position of the log.
    pub(super) fn tell(&self, change: Change, uri: &str, position: Option<u64>) {
        for cell in self.cells(C::listens) {
            cell.changed(change, uri, position);
        }
    }
}

impl<C: Member> Listener for Hub<C> {
    fn changed(&self, change: Change, uri: &str) {
        match &self.shared {
            Some(shared) => shared.announce(change, uri),
            None => self.tell(change, uri, None),
        }
    }
}

impl<C: Member> Ring for Hub<C> {
    /// Ends the sessions whose time is over.
    fn ring(self: Arc<Self>) {
        let now = self.now();
        let mut table = self.table();
        table.alarm = None;
        let over = table.endpoint.handle_timeout(now);
        self.arm(&mut table);
        drop(table);
        for cell in over {
            cell.close();
        }
    }
}

impl<C> Drop for Hub<C> {
    fn drop(&mut self) {
        self.alarms.stop();
    }
}

/// What a server offers, as requests are classified with it. A tool whose annotations break the rules
/// is an error if it `must` be right, and is served without them otherwise.
fn offers(
    server: &Server<Async>,
    options: &HttpServeOptions,
    must: bool,
) -> io::Result<(Snapshot, Offers)> {
    let (config, snapshot) = (server.config(), server.registry().snapshot());
    let mut offers = Offers::new(config.revisions.clone())
        .limits(config.limits.clone())
        .body_limit(options.body as u64)
        .scopes(snapshot.needs_scopes());
    if options.streams.json_only {
        offers = offers.json_only();
    }
    if options.stateless {
        offers = offers.stateless();
    }
    for tool in snapshot.tools() {
        if !must && annotated(&tool.input_schema).is_err() {
            continue;
        }
        let with_tool = offers.tool(tool);
        offers = with_tool.map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
    }
    Ok((snapshot, offers))
}
