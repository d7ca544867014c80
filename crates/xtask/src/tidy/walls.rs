//! Which crate may see which, and what may come from outside.
//!
//! The table is `design.md` §2. A new crate or a new edge is a change of that table first.

use std::path::Path;

use serde_json::Value;

/// A crate of ours and what it may use.
struct Room {
    name: &'static str,
    may_use: &'static [&'static str],
    /// Crates from outside that it may depend on; `None`: any.
    outside: Option<&'static [&'static str]>,
}

/// Crates from outside that pure crates may use. Adding one is a review of its own: it must build
/// for wasm, read no clock and no OS randomness, and give the same bits everywhere.
const PURE_OUTSIDE: &[&str] = &[
    "bytes",
    "data-encoding",
    "ed25519-dalek",
    "libm",
    "miniz_oxide",
    "postcard",
    "rand_chacha",
    "serde",
    "sha2",
    "thiserror",
];

/// The simulator reports besides; what draws is for its command line only (feature `cli`).
const SIM_OUTSIDE: &[&str] = &[
    "anyhow",
    "bytes",
    "clap",
    "data-encoding",
    "ed25519-dalek",
    "indicatif",
    "libm",
    "miniz_oxide",
    "plotters",
    "postcard",
    "rand_chacha",
    "serde",
    "serde_json",
    "sha2",
    "thiserror",
];

const PURE: &[&str] =
    &["base", "wire", "overlay", "groups", "store", "grid", "node", "fractal", "signal", "peer"];

const ROOMS: &[Room] = &[
    pure_room("base", &[]),
    pure_room("wire", &["base"]),
    pure_room("overlay", &["base", "wire"]),
    pure_room("groups", &["base", "wire"]),
    pure_room("store", &["base", "wire"]),
    pure_room("grid", &["base", "wire"]),
    pure_room("node", &["base", "wire", "overlay", "groups", "store", "grid"]),
    pure_room("fractal", &["base"]),
    pure_room("signal", &["base"]),
    // Not in the table: node and signal wired together once, for three drivers (crates/README.md).
    pure_room("peer", &["base", "node", "signal"]),
    Room { name: "sim", may_use: PURE, outside: Some(SIM_OUTSIDE) },
    Room { name: "headless", may_use: PURE, outside: None },
    Room { name: "browser", may_use: PURE, outside: None },
    Room { name: "xtask", may_use: &[], outside: None },
    Room { name: "millefeuille-server", may_use: &["base", "signal"], outside: None },
    Room {
        name: "tests",
        may_use: &[
            "base",
            "wire",
            "overlay",
            "groups",
            "store",
            "grid",
            "node",
            "fractal",
            "signal",
            "peer",
            "sim",
            "headless",
            "browser",
            "millefeuille-server",
        ],
        outside: None,
    },
];

const fn pure_room(name: &'static str, may_use: &'static [&'static str]) -> Room {
    Room { name, may_use, outside: Some(PURE_OUTSIDE) }
}

/// What must not be reachable from a pure crate on wasm, whoever asked for it. A name that ends in
/// `*` stands for all that begin so.
const DENIED: &[&str] = &[
    "async-*",
    "chrono",
    "crossbeam*",
    "fastrand",
    "futures*",
    "getrandom",
    "instant",
    "js-sys",
    "libc",
    "mio",
    "num_cpus",
    "parking_lot",
    "quanta",
    "rand",
    "rayon*",
    "rustix",
    "smol",
    "socket2",
    "time",
    "tokio*",
    "wasm-bindgen*",
    "web-sys",
    "web-time",
];

const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// The crates that know no platform: the table's pure ones and the simulator.
pub(crate) fn pure() -> impl Iterator<Item = &'static str> {
    ROOMS.iter().filter(|room| room.outside.is_some()).map(|room| room.name)
}

/// Complaints about our own manifests, from `cargo metadata --no-deps`.
pub(crate) fn of_manifests(metadata: &Value, root: &Path) -> Vec<String> {
    let mut complaints = Vec::new();
    for package in list(&metadata["packages"]) {
        let name = text(&package["name"]);
        let Some(room) = ROOMS.iter().find(|room| room.name == name) else {
            complaints.push(format!(
                "NOT_ALLOWED {name}: it is not in the table of crates (design.md §2); \
                 add it there, then to xtask's walls.rs"
            ));
            continue;
        };
        let targets = list(&package["targets"]).flat_map(|target| list(&target["kind"]));
        if targets.map(text).any(|kind| kind == "custom-build") {
            complaints.push(format!(
                "NOT_ALLOWED {name}: build.rs; what is built is built by xtask (style.md §2.10)"
            ));
        }
        for dependency in list(&package["dependencies"]) {
            complaints.extend(of_dependency(room, dependency, root));
        }
    }
    complaints
}

fn of_dependency(room: &Room, dependency: &Value, root: &Path) -> Option<String> {
    let from = room.name;
    let to = text(&dependency["name"]);
    let kind = dependency["kind"].as_str().unwrap_or("normal");
    let complain = |rule: String| Some(format!("NOT_ALLOWED {from} -> {to} ({kind}): {rule}"));

    if let Some(path) = dependency["path"].as_str() {
        if !Path::new(path).starts_with(root) {
            return complain(format!("{path} is outside the repository"));
        }
        if !room.may_use.contains(&to) {
            let allowed = match room.may_use {
                [] => "none of our crates".to_owned(),
                some => some.join(", "),
            };
            return complain(format!("{from} may use {allowed} (design.md §2)"));
        }
        return None;
    }
    if !text(&dependency["source"]).starts_with("registry+") {
        return complain("dependencies come from the registry, by version".into());
    }
    if text(&dependency["req"]) == "*" {
        return complain("a version is named, not `*`".into());
    }
    let outside = room.outside.filter(|_| kind != "dev")?;
    if !outside.contains(&to) {
        return complain(format!(
            "{from} is pure and may use {} from outside (design.md §2)",
            outside.join(", ")
        ));
    }
    if !dependency["target"].is_null() {
        return complain("a pure crate does not know its platform (design.md §2)".into());
    }
    None
}

/// Complaints about where anything at all comes from, from the full metadata.
pub(crate) fn of_sources(metadata: &Value) -> Vec<String> {
    let foreign = list(&metadata["packages"]).filter_map(|package| {
        let source = package["source"].as_str().filter(|source| *source != REGISTRY)?;
        let (name, version) = (text(&package["name"]), text(&package["version"]));
        Some(format!("NOT_ALLOWED {name} {version}: it comes from {source}, not from crates.io"))
    });
    foreign.collect()
}

/// Complaints about what pure crates pull in, from `cargo tree --prefix depth --format " {p}"`.
pub(crate) fn of_tree(tree: &str) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut chain: Vec<&str> = Vec::new();
    for line in tree.lines() {
        let mut words = line.split_whitespace();
        let Some(depth) = words.next().and_then(|word| word.parse::<usize>().ok()) else {
            continue;
        };
        let Some(name) = words.next() else { continue };
        chain.truncate(depth);
        chain.push(name);
        if DENIED.iter().any(|denied| matches(denied, name)) {
            complaints.push(format!(
                "NOT_ALLOWED {}: {name} must not be reachable from a pure crate on wasm \
                 (design.md §2: no clock, no threads, no OS randomness, no sockets)",
                chain.join(" -> ")
            ));
        }
    }
    complaints
}

fn matches(denied: &str, name: &str) -> bool {
    denied.strip_suffix('*').map_or(name == denied, |start| name.starts_with(start))
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn ours(name: &str) -> Value {
        json!({ "name": name, "path": format!("/repo/crates/{name}"), "req": "*", "kind": null })
    }

    fn outside(name: &str) -> Value {
        json!({ "name": name, "source": REGISTRY, "req": "^1.0", "kind": null, "target": null })
    }

    fn with(mut value: Value, key: &str, new: Value) -> Value {
        value[key] = new;
        value
    }

    fn check(name: &str, dependency: Value, expected: Option<&str>) {
        let package = json!({
            "name": name,
            "targets": [{ "kind": ["lib"] }],
            "dependencies": [dependency],
        });
        let found = of_manifests(&json!({ "packages": [package] }), Path::new("/repo"));
        match expected {
            None => assert_eq!(found, Vec::<String>::new()),
            Some(part) => {
                assert_eq!(found.len(), 1, "{name}: expected one about {part:?}, got {found:?}");
                assert!(found[0].starts_with("NOT_ALLOWED "), "{found:?}");
                assert!(found[0].contains(part), "{found:?} lacks {part:?}");
            }
        }
    }

    #[test]
    fn edges_of_the_table_are_allowed() {
        check("wire", ours("base"), None);
        check("node", ours("grid"), None);
        check("node", ours("store"), None);
        check("sim", ours("node"), None);
        check("peer", ours("signal"), None);
        check("browser", ours("fractal"), None);
        check("millefeuille-server", ours("signal"), None);
        check("tests", ours("sim"), None);
    }

    #[test]
    fn strangers_stay_strangers() {
        let four = ["overlay", "groups", "store", "grid"];
        for from in four {
            for to in four {
                check(from, ours(to), Some(&format!("{from} -> {to}")));
            }
        }
        check("node", ours("fractal"), Some("node may use base, wire"));
        check("millefeuille-server", ours("overlay"), Some("may use base, signal"));
        check("base", ours("wire"), Some("none of our crates"));
        check("headless", ours("sim"), Some("headless -> sim"));
        check("peer", ours("overlay"), Some("may use base, node, signal"));
        check("node", ours("peer"), Some("node -> peer"));
        check("xtask", ours("fractal"), Some("none of our crates"));
    }

    #[test]
    fn a_wall_holds_for_tests_and_build_scripts_too() {
        check("overlay", with(ours("sim"), "kind", json!("dev")), Some("overlay -> sim (dev)"));
        check("grid", with(ours("overlay"), "kind", json!("build")), Some("(build)"));
    }

    #[test]
    fn pure_crates_use_only_what_is_listed() {
        check("base", outside("sha2"), None);
        check("base", outside("tokio"), Some("base is pure"));
        check("base", with(outside("proptest"), "kind", json!("dev")), None);
        check("base", with(outside("cc"), "kind", json!("build")), Some("base is pure"));
        check("base", with(outside("sha2"), "target", json!("cfg(unix)")), Some("platform"));
        check("sim", outside("serde_json"), None);
        check("grid", outside("serde_json"), Some("grid is pure"));
        check("headless", outside("tokio"), None);
    }

    #[test]
    fn versions_are_named_and_come_from_the_registry() {
        check("headless", with(outside("clap"), "req", json!("*")), Some("not `*`"));
        let git = with(outside("clap"), "source", json!("git+https://example.org/clap"));
        check("headless", git, Some("from the registry"));
        let away = with(ours("base"), "path", json!("/elsewhere/base"));
        check("wire", away, Some("outside the repository"));
        let foreign = json!({ "packages": [
            { "name": "base", "version": "0.1.0", "source": null },
            { "name": "sha2", "version": "0.11.1", "source": REGISTRY },
            { "name": "clap", "version": "4.0.0", "source": "git+https://example.org/clap" },
        ]});
        assert_eq!(of_sources(&foreign).len(), 1);
    }

    #[test]
    fn unknown_crates_and_build_scripts_are_noticed() {
        let package = |name: &str, kind: &str| json!({ "packages": [{ "name": name, "targets": [{ "kind": [kind] }] }] });
        let check = |metadata| of_manifests(&metadata, Path::new("/repo")).join("\n");
        assert!(check(package("utils", "lib")).contains("not in the table"));
        assert!(check(package("base", "custom-build")).contains("build.rs"));
        assert_eq!(check(package("base", "lib")), "");
    }

    #[test]
    fn what_is_reachable_is_shown_with_the_way() {
        let tree = "0 base v0.1.0 (/repo/crates/base)\n1 ed25519-dalek v3.0.0\n2 rand_core v0.10.0\n\
                    3 getrandom v0.4.1\n1 sha2 v0.11.1\n\n0 wire v0.1.0 (/repo/crates/wire)\n\
                    1 base v0.1.0 (/repo/crates/base) (*)\n1 tokio-util v0.7.0\n";
        let found = of_tree(tree);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].contains("base -> ed25519-dalek -> rand_core -> getrandom:"));
        assert!(found[1].contains("wire -> tokio-util:"));
        assert!(of_tree("0 base v0.1.0\n1 rand_core v0.10.0\n1 rand_chacha v0.10.0\n").is_empty());
    }
}
