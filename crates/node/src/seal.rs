//! Sealed messages: signed on the way out, checked and taken once on the way in.
//!
//! Signing is the driver's work and may take a while, so a statement waits here for its signature.
//! Repetitions are noticed by a window of numbers for each sender.

use alloc::collections::BTreeMap;

use base::{Card, Key, NodeId, PublicKey, Signature, Time};
use bytes::Bytes;
use wire::overlay::Target;
use wire::{Class, Sealed, Statement};

/// Statements waiting for a signature; above it a new one is dropped (its sender repeats what
/// matters).
const WAITING_MAX: usize = 4096;
/// Senders whose numbers are remembered; above it the one heard longest ago is forgotten.
const SENDERS_MAX: usize = 4096;
/// Numbers below a sender's highest that may still arrive.
const WINDOW: u64 = 128;

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
    /// Bit i: number `highest - i` was taken.
    taken: u128,
    heard: Time,
}

#[derive(Debug)]
pub(crate) struct Sealer {
    network: PublicKey,
    card: Card,
    number: u64,
    token: u64,
    waiting: BTreeMap<u64, (Route, Statement)>,
    senders: BTreeMap<NodeId, Sender>,
}

impl Sealer {
    pub(crate) fn new(network: PublicKey, card: Card) -> Self {
        Sealer {
            network,
            card,
            number: 0,
            token: 0,
            waiting: BTreeMap::new(),
            senders: BTreeMap::new(),
        }
    }

    /// Whether a statement waits for its signature.
    pub(crate) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
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
        let fresh = Sender { epoch, highest: 0, taken: 0, heard: now };
        let sender = self.senders.entry(from).or_insert(fresh);
        if epoch < sender.epoch {
            return false;
        }
        if epoch > sender.epoch {
            *sender = Sender { epoch, highest: 0, taken: 0, heard: now };
        }
        sender.heard = now;
        sender.take(number)
    }
}

impl Sender {
    fn take(&mut self, number: u64) -> bool {
        if number == 0 {
            return false;
        }
        if number > self.highest {
            let ahead = number - self.highest;
            self.taken = if ahead < WINDOW { self.taken << ahead } else { 0 };
            self.taken |= 1;
            self.highest = number;
            return true;
        }
        let behind = self.highest - number;
        let bit = if behind < WINDOW { 1u128 << behind } else { return false };
        let is_new = self.taken & bit == 0;
        self.taken |= bit;
        is_new
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::Secret;

    fn sealer(seed: u8) -> (Secret, Sealer) {
        let introducer = Secret::from_seed(&[1; 32]);
        let node = Secret::from_seed(&[seed; 32]);
        let voucher = introducer.vouch(node.public(), [seed; 16]);
        let card = Card { public_key: node.public(), voucher, epoch: 1 };
        (node, Sealer::new(introducer.public(), card))
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
        let mut sender = Sender { epoch: 1, highest: 0, taken: 0, heard: Time::ZERO };
        assert!(sender.take(3) && sender.take(1) && sender.take(2));
        assert!(!sender.take(1) && !sender.take(3) && !sender.take(0));
        assert!(sender.take(200) && !sender.take(50) && sender.take(150));
        assert!(sender.take(10_000) && !sender.take(200) && !sender.take(9_000));
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
