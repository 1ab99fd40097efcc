use mcp_proto::tools;

fn main() {
    struct Number(i64);

    let _ = tools! {
        /// Adds one.
        fn add(a: Number) -> i64 {
            a.0 + 1
        }
    };
}
