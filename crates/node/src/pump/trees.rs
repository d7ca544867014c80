//! Groups: whom they send to, and what reaches this node through them.

use base::{Key, NodeId, Time, codec};
use bytes::Bytes;
use groups::Way;
use overlay::NextHop;
use wire::grid as grid_wire;
use wire::groups::BODY_BYTES_MAX;

use super::Speech;
use crate::{Event, Node};

/// Walks that wait for the grid's answer. It comes within the same turn; beyond it the walk goes on
/// as if this node had declined.
const OFFERS_MAX: usize = 64;

impl Node {
    pub(super) fn on_groups(&mut self, now: Time, output: groups::Output) {
        match output {
            groups::Output::AskWay { group } => {
                let way = match self.overlay.next_hop(group) {
                    Some(NextHop::Hop(to)) => Way::Hop(to),
                    Some(NextHop::Root) => Way::Root,
                    None => Way::None,
                };
                self.groups.handle(now, groups::Input::Way { group, way });
            }
            groups::Output::AskNearest { group, peers } => {
                let nearest = self.overlay.nearest_of(&peers).or(peers.first().copied());
                if let Some(peer) = nearest {
                    self.groups.handle(now, groups::Input::Nearest { group, peer });
                }
            }
            groups::Output::Send { to, class, message } => {
                self.say(now, &[to], class, Speech::Group(message));
            }
            groups::Output::Publish { to, class, message } => {
                self.say(now, &to, class, Speech::Group(message));
            }
            groups::Output::Deliver { group, origin, body } => {
                self.on_published(now, group, origin, &body);
            }
            groups::Output::Offer { walk, body, .. } => self.on_offer(now, walk, &body),
            groups::Output::Prefer(peer) => self.prefer(now, peer, |wish| &mut wish.tree, true),
            groups::Output::Unprefer(peer) => self.prefer(now, peer, |wish| &mut wish.tree, false),
            groups::Output::Doubt(peer) => {
                self.overlay.handle(now, overlay::Input::Doubt { peer });
            }
            groups::Output::Event(groups::Event::Misbehaved { peer, why }) => {
                self.on_misbehaviour(now, Event::Misbehaved { peer, why }, peer, why);
            }
            // Who accepted an offer enlists by itself, and a result that was missed is fetched.
            groups::Output::Event(_) => {}
        }
    }

    /// A multicast. Whoever carried it may have changed it, so a body that means nothing is nobody's
    /// fault that could be named.
    fn on_published(&mut self, now: Time, group: Key, origin: NodeId, body: &Bytes) {
        let Ok(message) = codec::decode::<grid_wire::Message>(body, BODY_BYTES_MAX) else {
            self.traffic.refused += 1;
            return;
        };
        if let grid_wire::Message::Result { payload, .. } = &message {
            // Being asked to hold it later then costs no transfer.
            self.store.handle(now, store::Input::Cache(payload.clone()));
        }
        self.grid.handle(now, grid::Input::Published { group, origin, message });
    }

    fn on_offer(&mut self, now: Time, walk: wire::groups::WalkId, body: &Bytes) {
        let message = codec::decode::<grid_wire::Message>(body, BODY_BYTES_MAX);
        let (Ok(message), true) = (message, self.offers.len() < OFFERS_MAX) else {
            let answer = groups::Input::Answer { walk, accepted: false };
            return self.groups.handle(now, answer);
        };
        self.offered += 1;
        self.offers.insert(self.offered, walk);
        self.grid.handle(now, grid::Input::Offered { walk: self.offered, message });
    }

    pub(super) fn on_answer(&mut self, now: Time, offer: u64, accepted: bool) {
        if let Some(walk) = self.offers.remove(&offer) {
            self.groups.handle(now, groups::Input::Answer { walk, accepted });
        }
    }
}
