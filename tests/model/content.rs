//! Content blocks, resource contents and annotations as data.

use crate::round_trip::{refused, survives};
use mcp_proto::model::content::{
    Annotations, AudioContent, BlobResourceContents, ContentBlock, ImageContent, ResourceContents,
    Role, TextResourceContents,
};
use mcp_proto::model::tool::CallToolResult;

#[test]
fn every_kind_survives_with_all_its_properties() {
    // `data.content.kinds`, `data.content.text`, `data.content.link`, `data.icon.shape`
    for json in [
        r#"{"type":"text","text":"hi","annotations":{"priority":1},"_meta":{"k":1}}"#,
        r#"{"type":"image","data":"aGk=","mimeType":"image/png","annotations":{"priority":0.5},"_meta":{"k":1}}"#,
        r#"{"type":"audio","data":"aGk=","mimeType":"audio/wav","annotations":{"audience":["user"]},"_meta":{"k":1}}"#,
        r#"{"type":"resource_link","uri":"file:///a","name":"a","title":"A","description":"d","mimeType":"text/plain",
            "size":5,"icons":[{"src":"https://a/b.png","mimeType":"image/png","sizes":["any"],"theme":"dark"}],
            "annotations":{"lastModified":"2026-07-28"},"_meta":{"k":1}}"#,
        r#"{"type":"resource","resource":{"uri":"file:///a","mimeType":"text/plain","text":"hi","_meta":{"k":1}},"annotations":{"priority":0},"_meta":{"k":2}}"#,
        r#"{"type":"resource","resource":{"uri":"file:///a","mimeType":"image/png","blob":"aGk=","_meta":{"k":1}}}"#,
    ] {
        survives::<ContentBlock<'_>>(json);
    }
}

#[test]
fn the_type_counts_wherever_it_stands_and_is_written_first() {
    let block: ContentBlock<'_> = serde_json::from_str(
        "{ \"text\" : \"\\\"type\\\":\\\"image\\\"\", \"\\u0074ype\":\"te\\u0078t\" }",
    )
    .unwrap();
    assert_eq!(block.as_text(), Some("\"type\":\"image\""));
    let written = serde_json::to_string(&block).unwrap();
    assert!(written.starts_with(r#"{"type":"text","#), "{written}");
}

#[test]
fn an_unknown_block_is_kept_as_it_came_and_loses_nothing_around_it() {
    // `data.content.unknown`
    let json = r#"{"content":[{"type":"text","text":"a"},{"type":"hologram","beams":1.50},{"type":"text","text":"b"}]}"#;
    let result = survives::<CallToolResult<'_>>(json);
    let ContentBlock::Unknown(raw) = &result.content[1] else {
        panic!("{:?}", result.content[1])
    };
    assert_eq!(raw.as_str(), r#"{"type":"hologram","beams":1.50}"#);
    assert_eq!(result.content[2].as_text(), Some("b"));
}

#[test]
fn a_block_without_what_its_type_requires_is_kept_as_it_came_with_the_reason() {
    for (json, reason) in [
        (r#"{"text":"a"}"#, "missing field `type`"),
        (r#"{"type":"text"}"#, "missing field `text`"),
        (
            r#"{"type":"image","data":"AAAA"}"#,
            "missing field `mimeType`",
        ),
        (
            r#"{"type":7}"#,
            "invalid type: integer `7`, expected a string",
        ),
        (
            r#""text""#,
            "invalid type: string \"text\", expected struct Typed",
        ),
        ("[]", "invalid type: sequence, expected struct Typed"),
        ("null", "invalid type: null, expected struct Typed"),
    ] {
        let block = survives::<ContentBlock<'_>>(json);
        let malformed = block.as_malformed().expect(json);
        assert_eq!((malformed.raw.as_str(), &*malformed.reason), (json, reason));
    }
}

#[test]
fn a_plain_text_is_borrowed_from_its_frame() {
    let json = String::from(r#"{"type":"text","text":"plain"}"#);
    let block: ContentBlock<'_> = serde_json::from_str(&json).unwrap();
    let inside = json.as_bytes().as_ptr_range();
    assert!(inside.contains(&block.as_text().unwrap().as_ptr()));
}

#[test]
fn invalid_base64_is_flagged_when_the_bytes_are_asked_for() {
    // `data.content.image`, `data.content.audio`, `res.uri.valid`
    let ContentBlock::Image(image) = ContentBlock::image_bytes(b"\x00\xff", "image/png") else {
        panic!()
    };
    assert_eq!(image.decode_data().unwrap(), b"\x00\xff");
    let ContentBlock::Audio(audio) = ContentBlock::audio_bytes(b"hi", "audio/wav") else {
        panic!()
    };
    assert_eq!(audio.data, "aGk=");
    assert!(
        ImageContent::new("a$==", "image/png")
            .decode_data()
            .is_err()
    );
    assert!(AudioContent::new("aGk", "audio/wav").decode_data().is_err());
    assert!(BlobResourceContents::new("a:b", "?").decode_blob().is_err());
    assert_eq!(
        BlobResourceContents::from_bytes("a:b", b"hi")
            .decode_blob()
            .unwrap(),
        b"hi"
    );
}

#[test]
fn resource_contents_are_text_or_blob_and_never_both_or_neither() {
    // `data.content.resource`, `res.read.result`
    let text = survives::<ResourceContents<'_>>(r#"{"uri":"a:b","text":""}"#);
    assert!(matches!(text, ResourceContents::Text(_)));
    let blob = survives::<ResourceContents<'_>>(r#"{"uri":"a:b","blob":""}"#);
    assert_eq!((blob.uri().as_str(), blob.mime_type()), ("a:b", None));
    refused::<ResourceContents<'_>>(r#"{"uri":"a:b","text":"","blob":""}"#);
    refused::<ResourceContents<'_>>(r#"{"uri":"a:b"}"#);
    let neither = survives::<ContentBlock<'_>>(r#"{"type":"resource","resource":{"uri":"a:b"}}"#);
    assert_eq!(
        &*neither.as_malformed().unwrap().reason,
        "neither `text` nor `blob`"
    );
    let block =
        ContentBlock::resource(TextResourceContents::new("a:b", "t").mime_type("text/plain"));
    assert_eq!(
        serde_json::to_string(&block).unwrap(),
        r#"{"type":"resource","resource":{"uri":"a:b","mimeType":"text/plain","text":"t"}}"#
    );
}

#[test]
fn annotations_keep_unknown_members_and_roles() {
    // `data.annot.shape`, `data.number`
    let json = r#"{"audience":["user","assistant","robot"],"priority":0.25,"lastModified":"2026-07-28T00:00:00Z","colour":{"r":1}}"#;
    let annotations = survives::<Annotations<'_>>(json);
    let audience = annotations.audience.as_deref().unwrap();
    assert_eq!(
        audience,
        [Role::User, Role::Assistant, Role::Other("robot".into())]
    );
    assert_eq!(
        annotations.last_modified.as_deref(),
        Some("2026-07-28T00:00:00Z")
    );
    assert!(annotations.is_priority_in_range());
    assert!(!Annotations::new().priority(1.5).is_priority_in_range());
    assert!(!Annotations::new().priority(-0.1).is_priority_in_range());
}
