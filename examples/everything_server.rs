//! A server of everything: tools, two of which ask, resources, and a prompt with completion.

use mcp_proto::{Server, prompts, resources, server::HandlerError, server::SamplingRequest, tools};

fn main() -> std::io::Result<()> {
    const KNOWN: [&str; 2] = ["English", "French"];
    #[derive(serde::Serialize, schemars::JsonSchema)]
    struct Weather {
        celsius: f64,
        sky: &'static str,
    }
    Server::new("everything", "1.0")
        .add(tools! {
            /// Adds two numbers.
            fn add(a: f64, b: f64) -> f64 {
                a + b
            }
            /// Tells the weather in a city.
            fn weather(city: String) -> Weather {
                let (celsius, sky) = (city.len() as f64, "clear");
                Weather { celsius, sky }
            }
            /// Counts up to a number.
            fn count(context, to: u32) -> String {
                (1..=to).for_each(|n| context.progress(n.into(), Some(to.into()), None));
                format!("Counted to {to}.")
            }
            /// Orders something, once the user has said in which size.
            fn order(context, item: String) -> Result<String, HandlerError> {
                #[derive(serde::Deserialize, schemars::JsonSchema)]
                struct Order {
                    size: String,
                }
                let asked = context.elicit_typed::<Order>("size", format!("Which {item}?"))?;
                Ok(format!("A {} {item}", asked.accepted()?.size))
            }
            /// Has the client's model write a poem.
            fn poem(context, about: String) -> Result<String, HandlerError> {
                let request = SamplingRequest::new().user(format!("A poem about {about}"));
                Ok(request.max_tokens(100).reply(context, "poem")?.text)
            }
        })
        .add(resources! {
            /// What is on today.
            "notes://today" ("text/plain") => fn today() -> &'static str {
                "Nothing."
            }
            /// What was on that day.
            "notes://{day}" => fn notes(day: String) -> String {
                format!("Nothing on {day}.")
            }
        })
        .add(prompts! {
            /// Greets somebody.
            fn greet(name: String, #[complete(KNOWN)] language: Option<String>) -> String {
                format!("Greet {name} in {}.", language.unwrap_or(KNOWN[0].into()))
            }
        })
        .serve_stdio()
}
