//! The rules that a machine can check: `design.md` §2, `style.md` §2.2 and §2.4.
//!
//! `walls` reads cargo's metadata: which crate may see which, and what comes from outside. `source`
//! reads the files: what a pure crate may not say; `supply` looks at everything from outside. Both are plain functions from text to complaints;
//! only this file touches the disk. Sizes are reported and never fail.

mod source;
mod text;
mod walls;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::run::{Repo, read, say};
use crate::setup::WASM_TARGET;
use crate::supply;

pub(crate) fn run(repo: &Repo) -> Result<()> {
    let mut complaints = Vec::new();
    let metadata = |args: &[&str]| -> Result<serde_json::Value> {
        let mut cargo = repo.cargo(&["metadata", "--format-version", "1"]);
        Ok(serde_json::from_str(&read(cargo.args(args))?)?)
    };
    complaints.extend(walls::of_manifests(&metadata(&["--no-deps"])?, &repo.root));
    let all = metadata(&[])?;
    complaints.extend(walls::of_sources(&all));
    complaints.extend(supply::complaints(&all));
    complaints.extend(walls::of_tree(&pure_tree(repo)?));

    let mut notes = Vec::new();
    for folder in ["crates", "server", "tests"] {
        for path in rust_files(&repo.root.join(folder))? {
            let short = repo.short(&path).to_string();
            let text = fs::read_to_string(&path).with_context(|| short.clone())?;
            complaints.extend(source::complaints(&short, &text));
            notes.extend(source::notes(&short, &text));
        }
    }
    complaints.extend(code_map(repo)?);

    for note in &notes {
        say(&format!("note: {note}"));
    }
    for complaint in &complaints {
        say(complaint);
    }
    match complaints.len() {
        0 => Ok(()),
        n => bail!("tidy: {n} complaint{}", if n == 1 { "" } else { "s" }),
    }
}

/// What the pure crates that exist pull in on wasm, as an indented list by cargo itself: unlike the
/// metadata it knows which features these crates alone turn on.
fn pure_tree(repo: &Repo) -> Result<String> {
    let mut tree = repo.cargo(&["tree", "--target", WASM_TARGET, "--prefix", "depth"]);
    // Default features are a command line's (the simulator's): no other pure crate has any.
    tree.args(["--edges", "normal,no-proc-macro", "--format", " {p}", "--no-default-features"]);
    for name in walls::pure() {
        if repo.root.join("crates").join(name).is_dir() {
            tree.args(["-p", name]);
        }
    }
    read(&mut tree)
}

fn rust_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(folder) = open.pop() {
        let entries = fs::read_dir(&folder).with_context(|| folder.display().to_string())?;
        for entry in entries {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default();
            if path.is_dir() && name != "node_modules" && name != "target" {
                open.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

/// The architecture document has a code map, and a code map that misses a crate misleads.
fn code_map(repo: &Repo) -> Result<Vec<String>> {
    let map = match fs::read_to_string(repo.root.join("crates/README.md")) {
        Ok(map) => map,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).context("crates/README.md"),
    };
    let mut folders = Vec::new();
    for entry in fs::read_dir(repo.root.join("crates"))? {
        let entry = entry?;
        if entry.path().join("Cargo.toml").is_file() {
            folders.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    folders.sort();
    Ok(missing_in_map(&map, &folders))
}

fn missing_in_map(map: &str, folders: &[String]) -> Vec<String> {
    let has_heading = |name: &str| {
        map.lines().any(|line| line.starts_with('#') && line.trim_matches(['#', ' ', '`']) == name)
    };
    let missing = folders.iter().filter(|name| !has_heading(name) && !mentions_path(map, name));
    missing.map(|name| format!("crates/README.md: the code map does not name `{name}`")).collect()
}

/// Whether `crates/<name>` stands there, and not as the beginning of a longer name.
fn mentions_path(map: &str, name: &str) -> bool {
    let path = format!("crates/{name}");
    map.match_indices(&path).any(|(at, _)| {
        let next = map[at + path.len()..].chars().next();
        !next.is_some_and(|next| next.is_alphanumeric() || next == '_' || next == '-')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_map_names_each_crate() {
        let folders = ["base", "wire", "grid", "sim"].map(str::to_owned);
        let map = "## `base`\n### wire\nand crates/grid, with crates/simulation, for `sim`";
        let missing = missing_in_map(map, &folders);
        assert_eq!(missing, ["crates/README.md: the code map does not name `sim`"]);
    }
}
