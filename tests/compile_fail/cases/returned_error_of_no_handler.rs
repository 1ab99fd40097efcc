use mcp_proto::tools;

fn main() {
    let _ = tools! {
        /// Adds two numbers.
        fn add(a: i64, b: i64) -> Result<i64, u8> {
            a.checked_add(b).ok_or(7)
        }
    };
}
