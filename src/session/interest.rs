//! Which changes of a server somebody wants to hear of: a client's subscription and a server's
//! listen stream ask the same thing of it.
//!
//! Rules of this file: each URI counts once; a subscription to a URI is one to all that lies below
//! it (`res.updated`).

use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::model::subscription::SubscriptionFilter;

use super::event::Change;

/// The lists and the resources whose changes are wanted.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Interest {
    tools: bool,
    prompts: bool,
    resources: bool,
    uris: Vec<Box<str>>,
}

impl Interest {
    /// What a filter lets through, with the URIs in its order.
    pub(super) fn new(filter: &SubscriptionFilter<'_>) -> Self {
        let mut seen = BTreeSet::new();
        let uris = filter.resource_subscriptions.iter().flatten();
        let fresh = uris.filter(|uri| seen.insert(uri.as_str()));
        Self {
            tools: filter.tools_list_changed == Some(true),
            prompts: filter.prompts_list_changed == Some(true),
            resources: filter.resources_list_changed == Some(true),
            uris: fresh.map(|uri| Box::from(uri.as_str())).collect(),
        }
    }

    /// Whether a change is wanted, of the resource `uri` if it is one of those.
    pub(super) fn wants(&self, change: Change, uri: &str) -> bool {
        match change {
            Change::Tools => self.tools,
            Change::Prompts => self.prompts,
            Change::Resources => self.resources,
            Change::Resource => self.uris.iter().any(|wanted| covers(wanted, uri)),
        }
    }

    pub(super) fn uris(&self) -> &[Box<str>] {
        &self.uris
    }

    /// Gives the URIs away.
    pub(super) fn into_uris(self) -> Vec<Box<str>> {
        self.uris
    }
}

/// Whether `uri` is what was subscribed to, or lies below it.
pub(super) fn covers(subscribed: &str, uri: &str) -> bool {
    uri.strip_prefix(subscribed)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || subscribed.ends_with('/'))
}
