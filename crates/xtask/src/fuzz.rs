//! Guided fuzzing of everything that strangers send (`tests/fuzz`).
//!
//! The coverage marks are a pass of the stable compiler; libFuzzer is linked in by `libfuzzer-sys`.
//! No sanitizer: those need a nightly compiler, and the crates have no unsafe code to watch.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::run::{Repo, run as run_command, say, spawn};
use crate::setup::WASM_TARGET;
use crate::stages::{Counts, StageFailed, Stages};

/// As in `tests/fuzz/src/lib.rs`, with the bytes at most of an input.
const FAMILIES: [(&str, u32); 9] = [
    ("frame", 4_096),
    ("parcel", 4_096),
    ("chunk", 4_096),
    ("record", 4_096),
    ("signal", 4_096),
    ("job", 4_096),
    ("tile", 4_096),
    ("room", 2_048),
    ("node", 2_048),
];

/// What `cargo fuzz` passes too, without its sanitizer.
const MARKS: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1";
/// With a target named, build scripts and macros stay without marks.
const TARGET: &str = "x86_64-unknown-linux-gnu";
/// Inputs of a family that are kept in the tree.
const KEPT_MAX: usize = 60;
/// Memory of a whole run in MiB; one allocation of a decoder has a limit of its own.
const MEMORY_MIB: u32 = 1_024;

/// The profile of the page's node: what both need is built once.
const WASM_PROFILE: &str = "wasm-node";

/// Builds what replays the corpus in wasm.
pub(crate) fn replay_module(repo: &Repo) -> Result<()> {
    let mut cargo = repo.cargo(&["rustc", "-p", "fuzz", "--lib", "--crate-type", "cdylib"]);
    run_command(cargo.args(["--target", WASM_TARGET, "--profile", WASM_PROFILE]))
}

struct Options {
    seconds: u64,
    /// Families; none stands for all.
    only: Vec<String>,
    /// Whether what was found replaces the corpus in the tree.
    keep: bool,
}

fn options(arguments: &[&str]) -> Result<Options> {
    let mut options = Options { seconds: 9 * 60, only: Vec::new(), keep: false };
    let mut arguments = arguments.iter();
    while let Some(&argument) = arguments.next() {
        match argument {
            "--minutes" => {
                let minutes = arguments.next().context("--minutes takes a number")?;
                let minutes: u64 = minutes.parse().context("--minutes takes a number")?;
                options.seconds = minutes * 60;
            }
            "--keep" => options.keep = true,
            name if FAMILIES.iter().any(|(family, _)| *family == name) => {
                options.only.push(name.to_owned());
            }
            other => bail!(
                "fuzz takes --minutes N, --keep and families ({}), not {other}",
                FAMILIES.map(|(name, _)| name).join(", ")
            ),
        }
    }
    Ok(options)
}

pub(crate) fn run(repo: &Repo, stages: &mut Stages, arguments: &[&str]) -> Result<()> {
    let options = options(arguments)?;
    let fuzzer = stages.step("build", || build(repo))?;
    let chosen = FAMILIES.iter().filter(|(name, _)| {
        options.only.is_empty() || options.only.iter().any(|only| only == name)
    });
    let chosen: Vec<_> = chosen.collect();
    let seconds = options.seconds / chosen.len() as u64;
    let mut is_passed = true;
    for &&(family, bytes_max) in &chosen {
        let folders = Folders::of(repo, family)?;
        is_passed &= stages.check(family, || {
            explore(&fuzzer, family, bytes_max, seconds.max(1), &folders)?;
            if options.keep {
                keep(&fuzzer, family, &folders)?;
            }
            Ok(Counts::ONE)
        });
    }
    if is_passed { Ok(()) } else { Err(StageFailed.into()) }
}

fn build(repo: &Repo) -> Result<PathBuf> {
    let folder = repo.target.join("fuzz");
    let mut cargo = repo.cargo(&["build", "--release", "--target", TARGET, "--manifest-path"]);
    cargo.arg("tests/fuzz/guided/Cargo.toml").arg("--target-dir").arg(&folder);
    run_command(cargo.env("RUSTFLAGS", MARKS).env("CARGO_TARGET_DIR", &folder))?;
    Ok(folder.join(TARGET).join("release/guided"))
}

/// Where the inputs of a family are.
struct Folders {
    /// In the tree.
    kept: PathBuf,
    /// All that was found.
    found: PathBuf,
    /// Inputs that failed.
    failed: PathBuf,
    log: PathBuf,
}

impl Folders {
    fn of(repo: &Repo, family: &str) -> Result<Folders> {
        let work = repo.target.join("fuzz");
        let folders = Folders {
            kept: repo.root.join("tests/fuzz/corpus").join(family),
            found: work.join("corpus").join(family),
            failed: work.join("failed").join(family),
            log: work.join(format!("{family}.log")),
        };
        for folder in [&folders.kept, &folders.found, &folders.failed] {
            fs::create_dir_all(folder)?;
        }
        Ok(folders)
    }
}

/// Runs the fuzzer with its words in a file; an unsuccessful end is an error with the last of them.
fn fuzz(fuzzer: &PathBuf, family: &str, folders: &Folders, arguments: &[String]) -> Result<String> {
    let mut command = Command::new(fuzzer);
    command.env("FUZZ_FAMILY", family).args(arguments).stderr(File::create(&folders.log)?);
    let status = spawn(&mut command)?.wait()?;
    let words = String::from_utf8_lossy(&fs::read(&folders.log)?).into_owned();
    if !status.success() {
        let last: Vec<&str> = words.lines().rev().take(30).collect();
        let last: Vec<&str> = last.into_iter().rev().collect();
        bail!(
            "{family}: {status}; the input is in {}\n{}",
            folders.failed.display(),
            last.join("\n")
        );
    }
    Ok(words)
}

fn explore(
    fuzzer: &PathBuf,
    family: &str,
    bytes_max: u32,
    seconds: u64,
    folders: &Folders,
) -> Result<()> {
    let arguments = [
        folders.found.display().to_string(),
        folders.kept.display().to_string(),
        format!("-max_total_time={seconds}"),
        format!("-max_len={bytes_max}"),
        format!("-artifact_prefix={}/", folders.failed.display()),
        format!("-rss_limit_mb={MEMORY_MIB}"),
        "-timeout=5".to_owned(),
        "-print_final_stats=1".to_owned(),
    ];
    let words = fuzz(fuzzer, family, folders, &arguments)?;
    let number = |name: &str| {
        let line = words.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|line| line.trim().parse::<u64>().ok()).unwrap_or(0)
    };
    let executions = number("stat::number_of_executed_units:");
    ensure!(executions > 0, "{family}: nothing was run");
    // `… cov: 1234 ft: …` of the last report.
    let coverage = words
        .lines()
        .rev()
        .find_map(|line| line.split_once(" cov: ")?.1.split(' ').next()?.parse::<u64>().ok());
    say(&format!(
        "{{\"family\":\"{family}\",\"executions\":{executions},\"seconds\":{seconds},\
         \"edges\":{},\"new_inputs\":{},\"peak_mib\":{}}}",
        coverage.unwrap_or(0),
        number("stat::new_units_added:"),
        number("stat::peak_rss_mb:"),
    ));
    Ok(())
}

/// The fewest inputs that reach everything that was reached; some of every length if they are many.
fn keep(fuzzer: &PathBuf, family: &str, folders: &Folders) -> Result<()> {
    let fresh = folders.found.with_extension("kept");
    let _ = fs::remove_dir_all(&fresh);
    fs::create_dir_all(&fresh)?;
    let arguments = [
        "-set_cover_merge=1".to_owned(),
        fresh.display().to_string(),
        folders.kept.display().to_string(),
        folders.found.display().to_string(),
    ];
    fuzz(fuzzer, family, folders, &arguments)?;
    let mut inputs = Vec::new();
    for entry in fs::read_dir(&fresh)? {
        let path = entry?.path();
        inputs.push((fs::metadata(&path)?.len(), path));
    }
    inputs.sort();
    fs::remove_dir_all(&folders.kept)?;
    fs::create_dir_all(&folders.kept)?;
    let step = inputs.len().div_ceil(KEPT_MAX).max(1);
    for (_, path) in inputs.iter().step_by(step) {
        fs::copy(path, folders.kept.join(path.file_name().context("a name")?))?;
    }
    fs::remove_dir_all(&fresh)?;
    Ok(())
}
