//! Handlers while they run: what they do meanwhile and how they end goes to the service that asked
//! for them, wherever that service is kept.
//!
//! Rules of this file: what concerns every client is told to all, and not while a session is locked.

use alloc::sync::{Arc, Weak};
use std::io;

use super::Handle;
use super::block_on::block_on;
use super::blocking::pool::Job as PoolJob;
use super::shared::Shared;
use crate::server::{DefinitionError, EffectSink, Job, Listener, Registry, Service, sink_of};
use crate::session::Change;
use crate::time::Instant;

/// A way to a service behind its lock. Whoever waits for it is woken afterwards.
pub(super) trait ServiceAccess: Clone + Send + Sync + 'static {
    fn with_service<R>(&self, act: impl FnOnce(&mut Service, Instant) -> R) -> R;
}

impl ServiceAccess for Handle<Service> {
    fn with_service<R>(&self, act: impl FnOnce(&mut Service, Instant) -> R) -> R {
        self.with(act)
    }
}

/// Runs a job on a pool; its effects and its outcome go to the service as they come. `done` is
/// called once, before whoever drives the service is woken.
pub(super) fn pool_job(
    service: impl ServiceAccess,
    job: Job,
    done: impl Fn() + Clone + Send + 'static,
) -> PoolJob {
    let ticket = job.ticket();
    let job = with_effects(&service, job);
    let (service_too, done_too) = (service.clone(), done.clone());
    let run = move || {
        let outcome = match job.awaits_store() {
            true => block_on(job.start()),
            false => job.run(),
        };
        service_too.with_service(|service, now| {
            service.handle_outcome(now, outcome);
            done_too();
        });
    };
    // What the panic said is for the server's log, where the hook has put it.
    PoolJob::new(run, move |_| {
        service.with_service(|service, now| {
            service.handle_outcome(now, ticket.panicked());
            done();
        });
    })
}

/// Has a job's effects given to its service as they come.
pub(super) fn with_effects(service: &impl ServiceAccess, job: Job) -> Job {
    let sink = effect_sink(job.registry(), service);
    job.with_effects(sink)
}

/// What gives the effects of any of a service's jobs to it as they come.
pub(super) fn effect_sink(registry: &Arc<Registry>, service: &impl ServiceAccess) -> EffectSink {
    let service = service.clone();
    sink_of(registry, move |job, effect| {
        service.with_service(|service, now| service.handle_effect(now, job, effect));
    })
}

/// Has a connection's client told of changes for as long as what is returned is kept.
pub(super) fn listen(connection: &Handle<Service>) -> Arc<Ear> {
    let ear: Arc<Ear> = Arc::new(Ear(Arc::downgrade(&connection.shared)));
    let listener: Weak<Ear> = Arc::downgrade(&ear);
    connection.with(|service, _| service.add_listener(listener));
    ear
}

/// Hears of what concerns every client of a server.
pub(super) struct Ear(Weak<Shared<Service>>);

impl Listener for Ear {
    fn changed(&self, change: Change, uri: &str) {
        let Some(shared) = self.0.upgrade() else {
            return;
        };
        shared.with(|service, now| match change {
            Change::Resource => service.resource_updated(now, uri),
            change => service.changed(now, change),
        });
    }
}

/// The error of a server that can't be served as it is defined.
pub(super) fn refused(error: DefinitionError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, error)
}
