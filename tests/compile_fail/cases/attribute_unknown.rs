use mcp_proto::tools;

fn main() {
    let _ = tools! {
        /// Adds two numbers.
        #[hint(read_only_hint)]
        fn add(a: i64, b: i64) -> i64 {
            a + b
        }
    };
}
