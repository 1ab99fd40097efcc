//! A server and the tests of it, which need no process and no port:
//! `cargo test --features schemars --example tested_server`

use mcp_proto::server::HandlerError;
use mcp_proto::{Server, tools};

fn server() -> Server {
    Server::new("divider", "1.0").add(tools! {
        /// Divides two whole numbers.
        fn divide(dividend: i64, divisor: i64) -> Result<i64, HandlerError> {
            let quotient = dividend.checked_div(divisor);
            Ok(quotient.ok_or("nothing can be divided by that")?)
        }
    })
}

fn main() -> std::io::Result<()> {
    server().serve_stdio()
}

#[cfg(test)]
mod tests {
    use mcp_proto::testing;
    use serde_json::json;

    use super::server;

    #[test]
    fn it_divides() {
        let client = testing::connect(server());
        let given = json!({"dividend": 84, "divisor": 2});
        assert_eq!(client.call_tool_as::<i64>("divide", given).unwrap(), 42);
    }

    #[test]
    fn it_says_what_it_cannot_divide_by() {
        let client = testing::connect(server());
        let given = json!({"dividend": 84, "divisor": 0});
        let error = client.call_tool("divide", given).unwrap_err();
        assert!(error.to_string().contains("nothing can be divided by that"));
    }
}
