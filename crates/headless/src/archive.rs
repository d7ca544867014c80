//! The thread that works on the vault, so that the driver's loop never waits for a disk.
//!
//! Changes that came while the disk was busy are one commit. A disk that fails costs what it would
//! have kept, and is said once; the peer goes on without it.

use std::path::Path;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

use anyhow::Context as _;
use base::{Key, codec};
use bytes::Bytes;
use headless::vault::{Change, Vault, VaultKey};
use node::Name;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// Bytes of a value with its name at most: of a record, the longest.
const ENTRY_BYTES_MAX: usize = wire::store::RECORD_BYTES_MAX + 128;
/// Changes of one commit at most.
const BATCH_MAX: usize = 256;

/// A value from the disk.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Loaded {
    /// It was asked for. `None`: it is not kept, or its bytes are damaged.
    Asked { name: Name, value: Option<Bytes> },
    /// An earlier start kept it, until then (in seconds since 1970).
    Restored { name: Name, value: Bytes, until: u64 },
}

enum Order {
    Keep(Name, Bytes, u64),
    Forget(Name),
    Load(Name),
    Restore,
}

/// What lies in the vault: the value's name, until when it lives, and the value.
type Entry = (Name, u64, Bytes);

/// The way to the thread, which ends when this is dropped and everything is kept.
#[derive(Debug)]
pub(crate) struct Archive {
    /// Unbounded by type, bounded by what a node holds: it keeps what it has in memory too.
    orders: Option<Sender<Order>>,
    answers: UnboundedReceiver<Loaded>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Archive {
    /// Opens the vault at `path`.
    ///
    /// # Errors
    /// When the disk does not let it be made.
    pub(crate) fn open(path: &Path) -> anyhow::Result<Self> {
        let (vault, was_damaged) = Vault::open(path)?;
        if was_damaged {
            let path = path.display();
            tracing::warn!(%path, "the kept values were damaged and are fetched from peers again");
        }
        let (orders, queue) = mpsc::channel();
        let (sender, answers) = unbounded_channel();
        let thread = thread::Builder::new()
            .name("archive".to_owned())
            .spawn(move || run(&vault, &queue, &sender))
            .context("no thread can be started")?;
        Ok(Archive { orders: Some(orders), answers, thread: Some(thread) })
    }

    /// Keeps a value until then, in seconds since 1970.
    pub(crate) fn keep(&self, name: Name, value: Bytes, until: u64) {
        self.order(Order::Keep(name, value, until));
    }

    pub(crate) fn forget(&self, name: Name) {
        self.order(Order::Forget(name));
    }

    /// Asks for a value; [`Archive::loaded`] answers.
    pub(crate) fn load(&self, name: Name) {
        self.order(Order::Load(name));
    }

    /// Asks for all that earlier starts kept; [`Archive::loaded`] answers.
    pub(crate) fn restore(&self) {
        self.order(Order::Restore);
    }

    /// Waits for the next answer.
    pub(crate) async fn loaded(&mut self) -> Loaded {
        self.answers.recv().await.expect("the thread lives as long as the archive")
    }

    fn order(&self, order: Order) {
        if let Some(orders) = &self.orders {
            orders.send(order).expect("the thread lives as long as the archive");
        }
    }
}

impl Drop for Archive {
    fn drop(&mut self) {
        drop(self.orders.take());
        if let Some(thread) = self.thread.take() {
            // It cannot have panicked: the vault catches what the database does.
            let _ = thread.join();
        }
    }
}

fn run(vault: &Vault, queue: &Receiver<Order>, answers: &UnboundedSender<Loaded>) {
    let mut is_well = true;
    while let Ok(first) = queue.recv() {
        let (mut asked, mut restores) = (Vec::new(), false);
        let mut changes = Vec::new();
        for order in std::iter::once(first).chain(queue.try_iter()).take(BATCH_MAX) {
            match order {
                Order::Keep(name, value, until) => {
                    let entry = codec::encode(&(name, until, value));
                    changes.push(Change::Keep(key(&name), entry));
                }
                Order::Forget(name) => changes.push(Change::Forget(key(&name))),
                Order::Load(name) => asked.push(name),
                Order::Restore => restores = true,
            }
        }
        if !changes.is_empty()
            && let Err(error) = vault.commit(&changes)
        {
            if is_well {
                tracing::warn!(error = format!("{error:#}"), "values are not kept on the disk");
            }
            is_well = false;
        }
        for name in asked {
            let entry = vault.load(&key(&name)).ok().flatten();
            let value = entry.and_then(|entry| read(&entry)).map(|(.., value)| value);
            // Nobody asks any more when the driver is gone.
            let _ = answers.send(Loaded::Asked { name, value });
        }
        if restores && let Err(error) = restore(vault, answers) {
            tracing::warn!(error = format!("{error:#}"), "kept values cannot be read");
        }
    }
}

/// Tells everything that is kept, and throws away what makes no sense.
fn restore(vault: &Vault, answers: &UnboundedSender<Loaded>) -> anyhow::Result<()> {
    let mut foreign = Vec::new();
    let damaged =
        vault.load_all(|at, entry| match read(entry).filter(|(name, ..)| key(name) == at) {
            Some((name, until, value)) => {
                let _ = answers.send(Loaded::Restored { name, value, until });
            }
            None => foreign.push(at),
        })?;
    let changes: Vec<Change> = damaged.into_iter().chain(foreign).map(Change::Forget).collect();
    if changes.is_empty() { Ok(()) } else { vault.commit(&changes) }
}

fn read(entry: &[u8]) -> Option<Entry> {
    codec::decode(entry, ENTRY_BYTES_MAX).ok()
}

/// Names of both kinds in one space.
fn key(name: &Name) -> VaultKey {
    Key::hash_of(&[b"millefeuille/vault/1", &codec::encode(name)]).to_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::Digest;

    #[tokio::test]
    async fn what_is_kept_is_loaded_after_a_restart() {
        let path = std::env::temp_dir().join(format!("mf-archive-{}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let (blob, record) = (Name::Blob(Digest::of(&[b"blob"])), Name::Record(Key::new(7)));
        let archive = Archive::open(&path).unwrap();
        let bytes = Bytes::from_static;
        archive.keep(blob, bytes(b"blob"), 7);
        archive.keep(record, bytes(b"old"), 8);
        archive.keep(record, bytes(b"new"), 9);
        archive.forget(blob);
        drop(archive);
        let mut archive = Archive::open(&path).unwrap();
        archive.load(blob);
        archive.load(record);
        archive.restore();
        assert_eq!(archive.loaded().await, Loaded::Asked { name: blob, value: None });
        let value = Some(bytes(b"new"));
        assert_eq!(archive.loaded().await, Loaded::Asked { name: record, value });
        let restored = Loaded::Restored { name: record, value: bytes(b"new"), until: 9 };
        assert_eq!(archive.loaded().await, restored);
        drop(archive);
        std::fs::remove_file(&path).unwrap();
    }
}
