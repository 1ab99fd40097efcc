//! Adding handlers whose definitions are derived from their own types, one at a time or many at once.

use core::future::Future;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use super::offers::{self, Mode, Offers};
use super::output::TypedOutput;
use super::schema::form_for;
use crate::model::elicitation::ElicitRequestFormParams;
use crate::model::prompt::Prompt;
use crate::model::resource::ResourceTemplate;
use crate::model::tool::Tool;
use crate::rpc::Text;
use crate::server::{
    AskError, Async, Context, Elicited, HandlerError, IntoPrompt, IntoResource, Server,
};

impl<M> Server<M> {
    /// Adds tools, resources and prompts at once, as [`tools!`](crate::tools),
    /// [`resources!`](crate::resources) and [`prompts!`](crate::prompts) make them.
    #[must_use]
    #[expect(
        clippy::should_implement_trait,
        reason = "it adds to a definition, and adds no numbers"
    )]
    pub fn add<Other: Mode>(self, offers: Offers<Other>) -> Server<Other::On<M>> {
        let added = offers.add_to(self);
        Server {
            shared: added.shared,
            mode: core::marker::PhantomData,
        }
    }

    /// Adds a tool whose description and input schema are those of `A`, and whose output schema is
    /// that of `O`.
    ///
    /// It is given by its name, or as a [`Tool`] with its title, hints and icons; both schemas are
    /// those of the types whatever it has, and a description of its own comes before that of `A`.
    ///
    /// ```
    /// use mcp_proto::{Server, Tool};
    ///
    /// /// Adds two numbers.
    /// #[derive(serde::Deserialize, schemars::JsonSchema)]
    /// struct Add {
    ///     a: i64,
    ///     b: i64,
    /// }
    ///
    /// let add = Tool::from("add").title("Addition").read_only_hint(true);
    /// let server = Server::new("calculator", "1.0").typed_tool(add, |_, add: Add| Ok(add.a + add.b));
    /// assert_eq!(server.check(), Ok(()));
    /// ```
    #[must_use]
    pub fn typed_tool<A, O>(
        self,
        tool: impl Into<Tool<'static>>,
        run: impl Fn(&Context, A) -> Result<O, HandlerError> + Send + Sync + 'static,
    ) -> Self
    where
        A: DeserializeOwned + JsonSchema,
        O: TypedOutput,
    {
        self.add(offers::tool(tool.into(), run))
    }

    /// Adds a tool whose handler is a future. See [`typed_tool`](Self::typed_tool).
    #[must_use]
    pub fn typed_tool_async<A, O, F>(
        self,
        tool: impl Into<Tool<'static>>,
        run: impl Fn(Context, A) -> F + Send + Sync + 'static,
    ) -> Server<Async>
    where
        A: DeserializeOwned + JsonSchema,
        O: TypedOutput,
        F: Future<Output = Result<O, HandlerError>> + Send + 'static,
    {
        self.add(offers::tool_async(tool.into(), run))
    }

    /// Adds a prompt whose description and arguments are those of `A`: each field is an argument,
    /// described by its doc comment, and one that may be missing is not required. It is given by its
    /// name, or as a [`Prompt`] with its title and icons.
    ///
    /// Arguments of prompts are texts on the wire; numbers, `bool`s and enums are read from theirs.
    #[must_use]
    pub fn typed_prompt<A, O>(
        self,
        prompt: impl Into<Prompt<'static>>,
        get: impl Fn(&Context, A) -> Result<O, HandlerError> + Send + Sync + 'static,
    ) -> Self
    where
        A: DeserializeOwned + JsonSchema,
        O: IntoPrompt,
    {
        self.add(offers::prompt(prompt.into(), get))
    }

    /// Adds a prompt whose handler is a future. See [`typed_prompt`](Self::typed_prompt).
    #[must_use]
    pub fn typed_prompt_async<A, O, F>(
        self,
        prompt: impl Into<Prompt<'static>>,
        get: impl Fn(Context, A) -> F + Send + Sync + 'static,
    ) -> Server<Async>
    where
        A: DeserializeOwned + JsonSchema,
        O: IntoPrompt,
        F: Future<Output = Result<O, HandlerError>> + Send + 'static,
    {
        self.add(offers::prompt_async(prompt.into(), get))
    }

    /// Adds a resource template whose variables are read as a `V`, numbers, `bool`s and enums from
    /// their texts.
    ///
    /// A template that can't be matched, or that has no variable for a field of `V`, is left out;
    /// [`check`](Self::check) tells why.
    #[must_use]
    pub fn typed_resource_template<V, O>(
        self,
        template: ResourceTemplate<'static>,
        read: impl Fn(&Context, V) -> Result<O, HandlerError> + Send + Sync + 'static,
    ) -> Self
    where
        V: DeserializeOwned,
        O: IntoResource,
    {
        self.add(offers::template(template, read))
    }

    /// Adds a resource template whose handler is a future. See
    /// [`typed_resource_template`](Self::typed_resource_template).
    #[must_use]
    pub fn typed_resource_template_async<V, O, F>(
        self,
        template: ResourceTemplate<'static>,
        read: impl Fn(Context, V) -> F + Send + Sync + 'static,
    ) -> Server<Async>
    where
        V: DeserializeOwned,
        O: IntoResource,
        F: Future<Output = Result<O, HandlerError>> + Send + 'static,
    {
        self.add(offers::template_async(template, read))
    }
}

impl Context {
    /// Asks the user to fill in a form whose fields are those of `T`, each described by its doc
    /// comment. See [`elicit`](Self::elicit).
    ///
    /// Fields are texts, numbers, `bool`s and enums without content, optional or not. Returns
    /// [`AskError::Malformed`] if `T` has others.
    pub fn elicit_typed<T: DeserializeOwned + JsonSchema>(
        &self,
        key: &str,
        message: impl Into<Text<'static>>,
    ) -> Result<Elicited<T>, AskError> {
        let mut form = ElicitRequestFormParams::new(message);
        form.requested_schema = form_for::<T>().map_err(|error| {
            AskError::Malformed(alloc::format!("a form can't have these fields: {error}").into())
        })?;
        self.elicit(key, form)
    }
}
