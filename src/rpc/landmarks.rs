//! What a scan of a long frame has come across that spares whoever reads it later a second look: where
//! objects end that may be long, and a long run of a string in which nothing needs a look.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::span::Span;

/// From this length on a frame or a run is long.
pub(super) const LONG: usize = 4096;
/// From this length on an object is one, so that they take an eighth of the frame's length at most.
const LONG_OBJECT: usize = 8 * size_of::<Span>();

/// The landmarks of a frame, if it has any. They say nothing that the frame doesn't, so that what differs
/// in them alone is the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct Landmarks(Option<Arc<Found>>);

#[derive(Debug)]
struct Found {
    run: Span,
    objects: Vec<Span>,
}

impl Landmarks {
    /// Those of a long frame, given the longest run that was found.
    #[inline(never)]
    pub(super) fn new(run: Span, objects: Vec<Span>) -> Self {
        let run = match run.range().len() {
            LONG.. => run,
            _ => Span::NONE,
        };
        let has_any = run.is_some() || !objects.is_empty();
        Self(has_any.then(|| Arc::new(Found { run, objects })))
    }

    /// The longest run in a string that is ASCII and has neither quotes nor escapes, if one is long.
    pub(super) fn run(&self) -> Span {
        self.0.as_ref().map_or(Span::NONE, |found| found.run)
    }

    /// Long objects of one depth, by ascending start.
    pub(crate) fn objects(&self) -> &[Span] {
        self.0.as_ref().map_or(&[], |found| &found.objects)
    }
}

impl PartialEq for Landmarks {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// Notes an object of a frame of this length among those found so far.
#[inline(never)]
pub(super) fn note(objects: &mut Vec<Span>, object: Span, frame: usize) {
    if object.range().len() < LONG_OBJECT {
        return;
    }
    if objects.is_empty() {
        // Most are several times as long.
        objects.reserve_exact(frame / (4 * LONG_OBJECT));
    }
    objects.push(object);
}
