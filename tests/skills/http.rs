//! Skills over HTTP, client and server joined without a socket, in both eras.

use mcp_proto::Server;
use mcp_proto::client::ClientOptions;
use mcp_proto::io::http::{HttpServeOptions, HttpService, Remote};
use mcp_proto::io::nonblocking::AsyncClient;
use mcp_proto::session::EraPolicy;

use super::{REFUNDS, refunds};

const OWN: &str = "skill://acme/billing/refunds/SKILL.md";

#[tokio::test]
async fn skills_are_listed_got_and_read_over_http() {
    for era in [EraPolicy::Modern, EraPolicy::Legacy] {
        let server = Server::new("shop", "1").skill(refunds()).page_size(1);
        let service = HttpService::new(server, HttpServeOptions::default()).unwrap();
        let options = ClientOptions::new("host", "1").era(era);
        let remote = Remote::new("http://localhost/mcp");
        let (client, driver) = AsyncClient::http(options, remote, service);
        tokio::spawn(driver);
        client.open().await.unwrap();
        let skills = client.list_skills().await.unwrap();
        if era == EraPolicy::Legacy {
            assert!(skills.is_empty());
            assert!(client.get_skill(OWN).await.is_err());
            continue;
        }
        let skill = client.get_skill(OWN).await.unwrap();
        assert_eq!(skills[0], skill);
        let file = client.read_skill_file(&skill, OWN).await.unwrap();
        assert_eq!(file.as_text(), Some(REFUNDS));
        assert_eq!(client.read_directory(skill.root()).await.unwrap().len(), 3);
        let refused = client.read_directory(OWN).await.unwrap_err();
        assert!(refused.to_string().contains("-32602"), "{refused}");
        client.close().await.unwrap();
    }
}
