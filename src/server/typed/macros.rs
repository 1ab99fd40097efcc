//! The short forms: [`tools!`](crate::tools), [`resources!`](crate::resources) and
//! [`prompts!`](crate::prompts) make [`Offers`](super::Offers) of plain functions. What stands here
//! besides is for their expansions.
//!
//! Each function becomes a struct of its parameters, from which serde reads and `schemars`
//! describes them, and a closure that takes it apart again.

use alloc::string::String;
use alloc::vec::Vec;
use core::future::Future;
use core::marker::PhantomData;

pub use core::clone::Clone;
pub use schemars;
use schemars::JsonSchema;
pub use serde;
use serde::de::DeserializeOwned;

use super::offers;
use super::{Offers, TypedOutput};
use crate::model::completion::{PromptReference, ResourceTemplateReference};
use crate::model::resource::{Resource, ResourceTemplate};
use crate::server::{Async, Context, HandlerError, IntoPrompt, IntoResource};

/// Makes tools of functions, for [`Server::add`](crate::Server::add).
///
/// A tool goes by the name of its function and is described by its doc comment. Its parameters are
/// the tool's arguments, each described by its own doc comment; an `Option` may be left out, and
/// attributes of serde and `schemars` say more, such as `#[serde(default)]`. What it returns is any
/// [`TypedOutput`], whose type gives the output schema, or a `Result` of
/// one, so that errors leave by `?` with all their causes. Both schemas are made once.
///
/// A first parameter without a type is the [`Context`]: `&Context` in a
/// function, `Context` in an `async` one. An `async` function makes the server one for adapters with
/// a runtime.
///
/// `with a, b;` at the front gives each function clones of these variables, for state that they share.
///
/// ```
/// use std::sync::{Arc, Mutex};
///
/// use mcp_proto::server::HandlerError;
/// use mcp_proto::{Server, tools};
///
/// let notes = Arc::new(Mutex::new(Vec::new()));
/// let server = Server::new("notes", "1.0").add(tools! {
///     with notes;
///
///     /// Adds two numbers.
///     fn add(a: i64, b: i64) -> i64 {
///         a + b
///     }
///
///     /// Keeps a note and says how many there are.
///     fn keep(
///         context,
///         /// What it says.
///         text: String,
///         /// When it is due, as YYYY-MM-DD.
///         due: Option<String>,
///     ) -> Result<usize, HandlerError> {
///         context.info("a note");
///         let mut notes = notes.lock().map_err(|_| "the notes are gone")?;
///         notes.push((text, due));
///         Ok(notes.len())
///     }
/// });
/// assert_eq!(server.check(), Ok(()));
/// ```
#[macro_export]
macro_rules! tools {
    (with $($state:ident),+ $(,)? ; $($functions:tt)*) => {
        $crate::__offers! { tool [$($state)+] $($functions)* }
    };
    ($($functions:tt)*) => {
        $crate::__offers! { tool [] $($functions)* }
    };
}

/// Makes prompts of functions, for [`Server::add`](crate::Server::add).
///
/// A prompt goes by the name of its function and is described by its doc comment. Its parameters are
/// the prompt's arguments, as those of [`tools!`](crate::tools) are; they are texts on the wire, from
/// which numbers, `bool`s and enums are read. It returns any [`IntoPrompt`],
/// such as a `String`, or a `Result` of one.
///
/// `#[complete(..)]` right before a parameter completes it: with an array of texts, of which those are
/// offered that begin with what has been typed, or with a closure `|typed: &str| -> Vec<String>`.
///
/// Context, `async` and `with` are as in [`tools!`](crate::tools).
///
/// ```
/// use mcp_proto::{Server, prompts};
///
/// let server = Server::new("greeter", "1.0").add(prompts! {
///     /// Greets somebody.
///     fn greet(
///         /// Who it is.
///         name: String,
///         #[complete(["English", "French", "German"])] language: Option<String>,
///     ) -> String {
///         format!("Greet {name} in {}.", language.as_deref().unwrap_or("English"))
///     }
/// });
/// assert_eq!(server.check(), Ok(()));
/// ```
#[macro_export]
macro_rules! prompts {
    (with $($state:ident),+ $(,)? ; $($functions:tt)*) => {
        $crate::__offers! { prompt [$($state)+] $($functions)* }
    };
    ($($functions:tt)*) => {
        $crate::__offers! { prompt [] $($functions)* }
    };
}

/// Makes resources and resource templates of functions, for [`Server::add`](crate::Server::add).
///
/// Before each function stands its URI, and its MIME type in parentheses if it has one. A function
/// with parameters is a template, whose variables they are: texts, from which numbers, `bool`s and
/// enums are read. The resource has the name of its function and is described by its doc comment. It
/// returns any [`IntoResource`], such as a `String`, or a `Result` of one.
///
/// Context, `async` and `with` are as in [`tools!`](crate::tools), `#[complete(..)]` as in
/// [`prompts!`](crate::prompts).
///
/// ```
/// use mcp_proto::{Server, resources};
///
/// let server = Server::new("notes", "1.0").add(resources! {
///     /// What is on today.
///     "notes://today" ("text/markdown") => fn today() -> &'static str {
///         "* nothing"
///     }
///
///     /// What was on that day of the year.
///     "notes://{year}/{day}" => fn notes(year: u16, day: u16) -> String {
///         format!("{day} of {year}")
///     }
/// });
/// assert_eq!(server.check(), Ok(()));
/// ```
#[macro_export]
macro_rules! resources {
    (with $($state:ident),+ $(,)? ; $($functions:tt)*) => {
        $crate::__offers! { resource [$($state)+] $($functions)* }
    };
    ($($functions:tt)*) => {
        $crate::__offers! { resource [] $($functions)* }
    };
}

/// Takes the functions of one of the macros above apart.
#[doc(hidden)]
#[macro_export]
macro_rules! __offers {
    ($kind:ident $states:tt $(
        $(#[$($meta:tt)*])*
        $($uri:literal $(($mime:literal))? =>)?
        $($word:ident)+ ($($parameters:tt)*) $(-> $output:ty)? { $($body:tt)* }
    )*) => {
        $crate::server::Offers::new()$(.and($crate::__offer! {
            @words $kind $states [$(#[$($meta)*])*] [$($uri $(, $mime)?)?] [$($word)+]
            [$($parameters)*] [$(-> $output)?] { $($body)* }
        }))*
    };
    (resource $($rest:tt)*) => {
        ::core::compile_error!("expected resources as `\"some://uri/{name}\" => fn name(name: Type) -> Output { .. }`, each with its doc comment before the URI")
    };
    ($($rest:tt)*) => {
        ::core::compile_error!("expected functions as `/// What it does.  fn name(context, parameter: Type) -> Output { .. }`, without generics, `where` and patterns")
    };
}

/// Makes one offer of one function: its words, then its parameters, then what it is.
#[doc(hidden)]
#[macro_export]
macro_rules! __offer {
    (@words $kind:ident $states:tt $metas:tt $uri:tt [fn $name:ident] $($rest:tt)*) => {
        $crate::__offer! { @parameters $kind blocking $states $metas $uri $name $($rest)* }
    };
    (@words $kind:ident $states:tt $metas:tt $uri:tt [async fn $name:ident] $($rest:tt)*) => {
        $crate::__offer! { @parameters $kind asynchronous $states $metas $uri $name $($rest)* }
    };
    (@words $kind:ident $states:tt $metas:tt $uri:tt [$($word:ident)+] $($rest:tt)*) => {
        ::core::compile_error!(::core::concat!(
            "expected `fn name(..)` or `async fn name(..)`, found `",
            $(::core::stringify!($word), " ",)+ "(..)`"
        ))
    };

    (@parameters $kind:ident $mode:ident $states:tt $metas:tt $uri:tt $name:ident
        [$context:ident: &Context $(, $($arguments:tt)*)?] $($rest:tt)*) => {{
        #[allow(dead_code)]
        type __Context = Context;
        $crate::__offer! { @$kind $mode $states $metas $uri $name $context [$($($arguments)*)?] $($rest)* }
    }};
    (@parameters $kind:ident $mode:ident $states:tt $metas:tt $uri:tt $name:ident
        [$context:ident: Context $(, $($arguments:tt)*)?] $($rest:tt)*) => {{
        #[allow(dead_code)]
        type __Context = Context;
        $crate::__offer! { @$kind $mode $states $metas $uri $name $context [$($($arguments)*)?] $($rest)* }
    }};
    (@parameters $kind:ident $mode:ident $states:tt $metas:tt $uri:tt $name:ident
        [$context:ident $(, $($arguments:tt)*)?] $($rest:tt)*) => {
        $crate::__offer! { @$kind $mode $states $metas $uri $name $context [$($($arguments)*)?] $($rest)* }
    };
    (@parameters $kind:ident $mode:ident $states:tt $metas:tt $uri:tt $name:ident
        [$($arguments:tt)*] $($rest:tt)*) => {
        $crate::__offer! { @$kind $mode $states $metas $uri $name __context [$($arguments)*] $($rest)* }
    };

    (@tool $mode:ident $states:tt [$($metas:tt)*] [] $name:ident $context:ident
        [$($(#[$($meta:tt)*])* $argument:ident: $type:ty),* $(,)?] $output:tt $body:tt) => {{
        $crate::__arguments! { [$($metas)*] $([$(#[$($meta)*])*] $argument: $type,)* }
        $crate::server::macros::tool::$mode(
            ::core::stringify!($name),
            $crate::__handler!($mode $states $context [$($argument)*] $output $body),
        )
    }};
    (@tool $mode:ident $states:tt $metas:tt [$($uri:tt)+] $($rest:tt)*) => {
        ::core::compile_error!("a tool has no URI: say `fn name(..)`, or use `resources!`")
    };

    (@prompt $mode:ident $states:tt [$($metas:tt)*] [] $name:ident $context:ident
        [$(
            $(#[doc = $doc:expr])*
            $(#[complete($complete:expr)])?
            $(#[serde($($serde:tt)*)])*
            $(#[schemars($($schemars:tt)*)])*
            $argument:ident: $type:ty
        ),* $(,)?] $output:tt $body:tt) => {{
        $crate::__arguments! { [$($metas)*] $(
            [$(#[doc = $doc])* $(#[serde($($serde)*)])* $(#[schemars($($schemars)*)])*]
            $argument: $type,
        )* }
        $crate::server::macros::prompt::$mode(
            ::core::stringify!($name),
            $crate::__handler!($mode $states $context [$($argument)*] $output $body),
        )$($(.and($crate::server::macros::prompt::complete(
            ::core::stringify!($name), ::core::stringify!($argument), $complete,
        )))?)*
    }};
    (@prompt $mode:ident $states:tt $metas:tt [$($uri:tt)+] $($rest:tt)*) => {
        ::core::compile_error!("a prompt has no URI: say `fn name(..)`, or use `resources!`")
    };

    (@resource $mode:ident $states:tt [$(#[doc = $doc:expr])*] [$uri:literal $(, $mime:literal)?]
        $name:ident $context:ident [] $output:tt $body:tt) => {{
        #[derive(Clone, Copy)]
        struct __Arguments {}
        $crate::server::macros::resource::$mode(
            $crate::server::macros::About {
                uri: $uri,
                name: ::core::stringify!($name),
                docs: &[$($doc),*],
                mime: &[$($mime)?],
            },
            $crate::__handler!($mode $states $context [] $output $body),
            __Arguments {},
        )
    }};
    (@resource $mode:ident $states:tt [$(#[doc = $doc:expr])*] [$uri:literal $(, $mime:literal)?]
        $name:ident $context:ident [$(
            $(#[doc = $about:expr])*
            $(#[complete($complete:expr)])?
            $(#[serde($($serde:tt)*)])*
            $argument:ident: $type:ty
        ),* $(,)?] $output:tt $body:tt) => {{
        use $crate::server::macros::serde as __mcp_serde;
        #[derive(__mcp_serde::Deserialize)]
        #[serde(crate = "__mcp_serde")]
        struct __Arguments { $($(#[doc = $about])* $(#[serde($($serde)*)])* $argument: $type,)* }
        $crate::server::macros::template::$mode(
            $crate::server::macros::About {
                uri: $uri,
                name: ::core::stringify!($name),
                docs: &[$($doc),*],
                mime: &[$($mime)?],
            },
            $crate::__handler!($mode $states $context [$($argument)*] $output $body),
        )$($(.and($crate::server::macros::template::complete(
            $uri, ::core::stringify!($argument), $complete,
        )))?)*
    }};
    (@resource $mode:ident $states:tt $metas:tt [] $name:ident $($rest:tt)*) => {
        ::core::compile_error!(::core::concat!(
            "a resource has a URI: say `\"some://uri\" => fn ", ::core::stringify!($name), "(..)`"
        ))
    };

    (@$kind:ident $mode:ident $states:tt $metas:tt $uri:tt $name:ident $($rest:tt)*) => {
        ::core::compile_error!(::core::concat!(
            "the parameters of `", ::core::stringify!($name), "` are `name: Type`, after a first one \
            without a type for the context; before one stand its doc comment, `#[complete(..)]` in \
            prompts and resources, and attributes of serde, in this order"
        ))
    };
}

/// The parameters of a function as a type.
#[doc(hidden)]
#[macro_export]
macro_rules! __arguments {
    ([$($metas:tt)*] $([$($meta:tt)*] $argument:ident: $type:ty,)*) => {
        use $crate::server::macros::{schemars as __mcp_schemars, serde as __mcp_serde};
        #[derive(__mcp_serde::Deserialize, __mcp_schemars::JsonSchema)]
        #[serde(crate = "__mcp_serde")]
        #[schemars(crate = "__mcp_schemars")]
        $($metas)*
        struct __Arguments { $($($meta)* $argument: $type,)* }
    };
}

/// The closure that runs a function.
#[doc(hidden)]
#[macro_export]
macro_rules! __handler {
    (blocking [$($state:ident)*] $context:ident [$($argument:ident)*] [$($output:tt)*] $body:tt) => {{
        #[allow(unused_imports)]
        use $crate::server::macros::Plain as _;
        $(let $state = $crate::server::macros::Clone::clone(&$state);)*
        move |$context: &$crate::server::Context, __Arguments { $($argument),* }: __Arguments| {
            let __run = || $($output)* $body;
            let __returned = __run();
            $crate::server::macros::Returned::of(&__returned).into_result(__returned)
        }
    }};
    (asynchronous [$($state:ident)*] $context:ident [$($argument:ident)*] [$($output:tt)*] $body:tt) => {{
        #[allow(unused_imports)]
        use $crate::server::macros::Plain as _;
        $(let $state = $crate::server::macros::Clone::clone(&$state);)*
        move |$context: $crate::server::Context, __Arguments { $($argument),* }: __Arguments| {
            $(let $state = $crate::server::macros::Clone::clone(&$state);)*
            async move {
                let __run = async move || $($output)* $body;
                let __returned = __run().await;
                $crate::server::macros::Returned::of(&__returned).into_result(__returned)
            }
        }
    }};
}

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

    pub fn blocking<A, O>(
        name: &'static str,
        run: impl Fn(&Context, A) -> Result<O, HandlerError> + Send + Sync + 'static,
    ) -> Offers
    where
        A: DeserializeOwned + JsonSchema,
        O: TypedOutput,
    {
        offers::tool(plain_name(name), run)
    }

    pub fn asynchronous<A, O, F>(
        name: &'static str,
        run: impl Fn(Context, A) -> F + Send + Sync + 'static,
    ) -> Offers<Async>
    where
        A: DeserializeOwned + JsonSchema,
        O: TypedOutput,
        F: Future<Output = Result<O, HandlerError>> + Send + 'static,
    {
        offers::tool_async(plain_name(name), run)
    }
}

pub mod prompt {
    use super::*;

    pub fn blocking<A, O>(
        name: &'static str,
        get: impl Fn(&Context, A) -> Result<O, HandlerError> + Send + Sync + 'static,
    ) -> Offers
    where
        A: DeserializeOwned + JsonSchema,
        O: IntoPrompt,
    {
        offers::prompt(plain_name(name), get)
    }

    pub fn asynchronous<A, O, F>(
        name: &'static str,
        get: impl Fn(Context, A) -> F + Send + Sync + 'static,
    ) -> Offers<Async>
    where
        A: DeserializeOwned + JsonSchema,
        O: IntoPrompt,
        F: Future<Output = Result<O, HandlerError>> + Send + 'static,
    {
        offers::prompt_async(plain_name(name), get)
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

    fn definition(about: &About<'_>) -> Resource<'static> {
        let mut resource = Resource::new(about.uri, about.name());
        resource.description = about.description().map(Into::into);
        resource.mime_type = about.mime.first().map(|mime| (*mime).into());
        resource
    }

    /// `A` is the type of the closure's second parameter, which a resource hasn't.
    pub fn blocking<A: Copy + Send + Sync + 'static, O: IntoResource>(
        about: About<'_>,
        read: impl Fn(&Context, A) -> Result<O, HandlerError> + Send + Sync + 'static,
        nothing: A,
    ) -> Offers {
        offers::resource(definition(&about), move |context| read(context, nothing))
    }

    /// As [`blocking`].
    pub fn asynchronous<A, O, F>(
        about: About<'_>,
        read: impl Fn(Context, A) -> F + Send + Sync + 'static,
        nothing: A,
    ) -> Offers<Async>
    where
        A: Copy + Send + Sync + 'static,
        O: IntoResource,
        F: Future<Output = Result<O, HandlerError>> + Send + 'static,
    {
        offers::resource_async(definition(&about), move |context| read(context, nothing))
    }
}

pub mod template {
    use super::*;

    fn definition(about: &About<'_>) -> ResourceTemplate<'static> {
        let mut template = ResourceTemplate::new(about.uri, about.name());
        template.description = about.description().map(Into::into);
        template.mime_type = about.mime.first().map(|mime| (*mime).into());
        template
    }

    pub fn blocking<V: DeserializeOwned, O: IntoResource>(
        about: About<'_>,
        read: impl Fn(&Context, V) -> Result<O, HandlerError> + Send + Sync + 'static,
    ) -> Offers {
        offers::template(definition(&about), read)
    }

    pub fn asynchronous<V, O, F>(
        about: About<'_>,
        read: impl Fn(Context, V) -> F + Send + Sync + 'static,
    ) -> Offers<Async>
    where
        V: DeserializeOwned,
        O: IntoResource,
        F: Future<Output = Result<O, HandlerError>> + Send + 'static,
    {
        offers::template_async(definition(&about), read)
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
