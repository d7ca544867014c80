//! The test command: installs what is missing, builds, checks, and runs every test there is.
//!
//! A stage that fails does not keep later ones from running, except those that need what it makes.
//! The last line of stdout is the result: `N passed, N failed`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, bail};

use crate::run::{Repo, follow, run as run_command, say};
use crate::setup::WASM_TARGET;
use crate::stages::{Counts, StageFailed, Stages};
use crate::web::{self, Mode};
use crate::{fuzz, setup, tidy};

/// A test program that runs longer hangs. Chosen: ten times what each takes on two busy cores.
const LIMIT: Duration = Duration::from_secs(30 * 60);

/// The stages in their order, as they can be named on the command line.
const STAGES: [&str; 9] =
    ["fmt", "tidy", "clippy", "build", "unit", "wasm", "page", "types", "e2e"];

/// What the command line asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted<'a> {
    Everything,
    /// One stage, and what it needs.
    Stage(&'a str),
    /// The Rust tests with this in their name.
    Tests(&'a str),
}

impl<'a> Wanted<'a> {
    fn new(filter: Option<&'a str>) -> Wanted<'a> {
        match filter {
            None => Wanted::Everything,
            Some(name) if STAGES.contains(&name) => Wanted::Stage(name),
            Some(name) => Wanted::Tests(name),
        }
    }

    fn includes(self, stage: &str) -> bool {
        match self {
            Wanted::Everything => true,
            Wanted::Stage(name) => {
                let needs_build = matches!(name, "wasm" | "e2e");
                name == stage || (needs_build && stage == "build")
            }
            Wanted::Tests(_) => matches!(stage, "build" | "unit" | "e2e"),
        }
    }

    /// What `cargo test` is told beside its packages.
    fn test_name(self) -> Option<&'a str> {
        match self {
            Wanted::Tests(name) => Some(name),
            _ => None,
        }
    }
}

pub(crate) fn run(repo: &Repo, filter: Option<&str>) -> Result<()> {
    let mut stages = Stages::default();
    run_stages(repo, &mut stages, Wanted::new(filter));
    stages.print();
    let Counts { passed, failed } = stages.total();
    say(&format!("\n{passed} passed, {failed} failed"));
    // Nothing checked is no success: a filter that matches nothing is a mistake.
    if failed == 0 && passed > 0 { Ok(()) } else { Err(StageFailed.into()) }
}

fn run_stages(repo: &Repo, stages: &mut Stages, wanted: Wanted) {
    // A stage whose tool could not be installed says so itself, so a failure here stops nothing.
    let _ = setup::install(repo, stages);
    if wanted.includes("fmt") {
        let cargo = repo.cargo(&["fmt", "--all", "--", "--check"]);
        stages.check("fmt", || passes(cargo));
    }
    if wanted.includes("tidy") {
        stages.check("tidy", || tidy::run(repo).map(|()| Counts::ONE));
    }
    if wanted.includes("clippy") {
        clippy(repo, stages);
    }
    let built = !wanted.includes("build") || build(repo, stages);
    if wanted.includes("unit") {
        let mut cargo = repo.cargo(&["test", "--workspace", "--exclude", "tests"]);
        cargo.arg("--no-fail-fast").args(wanted.test_name());
        stages.check("unit", || counted(repo.with_products("debug", cargo), wanted));
    }
    if wanted.includes("wasm") {
        wasm(repo, stages, wanted, built);
    }
    if wanted.includes("page") {
        page(repo, stages, wanted);
    }
    if wanted.includes("types") {
        types(repo, stages);
    }
    if wanted.includes("e2e") {
        if built {
            let mut cargo = repo.cargo(&["test", "-p", "tests", "--no-fail-fast"]);
            cargo.args(wanted.test_name());
            stages.check("e2e", || counted(repo.with_products("debug", cargo), wanted));
        } else {
            stages.skip("e2e", "the build failed");
        }
    }
}

/// The driver of the page exists twice, and natively only as an empty crate.
fn clippy(repo: &Repo, stages: &mut Stages) {
    let mut cargo = repo.cargo(&["clippy", "--workspace", "--all-targets"]);
    cargo.args(["--", "-D", "warnings"]);
    stages.check("clippy", || passes(cargo));
    for feature in ["node", "kernel"] {
        let mut cargo = repo.cargo(&["clippy", "-p", "browser", "--target", WASM_TARGET]);
        cargo.args(["--no-default-features", "--features", feature, "--", "-D", "warnings"]);
        stages.check(&format!("clippy {feature}"), || passes(cargo));
    }
}

/// Native programs in the dev profile, with the same choice of crates as the tests so that cargo
/// builds everything once; the page as it is shipped, so that its budgets are those of the product.
fn build(repo: &Repo, stages: &mut Stages) -> bool {
    let mut cargo = repo.cargo(&["build", "--workspace", "--all-targets"]);
    let native = stages.step("build", || run_command(&mut cargo)).is_ok();
    let page = web::build(repo, stages, Mode::Release).is_ok();
    native && page
}

/// Pure crates in wasm: the same seeds must give the same bits.
fn wasm(repo: &Repo, stages: &mut Stages, wanted: Wanted, built: bool) {
    let program = repo.root.join("tests/wasm/run.mjs");
    if !program.is_file() {
        stages.skip("wasm", "no tests/wasm/run.mjs");
    } else if !built {
        stages.skip("wasm", "the build failed");
    } else if stages.step("fuzz.wasm", || fuzz::replay_module(repo)).is_ok()
        && stages.step("sim.wasm", || simulator_module(repo)).is_ok()
    {
        let mut node = repo.program("node");
        node.arg(&program);
        stages.check("wasm", || counted(repo.with_products("debug", node), wanted));
    }
}

/// Builds the simulator for wasm: in the page's profile, of which most crates are there already.
fn simulator_module(repo: &Repo) -> Result<()> {
    let mut cargo = repo.cargo(&["build", "-p", "sim", "--no-default-features"]);
    cargo.args(["--example", "wasm", "--target", WASM_TARGET, "--profile", "wasm-node"]);
    run_command(&mut cargo)
}

/// The page's own modules under node's test runner.
fn page(repo: &Repo, stages: &mut Stages, wanted: Wanted) {
    let mut tests = Vec::new();
    test_modules(&repo.root.join("web"), &mut tests);
    if tests.is_empty() {
        stages.skip("page", "no web/**/*.test.js");
        return;
    }
    let mut node = repo.program("node");
    node.args(["--test", "--test-reporter=spec"]).args(tests);
    stages.check("page", || counted(node, wanted));
}

fn test_modules(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && name != "node_modules" {
            test_modules(&path, found);
        } else if name.ends_with(".test.js") || name.ends_with(".test.mjs") {
            found.push(path);
        }
    }
}

/// The JSDoc types of the page, once `web/tsconfig.json` asks for it.
fn types(repo: &Repo, stages: &mut Stages) {
    let config = repo.root.join("web/tsconfig.json");
    if !config.is_file() {
        stages.skip("types", "no web/tsconfig.json");
        return;
    }
    let mut tsc = repo.program(repo.root.join("tests/node_modules/.bin/tsc"));
    tsc.args(["--noEmit", "--project"]).arg(config);
    stages.check("types", || passes(tsc));
}

/// A program that is one test: it passes when it succeeds.
fn passes(mut command: Command) -> Result<Counts> {
    run_command(&mut command).map(|()| Counts::ONE)
}

/// A test runner: its own counts, read from its output as it passes by.
fn counted(mut command: Command, wanted: Wanted) -> Result<Counts> {
    let mut counts = None;
    let status = follow(&mut command, LIMIT, |line| {
        if let Some(more) = Counts::of_line(line) {
            *counts.get_or_insert(Counts::NONE) += more;
        }
    })?;
    // A name may match in another stage.
    let may_be_none = matches!(wanted, Wanted::Tests(_));
    settle(counts.unwrap_or(Counts::NONE), status.success(), may_be_none, || format!("{status}"))
}

/// The counts of a runner that has ended. No test at all is a failure, unless a name was asked for;
/// so is an unsuccessful end without a failed test, such as of a test that does not compile.
fn settle(
    counts: Counts,
    success: bool,
    may_be_none: bool,
    status: impl Fn() -> String,
) -> Result<Counts> {
    match counts {
        Counts::NONE if !success => bail!("{}", status()),
        Counts::NONE if !may_be_none => bail!("not one test ran"),
        Counts { passed, failed: 0 } if !success => {
            say(&format!("error: {} although no test failed", status()));
            Ok(Counts { passed, failed: 1 })
        }
        counts => Ok(counts),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_a_stage_or_a_part_of_a_tests_name() {
        let stages_of = |filter| -> Vec<&str> {
            let wanted = Wanted::new(filter);
            STAGES.into_iter().filter(|stage| wanted.includes(stage)).collect()
        };
        assert_eq!(stages_of(None), STAGES);
        assert_eq!(stages_of(Some("tidy")), ["tidy"]);
        assert_eq!(stages_of(Some("e2e")), ["build", "e2e"]);
        assert_eq!(stages_of(Some("leaf_set")), ["build", "unit", "e2e"]);
        assert_eq!(Wanted::new(Some("leaf_set")).test_name(), Some("leaf_set"));
        assert_eq!(Wanted::new(Some("unit")).test_name(), None);
    }

    #[test]
    fn the_exit_status_has_the_last_word() {
        let check = |(passed, failed), success, expected: Option<(u64, u64)>| {
            let settled = settle(Counts { passed, failed }, success, false, String::new);
            assert_eq!(settled.ok().map(|counts| (counts.passed, counts.failed)), expected);
        };
        check((0, 0), true, None);
        check((0, 0), false, None);
        check((5, 0), true, Some((5, 0)));
        check((5, 2), false, Some((5, 2)));
        check((5, 0), false, Some((5, 1)));
        assert!(settle(Counts::NONE, true, true, String::new).is_ok());
        assert!(settle(Counts::NONE, false, true, String::new).is_err());
    }
}
