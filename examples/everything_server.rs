//! A server of everything in one file: tools, of which one asks the user and one the client's model,
//! a resource, a resource template and a prompt with completion, on the standard streams.

use mcp_proto::server::{Context, HandlerError, SamplingRequest};
use mcp_proto::{Server, prompts, resources, tools};

#[derive(serde::Serialize, schemars::JsonSchema)]
struct Weather {
    celsius: f64,
    sky: String,
}

/// What the user is asked for.
#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Order {
    /// Small, medium or large.
    size: String,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = Server::new("everything", "1.0")
        .add(tools! {
            /// Adds two numbers.
            fn add(a: f64, b: f64) -> f64 {
                a + b
            }

            /// Tells the weather in a city.
            fn weather(city: String) -> Weather {
                Weather { celsius: city.len() as f64, sky: "clear".into() }
            }

            /// Counts up to a number.
            fn count(context, to: u32) -> String {
                for n in 1..=to {
                    context.progress(n.into(), Some(to.into()), None);
                }
                format!("Counted to {to}.")
            }

            /// Orders something, once the user has said in which size.
            fn order(context: &Context, item: String) -> Result<String, HandlerError> {
                let order: Order = context.elicit_typed("size", format!("Which {item}?"))?.accepted()?;
                Ok(format!("A {} {item}", order.size))
            }

            /// Has the client's model write a poem.
            fn poem(context, about: String) -> Result<String, HandlerError> {
                let request = SamplingRequest::new().user(format!("A poem about {about}")).max_tokens(100);
                Ok(request.reply(context, "poem")?.text)
            }
        })
        .add(resources! {
            /// What is on today.
            "notes://today" ("text/plain") => fn today() -> &'static str { "Nothing." }

            /// What was on that day.
            "notes://{day}" => fn notes(day: String) -> String { format!("Nothing on {day}.") }
        })
        .add(prompts! {
            /// Greets somebody.
            fn greet(name: String, #[complete(["English", "French"])] language: Option<String>) -> String {
                format!("Greet {name} in {}.", language.as_deref().unwrap_or("English"))
            }
        });
    Ok(server.serve_stdio()?)
}
