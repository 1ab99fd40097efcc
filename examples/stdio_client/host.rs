//! What a host does beside its calls: answers the server's requests and shows what it reports.

use std::env;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use mcp_proto::io::Handle;
use mcp_proto::model::elicitation::{ElicitParams, ElicitResult};
use mcp_proto::model::method::{
    CreateMessage, Elicit, ListRoots, LoggingMessage, Progress, ResourceUpdated,
};
use mcp_proto::model::owned::IntoOwned;
use mcp_proto::model::root::{ListRootsResult, Root};
use mcp_proto::model::sampling::CreateMessageResult;
use mcp_proto::model::subscription::SubscriptionFilter;
use mcp_proto::rpc::RpcError;
use mcp_proto::session::{
    Change, ClientEvent, ClientSession, InputRequested, Malformed, Misuse, Received,
};

use crate::form;

/// What the model of this client says, whatever it is asked.
pub const MODEL_SAYS: &str = "Socks for a fox.";

/// What has come so far, for whoever wants to check.
#[derive(Default)]
pub struct Seen {
    /// How far each progress notification said it was.
    pub progress: Vec<f64>,
    pub logs: usize,
    pub samplings: usize,
    pub elicitations: usize,
    pub roots: usize,
    /// What the server has promised to tell.
    pub subscribed: Vec<SubscriptionFilter<'static>>,
    pub ignored: usize,
}

pub struct Host {
    seen: Arc<Mutex<Seen>>,
}

impl Host {
    pub fn new(seen: Arc<Mutex<Seen>>) -> Self {
        Self { seen }
    }

    /// Takes one event. What the server got wrong is shown and does no further harm.
    pub fn take(&mut self, session: &Handle<ClientSession>, event: ClientEvent) {
        let seen = Arc::clone(&self.seen);
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = match event {
            ClientEvent::InputRequested(request) => {
                if let Err(misuse) = answer(&mut seen, session, &request) {
                    println!("  {}: {misuse}", request.method());
                }
                Ok(())
            }
            ClientEvent::Progress { progress, .. } => show_progress(&mut seen, &progress),
            ClientEvent::Log(message) => show_log(&mut seen, &message),
            ClientEvent::Changed {
                change,
                notification,
                ..
            } => show_change(change, &notification),
            ClientEvent::Subscribed { honoured, .. } => {
                seen.subscribed.push(honoured);
                Ok(())
            }
            ClientEvent::Ignored(ignored) => {
                seen.ignored += 1;
                if seen.ignored <= 3 {
                    println!("  ignored: {ignored}");
                }
                Ok(())
            }
            _ => Ok(()),
        };
        if let Err(malformed) = taken {
            println!("  a notification that can't be read: {malformed}");
        }
    }
}

/// Answers a request of the server, in place of a model and of a person.
fn answer(
    seen: &mut Seen,
    session: &Handle<ClientSession>,
    request: &InputRequested,
) -> Result<(), Misuse> {
    let input = request.input;
    println!("  the server asks: {}", request.method());
    if request.params::<CreateMessage>().is_some() {
        seen.samplings += 1;
        let message = CreateMessageResult::text("a-fox-with-a-pen", MODEL_SAYS);
        return session.with(|session, now| session.answer::<CreateMessage>(now, input, &message));
    }
    if request.params::<ListRoots>().is_some() {
        seen.roots += 1;
        let roots = roots();
        return session.with(|session, now| session.answer::<ListRoots>(now, input, &roots));
    }
    let answer = match request.params::<Elicit>() {
        Some(Ok(ElicitParams::Form(form))) => {
            println!("  \"{}\"", form.message);
            form::fill_in(&form).into_owned()
        }
        Some(_) => ElicitResult::cancel(),
        None => {
            let error = RpcError::method_not_found(request.method());
            return session.with(|session, now| session.decline(now, input, error));
        }
    };
    seen.elicitations += 1;
    session.with(|session, now| session.answer::<Elicit>(now, input, &answer))
}

/// The current directory and nothing else.
fn roots() -> ListRootsResult<'static> {
    let directory = env::current_dir().ok();
    let roots = directory.map(|directory| Root::new(file_uri(&directory)));
    ListRootsResult::new(roots.into_iter().collect())
}

fn file_uri(path: &Path) -> String {
    let mut uri = "file://".to_owned();
    for byte in path.to_string_lossy().bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'.' | b'_' | b'~' => {
                uri.push(byte.into());
            }
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri
}

fn show_progress(seen: &mut Seen, progress: &Received) -> Result<(), Malformed> {
    let progress = progress.params::<Progress>()?;
    seen.progress.push(progress.progress);
    let total = progress.total.map(|total| format!(" of {total}"));
    println!(
        "  progress: {}{} {}",
        progress.progress,
        total.unwrap_or_default(),
        progress.message.as_deref().unwrap_or_default()
    );
    Ok(())
}

fn show_log(seen: &mut Seen, message: &Received) -> Result<(), Malformed> {
    let message = message.params::<LoggingMessage>()?;
    seen.logs += 1;
    println!("  log: {}: {}", message.level, message.data.as_str());
    Ok(())
}

fn show_change(change: Change, notification: &Received) -> Result<(), Malformed> {
    match change {
        Change::Resource => {
            let params = notification.params::<ResourceUpdated>()?;
            println!("  changed: {}", params.uri);
        }
        list => println!("  changed: the list of {list:?}"),
    }
    Ok(())
}
