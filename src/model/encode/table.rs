//! Where the encoder finds the rules of a type: by the name the type announces itself with.

use super::downgrade::{StructRules, announced, downgraded_types};
use crate::model::completion::{CompleteParams, PromptReference};
use crate::model::content::{
    Annotations, AudioContent, BlobResourceContents, EmbeddedResource, ImageContent, ResourceLink,
    TextContent, TextResourceContents,
};
use crate::model::discover::DiscoverResult;
use crate::model::elicitation::{ElicitRequestFormParams, ElicitRequestURLParams, ElicitResult};
use crate::model::initialize::{Implementation, InitializeParams, InitializeResult};
use crate::model::input::InputRequiredResult;
use crate::model::progress::ProgressParams;
use crate::model::prompt::{GetPromptParams, ListPromptsResult, Prompt, PromptArgument};
use crate::model::resource::{
    ListResourceTemplatesResult, ListResourcesResult, ReadResourceParams, ReadResourceResult,
    Resource, ResourceTemplate,
};
use crate::model::root::{ListRootsResult, Root};
use crate::model::sampling::{
    CreateMessageParams, CreateMessageResult, SamplingMessage, ToolResultContent, ToolUseContent,
};
use crate::model::schema::{
    LegacyTitledEnumSchema, NumberSchema, RequestedSchema, StringSchema,
    TitledMultiSelectEnumSchema, TitledSingleSelectEnumSchema, UntitledMultiSelectEnumSchema,
    UntitledSingleSelectEnumSchema,
};
use crate::model::task::{CreateTaskResult, Task};
use crate::model::tool::{CallToolParams, CallToolResult, ListToolsResult, Tool};

macro_rules! rules {
    ($($name:ident,)*) => {
        /// The rules of the type that serde calls `name`; `None` for one of the user's.
        // Inlined so that for a name known at compile time nothing of it remains.
        #[cfg_attr(not(debug_assertions), inline(always))]
        pub(super) fn rules(name: &str) -> Option<&'static StructRules> {
            match name {
                $(announced!($name) => Some($name::DOWNGRADE),)*
                _ => None,
            }
        }
    };
}

downgraded_types!(rules);
