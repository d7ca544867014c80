//! Who meets whom: two random members for a newcomer, one founder for an empty network.

use alloc::vec::Vec;

use base::{Bounded, NodeId, Time};

use super::{ConnectionId, FOUNDER_PATIENCE, GRACE, OWED_MAX, Room};
use crate::message::{ANCHORS_MAX, ServerMessage};

/// How long newcomers wait for a founder to become ready: about this many milliseconds, spread so
/// that they do not come back at once.
const FOUNDER_WAIT_MILLIS: u32 = 300;
/// How long newcomers wait for the members of a running network before they ask again.
const GRACE_WAIT_MILLIS: u32 = 1_000;
/// How long a peer waits that has spent its introductions.
const SPENT_WAIT_MILLIS: u32 = 5_000;

impl Room {
    /// A peer takes newcomers, or no longer does.
    pub(super) fn on_member(&mut self, peer: NodeId, ready: bool) {
        match (self.members.binary_search(&peer), ready) {
            (Err(at), true) => {
                self.members.insert(at, peer);
                self.member_seen = true;
                if self.founder.is_some_and(|(founder, _)| founder == peer) {
                    self.founder = None;
                }
            }
            (Ok(at), false) => {
                self.members.remove(at);
            }
            _ => {}
        }
    }

    pub(super) fn on_introduce(&mut self, now: Time, connection: ConnectionId, peer: NodeId) {
        let anchors = self.anchors_for(peer);
        if !anchors.is_empty() {
            return self.introduce(now, connection, peer, anchors);
        }
        // A member without links that asks and is the only one: its ring is the network.
        let answer = if self.members.binary_search(&peer).is_ok() {
            ServerMessage::Alone
        } else if self.other_founds(now, peer) {
            let jitter = u32::try_from(self.rng.below(100)).unwrap_or(0);
            ServerMessage::Wait { millis: FOUNDER_WAIT_MILLIS + jitter }
        } else if self.members_may_return(now) {
            self.waiting.insert(connection);
            ServerMessage::Wait { millis: GRACE_WAIT_MILLIS }
        } else {
            // Asking again does not prolong a founder's time.
            if !self.founder.is_some_and(|(founder, until)| founder == peer && until > now) {
                self.founder = Some((peer, now + FOUNDER_PATIENCE));
            }
            ServerMessage::Alone
        };
        self.send(connection, &answer);
    }

    fn introduce(
        &mut self,
        now: Time,
        connection: ConnectionId,
        peer: NodeId,
        anchors: Bounded<NodeId, ANCHORS_MAX>,
    ) {
        self.waiting.remove(&connection);
        let granted = self
            .connections
            .get_mut(&connection)
            .is_some_and(|newcomer| newcomer.introductions.take(now));
        if !granted {
            return self.send(connection, &ServerMessage::Wait { millis: SPENT_WAIT_MILLIS });
        }
        for anchor in &anchors {
            self.pairs.introduce(now, peer, *anchor);
            let at = *self.peers.get(anchor).expect("members are peers");
            if let Some(host) = self.connections.get_mut(&at) {
                host.owed = (host.owed + 1).min(OWED_MAX);
            }
            self.send(at, &ServerMessage::Visitor { peer });
        }
        self.stats.introductions += 1;
        self.send(connection, &ServerMessage::Introduced { anchors });
    }

    /// Up to [`ANCHORS_MAX`] different members, uniformly, never the asker.
    fn anchors_for(&mut self, peer: NodeId) -> Bounded<NodeId, ANCHORS_MAX> {
        // Places that may not be drawn, in ascending order; at most ANCHORS_MAX + 1.
        let mut taken: Vec<usize> = self.members.binary_search(&peer).into_iter().collect();
        let mut anchors = Vec::new();
        while anchors.len() < ANCHORS_MAX {
            let Some(mut at) = self.rng.index(self.members.len() - taken.len()) else { break };
            for place in &taken {
                at += usize::from(at >= *place);
            }
            anchors.push(self.members[at]);
            taken.insert(taken.partition_point(|place| *place < at), at);
        }
        Bounded::truncating(anchors)
    }

    /// Whether another peer was told to found the ring, is still here, and still has time.
    fn other_founds(&self, now: Time, peer: NodeId) -> bool {
        self.founder.is_some_and(|(founder, until)| {
            founder != peer && until > now && self.peers.contains_key(&founder)
        })
    }

    fn members_may_return(&self, now: Time) -> bool {
        self.config.may_have_members && !self.member_seen && now < self.started + GRACE
    }
}
