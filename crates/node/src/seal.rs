//! Sealed messages: signed on the way out, checked and taken once on the way in.
//!
//! Signing is the driver's work and may take a while, so a statement waits here for its signature.
//! Repetitions are noticed by a window of numbers for each sender.

use base::{Card, Key, Network, NodeId, Signature, SortedMap, Time};
use bytes::Bytes;
use wire::overlay::Target;
use wire::{Class, Sealed, Statement};

/// Statements waiting for a signature; above it a new one is dropped (its sender repeats what
/// matters).
const WAITING_MAX: usize = 4096;
/// Senders whose numbers are remembered; above it the one heard longest ago is forgotten.
const SENDERS_MAX: usize = 4096;
/// Numbers below a sender's highest that may still arrive. A sender counts for all its receivers
/// at once, so this is what a large message may be overtaken by: chosen to match what may wait for
/// a signature. 2 MiB for all senders.
const WINDOW: u64 = 4096;
/// Words of a ring of bits: one more than the window has, so that a word is never half old.
const WORDS: u64 = WINDOW / 64 + 1;

/// How a finished message is routed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Route {
    pub(crate) key: Key,
    pub(crate) target: Target,
    pub(crate) via: Option<NodeId>,
    pub(crate) class: Class,
}

#[derive(Debug)]
struct Sender {
    epoch: u64,
    highest: u64,
    /// Bit n mod 64 of word n / 64 mod [`WORDS`]: number n was taken (RFC 6479).
    taken: [u64; WORDS as usize],
    heard: Time,
}

#[derive(Debug)]
pub(crate) struct Sealer {
    network: Network,
    card: Card,
    number: u64,
    token: u64,
    waiting: SortedMap<u64, (Route, Statement)>,
    senders: SortedMap<NodeId, Sender>,
}

impl Sealer {
    pub(crate) fn new(network: Network, card: Card) -> Self {
        Sealer {
            network,
            card,
            number: 0,
            token: 0,
            waiting: SortedMap::new(),
            senders: SortedMap::new(),
        }
    }

    /// Whether a statement waits for its signature.
    pub(crate) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// A token for a signature that is no statement's.
    pub(crate) fn next_token(&mut self) -> u64 {
        self.token += 1;
        self.token
    }

    /// Prepares a message; returns the token and the bytes to be signed, or `None` when too many
    /// are waiting.
    pub(crate) fn prepare(
        &mut self,
        route: Route,
        reply_via: Option<NodeId>,
        parcel: Bytes,
    ) -> Option<(u64, Bytes)> {
        if self.waiting.len() >= WAITING_MAX {
            return None;
        }
        self.number += 1;
        self.token += 1;
        let card = self.card;
        let statement =
            Statement { card, key: route.key, number: self.number, via: reply_via, parcel };
        let bytes = Bytes::from(statement.signing_bytes());
        self.waiting.insert(self.token, (route, statement));
        Some((self.token, bytes))
    }

    /// The signature came; returns the body to be routed.
    pub(crate) fn complete(&mut self, token: u64, signature: Signature) -> Option<(Route, Bytes)> {
        let (route, statement) = self.waiting.remove(&token)?;
        Some((route, Bytes::from(Sealed { statement, signature }.encode())))
    }

    /// Opens a routed body: proved, meant for this key, and not taken before.
    pub(crate) fn open(
        &mut self,
        now: Time,
        key: Key,
        body: &[u8],
    ) -> Result<(NodeId, Statement), &'static str> {
        let (from, statement) = Sealed::open(body, &self.network).map_err(|_| "bad seal")?;
        if statement.key != key {
            return Err("sealed for another key");
        }
        if !self.take(now, from, statement.card.epoch, statement.number) {
            return Err("repeated or stale");
        }
        Ok((from, statement))
    }

    fn take(&mut self, now: Time, from: NodeId, epoch: u64, number: u64) -> bool {
        if !self.senders.contains_key(&from) && self.senders.len() >= SENDERS_MAX {
            let oldest = self.senders.iter().min_by_key(|(_, s)| s.heard).map(|(id, _)| *id);
            if let Some(oldest) = oldest {
                self.senders.remove(&oldest);
            }
        }
        let sender = self.senders.entry(from).or_insert_with(|| Sender::new(now, epoch));
        if epoch < sender.epoch {
            return false;
        }
        if epoch > sender.epoch {
            *sender = Sender::new(now, epoch);
        }
        sender.heard = now;
        sender.take(number)
    }
}

impl Sender {
    fn new(now: Time, epoch: u64) -> Self {
        Sender { epoch, highest: 0, taken: [0; WORDS as usize], heard: now }
    }

    /// Notes a number; false when it was taken before, or lies too far back to tell.
    fn take(&mut self, number: u64) -> bool {
        if number == 0 || number.saturating_add(WINDOW) <= self.highest {
            return false;
        }
        let (last, word) = (self.highest / 64, number / 64);
        for skipped in (last + 1..=word).take(self.taken.len()) {
            *self.word(skipped) = 0;
        }
        self.highest = self.highest.max(number);
        let bit = 1 << (number % 64);
        let word = self.word(word);
        let is_new = *word & bit == 0;
        *word |= bit;
        is_new
    }

    fn word(&mut self, number: u64) -> &mut u64 {
        &mut self.taken[usize::try_from(number % WORDS).unwrap_or(0)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::{PublicKey, Secret};

    fn sealer(seed: u8) -> (Secret, Sealer) {
        let introducer = Secret::from_seed(&[1; 32]);
        let node = Secret::from_seed(&[seed; 32]);
        let voucher = introducer.vouch(node.public(), [seed; 16]);
        let card = Card { public_key: node.public(), voucher, epoch: 1 };
        (node, Sealer::new(introducer.public().into(), card))
    }

    fn seal(node: &Secret, sealer: &mut Sealer, key: Key) -> Bytes {
        let route = Route { key, target: Target::Node, via: None, class: Class::Control };
        let (token, bytes) = sealer.prepare(route, None, Bytes::from_static(b"hello")).unwrap();
        sealer.complete(token, node.sign(&bytes)).unwrap().1
    }

    #[test]
    fn taken_once_by_its_receiver_only() {
        let (node, mut from) = sealer(2);
        let (_, mut to) = sealer(3);
        let body = seal(&node, &mut from, Key::new(5));
        assert!(to.open(Time::ZERO, Key::new(6), &body).is_err());
        assert!(to.open(Time::ZERO, Key::new(5), &body).is_ok());
        assert_eq!(to.open(Time::ZERO, Key::new(5), &body).err(), Some("repeated or stale"));
    }

    #[test]
    fn numbers_may_arrive_out_of_order_within_the_window() {
        let mut sender = Sender::new(Time::ZERO, 1);
        assert!(sender.take(3) && sender.take(1) && sender.take(2));
        assert!(!sender.take(1) && !sender.take(3) && !sender.take(0));
        assert!(sender.take(6_000) && !sender.take(1_904) && sender.take(1_905));
        assert!(sender.take(u64::MAX) && !sender.take(6_000) && !sender.take(u64::MAX));
    }

    #[test]
    fn a_large_message_may_be_overtaken_by_many() {
        let (node, mut from) = sealer(2);
        let (_, mut to) = sealer(3);
        let key = Key::new(5);
        let bulk = seal(&node, &mut from, key);
        for other in 0..1_000 {
            seal(&node, &mut from, Key::new(100 + other));
        }
        let control = seal(&node, &mut from, key);
        assert!(to.open(Time::ZERO, key, &control).is_ok());
        assert!(to.open(Time::ZERO, key, &bulk).is_ok());
        assert!(to.open(Time::ZERO, key, &bulk).is_err());
    }

    #[test]
    fn the_window_agrees_with_a_list() {
        let mut rng = base::Rng::new(7);
        let mut sender = Sender::new(Time::ZERO, 1);
        let (mut taken, mut highest) = (base::SortedSet::new(), 0u64);
        for _ in 0..20_000 {
            let step = if rng.below(50) == 0 { 9_000 } else { 200 };
            let number = (highest + rng.below(step)).saturating_sub(rng.below(5_000)).max(1);
            let expected = number + WINDOW > highest && taken.insert(number);
            assert_eq!(sender.take(number), expected, "{number} after {highest}");
            highest = highest.max(number);
        }
    }

    /// hostile.md O1, where a statement comes over others.
    #[test]
    fn a_statement_under_an_id_that_is_not_its_keys_is_not_opened() {
        let (_, mut to) = sealer(3);
        let (_, victim) = sealer(4);
        let (node, from) = sealer(2);
        let mut ground = from.card;
        ground.voucher.nonce[0] ^= 1;
        let zeros = PublicKey([0; 32]);
        let voucher = Secret::from_seed(&[1; 32]).vouch(zeros, [9; 16]);
        let nobodys = Card { public_key: zeros, voucher, epoch: 1 };
        let key = Key::new(5);
        for card in
            [ground, victim.card, Card { public_key: node.public(), ..victim.card }, nobodys]
        {
            let parcel = Bytes::from_static(b"hello");
            let statement = Statement { card, key, number: 1, via: None, parcel };
            let signature = node.sign(&statement.signing_bytes());
            let body = Sealed { statement, signature }.encode();
            assert_eq!(to.open(Time::ZERO, key, &body).err(), Some("bad seal"));
        }
        assert!(to.senders.is_empty(), "nothing is remembered of them");
    }

    #[test]
    fn a_lower_epoch_is_stale() {
        let (_, mut to) = sealer(3);
        let from = Key::new(9);
        assert!(to.take(Time::ZERO, from, 2, 5));
        assert!(!to.take(Time::ZERO, from, 1, 6));
        assert!(to.take(Time::ZERO, from, 3, 5));
    }
}
