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

/// Those that were found so far.
#[derive(Debug, Default)]
pub(super) struct Found {
    run: Span,
    objects: Vec<Span>,
}

impl Landmarks {
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

impl Found {
    /// Notes an object of a frame of this length.
    #[inline(never)]
    pub(super) fn note(&mut self, object: Span, frame: usize) {
        if object.range().len() < LONG_OBJECT {
            return;
        }
        if self.objects.is_empty() {
            // Most are several times as long.
            self.objects.reserve_exact(frame / (4 * LONG_OBJECT));
        }
        self.objects.push(object);
    }

    /// The landmarks that these are, with the longest run that was found.
    #[inline]
    pub(super) fn with_run(self, run: Span) -> Landmarks {
        match run.range().len() {
            LONG.. => Landmarks(Some(Arc::new(Self { run, ..self }))),
            _ if self.objects.is_empty() => Landmarks(None),
            _ => Landmarks(Some(Arc::new(self))),
        }
    }
}
