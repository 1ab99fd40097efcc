use mcp_proto::tools;

fn main() {
    struct Sum(i64);

    let _ = tools! {
        /// Adds two numbers.
        fn add(a: i64, b: i64) -> Sum {
            Sum(a + b)
        }
    };
}
