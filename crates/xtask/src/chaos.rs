//! Jobs on real processes while a hand of chance kills, stops and closes them (`tests/bin/chaos.rs`).

use std::time::Duration;

use anyhow::{Result, ensure};

use crate::run::{Repo, follow, run as run_command};
use crate::setup;
use crate::stages::{Counts, StageFailed, Stages};
use crate::web::{self, Mode};

/// A run ends by itself; this is for one that does not.
const LIMIT: Duration = Duration::from_secs(24 * 3600);

/// `options` go to the program, which checks them.
pub(crate) fn run(repo: &Repo, stages: &mut Stages, options: &[&str]) -> Result<()> {
    setup::install(repo, stages)?;
    web::build(repo, stages, Mode::Release)?;
    stages.step("build", || {
        let packages = ["-p", "headless", "-p", "millefeuille-server", "-p", "tests"];
        run_command(repo.cargo(&["build", "--release", "--bins"]).args(packages))
    })?;
    let is_passed = stages.check("chaos", || {
        let mut program = repo.program(repo.target.join("release").join("chaos"));
        program.args(options);
        let status = follow(&mut repo.with_products("release", program), LIMIT, |_| {})?;
        ensure!(status.success(), "chaos: {status}");
        Ok(Counts::ONE)
    });
    if is_passed { Ok(()) } else { Err(StageFailed.into()) }
}
