//! The corpus, replayed: nothing in it panics, and wasm says the same (`tests/wasm/fuzz.test.mjs`
//! compares with the verdicts that are kept beside it).

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use fuzz::FAMILIES;

fn corpus(family: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(family)
}

fn inputs(family: &str) -> BTreeMap<String, Vec<u8>> {
    let folder = corpus(family);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
    let entries = entries.map(|entry| entry.expect("an entry"));
    let read = |path: PathBuf| fs::read(path).expect("a file");
    entries
        .map(|entry| (entry.file_name().to_string_lossy().into_owned(), read(entry.path())))
        .collect()
}

#[test]
fn nothing_in_the_corpus_panics() {
    for family in &FAMILIES {
        let inputs = inputs(family.name);
        assert!(!inputs.is_empty(), "no corpus of {}", family.name);
        for (name, bytes) in inputs {
            let verdict = family.judge(&bytes);
            assert_eq!(verdict, family.judge(&bytes), "{} {name}: two verdicts", family.name);
        }
    }
}
