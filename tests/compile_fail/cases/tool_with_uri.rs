use mcp_proto::tools;

fn main() {
    let _ = tools! {
        /// What is on today.
        "notes://today" => fn today() -> String {
            String::new()
        }
    };
}
