//! What a host does beside its calls: answers the server's requests and shows what it reports.

use std::env;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mcp_proto::client::{ClientOptions, Direction};
use mcp_proto::model::elicitation::{ElicitParams, ElicitResult};
use mcp_proto::model::logging::LoggingMessageParams;
use mcp_proto::model::method::ResourceUpdated;
use mcp_proto::model::owned::IntoOwned;
use mcp_proto::model::progress::ProgressParams;
use mcp_proto::model::root::Root;
use mcp_proto::model::sampling::CreateMessageResult;
use mcp_proto::session::{Change, ClientEvent, CloseReason, Received};

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
    pub ignored: usize,
    /// How often the server was told that a call is cancelled.
    pub cancelled: usize,
}

/// Shares what it has seen with whoever asks.
#[derive(Clone)]
pub struct Host {
    seen: Arc<Mutex<Seen>>,
}

impl Host {
    pub fn new(seen: Arc<Mutex<Seen>>) -> Self {
        Self { seen }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets the host answer the server and see what it reports.
    pub fn serve(self, options: ClientOptions) -> ClientOptions {
        let (model, person, log, events, frames) =
            (self.clone(), self.clone(), self.clone(), self.clone(), self);
        options
            .sampling(move |_| {
                say!("  the server asks its client's model");
                model.seen().samplings += 1;
                Ok(CreateMessageResult::text("a-fox-with-a-pen", MODEL_SAYS))
            })
            .elicitation(move |asked| {
                person.seen().elicitations += 1;
                Ok(answer(&asked))
            })
            .roots(|| roots().into_iter().collect())
            .on_log(move |message| log.show_log(&message))
            .on_event(move |event| events.show_event(event))
            .on_frame(move |direction, frame| frames.look_at(direction, frame))
    }

    fn show_log(&self, message: &LoggingMessageParams<'_>) {
        self.seen().logs += 1;
        say!("  log: {}: {}", message.level, message.data.as_str());
    }

    /// Shows what has happened. What the server got wrong does no further harm.
    fn show_event(&self, event: &ClientEvent) {
        match event {
            ClientEvent::Changed {
                change,
                notification,
                ..
            } => show_change(*change, notification),
            ClientEvent::Ignored(ignored) => {
                let mut seen = self.seen();
                seen.ignored += 1;
                if seen.ignored <= 3 {
                    say!("  ignored: {ignored}");
                }
            }
            // Some legacy servers exit on anything before `initialize`.
            ClientEvent::Closed(CloseReason::LostInProbe(_)) => {
                eprintln!("the server ended during the probe; once more, as a legacy one");
            }
            _ => {}
        }
    }

    fn look_at(&self, direction: Direction, frame: &[u8]) {
        let name = b"notifications/cancelled";
        let is_cancel = frame.windows(name.len()).any(|part| part == name);
        if direction == Direction::Sent && is_cancel {
            self.seen().cancelled += 1;
        }
    }
}

/// Shows how far a call has come, and remembers it.
pub fn show_progress(seen: &Mutex<Seen>, progress: &ProgressParams<'_>) {
    let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
    seen.progress.push(progress.progress);
    let total = progress.total.map(|total| format!(" of {total}"));
    say!(
        "  progress: {}{} {}",
        progress.progress,
        total.unwrap_or_default(),
        progress.message.as_deref().unwrap_or_default()
    );
}

/// Answers in place of a person.
fn answer(asked: &ElicitParams<'_>) -> ElicitResult<'static> {
    match asked {
        ElicitParams::Form(form) => {
            say!("  the server asks: \"{}\"", form.message);
            form::fill_in(form).into_owned()
        }
        _ => ElicitResult::cancel(),
    }
}

/// The current directory and nothing else.
fn roots() -> Option<Root<'static>> {
    let directory = env::current_dir().ok()?;
    Some(Root::new(file_uri(&directory)))
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

fn show_change(change: Change, notification: &Received) {
    match (change, notification.params::<ResourceUpdated>()) {
        (Change::Resource, Ok(params)) => say!("  changed: {}", params.uri),
        (Change::Resource, Err(malformed)) => {
            say!("  a notification that can't be read: {malformed}");
        }
        (list, _) => say!("  changed: the list of {list:?}"),
    }
}
