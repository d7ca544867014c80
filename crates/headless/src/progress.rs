//! How far a render is, for people: a bar on a terminal, a line now and then elsewhere.

use std::io::IsTerminal as _;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

const BAR: &str = "{bar:32} {percent:>3}%  {pos}/{len} tiles  {per_sec}  ETA {eta}  {msg}";
const WAITING: &str = "{spinner} {msg}";

/// The bar, or what stands for it. Clones share the bar.
#[derive(Clone, Debug)]
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
    is_quiet: bool,
    tasks: u64,
    done: u64,
}

impl Progress {
    /// Nothing is known yet.
    pub(crate) fn new(is_quiet: bool) -> Self {
        let is_drawn = !is_quiet && std::io::stderr().is_terminal();
        let bar = is_drawn.then(|| {
            let style = ProgressStyle::with_template(WAITING).expect("a template of ours");
            let bar = ProgressBar::new_spinner().with_style(style);
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        });
        Progress { bar, is_quiet, tasks: 0, done: 0 }
    }

    /// What is waited for.
    pub(crate) fn waiting(&self, what: &str) {
        match &self.bar {
            Some(bar) => bar.set_message(what.to_owned()),
            None if !self.is_quiet => eprintln!("{what}"),
            None => {}
        }
    }

    /// The work begins, or goes on.
    pub(crate) fn begin(&mut self, tasks: u32) {
        self.tasks = tasks.into();
        if let Some(bar) = &self.bar {
            bar.set_style(ProgressStyle::with_template(BAR).expect("a template of ours"));
            bar.set_length(self.tasks);
            bar.set_message("");
            bar.reset();
            bar.set_position(self.done);
        }
    }

    /// One more task is done.
    pub(crate) fn advance(&mut self) {
        let tenth = |done: u64| done * 10 / self.tasks.max(1);
        let (before, after) = (tenth(self.done), tenth(self.done + 1));
        self.done += 1;
        match &self.bar {
            Some(bar) => bar.inc(1),
            None if before != after && !self.is_quiet => {
                eprintln!("{} % ({} of {} tiles)", after * 10, self.done, self.tasks);
            }
            None => {}
        }
    }

    /// One task is not done after all.
    pub(crate) fn retreat(&mut self) {
        self.done = self.done.saturating_sub(1);
        if let Some(bar) = &self.bar {
            bar.set_position(self.done);
        }
    }

    /// So many peers work on it.
    pub(crate) fn peers(&self, count: u16) {
        if let Some(bar) = &self.bar {
            bar.set_message(if count == 1 { "1 peer".into() } else { format!("{count} peers") });
        }
    }

    /// Something worth a line.
    pub(crate) fn say(&self, what: &str) {
        match &self.bar {
            Some(bar) => bar.println(what),
            None if !self.is_quiet => eprintln!("{what}"),
            None => {}
        }
    }

    /// Nothing more to see.
    pub(crate) fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
