//! Values that outlive the process: an embedded database in the data directory.
//!
//! What was kept is on the disk when [`Vault::commit`] returns, whatever kills the process next. A
//! database that cannot be read is set aside and a fresh one begun, and a value whose bytes changed
//! is forgotten: both can be fetched from other peers again, which beats refusing to start. What
//! the values mean, and when to fetch one, is not known here.

use std::fmt;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use base::Digest;
use redb::{
    Database, ReadableDatabase as _, ReadableTable as _, TableDefinition, WriteTransaction,
};

/// A value's name.
pub type VaultKey = [u8; 16];

/// Name → SHA-256 of the value, then the value.
const VALUES: TableDefinition<&VaultKey, &[u8]> = TableDefinition::new("values");
const DIGEST_BYTES: usize = 32;
/// Memory for pages; values are read once, at the start or when a peer asks.
const CACHE_BYTES: usize = 8 * 1024 * 1024;

/// One change of the vault.
#[derive(Clone, Debug)]
pub enum Change {
    /// Keep this value under this name, instead of what was there.
    Keep(VaultKey, Vec<u8>),
    /// Keep nothing under this name.
    Forget(VaultKey),
}

/// The database. One process at a time: the data directory's lock sees to it.
pub struct Vault {
    path: PathBuf,
    database: Database,
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Vault {
    /// Opens the database at `path`, made if need be, and says whether an unreadable one had to be
    /// set aside (under the same name with `.damaged`, where the next such one replaces it).
    ///
    /// # Errors
    /// When the disk does not let even a fresh one be made.
    pub fn open(path: &Path) -> anyhow::Result<(Self, bool)> {
        let at = || path.display().to_string();
        match guarded(|| open(path)) {
            Ok(database) => Ok((Vault { path: path.to_owned(), database }, false)),
            // Never for want of space or rights: only what was read and made no sense.
            Err(Trouble::Disk(error)) => Err(error).with_context(at),
            Err(Trouble::Damage) => {
                fs::rename(path, path.with_extension("damaged")).with_context(at)?;
                let database = guarded(|| open(path)).map_err(Trouble::into_error);
                Ok((Vault { path: path.to_owned(), database: database.with_context(at)? }, true))
            }
        }
    }

    /// Carries out `changes` in order, all or none, and waits for the disk.
    ///
    /// # Errors
    /// When the disk is full, fails, or holds a database that makes no sense (open it anew).
    pub fn commit(&self, changes: &[Change]) -> anyhow::Result<()> {
        let commit = || {
            let transaction = self.database.begin_write()?;
            carry_out(&transaction, changes)?;
            Ok(transaction.commit()?)
        };
        self.guard(commit)
    }

    /// The value of this name, if it is kept and its bytes are those that were kept.
    ///
    /// # Errors
    /// When the disk fails or holds a database that makes no sense (open it anew).
    pub fn load(&self, key: &VaultKey) -> anyhow::Result<Option<Vec<u8>>> {
        self.guard(|| {
            let values = self.database.begin_read()?.open_table(VALUES)?;
            Ok(values.get(key)?.and_then(|stored| intact(stored.value()).map(<[u8]>::to_vec)))
        })
    }

    /// Every value whose bytes are those that were kept, by ascending name, and the names of those
    /// whose bytes changed.
    ///
    /// # Errors
    /// When the disk fails or holds a database that makes no sense (open it anew).
    pub fn load_all(&self, mut each: impl FnMut(VaultKey, &[u8])) -> anyhow::Result<Vec<VaultKey>> {
        self.guard(|| {
            let values = self.database.begin_read()?.open_table(VALUES)?;
            let mut damaged = Vec::new();
            for entry in values.iter()? {
                let (key, stored) = entry?;
                match intact(stored.value()) {
                    Some(value) => each(*key.value(), value),
                    None => damaged.push(*key.value()),
                }
            }
            Ok(damaged)
        })
    }

    fn guard<T>(&self, work: impl FnOnce() -> Result<T, redb::Error>) -> anyhow::Result<T> {
        guarded(work).map_err(Trouble::into_error).with_context(|| self.path.display().to_string())
    }
}

/// Why the database did not do what was asked.
#[derive(Debug)]
enum Trouble {
    /// The disk refused.
    Disk(anyhow::Error),
    /// What is on the disk makes no sense.
    Damage,
}

impl Trouble {
    fn into_error(self) -> anyhow::Error {
        match self {
            Trouble::Disk(error) => error,
            Trouble::Damage => anyhow::anyhow!("the database is damaged"),
        }
    }
}

/// Pages that make no sense are an error or a panic of the database, by where they are met.
fn guarded<T>(work: impl FnOnce() -> Result<T, redb::Error>) -> Result<T, Trouble> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(redb::Error::Io(error))) if is_refusal(&error) => Err(Trouble::Disk(error.into())),
        Ok(Err(error @ redb::Error::DatabaseAlreadyOpen)) => Err(Trouble::Disk(error.into())),
        Ok(Err(_)) | Err(_) => Err(Trouble::Damage),
    }
}

/// An error of the disk, rather than of what was read from it.
fn is_refusal(error: &std::io::Error) -> bool {
    use std::io::ErrorKind;
    !matches!(error.kind(), ErrorKind::InvalidData | ErrorKind::UnexpectedEof)
}

fn open(path: &Path) -> Result<Database, redb::Error> {
    let database = Database::builder().set_cache_size(CACHE_BYTES).create(path)?;
    let transaction = database.begin_write()?;
    transaction.open_table(VALUES)?;
    transaction.commit()?;
    Ok(database)
}

fn carry_out(transaction: &WriteTransaction, changes: &[Change]) -> Result<(), redb::Error> {
    let mut values = transaction.open_table(VALUES)?;
    for change in changes {
        match change {
            Change::Keep(key, value) => {
                let stored = [&Digest::of(&[value]).0, value.as_slice()].concat();
                values.insert(key, stored.as_slice())?;
            }
            Change::Forget(key) => {
                values.remove(key)?;
            }
        }
    }
    Ok(())
}

/// The value, if it is what its digest says.
fn intact(stored: &[u8]) -> Option<&[u8]> {
    let (digest, value) = stored.split_at_checked(DIGEST_BYTES)?;
    (Digest::of(&[value]).0 == digest).then_some(value)
}
