//! Which scopes a token needs for what a server offers.
//!
//! Rules of this file: what is needed goes by what is asked for, however it is asked for: called, read,
//! got, completed or subscribed to, alone or in a batch; scopes that can't be kept as they are given are
//! an error and never fewer; where nobody asks for tokens, as on a pipe, nothing is needed.

#[cfg(feature = "http-core")]
mod frame;

use alloc::string::String;

use super::registry::Offered;
use super::required::Kind;
use super::{DefinitionError, Registry, Server};
use crate::model::completion::Reference;
use crate::model::method::{Complete, Method, SpecMethod, SubscriptionsListen};
use crate::rpc::{Raw, RpcError};
use crate::scopes::Scopes;
use crate::session::Request;

impl<Mode> Server<Mode> {
    /// Says that a token needs these scopes to call a tool. Over HTTP a caller without them is answered
    /// with 403, which names them; on a pipe, where there are no tokens, they mean nothing.
    ///
    /// [`check`](Self::check) returns an error if there is no such tool, or one of them is no scope.
    // `auth.403.scope`
    #[must_use]
    pub fn tool_scopes<S: AsRef<str>>(
        self,
        name: &str,
        scopes: impl IntoIterator<Item = S>,
    ) -> Self {
        let set = self.shared.registry.tool_scopes(name, scopes);
        self.refuse(set.err())
    }

    /// Says that a token needs these scopes to read a resource, subscribe to it, or complete its variables.
    /// `uri` is a resource's URI, or the text of a template. Otherwise as
    /// [`tool_scopes`](Self::tool_scopes).
    #[must_use]
    pub fn resource_scopes<S: AsRef<str>>(
        self,
        uri: &str,
        scopes: impl IntoIterator<Item = S>,
    ) -> Self {
        let set = self.shared.registry.resource_scopes(uri, scopes);
        self.refuse(set.err())
    }

    /// Says that a token needs these scopes to get a prompt or complete its arguments. Otherwise as
    /// [`tool_scopes`](Self::tool_scopes).
    #[must_use]
    pub fn prompt_scopes<S: AsRef<str>>(
        self,
        name: &str,
        scopes: impl IntoIterator<Item = S>,
    ) -> Self {
        let set = self.shared.registry.prompt_scopes(name, scopes);
        self.refuse(set.err())
    }
}

impl Registry {
    /// Says that a token needs these scopes to call a tool that is there or will be. See
    /// [`Server::tool_scopes`]. Returns an error if one of them is no scope; then nothing has changed.
    pub fn tool_scopes<S: AsRef<str>>(
        &self,
        name: &str,
        scopes: impl IntoIterator<Item = S>,
    ) -> Result<(), DefinitionError> {
        self.require(Kind::Tool, name, scopes)
    }

    /// Says that a token needs these scopes for a resource or the resources of a template. See
    /// [`Server::resource_scopes`]. Returns an error if one of them is no scope; then nothing has
    /// changed.
    pub fn resource_scopes<S: AsRef<str>>(
        &self,
        uri: &str,
        scopes: impl IntoIterator<Item = S>,
    ) -> Result<(), DefinitionError> {
        self.require(Kind::Resource, uri, scopes)
    }

    /// Says that a token needs these scopes for a prompt. See [`Server::prompt_scopes`]. Returns an error
    /// if one of them is no scope; then nothing has changed.
    pub fn prompt_scopes<S: AsRef<str>>(
        &self,
        name: &str,
        scopes: impl IntoIterator<Item = S>,
    ) -> Result<(), DefinitionError> {
        self.require(Kind::Prompt, name, scopes)
    }

    fn require<S: AsRef<str>>(
        &self,
        kind: Kind,
        name: &str,
        scopes: impl IntoIterator<Item = S>,
    ) -> Result<(), DefinitionError> {
        let Some(scopes) = Scopes::exact(scopes) else {
            let (kind, name) = (kind.name(), name.into());
            return Err(DefinitionError::Scopes { kind, name });
        };
        self.edit(|offered| offered.required.set(kind, name, scopes));
        Ok(())
    }
}

impl Offered {
    /// Takes over what a mounted server's things need, under the names that they have here.
    pub(super) fn require_as(&mut self, other: &Self, rename: impl Fn(&str) -> String) {
        for (kind, name, scopes) in other.required.iter() {
            let name = match kind {
                Kind::Resource => String::from(name),
                Kind::Tool | Kind::Prompt => rename(name),
            };
            self.required.set(kind, &name, scopes.clone());
        }
    }

    /// Returns an error if something needs scopes that isn't there, as a name that is mistyped would
    /// protect nothing.
    pub(super) fn check_required(&self) -> Result<(), DefinitionError> {
        let missing = self.required.iter().find(|(kind, name, _)| match kind {
            Kind::Tool => self.tools.get(name).is_none(),
            Kind::Prompt => self.prompts.get(name).is_none(),
            Kind::Resource => {
                let is_there =
                    self.resources.get(name).is_some() || self.templates.get(name).is_some();
                #[cfg(feature = "skills")]
                let is_there = is_there || self.skills.handler(name).is_some();
                !is_there
            }
        });
        match missing {
            None => Ok(()),
            Some((kind, name, _)) => Err(DefinitionError::Unknown {
                kind: kind.name(),
                name: name.into(),
            }),
        }
    }

    /// The scopes that a resource needs: its own if it stands by itself, or else its template's, as the
    /// handler is found.
    fn of_resource(&self, uri: &str) -> Option<&Scopes> {
        if self.resources.get(uri).is_some() {
            return self.required.of(Kind::Resource, uri);
        }
        // Of a template by its text, which is completed and never read.
        if let Some(own) = self.required.of(Kind::Resource, uri) {
            return Some(own);
        }
        // A skill's SKILL.md stands for all of its files.
        #[cfg(feature = "skills")]
        if let Some(skill) = self.skills.skill_of(uri) {
            return self.required.of(Kind::Resource, skill);
        }
        let (template, _) = self.template_of(uri)?;
        let text = &template.template.uri_template;
        self.required.of(Kind::Resource, text)
    }
}

/// Returns an error if what a token is good for doesn't cover what a request needs. It comes after the
/// check of the whole frame, and holds where that isn't made.
pub(super) fn check(
    offered: &Offered,
    request: &Request,
    granted: &Scopes,
) -> Result<(), RpcError> {
    let Some(known) = request.known() else {
        return Ok(());
    };
    if offered.required.is_empty() {
        return Ok(());
    }
    let target = request.target();
    let mut needed = Scopes::default();
    let params = request.raw_params();
    add(offered, known, target.as_deref(), Some(params), &mut needed);
    match granted.covers(&needed) {
        true => Ok(()),
        false => Err(RpcError::invalid_request(alloc::format!(
            "Insufficient scope: the request needs {needed}"
        ))),
    }
}

/// Adds the scopes that a request needs.
fn add(
    offered: &Offered,
    method: SpecMethod,
    target: Option<&str>,
    params: Option<Raw<'_>>,
    needed: &mut Scopes,
) {
    let required = &offered.required;
    let mut also = |scopes: Option<&Scopes>| {
        if let Some(scopes) = scopes {
            *needed = needed.union(scopes);
        }
    };
    let target = target.unwrap_or_default();
    match method {
        SpecMethod::CallTool => also(required.of(Kind::Tool, target)),
        SpecMethod::GetPrompt => also(required.of(Kind::Prompt, target)),
        SpecMethod::ReadResource | SpecMethod::Subscribe => also(offered.of_resource(target)),
        SpecMethod::Complete => {
            let params = params.as_ref();
            let params =
                params.and_then(|params| params.decode::<<Complete as Method>::Params<'_>>().ok());
            match params.map(|params| params.reference) {
                Some(Reference::Prompt(prompt)) => also(required.of(Kind::Prompt, &prompt.name)),
                Some(Reference::Resource(resource)) => also(offered.of_resource(&resource.uri)),
                None => {}
            }
        }
        SpecMethod::SubscriptionsListen => {
            let params = params.as_ref();
            let params = params.and_then(|params| {
                params
                    .decode::<<SubscriptionsListen as Method>::Params<'_>>()
                    .ok()
            });
            let uris = params.and_then(|params| params.notifications.resource_subscriptions);
            for uri in uris.iter().flatten() {
                also(offered.of_resource(uri));
            }
        }
        _ => {}
    }
}
