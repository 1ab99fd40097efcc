//! Frames as a sequence diagram: one arrow each, 100 columns at the most.

use std::env;
use std::fmt::Write;
use std::io::{IsTerminal, stdout};

use mcp_proto::rpc::Kind;

use crate::caption::{Frame, Narrator, Step};
/// How many columns lie between the two lifelines.
const ARROW: usize = 46;
/// How many are left for the captions.
const CAPTION: usize = 100 - (INDENT + 1 + ARROW + 1 + 2);
/// Where the client's lifeline is.
const INDENT: usize = 5;

/// Draws what was sent to the right and what was received to the left.
pub fn draw(frames: &[Frame]) -> String {
    let paint = Paint::for_terminal();
    let gap = " ".repeat(ARROW - 9);
    let indent = " ".repeat(INDENT);
    let mut drawing = format!(
        " ┌────────┐{gap}┌────────┐\n │ client │{gap}│ server │\n └───┬────┘{gap}└───┬────┘\n"
    );
    let mut narrator = Narrator::default();
    for step in frames.iter().filter_map(|frame| narrator.describe(frame)) {
        let arrow = paint.arrow(&step);
        let caption = paint.faint(&shorten(&step.caption));
        // Writing to a string never fails.
        let _ = writeln!(drawing, "{indent}│{arrow}│  {caption}");
    }
    drawing + &format!("{indent}┴{}┴\n", " ".repeat(ARROW))
}

/// An arrow with its label at the end where it begins.
fn arrow(step: &Step) -> String {
    let label = format!(" {} ", step.label);
    let rest = "─".repeat(ARROW.saturating_sub(label.chars().count() + 3));
    match step.is_sent {
        true => format!("──{label}{rest}▶"),
        false => format!("◀{rest}{label}──"),
    }
}

fn shorten(text: &str) -> String {
    if text.chars().count() <= CAPTION {
        return text.to_owned();
    }
    let kept: String = text.chars().take(CAPTION - 1).collect();
    kept.trim_end().to_owned() + "…"
}

/// Colours, where somebody sees them.
struct Paint {
    is_on: bool,
}

impl Paint {
    fn for_terminal() -> Self {
        let is_on = stdout().is_terminal() && env::var_os("NO_COLOR").is_none();
        Self { is_on }
    }

    fn arrow(&self, step: &Step) -> String {
        let colour = match step.kind {
            Kind::Request => "36",
            Kind::Notification => "33",
            Kind::Result => "32",
            _ => "31",
        };
        self.with(colour, &arrow(step))
    }

    fn faint(&self, text: &str) -> String {
        self.with("2", text)
    }

    fn with(&self, code: &str, text: &str) -> String {
        match self.is_on {
            true => format!("\x1b[{code}m{text}\x1b[0m"),
            false => text.to_owned(),
        }
    }
}
