//! What a call says while it runs: its progress as a bar that moves, and log messages above it.

use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

use mcp_proto::model::logging::LoggingMessageParams;
use mcp_proto::model::progress::ProgressParams;

use crate::page::plain;

/// How many characters the bar has.
const WIDTH: usize = 30;

/// The standard error while a call runs.
pub struct Live {
    /// Whether a line can be written over; otherwise each report is a line of its own.
    is_terminal: bool,
    /// The bar that stands on the last line; empty when there is none.
    bar: Mutex<String>,
}

impl Live {
    pub fn new(is_terminal: bool) -> Self {
        Self {
            is_terminal,
            bar: Mutex::default(),
        }
    }

    pub fn progress(&self, report: &ProgressParams<'_>) {
        let (done, total) = (report.progress, report.total.filter(|total| *total > 0.0));
        let mut line = match total {
            Some(total) => {
                let filled = (done / total * WIDTH as f64).clamp(0.0, WIDTH as f64) as usize;
                format!("[{:<WIDTH$}] {done}/{total}", "#".repeat(filled))
            }
            None => format!("[{:^WIDTH$}] {done}", "..."),
        };
        if let Some(message) = &report.message {
            line = format!("{line} {}", plain(message).replace('\n', " "));
        }
        let mut bar = self.bar.lock().unwrap_or_else(PoisonError::into_inner);
        let end = if self.is_terminal { "" } else { "\n" };
        self.write(&bar, &format!("{line}{end}"));
        *bar = line;
    }

    pub fn log(&self, message: &LoggingMessageParams<'_>) {
        let text: Option<String> = message.data.decode().ok();
        let text = text.unwrap_or_else(|| message.data.as_str().into());
        let logger = message.logger.as_deref().unwrap_or("server");
        let line = format!("{} {logger}: {text}", message.level);
        let bar = self.bar.lock().unwrap_or_else(PoisonError::into_inner);
        let below = if self.is_terminal { bar.as_str() } else { "" };
        self.write(&bar, &format!("{}\n{below}", plain(&line)));
    }

    /// Takes the bar away.
    pub fn end(&self) {
        let mut bar = self.bar.lock().unwrap_or_else(PoisonError::into_inner);
        self.write(&bar, "");
        bar.clear();
    }

    /// Writes over the bar.
    fn write(&self, bar: &str, text: &str) {
        let over = match self.is_terminal && !bar.is_empty() {
            true => "\r\u{1b}[K",
            false => "",
        };
        let mut stderr = io::stderr();
        // Nobody may be reading it.
        let _ = write!(stderr, "{over}{text}").and_then(|()| stderr.flush());
    }
}
