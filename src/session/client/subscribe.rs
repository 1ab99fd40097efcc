//! The client's subscriptions: `subscriptions/listen` in the modern era, `resources/subscribe` and
//! unasked list changes in the legacy one, behind the same commands and events.
//!
//! Rules of this file: a live listen stream has no deadline, only its confirmation has one
//! (`timeout.listen`); the request of a stream that is over is remembered, since the server may
//! still answer it.

use alloc::boxed::Box;
use alloc::vec::Vec;

use smallvec::SmallVec;

use crate::model::members::MetaMember;
use crate::model::method::{self, ClientCapability, ResourceUpdated, ServerCapability, SpecMethod};
use crate::model::owned::IntoOwned;
use crate::model::resource::{SubscribeParams, UnsubscribeParams};
use crate::model::subscription::{
    SubscriptionFilter, SubscriptionsAcknowledgedParams, SubscriptionsListenParams,
};
use crate::revision::{Era, Revision};
use crate::rpc::{RequestId, Scan, Text, raw_at};
use crate::time::Instant;

use super::super::config::CallOptions;
use super::super::error::CallError;
use super::super::event::{Change, Ignored, Received};
use super::super::id::SubscriptionId;
use super::super::misuse::{Handle, Misuse};
use super::super::requests_out::{RequestOut, number_of};
use super::super::side::Side;
use super::call::{Call, Outgoing, Purpose};
use super::subscriptions::{Need, Subscription};
use super::{ClientEvent, ClientSession};

impl ClientSession {
    /// Subscribes to changes of the server. Several subscriptions may be open at once.
    ///
    /// [`ClientEvent::Subscribed`] follows with what the server honours, then
    /// [`ClientEvent::Changed`] for each change; or [`ClientEvent::SubscriptionEnded`]. Returns an
    /// error if the session isn't open, a limit is reached, or a legacy server with
    /// `resource_subscriptions` in the filter did not declare `resources.subscribe`.
    pub fn subscribe(
        &mut self,
        now: Instant,
        filter: &SubscriptionFilter<'_>,
    ) -> Result<SubscriptionId, Misuse> {
        self.state.advance(now);
        let revision = self.open_revision()?;
        self.state.writer.check_room()?;
        let subscription = Subscription::new(filter);
        let limit = self.config.limits.subscriptions;
        self.state.subscriptions.check(&subscription, limit)?;
        // `task26.notif.cap`
        let names_tasks = filter.task_ids.as_ref().is_some_and(|ids| !ids.is_empty());
        if names_tasks && revision.era() == Era::Modern && !self.declares_tasks() {
            return Err(Misuse::NotDeclared(ClientCapability::TasksExtension.into()));
        }
        match revision.era() {
            Era::Modern => self.listen(subscription, filter, revision),
            Era::Legacy => self.subscribe_uris(subscription, revision),
        }
    }

    /// Ends a subscription from this side; nothing more comes for it.
    ///
    /// Returns an error if it isn't open (any more).
    pub fn unsubscribe(&mut self, now: Instant, id: SubscriptionId) -> Result<(), Misuse> {
        self.state.advance(now);
        let revision = self.open_revision()?;
        let number = id
            .number_in(self.state.writer.tag)
            .ok_or(Misuse::Unknown(Handle::Subscription))?;
        let subscription = self
            .state
            .subscriptions
            .end(number)
            .ok_or(Misuse::Unknown(Handle::Subscription))?;
        if let Some(number) = subscription.listen() {
            if let Some(request) = self.forget_listen(number) {
                request.cancel(number, &mut self.state.writer, Some(revision), None);
            }
            return Ok(());
        }
        self.release(subscription.uris(), revision)
    }

    /// Tells a legacy server of the URIs that no subscription holds any more.
    fn release(&mut self, uris: &[Box<str>], revision: Revision) -> Result<(), Misuse> {
        for uri in uris {
            if self.state.subscriptions.is_held(uri) {
                continue;
            }
            let params = UnsubscribeParams::new(&**uri);
            self.send::<method::Unsubscribe>(Outgoing {
                params: &params,
                purpose: Purpose::Unsubscribe,
                revision,
                options: CallOptions::default(),
            })?;
        }
        Ok(())
    }

    /// Returns the subscriptions that are open and what they are for: give them to the
    /// configuration of the next session when this one is lost.
    // `sub.resend`
    pub fn subscriptions(
        &self,
    ) -> impl Iterator<Item = (SubscriptionId, SubscriptionFilter<'static>)> {
        let open = self.state.subscriptions.iter();
        open.map(|(number, open)| (self.subscription_id(number), open.filter()))
    }

    pub(super) fn subscription_id(&self, number: u64) -> SubscriptionId {
        SubscriptionId::new(self.state.writer.tag, number)
    }

    fn listen(
        &mut self,
        subscription: Subscription,
        filter: &SubscriptionFilter<'_>,
        revision: Revision,
    ) -> Result<SubscriptionId, Misuse> {
        let params = SubscriptionsListenParams::new(filter.clone());
        // The number of the subscription comes first; the request's is the next one.
        let number = self.state.writer.next_number().saturating_add(1);
        let request = self.send::<method::SubscriptionsListen>(Outgoing {
            params: &params,
            purpose: Purpose::Listen(number),
            revision,
            options: CallOptions::default(),
        })?;
        self.state.writer.number();
        let subscription = subscription.listens_by(request);
        self.state.subscriptions.begin(number, subscription);
        Ok(self.subscription_id(number))
    }

    fn subscribe_uris(
        &mut self,
        mut subscription: Subscription,
        revision: Revision,
    ) -> Result<SubscriptionId, Misuse> {
        let capability = ServerCapability::ResourcesSubscribe;
        if !subscription.uris().is_empty() && !self.state.opening.declared().has(capability) {
            return Err(Misuse::NotDeclaredByPeer(capability));
        }
        let number = self.state.writer.number();
        for uri in subscription.uris().to_vec() {
            let request = match self.state.subscriptions.need(&uri) {
                Need::None => continue,
                Need::Answer(request) => request,
                Need::Request => self.send::<method::Subscribe>(Outgoing {
                    params: &SubscribeParams::new(&*uri),
                    purpose: Purpose::Subscribe,
                    revision,
                    options: CallOptions::default(),
                })?,
            };
            subscription.waits_for(request, uri);
        }
        if self.state.subscriptions.begin(number, subscription) {
            self.confirm(number);
        }
        Ok(self.subscription_id(number))
    }

    /// A legacy server has answered for one URI, for which several subscriptions may wait. A
    /// refusal ends them, and what else they held is given back.
    pub(super) fn subscribed_uri(&mut self, request: u64, outcome: &Result<(), CallError>) {
        let Err(error) = outcome else {
            for number in self.state.subscriptions.granted(request) {
                self.confirm(number);
            }
            return;
        };
        let (ended, released) = self.state.subscriptions.refused(request);
        for (number, subscription) in ended {
            self.subscription_ended(number, &subscription, Err(error.clone()));
        }
        let is_lost = matches!(error, CallError::Lost(_));
        if let Some(revision) = self.state.opening.revision().filter(|_| !is_lost) {
            let written = self.release(&released, revision);
            debug_assert!(written.is_ok(), "a URI can always be written");
        }
    }

    /// Confirms a legacy subscription with what the server's capabilities promise.
    fn confirm(&mut self, number: u64) {
        if let Some(confirmed) = self.state.subscriptions.confirm(number) {
            let capabilities = self.state.opening.server().capabilities();
            let filter = confirmed.filter();
            let honoured = filter.honoured_by(&capabilities.unwrap_or_default());
            self.subscribed(number, honoured.into_owned());
        }
    }

    fn subscribed(&mut self, number: u64, honoured: SubscriptionFilter<'static>) {
        self.state.events.push(ClientEvent::Subscribed {
            subscription: self.subscription_id(number),
            honoured,
        });
    }

    /// Ends a subscription, and tells the user.
    pub(super) fn end_subscription(&mut self, number: u64, outcome: Result<(), CallError>) {
        let Some(ended) = self.state.subscriptions.end(number) else {
            return;
        };
        if let Some(listen) = ended.listen() {
            self.forget_listen(listen);
        }
        self.subscription_ended(number, &ended, outcome);
    }

    fn subscription_ended(
        &mut self,
        number: u64,
        ended: &Subscription,
        outcome: Result<(), CallError>,
    ) {
        self.state.events.push(ClientEvent::SubscriptionEnded {
            subscription: self.subscription_id(number),
            filter: ended.filter(),
            outcome,
        });
    }

    /// Forgets the request of a listen stream that is over; `None` when it had ended before.
    fn forget_listen(&mut self, number: u64) -> Option<RequestOut<Call>> {
        self.state.requests_out.remember(number);
        let mut request = self.state.requests_out.end(number)?;
        self.recycle(core::mem::take(&mut request.part.params));
        Some(request)
    }

    /// The server ends a listen stream by its request id (`sub.end.server.cancelled`).
    pub(super) fn listen_cancelled(&mut self, id: &RequestId) -> bool {
        let Some(number) = number_of(id) else {
            return false;
        };
        let found = self.state.subscriptions.of_listen(number);
        if let Some(subscription) = found {
            self.end_subscription(subscription, Ok(()));
        }
        found.is_some()
    }

    /// `notifications/subscriptions/acknowledged`
    pub(super) fn acknowledged(&mut self, received: Received, scan: &Scan) {
        let number = self.tagged(&received, scan);
        let params = received.params::<method::SubscriptionsAcknowledged>();
        let (Some(number), Ok(params)) = (number, params) else {
            return self.ignore(Ignored::notification(&received));
        };
        let Some(fresh) = self.state.subscriptions.confirm(number) else {
            return self.ignore(Ignored::notification(&received));
        };
        if let Some(listen) = fresh.listen() {
            self.state.requests_out.clear_deadlines(listen);
        }
        let SubscriptionsAcknowledgedParams { notifications, .. } = params;
        self.subscribed(number, notifications.into_owned());
    }

    /// Something has changed. A modern server tags a copy for each subscription (`sub.demux`); what
    /// a legacy one says once is handed to each subscription that is about it.
    pub(super) fn changed(&mut self, change: Change, received: Received, scan: &Scan) {
        let is_tagged = scan.param_meta(MetaMember::SubscriptionId).is_some();
        let uri = match change {
            Change::Resource => received
                .params::<ResourceUpdated>()
                .map(|params| params.uri),
            _ => Ok(Text::borrowed("")),
        };
        let Ok(uri) = uri else {
            return self.ignore(Ignored::notification(&received));
        };
        let concerned: SmallVec<[u64; 2]> = match is_tagged {
            true => self.tagged(&received, scan).into_iter().collect(),
            false => self.state.subscriptions.concerned(change, &uri),
        };
        if is_tagged && concerned.is_empty() {
            return self.ignore(Ignored::notification(&received));
        }
        let mut subscriptions: Vec<Option<SubscriptionId>> = Vec::with_capacity(1);
        subscriptions.extend(
            concerned
                .iter()
                .map(|number| Some(self.subscription_id(*number))),
        );
        if subscriptions.is_empty() {
            subscriptions.push(None);
        }
        for subscription in subscriptions {
            self.state.events.push(ClientEvent::Changed {
                change,
                subscription,
                notification: received.clone(),
            });
        }
    }

    /// The subscription by whose request id a notification is tagged.
    pub(super) fn tagged(&self, received: &Received, scan: &Scan) -> Option<u64> {
        let tag = raw_at(
            &received.body.frame,
            scan.param_meta(MetaMember::SubscriptionId),
        )?;
        let id = RequestId::from_json(tag.as_str())?.as_integer()?;
        let listen = u64::try_from(id).ok()?;
        self.state.subscriptions.of_listen(listen)
    }

    pub(super) fn change_of(known: SpecMethod) -> Option<Change> {
        Some(match known {
            SpecMethod::ToolsListChanged => Change::Tools,
            SpecMethod::PromptsListChanged => Change::Prompts,
            SpecMethod::ResourcesListChanged => Change::Resources,
            SpecMethod::ResourceUpdated => Change::Resource,
            _ => return None,
        })
    }
}
