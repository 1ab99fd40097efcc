//! What the macros for tools, prompts and resources say where the feature they need is off: its name,
//! instead of a name that isn't found.

#[doc(hidden)]
#[macro_export]
macro_rules! tools {
    ($($any:tt)*) => {
        ::core::compile_error!("`tools!` needs the feature `schemars` of mcp-proto")
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! prompts {
    ($($any:tt)*) => {
        ::core::compile_error!("`prompts!` needs the feature `schemars` of mcp-proto")
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! resources {
    ($($any:tt)*) => {
        ::core::compile_error!("`resources!` needs the feature `schemars` of mcp-proto")
    };
}
