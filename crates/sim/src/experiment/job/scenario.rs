//! What happens: sessions end, hosts stand still, the network splits, jobs are submitted.

use std::collections::{BTreeMap, BTreeSet};

use base::{Duration, Time};
use node::JobId;

use super::cases::Case;
use super::{Found, STEP};
use crate::check::{End, Ledger, is_one_ring};
use crate::ring::Sessions;
use crate::{HostConfig, HostId, Work, World};

const SESSIONS: Sessions = Sessions::Exponential { median: Duration::from_secs(300) };

/// In 100 ends of sessions: without a word, with a goodbye; the others stand still and come back.
const KILLS: u64 = 50;
const GOODBYES: u64 = 40;
const FROZEN_MAX: u64 = 90;

/// Between two submissions, at most twice that.
const PAUSE: u64 = 40;
const TASKS: u32 = 60;
const WORK: Work = Work { salt: 0, cost: Duration::from_secs(12), result_bytes: 600 };

/// One split an hour, for so long.
const HOUR: Duration = Duration::from_secs(3_600);
const SPLIT: Duration = Duration::from_secs(300);

/// The world of the experiment, and what is due in it.
pub(super) struct Scenario {
    pub(super) world: World,
    config: HostConfig,
    pub(super) ledger: Ledger,
    /// Who goes when.
    ends: BTreeMap<HostId, Time>,
    thaws: BTreeMap<HostId, Time>,
    /// Who is on its way out with a goodbye.
    leaving: BTreeSet<HostId>,
    pub(super) cases: BTreeMap<JobId, Case>,
    jobs: u64,
    submit_at: Time,
    split_at: Time,
    pub(super) whole_since: Time,
    /// The network is whole again, and its rings may not be one yet.
    mends: bool,
}

impl Scenario {
    pub(super) fn new(mut world: World, nodes: u32) -> Self {
        world.note_values();
        let now = world.now();
        let mut scenario = Scenario {
            config: world.host(HostId(0)).config,
            world,
            ledger: Ledger::default(),
            ends: BTreeMap::new(),
            thaws: BTreeMap::new(),
            leaving: BTreeSet::new(),
            cases: BTreeMap::new(),
            jobs: 0,
            submit_at: now,
            split_at: now + HOUR / 2,
            whole_since: now,
            mends: false,
        };
        (0..nodes).map(HostId).for_each(|host| scenario.sentence(host));
        scenario
    }

    fn sentence(&mut self, host: HostId) {
        let session = SESSIONS.draw(&mut self.world.rng);
        self.ends.insert(host, self.world.now() + Duration::from_secs_f64(session));
    }

    pub(super) fn step(&mut self, found: &mut Found, goes_on: bool) {
        self.world.run_for(STEP);
        self.thaw();
        self.end_sessions(found);
        if goes_on {
            self.split(found);
            self.submit(found);
        }
        self.mend(found);
        self.listen();
        self.look(found);
    }

    fn thaw(&mut self) {
        let now = self.world.now();
        let due: Vec<HostId> =
            self.thaws.iter().filter(|(_, at)| **at <= now).map(|(host, _)| *host).collect();
        for host in due {
            self.thaws.remove(&host);
            self.world.thaw(host);
            self.sentence(host);
        }
    }

    fn end_sessions(&mut self, found: &mut Found) {
        let now = self.world.now();
        let due: Vec<HostId> =
            self.ends.iter().filter(|(_, at)| **at <= now).map(|(host, _)| *host).collect();
        for host in due {
            self.ends.remove(&host);
            found.ends += 1;
            match self.world.draw(100) {
                0..KILLS => {
                    self.world.kill(host);
                    self.replace();
                }
                at if at < KILLS + GOODBYES => {
                    self.world.leave(host);
                    self.leaving.insert(host);
                    self.replace();
                }
                _ => {
                    self.world.freeze(host);
                    let span = Duration::from_secs(1 + self.world.draw(FROZEN_MAX));
                    self.thaws.insert(host, now + span);
                }
            }
        }
    }

    fn replace(&mut self) {
        let host = self.world.start(self.config);
        self.sentence(host);
    }

    fn split(&mut self, found: &mut Found) {
        let now = self.world.now();
        if now < self.split_at {
            return;
        }
        if self.world.is_parted() {
            self.world.heal();
            self.whole_since = now;
            self.mends = true;
            self.split_at = now + HOUR - SPLIT;
            return;
        }
        if std::mem::take(&mut self.mends) {
            found.mended.push(1e9);
        }
        let hosts: Vec<HostId> = self.world.alive().map(|(host, _)| host).collect();
        let far: Vec<HostId> = hosts.into_iter().filter(|_| self.world.draw(2) == 0).collect();
        self.world.part(&far);
        self.split_at = now + SPLIT;
        found.splits += 1;
        self.cases.values_mut().for_each(|case| case.asker = None);
    }

    /// How long the rings that a split made take to be one again.
    fn mend(&mut self, found: &mut Found) {
        if self.mends && is_one_ring(&self.world) {
            self.mends = false;
            found.mended.push(self.world.now().since(self.whole_since).as_secs_f64());
        }
    }

    fn submit(&mut self, found: &mut Found) {
        if self.world.now() < self.submit_at {
            return;
        }
        self.submit_at = self.world.now() + Duration::from_secs(1 + self.world.draw(PAUSE * 2));
        let Some(creator) = self.somebody(|_| true) else { return };
        let work = Work { salt: self.jobs, ..WORK };
        self.jobs += 1;
        let Some(job) = self.world.submit(creator, TASKS, work) else { return };
        found.submitted += 1;
        self.ledger.submitted(self.world.now(), job, TASKS, work);
        self.cases.insert(job, Case::new(creator));
    }

    /// A ready host that moves, by chance.
    pub(super) fn somebody(&mut self, is_meant: impl Fn(&crate::Host) -> bool) -> Option<HostId> {
        let is_it = |host: &crate::Host| host.is_ready() && !host.frozen && is_meant(host);
        let all: Vec<HostId> =
            self.world.alive().filter(|(_, host)| is_it(host)).map(|(at, _)| at).collect();
        let at = self.world.draw(all.len() as u64);
        all.get(usize::try_from(at).ok()?).copied()
    }

    /// Takes note of what everybody was told; the dead are forgotten.
    fn listen(&mut self) {
        let hosts: Vec<HostId> = self.world.hosts().map(|(host, _)| host).collect();
        for host in hosts {
            let id = self.world.host(host).id();
            for (at, event) in self.world.take_events(host) {
                self.ledger.note(host, id, at, &event);
            }
            for (at, name, is_held) in self.world.take_values(host) {
                self.ledger.value(host, at, name, is_held);
            }
            let dead = self.world.host(host);
            if !dead.is_alive() && dead.node().is_some() {
                self.world.bury(host);
                let how = if self.leaving.remove(&host) { End::Left } else { End::Died };
                self.ledger.gone(host, self.world.now(), how);
            }
        }
    }
}
