//! What the results of tools mean (rows T12 to T24).

use mcp_proto::client::{ClientError, Operation, OutputPart, ToolCall};
use mcp_proto::model::logging::LoggingLevel;
use serde_json::{Value, json};

use support::carrier::by_every_route;
use support::client::Script;

/// The value of a result, which has to be JSON or text.
fn value(result: Value) -> Value {
    let output = Script::legacy().tool(result).unwrap();
    output.value.to_json().unwrap()
}

fn text(text: &str) -> Value {
    json!({"type": "text", "text": text})
}

fn part(block: Value) -> OutputPart {
    Script::legacy()
        .tool(json!({"content": [block]}))
        .unwrap()
        .value
}

fn bytes(part: &OutputPart) -> (Vec<u8>, &str) {
    let binary = part.as_binary().expect("it is binary");
    let data = binary.decode().expect("it is base64");
    (data, &binary.mime_type)
}

#[test]
fn t12_rpc_error_becomes_retry() {
    for _way in by_every_route() {
        let mut script = Script::legacy();
        let call = || Operation::CallTool(ToolCall::new("t"));
        let error = script.refused(
            call(),
            json!({"code": -32602, "message": "no such tool", "data": 1}),
        );
        let ClientError::Retry(failure) = error else {
            panic!("{error:?}")
        };
        assert_eq!(failure.message, "no such tool");
        assert_eq!(failure.error.unwrap().code, -32602);
        assert_eq!(failure.result, None);
        let error = script.refused(call(), json!({"code": 7, "message": ""}));
        assert_eq!(error.retry_message().as_deref(), Some(""));
        let direct = Operation::DirectCallTool(ToolCall::new("t"));
        let error = script.refused(direct, json!({"code": -32602, "message": "no such tool"}));
        assert!(matches!(error, ClientError::Rpc(error) if error.code == -32602));
    }
}

#[test]
fn t13_error_result_becomes_retry() {
    for _way in by_every_route() {
        let retry = |content: Value| {
            let result =
                json!({"isError": true, "structuredContent": {"a": 1}, "content": content});
            match Script::legacy().tool(result) {
                Err(ClientError::Retry(failure)) => {
                    let result = failure.result.expect("the result stays with the error");
                    let structured = result.structured_content.expect("it is there");
                    assert_eq!(structured.as_str(), r#"{"a":1}"#);
                    failure.message
                }
                other => panic!("{other:?}"),
            }
        };
        let image = json!({"type": "image", "data": "AAAA", "mimeType": "image/png"});
        assert_eq!(retry(json!([text("one"), image, text("two")])), "one\ntwo");
        assert_eq!(retry(json!([])), "MCP tool call failed");
        assert_eq!(retry(json!([image])), "MCP tool call failed");
        assert_eq!(retry(json!([text("")])), "MCP tool call failed");
    }
}

#[test]
fn t14_structured_content_is_preferred_when_all_parts_are_text() {
    let structured = json!({"a": 1});
    let with = |content: Value| value(json!({"content": content, "structuredContent": structured}));
    assert_eq!(with(json!([text("other"), text("words")])), structured);
    assert_eq!(with(json!([])), structured);
    let link = json!({"type": "resource", "resource": {"uri": "a:b", "text": "read me"}});
    assert_eq!(with(json!([link])), json!("read me"));
    let empty = json!({"content": [text("words")], "structuredContent": {}});
    assert_eq!(value(empty), json!("words"));
}

#[test]
fn t15_result_is_unwrapped_once() {
    let structured = |content: Value| value(json!({"content": [], "structuredContent": content}));
    assert_eq!(structured(json!({"result": 1})), json!(1));
    assert_eq!(structured(json!({"result": null})), Value::Null);
    assert_eq!(structured(json!({"result": false})), json!(false));
    assert_eq!(structured(json!({"result": "text"})), json!("text"));
    assert_eq!(
        structured(json!({"result": {"result": 2}})),
        json!({"result": 2})
    );
    let two = json!({"result": 1, "other": 2});
    assert_eq!(structured(two.clone()), two);
}

#[test]
fn t16_several_parts_are_a_list_and_none_an_empty_one() {
    assert_eq!(value(json!({"content": [text("a")]})), json!("a"));
    assert_eq!(
        value(json!({"content": [text("a"), text("[1]")]})),
        json!(["a", [1]])
    );
    assert_eq!(value(json!({"content": []})), json!([]));
}

#[test]
fn t17_text_is_parsed_when_it_is_an_object_or_array() {
    let parsed = |said: &str| value(json!({"content": [text(said)]}));
    assert_eq!(parsed(r#"{"a":[1]}"#), json!({"a": [1]}));
    assert_eq!(parsed("[1, 2]\n"), json!([1, 2]));
    assert_eq!(parsed(r#"{"a":1,"a":2}"#), json!({"a": 2}));
    for raw in [
        "12",
        "true",
        "\"q\"",
        " [1]",
        "[1] and more",
        "{oops",
        "\u{feff}[1]",
    ] {
        assert_eq!(parsed(raw), json!(raw));
    }
    let large = "[123456789012345678901234567890]";
    let OutputPart::Json(kept) = part(text(large)) else {
        panic!("it is JSON")
    };
    assert_eq!(kept.as_str(), large);
}

#[test]
fn a_result_is_read_as_the_type_that_is_wanted() {
    for _way in by_every_route() {
        support::read_struct! { #[derive(Debug, PartialEq)] struct Sum { result: i64 } }
        let said = |result| Script::legacy().tool(result).unwrap();
        let structured = json!({"structuredContent": {"result": 42}, "content": [text("42")]});
        assert_eq!(said(structured.clone()).decode::<i64>(), Ok(42));
        assert_eq!(said(structured).decode::<Sum>(), Ok(Sum { result: 42 }));
        let number = || said(json!({"content": [text("42")]}));
        assert_eq!(number().decode::<i64>(), Ok(42));
        assert_eq!(number().decode::<String>().as_deref(), Ok("42"));
        let object = json!({"content": [text("{\"result\": 1}")]});
        assert_eq!(said(object).decode::<Sum>(), Ok(Sum { result: 1 }));
        let several = json!({"content": [text("1"), text("[2]")]});
        assert_eq!(
            said(several).decode::<(String, [u8; 1])>(),
            Ok(("1".into(), [2]))
        );
        assert_eq!(
            said(json!({"content": [text("warning")]})).decode::<LoggingLevel>(),
            Ok(LoggingLevel::Warning)
        );
        assert_eq!(said(json!({"content": []})).decode::<Vec<u8>>(), Ok(vec![]));
        let long = json!({"content": [text("a"), text(&format!("[{}]", u128::MAX))]});
        assert_eq!(
            said(long).decode::<(String, [u128; 1])>(),
            Ok(("a".into(), [u128::MAX]))
        );

        let error = number().decode::<Sum>().unwrap_err().to_string();
        assert!(error.contains("Sum") && error.contains("\"42\""), "{error}");
        let picture =
            json!({"content": [{"type": "image", "data": "AA==", "mimeType": "image/png"}]});
        let error = said(picture).decode::<i64>().unwrap_err().to_string();
        assert!(
            error.contains("no JSON") && error.contains("image/png"),
            "{error}"
        );
        let broken = json!({"content": [{"type": "image", "data": "A", "mimeType": "image/png"}]});
        assert!(matches!(
            said(broken).decode::<i64>(),
            Err(ClientError::Base64(_))
        ));
    }
}

#[test]
fn t18_image_is_decoded() {
    let image = |data: &str| part(json!({"type": "image", "data": data, "mimeType": "image/jpg"}));
    assert_eq!(bytes(&image("aGVsbG8=")), (b"hello".to_vec(), "image/jpg"));
    assert_eq!(
        bytes(&image("aGVs\nbG8=")),
        (b"hello".to_vec(), "image/jpg")
    );
    assert_eq!(bytes(&image("!!!")), (Vec::new(), "image/jpg"));
    assert!(matches!(
        image("aGVsbG8").as_binary().expect("it is binary").decode(),
        Err(ClientError::Base64(_))
    ));
    assert!(image("").as_binary().unwrap().is_image());
}

#[test]
fn t19_audio_is_decoded() {
    let audio = part(json!({"type": "audio", "data": "AQI=", "mimeType": "audio/wav"}));
    assert_eq!(bytes(&audio), (vec![1, 2], "audio/wav"));
    assert!(audio.as_binary().unwrap().is_audio());
}

#[test]
fn t20_embedded_resource_is_taken_out() {
    let embedded = |resource: Value| part(json!({"type": "resource", "resource": resource}));
    let said = embedded(json!({"uri": "a:b", "text": "{\"a\":1}"}));
    assert_eq!(said.as_text(), Some("{\"a\":1}"));
    let blob = embedded(json!({"uri": "a:b", "blob": "AQI="}));
    assert_eq!(bytes(&blob), (vec![1, 2], "application/octet-stream"));
    let image = embedded(json!({"uri": "a:b", "blob": "AQI=", "mimeType": "image/png"}));
    assert!(image.as_binary().unwrap().is_image());
}

/// Calls a tool that answers with two links; gives the script and the first read.
fn linked(script: &mut Script) -> (mcp_proto::client::OperationId, Value) {
    let link = |uri: &str| json!({"type": "resource_link", "uri": uri, "name": "n"});
    let id = script.start(Operation::CallTool(ToolCall::new("t")));
    let asked = script.expect("tools/call");
    script.result(
        &asked,
        json!({"content": [link("a:1"), text("middle"), link("a:2")]}),
    );
    (id, script.expect("resources/read"))
}

#[test]
fn t21_resource_link_is_read() {
    for _way in by_every_route() {
        let mut script = Script::legacy();
        let (id, first) = linked(&mut script);
        assert_eq!(first["params"]["uri"], "a:1");
        script.result(&first, json!({"contents": [{"uri": "a:1", "text": "[1]"}]}));
        let second = script.expect("resources/read");
        let two = json!([{"uri": "a:2", "text": "x"}, {"uri": "a:2", "text": "y"}]);
        script.result(&second, json!({"contents": two}));
        let output = tool_output(script.end(id).unwrap().unwrap());
        assert_eq!(
            output.value.to_json().unwrap(),
            json!(["[1]", "middle", ["x", "y"]])
        );
        assert_eq!(output.raw.content.len(), 3);
    }
}

#[test]
fn t21_resource_link_that_cannot_be_read_fails_its_part_and_is_no_retry() {
    for _way in by_every_route() {
        let mut script = Script::legacy();
        let (id, first) = linked(&mut script);
        script.error(
            &first,
            json!({"code": -32002, "message": "Resource not found"}),
        );
        let second = script.expect("resources/read");
        script.result(&second, json!({"contents": []}));
        let output = tool_output(script.end(id).unwrap().unwrap());
        let error = output.value.error().expect("a part has failed");
        assert_eq!(error.to_string(), "Resource not found (code: -32002)");
        assert_eq!(error.retry_message(), None);
        assert_eq!(output.value.parts()[1].as_text(), Some("middle"));
        assert_eq!(output.value.parts()[2], OutputPart::List(Vec::new()));
    }
}

#[test]
fn t22_parts_keep_their_order() {
    for _way in by_every_route() {
        let image = json!({"type": "image", "data": "AQ==", "mimeType": "image/png"});
        let result = json!({"content": [text("a"), image, text("b")]});
        let output = Script::legacy().tool(result).unwrap();
        let parts = output.value.parts();
        assert_eq!(parts[0].as_text(), Some("a"));
        assert_eq!(bytes(&parts[1]).0, [1]);
        assert_eq!(parts[2].as_text(), Some("b"));
    }
}

#[test]
fn t23_unknown_and_malformed_blocks_are_kept_beside_the_others() {
    for _way in by_every_route() {
        let block = json!({"type": "hologram", "depth": 3});
        let OutputPart::Unknown(raw) = part(block.clone()) else {
            panic!("it is unknown")
        };
        assert_eq!(raw.decode::<Value>().unwrap(), block);
        let output = Script::legacy()
            .tool(json!({"content": [text("ok"), {"type": "image", "data": "AAAA"}]}))
            .unwrap();
        assert_eq!(output.value.parts()[0].as_text(), Some("ok"));
        let malformed = output.raw.content[1].as_malformed().unwrap();
        assert_eq!(&*malformed.reason, "missing field `mimeType`");
        let error = Script::legacy().tool(json!({"content": 5})).unwrap_err();
        assert!(error.to_string().contains("content"), "{error}");
    }
}

#[test]
fn t24_unknown_members_are_no_offence() {
    for _way in by_every_route() {
        let result = json!({
        "content": [{"type": "text", "text": "a", "annotations": {"audience": ["user"], "x": 1},
            "_meta": {"k": "v"}, "later": true}],
        "_meta": {"cost": 3}, "later": {}});
        let output = Script::legacy().tool(result).unwrap();
        assert_eq!(output.value.as_text(), Some("a"));
        assert_eq!(output.raw.meta.unwrap().get("cost").unwrap().as_str(), "3");
    }
}

fn tool_output(output: mcp_proto::client::Output) -> mcp_proto::client::ToolOutput {
    match output {
        mcp_proto::client::Output::Tool(output) => output,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_result_is_shown_as_it_reads() {
    for _way in by_every_route() {
        let shown = |result: Value| Script::legacy().tool(result).unwrap().value.to_string();
        let image = json!({"type": "image", "data": "AAAA", "mimeType": "image/png"});
        let several = json!({"content": [text("seen"), image]});
        assert_eq!(shown(several), "seen\n[image/png, 3 bytes]");
        let structured = json!({"content": [], "structuredContent": {"a": 1}});
        assert_eq!(shown(structured), r#"{"a":1}"#);
    }
}
