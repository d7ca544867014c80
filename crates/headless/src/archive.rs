//! The thread that works on the vault, so that the driver's loop never waits for a disk.
//!
//! Changes that came while the disk was busy are one commit. A disk that fails costs what it would
//! have kept, and is said once; the peer goes on without it.

use std::path::Path;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

use crate::vault::{Change, Vault, VaultKey};
use anyhow::Context as _;
use base::{Key, codec};
use bytes::Bytes;
use node::Name;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// Changes of one commit at most.
const BATCH_MAX: usize = 256;

/// The answer to a question for a value.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) name: Name,
    /// `None`: it is not kept, or its bytes are damaged.
    pub(crate) value: Option<Bytes>,
}

enum Order {
    Keep(Name, Bytes),
    Forget(Name),
    Load(Name),
}

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

    pub(crate) fn keep(&self, name: Name, value: Bytes) {
        self.order(Order::Keep(name, value));
    }

    pub(crate) fn forget(&self, name: Name) {
        self.order(Order::Forget(name));
    }

    /// Asks for a value; [`Archive::loaded`] answers.
    pub(crate) fn load(&self, name: Name) {
        self.order(Order::Load(name));
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
        let mut asked = Vec::new();
        let mut changes = Vec::new();
        for order in std::iter::once(first).chain(queue.try_iter()).take(BATCH_MAX) {
            match order {
                Order::Keep(name, value) => changes.push(Change::Keep(key(&name), value.to_vec())),
                Order::Forget(name) => changes.push(Change::Forget(key(&name))),
                Order::Load(name) => asked.push(name),
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
            let value = vault.load(&key(&name)).ok().flatten().map(Bytes::from);
            // Nobody asks any more when the driver is gone.
            let _ = answers.send(Loaded { name, value });
        }
    }
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
        archive.keep(blob, Bytes::from_static(b"blob"));
        archive.keep(record, Bytes::from_static(b"old"));
        archive.keep(record, Bytes::from_static(b"new"));
        archive.forget(blob);
        drop(archive);
        let mut archive = Archive::open(&path).unwrap();
        archive.load(blob);
        archive.load(record);
        assert_eq!(archive.loaded().await.value, None);
        let loaded = archive.loaded().await;
        assert_eq!((loaded.name, loaded.value.as_deref()), (record, Some(b"new".as_slice())));
        drop(archive);
        std::fs::remove_file(&path).unwrap();
    }
}
