//! The client's subscriptions: `subscriptions/listen` in the modern era, `resources/subscribe` and
//! unasked list changes in the legacy one, behind the same commands and events.
//!
//! Rules of this file: a subscription is confirmed once and ends once; a live listen stream has no
//! deadline, only its confirmation has one (`timeout.listen`); the same URI is asked of a legacy
//! server once, however many subscriptions hold it.

use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::model::members::MetaMember;
use crate::model::method::{self, ResourceUpdated, ServerCapability, SpecMethod};
use crate::model::owned::IntoOwned;
use crate::model::resource::{SubscribeParams, UnsubscribeParams};
use crate::model::subscription::{
    SubscriptionFilter, SubscriptionsAcknowledgedParams, SubscriptionsListenParams,
};
use crate::revision::{Era, Revision};
use crate::rpc::{RequestId, Scan, raw_at};
use crate::time::Instant;

use super::super::config::CallOptions;
use super::super::error::CallError;
use super::super::event::{Change, Ignored, Received};
use super::super::id::SubscriptionId;
use super::super::misuse::{Handle, Limited, Misuse};
use super::super::requests_out::{RequestOut, number_of};
use super::super::side::Side;
use super::super::table::Weigh;
use super::call::{Call, Outgoing, Purpose};
use super::{ClientEvent, ClientSession};

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Subscription {
    /// What it is for, as JSON.
    filter: Box<str>,
    uris: Vec<Box<str>>,
    /// The number of the listen request; `None` in the legacy era.
    listen: Option<u64>,
    /// What a legacy server has still to confirm: the request that asked for it, and the URI.
    waits: Vec<(u64, Box<str>)>,
    /// Whether the server has confirmed it.
    is_confirmed: bool,
}

impl Weigh for Subscription {
    fn weight(&self) -> usize {
        let uris = self.uris.iter().map(|uri| size_of_val(uri) + uri.len());
        let waits = self.waits.iter().map(|(_, uri)| 24 + uri.len());
        size_of::<Self>() + self.filter.len() + uris.sum::<usize>() + waits.sum::<usize>()
    }
}

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
        self.state.writer.advance(now);
        let revision = self.open_revision()?;
        self.state.writer.check_room()?;
        let held = self.state.subscriptions.iter();
        let held: usize = held.map(|(_, held)| 1 + held.uris.len()).sum();
        let limit = self.config.limits.subscriptions;
        let is_over = |uris: usize| held + 1 + uris > limit;
        let over = Misuse::LimitReached {
            what: Limited::Subscriptions,
            limit,
        };
        let wanted = filter.resource_subscriptions.iter().flatten();
        let mut seen = BTreeSet::new();
        let mut uris: Vec<Box<str>> = Vec::new();
        for uri in wanted {
            if seen.insert(uri.as_str()) {
                uris.push(uri.as_str().into());
            }
            if is_over(uris.len()) {
                return Err(over);
            }
        }
        if is_over(uris.len()) {
            return Err(over);
        }
        let text = serde_json::to_string(filter).unwrap_or_default().into();
        let subscription = Subscription {
            filter: text,
            uris,
            listen: None,
            waits: Vec::new(),
            is_confirmed: false,
        };
        match revision.era() {
            Era::Modern => self.listen(subscription, filter, revision),
            Era::Legacy => self.subscribe_uris(subscription, revision),
        }
    }

    /// Ends a subscription from this side; nothing more comes for it.
    ///
    /// Returns an error if it isn't open (any more).
    pub fn unsubscribe(&mut self, now: Instant, id: SubscriptionId) -> Result<(), Misuse> {
        self.state.writer.advance(now);
        let revision = self.open_revision()?;
        let number = id
            .number_in(self.state.writer.tag)
            .ok_or(Misuse::Unknown(Handle::Subscription))?;
        let subscription = self
            .state
            .subscriptions
            .remove(number)
            .ok_or(Misuse::Unknown(Handle::Subscription))?;
        if let Some(number) = subscription.listen {
            if let Some(request) = self.forget_listen(number) {
                request.cancel(number, &mut self.state.writer, Some(revision), None);
            }
            return Ok(());
        }
        self.release(&subscription.uris, revision)
    }

    /// Whether some subscription is for this URI.
    fn is_held(&self, uri: &str) -> bool {
        let mut held = self.state.subscriptions.iter().flat_map(|(_, s)| &s.uris);
        held.any(|held| **held == *uri)
    }

    /// The request for this URI whose answer is still to come.
    fn asked_for(&self, uri: &str) -> Option<u64> {
        let mut waits = self.state.subscriptions.iter().flat_map(|(_, s)| &s.waits);
        let wait = waits.find(|(_, waited)| **waited == *uri);
        wait.map(|(request, _)| *request)
    }

    /// Tells a legacy server of the URIs that no subscription holds any more.
    fn release(&mut self, uris: &[Box<str>], revision: Revision) -> Result<(), Misuse> {
        for uri in uris {
            if self.is_held(uri) {
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
        self.state
            .subscriptions
            .iter()
            .map(|(number, subscription)| {
                (
                    SubscriptionId::new(self.state.writer.tag, number),
                    read_filter(&subscription.filter),
                )
            })
    }

    fn listen(
        &mut self,
        mut subscription: Subscription,
        filter: &SubscriptionFilter<'_>,
        revision: Revision,
    ) -> Result<SubscriptionId, Misuse> {
        let params = SubscriptionsListenParams::new(filter.clone());
        // The number of the subscription comes first; the request's is the next one.
        let number = self.state.writer.next_number() + 1;
        let id = SubscriptionId::new(self.state.writer.tag, number);
        let purpose = Purpose::Listen(number);
        let options = CallOptions::default();
        let outgoing = Outgoing {
            params: &params,
            purpose,
            revision,
            options,
        };
        subscription.listen = Some(self.send::<method::SubscriptionsListen>(outgoing)?);
        self.state.writer.number();
        self.state.subscriptions.insert(number, subscription);
        Ok(id)
    }

    fn subscribe_uris(
        &mut self,
        mut subscription: Subscription,
        revision: Revision,
    ) -> Result<SubscriptionId, Misuse> {
        if !subscription.uris.is_empty()
            && !self
                .state
                .opening
                .declared()
                .has(ServerCapability::ResourcesSubscribe)
        {
            return Err(Misuse::NotDeclaredByPeer(
                ServerCapability::ResourcesSubscribe,
            ));
        }
        let number = self.state.writer.number();
        for uri in subscription.uris.clone() {
            let asked = self.asked_for(&uri);
            let request = match asked {
                Some(request) => request,
                None if self.is_held(&uri) => continue,
                None => {
                    let params = SubscribeParams::new(&*uri);
                    self.send::<method::Subscribe>(Outgoing {
                        params: &params,
                        purpose: Purpose::Subscribe,
                        revision,
                        options: CallOptions::default(),
                    })?
                }
            };
            subscription.waits.push((request, uri));
        }
        let is_confirmed = subscription.waits.is_empty();
        self.state.subscriptions.insert(number, subscription);
        if is_confirmed {
            self.confirm(number);
        }
        Ok(SubscriptionId::new(self.state.writer.tag, number))
    }

    /// A legacy server has answered for one URI, for which several subscriptions may wait. A
    /// refusal ends them, and what else they held is given back.
    pub(super) fn subscribed_uri(&mut self, request: u64, outcome: &Result<(), CallError>) {
        let mut released = Vec::new();
        for number in self.state.subscriptions.numbers() {
            let answered = self.state.subscriptions.change(number, |subscription| {
                let mut waits = subscription.waits.iter();
                let at = waits.position(|wait| wait.0 == request)?;
                Some(subscription.waits.swap_remove(at).1)
            });
            let Some(uri) = answered.flatten() else {
                continue;
            };
            let Some(subscription) = self.state.subscriptions.get(number) else {
                continue;
            };
            if let Err(error) = outcome {
                let held = subscription.uris.iter().filter(|held| **held != uri);
                released.extend(held.cloned());
                self.end_subscription(number, Err(error.clone()));
            } else if subscription.waits.is_empty() {
                self.confirm(number);
            }
        }
        let is_lost = matches!(outcome, Err(CallError::Lost(_)));
        if let Some(revision) = self.state.opening.revision().filter(|_| !is_lost) {
            released.sort_unstable();
            released.dedup();
            let written = self.release(&released, revision);
            debug_assert!(written.is_ok(), "a URI can always be written");
        }
    }

    /// Confirms a legacy subscription with what the server's capabilities promise.
    fn confirm(&mut self, number: u64) {
        let Some(subscription) = self.state.subscriptions.get_mut(number) else {
            return;
        };
        subscription.is_confirmed = true;
        let filter = read_filter(&subscription.filter);
        let capabilities = self.server_capabilities().unwrap_or_default();
        let honoured = filter.honoured_by(&capabilities).into_owned();
        let subscription = SubscriptionId::new(self.state.writer.tag, number);
        self.state.events.push(ClientEvent::Subscribed {
            subscription,
            honoured,
        });
    }

    /// Tells the user that a subscription is over, once.
    pub(super) fn end_subscription(&mut self, number: u64, outcome: Result<(), CallError>) {
        let Some(ended) = self.state.subscriptions.remove(number) else {
            return;
        };
        if let Some(listen) = ended.listen {
            self.forget_listen(listen);
        }
        self.state.events.push(ClientEvent::SubscriptionEnded {
            subscription: SubscriptionId::new(self.state.writer.tag, number),
            filter: read_filter(&ended.filter),
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
        let found = self
            .state
            .subscriptions
            .find(|subscription| subscription.listen == Some(number));
        if let Some(subscription) = found {
            self.end_subscription(subscription, Ok(()));
        }
        found.is_some()
    }

    /// `notifications/subscriptions/acknowledged`
    pub(super) fn acknowledged(&mut self, received: Received, scan: &Scan) {
        let number = self.tagged(&received, scan);
        let params = received.params::<method::SubscriptionsAcknowledged>();
        let subscription = number.and_then(|number| self.state.subscriptions.get_mut(number));
        let fresh = subscription.filter(|subscription| !subscription.is_confirmed);
        let (Some(number), Ok(params), Some(fresh)) = (number, params, fresh) else {
            return self.ignore(Ignored::notification(&received));
        };
        fresh.is_confirmed = true;
        let SubscriptionsAcknowledgedParams { notifications, .. } = params;
        let honoured = notifications.into_owned();
        if let Some(listen) = self.state.subscriptions.get(number).and_then(|s| s.listen) {
            self.state.requests_out.clear_deadlines(listen);
        }
        let subscription = SubscriptionId::new(self.state.writer.tag, number);
        self.state.events.push(ClientEvent::Subscribed {
            subscription,
            honoured,
        });
    }

    /// Something has changed. A modern server tags a copy for each subscription (`sub.demux`); what
    /// a legacy one says once is handed to each subscription that is about it.
    pub(super) fn changed(&mut self, change: Change, received: Received, scan: &Scan) {
        let is_tagged = scan.param_meta(MetaMember::SubscriptionId).is_some();
        let concerned: Vec<u64> = match is_tagged {
            true => self.tagged(&received, scan).into_iter().collect(),
            false => self.concerned(change, &received),
        };
        let is_malformed =
            change == Change::Resource && received.params::<ResourceUpdated>().is_err();
        if is_malformed || (is_tagged && concerned.is_empty()) {
            return self.ignore(Ignored::notification(&received));
        }
        let unasked = concerned.is_empty().then_some(None);
        let asked = concerned
            .into_iter()
            .map(|number| Some(SubscriptionId::new(self.state.writer.tag, number)));
        for subscription in asked.chain(unasked) {
            self.state.events.push(ClientEvent::Changed {
                change,
                subscription,
                notification: received.clone(),
            });
        }
    }

    /// The subscription by whose request id a notification is tagged.
    fn tagged(&self, received: &Received, scan: &Scan) -> Option<u64> {
        let tag = raw_at(
            &received.body.frame,
            scan.param_meta(MetaMember::SubscriptionId),
        )?;
        let id = RequestId::from_json(tag.as_str())?.as_integer()?;
        let listen = u64::try_from(id).ok()?;
        self.state
            .subscriptions
            .find(|subscription| subscription.listen == Some(listen))
    }

    /// The confirmed subscriptions that an untagged notification is about.
    fn concerned(&self, change: Change, received: &Received) -> Vec<u64> {
        let params = received.params::<ResourceUpdated>().ok();
        let is_about = |subscription: &Subscription| {
            let filter = || read_filter(&subscription.filter);
            match change {
                Change::Tools => filter().tools_list_changed == Some(true),
                Change::Prompts => filter().prompts_list_changed == Some(true),
                Change::Resources => filter().resources_list_changed == Some(true),
                Change::Resource => params.as_ref().is_some_and(|params| {
                    let mut held = subscription.uris.iter();
                    held.any(|held| covers(held, params.uri.as_str()))
                }),
            }
        };
        let about = |entry: &(u64, &Subscription)| entry.1.is_confirmed && is_about(entry.1);
        let concerned = self.state.subscriptions.iter().filter(about);
        concerned.map(|(number, _)| number).collect()
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

/// Whether `uri` is what was subscribed to, or lies below it (`res.updated`).
pub(crate) fn covers(subscribed: &str, uri: &str) -> bool {
    uri.strip_prefix(subscribed)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || subscribed.ends_with('/'))
}

fn read_filter(text: &str) -> SubscriptionFilter<'static> {
    serde_json::from_str::<SubscriptionFilter<'_>>(text)
        .map(IntoOwned::into_owned)
        .unwrap_or_default()
}
