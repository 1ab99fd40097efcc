//! What has passed as a sequence diagram, 100 columns at the most.

use std::env;
use std::fmt::Write;
use std::io::{IsTerminal, stdout};

use mcp_proto::client::Direction;
use mcp_proto::rpc::Kind;
use mcp_proto::session::ExchangeId;

use crate::caption::{Narrator, Step};
use crate::passed::Passed;

/// How many columns lie between the two lifelines.
const ARROW: usize = 46;
/// How many are left for the captions.
const CAPTION: usize = 100 - (INDENT + 1 + ARROW + 1 + 2);
/// Where the client's lifeline is.
const INDENT: usize = 5;

/// Draws what was sent to the right and what was received to the left. Over HTTP a line with an arrow
/// is the head of a request or a response, a dotted one an event of a stream; the number is that of
/// the exchange.
pub fn draw(passed: &[Passed]) -> String {
    let paint = Paint::for_terminal();
    let gap = " ".repeat(ARROW - 9);
    let indent = " ".repeat(INDENT);
    let mut drawing = format!(
        " ┌────────┐{gap}┌────────┐\n │ client │{gap}│ server │\n └───┬────┘{gap}└───┬────┘\n"
    );
    let mut narrator = Narrator::default();
    for passed in passed {
        let Some((line, caption)) = row(passed, &mut narrator, &paint) else {
            continue;
        };
        let caption = match &*caption {
            "" => String::new(),
            caption => format!("  {}", paint.faint(&shorten(caption, CAPTION))),
        };
        // Writing to a string never fails.
        let _ = writeln!(drawing, "{indent}│{line}│{caption}");
    }
    drawing + &format!("{indent}┴{}┴\n", " ".repeat(ARROW))
}

/// What stands between the two lifelines, and beside them.
fn row(passed: &Passed, narrator: &mut Narrator, paint: &Paint) -> Option<(String, String)> {
    Some(match passed {
        Passed::Frame(frame) => {
            let step = narrator.describe(frame)?;
            let line = arrow(step.is_sent, &step.label, "─");
            (paint.step(&step, &line), step.caption)
        }
        Passed::Head(direction, exchange, line) => {
            let label = format!("{} {line}", circled(*exchange));
            let is_sent = *direction == Direction::Sent;
            (paint.strong(&arrow(is_sent, &label, "─")), String::new())
        }
        Passed::Header(direction, field) => {
            let line = beside(*direction == Direction::Sent, field);
            (paint.faint(&line), String::new())
        }
        Passed::Body(frame) => {
            let step = narrator.describe(frame)?;
            let line = beside(step.is_sent, &step.label);
            (paint.step(&step, &line), step.caption)
        }
        Passed::Event(exchange, Some(frame)) => {
            let step = narrator.describe(frame)?;
            let label = format!("{} {}", circled(*exchange), step.label);
            let line = arrow(step.is_sent, &label, "┄");
            (paint.step(&step, &line), step.caption)
        }
        Passed::Event(exchange, None) => {
            let label = format!("{} an id", circled(*exchange));
            let why = "from where to resume, if it breaks".to_owned();
            (paint.faint(&arrow(false, &label, "┄")), why)
        }
    })
}

/// An arrow with its label at the end where it begins.
fn arrow(is_sent: bool, label: &str, dash: &str) -> String {
    let label = shorten(label, ARROW - 6);
    let rest = dash.repeat(ARROW.saturating_sub(label.chars().count() + 5));
    match is_sent {
        true => format!("{dash}{dash} {label} {rest}▶"),
        false => format!("◀{rest} {label} {dash}{dash}"),
    }
}

/// A text at the side of the one who says it.
fn beside(is_sent: bool, text: &str) -> String {
    let text = shorten(text, ARROW - 3);
    let rest = " ".repeat(ARROW.saturating_sub(text.chars().count() + 2));
    match is_sent {
        true => format!("  {text}{rest}"),
        false => format!("{rest}{text}  "),
    }
}

/// ① to ⑳, and the number itself from there.
fn circled(exchange: ExchangeId) -> String {
    let number = exchange.number();
    match u32::try_from(number) {
        Ok(one_digit @ 1..=20) => char::from_u32(0x245F + one_digit)
            .unwrap_or('·')
            .to_string(),
        _ => number.to_string(),
    }
}

fn shorten(text: &str, longest: usize) -> String {
    if text.chars().count() <= longest {
        return text.to_owned();
    }
    let kept: String = text.chars().take(longest - 1).collect();
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

    fn step(&self, step: &Step, line: &str) -> String {
        let colour = match step.kind {
            Kind::Request => "36",
            Kind::Notification => "33",
            Kind::Result => "32",
            _ => "31",
        };
        self.with(colour, line)
    }

    fn strong(&self, text: &str) -> String {
        self.with("1", text)
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
