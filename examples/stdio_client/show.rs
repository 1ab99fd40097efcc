//! Shows what a server is and offers.

use std::error::Error;

use mcp_proto::io::client::ClientError;
use mcp_proto::model::content::{ContentBlock, ResourceContents};
use mcp_proto::model::logging::LoggingLevel;
use mcp_proto::model::method::{
    CallTool, ListPrompts, ListResourceTemplates, ListResources, ListTools,
};
use mcp_proto::model::tool::CallToolParams;
use mcp_proto::rpc::Raw;
use mcp_proto::session::{CallOptions, Misuse};

use crate::Server;

/// Shows all there is; how many of the lists could not be had.
pub fn everything(client: &mut Server, log: Option<LoggingLevel>) -> Result<usize, ClientError> {
    client.with(|session, _| {
        let revision = session.revision().map_or("", |revision| revision.as_str());
        match session.server_info() {
            Some(info) => println!("{} {}, {revision}", info.display_name(), info.version),
            None => println!("a server that doesn't say its name, {revision}"),
        }
        if let Some(instructions) = session.instructions() {
            println!("{instructions}");
        }
    });
    if let Some(level) = log {
        let call =
            client.begin(|session, now| session.set_log_level(now, level, CallOptions::new()))?;
        client.wait(call)?;
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
pub fn call(client: &mut Server, name: &str, json: &str) -> Result<usize, Box<dyn Error>> {
    let params = CallToolParams::new(name).arguments(Raw::new(json)?);
    let options = CallOptions::new().progress(true);
    let done = client.call::<CallTool>(&params, options)?;
    let result = done.result::<CallTool>()?;
    for block in &result.content {
        println!("{}", brief(block));
    }
    if let Some(structured) = &result.structured_content {
        println!("{}", structured.as_str());
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
            println!("\n{} {name}", lines.len());
            lines.iter().for_each(|line| println!("  {line}"));
            true
        }
        Err(ClientError::Misuse(Misuse::NotDeclaredByPeer(_))) => true,
        Err(error) => {
            println!("\n{name}: {error}");
            false
        }
    }
}

/// A line for each tool.
pub fn tools(client: &mut Server) -> Result<Vec<String>, ClientError> {
    let mut lines = Vec::new();
    client.list::<ListTools>(CallOptions::new(), |page| {
        let tools = page.tools.iter();
        lines.extend(tools.map(|tool| line(&tool.name, tool.description.as_deref())));
    })?;
    Ok(lines)
}

/// A line for each resource.
pub fn resources(client: &mut Server) -> Result<Vec<String>, ClientError> {
    let mut lines = Vec::new();
    client.list::<ListResources>(CallOptions::new(), |page| {
        let resources = page.resources.iter();
        lines.extend(resources.map(|found| line(&found.uri, Some(found.display_name()))));
    })?;
    Ok(lines)
}

/// A line for each template.
pub fn templates(client: &mut Server) -> Result<Vec<String>, ClientError> {
    let mut lines = Vec::new();
    client.list::<ListResourceTemplates>(CallOptions::new(), |page| {
        let templates = page.resource_templates.iter();
        lines.extend(templates.map(|found| line(&found.uri_template, Some(found.display_name()))));
    })?;
    Ok(lines)
}

/// A line for each prompt, with its arguments.
pub fn prompts(client: &mut Server) -> Result<Vec<String>, ClientError> {
    let mut lines = Vec::new();
    client.list::<ListPrompts>(CallOptions::new(), |page| {
        for prompt in page.prompts {
            let arguments = prompt.arguments.iter().flatten();
            let names: Vec<_> = arguments.map(|argument| argument.name.as_str()).collect();
            let name = format!("{}({})", prompt.name, names.join(", "));
            lines.push(line(&name, prompt.description.as_deref()));
        }
    })?;
    Ok(lines)
}

fn line(name: &str, about: Option<&str>) -> String {
    let first = about.and_then(|about| about.lines().find(|line| !line.is_empty()));
    match first {
        Some(about) => format!("{name}  {}", about.trim()),
        None => name.to_owned(),
    }
}
