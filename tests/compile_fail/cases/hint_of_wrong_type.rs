use mcp_proto::tools;

fn main() {
    let _ = tools! {
        /// Adds two numbers.
        #[tool(read_only_hint = "yes")]
        fn add(a: i64, b: i64) -> i64 {
            a + b
        }
    };
}
