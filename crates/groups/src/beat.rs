//! Signs of life between parent and child, and what follows from their absence.
//!
//! A parent's tells the way to the root and what was sent lately; a multicast replaces it once, not
//! twice in a row, so that the last one that was lost is noticed, too.

use alloc::vec::Vec;

use base::{NodeId, Time};
use wire::groups::{Group, Heads, Message, Path};

use crate::tree::{Tree, Up, is_way_up};
use crate::{Event, Groups, Output, SILENCE_BEATS};

impl Groups {
    /// Once a heartbeat.
    pub(crate) fn on_beat_due(&mut self, now: Time) {
        self.beats += 1;
        self.kept.expire(now - self.config.heartbeat * crate::KEPT_BEATS);
        for group in self.trees.keys().copied().collect::<Vec<_>>() {
            self.drop_silent(now, group);
            if self
                .trees
                .get(&group)
                .is_some_and(|tree| tree.is_abandoned(now, self.config.heartbeat))
            {
                let silent = self.silent_parent(now, group);
                self.leave_parent(now, group);
                self.outputs.extend(silent.map(Output::Doubt));
            }
            self.beat(now, group);
            if self.beats.is_multiple_of(2) {
                self.stay(now, group);
            }
            self.prune(group);
        }
        self.forget_walks(now);
    }

    /// Children and askers who are silent go.
    fn drop_silent(&mut self, now: Time, group: Group) {
        let beat = self.config.heartbeat;
        let Some(tree) = self.trees.get_mut(&group) else { return };
        let is_waiting = |at: Time| now.since(at) <= beat * 3;
        tree.waiting.retain(|(_, at)| is_waiting(*at));
        // A child speaks at every second heartbeat.
        let is_here = |at: Time| now.since(at) <= beat * (SILENCE_BEATS + 2);
        tree.children.retain(|_, child| is_here(child.heard));
    }

    /// The parent, if it gives no sign of life, whatever it says of its root.
    fn silent_parent(&self, now: Time, group: Group) -> Option<NodeId> {
        let tree = self.trees.get(&group)?;
        tree.is_parent_silent(now, self.config.heartbeat).then(|| tree.parent())?
    }

    /// To the children that heard nothing lately.
    fn beat(&mut self, now: Time, group: Group) {
        let Some(tree) = self.trees.get_mut(&group) else { return };
        let mut quiet: Vec<NodeId> = Vec::new();
        for (id, child) in &mut tree.children {
            let was_sent = core::mem::take(&mut child.was_sent);
            child.was_passed_over = was_sent && !child.was_passed_over;
            if !child.was_passed_over {
                quiet.push(*id);
            }
        }
        self.send_beat(now, group, quiet);
    }

    /// The way to the root is another one.
    pub(crate) fn tell_children(&mut self, now: Time, group: Group) {
        let Some(tree) = self.trees.get(&group) else { return };
        let children = tree.children.keys().copied().collect();
        self.send_beat(now, group, children);
    }

    fn send_beat(&mut self, now: Time, group: Group, to: Vec<NodeId>) {
        let Some(tree) = self.trees.get(&group).filter(|_| !to.is_empty()) else { return };
        let heads = tree.heads(Some((now, self.config.heartbeat)));
        let path = tree.path(self.me);
        self.publish(to, Message::Beat { group, path, heads });
    }

    /// To the parent.
    pub(crate) fn stay(&mut self, now: Time, group: Group) {
        let Some(tree) = self.trees.get(&group) else { return };
        if let Some(parent) = tree.parent() {
            let heads = tree.heads(Some((now, self.config.heartbeat)));
            self.send(parent, Message::Stay { group, heads });
        }
    }

    pub(crate) fn on_beat(
        &mut self,
        now: Time,
        from: NodeId,
        group: Group,
        path: Path,
        heads: &Heads,
    ) {
        let Some(tree) = self.trees.get_mut(&group) else { return self.no_edge(from, group) };
        if tree.parent() != Some(from) {
            // Whoever was just asked may still think of an earlier edge.
            if tree.is_above(from) {
                return self.counters.ignored += 1;
            }
            return self.no_edge(from, group);
        }
        tree.note_heard(from, now);
        self.on_path(now, group, path);
        if self.trees.get(&group).is_some_and(|tree| tree.has_edge(from)) {
            self.learn(now, group, from, heads);
        }
    }

    /// The parent's way to the root, as it says.
    pub(crate) fn on_path(&mut self, now: Time, group: Group, path: Path) {
        let me = self.me;
        let Some(Tree { up: Up::Below(parent), .. }) = self.trees.get_mut(&group) else { return };
        if path.is_empty() {
            parent.is_rooted = false;
            return;
        }
        if !is_way_up(&path, parent.id, me) {
            return self.leave_parent(now, group);
        }
        parent.rooted = now;
        let was_rooted = core::mem::replace(&mut parent.is_rooted, true);
        if was_rooted && parent.path == path {
            return;
        }
        parent.path = path;
        if !was_rooted {
            self.event(Event::Attached { group });
        }
        self.way_changed(now, group);
    }

    pub(crate) fn on_stay(&mut self, now: Time, from: NodeId, group: Group, heads: &Heads) {
        let Some(tree) = self.trees.get_mut(&group) else { return self.no_edge(from, group) };
        if !tree.children.contains_key(&from) {
            return self.no_edge(from, group);
        }
        tree.note_heard(from, now);
        self.learn(now, group, from, heads);
    }
}
