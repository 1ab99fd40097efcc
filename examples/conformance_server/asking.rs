//! The tools that need something from the client. None of them knows the era: a legacy client is sent
//! requests, a modern one gets `input_required`, and either way the tool runs again with the answers.

use mcp_proto::model::elicitation::{ElicitRequestFormParams, ElicitResult};
use mcp_proto::model::input::InputRequests;
use mcp_proto::model::method::{CreateMessage, ListRoots};
use mcp_proto::model::sampling::{CreateMessageParams, SamplingMessage};
use mcp_proto::model::schema::{
    BooleanSchema, EnumOption, LegacyTitledEnumSchema, NumberSchema, StringSchema,
    TitledMultiSelectEnumSchema, TitledSingleSelectEnumSchema, UntitledMultiSelectEnumSchema,
    UntitledSingleSelectEnumSchema,
};
use mcp_proto::model::tool::CallToolResult;
use serde::{Deserialize, Serialize};

use crate::call::{Call, Stop};
use crate::tools::{Entry, object};

/// All of them.
pub const TOOLS: &[Entry] = &[
    Entry::new("ask", "Asks for a name and says hello", ask),
    Entry::new(
        "test_elicitation_sep1034_defaults",
        "Shows a form with defaults",
        form_with_defaults,
    ),
    Entry::new(
        "test_elicitation_sep1330_enums",
        "Shows a form with choices",
        form_with_choices,
    ),
    Entry::new(
        "test_missing_capability",
        "Asks the client's model",
        capital,
    ),
    Entry::new("test_streaming_elicitation", "Asks for a name", user_name),
    Entry::new(
        "test_input_required_result_elicitation",
        "Asks for a name",
        user_name,
    ),
    Entry::new(
        "test_input_required_result_sampling",
        "Asks the client's model",
        capital,
    ),
    Entry::new(
        "test_input_required_result_list_roots",
        "Asks for the roots",
        roots,
    ),
    Entry::new(
        "test_input_required_result_request_state",
        "Asks once, with a state",
        confirm,
    ),
    Entry::new(
        "test_input_required_result_tampered_state",
        "Asks once, with a state",
        confirm,
    ),
    Entry::new(
        "test_input_required_result_multiple_inputs",
        "Asks three things at once",
        three_inputs,
    ),
    Entry::new(
        "test_input_required_result_multi_round",
        "Asks twice",
        two_rounds,
    ),
    Entry::new(
        "test_input_required_result_capabilities",
        "Asks what the client can answer",
        what_it_can,
    ),
    Entry::new("test_sampling", "Asks the client's model", sampling)
        .takes(|| object(&["prompt"], "string")),
    Entry::new(
        "test_elicitation",
        "Asks the person behind the client",
        elicitation,
    )
    .takes(|| object(&["message"], "string")),
];

/// A state that only says that there was a round before this one.
#[derive(Serialize, Deserialize)]
struct Asked;

fn sampling(call: &Call<'_>) -> Result<CallToolResult<'static>, Stop> {
    #[derive(Deserialize)]
    struct Arguments {
        prompt: String,
    }
    let Arguments { prompt } = call.arguments()?;
    let text = sample(call, "prompt", &prompt)?;
    Ok(CallToolResult::text(format!("LLM response: {text}")))
}

fn elicitation(call: &Call<'_>) -> Result<CallToolResult<'static>, Stop> {
    #[derive(Deserialize)]
    struct Arguments {
        message: String,
    }
    let Arguments { message } = call.arguments()?;
    let form = ElicitRequestFormParams::new(message)
        .required(
            "username",
            StringSchema::new().description("User's response"),
        )
        .required(
            "email",
            StringSchema::new().description("User's email address"),
        );
    let answer = call.elicit("user", form)?;
    Ok(CallToolResult::text(format!(
        "User response: {}",
        in_words(&answer)
    )))
}

fn ask(call: &Call<'_>) -> Result<CallToolResult<'static>, Stop> {
    let form = text_form("What is your name?", "name");
    let answer = call.form_answer("name", &form)?;
    match (call.state::<Asked>()?, answer) {
        (Some(Asked), Some(answer)) => Ok(CallToolResult::text(format!(
            "hello {}",
            field(&answer, "name")
        ))),
        _ => Err(call.ask(InputRequests::new().elicit("name", &form.into()), &Asked)),
    }
}

fn user_name(call: &Call<'_>) -> Result<CallToolResult<'static>, Stop> {
    let answer = call.elicit("user_name", text_form("What is your name?", "name"))?;
    Ok(CallToolResult::text(format!(
        "Hello, {}!",
        field(&answer, "name")
    )))
}

fn capital(call: &Call<'_>) -> Result<CallToolResult<'static>, Stop> {
    let text = sample(call, "capital_question", "What is the capital of France?")?;
    Ok(CallToolResult::text(text))
}

fn roots(call: &Call<'_>) -> Result<CallToolResult<'static>, Stop> {
    let Some(answer) = call.answer::<ListRoots>("client_roots")? else {
        return Err(Stop::Ask(InputRequests::new().roots("client_roots"), None));
    };
    let roots: Vec<&str> = answer.roots.iter().map(|root| root.uri.as_str()).collect();
    Ok(CallToolResult::text(format!("Roots: {}", roots.join(", "))))
}

fn confirm(call: &Call<'_>) -> Result<CallToolResult<'static>, Stop> {
    let form = ElicitRequestFormParams::new("Please confirm").required("ok", BooleanSchema::new());
    let answer = call.form_answer("confirm", &form)?;
    match (call.state::<Asked>()?, answer) {
        (Some(Asked), Some(answer)) => Ok(CallToolResult::text(format!(
            "state-ok: {}",
            in_words(&answer)
        ))),
        _ => Err(call.ask(InputRequests::new().elicit("confirm", &form.into()), &Asked)),
    }
}

fn three_inputs(call: &Call<'_>) -> Result<CallToolResult<'static>, Stop> {
    let form = text_form("What is your name?", "name");
    let name = call.form_answer("user_name", &form)?;
    let greeting = call.answer::<CreateMessage>("greeting")?;
    let roots = call.answer::<ListRoots>("client_roots")?;
    let asked = call.state::<Asked>()?;
    let (Some(Asked), Some(name), Some(greeting), Some(roots)) = (asked, name, greeting, roots)
    else {
        let requests = InputRequests::new()
            .elicit("user_name", &form.into())
            .sample("greeting", &question("Generate a greeting", 50))
            .roots("client_roots");
        return Err(call.ask(requests, &Asked));
    };
    let greeting = greeting.content.as_text().unwrap_or_default();
    let (name, roots) = (field(&name, "name"), roots.roots.len());
    Ok(CallToolResult::text(format!(
        "{greeting} {name}, you have {roots} roots"
    )))
}

/// Each round carries in its state what the ones before have found out.
fn two_rounds(call: &Call<'_>) -> Result<CallToolResult<'static>, Stop> {
    #[derive(Serialize, Deserialize)]
    enum Step {
        Name,
        Color { name: String },
    }
    let name_form = text_form("Step 1: What is your name?", "name");
    let color_form = text_form("Step 2: What is your favorite color?", "color");
    let step = call.state()?.unwrap_or(Step::Name);
    match step {
        Step::Name => match call.form_answer("step1", &name_form)? {
            Some(answer) => {
                let name = field(&answer, "name");
                Err(call.ask(
                    InputRequests::new().elicit("step2", &color_form.into()),
                    &Step::Color { name },
                ))
            }
            None => Err(call.ask(
                InputRequests::new().elicit("step1", &name_form.into()),
                &Step::Name,
            )),
        },
        Step::Color { name } => match call.form_answer("step2", &color_form)? {
            Some(answer) => Ok(CallToolResult::text(format!(
                "{name} likes {}",
                field(&answer, "color")
            ))),
            None => Err(call.ask(
                InputRequests::new().elicit("step2", &color_form.into()),
                &Step::Color { name },
            )),
        },
    }
}

/// Asks for a name where there is a person to ask, else the model.
fn what_it_can(call: &Call<'_>) -> Result<CallToolResult<'static>, Stop> {
    let id = call.request.id;
    let has_person = call.context.with(|session, _| {
        session
            .capabilities_of(id)
            .is_some_and(|client| client.supports_form())
    });
    if has_person {
        user_name(call)
    } else {
        capital(call)
    }
}

fn form_with_defaults(call: &Call<'_>) -> Result<CallToolResult<'static>, Stop> {
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
    let answer = call.elicit("values", form)?;
    Ok(CallToolResult::text(format!(
        "Elicitation completed: {}",
        in_words(&answer)
    )))
}

fn form_with_choices(call: &Call<'_>) -> Result<CallToolResult<'static>, Stop> {
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
    let answer = call.elicit("choices", form)?;
    Ok(CallToolResult::text(format!(
        "Elicitation completed: {}",
        in_words(&answer)
    )))
}

/// What the client's model says to `text`; asks it first.
fn sample(call: &Call<'_>, key: &'static str, text: &str) -> Result<String, Stop> {
    match call.answer::<CreateMessage>(key)? {
        Some(answer) => Ok(answer.content.as_text().unwrap_or_default().to_owned()),
        None => Err(Stop::Ask(
            InputRequests::new().sample(key, &question(text, 100)),
            None,
        )),
    }
}

fn question(text: &str, max_tokens: u64) -> CreateMessageParams<'_> {
    CreateMessageParams::new(vec![SamplingMessage::user(text)], max_tokens)
}

/// A form with one text to fill in.
fn text_form(message: &'static str, name: &'static str) -> ElicitRequestFormParams<'static> {
    ElicitRequestFormParams::new(message).required(name, StringSchema::new())
}

/// What stands in a field; whoever didn't fill in the form is a stranger.
fn field(answer: &ElicitResult<'_>, name: &str) -> String {
    let value = answer
        .content
        .as_ref()
        .and_then(|content| content.get(name)?.as_str());
    value.unwrap_or("stranger").to_owned()
}

fn in_words(answer: &ElicitResult<'_>) -> String {
    let content = serde_json::to_string(&answer.content).unwrap_or_default();
    let action = serde_json::to_string(&answer.action).unwrap_or_default();
    format!("action={}, content={content}", action.trim_matches('"'))
}
