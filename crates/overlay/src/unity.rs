//! One ring: finding out whether there is another (pastry.md §1.1 rule 11, FreePastry's partition
//! check).
//!
//! Two rings can come of one by a split of the network or by newcomers who met too early. Neither
//! sees the other: each is right by its own leaf sets. So each node now and then does two things.
//! It asks a peer far away where its own id leads, as a newcomer would: in one ring to itself or a
//! neighbour, else to a stranger who must be a neighbour. And it calls one of those whom it lost
//! without a goodbye, with datagrams only after it lost many neighbours at once. Whoever answers is
//! probed, and the leaf sets do the rest. Over links neither leads out of a ring that has no link to
//! the other; then it takes an introducer, who names a peer to whoever has a ring already
//! ([`crate::Input::Join`]): that peer is asked in the same way.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use base::{Bounded, Duration, NodeId, Time};
use wire::overlay::{Contact, JOIN_ROWS_MAX, LeafState, Message, Row};

use crate::{Overlay, random_part};

/// Between two checks.
const CHECK_TIME: Duration = Duration::from_secs(240);
/// Lost contacts remembered, the latest. When full, the oldest is given up.
const LOST_MAX: usize = 32;
/// So many members of the leaf set lost within so long may be a split of the network: one side of it
/// at least, the smaller, loses half of its neighbours or more. So does a leaf set that loses as many
/// as it keeps.
const SPLIT_LOSSES: usize = 4;
const SPLIT_TIME: Duration = Duration::from_secs(60);
/// How long a lost contact is called after what may have been a split.
const LOST_RETENTION: Duration = Duration::from_secs(60 * 60);

/// The state of this conversation.
#[derive(Clone, Debug)]
pub(crate) struct Unity {
    next: Time,
    /// Asked, through whom.
    attempt: Option<(u64, NodeId)>,
    lost: VecDeque<(Contact, Time)>,
    /// When the last members of the leaf set were found dead.
    near: VecDeque<Time>,
    /// The lost are called until then.
    calls_until: Time,
}

impl Unity {
    pub(crate) fn new(now: Time) -> Self {
        let (lost, near) = (VecDeque::new(), VecDeque::new());
        Unity { next: now, attempt: None, lost, near, calls_until: Time::ZERO }
    }

    /// `contact` was found dead, which it may not be. `near`: members that the leaf set has left, if it
    /// was one.
    pub(crate) fn note_lost(&mut self, now: Time, contact: Contact, near: Option<usize>) {
        self.note_found(contact.id);
        if let Some(left) = near {
            self.near.push_back(now);
            self.near.retain(|at| now.since(*at) < SPLIT_TIME);
            if self.near.len() >= SPLIT_LOSSES || self.near.len() >= left {
                self.near.clear();
                self.calls_until = now + LOST_RETENTION;
            }
        }
        if self.lost.len() >= LOST_MAX {
            self.lost.pop_front();
        }
        self.lost.push_back((contact, now));
    }

    pub(crate) fn note_found(&mut self, id: NodeId) {
        self.lost.retain(|(contact, _)| contact.id != id);
    }
}

impl Overlay {
    /// Called at every beat.
    pub(crate) fn check_unity(&mut self) {
        if !self.ready || self.now < self.unity.next {
            return;
        }
        // The first one comes soon: a burst of newcomers is when rings split.
        self.unity.next =
            self.now + CHECK_TIME * 7 / 8 + random_part(&mut self.rng, CHECK_TIME / 4);
        if let Some(through) = self.somebody_far() {
            self.ask_where_i_belong(through);
        }
        self.call_a_lost_one();
    }

    fn somebody_far(&mut self) -> Option<NodeId> {
        let linked = self.links.open().filter(|link| link.ready && !link.suspect);
        let linked: Vec<NodeId> = linked.map(|link| link.contact.id).collect();
        let far: Vec<NodeId> =
            linked.iter().copied().filter(|id| !self.leaf.contains(*id)).collect();
        let candidates = if far.is_empty() { linked } else { far };
        self.rng.pick(&candidates).copied()
    }

    /// Asks a linked peer, which may be of another ring.
    pub(crate) fn ask_where_i_belong(&mut self, through: NodeId) {
        let attempt = self.rng.next_u64();
        self.unity.attempt = Some((attempt, through));
        let (joiner, rows) = (self.me, Bounded::new());
        let message = Message::Join { joiner, attempt, via: through, hops: 0, rows };
        self.send_by(through, None, message);
    }

    /// The answer names this node's neighbours as somebody else sees them.
    pub(crate) fn on_unity_reply(
        &mut self,
        from: Contact,
        attempt: u64,
        rows: &Bounded<Row, JOIN_ROWS_MAX>,
        leaf: &LeafState,
    ) {
        let is_it = |(asked, _): &mut (u64, NodeId)| *asked == attempt;
        if let Some((_, through)) = self.unity.attempt.take_if(is_it)
            && self.ready
        {
            self.learn_answer(Some(through), from, rows, leaf);
        }
    }

    fn call_a_lost_one(&mut self) {
        let now = self.now;
        // Over links a member may be thought dead because no way to it was found: those are always
        // called.
        if self.is_direct() && now >= self.unity.calls_until {
            return;
        }
        self.unity.lost.retain(|(_, at)| now.since(*at) < LOST_RETENTION);
        if let Some(at) = self.rng.index(self.unity.lost.len())
            && let Some((contact, _)) = self.unity.lost.get(at).copied()
        {
            self.probe(contact, true);
        }
    }
}
