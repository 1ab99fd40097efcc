//! What a client takes from a server that lies about the files of a skill: nothing.

use mcp_proto::client::ClientError;
use mcp_proto::model::content::{BlobResourceContents, ResourceContents, TextResourceContents};
use mcp_proto::model::owned::IntoOwned;
use mcp_proto::model::resource::{ReadResourceResult, Resource};
use mcp_proto::model::skill::{Skill, SkillError, SkillResource, SkillResources};
use mcp_proto::{Server, testing};
use serde_json::json;

use super::{REFUNDS, refunds};

const OWN: &str = "skill://acme/billing/refunds/SKILL.md";
const POLICY: &str = "skill://acme/billing/refunds/policy.md";

fn entry(skill_md: &str) -> Skill<'static> {
    let front_matter = mcp_proto::model::skill::front_matter(REFUNDS).unwrap();
    let files = vec![
        SkillResource::of(OWN, skill_md.as_bytes()),
        SkillResource::of(POLICY, b"Within 30 days.\n"),
    ];
    Skill::new(OWN, front_matter, files)
}

fn text(uri: &str, text: &str) -> ReadResourceResult<'static> {
    let contents = TextResourceContents::new(uri.to_owned(), text.to_owned());
    ReadResourceResult::new(vec![contents.into()])
}

fn blob(uri: &str, blob: &str) -> ReadResourceResult<'static> {
    let contents = BlobResourceContents::new(uri.to_owned(), blob.to_owned());
    ReadResourceResult::new(vec![contents.into()])
}

#[test]
fn a_file_is_handed_out_only_as_its_entry_describes_it() {
    let skill = entry(REFUNDS);
    let file = skill.verify(OWN, &text(OWN, REFUNDS)).unwrap();
    assert_eq!(
        (file.path.as_str(), file.as_text()),
        ("SKILL.md", Some(REFUNDS))
    );
    assert!(file.has_digest);
    // As bytes it is the same file.
    let bytes = skill
        .verify(POLICY, &blob(POLICY, "V2l0aGluIDMwIGRheXMuCg=="))
        .unwrap();
    assert_eq!(bytes.bytes, b"Within 30 days.\n");
    assert!(!format!("{bytes:?}").contains("30 days"));

    let mut two = text(OWN, REFUNDS);
    two.contents
        .push(ResourceContents::from(TextResourceContents::new(
            "skill://x",
            "y",
        )));
    let other_bytes = REFUNDS.replace("policy", "POLICY");
    let cases: Vec<(&str, ReadResourceResult<'static>, &str)> = vec![
        (OWN, text(OWN, &other_bytes), "its digest differs"),
        (
            OWN,
            text(OWN, &format!("{REFUNDS}x")),
            "bytes, and the skill says",
        ),
        (OWN, text(OWN, ""), "bytes, and the skill says"),
        (OWN, text(POLICY, REFUNDS), "isn't the contents"),
        (OWN, two, "isn't the contents"),
        (OWN, ReadResourceResult::new(vec![]), "isn't the contents"),
        (POLICY, blob(POLICY, "not base64!"), "isn't the contents"),
        (
            POLICY,
            blob(POLICY, "V2l0aGluIDMwIGRheXMuCg"),
            "isn't the contents",
        ),
        (
            "skill://acme/billing/refunds/new.md",
            text("x", ""),
            "doesn't list",
        ),
        (
            "skill://acme/billing/refunds/../x",
            text("x", ""),
            "isn't a file in",
        ),
        ("skill://other/SKILL.md", text("x", ""), "isn't a file in"),
        ("file:///etc/passwd", text("x", ""), "isn't a file in"),
    ];
    for (uri, answer, error) in cases {
        let said = skill.verify(uri, &answer).unwrap_err().to_string();
        assert!(said.contains(error), "{uri}: {said}");
    }
}

#[test]
fn front_matter_that_disagrees_is_refused_though_size_and_digest_are_right() {
    let cases = [
        (
            REFUNDS.replace("How to refund an order", "Exfiltrate credentials"),
            "\"description\" differs",
        ),
        (REFUNDS.replace("license: MIT\n", ""), "\"license\" differs"),
        (
            REFUNDS.replace("license: MIT", "license: MIT\nallowed-tools: Bash"),
            "\"allowed-tools\" differs",
        ),
        (
            REFUNDS.replace("license: MIT", "license: [MIT]"),
            "\"license\" differs",
        ),
        (
            REFUNDS.replace("license: MIT", "license: &a MIT"),
            "anchors",
        ),
        (REFUNDS.replace("---", "***"), "begin with a line of ---"),
    ];
    for (skill_md, error) in cases {
        for resources in [None, Some(SkillResources::Dynamic)] {
            let mut skill = entry(&skill_md);
            skill.resources = resources.unwrap_or(skill.resources);
            let said = skill
                .verify(OWN, &text(OWN, &skill_md))
                .unwrap_err()
                .to_string();
            assert!(said.contains(error), "{said}");
        }
    }
    // However the same is written, it is the same.
    let same = REFUNDS.replace("license: MIT", "'license': \"MIT\" # free");
    assert!(entry(&same).verify(OWN, &text(OWN, &same)).is_ok());
    let binary = SkillResource::of(OWN, b"\xff");
    let mut skill = entry(REFUNDS);
    skill.resources = vec![binary].into();
    assert_eq!(
        skill.verify(OWN, &blob(OWN, "/w==")),
        Err(SkillError::NotText)
    );
}

#[test]
fn numbers_are_compared_by_their_values() {
    let file =
        |number: &str| format!("---\nname: refunds\ndescription: d\nversion: {number}\n---\n");
    let verify = |written: &str, said: serde_json::Value| {
        let file = file(written);
        let front_matter = json!({"name": "refunds", "description": "d", "version": said});
        let text_of = front_matter.to_string();
        let mut skill = entry(&file);
        skill.frontmatter = serde_json::from_str::<mcp_proto::model::object::Object<'_>>(&text_of)
            .unwrap()
            .into_owned();
        skill.verify(OWN, &text(OWN, &file)).is_ok()
    };
    assert!(verify("1.0", json!(1)));
    assert!(verify("1", json!(1.0)));
    assert!(verify("1.5e1", json!(15)));
    assert!(!verify("1.0", json!("1.0")));
    assert!(!verify(
        "9007199254740993",
        json!(9_007_199_254_740_992_i64)
    ));
}

#[test]
fn files_of_a_skill_without_digests_are_bounded_and_stay_inside() {
    let mut skill = entry(REFUNDS);
    skill.resources = SkillResources::Dynamic;
    let file = skill.verify(POLICY, &text(POLICY, "anything")).unwrap();
    assert!(!file.has_digest);
    let large = "x".repeat((16 << 20) + 1);
    assert_eq!(
        skill.verify(POLICY, &text(POLICY, &large)),
        Err(SkillError::TooManyBytes((16 << 20) + 1))
    );
    assert!(
        skill
            .check_read("skill://acme/billing/refunds/%2e%2e/x")
            .is_err()
    );
}

/// A server that gives other bytes for a file than it describes.
fn lying(uri: &'static str, bytes: &'static str) -> Server {
    Server::new("lies", "1")
        .skill(refunds())
        .resource(Resource::new(uri, "file"), move |_| Ok(bytes))
}

#[test]
fn a_client_reads_a_lying_servers_file_and_hands_nothing_out() {
    let client = testing::connect(lying(POLICY, "Within 99 days.\n"));
    let skill = client.get_skill(OWN).unwrap();
    assert_eq!(
        client.read_skill_file(&skill, OWN).unwrap().as_text(),
        Some(REFUNDS)
    );
    match client.read_skill_file(&skill, POLICY) {
        Err(ClientError::Skill(SkillError::DigestDiffers(uri))) => assert_eq!(&*uri, POLICY),
        other => panic!("{other:?}"),
    }
    // What isn't listed isn't asked for.
    let unlisted = client.read_skill_file(&skill, "skill://acme/billing/refunds/x.md");
    assert!(matches!(
        unlisted,
        Err(ClientError::Skill(SkillError::Unlisted(_)))
    ));
    // An entry of one's own making is checked first.
    let mut made = skill.clone();
    made.uri = "skill://acme/billing/other/SKILL.md".into();
    assert!(matches!(
        client.read_skill_file(&made, POLICY),
        Err(ClientError::Skill(SkillError::Directory { .. }))
    ));
}
