//! What a user is told of a server that can't be used, and what nobody is told.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use mcp_proto::client::ClientError;
use mcp_proto::io::http::Remote;
use mcp_proto::session::{CallError, CloseReason, Closed, Delivery};

use crate::scripted::{KINDS, Scripted, legacy, modern, options, response, with_each};

/// The messages of the failures to open a client of the server at `url`.
fn refusal(url: &str) -> String {
    let message = std::cell::RefCell::new(Vec::new());
    with_each(&Remote::new(url), &options(), |client| {
        let error = client.open().unwrap_err();
        assert!(
            matches!(error, ClientError::Peer { .. } | ClientError::Connection(_)),
            "{error:?}"
        );
        let text = error.to_string();
        message.borrow_mut().push(text);
    });
    let messages = message.into_inner();
    // Each stack has its words for what the system says.
    assert_eq!(messages[KINDS - 2], messages[KINDS - 1]);
    messages.join("\n")
}

#[test]
fn a_server_that_isnt_there_is_named_with_what_the_system_says() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/mcp?key=s3cret", listener.local_addr().unwrap());
    drop(listener);
    let message = refusal(&url);
    let origin = url.split("/mcp").next().unwrap();
    assert!(message.contains(&format!("`{origin}/..`")), "{message}");
    assert!(message.contains("can't be reached"), "{message}");
    assert!(message.contains("onnection refused"), "{message}");
    assert!(!message.contains("s3cret"), "{message}");
}

#[test]
fn what_a_server_answers_instead_is_shown_with_its_status() {
    for status in [403, 404, 500, 503] {
        let server = Scripted::start(move |_, _| {
            let html = ("content-type", "text/html; charset=utf-8");
            Some(response(
                status,
                &[html],
                "<html><h1>Nothing to see</h1></html>",
            ))
        });
        let message = refusal(&server.url);
        assert!(message.contains(&format!("status {status}")), "{message}");
        assert!(message.contains("Nothing to see"), "{message}");
    }
}

#[test]
fn a_server_that_wants_to_know_who_asks_is_shown_with_what_it_asks_for() {
    // `era.http.auth`
    let long = format!("Bearer realm=\"{}\", scope=\"files\"", "x".repeat(5_000));
    for (status, challenge) in [
        (401, "Bearer resource_metadata=\"https://a.example/m\""),
        (403, "Bearer error=\"insufficient_scope\", scope=\"files\""),
        (401, &*long),
    ] {
        let said = challenge.to_owned();
        let server = Scripted::start(move |_, _| {
            let headers = [("www-authenticate", &*said), ("www-authenticate", "Basic")];
            Some(response(status, &headers, ""))
        });
        let message = refusal(&server.url);
        assert!(message.contains(&format!("status {status}")), "{message}");
        assert!(
            message.contains(&format!("{:?}", &challenge[..40])[1..40]),
            "{message}"
        );
        assert!(message.contains("asks for \"Basic\""), "{message}");
        assert!(message.len() < 600 * KINDS, "{message}");
        // Neither another era nor another endpoint is tried with a stranger's request.
        assert_eq!(server.summary(), ["POST server/discover"; KINDS]);
    }
}

#[test]
fn a_page_in_place_of_an_answer_is_shown() {
    let server = Scripted::start(|_, _| {
        Some(response(
            200,
            &[("content-type", "text/html")],
            "<html>Welcome</html>",
        ))
    });
    let message = refusal(&server.url);
    assert!(message.contains("<html>Welcome"), "{message}");
}

#[test]
fn a_redirect_is_refused_and_named_without_its_path() {
    let server = Scripted::start(|_, _| {
        let location = ("location", "https://other.example/mcp?token=s3cret");
        Some(response(307, &[location], ""))
    });
    let message = refusal(&server.url);
    assert!(message.contains("307"), "{message}");
    assert!(message.contains("https://other.example"), "{message}");
    assert!(!message.contains("s3cret"), "{message}");
    let asked = server.summary();
    assert!(
        asked.iter().all(|asked| asked == "POST server/discover"),
        "{asked:?}"
    );
}

#[test]
fn a_url_that_is_none_and_a_header_that_cant_be_sent_are_told_before_anything_is_sent() {
    for (url, part) in [
        ("notes.example/mcp", "http"),
        ("ftp://notes.example/mcp", "http"),
        ("http://", "URL"),
        ("http://user:s3cret@notes.example/mcp", "authorization"),
        ("http://notes example/mcp", "URL"),
        (
            "notes.example:4000/s3cret?key=s3cret",
            "`notes.example:4000/..`",
        ),
        ("notes.example", "`notes.example`"),
        ("user:s3cret@notes.example", "`..`"),
    ] {
        let message = refusal(url);
        assert!(message.contains(part), "{url}: {message}");
        assert!(!message.contains("s3cret"), "{url}: {message}");
    }
    let remote = Remote::new("http://127.0.0.1:9/mcp").header("x-key", "s3cret\r\nhost: evil");
    with_each(&remote, &options(), |client| {
        let message = client.open().unwrap_err().to_string();
        assert!(
            message.contains("x-key") && !message.contains("s3cret"),
            "{message}"
        );
    });
}

#[test]
fn nothing_that_may_be_secret_is_in_debug() {
    let remote = Remote::new("https://user:s3cret@notes.example/s3cret?key=s3cret")
        .header("authorization", "s3cret");
    let shown = format!("{remote:?}");
    assert!(!shown.contains("s3cret"), "{shown}");
    assert!(
        shown.contains("notes.example") && shown.contains("authorization"),
        "{shown}"
    );
}

#[test]
fn a_refused_call_leaves_the_session_open() {
    let server = Scripted::start(|asked, _| {
        Some(match asked.body["params"]["name"].as_str() {
            Some("busy") => response(503, &[("retry-after", "1")], "later"),
            _ => modern(asked, "hello"),
        })
    });
    with_each(&Remote::new(&*server.url), &options(), |client| {
        client.open().unwrap();
        let error = client.call("busy").unwrap_err();
        let refused = CallError::Refused { status: 503 };
        assert_eq!(error, ClientError::Call(refused));
        assert_eq!(client.call("greet").unwrap(), "hello");
        client.close().unwrap();
    });
}

#[test]
fn a_connection_that_breaks_in_an_answer_loses_that_call_alone() {
    let server = Scripted::start(|asked, socket| {
        use std::io::Write;
        match asked.body["params"]["name"].as_str() {
            Some("break") => {
                let head = "HTTP/1.1 200 -\r\ncontent-type: application/json\r\n\
                            content-length: 100\r\n\r\n{\"jsonrpc\"";
                socket.write_all(head.as_bytes()).unwrap();
                None
            }
            Some("vanish") => None,
            _ => Some(modern(asked, "hello")),
        }
    });
    with_each(&Remote::new(&*server.url), &options(), |client| {
        client.open().unwrap();
        for tool in ["break", "vanish"] {
            // `httpM.reissue.safe`
            let error = client.call(tool).unwrap_err();
            assert_eq!(error, ClientError::Lost(Delivery::Unknown), "{tool}");
        }
        assert_eq!(client.call("greet").unwrap(), "hello");
        client.close().unwrap();
    });
    let calls = server.asked();
    let vanished = calls
        .iter()
        .filter(|asked| asked.body["params"]["name"] == "vanish");
    assert_eq!(vanished.count(), KINDS, "one for each client");
}

#[test]
fn a_silent_server_meets_the_deadline_of_the_call() {
    let server = Scripted::start(|asked, _| match asked.message() {
        "tools/call" => {
            std::thread::sleep(Duration::from_secs(30));
            None
        }
        _ => Some(modern(asked, "")),
    });
    let options = options().read_timeout(Duration::from_millis(300));
    with_each(&Remote::new(&*server.url), &options, |client| {
        client.open().unwrap();
        let begun = Instant::now();
        let error = client.call("greet").unwrap_err();
        assert!(matches!(error, ClientError::TimedOut { .. }), "{error:?}");
        assert!(begun.elapsed() < Duration::from_secs(5));
        client.close().unwrap();
    });
}

#[test]
fn a_session_that_was_forgotten_is_over_without_a_policy_to_reconnect() {
    let server = Scripted::start(|asked, _| {
        Some(match asked.message() {
            "server/discover" | "tools/call" => response(404, &[], ""),
            _ => legacy(asked, "s-1", ""),
        })
    });
    with_each(&Remote::new(&*server.url), &options(), |client| {
        client.open().unwrap();
        let error = client.call("greet").unwrap_err();
        assert!(
            error.is_retryable() || matches!(error, ClientError::Peer { .. }),
            "{error:?}"
        );
        let ClientError::Peer { error, peer } = client.call("greet").unwrap_err() else {
            panic!("the server is named");
        };
        let forgotten = CloseReason::Connection(Closed::Forgotten);
        assert_eq!(*error, ClientError::Closed(forgotten));
        assert!(peer.contains("404"), "{peer}");
        client.close().unwrap();
    });
}
