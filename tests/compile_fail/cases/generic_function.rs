use mcp_proto::tools;

fn main() {
    let _ = tools! {
        /// Says it.
        fn say<T: ToString>(what: T) -> String {
            what.to_string()
        }
    };
}
