//! Offers and their answers: I hold it, I want it, I will not have it.

use base::{Digest, NodeId};
use bytes::Bytes;
use wire::limits::PAYLOAD_BYTES_MAX;
use wire::store::{Holding, Name, Offered, RECORD_BYTES_MAX, RefuseReason, Version};

use crate::fetch::Wanted;
use crate::place::WINDOW;
use crate::{Merge, Store};

/// How often the holders of a record that goes on changing compare it. News reaches all of them by
/// itself; this is for news that was lost.
const COMPARE_PAUSE: base::Duration = base::Duration::from_secs(4);

impl<M: Merge> Store<M> {
    /// A holder offers what this node should hold, too.
    pub(crate) fn on_offered(&mut self, from: NodeId, item: Offered) {
        if !self.is_possible(from, &item) {
            return;
        }
        let name = item.version.name();
        if self.shelf.has(&name) {
            self.extend(&name, item.lifetime);
            self.note_copy(&name, from, item.version, false);
            self.defer(&name, from);
            self.acknowledge(from, &name);
            return self.compare(from, item.version);
        }
        let standing = self.place.standing(name.key(), |_| false);
        let is_near = usize::try_from(standing.rank).is_ok_and(|rank| rank < WINDOW);
        if self.place.is_leaving || !is_near {
            return self.mail.refuse(from, name, RefuseReason::NotMine);
        }
        if self.take(from, item) {
            self.note_copy(&name, from, item.version, false);
            self.acknowledge(from, &name);
        }
    }

    /// Somebody who is no holder asks this node, the root, to keep a value.
    pub(crate) fn on_put_here(&mut self, from: NodeId, item: Offered) {
        if !self.is_possible(from, &item) {
            return;
        }
        let name = item.version.name();
        if self.place.is_leaving {
            return self.mail.refuse(from, name, RefuseReason::NotMine);
        }
        if self.shelf.has(&name) {
            self.extend(&name, item.lifetime);
            self.compare(from, item.version);
        } else if !self.take(from, item) {
            return self.fetches.watch(&name, from);
        }
        if let Some(held) = self.shelf.get_mut(&name) {
            held.watch(from);
        }
        self.acknowledge(from, &name);
    }

    /// Refuses what cannot be, and what means nothing before this node has joined.
    fn is_possible(&mut self, from: NodeId, item: &Offered) -> bool {
        let bytes = usize::try_from(item.bytes).unwrap_or(usize::MAX);
        let bytes_max = match item.version {
            Version::Blob(_) => PAYLOAD_BYTES_MAX,
            Version::Record(..) => RECORD_BYTES_MAX,
        };
        if bytes > bytes_max {
            self.misbehaved(from, "offered a value longer than any may be");
        } else if !self.ready {
            self.counters.ignored += 1;
        }
        bytes <= bytes_max && self.ready
    }

    /// Holds an offered value at once if it is at hand; otherwise fetches it if there is room.
    fn take(&mut self, from: NodeId, item: Offered) -> bool {
        let name = item.version.name();
        let bytes = u64::from(item.bytes);
        let expires = self.expiry(base::Duration::from_secs(u64::from(item.lifetime)));
        if !self.fetches.is_kept(&name) && !self.has_room(from, bytes) {
            self.counters.refused += 1;
            self.mail.refuse(from, name, RefuseReason::Full);
            return false;
        }
        if let Some(blob) = self.at_hand(&name).cloned() {
            self.counters.spared += 1;
            self.hold_blob(name, blob, expires, from);
            return true;
        }
        let keep = Some((expires, from));
        self.fetch(name, Wanted { source: Some(from), keep, get: false, bytes });
        false
    }

    /// A blob that this node has without holding it for the ring.
    pub(crate) fn at_hand(&self, name: &Name) -> Option<&Bytes> {
        let Name::Blob(digest) = name else { return None };
        self.puts.get(name).or_else(|| self.cache.get(digest))
    }

    /// Holds a blob, which the cache need not keep as well.
    pub(crate) fn hold_blob(&mut self, name: Name, blob: Bytes, expires: base::Time, by: NodeId) {
        if let Name::Blob(digest) = &name {
            self.cache.take(digest);
        }
        self.hold(name, blob, expires, by);
    }

    /// A record that differs from another holder's: what it has more is fetched.
    fn compare(&mut self, from: NodeId, version: Version) {
        let name = version.name();
        let Some(held) = self.shelf.get_mut(&name) else { return };
        if held.version(&name) == version {
            return;
        }
        let again = held.compared_at.map_or(self.now, |at| at + COMPARE_PAUSE);
        if again > self.now {
            return self.shelf.check_by(&name, again);
        }
        held.compared_at = Some(self.now);
        let (keep, bytes) = (Some((held.expires, from)), 0);
        self.fetch(name, Wanted { source: Some(from), keep, get: false, bytes });
    }

    /// A holder acknowledges, or tells a putter how many copies there are.
    pub(crate) fn on_have(&mut self, from: NodeId, item: Holding) {
        let name = item.version.name();
        // Only a node that is closer to the key can be its root.
        if name.key().closer(from, self.me).is_lt() {
            self.puts_have(&name, item.copies, item.complete);
        }
        if self.shelf.has(&name) {
            self.note_copy(&name, from, item.version, true);
            self.compare(from, item.version);
            self.drop_if_vouched(&item);
        }
    }

    pub(crate) fn on_refused(&mut self, from: NodeId, name: Name, reason: RefuseReason) {
        if reason == RefuseReason::Full {
            self.puts_refused(&name);
        }
        let (knows, until) = (self.place.knows(from), self.now + self.config.period * 4);
        if let Some(held) = self.shelf.get_mut(&name).filter(|_| knows) {
            held.copies.remove(&from);
            held.refused.insert(from, until);
            self.replace(&name);
        }
    }

    /// Bytes are what their name says.
    pub(crate) fn is_blob(digest: &Digest, blob: &[u8]) -> bool {
        blob.len() <= PAYLOAD_BYTES_MAX && Digest::of(&[blob]) == *digest
    }
}
