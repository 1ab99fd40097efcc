//! The lists of skills and directories of a server that says what a test wants it to.

use mcp_proto::client::{ClientError, ClientOptions, Operation, Output};
use mcp_proto::model::page::PageError;
use mcp_proto::model::skill::ReadResourceDirectoryParams;
use mcp_proto::session::{EraPolicy, Misuse};
use serde_json::{Value, json};
use support::client::Script;

const DIGEST: &str = "sha256:99b737495721155ece826d57521e2d66141ebdc1344a400487481ea2642ab19e";

fn entry(uri: &str, name: &str) -> Value {
    json!({"uri": uri, "frontmatter": {"name": name, "description": "d"},
        "resources": [{"uri": uri, "digest": DIGEST, "size": 1}]})
}

/// A client of a modern server that declares this of skills.
fn modern(extensions: Value) -> Script {
    let mut script = Script::unopened(ClientOptions::default().era(EraPolicy::Modern));
    let request = script.expect("server/discover");
    let capabilities = json!({"resources": {}, "extensions": extensions});
    script.result(
        &request,
        json!({"resultType": "complete", "supportedVersions": ["2026-07-28"], "ttlMs": 0,
            "cacheScope": "private", "capabilities": capabilities}),
    );
    assert_eq!(script.opened, Some(Ok(())));
    script
}

fn declared(settings: Value) -> Script {
    modern(json!({"io.modelcontextprotocol/skills": settings}))
}

fn page(skills: Value, next: Option<&str>) -> Value {
    let mut page = json!({"resultType": "complete", "ttlMs": 60_000, "cacheScope": "private", "skills": skills});
    if let Some(next) = next {
        page["nextCursor"] = json!(next);
    }
    page
}

fn directory(uri: &str) -> Operation {
    Operation::ReadDirectory(ReadResourceDirectoryParams::new(uri.to_owned()))
}

#[test]
fn nothing_is_sent_to_a_server_that_has_not_declared_skills() {
    // `ext.mismatch`, `ext.optin`, `ext.untrusted`: settings that are no object declare nothing.
    let undeclared = [
        json!({}),
        json!({"io.modelcontextprotocol/skills": true}),
        json!({"io.modelcontextprotocol/skills": []}),
        json!({"io.modelcontextprotocol/skills": null}),
        json!([]),
    ];
    for extensions in undeclared {
        let mut script = modern(extensions.clone());
        let id = script.start(Operation::ListSkills);
        match script.end(id) {
            Some(Ok(Output::Skills(skills))) => assert!(skills.is_empty()),
            other => panic!("{extensions}: {other:?}"),
        }
        for operation in [
            Operation::GetSkill("skill://x/SKILL.md".into()),
            directory("skill://x"),
        ] {
            let id = script.start(operation);
            let refused = script.end(id);
            assert!(
                matches!(
                    refused,
                    Some(Err(ClientError::Misuse(Misuse::ExtensionNotDeclared(_))))
                ),
                "{refused:?}"
            );
        }
        assert!(script.sent.is_empty());
    }
}

#[test]
fn nothing_is_sent_to_a_legacy_server_whatever_it_declares() {
    // `ext.legacy`
    let extensions = json!({"io.modelcontextprotocol/skills": {"directoryRead": true}});
    let capabilities = json!({"resources": {}, "extensions": extensions});
    let mut script = Script::with(support::client::legacy(), capabilities);
    let id = script.start(Operation::GetSkill("skill://x/SKILL.md".into()));
    let error = script.end(id).unwrap().unwrap_err();
    assert!(
        error
            .to_string()
            .contains("did not declare the extension io.modelcontextprotocol/skills")
    );
    let id = script.start(Operation::ListSkills);
    assert!(matches!(script.end(id), Some(Ok(Output::Skills(skills))) if skills.is_empty()));
    assert!(script.sent.is_empty());
}

#[test]
fn directories_are_read_only_of_servers_that_say_so() {
    for settings in [
        json!({}),
        json!({"directoryRead": false}),
        json!({"directoryRead": "true"}),
    ] {
        let mut script = declared(settings);
        let id = script.start(directory("skill://x"));
        let error = script.end(id).unwrap().unwrap_err();
        assert!(error.to_string().contains("with directoryRead"), "{error}");
        assert!(script.sent.is_empty());
    }
    let mut script = declared(json!({"directoryRead": true}));
    let answer = json!({"resultType": "complete", "resources": [{"uri": "skill://x/y", "name": "y",
        "mimeType": "inode/directory"}, {"uri": 7}]});
    match script.answered(directory("skill://x"), answer) {
        Ok(Output::Directory(page)) => {
            assert_eq!(page.resources.len(), 1);
            assert_eq!(page.resources.skipped().len(), 1);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_list_is_whole_checked_and_kept_and_no_file_of_it_is_read() {
    let mut script = declared(json!({}));
    let id = script.start(Operation::ListSkills);
    let first = script.expect("skills/list");
    assert_eq!(first["params"]["cursor"], Value::Null);
    let skills = json!([
        entry("skill://a/x/SKILL.md", "x"),
        entry("skill://b/x/SKILL.md", "x"),
        entry("skill://b/y/SKILL.md", "z"),
    ]);
    script.result(&first, page(skills, Some("more")));
    let second = script.expect("skills/list");
    assert_eq!(second["params"]["cursor"], "more");
    let again = json!([
        entry("skill://a/x/SKILL.md", "x"),
        entry("skill://c/w/SKILL.md", "w")
    ]);
    script.result(&second, page(again, None));
    let Some(Ok(Output::Skills(skills))) = script.end(id) else {
        panic!("it is listed");
    };
    // Two of one name are two skills; two of one URI can't both be true.
    let uris: Vec<&str> = skills.iter().map(|skill| skill.uri.as_str()).collect();
    assert_eq!(
        uris,
        [
            "skill://a/x/SKILL.md",
            "skill://b/x/SKILL.md",
            "skill://c/w/SKILL.md"
        ]
    );
    let reasons: Vec<&str> = skills
        .skipped()
        .iter()
        .map(|skipped| &*skipped.reason)
        .collect();
    assert_eq!(reasons.len(), 2);
    assert!(reasons[0].contains("isn't in a directory of its name"));
    assert_eq!(reasons[1], "the skill is listed twice");
    assert!(
        skills
            .raw(2)
            .unwrap()
            .as_str()
            .contains("skill://c/w/SKILL.md")
    );
    assert!(script.sent.is_empty(), "nothing is read ahead");
    // `cache.fresh`
    let again = script.start(Operation::ListSkills);
    assert!(matches!(script.end(again), Some(Ok(Output::Skills(kept))) if kept.is_same(&skills)));
    assert!(script.sent.is_empty());
}

#[test]
fn pages_without_end_end() {
    // `page.loop`
    let mut script = declared(json!({}));
    let id = script.start(Operation::ListSkills);
    let mut asked = 0;
    while let Some(request) = script.sent.pop_front() {
        asked += 1;
        let uri = format!("skill://s{asked}/SKILL.md");
        let skills = json!([entry(&uri, &format!("s{asked}"))]);
        script.result(&request, page(skills, Some(&asked.to_string())));
    }
    assert_eq!(asked, 64);
    let end = script.end(id).unwrap();
    assert!(
        matches!(end, Err(ClientError::Page(PageError::TooManyPages { .. }))),
        "{end:?}"
    );

    let id = script.start(Operation::ListSkills);
    for _ in 0..2 {
        let request = script.expect("skills/list");
        script.result(&request, page(json!([]), Some("same")));
    }
    let end = script.end(id).unwrap();
    assert_eq!(end, Err(ClientError::Page(PageError::RepeatedCursor)));
}

#[test]
fn what_a_list_holds_is_bounded() {
    let mut limits = mcp_proto::Limits::default();
    limits.memory = 64 << 10;
    let options = ClientOptions::default()
        .era(EraPolicy::Modern)
        .limits(limits);
    let mut script = Script::unopened(options);
    let request = script.expect("server/discover");
    let capabilities =
        json!({"resources": {}, "extensions": {"io.modelcontextprotocol/skills": {}}});
    script.result(
        &request,
        json!({"resultType": "complete", "supportedVersions": ["2026-07-28"], "ttlMs": 0,
            "cacheScope": "private", "capabilities": capabilities}),
    );
    let id = script.start(Operation::ListSkills);
    let request = script.expect("skills/list");
    let many = (0..400).map(|number| {
        entry(
            &format!("skill://s{number}/SKILL.md"),
            &format!("s{number}"),
        )
    });
    script.result(&request, page(many.collect(), None));
    let end = script.end(id).unwrap();
    assert!(
        matches!(end, Err(ClientError::LimitReached { .. })),
        "{end:?}"
    );
}

#[test]
fn an_entry_for_another_skill_than_was_asked_for_is_refused() {
    let mut script = declared(json!({}));
    let answer = |uri, name| json!({"resultType": "complete", "ttlMs": 0, "cacheScope": "private", "skill": entry(uri, name)});
    let ask = || Operation::GetSkill("skill://a/SKILL.md".into());
    let got = script.answered(ask(), answer("skill://a/SKILL.md", "a"));
    assert!(matches!(got, Ok(Output::Skill(skill)) if skill.name() == "a"));
    let other = script.answered(ask(), answer("skill://b/SKILL.md", "b"));
    assert!(matches!(other, Err(ClientError::Skill(_))), "{other:?}");
    let broken = script.answered(ask(), answer("skill://a/SKILL.md", "b"));
    assert!(matches!(broken, Err(ClientError::Call(_))), "{broken:?}");
}
