//! A recording as a sequence diagram: two lifelines, an arrow for each frame, a note for whatever else happened.
//!
//! Rules of this file: a row is as wide as the drawing, whatever a peer sent; of a frame its kind, id, method and name are
//! shown, nothing of its contents.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;

use crate::limits::Limits;
use crate::model::Peek;
use crate::rpc::Kind;

use super::entry::{Entry, Happened};

/// How many columns lie between the two lifelines.
pub(super) const SPAN: usize = 56;

/// A sequence diagram, as text or as SVG.
#[derive(Clone, Debug)]
pub struct Diagram {
    pub(super) peer: String,
    pub(super) name: String,
    pub(super) rows: Vec<Row>,
}

/// Something that happened, as it is drawn.
#[derive(Clone, Debug)]
pub(super) struct Row {
    /// Since the first one.
    pub(super) after: Duration,
    pub(super) shape: Shape,
    pub(super) label: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// An arrow from the peer.
    Received,
    /// An arrow to the peer.
    Sent,
    /// No arrow.
    Note,
}

impl Diagram {
    pub(super) fn of(entries: &[Entry], peer: &str, name: &str) -> Self {
        let first = entries.first().map(|entry| entry.at).unwrap_or_default();
        let rows = entries.iter().filter_map(|entry| {
            let (shape, label) = drawn(&entry.happened)?;
            Some(Row {
                after: entry.at - first,
                shape,
                label: shortened(&label, SPAN - 6),
            })
        });
        Self {
            peer: shortened(peer, 20),
            name: shortened(name, 20),
            rows: rows.collect(),
        }
    }

    /// Returns it as text, a line for each thing that happened, with the time since the first in
    /// milliseconds.
    pub fn text(&self) -> String {
        let Self { peer, name, rows } = self;
        let gap = (SPAN + 2).saturating_sub(peer.chars().count());
        let mut drawing = format!("{:>9}  {peer}{}{name}\n", "ms", " ".repeat(gap));
        for row in rows {
            let between = match row.shape {
                Shape::Received => format!("── {} {}▶", row.label, line(&row.label, "─")),
                Shape::Sent => format!("◀{} {} ──", line(&row.label, "─"), row.label),
                Shape::Note => format!("   {} {} ", row.label, line(&row.label, " ")),
            };
            drawing += &format!("{:>9.3}  │{between}│\n", millis(row.after));
        }
        drawing
    }
}

/// What fills a row up beside its label.
fn line(label: &str, dash: &str) -> String {
    dash.repeat(SPAN.saturating_sub(label.chars().count() + 5))
}

pub(super) fn millis(after: Duration) -> f64 {
    after.as_secs_f64() * 1000.0
}

/// What an entry is drawn as; events and commands show by what they lead to.
fn drawn(happened: &Happened) -> Option<(Shape, String)> {
    Some(match happened {
        Happened::Received { frame, .. } => (Shape::Received, of_frame(frame)),
        Happened::Sent { frame, .. } => (Shape::Sent, of_frame(frame)),
        Happened::Malformed { error, .. } => (Shape::Received, error.to_string()),
        Happened::Closed { why, .. } => (Shape::Note, why.to_string()),
        Happened::Timeout => (Shape::Note, "the time has come".into()),
        Happened::Suspended => (Shape::Note, "the clocks stand still".into()),
        Happened::Resumed => (Shape::Note, "the clocks run on".into()),
        Happened::Missing(entries) => (Shape::Note, format!("{entries} entries are missing")),
        Happened::Event | Happened::Command(_) => return None,
    })
}

/// What a frame is, in a few words.
fn of_frame(frame: &[u8]) -> String {
    let Ok(peek) = Peek::new(frame, &Limits::default()) else {
        return format!("{} bytes that are no message", frame.len());
    };
    let id = peek.id.map(|id| id.to_string()).unwrap_or_default();
    let method = peek.method.as_deref().unwrap_or_default();
    let name = peek.name.as_deref().unwrap_or_default();
    let label = match peek.kind {
        Kind::Request => format!("{method} {name} #{id}"),
        Kind::Notification => format!("{method} {name}"),
        Kind::Result => format!("result #{id}"),
        _ => format!("error #{id}"),
    };
    label.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// At most so many characters, none of which is a control.
fn shortened(text: &str, longest: usize) -> String {
    let mut shown: String = text
        .chars()
        .take(longest)
        .map(|it| if it.is_control() { '·' } else { it })
        .collect();
    if text.chars().nth(longest).is_some() {
        shown.pop();
        shown.push('…');
    }
    shown
}
