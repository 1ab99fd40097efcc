//! What a server says of its skills, as the specification writes it and as it must not be.

use mcp_proto::model::list::List;
use mcp_proto::model::skill::{
    GetSkillResult, ListSkillsResult, MOST_FILES, ReadResourceDirectoryResult, Skill, SkillError,
    SkillResource, SkillResources, digest,
};
use serde_json::{Value, json};

const DIGEST: &str = "sha256:99b737495721155ece826d57521e2d66141ebdc1344a400487481ea2642ab19e";

fn entry() -> Value {
    json!({
        "uri": "skill://acme/refunds/SKILL.md",
        "frontmatter": {"name": "refunds", "description": "How to refund", "allowed-tools": ["Read"]},
        "resources": [
            {"uri": "skill://acme/refunds/SKILL.md", "digest": DIGEST, "size": 3},
            {"uri": "skill://acme/refunds/a%20b/c.md", "digest": DIGEST, "size": 0},
        ],
    })
}

fn read(entry: &Value) -> Result<Skill<'static>, String> {
    let text = format!("[{entry}]");
    let list: List<'_, Skill<'_>> = serde_json::from_str(&text).unwrap();
    match list.skipped().first() {
        Some(unread) => Err(unread.reason.to_string()),
        None => {
            use mcp_proto::model::owned::IntoOwned;
            Ok(list.into_vec().remove(0).into_owned())
        }
    }
}

#[test]
fn results_are_read_and_written_as_the_specification_shows_them() {
    let page = json!({"skills": [entry(), {"uri": "repo://x/daily/SKILL.md",
        "frontmatter": {"name": "daily", "description": "Today"}, "resources": "dynamic",
        "_meta": {"com.example/a": 1}}], "nextCursor": "2", "ttlMs": 300_000, "cacheScope": "public"});
    let text = page.to_string();
    let list: ListSkillsResult<'_> = serde_json::from_str(&text).unwrap();
    assert_eq!(list.skills.len(), 2);
    assert_eq!(list.skills[0].name(), "refunds");
    assert_eq!(list.skills[0].description(), "How to refund");
    assert_eq!(list.skills[0].root(), "skill://acme/refunds");
    assert_eq!(list.skills[0].files().len(), 2);
    assert_eq!(list.skills[1].resources, SkillResources::Dynamic);
    assert!(list.cache_hints().shared);
    assert_eq!(serde_json::to_value(&list).unwrap(), page);

    let one = json!({"skill": entry(), "ttlMs": 0, "cacheScope": "private"});
    let text = one.to_string();
    let read: GetSkillResult<'_> = serde_json::from_str(&text).unwrap();
    assert_eq!(serde_json::to_value(&read).unwrap(), one);

    let directory = json!({"resources": [
        {"uri": "skill://x/templates/a.md", "name": "a.md", "mimeType": "text/markdown"},
        {"uri": "skill://x/templates/regional", "name": "regional", "mimeType": "inode/directory"},
    ]});
    let text = directory.to_string();
    let read: ReadResourceDirectoryResult<'_> = serde_json::from_str(&text).unwrap();
    assert_eq!(serde_json::to_value(&read).unwrap(), directory);
}

#[test]
fn the_digest_is_that_of_the_specifications_example() {
    let file = b"---\nname: pdf-processing\ndescription: Extract, fill, and assemble PDF documents\n---\n\n\
        # PDF processing\n\nChoose the matching template from `templates/`.\n";
    assert_eq!(digest(file), DIGEST);
    assert_eq!(SkillResource::of("skill://x/SKILL.md", file).size, 151);
}

#[test]
fn an_entry_that_breaks_a_rule_is_set_aside_with_the_reason() {
    // `ext.untrusted`
    let file = |uri: &str| json!({"uri": uri, "digest": DIGEST, "size": 1});
    let own = "skill://acme/refunds/SKILL.md";
    let cases: Vec<(&str, Value, &str)> = vec![
        (
            "/uri",
            json!("skill://acme/refunds/README.md"),
            "isn't the URI of a SKILL.md",
        ),
        ("/uri", json!("SKILL.md"), "isn't the URI of a SKILL.md"),
        (
            "/uri",
            json!("skill:///SKILL.md"),
            "isn't the URI of a SKILL.md",
        ),
        (
            "/uri",
            json!("skill://acme/refunds?x=/refunds/SKILL.md"),
            "isn't the URI of a SKILL.md",
        ),
        (
            "/uri",
            json!("skill://acme/other/SKILL.md"),
            "isn't in a directory of its name",
        ),
        ("/frontmatter", json!([]), "expected an object"),
        ("/frontmatter/name", json!(""), "has no name"),
        ("/frontmatter/name", json!(7), "has no name"),
        (
            "/frontmatter/description",
            json!("  "),
            "has no description",
        ),
        (
            "/frontmatter/description",
            Value::Null,
            "has no description",
        ),
        ("/frontmatter/name", json!("Refunds"), "can't be the name"),
        (
            "/frontmatter/name",
            json!("../refunds"),
            "can't be the name",
        ),
        ("/frontmatter/name", json!("re--funds"), "can't be the name"),
        (
            "/frontmatter/name",
            json!("x".repeat(65)),
            "can't be the name",
        ),
        ("/resources", Value::Null, "invalid type"),
        ("/resources", json!("static"), "expected files or"),
        ("/resources", json!([]), "doesn't list"),
        (
            "/resources",
            json!([file("skill://acme/refunds/x.md")]),
            "doesn't list",
        ),
        ("/resources", json!([file(own), file(own)]), "twice"),
        (
            "/resources",
            json!([file(own), file("skill://acme/refunds/%53KILL.md")]),
            "twice",
        ),
        (
            "/resources",
            json!([
                file(own),
                file("skill://acme/refunds/a.md"),
                file("skill://acme/refunds/%61.md")
            ]),
            "twice",
        ),
        (
            "/resources/1/uri",
            json!("skill://acme/refunds/../other/x.md"),
            "isn't a file in",
        ),
        (
            "/resources/1/uri",
            json!("skill://acme/refunds/%2e%2e/x.md"),
            "isn't a file in",
        ),
        (
            "/resources/1/uri",
            json!("skill://acme/refunds/a%2f..%2f..%2fx"),
            "isn't a file in",
        ),
        (
            "/resources/1/uri",
            json!("skill://acme/refunds/a\\..\\x"),
            "isn't a file in",
        ),
        (
            "/resources/1/uri",
            json!("skill://acme/refunds/C:/x"),
            "isn't a file in",
        ),
        (
            "/resources/1/uri",
            json!("skill://acme/refunds//x"),
            "isn't a file in",
        ),
        (
            "/resources/1/uri",
            json!("skill://acme/refunds/x/"),
            "isn't a file in",
        ),
        (
            "/resources/1/uri",
            json!("skill://acme/refunds/x?y"),
            "isn't a file in",
        ),
        (
            "/resources/1/uri",
            json!("skill://acme/refunds/x%0a"),
            "isn't a file in",
        ),
        (
            "/resources/1/uri",
            json!("skill://acme/refunds/x%zz"),
            "isn't a file in",
        ),
        (
            "/resources/1/uri",
            json!("skill://acme/refunds/%ff"),
            "isn't a file in",
        ),
        (
            "/resources/1/uri",
            json!("skill://acme/refunds-too/x"),
            "isn't a file in",
        ),
        (
            "/resources/1/uri",
            json!("skill://acme/refunds"),
            "isn't a file in",
        ),
        (
            "/resources/1/uri",
            json!("file:///etc/passwd"),
            "isn't a file in",
        ),
        (
            "/resources/1/digest",
            json!("sha256:abc"),
            "no SHA-256 digest",
        ),
        (
            "/resources/1/digest",
            json!(DIGEST.to_uppercase()),
            "no SHA-256 digest",
        ),
        (
            "/resources/1/digest",
            json!("md5:d41d8cd98f00b204e9800998ecf8427e"),
            "no SHA-256 digest",
        ),
        ("/resources/1/size", json!(-1), "has no size"),
        ("/resources/1/size", json!("1"), "invalid type"),
        ("/resources/1/size", json!(1e300), "invalid"),
    ];
    assert!(read(&entry()).is_ok());
    for (place, value, reason) in cases {
        let mut broken = entry();
        *broken.pointer_mut(place).unwrap() = value.clone();
        let said = read(&broken).expect_err(place);
        assert!(said.contains(reason), "{place} {value}: {said}");
    }
    for member in ["uri", "frontmatter", "resources"] {
        let mut broken = entry();
        broken.as_object_mut().unwrap().remove(member);
        assert!(
            read(&broken).unwrap_err().contains("missing field"),
            "{member}"
        );
    }
}

#[test]
fn a_skill_that_is_too_large_is_known_before_a_file_is_read() {
    let file = |number: usize, size: i64| json!({"uri": format!("skill://acme/refunds/{number}.md"), "digest": DIGEST, "size": size});
    let with = |count: usize, size: i64| {
        let mut large = entry();
        let files = large["resources"].as_array_mut().unwrap();
        files.truncate(1);
        files.extend((1..count).map(|number| file(number, size)));
        read(&large).unwrap()
    };
    let own = "skill://acme/refunds/SKILL.md";
    assert_eq!(with(MOST_FILES, 1).check_read(own), Ok(()));
    assert_eq!(
        with(MOST_FILES + 1, 1).check_read(own),
        Err(SkillError::TooManyFiles(513))
    );
    assert_eq!(with(2, (16 << 20) - 3).check_read(own), Ok(()));
    assert_eq!(
        with(2, (16 << 20) - 2).check_read(own),
        Err(SkillError::TooManyBytes((16 << 20) + 1))
    );
    // Sums that don't fit any number aren't small.
    assert!(matches!(
        with(4, i64::MAX).check_read(own),
        Err(SkillError::TooManyBytes(_))
    ));
}

#[test]
fn names_of_other_scripts_and_other_schemes_are_taken() {
    let mut other = entry();
    other["uri"] = json!("github://o/r/f%C3%BCr-2/SKILL.md");
    other["frontmatter"]["name"] = json!("für-2");
    other["resources"] = json!("dynamic");
    let skill = read(&other).unwrap();
    assert_eq!(skill.root(), "github://o/r/f%C3%BCr-2");
    assert!(skill.files().is_empty());
}

#[test]
fn a_peers_texts_in_errors_are_bounded() {
    let mut broken = entry();
    broken["frontmatter"]["name"] = json!("x".repeat(100_000));
    assert!(read(&broken).unwrap_err().len() <= 256);
}
