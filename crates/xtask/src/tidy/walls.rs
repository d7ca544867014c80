//! Which crate may see which, and what may come from outside.
//!
//! The table is `design.md` §2. A new crate or a new edge is a change of that table first.

use std::path::Path;

use serde_json::Value;

/// A crate of ours and what it may use.
struct Room {
    name: &'static str,
    may_use: &'static [&'static str],
    outside: Outside,
}

/// Crates from outside that a crate may depend on.
enum Outside {
    /// [`PURE_OUTSIDE`] and these: the crate knows no platform.
    PureAnd(&'static [&'static str]),
    /// The crate is a driver or a tool.
    Any,
}

impl Outside {
    /// What may be used; `None` where anything may.
    fn allowed(&self) -> Option<Vec<&'static str>> {
        match self {
            Outside::PureAnd(more) => Some([PURE_OUTSIDE, more].concat()),
            Outside::Any => None,
        }
    }
}

/// Crates from outside that pure crates may use. Adding one is a review of its own: it must build
/// for wasm, read no clock and no OS randomness, and give the same bits everywhere.
const PURE_OUTSIDE: &[&str] = &[
    "bytes",
    "data-encoding",
    "ed25519-dalek",
    "hmac",
    "libm",
    "miniz_oxide",
    "postcard",
    "rand_chacha",
    "serde",
    "sha1",
    "sha2",
    "thiserror",
];

/// The simulator reports besides; what draws is for its command line only (feature `cli`).
const SIM_OUTSIDE: &[&str] = &["anyhow", "clap", "indicatif", "plotters", "serde_json"];

const PURE: &[&str] =
    &["base", "wire", "overlay", "groups", "store", "grid", "node", "fractal", "signal", "peer"];

/// What a driver may use: the pure crates, and the vectors that it hands to one of them.
const DRIVER: &[&str] = &[
    "base", "wire", "overlay", "groups", "store", "grid", "node", "fractal", "signal", "peer",
    "simd",
];

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
    Room { name: "sim", may_use: PURE, outside: Outside::PureAnd(SIM_OUTSIDE) },
    // Not in the table: the instructions of a machine, which `fractal` must not know (crates/README.md).
    Room { name: "simd", may_use: &["fractal"], outside: Outside::Any },
    Room { name: "headless", may_use: DRIVER, outside: Outside::Any },
    Room { name: "browser", may_use: DRIVER, outside: Outside::Any },
    Room { name: "xtask", may_use: &[], outside: Outside::Any },
    Room { name: "millefeuille-server", may_use: &["base", "signal"], outside: Outside::Any },
    Room {
        name: "fuzz",
        may_use: &["base", "wire", "node", "fractal", "signal"],
        outside: Outside::Any,
    },
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
            "simd",
            "headless",
            "browser",
            "millefeuille-server",
        ],
        outside: Outside::Any,
    },
];

const fn pure_room(name: &'static str, may_use: &'static [&'static str]) -> Room {
    Room { name, may_use, outside: Outside::PureAnd(&[]) }
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
    ROOMS.iter().filter(|room| matches!(room.outside, Outside::PureAnd(_))).map(|room| room.name)
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
    if kind == "dev" {
        return None;
    }
    let outside = room.outside.allowed()?;
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
mod tests;
