use mcp_proto::resources;

fn main() {
    let _ = resources! {
        /// What is on today.
        fn today() -> String {
            String::new()
        }
    };
}
