//! One instance of a server: `server PORT REDIS_URL NAME`. Any number of them, behind any balancer,
//! are one server; each may be killed at any time. It ends when its standard input does, and parks
//! its sessions for the others.

use std::error::Error;
use std::io::{self, Read};
use std::net::TcpListener;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use many_machines::{Connections, RedisLog, RedisStore, RedisTasks};
use mcp_proto::io::http::{HttpServeOptions, HttpServer, HttpService, Machines};
use mcp_proto::io::{seal, tasks};
use mcp_proto::model::elicitation::ElicitRequestFormParams;
use mcp_proto::model::resource::Resource;
use mcp_proto::model::sampling::{CreateMessageParams, SamplingMessage};
use mcp_proto::model::schema::{BooleanSchema, StringSchema};
use mcp_proto::model::tool::{NO_ARGUMENTS_SCHEMA, TaskSupport};
use mcp_proto::server::{Async, Context, HandlerError};
use mcp_proto::{Server, Tool, tools};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

/// What handlers tell of changes by.
static SERVER: OnceLock<Server<Async>> = OnceLock::new();
static SERVICE: OnceLock<HttpService> = OnceLock::new();

/// What a client fills in.
#[derive(Deserialize, JsonSchema)]
struct Who {
    name: String,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut given = std::env::args().skip(1);
    let (Some(port), Some(redis), Some(name)) = (given.next(), given.next(), given.next()) else {
        return Err("usage: server PORT REDIS_URL NAME".into());
    };
    let redis = Connections::new(&redis)?;
    let log = RedisLog::new(redis.clone(), "mcp:");
    let store = RedisTasks::new(redis.clone(), "mcp:");
    let server = server(&name).tasks(tasks::system(store).lease(Duration::from_secs(1)));
    let trip_tool = Tool::new("trip", NO_ARGUMENTS_SCHEMA).task_support(TaskSupport::Optional);
    let server = server.tool(trip_tool, trip);

    let machines = Machines::new()
        .store(RedisStore::new(redis, "mcp:"))
        .fanout(log)
        .lease(Duration::from_secs(2))
        .on_error(move |error| eprintln!("{name}: {error}"));
    let mut options = HttpServeOptions::local().machines(machines);
    // All clients come by the balancer.
    options.limits.requests_each = options.limits.requests;
    options.limits.cancel_burst = 10_000;
    options.limits.cancel_rate = 10_000;
    let listener = TcpListener::bind(format!("127.0.0.1:{port}"))?;
    let started = HttpServer::start(server, listener, options)?;
    let _ = SERVICE.set(started.service().clone());
    io::stdin().read_to_end(&mut Vec::new())?;
    Ok(started.close(Duration::from_secs(5))?)
}

/// Asks the user twice and the model once, and draws a ticket in between: at once, or as a task that
/// outlives the instances that work on it.
fn trip(context: &Context, _: Value) -> Result<String, HandlerError> {
    let form = ElicitRequestFormParams::new("Who goes?").required("name", StringSchema::new());
    let name = context.elicit::<Value>("name", form)?.accepted()?;
    context.sleep(Duration::from_millis(30));
    let ticket = context.once("ticket", || Ok::<_, HandlerError>("a ticket".to_owned()))?;
    let message = vec![SamplingMessage::user("Where to?")];
    let place = context.sample("place", &CreateMessageParams::new(message, 10))?;
    context.sleep(Duration::from_millis(30));
    let form = ElicitRequestFormParams::new("Sure?").required("yes", BooleanSchema::new());
    let sure = context.elicit::<Value>("sure", form)?.accepted()?;
    let name = name["name"].as_str().unwrap_or_default();
    let place = place.content.as_text().unwrap_or_default();
    Ok(format!(
        "{name} goes to {place} with {ticket}: {}",
        sure["yes"]
    ))
}

fn server(name: &str) -> Server<Async> {
    let machine: Arc<str> = name.into();
    // What every instance has to know, and nobody else may: a program of one's own reads it from where
    // secrets are kept.
    let key = *b"a key that is for this run alone";
    let server = Server::new("many-machines", "1.0")
        .seal(seal::system(key))
        .resource(Resource::new("change://log/", "log"), |_| {
            Ok("see what was told")
        })
        .add(tools! {
            /// Adds two numbers, which takes it up to 400 ms.
            async fn add(a: u64, b: u64) -> String {
                tokio::time::sleep(Duration::from_millis((a * 37 + b * 101) % 400)).await;
                (a + b).to_string()
            }

            /// Asks twice who is there, and says where each question and the end came from.
            fn greet(context: &Context) -> Result<String, HandlerError> {
                let asked = format!("Who? ({machine})");
                let who: Who = context.elicit_typed("who", asked.clone())?.accepted()?;
                let whom: Who = context.elicit_typed("whom", asked.clone())?.accepted()?;
                Ok(format!("{} and {} ({machine})", who.name, whom.name))
            }
        });
    let _ = SERVER.set(server.clone());
    server.add(tools! {
        /// Tells of the change of this number, once, and returns when no instance can miss it.
        async fn tell(number: u64) -> String {
            if let (Some(server), Some(service)) = (SERVER.get(), SERVICE.get()) {
                server.resource_updated(&format!("change://log/{number}"));
                service.announced().await;
            }
            "told".to_owned()
        }
    })
}
