//! What the programs are made of: licences, bans and least versions, and the list of parts.
//!
//! Everything is read from cargo's own metadata and the lock file, so that it needs no network and
//! no tool that takes minutes to build.

mod licence;
mod parts;

use anyhow::Result;
use serde_json::Value;

use crate::run::{Repo, read};

pub(crate) use parts::write as write_parts;

/// Licences that go with ours: permissive, or none at all.
const LICENCES: [&str; 13] = [
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Crates that may not come in, and why.
const BANNED: [(&str, &str); 4] = [
    ("bincode", "unmaintained; the codec is postcard's, within bounds"),
    ("openssl-sys", "C code, and a version of it on every machine"),
    ("serde_cbor", "unmaintained, and nesting without a limit"),
    ("yamux", "denial of service before 0.13.10; nothing here needs it"),
];

/// Crates with known holes below these versions (hostile.md G14).
const LEAST: [(&str, [u64; 3]); 5] = [
    ("bytes", [1, 11, 1]),
    ("h2", [0, 4, 16]),
    ("rustls", [0, 23, 18]),
    ("str0m", [0, 23, 1]),
    ("tungstenite", [0, 20, 1]),
];

/// Cargo's metadata of everything.
pub(crate) fn metadata(repo: &Repo) -> Result<Value> {
    let mut cargo = repo.cargo(&["metadata", "--format-version", "1", "--locked"]);
    Ok(serde_json::from_str(&read(&mut cargo)?)?)
}

/// What is wrong with the parts, from `cargo metadata`.
pub(crate) fn complaints(metadata: &Value) -> Vec<String> {
    let packages = metadata["packages"].as_array().into_iter().flatten();
    packages.flat_map(of_package).collect()
}

fn of_package(package: &Value) -> Vec<String> {
    let text = |key: &str| package[key].as_str().unwrap_or_default();
    let (name, version) = (text("name"), text("version"));
    let mut complaints = Vec::new();
    let mut complain = |why: String| complaints.push(format!("PARTS {name} {version}: {why}"));
    match package["license"].as_str() {
        Some(licence) => match licence::is_allowed(licence, &LICENCES) {
            Some(true) => {}
            Some(false) => complain(format!("its licence is {licence}")),
            None => complain(format!("its licence cannot be read: {licence}")),
        },
        None => complain("it names no licence".to_owned()),
    }
    if let Some((_, why)) = BANNED.iter().find(|(banned, _)| *banned == name) {
        complain((*why).to_owned());
    }
    if let Some((_, least)) = LEAST.iter().find(|(least, _)| *least == name)
        && numbers(version) < *least
    {
        let [major, minor, patch] = least;
        complain(format!("there are holes below {major}.{minor}.{patch}"));
    }
    complaints
}

fn numbers(version: &str) -> [u64; 3] {
    let plain = version.split(['-', '+']).next().unwrap_or_default();
    let mut parts = plain.split('.').map(|part| part.parse().unwrap_or(0));
    [0; 3].map(|zero| parts.next().unwrap_or(zero))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(name: &str, version: &str, licence: Value, words: &[&str]) {
        let package = json!({ "name": name, "version": version, "license": licence });
        let complaints = of_package(&package);
        assert_eq!(complaints.len(), words.len(), "{complaints:?}");
        for (complaint, words) in complaints.iter().zip(words) {
            assert!(complaint.contains(words), "{complaint}");
        }
    }

    #[test]
    fn parts_are_looked_at() {
        check("bytes", "1.12.1", json!("MIT"), &[]);
        check("bytes", "1.9.0", json!("MIT"), &["holes below 1.11.1"]);
        check("bincode", "1.3.3", json!("MIT"), &["unmaintained"]);
        check("left", "1.0.0", json!("GPL-3.0"), &["its licence is GPL-3.0"]);
        check("left", "1.0.0", Value::Null, &["no licence"]);
        check("left", "1.0.0", json!("MIT AND ("), &["cannot be read"]);
    }
}
