//! Blobs that this node's upper layer wants stored: offered to the root until enough hold them.

use alloc::vec::Vec;

use base::{Digest, Duration, SortedMap, Time};
use bytes::Bytes;
use wire::limits::PAYLOAD_BYTES_MAX;
use wire::overlay::Target;
use wire::store::{Message, Name, Offered, Version};

use crate::{Event, Merge, Store};

/// Puts under way. Beyond it a put is answered with [`Event::NotStored`] at once.
const PUTS_MAX: usize = 256;
/// Their bytes, likewise.
const PUT_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Times that the root is asked, each after a longer pause.
const TRIES_MAX: u32 = 8;

#[derive(Clone, Debug)]
struct Put {
    blob: Bytes,
    expires: Time,
    tries: u32,
    ask_at: Time,
    copies: u8,
}

/// Puts under way, by name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Puts {
    puts: SortedMap<Name, Put>,
    bytes: u64,
}

impl Puts {
    pub(crate) fn get(&self, name: &Name) -> Option<&Bytes> {
        self.puts.get(name).map(|put| &put.blob)
    }

    pub(crate) fn next_due(&self) -> Option<Time> {
        self.puts.values().map(|put| put.ask_at).min()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.puts.is_empty()
    }

    fn remove(&mut self, name: &Name) -> Option<Put> {
        let put = self.puts.remove(name)?;
        self.bytes -= put.blob.len() as u64;
        Some(put)
    }
}

impl<M: Merge> Store<M> {
    pub(crate) fn on_put(&mut self, blob: Bytes, lifetime: Duration) {
        let (name, size) = (Name::Blob(Digest::of(&[&blob])), blob.len() as u64);
        self.puts.remove(&name);
        let is_full = self.puts.puts.len() >= PUTS_MAX || self.puts.bytes + size > PUT_BYTES_MAX;
        if blob.len() > PAYLOAD_BYTES_MAX || is_full {
            return self.event(Event::NotStored { name });
        }
        let expires = self.expiry(lifetime);
        self.puts.bytes += size;
        self.puts.puts.insert(name, Put { blob, expires, tries: 0, ask_at: self.now, copies: 0 });
        self.ask_root(&name);
    }

    /// Asks the root to keep it; this node may be the root.
    fn ask_root(&mut self, name: &Name) {
        let (now, retry) = (self.now, self.config.retry);
        let Name::Blob(digest) = *name else { return };
        let Some(put) = self.puts.puts.get_mut(name) else { return };
        put.ask_at = now + retry * (put.tries + 2);
        if !self.ready {
            return;
        }
        put.tries += 1;
        let item = Offered {
            version: Version::Blob(digest),
            bytes: u32::try_from(put.blob.len()).unwrap_or(u32::MAX),
            lifetime: u32::try_from(put.expires.since(now).as_secs()).unwrap_or(u32::MAX),
        };
        if self.place.is_root(name.key()) {
            self.put_here(name, item);
        } else {
            self.route(name.key(), Target::Root, Message::Put(item));
        }
    }

    fn put_here(&mut self, name: &Name, item: Offered) {
        if self.shelf.has(name) {
            self.extend(name, item.lifetime);
            let (copies, complete) = self.copies(name);
            self.puts_have(name, copies, complete);
        } else if self.has_room(self.me, u64::from(item.bytes)) {
            let Some(put) = self.puts.puts.get(name) else { return };
            let (blob, expires) = (put.blob.clone(), put.expires);
            self.hold_blob(*name, blob, expires, self.me);
        } else {
            self.puts_refused(name);
        }
    }

    /// The root, or another holder, says how many copies there are.
    pub(crate) fn puts_have(&mut self, name: &Name, copies: u8, complete: bool) {
        if self.note_put(name, copies, complete) {
            self.event(Event::Stored { name: *name, copies });
        }
    }

    /// Whether there is a put that did not know that many copies.
    pub(crate) fn note_put(&mut self, name: &Name, copies: u8, complete: bool) -> bool {
        let Some(put) = self.puts.puts.get_mut(name) else { return false };
        let is_news = put.copies != copies;
        put.copies = copies;
        if complete {
            self.finish_put(name);
        }
        is_news
    }

    /// The root has no room for it.
    pub(crate) fn puts_refused(&mut self, name: &Name) {
        if self.puts.puts.contains_key(name) {
            self.finish_put(name);
            self.event(Event::NotStored { name: *name });
        }
    }

    fn finish_put(&mut self, name: &Name) {
        if let (Some(put), Name::Blob(digest), false) =
            (self.puts.remove(name), *name, self.shelf.has(name))
        {
            self.cache.add(digest, put.blob);
        }
    }

    pub(crate) fn repeat_puts(&mut self) {
        let now = self.now;
        let due = self.puts.puts.iter().filter(|(_, put)| put.ask_at <= now);
        let due: Vec<(Name, u32, u8)> =
            due.map(|(name, put)| (*name, put.tries, put.copies)).collect();
        for (name, tries, copies) in due {
            if tries < TRIES_MAX {
                self.ask_root(&name);
                continue;
            }
            self.finish_put(&name);
            // A few copies are better than none, and were told.
            if copies == 0 {
                self.event(Event::NotStored { name });
            }
        }
    }
}
