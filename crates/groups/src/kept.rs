//! Multicasts kept for a while, for neighbours that missed them.

use alloc::collections::VecDeque;

use base::{Duration, NodeId, SortedMap, Time};
use bytes::Bytes;
use wire::groups::{CastId, Group};

/// Multicasts kept, over all groups. Beyond it the oldest go.
const KEPT_MAX: usize = 1024;
/// Bytes in a second that a slow link carries: a multicast is not sent again while it may still be
/// under way.
const SLOW_BYTES: u64 = 128 * 1024;

#[derive(Clone, Debug)]
struct Body {
    bytes: Bytes,
    at: Time,
    /// When it was last sent again, to neighbours: as many as a node has in the group.
    resent: SortedMap<NodeId, Time>,
}

/// The bodies, within bounds of number, bytes and age.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    bodies: SortedMap<(Group, CastId), Body>,
    /// The oldest first; what left its group earlier is passed over.
    order: VecDeque<(Time, Group, CastId)>,
    bytes: usize,
    bytes_max: usize,
}

impl Kept {
    pub(crate) fn new(bytes_max: usize) -> Self {
        Kept { bodies: SortedMap::new(), order: VecDeque::new(), bytes: 0, bytes_max }
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn insert(&mut self, now: Time, group: Group, cast: CastId, bytes: Bytes) {
        if bytes.len() > self.bytes_max || self.bodies.contains_key(&(group, cast)) {
            return;
        }
        self.bytes += bytes.len();
        self.bodies.insert((group, cast), Body { bytes, at: now, resent: SortedMap::new() });
        self.order.push_back((now, group, cast));
        while self.bytes > self.bytes_max || self.order.len() > KEPT_MAX {
            self.drop_oldest();
        }
    }

    /// The body for a neighbour that asks, unless it was sent there so lately that it may still be
    /// under way.
    pub(crate) fn again(
        &mut self,
        now: Time,
        group: Group,
        cast: CastId,
        to: NodeId,
        patience: Duration,
    ) -> Again {
        let Some(body) = self.bodies.get_mut(&(group, cast)) else { return Again::Absent };
        let sent = body.resent.get(&to).copied().unwrap_or(body.at);
        let way = Duration::from_millis(body.bytes.len() as u64 * 1000 / SLOW_BYTES);
        if now < sent + patience + way {
            return Again::UnderWay;
        }
        body.resent.insert(to, now);
        Again::Send(body.bytes.clone())
    }

    /// Drops what is older than `before`.
    pub(crate) fn expire(&mut self, before: Time) {
        while self.order.front().is_some_and(|(at, ..)| *at < before) {
            self.drop_oldest();
        }
    }

    pub(crate) fn forget_group(&mut self, group: Group) {
        self.order.retain(|(_, other, _)| *other != group);
        let bytes = &mut self.bytes;
        self.bodies.retain(|(other, _), body| {
            if *other == group {
                *bytes -= body.bytes.len();
            }
            *other != group
        });
    }

    pub(crate) fn forget_neighbour(&mut self, peer: NodeId) {
        for body in self.bodies.values_mut() {
            body.resent.remove(&peer);
        }
    }

    fn drop_oldest(&mut self) {
        let Some((_, group, cast)) = self.order.pop_front() else { return };
        if let Some(body) = self.bodies.remove(&(group, cast)) {
            self.bytes -= body.bytes.len();
        }
    }
}

/// What becomes of a request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Again {
    /// Send this.
    Send(Bytes),
    /// It was sent, and may still arrive.
    UnderWay,
    /// It is not here.
    Absent,
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use wire::groups::Stream;

    fn cast(number: u64) -> CastId {
        CastId { stream: Stream { origin: NodeId::new(1), nonce: 0 }, number }
    }

    #[test]
    fn the_oldest_make_room_and_the_old_go() {
        let (group, other) = (Group::new(1), Group::new(2));
        let mut kept = Kept::new(100);
        for number in 0..4 {
            kept.insert(Time::from_millis(number), group, cast(number), vec![0; 30].into());
        }
        kept.insert(Time::from_millis(9), other, cast(9), vec![0; 101].into());
        assert_eq!(kept.bytes(), 90);
        let mut again = |group, number| {
            let (to, late) = (NodeId::new(7), Time::from_millis(60_000));
            matches!(kept.again(late, group, cast(number), to, Duration::ZERO), Again::Send(_))
        };
        assert!(!again(group, 0) && again(group, 1) && again(group, 3) && !again(other, 9));
        kept.expire(Time::from_millis(3));
        assert_eq!(kept.bytes(), 30);
        kept.forget_group(group);
        assert_eq!((kept.bytes(), kept.order.len()), (0, 0));
    }

    #[test]
    fn what_may_be_under_way_is_not_sent_again() {
        let (group, to) = (Group::new(1), NodeId::new(7));
        let patience = Duration::from_secs(1);
        let mut kept = Kept::new(1 << 20);
        kept.insert(Time::ZERO, group, cast(1), vec![0; 2 * 128 * 1024].into());
        let mut again = |millis| {
            kept.again(Time::from_millis(millis), group, cast(1), to, patience) != Again::UnderWay
        };
        assert!(!again(2999) && again(3000) && !again(3001) && again(6000));
    }
}
