//! The prompts, and the completion of their arguments.

use mcp_proto::Server;
use mcp_proto::model::completion::PromptReference;
use mcp_proto::model::content::{ContentBlock, Role};
use mcp_proto::model::prompt::{Arguments, GetPromptResult, Prompt, PromptArgument, PromptMessage};
use mcp_proto::rpc::Text;
use mcp_proto::server::{Context, HandlerError};

use crate::asking::{field, text_form};
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

/// Adds every prompt, and the completion of its arguments.
pub fn add(server: Server) -> Server {
    PROMPTS.iter().fold(server, |server, row| {
        let (name, description, arguments) = *row;
        let server = server.prompt(prompt(row), move |context, given| {
            let blocks = blocks(context, name, given)?;
            let messages = blocks
                .into_iter()
                .map(|block| PromptMessage::new(Role::User, block));
            Ok(GetPromptResult::new(messages.collect()).description(description))
        });
        arguments.iter().fold(server, |server, argument| {
            let prompt = PromptReference::new(name);
            server.completion(prompt, argument, |_, typed| Ok(complete(typed)))
        })
    })
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

fn blocks(
    context: &Context,
    name: &str,
    arguments: &Arguments<'_>,
) -> Result<Vec<ContentBlock<'static>>, HandlerError> {
    let argument = |name| arguments.get(name).unwrap_or_default();
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
            let form = text_form("What context should the prompt use?", "context");
            let answer = context.elicit("user_context", form)?;
            let given = field(&answer, "context");
            vec![text(format!("The context is: {given}"))]
        }
        _ => vec![text(format!("Please greet {}.", argument("name")))],
    })
}

fn text(text: impl Into<Text<'static>>) -> ContentBlock<'static> {
    ContentBlock::text(text)
}

/// What an argument of a prompt, or the variable of a template, may become.
pub fn complete(typed: &str) -> Vec<String> {
    let words = WORDS.into_iter().filter(|word| word.starts_with(typed));
    words.map(str::to_owned).collect()
}
