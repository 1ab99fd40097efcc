//! One server as a part of another: what it offers, under names with a prefix.

use alloc::string::String;
#[cfg(feature = "skills")]
use alloc::{sync::Arc, vec::Vec};

use super::registry::Offered;
use super::{Async, Server};
use crate::model::capability::ServerCapabilities;
use crate::model::completion::Reference;
use crate::rpc::Text;

impl Server {
    /// Adds all that another server offers, its tools and prompts under names that begin with
    /// `prefix` and an underscore; an empty prefix changes no name.
    ///
    /// Resources and templates keep their URIs, since results and clients refer to them by these.
    /// The hooks of `server` stay around its handlers, inside those of this one, and its
    /// instructions follow this one's. What else it was set to (limits, revisions, seal, page size)
    /// doesn't count, nor do later changes of its registry. [`check`](Self::check) tells of names
    /// that are there twice.
    ///
    /// ```
    /// use mcp_proto::model::prompt::Prompt;
    /// use mcp_proto::Server;
    ///
    /// let poems = Server::new("poems", "1.0").prompt(Prompt::new("ode"), |_, _| Ok("O …"));
    /// let library = Server::new("library", "1.0").mount("poems", poems); // offers `poems_ode`
    /// library.check()?;
    /// # Ok::<(), mcp_proto::server::DefinitionError>(())
    /// ```
    #[must_use]
    pub fn mount(self, prefix: &str, server: Self) -> Self {
        self.with_mounted(prefix, &server)
    }
}

impl Server<Async> {
    /// Adds all that another server offers, its tools and prompts under names that begin with
    /// `prefix` and an underscore; an empty prefix changes no name.
    ///
    /// It is the same as for a blocking server, see [`Server::mount`](Server#method.mount), and
    /// takes servers of either kind.
    #[must_use]
    pub fn mount(self, prefix: &str, server: impl Into<Self>) -> Self {
        self.with_mounted(prefix, &server.into())
    }
}

impl<Mode> Server<Mode> {
    fn with_mounted(mut self, prefix: &str, other: &Self) -> Self {
        let offered = other.shared.registry.read();
        let hooks = &other.shared.hooks;
        for (definition, handler) in offered.tools.entries() {
            let mut definition = definition.clone();
            definition.tool.name = prefixed(prefix, &definition.tool.name).into();
            self = self.with_mounted_tool(definition, handler.inside(hooks));
        }
        for (resource, handler) in offered.resources.entries() {
            self = self.with_resource(resource.clone(), handler.inside(hooks));
        }
        for (template, handler) in offered.templates.entries() {
            self = self.with_template(template.clone(), handler.inside(hooks));
        }
        for (prompt, handler) in offered.prompts.entries() {
            let mut prompt = prompt.clone();
            prompt.name = prefixed(prefix, &prompt.name).into();
            self = self.with_prompt(prompt, handler.inside(hooks));
        }
        for (completion, handler) in offered.completions.entries() {
            let mut completion = completion.clone();
            if let Reference::Prompt(prompt) = &mut completion.reference {
                prompt.name = prefixed(prefix, &prompt.name).into();
            }
            self = self.with_completion(completion, handler.inside(hooks));
        }
        #[cfg(feature = "skills")]
        for (skill, inner) in offered.skills.added() {
            let hooks: Vec<_> = hooks.iter().chain(inner).cloned().collect();
            self = self.with_skill(Arc::clone(skill), &hooks);
        }
        self.joined(prefix, &offered, other.shared.config.instructions.as_ref())
    }

    /// Adds what a mounted server says of itself.
    fn joined(self, prefix: &str, offered: &Offered, instructions: Option<&Text<'static>>) -> Self {
        self.shared.registry.edit(|own| {
            own.refuse(offered.refused.clone());
            declare(&mut own.declared, &offered.declared);
            own.require_as(offered, |name| prefixed(prefix, name));
        });
        let Some(added) = instructions else {
            return self;
        };
        let joined = match &self.shared.config.instructions {
            Some(own) => alloc::format!("{own}\n\n{added}").into(),
            None => added.clone(),
        };
        self.instructions(joined)
    }
}

fn prefixed(prefix: &str, name: &str) -> String {
    match prefix {
        "" => name.into(),
        prefix => alloc::format!("{prefix}_{name}"),
    }
}

/// Adds the capabilities that `own` doesn't have.
fn declare(own: &mut ServerCapabilities<'static>, added: &ServerCapabilities<'static>) {
    let added = added.clone();
    own.logging = own.logging.take().or(added.logging);
    own.completions = own.completions.take().or(added.completions);
    own.prompts = own.prompts.take().or(added.prompts);
    own.resources = own.resources.take().or(added.resources);
    own.tools = own.tools.take().or(added.tools);
    own.experimental = own.experimental.take().or(added.experimental);
    own.extensions = own.extensions.take().or(added.extensions);
}
