//! What is seen of each job: accepted, finished, asked for by its id by somebody who had no part in
//! it, and the verdict.

use base::{Duration, Time};
use node::JobId;

use super::scenario::Scenario;
use super::{Found, STEP};
use crate::HostId;
use crate::check::is_one_ring;

/// A job that takes longer is stuck. Splits do not count.
const FINISHED_MAX: Duration = Duration::from_secs(1_200);
/// A finished job is asked for within so long.
const ASKED_MAX: u64 = 900;
/// Whoever asks has everything after this long.
const SHOWN_MAX: Duration = Duration::from_secs(180);
/// Nodes that ask, one after the other, before the job counts as forgotten.
const ASKERS: u32 = 3;
/// After a split nobody asks for this long: the rings find each other.
const MENDING: Duration = Duration::from_secs(300);
/// Every job has its verdict this long after the last was submitted.
pub(super) const CLOSED_WITHIN: Duration =
    Duration::from_secs(FINISHED_MAX.as_secs() + SHOWN_MAX.as_secs() * (ASKERS as u64 + 1));

/// A job that is looked after.
pub(super) struct Case {
    creator: HostId,
    /// Without the time of splits.
    age: Duration,
    ask_at: Option<Time>,
    pub(super) asker: Option<(HostId, Time)>,
    askers: u32,
}

impl Case {
    pub(super) fn new(creator: HostId) -> Self {
        Case { creator, age: Duration::ZERO, ask_at: None, asker: None, askers: 0 }
    }
}

impl Scenario {
    pub(super) fn look(&mut self, found: &mut Found) {
        for job in self.cases.keys().copied().collect::<Vec<_>>() {
            let Some(mut case) = self.cases.remove(&job) else { continue };
            if !self.is_over(job, &mut case, found) {
                self.cases.insert(job, case);
            }
        }
    }

    /// Looks after one job; true when nothing more is to be seen of it.
    fn is_over(&mut self, job: JobId, case: &mut Case, found: &mut Found) -> bool {
        let Some(entry) = self.ledger.job(job) else { return true };
        let now = self.world.now();
        let (is_accepted, finished) = (entry.accepted.is_some(), entry.finished);
        let creator_lives = self.world.host(case.creator).is_alive();
        if !is_accepted && finished.is_none() && !creator_lives && case.age > SHOWN_MAX {
            found.unaccepted += 1;
            self.ledger.close(job);
            return true;
        }
        case.age += if self.world.is_parted() { Duration::ZERO } else { STEP };
        let is_late = case.age >= FINISHED_MAX;
        if finished.is_none() && !is_late {
            return false;
        }
        let ask_at = *case.ask_at.get_or_insert_with(|| {
            let wait = if is_late { 0 } else { self.world.draw(ASKED_MAX) };
            now + Duration::from_secs(wait)
        });
        let is_whole = !self.world.is_parted() && now.since(self.whole_since) >= MENDING;
        if now < ask_at || !is_whole {
            return false;
        }
        self.ask(job, case, found)
    }

    /// Somebody who has no part in the job asks for it; true once all is shown, or nobody can.
    fn ask(&mut self, job: JobId, case: &mut Case, found: &mut Found) -> bool {
        let now = self.world.now();
        let able = |host: &crate::Host| host.is_ready() && !host.frozen;
        let Some((asker, since)) = case.asker.filter(|(host, _)| able(self.world.host(*host)))
        else {
            let has_no_part =
                |host: &crate::Host| host.node().is_some_and(|node| node.job(job).is_none());
            if let Some(asker) = self.somebody(has_no_part) {
                self.world.drive(asker, peer::Input::Watch(job));
                case.asker = Some((asker, now));
            }
            return false;
        };
        let Some(entry) = self.ledger.job(job) else { return true };
        let shown = entry.shown(asker);
        if shown == entry.tasks {
            found.shown.push(now.since(since).as_secs_f64());
            let opened = entry.opened(asker).unwrap_or(now);
            found.opened.push(opened.since(since).as_secs_f64());
            self.end(job, case, found, Some(0));
            return true;
        }
        let is_refused = entry.is_refused(asker);
        if !is_refused && now.since(since) < SHOWN_MAX {
            return false;
        }
        case.asker = None;
        case.askers += 1;
        found.refused_once += u64::from(case.askers == 1);
        let lacks = entry.tasks - shown;
        let ring = if is_one_ring(&self.world) { "one ring" } else { "more than one ring" };
        found.notes.push(format!(
            "{:?}: {job:?} asked for by {asker:?}: {} (finished {:?}, accepted {:?}), {ring}",
            now,
            if is_refused { "nobody knows it".into() } else { format!("{lacks} lacking") },
            entry.finished,
            entry.accepted,
        ));
        if case.askers < ASKERS {
            return false;
        }
        let lost = (!is_refused).then(|| self.look_into(job, asker, found));
        self.end(job, case, found, lost);
        true
    }

    /// Of a job that was finished, what became of the results that nobody can be shown: how many are
    /// lost without an excuse.
    fn look_into(&self, job: JobId, asker: HostId, found: &mut Found) -> u32 {
        if self.ledger.job(job).is_none_or(|entry| entry.finished.is_none()) {
            return 0;
        }
        let mut lost = 0;
        for (task, is_excused, story) in self.ledger.missed(job, asker) {
            found.excused += u64::from(is_excused);
            lost += u32::from(!is_excused);
            found.notes.push(format!("{job:?}, task {task}: {story}"));
        }
        lost
    }

    /// The verdict: so many finished tiles are lost; `None` when nobody knows the job.
    fn end(&mut self, job: JobId, case: &Case, found: &mut Found, lost: Option<u32>) {
        for (task, _, story) in self.ledger.died(job, self.world.now()) {
            found.died += 1;
            found.notes.push(format!("{job:?}, task {task}: for a while nobody had it: {story}"));
        }
        let Some(entry) = self.ledger.close(job) else { return };
        found.accepted += u64::from(entry.accepted.is_some());
        found.owners += entry.epochs.len() as u64;
        found.wrong += entry.wrong;
        found.twice += entry.twice;
        if let Some(at) = entry.finished {
            found.took.push(at.since(entry.submitted).as_secs_f64());
        }
        let is_stuck = entry.finished.is_none() && case.age >= FINISHED_MAX;
        let is_counted = entry.accepted.is_some();
        found.stuck += u64::from(is_stuck && is_counted);
        match lost {
            None => found.forgotten += u64::from(is_counted),
            Some(lost) => found.lost_tiles += u64::from(lost),
        }
    }
}
