//! Servers in short form: definitions that come from functions and their own types.

use std::sync::{Arc, Mutex};

use mcp_proto::model::completion::{CompleteParams, PromptReference, ResourceTemplateReference};
use mcp_proto::model::initialize::Icon;
use mcp_proto::model::method::{
    Complete, GetPrompt, ListPrompts, ListResourceTemplates, ListResources, ListTools, ReadResource,
};
use mcp_proto::model::prompt::{Arguments, GetPromptParams, Prompt};
use mcp_proto::model::resource::{ReadResourceParams, ResourceTemplate};
use mcp_proto::server::{Async, HandlerError, Offers};
use mcp_proto::session::{Route, Session};
use mcp_proto::{Instant, Revision, Server, Tool, prompts, resources, tools};
use schemars::JsonSchema;
use serde_derive::{Deserialize, Serialize};
use serde_json::{Value, json};
use support::carrier::by_every_way;
use support::server::{Drive, text};

const ERAS: [Revision; 2] = [Revision::V2025_11_25, Revision::V2026_07_28];

#[derive(Serialize, JsonSchema)]
struct Weather {
    sky: String,
    celsius: f64,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Unit {
    Celsius,
    Kelvin,
}

/// What the user is asked for.
#[derive(Deserialize, JsonSchema)]
struct Order {
    /// Small or large.
    size: String,
}

fn seven() -> i64 {
    7
}

fn offers(kept: Arc<Mutex<Vec<String>>>) -> Offers {
    tools! {
        with kept;

        /// Adds two numbers.
        /// They are whole.
        #[schemars(title = "A sum")]
        fn sum(
            /// What comes first.
            first: i64,
            #[serde(default = "seven")] another: i64,
        ) -> i64 { first + another }

        /// Tells the weather.
        fn weather(city: String, unit: Option<Unit>) -> Result<Weather, HandlerError> {
            let celsius = match (city.len(), unit) {
                (0, _) => return Err("there is no such city".into()),
                (_, Some(Unit::Kelvin)) => 300.0,
                (_, Some(Unit::Celsius) | None) => 27.0,
            };
            Ok(Weather { sky: "clear".into(), celsius })
        }

        fn keep(context, note: String) -> Result<String, HandlerError> {
            context.info("one more");
            let mut kept = kept.lock().map_err(|_| "gone")?;
            kept.push(note);
            Ok(format!("{} kept", kept.len()))
        }

        fn count() -> usize { kept.lock().map_or(0, |kept| kept.len()) }

        fn nothing() {}

        fn order(context, item: String) -> Result<String, HandlerError> {
            let order: Order = context.elicit_typed("order", "Which?")?.accepted()?;
            let more: Order = context.elicit_typed("more", "Which else?")?.accepted()?;
            Ok(format!("{item}: {}, {}", order.size, more.size))
        }
    }
}

fn server() -> Server {
    Server::new("s", "1").add(offers(Arc::default()))
}

fn drive(server: Server, revision: Revision) -> Drive {
    assert_eq!(server.check(), Ok(()));
    Drive::new(revision, vec![server])
}

#[test]
fn a_tool_is_all_that_its_function_says() {
    let server = server();
    for (revision, _way) in by_every_way(ERAS) {
        let mut drive = drive(server.clone(), revision);
        let listed = drive.run::<ListTools>(&Default::default()).unwrap();
        let tools = listed["tools"].as_array().unwrap();
        let sum = &tools[0];
        assert_eq!(sum["name"], "sum");
        assert_eq!(sum["title"], "A sum");
        assert_eq!(sum["description"], "Adds two numbers.\nThey are whole.");
        let input = &sum["inputSchema"];
        assert_eq!(input["required"], json!(["first"]));
        assert_eq!(input.get("title"), None, "{input}");
        let first = &input["properties"]["first"];
        assert_eq!(
            *first,
            json!({"type": "integer", "description": "What comes first."})
        );
        assert_eq!(input["properties"]["another"]["default"], 7);
        assert_eq!(
            sum["outputSchema"]["properties"]["result"]["type"],
            "integer"
        );
        let weather = &tools[1];
        assert_eq!(weather["inputSchema"]["required"], json!(["city"]));
        let unit = &weather["inputSchema"]["properties"]["unit"]["enum"];
        assert_eq!(*unit, json!(["celsius", "kelvin"]));
        assert_eq!(
            weather["outputSchema"]["required"],
            json!(["sky", "celsius"])
        );
        assert_eq!(tools[2].get("outputSchema"), None, "a text has none");
        assert_eq!(tools[4].get("outputSchema"), None, "nothing has none");
    }
}

#[test]
fn properties_stand_in_the_order_of_the_parameters() {
    // What is sent is read as text: a `Value` would sort it.
    let tool = tools! { fn f(z: i64, a: i64, m: Option<i64>) -> i64 { z + a + m.unwrap_or(0) } };
    let mut service = Server::new("s", "1").add(tool).service();
    let list = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {}}}});
    service.handle_frame(
        Instant::ZERO,
        Route::Pipe,
        list.to_string().into_bytes().into(),
    );
    let mut sent = Vec::new();
    service.poll_transmit(&mut sent).expect("an answer");
    let listed = String::from_utf8(sent).unwrap();
    let places = ["\"z\":", "\"a\":", "\"m\":"].map(|name| listed.find(name).unwrap());
    assert!(places.is_sorted(), "{listed}");
}

#[test]
fn a_function_gets_its_arguments_and_what_it_returns_is_the_result() {
    let server = server();
    let mut kept_notes = 0;
    for (revision, _way) in by_every_way(ERAS) {
        let mut drive = drive(server.clone(), revision);
        let sum = drive.call("sum", r#"{"first":1}"#).unwrap();
        assert_eq!(sum["structuredContent"], json!({"result": 8}));
        let weather = drive
            .call("weather", r#"{"city":"Bern","unit":"kelvin"}"#)
            .unwrap();
        let expected = json!({"sky": "clear", "celsius": 300.0});
        assert_eq!(weather["structuredContent"], expected);
        let kept = drive.call("keep", r#"{"note":"x"}"#).unwrap();
        kept_notes += 1;
        assert_eq!(kept.get("structuredContent"), None);
        assert!(text(&kept).ends_with("kept"));
        let nothing = drive.call("nothing", "{}").unwrap();
        assert_eq!(nothing["content"], json!([]));
    }
    let mut drive = drive(server, Revision::V2026_07_28);
    let count = drive.call("count", "{}").unwrap();
    assert_eq!(
        count["structuredContent"]["result"], kept_notes,
        "state is shared by all"
    );
}

#[test]
fn what_is_wrong_reaches_the_model() {
    // `tools.call.badargs`
    for (revision, _way) in by_every_way(ERAS) {
        let mut drive = drive(server(), revision);
        let cases = [
            (r#"{"another":2}"#, "sum", "missing field `first`"),
            (r#"{"first":"x"}"#, "sum", "first"),
            (
                r#"{"city":"x","unit":"metre"}"#,
                "weather",
                "unknown variant `metre`",
            ),
            (r#"{"city":""}"#, "weather", "there is no such city"),
        ];
        for (arguments, tool, expected) in cases {
            let result = drive.call(tool, arguments).unwrap();
            assert_eq!(result["isError"], true);
            assert!(text(&result).contains(expected), "{result}");
        }
    }
}

#[test]
fn a_form_is_a_type_and_two_questions_work_without_a_seal() {
    for (revision, _way) in by_every_way(ERAS) {
        let mut drive = drive(server(), revision);
        let result = drive.call("order", r#"{"item":"tea"}"#).unwrap();
        assert_eq!(text(&result), "tea: my size, my size");
    }
}

#[test]
fn a_form_that_can_not_be_flat_is_an_error_that_says_so() {
    #[derive(Deserialize, JsonSchema)]
    struct Deep {
        #[allow(dead_code, reason = "nobody fills it in")]
        inner: Order,
    }
    let tool = tools! {
        fn ask(context) -> Result<String, HandlerError> {
            context.elicit_typed::<Deep>("k", "Deep?")?.accepted()?;
            Ok(String::new())
        }
    };
    let mut drive = drive(Server::new("s", "1").add(tool), Revision::V2026_07_28);
    let result = drive.call("ask", "{}").unwrap();
    assert_eq!(result["isError"], true, "{result}");
    assert!(
        text(&result).contains("fields are not all primitive"),
        "{result}"
    );
}

fn greeter() -> Server {
    Server::new("s", "1").add(prompts! {
        /// Greets somebody.
        fn greet(
            /// Who it is.
            name: String,
            #[complete(["English", "Estonian", "French"])] language: Option<String>,
            #[complete(|typed: &str| vec![format!("{typed}0")])] times: Option<u8>,
        ) -> String {
            let language = language.unwrap_or("English".into());
            format!("{name} in {language}, {}", times.unwrap_or(1))
        }
    })
}

#[test]
fn a_prompt_is_all_that_its_function_says() {
    for (revision, _way) in by_every_way(ERAS) {
        let mut drive = drive(greeter(), revision);
        let listed = drive.run::<ListPrompts>(&Default::default()).unwrap();
        let greet = &listed["prompts"][0];
        assert_eq!(greet["description"], "Greets somebody.");
        let names = greet["arguments"].as_array().unwrap().iter();
        let names: Vec<_> = names.map(|argument| &argument["name"]).collect();
        assert_eq!(names, ["name", "language", "times"]);
        assert_eq!(greet["arguments"][0]["required"], true);
        assert_eq!(greet["arguments"][0]["description"], "Who it is.");
        assert_ne!(greet["arguments"][1]["required"], true);

        let get = |name: &str, times: &str| {
            let given = Arguments::new()
                .with(name.to_owned(), "Ada")
                .with("times", times.to_owned());
            let mut params = GetPromptParams::new("greet");
            params.arguments = Some(given);
            params
        };
        let got = drive.run::<GetPrompt>(&get("name", "3")).unwrap();
        assert_eq!(got["messages"][0]["content"]["text"], "Ada in English, 3");
        let refused = drive.run::<GetPrompt>(&get("name", "x")).unwrap_err();
        assert!(refused.contains("times: invalid digit"), "{refused}");
        assert!(
            drive
                .run::<GetPrompt>(&get("nome", "3"))
                .unwrap_err()
                .contains("name")
        );
    }
}

#[test]
fn parameters_are_completed_by_lists_and_closures() {
    for (revision, _way) in by_every_way(ERAS) {
        let mut drive = drive(greeter(), revision);
        let mut complete = |argument: &'static str, typed: &'static str| {
            let params = CompleteParams::new(PromptReference::new("greet"), argument, typed);
            drive.run::<Complete>(&params).unwrap()["completion"]["values"].take()
        };
        assert_eq!(complete("language", "E"), json!(["English", "Estonian"]));
        assert_eq!(complete("times", "1"), json!(["10"]));
        assert_eq!(complete("name", "x"), json!([]));
    }
}

#[test]
fn a_resource_has_no_parameters_and_a_template_has_its_variables() {
    let notes = resources! {
        /// What is on today.
        "notes://today" ("text/markdown") => fn today() -> &'static str { "* nothing" }

        /// What was on that day.
        "notes://{year}/{day}" => fn day(year: u16, #[complete(["1", "2"])] day: u16) -> String {
            format!("{day} of {year}")
        }
    };
    let server = Server::new("s", "1").add(notes);
    for (revision, _way) in by_every_way(ERAS) {
        let mut drive = drive(server.clone(), revision);
        let listed = drive.run::<ListResources>(&Default::default()).unwrap();
        let today = &listed["resources"][0];
        assert_eq!(today["name"], "today");
        assert_eq!(today["description"], "What is on today.");
        assert_eq!(today["mimeType"], "text/markdown");
        let listed = drive
            .run::<ListResourceTemplates>(&Default::default())
            .unwrap();
        let day = &listed["resourceTemplates"][0];
        assert_eq!(day["description"], "What was on that day.");
        let mut read = |uri: &'static str| drive.run::<ReadResource>(&ReadResourceParams::new(uri));
        assert_eq!(
            read("notes://today").unwrap()["contents"][0]["text"],
            "* nothing"
        );
        assert_eq!(
            read("notes://2026/7").unwrap()["contents"][0]["text"],
            "7 of 2026"
        );
        assert!(
            read("notes://2026/x")
                .unwrap_err()
                .contains("day: invalid digit")
        );
        let reference = ResourceTemplateReference::new("notes://{year}/{day}");
        let params = CompleteParams::new(reference, "day", "");
        let completed = drive.run::<Complete>(&params).unwrap();
        assert_eq!(completed["completion"]["values"], json!(["1", "2"]));
    }
}

#[test]
fn futures_come_in_the_same_form() {
    let prefix = String::from("so ");
    let offers: Offers<Async> = tools! {
        with prefix;

        fn blocking(text: String) -> String { text }

        async fn waiting(context, text: String) -> Result<String, HandlerError> {
            context.info("waiting");
            std::future::ready(()).await;
            let text = Err::<String, _>(text);
            let said = text.or_else(|text| if text.is_empty() { Err("nothing") } else { Ok(text) })?;
            Ok(prefix + &said)
        }
    }
    .and(prompts! { async fn poem(theme: String) -> String { theme } })
    .and(resources! {
        "a://b" => async fn b() -> String { "b".into() }
        "a://{x}/c" => async fn c(x: u8) -> Result<String, HandlerError> { Ok(x.to_string()) }
    });
    let server: Server<Async> = Server::new("s", "1").add(offers);
    assert_eq!(server.check(), Ok(()));
    for (revision, _way) in by_every_way(ERAS) {
        let mut drive = Drive::new(revision, vec![server.clone()]);
        assert_eq!(
            text(&drive.call("blocking", r#"{"text":"x"}"#).unwrap()),
            "x"
        );
        assert_eq!(
            text(&drive.call("waiting", r#"{"text":"x"}"#).unwrap()),
            "so x"
        );
        assert_eq!(
            drive.call("waiting", r#"{"text":""}"#).unwrap()["isError"],
            true
        );
        let params = ReadResourceParams::new("a://9/c");
        let read = drive.run::<ReadResource>(&params).unwrap();
        assert_eq!(read["contents"][0]["text"], "9");
        let params = ReadResourceParams::new("a://b");
        assert_eq!(
            drive.run::<ReadResource>(&params).unwrap()["contents"][0]["text"],
            "b"
        );
        let mut params = GetPromptParams::new("poem");
        params.arguments = Some(Arguments::new().with("theme", "sea"));
        let got = drive.run::<GetPrompt>(&params).unwrap();
        assert_eq!(got["messages"][0]["content"]["text"], "sea");
    }
}

#[test]
fn a_template_without_a_variable_that_is_read_is_told_of() {
    #[derive(Deserialize)]
    struct Wanted {
        #[allow(dead_code, reason = "it is never read")]
        city: String,
    }
    let template = |text: &'static str| ResourceTemplate::new(text, "t");
    let server = |text| {
        let server = Server::new("s", "1");
        server.typed_resource_template(template(text), |_, _: Wanted| Ok(""))
    };
    assert_eq!(server("a://{city}").check(), Ok(()));
    let told = server("a://{town}").check().unwrap_err().to_string();
    assert!(told.contains("no variable city"), "{told}");
    let told = server("a://{city").check().unwrap_err().to_string();
    assert!(told.contains("can't be matched"), "{told}");
}

#[test]
fn two_functions_of_one_name_are_told_of() {
    let one = || tools! { fn same() -> Value { json!(1) } };
    let server = Server::new("s", "1").add(one().and(one()));
    let told = server.check().unwrap_err().to_string();
    assert!(told.contains("same"), "{told}");
}

#[test]
fn attributes_say_what_else_a_definition_can() {
    // `tools.annotations`
    let icon = || Icon::new("https://example.com/sum.png");
    let server = Server::new("s", "1")
        .add(tools! {
            /// Adds two numbers.
            #[tool(title = "A sum", read_only_hint, open_world_hint = false, icons = [icon()])]
            fn sum(a: i64, b: i64) -> i64 { a + b }

            #[schemars(title = "Not this one")]
            #[tool(title = "Forget")]
            #[allow(dead_code)]
            fn forget(#[schemars(range(max = 9))] number: i64) -> i64 { number }

            #[tool(destructive_hint, idempotent_hint = true,)]
            fn plain() {}
        })
        .add(prompts! {
            /// Greets.
            #[prompt(title = "A greeting", icons = [icon()])]
            fn greet(name: String) -> String { name }
        })
        .add(resources! {
            /// What is on.
            #[resource(title = "Today", size = 8)]
            "notes://today" ("text/plain") => fn today() -> &'static str { "Nothing." }

            #[resource(title = "Some day")]
            "notes://{day}" => fn day(day: u8) -> String { day.to_string() }
        });
    let mut drive = drive(server, Revision::V2026_07_28);
    let listed = drive.run::<ListTools>(&Default::default()).unwrap();
    let sum = &listed["tools"][0];
    assert_eq!(sum["title"], "A sum");
    assert_eq!(sum["description"], "Adds two numbers.");
    let hints = json!({"readOnlyHint": true, "openWorldHint": false});
    assert_eq!(sum["annotations"], hints);
    assert_eq!(
        sum["icons"],
        json!([{"src": "https://example.com/sum.png"}])
    );
    assert_eq!(sum["inputSchema"]["required"], json!(["a", "b"]));
    assert_eq!(listed["tools"][1]["title"], "Forget");
    let hints = json!({"destructiveHint": true, "idempotentHint": true});
    assert_eq!(listed["tools"][2]["annotations"], hints);
    let listed = drive.run::<ListPrompts>(&Default::default()).unwrap();
    assert_eq!(listed["prompts"][0]["title"], "A greeting");
    assert_eq!(listed["prompts"][0]["description"], "Greets.");
    assert_eq!(listed["prompts"][0]["arguments"][0]["name"], "name");
    let listed = drive.run::<ListResources>(&Default::default()).unwrap();
    assert_eq!(listed["resources"][0]["title"], "Today");
    assert_eq!(listed["resources"][0]["size"], 8);
    assert_eq!(listed["resources"][0]["mimeType"], "text/plain");
    let listed = drive
        .run::<ListResourceTemplates>(&Default::default())
        .unwrap();
    assert_eq!(listed["resourceTemplates"][0]["title"], "Some day");
}

#[test]
fn typed_tools_and_prompts_take_definitions_and_keep_the_schemas_of_their_types() {
    /// What the type says.
    #[derive(Deserialize, JsonSchema)]
    struct Add {
        a: i64,
    }

    let tool = Tool::from("add").title("Addition").read_only_hint(true);
    let described = Tool::from("described").description("What the tool says.");
    let prompt = Prompt::from("ask").title("A question");
    let server = Server::new("s", "1")
        .typed_tool(tool, |_, add: Add| Ok(add.a))
        .typed_tool(described, |_, add: Add| Ok(add.a))
        .typed_prompt(prompt, |_, add: Add| Ok(add.a.to_string()));
    let mut drive = drive(server, Revision::V2026_07_28);
    let listed = drive.run::<ListTools>(&Default::default()).unwrap();
    let (add, described) = (&listed["tools"][0], &listed["tools"][1]);
    assert_eq!(add["title"], "Addition");
    assert_eq!(add["annotations"], json!({"readOnlyHint": true}));
    assert_eq!(add["description"], "What the type says.");
    assert_eq!(described["description"], "What the tool says.");
    for tool in [add, described] {
        assert_eq!(tool["inputSchema"]["required"], json!(["a"]));
        assert_eq!(tool["outputSchema"]["required"], json!(["result"]));
    }
    let listed = drive.run::<ListPrompts>(&Default::default()).unwrap();
    assert_eq!(listed["prompts"][0]["title"], "A question");
    assert_eq!(listed["prompts"][0]["arguments"][0]["name"], "a");
}
