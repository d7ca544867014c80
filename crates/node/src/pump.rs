//! Carries the outputs of one machine to the inputs of another, until all are quiet.

use alloc::vec::Vec;

use base::{NodeId, Signature, Time};
use bytes::Bytes;
use wire::overlay::{Contact, Message as OverlayMessage, Target};
use wire::{Class, Frame, Hello, Parcel};

use crate::seal::Route;
use crate::session::Queued;
use crate::{Event, Farewell, LinkId, Node, Output};

mod jobs;
mod trees;
mod values;

pub(crate) use jobs::Wish;

/// Steps of one pump; machines that keep each other busy beyond it have a bug.
const STEPS_MAX: u32 = 1_000_000;

/// A message of one of the machines above the overlay, before it is known how it travels.
#[derive(Clone, Debug)]
enum Speech {
    Grid(wire::grid::Message),
    Group(wire::groups::Message),
    Store(wire::store::Message),
}

impl Speech {
    fn frame(self) -> Frame {
        match self {
            Speech::Grid(message) => Frame::Grid(message),
            Speech::Group(message) => Frame::Group(message),
            Speech::Store(message) => Frame::Store(message),
        }
    }

    fn parcel(self) -> Parcel {
        match self {
            Speech::Grid(message) => Parcel::Grid(message),
            Speech::Group(message) => Parcel::Group(message),
            Speech::Store(message) => Parcel::Store(message),
        }
    }
}

impl Node {
    pub(crate) fn hello(&self) -> Hello {
        Hello { version: base::PROTOCOL_VERSION, epoch: self.config.card.epoch }
    }

    pub(crate) fn pump(&mut self, now: Time) {
        for _ in 0..STEPS_MAX {
            if let Some(output) = self.overlay.poll_output() {
                self.on_overlay(now, output);
            } else if let Some(output) = self.groups.poll_output() {
                self.on_groups(now, output);
            } else if let Some(output) = self.store.poll_output() {
                self.on_store(now, output);
            } else if let Some(output) = self.grid.poll_output() {
                self.on_grid(now, output);
            } else {
                return;
            }
        }
        panic!("the machines keep each other busy");
    }

    fn on_overlay(&mut self, now: Time, output: overlay::Output) {
        match output {
            overlay::Output::Send { to, via, message } => self.send_overlay(now, to, via, message),
            overlay::Output::Deliver { key, target, body } => {
                self.on_deliver(now, key, target, &body);
            }
            overlay::Output::Dial { peer, permit, via } => {
                self.outputs.push_back(Output::Dial { peer, permit, via });
            }
            overlay::Output::Expect { peer, permit } => {
                self.outputs.push_back(Output::Expect { peer, permit });
            }
            overlay::Output::HangUp { peer } => self.hang_up(now, peer),
            overlay::Output::Event(event) => self.on_overlay_event(now, event),
        }
    }

    fn on_overlay_event(&mut self, now: Time, event: overlay::Event) {
        let event = match event {
            overlay::Event::Ready => {
                self.on_ready(now, true);
                Event::Ready
            }
            overlay::Event::NotReady => {
                self.on_ready(now, false);
                Event::NotReady
            }
            overlay::Event::PeerGone { peer, reason } => {
                let left = reason == overlay::GoneReason::Left;
                self.store.handle(now, store::Input::PeerGone(peer));
                self.grid.handle(now, grid::Input::PeerGone { peer, left });
                Event::PeerGone { peer, reason }
            }
            overlay::Event::JoinFailed => Event::JoinFailed,
            overlay::Event::NeighboursChanged => {
                self.on_neighbours(now);
                Event::NeighboursChanged
            }
            overlay::Event::WaysChanged => {
                return self.groups.handle(now, groups::Input::WaysChanged);
            }
            overlay::Event::Misbehaved { peer, why } => {
                return self.on_misbehaviour(now, Event::Misbehaved { peer, why }, peer, why);
            }
            // Whoever sent it repeats what matters.
            overlay::Event::Undeliverable { .. } => return,
        };
        self.outputs.push_back(Output::Event(event));
    }

    /// Groups and store stand before the grid asks for them.
    fn on_ready(&mut self, now: Time, ready: bool) {
        self.on_neighbours(now);
        self.groups.handle(now, groups::Input::Ready(ready));
        self.store.handle(now, store::Input::Ready(ready));
        self.grid.handle(now, grid::Input::Ready(ready));
    }

    fn send_overlay(
        &mut self,
        now: Time,
        to: NodeId,
        via: Option<NodeId>,
        message: OverlayMessage,
    ) {
        if let Some(link) = self.links.get(&to).copied() {
            let is_goodbye = matches!(message, OverlayMessage::Leaving(_));
            let frame = Frame::Overlay(message);
            if is_goodbye && let Farewell::Overlay(frames) = &mut self.farewell {
                return frames.push((link, frame.encode()));
            }
            return self.send_frame(now, link, frame.class(), &frame.encode());
        }
        if is_hop_by_hop(&message) {
            // The link went down within this turn; the overlay hears of it and routes anew.
            self.traffic.dropped += 1;
            return;
        }
        self.seal_to_node(to, via, Class::Control, &Parcel::Overlay(message));
    }

    /// Sends one message to several peers, encoded once for all that are linked.
    fn say(&mut self, now: Time, to: &[NodeId], class: Class, speech: Speech) {
        let linked: Vec<LinkId> = to.iter().filter_map(|id| self.links.get(id).copied()).collect();
        let unlinked: Vec<NodeId> =
            to.iter().filter(|id| !self.links.contains_key(id)).copied().collect();
        if !unlinked.is_empty() {
            let parcel = speech.clone().parcel();
            for id in unlinked {
                self.seal_to_node(id, None, class, &parcel);
            }
        }
        if !linked.is_empty() {
            let bytes = speech.frame().encode();
            for link in linked {
                self.send_frame(now, link, class, &bytes);
            }
        }
    }

    pub(crate) fn send_frame(&mut self, now: Time, link: LinkId, class: Class, bytes: &[u8]) {
        let Some(session) = self.sessions.get_mut(&link) else { return };
        match session.send(class, bytes) {
            Queued::Yes => self.flush(link),
            Queued::Dropped => self.traffic.dropped += 1,
            Queued::Stuck => {
                self.traffic.dropped += 1;
                self.break_link(now, link, None);
            }
        }
    }

    pub(crate) fn flush(&mut self, link: LinkId) {
        let Some(session) = self.sessions.get_mut(&link) else { return };
        while let Some((class, chunk)) = session.next_chunk() {
            self.traffic.sent(class, chunk.len());
            self.outputs.push_back(Output::Send { link, class, chunk });
        }
    }

    fn hang_up(&mut self, now: Time, peer: NodeId) {
        if let Some(link) = self.links.remove(&peer) {
            self.sessions.remove(&link);
            self.outputs.push_back(Output::HangUp(link));
            self.outputs.push_back(Output::Event(Event::Unlinked(peer)));
            self.groups.handle(now, groups::Input::LinkDown { peer });
        }
    }

    pub(crate) fn seal_to_node(
        &mut self,
        to: NodeId,
        via: Option<NodeId>,
        class: Class,
        parcel: &Parcel,
    ) {
        self.seal(Route { key: to, target: Target::Node, via, class }, parcel);
    }

    pub(super) fn seal(&mut self, route: Route, parcel: &Parcel) {
        let bytes = Bytes::from(parcel.encode());
        // The way of a question through a peer of another ring is the only one for its answer.
        let way_back = route.via.filter(|via| self.links.contains_key(via));
        match self.sealer.prepare(route, way_back.or(self.overlay.return_via()), bytes) {
            Some((token, bytes)) => self.outputs.push_back(Output::Sign { token, bytes }),
            None => self.traffic.dropped += 1,
        }
    }

    pub(crate) fn on_signed(&mut self, now: Time, token: u64, signature: Signature) {
        if let Some(job) = self.cancels.remove(&token) {
            return self.grid.handle(now, grid::Input::CancelSigned { job, signature });
        }
        let Some((route, body)) = self.sealer.complete(token, signature) else { return };
        let Route { key, target, via, class } = route;
        self.overlay.handle(now, overlay::Input::Route { key, target, via, class, body });
    }

    fn on_deliver(&mut self, now: Time, key: NodeId, target: Target, body: &[u8]) {
        let opened = self.sealer.open(now, key, body);
        let Ok((from, statement)) = opened else {
            // Who sent it cannot be known: the seal is broken, or this is a repetition.
            self.traffic.refused += 1;
            return;
        };
        let contact = Contact { id: from, epoch: statement.card.epoch };
        let via = statement.via;
        match (Parcel::decode(&statement.parcel), target) {
            (Ok(Parcel::Overlay(message)), Target::Node) if !is_hop_by_hop(&message) => {
                let input = overlay::Input::Received { from: contact, via, message };
                self.overlay.handle(now, input);
            }
            (Ok(Parcel::Grid(message)), Target::Node) => {
                self.grid.handle(now, grid::Input::Received { from, message });
            }
            (Ok(Parcel::Grid(message)), Target::Root) => {
                self.grid.handle(now, grid::Input::Delivered { key, from, message });
            }
            (Ok(Parcel::Group(message)), Target::Node) => {
                self.groups.handle(now, groups::Input::Received { from, message });
            }
            (Ok(Parcel::Store(message)), Target::Node) => {
                self.store.handle(now, store::Input::Received { from, message });
            }
            // Any holder may be asked for a value, only the root for the rest.
            (Ok(Parcel::Store(message @ wire::store::Message::Fetch(_))), Target::Replica(_))
            | (Ok(Parcel::Store(message)), Target::Root) => {
                self.store.handle(now, store::Input::Delivered { key, from, message });
            }
            (Ok(Parcel::Signal(payload)), Target::Node) => {
                self.outputs.push_back(Output::Signal { from, via, payload });
            }
            _ => {
                self.traffic.refused += 1;
                let why = "malformed sealed message";
                self.on_misbehaviour(now, Event::Misbehaved { peer: from, why }, from, why);
            }
        }
    }

    /// A peer said what no honest peer says. Whoever is linked does not do that for ever.
    fn on_misbehaviour(&mut self, now: Time, event: Event, peer: NodeId, why: &'static str) {
        self.outputs.push_back(Output::Event(event));
        let Some(link) = self.links.get(&peer).copied() else { return };
        let Some(session) = self.sessions.get_mut(&link) else { return };
        if session.mistake(why).is_final {
            self.break_link(now, link, None);
        }
    }
}

/// Messages that mean something between linked peers only.
fn is_hop_by_hop(message: &OverlayMessage) -> bool {
    matches!(
        message,
        OverlayMessage::Route(_) | OverlayMessage::RouteAck(_) | OverlayMessage::Join { .. }
    )
}
