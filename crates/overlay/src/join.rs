//! Entering a ring (Pastry §2.4, MSPastry's consistent join).
//!
//! A join travels to the root of the newcomer's id and collects a table row at each hop. The
//! newcomer then probes what it was told, and answers for its keys once every member of its leaf
//! set has answered it: each of them lists it by then, so no two nodes answer for one key.
//! A node that was frozen goes through the second half again before it delivers anything.

use base::{Bounded, Duration, NodeId, Time};
use wire::limits::HOPS_MAX;
use wire::overlay::{Contact, JOIN_ROWS_MAX, LeafState, Message, Row, Sighting, Target};

use crate::density::{Gamma, is_sparse, spacing};
use crate::hearsay::JOIN_PROBES_MAX;
use crate::hop::{Step, Way};
use crate::seek::Seek;
use crate::{Event, Overlay, random_part};

/// How long the walk to a near entrance may take.
const SEEK_TIME: Duration = Duration::from_secs(15);
/// How long the root may take to answer.
const REPLY_TIME: Duration = Duration::from_secs(3);
/// How long the leaf set may take to answer, before the join starts again.
const SETTLE_TIME: Duration = Duration::from_secs(30);
/// How long a newcomer whose leaf set has answered waits for the links to its ring neighbours.
/// Chosen: four set-ups of 2 s. Looked at whenever the node acts, which is each heartbeat at least.
const ANCHOR_TIME: Duration = Duration::from_secs(8);
/// The first pause between two attempts; doubled up to the maximum (FreePastry).
const PAUSE_FIRST: Duration = Duration::from_secs(2);
const PAUSE_MAX: Duration = Duration::from_secs(60);
/// How long a node that lost every link waits for an introduction. Then it goes on alone: nobody it
/// knows can be reached, and its own work must not stop.
const ISOLATION_TIME: Duration = Duration::from_secs(30);
/// Attempts without an answer before the driver is told; they go on.
const TRIES_MAX: u8 = 4;

/// Where a join stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// The request is under way.
    Asking,
    /// Looking for a near node to join through.
    Seeking,
    /// Until the next attempt.
    Pausing,
    /// The root answered; the leaf set has to.
    Settling,
    /// Every link is lost at once, so more likely this node is cut off than all others are dead.
    Isolated,
}

/// An attempt to enter a ring.
#[derive(Debug)]
pub(crate) struct Join {
    /// The first hop.
    pub(crate) through: Option<NodeId>,
    pub(crate) due: Time,
    /// The walk to a near entrance, while it goes on.
    pub(crate) seek: Option<Seek>,
    /// How far members of the first hop's leaf set are apart: the measure of the root's.
    pub(crate) spacing: Option<u128>,
    attempt: u64,
    stage: Stage,
    /// Since when the leaf set has to answer.
    settling: Time,
    tries: u8,
    pause: Duration,
}

impl Join {
    fn new(through: Option<NodeId>, due: Time, stage: Stage) -> Self {
        let (seek, spacing, attempt, tries, pause) = (None, None, 0, 0, PAUSE_FIRST);
        Join { through, due, seek, spacing, attempt, stage, settling: due, tries, pause }
    }
}

/// A newcomer's request.
#[derive(Debug)]
pub(crate) struct Newcomer {
    pub(crate) joiner: Contact,
    pub(crate) attempt: u64,
    pub(crate) via: NodeId,
    pub(crate) hops: u8,
    pub(crate) rows: Bounded<Row, JOIN_ROWS_MAX>,
}

impl Overlay {
    pub(crate) fn on_found(&mut self) {
        if self.join.is_none() && !self.ready {
            self.ready = true;
            self.announce();
        }
    }

    pub(crate) fn on_join_request(&mut self, through: NodeId) {
        let settling = self.join.as_ref().is_some_and(|join| join.stage == Stage::Settling);
        if settling {
            return;
        }
        if self.ready && !self.leaf.is_empty() {
            return self.ask_where_i_belong(through);
        }
        self.join = Some(Join::new(Some(through), self.now, Stage::Pausing));
        match self.links.get(through).map(|link| link.contact) {
            Some(first) if self.is_direct() => {
                if let Some(join) = self.join.as_mut() {
                    join.stage = Stage::Seeking;
                    join.due = self.now + SEEK_TIME;
                }
                self.begin_seek(first);
            }
            _ => self.ask_to_join(),
        }
    }

    /// Called after a gap in time so long that others may have given up on this node.
    pub(crate) fn on_thaw(&mut self) {
        if self.leaf.is_empty() || !self.ready {
            return;
        }
        self.ready = false;
        self.event(Event::NotReady);
        self.begin_settling(None);
    }

    /// Called when no link is left. With one neighbour only, its death is the likelier reason.
    pub(crate) fn check_isolation(&mut self) {
        if !self.ready || self.links.open().next().is_some() || self.leaf.members().len() < 2 {
            return;
        }
        self.ready = false;
        self.event(Event::NotReady);
        self.event(Event::JoinFailed);
        self.join = Some(Join::new(None, self.now + ISOLATION_TIME, Stage::Isolated));
    }

    /// A link for a node that had lost all of them.
    pub(crate) fn end_isolation(&mut self, through: NodeId) {
        if self.join.as_ref().is_some_and(|join| join.stage == Stage::Isolated) {
            self.on_join_request(through);
        }
    }

    /// A newcomer's request on its way to the root.
    pub(crate) fn on_join(&mut self, from: NodeId, mut newcomer: Newcomer) {
        let Newcomer { joiner, attempt, via, hops, .. } = newcomer;
        if joiner.id == self.me.id || !self.is_direct() && !self.links.is_open(from) {
            return;
        }
        let forged = hops == 0 && joiner.id != from;
        if forged || hops >= HOPS_MAX || newcomer.rows.len() > usize::from(hops) {
            self.misbehaved(from, "implausible join");
            return;
        }
        if !self.ready {
            self.answer(joiner.id, via, Message::JoinRefused { attempt });
            return;
        }
        let next = self.next_ready_hop(joiner.id, from);
        let row = self.table.shared(joiner.id);
        let named =
            |entry: &Sighting| entry.contact.id != joiner.id && Some(entry.contact.id) != next;
        let myself = Sighting { contact: self.me, rtt: 0 };
        let row = [myself].into_iter().chain(self.table.row(row).filter(named));
        // One row for each hop, so a list for as many hops as there can be has room.
        let _ = newcomer.rows.push(Bounded::truncating(row));
        let rows = newcomer.rows;
        match next {
            Some(next) => {
                let hops = hops + 1;
                self.send_by(next, None, Message::Join { joiner, attempt, via, hops, rows });
            }
            None => {
                let (leaf, session) = (self.leaf.state(self.ready), self.session_seconds());
                self.answer(joiner.id, via, Message::JoinReply { attempt, rows, leaf, session });
            }
        }
    }

    pub(crate) fn on_join_reply(
        &mut self,
        from: Contact,
        attempt: u64,
        rows: Bounded<Row, JOIN_ROWS_MAX>,
        leaf: LeafState,
        session: u32,
    ) {
        let waiting = |join: &Join| join.attempt == attempt && join.stage == Stage::Asking;
        let Some(join) = self.join.as_ref().filter(|join| waiting(join)) else {
            return self.on_unity_reply(from, attempt, &rows, &leaf);
        };
        let (through, known) = (join.through, join.spacing);
        let claimed = spacing(from.id, &leaf);
        let is_bad = |known| claimed.is_none_or(|claimed| is_sparse(claimed, known, Gamma::Join));
        if known.is_some_and(is_bad) {
            // Somebody who is not the root may have answered: not through this first hop.
            return self.on_join_refused(attempt);
        }
        if core::mem::take(&mut self.ready) {
            self.event(Event::NotReady);
        }
        self.begin_settling(through);
        self.note_told(session);
        self.learn_answer(through, from, &rows, &leaf);
    }

    pub(crate) fn on_join_refused(&mut self, attempt: u64) {
        let now = self.now;
        if let Some(join) = self.join.as_mut()
            && join.attempt == attempt
            && join.stage == Stage::Asking
        {
            join.due = now;
        }
    }

    pub(crate) fn on_join_due(&mut self) {
        let Some(join) = self.join.as_mut().filter(|join| join.due <= self.now) else { return };
        match join.stage {
            Stage::Pausing => self.ask_to_join(),
            Stage::Seeking => self.end_seek(),
            Stage::Isolated => {
                self.join = None;
                self.ready = true;
                self.announce();
            }
            Stage::Asking | Stage::Settling => {
                let jitter = random_part(&mut self.rng, join.pause / 4);
                join.stage = Stage::Pausing;
                join.due = self.now + join.pause + jitter;
                join.pause = (join.pause * 2).min(PAUSE_MAX);
                if join.tries == TRIES_MAX {
                    self.event(Event::JoinFailed);
                }
            }
        }
    }

    /// Whether everybody who must know this node does.
    pub(crate) fn check_join(&mut self) {
        let Some(join) = &self.join else { return };
        if join.stage != Stage::Settling {
            if self.ready && !self.leaf.is_empty() {
                // Two nodes, each alone, met: the other one joined this one.
                self.join = None;
            }
            return;
        }
        let mut complete = true;
        // Beside those whom others named, so that these cannot keep a join from its end.
        let mut room = self.questions(JOIN_PROBES_MAX).saturating_sub(self.watch.members_asked());
        for member in self.leaf.members() {
            if self.peers.get(member.id).is_some_and(|peer| peer.answered) {
                continue;
            }
            complete = false;
            if room > 0 && !self.watch.is_probing(member.id) {
                room -= 1;
                self.probe(member, false);
            }
        }
        let unresolved = {
            let mut named = self.candidates.ids().chain(self.watch.asked());
            named.any(|id| self.leaf.wants(id))
        };
        if !complete || unresolved {
            return;
        }
        if self.leaf.is_empty() {
            // Nobody answered. That is no proof of being alone.
            if let Some(join) = self.join.as_mut() {
                join.due = self.now;
            }
            return self.on_join_due();
        }
        if !self.is_anchored() && !self.has_waited_for_links() {
            return;
        }
        self.join = None;
        self.ready = true;
        self.stale.ways = true;
        self.announce();
    }

    /// Whether the ring neighbours are linked: from then on greedy hops reach everybody. Before
    /// it, a newcomer's messages leave through its entrance, which a ready node's may not do.
    fn is_anchored(&self) -> bool {
        self.leaf.neighbours().all(|neighbour| self.links.is_open(neighbour.id))
    }

    /// A third of real pairs cannot link: the wait for the neighbours' links has an end.
    fn has_waited_for_links(&self) -> bool {
        self.join.as_ref().is_none_or(|join| self.now >= join.settling + ANCHOR_TIME)
    }

    fn begin_settling(&mut self, through: Option<NodeId>) {
        self.peers.forget_answers();
        // Whoever was found dead may only have been out of reach from outside the ring.
        self.watch.forget_dead();
        let (due, stage) = (self.now + self.join_patience(SETTLE_TIME), Stage::Settling);
        let join = self.join.get_or_insert_with(|| Join::new(through, due, stage));
        (join.due, join.stage, join.settling) = (due, stage, self.now);
    }

    /// How long a step of a join may take that usually takes `usual` at most.
    fn join_patience(&self, usual: Duration) -> Duration {
        if self.is_direct() { usual } else { self.health.patience(self.now, usual) }
    }

    /// Sends the request over the link it was given, then over the others in turn.
    pub(crate) fn ask_to_join(&mut self) {
        let (attempt, patience) = (self.rng.next_u64(), self.join_patience(REPLY_TIME));
        let Some(join) = self.join.as_mut() else { return };
        let last = join.through.unwrap_or(NodeId::ZERO);
        let given = (join.tries == 0 && self.links.is_open(last)).then_some(last);
        join.tries = join.tries.saturating_add(1);
        join.stage = Stage::Asking;
        join.attempt = attempt;
        let Some(through) = given.or_else(|| self.links.next_after(last)) else {
            // Without a link there is nobody to ask; the driver brings one.
            join.tries = TRIES_MAX;
            join.due = self.now;
            return;
        };
        if join.through != Some(through) {
            join.spacing = None;
        }
        join.through = Some(through);
        join.due = self.now + patience;
        let (joiner, rows) = (self.me, Bounded::new());
        let message = Message::Join { joiner, attempt, via: through, hops: 0, rows };
        self.send_by(through, None, message);
    }

    /// The next hop of a join: towards the root among those who have joined.
    fn next_ready_hop(&self, joiner: NodeId, from: NodeId) -> Option<NodeId> {
        let tried = [joiner];
        let way = Way { from: Some(from), tried: &tried, ..Way::new(joiner, Target::Root) };
        match self.step(&way) {
            Step::Hop(to, None) if self.links.get(to).is_some_and(|link| link.ready) => {
                Some(to).filter(|to| *to != joiner && way.from != Some(*to))
            }
            _ => None,
        }
    }

    fn answer(&mut self, joiner: NodeId, via: NodeId, message: Message) {
        let via =
            (via != self.me.id && !self.is_direct() && !self.links.is_open(joiner)).then_some(via);
        self.send_by(joiner, via, message);
    }
}
