//! A record goes from holder to holder in pieces: an outline first, then what the receiver lacks.
//!
//! Each piece is news by itself. Two holders that differ in one entry exchange one piece; a new
//! holder gets them all, and merges them in the outline's order when it has the last.

use alloc::vec::Vec;

use base::{Bounded, Digest, Key, NodeId, SortedMap, SortedSet};
use bytes::Bytes;
use wire::store::{Message, Name, PIECE_BYTES_MAX, PIECES_ASKED_MAX, PIECES_MAX, RECORD_BYTES_MAX};

use crate::{Merge, Merged, Refusal, Store};

/// A record on its way here: at most [`PIECES_MAX`] pieces, and what the disk had.
#[derive(Clone, Debug, Default)]
pub(crate) struct Parts {
    outline: Vec<Digest>,
    got: SortedMap<Digest, Bytes>,
    /// On their way.
    asked: SortedSet<Digest>,
    /// What the disk had, and the digests of its pieces.
    pub(crate) base: Option<Bytes>,
    base_pieces: SortedSet<Digest>,
}

fn cut(merging: impl Merge) -> impl Fn(&[u8]) -> Vec<Bytes> {
    move |record| {
        let pieces = merging.pieces(record, PIECE_BYTES_MAX);
        let is_bounded = pieces.iter().all(|piece| piece.len() <= PIECE_BYTES_MAX);
        assert!(is_bounded && pieces.len() <= PIECES_MAX, "a record is cut as promised");
        pieces
    }
}

impl<M: Merge> Store<M> {
    /// Merges news into `record`, within the bounds of this page.
    pub(crate) fn merged(
        merging: M,
        key: Key,
        record: Option<&[u8]>,
        news: &[u8],
    ) -> Result<Option<Bytes>, Refusal> {
        match merging.merge(key, record, news)? {
            Merged::Changed(bytes) if bytes.len() > RECORD_BYTES_MAX => Err(Refusal::Invalid),
            Merged::Changed(bytes) => Ok(Some(bytes)),
            Merged::Unchanged => Ok(None),
        }
    }

    pub(crate) fn send_outline(&mut self, to: NodeId, key: Key) {
        let Some(held) = self.shelf.get_mut(&Name::Record(key)) else { return };
        let pieces = held.pieces(cut(self.merging)).iter().map(|(digest, _)| *digest);
        let pieces = Bounded::truncating(pieces);
        self.send(to, Message::Outline { key, pieces });
    }

    /// What the disk had of a record that is fetched.
    pub(crate) fn start_from(&mut self, key: Key, record: &Bytes) {
        let Ok(Some(record)) = Self::merged(self.merging, key, None, record) else { return };
        if let Some(fetch) = self.fetches.get_mut(&Name::Record(key)) {
            let pieces = cut(self.merging)(&record);
            fetch.parts.base_pieces = pieces.iter().map(|piece| Digest::of(&[piece])).collect();
            fetch.parts.base = Some(record);
        }
    }

    pub(crate) fn on_outline(&mut self, from: NodeId, key: Key, pieces: Vec<Digest>) {
        let name = Name::Record(key);
        let until = self.now + self.config.retry * 2;
        let Some(fetch) = self.fetches.get_mut(&name).filter(|fetch| fetch.expects(from)) else {
            self.counters.ignored += 1;
            return;
        };
        fetch.settle_on(from, until);
        fetch.parts.got.retain(|digest, _| pieces.contains(digest));
        fetch.parts.outline = pieces;
        self.ask_pieces(from, key);
    }

    /// Asks for the next pieces that are lacking; puts them together when none is.
    fn ask_pieces(&mut self, from: NodeId, key: Key) {
        let name = Name::Record(key);
        let own: SortedSet<Digest> = match self.shelf.get_mut(&name) {
            Some(held) => {
                held.pieces(cut(self.merging)).iter().map(|(digest, _)| *digest).collect()
            }
            None => SortedSet::new(),
        };
        let until = self.now + self.config.retry * 2;
        let Some(fetch) = self.fetches.get_mut(&name) else { return };
        fetch.settle_on(from, until);
        let parts = &mut fetch.parts;
        let is_here = |digest: &Digest| {
            own.contains(digest)
                || parts.got.contains_key(digest)
                || parts.base_pieces.contains(digest)
        };
        let lacking = parts.outline.iter().filter(|digest| !is_here(digest));
        parts.asked = lacking.take(PIECES_ASKED_MAX).copied().collect();
        if parts.asked.is_empty() {
            return self.assemble(from, key);
        }
        let pieces = Bounded::truncating(parts.asked.iter().copied());
        self.send(from, Message::FetchPieces { key, pieces });
    }

    pub(crate) fn on_fetch_pieces(&mut self, from: NodeId, key: Key, wanted: &[Digest]) {
        let Some(held) = self.shelf.get_mut(&Name::Record(key)) else {
            self.counters.ignored += 1;
            return;
        };
        let pieces = held.pieces(cut(self.merging)).iter();
        let found: Vec<Bytes> = pieces
            .filter(|(digest, _)| wanted.contains(digest))
            .map(|(_, piece)| piece.clone())
            .collect();
        let bytes = found.iter().map(|piece| piece.len() as u64).sum();
        if !self.served.allows(self.now, from, bytes) {
            self.counters.ignored += 1;
            return;
        }
        if found.len() < wanted.len() {
            // The record changed meanwhile.
            self.send_outline(from, key);
        }
        self.counters.sent_bytes += bytes;
        for piece in found {
            self.send(from, Message::Piece { key, piece });
        }
    }

    pub(crate) fn on_piece(&mut self, from: NodeId, key: Key, piece: Bytes) {
        let name = Name::Record(key);
        let size = piece.len() as u64;
        let until = self.now + self.config.retry * 2;
        // Whoever was not asked does not even get its bytes hashed.
        let fetch = self.fetches.get_mut(&name).filter(|fetch| fetch.expects(from));
        let digest = fetch.as_ref().map(|_| Digest::of(&[&piece]));
        let (Some(fetch), Some(digest)) = (fetch, digest) else {
            self.counters.redundant_bytes += size;
            return;
        };
        if !fetch.parts.asked.remove(&digest) {
            self.counters.redundant_bytes += size;
            return;
        }
        self.counters.fetched_bytes += size;
        fetch.parts.got.insert(digest, piece);
        fetch.got_on();
        fetch.settle_on(from, until);
        if fetch.parts.asked.is_empty() {
            self.ask_pieces(from, key);
        }
    }

    /// Every piece is here: merges what is new into what this node has.
    fn assemble(&mut self, from: NodeId, key: Key) {
        let name = Name::Record(key);
        let held = self.shelf.get(&name).map(|held| held.bytes.clone());
        let Some(fetch) = self.fetches.get_mut(&name) else { return };
        let parts = &fetch.parts;
        let mut record = held;
        let news = parts.outline.iter().filter_map(|digest| parts.got.get(digest));
        for piece in parts.base.iter().chain(news) {
            match Self::merged(self.merging, key, record.as_deref(), piece) {
                Ok(Some(more)) => record = Some(more),
                Ok(None) => {}
                Err(_) => return self.is_false_record(&name, from),
            }
        }
        match record {
            Some(record) => self.arrived(&name, record),
            None => self.is_false_record(&name, from),
        }
    }

    fn is_false_record(&mut self, name: &Name, from: NodeId) {
        self.misbehaved(from, "sent a record that cannot be");
        self.is_no_source(name, from);
    }
}
