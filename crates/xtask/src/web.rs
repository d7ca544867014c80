//! Builds the page into `target/web/`, ready to be served as it is.
//!
//! This file compiles the crate `browser` twice and binds both modules; `folder` puts them and the
//! files of `web/` together, with `strip` and `join` making the scripts lighter; `smaller` runs other
//! people's tools over both, if they are here; `package` makes an npm package of the peer alone;
//! `sizes` holds the result to the budgets.

mod folder;
mod join;
mod package;
mod sizes;
mod smaller;
mod strip;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use wasm_bindgen_cli_support::Bindgen;

use self::smaller::Smaller;
use crate::run::{Repo, run, say};
use crate::setup::{self, WASM_TARGET};
use crate::stages::{Counts, Stages};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// What is shipped: optimised as a whole, compressed, held to the budgets.
    Release,
    /// For an edit-and-look loop: no link-time optimisation, no compression, no budgets.
    Dev,
}

/// A wasm module of the crate `browser`: feature and output name are its name.
struct Module {
    name: &'static str,
    profile: &'static str,
    rustflags: &'static str,
    wasm_opt: &'static str,
}

const MODULES: [Module; 2] = [
    Module { name: "node", profile: "wasm-node", rustflags: "", wasm_opt: "-Oz" },
    Module {
        name: "kernel",
        profile: "wasm-kernel",
        rustflags: "-C target-feature=+simd128",
        wasm_opt: "-O3",
    },
];

/// The folder that [`build`] fills.
pub(crate) fn served(repo: &Repo) -> PathBuf {
    repo.target.join("web")
}

/// Builds the page and says whether it keeps its budgets. A page that is too large is there and
/// works, so only the caller knows whether that stops anything.
pub(crate) fn build(repo: &Repo, stages: &mut Stages, mode: Mode) -> Result<bool> {
    stages.step("web: wasm target", || setup::rust_target(repo, WASM_TARGET))?;
    for module in &MODULES {
        stages.step(&format!("web: build {}", module.name), || compile(repo, module, mode))?;
    }
    let bindings = repo.target.join("web-bindings");
    let smaller = Smaller::find(repo);
    stages.step("web: bind", || bind(repo, &bindings, mode, &smaller))?;
    let files = stages.step("web: pack", || folder::pack(repo, &bindings, mode, &smaller))?;
    say(&format!("\nthe page is in {}", repo.short(&served(repo))));
    if mode == Mode::Dev {
        return Ok(true);
    }
    if !smaller.is_whole() {
        say(
            "larger than need be, so not held to the budgets: `cargo xtask setup` installs the tools",
        );
        return Ok(true);
    }
    Ok(stages.check("web: sizes", || sizes::check(&files).map(|()| Counts::ONE)))
}

/// Each module has a profile, hence an output folder, of its own: the two never rebuild each other.
fn compile(repo: &Repo, module: &Module, mode: Mode) -> Result<()> {
    let Module { name, profile, rustflags, .. } = module;
    let mut cargo = repo.cargo(&["build", "-p", "browser", "--target", WASM_TARGET]);
    cargo.args(["--profile", profile, "--no-default-features", "--features", name]);
    if mode == Mode::Dev {
        for setting in ["lto=false", "codegen-units=16", "incremental=true"] {
            cargo.arg("--config").arg(format!("profile.{profile}.{setting}"));
        }
    }
    if !rustflags.is_empty() {
        cargo.env("RUSTFLAGS", rustflags);
    }
    run(&mut cargo)
}

fn bind(repo: &Repo, into: &Path, mode: Mode, smaller: &Smaller<'_>) -> Result<()> {
    folder::remove(into)?;
    for Module { name, profile, wasm_opt, .. } in &MODULES {
        let wasm = repo.target.join(WASM_TARGET).join(profile).join("browser.wasm");
        bind_one(&wasm, name, into)?;
        if mode == Mode::Release {
            smaller.module(&into.join(format!("{name}_bg.wasm")), wasm_opt);
        }
    }
    Ok(())
}

/// wasm-bindgen as a library. The default module path is what lets `init()` be called without an
/// argument; the library, unlike its command line, leaves it out unless told.
fn bind_one(wasm: &Path, name: &str, into: &Path) -> Result<()> {
    Bindgen::new()
        .input_path(wasm)
        .out_name(name)
        .web(true)?
        .typescript(false)
        .omit_default_module_path(false)
        .remove_name_section(true)
        .remove_producers_section(true)
        .generate(into)
        .with_context(|| format!("wasm-bindgen on {}", wasm.display()))
}
