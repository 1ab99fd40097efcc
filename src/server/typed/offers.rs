//! Handlers with their definitions, to be added to a server in one go. The definitions are derived
//! here, once, when the handlers are put together.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::future::Future;
use core::marker::PhantomData;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use super::fields::fields;
use super::output::TypedOutput;
use super::schema::{prompt_for, take_arguments};
use super::strings;
use crate::model::completion::Reference;
use crate::model::prompt::Prompt;
use crate::model::resource::{Resource, ResourceTemplate};
use crate::model::tool::Tool;
use crate::rpc::RpcError;
use crate::server::builder::{
    async_prompt, async_resource, async_template, async_tool, blocking_prompt, blocking_resource,
    blocking_template, blocking_tool, completed, typed_value,
};
use crate::server::handler::Handler;
use crate::server::registry::{CompletionDefinition, TemplateDefinition};
use crate::server::{
    Async, Blocking, Context, DefinitionError, HandlerError, IntoPrompt, IntoResource, Server,
};

/// Tools, resources and prompts to be added to a server with [`Server::add`]. [`tools!`],
/// [`resources!`] and [`prompts!`] make them.
///
/// [`tools!`]: crate::tools
/// [`resources!`]: crate::resources
/// [`prompts!`]: crate::prompts
#[must_use = "add them to a server"]
pub struct Offers<Mode = Blocking> {
    list: Vec<Offer>,
    mode: PhantomData<fn() -> Mode>,
}

/// Whether handlers are done when they return, or some of them are futures: [`Blocking`] or
/// [`Async`].
pub trait Mode: sealed::Sealed {
    /// What a server of the kind `Other` becomes with such handlers.
    type On<Other>;
}

impl Mode for Blocking {
    type On<Other> = Other;
}

impl Mode for Async {
    type On<Other> = Async;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Blocking {}
    impl Sealed for super::Async {}
}

enum Offer {
    Tool(Tool<'static>, Handler),
    Resource(Resource<'static>, Handler),
    Template(TemplateDefinition, Handler),
    Prompt(Prompt<'static>, Handler),
    Completion(CompletionDefinition, Handler),
    Wrong(DefinitionError),
}

impl Offers {
    /// Creates an empty list.
    pub const fn new() -> Self {
        Self::of(Vec::new())
    }
}

impl<M> Offers<M> {
    /// Adds what others have at the end.
    pub fn and<Other: Mode>(self, others: Offers<Other>) -> Offers<Other::On<M>> {
        let mut list = self.list;
        list.extend(others.list);
        Offers::of(list)
    }

    const fn of(list: Vec<Offer>) -> Self {
        Self {
            list,
            mode: PhantomData,
        }
    }

    fn one(offer: Offer) -> Self {
        Self::of(alloc::vec![offer])
    }

    /// Adds everything to a server.
    pub(super) fn add_to<Any>(self, server: Server<Any>) -> Server<Any> {
        self.list
            .into_iter()
            .fold(server, |server, offer| match offer {
                Offer::Tool(tool, handler) => server.with_tool(tool, handler),
                Offer::Resource(resource, handler) => server.with_resource(resource, handler),
                Offer::Template(template, handler) => server.with_template(template, handler),
                Offer::Prompt(prompt, handler) => server.with_prompt(prompt, handler),
                Offer::Completion(definition, handler) => {
                    server.with_completion(definition, handler)
                }
                Offer::Wrong(error) => server.refuse(Some(error)),
            })
    }
}

impl Default for Offers {
    fn default() -> Self {
        Self::new()
    }
}

impl<Mode> fmt::Debug for Offers<Mode> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Offers")
            .field("len", &self.list.len())
            .finish_non_exhaustive()
    }
}

pub(super) fn tool<A, O>(
    tool: Tool<'static>,
    run: impl Fn(&Context, A) -> Result<O, HandlerError> + Send + Sync + 'static,
) -> Offers
where
    A: DeserializeOwned + JsonSchema,
    O: TypedOutput,
{
    let (tool, has_schema) = tool_of::<A, O>(tool);
    let handler = blocking_tool(move |context, arguments: A| {
        Ok(run(context, arguments)?.into_result(has_schema)?)
    });
    Offers::one(Offer::Tool(tool, handler))
}

pub(super) fn tool_async<A, O, F>(
    tool: Tool<'static>,
    run: impl Fn(Context, A) -> F + Send + Sync + 'static,
) -> Offers<Async>
where
    A: DeserializeOwned + JsonSchema,
    O: TypedOutput,
    F: Future<Output = Result<O, HandlerError>> + Send + 'static,
{
    let (tool, has_schema) = tool_of::<A, O>(tool);
    let handler = async_tool(move |context, arguments: A| {
        let running = run(context, arguments);
        async move { Ok(running.await?.into_result(has_schema)?) }
    });
    Offers::one(Offer::Tool(tool, handler))
}

/// A tool with both its schemas, and whether it has one of its output.
fn tool_of<A, O>(mut tool: Tool<'static>) -> (Tool<'static>, bool)
where
    A: DeserializeOwned + JsonSchema,
    O: TypedOutput,
{
    take_arguments::<A>(&mut tool);
    tool.output_schema = O::output_schema();
    let has_schema = tool.output_schema.is_some();
    (tool, has_schema)
}

pub(super) fn prompt<A, O>(
    prompt: Prompt<'static>,
    get: impl Fn(&Context, A) -> Result<O, HandlerError> + Send + Sync + 'static,
) -> Offers
where
    A: DeserializeOwned + JsonSchema,
    O: IntoPrompt,
{
    let handler =
        blocking_prompt(move |context, arguments| get(context, read::<A>(arguments.iter())?));
    Offers::one(Offer::Prompt(prompt_for::<A>(prompt), handler))
}

pub(super) fn prompt_async<A, O, F>(
    prompt: Prompt<'static>,
    get: impl Fn(Context, A) -> F + Send + Sync + 'static,
) -> Offers<Async>
where
    A: DeserializeOwned + JsonSchema,
    O: IntoPrompt,
    F: Future<Output = Result<O, HandlerError>> + Send + 'static,
{
    let handler = async_prompt(move |context, arguments| {
        let running = read::<A>(arguments.iter()).map(|arguments| get(context, arguments));
        async move { running?.await }
    });
    Offers::one(Offer::Prompt(prompt_for::<A>(prompt), handler))
}

pub(super) fn resource<O: IntoResource>(
    resource: Resource<'static>,
    read: impl Fn(&Context) -> Result<O, HandlerError> + Send + Sync + 'static,
) -> Offers {
    let handler = blocking_resource(&resource, read);
    Offers::one(Offer::Resource(resource, handler))
}

pub(super) fn resource_async<O, F>(
    resource: Resource<'static>,
    read: impl Fn(Context) -> F + Send + Sync + 'static,
) -> Offers<Async>
where
    O: IntoResource,
    F: Future<Output = Result<O, HandlerError>> + Send + 'static,
{
    let handler = async_resource(&resource, read);
    Offers::one(Offer::Resource(resource, handler))
}

pub(super) fn template<V, O>(
    template: ResourceTemplate<'static>,
    get: impl Fn(&Context, V) -> Result<O, HandlerError> + Send + Sync + 'static,
) -> Offers
where
    V: DeserializeOwned,
    O: IntoResource,
{
    Offers::one(template_of::<V>(template, |definition| {
        blocking_template(definition, move |context, variables| {
            get(context, read::<V>(variables.iter())?)
        })
    }))
}

pub(super) fn template_async<V, O, F>(
    template: ResourceTemplate<'static>,
    get: impl Fn(Context, V) -> F + Send + Sync + 'static,
) -> Offers<Async>
where
    V: DeserializeOwned,
    O: IntoResource,
    F: Future<Output = Result<O, HandlerError>> + Send + 'static,
{
    Offers::one(template_of::<V>(template, |definition| {
        async_template(definition, move |context, variables| {
            let running = read::<V>(variables.iter()).map(|variables| get(context, variables));
            async move { running?.await }
        })
    }))
}

/// A template with its handler, if it has a variable for each field of `V`.
fn template_of<V: DeserializeOwned>(
    template: ResourceTemplate<'static>,
    handler: impl FnOnce(&TemplateDefinition) -> Handler,
) -> Offer {
    let text: Box<str> = template.uri_template.as_str().into();
    let definition = match TemplateDefinition::new(template) {
        Ok(definition) => definition,
        Err(error) => {
            let template = text;
            return Offer::Wrong(DefinitionError::Template { template, error });
        }
    };
    let unknown = |field: &&&str| !definition.pattern.has_variable(field);
    if let Some(field) = fields::<V>().iter().find(unknown) {
        let (template, variable) = (text, (*field).into());
        return Offer::Wrong(DefinitionError::Variable { template, variable });
    }
    let handler = handler(&definition);
    Offer::Template(definition, handler)
}

/// Completion of one argument of a prompt or one variable of a resource template.
pub(super) fn completion(
    reference: impl Into<Reference<'static>>,
    argument: &str,
    complete: impl Fn(&str) -> Vec<String> + Send + Sync + 'static,
) -> Offers {
    let handler = Handler::Blocking(Arc::new(move |context| {
        completed(complete(&typed_value(context)?))
    }));
    let definition = CompletionDefinition::new(reference, argument);
    Offers::one(Offer::Completion(definition, handler))
}

/// Reads what a prompt or a template gets as the type of its handler.
fn read<'de, A: DeserializeOwned>(
    texts: impl Iterator<Item = (&'de str, &'de str)>,
) -> Result<A, HandlerError> {
    strings::read(texts).map_err(|error| {
        HandlerError::rpc(RpcError::invalid_params(alloc::format!(
            "Invalid params: {error}"
        )))
    })
}
