//! `cargo xtask …`: everything that builds, runs and checks Millefeuille.
//!
//! One file per command. No command needs another tool than cargo, rustup and, for tests, what
//! `setup` installs. A rule that a machine can check lives in `tidy`, not in review.

mod bench;
mod chaos;
mod demo;
mod fuzz;
mod load;
mod release;
mod run;
mod setup;
mod stages;
mod supply;
mod test;
mod tidy;
mod web;

use std::process::ExitCode;

use anyhow::{Result, bail};

use run::Repo;
use stages::{Counts, StageFailed, Stages};
use web::Mode;

const HELP: &str = "\
Usage: cargo xtask COMMAND

  web [--release|--dev]            build the page into target/web; --dev is quick, large and unchecked
  demo [--once] [--listen ADDR]    build, start a server and three peers, render a picture, serve the page
  test [FILTER]                    everything that is checked; FILTER is a stage or part of a test's name
  ci                               the same as test, without a filter
  tidy                             crate walls, allowed dependencies, bans in pure crates; licences,
                                   banned crates and least versions of everything
  bench [SECTION…]                 measured ratios: kernel, deep, codec, link, route, trace, grid
  chaos [--minutes N] [--peers N] [--tabs N] [--seed S]   jobs while peers are killed, stopped, closed
  chaos --owners N [--peers N] [--tabs N]   only owners of jobs are killed, until so many are
  load [idle] [relay] [storm] [--peers N]   thousands of clients at a real server
  fuzz [--minutes N] [--keep] [FAMILY…]     bytes that reach new code; --keep renews tests/fuzz/corpus
  release                          static programs, page and list of parts in target/release-linux
  sbom                             the list of parts alone
  setup                            install what the tests need: chromium, firefox-esr, node, wasm target
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match command(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            if !error.is::<StageFailed>() {
                eprintln!("error: {error:#}");
            }
            ExitCode::FAILURE
        }
    }
}

fn command(args: &[&str]) -> Result<()> {
    let repo = Repo::find()?;
    run::stop_on_signals()?;
    match args {
        [] | ["help" | "--help" | "-h", ..] => print!("{HELP}"),
        ["web"] | ["web", "--release"] => {
            staged(|stages| passed(web::build(&repo, stages, Mode::Release)?))?
        }
        ["web", "--dev"] => staged(|stages| passed(web::build(&repo, stages, Mode::Dev)?))?,
        ["demo", options @ ..] => {
            let options = demo::Options::parse(options)?;
            staged(|stages| demo::run(&repo, stages, &options))?;
        }
        ["test" | "ci"] => test::run(&repo, None)?,
        ["test", filter] if !filter.starts_with('-') => test::run(&repo, Some(filter))?,
        ["tidy"] => staged(|stages| {
            passed(stages.check("tidy", || tidy::run(&repo).map(|()| Counts::ONE)))
        })?,
        ["bench", sections @ ..] => staged(|stages| bench::run(&repo, stages, sections))?,
        ["chaos", options @ ..] => staged(|stages| chaos::run(&repo, stages, options))?,
        ["load", options @ ..] => staged(|stages| load::run(&repo, stages, options))?,
        ["fuzz", options @ ..] => staged(|stages| fuzz::run(&repo, stages, options))?,
        ["release"] => staged(|stages| release::run(&repo, stages))?,
        ["sbom"] => release::list_parts(&repo, &repo.target.join("release-linux"))?,
        ["setup"] => staged(|stages| setup::install(&repo, stages))?,
        _ => bail!("unknown: cargo xtask {}\n\n{HELP}", args.join(" ")),
    }
    Ok(())
}

fn passed(is_passed: bool) -> Result<()> {
    if is_passed { Ok(()) } else { Err(StageFailed.into()) }
}

/// Runs a command's stages and prints their table, also after a failure.
fn staged(body: impl FnOnce(&mut Stages) -> Result<()>) -> Result<()> {
    let mut stages = Stages::default();
    let result = body(&mut stages);
    stages.print();
    result
}
