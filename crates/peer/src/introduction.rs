//! The way into a ring: which of the peers that the server named is tried, and which of those that
//! it sends here find room.

use alloc::collections::{BTreeMap, VecDeque};

use base::NodeId;
use node::LinkId;

/// Where the way in stands.
#[derive(Debug, Default)]
pub(crate) struct Introduction {
    /// Named by the server and not tried yet. As many as one introduction names.
    anchors: VecDeque<NodeId>,
    /// Being dialled, or linked and not joined through yet.
    through: Option<NodeId>,
}

impl Introduction {
    /// The server named these; returns the one to dial, unless one is being dialled.
    pub(crate) fn start(&mut self, anchors: impl IntoIterator<Item = NodeId>) -> Option<NodeId> {
        self.anchors = anchors.into_iter().collect();
        if self.through.is_some() {
            return None;
        }
        self.next()
    }

    /// The one under way did not work; returns the next to dial, if any is left.
    pub(crate) fn failed(&mut self) -> Option<NodeId> {
        self.through = None;
        self.next()
    }

    fn next(&mut self) -> Option<NodeId> {
        self.through = self.anchors.pop_front();
        self.through
    }

    /// A link is up: true once, when it is the one to join through.
    pub(crate) fn linked(&mut self, peer: NodeId) -> bool {
        let is_first_hop = self.through == Some(peer);
        if is_first_hop {
            self.through = None;
            self.anchors.clear();
        }
        is_first_hop
    }
}

/// Newcomers whose links are under construction. The overlay granted them no slot and hears of
/// them only when they are linked: until then they are counted here, so that the cap holds.
#[derive(Debug, Default)]
pub(crate) struct Visitors(BTreeMap<LinkId, NodeId>);

impl Visitors {
    /// Takes one in, if a slot is free.
    pub(crate) fn admit(&mut self, link: LinkId, peer: NodeId, free_slots: u64) -> bool {
        let has_room = (self.0.len() as u64) < free_slots;
        if has_room {
            self.0.insert(link, peer);
        }
        has_room
    }

    /// The overlay knows the link of this peer.
    pub(crate) fn linked(&mut self, peer: NodeId) {
        self.0.retain(|_, visitor| *visitor != peer);
    }

    /// The link is no more.
    pub(crate) fn gone(&mut self, link: LinkId) {
        self.0.remove(&link);
    }
}
