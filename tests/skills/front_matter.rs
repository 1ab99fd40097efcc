//! Front matter as it stands in real files, and what is refused rather than guessed.

use mcp_proto::model::skill::front_matter;
use serde_json::{Value, json};

fn read(yaml: &str) -> Result<Value, String> {
    let file = format!("---\n{yaml}\n---\n# Body\n---\nmore\n");
    match front_matter(&file) {
        Ok(object) => Ok(object.as_raw().decode().unwrap()),
        Err(error) => Err(error.to_string()),
    }
}

#[test]
fn what_files_are_written_in_is_read_as_json() {
    let cases = [
        (
            "name: pdf\ndescription: Fill forms",
            json!({"name": "pdf", "description": "Fill forms"}),
        ),
        (
            "a: 'it''s' # why\nb: \"tab\\t\\u00e9\\x41\" ",
            json!({"a": "it's", "b": "tab\té\u{41}"}),
        ),
        (
            "a: \"one\n  two\n\n  three\\\n  four\"",
            json!({"a": "one two\nthreefour"}),
        ),
        ("a: 'one\n  two'\nb: 1", json!({"a": "one two", "b": 1})),
        (
            "a: one\n  two # end\nb: x",
            json!({"a": "one two", "b": "x"}),
        ),
        ("a: one\n\n  two", json!({"a": "one\ntwo"})),
        (
            "a:\n  one: text\n  two:\n    - 1\n    - x: y\n      z: \"\"\n",
            json!({"a": {"one": "text", "two": [1, {"x": "y", "z": ""}]}}),
        ),
        (
            "a:\n- 1\n- - 2\n  - 3\nb: []",
            json!({"a": [1, [2, 3]], "b": []}),
        ),
        (
            "a:\n  Several words\n  on lines",
            json!({"a": "Several words on lines"}),
        ),
        (
            "a: |\n  one\n   two\n\n  three\n\nb: >-\n  one\n  two\n\n  three\n    four\n  five\n",
            json!({"a": "one\n two\n\nthree\n", "b": "one two\nthree\n  four\nfive"}),
        ),
        (
            "a: |+\n  x\n\nb: |2-\n   y",
            json!({"a": "x\n\n", "b": " y"}),
        ),
        ("a: >\n\n  x\n", json!({"a": "\nx\n"})),
        (
            "a: [Read, 'a, b', \"c\", 1.5, [true], {k: v, \"q\":null}]",
            json!({"a": ["Read", "a, b", "c", 1.5, [true], {"k": "v", "q": null}]}),
        ),
        (
            "a: [ # first\n  x, # second\n  y,\n ]\nb: {}",
            json!({"a": ["x", "y"], "b": {}}),
        ),
        (
            "a: ~\nb:\nc: null\nd: Null",
            json!({"a": null, "b": null, "c": null, "d": null}),
        ),
        (
            "a: true\nb: False\nc: yes\nd: on",
            json!({"a": true, "b": false, "c": "yes", "d": "on"}),
        ),
        (
            "a: 007\nb: -0\nc: +1\nd: 0x1F\ne: 0o17\nf: 1e3\ng: .5\nh: 1_000\ni: 1.2.3",
            json!({"a": 7, "b": 0, "c": 1, "d": 31, "e": 15, "f": 1000.0, "g": 0.5, "h": "1_000", "i": "1.2.3"}),
        ),
        (
            "a: 2026-01-02\nb: 12:30\nc: http://x/#y\nd: a#b\ne: -x",
            json!({"a": "2026-01-02", "b": "12:30", "c": "http://x/#y", "d": "a#b", "e": "-x"}),
        ),
        (
            "\"quoted key\": 1\nallowed-tools: Read Bash(git:*)",
            json!({"quoted key": 1, "allowed-tools": "Read Bash(git:*)"}),
        ),
        (
            "# comment\n\na: 1\n  # another\nb: 2",
            json!({"a": 1, "b": 2}),
        ),
        (
            "metadata:\n  version: \"1.0\"\n\n  author: x",
            json!({"metadata": {"version": "1.0", "author": "x"}}),
        ),
        ("", json!({})),
        ("a: ünïcode 漢字", json!({"a": "ünïcode 漢字"})),
    ];
    for (yaml, expected) in cases {
        assert_eq!(read(yaml), Ok(expected), "{yaml}");
    }
}

#[test]
fn keys_keep_their_order() {
    let object = front_matter("---\nz: 1\na: 2\nm: 3\n---").unwrap();
    assert_eq!(object.as_raw().as_str(), r#"{"z":1,"a":2,"m":3}"#);
}

#[test]
fn files_from_windows_are_read() {
    let object =
        front_matter("---\r\nname: x\r\ntext: |\r\n  one\r\n  two\r\n---\r\nBody\r\n").unwrap();
    assert_eq!(
        object.as_raw().as_str(),
        r#"{"name":"x","text":"one\ntwo\n"}"#
    );
}

#[test]
fn what_two_readers_may_take_differently_is_an_error_with_its_line() {
    let cases = [
        ("a: &x 1\nb: *x", "line 2: anchors"),
        ("a: *x", "line 2: anchors"),
        ("a: !!str 1", "line 2: tags"),
        ("a: 1\na: 2", "line 3: the key stands twice"),
        ("<<: {}", "line 2: a key has to be a text"),
        ("1: x", "line 2: a key has to be a text"),
        ("null: x", "line 2: a key has to be a text"),
        ("? a\n: b", "line 2: the front matter has to be a mapping"),
        ("- a", "line 2: the front matter has to be a mapping"),
        ("text", "line 2: the front matter has to be a mapping"),
        ("a: b: c", "colon"),
        ("a: b:", "colon"),
        ("a: one\n  two: three", "colon"),
        ("a: 1\n  b: 2", "colon"),
        ("a: 1\n b", "a: 1 b"),
        ("  a: 1\n b: 2", "line 3: this line belongs to nothing"),
        (
            "a:\n    b: 1\n  c: 2",
            "line 4: this line is indented too far",
        ),
        ("a:\n\t- x", "line 3: a key with a colon is missing"),
        ("a: \"x", "line 2: the closing quote"),
        ("a: \"\\q\"", "line 2: no such escape"),
        ("a: \"\\ud800\"", "line 2: no such escape"),
        ("a: 'x' y", "line 2: something follows the closing quote"),
        ("a: [1", "the closing bracket is missing"),
        ("a: [1] x", "something follows the closing bracket"),
        ("a: [1]\n  x", "belongs to nothing"),
        ("a: [a: b]", "comma or the closing bracket"),
        ("a: {a}", "a colon is missing"),
        ("a: {a: 1, a: 2}", "the key stands twice"),
        ("a: |x\n  y", "line 2: only + or -"),
        ("a: @x", "line 2: this can't begin"),
        ("a: %x", "line 2: this can't begin"),
        ("a: - x", "line 2: this can't begin"),
        ("a: .inf", "line 2: JSON hasn't got"),
        ("a: 1e999", "line 2: JSON hasn't got"),
        ("a: one # c\n  two", "indented too far"),
        ("a: \u{7}", "line 2: control characters"),
        ("a:b", "line 2: the front matter has to be a mapping"),
    ];
    for (yaml, error) in cases {
        match read(yaml) {
            Err(said) => assert!(said.contains(error), "{yaml}: {said}"),
            Ok(value) => assert!(error.starts_with("a: 1 b"), "{yaml}: {value}"),
        }
    }
}

#[test]
fn a_file_without_front_matter_is_an_error() {
    for file in [
        "",
        "# Title",
        "--- x\n---",
        "---\nname: x",
        "----\n---\n",
        "\u{feff}---\n---\n",
    ] {
        assert!(front_matter(file).is_err(), "{file:?}");
    }
}

#[test]
fn size_and_depth_are_bounded() {
    let long = format!("---\na: {}\n---", "x".repeat(65 << 10));
    assert!(
        front_matter(&long)
            .unwrap_err()
            .to_string()
            .contains("64 KiB")
    );
    for nested in [
        "[".repeat(10_000),
        "- ".repeat(10_000),
        (0..200)
            .map(|depth| format!("\n{}a:", " ".repeat(depth + 1)))
            .collect(),
        "{a: ".repeat(10_000),
    ] {
        assert!(read(&format!("a:\n {nested}")).is_err());
        assert!(read(&format!("a: {nested}")).is_err());
    }
}

#[test]
fn whatever_it_is_it_is_json_or_an_error() {
    // A cheap generator of texts from YAML's own alphabet.
    let alphabet = "ab: -\n #'\"[]{},|>&*!?%\\\t0.~";
    let letters: Vec<char> = alphabet.chars().collect();
    let mut seed = 0x2545_f491_4f6c_dd1d_u64;
    for _ in 0..20_000 {
        let mut yaml = String::from("k: ");
        for _ in 0..24 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            yaml.push(letters[(seed >> 40) as usize % letters.len()]);
        }
        if let Ok(value) = read(&yaml) {
            assert!(value.is_object(), "{yaml}");
        }
    }
}
