//! Client and server of this crate joined without a socket: the server's service is the client's HTTP
//! client.

use mcp_proto::client::Reconnect;
use mcp_proto::io::http::{HttpServeOptions, HttpService, Remote};
use mcp_proto::io::nonblocking::AsyncClient;
use mcp_proto::model::tool::Tool;
use mcp_proto::rpc::Raw;
use mcp_proto::server::Server;
use mcp_proto::session::EraPolicy;
use serde_json::json;

use crate::scripted::options;

fn server() -> Server {
    let schema = Raw::new(r#"{"type":"object"}"#.to_owned()).unwrap();
    Server::new("joined", "1").tool(Tool::new("greet", schema), |_, _: serde_json::Value| {
        Ok("hello from the same program".to_owned())
    })
}

#[tokio::test]
async fn the_service_of_a_server_is_the_http_client_of_a_client_in_both_eras() {
    for era in [EraPolicy::Modern, EraPolicy::Legacy, EraPolicy::Auto] {
        let service = HttpService::new(server(), HttpServeOptions::default()).unwrap();
        let remote = Remote::new("http://localhost/mcp");
        let options = options()
            .era(era)
            .reconnect(Reconnect::OnDemand { retries: 1 });
        let (client, driver) = AsyncClient::http(options, remote, service);
        let driver = tokio::spawn(driver);
        client.open().await.unwrap();
        for _ in 0..3 {
            let said: String = client.call_tool_as("greet", json!({})).await.unwrap();
            assert_eq!(said, "hello from the same program");
        }
        assert_eq!(client.list_tools().await.unwrap().len(), 1);
        client.close().await.unwrap();
        drop(client);
        driver.await.unwrap();
    }
}

#[tokio::test]
async fn calls_at_once_have_their_answers_each() {
    let service = HttpService::new(server(), HttpServeOptions::default()).unwrap();
    let remote = Remote::new("http://localhost/mcp");
    let (client, driver) = AsyncClient::http(options(), remote, service);
    tokio::spawn(driver);
    client.open().await.unwrap();
    let calls: Vec<_> = (0..200)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.call_tool_as::<String>("greet", json!({})).await })
        })
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap(), "hello from the same program");
    }
    client.close().await.unwrap();
}
