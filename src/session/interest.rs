//! Which changes of a server somebody wants to hear of: a client's subscription and a server's
//! listen stream ask the same thing of it.
//!
//! Rules of this file: each URI and each task counts once; a subscription to a URI is one to all that lies below
//! it (`res.updated`); who is concerned by a change of a resource is found without a look at all that
//! are not.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::iter;
use core::ops::Bound;

use smallvec::SmallVec;

use crate::model::subscription::SubscriptionFilter;
use crate::named::transparent;
use crate::rpc::Text;
use crate::saved::saved;

use super::event::Change;

/// The lists, the resources and the tasks whose changes are wanted.
#[derive(Clone, Debug, Default)]
pub(super) struct Interest {
    tools: bool,
    prompts: bool,
    resources: bool,
    uris: Vec<Box<str>>,
    /// The ids of tasks, in order.
    tasks: Vec<Box<str>>,
}

saved! { struct Interest { tools, prompts, resources, uris, tasks } }

impl Interest {
    /// What a filter lets through, with the URIs in its order.
    pub(super) fn new(filter: &SubscriptionFilter<'_>) -> Self {
        let mut seen = BTreeSet::new();
        let uris = filter.resource_subscriptions.iter().flatten();
        let fresh = uris.filter(|uri| seen.insert(uri.as_str()));
        let tasks: BTreeSet<&str> = filter.task_ids.iter().flatten().map(Text::as_str).collect();
        Self {
            tasks: tasks.into_iter().map(Box::from).collect(),
            tools: filter.tools_list_changed == Some(true),
            prompts: filter.prompts_list_changed == Some(true),
            resources: filter.resources_list_changed == Some(true),
            uris: fresh.map(|uri| Box::from(uri.as_str())).collect(),
        }
    }

    /// Whether changes of a list are wanted; never for those of a resource, which [`Watched`] finds.
    pub(super) fn wants_list(&self, change: Change) -> bool {
        match change {
            Change::Tools => self.tools,
            Change::Prompts => self.prompts,
            Change::Resources => self.resources,
            Change::Resource => false,
        }
    }

    pub(super) fn uris(&self) -> &[Box<str>] {
        &self.uris
    }

    /// How many resources and tasks there are.
    pub(super) fn count(&self) -> usize {
        self.uris.len().saturating_add(self.tasks.len())
    }

    /// The ids of the tasks, each once.
    pub(super) fn tasks(&self) -> &[Box<str>] {
        &self.tasks
    }

    pub(super) fn wants_task(&self, id: &str) -> bool {
        self.tasks
            .binary_search_by(|wanted| (**wanted).cmp(id))
            .is_ok()
    }

    /// Gives the URIs away.
    pub(super) fn into_uris(self) -> Vec<Box<str>> {
        self.uris
    }
}

/// Who watches which resource, each by a number.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Watched(BTreeMap<Box<str>, SmallVec<[u64; 2]>>);

transparent! { Watched }

impl Watched {
    /// Nobody watches anything.
    pub(super) const NOTHING: Self = Self(BTreeMap::new());

    /// Notes that somebody watches `uri`. Returns whether nobody did before.
    pub(super) fn watch(&mut self, uri: &str, watcher: u64) -> bool {
        if let Some(watchers) = self.0.get_mut(uri) {
            if let Err(at) = watchers.binary_search(&watcher) {
                watchers.insert(at, watcher);
            }
            return false;
        }
        self.0.insert(uri.into(), SmallVec::from_slice(&[watcher]));
        true
    }

    /// Notes that somebody doesn't watch `uri` any more. Returns whether nobody does now.
    pub(super) fn unwatch(&mut self, uri: &str, watcher: u64) -> bool {
        let Some(watchers) = self.0.get_mut(uri) else {
            return false;
        };
        if let Ok(at) = watchers.binary_search(&watcher) {
            watchers.remove(at);
        }
        watchers.is_empty() && self.0.remove(uri).is_some()
    }

    /// Whether somebody watches just this.
    pub(super) fn contains(&self, uri: &str) -> bool {
        self.0.contains_key(uri)
    }

    /// Who watches just this, by ascending number.
    pub(super) fn of(&self, uri: &str) -> &[u64] {
        self.0.get(uri).map_or(&[], |watchers| watchers)
    }

    /// What is watched, each once.
    pub(super) fn uris(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(|uri| &**uri)
    }

    /// Whom a change of `uri` concerns, each once, by ascending number.
    pub(super) fn concerned(&self, uri: &str) -> SmallVec<[u64; 2]> {
        let mut concerned = SmallVec::new();
        for watchers in self.covering(uri) {
            concerned.extend_from_slice(watchers);
        }
        concerned.sort_unstable();
        concerned.dedup();
        concerned
    }

    /// The watchers of each URI that covers `uri`, the longest first.
    ///
    /// What covers it is a beginning of it. The last entry that isn't behind `uri` is one, or shares a
    /// beginning with it that is as long as any that is left; so each step shortens what is looked for.
    fn covering(&self, uri: &str) -> impl Iterator<Item = &[u64]> {
        let mut end = Some(Bound::Included(uri));
        iter::from_fn(move || {
            loop {
                let below = (Bound::Unbounded, end?);
                let Some((watched, watchers)) = self.0.range::<str, _>(below).next_back() else {
                    end = None;
                    return None;
                };
                let shared = shared(watched, uri);
                if shared.len() < watched.len() {
                    end = Some(Bound::Included(shared));
                    continue;
                }
                end = Some(Bound::Excluded(shared));
                if covers(watched, uri) {
                    return Some(&watchers[..]);
                }
            }
        })
    }
}

/// The beginning of `uri` that `other` has too.
fn shared<'a>(other: &str, uri: &'a str) -> &'a str {
    let both = uri.char_indices().zip(other.chars());
    let end = both.take_while(|((_, one), other)| one == other).last();
    end.and_then(|((at, one), _)| uri.get(..at.saturating_add(one.len_utf8())))
        .unwrap_or_default()
}

/// Whether `uri` is what was subscribed to, or lies below it.
fn covers(subscribed: &str, uri: &str) -> bool {
    uri.strip_prefix(subscribed)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || subscribed.ends_with('/'))
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::String;

    use super::*;

    /// Texts of few characters, so that many begin alike.
    fn uri(state: &mut u64) -> String {
        let mut next = |below: u64| {
            *state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (*state >> 40) % below
        };
        let length = next(7);
        let rest = (0..length).map(|_| ['/', 'a', 'ä', 'ã', '/'][next(5) as usize]);
        format!("x:{}", String::from_iter(rest))
    }

    #[test]
    fn whoever_watches_what_covers_a_resource_is_found_and_nobody_else() {
        for mut state in 0..30 {
            let mut watched = Watched::default();
            let mut all = Vec::new();
            for watcher in 1..40 {
                let uri = uri(&mut state);
                watched.watch(&uri, watcher);
                all.push((uri, watcher));
            }
            for (uri, watcher) in all.drain(..10) {
                let others = watched.of(&uri).len() > 1;
                assert_eq!(watched.unwatch(&uri, watcher), !others);
            }
            for _ in 0..200 {
                let uri = uri(&mut state);
                let covering = all.iter().filter(|(watched, _)| covers(watched, &uri));
                let expected = Vec::from_iter(covering.map(|(_, watcher)| *watcher));
                assert_eq!(watched.concerned(&uri)[..], expected, "{uri} of {all:?}");
            }
        }
    }
}
