//! Decoding followed by encoding, which must lose nothing that the schema knows.

use mcp_proto::model::owned::IntoOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Asserts that `json` survives decode, `into_owned` and encode; gives the decoded value.
#[track_caller]
pub fn survives<'a, T>(json: &'a str) -> T
where
    T: Deserialize<'a> + Serialize + IntoOwned + Clone,
    T::Owned: Serialize,
{
    let decoded: T = serde_json::from_str(json).expect("decodes");
    let wanted: Value = serde_json::from_str(json).expect("is JSON");
    assert_eq!(serde_json::to_value(&decoded).expect("encodes"), wanted);
    let owned = decoded.clone().into_owned();
    assert_eq!(serde_json::to_value(&owned).expect("encodes"), wanted);
    decoded
}

/// Asserts that `json` is refused and gives the reason.
#[track_caller]
pub fn refused<'a, T: Deserialize<'a>>(json: &'a str) -> String {
    match serde_json::from_str::<T>(json) {
        Ok(_) => panic!("{json} was accepted"),
        Err(error) => error.to_string(),
    }
}
