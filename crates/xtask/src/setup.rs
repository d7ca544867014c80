//! Installs what building and testing need and a machine with only Rust lacks.
//!
//! Looks first and installs only what is missing, so a second run takes no time and needs no network.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use crate::run::{Repo, find_program, read, run, succeeds};
use crate::stages::Stages;

/// What runs the tools that make the page smaller: package and program.
const NODE: [(&str, &str); 2] = [("nodejs", "node"), ("npm", "npm")];
/// Debian package, and the program that shows that it is there.
const PACKAGES: [(&str, &str); 5] = [
    ("chromium", "chromium"),
    ("firefox-esr", "firefox-esr"),
    ("nodejs", "node"),
    ("npm", "npm"),
    ("procps", "kill"),
];

pub(crate) const WASM_TARGET: &str = "wasm32-unknown-unknown";

/// Every part as a stage of its own, so that it is seen which one takes time.
pub(crate) fn install(repo: &Repo, stages: &mut Stages) -> Result<()> {
    stages.step("setup: rust", || rust_parts(repo))?;
    stages.step("setup: packages", || packages(repo, &PACKAGES))?;
    stages.step("setup: node modules", || node_modules(repo))
}

/// The tools that make the shipped page smaller. They come with those of the tests.
pub(crate) fn page_tools(repo: &Repo) -> Result<()> {
    packages(repo, &NODE)?;
    node_modules(repo)
}

fn rust_parts(repo: &Repo) -> Result<()> {
    rust_target(repo, WASM_TARGET)?;
    for (component, command) in [("rustfmt", "fmt"), ("clippy", "clippy")] {
        if !succeeds(&mut repo.cargo(&[command, "--version"])) {
            run(repo.program("rustup").args(["component", "add", component]))
                .with_context(|| format!("{component} is missing"))?;
        }
    }
    Ok(())
}

/// The standard library for a target. Asks rustc, since a distribution's Rust has it without rustup.
pub(crate) fn rust_target(repo: &Repo, target: &str) -> Result<()> {
    let mut rustc = repo.program("rustc");
    rustc.args(["--print", "target-libdir", "--target", target]);
    let folder = read(&mut rustc)?;
    if Path::new(folder.trim()).is_dir() {
        return Ok(());
    }
    run(repo.program("rustup").args(["target", "add", target]))
        .with_context(|| format!("the target {target} is missing"))
}

/// Installs what is missing of the packages, each with a program that shows that it is there.
pub(crate) fn packages(repo: &Repo, wanted: &[(&str, &str)]) -> Result<()> {
    let missing: Vec<&str> = wanted
        .iter()
        .filter(|(_, program)| find_program(program).is_none())
        .map(|(package, _)| *package)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let by_hand = || format!("missing: {}; install them by hand", missing.join(" "));
    if find_program("apt-get").is_none() {
        bail!(by_hand());
    }
    let apt = |args: &[&str]| {
        let as_root = rustix::process::geteuid().is_root();
        let mut command = repo.program(if as_root { "apt-get" } else { "sudo" });
        if !as_root {
            command.args(["-n", "apt-get"]);
        }
        command.args(args).env("DEBIAN_FRONTEND", "noninteractive");
        run(&mut command)
    };
    apt(&["update"]).with_context(by_hand)?;
    let mut install = vec!["install", "--yes", "--no-install-recommends"];
    install.extend(&missing);
    apt(&install).with_context(by_hand)
}

/// `npm ci` in `tests/`, unless its result is there and of the same lock file.
fn node_modules(repo: &Repo) -> Result<()> {
    let tests = repo.root.join("tests");
    let lock = fs::read(tests.join("package-lock.json")).context("tests/package-lock.json")?;
    let digest = format!("{:02x?}", Sha256::digest(&lock).as_slice());
    let stamp = tests.join("node_modules/.lock-digest");
    if fs::read_to_string(&stamp).is_ok_and(|found| found == digest) {
        return Ok(());
    }
    let mut npm = repo.program("npm");
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(&tests);
    run(&mut npm)?;
    fs::write(&stamp, digest).with_context(|| stamp.display().to_string())
}
