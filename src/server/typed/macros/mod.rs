//! The short forms: [`tools!`](crate::tools), [`resources!`](crate::resources) and
//! [`prompts!`](crate::prompts) make [`Offers`](super::Offers) of plain functions; what their
//! expansions call is in `made`.
//!
//! Each function becomes a struct of its parameters, from which serde reads and `schemars`
//! describes them, and a closure that takes it apart again.

mod made;

pub use core::clone::Clone;
pub use schemars;
pub use serde;

pub use made::*;

/// Makes tools of functions, for [`Server::add`](crate::Server::add).
///
/// A tool goes by the name of its function and is described by its doc comment. Its parameters are
/// the tool's arguments, each described by its own doc comment; an `Option` may be left out, and
/// attributes of serde and `schemars` say more, such as `#[serde(default)]`. What it returns is any
/// [`TypedOutput`](crate::server::TypedOutput), whose type gives the output schema, or a `Result` of
/// one, so that errors leave by `?` with all their causes. Both schemas are made once.
///
/// A first parameter without a type is the [`Context`](crate::server::Context): `&Context` in a
/// function, `Context` in an `async` one. An `async` function makes it a `Server<Async>`, which
/// runtimes serve: `serve_stdio` (feature `tokio`), `io::nonblocking::tokio::serve`,
/// `io::nonblocking::futures_io::serve`, or HTTP.
///
/// `#[tool(..)]` after the doc comment says what else a [`Tool`](crate::Tool) can: each word is one of
/// its setters, such as `title = "A sum"`, `read_only_hint`, `destructive_hint = false` or
/// `icons = [Icon::new("https://example.com/sum.png")]`.
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
///     #[tool(read_only_hint)]
///     fn add(a: i64, b: i64) -> i64 {
///         a + b
///     }
///
///     /// Keeps a note and says how many there are.
///     #[tool(title = "Keep a note", destructive_hint = false)]
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
/// which numbers, `bool`s and enums are read. It returns any [`IntoPrompt`](crate::server::IntoPrompt),
/// such as a `String`, or a `Result` of one.
///
/// `#[complete(..)]` right before a parameter completes it: with an array of texts, of which those are
/// offered that begin with what has been typed, or with a closure `|typed: &str| -> Vec<String>`.
///
/// Context, `async` and `with` are as in [`tools!`](crate::tools), and `#[prompt(..)]` has the setters
/// of a [`Prompt`](crate::model::prompt::Prompt).
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
/// returns any [`IntoResource`](crate::server::IntoResource), such as a `String`, or a `Result` of one.
///
/// Context, `async` and `with` are as in [`tools!`](crate::tools), `#[complete(..)]` as in
/// [`prompts!`](crate::prompts), and `#[resource(..)]` has the setters of a
/// [`Resource`](crate::model::resource::Resource) or a
/// [`ResourceTemplate`](crate::model::resource::ResourceTemplate).
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

    // `#[tool(..)]` and its like are taken out of the attributes; `serde` and `schemars` see the others.
    (@tool $mode:ident $states:tt [
        $(#[doc = $doc:expr])* $(#[schemars($($schemars:tt)*)])* #[tool($($about:tt)*)] $($metas:tt)*
    ] $($rest:tt)*) => {
        $crate::__offer! {
            @about tool $mode $states [$(#[doc = $doc])* $(#[schemars($($schemars)*)])* $($metas)*]
            [$($about)*] $($rest)*
        }
    };
    (@prompt $mode:ident $states:tt [
        $(#[doc = $doc:expr])* $(#[schemars($($schemars:tt)*)])* #[prompt($($about:tt)*)] $($metas:tt)*
    ] $($rest:tt)*) => {
        $crate::__offer! {
            @about prompt $mode $states [$(#[doc = $doc])* $(#[schemars($($schemars)*)])* $($metas)*]
            [$($about)*] $($rest)*
        }
    };
    (@resource $mode:ident $states:tt [
        $(#[doc = $doc:expr])* #[resource($($about:tt)*)] $($metas:tt)*
    ] $($rest:tt)*) => {
        $crate::__offer! {
            @about resource $mode $states [$(#[doc = $doc])* $($metas)*] [$($about)*] $($rest)*
        }
    };
    (@tool $mode:ident $states:tt $metas:tt $($rest:tt)*) => {
        $crate::__offer! { @about tool $mode $states $metas [] $($rest)* }
    };
    (@prompt $mode:ident $states:tt $metas:tt $($rest:tt)*) => {
        $crate::__offer! { @about prompt $mode $states $metas [] $($rest)* }
    };
    (@resource $mode:ident $states:tt $metas:tt $($rest:tt)*) => {
        $crate::__offer! { @about resource $mode $states $metas [] $($rest)* }
    };

    (@about tool $mode:ident $states:tt [$($metas:tt)*] $about:tt [] $name:ident $context:ident
        [$($(#[$($meta:tt)*])* $argument:ident: $type:ty),* $(,)?] $output:tt $body:tt) => {{
        $crate::__arguments! { [$($metas)*] $([$(#[$($meta)*])*] $argument: $type,)* }
        $crate::server::macros::tool::$mode(
            $crate::__about!($crate::server::macros::tool::named(::core::stringify!($name)), $about),
            $crate::__handler!($mode $states $context [$($argument)*] $output $body),
        )
    }};
    (@about tool $mode:ident $states:tt $metas:tt $about:tt [$($uri:tt)+] $($rest:tt)*) => {
        ::core::compile_error!("a tool has no URI: say `fn name(..)`, or use `resources!`")
    };

    (@about prompt $mode:ident $states:tt [$($metas:tt)*] $about:tt [] $name:ident $context:ident
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
            $crate::__about!($crate::server::macros::prompt::named(::core::stringify!($name)), $about),
            $crate::__handler!($mode $states $context [$($argument)*] $output $body),
        )$($(.and($crate::server::macros::prompt::complete(
            ::core::stringify!($name), ::core::stringify!($argument), $complete,
        )))?)*
    }};
    (@about prompt $mode:ident $states:tt $metas:tt $about:tt [$($uri:tt)+] $($rest:tt)*) => {
        ::core::compile_error!("a prompt has no URI: say `fn name(..)`, or use `resources!`")
    };

    (@about resource $mode:ident $states:tt [$(#[doc = $doc:expr])*] $about:tt
        [$uri:literal $(, $mime:literal)?] $name:ident $context:ident [] $output:tt $body:tt) => {{
        #[derive(Clone, Copy)]
        struct __Arguments {}
        $crate::server::macros::resource::$mode(
            $crate::__about!($crate::server::macros::resource::at(&$crate::server::macros::About {
                uri: $uri,
                name: ::core::stringify!($name),
                docs: &[$($doc),*],
                mime: &[$($mime)?],
            }), $about),
            $crate::__handler!($mode $states $context [] $output $body),
            __Arguments {},
        )
    }};
    (@about resource $mode:ident $states:tt [$(#[doc = $doc:expr])*] $about:tt
        [$uri:literal $(, $mime:literal)?] $name:ident $context:ident [$(
            $(#[doc = $detail:expr])*
            $(#[complete($complete:expr)])?
            $(#[serde($($serde:tt)*)])*
            $argument:ident: $type:ty
        ),* $(,)?] $output:tt $body:tt) => {{
        use $crate::server::macros::serde as __mcp_serde;
        #[derive(__mcp_serde::Deserialize)]
        #[serde(crate = "__mcp_serde")]
        struct __Arguments { $($(#[doc = $detail])* $(#[serde($($serde)*)])* $argument: $type,)* }
        $crate::server::macros::template::$mode(
            $crate::__about!($crate::server::macros::template::at(&$crate::server::macros::About {
                uri: $uri,
                name: ::core::stringify!($name),
                docs: &[$($doc),*],
                mime: &[$($mime)?],
            }), $about),
            $crate::__handler!($mode $states $context [$($argument)*] $output $body),
        )$($(.and($crate::server::macros::template::complete(
            $uri, ::core::stringify!($argument), $complete,
        )))?)*
    }};
    (@about resource $mode:ident $states:tt $metas:tt $about:tt [] $name:ident $($rest:tt)*) => {
        ::core::compile_error!(::core::concat!(
            "a resource has a URI: say `\"some://uri\" => fn ", ::core::stringify!($name), "(..)`"
        ))
    };

    (@about $kind:ident $mode:ident $states:tt $metas:tt $about:tt $uri:tt $name:ident $($rest:tt)*) => {
        ::core::compile_error!(::core::concat!(
            "the parameters of `", ::core::stringify!($name), "` are `name: Type`, after a first one \
            without a type for the context; before one stand its doc comment, `#[complete(..)]` in \
            prompts and resources, and attributes of serde, in this order"
        ))
    };
}

/// A definition with what an attribute says of it.
#[doc(hidden)]
#[macro_export]
macro_rules! __about {
    (@value $value:expr) => {
        $value
    };
    (@value) => {
        true
    };
    ($definition:expr, [$($setter:ident $(= $value:expr)?),* $(,)?]) => {
        $definition$(.$setter($crate::__about!(@value $($value)?)))*
    };
    ($definition:expr, $about:tt) => {
        ::core::compile_error!(::core::concat!(
            "expected `title = \"A title\", read_only_hint, ..`, found `", ::core::stringify!($about), "`"
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
