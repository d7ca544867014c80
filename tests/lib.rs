//! Real processes for the whole-system tests: the server, native peers, browsers.
//!
//! Nothing here sleeps: every wait is for an event with a deadline, and a deadline that passes is
//! an error that says what was awaited and what came instead. Everything started here ends with
//! its guard.
#![expect(clippy::disallowed_types, reason = "deadlines of tests; nothing here is the product")]

mod browser;
mod native;
mod picture;
mod process;
mod site;
mod tiles;

pub use browser::{Browser, Engine, Page};
pub use native::{
    Detached, GENTLY, Peer, Server, alone, detach, frames_alone, job_list, render, render_at, watch,
};
pub use picture::{Picture, assert_same};
pub use process::{Lines, Polled, Process};
pub use site::Site;
pub use tiles::{RandomTile, random_small_view, random_tiles};

use std::path::PathBuf;
use std::time::Duration;

/// How long any single event may take on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(240);

/// How long a whole job may take on a busy machine.
pub const JOB_PATIENCE: Duration = Duration::from_secs(600);

/// A file that the test command built, by its environment variable, or where a plain build puts it.
fn built(variable: &str, fallback: &str) -> PathBuf {
    std::env::var_os(variable).map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").join(fallback),
        PathBuf::from,
    )
}

/// A folder for this test's files, fresh and removed with the guard.
#[derive(Debug)]
pub struct Scratch(PathBuf);

impl Scratch {
    /// A new folder below the system's temporary one.
    ///
    /// # Errors
    /// When it cannot be created.
    pub fn new(name: &str) -> anyhow::Result<Self> {
        let path = std::env::temp_dir().join(format!("millefeuille-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path)?;
        Ok(Scratch(path))
    }

    /// A path in it.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What is left behind is in the temporary folder; failing here would hide the test's end.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    /// A path that holds a slash, and then the names of tests in it.
    #[test]
    fn every_test_that_the_table_of_hostile_inputs_names_exists() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let table = std::fs::read_to_string(root.join("tests/HOSTILE.md")).expect("the table");
        let (mut source, mut count) = (String::new(), 0);
        for row in table.lines().filter(|line| line.starts_with('|')) {
            for word in row.split('`').skip(1).step_by(2) {
                if word.contains('/') {
                    source = std::fs::read_to_string(root.join(word)).expect(word);
                } else {
                    assert!(source.contains(&format!("fn {word}(")), "there is no test {word}");
                    count += 1;
                }
            }
        }
        assert!(count > 30, "{count} tests are named");
    }
}
