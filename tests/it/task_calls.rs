//! Calls of tools that become tasks of the server's, from the client's side: who may ask for one, how it
//! is asked after, what it waits for, and how a call ends before it.

use std::time::Duration;

use mcp_proto::Revision;
use mcp_proto::model::capability::ClientCapabilities;
use mcp_proto::model::method::{CallTool, ClientCapability, ListTools, Progress, ServerCapability};
use mcp_proto::model::object::Object;
use mcp_proto::model::page::PaginatedRequestParams;
use mcp_proto::model::subscription::SubscriptionFilter;
use mcp_proto::model::task::{
    CancelTask, GetTask, ListTasks, TASKS_EXTENSION, TaskChanged, TaskMetadata, TaskParams,
    TaskStatus,
};
use mcp_proto::model::tool::CallToolParams;
use mcp_proto::rpc::{Raw, code};
use mcp_proto::session::{
    CallClock, CallError, CallId, CallOptions, ClientConfig, ClientEvent, ClientSession, Completed,
    Misuse, SavedClient, Session, TaskUse, Timeout, WakeReason,
};
use serde_json::{Value, json};

use support::carrier::Way;
use support::on_revisions;
use support::pair::{client_config, everything_of_a_client};
use support::saved::Saved;
use support::script::{Script, error, notification, opening_result, result};

pub const OLD: Revision = Revision::V2025_11_25;
pub const NEW: Revision = Revision::V2026_07_28;

/// The revisions that have tasks.
pub const WITH_TASKS: [Revision; 2] = [OLD, NEW];

/// What a client declares that can handle tasks.
fn capabilities() -> ClientCapabilities<'static> {
    everything_of_a_client().extension(TASKS_EXTENSION, &Object::new())
}

pub fn config(revision: Revision) -> ClientConfig {
    client_config(revision).capabilities(capabilities())
}

/// What a server declares that runs calls of tools as tasks.
pub(super) fn offers(revision: Revision) -> Value {
    match revision {
        NEW => json!({"tools": {}, "extensions": {TASKS_EXTENSION: {}}}),
        OLD => {
            json!({"tools": {}, "tasks": {"list": {}, "cancel": {}, "requests": {"tools": {"call": {}}}}})
        }
        _ => json!({"tools": {}}),
    }
}

pub fn opened(revision: Revision, config: ClientConfig, offers: &Value) -> Script<ClientSession> {
    let mut script = Script::fresh_client(config);
    let asked = script.reply();
    script.feed_json(&result(&asked["id"], opening_result(revision, offers)));
    script.take_events();
    script.sent();
    script
}

pub fn client(revision: Revision) -> Script<ClientSession> {
    opened(revision, config(revision), &offers(revision))
}

pub fn ask() -> CallOptions<'static> {
    CallOptions::new().task(TaskUse::Ask(TaskMetadata::new()))
}

pub fn call(
    client: &mut Script<ClientSession>,
    options: CallOptions<'_>,
) -> Result<CallId<CallTool>, Misuse> {
    let params = CallToolParams::new("x");
    client
        .session
        .call::<CallTool>(client.now, &params, options)
}

/// A task as a server of `revision` describes it.
pub fn task(revision: Revision, status: &str, more: Value) -> Value {
    let mut task = json!({
        "taskId": "t1", "status": status,
        "createdAt": "2026-01-02T03:04:05Z", "lastUpdatedAt": "2026-01-02T03:04:05Z",
    });
    let (ttl, interval) = match revision {
        NEW => ("ttlMs", "pollIntervalMs"),
        _ => ("ttl", "pollInterval"),
    };
    task[ttl] = Value::Null;
    task[interval] = json!(5000);
    for (key, value) in more.as_object().into_iter().flatten() {
        task[key] = value.clone();
    }
    task
}

/// The answer to `tasks/get`.
pub fn told(revision: Revision, status: &str, more: Value) -> Value {
    let mut told = task(revision, status, more);
    if revision == NEW {
        told["resultType"] = json!("complete");
    }
    told
}

/// The answer to a call that has become a task.
pub fn created(revision: Revision) -> Value {
    match revision {
        NEW => {
            let mut created = task(NEW, "working", json!({}));
            created["resultType"] = json!("task");
            created
        }
        _ => json!({"task": task(revision, "working", json!({}))}),
    }
}

pub fn text(text: &str) -> Value {
    json!({"content": [{"type": "text", "text": text}]})
}

/// Answers the one request there is, which has to be of `method` and about the task.
#[track_caller]
pub fn answer(client: &mut Script<ClientSession>, method: &str, with: Value) -> Value {
    let asked = client.reply();
    assert_eq!(asked["method"], method, "{asked}");
    if method != "tools/call" {
        assert_eq!(asked["params"]["taskId"], "t1", "{asked}");
    }
    client.feed_json(&result(&asked["id"], with));
    asked
}

/// A client whose call has become a task.
pub fn working(revision: Revision) -> (Script<ClientSession>, CallId<CallTool>) {
    working_as(client(revision), revision, ask())
}

pub(super) fn working_as(
    mut client: Script<ClientSession>,
    revision: Revision,
    options: CallOptions<'_>,
) -> (Script<ClientSession>, CallId<CallTool>) {
    let call = call(&mut client, options).unwrap();
    answer(&mut client, "tools/call", created(revision));
    assert!(client.take_events().is_empty());
    (client, call)
}

#[track_caller]
pub fn done(client: &mut Script<ClientSession>, call: CallId<CallTool>) -> Completed {
    let events = client.take_events();
    let done = events.into_iter().find_map(|event| match event {
        ClientEvent::Completed(done) => Some(done),
        _ => None,
    });
    let done = done.expect("the call has ended");
    assert_eq!(done.call, call);
    assert_eq!(client.session.open_calls(), 0);
    done
}

#[track_caller]
pub(super) fn said(done: &Completed) -> String {
    let result = done.result::<CallTool>().unwrap();
    result.content[0].as_text().unwrap().to_string()
}

pub(super) fn five() -> Duration {
    Duration::from_secs(5)
}

/// Lets the task end with a result.
pub(super) fn finish(client: &mut Script<ClientSession>, revision: Revision) {
    client.pass(five());
    match revision {
        NEW => {
            let completed = told(NEW, "completed", json!({"result": text("done")}));
            answer(client, "tasks/get", completed);
        }
        _ => {
            answer(client, "tasks/get", told(revision, "completed", json!({})));
            answer(client, "tasks/result", text("done"));
        }
    }
}

on_revisions! { WITH_TASKS;
    fn a_call_that_becomes_a_task_ends_with_the_result_of_the_task(revision) {
        // `task25.create`, `task25.createresult`, `task25.poll`, `task26.both`, `task26.poll`,
        // `task25.result.block`
        let (mut client, call) = working(revision);
        assert_eq!(client.session.wake_reason(), Some(WakeReason::Task));
        client.pass(Duration::from_secs(4));
        assert!(client.sent().is_empty(), "it asks no sooner than it is told");
        client.pass(Duration::from_secs(1));
        answer(&mut client, "tasks/get", told(revision, "working", json!({})));
        assert!(client.sent().is_empty());
        finish(&mut client, revision);
        assert_eq!(said(&done(&mut client, call)), "done");
        assert_eq!(client.session.poll_timeout(), None);
    }
}

on_revisions! { WITH_TASKS;
    fn only_the_revision_where_the_client_asks_is_asked(revision) {
        // `task25.create`, `task26.server.decides`
        let mut client = client(revision);
        let options = CallOptions::new().task(TaskUse::Ask(TaskMetadata::new().ttl(60_000)));
        call(&mut client, options).unwrap();
        let asked = client.reply();
        let expected = match revision {
            OLD => json!({"ttl": 60_000}),
            _ => Value::Null,
        };
        assert_eq!(asked["params"]["task"], expected);
    }
}

on_revisions! { Revision::ALL;
    fn nobody_is_asked_for_a_task_who_has_not_offered_any(revision) {
        // `task25.create.gate`, `task25.tool.nocap`, `task25.cap`
        let offers = json!({"tools": {}, "tasks": {"cancel": {}, "list": {}}});
        let config = client_config(revision);
        let mut client = opened(revision, config, &offers);
        let refused = call(&mut client, ask()).unwrap_err();
        match revision {
            NEW => assert_eq!(
                refused,
                Misuse::NotDeclared(ClientCapability::TasksExtension.into())
            ),
            OLD => assert_eq!(
                refused,
                Misuse::NotDeclaredByPeer(ServerCapability::TasksToolsCall)
            ),
            _ => assert!(matches!(refused, Misuse::NotInRevision { .. })),
        }
        // Nor is a task of the params' own sent.
        let mut params = CallToolParams::new("x");
        params.task = Some(Raw::EMPTY_OBJECT);
        let own = client.session.call::<CallTool>(client.now, &params, CallOptions::new());
        assert_eq!(own.is_err(), revision == OLD, "{own:?}");
        let sent = client.sent();
        assert!(sent.iter().all(|sent| sent["params"].get("task").is_none()), "{sent:?}");
    }
}

on_revisions! { Revision::ALL;
    fn methods_of_tasks_are_sent_only_to_who_has_them(revision) {
        // `caps.undeclared.method`, `task25.cap`, `task26.removed`
        let mut bare = opened(revision, config(revision), &json!({"tools": {}}));
        let params = TaskParams::new("t1");
        let options = CallOptions::new;
        assert!(bare.session.call::<GetTask>(bare.now, &params, options()).is_err());
        assert!(bare.session.call::<CancelTask>(bare.now, &params, options()).is_err());
        assert!(bare.session.await_task(bare.now, "t1", options()).is_err());
        assert!(bare.sent().is_empty());
        let mut full = opened(revision, config(revision), &offers(revision));
        let has_tasks = revision >= OLD;
        let got = full.session.call::<GetTask>(full.now, &params, options());
        assert_eq!(got.is_ok(), has_tasks, "{got:?}");
        let list = PaginatedRequestParams::new();
        let listed = full.session.call::<ListTasks>(full.now, &list, options());
        assert_eq!(listed.is_ok(), revision == OLD, "{listed:?}");
    }
}

on_revisions! { WITH_TASKS;
    fn only_calls_of_tools_may_become_tasks(revision) {
        // `task26.method`
        let mut client = client(revision);
        let list = PaginatedRequestParams::new();
        let refused = client.session.call::<ListTools>(client.now, &list, ask());
        assert!(matches!(refused, Err(Misuse::WrongMethod { .. })), "{refused:?}");
        client.session.call::<ListTools>(client.now, &list, CallOptions::new()).unwrap();
        let asked = client.reply();
        client.feed_json(&result(&asked["id"], created(revision)));
        let Some(ClientEvent::Completed(done)) = client.take_events().pop() else {
            panic!("it has ended");
        };
        assert!(matches!(done.result::<ListTools>(), Err(CallError::BadResult { .. })));
    }
}

on_revisions! { Revision::ALL;
    fn a_task_that_nobody_asked_for_is_no_result(revision) {
        // `task26.gate`, `ext.resulttype`, `rtype.unknown`
        let mut client = opened(revision, client_config(revision), &offers(revision));
        let call = call(&mut client, CallOptions::new()).unwrap();
        answer(&mut client, "tools/call", created(revision));
        let done = done(&mut client, call);
        assert!(matches!(done.result::<CallTool>(), Err(CallError::BadResult { .. })), "{done:?}");
        assert!(done.task().is_none());
        assert!(client.sent().is_empty());
    }
}

on_revisions! { WITH_TASKS;
    fn a_server_may_answer_at_once(revision) {
        // `task25.create.ignore`, `task25.tool.optional`, `task26.both`
        let mut client = client(revision);
        let call = call(&mut client, ask()).unwrap();
        let mut result = text("now");
        if revision == NEW {
            result["resultType"] = json!("complete");
        }
        answer(&mut client, "tools/call", result);
        assert_eq!(said(&done(&mut client, call)), "now");
    }
}

on_revisions! { [NEW];
    fn a_server_that_decides_by_itself_is_waited_for(revision) {
        // `task26.server.decides`, `task26.both`
        let (mut client, call) = working_as(client(revision), revision, CallOptions::new());
        finish(&mut client, revision);
        assert_eq!(said(&done(&mut client, call)), "done");
    }
}

on_revisions! { WITH_TASKS;
    fn a_task_is_handed_out_and_waited_for_later(revision) {
        // `task25.immediate`, `task26.poll`
        let mut client = client(revision);
        let options = CallOptions::new().task(TaskUse::HandOut(TaskMetadata::new()));
        let call = call(&mut client, options).unwrap();
        answer(&mut client, "tools/call", created(revision));
        let out = done(&mut client, call);
        let created = out.task().expect("a task");
        assert_eq!(created.task.task_id, "t1");
        assert_eq!(created.task.poll_interval_ms, Some(5000));
        assert!(client.sent().is_empty(), "nobody asks after it");
        // In another life of the client.
        let mut client = self::client(revision);
        let call = client.session.await_task(client.now, "t1", CallOptions::new()).unwrap();
        answer(&mut client, "tasks/get", told(revision, "working", json!({})));
        finish(&mut client, revision);
        assert_eq!(said(&done(&mut client, call)), "done");
        // Whoever only waits leaves the task as it is.
        let call = client.session.await_task(client.now, "t1", CallOptions::new()).unwrap();
        answer(&mut client, "tasks/get", told(revision, "working", json!({})));
        client.session.cancel(client.now, call, None).unwrap();
        client.collect();
        assert!(client.sent().is_empty());
    }
}

on_revisions! { WITH_TASKS;
    fn who_gives_up_cancels_the_task_by_its_own_request(revision) {
        // `cancel.task`, `task25.cancel`, `task26.cancel`
        for at in ["pause", "get"] {
            let (mut client, call) = working(revision);
            if at == "get" {
                client.pass(five());
                assert_eq!(client.reply()["method"], "tasks/get");
            }
            client.session.cancel(client.now, call, Some("enough")).unwrap();
            client.collect();
            let ended = client.take_events();
            assert!(matches!(&ended[..], [ClientEvent::Completed(done)] if done.call == call));
            let sent = client.sent();
            let methods: Vec<_> = sent.iter().map(|sent| sent["method"].as_str().unwrap()).collect();
            assert_eq!(methods.last(), Some(&"tasks/cancel"), "{methods:?}");
            let cancelled = methods.iter().filter(|method| method.contains("cancelled")).count();
            // The end of an exchange of its own is not that of the task.
            assert!(cancelled == 0 || at == "get" && Way::current() != Way::Pipe, "{methods:?}");
            let asked = sent.last().unwrap();
            assert_eq!(asked["params"]["taskId"], "t1");
            let answer = match revision {
                NEW => json!({"resultType": "complete"}),
                _ => task(revision, "cancelled", json!({})),
            };
            client.feed_json(&result(&asked["id"], answer));
            assert!(client.take_events().is_empty());
            assert_eq!(client.session.open_calls(), 0);
            assert_eq!(client.session.poll_timeout(), None);
        }
    }
}

on_revisions! { [OLD];
    fn a_call_that_is_cancelled_before_its_task_is_known_has_the_task_cancelled_later(revision) {
        // `cancel.task`
        let mut client = client(revision);
        let call = call(&mut client, ask()).unwrap();
        let asked = client.reply();
        client.session.cancel(client.now, call, None).unwrap();
        let ended = client.take_events();
        assert!(matches!(&ended[..], [ClientEvent::Completed(done)] if done.call == call));
        assert!(client.sent().is_empty(), "no notification cancels a task");
        assert!(client.session.cancel(client.now, call, None).is_err());
        client.feed_json(&result(&asked["id"], created(revision)));
        answer(&mut client, "tasks/cancel", task(revision, "cancelled", json!({})));
        assert!(client.take_events().is_empty());
        assert_eq!(client.session.open_calls(), 0);
    }
}

on_revisions! { [OLD];
    fn a_server_that_has_no_cancelling_is_not_asked_for_it(revision) {
        // `caps.undeclared.method`
        let offers = json!({"tools": {}, "tasks": {"requests": {"tools": {"call": {}}}}});
        let client = opened(revision, config(revision), &offers);
        let (mut client, call) = working_as(client, revision, ask());
        client.session.cancel(client.now, call, None).unwrap();
        client.collect();
        assert!(client.sent().is_empty());
        assert_eq!(client.session.open_calls(), 0);
    }
}

on_revisions! { WITH_TASKS;
    fn a_task_that_never_ends_ends_with_the_time_of_its_call(revision) {
        // `timeout.max`, `task26.ttl`, `task25.ttl`
        let options = ask().total(Timeout::After(Duration::from_secs(60)));
        let (mut client, call) = working_as(client(revision), revision, options);
        let mut polls = 0;
        let ended = loop {
            client.pass(five());
            let events = client.take_events();
            if let Some(ClientEvent::Completed(done)) = events.into_iter().next() {
                break done;
            }
            answer(&mut client, "tasks/get", told(revision, "working", json!({})));
            polls += 1;
            assert!(polls < 100);
        };
        assert_eq!(ended.call, call);
        let error = ended.result::<CallTool>().unwrap_err();
        assert!(matches!(error, CallError::TimedOut { clock: CallClock::Total, .. }));
        let sent = client.sent();
        assert_eq!(sent.last().unwrap()["method"], "tasks/cancel", "{sent:?}");
    }
}

on_revisions! { WITH_TASKS;
    fn the_idle_clock_stands_still_between_two_requests_about_a_task(revision) {
        // `task25.poll`, `task26.poll`
        let options = ask().idle(Timeout::After(Duration::from_secs(2)));
        let (mut client, call) = working_as(client(revision), revision, options);
        for _ in 0..3 {
            client.pass(five());
            answer(&mut client, "tasks/get", told(revision, "working", json!({})));
        }
        client.pass(five());
        client.pass(Duration::from_secs(3));
        let error = done_with_others(&mut client, call).result::<CallTool>().unwrap_err();
        assert!(matches!(error, CallError::TimedOut { clock: CallClock::Idle, .. }));
    }
}

/// The end of a call, behind which the cancelling of its task may be open.
pub(super) fn done_with_others(
    client: &mut Script<ClientSession>,
    call: CallId<CallTool>,
) -> Completed {
    let done = client
        .take_events()
        .into_iter()
        .find_map(|event| match event {
            ClientEvent::Completed(done) => Some(done),
            _ => None,
        });
    done.filter(|done| done.call == call).expect("it has ended")
}

on_revisions! { WITH_TASKS;
    fn intervals_are_kept_within_bounds(revision) {
        // `task25.poll`, `task26.poll`
        for (told, waits) in [
            (json!(0), 100),
            (json!(-5), 100),
            (json!("soon"), 1_000),
            (json!(2_500), 2_500),
            (json!(i64::MAX), 3_600_000),
        ] {
            let mut client = client(revision);
            let options = ask().total(Timeout::Never).idle(Timeout::Never);
            call(&mut client, options).unwrap();
            let mut answered = created(revision);
            match revision {
                NEW => answered["pollIntervalMs"] = told.clone(),
                _ => answered["task"]["pollInterval"] = told.clone(),
            }
            answer(&mut client, "tools/call", answered);
            let due = client.session.poll_timeout().expect("it asks again");
            assert_eq!(due - client.now, Duration::from_millis(waits), "{told}");
        }
    }
}

on_revisions! { WITH_TASKS;
    fn a_task_ends_as_its_request_would_have(revision) {
        // `task25.failed`, `task25.result.exact`, `task26.failed`, `task26.get`
        let failing = json!({"code": -32000, "message": "broken", "data": {"a": 1}});
        let (mut client, call) = working(revision);
        client.pass(five());
        match revision {
            NEW => {
                answer(&mut client, "tasks/get", told(NEW, "failed", json!({"error": failing})));
            }
            _ => {
                answer(&mut client, "tasks/get", told(revision, "failed", json!({})));
                let asked = client.reply();
                assert_eq!(asked["method"], "tasks/result");
                client.feed_json(&json!({"jsonrpc": "2.0", "id": asked["id"], "error": failing}));
            }
        }
        let CallError::Rpc(error) = done(&mut client, call).result::<CallTool>().unwrap_err() else {
            panic!("the error of the task");
        };
        assert_eq!((error.code, &*error.message), (-32000, "broken"));
        // What the tool says of its own failure is a result.
        let (mut client, call) = working(revision);
        client.pass(five());
        let failed = json!({"content": [{"type": "text", "text": "no"}], "isError": true});
        match revision {
            NEW => {
                answer(&mut client, "tasks/get", told(NEW, "completed", json!({"result": failed})));
            }
            _ => {
                answer(&mut client, "tasks/get", told(revision, "failed", json!({})));
                let meta = json!({"io.modelcontextprotocol/related-task": {"taskId": "t1"}});
                let mut failed = failed;
                failed["_meta"] = meta;
                answer(&mut client, "tasks/result", failed);
            }
        }
        let done = done(&mut client, call);
        assert!(done.result::<CallTool>().unwrap().failed());
    }
}

on_revisions! { WITH_TASKS;
    fn a_task_that_is_gone_or_cancelled_by_another_says_so(revision) {
        // `task25.err.unknown`, `task26.err`, `task25.status.graph`
        let (mut client, call) = working(revision);
        client.pass(five());
        answer(&mut client, "tasks/get", told(revision, "cancelled", json!({})));
        assert_eq!(done(&mut client, call).result::<CallTool>(), Err(CallError::TaskCancelled));
        let (mut client, call) = working(revision);
        client.pass(five());
        let asked = client.reply();
        client.feed_json(&error(&asked["id"], code::INVALID_PARAMS));
        let error = done(&mut client, call).result::<CallTool>().unwrap_err();
        assert!(matches!(error, CallError::Rpc(error) if error.code == code::INVALID_PARAMS));
    }
}

on_revisions! { [OLD];
    streams;
    fn progress_goes_on_until_a_legacy_task_ends(revision) {
        // `progress.task.d`, `progress.stop`
        let mut client = client(revision);
        let call = call(&mut client, ask().progress(true)).unwrap();
        let asked = answer(&mut client, "tools/call", created(revision));
        let token = asked["params"]["_meta"]["progressToken"].clone();
        let report = |progress: u32| {
            notification("notifications/progress", json!({"progressToken": token, "progress": progress}))
        };
        client.feed_json(&report(1));
        client.pass(five());
        client.feed_json(&report(2));
        let reports: Vec<_> = client.take_events().into_iter().filter_map(|event| match event {
            ClientEvent::Progress { call: of, progress } if of == call => {
                Some(progress.params::<Progress>().unwrap().progress)
            }
            _ => None,
        }).collect();
        assert_eq!(reports, [1.0, 2.0]);
        answer(&mut client, "tasks/get", told(revision, "completed", json!({})));
        answer(&mut client, "tasks/result", text("done"));
        assert_eq!(said(&done(&mut client, call)), "done");
        client.feed_json(&report(3));
        assert!(matches!(&client.take_events()[..], [ClientEvent::Ignored(_)]));
    }
}

on_revisions! { [OLD];
    streams;
    fn what_is_said_of_a_task_unasked_is_handed_on_and_asked_after(revision) {
        // `task25.notif`, `task25.sse`
        let (mut client, call) = working(revision);
        client.pass(Duration::from_secs(1));
        let changed = |status: &str| {
            notification("notifications/tasks/status", task(revision, status, json!({})))
        };
        client.feed_json(&changed("working"));
        client.pass(Duration::ZERO);
        assert!(client.sent().is_empty());
        client.feed_json(&changed("completed"));
        let events = client.take_events();
        assert_eq!(events.len(), 2, "{events:?}");
        let ClientEvent::TaskChanged { subscription: None, notification: unasked } = &events[1] else {
            panic!("{events:?}");
        };
        assert_eq!(unasked.params::<TaskChanged>().unwrap().status, TaskStatus::Completed);
        client.pass(Duration::ZERO);
        answer(&mut client, "tasks/get", told(revision, "completed", json!({})));
        answer(&mut client, "tasks/result", text("done"));
        assert_eq!(said(&done(&mut client, call)), "done");
        client.feed_json(&notification("notifications/tasks/status", json!({"taskId": 1})));
        assert!(matches!(&client.take_events()[..], [ClientEvent::Ignored(_)]));
    }
}

on_revisions! { [NEW];
    streams;
    fn what_a_subscription_says_of_a_task_is_handed_on_and_asked_after(revision) {
        // `task26.notif`, `task26.notif.cap`, `sub.demux`
        let filter = SubscriptionFilter::new().task_ids(["t1"]);
        let mut undeclared = opened(revision, client_config(revision), &offers(revision));
        assert_eq!(
            undeclared.session.subscribe(undeclared.now, &filter),
            Err(Misuse::NotDeclared(ClientCapability::TasksExtension.into()))
        );
        let (mut client, call) = working(revision);
        let subscription = client.session.subscribe(client.now, &filter).unwrap();
        let listen = client.reply();
        assert_eq!(listen["params"]["notifications"]["taskIds"], json!(["t1"]));
        let tag = json!({"io.modelcontextprotocol/subscriptionId": listen["id"]});
        client.feed_json(&notification("notifications/subscriptions/acknowledged", json!({
            "notifications": {"taskIds": ["t1"]}, "_meta": tag,
        })));
        client.pass(Duration::from_secs(1));
        let mut changed = task(NEW, "completed", json!({"result": text("done"), "_meta": tag}));
        client.feed_json(&notification("notifications/tasks", changed.clone()));
        let events = client.take_events();
        assert!(matches!(
            events.last(),
            Some(ClientEvent::TaskChanged { subscription: Some(of), .. }) if *of == subscription
        ), "{events:?}");
        client.pass(Duration::ZERO);
        answer(&mut client, "tasks/get", told(NEW, "completed", json!({"result": text("done")})));
        let done = done_with_others(&mut client, call);
        assert_eq!(said(&done), "done");
        // Of a subscription that there isn't nothing is believed.
        changed["_meta"]["io.modelcontextprotocol/subscriptionId"] = json!(999);
        client.feed_json(&notification("notifications/tasks", changed));
        assert!(matches!(&client.take_events()[..], [ClientEvent::Ignored(_)]));
    }
}

on_revisions! { WITH_TASKS;
    fn a_session_that_was_saved_goes_on_asking_after_its_tasks(revision) {
        // `task26.poll`
        let (mut client, call) = working(revision);
        client.pass(Duration::from_secs(2));
        let saved = client.session.save(client.now).text();
        let saved = SavedClient::read(&saved).unwrap();
        let mut config = config(revision);
        if Way::current() != Way::Pipe {
            config = config.routing(mcp_proto::session::Routing::PerRequest);
        }
        client.now = mcp_proto::Instant::from_millis(50);
        client.session = ClientSession::restore(config, saved, client.now).unwrap();
        let due = client.session.poll_timeout().unwrap();
        assert_eq!(due - client.now, Duration::from_secs(3));
        client.session.suspend(client.now);
        client.now = client.now + Duration::from_secs(100);
        assert_eq!(client.session.poll_timeout(), None);
        client.session.resume(client.now);
        let due = client.session.poll_timeout().unwrap();
        assert_eq!(due - client.now, Duration::from_secs(3));
        finish(&mut client, revision);
        assert_eq!(said(&done(&mut client, call)), "done");
    }
}
