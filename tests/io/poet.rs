//! The program of the README's first command, on every era.

use std::process::Command;

/// What the poet example prints with these arguments.
fn recite(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_poet"))
        .args(arguments)
        .output()
        .expect("the example runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {errors}");
    String::from_utf8(output.stdout).expect("a poem is text")
}

#[test]
fn the_poem_is_the_same_on_every_era() {
    let cases: [(&[&str], &str, usize); 5] = [
        (&[], "2026-07-28", 6),
        (&["--era", "legacy"], "2025-11-25", 7),
        (&["--era", "modern"], "2026-07-28", 4),
        (&["--server", "legacy"], "2025-11-25", 9),
        (&["--server", "modern"], "2026-07-28", 6),
    ];
    for (arguments, revision, frames) in cases {
        let diagram = poem_and_diagram(arguments);
        assert!(
            diagram.starts_with(&format!("{frames} frames of {revision}:")),
            "{diagram}"
        );
        assert_eq!(count(&diagram, &['▶', '◀']), frames, "{diagram}");
    }
}

#[cfg(feature = "http-core")]
#[test]
fn the_poem_is_the_same_over_http() {
    // The exchanges, the frames in them, and how many of those are events.
    let cases: [(&[&str], &str, [usize; 3]); 5] = [
        (&["--http"], "2026-07-28", [3, 6, 0]),
        (&["--http", "--era", "legacy"], "2025-11-25", [6, 7, 4]),
        (&["--http", "--era", "modern"], "2026-07-28", [2, 4, 0]),
        (&["--http", "--server", "legacy"], "2025-11-25", [7, 9, 4]),
        (&["--http", "--server", "modern"], "2026-07-28", [3, 6, 0]),
    ];
    for (arguments, revision, [exchanges, frames, events]) in cases {
        let diagram = poem_and_diagram(arguments);
        let title = format!("{frames} frames of {revision} in {exchanges} exchanges:");
        assert!(diagram.starts_with(&title), "{diagram}");
        // A head each way, whose number is that of its exchange.
        let heads = diagram
            .lines()
            .filter(|line| line.contains('─') && line.contains(['▶', '◀']));
        assert_eq!(heads.count(), 2 * exchanges, "{diagram}");
        for number in (0x2460..).take(exchanges).filter_map(char::from_u32) {
            assert!(count(&diagram, &[number]) >= 2, "{number}: {diagram}");
        }
        assert_eq!(count(&diagram, &['┄']), events, "{diagram}");
        assert!(
            diagram.contains("│  content-type: application/json"),
            "{diagram}"
        );
        let session = diagram.contains("mcp-session-id: ");
        assert_eq!(session, revision == "2025-11-25", "{diagram}");
        assert_eq!(
            diagram.contains("── ⑦ DELETE /mcp"),
            exchanges == 7,
            "{diagram}"
        );
    }
}

/// The diagram, once the poem was found to be the one it always is.
fn poem_and_diagram(arguments: &[&str]) -> String {
    let shown = recite(arguments);
    let (poem, diagram) = shown.split_once("\n\n").expect("a poem and a diagram");
    let lines: Vec<_> = poem.lines().collect();
    assert_eq!(lines.len(), 4, "{poem}");
    assert!(lines[0].starts_with("Socks for a fox"), "{poem}");
    let widest = diagram.lines().map(|line| line.chars().count()).max();
    assert!(widest.is_some_and(|width| width <= 100), "{diagram}");
    let trailing = diagram.lines().filter(|line| line.ends_with(' ')).count();
    assert_eq!(trailing, 0, "{diagram}");
    diagram.to_owned()
}

/// How many lines have one of these.
fn count(diagram: &str, any: &[char]) -> usize {
    diagram.lines().filter(|line| line.contains(any)).count()
}
