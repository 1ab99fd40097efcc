//! A service whose clients need tokens: who is let through, to what, and what a verifier may do wrong.

use std::collections::BTreeMap;
use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use mcp_proto::http::{Access, ProtectedResource, TokenRefusal};
use mcp_proto::io::http::{HttpServeOptions, HttpService, Principal, Protection, TokenRequest};
use mcp_proto::model::completion::PromptReference;
use mcp_proto::model::content::TextResourceContents;
use mcp_proto::model::elicitation::ElicitRequestFormParams;
use mcp_proto::model::page::CacheScope;
use mcp_proto::model::prompt::Prompt;
use mcp_proto::model::resource::{ReadResourceResult, Resource, ResourceTemplate};
use mcp_proto::model::schema::StringSchema;
use mcp_proto::server::{Context, HandlerError};
use mcp_proto::{Scopes, Server};
use serde_json::{Value, json};

use support::http::client::{
    Answer, Sent, Session, call, id_of, initialize, modern, send, wait_for,
};
use support::http::server::tool;

const URL: &str = "http://localhost/mcp";

/// What must not be seen anywhere.
const SECRET: &str = "s3cr3t";

#[derive(serde_derive::Deserialize)]
struct Name {
    name: String,
}

/// A server parts of which need scopes, and how often one of its handlers has run.
fn server() -> (Server, Arc<AtomicUsize>) {
    let runs = Arc::new(AtomicUsize::new(0));
    let ran = Arc::clone(&runs);
    let server = Server::new("protected", "1.0")
        .around(move |_: &Context| {
            ran.fetch_add(1, Ordering::SeqCst);
            Ok(|result| result)
        })
        .tool(tool("who"), |context: &Context, _: Value| {
            let seen = format!("{:?} {:?}", context.request(), context.meta());
            assert!(!seen.contains(SECRET), "a handler sees a token");
            let scopes = context.scopes().map(ToString::to_string);
            Ok(format!(
                "{} may {}",
                context.principal().unwrap_or("nobody"),
                scopes.unwrap_or_default()
            ))
        })
        .tool(tool("write"), |_: &Context, _: Value| Ok("written"))
        .tool(tool("ask"), |context: &Context, _: Value| {
            let form = ElicitRequestFormParams::new("Who?").required("name", StringSchema::new());
            // So that there is something to carry.
            context.once("begun", || Ok::<_, HandlerError>(true))?;
            Ok(context.elicit::<Name>("who", form)?.accepted()?.name)
        })
        .tool(tool("slow"), |context: &Context, _: Value| {
            context.progress(1.0, None, None);
            Ok("done")
        })
        .resource(Resource::new("file:///a", "a"), |_| Ok("a"))
        .resource(Resource::new("file:///secret", "secret"), |_| {
            let contents = TextResourceContents::new("file:///secret", "b").into();
            let result = ReadResourceResult::new(vec![contents]).ttl_ms(60_000);
            Ok(result.cache_scope(CacheScope::Public))
        })
        .resource_template(ResourceTemplate::new("note:///{id}", "note"), |_, _| {
            Ok("c")
        })
        .expect("it can be matched")
        .prompt(Prompt::new("draft"), |_, _| Ok("d"))
        .completion(
            PromptReference::new("draft"),
            "topic",
            |_, _| Ok(Vec::new()),
        )
        .tool_scopes("write", ["files:write"])
        .resource_scopes("file:///secret", ["files:read"])
        .resource_scopes("note:///{id}", ["notes:read"])
        .prompt_scopes("draft", ["drafts"]);
    (server, runs)
}

fn resource() -> ProtectedResource {
    let resource = ProtectedResource::new(URL, ["https://auth.example"]).unwrap();
    resource.scopes(["mcp"]).unwrap()
}

fn now() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.unwrap().as_secs()
}

/// The tokens that there are: `NAME` for whoever it is, and some that aren't good.
fn verify(token: &str) -> Result<Access, TokenRefusal> {
    let token = token.strip_prefix(SECRET).unwrap_or(token);
    let (name, scopes) = token.split_once('.').unwrap_or((token, ""));
    let scopes = scopes.replace("..", ":").replace('/', " ");
    let access = Access::new(name, [URL]).scopes(Scopes::parse(&format!("mcp {scopes}")));
    match name {
        "ali" | "eve" => Ok(access.expires(now() + 60)),
        "old" => Ok(access.expires(now() - 1)),
        "foreign" => Ok(Access::new("ali", ["http://localhost/other"]).scopes(access.scopes)),
        "nowhere" => Ok(Access::new("ali", [""; 0]).scopes(access.scopes)),
        "powerless" => Ok(Access::new("ali", [URL])),
        "down" => Err(TokenRefusal::Unavailable),
        _ => Err(TokenRefusal::Invalid),
    }
}

/// Every kind of verifier, all of which find the same.
fn protections() -> Vec<(&'static str, Protection)> {
    let names = [
        "ali",
        "eve",
        "old",
        "foreign",
        "nowhere",
        "powerless",
        "ali.files..write",
    ];
    let known = names.map(|name| {
        (
            format!("{SECRET}{name}"),
            verify(&format!("{SECRET}{name}")),
        )
    });
    let known = known
        .into_iter()
        .map(|(token, access)| (token, access.unwrap()));
    let blocking = |request: &TokenRequest| verify(request.token.expose());
    let future = |request: TokenRequest| async move { verify(request.token.expose()) };
    vec![
        ("known", Protection::known_tokens(resource(), known)),
        ("blocking", Protection::new(resource(), blocking)),
        ("async", Protection::new_async(resource(), future)),
    ]
}

fn protect(protection: Protection) -> (HttpService, Arc<AtomicUsize>) {
    let (server, runs) = server();
    let mut options = HttpServeOptions::default().protect(protection);
    options.streams.patience = Duration::from_millis(5);
    (
        HttpService::new(server, options).expect("it can be served"),
        runs,
    )
}

fn service() -> HttpService {
    protect(Protection::new(resource(), |request| {
        verify(request.token.expose())
    }))
    .0
}

/// The same with a token.
fn with(sent: Sent, token: &str) -> Sent {
    sent.with("authorization", format!("Bearer {SECRET}{token}"))
}

fn challenge(answer: &Answer) -> String {
    answer.header("www-authenticate").unwrap_or_default()
}

/// One of each kind of request.
fn kinds() -> Vec<Sent> {
    let session = Session("0123456789abcdef0123456789abcdef".into());
    vec![
        call(1, "who"),
        modern(
            1,
            "subscriptions/listen",
            json!({"notifications": {"toolsListChanged": true}}),
        ),
        initialize(),
        session.call(1, "who"),
        session.get(),
        session.get().with("last-event-id", "0-0-0"),
        session.delete(),
        Sent::new("PUT", "/mcp", ""),
        Sent::new("POST", "/mcp?access_token=s3cr3tali", "no JSON"),
    ]
}

#[test]
fn nothing_is_answered_without_a_token_that_is_good_here() {
    // `auth.401` `auth.audience` `auth.bearer`
    for (kind, protection) in protections() {
        let (service, runs) = protect(protection);
        for (at, sent) in kinds().into_iter().enumerate() {
            let answer = sent.to(&service);
            assert_eq!(answer.status(), 401, "{kind}: the {at}th without a token");
            let challenge = challenge(&answer);
            assert!(!challenge.contains("error"), "{challenge}");
        }
        for (token, status, error) in [
            ("mallory", 401, "invalid_token"),
            ("old", 401, "invalid_token"),
            ("foreign", 401, "invalid_token"),
            ("nowhere", 401, "invalid_token"),
            ("powerless", 403, "insufficient_scope"),
            ("ali, Bearer eve", 400, "invalid_request"),
            ("", 401, "invalid_token"),
        ] {
            for sent in kinds() {
                let answer = with(sent, token).to(&service);
                assert_eq!(answer.status(), status, "{kind}: {token}");
                let challenge = challenge(&answer);
                let metadata = "http://localhost/.well-known/oauth-protected-resource/mcp";
                assert!(
                    challenge.contains(&format!("error=\"{error}\"")),
                    "{challenge}"
                );
                assert!(challenge.contains(&format!("resource_metadata=\"{metadata}\"")));
                assert!(challenge.contains("scope=\"mcp\""));
                let text = answer.text();
                assert!(
                    !challenge.contains(SECRET) && !text.contains(SECRET),
                    "{text}"
                );
            }
        }
        assert_eq!(runs.load(Ordering::SeqCst), 0);
        let answer = with(call(1, "who"), "ali").to(&service).last();
        assert_eq!(
            answer["result"]["content"][0]["text"], "ali may mcp",
            "{kind}"
        );
    }
}

#[test]
fn hostile_headers_let_nobody_through() {
    // `auth.401` `auth.bearer`
    let service = service();
    let good = format!("Bearer {SECRET}ali");
    for (values, status) in [
        (vec![good.clone(), good.clone()], 400),
        (vec![good.clone(), format!("Bearer {SECRET}eve")], 400),
        (vec!["Basic YTpi".into(), good.clone()], 400),
        (vec![format!("{good}\t")], 200),
        (vec![format!("Bearer {}", "a".repeat(1 << 20))], 400),
        (vec![format!("Bearer {SECRET}\u{e9}")], 400),
        (vec![format!("Bearer\t{SECRET}ali")], 400),
        (vec![format!("bearer {SECRET}ali")], 200),
        (vec![format!("Basic {SECRET}ali")], 401),
        (vec![format!("{SECRET}ali")], 401),
    ] {
        let fields = values.iter();
        let sent = fields.fold(call(1, "who"), |sent, value| {
            sent.with("authorization", value)
        });
        let answer = sent.to(&service);
        assert_eq!(answer.status(), status, "{values:?}");
    }
    // A token that stands elsewhere is none.
    let mut in_query = call(1, "who");
    in_query.path = "/mcp?access_token=s3cr3tali";
    assert_eq!(in_query.to(&service).status(), 401);
}

#[test]
fn the_metadata_is_there_for_everybody_with_all_scopes_that_are_needed() {
    // `auth.prm` `auth.www.send`
    let service = service();
    let get = || Sent::new("GET", "/.well-known/oauth-protected-resource/mcp", "");
    let document = get().to(&service).json();
    assert_eq!(document["resource"], URL);
    assert_eq!(
        document["authorization_servers"],
        json!(["https://auth.example"])
    );
    let all = ["drafts", "files:read", "files:write", "mcp", "notes:read"];
    assert_eq!(document["scopes_supported"], json!(all));
    let mut foreign = get();
    foreign.headers = vec![("host", "evil.example".into())];
    assert_eq!(foreign.to(&service).status(), 403);
}

#[test]
fn what_needs_scopes_is_refused_before_anything_is_said() {
    // `auth.403.scope` `auth.401`
    let service = service();
    let params = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    let session = {
        let opened = Session::greet(&service, with(initialize(), "ali"));
        let ready = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
        assert_eq!(with(opened.sent(&ready), "ali").to(&service).status(), 202);
        opened
    };
    let complete = r#"{"ref":{"type":"ref/prompt","name":"draft"},
        "argument":{"name":"topic","value":""}}"#;
    let listen = r#"{"notifications":{"resourceSubscriptions":["file:///a","note:///7"]}}"#;
    for (method, given, scope, of_era) in [
        (
            "tools/call",
            r#"{"name":"write","arguments":{}}"#,
            "files:write",
            None,
        ),
        (
            "tools/call",
            r#"{"name":"wr\u0069te","arguments":{}}"#,
            "files:write",
            None,
        ),
        (
            "resources/read",
            r#"{"uri":"file:///secret"}"#,
            "files:read",
            None,
        ),
        (
            "resources/read",
            r#"{"uri":"note:///7"}"#,
            "notes:read",
            None,
        ),
        ("prompts/get", r#"{"name":"draft"}"#, "drafts", None),
        ("completion/complete", complete, "drafts", None),
        (
            "resources/subscribe",
            r#"{"uri":"note:///7"}"#,
            "notes:read",
            Some(false),
        ),
        ("subscriptions/listen", listen, "notes:read", Some(true)),
    ] {
        let granted = format!("ali.{}", scope.replace(':', ".."));
        let message = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params(given)});
        let is_modern = of_era.unwrap_or(true);
        let is_legacy = !of_era.unwrap_or(false);
        let mut requests = Vec::new();
        if is_modern {
            requests.push(("modern", modern(1, method, params(given))));
        }
        if is_legacy {
            requests.push(("legacy", session.sent(&message)));
            let raw = message.to_string().replace("write", "wr\\u0069te");
            let mut escaped = session.sent(&message);
            escaped.body = raw;
            requests.push(("escaped", escaped));
        }
        for (era, request) in requests {
            let refused = with(request.clone(), "ali").to(&service);
            assert_eq!(refused.status(), 403, "{era} {method}");
            let challenge = challenge(&refused);
            assert!(
                challenge.contains("error=\"insufficient_scope\""),
                "{challenge}"
            );
            let asked = Scopes::parse(&format!("mcp {scope}")).to_string();
            assert!(
                challenge.contains(&format!("scope=\"{asked}\"")),
                "{challenge}"
            );
            let served = with(request, &granted).to(&service);
            assert_eq!(served.status(), 200, "{era} {method}");
        }
    }
    for (method, given) in [
        ("tools/call", json!({"name": "who", "arguments": {}})),
        ("resources/read", json!({"uri": "file:///a"})),
        ("tools/list", json!({})),
    ] {
        let answer = with(modern(1, method, given), "ali").to(&service);
        assert_eq!(answer.status(), 200, "{method} needs nothing");
    }
}

#[test]
fn what_everybody_may_keep_is_still_given_to_those_alone_who_may_have_it() {
    // `cache.acl`
    let service = service();
    let read = || modern(1, "resources/read", json!({"uri": "file:///secret"}));
    for _ in 0..2 {
        let given = with(read(), "ali.files..read").to(&service).last();
        assert_eq!(given["result"]["cacheScope"], "public");
        assert_eq!(given["result"]["contents"][0]["text"], "b");
        for token in ["ali", "eve", "eve.files..write"] {
            let refused = with(read(), token).to(&service);
            assert_eq!(refused.status(), 403, "{token}");
            assert!(!refused.text().contains("cacheScope"));
        }
        assert_eq!(read().to(&service).status(), 401);
    }
}

#[test]
fn a_batch_needs_what_all_of_it_needs() {
    // `auth.403.scope`
    let (service, runs) = protect(Protection::new(resource(), |request| {
        verify(request.token.expose())
    }));
    let mut opening = with(initialize(), "ali");
    opening.body = opening.body.replace("2025-11-25", "2025-03-26");
    let session = Session::greet(&service, opening);
    let of_batch = |body: &Value, token: &str| {
        let mut sent = Sent::new("POST", "/mcp", body)
            .with("content-type", "application/json")
            .with("accept", "application/json, text/event-stream")
            .with("mcp-session-id", &session.0);
        sent = with(sent, token);
        sent.to(&service)
    };
    let ready = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    assert_eq!(of_batch(&ready, "ali").status(), 202);
    let call = |id: u64, name: &str| {
        json!({"jsonrpc": "2.0", "id": id, "method": "tools/call",
            "params": {"name": name, "arguments": {}}})
    };
    let read = json!({"jsonrpc": "2.0", "id": 3, "method": "resources/read",
        "params": {"uri": "file:///secret"}});
    let batch = json!([call(1, "who"), call(2, "write"), read]);
    let refused = of_batch(&batch, "ali.files..write");
    assert_eq!(refused.status(), 403);
    let asked = "scope=\"files:read files:write mcp\"";
    assert!(
        challenge(&refused).contains(asked),
        "{}",
        challenge(&refused)
    );
    assert_eq!(
        runs.load(Ordering::SeqCst),
        0,
        "not even what needs nothing has run"
    );
    let served = of_batch(&batch, "ali.files..write/files..read");
    assert_eq!(served.status(), 200);
    assert!(served.text().contains("written"));
    assert_eq!(runs.load(Ordering::SeqCst), 3);
}

#[test]
fn a_handler_sees_whose_request_it_is_and_what_the_token_of_that_request_is_good_for() {
    // `auth.principal`
    let service = service();
    let session = Session::greet(&service, with(initialize(), "ali"));
    for (token, seen) in [
        ("ali.a/b", "ali may a b mcp"),
        ("ali", "ali may mcp"),
        ("ali.c", "ali may c mcp"),
    ] {
        for sent in [call(1, "who"), session.call(1, "who")] {
            let answer = with(sent, token).to(&service).last();
            assert_eq!(answer["result"]["content"][0]["text"], seen);
        }
    }
}

#[test]
fn what_belongs_to_a_principal_is_of_no_use_to_another() {
    // `auth.principal` `httpL.session.notauth` `mrtr.state.bind` `elicit.state`
    let service = service();
    let session = Session::greet(&service, with(initialize(), "ali"));
    let slow = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params":
        {"name": "slow", "arguments": {}, "_meta": {"progressToken": 1}}});
    let mut answer = with(session.sent(&slow), "ali").to(&service);
    let last = id_of(&answer.event().expect("it begins with an event"));
    for sent in [
        session.call(2, "who"),
        session.get(),
        session.get().with("last-event-id", last),
        session.delete(),
    ] {
        assert_eq!(with(sent, "eve").to(&service).status(), 404);
    }
    assert_eq!(
        with(session.call(2, "who"), "ali").to(&service).status(),
        200
    );

    let asked = with(call(1, "ask"), "ali").to(&service).last();
    let state = asked["result"]["requestState"].clone();
    let carried = json!({"name": "ask", "arguments": {}, "requestState": state,
        "inputResponses": {"who": {"action": "accept", "content": {"name": "Bo"}}}});
    let stolen = with(modern(2, "tools/call", carried.clone()), "eve")
        .to(&service)
        .last();
    assert_eq!(stolen["error"]["code"], -32602, "{stolen}");
    let own = with(modern(3, "tools/call", carried), "ali")
        .to(&service)
        .last();
    assert_eq!(own["result"]["content"][0]["text"], "Bo", "{own}");
}

#[test]
fn a_verifier_that_panics_or_is_down_lets_nobody_through_and_stops_nobody() {
    // `auth.401`
    let panics = |token: &str| match token.strip_prefix(SECRET) {
        Some("panic") => panic!("on purpose"),
        _ => verify(token),
    };
    let blocking = move |request: &TokenRequest| panics(request.token.expose());
    let future = move |request: TokenRequest| async move { panics(request.token.expose()) };
    let at_once = move |request: TokenRequest| {
        let verified = panics(request.token.expose());
        async move { verified }
    };
    for protection in [
        Protection::new(resource(), blocking),
        Protection::new_async(resource(), future),
        Protection::new_async(resource(), at_once),
    ] {
        let (service, _) = protect(protection);
        for token in ["panic", "down", "panic"] {
            let answer = with(call(1, "who"), token).to(&service);
            assert_eq!(answer.status(), 503, "{token}");
            assert!(answer.header("retry-after").is_some());
            assert_eq!(challenge(&answer), "", "it isn't the token's fault");
        }
        assert_eq!(with(call(1, "who"), "ali").to(&service).status(), 200);
    }
}

#[test]
fn a_verifier_that_never_answers_costs_its_own_request_and_no_other() {
    let (stuck, released) = std::sync::mpsc::channel::<()>();
    let released = Mutex::new(released);
    let blocking = move |request: &TokenRequest| match request.token.expose().strip_prefix(SECRET) {
        Some("stuck") => {
            let _ = released.lock().unwrap().recv();
            Err(TokenRefusal::Invalid)
        }
        _ => verify(request.token.expose()),
    };
    let future = |request: TokenRequest| async move {
        match request.token.expose().strip_prefix(SECRET) {
            Some("stuck") => pending().await,
            _ => verify(request.token.expose()),
        }
    };
    for protection in [
        Protection::new(resource(), blocking),
        Protection::new_async(resource(), future),
    ] {
        let (service, _) = protect(protection.timeout(Duration::from_millis(40)));
        let begun = Instant::now();
        assert_eq!(with(call(1, "who"), "stuck").to(&service).status(), 503);
        assert!(begun.elapsed() >= Duration::from_millis(40));
        assert_eq!(with(call(1, "who"), "ali").to(&service).status(), 200);
    }
    drop(stuck);
}

#[test]
fn a_client_that_leaves_ends_what_is_verified_for_it() {
    let ended = Arc::new(AtomicUsize::new(0));
    struct Ends(Arc<AtomicUsize>);
    impl Drop for Ends {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let told = Arc::clone(&ended);
    let future = move |_: TokenRequest| {
        let ends = Ends(Arc::clone(&told));
        async move {
            let _ends = ends;
            pending().await
        }
    };
    let (service, _) = protect(Protection::new_async(resource(), future));
    let request = with(call(1, "who"), "ali").request();
    let answer = tower_service::Service::call(&mut service.clone(), request);
    assert!(wait_for(Duration::from_millis(5), answer).is_none());
    assert_eq!(ended.load(Ordering::SeqCst), 1);
}

#[test]
fn no_more_tokens_are_verified_at_once_than_a_server_can_bear() {
    let future = |request: TokenRequest| async move {
        match request.token.expose().strip_prefix(SECRET) {
            Some("stuck") => pending().await,
            _ => verify(request.token.expose()),
        }
    };
    let (service, _) = protect(Protection::new_async(resource(), future));
    let mut waiting = Vec::new();
    for _ in 0..1024 {
        let request = with(call(1, "who"), "stuck").request();
        let answer = tower_service::Service::call(&mut service.clone(), request);
        let mut answer = Box::pin(answer);
        assert!(wait_for(Duration::ZERO, answer.as_mut()).is_none());
        waiting.push(answer);
    }
    assert_eq!(with(call(1, "who"), "ali").to(&service).status(), 503);
    waiting.pop();
    assert_eq!(with(call(1, "who"), "ali").to(&service).status(), 200);
}

#[test]
fn no_token_is_shown() {
    let shown = Arc::new(Mutex::new(BTreeMap::new()));
    let kept = Arc::clone(&shown);
    let verify = move |request: &TokenRequest| {
        let text = format!("{request:?} {:?}", request.token);
        kept.lock().unwrap().insert("request", text);
        verify(request.token.expose())
    };
    let protection = Protection::new(resource(), verify);
    let known = [(format!("{SECRET}ali"), Access::new("ali", [URL]))];
    let known = Protection::known_tokens(resource(), known);
    let (service, _) = protect(protection.clone());
    assert_eq!(with(call(1, "who"), "ali").to(&service).status(), 200);
    let shown = shown.lock().unwrap();
    for text in [
        format!("{service:?} {protection:?} {known:?}"),
        shown["request"].clone(),
    ] {
        assert!(!text.contains(SECRET), "{text}");
    }
}

#[test]
fn what_needs_scopes_is_nobodys_where_nobody_asks_for_tokens() {
    // `auth.403.scope`
    let (server, _) = server();
    let service = HttpService::new(server, HttpServeOptions::default()).unwrap();
    assert_eq!(call(1, "who").to(&service).status(), 200);
    assert_eq!(call(1, "write").to(&service).status(), 403);
    assert_eq!(call(1, "write").by("ali").to(&service).status(), 403);
    // Something before the service may have verified the token.
    let mut request = call(1, "write").request();
    let ali = Principal::new("ali").scopes(Scopes::parse("files:write"));
    request.extensions_mut().insert(ali);
    assert_eq!(send(&service, request).status(), 200);
}
