//! What a server's user answers with, and what it asks for.

use mcp_proto::model::elicitation::{
    ElicitParams, ElicitRequestFormParams, ElicitRequestURLParams,
};
use mcp_proto::model::input::{InputRequest, InputRequests};
use mcp_proto::model::method::{ListRoots, Method, SpecMethod};
use mcp_proto::model::sampling::{CreateMessageParams, SamplingMessage};
use mcp_proto::rpc::Raw;

use super::random::Random;
use super::tally::Kind;

/// A result that suits the method.
pub fn result_of(method: Option<SpecMethod>) -> Raw<'static> {
    let text = match method {
        Some(SpecMethod::ListTools) => {
            r#"{"tools":[{"name":"t","inputSchema":{"type":"object"}}]}"#
        }
        Some(SpecMethod::ListResources) => r#"{"resources":[]}"#,
        Some(SpecMethod::ListResourceTemplates) => r#"{"resourceTemplates":[]}"#,
        Some(SpecMethod::ListPrompts) => r#"{"prompts":[]}"#,
        Some(SpecMethod::ReadResource) => r#"{"contents":[{"uri":"a:b","text":"x"}]}"#,
        Some(SpecMethod::GetPrompt) => {
            r#"{"messages":[{"role":"user","content":{"type":"text","text":"x"}}]}"#
        }
        Some(SpecMethod::Complete) => r#"{"completion":{"values":["v"]}}"#,
        _ => "{}",
    };
    Raw::new(text).expect("JSON")
}

/// A result that a client has to read more for.
pub fn links() -> Raw<'static> {
    let link = r#"{"type":"resource_link","uri":"a:b","name":"r"}"#;
    Raw::new(format!(r#"{{"content":[{link},{link}]}}"#)).expect("JSON")
}

/// A page that says there are more.
pub fn first_page() -> Raw<'static> {
    Raw::new(r#"{"tools":[{"name":"u","inputSchema":{"type":"object"}}],"nextCursor":"c"}"#)
        .expect("JSON")
}

/// Something to ask the client for, good or bad.
pub fn inputs(random: &mut Random) -> (Option<Kind>, InputRequests<'static>) {
    let form = ElicitParams::Form(ElicitRequestFormParams::new("who?"));
    let url = ElicitParams::Url(ElicitRequestURLParams::new("there", "https://a.example/"));
    let sample = CreateMessageParams::new(vec![SamplingMessage::user("say")], 9);
    let none = InputRequests::new();
    match random.below(10) {
        0 => (None, none),
        1 => (Some(Kind::AskedUrl), none.elicit("a", &url)),
        2 | 3 => (
            Some(Kind::AskedSampling),
            none.sample("a", &sample).elicit("b", &form),
        ),
        4..9 => {
            let params = Raw::new(r#"{"_meta":{"progressToken":"p"}}"#).expect("JSON");
            let mut roots = none;
            roots.insert("a", InputRequest::new(ListRoots::NAME).params(params));
            (Some(Kind::AskedRoots), roots)
        }
        _ => (Some(Kind::AskedForm), none.elicit("a", &form)),
    }
}
