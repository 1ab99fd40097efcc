//! The prompts, and the completion of their arguments.

use mcp_proto::model::completion::{CompleteResult, Reference};
use mcp_proto::model::content::{ContentBlock, Role};
use mcp_proto::model::elicitation::ElicitRequestFormParams;
use mcp_proto::model::method::{Complete, GetPrompt};
use mcp_proto::model::prompt::{
    Arguments, GetPromptResult, ListPromptsResult, Prompt, PromptArgument, PromptMessage,
};
use mcp_proto::model::schema::StringSchema;
use mcp_proto::rpc::{RpcError, Text};

use crate::call::{Call, Stop};
use crate::content::{embedded, image};

/// What an argument that begins with these letters may become.
const WORDS: [&str; 3] = ["paris", "park", "party"];

/// Every prompt: name, description and the names of its arguments, all of them required.
const PROMPTS: [(&str, &str, &[&str]); 6] = [
    ("test_simple_prompt", "A prompt without arguments", &[]),
    (
        "test_prompt_with_arguments",
        "A prompt with two arguments",
        &["arg1", "arg2"],
    ),
    (
        "test_prompt_with_embedded_resource",
        "A prompt with a resource in it",
        &["resourceUri"],
    ),
    ("test_prompt_with_image", "A prompt with a picture", &[]),
    (
        "test_input_required_result_prompt",
        "A prompt that asks for its context",
        &[],
    ),
    ("greet", "Greets somebody", &["name"]),
];

/// Every prompt.
pub fn list() -> ListPromptsResult<'static> {
    ListPromptsResult::new(PROMPTS.iter().map(prompt).collect())
}

fn prompt(
    (name, description, arguments): &(&'static str, &'static str, &[&'static str]),
) -> Prompt<'static> {
    let prompt = Prompt::new(*name).description(*description);
    arguments.iter().fold(prompt, |prompt, argument| {
        prompt.argument(
            PromptArgument::new(*argument)
                .description("Any text")
                .required(true),
        )
    })
}

/// Fills in a prompt.
pub fn get(call: &Call<'_>) -> Result<GetPromptResult<'static>, Stop> {
    let params = call.request.params::<GetPrompt>().map_err(RpcError::from)?;
    let Some(row) = PROMPTS.iter().find(|(name, ..)| params.name == *name) else {
        let text = format!("Unknown prompt: {}", params.name);
        return Err(RpcError::invalid_params(text).into());
    };
    if let Some(missing) = prompt(row).missing_argument(params.arguments.as_ref()) {
        let text = format!("Missing required argument: {missing}");
        return Err(RpcError::invalid_params(text).into());
    }
    let blocks = blocks(call, row.0, params.arguments.as_ref())?;
    let messages = blocks
        .into_iter()
        .map(|block| PromptMessage::new(Role::User, block));
    Ok(GetPromptResult::new(messages.collect()).description(row.1))
}

fn blocks(
    call: &Call<'_>,
    name: &str,
    arguments: Option<&Arguments<'_>>,
) -> Result<Vec<ContentBlock<'static>>, Stop> {
    let argument = |name| {
        arguments
            .and_then(|arguments| arguments.get(name))
            .unwrap_or_default()
    };
    Ok(match name {
        "test_simple_prompt" => vec![text("This is a simple prompt for testing.")],
        "test_prompt_with_arguments" => {
            let (first, second) = (argument("arg1"), argument("arg2"));
            vec![text(format!(
                "Prompt with arguments: arg1='{first}', arg2='{second}'"
            ))]
        }
        "test_prompt_with_embedded_resource" => vec![
            embedded(
                argument("resourceUri").to_owned(),
                "text/plain",
                "Embedded resource content for testing.",
            ),
            text("Please process the embedded resource above."),
        ],
        "test_prompt_with_image" => vec![image(), text("Please analyze the image above.")],
        "test_input_required_result_prompt" => {
            let form = ElicitRequestFormParams::new("What context should the prompt use?")
                .required("context", StringSchema::new());
            let answer = call.elicit("user_context", form)?;
            let context = answer
                .content
                .as_ref()
                .and_then(|content| content.get("context")?.as_str());
            vec![text(format!(
                "The context is: {}",
                context.unwrap_or("none")
            ))]
        }
        _ => vec![text(format!("Please greet {}.", argument("name")))],
    })
}

fn text(text: impl Into<Text<'static>>) -> ContentBlock<'static> {
    ContentBlock::text(text)
}

/// Completes an argument of a prompt, or the variable of a template.
pub fn complete(call: &Call<'_>) -> Result<CompleteResult<'static>, Stop> {
    let params = call.request.params::<Complete>().map_err(RpcError::from)?;
    let is_known = match &params.reference {
        Reference::Prompt(reference) => PROMPTS.iter().any(|(name, ..)| reference.name == *name),
        _ => true,
    };
    if !is_known {
        return Err(RpcError::invalid_params("Unknown prompt").into());
    }
    let typed = params.argument.value.as_str();
    Ok(CompleteResult::new(
        WORDS.into_iter().filter(|word| word.starts_with(typed)),
    ))
}
