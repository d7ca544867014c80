//! The table as a person reads it, against the check.

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
