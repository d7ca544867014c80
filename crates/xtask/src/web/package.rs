//! The browser peer as an npm package in `target/npm/`, ready to be published or copied.
//!
//! It holds `join.js` and what that loads, as the page ships it, with the types beside it; no file of
//! the page alone.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context, Result};
use serde_json::json;

use super::folder::{Files, remove};
use crate::run::Repo;

const ENTRY: &str = "join.js";
const TYPES: &str = "api.d.ts";

/// Writes the package from the files of the finished folder.
pub(super) fn write(repo: &Repo, files: &Files) -> Result<()> {
    let folder = repo.target.join("npm");
    remove(&folder)?;
    fs::create_dir_all(&folder)?;
    let write = |name: &str, bytes: &[u8]| {
        fs::write(folder.join(name), bytes).with_context(|| format!("npm/{name}"))
    };
    for (name, bytes) in loaded(files) {
        write(name, bytes)?;
    }
    write(TYPES, &fs::read(repo.root.join("web").join(TYPES))?)?;
    let manifest = json!({
        "name": "millefeuille",
        "version": env!("CARGO_PKG_VERSION"),
        "description": "A page becomes a peer of a Millefeuille network: tabs that compute together",
        "license": "MIT OR Apache-2.0",
        "type": "module",
        "exports": { ".": { "types": format!("./{TYPES}"), "default": format!("./{ENTRY}") } },
        "sideEffects": false,
    });
    write("package.json", serde_json::to_string_pretty(&manifest)?.as_bytes())
}

/// The entry and everything that it names, or that what it names does: `'./name'`.
fn loaded(files: &Files) -> BTreeMap<&str, &[u8]> {
    let named = |path: &str, name: &str| path.rsplit_once('/').is_some_and(|(_, own)| own == name);
    let find = |name: &str| {
        let found = files.iter().find(|(path, _)| named(path, name));
        found.map(|(path, bytes)| {
            (path.rsplit_once('/').map_or(path.as_str(), |(_, own)| own), bytes)
        })
    };
    let mut found = BTreeMap::new();
    let mut open: Vec<_> = find(ENTRY).into_iter().collect();
    while let Some((name, bytes)) = open.pop() {
        if found.insert(name, bytes.as_slice()).is_some() || !name.ends_with(".js") {
            continue;
        }
        let script = String::from_utf8_lossy(bytes);
        let quoted = script.split(['\'', '"']);
        // wasm-bindgen names its module without the dot.
        let named = quoted.filter(|text| text.starts_with("./") || text.ends_with("_bg.wasm"));
        open.extend(named.filter_map(|text| find(text.strip_prefix("./").unwrap_or(text))));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::folder::tests::files;
    use super::*;

    #[test]
    fn a_package_has_what_its_entry_loads_and_nothing_else() {
        let files = files(&[
            ("join.js", "import { a } from './peer.js';\nimport './join.js';"),
            ("peer.js", "new Worker(new URL('./node-worker.js', import.meta.url))"),
            ("node-worker.js", "import init from './node.js'; fetch(new URL('./kernel_bg.wasm'))"),
            ("node.js", "module_or_path = new URL('node_bg.wasm', import.meta.url);"),
            ("node_bg.wasm", "'./page.js'"),
            ("kernel_bg.wasm", ""),
            ("page.js", "import './app.js'"),
            ("app.js", ""),
        ]);
        let files: Files =
            files.into_iter().map(|(name, bytes)| (format!("app-1/{name}"), bytes)).collect();
        let names: Vec<&str> = loaded(&files).into_keys().collect();
        let expected =
            ["join.js", "kernel_bg.wasm", "node-worker.js", "node.js", "node_bg.wasm", "peer.js"];
        assert_eq!(names, expected);
    }
}
