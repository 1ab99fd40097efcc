//! What a server offers, as a page for a terminal.

use std::error::Error;
use std::io::{self, Write};

use mcp_proto::BlockingClient;
use mcp_proto::model::prompt::Prompt;
use mcp_proto::model::tool::Tool;
use serde_json::Value;

/// Where the page goes, and whether in bold type.
pub struct Page<'a, W> {
    out: &'a mut W,
    is_bold: bool,
}

impl<'a, W: Write> Page<'a, W> {
    pub fn new(out: &'a mut W, is_bold: bool) -> Self {
        Self { out, is_bold }
    }

    /// Shows everything. What the server fails with is an error, what the terminal fails with is inside.
    pub fn show(&mut self, client: &BlockingClient) -> Result<io::Result<()>, Box<dyn Error>> {
        let tools = client.list_tools()?;
        let resources = client.list_resources()?;
        let templates = client.list_resource_templates()?;
        let prompts = client.list_prompts()?;
        let (info, revision) = (client.server_info()?, client.revision()?);
        let instructions = client.instructions()?;
        Ok((|| {
            let name = info
                .as_ref()
                .map_or("a server without a name", |info| &info.name);
            let version = info.as_ref().map_or("", |info| &info.version);
            let revision = revision
                .map(|revision| revision.to_string())
                .unwrap_or_default();
            self.title(&format!("{name} {version}, MCP {revision}"))?;
            self.text(instructions.as_deref())?;
            self.heading("Tools", tools.len())?;
            for tool in &tools {
                self.item(
                    &format!("{}({})", tool.name, parameters(tool)),
                    tool.description.as_deref(),
                )?;
            }
            self.heading("Resources", resources.len())?;
            for resource in &resources {
                let kind = resource.mime_type.as_deref().unwrap_or("no type");
                let line = format!("{} ({}, {kind})", resource.uri, resource.name);
                self.item(&line, resource.description.as_deref())?;
            }
            self.heading("Resource templates", templates.len())?;
            for template in &templates {
                let line = format!("{} ({})", template.uri_template, template.name);
                self.item(&line, template.description.as_deref())?;
            }
            self.heading("Prompts", prompts.len())?;
            for prompt in &prompts {
                self.item(
                    &format!("{}({})", prompt.name, arguments(prompt)),
                    prompt.description.as_deref(),
                )?;
            }
            self.out.flush()
        })())
    }

    fn title(&mut self, text: &str) -> io::Result<()> {
        let text = plain(text);
        match self.is_bold {
            true => writeln!(self.out, "\u{1b}[1m{text}\u{1b}[0m"),
            false => writeln!(self.out, "{text}"),
        }
    }

    /// A heading, unless there is nothing below it.
    fn heading(&mut self, text: &str, count: usize) -> io::Result<()> {
        if count == 0 {
            return Ok(());
        }
        writeln!(self.out)?;
        self.title(&format!("{text} ({count})"))
    }

    fn item(&mut self, line: &str, about: Option<&str>) -> io::Result<()> {
        writeln!(self.out, "  {}", plain(line).replace('\n', " "))?;
        self.text(about)
    }

    fn text(&mut self, text: Option<&str>) -> io::Result<()> {
        for line in plain(text.unwrap_or_default()).trim().lines() {
            writeln!(self.out, "      {}", line.trim_end())?;
        }
        Ok(())
    }
}

/// A text of a server without what would steer the terminal.
pub fn plain(text: &str) -> String {
    let is_shown = |c: &char| !c.is_control() || matches!(c, '\n' | '\t');
    text.chars().filter(is_shown).collect()
}

/// The parameters of a tool by its schema; those that may be left out with a question mark.
fn parameters(tool: &Tool<'_>) -> String {
    let schema: Value = tool.input_schema.decode().unwrap_or_default();
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    let Some(properties) = schema["properties"].as_object() else {
        return String::new();
    };
    let shown = properties.iter().map(|(name, property)| {
        let optional = if required.iter().any(|one| one == name) {
            ""
        } else {
            "?"
        };
        match property["type"].as_str() {
            Some(kind) => format!("{name}{optional}: {kind}"),
            None => format!("{name}{optional}"),
        }
    });
    shown.collect::<Vec<_>>().join(", ")
}

fn arguments(prompt: &Prompt<'_>) -> String {
    let arguments = prompt
        .arguments
        .iter()
        .flat_map(|arguments| arguments.iter());
    let shown = arguments.map(|argument| {
        let optional = if argument.required == Some(true) {
            ""
        } else {
            "?"
        };
        format!("{}{optional}", argument.name)
    });
    shown.collect::<Vec<_>>().join(", ")
}
