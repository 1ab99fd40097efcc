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
        let shown = recite(arguments);
        let (poem, diagram) = shown.split_once("\n\n").expect("a poem and a diagram");
        let lines: Vec<_> = poem.lines().collect();
        assert_eq!(lines.len(), 4, "{poem}");
        assert!(lines[0].starts_with("Socks for a fox"), "{poem}");
        assert!(
            diagram.starts_with(&format!("{frames} frames of {revision}:")),
            "{diagram}"
        );
        let arrows = diagram.lines().filter(|line| line.contains(['▶', '◀']));
        assert_eq!(arrows.count(), frames, "{diagram}");
        let widest = diagram.lines().map(|line| line.chars().count()).max();
        assert!(widest.is_some_and(|width| width <= 100), "{diagram}");
    }
}
