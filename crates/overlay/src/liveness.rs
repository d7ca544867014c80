//! Who is alive: probes, suspicion, verdicts (MSPastry §3, design §4).
//!
//! Ring neighbours are watched by their heartbeats (`heartbeat`). Everybody else is asked after a
//! long silence, to which any message puts an end; `tuning` says how long. Others' suspicions, a
//! closed link and a missing acknowledgement only start a probe. A member of the leaf set is dead
//! after [`MISSES_MAX`] probes in a row, some of which took another path than its link; what
//! follows is in `death`.

use alloc::vec::Vec;

use base::{Duration, NodeId};
use wire::overlay::{Contact, LeafState, Message};

use crate::Overlay;
use crate::watch::Probe;

/// How long an answer may take (chosen: a relayed round trip over slow links).
const PROBE_TIME: Duration = Duration::from_secs(1);
/// The same of a peer whose distance is known: three round trips, but not less than this.
pub(crate) const PROBE_TIME_MIN: Duration = Duration::from_millis(500);
/// Unanswered probes before a peer is declared dead (design §4).
const MISSES_MAX: u8 = 3;
/// The same where the neighbour of the silent one has found it dead: one straight, one another way.
const CONFIRM_MISSES: u8 = 2;
/// Of these, probes that took another path than the peer's own link. Datagrams have no link that
/// could be stuck, so one is enough.
const DETOURS_MIN: u8 = 2;
const DATAGRAM_DETOURS_MIN: u8 = 1;
/// Unanswered probes over a link before it is closed, so that the next ones take another path.
const LINK_MISSES_MAX: u8 = 2;
/// Peers near a silent one of which one is asked to carry a probe to it.
const RELAYS_MAX: usize = 4;
/// Silence of a leaf set member before it is probed: its own neighbours watch it closely.
const LEAF_SILENCE: Duration = Duration::from_secs(60);
/// The same with datagrams, where an announced death reaches everybody at once.
const DATAGRAM_LEAF_SILENCE: Duration = Duration::from_secs(20 * 60);
/// Silence of a linked peer; its transport notices most deaths.
const LINK_SILENCE: Duration = Duration::from_secs(120);
/// Neighbourhood-set entries are asked this many times more rarely than table entries.
const NEAR_RARER: u32 = 8;
/// Probes of silent peers that one beat starts, so that a wake-up does not flood the network.
const BEAT_PROBES_MAX: usize = 4;

impl Overlay {
    /// Takes note that `from` spoke. False when it is an earlier start of a known peer, or one that
    /// said goodbye: nothing it says counts.
    pub(crate) fn hear(&mut self, from: Contact, via: Option<NodeId>) -> bool {
        if !self.peers.hear_again(self.now, from, via) && !self.meet(from, via) {
            return false;
        }
        if !self.watch.probes.is_empty() {
            self.note_answer(from.id);
        }
        true
    }

    /// The same of one who was not here yet in this epoch.
    fn meet(&mut self, from: Contact, via: Option<NodeId>) -> bool {
        self.stale.deadlines = true;
        let known = self.peers.get(from.id).map(|peer| peer.contact);
        if from.id == self.me.id
            || known.is_some_and(|known| known.epoch > from.epoch)
            || self.watch.has_left(from)
        {
            return false;
        }
        if let Some(old) = known {
            self.replace(old, from);
        } else {
            if self.watch.unbury(from.id) {
                self.health.note_sign(self.now, from.id);
            }
            self.end_withholding(from.id);
            self.unity.note_found(from.id);
        }
        self.with_peers(|peers, now, needed| peers.note(now, from, via, needed));
        true
    }

    /// Any word from a peer answers the question whether it lives.
    fn note_answer(&mut self, id: NodeId) {
        let Some(probe) = self.watch.probes.get_mut(&id) else { return };
        // What was lost on a detour may be a dead relay's doing.
        let (was_late, is_deaf) = (probe.misses > probe.detours, probe.misses >= LINK_MISSES_MAX);
        probe.misses = 0;
        probe.detours = 0;
        if self.ready && !probe.hearsay {
            self.watch.probes.remove(&id);
        }
        if was_late {
            self.health.note_sign(self.now, id);
        }
        self.links.set_suspect(id, false);
        self.stale.deadlines = true;
        if is_deaf && self.is_direct() {
            self.note_deaf(id);
        }
    }

    /// `id` speaks, but does not hear what is said to it straight: what it was sent goes another way.
    fn note_deaf(&mut self, id: NodeId) {
        if let Some(link) = self.links.get_mut(id)
            && !core::mem::replace(&mut link.deaf, true)
        {
            self.reroute_from(id);
        }
    }

    /// Asks a contact whether it is alive, unless that is under way.
    pub(crate) fn probe(&mut self, contact: Contact, hearsay: bool) {
        if contact.id == self.me.id
            || self.watch.probes.contains_key(&contact.id)
            || !self.watch.has_room()
        {
            return;
        }
        let token = self.rng.next_u64();
        let probe = Probe {
            contact,
            token,
            misses: 0,
            repeats: 0,
            detours: 0,
            teller: None,
            direct: false,
            accused: None,
            asked: self.now,
            due: self.now,
            hearsay,
            nearer: false,
        };
        self.watch.probes.insert(contact.id, probe);
        self.ask(contact.id);
    }

    /// Something hints that a known peer is gone: find out.
    pub(crate) fn suspect(&mut self, id: NodeId) {
        if let Some(contact) = self.peers.get(id).map(|peer| peer.contact) {
            self.probe(contact, false);
            // Its next word ends the probe and the suspicion.
            self.links.set_suspect(id, self.watch.is_probing(id));
        }
    }

    pub(crate) fn on_probe(
        &mut self,
        from: Contact,
        via: Option<NodeId>,
        token: u64,
        leaf: &LeafState,
    ) {
        self.on_leaf_state(from, leaf, true);
        let leaf = self.leaf.state(self.ready);
        let reply = Message::ProbeReply { token, leaf };
        self.send_back(from.id, via, reply);
        self.renew_lease(from.id, via);
    }

    /// A ring neighbour that has to ask whether this node lives may not have heard its heartbeats.
    fn renew_lease(&mut self, id: NodeId, via: Option<NodeId>) {
        if self.ready && self.leaf.is_neighbour(id) {
            self.send_heartbeat(id, via);
        }
    }

    pub(crate) fn on_probe_reply(
        &mut self,
        from: Contact,
        via: Option<NodeId>,
        token: u64,
        leaf: &LeafState,
    ) {
        if self.end_probe(from, via, token)
            && let Some(peer) = self.peers.get_mut(from.id)
        {
            peer.answered = true;
        }
        self.on_leaf_state(from, leaf, true);
    }

    pub(crate) fn on_ping(&mut self, from: Contact, via: Option<NodeId>, token: u64) {
        let reply = Message::Pong { token, ready: self.ready };
        self.send_back(from.id, via, reply);
        self.renew_lease(from.id, via);
        // It may have been taken for dead here.
        if self.ready && self.leaf.wants(from.id) {
            self.learn(from, None, via);
        }
    }

    /// A question that took another path than the straight one is answered on another path, too:
    /// the asker may not hear this node. It named a node that reaches it; if that is this one, any
    /// other has to do.
    pub(crate) fn send_back(&mut self, to: NodeId, via: Option<NodeId>, reply: Message) {
        match via {
            Some(via) if via != self.me.id => self.send_by(to, Some(via), reply),
            Some(_) if self.is_direct() => {
                let relay = self.relay_towards(to);
                self.send_by(to, relay, reply);
            }
            _ => self.send(to, reply),
        }
    }

    pub(crate) fn on_pong(&mut self, from: Contact, via: Option<NodeId>, token: u64, ready: bool) {
        let nearer = self.watch.probes.get(&from.id).is_some_and(|probe| probe.nearer);
        if !self.end_probe(from, via, token) {
            return;
        }
        self.set_ready(from.id, ready);
        if self.seeking().is_some() {
            if ready {
                self.note_seed(from);
            }
        } else if ready && (self.ready || self.join.is_some()) {
            self.admit(from);
            if nearer && self.is_direct() && self.is_needed(from.id) {
                self.tell_measured(from.id);
            }
        }
    }

    /// Takes the answer to a question; whether there was one. The first answer to a question that
    /// took the straight path measures the distance.
    fn end_probe(&mut self, from: Contact, via: Option<NodeId>, token: u64) -> bool {
        let probe = self.watch.probes.get(&from.id).filter(|probe| probe.token == token);
        let Some(probe) = probe.copied() else { return false };
        self.watch.probes.remove(&from.id);
        if probe.direct && probe.repeats == 0 && via.is_none() {
            self.note_rtt(from.id, self.now.since(probe.asked));
        }
        true
    }

    pub(crate) fn on_probes_due(&mut self) {
        let due = self.watch.probes.iter().filter(|(_, probe)| probe.due <= self.now);
        for id in due.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.on_miss(id);
        }
    }

    /// Asks those who have been silent for long.
    pub(crate) fn probe_silent(&mut self) {
        let rare = self.tuning.interval();
        let silence = if self.is_direct() { DATAGRAM_LEAF_SILENCE } else { LEAF_SILENCE };
        let leaf = self.leaf.members().into_iter().map(|contact| (contact, silence));
        let entries = self.table.entries().map(|(_, contact)| (contact, rare));
        let near = self.near.entries().iter().map(|entry| (entry.contact, rare * NEAR_RARER));
        // With datagrams, the links are the tables.
        let counts = !self.is_direct();
        let links = self.links.open().filter(|_| counts);
        let links = links.map(|link| (link.contact, LINK_SILENCE));
        let preferred = self.links.preferred().filter_map(|id| self.peers.get(id));
        let preferred = preferred.map(|peer| (peer.contact, LINK_SILENCE));
        let all = leaf.chain(entries).chain(near).chain(links).chain(preferred);
        let is_silent = |(contact, patience): &(Contact, Duration)| {
            let silence = self.peers.get(contact.id).map(|peer| self.now.since(peer.heard));
            silence.is_none_or(|silence| silence >= *patience) && !self.watch.is_probing(contact.id)
        };
        let silent: Vec<Contact> =
            all.filter(is_silent).map(|(contact, _)| contact).take(BEAT_PROBES_MAX).collect();
        for contact in silent {
            self.probe(contact, false);
        }
    }

    fn ask(&mut self, id: NodeId) {
        let (linked, datagrams) = (self.links.is_open(id), self.is_direct());
        // A datagram may be lost, which says nothing of this node.
        let usual = if datagrams { PROBE_TIME } else { self.health.patience(self.now, PROBE_TIME) };
        let confirms = self.only_confirms(id);
        let round_trips = Duration::from_micros(u64::from(self.peers.rtt(id))) * 3;
        let Some(probe) = self.watch.probes.get_mut(&id) else { return };
        let straight = if confirms { 1 } else { LINK_MISSES_MAX };
        probe.direct = if datagrams { probe.misses < straight } else { linked };
        probe.asked = self.now;
        let known = datagrams && probe.direct;
        let patience = if known { round_trips.max(PROBE_TIME_MIN) } else { usual };
        probe.due = self.now + patience.min(usual);
        let Probe { token, direct, teller, misses, accused, .. } = *probe;
        let hinted = !direct && probe.detours % 2 == 0;
        // Whoever is silent, or said to be dead, is asked for nothing but a sign of life. Who hears only what
        // takes another way learns of this node by that.
        let is_doubted = misses > 0 || accused.is_some();
        let is_check = self.ready && direct && is_doubted && self.leaf.contains(id);
        let in_leaf_set = self.leaf.contains(id) || self.leaf.wants(id);
        let message = if in_leaf_set && !is_check && self.seeking().is_none() {
            Message::Probe { token, leaf: self.leaf.state(self.ready) }
        } else {
            Message::Ping { token }
        };
        if self.is_direct() {
            let relay = if direct { None } else { self.relay_towards(id) };
            self.send_by(id, relay, message);
        } else if hinted {
            // No way to it is known: whoever named it may have one.
            let teller = teller.filter(|teller| self.links.is_open(*teller));
            let via = self.peers.via(self.now, id).or(teller);
            self.send_by(id, via.filter(|via| *via != self.me.id), message);
        } else {
            self.send_by(id, None, message);
        }
    }

    /// Somebody near `id` who may still reach it: another one each time.
    fn relay_towards(&mut self, id: NodeId) -> Option<NodeId> {
        let mut relays =
            self.links.ready_towards(id, |link| !link.suspect && link.contact.id != id);
        relays.truncate(RELAYS_MAX);
        self.rng.pick(&relays).copied()
    }

    /// Whether the death of `id` was found by its neighbour, and needs only be confirmed: this node
    /// does not come to answer for its keys.
    fn only_confirms(&self, id: NodeId) -> bool {
        let accused = self.watch.probes.get(&id).is_some_and(|probe| probe.accused.is_some());
        accused && self.is_direct() && !self.leaf.is_neighbour(id)
    }

    fn on_miss(&mut self, id: NodeId) {
        let confirms = self.only_confirms(id);
        let Some(probe) = self.watch.probes.get_mut(&id) else { return };
        probe.misses += 1;
        probe.repeats = probe.repeats.saturating_add(1);
        probe.detours += u8::from(!probe.direct);
        let Probe { contact, misses, detours, direct, hearsay, accused, .. } = *probe;
        let detours_min = if self.is_direct() { DATAGRAM_DETOURS_MIN } else { DETOURS_MIN };
        let is_sure = if self.leaf.contains(id) {
            let enough = if confirms { CONFIRM_MISSES } else { MISSES_MAX };
            misses >= enough && detours >= detours_min
        } else {
            // No keys are at stake: the next word from it brings it back.
            misses >= MISSES_MAX || direct && misses >= LINK_MISSES_MAX
        };
        if is_sure {
            self.watch.probes.remove(&id);
            if hearsay {
                self.peers.forget(id);
                self.watch.bury(self.now, contact, false, false);
            } else {
                self.declare_dead(contact, accused);
            }
            return;
        }
        if direct && misses >= LINK_MISSES_MAX && !self.is_direct() {
            self.close_link(id);
        }
        // Neighbours tend to be killed together, and the next one's silence is not yet conspicuous.
        if misses == 1 && self.is_next_alive(id) {
            self.suspect_behind(id);
        }
        self.links.set_suspect(id, true);
        self.ask(id);
    }

    fn suspect_behind(&mut self, id: NodeId) {
        let behind: Vec<Contact> = self.leaf.behind(id).collect();
        for contact in behind {
            let heard = self.peers.get(contact.id).map(|peer| peer.heard);
            if heard.is_some_and(|heard| self.now.since(heard) >= PROBE_TIME) {
                self.probe(contact, false);
            }
        }
    }
}
