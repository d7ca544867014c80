//! The way into a ring: which of the peers that a server named is tried.

use alloc::collections::VecDeque;

use base::NodeId;
use node::LinkId;
use signal::entry::ServerId;

/// Where the way in stands.
#[derive(Debug, Default)]
pub(crate) struct Introduction {
    /// Named by a server, which carries the offer, and not tried yet. As many as one introduction
    /// names.
    anchors: VecDeque<(ServerId, NodeId)>,
    /// Being dialled, or linked and not joined through yet.
    through: Option<NodeId>,
    /// Its link, from the opening until both have said hello.
    link: Option<LinkId>,
}

impl Introduction {
    /// A server named these; returns the one to dial, unless one is being dialled.
    pub(crate) fn start(
        &mut self,
        server: ServerId,
        anchors: impl IntoIterator<Item = NodeId>,
    ) -> Option<(ServerId, NodeId)> {
        self.anchors = anchors.into_iter().map(|anchor| (server, anchor)).collect();
        if self.through.is_some() {
            return None;
        }
        self.next()
    }

    /// The one under way did not work; returns the next to dial, if any is left.
    pub(crate) fn failed(&mut self) -> Option<(ServerId, NodeId)> {
        (self.through, self.link) = (None, None);
        self.next()
    }

    /// A link is open, and nobody has said hello on it.
    pub(crate) fn opened(&mut self, peer: NodeId, link: LinkId) {
        if self.through == Some(peer) {
            self.link = Some(link);
        }
    }

    /// Whether `link`, which is gone, was the one to join through.
    pub(crate) fn is_way_in(&self, link: LinkId) -> bool {
        self.link == Some(link)
    }

    fn next(&mut self) -> Option<(ServerId, NodeId)> {
        let next = self.anchors.pop_front();
        self.through = next.map(|(_, anchor)| anchor);
        next
    }

    /// A link is up: true once, when it is the one to join through.
    pub(crate) fn linked(&mut self, peer: NodeId) -> bool {
        let is_first_hop = self.through == Some(peer);
        if is_first_hop {
            (self.through, self.link) = (None, None);
            self.anchors.clear();
        }
        is_first_hop
    }
}
