//! How a job with open tasks finds idle peers: both speak to the root of one well-known key, and
//! the root sends some of the idle to whoever recruits.
//!
//! Everything the root keeps is soft: it is repeated each heartbeat and forgotten after three, so
//! a root that is replaced takes nothing with it. Peers that are busy do not hear about jobs.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use base::{Duration, Key, NodeId, Rng, Time};
use wire::grid::{JobId, Message, PARTICIPANTS_MAX};

use crate::job::Role;
use crate::{Grid, Output};

/// Where idle peers and recruiting owners meet: the hash of `millefeuille/idle/1`.
pub const IDLE_KEY: Key = Key::new(0xf9dd_19d3_60c1_4f48_997f_9a69_6e0c_e89f);

/// Idle peers kept at the root. Beyond it an announcement is ignored; the peer repeats it.
const IDLE_MAX: usize = 4096;
/// Recruiting jobs kept at the root. Beyond it a call is ignored; the owner repeats it.
const RECRUITS_MAX: usize = 512;
/// Recruiting jobs of one owner, so that nobody fills the list alone. Beyond it, as above.
const RECRUITS_PER_OWNER_MAX: usize = 4;
/// Heartbeats for which the root believes an announcement.
const SOFT_HEARTBEATS: u32 = 3;

#[derive(Clone, Copy, Debug)]
struct Recruit {
    wanted: u16,
    until: Time,
}

/// What the root of [`IDLE_KEY`] remembers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Meeting {
    idle: BTreeMap<NodeId, Time>,
    recruits: BTreeMap<(NodeId, JobId), Recruit>,
}

impl Meeting {
    pub(crate) fn forget_old(&mut self, now: Time) {
        self.idle.retain(|_, until| *until > now);
        self.recruits.retain(|_, recruit| recruit.until > now);
    }

    pub(crate) fn forget(&mut self, peer: NodeId) {
        self.idle.remove(&peer);
        self.recruits.retain(|(owner, _), _| *owner != peer);
    }

    pub(crate) fn clear(&mut self) {
        *self = Meeting::default();
    }

    /// `peer` has this many free slots. Returns the job to send it to, and the job's owner.
    fn announce(&mut self, peer: NodeId, slots: u16, until: Time, rng: &mut Rng) -> Option<Offer> {
        self.idle.remove(&peer);
        if slots == 0 {
            return None;
        }
        // An owner is drawn first, then its job: many jobs give nobody more than its share.
        let mut owners: Vec<NodeId> = self.recruits.keys().map(|(owner, _)| *owner).collect();
        owners.dedup();
        owners.retain(|owner| *owner != peer);
        let Some(owner) = rng.pick(&owners) else {
            if self.idle.len() < IDLE_MAX {
                self.idle.insert(peer, until);
            }
            return None;
        };
        let jobs: Vec<JobId> =
            self.recruits.keys().filter(|k| k.0 == *owner).map(|k| k.1).collect();
        let offer = Offer { owner: *owner, job: *rng.pick(&jobs)? };
        let recruit = self.recruits.get_mut(&(offer.owner, offer.job))?;
        recruit.wanted -= 1;
        if recruit.wanted == 0 {
            self.recruits.remove(&(offer.owner, offer.job));
        }
        Some(offer)
    }

    /// `offer` could use this many workers. Returns the peers to send there.
    fn recruit(&mut self, offer: Offer, wanted: u16, until: Time, rng: &mut Rng) -> Vec<NodeId> {
        let place = (offer.owner, offer.job);
        self.recruits.remove(&place);
        let mut idle: Vec<NodeId> =
            self.idle.keys().copied().filter(|peer| *peer != offer.owner).collect();
        rng.shuffle(&mut idle);
        idle.truncate(usize::from(wanted));
        for peer in &idle {
            self.idle.remove(peer);
        }
        let wanted = wanted.saturating_sub(u16::try_from(idle.len()).unwrap_or(u16::MAX));
        let of_owner = self.recruits.keys().filter(|(owner, _)| *owner == offer.owner).count();
        let room = self.recruits.len() < RECRUITS_MAX && of_owner < RECRUITS_PER_OWNER_MAX;
        if wanted > 0 && room {
            self.recruits.insert(place, Recruit { wanted, until });
        }
        idle
    }
}

/// A job that an idle peer may join.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Offer {
    owner: NodeId,
    job: JobId,
}

impl Grid {
    /// A message to the idle key arrived at its root.
    pub(crate) fn on_delivered(&mut self, now: Time, key: Key, from: NodeId, message: &Message) {
        let until = now + self.soft_time();
        match (key == IDLE_KEY, message) {
            (true, &Message::Idle { slots }) => {
                if let Some(offer) = self.meeting.announce(from, slots, until, &mut self.rng) {
                    self.invite(now, from, offer);
                }
            }
            (true, &Message::Recruit { job, wanted }) => {
                let offer = Offer { owner: from, job };
                for peer in self.meeting.recruit(offer, wanted, until, &mut self.rng) {
                    self.invite(now, peer, offer);
                }
            }
            _ => self.counters.ignored += 1,
        }
    }

    fn invite(&mut self, now: Time, peer: NodeId, offer: Offer) {
        if peer == self.me {
            self.on_invite(now, offer.job, offer.owner);
        } else {
            self.send(peer, Message::Invite { job: offer.job, owner: offer.owner });
        }
    }

    /// A newcomer that became the root of the idle key knows nobody. It is told soon: once for all
    /// the changes that one arrival makes, and not by everybody at once.
    pub(crate) fn on_roots_moved(&mut self, now: Time) {
        if self.announce_at.is_none() {
            let quarter = self.config.heartbeat / 4;
            let jitter = self.rng.below(u64::try_from(quarter.as_micros() / 4).unwrap_or(0));
            self.announce_at = Some(now + quarter / 4 + Duration::from_micros(jitter));
        }
    }

    /// Each heartbeat, and when the overlay begins to route: says again who is idle here.
    pub(crate) fn announce_anew(&mut self) {
        self.announce_at = None;
        if !self.ready {
            return;
        }
        if self.is_idle() {
            self.is_announced = true;
            self.route_idle(self.worker.slots);
        }
        for job in self.running(true) {
            self.recruit(job);
        }
    }

    /// Tells the idle key what changed: this node became idle or busy, or a job wants nobody any
    /// more.
    pub(crate) fn announce_changes(&mut self) {
        if !self.ready {
            self.is_announced = false;
            return;
        }
        let is_idle = self.is_idle();
        if is_idle != self.is_announced {
            self.is_announced = is_idle;
            // The root took an invited peer off its list by itself.
            if is_idle || self.candidate.is_none() {
                self.route_idle(if is_idle { self.worker.slots } else { 0 });
            }
        }
        for job in self.running(true) {
            let recruits = |job: &crate::job::Job| match &job.role {
                Role::Owner(owned) => owned.recruiting && owned.board.open_count() == 0,
                Role::Participant(_) => false,
            };
            if self.jobs.get(&job).is_some_and(recruits) {
                self.recruit(job);
            }
        }
    }

    /// Says how many workers an own job could use: one for each open task, while there is room.
    pub(crate) fn recruit(&mut self, job: JobId) {
        let Some(owned) = self.jobs.get_mut(&job).and_then(|job| job.owned()) else { return };
        let room = PARTICIPANTS_MAX.saturating_sub(owned.board.member_count());
        let room = u16::try_from(room).unwrap_or(u16::MAX);
        let wanted = u16::try_from(owned.board.open_count()).unwrap_or(u16::MAX).min(room);
        if self.ready && (wanted > 0 || owned.recruiting) {
            owned.recruiting = wanted > 0;
            self.outputs.push_back(Output::Route {
                key: IDLE_KEY,
                message: Message::Recruit { job, wanted },
            });
        }
    }

    fn route_idle(&mut self, slots: u16) {
        self.outputs.push_back(Output::Route { key: IDLE_KEY, message: Message::Idle { slots } });
    }

    fn soft_time(&self) -> Duration {
        self.config.heartbeat * SOFT_HEARTBEATS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Time = Time::from_millis(6000);

    fn node(value: u128) -> NodeId {
        NodeId::new(value)
    }

    fn offer(owner: u128, job: u128) -> Offer {
        Offer { owner: node(owner), job: JobId::new(job) }
    }

    #[test]
    fn the_key_is_the_hash_of_its_name() {
        assert_eq!(IDLE_KEY, Key::hash_of(&[b"millefeuille/idle/1"]));
    }

    #[test]
    fn either_may_come_first() {
        let (mut meeting, mut rng) = (Meeting::default(), Rng::new(1));
        assert_eq!(meeting.announce(node(1), 2, SOON, &mut rng), None);
        assert_eq!(meeting.announce(node(2), 2, SOON, &mut rng), None);
        assert_eq!(meeting.announce(node(2), 0, SOON, &mut rng), None, "no longer idle");
        assert_eq!(meeting.recruit(offer(9, 90), 2, SOON, &mut rng), [node(1)]);
        assert_eq!(meeting.announce(node(9), 1, SOON, &mut rng), None, "not to itself");
        assert_eq!(meeting.announce(node(3), 1, SOON, &mut rng), Some(offer(9, 90)));
        assert_eq!(meeting.announce(node(4), 1, SOON, &mut rng), None, "it has all it wanted");
    }

    #[test]
    fn what_is_not_repeated_is_forgotten() {
        let (mut meeting, mut rng) = (Meeting::default(), Rng::new(1));
        meeting.announce(node(1), 1, SOON, &mut rng);
        meeting.forget_old(SOON);
        assert_eq!(meeting.recruit(offer(9, 90), 5, SOON, &mut rng), []);
        meeting.forget_old(SOON);
        assert_eq!(meeting.announce(node(1), 1, SOON, &mut rng), None);
        meeting.forget(node(1));
        assert_eq!(meeting.recruit(offer(9, 90), 5, SOON, &mut rng), []);
    }

    #[test]
    fn the_lists_are_bounded_and_no_owner_fills_them() {
        let (mut meeting, mut rng) = (Meeting::default(), Rng::new(1));
        for job in 0..10_000 {
            meeting.recruit(offer(9, job), u16::MAX, SOON, &mut rng);
        }
        assert_eq!(meeting.recruits.len(), RECRUITS_PER_OWNER_MAX);
        meeting.recruit(offer(8, 1), u16::MAX, SOON, &mut rng);
        let mut of_eight = 0;
        for peer in 100..1100 {
            let found = meeting.announce(node(peer), 1, SOON, &mut rng);
            of_eight += u32::from(found.is_some_and(|found| found.owner == node(8)));
        }
        assert!((400..600).contains(&of_eight), "{of_eight}");
        meeting.clear();
        for peer in 0..10_000 {
            meeting.announce(node(peer), 1, SOON, &mut rng);
        }
        assert_eq!(meeting.idle.len(), IDLE_MAX);
    }
}
