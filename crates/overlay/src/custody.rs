//! Messages that this node answers for until somebody else has taken them over.
//!
//! State only: what is kept, up to which bounds, and when it is looked at again. Where a message
//! goes is decided in `route` and `hop`.

use alloc::vec::Vec;

use base::{Duration, NodeId, Time};
use bytes::Bytes;
use wire::overlay::{MessageId, Routed};

use crate::hop::Way;
use crate::message_map::MessageMap;
use crate::recent::{Delivered, Passed};
use crate::retries::Retries;

/// Messages in custody. When full, a message that has a way is passed on without being kept, and
/// one that has none is not taken: the previous hop keeps it.
const CUSTODY_MAX: usize = 512;
/// Bytes of the bodies in custody; the same happens.
const CUSTODY_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Retransmission timeout before the first acknowledgement was measured, and its bounds (FreePastry
/// has the same shape: tight, because there are other ways).
pub(crate) const RTO_FIRST: Duration = Duration::from_secs(1);
const RTO_MIN: Duration = Duration::from_millis(100);
const RTO_MAX: Duration = Duration::from_secs(3);
/// From the least timeout to the greatest.
const DOUBLINGS_MAX: u32 = 5;

/// The smoothed round trip of one link (RFC 6298).
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Rtt {
    smoothed: Option<Duration>,
    variation: Duration,
    /// Times that the timeout was too short since the last sample: late answers give none.
    doublings: u32,
    /// The last of them.
    doubled: Time,
}

impl Rtt {
    pub(crate) fn sample(&mut self, rtt: Duration) {
        self.doublings = 0;
        let Some(smoothed) = self.smoothed else {
            self.smoothed = Some(rtt);
            self.variation = rtt / 2;
            return;
        };
        let error = rtt.abs_diff(smoothed);
        self.variation = (self.variation * 3 + error) / 4;
        self.smoothed = Some((smoothed * 7 + rtt) / 8);
    }

    /// What was sent at `sent` was not answered in time. Once for all that were on their way then.
    pub(crate) fn back_off(&mut self, now: Time, sent: Time) {
        if self.doublings == 0 || sent >= self.doubled {
            self.doublings = (self.doublings + 1).min(DOUBLINGS_MAX);
            self.doubled = now;
        }
    }

    pub(crate) fn timeout(&self) -> Duration {
        let first = match self.smoothed {
            Some(smoothed) => (smoothed + self.variation * 4).clamp(RTO_MIN, RTO_MAX),
            None => RTO_FIRST,
        };
        (first * (1 << self.doublings)).min(RTO_MAX)
    }
}

/// A message that nobody else answers for.
#[derive(Clone, Debug)]
pub(crate) struct Custody {
    pub(crate) routed: Routed,
    pub(crate) from: Option<NodeId>,
    /// The previous hop was told that it is here.
    pub(crate) acknowledged: bool,
    pub(crate) relayed: bool,
    /// Whom it was sent to; `None` while it waits for a way.
    pub(crate) hop: Option<NodeId>,
    pub(crate) tried: Vec<NodeId>,
    /// It came once more after the next hop had taken it: that one may throw away what it takes.
    pub(crate) again: bool,
    /// Times it had to wait.
    pub(crate) round: u8,
    pub(crate) sends: u8,
    pub(crate) since: Time,
    pub(crate) sent: Time,
    pub(crate) due: Time,
}

impl Custody {
    /// The message as far as its way is concerned.
    pub(crate) fn way(&self) -> Way<'_> {
        let Routed { key, target, via, .. } = self.routed;
        let (from, relayed, again, round) = (self.from, self.relayed, self.again, self.round);
        let moves = self.tried.is_empty() && !again && round == 0;
        Way { key, target, via, from, relayed, tried: &self.tried, again, round, moves }
    }
}

/// The state of this conversation.
#[derive(Debug)]
pub(crate) struct Routes {
    pub(crate) number: u64,
    pub(crate) custody: MessageMap<Custody>,
    /// Nothing is due before then. Most messages are let go long before they are due, so this is
    /// put right only when it has come, or nothing is left.
    next: Option<Time>,
    bytes: u64,
    pub(crate) delivered: Delivered,
    pub(crate) passed: Passed,
    pub(crate) retries: Retries,
}

impl Routes {
    pub(crate) fn new(secret: u64, now: Time) -> Self {
        Routes {
            number: 0,
            custody: MessageMap::new(secret),
            next: None,
            bytes: 0,
            delivered: Delivered::new(secret),
            passed: Passed::new(secret),
            retries: Retries::new(now),
        }
    }

    pub(crate) fn next_due(&self) -> Option<Time> {
        self.next
    }

    pub(crate) fn has_room(&self, body: &Bytes) -> bool {
        self.custody.len() < CUSTODY_MAX && self.bytes + body.len() as u64 <= CUSTODY_BYTES_MAX
    }

    pub(crate) fn keep(&mut self, custody: Custody) {
        self.bytes += custody.routed.body.len() as u64;
        self.next = Some(self.next.map_or(custody.due, |next| next.min(custody.due)));
        self.custody.insert(custody.routed.id, custody);
    }

    pub(crate) fn release(&mut self, id: &MessageId) -> Option<Custody> {
        let custody = self.custody.remove(id)?;
        self.bytes -= custody.routed.body.len() as u64;
        if self.custody.is_empty() {
            self.next = None;
        }
        Some(custody)
    }

    /// Those that `concerns` holds for, in the order of their names.
    pub(crate) fn held_for(&self, concerns: impl Fn(&Custody) -> bool) -> Vec<MessageId> {
        let held = self.custody.iter().filter(|(_, custody)| concerns(custody));
        base::in_order(held.map(|(id, _)| *id))
    }

    /// Those that are due, in the order in which they came to be. The caller sends each on, keeps it
    /// anew, or lets it go.
    pub(crate) fn take_due(&mut self, now: Time) -> Vec<MessageId> {
        if self.next.is_none_or(|next| next > now) {
            return Vec::new();
        }
        let all = self.custody.iter().map(|(id, custody)| (custody.due, *id));
        let (due, rest): (Vec<_>, Vec<_>) = all.partition(|(at, _)| *at <= now);
        self.next = rest.into_iter().map(|(at, _)| at).min();
        base::in_order(due).into_iter().map(|(_, id)| id).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_doubles_once_for_what_was_sent_together_until_a_sample() {
        let at = |millis| Time::ZERO + Duration::from_millis(millis);
        let mut rtt = Rtt::default();
        rtt.sample(Duration::from_millis(40));
        let first = rtt.timeout();
        for _ in 0..5 {
            rtt.back_off(at(500), at(100));
        }
        assert_eq!(rtt.timeout(), first * 2);
        rtt.back_off(at(900), at(600));
        assert_eq!(rtt.timeout(), first * 4);
        for late in 0..20 {
            rtt.back_off(at(2_000 + late), at(2_000 + late));
        }
        assert_eq!(rtt.timeout(), RTO_MAX);
        rtt.sample(Duration::from_millis(40));
        assert!(rtt.timeout() <= first);
    }
}
