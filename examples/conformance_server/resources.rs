//! The resources: some that are listed, and a template for more.

use mcp_proto::Server;
use mcp_proto::model::completion::ResourceTemplateReference;
use mcp_proto::model::content::BlobResourceContents;
use mcp_proto::model::resource::{ReadResourceResult, Resource, ResourceTemplate};
use mcp_proto::server::TemplateError;
use serde_json::json;

use crate::content::PNG;
use crate::prompts::complete;

/// The one template.
const TEMPLATE: &str = "test://template/{id}/data";

/// The texts that can be read: URI, name and contents.
const TEXTS: [(&str, &str, &str); 3] = [
    (
        "test://static-text",
        "static text",
        "This is the content of the static text resource.",
    ),
    (
        "test://watched-resource",
        "watched resource",
        "This resource can be subscribed to.",
    ),
    ("test://hello", "hello", "hello"),
];

const BINARY: &str = "test://static-binary";

/// Adds every resource, the template, and the completion of its variable.
pub fn add(server: Server) -> Result<Server, TemplateError> {
    let server = TEXTS.into_iter().fold(server, |server, (uri, name, text)| {
        let resource = Resource::new(uri, name)
            .description("A text that never changes")
            .mime_type("text/plain");
        server.resource(resource, move |_| Ok(text))
    });
    let binary = Resource::new(BINARY, "static binary")
        .description("A picture that never changes")
        .mime_type("image/png");
    let template = ResourceTemplate::new(TEMPLATE, "data by id")
        .description("Some data for any id")
        .mime_type("application/json");
    server
        .resource(binary, |_| {
            let blob = BlobResourceContents::new(BINARY, PNG).mime_type("image/png");
            Ok(ReadResourceResult::new(vec![blob.into()]))
        })
        .completion(
            ResourceTemplateReference::new(TEMPLATE),
            "id",
            |_, typed| Ok(complete(typed)),
        )
        .resource_template(template, |_, values| {
            let id = values.get("id").unwrap_or_default();
            Ok(json!({ "id": id, "templateTest": true, "data": format!("Data for ID: {id}") }))
        })
}
