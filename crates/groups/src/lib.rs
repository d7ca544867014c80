//! Groups (Scribe, NGC 2001 and JSAC 2002): a tree over the overlay for each group, with a bounded
//! fan-out; multicast over it, anycast in it.
//!
//! A group is named by a key. Its root is the key's; every other node's parent is the overlay's
//! next hop towards the key, or a descendant of it where that has children enough. So an edge is a
//! link that the overlay has anyhow, or one that it is asked for ([`Output::Prefer`]). A node that
//! is no member and has no children in a group knows nothing of it.
//!
//! The machine does not know what a body says, how the overlay routes, or how a link is built.
//! What is not promised: an order of multicasts; anything about who sent one ([`Output::Deliver`]);
//! a multicast that nobody near has any more ([`Event::Missed`]). A hostile node in a tree can hide
//! multicasts from those beyond it, and by numbers it invents make others pass over some of a
//! stream: whoever needs a body for certain fetches it elsewhere when it does not come.
//!
//! Any message may be lost: signs of life are repeated, gaps are asked for, walks are acknowledged.
#![no_std]
extern crate alloc;
#[cfg(test)]
extern crate std;

mod anycast;
mod beat;
mod config;
mod face;
mod gap;
mod join;
mod kept;
mod multicast;
mod stream;
mod tree;
mod walk;

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use base::{NodeId, Rng, SortedMap, SortedSet, Time};
use wire::groups::{Group, Message, WalkId};

pub use anycast::{WALKS_MAX, WANTED_MAX};
pub use config::Config;
pub use face::{Counters, Event, Input, Output, Place, Wake, Way};

use anycast::Own;
use kept::Kept;
use multicast::Pending;
use tree::Tree;
use walk::Hands;

/// Groups of one node, as a member or not. Beyond it a further one is refused.
pub const GROUPS_MAX: usize = 256;
/// Links that are remembered. A further peer counts as not linked, which makes it a less likely
/// parent.
const LINKS_MAX: usize = 1024;
/// Heartbeats of silence after which a parent is given up; a child speaks less often and has two
/// more. Never fewer than 3 misses (design §4), and a parent is silent every second time.
const SILENCE_BEATS: u32 = 5;
/// Heartbeats for which a multicast is kept for those who missed it: longer than a parent's silence
/// and the way to another parent take.
const KEPT_BEATS: u32 = 30;

/// One node's part in its groups.
#[derive(Clone, Debug)]
pub struct Groups {
    config: Config,
    me: NodeId,
    rng: Rng,
    has_left: bool,
    /// At most [`LINKS_MAX`].
    links: SortedSet<NodeId>,
    /// At most [`GROUPS_MAX`].
    trees: SortedMap<Group, Tree>,
    kept: Kept,
    /// Messages towards trees that this node is no part of.
    pending: VecDeque<(Group, Pending)>,
    /// At most [`WALKS_MAX`].
    own: SortedMap<WalkId, Own>,
    hands: Hands,
    /// Parents that are not the overlay's next hop; as many as there are trees.
    preferred: SortedSet<NodeId>,
    beat_at: Time,
    beats: u64,
    handled_at: Time,
    counters: Counters,
    /// Drained by the driver after each input.
    outputs: VecDeque<Output>,
}

impl Groups {
    /// A node in no group, without links.
    #[must_use]
    pub fn new(config: Config, me: NodeId, seed: u64, now: Time) -> Self {
        let mut rng = Rng::new(seed);
        // Heartbeats of different nodes fall apart.
        let phase = rng.below(u64::try_from(config.heartbeat.as_micros()).unwrap_or(u64::MAX));
        Groups {
            config,
            me,
            rng,
            has_left: false,
            links: SortedSet::new(),
            trees: SortedMap::new(),
            kept: Kept::new(config.kept_bytes_max),
            pending: VecDeque::new(),
            own: SortedMap::new(),
            hands: Hands::default(),
            preferred: SortedSet::new(),
            beat_at: now + base::Duration::from_micros(phase),
            beats: 0,
            handled_at: now,
            counters: Counters::default(),
            outputs: VecDeque::new(),
        }
    }

    /// Something happened, or is asked. Drain [`Groups::poll_output`] afterwards.
    pub fn handle(&mut self, now: Time, input: Input) {
        if self.has_left {
            return;
        }
        if now.since(self.handled_at) > self.config.heartbeat * 2 {
            self.trees.values_mut().for_each(|tree| tree.forgive_silence(now));
        }
        self.handled_at = now;
        match input {
            Input::Join { group } => self.on_join_input(now, group),
            Input::Leave { group } => self.on_leave_input(group),
            Input::Multicast { group, body } => self.on_multicast(now, group, body),
            Input::Anycast { walk, group, wanted, body } => {
                self.on_anycast(now, walk, group, wanted, body);
            }
            Input::Way { group, way } => {
                self.on_tree_way(now, group, way);
                self.on_pending_way(now, group, way);
            }
            Input::Nearest { group, peer } => self.on_nearest(now, group, peer),
            Input::Received { from, message } => self.on_received(now, from, message),
            Input::LinkUp { peer } => {
                if self.links.len() < LINKS_MAX {
                    self.links.insert(peer);
                }
            }
            Input::LinkDown { peer } => self.on_link_down(now, peer),
            Input::WaysChanged | Input::Ready(_) => self.ask_ways(now),
            Input::Answer { walk, accepted } => self.on_answer(now, walk, accepted),
            Input::Timeout => self.on_timeout(now),
            Input::Shutdown => return self.on_shutdown(now),
        }
        self.review_links();
    }

    /// The next thing to do, until there is none.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to come with [`Input::Timeout`], and why; `None` while there is nothing to wait for.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<(Time, Wake)> {
        if self.has_left {
            return None;
        }
        let has_state = !self.trees.is_empty() || !self.hands.is_empty();
        let beat = has_state.then_some(self.beat_at);
        let walk = [self.own_walk_at(), self.held_walk_at()].into_iter().flatten().min();
        [
            (beat, Wake::Heartbeat),
            (self.rejoin_at(), Wake::Rejoin),
            (self.gap_at(), Wake::Gap),
            (walk, Wake::Walk),
        ]
        .into_iter()
        .filter_map(|(at, wake)| Some((at?, wake)))
        .min_by_key(|(at, _)| *at)
    }

    /// This node's place in a group; `None` if it has nothing to do with it.
    #[must_use]
    pub fn place(&self, group: Group) -> Option<Place> {
        self.trees.get(&group).map(Tree::place)
    }

    /// The groups of which this node holds state.
    pub fn groups(&self) -> impl Iterator<Item = Group> {
        self.trees.keys().copied()
    }

    /// Bytes of multicasts kept here.
    #[must_use]
    pub fn kept_bytes(&self) -> usize {
        self.kept.bytes()
    }

    /// What this node did so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.counters
    }

    fn on_received(&mut self, now: Time, from: NodeId, message: Message) {
        match message {
            _ if from == self.me => self.counters.ignored += 1,
            Message::Join { group, heads } => self.on_join(now, from, group, &heads),
            Message::Joined { group, path, heads } => {
                self.on_joined(now, from, group, path, &heads);
            }
            Message::Below { group, children } => self.on_below(now, from, group, &children),
            Message::Refused { group } => self.on_refused(now, from, group),
            Message::Beat { group, path, heads } => self.on_beat(now, from, group, path, &heads),
            Message::Stay { group, heads } => self.on_stay(now, from, group, &heads),
            Message::Leave { group } => self.end_edge(now, from, group),
            Message::Enter { group, cast, hops, body } => {
                self.on_enter(now, from, group, cast, hops, body);
            }
            Message::Cast { group, cast, body } => self.on_cast(now, from, group, cast, body),
            Message::Want { group, stream, numbers } => {
                self.on_want(now, from, group, stream, &numbers);
            }
            Message::Walk(walk) => self.on_walk(now, from, walk),
            Message::WalkAck { walk, attempt, hops } => {
                self.on_walk_ack(from, walk, attempt, hops);
            }
            Message::Walking { walk, attempt } => self.on_walking(now, walk, attempt),
            Message::Accepted { walk } => self.on_accepted(now, from, walk),
            Message::Ended { walk, attempt, accepted, is_torn } => {
                self.on_ended(now, walk, attempt, accepted, is_torn);
            }
        }
    }

    fn on_timeout(&mut self, now: Time) {
        if self.beat_at <= now {
            self.beat_at = now + self.config.heartbeat;
            self.on_beat_due(now);
        }
        self.rejoin(now);
        self.ask_for_gaps(now);
        self.repeat_walks(now);
        self.retry_walks(now);
    }

    /// Everyone at the other end of an edge is told; what this node held of walks goes on.
    fn on_shutdown(&mut self, now: Time) {
        self.let_go_of_walks(now);
        for (group, tree) in core::mem::take(&mut self.trees) {
            let above = tree.joining().into_iter();
            self.publish(above.chain(tree.neighbours()).collect(), Message::Leave { group });
        }
        self.has_left = true;
    }

    /// A parent by push-down deserves a link of its own.
    fn review_links(&mut self) {
        let far = |tree: &Tree| tree.parent().filter(|parent| tree.hop != Some(*parent));
        let wanted: SortedSet<NodeId> = self.trees.values().filter_map(far).collect();
        if wanted == self.preferred {
            return;
        }
        let before = core::mem::replace(&mut self.preferred, wanted);
        let gone = before.difference(&self.preferred).map(|id| Output::Unprefer(*id));
        let new = self.preferred.difference(&before).map(|id| Output::Prefer(*id));
        self.outputs.extend(gone.chain(new));
    }

    fn send(&mut self, to: NodeId, message: Message) {
        self.outputs.push_back(Output::Send { to, class: message.class(), message });
    }

    fn publish(&mut self, to: Vec<NodeId>, message: Message) {
        if !to.is_empty() {
            self.outputs.push_back(Output::Publish { to, class: message.class(), message });
        }
    }

    fn event(&mut self, event: Event) {
        self.outputs.push_back(Output::Event(event));
    }

    fn misbehaved(&mut self, peer: NodeId, why: &'static str) {
        self.counters.misbehaved += 1;
        self.event(Event::Misbehaved { peer, why });
    }
}
