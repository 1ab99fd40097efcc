//! What a client carries between two rounds is sealed: it opens for the same request, on any
//! instance with the key, for a while.

use std::cell::Cell;
use std::time::Duration;

use mcp_proto::Revision;
use mcp_proto::model::elicitation::ElicitRequestFormParams;
use mcp_proto::model::schema::StringSchema;
use mcp_proto::server::{Context, HandlerError, Seal, SealError, Server, StateSeal};
use serde_json::{Value, json};

use support::carrier::by_every_way;
use support::server::{Drive, call_frame, frames, tool};

thread_local! {
    static CLOCK: Cell<u64> = const { Cell::new(1_000) };
    static DRAWN: Cell<u64> = const { Cell::new(0) };
}

fn clock() -> u64 {
    CLOCK.get()
}

/// A nonce that was never drawn before, which is all that the cipher asks.
#[expect(
    clippy::unnecessary_wraps,
    reason = "entropy may fail, this one doesn't"
)]
fn entropy(bytes: &mut [u8]) -> Result<(), SealError> {
    DRAWN.set(DRAWN.get() + 1);
    bytes[..8].copy_from_slice(&DRAWN.get().to_be_bytes());
    Ok(())
}

fn seal(key: u8) -> Seal {
    Seal::new([key; 32], entropy, clock).lifetime(Duration::from_secs(60))
}

support::read_struct! { struct Name { name: String } }

fn server() -> Server {
    let greet = |context: &Context, _: Value| {
        let secret = context.once("secret", || Ok::<_, HandlerError>("swordfish".to_string()))?;
        let form =
            ElicitRequestFormParams::new("Who are you?").required("name", StringSchema::new());
        let name = context.elicit::<Name>("name", form)?.accepted()?.name;
        Ok(format!("{name}, {secret}"))
    };
    let server = Server::new("s", "1");
    server.tool(tool("greet"), greet).tool(tool("other"), greet)
}

fn frame(name: &str, arguments: Value) -> Value {
    let mut frame = call_frame(1, name, arguments);
    let capabilities = &mut frame["params"]["_meta"]["io.modelcontextprotocol/clientCapabilities"];
    *capabilities = json!({"elicitation": {"form": {}}});
    frame
}

/// The frame with the user's answer and this state.
fn answered(mut frame: Value, state: &str) -> Value {
    frame["id"] = json!(2);
    frame["params"]["requestState"] = json!(state);
    frame["params"]["inputResponses"] =
        json!({"name": {"action": "accept", "content": {"name": "Ada"}}});
    frame
}

fn arguments() -> Value {
    json!({"a": 1, "b": {"d": [true, null], "c": 2.5}})
}

/// The state that the first round of a call gives.
fn state(server: &Server, principal: Option<&'static str>) -> String {
    let sent = frames(server, principal, &[frame("greet", arguments())]);
    let state = &sent[0]["result"]["requestState"];
    let state = state
        .as_str()
        .unwrap_or_else(|| panic!("no state: {sent:?}"));
    assert!(!state.contains("swordfish"), "it can't be read");
    state.to_string()
}

/// What the second round comes to: a text, or an error's code.
fn outcome(server: &Server, principal: Option<&'static str>, frame: Value) -> Result<String, i64> {
    let sent = frames(server, principal, &[frame]);
    match sent[0]["error"]["code"].as_i64() {
        Some(code) => Err(code),
        None => Ok(sent[0]["result"]["content"][0]["text"]
            .as_str()
            .unwrap()
            .into()),
    }
}

fn greeted() -> Result<String, i64> {
    Ok("Ada, swordfish".into())
}

#[test]
fn another_instance_with_the_key_opens_a_state() {
    // `mrtr.state.attacker`, `stateless.reuse`
    let state = state(&server().seal(seal(1)), None);
    let frame = answered(frame("greet", arguments()), &state);
    assert_eq!(outcome(&server().seal(seal(1)), None, frame), greeted());
}

#[test]
fn a_state_that_is_changed_truncated_or_foreign_is_refused() {
    // `mrtr.state.attacker`
    let server = server().seal(seal(1));
    let good = state(&server, None);
    let mut bad = vec![
        String::new(),
        good[..10].to_string(),
        good[..good.len() - 1].to_string(),
        format!("{good}A"),
        r#"{"o":{"secret":"\"mine\""}}"#.to_string(),
        state(&self::server().seal(seal(2)), None),
    ];
    for at in (0..good.len()).step_by(7) {
        let mut changed = good.clone().into_bytes();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        bad.push(String::from_utf8(changed).unwrap());
    }
    for state in bad {
        let frame = answered(frame("greet", arguments()), &state);
        assert_eq!(outcome(&server, None, frame), Err(-32602), "{state}");
    }
}

#[test]
fn a_state_is_good_for_its_tool_its_arguments_and_its_principal_only() {
    // `mrtr.state.bind`, `elicit.state`
    let server = server().seal(seal(1));
    let state = state(&server, Some("ada"));
    let with = |name: &str, arguments: Value| answered(frame(name, arguments), &state);
    let refused = Err(-32602);
    assert_eq!(
        outcome(&server, Some("ada"), with("other", arguments())),
        refused
    );
    let others = [
        json!({}),
        json!({"a": 1, "b": {"d": [true, null], "c": 2.5}, "e": 1}),
        json!({"a": "1", "b": {"d": [true, null], "c": 2.5}}),
        json!({"a": 1, "b": {"d": [true, false], "c": 2.5}}),
        json!({"a": 1, "b": {"d": [[true, null]], "c": 2.5}}),
    ];
    for arguments in others {
        let told = arguments.to_string();
        let frame = with("greet", arguments);
        assert_eq!(outcome(&server, Some("ada"), frame), refused, "{told}");
    }
    for principal in [None, Some(""), Some("bob"), Some("adagreet")] {
        let frame = with("greet", arguments());
        assert_eq!(outcome(&server, principal, frame), refused, "{principal:?}");
    }
    let good = with("greet", arguments());
    assert_eq!(outcome(&server, Some("ada"), good), greeted());
}

#[test]
fn what_changes_from_round_to_round_does_not_bind() {
    // `mrtr.state.bind`
    let server = server().seal(seal(1));
    let state = state(&server, None);
    let mut frame = answered(
        frame("greet", json!({"b": {"c": 2.5, "d": [true, null]}, "a": 1})),
        &state,
    );
    frame["params"]["_meta"]["progressToken"] = json!("another");
    assert_eq!(outcome(&server, None, frame), greeted());
}

#[test]
fn a_state_expires() {
    // `mrtr.state.bind`
    let server = server().seal(seal(1));
    let state = state(&server, None);
    let frame = answered(frame("greet", arguments()), &state);
    CLOCK.set(1_059);
    assert_eq!(outcome(&server, None, frame.clone()), greeted());
    CLOCK.set(1_060);
    let sent = frames(&server, None, &[frame]);
    assert_eq!(sent[0]["error"]["code"], -32602);
    assert!(sent[0].to_string().contains("expired"), "{sent:?}");
}

#[test]
fn keys_are_rotated_without_losing_a_request() {
    let before = server().seal(seal(1));
    let meanwhile = server().seal(seal(2).old_key([1; 32]));
    let after = server().seal(seal(2));
    let round = |from: &Server, to: &Server| {
        let frame = answered(frame("greet", arguments()), &state(from, None));
        outcome(to, None, frame)
    };
    assert_eq!(round(&before, &meanwhile), greeted());
    assert_eq!(round(&meanwhile, &after), greeted());
    assert_eq!(round(&before, &after), Err(-32602));
}

#[test]
fn without_a_key_no_state_leaves_and_none_is_taken() {
    // `mrtr.state.attacker`
    let server = server();
    let carried = state(&server, None);
    assert!(carried.len() < 32, "a number, not the state: {carried}");
    let elsewhere = answered(frame("greet", arguments()), &carried);
    assert_eq!(outcome(&server, None, elsewhere), Err(-32602));
    let forged = r#"{"o":{"secret":"\"mine\""}}"#;
    let frame = answered(frame("greet", arguments()), forged);
    assert_eq!(outcome(&server, None, frame.clone()), Err(-32602));
    let careless = self::server().unsealed_state();
    assert_eq!(outcome(&careless, None, frame), Ok("Ada, \"mine\"".into()));
}

#[test]
fn without_entropy_nothing_is_sealed() {
    let broken = Seal::new([1; 32], |_| Err(SealError::NoEntropy), clock);
    assert_eq!(broken.seal(b"state", b"request"), Err(SealError::NoEntropy));
    let sent = frames(&server().seal(broken), None, &[frame("greet", json!({}))]);
    assert_eq!(sent[0]["error"]["code"], -32603);
}

#[test]
fn sealing_changes_nothing_that_is_seen_of_a_tool() {
    for (revision, _way) in by_every_way(Revision::ALL) {
        if revision < Revision::V2025_06_18 {
            continue;
        }
        let mut drive = Drive::new(revision, vec![server().seal(seal(1))]);
        let result = drive.call("greet", "{}").unwrap();
        assert_eq!(result["content"][0]["text"], "my name, swordfish");
    }
}

#[test]
fn keys_are_never_shown() {
    assert!(!format!("{:?}", seal(77)).contains("77"));
}

#[test]
fn the_system_has_entropy_and_a_clock() {
    let key = mcp_proto::io::seal::fresh_key().unwrap();
    let seal = mcp_proto::io::seal::system(key);
    let first = seal.seal(b"state", b"request").unwrap();
    assert_ne!(seal.seal(b"state", b"request").unwrap(), first);
    assert_eq!(seal.open(&first, b"request").unwrap(), b"state");
    assert_eq!(seal.open(&first, b"other"), Err(SealError::Foreign));
}
