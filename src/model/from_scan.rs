//! Reading the busiest types from where a scan has found their members.
//!
//! [`Method`] is for users to implement and says nothing of this. Which type a method has is asked of
//! the compiler: the readers are functions, whose types can be compared where those of the borrowed
//! values can't.

use core::any::Any;

use crate::model::members::{MemberSpans, ScannedBody};
use crate::model::method::{
    CallTool, ListPrompts, ListResourceTemplates, ListResources, ListTools, Method, ReadResource,
};
use crate::model::prompt::ListPromptsResult;
use crate::model::resource::{
    ListResourceTemplatesResult, ListResourcesResult, ReadResourceResult,
};
use crate::model::tool::{CallToolParams, CallToolResult, ListToolsResult};
use crate::rpc::{Landmarks, Source, Span};

type ReadParams<M> = for<'a> fn(ScannedBody<'a>) -> Option<<M as Method>::Params<'a>>;
type ReadResult<M> = for<'a> fn(ScannedBody<'a>) -> Option<<M as Method>::Result<'a>>;

/// The params of `M` that stand at `body` in `frame`; `None` leaves it to `Deserialize`, which also
/// says what is wrong with bad ones.
#[inline]
pub(crate) fn params<'a, M: Method>(
    frame: &'a [u8],
    body: Span,
    spans: &'a MemberSpans,
) -> Option<M::Params<'a>> {
    let read: ReadParams<CallTool> = |body| CallToolParams::from_scan(body);
    let read = (&read as &dyn Any).downcast_ref::<ReadParams<M>>()?;
    read(ScannedBody::new(frame, body, spans, None, Source::NONE)?)
}

/// The same for a result, of whose frame `source` may be.
#[inline]
pub(crate) fn result<'a, M: Method>(
    frame: &'a [u8],
    body: Span,
    spans: &'a MemberSpans,
    landmarks: &'a Landmarks,
    source: Source<'a>,
) -> Option<M::Result<'a>> {
    let call: ReadResult<CallTool> = |body| CallToolResult::from_scan(body);
    let resource: ReadResult<ReadResource> = |body| ReadResourceResult::from_scan(body);
    let tools: ReadResult<ListTools> = |body| ListToolsResult::from_scan(body);
    let resources: ReadResult<ListResources> = |body| ListResourcesResult::from_scan(body);
    let templates: ReadResult<ListResourceTemplates> =
        |body| ListResourceTemplatesResult::from_scan(body);
    let prompts: ReadResult<ListPrompts> = |body| ListPromptsResult::from_scan(body);
    let others: [&dyn Any; 5] = [&resource, &tools, &resources, &templates, &prompts];
    // The busiest is told apart by the compiler.
    let read = (&call as &dyn Any).downcast_ref::<ReadResult<M>>();
    let read = read.or_else(|| others.into_iter().find_map(<dyn Any>::downcast_ref))?;
    let body = ScannedBody::new(frame, body, spans, Some(landmarks), source);
    read(body?)
}

#[cfg(test)]
mod tests {
    use alloc::string::String;
    use alloc::vec::Vec;

    use super::*;
    use crate::limits::Limits;
    use crate::model::members::decode;
    use crate::rpc::{EnvelopeKey, Repeated, Scan};

    /// A frame with this result is read alike with its landmarks and without. Returns how many there are.
    fn landmarks_in<M: Method>(result: &str) -> usize {
        let frame = alloc::format!(r#"{{"jsonrpc":"2.0","id":1,"result":{result}}}"#);
        let mut scan = Scan::default();
        let decoded = decode(
            frame.as_bytes(),
            &Limits::default(),
            &Repeated::default(),
            &mut scan,
        );
        assert!(decoded.is_ok());
        let spans = MemberSpans::of_result(&scan);
        let body = scan.key(EnvelopeKey::Result);
        let read = |landmarks| {
            let read = super::result::<M>(frame.as_bytes(), body, &spans, landmarks, Source::NONE);
            serde_json::to_string(&read.unwrap()).unwrap()
        };
        assert_eq!(read(&scan.landmarks), read(&Landmarks::default()));
        scan.landmarks.objects().len()
    }

    #[test]
    fn a_long_list_is_read_alike_with_landmarks_and_without() {
        let tools = |padding: usize| {
            let tools: Vec<String> = (0..120)
                .map(|nth| {
                    let about = "\\\" } é".repeat(nth % 9);
                    let schema = alloc::format!(
                        r#"{{ "type":"object","properties":{{"a":{{"description":"{about}","x":[{{}},{{"y":[]}}]}}}} }}"#
                    );
                    let text = "x".repeat(padding * (nth % 3));
                    alloc::format!(
                        r#"{{"name":"t{nth}","description":"{text}","inputSchema": {schema} ,"_meta":{{"k":{schema}}},"annotations":{{"title":"{about}"}}}}"#
                    )
                })
                .collect();
            alloc::format!(
                r#"{{"_meta":{{"z":{{"a":1}}}},"tools": [{}]}}"#,
                tools.join(" ,\n")
            )
        };
        for padding in [0, 1, 200] {
            assert!(landmarks_in::<ListTools>(&tools(padding)) > 100);
        }
    }

    #[test]
    fn a_long_text_is_read_alike_with_landmarks_and_without() {
        let long = "QUJD".repeat(3_000);
        for text in [
            long.clone(),
            alloc::format!("{long}\\n{long}{long}"),
            alloc::format!("\\n{long}"),
            alloc::format!("{long}é{long}{long}"),
        ] {
            for key in ["text", "blob"] {
                let result = alloc::format!(
                    r#"{{"contents":[{{"uri":"a:","{key}":"short"}},{{"uri":"b:","{key}":"{text}"}},{{"{key}":"{text}","uri":"c:"}}]}}"#
                );
                landmarks_in::<ReadResource>(&result);
            }
        }
    }
}
