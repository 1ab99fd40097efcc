//! Each kind of server is found out and spoken to as it wants to be.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use mcp_proto::io::http::Remote;
use serde_json::json;

use crate::scripted::{Asked, KINDS, Scripted, legacy, modern, options, pair, response, with_each};

#[test]
fn a_modern_server_is_asked_once_and_called() {
    let server = Scripted::start(|asked, _| Some(modern(asked, "hello")));
    let remote = Remote::new(&*server.url).header("Authorization", "Bearer s3cret");
    with_each(&remote, &options(), |client| {
        client.open().unwrap();
        assert_eq!(client.call("greet").unwrap(), "hello");
        assert_eq!(client.revision(), "2026-07-28");
        client.close().unwrap();
    });
    let asked = server.asked();
    let half = ["POST server/discover", "POST tools/call"];
    assert_eq!(server.summary(), half.repeat(KINDS));
    for asked in &asked {
        // `httpM.ver.header` `httpM.hdr.method` `httpM.accept`
        assert_eq!(asked.path, "/mcp");
        assert_eq!(asked.header("mcp-protocol-version"), Some("2026-07-28"));
        assert_eq!(asked.header("mcp-method"), Some(asked.message()));
        assert_eq!(asked.header("authorization"), Some("Bearer s3cret"));
        assert_eq!(asked.header("content-type"), Some("application/json"));
        assert!(
            asked
                .header("user-agent")
                .unwrap()
                .starts_with("mcp-proto/")
        );
        assert!(asked.header("mcp-session-id").is_none());
    }
    assert_eq!(asked[1].header("mcp-name"), Some("greet"));
}

// `era.http.legacy` `httpL.session.send` `httpL.ver.send` `httpL.session.delete`
#[test]
fn a_legacy_server_is_initialized_and_told_of_the_end() {
    for status in [400, 404, 405] {
        let server = Scripted::start(move |asked, _| {
            Some(match asked.message() {
                "server/discover" => response(status, &[], "not here"),
                _ => legacy(asked, "s-1", "hello"),
            })
        });
        with_each(&Remote::new(&*server.url), &options(), |client| {
            client.open().unwrap();
            assert_eq!(client.call("greet").unwrap(), "hello");
            assert_eq!(client.revision(), "2025-11-25");
            client.close().unwrap();
        });
        let half = [
            "POST server/discover",
            "POST initialize",
            "POST notifications/initialized",
            "GET",
            "POST tools/call",
            "DELETE",
        ];
        assert_eq!(server.summary(), half.repeat(KINDS));
        for asked in &server.asked()[2..6] {
            assert_eq!(asked.header("mcp-session-id"), Some("s-1"));
            assert_eq!(asked.header("mcp-protocol-version"), Some("2025-11-25"));
        }
    }
}

// `era.http.inspect` `era.http.modern`
#[test]
fn the_body_of_a_refusal_says_whether_the_server_is_a_modern_one() {
    let error = |asked: &Asked, code: i64, data: serde_json::Value| {
        let error = json!({"code": code, "message": "no", "data": data});
        let body = json!({"jsonrpc": "2.0", "id": asked.id(), "error": error}).to_string();
        response(400, &[("Content-Type", "application/json")], &body)
    };
    // A version that was refused is tried again, as the body says which one is spoken.
    let openings = AtomicUsize::new(0);
    let server = Scripted::start(move |asked, _| {
        let is_first = || openings.fetch_add(1, Ordering::Relaxed).is_multiple_of(2);
        Some(match asked.message() {
            "server/discover" if is_first() => {
                let data = json!({"supported": ["2026-07-28"], "requested": "2026-07-28"});
                error(asked, -32022, data)
            }
            _ => modern(asked, "hello"),
        })
    });
    with_each(&Remote::new(&*server.url), &options(), |client| {
        client.open().unwrap();
        assert_eq!(client.call("greet").unwrap(), "hello");
        client.close().unwrap();
    });
    let half = [
        "POST server/discover",
        "POST server/discover",
        "POST tools/call",
    ];
    assert_eq!(server.summary(), half.repeat(KINDS));
    // What is wanted of a modern client is told, not tried with another era.
    let server = Scripted::start(move |asked, _| {
        let needed = json!({"requiredCapabilities": {"sampling": {}}});
        Some(error(asked, -32021, needed))
    });
    with_each(&Remote::new(&*server.url), &options(), |client| {
        let refused = client.open().unwrap_err().to_string();
        assert!(refused.contains("-32021"), "{refused}");
    });
    assert_eq!(server.summary(), ["POST server/discover"].repeat(KINDS));
}

// `era.http.sse` `sse24.post`
#[test]
fn a_server_with_the_pair_of_2024_is_found_by_its_stream() {
    let server = pair("/mcp");
    with_each(&Remote::new(&*server.url), &options(), |client| {
        client.open().unwrap();
        assert_eq!(client.call("greet").unwrap(), "by the stream");
        assert_eq!(client.revision(), "2024-11-05");
        client.close().unwrap();
    });
}

// `httpL.session.404` `httpL.session.reinit`
#[test]
fn a_session_that_the_server_has_forgotten_is_opened_again_by_policy() {
    use mcp_proto::client::Reconnect;

    let sessions = Mutex::new(0);
    let server = Scripted::start(move |asked, _| {
        let mut sessions = sessions.lock().unwrap();
        match asked.message() {
            "server/discover" => return Some(response(404, &[], "")),
            "initialize" => *sessions += 1,
            _ => {}
        }
        let present = format!("s-{sessions}");
        let named = asked.header("mcp-session-id");
        if asked.message() == "tools/call" && asked.body["params"]["name"] == "forget" {
            *sessions += 1;
            return Some(response(404, &[], "Session not found"));
        }
        Some(match named {
            Some(named) if named != present => response(404, &[], "Session not found"),
            _ => legacy(asked, &present, &present),
        })
    });
    let remote = Remote::new(&*server.url);
    let options = options().reconnect(Reconnect::OnDemand { retries: 2 });
    with_each(&remote, &options, |client| {
        client.open().unwrap();
        let before = client.call("where").unwrap();
        client.call("forget").unwrap_err();
        let after = client.call("where").unwrap();
        assert_ne!(before, after);
        client.close().unwrap();
    });
}
