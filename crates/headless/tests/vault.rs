//! The database of the data directory, in the hands of somebody who pulls the plug.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use headless::vault::{Change, Vault, VaultKey};

/// Set for the process that writes until it is killed: where.
const WRITER: &str = "MILLEFEUILLE_TEST_VAULT";
const VALUE_BYTES: usize = 20_000;

/// A directory of this test, removed in the end.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("mf-vault-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).expect("a directory for temporary files");
        Directory(path)
    }

    fn database(&self) -> PathBuf {
        self.0.join("values")
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn key(number: u64) -> VaultKey {
    u128::from(number).to_be_bytes()
}

/// The value of a number: different bytes for each.
fn value(number: u64) -> Vec<u8> {
    let seed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    (0..VALUE_BYTES as u64).map(|at| (seed.wrapping_mul(at + 1) >> 32) as u8).collect()
}

fn keep(vault: &Vault, numbers: impl Iterator<Item = u64>) {
    let changes: Vec<Change> = numbers.map(|at| Change::Keep(key(at), value(at))).collect();
    vault.commit(&changes).expect("the disk takes it");
}

/// Opens a database and reads all of it; how many right values there are, and whether an earlier
/// one was set aside.
fn census(path: &Path) -> (usize, bool) {
    let (vault, was_damaged) = Vault::open(path).expect("at least a fresh one");
    let mut found = 0;
    let damaged = vault.load_all(|name, bytes| {
        let number = u128::from_be_bytes(name) as u64;
        assert!(bytes == value(number), "a value that nobody kept under {number}");
        found += 1;
    });
    (if damaged.is_ok() { found } else { 0 }, was_damaged)
}

#[test]
fn what_is_kept_is_there_after_a_restart_and_what_is_forgotten_is_not() {
    let at = Directory::new("restart");
    let (vault, was_damaged) = Vault::open(&at.database()).unwrap();
    assert!(!was_damaged);
    keep(&vault, 0..10);
    let changes = [Change::Forget(key(3)), Change::Keep(key(4), value(40))];
    vault.commit(&changes).unwrap();
    drop(vault);
    let (vault, was_damaged) = Vault::open(&at.database()).unwrap();
    assert!(!was_damaged);
    assert_eq!(vault.load(&key(3)).unwrap(), None);
    assert!(vault.load(&key(4)).unwrap() == Some(value(40)));
    let mut names = Vec::new();
    assert!(vault.load_all(|name, _| names.push(name)).unwrap().is_empty());
    assert_eq!(names, [0, 1, 2, 4, 5, 6, 7, 8, 9].map(key));
}

#[test]
fn a_damaged_database_gives_right_values_or_none_and_can_be_used_again() {
    let at = Directory::new("flips");
    let (vault, _) = Vault::open(&at.database()).unwrap();
    keep(&vault, 0..8);
    drop(vault);
    let whole = fs::read(at.database()).unwrap();
    let mut survivors = Vec::new();
    for flip in (0..64).map(|part| whole.len() * part / 64 + 77) {
        let mut bytes = whole.clone();
        bytes[flip % whole.len()] ^= 0x10;
        fs::write(at.database(), &bytes).unwrap();
        let (found, _) = census(&at.database());
        survivors.push(found);
    }
    assert!(survivors.iter().any(|found| *found < 8), "no flip hit anything: {survivors:?}");
    assert!(survivors.contains(&7), "a flip in one value costs that value only: {survivors:?}");
    for length in [0, 1, 1000, whole.len() / 2, whole.len() - 1] {
        fs::write(at.database(), &whole[..length]).unwrap();
        census(&at.database());
        let (vault, _) = Vault::open(&at.database()).unwrap();
        if vault.commit(&[Change::Keep(key(100), value(100))]).is_ok() {
            assert!(vault.load(&key(100)).unwrap() == Some(value(100)));
        } else {
            panic!("a database cut to {length} bytes was opened and cannot be used");
        }
    }
}

/// The process that is killed: keeps one value after another and says so.
#[test]
fn writer() {
    let Some(path) = std::env::var_os(WRITER) else { return };
    let (vault, was_damaged) = Vault::open(Path::new(&path)).unwrap();
    assert!(!was_damaged, "killed, not damaged");
    let mut next = 1;
    vault.load_all(|name, _| next = next.max(u128::from_be_bytes(name) as u64 + 1)).unwrap();
    loop {
        // Old ones go, so that pages are used again.
        let changes = [Change::Keep(key(next), value(next)), Change::Forget(key(next / 2))];
        vault.commit(&changes).unwrap();
        eprintln!("kept {next}");
        next += 1;
    }
}

#[test]
#[cfg(unix)]
fn a_process_killed_during_commits_loses_nothing_that_it_said_was_kept() {
    const CYCLES: u64 = 200;
    let at = Directory::new("kill");
    let mut kept = 0;
    for cycle in 0..CYCLES {
        let mut writer = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "writer", "--nocapture"])
            .env(WRITER, at.database())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // Killed after one to five acknowledgements, wherever the next commit stands by then.
        let said = BufReader::new(writer.stderr.take().unwrap()).lines();
        let said = said.map_while(Result::ok).filter_map(|line| {
            line.strip_prefix("kept ").and_then(|number| number.parse::<u64>().ok())
        });
        let last = said.take(1 + cycle as usize % 5).last();
        writer.kill().unwrap();
        writer.wait().unwrap();
        kept = last.expect("the writer said nothing");
        let (vault, was_damaged) = Vault::open(&at.database()).unwrap();
        assert!(!was_damaged, "after cycle {cycle}");
        let found = vault.load(&key(kept)).unwrap();
        assert!(found == Some(value(kept)), "{kept} is lost after cycle {cycle}");
        // All or none of each commit: as many values as its number says.
        let (mut last, mut number) = (0, 0);
        let damaged = vault.load_all(|name, _| {
            last = u128::from_be_bytes(name) as u64;
            number += 1;
        });
        assert!(damaged.unwrap().is_empty() && last >= kept, "after cycle {cycle}");
        assert_eq!(number, last - last / 2, "after cycle {cycle}");
    }
    assert!(kept >= CYCLES);
}
