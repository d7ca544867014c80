//! The list of parts (SBOM) of what is shipped, in CycloneDX's form.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};

/// What is shipped: two programs, and the page's modules.
const SHIPPED: [&str; 3] = ["headless", "millefeuille-server", "browser"];

/// Writes the list of all packages that the shipped ones are built from, tests left out.
pub(crate) fn write(metadata: &Value, path: &Path) -> Result<usize> {
    let wanted = reachable(metadata)?;
    let packages = metadata["packages"].as_array().context("no packages")?;
    let parts = packages.iter().filter(|package| wanted.contains(id(package)));
    let components: Vec<Value> = parts.map(component).collect();
    let count = components.len();
    let document = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": { "component": { "type": "application", "name": "millefeuille" } },
        "components": components,
    });
    std::fs::write(path, format!("{document:#}\n"))?;
    Ok(count)
}

fn id(package: &Value) -> &str {
    package["id"].as_str().unwrap_or_default()
}

fn component(package: &Value) -> Value {
    let text = |key: &str| package[key].as_str().unwrap_or_default();
    let (name, version) = (text("name"), text("version"));
    let mut component = json!({
        "type": "library", "name": name, "version": version,
        "licenses": [{ "expression": text("license").replace('/', " OR ") }],
    });
    if !package["source"].is_null() {
        component["purl"] = format!("pkg:cargo/{name}@{version}").into();
    }
    component
}

/// The ids of the shipped packages and of everything that they depend on, not for tests only.
fn reachable(metadata: &Value) -> Result<BTreeSet<&str>> {
    let nodes = metadata["resolve"]["nodes"].as_array().context("nothing is resolved")?;
    let packages = metadata["packages"].as_array().context("no packages")?;
    let shipped = packages.iter().filter(|package| {
        package["source"].is_null()
            && package["name"].as_str().is_some_and(|name| SHIPPED.contains(&name))
    });
    let mut open: Vec<&str> = shipped.map(id).collect();
    let mut found = BTreeSet::new();
    while let Some(next) = open.pop() {
        if !found.insert(next) {
            continue;
        }
        let node = nodes.iter().find(|node| id(node) == next);
        let needs = node.and_then(|node| node["deps"].as_array()).into_iter().flatten();
        open.extend(needs.filter(|dep| is_built_in(dep)).filter_map(|dep| dep["pkg"].as_str()));
    }
    Ok(found)
}

fn is_built_in(dependency: &Value) -> bool {
    let kinds = dependency["dep_kinds"].as_array().into_iter().flatten();
    kinds.into_iter().any(|kind| kind["kind"].as_str() != Some("dev"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_tests_need_is_no_part() {
        let dep = |id: &str, kind: Value| json!({ "pkg": id, "dep_kinds": [{ "kind": kind }] });
        let metadata = json!({
            "packages": [
                { "id": "a", "name": "headless", "source": null },
                { "id": "b", "name": "bytes", "source": "registry" },
                { "id": "c", "name": "proptest", "source": "registry" },
                { "id": "d", "name": "browser", "source": "registry" },
            ],
            "resolve": { "nodes": [
                { "id": "a", "deps": [dep("b", Value::Null), dep("c", json!("dev"))] },
                { "id": "b", "deps": [] },
            ] },
        });
        let found: Vec<&str> = reachable(&metadata).expect("resolved").into_iter().collect();
        assert_eq!(found, ["a", "b"]);
    }
}
