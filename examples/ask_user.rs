//! Calls a tool of a server that asks the user meanwhile, who answers in the terminal:
//! `cargo run --example ask_user -- TOOL ARGUMENTS PROGRAM [ARGUMENT..]`

#![allow(clippy::disallowed_methods, reason = "a program reads its arguments")]

use std::io::{self, Write};

use mcp_proto::io::child::Command;
use mcp_proto::model::elicitation::{ElicitParams, ElicitRequestFormParams, ElicitResult};
use mcp_proto::model::form::FormValue;
use mcp_proto::model::owned::IntoOwned;
use mcp_proto::model::schema::PrimitiveSchemaDefinition as Field;
use mcp_proto::rpc::{RpcError, Text};
use mcp_proto::{BlockingClient, ClientOptions};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut given = std::env::args().skip(1);
    let (Some(tool), Some(arguments), Some(program)) = (given.next(), given.next(), given.next())
    else {
        return Err("usage: ask_user TOOL ARGUMENTS PROGRAM [ARGUMENT..]".into());
    };
    let arguments: serde_json::Value = serde_json::from_str(&arguments)?;

    // The client goes on while the user thinks: this runs on a thread of its own.
    let options = ClientOptions::new("ask-user", "1.0").elicitation(|asked| {
        let answer = match &asked {
            ElicitParams::Form(form) => fill_in(form),
            ElicitParams::Url(params) => visit(&params.message, &params.url),
            _ => Ok(ElicitResult::decline()),
        };
        answer.map_err(|_| RpcError::internal("The user can't be asked"))
    });
    let client = BlockingClient::child(options, Command::new(program).args(given));
    println!("{}", client.call_tool(&tool, &arguments)?.value);
    Ok(())
}

/// Asks for each field in turn, until the form is right; the end of the input closes it.
fn fill_in(form: &ElicitRequestFormParams<'_>) -> io::Result<ElicitResult<'static>> {
    println!(
        "{} (`!` declines, an empty line leaves a field out)",
        form.message
    );
    loop {
        let mut content = form.defaults().into_owned();
        for (name, field) in form.requested_schema.properties.iter() {
            let Some(line) = ask(&format!("{name}{}: ", hint(field)))? else {
                return Ok(ElicitResult::cancel());
            };
            match line.as_str() {
                "!" => return Ok(ElicitResult::decline()),
                "" => {}
                line => content = content.with(name.to_owned(), value(field, line)),
            }
        }
        let answer = ElicitResult::accept(content);
        match form.validate(&answer) {
            Ok(()) => return Ok(answer),
            Err(violation) => println!("{violation}"),
        }
    }
}

/// Lets the user visit a page, which is never opened without them.
fn visit(message: &str, url: &str) -> io::Result<ElicitResult<'static>> {
    println!("{message}\n{url}");
    Ok(match ask("Will you visit it? [y/n] ")?.as_deref() {
        Some("y" | "yes") => ElicitResult::consent(),
        Some(_) => ElicitResult::decline(),
        None => ElicitResult::cancel(),
    })
}

/// What may be put into a field.
fn hint(field: &Field<'_>) -> String {
    match field {
        Field::Boolean(_) => " [y/n]".to_owned(),
        Field::Number(_) => " [number]".to_owned(),
        Field::UntitledSingleSelect(select) => format!(" {:?}", select.values),
        Field::LegacyTitled(select) => format!(" {:?}", select.values),
        Field::TitledSingleSelect(select) => {
            let values: Vec<_> = select.one_of.iter().map(|option| &option.value).collect();
            format!(" {values:?}")
        }
        Field::UntitledMultiSelect(_) | Field::TitledMultiSelect(_) => {
            " [with commas between]".to_owned()
        }
        _ => String::new(),
    }
}

/// What the user has typed, as the value of its field.
fn value(field: &Field<'_>, line: &str) -> FormValue<'static> {
    let text = || FormValue::from(line.to_owned());
    match field {
        Field::Boolean(_) => FormValue::Bool(matches!(line, "y" | "yes")),
        Field::Number(_) => match (line.parse::<i64>(), line.parse::<f64>()) {
            (Ok(whole), _) => whole.into(),
            (_, Ok(number)) => number.into(),
            _ => text(),
        },
        Field::UntitledMultiSelect(_) | Field::TitledMultiSelect(_) => {
            let chosen = line
                .split(',')
                .map(|part| Text::from(part.trim().to_owned()));
            chosen.collect::<Vec<_>>().into()
        }
        _ => text(),
    }
}

/// One line of the user; `None` at the end of the input.
fn ask(question: &str) -> io::Result<Option<String>> {
    print!("{question}");
    io::stdout().flush()?;
    let mut line = String::new();
    let length = io::stdin().read_line(&mut line)?;
    Ok((length > 0).then(|| line.trim().to_owned()))
}
