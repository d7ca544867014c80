//! How a node finds its place in a tree, and keeps it: the way asked for, the next hop joined, a
//! full parent's children tried (Scribe's bottleneck remover: the newcomer is pushed down), a loss
//! repaired, a place nobody needs given up.
//!
//! No loops: a parent answers only when it has a way to the root, tells the whole of it, and takes
//! nobody who stands on it; whoever finds itself on its parent's way to the root leaves the parent.
//! Ways that change while they are told can close a loop for a moment; the first node around that
//! hears of itself opens it.

use alloc::vec::Vec;

use base::{Bounded, Duration, NodeId, Time};
use wire::groups::{CHILDREN_MAX, Group, Heads, Message, PATH_MAX, Path};

use crate::face::Way;
use crate::tree::{Child, Tree, Up, is_way_up, parent, stands_above};
use crate::{Event, GROUPS_MAX, Groups, Output};

/// Groups of which a node is no member and that it carries for one peer. Beyond it the peer is
/// refused: a stranger cannot fill the table.
const CARRIED_MAX: usize = 64;
/// Places in the table that are kept for the node's own memberships, whoever else asks.
const OWN_MIN: usize = 64;
/// Heartbeats until a node that asks for a place asks elsewhere.
const JOIN_BEATS: u32 = 2;

impl Groups {
    pub(crate) fn on_join_input(&mut self, now: Time, group: Group) {
        if !self.open(now, group, GROUPS_MAX) {
            let why = "no room for another group";
            return self.event(Event::Refused { group, why });
        }
        if let Some(tree) = self.trees.get_mut(&group) {
            tree.is_member = true;
        }
    }

    pub(crate) fn on_leave_input(&mut self, group: Group) {
        if let Some(tree) = self.trees.get_mut(&group) {
            tree.is_member = false;
            self.prune(group);
        }
    }

    /// Makes this node part of a tree. False if it is in `groups_max` others.
    fn open(&mut self, now: Time, group: Group, groups_max: usize) -> bool {
        if !self.trees.contains_key(&group) {
            if self.trees.len() >= groups_max {
                return false;
            }
            self.trees.insert(group, Tree::new(now));
            self.ask_way(now, group);
        }
        true
    }

    /// Gives up a place that nobody needs, and with it everything about the group.
    pub(crate) fn prune(&mut self, group: Group) {
        let Some(tree) = self.trees.get(&group).filter(|tree| tree.is_idle()) else { return };
        let above = tree.parent().or(tree.joining());
        self.trees.remove(&group);
        self.kept.forget_group(group);
        if let Some(above) = above {
            self.send(above, Message::Leave { group });
        }
    }

    fn join_patience(&self) -> Duration {
        self.config.heartbeat * JOIN_BEATS
    }

    pub(crate) fn rejoin_at(&self) -> Option<Time> {
        let patience = self.join_patience();
        self.trees.values().filter_map(|tree| tree.rejoin_at(patience)).min()
    }

    /// Asks anew for every group whose time has come.
    pub(crate) fn rejoin(&mut self, now: Time) {
        let patience = self.join_patience();
        let is_due = |tree: &Tree| tree.rejoin_at(patience).is_some_and(|at| at <= now);
        let due = self.trees.iter().filter(|(_, tree)| is_due(tree)).map(|(group, _)| *group);
        for group in due.collect::<Vec<_>>() {
            let silent = self.trees.get(&group).and_then(Tree::joining);
            self.stop_joining(group);
            self.ask_way(now, group);
            // The way is the same until the overlay has noticed, too.
            self.outputs.extend(silent.map(Output::Doubt));
        }
    }

    /// Whoever was asked to be the parent need not.
    fn stop_joining(&mut self, group: Group) {
        let Some(tree) = self.trees.get_mut(&group) else { return };
        if let Up::Joining { to, .. } = tree.up {
            tree.up = Up::Lost { ask_at: Time::FAR_FUTURE };
            self.send(to, Message::Leave { group });
        }
    }

    /// The way up is broken. Asks for another after `pause`.
    fn lose(&mut self, now: Time, group: Group, pause: Duration) {
        let Some(tree) = self.trees.get_mut(&group) else { return };
        tree.up = Up::Lost { ask_at: now + pause };
        tree.hop = None;
        self.counters.lost_places += 1;
        if pause.is_zero() {
            self.ask_way(now, group);
        }
    }

    /// A while drawn at random, so that nodes that hinder each other do not do so again.
    fn pause(&mut self) -> Duration {
        let beat = u64::try_from(self.config.heartbeat.as_micros()).unwrap_or(u64::MAX);
        Duration::from_micros(beat / 8 + self.rng.below(beat))
    }

    fn ask_way(&mut self, now: Time, group: Group) {
        let pause = self.pause() + self.join_patience();
        if let Some(tree) = self.trees.get_mut(&group)
            && let Up::Lost { ask_at } = &mut tree.up
        {
            *ask_at = now + pause;
        }
        self.outputs.push_back(Output::AskWay { group });
    }

    /// Keys may have other roots.
    pub(crate) fn ask_ways(&mut self, now: Time) {
        for group in self.trees.keys().copied().collect::<Vec<_>>() {
            self.ask_way(now, group);
        }
    }

    pub(crate) fn on_tree_way(&mut self, now: Time, group: Group, way: Way) {
        let me = self.me;
        let Some(tree) = self.trees.get_mut(&group) else { return };
        match (way, &tree.up) {
            (Way::Root, Up::Root) | (Way::None, Up::Lost { .. } | Up::Below(_)) => {}
            (Way::Hop(hop), _) if hop == me => {}
            (Way::Hop(hop), Up::Below(_)) => tree.hop = Some(hop),
            (Way::Hop(hop), Up::Joining { .. }) if tree.hop == Some(hop) => {}
            (Way::Hop(hop), _) => {
                tree.hop = Some(hop);
                self.stop_joining(group);
                self.ask_place(now, group, hop, 0);
            }
            (Way::Root, _) => {
                let above = tree.parent();
                tree.up = Up::Root;
                tree.hop = None;
                if let Some(above) = above {
                    self.send(above, Message::Leave { group });
                }
                self.event(Event::Attached { group });
                self.way_changed(now, group);
            }
            (Way::None, Up::Root | Up::Joining { .. }) => {
                self.stop_joining(group);
                let pause = self.pause();
                self.lose(now, group, pause);
            }
        }
    }

    fn ask_place(&mut self, now: Time, group: Group, to: NodeId, steps: u8) {
        let Some(tree) = self.trees.get_mut(&group) else { return };
        // Whoever is asked to be the parent is no child any more; it would be told no.
        tree.children.remove(&to);
        tree.up = Up::Joining { to, since: now, steps };
        let heads = tree.heads(None);
        self.send(to, Message::Join { group, heads });
    }

    pub(crate) fn on_join(&mut self, now: Time, from: NodeId, group: Group, heads: &Heads) {
        let is_room = self.trees.contains_key(&group) || self.carried_for(from) < CARRIED_MAX;
        if !is_room || !self.open(now, group, GROUPS_MAX - OWN_MIN) {
            return self.send(from, Message::Refused { group });
        }
        self.learn(now, group, from, heads);
        let me = self.me;
        let Some(tree) = self.trees.get_mut(&group) else { return };
        if tree.parent() == Some(from) {
            // It lost its place, and its way leads by this node, which needs one of its own now.
            self.lose(now, group, Duration::ZERO);
        } else if tree.is_below(from) {
            self.leave_parent(now, group);
        } else if tree.is_rooted() {
            return self.admit(now, group, from);
        }
        let Some(tree) = self.trees.get(&group) else { return };
        if let Up::Joining { to, .. } = tree.up
            && to == from
            && stands_above(group, me, from)
        {
            // Each would be the other's child.
            let pause = self.pause();
            self.lose(now, group, pause);
        }
        if let Some(tree) = self.trees.get_mut(&group) {
            tree.wait(from, now);
        }
    }

    /// Groups that this node carries for `peer` without being a member.
    fn carried_for(&self, peer: NodeId) -> usize {
        let waits = |tree: &Tree| tree.waiting.iter().any(|(other, _)| *other == peer);
        let is_for =
            |tree: &&Tree| !tree.is_member && (tree.children.contains_key(&peer) || waits(tree));
        self.trees.values().filter(is_for).count()
    }

    /// Takes a child, or says where else to ask. This node has a way to the root.
    fn admit(&mut self, now: Time, group: Group, child: NodeId) {
        let (me, children_max) = (self.me, self.config.children_max);
        let Some(tree) = self.trees.get_mut(&group) else { return };
        let is_known = tree.children.contains_key(&child);
        if tree.is_below(child) || tree.is_above(child) || tree.is_deep() {
            tree.children.remove(&child);
            return self.send(child, Message::Refused { group });
        }
        if !is_known && tree.children.len() >= children_max {
            let mut others: Vec<NodeId> = tree.children.keys().copied().collect();
            self.rng.shuffle(&mut others);
            let children = Bounded::<NodeId, CHILDREN_MAX>::truncating(others);
            return self.send(child, Message::Below { group, children });
        }
        let new = Child { heard: now, was_sent: false, was_passed_over: false };
        tree.children.insert(child, new);
        let (path, heads) = (tree.path(me), tree.heads(None));
        self.send(child, Message::Joined { group, path, heads });
    }

    /// This node has a way to the root, or another one than before.
    pub(crate) fn way_changed(&mut self, now: Time, group: Group) {
        let Some(tree) = self.trees.get_mut(&group) else { return };
        tree.is_fresh = false;
        let waiting = core::mem::take(&mut tree.waiting);
        self.tell_children(now, group);
        for (child, _) in waiting {
            self.admit(now, group, child);
        }
    }

    pub(crate) fn on_joined(
        &mut self,
        now: Time,
        from: NodeId,
        group: Group,
        path: Path,
        heads: &Heads,
    ) {
        let me = self.me;
        let is_from_above = self.trees.get(&group).is_some_and(|tree| tree.is_above(from));
        if !is_from_above {
            return self.no_edge(from, group);
        }
        if !is_way_up(&path, from, me) {
            self.send(from, Message::Leave { group });
            let pause = self.pause();
            return self.lose(now, group, pause);
        }
        let Some(tree) = self.trees.get_mut(&group) else { return };
        if tree.parent() == Some(from) {
            self.on_path(now, group, path);
            return self.learn(now, group, from, heads);
        }
        tree.up = parent(from, path, now);
        self.learn(now, group, from, heads);
        // What the parent may lack.
        self.stay(now, group);
        self.event(Event::Attached { group });
        self.way_changed(now, group);
    }

    pub(crate) fn on_below(&mut self, now: Time, from: NodeId, group: Group, children: &[NodeId]) {
        let Some(tree) = self.trees.get(&group) else { return self.counters.ignored += 1 };
        let Up::Joining { to, steps, .. } = tree.up else { return self.counters.ignored += 1 };
        if to != from {
            return self.counters.ignored += 1;
        }
        let fits =
            |id: &&NodeId| **id != self.me && **id != from && !tree.children.contains_key(id);
        let fitting: Vec<NodeId> = children.iter().filter(fits).copied().collect();
        let is_linked = |id: &&NodeId| self.links.contains(id);
        let linked: Vec<NodeId> = fitting.iter().filter(is_linked).copied().collect();
        let mut peers = if linked.is_empty() { fitting } else { linked };
        if peers.is_empty() || usize::from(steps) >= PATH_MAX {
            let pause = self.pause();
            return self.lose(now, group, pause);
        }
        self.rng.shuffle(&mut peers);
        self.outputs.push_back(Output::AskNearest { group, peers });
    }

    /// Of the children of a full node, this one is asked for a place.
    pub(crate) fn on_nearest(&mut self, now: Time, group: Group, peer: NodeId) {
        let Some(tree) = self.trees.get(&group) else { return };
        if let Up::Joining { steps, .. } = tree.up {
            self.ask_place(now, group, peer, steps + 1);
        }
    }

    pub(crate) fn on_refused(&mut self, now: Time, from: NodeId, group: Group) {
        let Some(tree) = self.trees.get_mut(&group).filter(|tree| tree.is_above(from)) else {
            return self.counters.ignored += 1;
        };
        // The way up may lead through those below: they look for places of their own.
        let children = core::mem::take(&mut tree.children);
        self.publish(children.into_keys().collect(), Message::Leave { group });
        let pause = self.pause();
        self.lose(now, group, pause);
        self.prune(group);
    }

    /// The edge to `peer` is no more, if there was one.
    pub(crate) fn end_edge(&mut self, now: Time, peer: NodeId, group: Group) {
        let Some(tree) = self.trees.get_mut(&group) else { return };
        tree.waiting.retain(|(other, _)| *other != peer);
        tree.children.remove(&peer);
        self.kept.forget_neighbour(peer);
        if tree.is_idle() {
            return self.prune(group);
        }
        if tree.is_above(peer) {
            self.lose(now, group, Duration::ZERO);
        }
    }

    pub(crate) fn on_link_down(&mut self, now: Time, peer: NodeId) {
        self.links.remove(&peer);
        for group in self.trees.keys().copied().collect::<Vec<_>>() {
            self.end_edge(now, peer, group);
        }
        self.on_stop_gone(now, peer);
    }

    /// `peer` believes in an edge that does not exist.
    pub(crate) fn no_edge(&mut self, peer: NodeId, group: Group) {
        self.counters.ignored += 1;
        self.send(peer, Message::Leave { group });
    }

    /// The parent is given up.
    pub(crate) fn leave_parent(&mut self, now: Time, group: Group) {
        let above = self.trees.get(&group).and_then(Tree::parent);
        if let Some(above) = above {
            self.send(above, Message::Leave { group });
        }
        self.lose(now, group, Duration::ZERO);
    }
}
