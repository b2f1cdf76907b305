//! Progress bars, on standard error and on a terminal only.
//!
//! Promises to print nothing at all elsewhere: not in a pipe, a file or a log.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar, or nothing.
#[derive(Debug)]
pub(crate) struct Bar(ProgressBar);

impl Bar {
    /// How often a bar is worth moving.
    pub(crate) const INTERVAL: Duration = Duration::from_millis(100);

    /// A bar over so many bytes of a file.
    pub(crate) fn bytes(total: u64) -> Self {
        Self::new(total, "{bar:40} {percent:>3} % of {total_bytes}, {eta} left")
    }

    /// A count of things whose number is not known.
    pub(crate) fn spinner() -> Self {
        Self::new(0, "{spinner} {pos} records, {per_sec}")
    }

    fn new(total: u64, template: &str) -> Self {
        if !std::io::stderr().is_terminal() {
            return Self(ProgressBar::hidden());
        }
        let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
        let style = ProgressStyle::with_template(template);
        Self(bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar())))
    }

    /// Moves the bar.
    pub(crate) fn at(&self, position: u64) {
        self.0.set_position(position);
    }

    /// Takes the bar away.
    pub(crate) fn finish(&self) {
        self.0.finish_and_clear();
    }
}
