//! What `node`'s pump does, for the groups and the store on a host here: between them, the overlay,
//! and other hosts.

use base::{Key, NodeId, codec};
use bytes::Bytes;
use groups::Way;
use overlay::{Input, NextHop};
use wire::limits::MESSAGE_BYTES_MAX;
use wire::overlay::{Contact, Target};
use wire::{Class, Parcel};

use super::World;
use super::drive::Given;
use super::upper::Word;
use super::world::Happening;

/// First byte of a routed body that holds a parcel.
pub(crate) const PARCEL: u8 = 2;

impl World {
    /// Gives groups and store what the overlay tells.
    pub(crate) fn tell_upper(&mut self, me: u32, event: &overlay::Event) {
        if self.upper_mut(me).is_none() {
            return;
        }
        let (now, is_direct) = (self.now, self.is_direct());
        match event {
            overlay::Event::Ready | overlay::Event::NotReady => {
                self.tell_neighbours(me);
                let is_ready = *event == overlay::Event::Ready;
                let Some(upper) = self.upper_mut(me) else { return };
                upper.groups.handle(now, groups::Input::Ready(is_ready));
                upper.store.handle(now, store::Input::Ready(is_ready));
            }
            overlay::Event::NeighboursChanged => self.tell_neighbours(me),
            overlay::Event::WaysChanged => {
                let Some(upper) = self.upper_mut(me) else { return };
                upper.groups.handle(now, groups::Input::WaysChanged);
            }
            overlay::Event::PeerGone { peer, .. } => {
                let Some(upper) = self.upper_mut(me) else { return };
                upper.store.handle(now, store::Input::PeerGone(*peer));
                // Where there are links, this one's is down by now.
                if is_direct {
                    upper.groups.handle(now, groups::Input::LinkDown { peer: *peer });
                }
            }
            _ => {}
        }
    }

    pub(crate) fn tell_neighbours(&mut self, me: u32) {
        let now = self.now;
        let host = &mut self.hosts[me as usize];
        let (Some(overlay), Some(upper)) = (host.overlay.as_deref(), host.upper.as_deref_mut())
        else {
            return;
        };
        let list = |side: &[Contact]| side.iter().map(|one| one.id.into()).collect();
        let (left, right) = overlay.leaf_set();
        let (left, right) = (list(left), list(right));
        upper.store.handle(now, store::Input::Neighbours { left, right });
    }

    /// The overlay has closed this link.
    pub(crate) fn unlink_upper(&mut self, me: u32, peer: NodeId) {
        let now = self.now;
        if let Some(upper) = self.upper_mut(me) {
            upper.groups.handle(now, groups::Input::LinkDown { peer });
        }
    }

    /// The next thing that groups or store want, done; what the host is given for it. `None` when
    /// they are content.
    pub(crate) fn obey_upper(&mut self, me: u32) -> Option<Vec<Given>> {
        let upper = self.upper_mut(me)?;
        if let Some(output) = upper.groups.poll_output() {
            return Some(self.obey_groups(me, output));
        }
        let output = upper.store.poll_output()?;
        Some(self.obey_store(me, output))
    }

    fn obey_groups(&mut self, me: u32, output: groups::Output) -> Vec<Given> {
        use groups::Output;
        match output {
            Output::AskWay { group } => {
                let hop = self.overlay(me).and_then(|overlay| overlay.next_hop(group));
                let way = match hop {
                    Some(NextHop::Hop(to)) => Way::Hop(to),
                    Some(NextHop::Root) => Way::Root,
                    None => Way::None,
                };
                return vec![Given::Groups(groups::Input::Way { group, way })];
            }
            Output::AskNearest { group, peers } => {
                let nearest = self.overlay(me).and_then(|overlay| overlay.nearest_of(&peers));
                let first = peers.first().copied();
                let answer = |peer| Given::Groups(groups::Input::Nearest { group, peer });
                return nearest.or(first).map(answer).into_iter().collect();
            }
            Output::Send { to, message, .. } => {
                return self.speak(me, to, Parcel::Group(message)).into_iter().collect();
            }
            Output::Publish { to, message, .. } => {
                let each = |to: &NodeId| self.speak(me, *to, Parcel::Group(message.clone()));
                return to.iter().filter_map(each).collect();
            }
            Output::Deliver { group, body, .. } => {
                self.hear(me, Word::Multicast { group, body });
            }
            Output::Offer { walk, group, .. } => {
                let accepted =
                    self.upper_mut(me).is_some_and(|upper| upper.accepts.contains(&group));
                if accepted {
                    let hops = self.walks.get(&walk).copied().unwrap_or(0);
                    self.hear(me, Word::Taken { walk, hops });
                }
                return vec![Given::Groups(groups::Input::Answer { walk, accepted })];
            }
            Output::Prefer(peer) => return vec![Given::Overlay(Input::Prefer { peer })],
            Output::Unprefer(peer) => return vec![Given::Overlay(Input::Unprefer { peer })],
            Output::Doubt(peer) => return vec![Given::Overlay(Input::Doubt { peer })],
            Output::Event(event) => {
                let is_ours = matches!(event, groups::Event::Misbehaved { .. });
                self.tally.misbehaved += u64::from(is_ours);
                self.hear(me, Word::Groups(event));
            }
        }
        Vec::new()
    }

    fn obey_store(&mut self, me: u32, output: store::Output) -> Vec<Given> {
        use store::Output;
        match output {
            Output::Send { to, message, .. } => {
                return self.speak(me, to, Parcel::Store(message)).into_iter().collect();
            }
            Output::Route { key, target, message } => {
                let parcel = Parcel::Store(message);
                return vec![self.enclose(me, key, target, &parcel)];
            }
            // A host without a disk.
            Output::Load(name) => {
                return vec![Given::Store(store::Input::Loaded { name, value: None })];
            }
            Output::Keep { name, lifetime, .. } => {
                let expires = self.now + lifetime;
                self.shelves.kept(me, name, expires);
            }
            Output::Forget(name) => self.shelves.forgot(me, name, self.now),
            Output::Event(event) => {
                let is_ours = matches!(event, store::Event::Misbehaved { .. });
                self.tally.misbehaved += u64::from(is_ours);
                self.hear(me, Word::Store(event));
            }
        }
        Vec::new()
    }

    /// Over the link, or a datagram; else in a routed body.
    fn speak(&mut self, me: u32, to: NodeId, parcel: Parcel) -> Option<Given> {
        let host = self.directory.get(to);
        let direct = self.is_direct();
        let linked = host.is_some_and(|host| self.hosts[me as usize].is_open(host));
        if !linked && !direct {
            return Some(self.enclose(me, to, Target::Node, &parcel));
        }
        let to = host?;
        self.tally.parcels.count(&parcel);
        let link = if direct { Some(0) } else { self.hosts[me as usize].serial(to) };
        if let Some((link, delay, again)) = self.way(me, to, link) {
            let parcel = Box::new(parcel);
            if let Some(again) = again {
                let parcel = parcel.clone();
                self.push(again, Happening::Parcel { from: me, to, link, parcel });
            }
            self.push(delay, Happening::Parcel { from: me, to, link, parcel });
        }
        None
    }

    fn enclose(&mut self, me: u32, key: Key, target: Target, parcel: &Parcel) -> Given {
        self.tally.parcels.count(parcel);
        let mut body = vec![PARCEL];
        body.extend(codec::encode(&(self.hosts[me as usize].contact.id, parcel)));
        let (class, body) = (Class::Control, Bytes::from(body));
        Given::Overlay(Input::Route { key, target, via: None, class, body })
    }

    /// A routed body has arrived.
    pub(crate) fn disclose(&mut self, me: u32, key: Key, target: Target, body: &[u8]) {
        let parcel = codec::decode::<(NodeId, Parcel)>(body, MESSAGE_BYTES_MAX).ok();
        let Some((from, parcel)) = parcel else { return };
        match (parcel, target) {
            (Parcel::Store(message), Target::Root | Target::Replica(_)) => {
                let (now, input) = (self.now, store::Input::Delivered { key, from, message });
                if let Some(upper) = self.upper_mut(me) {
                    upper.store.handle(now, input);
                }
            }
            (parcel, _) => {
                if let Some(given) = self.listen(me, from, parcel) {
                    self.hand(me, given);
                }
            }
        }
    }

    /// What a host is given for a parcel that came.
    pub(crate) fn listen(&mut self, me: u32, from: NodeId, parcel: Parcel) -> Option<Given> {
        match parcel {
            Parcel::Group(message) => {
                if let wire::groups::Message::Walk(walk) = &message {
                    self.walks.insert(walk.walk, walk.hops);
                }
                Some(Given::Groups(groups::Input::Received { from, message }))
            }
            Parcel::Store(message) => {
                if let wire::store::Message::Have(items) = &message {
                    for item in items {
                        self.shelves.acknowledged(me, from, item, self.now);
                    }
                }
                Some(Given::Store(store::Input::Received { from, message }))
            }
            Parcel::Overlay(_) | Parcel::Grid(_) | Parcel::Signal(_) => None,
        }
    }
}
