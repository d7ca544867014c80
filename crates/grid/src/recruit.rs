//! How a job with open tasks finds workers: idle peers are members of one group, and the owner
//! walks through it with an offer until enough have accepted. Peers that are busy do not hear of
//! jobs.

use base::{Key, Time};
use wire::grid::{JobId, Message};

use crate::board::MEMBERS_MAX;
use crate::job::Job;
use crate::{Grid, JobState, Output};

/// The group of the idle: the hash of `millefeuille/idle/1`.
pub const IDLE_KEY: Key = Key::new(0xf9dd_19d3_60c1_4f48_997f_9a69_6e0c_e89f);

/// An owner with open tasks looks for idle peers this often in a heartbeat. Chosen: a newcomer
/// waits for half a second at most, and a walk through an empty group is one message to its root.
const WALKS_PER_HEARTBEAT: u32 = 4;
/// How often at first, each pause twice the one before: whoever has just joined may not be where
/// the group looks for it, and a small job is over in that half second.
const WALKS_PER_HEARTBEAT_AT_FIRST: u32 = 32;
/// Workers that one walk looks for: a walk visits one peer after the other.
const WALK_WANTED_MAX: u16 = 16;
/// Walks at once for one job.
const WALKS_MAX: u32 = 4;
/// Waiting workers that are looked at for stragglers each time.
const HELPERS_MAX: usize = 16;

impl Grid {
    /// As owner, from time to time: looks for workers, and for stragglers.
    pub(crate) fn recruit_due(&mut self, now: Time) {
        let longest = self.config.heartbeat / WALKS_PER_HEARTBEAT;
        let shortest = self.config.heartbeat / WALKS_PER_HEARTBEAT_AT_FIRST;
        for id in self.owned() {
            let Some(owned) = self.jobs.get_mut(&id).and_then(Job::owned) else { continue };
            if owned.recruit_at > now {
                continue;
            }
            owned.recruit_pause = (owned.recruit_pause * 2).clamp(shortest, longest);
            owned.recruit_at = now + owned.recruit_pause;
            self.recruit(id);
            self.help_stragglers(now, id);
        }
    }

    /// Offers an own job to as many idle peers as it has open tasks, while there is room.
    pub(crate) fn recruit(&mut self, job: JobId) {
        let (me, ready) = (self.me, self.ready);
        let Some(owned) = self.jobs.get_mut(&job).and_then(Job::owned).filter(|_| ready) else {
            return;
        };
        let room = MEMBERS_MAX.saturating_sub(owned.board.member_count());
        let room = u32::try_from(room).unwrap_or(u32::MAX);
        let mut wanted = owned.board.open_count().min(room);
        for _ in 0..WALKS_MAX {
            let count = u16::try_from(wanted).unwrap_or(u16::MAX).min(WALK_WANTED_MAX);
            if count == 0 {
                return;
            }
            wanted -= u32::from(count);
            let message = Message::Invite { job, owner: me };
            self.outputs.push_back(Output::Anycast { group: IDLE_KEY, wanted: count, message });
        }
    }

    /// Near the end of a job: the idle among its workers repeat what takes others too long.
    fn help_stragglers(&mut self, now: Time, id: JobId) {
        let Some(owned) = self.jobs.get_mut(&id).and_then(Job::owned) else { return };
        if owned.board.open_count() > 0 {
            return;
        }
        for worker in owned.board.waiting().into_iter().take(HELPERS_MAX) {
            let Some(owned) = self.jobs.get_mut(&id).and_then(Job::owned) else { return };
            let Some(task) = owned.board.grant_straggler(worker, now) else { continue };
            self.lease_out(now, id, worker, [task].into());
        }
    }

    /// A walk came by.
    pub(crate) fn on_offered(&mut self, now: Time, walk: u64, message: &Message) {
        let accepted = match *message {
            Message::Invite { job, owner } => self.on_invite(now, job, owner),
            _ => false,
        };
        self.outputs.push_back(Output::Answer { walk, accepted });
    }

    /// Free slots and nothing to do: no task in hand or in reach, nothing to fetch.
    pub(crate) fn is_idle(&self) -> bool {
        let is_quiet = |job: &Job| match (&job.role, job.state) {
            (crate::job::Role::Participant(joined), JobState::Running) => {
                !joined.works || joined.is_starved()
            }
            (_, JobState::Finished) => job.fetch.is_idle(),
            _ => true,
        };
        self.ready
            && self.worker.slots > 0
            && self.worker.held_count() == 0
            && self.candidate.is_none()
            && !self.has_own_open()
            && self.jobs.values().filter(|job| job.is_running()).count() < crate::JOBS_MAX
            && self.jobs.values().all(is_quiet)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_the_hash_of_its_name() {
        assert_eq!(IDLE_KEY, Key::hash_of(&[b"millefeuille/idle/1"]));
    }
}
