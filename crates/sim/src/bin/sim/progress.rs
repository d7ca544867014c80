//! The clock and the progress bar.

use std::cell::RefCell;

use indicatif::{ProgressBar, ProgressStyle};

#[expect(clippy::disallowed_types, reason = "a driver; what it measures decides nothing")]
type Moment = std::time::Instant;

/// Seconds of this process.
pub(crate) struct Clock(Moment);

impl Clock {
    pub(crate) fn start() -> Self {
        Clock(Moment::now())
    }

    /// Seconds on a core since the start of the process where the system tells (Linux); else those
    /// on the wall.
    pub(crate) fn seconds(&self) -> f64 {
        let stat = std::fs::read_to_string("/proc/self/schedstat").ok();
        let nanos = stat.and_then(|stat| stat.split_whitespace().next()?.parse::<f64>().ok());
        nanos.map_or_else(|| self.0.elapsed().as_secs_f64(), |nanos| nanos / 1e9)
    }
}

/// A bar on standard error, where that is a terminal.
pub(crate) struct Progress {
    bar: ProgressBar,
    what: RefCell<String>,
}

impl Progress {
    pub(crate) fn new(name: &'static str) -> Self {
        let bar = ProgressBar::new(1).with_prefix(name);
        let style =
            ProgressStyle::with_template("{prefix:>12} {wide_bar} {pos}/{len} {msg} {elapsed}");
        if let Ok(style) = style {
            bar.set_style(style);
        }
        Progress { bar, what: RefCell::default() }
    }

    pub(crate) fn show(&self, what: &str, done: u64, all: u64) {
        if *self.what.borrow() != what {
            self.what.replace(what.to_owned());
            self.bar.set_message(what.to_owned());
        }
        self.bar.set_length(all);
        self.bar.set_position(done);
    }

    pub(crate) fn end(&self) {
        self.bar.finish_and_clear();
    }
}
