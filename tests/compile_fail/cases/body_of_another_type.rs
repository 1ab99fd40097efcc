use mcp_proto::tools;

fn main() {
    let _ = tools! {
        /// Adds two numbers.
        fn add(a: i64, b: i64) -> String {
            a + b
        }
    };
}
