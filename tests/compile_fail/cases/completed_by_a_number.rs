use mcp_proto::prompts;

fn main() {
    let _ = prompts! {
        /// Greets somebody.
        fn greet(#[complete(7)] name: String) -> String {
            name
        }
    };
}
