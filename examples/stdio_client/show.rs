//! Shows what a server is and offers.

use std::error::Error;

use mcp_proto::client::{ClientError, ToolCall};
use mcp_proto::model::content::{ContentBlock, ResourceContents};
use mcp_proto::session::Misuse;

use crate::client::Client;

/// Shows all there is; how many of the lists could not be had.
pub fn everything(client: &Client) -> Result<usize, ClientError> {
    let revision = client.revision()?;
    let revision = revision.map_or("", |revision| revision.as_str());
    match client.server_info()? {
        Some(info) => say!("{} {}, {revision}", info.display_name(), info.version),
        None => say!("a server that doesn't say its name, {revision}"),
    }
    if let Some(instructions) = client.instructions()? {
        say!("{instructions}");
    }
    let lists = [
        heading("tools", tools(client)),
        heading("resources", resources(client)),
        heading("resource templates", templates(client)),
        heading("prompts", prompts(client)),
    ];
    Ok(lists.into_iter().filter(|is_good| !is_good).count())
}

/// Calls a tool and shows what it says; 1 when it says that it failed.
pub fn call(client: &Client, name: &str, json: &str) -> Result<usize, Box<dyn Error>> {
    let arguments: serde_json::Value = serde_json::from_str(json)?;
    let result = client.direct_call_tool(ToolCall::new(name).arguments(&arguments)?)?;
    for block in result.content.iter() {
        say!("{}", brief(block));
    }
    if let Some(structured) = &result.structured_content {
        say!("{}", structured.as_str());
    }
    Ok(usize::from(result.failed()))
}

/// A block of content in one line, unless it is a text.
pub fn brief(block: &ContentBlock<'_>) -> String {
    match block {
        ContentBlock::Text(text) => text.text.to_string(),
        ContentBlock::Image(image) => format!("[image, {}]", image.mime_type),
        ContentBlock::Audio(audio) => format!("[audio, {}]", audio.mime_type),
        ContentBlock::ResourceLink(link) => format!("[link to {}]", link.uri),
        ContentBlock::Resource(resource) => match &resource.resource {
            ResourceContents::Text(contents) => format!("[{}] {}", contents.uri, contents.text),
            contents => format!("[{}]", contents.uri()),
        },
        ContentBlock::Unknown(raw) => raw.as_str().to_owned(),
        _ => "[something new]".to_owned(),
    }
}

/// Shows a list under its name; whether it could be had.
fn heading(name: &str, list: Result<Vec<String>, ClientError>) -> bool {
    match list {
        Ok(lines) => {
            say!("\n{} {name}", lines.len());
            lines.iter().for_each(|line| say!("  {line}"));
            true
        }
        Err(ClientError::Misuse(Misuse::NotDeclaredByPeer(_))) => true,
        Err(error) => {
            say!("\n{name}: {error}");
            false
        }
    }
}

/// A line for each tool.
pub fn tools(client: &Client) -> Result<Vec<String>, ClientError> {
    let tools = client.list_tools()?;
    let lines = tools.iter();
    Ok(lines
        .map(|tool| line(&tool.name, tool.description.as_deref()))
        .collect())
}

/// A line for each resource.
pub fn resources(client: &Client) -> Result<Vec<String>, ClientError> {
    let resources = client.list_resources()?;
    let lines = resources.iter();
    Ok(lines
        .map(|found| line(&found.uri, Some(found.display_name())))
        .collect())
}

/// A line for each template.
pub fn templates(client: &Client) -> Result<Vec<String>, ClientError> {
    let templates = client.list_resource_templates()?;
    let lines = templates.iter();
    Ok(lines
        .map(|found| line(&found.uri_template, Some(found.display_name())))
        .collect())
}

/// A line for each prompt, with its arguments.
pub fn prompts(client: &Client) -> Result<Vec<String>, ClientError> {
    let prompts = client.list_prompts()?;
    let lines = prompts.iter().map(|prompt| {
        let arguments = prompt.arguments.iter().flatten();
        let names: Vec<_> = arguments.map(|argument| argument.name.as_str()).collect();
        let name = format!("{}({})", prompt.name, names.join(", "));
        line(&name, prompt.description.as_deref())
    });
    Ok(lines.collect())
}

fn line(name: &str, about: Option<&str>) -> String {
    let first = about.and_then(|about| about.lines().find(|line| !line.is_empty()));
    match first {
        Some(about) => format!("{name}  {}", about.trim()),
        None => name.to_owned(),
    }
}
