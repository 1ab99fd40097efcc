//! What a client leaves without effect, and how it says so.

use mcp_proto::Revision;
use mcp_proto::session::ClientEvent;

use support::pair::Pair;

#[test]
fn what_is_ignored_is_told_in_words() {
    let cases = [
        (
            Revision::V2025_11_25,
            "no json",
            r#"not a message: Parse error: not JSON (code: -32700): "no json""#,
        ),
        (
            Revision::V2025_11_25,
            r#"{"jsonrpc":"2.0","id":"never","result":{}}"#,
            r#"a response to no open request, "never""#,
        ),
        (
            Revision::V2025_11_25,
            r#"{"jsonrpc":"2.0","method":"notifications/progress"}"#,
            "the notification notifications/progress, malformed or about nothing open",
        ),
        (
            Revision::V2026_07_28,
            r#"{"jsonrpc":"2.0","id":1,"method":"sampling/createMessage"}"#,
            "the request sampling/createMessage, which a server may not send",
        ),
    ];
    for (revision, frame, words) in cases {
        let mut pair = Pair::open(revision);
        pair.to_client(frame);
        let Some(ClientEvent::Ignored(ignored)) = pair.client_events.pop_front() else {
            panic!("{frame} had an effect");
        };
        assert_eq!(ignored.to_string(), words);
    }
}
