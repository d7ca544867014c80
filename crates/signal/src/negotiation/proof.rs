//! Whether an offer or answer is its author's, for this node, and fresh.

use base::{Network, NodeId, SortedMap, Time};

use crate::message::Proposal;
use crate::sdp;

/// Peers whose last offer is remembered; beyond them the one longest ago is forgotten. Chosen: a
/// replay needs an expectation as well, and those live for seconds.
const REMEMBERED_MAX: u32 = 512;

/// The proposal is to be ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unproved;

#[derive(Debug)]
pub(super) struct Proof {
    network: Network,
    me: NodeId,
    /// The latest of every peer. At most [`REMEMBERED_MAX`].
    latest: SortedMap<NodeId, Latest>,
}

/// A peer numbers its attempts upwards within a start, and its starts by epoch: what does not
/// exceed the last one is a replay.
#[derive(Clone, Copy, Debug)]
struct Latest {
    epoch: u64,
    /// Of its last offer; `None` before the first one of this epoch.
    attempt: Option<u64>,
    seen: Time,
}

impl Proof {
    pub(super) fn new(network: Network, me: NodeId) -> Self {
        Proof { network, me, latest: SortedMap::new() }
    }

    /// Whether an offer is one that was taken before, or older: a retransmission or a replay.
    pub(super) fn is_repeat(&self, from: NodeId, offer: &Proposal) -> bool {
        self.latest.get(&from).is_some_and(|latest| {
            (offer.card.epoch, Some(offer.attempt)) <= (latest.epoch, latest.attempt)
        })
    }

    /// Verifies an offer that is no repeat, and remembers it.
    pub(super) fn verify_offer(
        &mut self,
        now: Time,
        from: NodeId,
        offer: &Proposal,
    ) -> Result<(), Unproved> {
        self.verify(false, from, offer)?;
        self.remember(now, from, offer.card.epoch, Some(offer.attempt));
        Ok(())
    }

    /// Verifies an answer. One of an earlier start of its author is stale.
    pub(super) fn verify_answer(
        &mut self,
        now: Time,
        from: NodeId,
        answer: &Proposal,
    ) -> Result<(), Unproved> {
        let latest = self.latest.get(&from).copied();
        if latest.is_some_and(|latest| answer.card.epoch < latest.epoch) {
            return Err(Unproved);
        }
        self.verify(true, from, answer)?;
        let attempt = latest
            .filter(|latest| latest.epoch == answer.card.epoch)
            .and_then(|latest| latest.attempt);
        self.remember(now, from, answer.card.epoch, attempt);
        Ok(())
    }

    fn verify(&self, answer: bool, from: NodeId, proposal: &Proposal) -> Result<(), Unproved> {
        let Proposal { card, attempt, permit, sdp, signature } = proposal;
        if !sdp::is_acceptable(sdp) || card.verify(&self.network) != Ok(from) {
            return Err(Unproved);
        }
        let signed = Proposal::signing_bytes(answer, card, self.me, *attempt, *permit, sdp);
        card.public_key.verify(&signed, signature).map_err(|_| Unproved)
    }

    fn remember(&mut self, now: Time, peer: NodeId, epoch: u64, attempt: Option<u64>) {
        if self.latest.len() as u64 >= u64::from(REMEMBERED_MAX) && !self.latest.contains_key(&peer)
        {
            let oldest = self.latest.iter().min_by_key(|(_, latest)| latest.seen);
            if let Some(oldest) = oldest.map(|(peer, _)| *peer) {
                self.latest.remove(&oldest);
            }
        }
        self.latest.insert(peer, Latest { epoch, attempt, seen: now });
    }
}
