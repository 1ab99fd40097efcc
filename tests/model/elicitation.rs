//! Elicitation as data: both modes, the kinds of fields, answers and whether they fit.

use crate::round_trip::{refused, survives};
use mcp_proto::model::elicitation::{
    ElicitAction, ElicitParams, ElicitRequestFormParams, ElicitRequestURLParams, ElicitResult,
    ElicitationCompleteParams, URLElicitationRequired,
};
use mcp_proto::model::form::{FormContent, FormValue, validate};
use mcp_proto::model::schema::{
    BooleanSchema, EnumOption, LegacyTitledEnumSchema, NumberSchema, PrimitiveSchemaDefinition,
    RequestedSchema, StringFormat, StringSchema, TitledMultiSelectEnumSchema,
    TitledSingleSelectEnumSchema, UntitledMultiSelectEnumSchema, UntitledSingleSelectEnumSchema,
};

#[test]
fn a_form_survives_with_all_properties() {
    // `elicit.form.params`, `elicit.mode.default`
    let json = r#"{"mode":"form","message":"m","requestedSchema":{"$schema":"s","type":"object","properties":{"z":{"type":"boolean"},"a":{"type":"string"}},"required":["z"]},
        "task":{"ttl":1},"_meta":{"k":1}}"#;
    let ElicitParams::Form(form) = survives::<ElicitParams<'_>>(json) else {
        panic!("not a form")
    };
    let names: Vec<_> = form
        .requested_schema
        .properties
        .iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(names, ["z", "a"]);
    assert!(form.requested_schema.is_required("z") && !form.requested_schema.is_required("a"));
    let unmoded = r#"{"message":"m","requestedSchema":{"type":"object","properties":{}}}"#;
    assert!(matches!(
        serde_json::from_str(unmoded).unwrap(),
        ElicitParams::Form(_)
    ));
    refused::<ElicitParams<'_>>(r#"{"message":"m"}"#);
}

#[test]
fn a_url_survives_and_an_unknown_mode_is_kept() {
    // `elicit.url.params`, `elicit.url.params.e`
    survives::<ElicitParams<'_>>(
        r#"{"mode":"url","message":"m","url":"https://a/b","elicitationId":"e","task":{},"_meta":{"k":1}}"#,
    );
    let modern =
        survives::<ElicitParams<'_>>(r#"{"message":"m","url":"https://a/b","mode":"url"}"#);
    assert_eq!(modern.message(), Some("m"));
    let voice = survives::<ElicitParams<'_>>(r#"{"mode":"voice","tone":1.50}"#);
    assert!(matches!(voice, ElicitParams::Unknown(_)));
    refused::<ElicitParams<'_>>(r#"{"mode":"url","message":"m"}"#);
}

#[test]
fn urls_to_open_are_web_addresses() {
    // `elicit.url.valid`
    let valid = |url: &'static str| ElicitRequestURLParams::new("m", url).has_valid_url();
    assert!(valid("https://a.example/x?y=1") && valid("HTTP://localhost:8080"));
    for url in [
        "",
        "a/b",
        "javascript:alert(1)",
        "file:///etc",
        "https://",
        "https:///a",
        "https://a b",
    ] {
        assert!(!valid(url), "{url}");
    }
}

#[test]
fn errors_and_notifications_about_urls_survive() {
    // `elicit.32042`, `elicit.complete`
    let json =
        r#"{"elicitations":[{"mode":"url","message":"m","url":"https://a","elicitationId":"e"}]}"#;
    let required = survives::<URLElicitationRequired<'_>>(json);
    assert_eq!(
        required.elicitations[0].elicitation_id.as_deref(),
        Some("e")
    );
    survives::<ElicitationCompleteParams<'_>>(r#"{"elicitationId":"e","_meta":{"k":1}}"#);
    refused::<ElicitationCompleteParams<'_>>("{}");
}

#[test]
fn kinds_of_fields_are_told_apart_by_their_members() {
    // `elicit.schema.enum.discriminate`, `elicit.schema.enum.de`, `elicit.schema.enum.c`
    use PrimitiveSchemaDefinition as Kind;
    let kind = |json| survives::<Kind<'_>>(json);
    assert!(matches!(
        kind(
            r#"{"type":"string","title":"t","description":"d","minLength":1,"maxLength":2,"format":"email","default":"x"}"#
        ),
        Kind::String(_)
    ));
    assert!(matches!(
        kind(
            r#"{"type":"number","title":"t","description":"d","minimum":-1.5,"maximum":2,"default":1}"#
        ),
        Kind::Number(_)
    ));
    assert!(matches!(
        kind(r#"{"type":"integer","minimum":0}"#),
        Kind::Number(_)
    ));
    assert!(matches!(
        kind(r#"{"type":"boolean","title":"t","description":"d","default":true}"#),
        Kind::Boolean(_)
    ));
    assert!(matches!(
        kind(r#"{"type":"string","enum":["a"],"title":"t","description":"d","default":"a"}"#),
        Kind::UntitledSingleSelect(_)
    ));
    assert!(matches!(
        kind(
            r#"{"type":"string","oneOf":[{"const":"a","title":"A"}],"title":"t","description":"d","default":"a"}"#
        ),
        Kind::TitledSingleSelect(_)
    ));
    assert!(matches!(
        kind(
            r#"{"type":"string","enum":["a"],"enumNames":["A"],"title":"t","description":"d","default":"a"}"#
        ),
        Kind::LegacyTitled(_)
    ));
    assert!(matches!(
        kind(
            r#"{"type":"array","items":{"type":"string","enum":["a"]},"minItems":0,"maxItems":1,"title":"t","description":"d","default":["a"]}"#
        ),
        Kind::UntitledMultiSelect(_)
    ));
    assert!(matches!(
        kind(
            r#"{"type":"array","items":{"anyOf":[{"const":"a","title":"A"}]},"minItems":0,"maxItems":1,"title":"t","description":"d","default":["a"]}"#
        ),
        Kind::TitledMultiSelect(_)
    ));
    assert!(matches!(
        kind(r#"{"type":["string","null"]}"#),
        Kind::Unknown(_)
    ));
}

#[test]
fn unknown_formats_and_patterns_are_tolerated() {
    // `elicit.schema.string`, `elicit.schema.number`, `elicit.schema.bool`
    let odd: PrimitiveSchemaDefinition<'_> =
        serde_json::from_str(r#"{"type":"string","format":"phone","pattern":"^x$"}"#).unwrap();
    assert_eq!(
        serde_json::to_string(&odd).unwrap(),
        r#"{"type":"string","format":"phone"}"#
    );
    let form = RequestedSchema::new().required("a", odd);
    assert_eq!(
        validate(&FormContent::new().with("a", "anything"), &form),
        Ok(())
    );
}

#[test]
fn a_nested_field_is_refused_by_the_flat_check_only() {
    // `elicit.schema.flat`, `elicit.schema.enum.c`
    for field in [
        r#"{"type":"object","properties":{}}"#,
        r#"{"type":"array","items":{"type":"object"}}"#,
        r#"{"type":"null"}"#,
        r#"{"type":"string","enum":["a","b"],"enumNames":["A"]}"#,
    ] {
        let json = format!(
            r#"{{"type":"object","properties":{{"ok":{{"type":"string"}},"a/b":{field}}}}}"#
        );
        let schema = survives::<RequestedSchema<'_>>(&json);
        assert_eq!(schema.check_flat().unwrap_err().path, "/a~1b", "{field}");
    }
    assert_eq!(every_kind().check_flat(), Ok(()));
}

fn every_kind() -> RequestedSchema<'static> {
    let options = || [EnumOption::new("a", "A"), EnumOption::new("b", "B")];
    RequestedSchema::new()
        .required(
            "name",
            StringSchema::new()
                .min_length(2u64)
                .max_length(5u64)
                .default("äöü"),
        )
        .optional("mail", StringSchema::new().format(StringFormat::Email))
        .optional(
            "age",
            NumberSchema::integer()
                .minimum(18.0)
                .maximum(99.0)
                .default(30.0),
        )
        .optional("ratio", NumberSchema::number().default(0.5))
        .optional("sure", BooleanSchema::new().default(true))
        .optional(
            "one",
            UntitledSingleSelectEnumSchema::new(["a", "b"]).default("a"),
        )
        .optional(
            "titled",
            TitledSingleSelectEnumSchema::new(options()).default("b"),
        )
        .optional("old", LegacyTitledEnumSchema::new(["a"]).enum_names(["A"]))
        .optional(
            "some",
            UntitledMultiSelectEnumSchema::new(["a", "b"])
                .min_items(1u64)
                .max_items(1u64),
        )
        .optional(
            "many",
            TitledMultiSelectEnumSchema::new(options()).default(["a"]),
        )
}

#[test]
fn defaults_fill_the_form_and_fit_it() {
    // `elicit.defaults`, `elicit.result.accept.form`
    let form = ElicitRequestFormParams::new("m").requested_schema(every_kind());
    let answer = ElicitResult::accept(form.defaults());
    assert_eq!(form.validate(&answer), Ok(()));
    assert_eq!(
        serde_json::to_string(&answer).unwrap(),
        r#"{"action":"accept","content":{"name":"äöü","age":30,"ratio":0.5,"sure":true,"one":"a","titled":"b","many":["a"]}}"#
    );
    assert!(form.validate(&ElicitResult::consent()).is_err());
    assert_eq!(form.validate(&ElicitResult::decline()), Ok(()));
}

#[test]
fn content_that_does_not_fit_is_named_by_its_path() {
    // `elicit.validate`
    let base = || FormContent::new().with("name", "ann");
    let cases: [(&str, FormValue<'_>); 12] = [
        ("name", "a".into()),
        ("name", "abcdef".into()),
        ("name", true.into()),
        ("mail", "nobody".into()),
        ("age", 18.5.into()),
        ("age", 17i64.into()),
        ("age", 100i64.into()),
        ("sure", "yes".into()),
        ("one", "c".into()),
        ("titled", "A".into()),
        ("some", vec!["a".into(), "b".into()].into()),
        ("many", vec!["c".into()].into()),
    ];
    for (name, value) in cases {
        let violation = validate(&base().with(name, value), &every_kind()).unwrap_err();
        assert_eq!(violation.path, format!("/{name}"), "{violation}");
    }
    assert_eq!(
        validate(&FormContent::new(), &every_kind())
            .unwrap_err()
            .path,
        "/name"
    );
    assert_eq!(validate(&base().with("extra", 1i64), &every_kind()), Ok(()));
}

#[test]
fn formats_are_checked() {
    // `elicit.schema.string`
    let fits = |format: &'static str, text: &'static str| {
        let form = RequestedSchema::new().required("a", StringSchema::new().format(format));
        validate(&FormContent::new().with("a", text), &form).is_ok()
    };
    assert!(fits("email", "a@b") && !fits("email", "@b") && !fits("email", "a b@c"));
    assert!(fits("uri", "x:y") && !fits("uri", "y"));
    assert!(
        fits("date", "2024-02-29") && !fits("date", "2025-02-29") && !fits("date", "2025-13-01")
    );
    for good in ["2026-07-28T23:59:60Z", "2026-07-28t00:00:00.5+02:00"] {
        assert!(fits("date-time", good), "{good}");
    }
    for bad in [
        "2026-07-28",
        "2026-07-28T24:00:00Z",
        "2026-07-28T00:00:00",
        "2026-07-28T00:00:00.Z",
    ] {
        assert!(!fits("date-time", bad), "{bad}");
    }
}

#[test]
fn an_answer_keeps_its_values_and_refuses_an_unknown_action() {
    // `elicit.result`, `elicit.handle3`, `data.number`, `elicit.result.accept.url`
    let json =
        r#"{"action":"accept","content":{"s":"x","n":1.5,"b":false,"l":["a"]},"_meta":{"k":1}}"#;
    let content = survives::<ElicitResult<'_>>(json).content.unwrap();
    assert_eq!(content.get("n").and_then(FormValue::as_f64), Some(1.5));
    assert_eq!(content.get("s").and_then(FormValue::as_str), Some("x"));
    assert_eq!(content.get("b").and_then(FormValue::as_bool), Some(false));
    for (json, action) in [
        (r#"{"action":"accept"}"#, ElicitAction::Accept),
        (r#"{"action":"decline"}"#, ElicitAction::Decline),
        (r#"{"action":"cancel"}"#, ElicitAction::Cancel),
    ] {
        assert_eq!(survives::<ElicitResult<'_>>(json).action, action);
    }
    refused::<ElicitResult<'_>>(r#"{"action":"maybe"}"#);
    refused::<ElicitResult<'_>>(r#"{"action":"accept","content":{"o":{}}}"#);
    let skipped: ElicitResult<'_> =
        serde_json::from_str(r#"{"action":"accept","content":{"a":null}}"#).unwrap();
    assert!(skipped.content.unwrap().is_empty());
}
