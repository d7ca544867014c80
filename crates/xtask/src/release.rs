//! What is shipped: static programs, the page, the list of parts, in `target/release-linux/`.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::run::{Repo, run as run_command, say};
use crate::stages::{StageFailed, Stages};
use crate::web::{self, Mode};
use crate::{setup, supply};

/// Programs for it need nothing of the machine that they run on.
const TARGET: &str = "x86_64-unknown-linux-musl";
/// Debian package and program: the WebRTC stack brings a library of C, whichever cryptography it uses.
const C_COMPILER: (&str, &str) = ("musl-tools", "x86_64-linux-musl-gcc");
const PROGRAMS: [(&str, &str); 2] =
    [("headless", "millefeuille"), ("millefeuille-server", "millefeuille-server")];

pub(crate) fn run(repo: &Repo, stages: &mut Stages) -> Result<()> {
    let folder = repo.target.join("release-linux");
    stages.step("parts", || list_parts(repo, &folder))?;
    stages.step("tools", || setup::page_tools(repo))?;
    if !web::build(repo, stages, Mode::Release)? {
        return Err(StageFailed.into());
    }
    stages.step("programs", || programs(repo, &folder))?;
    stages.step("page", || {
        let page = folder.join("web");
        let _ = fs::remove_dir_all(&page);
        // Of the image's volume; see `server/deploy/Dockerfile`.
        fs::create_dir_all(folder.join("state"))?;
        copy_folder(&repo.target.join("web"), &page)
    })
}

/// Checks the parts and writes their list.
pub(crate) fn list_parts(repo: &Repo, folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)?;
    let path = folder.join("sbom.cdx.json");
    let count = supply::write_parts(&supply::metadata(repo)?, &path)?;
    say(&format!("{count} parts in {}", repo.short(&path)));
    Ok(())
}

fn programs(repo: &Repo, folder: &Path) -> Result<()> {
    setup::rust_target(repo, TARGET)?;
    setup::packages(repo, &[C_COMPILER])?;
    let mut cargo = repo.cargo(&["build", "--release", "--locked", "--target", TARGET]);
    for (package, _) in PROGRAMS {
        cargo.args(["-p", package]);
    }
    run_command(cargo.arg("--bins"))?;
    for (_, name) in PROGRAMS {
        let built = repo.target.join(TARGET).join("release").join(name);
        let bytes = fs::copy(&built, folder.join(name)).with_context(|| name.to_owned())?;
        say(&format!("{name}: {:.1} MB", bytes as f64 / 1e6));
    }
    Ok(())
}

fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
