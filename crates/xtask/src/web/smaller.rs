//! Tools from npm that make what is shipped smaller: wasm-opt and terser.
//!
//! Not needed to build the page: without them it is the same page in more bytes. `cargo xtask setup`
//! installs them, and only what they have been through is held to the budgets.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::folder::{Files, extension, remove};
use crate::run::{Repo, find_program, run, say};

/// What rustc may use of wasm, said to wasm-opt, which assumes less.
const WASM_OPT_FEATURES: [&str; 7] = [
    "--enable-simd",
    "--enable-bulk-memory",
    "--enable-nontrapping-float-to-int",
    "--enable-sign-ext",
    "--enable-mutable-globals",
    "--enable-reference-types",
    "--enable-multivalue",
];

/// Names of functions and classes stay, so that a stack trace can be read. Lines end where
/// statements do: `sizes` reads which modules a script imports line by line. Functions are not inlined:
/// terser then takes those that keep their names for declared twice.
const TERSER: [&str; 11] = [
    "--module",
    "--ecma",
    "2022",
    "--keep-fnames",
    "--keep-classnames",
    "--compress",
    "inline=0",
    "--mangle",
    "--format",
    "semicolons=false",
    "--output",
];

/// The tools that are here.
pub(super) struct Smaller<'a> {
    repo: &'a Repo,
    wasm_opt: Option<PathBuf>,
    terser: Option<PathBuf>,
}

impl<'a> Smaller<'a> {
    pub(super) fn find(repo: &'a Repo) -> Self {
        let find = |name: &str| {
            let of_tests = repo.root.join("tests/node_modules/.bin").join(name);
            of_tests.is_file().then_some(of_tests).or_else(|| find_program(name))
        };
        Smaller { repo, wasm_opt: find("wasm-opt"), terser: find("terser") }
    }

    /// Whether the result is as small as it gets.
    pub(super) fn is_whole(&self) -> bool {
        self.wasm_opt.is_some() && self.terser.is_some()
    }

    /// Saves a few per cent, so a wasm-opt that is too old for our features is no failure.
    pub(super) fn module(&self, wasm: &Path, level: &str) {
        let Some(program) = &self.wasm_opt else { return };
        let smaller = wasm.with_extension("opt");
        let mut command = self.repo.program(program);
        command.arg(level).args(WASM_OPT_FEATURES).arg(wasm).arg("-o").arg(&smaller);
        match run(&mut command).and_then(|()| Ok(fs::rename(&smaller, wasm)?)) {
            Ok(()) => {}
            Err(error) => say(&format!("kept without wasm-opt: {error:#}")),
        }
    }

    /// The scripts among the files with short names for what only they see.
    pub(super) fn scripts(&self, files: &mut Files) -> Result<()> {
        let Some(program) = &self.terser else { return Ok(()) };
        let folder = self.repo.target.join("web-scripts");
        remove(&folder)?;
        fs::create_dir_all(&folder)?;
        for (path, script) in files.iter_mut().filter(|(path, _)| extension(path) == "js") {
            let file = folder.join(path.replace('/', "-"));
            let smaller = file.with_extension("min");
            fs::write(&file, &*script)?;
            let mut command = self.repo.program(program);
            run(command.arg(&file).args(TERSER).arg(&smaller))?;
            *script = fs::read(&smaller).with_context(|| path.clone())?;
        }
        remove(&folder)
    }
}
