//! What the files of a pure crate may not say, and what every file must.
//!
//! Tests, examples and benches of a pure crate run natively and are free. The simulator's `main.rs`
//! is a driver: it may touch the world, but not leave determinism.

use super::text::{bracketed, code_only, functions, is_word, line_of, without_tests, words};
use super::walls;

const FILE_LINES_MAX: usize = 600;
const FUNCTION_LINES_MAX: usize = 100;

/// Modules of std that reach outside.
const OUTSIDE: &[&str] = &["thread", "net", "fs", "env", "process", "os"];
/// Types of std that a pure crate has no use for.
const CLOCKS: &[&str] = &["Instant", "SystemTime"];
const UNORDERED: &[&str] = &["HashMap", "HashSet"];
const PRINTING: &[&str] = &["println", "eprintln", "print", "eprint", "dbg"];
const PLATFORM: &[&str] = &["unix", "windows"];
/// Methods of floats that differ between native and wasm in the last bit, or may.
const INEXACT: &[&str] = &[
    "acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "cbrt", "cos", "cosh", "exp",
    "exp2", "exp_m1", "hypot", "ln", "ln_1p", "log10", "log2", "mul_add", "powf", "powi", "sin",
    "sin_cos", "sinh", "tan", "tanh",
];

/// Which rules hold for a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Strictness {
    /// Product code of a pure crate.
    Pure,
    /// A driver inside a pure crate: deterministic, but it may print, read files and the clock.
    Driver,
    /// Anything else.
    Free,
}

fn strictness(path: &str) -> Strictness {
    let mut parts = path.split('/');
    let (Some("crates"), Some(name), Some("src")) = (parts.next(), parts.next(), parts.next())
    else {
        return Strictness::Free;
    };
    let rest: Vec<&str> = parts.collect();
    let is_test = rest.iter().any(|part| matches!(*part, "tests" | "tests.rs"));
    if is_test || !walls::pure().any(|pure| pure == name) {
        Strictness::Free
    } else if name == "sim" && matches!(rest[..], ["main.rs"] | ["bin", ..]) {
        Strictness::Driver
    } else {
        Strictness::Pure
    }
}

/// Broken rules in the file at `path`, written `crates/…` or `server/…`.
pub(crate) fn complaints(path: &str, source: &str) -> Vec<String> {
    let mut complaints = Vec::new();
    let opens = path.starts_with("crates/") || path.starts_with("server/");
    if opens && !source.starts_with("//!") {
        complaints.push(format!(
            "{path}:1: a file opens with `//!`: what lives here, what does not (style.md §2.6)"
        ));
    }
    let strictness = strictness(path);
    if strictness == Strictness::Free {
        return complaints;
    }
    let code = without_tests(&code_only(source));
    let mut found = Vec::new();
    deterministic(&code, &mut found);
    if strictness == Strictness::Pure {
        sealed(&code, &mut found);
    }
    found.sort_unstable();
    found.dedup();
    for (at, what, rule) in found {
        complaints.push(format!("{path}:{}: `{what}` in a pure crate: {rule}", line_of(&code, at)));
    }
    complaints
}

/// Position, what stands there, and the rule it breaks.
type Found = Vec<(usize, String, &'static str)>;

/// Rules of determinism: the same input log gives the same bits on every machine.
fn deterministic(code: &str, found: &mut Found) {
    for name in UNORDERED {
        let rule = "its order differs between runs; use a BTreeMap or BTreeSet";
        found.extend(words(code, name).map(|at| (at, name.to_string(), rule)));
    }
    for name in INEXACT {
        let calls = words(code, name).filter(|&at| is_float_method(code, at, name));
        let rule = "differs between native and wasm in the last bit; use libm";
        found.extend(calls.map(|at| (at, name.to_string(), rule)));
    }
    for at in words(code, "cfg").chain(words(code, "cfg_attr")) {
        if let Some(word) = platform(code, at) {
            found.push((at, format!("cfg({word})"), "a pure crate does not know its platform"));
        }
    }
}

/// Rules of sans-IO: time, randomness and bytes are arguments.
fn sealed(code: &str, found: &mut Found) {
    for name in CLOCKS {
        let rule = "time is an argument (base::Time)";
        found.extend(words(code, name).map(|at| (at, name.to_string(), rule)));
    }
    for at in words(code, "std") {
        for module in modules_of_std(code, at) {
            if OUTSIDE.contains(&module) {
                let rule = "threads, sockets, files and environment belong to drivers";
                found.push((at, format!("std::{module}"), rule));
            }
        }
    }
    for name in ["async", "await"] {
        let rule = "a machine is driven by calls, not by an executor";
        found.extend(words(code, name).map(|at| (at, name.to_string(), rule)));
    }
    for name in PRINTING {
        let macros = words(code, name).filter(|at| code[at + name.len()..].starts_with('!'));
        let rule = "what happened is an Output; the driver tells people";
        found.extend(macros.map(|at| (at, format!("{name}!"), rule)));
    }
}

/// Whether `name` at `at` is called on a float: `x.exp(…)` or `f64::exp`.
fn is_float_method(code: &str, at: usize, name: &str) -> bool {
    let before = code[..at].trim_end();
    let method = before.ends_with('.') && code[at + name.len()..].starts_with('(');
    method || before.ends_with("f64::") || before.ends_with("f32::")
}

/// The first word inside `cfg(…)`, `cfg!(…)` or the condition of `cfg_attr(…)` that names a
/// platform.
fn platform(code: &str, at: usize) -> Option<&str> {
    let after = code[at..].trim_start_matches(is_word).trim_start_matches('!').trim_start();
    if !after.starts_with('(') {
        return None;
    }
    let inside = bracketed(after, 0);
    let names = inside.split(|c: char| !is_word(c));
    names.into_iter().find(|name| name.starts_with("target_") || PLATFORM.contains(name))
}

/// The modules named by the path at `at`, which starts with `std`: one, or those of `std::{…}`.
fn modules_of_std(code: &str, at: usize) -> Vec<&str> {
    let Some(path) = code[at + 3..].trim_start().strip_prefix("::") else { return Vec::new() };
    let path = path.trim_start();
    if !path.starts_with('{') {
        return path.split(|c| !is_word(c)).take(1).collect();
    }
    let mut depth = 0usize;
    let mut modules = Vec::new();
    let mut start = true;
    for word in bracketed(path, 0).split_inclusive(|c| !is_word(c)) {
        let name = word.trim_end_matches(|c| !is_word(c));
        if start && depth == 0 && !name.is_empty() {
            modules.push(name);
            start = false;
        }
        match word.chars().next_back() {
            Some('{') => depth += 1,
            Some('}') => depth = depth.saturating_sub(1),
            Some(',') => start = true,
            _ => {}
        }
    }
    modules
}

/// Sizes that ask for a look: long files and long functions. Reported, never failed.
pub(crate) fn notes(path: &str, source: &str) -> Vec<String> {
    let mut notes = Vec::new();
    let lines = source.lines().count();
    if lines > FILE_LINES_MAX {
        notes.push(format!(
            "{path}: {lines} lines; is there a conversation that wants its own file?"
        ));
    }
    for function in functions(&code_only(source)) {
        if function.lines > FUNCTION_LINES_MAX {
            let (name, line, lines) = (function.name, function.line, function.lines);
            notes.push(format!("{path}:{line}: fn {name} has {lines} lines"));
        }
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;

    const PURE: &str = "crates/grid/src/lease.rs";

    /// Complaints about `code` in `path`, without the path, with the line number.
    fn found(path: &str, code: &str) -> Vec<String> {
        let all = complaints(path, &format!("//! Head.\n{code}"));
        all.iter().map(|complaint| complaint[path.len() + 1..].to_owned()).collect()
    }

    fn check_banned(code: &str, what: &str) {
        let all = found(PURE, code);
        assert!(all.iter().any(|one| one.contains(&format!("`{what}`"))), "{code}: {all:?}");
    }

    fn check_allowed(code: &str) {
        assert_eq!(found(PURE, code), Vec::<String>::new(), "{code}");
    }

    #[test]
    fn a_pure_crate_does_not_touch_the_world() {
        check_banned("let now = std::time::Instant::now();", "Instant");
        check_banned("use std::time::{Duration, SystemTime};", "SystemTime");
        check_banned("std::thread::sleep(x);", "std::thread");
        check_banned("use std::net::UdpSocket;", "std::net");
        check_banned("use std::{collections::{BTreeMap, BTreeSet}, fs, mem};", "std::fs");
        check_banned("let home = std::env::var(x);", "std::env");
        check_banned("pub async fn f() {}", "async");
        check_banned("f().await", "await");
        check_banned("println!(x);", "println!");
        check_banned("dbg!(x);", "dbg!");
        check_allowed("use std::{collections::{BTreeMap, fs}, mem};");
        check_allowed("use core::time::Duration; let instant = print(network);");
        check_allowed("write!(f, x)?; self.environment.fs");
    }

    #[test]
    fn a_pure_crate_gives_the_same_bits_everywhere() {
        check_banned("use std::collections::HashMap;", "HashMap");
        check_banned("let y = x.exp();", "exp");
        check_banned("let y = (a + b)\n    .powf(2.0);", "powf");
        check_banned("xs.iter().map(|x| f64::ln(*x))", "ln");
        check_banned("let y = xs.map(f64::sqrt).map(f64::sin);", "sin");
        check_banned("a.mul_add(b, c)", "mul_add");
        check_banned("#[cfg(target_arch = x)] fn f() {}", "cfg(target_arch)");
        check_banned("if cfg!(not(windows)) {}", "cfg(windows)");
        check_banned("#[cfg_attr(all(unix), inline)] fn f() {}", "cfg(unix)");
        check_allowed("let y = libm::exp(x) + x.sqrt(); n.ilog2(); let ln = exp + 1;");
        check_allowed("#[cfg(feature = x)] fn f() {}");
    }

    #[test]
    fn words_in_comments_strings_and_tests_are_free() {
        check_allowed("// no Instant here\nlet x = \"std::fs\"; /* HashMap */");
        check_allowed("#[cfg(test)]\nmod tests {\n use std::collections::HashMap;\n}\n");
        check_allowed("#[test]\nfn t() { println!(x); }");
    }

    #[test]
    fn a_finding_names_its_line_once() {
        let all = found(PURE, "\nfn f() {\n    let a: HashMap<u8, u8>;\n}");
        assert_eq!(all.len(), 1, "{all:?}");
        assert!(all[0].starts_with("4: `HashMap`"), "{all:?}");
    }

    #[test]
    fn rules_hold_where_they_should() {
        let code = "fn f() { println!(x); let a = std::env::args(); let h: HashMap<u8, u8>; }";
        let count = |path: &str| found(path, code).len();
        assert_eq!(count("crates/node/src/lib.rs"), 3);
        assert_eq!(count("crates/sim/src/world.rs"), 3);
        assert_eq!(count("crates/sim/src/main.rs"), 1);
        assert_eq!(count("crates/node/src/session/tests.rs"), 0);
        assert_eq!(count("crates/node/examples/show.rs"), 0);
        assert_eq!(count("crates/headless/src/main.rs"), 0);
        assert_eq!(count("server/src/main.rs"), 0);
    }

    #[test]
    fn every_file_says_what_it_is() {
        assert_eq!(complaints("crates/headless/src/main.rs", "fn main() {}").len(), 1);
        assert_eq!(complaints("server/src/main.rs", "// Serves.\nfn main() {}").len(), 1);
        assert_eq!(complaints("crates/grid/src/codec.rs", "").len(), 1);
        assert_eq!(complaints("tests/it/main.rs", "fn main() {}").len(), 0);
    }

    #[test]
    fn long_things_are_noted() {
        let long = format!("fn long() {{\n{}}}\n", "    step();\n".repeat(100));
        assert_eq!(notes(PURE, &long), [format!("{PURE}:1: fn long has 102 lines")]);
        assert_eq!(notes(PURE, &"//! x\n".repeat(601)).len(), 1);
        assert_eq!(notes(PURE, "fn short() {}"), Vec::<String>::new());
    }
}
