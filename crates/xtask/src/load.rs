//! Load on a real server, as it is shipped (`server/examples/load`).

use std::time::Duration;

use anyhow::{Result, ensure};

use crate::run::{Repo, follow, run as run_command};
use crate::stages::{Counts, StageFailed, Stages};

/// Entering, and a storm, each have a deadline of their own; this is for a program that hangs.
const LIMIT: Duration = Duration::from_secs(30 * 60);

/// `options` go to the program, which checks them.
pub(crate) fn run(repo: &Repo, stages: &mut Stages, options: &[&str]) -> Result<()> {
    stages.step("build", || {
        let packages = ["-p", "millefeuille-server", "--bins", "--example", "load"];
        run_command(repo.cargo(&["build", "--release"]).args(packages))
    })?;
    let is_passed = stages.check("load", || {
        let mut program = repo.program(repo.target.join("release/examples/load"));
        program.args(options);
        let status = follow(&mut repo.with_products("release", program), LIMIT, |_| {})?;
        ensure!(status.success(), "load: {status}");
        Ok(Counts::ONE)
    });
    if is_passed { Ok(()) } else { Err(StageFailed.into()) }
}
