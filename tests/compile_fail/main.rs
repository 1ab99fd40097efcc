//! What the compiler says of mistakes in `tools!`, `prompts!` and `resources!`: the right words at the right place.
//! `TRYBUILD=overwrite` writes down what it says now; read it before you keep it.

#[test]
fn mistakes_in_short_forms_are_told_at_their_place() {
    trybuild::TestCases::new().compile_fail("cases/*.rs");
}
