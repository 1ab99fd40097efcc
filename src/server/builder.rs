//! Adding what a server offers: the builder of [`Server`], which notes what is wrong for
//! [`Server::check`], and [`Registry`], which says it at once and may be used while the server
//! runs.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::future::Future;

use serde::de::DeserializeOwned;

use super::ask::bad_arguments;
use super::definition::{ToolDefinition, is_good_name};
use super::handler::{Handler, Output, Reply};
use super::hook::Hooked;
use super::registry::{CompletionDefinition, TemplateDefinition, completion_key};
use super::{
    Async, Context, DefinitionError, HandlerError, IntoPrompt, IntoResource, IntoToolResult,
    Registry, Server, Template, TemplateError, Variables,
};
use crate::model::completion::{CompleteParams, CompleteResult, Reference};
use crate::model::method::{Complete, GetPrompt};
use crate::model::owned::IntoOwned;
use crate::model::prompt::{Arguments, GetPromptParams, Prompt};
use crate::model::resource::{Resource, ResourceTemplate};
use crate::model::tool::Tool;
use crate::rpc::Text;

impl<Mode> Server<Mode> {
    /// Adds a tool. Its arguments are read as `A`.
    ///
    /// Arguments that don't fit never reach the handler: the client is told what is wrong and
    /// where. A tool that can't be offered as it is defined is left out; [`check`](Self::check)
    /// tells why.
    #[must_use]
    pub fn tool<A, O>(
        self,
        tool: Tool<'static>,
        run: impl Fn(&Context, A) -> Result<O, HandlerError> + Send + Sync + 'static,
    ) -> Self
    where
        A: DeserializeOwned,
        O: IntoToolResult,
    {
        self.with_tool(tool, blocking_tool(run))
    }

    /// Adds a tool whose handler is a future.
    #[must_use]
    pub fn tool_async<A, O, F>(
        self,
        tool: Tool<'static>,
        run: impl Fn(Context, A) -> F + Send + Sync + 'static,
    ) -> Server<Async>
    where
        A: DeserializeOwned,
        O: IntoToolResult,
        F: Future<Output = Result<O, HandlerError>> + Send + 'static,
    {
        self.with_tool(tool, async_tool(run)).into_async()
    }

    /// Adds a resource.
    #[must_use]
    pub fn resource<O: IntoResource>(
        self,
        resource: Resource<'static>,
        read: impl Fn(&Context) -> Result<O, HandlerError> + Send + Sync + 'static,
    ) -> Self {
        let handler = blocking_resource(&resource, read);
        self.with_resource(resource, handler)
    }

    /// Adds a resource whose handler is a future.
    #[must_use]
    pub fn resource_async<O, F>(
        self,
        resource: Resource<'static>,
        read: impl Fn(Context) -> F + Send + Sync + 'static,
    ) -> Server<Async>
    where
        O: IntoResource,
        F: Future<Output = Result<O, HandlerError>> + Send + 'static,
    {
        let handler = async_resource(&resource, read);
        self.with_resource(resource, handler).into_async()
    }

    /// Adds a resource template. `read` gets the values of its variables.
    ///
    /// Returns an error if its text is no template that can be matched.
    pub fn resource_template<O: IntoResource>(
        self,
        template: ResourceTemplate<'static>,
        read: impl Fn(&Context, Variables) -> Result<O, HandlerError> + Send + Sync + 'static,
    ) -> Result<Self, TemplateError> {
        let definition = TemplateDefinition::new(template)?;
        let handler = blocking_template(&definition, read);
        Ok(self.with_template(definition, handler))
    }

    /// Adds a resource template whose handler is a future.
    ///
    /// Returns an error if its text is no template that can be matched.
    pub fn resource_template_async<O, F>(
        self,
        template: ResourceTemplate<'static>,
        read: impl Fn(Context, Variables) -> F + Send + Sync + 'static,
    ) -> Result<Server<Async>, TemplateError>
    where
        O: IntoResource,
        F: Future<Output = Result<O, HandlerError>> + Send + 'static,
    {
        let definition = TemplateDefinition::new(template)?;
        let handler = async_template(&definition, read);
        Ok(self.with_template(definition, handler).into_async())
    }

    /// Adds a prompt. Required arguments are there when `get` runs.
    #[must_use]
    pub fn prompt<O: IntoPrompt>(
        self,
        prompt: Prompt<'static>,
        get: impl Fn(&Context, &Arguments<'_>) -> Result<O, HandlerError> + Send + Sync + 'static,
    ) -> Self {
        self.with_prompt(prompt, blocking_prompt(get))
    }

    /// Adds a prompt whose handler is a future. Required arguments are there when `get` runs.
    #[must_use]
    pub fn prompt_async<O, F>(
        self,
        prompt: Prompt<'static>,
        get: impl Fn(Context, Arguments<'static>) -> F + Send + Sync + 'static,
    ) -> Server<Async>
    where
        O: IntoPrompt,
        F: Future<Output = Result<O, HandlerError>> + Send + 'static,
    {
        self.with_prompt(prompt, async_prompt(get)).into_async()
    }

    /// Adds completion of one argument of a prompt or one variable of a resource template.
    /// `complete` gets what has been typed and returns what it may become, best first.
    #[must_use]
    pub fn completion(
        self,
        reference: impl Into<Reference<'static>>,
        argument: &str,
        complete: impl Fn(&Context, &str) -> Result<Vec<String>, HandlerError> + Send + Sync + 'static,
    ) -> Self {
        let handler = Handler::Blocking(Arc::new(move |context| {
            let typed = typed_value(context)?;
            completed(complete(context, &typed)?)
        }));
        self.with_completion(CompletionDefinition::new(reference, argument), handler)
    }

    /// Adds completion of one argument whose handler is a future. See
    /// [`completion`](Self::completion).
    #[must_use]
    pub fn completion_async<F>(
        self,
        reference: impl Into<Reference<'static>>,
        argument: &str,
        complete: impl Fn(Context, String) -> F + Send + Sync + 'static,
    ) -> Server<Async>
    where
        F: Future<Output = Result<Vec<String>, HandlerError>> + Send + 'static,
    {
        let handler = Handler::Async(Arc::new(move |context: Context| {
            let future = typed_value(&context).map(|typed| complete(context, typed));
            Box::pin(async move { completed(future?.await?) })
        }));
        let completion = CompletionDefinition::new(reference, argument);
        self.with_completion(completion, handler).into_async()
    }

    pub(super) fn with_tool(self, tool: Tool<'static>, handler: impl Into<Hooked>) -> Self {
        let name: Box<str> = tool.name.as_str().into();
        let added = self.shared.registry.insert_tool(tool, handler);
        self.with_added_tool(&name, added)
    }

    /// Adds a tool of another server.
    pub(super) fn with_mounted_tool(
        self,
        definition: ToolDefinition,
        handler: impl Into<Hooked>,
    ) -> Self {
        let name: Box<str> = definition.tool.name.as_str().into();
        let added = self.shared.registry.insert_mounted(definition, handler);
        self.with_added_tool(&name, added)
    }

    /// Notes what is wrong with a tool that was to be added.
    fn with_added_tool(self, name: &str, added: Result<bool, DefinitionError>) -> Self {
        self.note(added.as_ref().is_ok_and(|replaced| *replaced), "tool", name);
        self.note_name("tool", name);
        self.refuse(added.err())
    }

    pub(super) fn with_resource(
        self,
        resource: Resource<'static>,
        handler: impl Into<Hooked>,
    ) -> Self {
        let uri: Box<str> = resource.uri.as_str().into();
        let registry = &self.shared.registry;
        let replaced = registry.edit(|offered| offered.resources.insert(&uri, resource, handler));
        self.note(replaced.is_some(), "resource", &uri);
        self
    }

    pub(super) fn with_template(
        self,
        definition: TemplateDefinition,
        handler: impl Into<Hooked>,
    ) -> Self {
        let name: Box<str> = definition.template.uri_template.as_str().into();
        let registry = &self.shared.registry;
        let replaced =
            registry.edit(|offered| offered.templates.insert(&name, definition, handler));
        self.note(replaced.is_some(), "resource template", &name);
        self
    }

    pub(super) fn with_prompt(self, prompt: Prompt<'static>, handler: impl Into<Hooked>) -> Self {
        let name: Box<str> = prompt.name.as_str().into();
        let registry = &self.shared.registry;
        let replaced = registry.edit(|offered| offered.prompts.insert(&name, prompt, handler));
        self.note(replaced.is_some(), "prompt", &name);
        self.note_name("prompt", &name);
        self
    }

    pub(super) fn with_completion(
        self,
        completion: CompletionDefinition,
        handler: impl Into<Hooked>,
    ) -> Self {
        let key = completion_key(&completion.reference, &completion.argument);
        let registry = &self.shared.registry;
        let replaced =
            registry.edit(|offered| offered.completions.insert(&key, completion, handler));
        self.note(replaced.is_some(), "completion", &key);
        self
    }

    /// Notes that a definition has taken the place of another.
    fn note(&self, replaced: bool, kind: &'static str, name: &str) {
        if replaced {
            let name = name.into();
            let error = DefinitionError::Duplicate { kind, name };
            let registry = &self.shared.registry;
            registry.edit(|offered| offered.refuse(Some(error)));
        }
    }

    fn note_name(&self, kind: &'static str, name: &str) {
        if !is_good_name(name) {
            let name = name.chars().take(128).collect::<String>().into();
            let error = DefinitionError::Name { kind, name };
            let registry = &self.shared.registry;
            registry.edit(|offered| offered.refuse(Some(error)));
        }
    }

    pub(super) fn refuse(self, error: Option<DefinitionError>) -> Self {
        if error.is_some() {
            self.shared.registry.edit(|offered| offered.refuse(error));
        }
        self
    }
}

impl Context {
    /// Returns what the server offers, to be changed while it runs. Say what has changed with
    /// [`changed`](Self::changed) before the handler ends.
    pub fn registry(&self) -> &Registry {
        &self.server().registry
    }
}

impl Registry {
    /// Adds a tool, or replaces the one of its name. Returns an error if it can't be offered as it
    /// is defined; then nothing has changed.
    // `tools.def.inputschema`
    pub fn add_tool<A, O>(
        &self,
        tool: Tool<'static>,
        run: impl Fn(&Context, A) -> Result<O, HandlerError> + Send + Sync + 'static,
    ) -> Result<(), DefinitionError>
    where
        A: DeserializeOwned,
        O: IntoToolResult,
    {
        self.insert_tool(tool, blocking_tool(run)).map(drop)
    }

    /// Adds a tool whose handler is a future, or replaces the one of its name.
    ///
    /// Only a server that is served by a runtime can run it; elsewhere calls of it fail. Returns an
    /// error if it can't be offered as it is defined; then nothing has changed.
    pub fn add_tool_async<A, O, F>(
        &self,
        tool: Tool<'static>,
        run: impl Fn(Context, A) -> F + Send + Sync + 'static,
    ) -> Result<(), DefinitionError>
    where
        A: DeserializeOwned,
        O: IntoToolResult,
        F: Future<Output = Result<O, HandlerError>> + Send + 'static,
    {
        self.insert_tool(tool, async_tool(run)).map(drop)
    }

    /// Adds a resource, or replaces the one of its URI.
    pub fn add_resource<O: IntoResource>(
        &self,
        resource: Resource<'static>,
        read: impl Fn(&Context) -> Result<O, HandlerError> + Send + Sync + 'static,
    ) {
        let handler = blocking_resource(&resource, read);
        let uri = String::from(resource.uri.as_str());
        self.edit(|offered| offered.resources.insert(&uri, resource, handler));
    }

    /// Adds a resource whose handler is a future, or replaces the one of its URI. Only a server
    /// that is served by a runtime can run it.
    pub fn add_resource_async<O, F>(
        &self,
        resource: Resource<'static>,
        read: impl Fn(Context) -> F + Send + Sync + 'static,
    ) where
        O: IntoResource,
        F: Future<Output = Result<O, HandlerError>> + Send + 'static,
    {
        let handler = async_resource(&resource, read);
        let uri = String::from(resource.uri.as_str());
        self.edit(|offered| offered.resources.insert(&uri, resource, handler));
    }

    /// Adds a resource template, or replaces the one of its text. Returns an error if its text is
    /// no template that can be matched.
    pub fn add_resource_template<O: IntoResource>(
        &self,
        template: ResourceTemplate<'static>,
        read: impl Fn(&Context, Variables) -> Result<O, HandlerError> + Send + Sync + 'static,
    ) -> Result<(), TemplateError> {
        let definition = TemplateDefinition::new(template)?;
        let handler = blocking_template(&definition, read);
        let name = String::from(definition.template.uri_template.as_str());
        self.edit(|offered| offered.templates.insert(&name, definition, handler));
        Ok(())
    }

    /// Adds a prompt, or replaces the one of its name.
    pub fn add_prompt<O: IntoPrompt>(
        &self,
        prompt: Prompt<'static>,
        get: impl Fn(&Context, &Arguments<'_>) -> Result<O, HandlerError> + Send + Sync + 'static,
    ) {
        let name = String::from(prompt.name.as_str());
        self.edit(|offered| offered.prompts.insert(&name, prompt, blocking_prompt(get)));
    }
}

impl CompletionDefinition {
    pub(super) fn new(reference: impl Into<Reference<'static>>, argument: &str) -> Self {
        Self {
            reference: reference.into(),
            argument: argument.into(),
        }
    }
}

impl TemplateDefinition {
    pub(super) fn new(template: ResourceTemplate<'static>) -> Result<Self, TemplateError> {
        let pattern = Arc::new(Template::new(&template.uri_template)?);
        Ok(Self { template, pattern })
    }
}

pub(super) fn blocking_tool<A, O>(
    run: impl Fn(&Context, A) -> Result<O, HandlerError> + Send + Sync + 'static,
) -> Handler
where
    A: DeserializeOwned,
    O: IntoToolResult,
{
    Handler::Blocking(Arc::new(move |context| {
        let arguments = arguments(context)?;
        Ok(Reply::Tool(run(context, arguments)?.into_tool_result()?))
    }))
}

pub(super) fn async_tool<A, O, F>(run: impl Fn(Context, A) -> F + Send + Sync + 'static) -> Handler
where
    A: DeserializeOwned,
    O: IntoToolResult,
    F: Future<Output = Result<O, HandlerError>> + Send + 'static,
{
    Handler::Async(Arc::new(move |context: Context| {
        // The arguments are read before the future exists, so they need not be `Send`.
        let future = arguments(&context).map(|arguments| run(context, arguments));
        Box::pin(async move { Ok(Reply::Tool(future?.await?.into_tool_result()?)) })
    }))
}

pub(super) fn blocking_resource<O: IntoResource>(
    resource: &Resource<'static>,
    read: impl Fn(&Context) -> Result<O, HandlerError> + Send + Sync + 'static,
) -> Handler {
    let (uri, kind) = (resource.uri.clone(), resource.mime_type.clone());
    Handler::Blocking(Arc::new(move |context| {
        let contents = read(context)?.into_resource(&uri, kind.as_deref());
        Ok(Reply::Resource(contents))
    }))
}

pub(super) fn async_resource<O, F>(
    resource: &Resource<'static>,
    read: impl Fn(Context) -> F + Send + Sync + 'static,
) -> Handler
where
    O: IntoResource,
    F: Future<Output = Result<O, HandlerError>> + Send + 'static,
{
    let (uri, kind) = (resource.uri.clone(), resource.mime_type.clone());
    Handler::Async(Arc::new(move |context| {
        let (future, uri, kind) = (read(context), uri.clone(), kind.clone());
        Box::pin(async move {
            let contents = future.await?.into_resource(&uri, kind.as_deref());
            Ok(Reply::Resource(contents))
        })
    }))
}

pub(super) fn blocking_template<O: IntoResource>(
    definition: &TemplateDefinition,
    read: impl Fn(&Context, Variables) -> Result<O, HandlerError> + Send + Sync + 'static,
) -> Handler {
    let pattern = Arc::clone(&definition.pattern);
    let kind = definition.template.mime_type.clone();
    Handler::Blocking(Arc::new(move |context| {
        let (uri, variables) = matched(context, &pattern);
        let contents = read(context, variables)?.into_resource(&uri, kind.as_deref());
        Ok(Reply::Resource(contents))
    }))
}

pub(super) fn async_template<O, F>(
    definition: &TemplateDefinition,
    read: impl Fn(Context, Variables) -> F + Send + Sync + 'static,
) -> Handler
where
    O: IntoResource,
    F: Future<Output = Result<O, HandlerError>> + Send + 'static,
{
    let pattern = Arc::clone(&definition.pattern);
    let kind = definition.template.mime_type.clone();
    Handler::Async(Arc::new(move |context: Context| {
        let (uri, variables) = matched(&context, &pattern);
        let (future, kind) = (read(context, variables), kind.clone());
        Box::pin(async move {
            let contents = future.await?.into_resource(&uri, kind.as_deref());
            Ok(Reply::Resource(contents))
        })
    }))
}

pub(super) fn blocking_prompt<O: IntoPrompt>(
    get: impl Fn(&Context, &Arguments<'_>) -> Result<O, HandlerError> + Send + Sync + 'static,
) -> Handler {
    Handler::Blocking(Arc::new(move |context| {
        let arguments = prompt_arguments(context)?;
        Ok(Reply::Prompt(get(context, &arguments)?.into_prompt()))
    }))
}

pub(super) fn async_prompt<O, F>(
    get: impl Fn(Context, Arguments<'static>) -> F + Send + Sync + 'static,
) -> Handler
where
    O: IntoPrompt,
    F: Future<Output = Result<O, HandlerError>> + Send + 'static,
{
    Handler::Async(Arc::new(move |context: Context| {
        let future = prompt_arguments(&context).map(|arguments| get(context, arguments));
        Box::pin(async move { Ok(Reply::Prompt(future?.await?.into_prompt())) })
    }))
}

/// The URI that is read and the values of its variables.
fn matched(context: &Context, pattern: &Template) -> (String, Variables) {
    let uri = context.request().target();
    let uri = uri.map(Text::into_string).unwrap_or_default();
    let variables = pattern.matches(&uri).unwrap_or_default();
    (uri, variables)
}

/// The arguments of a tool call, as the handler's type.
fn arguments<A: DeserializeOwned>(context: &Context) -> Result<A, HandlerError> {
    let request = context.request();
    let malformed = match request.arguments_as::<A>() {
        Ok(arguments) => return Ok(arguments),
        Err(malformed) => malformed,
    };
    // A type without content, such as `()`, may read from nothing but `null`.
    if size_of::<A>() == 0
        && let Ok(arguments) = serde_json::from_str("null")
    {
        return Ok(arguments);
    }
    Err(bad_arguments(request.revision, &malformed))
}

/// The arguments of a prompt, the required ones among them.
fn prompt_arguments(context: &Context) -> Result<Arguments<'static>, HandlerError> {
    let params: GetPromptParams<'_> = context
        .request()
        .params::<GetPrompt>()
        .map_err(|bad| HandlerError::rpc(bad.into()))?;
    Ok(params.arguments.unwrap_or_default().into_owned())
}

/// What has been typed of the argument that is to be completed.
pub(super) fn typed_value(context: &Context) -> Result<String, HandlerError> {
    let params: CompleteParams<'_> = context
        .request()
        .params::<Complete>()
        .map_err(|bad| HandlerError::rpc(bad.into()))?;
    Ok(params.argument.value.into_string())
}

pub(super) fn completed(values: Vec<String>) -> Output {
    Ok(Reply::Completion(CompleteResult::new(values)))
}
