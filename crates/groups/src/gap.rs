//! Multicasts that did not arrive: noticed by the numbers of those that did, or by what a
//! neighbour says it has; asked for from that neighbour, then from others.
//!
//! A neighbour that has no copy, because it came to the tree later, asks its own neighbours on
//! behalf of whoever asked. A copy is kept for a minute, within a budget of bytes.

use alloc::vec::Vec;

use base::{Duration, NodeId, SortedMap, SortedSet, Time};
use wire::groups::{CastId, Group, Heads, Message, Numbers, Stream, WANTS_MAX};

use crate::kept::Again;
use crate::tree::Tree;
use crate::{Event, Groups};

/// Multicasts that one group's node lacks and asks for. Beyond it further ones are not asked for;
/// they are when others have arrived.
pub(crate) const GAPS_MAX: usize = 1024;
/// Times that a multicast is asked for. Then it is missed.
const TRIES_MAX: u8 = 6;
/// Times that the neighbour that has it is asked before others are.
const SOURCE_TRIES: u8 = 2;

/// When what is missed is asked for again.
const MISSED: Time = Time::FAR_FUTURE;

/// A multicast that is not here.
#[derive(Clone, Debug)]
pub(crate) struct Gap {
    /// Who has it, or should.
    source: NodeId,
    due: Time,
    tries: u8,
    /// Neighbours that want it; as many as this node has.
    pub(crate) askers: SortedSet<NodeId>,
}

impl Groups {
    /// What is missing may still be under way.
    fn gap_patience(&self) -> Duration {
        self.config.heartbeat / 2
    }

    /// What a neighbour has, by its own account.
    pub(crate) fn learn(&mut self, now: Time, group: Group, from: NodeId, heads: &Heads) {
        for head in heads {
            let Some(tree) = self.trees.get_mut(&group) else { return };
            if tree.is_fresh {
                tree.skip(head.stream, head.newest, now);
            } else if head.newest > 0 {
                tree.track_mut(head.stream, head.newest, now).reach(head.newest);
                self.note_gaps(now, group, head.stream, from);
            }
        }
    }

    /// Takes up what is missing of a stream.
    pub(crate) fn note_gaps(&mut self, now: Time, group: Group, stream: Stream, source: NodeId) {
        let due = now + self.gap_patience();
        let Some(tree) = self.trees.get_mut(&group) else { return };
        let missing: Vec<u64> =
            tree.track(stream).map_or(Vec::new(), |track| track.missing().collect());
        for number in missing {
            if tree.gaps.len() >= GAPS_MAX {
                return;
            }
            let gap = || Gap { source, due, tries: 0, askers: SortedSet::new() };
            tree.gaps.entry(CastId { stream, number }).or_insert_with(gap);
        }
    }

    pub(crate) fn gap_at(&self) -> Option<Time> {
        self.trees.values().filter_map(Tree::gap_at).min()
    }

    /// Asks for everything whose time has come.
    pub(crate) fn ask_for_gaps(&mut self, now: Time) {
        let is_due = |tree: &Tree| tree.gap_at().is_some_and(|at| at <= now);
        let due = self.trees.iter().filter(|(_, tree)| is_due(tree)).map(|(group, _)| *group);
        for group in due.collect::<Vec<_>>() {
            self.ask_for_gaps_of(now, group);
        }
    }

    fn ask_for_gaps_of(&mut self, now: Time, group: Group) {
        let again = now + self.config.heartbeat;
        let Some(tree) = self.trees.get_mut(&group) else { return };
        let neighbours: Vec<NodeId> = tree.neighbours().collect();
        let mut wants: SortedMap<(NodeId, Stream), Vec<u64>> = SortedMap::new();
        let missed = tree.give_up(now);
        for (cast, gap) in tree.gaps.iter_mut().filter(|(_, gap)| gap.due <= now) {
            gap.due = again;
            gap.tries += 1;
            let is_first = gap.tries <= SOURCE_TRIES && neighbours.contains(&gap.source);
            let others = neighbours.iter().filter(|id| !gap.askers.contains(id));
            let others: Vec<NodeId> = others.copied().collect();
            let to = if is_first { Some(gap.source) } else { self.rng.pick(&others).copied() };
            if let Some(to) = to {
                wants.entry((to, cast.stream)).or_default().push(cast.number);
            }
        }
        let is_member = tree.is_member;
        for ((to, stream), numbers) in wants {
            self.counters.wanted += numbers.len() as u64;
            for numbers in numbers.chunks(WANTS_MAX) {
                let numbers = Numbers::truncating(numbers.iter().copied());
                self.send(to, Message::Want { group, stream, numbers });
            }
        }
        for (stream, count) in missed.into_iter().filter(|_| is_member) {
            self.counters.missed += u64::from(count);
            self.event(Event::Missed { group, origin: stream.origin, count });
        }
    }

    pub(crate) fn on_want(
        &mut self,
        now: Time,
        from: NodeId,
        group: Group,
        stream: Stream,
        numbers: &Numbers,
    ) {
        let patience = self.gap_patience();
        for &number in numbers {
            let Some(tree) = self.trees.get_mut(&group).filter(|tree| tree.has_edge(from)) else {
                return self.no_edge(from, group);
            };
            tree.note_heard(from, now);
            let cast = CastId { stream, number };
            match self.kept.again(now, group, cast, from, patience) {
                Again::Send(body) => {
                    self.counters.resent += 1;
                    self.send(from, Message::Cast { group, cast, body });
                }
                Again::UnderWay => {}
                Again::Absent => tree.ask_for(cast, from, now),
            }
        }
    }
}

impl Tree {
    fn gap_at(&self) -> Option<Time> {
        self.gaps.values().map(|gap| gap.due).min()
    }

    /// A neighbour wants what is not here: if it was never here, this node asks for it, too.
    fn ask_for(&mut self, cast: CastId, asker: NodeId, now: Time) {
        let Some(track) = self.track(cast.stream) else { return };
        let is_old = cast.number <= track.floor() && !track.is_beyond(cast.number);
        let Some(source) = self.neighbours().find(|id| *id != asker) else { return };
        if let Some(gap) = self.gaps.get_mut(&cast) {
            gap.askers.insert(asker);
        } else if is_old && self.gaps.len() < GAPS_MAX {
            let askers = SortedSet::from([asker]);
            self.gaps.insert(cast, Gap { source, due: now, tries: 0, askers });
        }
    }

    /// Ends what was asked for often enough. What was meant for this node, by stream.
    fn give_up(&mut self, now: Time) -> SortedMap<Stream, u16> {
        let mut missed: SortedMap<Stream, u16> = SortedMap::new();
        let mut gaps = core::mem::take(&mut self.gaps);
        gaps.retain(|cast, gap| {
            let Some(track) = self.track(cast.stream) else { return false };
            if gap.due <= now && gap.tries >= TRIES_MAX {
                gap.due = MISSED;
                if cast.number > track.floor() {
                    *missed.entry(cast.stream).or_default() += 1;
                }
            }
            // Within the window it stays, so that it is not taken up again.
            gap.due != MISSED || !track.is_beyond(cast.number)
        });
        self.gaps = gaps;
        missed
    }
}
