//! Which messages this node has seen: so that one is delivered once, and passed on once.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use base::{NodeId, Time};
use wire::overlay::MessageId;

use crate::message_map::MessageMap;

/// Messages remembered after they were delivered here (chosen: more than arrive while one may
/// still be sent again). When full, the oldest is forgotten.
const DELIVERED_MAX: usize = 4096;
/// Messages remembered after they were passed on. When full, the oldest is forgotten: should it
/// come back, it is passed on once more, and its target recognises it.
const PASSED_MAX: usize = 1024;
/// Hops remembered for each message passed on (chosen: more relays than a node tries in a row).
pub(crate) const TRIED_MAX: usize = 8;

/// Messages delivered here. A name alone proves nothing, since anybody can put any name on a
/// message: the same name with another body is another message, and silences nobody.
#[derive(Clone, Debug)]
pub(crate) struct Delivered {
    /// Of the fingerprints; nobody else knows it.
    secret: u64,
    fingerprints: MessageMap<u64>,
    order: VecDeque<MessageId>,
}

impl Delivered {
    pub(crate) fn new(secret: u64) -> Self {
        Delivered { secret, fingerprints: MessageMap::new(secret), order: VecDeque::new() }
    }

    /// Whether this message was delivered here.
    pub(crate) fn contains(&self, id: &MessageId, body: &[u8]) -> bool {
        self.fingerprints.get(id).is_some_and(|known| *known == self.fingerprint(body))
    }

    /// Notes that this message was delivered.
    pub(crate) fn insert(&mut self, id: MessageId, body: &[u8]) {
        let is_new = !self.fingerprints.contains(&id);
        self.fingerprints.insert(id, self.fingerprint(body));
        if !is_new {
            return;
        }
        self.order.push_back(id);
        if self.order.len() > DELIVERED_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.fingerprints.remove(&oldest);
        }
    }

    /// A keyed sum of the body: good enough against chance and against whoever does not know the
    /// key. What it lets through, the seal's own window stops.
    fn fingerprint(&self, body: &[u8]) -> u64 {
        let fold = |sum: u64, word: u64| {
            let wide = u128::from(sum ^ word) * 0x9e37_79b9_7f4a_7c15;
            (wide >> 64) as u64 ^ wide as u64
        };
        let words = body.chunks(8).map(|chunk| {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            u64::from_le_bytes(word)
        });
        words.fold(self.secret ^ body.len() as u64, fold)
    }
}

/// How a message went on from here.
#[derive(Clone, Debug)]
pub(crate) struct Passage {
    /// Links it had crossed when it came first, and when that was.
    pub(crate) hops: u8,
    pub(crate) since: Time,
    /// Times it was sent on.
    pub(crate) sends: u8,
    /// The latest of those it was sent to.
    pub(crate) last: NodeId,
    /// The earlier ones: with it at most [`TRIED_MAX`], then the oldest is forgotten.
    pub(crate) before: Vec<NodeId>,
}

impl Passage {
    /// Whether it was sent there.
    pub(crate) fn went_to(&self, hop: NodeId) -> bool {
        self.last == hop || self.before.contains(&hop)
    }

    /// Where it was sent.
    pub(crate) fn tried(&self) -> Vec<NodeId> {
        self.before.iter().copied().chain([self.last]).collect()
    }
}

/// Messages passed on.
#[derive(Clone, Debug)]
pub(crate) struct Passed {
    passages: MessageMap<Passage>,
    order: VecDeque<MessageId>,
}

impl Passed {
    pub(crate) fn new(secret: u64) -> Self {
        Passed { passages: MessageMap::new(secret), order: VecDeque::new() }
    }

    pub(crate) fn get(&self, id: &MessageId) -> Option<&Passage> {
        self.passages.get(id)
    }

    /// Notes that `id` was sent to `hop`. `hops` and `since` count the first time.
    pub(crate) fn note(&mut self, id: MessageId, hop: NodeId, hops: u8, since: Time) {
        let Some(passage) = self.passages.get_mut(&id) else {
            if self.order.len() >= PASSED_MAX
                && let Some(oldest) = self.order.pop_front()
            {
                self.passages.remove(&oldest);
            }
            self.order.push_back(id);
            let passage = Passage { hops, since, sends: 1, last: hop, before: Vec::new() };
            return self.passages.insert(id, passage);
        };
        passage.sends = passage.sends.saturating_add(1);
        if !passage.went_to(hop) {
            if passage.before.len() + 1 >= TRIED_MAX {
                passage.before.remove(0);
            }
            passage.before.push(passage.last);
            passage.last = hop;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(source: u128, epoch: u64, number: u64) -> MessageId {
        MessageId { source: NodeId::new(source), epoch, number }
    }

    #[test]
    fn a_message_is_new_once() {
        let mut delivered = Delivered::new(7);
        assert!(!delivered.contains(&id(1, 1, 5), b"body"));
        delivered.insert(id(1, 1, 5), b"body");
        for (message, body, known) in [
            (id(1, 1, 5), &b"body"[..], true),
            (id(1, 1, 5), b"bodz", false),
            (id(1, 1, 5), b"body\0", false),
            (id(1, 1, 4), b"body", false),
            (id(2, 1, 5), b"body", false),
            (id(1, 2, 5), b"body", false),
        ] {
            assert_eq!(delivered.contains(&message, body), known, "{message:?}");
        }
    }

    #[test]
    fn a_forged_name_silences_nobody() {
        let mut delivered = Delivered::new(7);
        delivered.insert(id(1, u64::MAX, 9), b"forged");
        delivered.insert(id(1, 1, 9), b"forged");
        assert!(!delivered.contains(&id(1, 1, 9), b"true"));
        delivered.insert(id(1, 1, 9), b"true");
        assert!(delivered.contains(&id(1, 1, 9), b"true"));
    }

    #[test]
    fn memory_is_bounded() {
        let mut delivered = Delivered::new(7);
        for number in 0..10_000 {
            delivered.insert(id(1, 1, number), b"");
        }
        let sizes = (delivered.fingerprints.len(), delivered.order.len());
        assert_eq!(sizes, (DELIVERED_MAX, DELIVERED_MAX));
        let mut passed = Passed::new(7);
        for number in 0..5_000 {
            for hop in 0..20 {
                passed.note(id(1, 1, number), NodeId::new(hop), 0, Time::ZERO);
            }
        }
        assert_eq!((passed.passages.len(), passed.order.len()), (PASSED_MAX, PASSED_MAX));
        let tried = passed.get(&id(1, 1, 4_999)).map(Passage::tried);
        assert_eq!(tried, Some((12..20).map(NodeId::new).collect()));
    }
}
