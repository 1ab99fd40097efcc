use mcp_proto::prompts;

fn main() {
    let _ = prompts! {
        /// Greets somebody.
        #[tool(title = "Greet")]
        fn greet(name: String) -> String {
            name
        }
    };
}
