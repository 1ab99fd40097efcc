//! A saved session that somebody has changed in its store is refused, or goes on as a session does: it ends
//! what it has open, and whatever it sends is JSON on one line.

use std::time::Duration;

use mcp_proto::model::input::InputRequests;
use mcp_proto::model::method::{CallTool, ListRoots};
use mcp_proto::model::root::ListRootsResult;
use mcp_proto::model::subscription::SubscriptionFilter;
use mcp_proto::model::tool::{CallToolParams, CallToolResult};
use mcp_proto::rpc::Raw;
use mcp_proto::session::{
    CallOptions, ClientEvent, ClientSession, InputId, RestoreError, Route, SavedClient,
    SavedServer, ServerEvent, ServerSession, Session,
};
use mcp_proto::{Era, Instant, Revision};
use serde_json::{Value, json};

use support::pair::{Pair, client_config, poll_frames, server_config};
use support::saved::Saved;
use support::script::{Script, initialize, notification, tool_call};
use support::tampered::{changed, others};
use support::{LEGACY, on_every_revision, on_revisions};

/// A store's text of a client's session and of a server's.
struct Stored {
    client: Value,
    server: Value,
    now: Instant,
}

impl Stored {
    fn of(pair: &Pair) -> Self {
        Self {
            client: stored(&pair.client.save(pair.now)),
            server: stored(&pair.server.save(pair.now)),
            now: pair.now,
        }
    }
}

/// What a store has of it, as JSON.
fn stored(saved: &impl Saved) -> Value {
    serde_json::from_str(&saved.text()).unwrap()
}

/// Sessions in the middle of most of what can be open: a call that was taken, one that waits to be
/// sent, one whose server has asked for two things of which one is answered.
fn busy(revision: Revision) -> Vec<Stored> {
    let mut pair = Pair::open(revision);
    let arguments = Raw::new(r#"{"a":[1,"x"]}"#).unwrap();
    let params = CallToolParams::new("t").arguments(arguments);
    let options = || CallOptions::new().progress(true);
    let call = |pair: &mut Pair| {
        let called = pair.client.call::<CallTool>(pair.now, &params, options());
        called.unwrap();
    };
    call(&mut pair);
    call(&mut pair);
    pair.client_to_server();
    call(&mut pair);
    let mut all = vec![Stored::of(&pair)];
    pair.drive();
    let request = pair.request();
    let requests = InputRequests::new().roots("one").roots("two");
    let (server, now) = (&mut pair.server, pair.now);
    server
        .need_input(now, request.id, &requests, Some("state"))
        .unwrap();
    all.push(Stored::of(&pair));
    pair.drive();
    all.push(Stored::of(&pair));
    let input = pair.client_events.iter().find_map(|event| match event {
        ClientEvent::InputRequested(asked) => Some(asked.input),
        _ => None,
    });
    let roots = ListRootsResult::new(Vec::new());
    let answered = pair
        .client
        .answer::<ListRoots>(pair.now, input.unwrap(), &roots);
    answered.unwrap();
    all.push(Stored::of(&pair));
    all
}

/// A server that has something to ask of a client that is not ready to be asked yet.
fn early(revision: Revision) -> ServerSession {
    let mut server = Script::fresh_server(server_config());
    let mut opening = initialize(1, revision.as_str());
    opening["params"]["capabilities"] = json!({"roots": {}});
    server.feed_json(&opening);
    server.feed_json(&tool_call(revision, 2));
    let request = server
        .take_events()
        .into_iter()
        .find_map(|event| match event {
            ServerEvent::Request(request) => Some(request.id),
            _ => None,
        });
    let need = InputRequests::new().roots("r");
    let asked = server
        .session
        .need_input(server.now, request.unwrap(), &need, None);
    asked.unwrap();
    server.session
}

/// A server that has answered one request of a batch of two.
fn half_a_batch(revision: Revision) -> ServerSession {
    let mut server = Script::server(revision);
    let batch = [1, 2].map(|id| tool_call(revision, id));
    server.feed_json(&Value::from(batch.to_vec()));
    let events = server.take_events();
    let [ServerEvent::Request(first), ServerEvent::Request(_)] = &events[..] else {
        panic!("{events:?}")
    };
    let result = CallToolResult::text("x");
    let replied = server
        .session
        .reply::<CallTool>(server.now, first.id, &result);
    replied.unwrap();
    server.session
}

/// All that a session sends, which is JSON on one line.
fn sent(session: &mut impl Session, change: &str) -> usize {
    let frames = poll_frames(session);
    for frame in &frames {
        let is_json = serde_json::from_str::<serde::de::IgnoredAny>(frame).is_ok();
        assert!(
            is_json && !frame.contains(['\n', '\r']),
            "{frame}\nof {change}"
        );
    }
    frames.len()
}

/// Goes on with a client whose store was changed, and has it send all that it can.
fn go_on_as_client(text: &str, revision: Revision, now: Instant) -> Result<usize, RestoreError> {
    let Ok(saved) = SavedClient::read(text) else {
        return Err(RestoreError::Damaged);
    };
    let mut session = ClientSession::restore(client_config(revision), saved, now)?;
    let _ = session.call::<CallTool>(now, &CallToolParams::new("t"), CallOptions::new());
    let mut count = sent(&mut session, text);
    let inputs: Vec<InputId> = (0..64)
        .filter_map(|_| match session.poll_event()? {
            ClientEvent::InputRequested(asked) => Some(asked.input),
            _ => None,
        })
        .collect();
    for input in inputs {
        let roots = ListRootsResult::new(Vec::new());
        let _ = session.answer::<ListRoots>(now, input, &roots);
    }
    count += sent(&mut session, text);
    session.handle_timeout(now + Duration::from_secs(9999));
    while session.poll_event().is_some() {}
    session.close(now);
    Ok(count + sent(&mut session, text))
}

/// Goes on with a server whose store was changed, which answers with what it was asked.
fn go_on_as_server(text: &str, now: Instant) -> Result<usize, RestoreError> {
    let Ok(saved) = SavedServer::read(text) else {
        return Err(RestoreError::Damaged);
    };
    let mut session = ServerSession::restore(server_config(), saved, now)?;
    let initialized = notification("notifications/initialized", json!({}));
    session.handle_frame(now, Route::Pipe, initialized.to_string().into());
    let mut count = sent(&mut session, text);
    session.handle_timeout(now + Duration::from_secs(9999));
    while let Some(event) = session.poll_event() {
        if let ServerEvent::Request(asked) = event {
            let _ = asked.params::<CallTool>();
            let _ = session.reply_raw(now, asked.id, &asked.raw_params());
        }
        count += sent(&mut session, text);
    }
    session.refuse_interrupted(now);
    session.close(now);
    Ok(count + sent(&mut session, text))
}

on_every_revision! {
    fn a_saved_session_that_was_tampered_with_sends_frames_or_is_refused(revision) {
        for stored in busy(revision) {
            for text in changed(&stored.client) {
                let _ = go_on_as_client(&text, revision, stored.now);
            }
            for text in changed(&stored.server) {
                let _ = go_on_as_server(&text, stored.now);
            }
        }
    }
}

on_revisions! { LEGACY;
    fn what_waits_for_its_client_and_was_tampered_with_is_sent_as_frames_or_refused(revision) {
        let mut sessions = vec![early(revision)];
        if revision == Revision::V2025_03_26 {
            sessions.push(half_a_batch(revision));
        }
        let now = Instant::from_millis(1000);
        for session in sessions {
            let stored = stored(&session.save(now));
            let as_it_was = go_on_as_server(&stored.to_string(), now);
            assert!(as_it_was.is_ok_and(|count| count > 0), "nothing is sent");
            for text in changed(&stored) {
                let _ = go_on_as_server(&text, now);
            }
        }
    }
}

on_every_revision! {
    fn output_that_is_no_frame_any_more_is_refused(revision) {
        let stored = busy(revision).swap_remove(0);
        // The outbox is the fourth thing of the writer, which is the first of the state.
        let place = "/2/0/3/0";
        let bytes = stored.client.pointer(place).expect("a call waits to be sent");
        assert!(!bytes.as_array().unwrap().is_empty());
        for other in others(bytes) {
            let mut stored = stored.client.clone();
            *stored.pointer_mut(place).unwrap() = other;
            let refused = go_on_as_client(&stored.to_string(), revision, Instant::from_millis(1));
            assert_eq!(refused, Err(RestoreError::Damaged));
        }
    }
}

/// Where a store has the number that is given out next: the third thing of the writer, which is the first
/// of the state.
const NEXT: &str = "/2/0/2";

/// Whether a session comes back from what was saved with this number as the next.
fn comes_back_with(stored: &Value, next: u64, is_sound: impl Fn(&str) -> bool) -> bool {
    let mut stored = stored.clone();
    *stored.pointer_mut(NEXT).unwrap() = next.into();
    is_sound(&stored.to_string())
}

/// Tries a store whose last number was given to what the test is about.
fn check_numbers(stored: &Value, is_sound: impl Fn(&str) -> bool) {
    let next = stored.pointer(NEXT).and_then(Value::as_u64).unwrap();
    let limit = 1 << 40;
    for (next, fits) in [
        (next, true),
        (next - 1, false),
        (0, false),
        (limit - 1, true),
        (limit, false),
    ] {
        assert_eq!(
            comes_back_with(stored, next, &is_sound),
            fits,
            "{next} in {stored}"
        );
    }
}

fn check_client(session: &ClientSession, revision: Revision, now: Instant) {
    let stored = stored(&session.save(now));
    check_numbers(&stored, |text| {
        let saved = SavedClient::read(text).unwrap();
        ClientSession::restore(client_config(revision), saved, now).is_ok()
    });
}

fn check_server(session: &ServerSession, now: Instant) {
    let stored = stored(&session.save(now));
    check_numbers(&stored, |text| {
        let saved = SavedServer::read(text).unwrap();
        ServerSession::restore(server_config(), saved, now).is_ok()
    });
}

on_every_revision! {
    // `base.id.unique.session`
    fn what_is_open_has_a_number_that_was_given_out(revision) {
        let mut pair = Pair::open(revision);
        let filter = SubscriptionFilter::new().tools_list_changed(true);
        pair.client.subscribe(pair.now, &filter).unwrap();
        pair.drive();
        check_client(&pair.client, revision, pair.now);
        if revision.era() == Era::Modern {
            check_server(&pair.server, pair.now);
        }
        let mut pair = Pair::open(revision);
        pair.call_tool("t");
        check_client(&pair.client, revision, pair.now);
        check_server(&pair.server, pair.now);
        let asked = pair.request();
        pair.need(&asked, &InputRequests::new().roots("k"), None);
        check_client(&pair.client, revision, pair.now);
        if revision.era() == Era::Legacy {
            check_server(&pair.server, pair.now);
        }
    }
}

on_every_revision! {
    fn what_is_counted_of_output_is_what_there_is(revision) {
        let stored = busy(revision).swap_remove(0);
        let is_taken = |place: &str, change: &dyn Fn(&mut Value)| {
            let mut changed = stored.client.clone();
            change(changed.pointer_mut(place).unwrap());
            go_on_as_client(&changed.to_string(), revision, stored.now).is_ok()
        };
        let bytes = "/2/0/3/0";
        assert!(is_taken(bytes, &|_| {}));
        // More bytes than the frames have, and bytes of the reserve and frames that there are not.
        assert!(!is_taken(bytes, &|bytes| bytes.as_array_mut().unwrap().push(32.into())));
        assert!(!is_taken("/2/0/3/3", &|reserved| *reserved = 1.into()));
        assert!(!is_taken("/2/0/3/4", &|written| *written = 0.into()));
    }
}
