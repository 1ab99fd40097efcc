//! Telling clients what has changed: all of a legacy client's session, or the modern listen streams
//! that asked for it.
//!
//! Rules of this file: the acknowledgement is the first message of a stream (`sub.ack.first`);
//! nothing that wasn't asked for is delivered (`sub.optin`); each stream gets its own copy, tagged
//! with its request id as it came (`sub.id`); a stream that the client ended hears nothing more.

use alloc::vec::Vec;

use crate::model::cancel::CancelledParams;
use crate::model::encode::SessionMembers;
use crate::model::method::{self, EmptyParams, Method, Notification, SpecMethod};
use crate::model::resource::{ResourceUpdatedParams, is_valid_uri};
use crate::model::subscription::{SubscriptionsAcknowledgedParams, SubscriptionsListenResult};
use crate::model::task::{Task, TaskChanged};
use crate::revision::Revision;
use crate::rpc::{RequestId, RpcError};
use crate::time::Instant;

use super::super::arrival::Arrival;
use super::super::event::Change;
use super::super::id::IncomingId;
use super::super::misuse::{Handle, Invalid, Misuse};
use super::super::route::Route;
use super::super::table::total;
use super::subscriptions::Listen;
use super::tasks::check_declared;
use super::{Request, ServerEvent, ServerSession, Stage};

impl ServerSession {
    /// Tells clients that a list has changed. Call it before the reply of the request that caused
    /// the change, so that a client knows when it gets the reply.
    ///
    /// For [`Change::Resource`] use [`resource_updated`](Self::resource_updated). Returns an error
    /// if the capability `listChanged` was not declared.
    // `caps.listchanged.emit`
    pub fn changed(&mut self, now: Instant, change: Change) -> Result<(), Misuse> {
        if change == Change::Resource {
            return Err(Misuse::OwnCommand(SpecMethod::ResourceUpdated));
        }
        self.announce(now, change, "")
    }

    /// Tells the clients that subscribed to it that a resource has changed.
    ///
    /// Returns an error if `resources.subscribe` was not declared or `uri` is no URI.
    // `res.uri.valid`
    pub fn resource_updated(&mut self, now: Instant, uri: &str) -> Result<(), Misuse> {
        if !is_valid_uri(uri) {
            return Err(Misuse::Invalid(Invalid::ResourceUri));
        }
        self.announce(now, Change::Resource, uri)
    }

    /// Tells a stream in what state a task is that it asked for. Whether the task is its client's is to
    /// be seen to before.
    ///
    /// Returns an error if the stream isn't open (any more) or doesn't name the task, or if the output is
    /// full.
    // `task26.notif`
    pub fn task_changed(
        &mut self,
        now: Instant,
        stream: IncomingId,
        task: &Task<'_>,
    ) -> Result<(), Misuse> {
        self.state.writer.advance(now);
        if self.state.closed {
            return Err(Misuse::Closed);
        }
        let listen = stream
            .number_in(self.state.writer.tag)
            .and_then(|number| self.state.subscriptions.listens().get(number))
            .filter(|listen| listen.wants_task(&task.task_id))
            .ok_or(Misuse::Unknown(Handle::Subscription))?;
        let (route, revision, tag) = (listen.target.route, listen.revision, listen.tag());
        self.state.writer.check_room()?;
        let additions = SessionMembers {
            meta: &tag,
            members: b"",
            ..SessionMembers::default()
        };
        let name = TaskChanged::NAME;
        self.state
            .writer
            .notification(route, revision, name, task, &additions)?;
        Ok(())
    }

    /// Returns whether the stream that [`ServerEvent::Watching`] told of is still open.
    pub fn is_watching(&self, stream: IncomingId) -> bool {
        let number = stream.number_in(self.state.writer.tag);
        number.is_some_and(|number| self.state.subscriptions.listens().get(number).is_some())
    }

    /// Returns the resources whose changes somebody wants to know of, each once.
    pub fn watched(&self) -> impl Iterator<Item = &str> {
        self.state.subscriptions.watched()
    }

    /// Ends all modern listen streams gracefully, with a result. Clients may listen again.
    // `sub.end.server.result`
    pub fn end_subscriptions(&mut self, now: Instant) {
        self.state.writer.advance(now);
        for number in self.state.subscriptions.listens().numbers() {
            if let Some(listen) = self.forget_listen(number) {
                self.end_listen(&listen);
            }
        }
    }

    /// Takes a stream out of the table; the user hears of what nobody watches any more.
    fn forget_listen(&mut self, number: u64) -> Option<Listen> {
        let (listen, gone) = self.state.subscriptions.end(number)?;
        for uri in gone {
            self.state.events.push(ServerEvent::Unsubscribed { uri });
        }
        Some(listen)
    }

    fn announce(&mut self, now: Instant, change: Change, uri: &str) -> Result<(), Misuse> {
        self.state.writer.advance(now);
        if self.state.closed {
            return Err(Misuse::Closed);
        }
        let known = match change {
            Change::Tools => SpecMethod::ToolsListChanged,
            Change::Prompts => SpecMethod::PromptsListChanged,
            Change::Resources => SpecMethod::ResourcesListChanged,
            Change::Resource => SpecMethod::ResourceUpdated,
        };
        if let Some(capability) = known.server_capability(Revision::NEWEST)
            && !self.fixed.declared.has(capability)
        {
            return Err(Misuse::NotDeclared(capability.into()));
        }
        self.state.writer.check_room()?;
        let (is_legacy, listens) = self.state.subscriptions.concerned(change, uri);
        if let (Stage::Open(revision), true) = (self.state.legacy.stage, is_legacy) {
            self.write_change(self.state.legacy.route, revision, known, uri, &[])?;
        }
        for number in listens {
            if let Some(listen) = self.state.subscriptions.listens().get(number) {
                let (route, revision, tag) = (listen.target.route, listen.revision, listen.tag());
                self.write_change(route, revision, known, uri, &tag)?;
            }
        }
        Ok(())
    }

    fn write_change(
        &mut self,
        route: Route,
        revision: Revision,
        known: SpecMethod,
        uri: &str,
        tag: &[u8],
    ) -> Result<(), Misuse> {
        let additions = SessionMembers {
            meta: tag,
            members: b"",
            ..SessionMembers::default()
        };
        let name = known.as_str();
        match known {
            SpecMethod::ResourceUpdated => {
                let params = ResourceUpdatedParams::new(uri);
                self.state
                    .writer
                    .notification(route, revision, name, &params, &additions)?;
            }
            _ => {
                self.state.writer.notification(
                    route,
                    revision,
                    name,
                    &EmptyParams::new(),
                    &additions,
                )?;
            }
        }
        Ok(())
    }

    /// `subscriptions/listen` (`sub.req`)
    pub(super) fn listen(&mut self, arrival: &Arrival<'_>) {
        let params = arrival
            .body
            .decode::<<method::SubscriptionsListen as Method>::Params<'_>>();
        let filter = match params {
            Ok(params) => params.notifications,
            Err(malformed) => return self.refuse(arrival, &malformed.into()),
        };
        // `task26.notif.cap`
        let asks_for_tasks = filter.task_ids.is_some();
        if asks_for_tasks
            && self
                .fixed
                .declared
                .has(method::ServerCapability::TasksExtension)
            && let Err(error) = check_declared(arrival)
        {
            return self.refuse(arrival, &error);
        }
        let longest = self.fixed.config.limits.uri;
        let mut uris = filter.resource_subscriptions.iter().flatten();
        if uris.any(|uri| uri.len() > longest || !is_valid_uri(uri)) {
            let error = alloc::format!(
                "Invalid params: what is subscribed to is a URI of at most {longest} bytes"
            );
            return self.refuse(arrival, &RpcError::invalid_params(error));
        }
        let limit = self.fixed.config.limits.subscriptions;
        let lists = [&filter.resource_subscriptions, &filter.task_ids];
        let asked = total(lists.map(|list| list.as_ref().map_or(0, Vec::len)));
        if self.state.subscriptions.count().saturating_add(asked) >= limit {
            return self.refuse(arrival, &RpcError::over_limit("subscriptions", limit));
        }
        if !self.has_room_for(arrival.body.frame.len().saturating_mul(2)) {
            let limit = self.fixed.config.limits.memory;
            return self.refuse(arrival, &RpcError::over_limit("bytes held", limit));
        }
        let honoured = filter.honoured_by(&self.fixed.config.capabilities);
        let tells_of_tasks = honoured.task_ids.is_some();
        let listen = Listen::new(arrival, &honoured);
        let (route, revision, tag) = (listen.target.route, listen.revision, listen.tag());
        let name = method::SubscriptionsAcknowledged::NAME;
        let params = SubscriptionsAcknowledgedParams::new(honoured);
        let additions = SessionMembers {
            meta: &tag,
            members: b"",
            ..SessionMembers::default()
        };
        let written = self
            .state
            .writer
            .notification(route, revision, name, &params, &additions);
        if written.is_err() {
            return self.refuse(arrival, &RpcError::internal("The filter can't be written"));
        }
        arrival.answered(None);
        let number = self.state.writer.number();
        for uri in self.state.subscriptions.begin(number, listen) {
            self.state.events.push(ServerEvent::Subscribed { uri });
        }
        if tells_of_tasks {
            let id = IncomingId::new(self.state.writer.tag, number);
            let request = Request::of_arrival(id, arrival);
            self.state.events.push(ServerEvent::Watching(request));
        }
    }

    /// The client ends a stream by its request id.
    pub(super) fn stop_listening(&mut self, id: &RequestId) -> bool {
        let found = self.state.subscriptions.find(id);
        found.is_some_and(|number| self.forget_listen(number).is_some())
    }

    pub(super) fn stop_listening_on(&mut self, route: Route) {
        let numbers: Vec<u64> = self.listens_on(route).collect();
        for number in numbers {
            self.forget_listen(number);
        }
    }

    /// Ends one stream: `cancelled` and then the result on a pipe (`sub.end.server.cancelled`).
    fn end_listen(&mut self, listen: &Listen) {
        let tag = listen.tag();
        if listen.target.route == Route::Pipe {
            let name = <method::Cancelled as Notification>::NAME;
            let params = CancelledParams::new(listen.request.to_raw());
            let additions = SessionMembers {
                meta: &tag,
                members: b"",
                ..SessionMembers::default()
            };
            let revision = listen.revision;
            let written =
                self.state
                    .writer
                    .notification(Route::Pipe, revision, name, &params, &additions);
            debug_assert!(written.is_ok(), "an id can always be written");
        }
        let mut all = tag;
        let own_meta = self.fixed.own_meta.of(listen.revision);
        if !own_meta.is_empty() {
            all.push(b',');
            all.extend_from_slice(own_meta);
        }
        let additions = SessionMembers {
            meta: &all,
            members: b"\"resultType\":\"complete\"",
            ..SessionMembers::default()
        };
        let result = SubscriptionsListenResult::new();
        let (target, revision) = (listen.target, listen.revision);
        let written =
            self.state
                .writer
                .result(target, &listen.request, revision, &result, &additions);
        debug_assert!(written.is_ok(), "it has only what the session adds");
    }
}
