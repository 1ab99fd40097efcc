//! Subscriptions of the modern era: what a client wants to be told, and what a server will tell.
//! The filter is read strictly, since a misread one would be silence or a flood.

use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;

use crate::model::capability::{ServerCapabilities, TASKS_EXTENSION};
use crate::model::meta::Meta;
use crate::model::wire_type::wire_type;
use crate::rpc::Text;

wire_type! {
    /// The changes that a subscription is about; what is absent or `false` is off.
    // `sub.optin`
    #[derive(Debug, Default)]
    pub struct SubscriptionFilter<'a> {
        /// Whether to tell that the list of tools changed.
        tools_list_changed? as "toolsListChanged": bool,
        /// Whether to tell that the list of prompts changed.
        prompts_list_changed? as "promptsListChanged": bool,
        /// Whether to tell that the list of resources changed.
        resources_list_changed? as "resourcesListChanged": bool,
        /// The URIs of the resources whose changes to tell.
        resource_subscriptions? as "resourceSubscriptions": Vec<Text<'a>>,
        /// The ids of the tasks whose progress to tell (tasks extension).
        task_ids? as "taskIds": Vec<Text<'a>>,
    }

    /// Creates a filter that lets nothing through.
    pub fn new();
}

impl<'a> SubscriptionFilter<'a> {
    /// Returns whether nothing is let through.
    pub fn is_empty(&self) -> bool {
        let switches = [
            self.tools_list_changed,
            self.prompts_list_changed,
            self.resources_list_changed,
        ];
        let lists = [&self.resource_subscriptions, &self.task_ids];
        switches.into_iter().all(|switch| switch != Some(true))
            && lists.into_iter().flatten().all(Vec::is_empty)
    }

    /// Returns the part of the filter that a server of these capabilities will honour, for its
    /// acknowledgement; what it doesn't support is left out.
    // `sub.ack.subset`
    #[must_use]
    pub fn honoured_by(&self, server: &ServerCapabilities<'_>) -> Self {
        let tools = server
            .tools
            .as_ref()
            .is_some_and(|tools| tools.list_changed);
        let prompts = server
            .prompts
            .as_ref()
            .is_some_and(|prompts| prompts.list_changed);
        let resources = server.resources.as_ref();
        let resource_list = resources.is_some_and(|resources| resources.list_changed);
        let subscribe = resources.is_some_and(|resources| resources.subscribe);
        let tasks = server.extension_settings(TASKS_EXTENSION).is_some();
        Self {
            tools_list_changed: both(self.tools_list_changed, tools),
            prompts_list_changed: both(self.prompts_list_changed, prompts),
            resources_list_changed: both(self.resources_list_changed, resource_list),
            resource_subscriptions: listed(&self.resource_subscriptions, |_| subscribe),
            task_ids: listed(&self.task_ids, |_| tasks),
        }
    }

    /// Returns what is asked for here and missing from the `honoured` filter of an acknowledgement.
    // `sub.ack.check`
    #[must_use]
    pub fn refused_in(&self, honoured: &SubscriptionFilter<'_>) -> Self {
        let off = |switch: Option<bool>| switch != Some(true);
        // Sorted, since the peer chooses how many it lists.
        let sorted = |list: &Option<Vec<Text<'_>>>| -> BTreeSet<String> {
            let texts = list.iter().flatten();
            texts.map(|text| text.as_str().into()).collect()
        };
        let uris = sorted(&honoured.resource_subscriptions);
        let ids = sorted(&honoured.task_ids);
        Self {
            tools_list_changed: both(self.tools_list_changed, off(honoured.tools_list_changed)),
            prompts_list_changed: both(
                self.prompts_list_changed,
                off(honoured.prompts_list_changed),
            ),
            resources_list_changed: both(
                self.resources_list_changed,
                off(honoured.resources_list_changed),
            ),
            resource_subscriptions: listed(&self.resource_subscriptions, |uri| {
                !uris.contains(uri.as_str())
            }),
            task_ids: listed(&self.task_ids, |id| !ids.contains(id.as_str())),
        }
    }
}

fn both(wanted: Option<bool>, given: bool) -> Option<bool> {
    wanted.filter(|wanted| *wanted && given)
}

/// The texts of `list` that are to be kept; `None` rather than an empty list.
fn listed<'a>(
    list: &Option<Vec<Text<'a>>>,
    keep: impl Fn(&Text<'a>) -> bool,
) -> Option<Vec<Text<'a>>> {
    let kept: Vec<_> = list
        .iter()
        .flatten()
        .filter(|text| keep(text))
        .cloned()
        .collect();
    (!kept.is_empty()).then_some(kept)
}

wire_type! {
    /// The parameters of `subscriptions/listen`, which opens a subscription.
    #[derive(Debug)]
    pub struct SubscriptionsListenParams<'a> {
        /// Which notifications the client wants.
        notifications: SubscriptionFilter<'a>,
        /// The request's `_meta`.
        meta? as "_meta": Meta<'a>,
    }

    /// Asks for the changes that `notifications` names.
    pub fn new(notifications: SubscriptionFilter<'a>);
}

wire_type! {
    /// The parameters of `notifications/subscriptions/acknowledged`, a subscription's first
    /// message.
    #[derive(Debug)]
    pub struct SubscriptionsAcknowledgedParams<'a> {
        /// What the server will tell: at most what it was asked for.
        notifications: SubscriptionFilter<'a>,
        /// The notification's `_meta`, which names the subscription.
        meta? as "_meta": Meta<'a>,
    }

    /// Returns the promise to tell what `notifications` lets through.
    pub fn new(notifications: SubscriptionFilter<'a>);
}

wire_type! {
    /// The result of `subscriptions/listen`, with which the server ends the subscription.
    #[derive(Debug, Default)]
    pub struct SubscriptionsListenResult<'a> {
        /// The result's `_meta`, which names the subscription.
        meta? as "_meta": Meta<'a>,
    }
}

impl<'a> SubscriptionsListenResult<'a> {
    /// Returns the end of a subscription.
    pub const fn new() -> Self {
        Self { meta: None }
    }
}
