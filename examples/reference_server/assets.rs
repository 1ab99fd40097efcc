//! The files that the server gives: a small picture, a moment of silence, a name.

/// The picture.
pub const KIWI: &str = "resource://kiwi.jpg";
/// The sound.
pub const MARCELO: &str = "resource://marcelo.mp3";
/// The text.
pub const PRODUCT_NAME: &str = "resource://product_name.txt";

pub fn kiwi() -> Vec<u8> {
    include_bytes!("kiwi.jpg").to_vec()
}

pub fn marcelo() -> Vec<u8> {
    include_bytes!("marcelo.mp3").to_vec()
}
