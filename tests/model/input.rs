//! Rounds of input: questions, answers and the state between them.

use std::collections::BTreeMap;

use mcp_proto::model::elicitation::ElicitRequestURLParams;
use mcp_proto::model::input::{
    InputRequest, InputRequests, InputRequiredResult, InputResponses, RequestState, ResultType,
};
use mcp_proto::model::method::{EmptyParams, ListRoots, Method};
use mcp_proto::model::owned::IntoOwned;
use mcp_proto::model::sampling::CreateMessageParams;
use mcp_proto::rpc::Raw;
use serde_json::json;

fn json<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap()
}

#[test]
fn questions_are_bare_method_and_params_in_their_order() {
    // `meta.embedded.inputreq` `mrtr.keys`
    let requests = InputRequests::new()
        .elicit(
            "name",
            &ElicitRequestURLParams::new("Who?", "https://x.example").into(),
        )
        .sample("draft", &CreateMessageParams::new(Vec::new(), 5))
        .roots("where")
        .with::<ListRoots>("again", &EmptyParams::new());
    let text = r#"{"name":{"method":"elicitation/create","params":{"mode":"url","message":"Who?","url":"https://x.example"}},"draft":{"method":"sampling/createMessage","params":{"messages":[],"maxTokens":5}},"where":{"method":"roots/list"},"again":{"method":"roots/list","params":{}}}"#;
    assert_eq!(json(&requests), text);
    let read: InputRequests<'_> = serde_json::from_str(text).unwrap();
    assert_eq!(read, requests);
    assert_eq!(read.get("name").unwrap().method, "elicitation/create");
    let keys: Vec<_> = read.iter().map(|(key, _)| key).collect();
    assert_eq!(keys, ["name", "draft", "where", "again"]);
    assert_eq!(json(&read.into_owned()), text);
}

#[test]
fn a_key_stands_once_and_its_last_value_holds() {
    // `mrtr.keys`
    let read: InputResponses<'_> = serde_json::from_str(r#"{"a":1,"b":2,"\u0061":3}"#).unwrap();
    assert_eq!(json(&read), r#"{"a":3,"b":2}"#);
    let requests = InputRequests::new().roots("a").elicit(
        "a",
        &ElicitRequestURLParams::new("Who?", "https://x.example").into(),
    );
    assert_eq!(requests.len(), 1);
    assert_eq!(requests.get("a").unwrap().method, "elicitation/create");
}

#[test]
fn a_question_of_an_unknown_method_is_kept_for_the_session_to_judge() {
    let text = r#"{"k":{"method":"tools/list","params":[1],"id":1}}"#;
    let read: InputRequests<'_> = serde_json::from_str(text).unwrap();
    let expected = InputRequest::new("tools/list").params(Raw::new("[1]").unwrap());
    assert_eq!(read.get("k"), Some(&expected));
    for wrong in [
        "[]",
        r#"{"k":{}}"#,
        r#"{"k":{"method":1}}"#,
        r#"{"k":null}"#,
    ] {
        assert!(
            serde_json::from_str::<InputRequests<'_>>(wrong).is_err(),
            "{wrong}"
        );
    }
}

#[test]
fn params_that_json_cannot_express_are_not_sent_as_something_else() {
    struct Odd;

    impl Method for Odd {
        const NAME: &'static str = "odd/map";
        type Params<'a> = BTreeMap<Vec<u8>, u8>;
        type Result<'a> = ();
    }

    let unencodable = BTreeMap::from([(vec![1], 2)]);
    let requests = InputRequests::new().with::<Odd>("a", &unencodable);
    assert_eq!(json(&requests), r#"{"a":{"method":"odd/map"}}"#);
    assert!(InputRequest::encode::<Odd>(&unencodable).is_err());
    assert!(InputResponses::new().with("a", &unencodable).is_err());
}

#[test]
fn answers_are_bare_results_under_the_keys_of_the_questions() {
    // `mrtr.client.keys`
    let answers = InputResponses::new()
        .with("where", &json!({"roots": [{"uri": "file:///a"}]}))
        .unwrap()
        .with("name", &Raw::new(r#"{"action":"decline"}"#).unwrap())
        .unwrap();
    let text = r#"{"where":{"roots":[{"uri":"file:///a"}]},"name":{"action":"decline"}}"#;
    assert_eq!(json(&answers), text);
    let roots = answers.answer::<ListRoots>("where").unwrap().unwrap();
    assert_eq!(roots.roots.len(), 1);
    assert!(answers.answer::<ListRoots>("name").unwrap().is_err());
    assert!(answers.answer::<ListRoots>("extra").is_none());
}

#[test]
fn an_input_required_result_has_questions_or_a_state_or_both() {
    // `mrtr.shape` `mrtr.atleastone`
    let ask = || InputRequests::new().roots("k");
    let rows = [
        (
            InputRequiredResult::asking(ask()),
            r#"{"resultType":"input_required","inputRequests":{"k":{"method":"roots/list"}}}"#,
        ),
        (
            InputRequiredResult::resuming(RequestState::new("s")),
            r#"{"resultType":"input_required","requestState":"s"}"#,
        ),
        (
            InputRequiredResult::asking(ask()).request_state(RequestState::new("")),
            r#"{"resultType":"input_required","inputRequests":{"k":{"method":"roots/list"}},"requestState":""}"#,
        ),
    ];
    for (result, text) in rows {
        assert_eq!(json(&result), text);
        let read: InputRequiredResult<'_> = serde_json::from_str(text).unwrap();
        assert_eq!(read.into_owned(), result);
    }
    for wrong in [
        r#"{"resultType":"input_required"}"#,
        r#"{"resultType":"input_required","inputRequests":null,"requestState":null}"#,
        r#"{"resultType":"complete","requestState":"s"}"#,
        r#"{"requestState":"s"}"#,
        r#"{"resultType":"input_required","requestState":1}"#,
        r#"{"resultType":"input_required","inputRequests":[]}"#,
    ] {
        assert!(
            serde_json::from_str::<InputRequiredResult<'_>>(wrong).is_err(),
            "{wrong}"
        );
    }
}

#[test]
fn a_state_comes_back_as_it_went_and_is_not_shown() {
    // `mrtr.state.echo` `mrtr.state.opaque`
    for state in [
        "",
        " a\u{0}\n\"\\/é\u{1F600}\u{2028}",
        "{\"secret\":1}",
        "0",
    ] {
        let written = json(&RequestState::new(state));
        let read: RequestState<'_> = serde_json::from_str(&written).unwrap();
        assert_eq!(read.as_str(), state);
        assert_eq!(
            format!("{read:?}"),
            format!("RequestState({} bytes)", state.len())
        );
    }
}

#[test]
fn result_types_are_an_open_set() {
    // `rtype.values` `rtype.unknown`
    let rows = [
        ("complete", ResultType::Complete),
        ("input_required", ResultType::InputRequired),
        ("task", ResultType::Task),
        ("foo", ResultType::Other("foo".into())),
    ];
    for (text, kind) in rows {
        let written = json(&text);
        let read: ResultType<'_> = serde_json::from_str(&written).unwrap();
        assert_eq!(read, kind);
        assert_eq!(kind.as_str(), text);
    }
    assert!(serde_json::from_str::<ResultType<'_>>("1").is_err());
}
