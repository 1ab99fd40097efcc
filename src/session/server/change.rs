//! Telling clients what has changed: all of a legacy client's session, or the modern listen streams
//! that asked for it.
//!
//! Rules of this file: the acknowledgement is the first message of a stream (`sub.ack.first`);
//! nothing that wasn't asked for is delivered (`sub.optin`); each stream gets its own copy, tagged
//! with its request id as it came (`sub.id`); a stream that the client ended hears nothing more.

use alloc::boxed::Box;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::model::cancel::CancelledParams;
use crate::model::encode::SessionMembers;
use crate::model::meta;
use crate::model::method::{self, EmptyParams, Method, Notification, SpecMethod};
use crate::model::resource::{ResourceUpdatedParams, is_valid_uri};
use crate::model::subscription::{
    SubscriptionFilter, SubscriptionsAcknowledgedParams, SubscriptionsListenResult,
};
use crate::revision::Revision;
use crate::rpc::{RequestId, RpcError, write_string};
use crate::time::Instant;

use super::super::client::covers;
use super::super::error::Misuse;
use super::super::writer::ReplyTo;
use super::super::{Change, Route, capability_set};
use super::arrival::Arrival;
use super::{ServerEvent, ServerSession, Stage};

/// A live `subscriptions/listen`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::session) struct Listen {
    request: RequestId,
    target: ReplyTo,
    revision: Revision,
    tools: bool,
    prompts: bool,
    resources: bool,
    uris: Vec<Box<str>>,
}

impl Listen {
    fn wants(&self, change: Change, uri: &str) -> bool {
        match change {
            Change::Tools => self.tools,
            Change::Prompts => self.prompts,
            Change::Resources => self.resources,
            Change::Resource => self.uris.iter().any(|subscribed| covers(subscribed, uri)),
        }
    }

    /// The members of `_meta` that tag a message of this stream.
    fn tag(&self) -> Vec<u8> {
        let mut out = Vec::new();
        write_string(&mut out, meta::SUBSCRIPTION_ID);
        out.push(b':');
        self.request.write(&mut out);
        out
    }
}

impl ServerSession {
    /// Tells clients that a list has changed. Call it before the reply of the request that caused
    /// the change, so that a client knows when it gets the reply.
    ///
    /// For [`Change::Resource`] use [`resource_updated`](Self::resource_updated). Errs when the
    /// capability `listChanged` was not declared (`caps.listchanged.emit`).
    pub fn changed(&mut self, now: Instant, change: Change) -> Result<(), Misuse> {
        if change == Change::Resource {
            return Err(Misuse::Invalid(
                "resource_updated() says which resource has changed",
            ));
        }
        self.announce(now, change, "")
    }

    /// Tells the clients that subscribed to it that a resource has changed.
    ///
    /// Errs when `resources.subscribe` was not declared or `uri` is no URI (`res.uri.valid`).
    pub fn resource_updated(&mut self, now: Instant, uri: &str) -> Result<(), Misuse> {
        if !is_valid_uri(uri) {
            return Err(Misuse::Invalid("what has changed has no valid URI"));
        }
        self.announce(now, Change::Resource, uri)
    }

    /// The resources whose changes somebody wants to know of.
    pub fn watched(&self) -> impl Iterator<Item = &str> {
        let modern = self
            .listens
            .iter()
            .flat_map(|(_, listen)| listen.uris.iter());
        self.legacy
            .subscribed
            .iter()
            .chain(modern)
            .map(|uri| &**uri)
    }

    /// Ends all modern listen streams in good order (`sub.end.server.result`). Clients may listen
    /// again.
    pub fn end_subscriptions(&mut self, now: Instant) {
        self.writer.advance(now);
        for number in self.listens.numbers() {
            let Some(listen) = self.listens.remove(number) else {
                continue;
            };
            self.end_listen(&listen);
            self.unwatch(listen.uris);
        }
    }

    fn announce(&mut self, now: Instant, change: Change, uri: &str) -> Result<(), Misuse> {
        self.writer.advance(now);
        if self.closed {
            return Err(Misuse::Closed);
        }
        let known = match change {
            Change::Tools => SpecMethod::ToolsListChanged,
            Change::Prompts => SpecMethod::PromptsListChanged,
            Change::Resources => SpecMethod::ResourcesListChanged,
            Change::Resource => SpecMethod::ResourceUpdated,
        };
        if let Some(capability) = known.server_capability(Revision::NEWEST)
            && !self.declared.has(capability)
        {
            return Err(Misuse::NotDeclared(capability_set::name(capability)));
        }
        let wants_legacy = change != Change::Resource
            || self
                .legacy
                .subscribed
                .iter()
                .any(|subscribed| covers(subscribed, uri));
        if let (Stage::Open(revision), true) = (self.legacy.stage, wants_legacy) {
            self.write_change(self.legacy.route, revision, known, uri, &[])?;
        }
        for number in self.listens.numbers() {
            let Some(listen) = self.listens.get(number) else {
                continue;
            };
            if listen.wants(change, uri) {
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
        };
        let name = known.as_str();
        match known {
            SpecMethod::ResourceUpdated => {
                let params = ResourceUpdatedParams::new(uri);
                self.writer
                    .notification(route, revision, name, &params, &additions)?;
            }
            _ => {
                self.writer
                    .notification(route, revision, name, &EmptyParams::new(), &additions)?;
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
        let longest = self.config.limits.uri;
        let mut uris = filter.resource_subscriptions.iter().flatten();
        if uris.any(|uri| uri.len() > longest || !is_valid_uri(uri)) {
            let error = alloc::format!(
                "Invalid params: what is subscribed to is a URI of at most {longest} bytes"
            );
            return self.refuse(arrival, &RpcError::invalid_params(error));
        }
        let limit = self.config.limits.subscriptions;
        let asked = filter.resource_subscriptions.as_ref().map_or(0, Vec::len);
        let held: usize = self
            .listens
            .iter()
            .map(|(_, listen)| 1 + listen.uris.len())
            .sum();
        if held + self.legacy.subscribed.len() + 1 + asked > limit {
            return self.refuse(arrival, &RpcError::over_limit("subscriptions", limit));
        }
        let honoured = filter.honoured_by(&self.config.capabilities);
        let listen = listen_of(arrival, &honoured);
        let fresh: Vec<Box<str>> = listen
            .uris
            .iter()
            .filter(|uri| !self.is_watched(uri))
            .cloned()
            .collect();
        let (route, revision, tag) = (listen.target.route, listen.revision, listen.tag());
        let name = method::SubscriptionsAcknowledged::NAME;
        let params = SubscriptionsAcknowledgedParams::new(honoured);
        let additions = SessionMembers {
            meta: &tag,
            members: b"",
        };
        let written = self
            .writer
            .notification(route, revision, name, &params, &additions);
        if written.is_err() {
            return self.refuse(arrival, &RpcError::internal("The filter can't be written"));
        }
        let number = self.writer.number();
        self.listens.insert(number, listen);
        for uri in fresh {
            self.events.push_back(ServerEvent::Subscribed { uri });
        }
    }

    /// Whether a listen stream has this request id, which keeps it in use.
    pub(super) fn is_listening(&self, id: &RequestId) -> bool {
        self.listens.iter().any(|(_, listen)| listen.request == *id)
    }

    /// The client ends a stream by its request id.
    pub(super) fn stop_listening(&mut self, id: &RequestId) -> bool {
        let found = self.listens.find(|listen| listen.request == *id);
        if let Some(listen) = found.and_then(|number| self.listens.remove(number)) {
            self.unwatch(listen.uris);
        }
        found.is_some()
    }

    pub(super) fn stop_listening_on(&mut self, route: Route) {
        for number in self.listens.numbers() {
            if self
                .listens
                .get(number)
                .is_some_and(|listen| listen.target.route == route)
                && let Some(listen) = self.listens.remove(number)
            {
                self.unwatch(listen.uris);
            }
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
            };
            let revision = listen.revision;
            let written =
                self.writer
                    .notification(Route::Pipe, revision, name, &params, &additions);
            debug_assert!(written.is_ok(), "an id can always be written");
        }
        let mut all = tag;
        let own_meta = self.own_meta.of(listen.revision);
        if !own_meta.is_empty() {
            all.push(b',');
            all.extend_from_slice(own_meta);
        }
        let additions = SessionMembers {
            meta: &all,
            members: b"\"resultType\":\"complete\"",
        };
        let result = SubscriptionsListenResult::new();
        let (target, revision) = (listen.target, listen.revision);
        let written = self
            .writer
            .result(target, &listen.request, revision, &result, &additions);
        debug_assert!(written.is_ok(), "it has only what the session adds");
    }

    pub(super) fn is_watched(&self, uri: &str) -> bool {
        self.watched().any(|watched| watched == uri)
    }

    fn unwatch(&mut self, uris: Vec<Box<str>>) {
        for uri in uris {
            if !self.is_watched(&uri) {
                self.events.push_back(ServerEvent::Unsubscribed { uri });
            }
        }
    }
}

fn listen_of(arrival: &Arrival<'_>, honoured: &SubscriptionFilter<'_>) -> Listen {
    let uris = honoured.resource_subscriptions.iter().flatten();
    let mut uris: Vec<Box<str>> = uris.map(|uri| Box::from(uri.as_str())).collect();
    uris.sort_unstable();
    uris.dedup();
    Listen {
        request: arrival.id.clone(),
        target: arrival.target,
        revision: arrival.revision,
        tools: honoured.tools_list_changed == Some(true),
        prompts: honoured.prompts_list_changed == Some(true),
        resources: honoured.resources_list_changed == Some(true),
        uris,
    }
}
