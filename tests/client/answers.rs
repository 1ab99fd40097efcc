//! What a client answers to what it is asked, and what it does with news (rows S1 to S3, S9 to S15).

use std::sync::{Arc, Mutex};

use mcp_proto::Instant;
use mcp_proto::client::driver::{ClientAccess, Run, react};
use mcp_proto::client::{Answer, Client, ClientOptions};
use mcp_proto::model::elicitation::ElicitResult;
use mcp_proto::model::form::FormContent;
use mcp_proto::model::method::CreateMessage;
use mcp_proto::model::root::Root;
use mcp_proto::model::sampling::CreateMessageResult;
use mcp_proto::rpc::RpcError;
use mcp_proto::session::{ClientEvent, Session};
use serde_json::{Value, json};

use support::carrier::by_every_route;
use support::client::{Script, call, everything, legacy};

/// A script's client behind a lock, as adapters have it.
struct Locked(Mutex<Client>);

const NOW: Instant = Instant::from_millis(2000);

struct Asked {
    options: ClientOptions,
    client: Arc<Locked>,
}

impl Asked {
    fn new(options: ClientOptions) -> Self {
        let script = Script::with(options.clone(), everything());
        let client = Arc::new(Locked(Mutex::new(script.client)));
        Self { options, client }
    }

    /// Lets the server say something; what the client does about it is done.
    fn say(&self, frame: Value) -> Vec<Value> {
        let mut events = Vec::new();
        {
            let mut client = self.client.0.lock().unwrap();
            let frame = frame.to_string().into_bytes().into();
            client.handle_frame(NOW, mcp_proto::session::Route::Pipe, frame);
            while let Some(event) = client.poll_event() {
                events.push(event);
            }
        }
        for event in events {
            if let mcp_proto::client::Event::Session(event) = event {
                self.react(*event);
            }
        }
        self.sent()
    }

    fn react(&self, event: ClientEvent) {
        let client = self.client.clone();
        let access = ClientAccess::new(move |act| act(&mut client.0.lock().unwrap(), NOW));
        if let Some(Run::Inline(run) | Run::Background(run)) = react(&self.options, event, &access)
        {
            run();
        }
    }

    fn sent(&self) -> Vec<Value> {
        let mut client = self.client.0.lock().unwrap();
        let (mut sent, mut buffer) = (Vec::new(), Vec::new());
        while client.poll_transmit(&mut buffer).is_some() {
            sent.push(serde_json::from_slice(&buffer).unwrap());
            buffer.clear();
        }
        sent
    }

    /// The server's request and the answer.
    fn ask(&self, method: &str, params: Value) -> Value {
        let request = json!({"jsonrpc": "2.0", "id": 0, "method": method, "params": params});
        let mut sent = self.say(request);
        assert_eq!(sent.len(), 1, "{sent:?}");
        assert_eq!(sent[0]["id"], 0, "0 is an id as good as any");
        sent.remove(0)
    }
}

fn sampling() -> Value {
    json!({"messages": [{"role": "user", "content": {"type": "text", "text": "hi"}}],
        "maxTokens": 5})
}

fn form() -> Value {
    json!({"mode": "form", "message": "Who?", "requestedSchema": {"type": "object",
        "properties": {"name": {"type": "string"}}, "required": ["name"]}})
}

#[test]
fn s1_log_handler_gets_every_message_and_unknown_levels_do_no_harm() {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&heard);
    let asked = Asked::new(legacy().on_log(move |message| {
        let logger = message.logger.as_ref().map(ToString::to_string);
        log.lock()
            .unwrap()
            .push((message.level.to_string(), logger, message.data.to_string()));
    }));
    let say = |params: Value| {
        asked.say(json!({"jsonrpc": "2.0", "method": "notifications/message", "params": params}));
    };
    say(json!({"level": "error", "logger": "l", "data": {"a": [1]}}));
    say(json!({"level": "debug", "data": "text"}));
    say(json!({"level": "chatty", "data": null}));
    let heard = heard.lock().unwrap();
    assert_eq!(
        heard[0],
        ("error".into(), Some("l".into()), r#"{"a":[1]}"#.into())
    );
    assert_eq!(heard[1], ("debug".into(), None, "\"text\"".into()));
    assert_eq!(heard.len(), 3);
    // Without a handler they are ignored.
    Asked::new(legacy()).say(json!({"jsonrpc": "2.0", "method": "notifications/message",
        "params": {"level": "error", "data": 1}}));
}

// `caps.undeclared.method` `roots.unsupported`
#[test]
fn s2_s10_s11_what_was_not_offered_is_refused_by_name() {
    let asked = Asked::new(legacy());
    for (method, params, message) in [
        (
            "sampling/createMessage",
            sampling(),
            "Sampling not supported",
        ),
        ("elicitation/create", form(), "Elicitation not supported"),
        ("roots/list", json!({}), "List roots not supported"),
    ] {
        let answer = asked.ask(method, params);
        assert_eq!(answer["error"], json!({"code": -32601, "message": message}));
    }
    assert_eq!(asked.ask("ping", json!({}))["result"], json!({}));
    assert_eq!(asked.ask("no/such", json!({}))["error"]["code"], -32601);
}

#[test]
fn s3_handler_that_gives_no_answer_is_an_internal_error() {
    let asked = Asked::new(legacy().on_sampling(|_, answer| drop(answer)));
    let error = &asked.ask("sampling/createMessage", sampling())["error"];
    assert_eq!(
        *error,
        json!({"code": -32603, "message": "The handler gave no answer"})
    );
}

#[test]
fn s9_sampling_is_answered_with_a_result_or_an_error() {
    let asked = Asked::new(legacy().sampling(|params| match params.max_tokens {
        5 => Ok(CreateMessageResult::text("m", "verse")),
        _ => Err(RpcError::new(-1, "User rejected sampling request")),
    }));
    let result = &asked.ask("sampling/createMessage", sampling())["result"];
    assert_eq!(result["content"], json!({"type": "text", "text": "verse"}));
    assert_eq!(
        (&result["role"], &result["model"]),
        (&json!("assistant"), &json!("m"))
    );
    let mut other = sampling();
    other["maxTokens"] = json!(6);
    assert_eq!(
        asked.ask("sampling/createMessage", other)["error"]["code"],
        -1
    );
}

#[test]
fn s8_model_is_put_behind_sampling_by_its_name() {
    use mcp_proto::client::sampling::ResponsePart;
    let options = legacy().sampling_model("a model", |conversation| {
        let said = format!("{} turns", conversation.turns.len());
        Ok(vec![ResponsePart::Text(said)])
    });
    let asked = Asked::new(options);
    let result = &asked.ask("sampling/createMessage", sampling())["result"];
    assert_eq!(
        (&result["content"]["text"], &result["model"]),
        (&json!("1 turns"), &json!("a model"))
    );
    let mut listed = sampling();
    listed["messages"][0]["content"] = json!([{"type": "text", "text": "hi"}]);
    assert!(asked.ask("sampling/createMessage", listed)["error"].is_object());
}

#[test]
fn s10_elicitation_is_answered_by_its_handler() {
    let asked = Asked::new(legacy().elicitation(|params| match params.message() {
        Some("Who?") => Ok(ElicitResult::accept(FormContent::new().with("name", "Ada"))),
        Some("No?") => Ok(ElicitResult::decline()),
        _ => Err(RpcError::internal("nobody is there")),
    }));
    let with = |message: &str| {
        let mut form = form();
        form["message"] = json!(message);
        asked.ask("elicitation/create", form)
    };
    let accepted = json!({"action": "accept", "content": {"name": "Ada"}});
    assert_eq!(with("Who?")["result"], accepted);
    assert_eq!(with("No?")["result"], json!({"action": "decline"}));
    assert_eq!(with("?")["error"]["message"], "nobody is there");
}

#[test]
fn an_answer_that_does_not_fit_its_form_is_not_sent() {
    // `elicit.validate`
    let misfits = [
        FormContent::new(),
        FormContent::new().with("name", 7_i64),
        FormContent::new().with("nome", "Ada"),
    ];
    for content in misfits {
        let answer = move |_| Ok(ElicitResult::accept(content.clone()));
        let asked = Asked::new(legacy().elicitation(answer));
        let answer = asked.ask("elicitation/create", form());
        assert_eq!(answer["error"]["code"], -32603);
        let told = answer["error"]["message"].as_str().unwrap();
        assert!(told.contains("doesn't fit the form: /name"), "{told}");
    }
    // Who declines needs nothing that fits.
    let asked = Asked::new(legacy().elicitation(|_| Ok(ElicitResult::decline())));
    assert!(asked.ask("elicitation/create", form())["result"].is_object());
}

#[test]
fn s11_roots_are_given_when_they_are_offered() {
    let asked = Asked::new(legacy().roots(|| vec![Root::new("file:///home")]));
    let roots = &asked.ask("roots/list", json!({}))["result"]["roots"];
    assert_eq!(*roots, json!([{"uri": "file:///home"}]));
}

#[test]
fn s12_answer_may_come_later_and_holds_up_nothing() {
    let kept: Arc<Mutex<Option<Answer<CreateMessage>>>> = Arc::default();
    let keep = Arc::clone(&kept);
    let asked = Asked::new(legacy().on_sampling(move |_, answer| {
        *keep.lock().unwrap() = Some(answer);
    }));
    let request = json!({"jsonrpc": "2.0", "id": 7, "method": "sampling/createMessage",
        "params": sampling()});
    assert!(asked.say(request).is_empty());
    // Meanwhile a call is made and answered.
    let mut client = asked.client.0.lock().unwrap();
    client.start(NOW, call("t", json!({})));
    drop(client);
    let called = asked.sent().remove(0);
    asked.say(json!({"jsonrpc": "2.0", "id": called["id"], "result": {"content": []}}));
    assert_eq!(asked.client.0.lock().unwrap().open_operations(), 0);
    let answer = kept.lock().unwrap().take().unwrap();
    answer
        .send(&CreateMessageResult::text("m", "late"))
        .unwrap();
    assert_eq!(asked.sent()[0]["result"]["content"]["text"], "late");
}

#[test]
fn s13_noise_is_survived() {
    for _way in by_every_route() {
        let mut script = Script::legacy();
        for noise in [
            "not json",
            "{}",
            "[]",
            r#"{"jsonrpc":"2.0","method":"notifications/none"}"#,
            r#"{"jsonrpc":"2.0","id":999,"result":{}}"#,
        ] {
            script.say_bytes(noise);
        }
        assert!(script.sent.is_empty());
        // An id that has become a string is the same id.
        let id = script.start(call("t", json!({})));
        let asked = script.expect("tools/call");
        let text = asked["id"].to_string();
        script.say(json!({"jsonrpc": "2.0", "id": text, "result": {"content": []}}));
        assert!(
            script.end(id).is_none(),
            "a string is another id than a number"
        );
        script.result(&asked, json!({"content": []}));
        assert!(script.end(id).is_some());
    }
}

#[test]
fn s14_ids_of_both_directions_may_be_the_same() {
    let asked = Asked::new(legacy().sampling(|_| Ok(CreateMessageResult::text("m", "x"))));
    let mut client = asked.client.0.lock().unwrap();
    client.start(NOW, call("t", json!({})));
    drop(client);
    let called = asked.sent().remove(0);
    let request = json!({"jsonrpc": "2.0", "id": called["id"], "method": "sampling/createMessage",
        "params": sampling()});
    let answer = asked.say(request).remove(0);
    assert_eq!(answer["id"], called["id"]);
    assert_eq!(
        asked.client.0.lock().unwrap().open_operations(),
        1,
        "that is not its answer"
    );
}

#[test]
fn s15_handler_sees_the_meta_of_its_request() {
    let asked = Asked::new(legacy().sampling(|params| {
        let meta = params
            .meta
            .map(|meta| meta.as_object().as_raw().to_string());
        Ok(CreateMessageResult::text("m", meta.unwrap_or_default()))
    }));
    let mut with_meta = sampling();
    with_meta["_meta"] = json!({"k": 1});
    let answer = asked.ask("sampling/createMessage", with_meta);
    assert_eq!(answer["result"]["content"]["text"], r#"{"k":1}"#);
}
