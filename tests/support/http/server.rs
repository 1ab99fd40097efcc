//! A server whose handlers do what a test tells them to.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use mcp_proto::io::http::{HttpServeOptions, HttpService};
use mcp_proto::model::elicitation::ElicitRequestFormParams;
use mcp_proto::model::resource::Resource;
use mcp_proto::model::schema::StringSchema;
use mcp_proto::server::{Async, Context, Elicited, HandlerError};
use mcp_proto::session::Change;
use mcp_proto::{Server, Tool};
use serde_json::{Value, json};

use super::client::wait;

/// What handlers tell the test, and what they wait for.
#[derive(Clone)]
pub struct Stage {
    told: Sender<&'static str>,
    heard: Arc<Mutex<Receiver<&'static str>>>,
    go: Arc<Mutex<Receiver<()>>>,
    let_go: Sender<()>,
    pub dropped: Arc<AtomicUsize>,
}

impl Stage {
    fn new() -> Self {
        let (told, heard) = channel();
        let (let_go, go) = channel();
        Self {
            told,
            heard: Arc::new(Mutex::new(heard)),
            go: Arc::new(Mutex::new(go)),
            let_go,
            dropped: Arc::default(),
        }
    }

    /// What a handler says next.
    pub fn next(&self) -> &'static str {
        let heard = self.heard.lock().unwrap();
        heard
            .recv_timeout(super::client::SOON)
            .expect("a handler says something")
    }

    /// Lets one handler go on that waits.
    pub fn go(&self) {
        self.let_go.send(()).unwrap();
    }

    fn say(&self, what: &'static str) {
        self.told.send(what).unwrap();
    }
}

/// Tells when it is dropped.
struct Told(Stage, bool);

impl Drop for Told {
    fn drop(&mut self) {
        if !self.1 {
            self.0.dropped.fetch_add(1, Ordering::SeqCst);
            self.0.say("dropped");
        }
    }
}

pub fn tool(name: &'static str) -> Tool<'static> {
    Tool::new(name, json!({"type": "object"}).into())
}

#[derive(serde_derive::Deserialize)]
struct Name {
    name: String,
}

/// The server, and what its handlers say.
pub fn server() -> (Server<Async>, Stage) {
    let stage = Stage::new();
    let (hold, sleep) = (stage.clone(), stage.clone());
    let blocking = Server::new("test", "1.0")
        .tool(
            tool("echo"),
            |_, arguments: Value| Ok(arguments.to_string()),
        )
        .tool(tool("hold"), move |context: &Context, _: Value| {
            hold.say("begun");
            let go = hold.go.lock().unwrap();
            while go.recv_timeout(Duration::from_millis(2)).is_err() {
                if context.is_cancelled() {
                    hold.say("cancelled");
                    return Err(HandlerError::from("cancelled"));
                }
            }
            Ok("held")
        })
        .tool(tool("steps"), |context: &Context, _: Value| {
            context.progress(1.0, Some(2.0), None);
            context.progress(2.0, Some(2.0), None);
            Ok("stepped")
        })
        .tool(
            tool("panic"),
            |_, _: Value| -> Result<String, HandlerError> { panic!("on purpose") },
        )
        .tool(tool("grow"), |context: &Context, _: Value| {
            context.changed(Change::Tools);
            Ok("grown")
        })
        .tool(tool("who"), |context: &Context, _: Value| {
            Ok(context.principal().unwrap_or("nobody").to_owned())
        })
        .tool(tool("ask"), |context: &Context, _: Value| {
            let form = ElicitRequestFormParams::new("Who?").required("name", StringSchema::new());
            let Elicited::Accepted(who) = context.elicit::<Name>("who", form.clone())? else {
                return Ok("Hello!".to_owned());
            };
            let Elicited::Accepted(whom) = context.elicit::<Name>("whom", form)? else {
                return Ok(who.name);
            };
            Ok(format!("{} and {}", who.name, whom.name))
        })
        .resource(Resource::new("file:///a", "a"), |_| Ok("text"));
    let server = blocking.tool_async(tool("sleep"), move |_: Context, _: Value| {
        let stage = sleep.clone();
        async move {
            stage.say("begun");
            let mut told = Told(stage.clone(), false);
            let go = Arc::clone(&stage.go);
            std::future::poll_fn(move |cx| match go.lock().unwrap().try_recv() {
                Ok(()) => std::task::Poll::Ready(()),
                Err(_) => {
                    let waker = cx.waker().clone();
                    thread::spawn(move || {
                        thread::sleep(Duration::from_millis(2));
                        waker.wake();
                    });
                    std::task::Poll::Pending
                }
            })
            .await;
            told.1 = true;
            Ok("slept")
        }
    });
    (server, stage)
}

/// A service whose futures run on threads.
pub fn serve(options: HttpServeOptions) -> (HttpService, Server<Async>, Stage) {
    let (server, stage) = server();
    let spawn = |handler| drop(thread::spawn(move || wait(handler)));
    let service = HttpService::with_spawner(server.clone(), options, spawn);
    (service.expect("it can be served"), server, stage)
}

pub fn service() -> (HttpService, Stage) {
    let (service, _, stage) = serve(HttpServeOptions::default());
    (service, stage)
}
