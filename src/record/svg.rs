//! Writes a diagram as SVG: lines, arrow heads and texts, nothing else.
//!
//! Rules of this file: what a peer sent is text and nothing but text; the colours are those of the reader's theme where
//! there is one.

use alloc::format;
use alloc::string::String;

use super::diagram::{Diagram, Row, Shape, millis};

const WIDTH: usize = 760;
/// Where the lifelines are.
const LEFT: usize = 110;
const RIGHT: usize = 740;
/// How far two rows lie apart.
const ROW: usize = 30;
/// Where the first row is.
const TOP: usize = 60;

impl Diagram {
    /// Returns it as an SVG image, which stands by itself and needs no font in particular.
    pub fn svg(&self) -> String {
        drawing(self)
    }
}

fn drawing(diagram: &Diagram) -> String {
    let height = TOP + diagram.rows.len() * ROW;
    let mut drawing = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
         font-family=\"ui-monospace, monospace\" font-size=\"12\">\n\
         <style>text {{ fill: #222 }} line {{ stroke: #666 }} path {{ fill: #666 }} .faint {{ fill: #888 }}\n\
         @media (prefers-color-scheme: dark) {{ text {{ fill: #ddd }} line {{ stroke: #999 }} \
         path {{ fill: #999 }} .faint {{ fill: #888 }} }}</style>\n"
    );
    drawing += &text(LEFT, 20, "middle", "", &diagram.peer);
    drawing += &text(RIGHT - 20, 20, "end", "", &diagram.name);
    for x in [LEFT, RIGHT] {
        drawing += &line(x, 30, x, height);
    }
    for (place, row) in diagram.rows.iter().enumerate() {
        drawing += &of_row(row, TOP + place * ROW);
    }
    drawing + "</svg>\n"
}

fn of_row(row: &Row, y: usize) -> String {
    let time = format!("{:.3} ms", millis(row.after));
    let time = text(LEFT - 10, y, "end", "faint", &time);
    let above = y - 6;
    match row.shape {
        Shape::Received => {
            time + &text(LEFT + 14, above, "start", "", &row.label)
                + &line(LEFT, y, RIGHT, y)
                + &head(RIGHT, y, true)
        }
        Shape::Sent => {
            time + &text(RIGHT - 14, above, "end", "", &row.label)
                + &line(LEFT, y, RIGHT, y)
                + &head(LEFT, y, false)
        }
        Shape::Note => time + &text(LEFT.midpoint(RIGHT), y, "middle", "faint", &row.label),
    }
}

fn line(x1: usize, y1: usize, x2: usize, y2: usize) -> String {
    format!("<line x1=\"{x1}\" y1=\"{y1}\" x2=\"{x2}\" y2=\"{y2}\"/>\n")
}

/// The head of an arrow that ends here.
fn head(x: usize, y: usize, is_to_right: bool) -> String {
    let back = match is_to_right {
        true => x - 8,
        false => x + 8,
    };
    format!(
        "<path d=\"M{x} {y} L{back} {} L{back} {} Z\"/>\n",
        y - 4,
        y + 4
    )
}

fn text(x: usize, y: usize, anchor: &str, class: &str, text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            other => escaped.push(other),
        }
    }
    format!(
        "<text x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\" class=\"{class}\">{escaped}</text>\n"
    )
}
