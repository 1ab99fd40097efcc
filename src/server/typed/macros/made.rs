//! What the expansions of the macros call: definitions of functions, and functions as handlers.

use alloc::string::String;
use alloc::vec::Vec;
use core::future::Future;
use core::marker::PhantomData;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use super::super::{Offers, TypedOutput, offers};
use crate::model::completion::{PromptReference, ResourceTemplateReference};
use crate::model::prompt::Prompt;
use crate::model::resource::{Resource, ResourceTemplate};
use crate::model::tool::Tool;
use crate::server::{Async, Context, HandlerError, IntoPrompt, IntoResource};

/// What a function returns: a `Result` or anything else.
pub struct Returned<T>(PhantomData<fn() -> T>);

impl<T> Returned<T> {
    /// The kind of a value.
    pub const fn of(_: &T) -> Self {
        Self(PhantomData)
    }
}

impl<T, E> Returned<Result<T, E>> {
    /// The same with the error of a handler. This is found before [`Plain::into_result`].
    pub fn into_result(self, returned: Result<T, E>) -> Result<T, HandlerError>
    where
        HandlerError: From<E>,
    {
        Ok(returned?)
    }
}

/// What a function returns that is no `Result`.
pub trait Plain<T> {
    /// The value as it is.
    fn into_result(self, returned: T) -> Result<T, HandlerError>;
}

impl<T> Plain<T> for Returned<T> {
    fn into_result(self, returned: T) -> Result<T, HandlerError> {
        Ok(returned)
    }
}

/// What the definition of a resource says.
#[expect(
    clippy::exhaustive_structs,
    reason = "the macros write it in the user's crate"
)]
pub struct About<'a> {
    pub uri: &'static str,
    pub name: &'static str,
    pub docs: &'a [&'a str],
    pub mime: &'a [&'static str],
}

impl About<'_> {
    fn name(&self) -> &'static str {
        plain_name(self.name)
    }

    fn description(&self) -> Option<String> {
        let mut text = String::new();
        for line in self.docs {
            text.push_str(line.strip_prefix(' ').unwrap_or(line).trim_end());
            text.push('\n');
        }
        let text = text.trim();
        (!text.is_empty()).then(|| text.into())
    }
}

/// The name of a function without what makes a keyword of it a name.
fn plain_name(name: &'static str) -> &'static str {
    name.strip_prefix("r#").unwrap_or(name)
}

/// What completes an argument.
#[diagnostic::on_unimplemented(
    message = "`{Self}` completes nothing",
    note = "`#[complete(..)]` takes an array of texts or a closure `|typed: &str| -> Vec<String>`"
)]
pub trait Completer: Send + Sync + 'static {
    /// What the argument may become.
    fn complete(&self, typed: &str) -> Vec<String>;
}

impl<const N: usize> Completer for [&'static str; N] {
    fn complete(&self, typed: &str) -> Vec<String> {
        let fitting = self.iter().filter(|text| text.starts_with(typed));
        fitting.map(|text| String::from(*text)).collect()
    }
}

impl<F: Fn(&str) -> Vec<String> + Send + Sync + 'static> Completer for F {
    fn complete(&self, typed: &str) -> Vec<String> {
        self(typed)
    }
}

pub mod tool {
    use super::*;

    /// The tool of a function.
    pub fn named(name: &'static str) -> Tool<'static> {
        Tool::from(plain_name(name))
    }

    pub fn blocking<A, O>(
        tool: Tool<'static>,
        run: impl Fn(&Context, A) -> Result<O, HandlerError> + Send + Sync + 'static,
    ) -> Offers
    where
        A: DeserializeOwned + JsonSchema,
        O: TypedOutput,
    {
        offers::tool(tool, run)
    }

    pub fn asynchronous<A, O, F>(
        tool: Tool<'static>,
        run: impl Fn(Context, A) -> F + Send + Sync + 'static,
    ) -> Offers<Async>
    where
        A: DeserializeOwned + JsonSchema,
        O: TypedOutput,
        F: Future<Output = Result<O, HandlerError>> + Send + 'static,
    {
        offers::tool_async(tool, run)
    }
}

pub mod prompt {
    use super::*;

    /// The prompt of a function.
    pub fn named(name: &'static str) -> Prompt<'static> {
        Prompt::from(plain_name(name))
    }

    pub fn blocking<A, O>(
        prompt: Prompt<'static>,
        get: impl Fn(&Context, A) -> Result<O, HandlerError> + Send + Sync + 'static,
    ) -> Offers
    where
        A: DeserializeOwned + JsonSchema,
        O: IntoPrompt,
    {
        offers::prompt(prompt, get)
    }

    pub fn asynchronous<A, O, F>(
        prompt: Prompt<'static>,
        get: impl Fn(Context, A) -> F + Send + Sync + 'static,
    ) -> Offers<Async>
    where
        A: DeserializeOwned + JsonSchema,
        O: IntoPrompt,
        F: Future<Output = Result<O, HandlerError>> + Send + 'static,
    {
        offers::prompt_async(prompt, get)
    }

    pub fn complete(
        prompt: &'static str,
        argument: &'static str,
        completer: impl Completer,
    ) -> Offers {
        let prompt = PromptReference::new(plain_name(prompt));
        let complete = move |typed: &str| completer.complete(typed);
        offers::completion(prompt, plain_name(argument), complete)
    }
}

pub mod resource {
    use super::*;

    /// The resource of a function.
    pub fn at(about: &About<'_>) -> Resource<'static> {
        let mut resource = Resource::new(about.uri, about.name());
        resource.description = about.description().map(Into::into);
        resource.mime_type = about.mime.first().map(|mime| (*mime).into());
        resource
    }

    /// `A` is the type of the closure's second parameter, which a resource hasn't.
    pub fn blocking<A: Copy + Send + Sync + 'static, O: IntoResource>(
        resource: Resource<'static>,
        read: impl Fn(&Context, A) -> Result<O, HandlerError> + Send + Sync + 'static,
        nothing: A,
    ) -> Offers {
        offers::resource(resource, move |context| read(context, nothing))
    }

    /// As [`blocking`].
    pub fn asynchronous<A, O, F>(
        resource: Resource<'static>,
        read: impl Fn(Context, A) -> F + Send + Sync + 'static,
        nothing: A,
    ) -> Offers<Async>
    where
        A: Copy + Send + Sync + 'static,
        O: IntoResource,
        F: Future<Output = Result<O, HandlerError>> + Send + 'static,
    {
        offers::resource_async(resource, move |context| read(context, nothing))
    }
}

pub mod template {
    use super::*;

    /// The template of a function.
    pub fn at(about: &About<'_>) -> ResourceTemplate<'static> {
        let mut template = ResourceTemplate::new(about.uri, about.name());
        template.description = about.description().map(Into::into);
        template.mime_type = about.mime.first().map(|mime| (*mime).into());
        template
    }

    pub fn blocking<V: DeserializeOwned, O: IntoResource>(
        template: ResourceTemplate<'static>,
        read: impl Fn(&Context, V) -> Result<O, HandlerError> + Send + Sync + 'static,
    ) -> Offers {
        offers::template(template, read)
    }

    pub fn asynchronous<V, O, F>(
        template: ResourceTemplate<'static>,
        read: impl Fn(Context, V) -> F + Send + Sync + 'static,
    ) -> Offers<Async>
    where
        V: DeserializeOwned,
        O: IntoResource,
        F: Future<Output = Result<O, HandlerError>> + Send + 'static,
    {
        offers::template_async(template, read)
    }

    pub fn complete(
        template: &'static str,
        variable: &'static str,
        completer: impl Completer,
    ) -> Offers {
        let template = ResourceTemplateReference::new(template);
        let complete = move |typed: &str| completer.complete(typed);
        offers::completion(template, plain_name(variable), complete)
    }
}
