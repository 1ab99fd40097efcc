//! What a server offers of its skills, on every revision and by every way.

use mcp_proto::model::capability::ServerCapabilities;
use mcp_proto::model::method::{ListResources, Method, ReadResource};
use mcp_proto::model::object::Object;
use mcp_proto::model::page::PaginatedRequestParams;
use mcp_proto::model::resource::ReadResourceParams;
use mcp_proto::model::skill::{DIRECTORY, MOST_FILES, SKILLS_EXTENSION, SkillError};
use mcp_proto::server::{DefinitionError, HandlerError, Requester, SkillFiles};
use mcp_proto::session::EraPolicy;
use mcp_proto::{ClientOptions, Revision, Scopes, Server, testing};
use serde_json::{Value, json};
use support::carrier::by_every_way;
use support::server::Drive;

use super::{REFUNDS, refunds, skill};

const OWN: &str = "skill://acme/billing/refunds/SKILL.md";
const ROOT: &str = "skill://acme/billing/refunds";

/// Methods as a client asks that doesn't look at what was declared.
macro_rules! unasked {
    ($($name:ident = $wire:literal;)*) => { $(
        struct $name;

        impl Method for $name {
            const NAME: &'static str = $wire;
            type Params<'a> = Value;
            type Result<'a> = Value;
        }
    )* };
}

unasked! {
    List = "skills/list";
    Get = "skills/get";
    Directory = "resources/directory/read";
    Other = "skills/other";
}

fn server() -> Server {
    Server::new("shop", "1").skill(refunds())
}

#[test]
fn skills_are_of_the_modern_revision_and_plain_resources_in_all_others() {
    // `ext.optin`, `ext.legacy`, `ext.mismatch`
    for (revision, _way) in by_every_way(Revision::ALL) {
        let mut drive = Drive::new(revision, vec![server()]);
        let params = json!({"uri": OWN});
        let answers = [
            drive.run::<List>(&json!({})),
            drive.run::<Get>(&params),
            drive.run::<Directory>(&json!({"uri": ROOT})),
        ];
        for answer in answers {
            if revision != Revision::V2026_07_28 {
                let error = answer.unwrap_err();
                assert!(error.contains("Method not found"), "{error}");
                continue;
            }
            let result = answer.unwrap();
            assert_eq!(result["resultType"], "complete");
            if result["resources"].is_null() {
                assert_eq!(
                    (&result["ttlMs"], &result["cacheScope"]),
                    (&json!(0), &json!("private"))
                );
            }
        }
        let other = drive.run::<Other>(&json!({})).unwrap_err();
        assert!(other.contains("Method not found"), "{other}");
        // SKILL.md is listed, and every file is read as any resource is.
        let listed = drive
            .run::<ListResources>(&PaginatedRequestParams::new())
            .unwrap();
        assert_eq!(
            listed["resources"],
            json!([{"uri": OWN, "name": "refunds", "description": "How to refund an order",
                "mimeType": "text/markdown", "size": REFUNDS.len()}])
        );
        let read = drive
            .run::<ReadResource>(&ReadResourceParams::new(OWN))
            .unwrap();
        assert_eq!(
            read["contents"],
            json!([{"uri": OWN, "mimeType": "text/markdown", "text": REFUNDS}])
        );
        let stamp = "skill://acme/billing/refunds/forms/stamp.png";
        let read = drive
            .run::<ReadResource>(&ReadResourceParams::new(stamp))
            .unwrap();
        assert_eq!(
            read["contents"],
            json!([{"uri": stamp, "mimeType": "image/png", "blob": "iVD/AA=="}])
        );
        for missing in [
            "skill://acme/billing/refunds/../x",
            ROOT,
            "skill://acme/billing/refunds/x",
        ] {
            let error = drive.run::<ReadResource>(&ReadResourceParams::new(missing));
            assert!(error.is_err(), "{missing}");
        }
    }
}

#[test]
fn a_server_without_skills_has_none_of_it() {
    // `ext.optin`
    for (revision, _way) in by_every_way(Revision::ALL) {
        let mut drive = Drive::new(revision, vec![Server::new("plain", "1")]);
        for answer in [
            drive.run::<List>(&json!({})),
            drive.run::<Get>(&json!({"uri": OWN})),
            drive.run::<Directory>(&json!({"uri": ROOT})),
        ] {
            assert!(answer.unwrap_err().contains("Method not found"));
        }
    }
    let client = testing::connect(Server::new("plain", "1"));
    assert_eq!(client.capabilities().unwrap().unwrap().extensions, None);
}

#[test]
fn a_client_lists_reads_and_looks_into_directories() {
    let client = testing::connect(server());
    let capabilities = client.capabilities().unwrap().unwrap();
    let settings = capabilities.extension_settings(SKILLS_EXTENSION).unwrap();
    assert_eq!(settings.as_raw().as_str(), r#"{"directoryRead":true}"#);
    assert!(capabilities.resources.is_some());

    let skills = client.list_skills().unwrap();
    assert_eq!(skills.len(), 1);
    let refunds = &skills[0];
    assert_eq!((&*refunds.uri, &*refunds.name()), (OWN, "refunds"));
    assert_eq!(
        refunds.frontmatter.as_raw().as_str(),
        r#"{"name":"refunds","description":"How to refund an order","license":"MIT"}"#
    );
    assert_eq!(client.get_skill(OWN).unwrap(), *refunds);
    let paths: Vec<String> = refunds
        .files()
        .iter()
        .map(|file| {
            client
                .read_skill_file(refunds, &file.uri)
                .unwrap()
                .path
                .to_string()
        })
        .collect();
    assert_eq!(
        paths,
        [
            "SKILL.md",
            "forms/eu/letter.md",
            "forms/stamp.png",
            "forms/us letter.txt",
            "policy.md"
        ]
    );

    let names = |uri: &str| -> Vec<(String, String)> {
        let children = client.read_directory(uri).unwrap();
        let name = |child: &mcp_proto::model::resource::Resource<'_>| {
            let kind = child.mime_type.as_deref().unwrap_or_default();
            (child.uri.to_string(), kind.to_string())
        };
        children.iter().map(name).collect()
    };
    let expected = |files: &[(&str, &str)]| -> Vec<(String, String)> {
        files
            .iter()
            .map(|(path, kind)| (format!("skill://acme{path}"), (*kind).to_string()))
            .collect()
    };
    assert_eq!(names("skill://acme"), expected(&[("/billing", DIRECTORY)]));
    assert_eq!(
        names(ROOT),
        expected(&[
            ("/billing/refunds/SKILL.md", "text/markdown"),
            ("/billing/refunds/forms", DIRECTORY),
            ("/billing/refunds/policy.md", "text/markdown"),
        ])
    );
    assert_eq!(
        names("skill://acme/billing/refunds/forms"),
        expected(&[
            ("/billing/refunds/forms/eu", DIRECTORY),
            ("/billing/refunds/forms/stamp.png", "image/png"),
            ("/billing/refunds/forms/us%20letter.txt", "text/plain"),
        ])
    );
    for uri in [
        OWN,
        "skill://acme/",
        "skill://",
        "skill:/",
        "skill://acm",
        "skill://x",
        "",
        "file:///etc",
    ] {
        let error = client.read_directory(uri).unwrap_err();
        assert!(error.to_string().contains("-32602"), "{uri}: {error}");
    }
    let unknown = client
        .get_skill("skill://nobody/SKILL.md")
        .unwrap_err()
        .to_string();
    assert!(
        unknown.contains("-32602") && unknown.contains("No skill is served at"),
        "{unknown}"
    );
}

#[test]
fn a_client_of_a_legacy_server_finds_no_skills_and_asks_for_none() {
    let options = ClientOptions::default().era(EraPolicy::Legacy);
    let client = testing::connect_with(server(), options);
    assert!(client.list_skills().unwrap().is_empty());
    assert!(client.get_skill(OWN).is_err());
    assert!(client.read_directory(ROOT).is_err());
    // The files are there all the same.
    assert_eq!(
        client.read_resource(OWN).unwrap().value.as_text(),
        Some(REFUNDS)
    );
}

#[test]
fn lists_and_directories_come_in_pages() {
    // `page.invalid`
    let mut server = Server::new("many", "1").page_size(2);
    for number in 0..5 {
        server = server.skill(skill(&format!("s{number}")));
    }
    let mut wide = skill("wide");
    for number in 0..5 {
        wide = wide.file(&format!("{number}.md"), "x").unwrap();
    }
    let server = server.skill(wide);
    let mut drive = Drive::new(Revision::V2026_07_28, vec![server.clone()]);
    let page = drive.run::<List>(&json!({})).unwrap();
    assert_eq!(page["skills"].as_array().unwrap().len(), 2);
    assert!(page["nextCursor"].is_string());
    for method in ["list", "directory"] {
        let params = json!({"uri": "skill://wide", "cursor": "p99"});
        let refused = match method {
            "list" => drive.run::<List>(&params),
            _ => drive.run::<Directory>(&params),
        };
        assert!(refused.unwrap_err().contains("unknown cursor"));
    }
    let client = testing::connect(server);
    assert_eq!(client.list_skills().unwrap().len(), 6);
    assert_eq!(client.read_directory("skill://wide").unwrap().len(), 6);
}

#[test]
fn a_skill_within_another_is_part_of_both() {
    let inner = || {
        skill("inner")
            .file("x.md", "inner text")
            .unwrap()
            .below("outer")
            .unwrap()
    };
    for is_inner_first in [true, false] {
        let (first, second) = match is_inner_first {
            true => (inner(), skill("outer")),
            false => (skill("outer"), inner()),
        };
        let server = Server::new("s", "1").skill(first).skill(second);
        server.check().unwrap();
        let client = testing::connect(server.clone());
        let skills = client.list_skills().unwrap();
        let files: Vec<usize> = skills.iter().map(|skill| skill.files().len()).collect();
        let names: Vec<String> = skills
            .iter()
            .map(|skill| skill.name().to_string())
            .collect();
        assert_eq!(
            (names, files),
            (vec!["outer".into(), "inner".into()], vec![3, 2])
        );
        let text = client
            .read_skill_file(&skills[0], "skill://outer/inner/x.md")
            .unwrap();
        assert_eq!(text.path.as_str(), "inner/x.md");
        // Taken away, its files leave the other one too.
        assert!(
            server
                .registry()
                .remove_skill("skill://outer/inner/SKILL.md")
        );
        assert!(
            !server
                .registry()
                .remove_skill("skill://outer/inner/SKILL.md")
        );
        assert_eq!(
            client
                .get_skill("skill://outer/SKILL.md")
                .unwrap()
                .files()
                .len(),
            1
        );
        assert!(client.read_resource("skill://outer/inner/x.md").is_err());
        assert_eq!(client.list_resources().unwrap().len(), 1);
    }
}

#[test]
fn skills_change_while_the_server_runs() {
    let server = server();
    let client = testing::connect(server.clone());
    let old = client.get_skill(OWN).unwrap();
    let changed = SkillFiles::new(REFUNDS.replace("MIT", "ISC")).unwrap();
    server
        .registry()
        .add_skill(changed.below("acme/billing").unwrap())
        .unwrap();
    // What was held to the old entry isn't what is there now.
    let stale = client.read_skill_file(&old, OWN).unwrap_err();
    assert!(stale.to_string().contains("digest differs"), "{stale}");
    let new = client.get_skill(OWN).unwrap();
    assert!(client.read_skill_file(&new, OWN).is_ok());
    assert_eq!(new.files().len(), 1);
    assert!(
        client
            .read_resource("skill://acme/billing/refunds/policy.md")
            .is_err()
    );
    // Nothing of a skill that can't be added is.
    let conflict = skill("refunds").below("acme").unwrap();
    server.registry().add_skill(conflict).unwrap();
    assert_eq!(client.list_skills().unwrap().len(), 2);
}

#[test]
fn what_cannot_be_offered_is_an_error_and_changes_nothing() {
    let name = |name: &str| SkillFiles::new(format!("---\nname: {name}\ndescription: d\n---\n"));
    for bad in [
        "Upper",
        "two words",
        "-x",
        "x-",
        "a--b",
        "../x",
        "a/b",
        "''",
    ] {
        assert!(name(bad).is_err(), "{bad}");
    }
    assert!(matches!(name("''"), Err(SkillError::Missing("name"))));
    let long = format!("---\nname: x\ndescription: {}\n---\n", "x".repeat(1025));
    assert!(matches!(
        SkillFiles::new(long),
        Err(SkillError::Description)
    ));
    assert!(matches!(
        SkillFiles::new("# No front matter"),
        Err(SkillError::FrontMatter(_))
    ));
    for path in [
        "../x", "/x", "a/../b", "", "a//b", "a\\b", "C:x", "x ", "a/",
    ] {
        assert!(
            matches!(skill("x").file(path, ""), Err(SkillError::Outside(_))),
            "{path:?}"
        );
        assert!(skill("x").below(path).is_err(), "{path:?}");
    }
    for path in ["SKILL.md", "a.md", "a.md/b", "SKILL.md/x"] {
        let added = skill("x")
            .file("a.md", "")
            .and_then(|skill| skill.file(path, ""));
        assert!(matches!(added, Err(SkillError::Repeated(_))), "{path}");
    }
    let many = (1..MOST_FILES).try_fold(skill("x"), |skill, n| skill.file(&format!("{n}.md"), ""));
    let many = many.unwrap();
    assert!(matches!(
        many.clone().file("one-more", ""),
        Err(SkillError::TooManyFiles(513))
    ));
    let large = skill("x").file("a", vec![0; 16 << 20]);
    assert!(matches!(large, Err(SkillError::TooManyBytes(_))));

    // Two of one URI, as with everything else that is offered.
    let twice = Server::new("s", "1").skill(skill("x")).skill(skill("x"));
    assert!(matches!(
        twice.check(),
        Err(DefinitionError::Duplicate { kind: "skill", .. })
    ));
    // A skill within another that gets too large by it.
    let server = Server::new("s", "1").skill(many.clone());
    let inner = skill("y").below("x").unwrap();
    let refused = server.registry().add_skill(inner.clone()).unwrap_err();
    assert!(refused.to_string().contains("513 files"), "{refused}");
    assert_eq!(testing::connect(server).list_skills().unwrap().len(), 1);
    let other_way = Server::new("s", "1").skill(inner).skill(many);
    assert!(matches!(
        other_way.check(),
        Err(DefinitionError::Skill { .. })
    ));
    // Files that differ at one URI.
    let outer = skill("x").file("y/SKILL.md", "another").unwrap();
    let server = Server::new("s", "1")
        .skill(skill("y").below("x").unwrap())
        .skill(outer);
    let error = server.check().unwrap_err().to_string();
    assert!(error.contains("different files"), "{error}");
}

#[test]
fn skills_can_be_declared_before_there_are_any() {
    let capabilities = ServerCapabilities::new().extension(SKILLS_EXTENSION, &Object::new());
    let server = Server::new("s", "1").declare(capabilities);
    let client = testing::connect(server.clone());
    assert!(client.list_skills().unwrap().is_empty());
    server.registry().add_skill(skill("late")).unwrap();
    assert_eq!(client.list_skills().unwrap().len(), 1);
}

#[test]
fn hooks_stay_around_the_files_of_a_mounted_servers_skills() {
    let guarded = server().around(|context| {
        let target = context.request().target().map(|target| target.to_string());
        match target.is_some_and(|target| target.ends_with("policy.md")) {
            true => Err(HandlerError::from("the policy is secret")),
            false => Ok(|result| result),
        }
    });
    let client = testing::connect(
        Server::new("whole", "1")
            .skill(skill("own"))
            .mount("shop", guarded),
    );
    let skills = client.list_skills().unwrap();
    assert_eq!(skills.len(), 2);
    assert!(client.read_skill_file(&skills[0], OWN).is_ok());
    let policy = "skill://acme/billing/refunds/policy.md";
    assert!(client.read_skill_file(&skills[0], policy).is_err());
}

#[test]
fn the_scopes_of_a_skill_md_are_those_of_all_its_files() {
    // `auth.403.scope`
    let inner = skill("inner")
        .file("x.md", "x")
        .unwrap()
        .below("acme/billing/refunds")
        .unwrap();
    let server = server()
        .skill(inner)
        .resource_scopes(OWN, ["billing"])
        .resource_scopes(
            "skill://acme/billing/refunds/forms/eu/letter.md",
            ["letters"],
        )
        .unsealed_state();
    let wants = |uri: &str, scopes: &str| {
        let asker = Requester::new("ada").scopes(Scopes::parse(scopes));
        let stateless = server.stateless().unwrap();
        let frame = json!({"jsonrpc": "2.0", "id": 1, "method": "resources/read", "params": {"uri": uri,
            "_meta": {"io.modelcontextprotocol/protocolVersion": "2026-07-28",
                "io.modelcontextprotocol/clientCapabilities": {},
                "io.modelcontextprotocol/clientInfo": {"name": "c", "version": "1"}}}});
        let answer = stateless.answer(frame.to_string(), asker);
        let answer: Value = serde_json::from_slice(&answer[0]).unwrap();
        answer["error"]["message"].as_str().map(str::to_owned)
    };
    let refused = Some("Insufficient scope: the request needs billing".to_owned());
    for file in ["SKILL.md", "policy.md", "forms/stamp.png"] {
        let uri = format!("{ROOT}/{file}");
        assert_eq!(wants(&uri, "letters"), refused);
        assert_eq!(wants(&uri, "billing"), None);
    }
    assert_eq!(
        wants("skill://acme/billing/refunds/forms/eu/letter.md", "letters"),
        None
    );
    assert_eq!(
        wants("skill://acme/billing/refunds/inner/x.md", ""),
        None,
        "a skill of its own"
    );
    let typo = server
        .clone()
        .resource_scopes("skill://acme/billing/refunds/policy.txt", ["x"]);
    assert!(typo.check().is_err());
}
