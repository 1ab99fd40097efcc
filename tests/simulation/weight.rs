//! What a session holds at the least, told by what it hands out: whoever bounds memory by an account has
//! to have all of it in there.

use mcp_proto::rpc::RpcError;
use mcp_proto::session::{CallError, ClientEvent, Ignored, ServerEvent};
use mcp_proto::{ClientSession, Limits, ServerSession, Session};

/// The frames that wait to be sent and the events that wait to be told, each with its own size.
///
/// They say whether the session may take frames: not while too many events wait, or too much is held
/// beside one; and always while nothing is in the way.
fn waiting<S: Session + Clone>(
    session: &S,
    (held_bytes, limits): (usize, &Limits),
    texts: impl Fn(&S::Event) -> usize,
) -> usize {
    let wants_frames = session.wants_frames();
    let mut session = session.clone();
    let (mut held, mut events, mut frame) = (0, 0, Vec::new());
    while session.poll_transmit(&mut frame).is_some() {
        held += frame.len();
        frame.clear();
    }
    let is_writable = held <= limits.output;
    while let Some(event) = session.poll_event() {
        held += size_of::<S::Event>() + texts(&event);
        events += 1;
    }
    let has_room = events == 0 || events < limits.events && held_bytes < limits.memory;
    assert!(has_room || !wants_frames, "{events} events wait");
    assert!(
        wants_frames || !has_room || !is_writable,
        "nothing is in the way"
    );
    held
}

/// Sees to it that a client's account has what waits and what it is subscribed to.
pub fn assert_client(session: &ClientSession) {
    let limits = session.limits();
    let waiting = waiting(
        session,
        (session.held_bytes(), limits),
        |event| match event {
            ClientEvent::Completed(done) => match done.raw() {
                Ok(result) => result.as_str().len(),
                Err(error) => of_call_error(error),
            },
            ClientEvent::InputRequested(asked) => asked.raw_params().as_str().len(),
            ClientEvent::Log(received)
            | ClientEvent::ElicitationCompleted(received)
            | ClientEvent::Progress {
                progress: received, ..
            }
            | ClientEvent::Changed {
                notification: received,
                ..
            } => received.frame().len(),
            ClientEvent::Ignored(ignored) => of_ignored(ignored),
            _ => 0,
        },
    );
    let subscriptions = session.subscriptions().map(|(_, filter)| {
        let uris = filter.resource_subscriptions.iter().flatten();
        let uris: usize = uris.map(|uri| 2 * uri.len()).sum();
        let text = serde_json::to_string(&filter).expect("JSON");
        uris + text.len()
    });
    let server = session.server_capabilities().map_or(0, |capabilities| {
        serde_json::to_string(&capabilities).expect("JSON").len()
    });
    let least = waiting + subscriptions.sum::<usize>() + server;
    let held = session.held_bytes();
    assert!(
        held >= least,
        "{held} bytes are held, where {least} are there"
    );
}

/// Sees to it that a server's account has what waits, the frames of its open requests and what is watched.
pub fn assert_server(
    session: &ServerSession,
    limits: &Limits,
    requests: impl Iterator<Item = usize>,
) {
    let waiting = waiting(
        session,
        (session.held_bytes(), limits),
        |event| match event {
            ServerEvent::Request(request) => request.frame().len(),
            ServerEvent::Cancelled { reason, .. } => {
                reason.as_ref().map_or(0, |reason| reason.len())
            }
            ServerEvent::Subscribed { uri } | ServerEvent::Unsubscribed { uri } => uri.len(),
            ServerEvent::Notification(received) => received.frame().len(),
            ServerEvent::Ignored(ignored) => of_ignored(ignored),
            _ => 0,
        },
    );
    let watched: usize = session.watched().map(str::len).sum();
    let client = session.client_info().map_or(0, |info| info.name.len());
    let least = waiting + watched + client + requests.sum::<usize>();
    let held = session.held_bytes();
    assert!(
        held >= least,
        "{held} bytes are held, where {least} are there"
    );
}

fn of_call_error(error: &CallError) -> usize {
    match error {
        CallError::Rpc(error) | CallError::InputRefused(error) => of_error(error),
        CallError::BadResult {
            method,
            path,
            reason,
        } => method.len() + path.len() + reason.len(),
        _ => 0,
    }
}

fn of_error(error: &RpcError) -> usize {
    let data = error.data.as_ref().map_or(0, |data| data.as_str().len());
    error.message.len() + data
}

fn of_ignored(ignored: &Ignored) -> usize {
    match ignored {
        Ignored::NotAMessage { error, line } => {
            of_error(error) + line.as_ref().map_or(0, |line| line.len())
        }
        Ignored::Error(error) => of_error(error),
        Ignored::Request(method) | Ignored::Notification(method) => method.len(),
        _ => 0,
    }
}
