//! Routed messages: taken over from the previous hop, kept until the next one took them over.
//!
//! An acknowledgement means custody, not delivery. A message whose next hop is silent or gone goes
//! another way; one that has no way at present waits for a while. Repetitions are recognised:
//! where they were delivered, and where they were passed on.

use alloc::vec::Vec;

use base::{Duration, Key, NodeId, Time};
use bytes::Bytes;
use wire::Class;
use wire::limits::{BODY_BYTES_MAX, HOPS_MAX};
use wire::overlay::{Message, MessageId, Routed, Target};

use crate::custody::{Custody, RTO_FIRST};
use crate::hop::Step;
use crate::recent::TRIED_MAX;
use crate::{Event, Output, Overlay};

/// How long a message may be in custody (chosen: until a dead root's lease has ended in an idle ring,
/// where its right neighbour promised 52 s and 5 more).
const CUSTODY_TIME: Duration = Duration::from_secs(60);
/// Between two looks for a way.
const WAIT: Duration = Duration::from_secs(1);
/// Times that one message is sent from here.
const SENDS_MAX: u8 = 48;
/// Of these, before one more relay has its price: a round of relays.
const FREE_SENDS: u8 = 4;
/// What a large body may take on top: the slowest uplink worth waiting for.
const RTO_BYTES_PER_SECOND: u64 = 32 * 1024;
/// Bodies up to this size measure the round trip; larger ones measure the bandwidth.
const RTT_BYTES_MAX: usize = 4 * 1024;

impl Overlay {
    /// A body of this node's own.
    pub(crate) fn on_route_request(
        &mut self,
        key: Key,
        target: Target,
        via: Option<NodeId>,
        class: Class,
        body: Bytes,
    ) {
        if let Some(routed) = self.name(key, target, via, class, body) {
            self.dispatch(self.fresh(routed, None));
        }
    }

    /// Makes a message of a body, if it is small enough for one.
    pub(crate) fn name(
        &mut self,
        key: Key,
        target: Target,
        via: Option<NodeId>,
        class: Class,
        body: Bytes,
    ) -> Option<Routed> {
        if body.len() > BODY_BYTES_MAX {
            self.stats.dropped += 1;
            self.event(Event::Undeliverable { key });
            return None;
        }
        self.routes.number += 1;
        let number = self.routes.number;
        let id = MessageId { source: self.me.id, epoch: self.me.epoch, number };
        Some(Routed { id, key, target, via, hops: 0, class, body })
    }

    /// A message that a linked peer asks this node to take over.
    pub(crate) fn on_route(&mut self, from: NodeId, routed: Routed) {
        if !self.is_direct() && !self.links.is_open(from) {
            // It was under way when the link closed; its sender has noticed too.
            return;
        }
        if routed.hops == 0 || routed.hops > HOPS_MAX {
            self.misbehaved(from, "hop count out of range");
            return;
        }
        let id = routed.id;
        if self.routes.delivered.contains(&id, &routed.body) {
            self.stats.repeated += 1;
            self.acknowledge(from, id);
            return;
        }
        let Some(passage) = self.routes.passed.get(&id).cloned() else {
            if self.routes.custody.contains(&id) {
                self.stats.repeated += 1;
                self.acknowledge(from, id);
            } else {
                self.dispatch(self.fresh(routed, Some(from)));
            }
            return;
        };
        self.stats.repeated += 1;
        // A message comes back when the hop had no way, at once or after going round.
        let came_back = passage.went_to(from) || routed.hops >= passage.hops + 2;
        let held = self.routes.custody.get(&id);
        let repeats = |custody: &Custody| custody.hop.is_none() || custody.from == Some(from);
        if !came_back && held.is_some_and(repeats) {
            self.acknowledge(from, id);
            return;
        }
        let (again, round) = (held.is_none(), held.map_or(0, |custody| custody.round));
        // Whoever sent it again has lost faith in the way it took. It starts from here once more,
        // another way, with what it has left of its time and its tries.
        self.routes.release(&id);
        let mut custody = self.fresh(routed, Some(from));
        custody.routed.hops = passage.hops;
        (custody.again, custody.round) = (again, round);
        (custody.since, custody.sends, custody.tried) =
            (passage.since, passage.sends, passage.tried());
        self.dispatch_again(custody);
    }

    pub(crate) fn on_route_ack(&mut self, from: NodeId, id: MessageId) {
        let Some(custody) = self.routes.custody.get(&id) else { return };
        if custody.hop != Some(from) {
            // Of an earlier hop, which may have handed the message back since.
            if custody.tried.contains(&from) {
                self.health.note_sign(self.now, from);
            }
            return;
        }
        let measures = custody.sends == 1 && custody.routed.body.len() <= RTT_BYTES_MAX;
        let rtt = self.now.since(custody.sent);
        if measures && self.links.is_open(from) {
            self.note_rtt(from, rtt);
        }
        self.routes.release(&id);
    }

    /// Sends on what was sent to `hop`, which is gone.
    pub(crate) fn reroute_from(&mut self, hop: NodeId) {
        for id in self.routes.held_for(|custody| custody.hop == Some(hop)) {
            self.reroute(&id, hop);
        }
    }

    /// Looks for a way again for all that wait for one.
    pub(crate) fn retry_waiting(&mut self) {
        for id in self.routes.held_for(|custody| custody.hop.is_none()) {
            self.retry(&id);
        }
    }

    pub(crate) fn on_routes_due(&mut self) {
        for id in self.routes.take_due(self.now) {
            match self.routes.custody.get(&id).and_then(|custody| custody.hop) {
                Some(hop) => self.on_ack_missing(&id, hop),
                None => self.retry(&id),
            }
        }
    }

    /// The next hop did not take it over in time. It goes another way, or waits for the verdict on the
    /// hop: over links nothing is lost, so a hop that is late is slow more often than dead.
    fn on_ack_missing(&mut self, id: &MessageId, hop: NodeId) {
        self.suspect(hop);
        if self.is_direct() {
            return self.reroute(id, hop);
        }
        let sent = self.routes.custody.get(id).map_or(self.now, |custody| custody.sent);
        if let Some(link) = self.links.get_mut(hop) {
            link.rtt.back_off(self.now, sent);
        }
        let expired = |custody: &Custody| self.now.since(custody.since) >= CUSTODY_TIME;
        let is_over = self.routes.custody.get(id).is_some_and(expired);
        if is_over || !self.links.is_open(hop) || self.routes.retries.spend(self.now) {
            return self.reroute(id, hop);
        }
        if let Some(mut custody) = self.routes.release(id) {
            custody.due = self.due_at(hop, &custody);
            self.routes.keep(custody);
        }
    }

    pub(crate) fn fresh(&self, mut routed: Routed, from: Option<NodeId>) -> Custody {
        let relayed = routed.via == Some(self.me.id);
        if relayed {
            routed.via = None;
        }
        let now = self.now;
        Custody {
            routed,
            from,
            acknowledged: false,
            relayed,
            hop: None,
            tried: Vec::new(),
            again: false,
            round: 0,
            sends: 0,
            since: now,
            sent: now,
            due: now,
        }
    }

    fn reroute(&mut self, id: &MessageId, hop: NodeId) {
        let Some(mut custody) = self.routes.release(id) else { return };
        self.stats.rerouted += 1;
        if !custody.tried.contains(&hop) && custody.tried.len() < TRIED_MAX {
            custody.tried.push(hop);
        }
        self.dispatch(custody);
    }

    fn retry(&mut self, id: &MessageId) {
        let Some(mut custody) = self.routes.release(id) else { return };
        custody.tried.clear();
        self.dispatch_again(custody);
    }

    /// Sends on what was sent before although nobody is known to be gone: a relay did not know a way, or
    /// there was none for a while. Over links, beyond the first relays, one more has its price: where many
    /// are not to be reached yet, the search for ways to them would be most of what is said.
    fn dispatch_again(&mut self, custody: Custody) {
        let is_over = self.now.since(custody.since) >= CUSTODY_TIME;
        let is_free = self.is_direct() || custody.sends <= FREE_SENDS || is_over;
        if !is_free
            && matches!(self.step(&custody.way()), Step::Hop(_, Some(_)))
            && !self.routes.retries.spend(self.now)
        {
            return self.hold(custody);
        }
        self.dispatch(custody);
    }

    pub(crate) fn dispatch(&mut self, mut custody: Custody) {
        let hops = custody.routed.hops;
        let expired = self.now.since(custody.since) >= CUSTODY_TIME;
        if expired || custody.sends >= SENDS_MAX {
            return self.give_up(&custody);
        }
        match self.step(&custody.way()) {
            Step::Here => {
                self.take_over(&mut custody);
                self.deliver(custody);
            }
            Step::Hop(..) if hops >= HOPS_MAX => self.give_up(&custody),
            Step::Hop(to, via) => self.pass_on(custody, to, via),
            Step::Wait => self.wait(custody),
            Step::Nowhere => {
                self.take_over(&mut custody);
                self.give_up(&custody);
            }
        }
    }

    fn deliver(&mut self, custody: Custody) {
        let Routed { id, key, target, hops, body, .. } = custody.routed;
        self.routes.delivered.insert(id, &body);
        if let Some(from) = custody.from.filter(|from| *from != id.source) {
            self.peers.note_trail(id.source, from);
        }
        self.stats.delivered += 1;
        self.stats.hops += u64::from(hops);
        self.outputs.push_back(Output::Deliver { key, target, body });
    }

    fn pass_on(&mut self, mut custody: Custody, to: NodeId, via: Option<NodeId>) {
        let id = custody.routed.id;
        self.take_over(&mut custody);
        let mut routed = custody.routed.clone();
        routed.hops += 1;
        routed.via = via;
        self.repair_hole(to, routed.key);
        self.routes.passed.note(id, to, custody.routed.hops, custody.since);
        self.stats.forwarded += 1;
        custody.hop = Some(to);
        if custody.sends == 0 {
            self.routes.retries.earn();
        }
        custody.sends += 1;
        custody.sent = self.now;
        custody.due = self.due_at(to, &custody);
        self.send_by(to, None, Message::Route(routed));
        if self.routes.has_room(&custody.routed.body) {
            self.routes.keep(custody);
        }
    }

    fn wait(&mut self, mut custody: Custody) {
        self.stats.held += u64::from(custody.round == 0);
        custody.round = custody.round.saturating_add(1);
        self.hold(custody);
    }

    /// Looks for a way later, where there is room.
    fn hold(&mut self, mut custody: Custody) {
        custody.hop = None;
        custody.due = self.now + WAIT;
        if self.routes.has_room(&custody.routed.body) {
            self.take_over(&mut custody);
            self.routes.keep(custody);
        } else if custody.from.is_none() {
            self.give_up(&custody);
        }
    }

    fn give_up(&mut self, custody: &Custody) {
        self.stats.dropped += 1;
        if custody.routed.id.source == self.me.id {
            self.event(Event::Undeliverable { key: custody.routed.key });
        }
    }

    fn take_over(&mut self, custody: &mut Custody) {
        if let Some(from) = custody.from
            && !core::mem::replace(&mut custody.acknowledged, true)
        {
            self.acknowledge(from, custody.routed.id);
        }
    }

    fn acknowledge(&mut self, to: NodeId, id: MessageId) {
        if self.is_direct() || self.links.is_open(to) {
            self.send_by(to, None, Message::RouteAck(id));
        }
    }

    /// When the acknowledgement of what was just sent is missing; at the end of its time at the latest.
    fn due_at(&self, to: NodeId, custody: &Custody) -> Time {
        (self.now + self.ack_timeout(to, custody)).min(custody.since + CUSTODY_TIME)
    }

    fn ack_timeout(&self, to: NodeId, custody: &Custody) -> Duration {
        let base = self.links.get(to).map_or(RTO_FIRST, |link| link.rtt.timeout());
        let bytes = custody.routed.body.len() as u64;
        let body = Duration::from_micros(bytes * 1_000_000 / RTO_BYTES_PER_SECOND);
        let base = if self.is_direct() { base } else { self.health.patience(self.now, base) };
        base * 2u32.pow(u32::from(custody.sends.saturating_sub(1)).min(3)) + body
    }
}
