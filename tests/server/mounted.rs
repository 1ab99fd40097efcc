//! One server as a part of another.

use mcp_proto::model::completion::{CompleteParams, PromptReference, ResourceTemplateReference};
use mcp_proto::model::method::{
    Complete, GetPrompt, ListPrompts, ListResourceTemplates, ListResources, ListTools, ReadResource,
};
use mcp_proto::model::prompt::{GetPromptParams, Prompt, PromptArgument};
use mcp_proto::model::resource::{ReadResourceParams, Resource, ResourceTemplate};
use mcp_proto::server::DefinitionError;
use mcp_proto::{Revision, Server};
use serde_json::{Value, json};
use support::carrier::by_every_way;
use support::server::{Drive, text, tool};

fn library() -> Server {
    Server::new("library", "1")
        .instructions("Ask for books.")
        .tool(tool("find"), |_, _: Value| Ok("found"))
        .resource(Resource::new("book://1", "one"), |_| Ok("a book"))
        .resource_template(
            ResourceTemplate::new("book://by/{author}", "by"),
            |_, values| Ok(format!("by {}", values.get("author").unwrap_or_default())),
        )
        .unwrap()
        .prompt(
            Prompt::new("ode").argument(PromptArgument::new("theme")),
            |_, _| Ok("O"),
        )
        .completion(PromptReference::new("ode"), "theme", |_, _| {
            Ok(vec!["sea".into()])
        })
        .completion(
            ResourceTemplateReference::new("book://by/{author}"),
            "author",
            |_, _| Ok(vec!["me".into()]),
        )
}

fn town() -> Server {
    Server::new("town", "1")
        .instructions("A town.")
        .tool(tool("find"), |_, _: Value| Ok("a street"))
        .mount("library", library())
}

fn names(listed: &Value, list: &str) -> Vec<String> {
    let entries = listed[list].as_array().unwrap();
    let name = |entry: &Value| entry["name"].as_str().unwrap().to_owned();
    entries.iter().map(name).collect()
}

#[test]
fn tools_and_prompts_go_by_the_prefix_and_resources_by_their_uris() {
    for (revision, _way) in by_every_way(Revision::ALL) {
        let server = town();
        assert_eq!(server.check(), Ok(()));
        let mut drive = Drive::new(revision, vec![server]);
        let listed = drive.run::<ListTools>(&Default::default()).unwrap();
        assert_eq!(names(&listed, "tools"), ["find", "library_find"]);
        let listed = drive.run::<ListPrompts>(&Default::default()).unwrap();
        assert_eq!(names(&listed, "prompts"), ["library_ode"]);
        let listed = drive.run::<ListResources>(&Default::default()).unwrap();
        assert_eq!(names(&listed, "resources"), ["one"]);
        let listed = drive
            .run::<ListResourceTemplates>(&Default::default())
            .unwrap();
        assert_eq!(names(&listed, "resourceTemplates"), ["by"]);

        assert_eq!(text(&drive.call("find", "{}").unwrap()), "a street");
        assert_eq!(text(&drive.call("library_find", "{}").unwrap()), "found");
        let read = |drive: &mut Drive, uri: &'static str| {
            let read = drive
                .run::<ReadResource>(&ReadResourceParams::new(uri))
                .unwrap();
            read["contents"][0].clone()
        };
        assert_eq!(read(&mut drive, "book://1")["text"], "a book");
        let by = read(&mut drive, "book://by/me");
        assert_eq!(
            (&by["text"], &by["uri"]),
            (&json!("by me"), &json!("book://by/me"))
        );
        let got = drive
            .run::<GetPrompt>(&GetPromptParams::new("library_ode"))
            .unwrap();
        assert_eq!(got["messages"][0]["content"]["text"], "O");
    }
}

#[test]
fn completions_follow_their_prompts_and_templates() {
    for (revision, _way) in by_every_way(Revision::ALL) {
        let mut drive = Drive::new(revision, vec![town()]);
        let prompt = CompleteParams::new(PromptReference::new("library_ode"), "theme", "");
        let completed = drive.run::<Complete>(&prompt).unwrap();
        assert_eq!(completed["completion"]["values"], json!(["sea"]));
        let template = ResourceTemplateReference::new("book://by/{author}");
        let template = CompleteParams::new(template, "author", "");
        let completed = drive.run::<Complete>(&template).unwrap();
        assert_eq!(completed["completion"]["values"], json!(["me"]));
        let unknown = CompleteParams::new(PromptReference::new("ode"), "theme", "");
        assert!(drive.run::<Complete>(&unknown).is_err());
    }
}

#[test]
fn instructions_are_joined() {
    let mut drive = Drive::new(Revision::V2026_07_28, vec![town()]);
    drive.call("find", "{}").unwrap();
    let client = mcp_proto::testing::connect(town());
    let instructions = client.instructions().unwrap();
    assert_eq!(instructions.as_deref(), Some("A town.\n\nAsk for books."));
}

#[test]
fn names_that_collide_or_are_bad_are_told_of() {
    let twice = town().mount("library", library());
    assert!(matches!(
        twice.check(),
        Err(DefinitionError::Duplicate { kind: "tool", .. })
    ));
    let bare = Server::new("s", "1").tool(tool("find"), |_, _: Value| Ok("mine"));
    assert!(matches!(
        bare.mount("", library()).check(),
        Err(DefinitionError::Duplicate { kind: "tool", .. })
    ));
    let spaced = Server::new("s", "1").mount("my books", library());
    assert!(matches!(
        spaced.check(),
        Err(DefinitionError::Name { kind: "tool", .. })
    ));
    // What was wrong with the mounted server is wrong with the whole.
    let bad = Server::new("s", "1").tool(tool("a b"), |_, _: Value| Ok(()));
    let error = bad.check().unwrap_err();
    assert_eq!(Server::new("t", "1").mount("", bad).check(), Err(error));
}

#[test]
fn servers_mount_in_depth_and_later_changes_stay_apart() {
    let inner = library();
    let middle = Server::new("m", "1").mount("b", inner.clone());
    let mut drive = Drive::new(
        Revision::V2025_11_25,
        vec![Server::new("o", "1").mount("a", middle)],
    );
    inner.registry().remove_tool("find");
    assert_eq!(text(&drive.call("a_b_find", "{}").unwrap()), "found");
}
