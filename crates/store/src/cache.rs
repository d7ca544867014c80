//! Blobs that came by, within a number of bytes: the oldest goes first. Nobody relies on them.

use alloc::collections::VecDeque;

use base::{Digest, SortedMap};
use bytes::Bytes;

#[derive(Clone, Debug)]
pub(crate) struct Cache {
    blobs: SortedMap<Digest, Bytes>,
    /// The oldest first. Each blob once.
    order: VecDeque<Digest>,
    bytes: u64,
    bytes_max: u64,
}

impl Cache {
    pub(crate) fn new(bytes_max: u64) -> Self {
        Cache { blobs: SortedMap::new(), order: VecDeque::new(), bytes: 0, bytes_max }
    }

    pub(crate) fn add(&mut self, digest: Digest, blob: Bytes) {
        let size = blob.len() as u64;
        if size > self.bytes_max || self.blobs.contains_key(&digest) {
            return;
        }
        self.bytes += size;
        self.blobs.insert(digest, blob);
        self.order.push_back(digest);
        while self.bytes > self.bytes_max {
            let Some(oldest) = self.order.pop_front() else { return };
            if let Some(blob) = self.blobs.remove(&oldest) {
                self.bytes -= blob.len() as u64;
            }
        }
    }

    pub(crate) fn get(&self, digest: &Digest) -> Option<&Bytes> {
        self.blobs.get(digest)
    }

    /// It is held now and counts there.
    pub(crate) fn take(&mut self, digest: &Digest) -> Option<Bytes> {
        let blob = self.blobs.remove(digest)?;
        self.bytes -= blob.len() as u64;
        self.order.retain(|cached| cached != digest);
        Some(blob)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_makes_room() {
        let mut cache = Cache::new(10);
        let blob = |byte: u8, len: usize| {
            let bytes = Bytes::from(alloc::vec![byte; len]);
            (Digest::of(&[&bytes]), bytes)
        };
        let (first, second, third) = (blob(1, 4), blob(2, 4), blob(3, 4));
        for (digest, bytes) in [&first, &second, &third, &third] {
            cache.add(*digest, bytes.clone());
        }
        assert_eq!(cache.get(&first.0), None);
        assert_eq!(cache.get(&second.0), Some(&second.1));
        assert_eq!(cache.take(&third.0), Some(third.1));
        assert_eq!((cache.bytes, cache.order.len()), (4, 1));
        cache.add(third.0, blob(4, 11).1);
        assert_eq!((cache.bytes, cache.order.len()), (4, 1));
    }
}
