//! The stages of a command: their names, durations, and counts of tests.

use std::fmt;
use std::ops::AddAssign;
use std::time::Duration;

use anyhow::Result;

use crate::run::{Stopwatch, say};

/// Tests that passed and failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Counts {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
}

impl Counts {
    /// Work that is no test.
    pub(crate) const NONE: Counts = Counts { passed: 0, failed: 0 };
    /// A check that passed.
    pub(crate) const ONE: Counts = Counts { passed: 1, failed: 0 };

    /// The counts in one line of a test runner's output, where it has some: `cargo test` prints a
    /// sum per binary, node's runner one `pass` and one `fail` line at its end.
    pub(crate) fn of_line(line: &str) -> Option<Counts> {
        if let Some(sums) = line.strip_prefix("test result: ") {
            let passed = last_number(sums.split_once(" passed;")?.0)?;
            let failed = last_number(sums.split_once(" failed;")?.0)?;
            return Some(Counts { passed, failed });
        }
        let sum = line.strip_prefix("# ").or_else(|| line.strip_prefix("ℹ "))?;
        let (what, number) = sum.split_once(' ')?;
        match (what, number.trim().parse().ok()?) {
            ("pass", passed) => Some(Counts { passed, failed: 0 }),
            ("fail", failed) => Some(Counts { passed: 0, failed }),
            _ => None,
        }
    }
}

fn last_number(text: &str) -> Option<u64> {
    text.rsplit(' ').next()?.parse().ok()
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Counts) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

/// The error of a stage that has already said what went wrong.
#[derive(Debug)]
pub(crate) struct StageFailed;

impl fmt::Display for StageFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a stage failed; its error is above")
    }
}

impl std::error::Error for StageFailed {}

struct Row {
    name: String,
    elapsed: Option<Duration>,
    counts: Counts,
    note: String,
}

/// The stages of one command in the order they ran.
#[derive(Default)]
pub(crate) struct Stages {
    rows: Vec<Row>,
}

impl Stages {
    /// Runs a stage that others build on: its value, or [`StageFailed`].
    pub(crate) fn step<T>(&mut self, name: &str, body: impl FnOnce() -> Result<T>) -> Result<T> {
        self.timed(name, || body().map(|value| (value, Counts::NONE)))
    }

    /// Runs a stage that is one test or many. A failing one leaves the later stages alone.
    pub(crate) fn check(&mut self, name: &str, body: impl FnOnce() -> Result<Counts>) -> bool {
        self.timed(name, || body().map(|counts| (counts, counts)))
            .is_ok_and(|counts| counts.failed == 0)
    }

    fn timed<T>(&mut self, name: &str, body: impl FnOnce() -> Result<(T, Counts)>) -> Result<T> {
        say(&format!("\n== {name}"));
        let watch = Stopwatch::start();
        let result = body();
        let elapsed = watch.elapsed();
        let counts = match &result {
            Ok((_, counts)) => *counts,
            Err(_) => Counts { passed: 0, failed: 1 },
        };
        if let Err(error) = &result
            && !error.is::<StageFailed>()
        {
            say(&format!("error: {error:#}"));
        }
        let end = if counts.failed == 0 { "done" } else { "FAILED" };
        say(&format!("== {name}: {end} after {:.1} s", elapsed.as_secs_f64()));
        let note = if counts.failed == 0 { "" } else { "FAILED" }.to_owned();
        self.rows.push(Row { name: name.to_owned(), elapsed: Some(elapsed), counts, note });
        match result {
            Ok((value, _)) => Ok(value),
            Err(_) => Err(StageFailed.into()),
        }
    }

    /// Notes a stage that could not run: a failure, since nothing of it was checked.
    pub(crate) fn skip(&mut self, name: &str, why: &str) {
        say(&format!("\n== {name}: skipped, {why}"));
        let note = format!("FAILED: skipped, {why}");
        let counts = Counts { passed: 0, failed: 1 };
        self.rows.push(Row { name: name.to_owned(), elapsed: None, counts, note });
    }

    pub(crate) fn total(&self) -> Counts {
        let mut total = Counts::default();
        for row in &self.rows {
            total += row.counts;
        }
        total
    }

    pub(crate) fn print(&self) {
        let width = self.rows.iter().map(|row| row.name.chars().count()).max().unwrap_or(0).max(5);
        say(&format!("\n{:width$}  {:>8}  {:>7}  {:>7}", "stage", "seconds", "passed", "failed"));
        let mut sum = Duration::ZERO;
        for Row { name, elapsed, counts, note } in &self.rows {
            sum += elapsed.unwrap_or_default();
            let seconds = elapsed.map_or("-".into(), |time| format!("{:.1}", time.as_secs_f64()));
            let count = |n: u64| if n == 0 { "-".into() } else { n.to_string() };
            let (passed, failed) = (count(counts.passed), count(counts.failed));
            let line = format!("{name:width$}  {seconds:>8}  {passed:>7}  {failed:>7}  {note}");
            say(line.trim_end());
        }
        say(&format!("{:width$}  {:>8.1}", "in all", sum.as_secs_f64()));
    }
}

#[cfg(test)]
mod tests {
    use anyhow::bail;

    use super::*;

    #[test]
    fn counts_come_from_the_runners_sums() {
        let check = |line: &str, passed, failed| {
            assert_eq!(Counts::of_line(line), Some(Counts { passed, failed }), "{line}");
        };
        check("test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 3 filtered out", 12, 0);
        check("test result: FAILED. 5 passed; 2 failed; 0 ignored; 0 measured", 5, 2);
        check("# pass 7", 7, 0);
        check("# fail 3", 0, 3);
        check("ℹ pass 7", 7, 0);
        check("ℹ fail 0", 0, 0);
        check("test result: ok. 0 passed; 0 failed; 0 ignored; 9 filtered out", 0, 0);
        let talk = ["# pass the salt", "# tests 7", "test a ... ok", "test result: unknown", ""];
        assert_eq!(talk.map(Counts::of_line), [None; 5]);
    }

    #[test]
    fn a_failed_step_counts_and_is_not_repeated() {
        let mut stages = Stages::default();
        let error = stages.step("bad", || -> Result<()> { bail!("no") }).unwrap_err();
        assert!(error.is::<StageFailed>());
        assert!(stages.check("good", || Ok(Counts::ONE)));
        assert!(!stages.check("some", || Ok(Counts { passed: 3, failed: 1 })));
        stages.skip("none", "nothing to run");
        assert_eq!(stages.total(), Counts { passed: 4, failed: 3 });
    }
}
