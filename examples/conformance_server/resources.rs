//! The resources: some that are listed, and a template for more.

use mcp_proto::model::content::{BlobResourceContents, ResourceContents, TextResourceContents};
use mcp_proto::model::resource::{
    ListResourceTemplatesResult, ListResourcesResult, ReadResourceResult, Resource,
    ResourceTemplate,
};
use mcp_proto::rpc::RpcError;
use serde_json::json;

use crate::call::{Call, Stop};
use crate::content::PNG;

/// What stands around the variable of the one template.
const TEMPLATE: (&str, &str) = ("test://template/", "/data");

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

/// Every resource that has a URI of its own.
pub fn list() -> ListResourcesResult<'static> {
    let texts = TEXTS.iter().map(|(uri, name, _)| {
        Resource::new(*uri, *name)
            .description("A text that never changes")
            .mime_type("text/plain")
    });
    let binary = Resource::new(BINARY, "static binary")
        .description("A picture that never changes")
        .mime_type("image/png");
    ListResourcesResult::new(texts.chain([binary]).collect())
}

/// The one template.
pub fn templates() -> ListResourceTemplatesResult<'static> {
    let template = ResourceTemplate::new(TEMPLATE.0.to_owned() + "{id}" + TEMPLATE.1, "data by id")
        .description("Some data for any id")
        .mime_type("application/json");
    ListResourceTemplatesResult::new(vec![template])
}

/// Reads a resource, listed or not.
pub fn read(call: &Call<'_>) -> Result<ReadResourceResult<'static>, Stop> {
    let uri = call.request.target().unwrap_or("".into()).into_string();
    let contents = contents(&uri).ok_or_else(|| RpcError::resource_not_found(&uri))?;
    Ok(ReadResourceResult::new(vec![contents]))
}

fn contents(uri: &str) -> Option<ResourceContents<'static>> {
    if uri == BINARY {
        let blob = BlobResourceContents::new(BINARY, PNG).mime_type("image/png");
        return Some(blob.into());
    }
    if let Some((uri, _, text)) = TEXTS.into_iter().find(|(known, ..)| *known == uri) {
        return Some(
            TextResourceContents::new(uri, text)
                .mime_type("text/plain")
                .into(),
        );
    }
    let id = uri.strip_prefix(TEMPLATE.0)?.strip_suffix(TEMPLATE.1)?;
    let data = json!({ "id": id, "templateTest": true, "data": format!("Data for ID: {id}") });
    let text = TextResourceContents::new(uri.to_owned(), data.to_string());
    Some(text.mime_type("application/json").into())
}
