//! Puts text into a source file without taking any away, and keeps account of where it is then.

use std::ops::Range;

use serde::Serialize;

/// What one mutant wants added around a piece of the source.
pub struct Insertion {
    pub id: u32,
    /// The piece: bytes of the source.
    pub around: Range<usize>,
    pub before: String,
    pub after: &'static str,
    /// Where the compiler complains of what the mutant does, in bytes of the source.
    pub extent: Range<usize>,
}

/// Text that was added, and whose it is: bytes of the new text.
#[derive(Serialize)]
pub struct Added {
    pub id: u32,
    file: String,
    text: Range<usize>,
    extent: Range<usize>,
}

/// Returns the new text and what was added to it. Pieces are nested as the nodes of a syntax tree are; of those around
/// the same piece the first is the outermost.
pub fn insert(file: &str, text: &str, insertions: Vec<Insertion>) -> (String, Vec<Added>) {
    // Where each goes: what ends goes before what begins there, the innermost ends first, the outermost begins first.
    let mut cuts = Vec::new();
    for (index, one) in insertions.iter().enumerate() {
        let (start, end) = (one.around.start, one.around.end);
        let turn = isize::try_from(index).unwrap_or(isize::MAX);
        // What is around nothing stands before all that begins there.
        let size = if start == end { usize::MAX } else { end };
        cuts.push((
            start,
            1,
            usize::MAX - size,
            turn,
            one.before.as_str(),
            index,
        ));
        if !one.after.is_empty() {
            cuts.push((end, 0, usize::MAX - start, -turn, one.after, index));
        }
    }
    cuts.sort_unstable();
    let mut new = String::with_capacity(text.len() * 2);
    let mut ranges = Vec::new();
    let mut done = 0;
    // How far a byte of the source has moved, in order.
    let mut moved = vec![(0, 0)];
    for (at, _, _, _, added, index) in cuts {
        new.push_str(&text[done..at]);
        done = at;
        ranges.push((index, new.len()..new.len() + added.len()));
        new.push_str(added);
        moved.push((at, new.len() - at));
    }
    new.push_str(&text[done..]);
    let now = |byte: usize| {
        let next = moved.partition_point(|(at, _)| *at <= byte);
        byte + moved[next - 1].1
    };
    let added = ranges.into_iter().map(|(index, text)| Added {
        id: insertions[index].id,
        file: file.to_owned(),
        text,
        extent: now(insertions[index].extent.start)..now(insertions[index].extent.end),
    });
    (new, added.collect())
}
