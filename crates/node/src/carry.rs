//! Between groups, store and grid: what one of them wants, another does. The overlay's part is in
//! `pump`.

use alloc::vec::Vec;

use base::codec::{self, DecodeError};
use base::{Duration, Key, NodeId, Time};
use bytes::Bytes;
use groups::Way;
use overlay::NextHop;
use store::Neighbour;
use wire::grid::Message as GridMessage;
use wire::groups::WalkId;
use wire::limits::MESSAGE_BYTES_MAX;
use wire::overlay::{Contact, Target};
use wire::store::{COPIES, Name};
use wire::{Class, Frame, Parcel};

use crate::seal::Route;
use crate::{Event, Node, Output};

/// How long records and results are kept after they were last written. Chosen: whoever started a
/// job in the evening finds it in the morning.
const LIFETIME: Duration = Duration::from_secs(24 * 3600);

/// Who asks for a link to a peer: one bit each.
const BY_GRID: u8 = 1;
const BY_GROUPS: u8 = 2;

/// A message of one of the machines, for peers with and without a link.
#[derive(Clone, Debug)]
pub(crate) enum Talk {
    Grid(GridMessage),
    Group(wire::groups::Message),
    Store(wire::store::Message),
}

impl Talk {
    pub(crate) fn into_frame(self) -> Frame {
        match self {
            Talk::Grid(message) => Frame::Grid(message),
            Talk::Group(message) => Frame::Group(message),
            Talk::Store(message) => Frame::Store(message),
        }
    }

    pub(crate) fn into_parcel(self) -> Parcel {
        match self {
            Talk::Grid(message) => Parcel::Grid(message),
            Talk::Group(message) => Parcel::Group(message),
            Talk::Store(message) => Parcel::Store(message),
        }
    }
}

/// What a multicast or an offer says.
fn opened(body: &[u8]) -> Result<GridMessage, DecodeError> {
    codec::decode(body, MESSAGE_BYTES_MAX)
}

impl Node {
    pub(crate) fn on_groups(&mut self, now: Time, output: groups::Output) {
        match output {
            groups::Output::AskWay { group } => {
                let way = match self.overlay.next_hop(group) {
                    Some(NextHop::Hop(peer)) => Way::Hop(peer),
                    Some(NextHop::Root) => Way::Root,
                    None => Way::None,
                };
                self.groups.handle(now, groups::Input::Way { group, way });
            }
            groups::Output::Send { to, class, message } => {
                self.send_all(now, &[to], class, Talk::Group(message));
            }
            groups::Output::Publish { to, class, message } => {
                self.send_all(now, &to, class, Talk::Group(message));
            }
            groups::Output::Deliver { group, origin, body } => {
                self.on_multicast(now, group, origin, &body);
            }
            groups::Output::Offer { walk, body, .. } => self.on_offer(now, walk, &body),
            groups::Output::Prefer(peer) => self.prefer(now, peer, BY_GROUPS, true),
            groups::Output::Unprefer(peer) => self.prefer(now, peer, BY_GROUPS, false),
            groups::Output::Event(groups::Event::Misbehaved { peer, why }) => {
                self.on_misbehaviour(now, Event::Misbehaved { peer, why }, peer, why);
            }
            // Enlisting says who accepted; what is missed is fetched.
            groups::Output::Event(_) => {}
        }
    }

    fn on_multicast(&mut self, now: Time, group: Key, origin: NodeId, body: &Bytes) {
        let Ok(message) = opened(body) else {
            self.traffic.refused += 1;
            return;
        };
        if let GridMessage::Result { payload, .. } = &message {
            // Whoever is asked to hold it later has it.
            self.store.handle(now, store::Input::Cache(payload.clone()));
        }
        self.grid.handle(now, grid::Input::Published { group, origin, message });
    }

    fn on_offer(&mut self, now: Time, walk: WalkId, body: &Bytes) {
        let Ok(message) = opened(body) else {
            self.traffic.refused += 1;
            return self.groups.handle(now, groups::Input::Answer { walk, accepted: false });
        };
        self.offered += 1;
        self.offers.insert(self.offered, walk);
        self.grid.handle(now, grid::Input::Offered { walk: self.offered, message });
    }

    pub(crate) fn on_store(&mut self, now: Time, output: store::Output) {
        match output {
            store::Output::Send { to, class, message } => {
                self.send_all(now, &[to], class, Talk::Store(message));
            }
            store::Output::Route { key, message } => {
                let class = message.class();
                self.seal_to_root(key, class, &Parcel::Store(message));
            }
            // Values live in memory.
            store::Output::Keep { .. } | store::Output::Forget(_) => {}
            store::Output::Load(name) => {
                self.store.handle(now, store::Input::Loaded { name, value: None });
            }
            store::Output::Event(event) => self.on_store_event(now, event),
        }
    }

    fn on_store_event(&mut self, now: Time, event: store::Event) {
        let input = match event {
            store::Event::Stored { name: Name::Record(job), copies } => {
                let wanted = self.copies_wanted();
                grid::Input::Copies { job, count: u16::from(copies), wanted }
            }
            store::Event::Stored { name: Name::Blob(digest), copies } => {
                grid::Input::Kept { digest, count: u16::from(copies) }
            }
            store::Event::Found { digest, blob } => {
                grid::Input::Loaded { digest, payload: Some(blob) }
            }
            store::Event::Missing(Name::Blob(digest)) => {
                grid::Input::Loaded { digest, payload: None }
            }
            store::Event::FoundRecord { key, record } => {
                let is_root = self.overlay.next_hop(key) == Some(NextHop::Root);
                grid::Input::Record { job: key, record, is_root }
            }
            store::Event::Record { key, record, is_root } => {
                grid::Input::Record { job: key, record, is_root }
            }
            store::Event::HandedOver { .. } => return self.on_handed_over(now),
            store::Event::Misbehaved { peer, why } => {
                return self.on_misbehaviour(now, Event::Misbehaved { peer, why }, peer, why);
            }
            // The grid looks again, or writes again.
            store::Event::Missing(Name::Record(_)) | store::Event::NotStored { .. } => return,
        };
        self.grid.handle(now, input);
    }

    /// Nodes that should hold a value: k, or everyone in a smaller ring.
    fn copies_wanted(&self) -> u16 {
        let (left, right) = self.overlay.leaf_set();
        let mut others: Vec<NodeId> = left.iter().chain(right).map(|contact| contact.id).collect();
        others.sort_unstable();
        others.dedup();
        u16::try_from((others.len() + 1).min(COPIES)).unwrap_or(u16::MAX)
    }

    pub(crate) fn on_grid(&mut self, now: Time, output: grid::Output) {
        match output {
            grid::Output::Send { to, class, message } => {
                self.send_all(now, &[to], class, Talk::Grid(message));
            }
            grid::Output::Publish { group, message } => {
                let body = Bytes::from(codec::encode(&message));
                self.groups.handle(now, groups::Input::Multicast { group, body });
            }
            grid::Output::Route { key, message } => {
                let class = message.class();
                self.seal_to_root(key, class, &Parcel::Grid(message));
            }
            grid::Output::Follow { group } => {
                self.groups.handle(now, groups::Input::Join { group });
            }
            grid::Output::Unfollow { group } => {
                self.groups.handle(now, groups::Input::Leave { group });
            }
            grid::Output::Anycast { group, wanted, message } => {
                let walk = WalkId { origin: self.me, number: self.rng.next_u64() };
                let body = Bytes::from(codec::encode(&message));
                self.groups.handle(now, groups::Input::Anycast { walk, group, wanted, body });
            }
            grid::Output::Answer { walk, accepted } => {
                if let Some(walk) = self.offers.remove(&walk) {
                    self.groups.handle(now, groups::Input::Answer { walk, accepted });
                }
            }
            grid::Output::Record { job, delta } => {
                let input = store::Input::Merge { key: job, delta, lifetime: LIFETIME };
                self.store.handle(now, input);
            }
            grid::Output::Recall { job } => self.store.handle(now, store::Input::GetRecord(job)),
            grid::Output::Keep { payload } => {
                self.store.handle(now, store::Input::Put { blob: payload, lifetime: LIFETIME });
            }
            grid::Output::Load { digest } => self.store.handle(now, store::Input::Get(digest)),
            grid::Output::Prefer(peer) => self.prefer(now, peer, BY_GRID, true),
            grid::Output::Unprefer(peer) => self.prefer(now, peer, BY_GRID, false),
            grid::Output::Event(event @ grid::Event::Misbehaved { peer, why }) => {
                self.on_misbehaviour(now, Event::Grid(event), peer, why);
            }
            output => self.pass_on(output),
        }
    }

    /// What only the driver can do.
    fn pass_on(&mut self, output: grid::Output) {
        let output = match output {
            grid::Output::SignCancel { job, bytes } => {
                let token = self.sealer.fresh_token();
                self.cancels.insert(token, job);
                Output::Sign { token, bytes }
            }
            grid::Output::Appraise { job, kind, params, tasks } => {
                Output::Appraise { job, kind, params, tasks }
            }
            grid::Output::Compute { work, job, task, kind, params } => {
                Output::Compute { work, job, task, kind, params }
            }
            grid::Output::Abandon(work) => Output::Abandon(work),
            grid::Output::Event(event) => Output::Event(Event::Grid(event)),
            _ => return,
        };
        self.outputs.push_back(output);
    }

    fn seal_to_root(&mut self, key: Key, class: Class, parcel: &Parcel) {
        self.seal(Route { key, target: Target::Root, via: None, class }, parcel);
    }

    /// A link is wanted while grid or groups want it.
    fn prefer(&mut self, now: Time, peer: NodeId, by: u8, wants: bool) {
        let old = self.preferred.get(&peer).copied().unwrap_or(0);
        let new = if wants { old | by } else { old & !by };
        match (old, new) {
            (0, 0) => {}
            (0, _) => self.overlay.handle(now, overlay::Input::Prefer { peer }),
            (_, 0) => self.overlay.handle(now, overlay::Input::Unprefer { peer }),
            _ => {}
        }
        if new == 0 {
            self.preferred.remove(&peer);
        } else {
            self.preferred.insert(peer, new);
        }
    }

    /// Whether the overlay routes. The store and the groups stand before the grid asks of them.
    pub(crate) fn tell_ready(&mut self, now: Time, ready: bool) {
        self.tell_neighbours(now);
        self.groups.handle(now, groups::Input::Ready(ready));
        self.store.handle(now, store::Input::Ready(ready));
        self.grid.handle(now, grid::Input::Ready(ready));
    }

    pub(crate) fn tell_neighbours(&mut self, now: Time) {
        let (left, right) = self.overlay.leaf_set();
        let neighbours = |contacts: &[Contact]| -> Vec<Neighbour> {
            contacts.iter().map(|contact| contact.id.into()).collect()
        };
        let (left, right) = (neighbours(left), neighbours(right));
        self.store.handle(now, store::Input::Neighbours { left, right });
        self.groups.handle(now, groups::Input::NeighboursChanged);
    }
}
