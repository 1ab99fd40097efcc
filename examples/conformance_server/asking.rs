//! The tools that need something from the client. None of them knows the era: a legacy client is sent
//! requests, a modern one gets `input_required`, and either way the tool runs again with the answers.

use mcp_proto::model::elicitation::ElicitRequestFormParams;
use mcp_proto::model::sampling::{CreateMessageParams, SamplingMessage};
use mcp_proto::model::schema::{
    BooleanSchema, EnumOption, LegacyTitledEnumSchema, NumberSchema, StringSchema,
    TitledMultiSelectEnumSchema, TitledSingleSelectEnumSchema, UntitledMultiSelectEnumSchema,
    UntitledSingleSelectEnumSchema,
};
use mcp_proto::model::tool::CallToolResult;
use mcp_proto::rpc::RpcError;
use mcp_proto::server::{Context, Elicited, HandlerError};
use mcp_proto::{Server, Tool};
use serde::Deserialize;
use serde_json::Value;

use crate::tools::{Outcome, PlainTool, object, plain};

/// The tools without arguments.
const PLAIN: [PlainTool; 13] = [
    ("ask", "Asks for a name and says hello", ask),
    (
        "test_elicitation_sep1034_defaults",
        "Shows a form with defaults",
        form_with_defaults,
    ),
    (
        "test_elicitation_sep1330_enums",
        "Shows a form with choices",
        form_with_choices,
    ),
    (
        "test_missing_capability",
        "Asks the client's model",
        capital,
    ),
    ("test_streaming_elicitation", "Asks for a name", user_name),
    (
        "test_input_required_result_elicitation",
        "Asks for a name",
        user_name,
    ),
    (
        "test_input_required_result_sampling",
        "Asks the client's model",
        capital,
    ),
    (
        "test_input_required_result_list_roots",
        "Asks for the roots",
        roots,
    ),
    (
        "test_input_required_result_request_state",
        "Asks once, with a state",
        confirm,
    ),
    (
        "test_input_required_result_tampered_state",
        "Asks once, with a state",
        confirm,
    ),
    (
        "test_input_required_result_multiple_inputs",
        "Asks three things at once",
        three_inputs,
    ),
    (
        "test_input_required_result_multi_round",
        "Asks twice",
        two_rounds,
    ),
    (
        "test_input_required_result_capabilities",
        "Asks what the client can answer",
        what_it_can,
    ),
];

#[derive(Deserialize)]
struct Sampling {
    prompt: String,
}

#[derive(Deserialize)]
struct Elicitation {
    message: String,
}

/// Adds all of them.
pub fn add(server: Server) -> Server {
    let sampling = Tool::new("test_sampling", object(&["prompt"], "string"))
        .description("Asks the client's model");
    let elicitation = Tool::new("test_elicitation", object(&["message"], "string"))
        .description("Asks the person behind the client");
    PLAIN
        .into_iter()
        .fold(server, plain)
        .tool(sampling, |context: &Context, Sampling { prompt }| {
            let text = sample(context, "prompt", &prompt)?;
            Ok(format!("LLM response: {text}"))
        })
        .tool(elicitation, |context: &Context, Elicitation { message }| {
            let name = StringSchema::new().description("User's response");
            let email = StringSchema::new().description("User's email address");
            let form = ElicitRequestFormParams::new(message)
                .required("username", name)
                .required("email", email);
            let answer = context.elicit("user", form)?;
            Ok(format!("User response: {}", in_words(&answer)))
        })
}

/// Has a state go with the questions, though there is nothing to remember yet. Returns whether this
/// is the first run, which no state came with.
fn remember(context: &Context) -> Result<bool, HandlerError> {
    let mut is_first = false;
    context.once("asked", || {
        is_first = true;
        Ok::<_, HandlerError>(())
    })?;
    Ok(is_first)
}

fn ask(context: &Context) -> Outcome {
    let is_first = remember(context)?;
    let answer = context.elicit("name", text_form("What is your name?", "name"))?;
    if is_first {
        // An answer to a question that was never asked.
        let error = RpcError::invalid_params("inputResponses came without their requestState");
        return Err(HandlerError::rpc(error));
    }
    said(format!("hello {}", field(&answer, "name")))
}

fn user_name(context: &Context) -> Outcome {
    let answer = context.elicit("user_name", text_form("What is your name?", "name"))?;
    said(format!("Hello, {}!", field(&answer, "name")))
}

fn capital(context: &Context) -> Outcome {
    said(sample(
        context,
        "capital_question",
        "What is the capital of France?",
    )?)
}

fn roots(context: &Context) -> Outcome {
    let roots = context.roots_named("client_roots")?;
    let roots: Vec<&str> = roots.iter().map(|root| root.uri.as_str()).collect();
    said(format!("Roots: {}", roots.join(", ")))
}

fn confirm(context: &Context) -> Outcome {
    remember(context)?;
    let form = ElicitRequestFormParams::new("Please confirm").required("ok", BooleanSchema::new());
    let answer = context.elicit("confirm", form)?;
    said(format!("state-ok: {}", in_words(&answer)))
}

fn three_inputs(context: &Context) -> Outcome {
    remember(context)?;
    // All are asked before any is needed, so that they fit in one round.
    let name = context.elicit("user_name", text_form("What is your name?", "name"));
    let greeting = context.sample("greeting", &question("Generate a greeting", 50));
    let roots = context.roots_named("client_roots");
    let (name, greeting, roots) = (name?, greeting?, roots?);
    let greeting = greeting.content.as_text().unwrap_or_default();
    let (name, roots) = (field(&name, "name"), roots.len());
    said(format!("{greeting} {name}, you have {roots} roots"))
}

/// Each round brings one answer, and the next one remembers it.
fn two_rounds(context: &Context) -> Outcome {
    remember(context)?;
    let name = context.elicit("step1", text_form("Step 1: What is your name?", "name"))?;
    let form = text_form("Step 2: What is your favorite color?", "color");
    let color = context.elicit("step2", form)?;
    let (name, color) = (field(&name, "name"), field(&color, "color"));
    said(format!("{name} likes {color}"))
}

/// Asks for a name where there is a person to ask, else the model.
fn what_it_can(context: &Context) -> Outcome {
    match context.client_capabilities().supports_form() {
        true => user_name(context),
        false => capital(context),
    }
}

fn form_with_defaults(context: &Context) -> Outcome {
    let mut name = StringSchema::new().description("User name");
    name.default = Some("John Doe".into());
    let mut age = NumberSchema::integer().description("User age");
    age.default = Some(30.0);
    let mut score = NumberSchema::number().description("User score");
    score.default = Some(95.5);
    let mut status = UntitledSingleSelectEnumSchema::new(["active", "inactive", "pending"]);
    status.default = Some("active".into());
    let mut verified = BooleanSchema::new().description("Verification status");
    verified.default = Some(true);
    let form = ElicitRequestFormParams::new("Please look over these values")
        .optional("name", name)
        .optional("age", age)
        .optional("score", score)
        .optional("status", status)
        .optional("verified", verified);
    let answer = context.elicit("values", form)?;
    said(format!("Elicitation completed: {}", in_words(&answer)))
}

fn form_with_choices(context: &Context) -> Outcome {
    let plain = ["option1", "option2", "option3"];
    let titled = |what: &str| {
        let options = [
            ("value1", "First"),
            ("value2", "Second"),
            ("value3", "Third"),
        ];
        options.map(|(value, title)| EnumOption::new(value, format!("{title} {what}")))
    };
    let mut legacy = LegacyTitledEnumSchema::new(["opt1", "opt2", "opt3"]);
    legacy.enum_names = Some(vec![
        "Option One".into(),
        "Option Two".into(),
        "Option Three".into(),
    ]);
    let form = ElicitRequestFormParams::new("Please choose")
        .optional("untitledSingle", UntitledSingleSelectEnumSchema::new(plain))
        .optional(
            "titledSingle",
            TitledSingleSelectEnumSchema::new(titled("Option")),
        )
        .optional("legacyEnum", legacy)
        .optional("untitledMulti", UntitledMultiSelectEnumSchema::new(plain))
        .optional(
            "titledMulti",
            TitledMultiSelectEnumSchema::new(titled("Choice")),
        );
    let answer = context.elicit("choices", form)?;
    said(format!("Elicitation completed: {}", in_words(&answer)))
}

/// What the client's model says to `text`; asks it first.
fn sample(context: &Context, key: &str, text: &str) -> Result<String, HandlerError> {
    let answer = context.sample(key, &question(text, 100))?;
    Ok(answer.content.as_text().unwrap_or_default().to_owned())
}

fn question(text: &str, max_tokens: u64) -> CreateMessageParams<'_> {
    CreateMessageParams::new(vec![SamplingMessage::user(text)], max_tokens)
}

/// A form with one text to fill in.
pub fn text_form(message: &'static str, name: &'static str) -> ElicitRequestFormParams<'static> {
    ElicitRequestFormParams::new(message).required(name, StringSchema::new())
}

/// What stands in a field; whoever didn't fill in the form is a stranger.
pub fn field(answer: &Elicited<Value>, name: &str) -> String {
    let value = match answer {
        Elicited::Accepted(content) => content[name].as_str(),
        _ => None,
    };
    value.unwrap_or("stranger").to_owned()
}

fn said(text: String) -> Outcome {
    Ok(CallToolResult::text(text))
}

fn in_words(answer: &Elicited<Value>) -> String {
    let (action, content) = match answer {
        Elicited::Accepted(content) => ("accept", content.to_string()),
        Elicited::Declined => ("decline", "null".into()),
        _ => ("cancel", "null".into()),
    };
    format!("action={action}, content={content}")
}
