//! Skills of servers that other people wrote: each program of `MCP_SKILLS_PEERS`, one a line, is started
//! with a folder, and serves what `read_skills` reads there.

use std::fs;

use mcp_proto::io::child::Command;
use mcp_proto::io::skills::read_skills;
use mcp_proto::model::skill::Skill;
use mcp_proto::{BlockingClient, ClientOptions, Server, testing};

const PDF: &str = "---\nname: pdf-processing\ndescription: >-\n  Extract, fill,\n  and assemble PDF documents\n\
    license: 'Apache-2.0' # free\nmetadata:\n  version: 1.0\n  count: 3\n  tags: [pdf, \"forms\"]\n  nothing: ~\n---\n# PDF\n";

/// All files of all skills, each held to its entry.
fn read_all(client: &BlockingClient) -> Vec<(Skill<'static>, Vec<Vec<u8>>)> {
    let skills = client.list_skills().unwrap();
    assert!(skills.skipped().is_empty(), "{:?}", skills.skipped());
    let read = |skill: &Skill<'static>| {
        assert_eq!(client.get_skill(&skill.uri).unwrap(), *skill);
        let read = |uri: &str| client.read_skill_file(skill, uri).unwrap().bytes;
        skill.files().iter().map(|file| read(&file.uri)).collect()
    };
    skills
        .iter()
        .map(|skill| (skill.clone(), read(skill)))
        .collect()
}

#[test]
fn the_skills_of_others_are_what_ours_are() {
    let Ok(peers) = std::env::var("MCP_SKILLS_PEERS") else {
        return;
    };
    let folder = std::env::temp_dir().join(format!("mcp-proto-peers-{}", std::process::id()));
    for (path, bytes) in [
        ("pdf-processing/SKILL.md", PDF.as_bytes()),
        ("pdf-processing/references/FORMS.md", b"# Forms\n"),
        ("pdf-processing/templates/eu/a.md", b"x"),
        ("pdf-processing/logo.png", b"\x89PNG\xff\x00"),
        (
            "acme/refunds/SKILL.md",
            b"---\nname: refunds\ndescription: Refund\n---\n",
        ),
    ] {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    let ours = read_skills(&folder).unwrap();
    let ours = testing::connect(ours.into_iter().fold(Server::new("s", "1"), Server::skill));
    let expected = read_all(&ours);
    assert_eq!(expected.len(), 2);
    for peer in peers.lines() {
        let command = Command::new(peer).arg(&folder);
        let client = BlockingClient::child(ClientOptions::new("host", "1"), command);
        client.open().unwrap();
        let mut skills = read_all(&client);
        for ((theirs, their_files), (ours, our_files)) in skills.iter_mut().zip(&expected) {
            assert_eq!(theirs.uri, ours.uri);
            // Files may come in any order.
            let mut files: Vec<_> = theirs.files().iter().zip(&*their_files).collect();
            files.sort_by(|(a, _), (b, _)| a.uri.cmp(&b.uri));
            assert_eq!(
                files,
                ours.files().iter().zip(our_files).collect::<Vec<_>>()
            );
            assert_eq!(theirs.name(), ours.name());
            assert_eq!(theirs.description(), ours.description());
        }
        assert_eq!(skills.len(), expected.len());
        let children = |client: &BlockingClient, uri: &str| -> Vec<(String, Option<String>)> {
            let children = client.read_directory(uri).unwrap();
            let mut children: Vec<_> = children
                .iter()
                .map(|child| {
                    (
                        child.uri.to_string(),
                        child.mime_type.as_ref().map(ToString::to_string),
                    )
                })
                .collect();
            children.sort();
            children
        };
        for uri in ["skill://pdf-processing", "skill://pdf-processing/templates"] {
            assert_eq!(children(&client, uri), children(&ours, uri), "{uri}");
        }
        for uri in ["skill://pdf-processing/SKILL.md", "skill://nobody"] {
            assert!(
                client
                    .read_directory(uri)
                    .unwrap_err()
                    .to_string()
                    .contains("-32602")
            );
        }
        let unknown = client.get_skill("skill://nobody/SKILL.md").unwrap_err();
        assert!(unknown.to_string().contains("-32602"), "{unknown}");
        client.close().unwrap();
    }
    drop(fs::remove_dir_all(folder));
}
