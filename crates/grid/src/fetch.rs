//! Results that did not arrive by themselves: looked for in the store, at whoever computed them,
//! and at the owner, in turn. Which comes first differs by task and node, so that a crowd of late
//! comers asks nobody in particular.
//!
//! Who finds a result nowhere asks the root of the job's key. If that has it neither, it owns the job
//! once more, looks for the result itself, and in the end has it computed again.

use alloc::vec::Vec;

use base::{Digest, Duration, NodeId, SortedMap, SortedSet, Time};
use bytes::Bytes;
use wire::grid::{Done, JobId, Message, Tasks};

use crate::job::{Job, Role};
use crate::{Grid, JobState, Output};

/// Results of one job asked for and not here yet. Chosen: keeps a 100 ms path at 10 Mbit/s full
/// with tiles of 16 KiB, and is no burden to whoever sends them.
const FETCH_WINDOW: usize = 8;
/// Times that a result is asked for before a participant gives it up: some minutes.
const TRIES_MAX: u8 = 24;
/// Of a participant's tries every so-manyth goes to the root of the job's key. Chosen: the others
/// were all asked before.
const TRIES_PER_APPEAL: u8 = 4;
/// Times that an owner asks before it has the task computed again. Chosen: store, worker and a
/// participant twice.
const OWNER_TRIES_MAX: u8 = 6;
/// Longest pause between two tries, in heartbeats, of a participant and of the owner, on whom
/// others wait. The first tries have none: each goes elsewhere.
const PAUSE_HEARTBEATS_MAX: u32 = 4;
const OWNER_PAUSE_HEARTBEATS_MAX: u32 = 1;
/// Peers that are passed over while there is anybody else. Chosen: more than are asked at once.
const SILENT_MAX: usize = 64;
/// For so many patiences: a message that was lost is no death.
const SILENT_TIMES: u32 = 3;

/// Where a result may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Source {
    Store(Digest),
    Peer(NodeId),
    /// Of the job's key, whoever that is.
    Root,
}

/// A result that is not here.
#[derive(Clone, Copy, Debug)]
struct Want {
    tries: u8,
    /// When to ask.
    at: Time,
}

/// What a node lacks of a job, and whom it asked.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fetch {
    lacking: SortedMap<u32, Want>,
    asked: SortedMap<u32, (Source, Time)>,
    /// Peers that did not answer, and until when they are passed over. At most [`SILENT_MAX`]; beyond
    /// it the lowest is asked again.
    silent: SortedMap<NodeId, Time>,
}

impl Fetch {
    pub(crate) fn is_idle(&self) -> bool {
        self.lacking.is_empty()
    }

    /// These are done somewhere and not here; they are asked for from `at` on.
    pub(crate) fn lack(&mut self, tasks: impl IntoIterator<Item = u32>, at: Time) {
        for task in tasks {
            self.lacking.entry(task).or_insert(Want { tries: 0, at });
        }
    }

    /// Nothing more is wanted.
    pub(crate) fn clear(&mut self) {
        *self = Fetch::default();
    }

    pub(crate) fn arrived(&mut self, task: u32) {
        self.lacking.remove(&task);
        self.asked.remove(&task);
    }

    /// `peer` speaks.
    pub(crate) fn heard(&mut self, peer: NodeId) {
        self.silent.remove(&peer);
    }

    /// Nobody answered in time: whoever was asked may be gone, and others need not wait for it.
    fn gave_no_answer(&mut self, task: u32, until: Time) {
        if let Some((Source::Peer(peer), _)) = self.asked.get(&task) {
            self.silent.insert(*peer, until);
            if self.silent.len() > SILENT_MAX {
                self.silent.pop_first();
            }
        }
    }

    pub(crate) fn was_asked(&self, peer: NodeId, task: u32) -> bool {
        self.asked.get(&task).is_some_and(|(asked, _)| *asked == Source::Peer(peer))
    }

    /// Tasks asked for by this digest.
    fn asked_by_digest(&self, digest: Digest) -> Vec<u32> {
        let asked = self.asked.iter().filter(|(_, (source, _))| *source == Source::Store(digest));
        asked.map(|(task, _)| *task).collect()
    }

    /// The next tasks to ask for, with how often that was tried, as far as the window allows.
    fn due(&self, now: Time) -> Vec<(u32, u8)> {
        let room = FETCH_WINDOW.saturating_sub(self.asked.len());
        let due = self
            .lacking
            .iter()
            .filter(|(task, want)| want.at <= now && !self.asked.contains_key(task));
        due.take(room).map(|(task, want)| (*task, want.tries)).collect()
    }

    fn ask(&mut self, now: Time, task: u32, source: Source) {
        self.asked.insert(task, (source, now));
    }

    /// There is no answer, or not the wanted one: asked again later, at the longest after
    /// `pause_max`.
    fn miss(&mut self, task: u32, now: Time, pause_max: Duration) {
        self.asked.remove(&task);
        if let Some(want) = self.lacking.get_mut(&task) {
            let pause = base::HEARTBEAT * u32::from(want.tries.saturating_sub(1));
            let at = now + pause.min(pause_max);
            *want = Want { tries: want.tries.saturating_add(1), at };
        }
    }

    fn overdue(&self, now: Time, patience: Duration) -> Vec<u32> {
        let overdue = self.asked.iter().filter(|(_, (_, asked))| *asked + patience <= now);
        overdue.map(|(task, _)| *task).collect()
    }

    /// Tasks asked for too often.
    fn hopeless(&self, tries_max: u8) -> Vec<u32> {
        let is_hopeless = |(_, want): &(&u32, &Want)| want.tries >= tries_max;
        self.lacking.iter().filter(is_hopeless).map(|(task, _)| *task).collect()
    }

    /// When something is to be asked for, or asked for again.
    pub(crate) fn deadline(&self, patience: Duration) -> Option<Time> {
        let overdue = self.asked.values().map(|(_, asked)| *asked + patience).min();
        let has_room = self.asked.len() < FETCH_WINDOW;
        let waiting = self.lacking.iter().filter(|(task, _)| !self.asked.contains_key(task));
        let due = waiting.map(|(_, want)| want.at).min().filter(|_| has_room);
        overdue.into_iter().chain(due).min()
    }
}

impl Job {
    /// A try brought nothing.
    fn miss(&mut self, task: u32, now: Time, heartbeat: Duration) {
        let count = if self.is_owned() { OWNER_PAUSE_HEARTBEATS_MAX } else { PAUSE_HEARTBEATS_MAX };
        self.fetch.miss(task, now, heartbeat * count);
    }
}

impl Grid {
    /// Asks for what this node lacks.
    pub(crate) fn fetch_lacking(&mut self, now: Time) {
        let is_lacking = |job: &&Job| !job.fetch.is_idle();
        let jobs: Vec<JobId> = self.jobs.values().filter(is_lacking).map(|job| job.id).collect();
        for id in jobs {
            let Some(job) = self.jobs.get_mut(&id) else { continue };
            let mut requests: SortedMap<NodeId, Vec<u32>> = SortedMap::new();
            let (mut loads, mut appeals) = (SortedSet::new(), Vec::new());
            for (task, tries) in job.fetch.due(now) {
                let source = source_of(now, job, self.me, task, tries);
                let Some(source) = source else {
                    job.miss(task, now, self.config.heartbeat);
                    continue;
                };
                job.fetch.ask(now, task, source);
                self.counters.fetched += 1;
                match source {
                    Source::Store(digest) => drop(loads.insert(digest)),
                    Source::Peer(peer) => requests.entry(peer).or_default().push(task),
                    Source::Root => appeals.push(task),
                }
            }
            self.outputs.extend(loads.into_iter().map(|digest| Output::Load { digest }));
            for (peer, tasks) in requests {
                self.send(peer, Message::Fetch { job: id, tasks: Tasks::truncating(tasks) });
            }
            if !appeals.is_empty() {
                let message = Message::Fetch { job: id, tasks: Tasks::truncating(appeals) };
                self.outputs.push_back(Output::Route { key: id, message });
            }
        }
    }

    /// Withdraws requests that were not answered, and what was asked for too often.
    pub(crate) fn repeat_fetches(&mut self, now: Time) {
        let (patience, heartbeat) = (self.fetch_time(), self.config.heartbeat);
        for job in self.jobs.values_mut() {
            for task in job.fetch.overdue(now, patience) {
                job.fetch.gave_no_answer(task, now + patience * SILENT_TIMES);
                job.miss(task, now, heartbeat);
            }
        }
        self.give_up_fetches();
    }

    fn give_up_fetches(&mut self) {
        let mut reopened = Vec::new();
        for job in self.jobs.values_mut() {
            let owns = job.is_owned() && job.is_running();
            let tries_max = if owns { OWNER_TRIES_MAX } else { TRIES_MAX };
            for task in job.fetch.hopeless(tries_max) {
                job.fetch.arrived(task);
                if owns {
                    reopened.push((job.id, task));
                }
            }
        }
        for (job, task) in reopened {
            self.reopen(job, task);
        }
    }

    /// The store's answer.
    pub(crate) fn on_loaded(&mut self, now: Time, digest: Digest, payload: Option<Bytes>) {
        let heartbeat = self.config.heartbeat;
        let payload = payload.filter(|payload| Digest::of(&[payload]) == digest);
        let asked: Vec<(JobId, u32)> = self
            .jobs
            .values()
            .flat_map(|job| {
                job.fetch.asked_by_digest(digest).into_iter().map(|task| (job.id, task))
            })
            .collect();
        for (id, task) in asked {
            let Some(job) = self.jobs.get_mut(&id) else { continue };
            let done = job.done.get(&task).copied().filter(|done| done.digest == digest);
            match (done, &payload) {
                (Some(done), Some(payload)) => self.accept(now, id, task, done, payload.clone()),
                _ => job.miss(task, now, heartbeat),
            }
        }
    }

    /// Somebody says which tasks are done: an answer to a request, or the owner's word; or, to an
    /// heir, what the former owner did not write down.
    pub(crate) fn on_known(&mut self, now: Time, from: NodeId, id: JobId, news: &[(u32, Done)]) {
        self.hear(now, from, id);
        let heartbeat = self.config.heartbeat;
        let Some(job) = self.jobs.get_mut(&id).filter(|j| j.state != JobState::Cancelled) else {
            return;
        };
        let mut learnt = SortedSet::new();
        let count = job.tasks();
        for (task, done) in news.iter().filter(|(task, _)| *task < count) {
            let believed = match &job.role {
                Role::Owner(owned) => owned.believes(from, *task, done.worker),
                Role::Participant(_) => from == job.owner() || job.fetch.was_asked(from, *task),
            };
            let is_void =
                job.audits.is_barred(done.worker) || job.audits.is_refuted(*task, done.digest);
            if !believed || is_void {
                self.counters.ignored += 1;
                continue;
            }
            if job.fetch.was_asked(from, *task) {
                job.miss(*task, now, heartbeat);
            }
            if job.learn(now, *task, *done) {
                if done.worker == from {
                    job.proved.insert(*task, (from, done.digest));
                }
                learnt.insert(*task);
            } else if job.is_owned() && job.done.get(task).is_some_and(|d| d.worker != done.worker)
            {
                job.duplicates = job.duplicates.saturating_add(1);
                self.counters.duplicates += 1;
            }
        }
        job.fetch.lack(learnt.iter().copied(), now);
        self.drop_work(|ticket| ticket.job == id && learnt.contains(&ticket.task));
    }

    /// Results are long, and queue behind others.
    pub(crate) fn fetch_time(&self) -> Duration {
        self.config.heartbeat * 2
    }
}

/// Where to ask for a task the n-th time. The store and whoever keeps the job come first, in an
/// order that differs by task and node; who only looks on asks the store first, which answers though
/// everybody who took part is gone. Whoever computed the task is asked when they do not have it, and
/// whoever was silent only when there is nobody else.
fn source_of(now: Time, job: &Job, me: NodeId, task: u32, tries: u8) -> Option<Source> {
    if !job.is_owned() && tries % TRIES_PER_APPEAL == TRIES_PER_APPEAL - 1 {
        return Some(Source::Root);
    }
    let done = job.done.get(&task);
    // Nodes begin at different places.
    let turn = u64::from(task) + u64::from(me.to_bytes()[15] % 16);
    let mut sources: Vec<Source> =
        done.map(|done| Source::Store(done.digest)).into_iter().collect();
    let worker = done.map(|done| done.worker);
    let last = match &job.role {
        // Everyone who works on the job got the result, or a part of all results.
        Role::Owner(owned) => {
            let nth = u64::from(task) + u64::from(tries) / 3;
            let nth = index(nth, owned.board.member_count());
            let member = owned.board.members().nth(nth);
            sources.extend(worker.filter(|id| owned.board.has_member(*id)).map(Source::Peer));
            sources.extend(member.map(Source::Peer));
            worker.filter(|id| !owned.board.has_member(*id))
        }
        Role::Participant(_) => {
            sources.push(Source::Peer(job.owner()));
            worker.filter(|id| *id != job.owner())
        }
    };
    let looks_on = matches!(&job.role, Role::Participant(joined) if !joined.works);
    let first = if looks_on { 0 } else { index(turn, sources.len()) };
    sources.rotate_left(first);
    sources.extend(last.map(Source::Peer));
    sources.retain(|source| *source != Source::Peer(me));
    let is_silent = |source: &Source| match source {
        Source::Store(_) | Source::Root => false,
        Source::Peer(peer) => job.fetch.silent.get(peer).is_some_and(|until| *until > now),
    };
    if !sources.iter().all(is_silent) {
        sources.retain(|source| !is_silent(source));
    }
    sources.get(index(tries.into(), sources.len())).copied()
}

/// The place of a turn among so many; 0 among none.
fn index(turn: u64, count: usize) -> usize {
    let at = turn.checked_rem(count as u64).unwrap_or(0);
    usize::try_from(at).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(4);

    #[test]
    fn a_window_of_results_is_asked_for() {
        let peer = NodeId::new(1);
        let tasks = |due: Vec<(u32, u8)>| due.into_iter().map(|(task, _)| task).collect::<Vec<_>>();
        let mut fetch = Fetch::default();
        fetch.lack(0..20, Time::ZERO);
        for (task, _) in fetch.due(Time::ZERO) {
            fetch.ask(Time::ZERO, task, Source::Peer(peer));
        }
        assert_eq!(fetch.due(Time::ZERO), []);
        fetch.arrived(3);
        assert_eq!(tasks(fetch.due(Time::from_millis(1000))), [8]);
        assert!(fetch.was_asked(peer, 4) && !fetch.was_asked(peer, 3));
        assert_eq!(fetch.deadline(PATIENCE), Some(Time::ZERO), "there is room");
        fetch.ask(Time::from_millis(1000), 8, Source::Peer(peer));
        assert_eq!(fetch.deadline(PATIENCE), Some(Time::from_millis(4000)));
        let overdue = fetch.overdue(Time::from_millis(4000), PATIENCE);
        assert_eq!(overdue, [0, 1, 2, 4, 5, 6, 7]);
    }

    #[test]
    fn what_nobody_has_is_given_up() {
        let (mut fetch, mut now) = (Fetch::default(), Time::ZERO);
        fetch.lack([5], now);
        fetch.lack([5], now + PATIENCE);
        for tries in 0..TRIES_MAX {
            assert_eq!(fetch.due(now), [(5, tries)]);
            assert_eq!(fetch.hopeless(TRIES_MAX), [0; 0]);
            fetch.miss(5, now, PATIENCE);
            assert_eq!(
                fetch.due(now).is_empty(),
                tries > 1,
                "the first tries go elsewhere at once"
            );
            now = now + PATIENCE;
        }
        assert_eq!(fetch.hopeless(TRIES_MAX), [5]);
    }
}
