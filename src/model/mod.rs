//! Typed vocabulary.
