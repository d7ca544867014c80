//! One node amid a converged ring, and messages that it passes on: what a bench counts.
//!
//! The node knows a ring of 10,000 as it does after it joined: leaf set, table and neighbours full,
//! all by messages. What is counted is the whole way of a message through the machine: it is taken
//! in, acknowledged, sent on, kept, and let go when the next hop acknowledges. Nothing here reads a
//! clock: whoever runs it does.

use base::{Duration, Key, NodeId, Rng, Time};
use bytes::Bytes;
use overlay::{Config, Input, Output, Overlay, Reach};
use wire::Class;
use wire::overlay::{Contact, LeafState, Message, MessageId, Routed, Target};

const NODES: u64 = 10_000;
/// Bytes of a body (`pastry.md` §5, line 9).
const BODY: [u8; 64] = [7; 64];
/// Between two messages. Short, so that nobody's heartbeat is missed meanwhile.
const APART: Duration = Duration::from_micros(1);

/// The node and whom it knows.
#[derive(Debug)]
pub struct Passing {
    node: Overlay,
    now: Time,
    rng: Rng,
    peers: Vec<Contact>,
    sent: u64,
}

impl Default for Passing {
    fn default() -> Self {
        let mut rng = Rng::new(1);
        let me = Contact { id: NodeId::new(rng.next_u128()), epoch: 1 };
        let config = Config { reach: Reach::Direct, ..Config::default() };
        let mut node = Overlay::new(config, me, 1, Time::ZERO);
        node.handle(Time::ZERO, Input::Found);
        let leaf = LeafState { ready: true, ..LeafState::default() };
        for token in 0..NODES {
            let from = Contact { id: NodeId::new(rng.next_u128()), epoch: 1 };
            let message = Message::Probe { token, leaf: leaf.clone() };
            node.handle(Time::ZERO, Input::Received { from, via: None, message });
            while node.poll_output().is_some() {}
        }
        let peers = node.links().collect();
        Passing { node, now: Time::ZERO, rng, peers, sent: 0 }
    }
}

impl Passing {
    /// Peers in the node's tables.
    #[must_use]
    pub fn peers(&self) -> usize {
        self.peers.len()
    }

    /// `count` messages, each from a random peer to a random key; how many were passed on, not
    /// delivered here.
    pub fn pass(&mut self, count: u64) -> u64 {
        let before = self.node.stats().forwarded;
        (0..count).for_each(|_| self.pass_one());
        self.node.stats().forwarded - before
    }

    fn pass_one(&mut self) {
        self.sent += 1;
        self.now = self.now + APART;
        let Some(from) = self.rng.pick(&self.peers).copied() else { return };
        let id = MessageId { source: from.id, epoch: from.epoch, number: self.sent };
        let (key, body) = (Key::new(self.rng.next_u128()), Bytes::from_static(&BODY));
        let (target, class) = (Target::Root, Class::Control);
        let message = Message::Route(Routed { id, key, target, via: None, hops: 1, class, body });
        self.node.handle(self.now, Input::Received { from, via: None, message });
        let mut next = None;
        while let Some(output) = self.node.poll_output() {
            if let Output::Send { to, message: Message::Route(_), .. } = output {
                next = Some(to);
            }
        }
        if let Some(hop) = next {
            let from = Contact { id: hop, epoch: 1 };
            let message = Message::RouteAck(id);
            self.node.handle(self.now, Input::Received { from, via: None, message });
            while self.node.poll_output().is_some() {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearly_every_message_is_passed_on() {
        let mut passing = Passing::default();
        let passed = passing.pass(1_000);
        assert!(passing.peers() > 50 && (950..=1_000).contains(&passed), "{passed}");
    }
}
