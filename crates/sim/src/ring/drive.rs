//! The driver's part: gives each node its inputs, and does what it then says.

use base::{Duration, Key, NodeId, Time, codec};
use bytes::Bytes;
use overlay::{Event, Input, Output, Overlay};
use wire::Class;
use wire::overlay::{Contact, Message, Target};

use super::carry::PARCEL;
use super::kind::is_answer;
use super::lookup::{APPLICATION, SEALED};
use super::tally::SAMPLE;
use super::world::Happening;
use super::{World, kind};

/// Bytes that one sealed message may have; above it the world has a mistake.
const SEALED_BYTES_MAX: usize = 1 << 20;
/// How long a host without an answer to its join waits for the introducer.
const INTRODUCTION: Duration = Duration::from_secs(1);

/// What a host is given, and which of its machines takes it.
#[derive(Clone, Debug)]
pub(crate) enum Given {
    Overlay(Input),
    Groups(groups::Input),
    Store(store::Input),
}

impl World {
    pub(crate) fn wake(&mut self, number: u32) {
        let host = &mut self.hosts[number as usize];
        if host.armed != self.now {
            return;
        }
        host.armed = Time::FAR_FUTURE;
        if host.overlay.is_none() || host.frozen {
            return;
        }
        match host.due() {
            Some(due) if due <= self.now => self.input(number, Input::Timeout),
            _ => self.arm(number),
        }
    }

    /// Wakes are pushed only when they are earlier than the one that is armed; a late one is noticed
    /// when the early one comes.
    fn arm(&mut self, number: u32) {
        let now = self.now;
        let host = &mut self.hosts[number as usize];
        let Some(due) = host.due() else { return };
        // A host that is never content would stop time otherwise.
        let due = due.max(now + Duration::from_micros(1));
        if due < host.armed && due < Time::FAR_FUTURE {
            host.armed = due;
            self.agenda.push(due, Happening::Wake(number));
        }
    }

    /// Gives a host's overlay an input, and does what the host then says.
    pub fn input(&mut self, number: u32, input: Input) {
        self.give(number, Given::Overlay(input));
    }

    /// Gives one of a host's machines an input, and does what they then say.
    pub(crate) fn give(&mut self, number: u32, given: Given) {
        let Some(host) = self.hosts.get_mut(number as usize) else { return };
        if host.frozen {
            host.inbox.push(given);
            return;
        }
        let mut next = Some(given);
        let mut more: Vec<Given> = Vec::new();
        while let Some(given) = next.take() {
            if self.hand(number, given).is_none() {
                return;
            }
            loop {
                if let Some(output) = self.poll(number) {
                    more.extend(self.obey(number, output).map(Given::Overlay));
                } else if let Some(given) = self.obey_upper(number) {
                    more.extend(given);
                } else {
                    break;
                }
            }
            if !more.is_empty() {
                next = Some(more.remove(0));
            }
        }
        if !self.is_direct() {
            self.check_cap(number);
        }
        self.arm(number);
    }

    /// One input for one machine; groups and store share the overlay's timer, and the groups hear of
    /// its links. `None`: the host is dead.
    pub(crate) fn hand(&mut self, number: u32, given: Given) -> Option<()> {
        if let Given::Overlay(input) = &given {
            self.note_link(number, input);
        }
        let now = self.now;
        let host = &mut self.hosts[number as usize];
        let overlay = host.overlay.as_deref_mut()?;
        let upper = host.upper.as_deref_mut();
        match (given, upper) {
            (Given::Overlay(input), None) => overlay.handle(now, input),
            (Given::Overlay(input), Some(upper)) => {
                let word = match &input {
                    Input::LinkUp { peer } => Some(groups::Input::LinkUp { peer: peer.id }),
                    Input::LinkDown { peer } => Some(groups::Input::LinkDown { peer: *peer }),
                    Input::Timeout => {
                        upper.store.handle(now, store::Input::Timeout);
                        Some(groups::Input::Timeout)
                    }
                    _ => None,
                };
                overlay.handle(now, input);
                if let Some(word) = word {
                    upper.groups.handle(now, word);
                }
            }
            (Given::Groups(input), Some(upper)) => upper.groups.handle(now, input),
            (Given::Store(input), Some(upper)) => upper.store.handle(now, input),
            (Given::Groups(_) | Given::Store(_), None) => {}
        }
        Some(())
    }

    fn poll(&mut self, number: u32) -> Option<Output> {
        self.hosts[number as usize].overlay.as_deref_mut()?.poll_output()
    }

    fn obey(&mut self, me: u32, output: Output) -> Option<Input> {
        match output {
            Output::Send { to, via, message } => self.say(me, to, via, message),
            Output::Deliver { key, target, body } => self.arrive(me, key, target, &body),
            Output::Event(event) => {
                self.note_event(me, &event);
                self.tell_upper(me, &event);
                None
            }
            Output::HangUp { peer } => {
                self.obey_link(me, output);
                self.unlink_upper(me, peer);
                None
            }
            Output::Dial { .. } | Output::Expect { .. } => {
                self.obey_link(me, output);
                None
            }
        }
    }

    fn say(&mut self, me: u32, to: NodeId, via: Option<NodeId>, message: Message) -> Option<Input> {
        let host = self.directory.get(to);
        let direct = self.is_direct();
        let linked = host.is_some_and(|host| self.hosts[me as usize].is_open(host));
        if linked || direct && via.is_none() {
            let message = self.spoil(me, message)?;
            if let Some(host) = host {
                let link = if direct { Some(0) } else { self.hosts[me as usize].serial(host) };
                self.transmit(me, host, link, message);
            }
            return None;
        }
        let sender = &self.hosts[me as usize];
        let back = sender.overlay.as_deref().and_then(Overlay::return_via);
        let mut body = vec![SEALED];
        body.extend(codec::encode(&(sender.contact, back, message)));
        let (target, class, body) = (Target::Node, Class::Control, Bytes::from(body));
        Some(Input::Route { key: to, target, via, class, body })
    }

    fn transmit(&mut self, from: u32, to: u32, link: Option<u32>, message: Message) {
        let sort = kind(&message);
        self.tally.kinds[sort] += 1;
        self.tally.answers[sort] += u64::from(is_answer(&message));
        if self.hosts[to as usize].overlay.is_none() {
            self.tally.to_dead[sort] += 1;
        }
        if self.tally.sent.is_multiple_of(SAMPLE) {
            self.tally.sampled_bytes[sort] += codec::encode(&message).len() as u64;
        }
        self.tally.sent += 1;
        let Some((link, late, again)) = self.way(from, to, link) else { return };
        if let Some(again) = again {
            self.push(again, Happening::Frame { from, to, link, message: message.clone() });
        }
        self.push(late, Happening::Frame { from, to, link, message });
    }

    /// What the network does to something said over a link (0: a datagram): `None` if it loses it,
    /// else the link, the delay, and the delay of its double if there is one.
    pub(crate) fn way(
        &mut self,
        from: u32,
        to: u32,
        link: Option<u32>,
    ) -> Option<(u32, Duration, Option<Duration>)> {
        let faults = self.settings.faults;
        let (a, b) = (&self.hosts[from as usize], &self.hosts[to as usize]);
        let apart = faults.partitioned && a.side != b.side;
        let lost = faults.loss > 0.0 && self.rng.chance(faults.loss);
        let Some(link) = link.filter(|_| !apart && !lost && !faults.is_deaf(self.salt, from, to))
        else {
            self.tally.lost += 1;
            return None;
        };
        let delay = self.topology.delay(from, to);
        let is_doubled = faults.duplication > 0.0 && self.rng.chance(faults.duplication);
        let again = is_doubled.then(|| delay + faults.lateness(&mut self.rng));
        Some((link, delay + faults.lateness(&mut self.rng), again))
    }

    fn arrive(&mut self, me: u32, key: Key, target: Target, body: &Bytes) -> Option<Input> {
        match body.first() {
            Some(&SEALED) => {
                let sealed = codec::decode(&body[1..], SEALED_BYTES_MAX).ok();
                let (from, via, message): (Contact, Option<NodeId>, Message) = sealed?;
                Some(Input::Received { from, via, message })
            }
            Some(&PARCEL) => {
                self.disclose(me, key, target, &body[1..]);
                None
            }
            Some(&APPLICATION) if target != Target::Node => {
                self.note_arrival(me, key, target, body);
                None
            }
            _ => None,
        }
    }

    fn note_event(&mut self, me: u32, event: &Event) {
        let now = self.now;
        let host = &mut self.hosts[me as usize];
        let id = host.contact.id;
        match event {
            Event::Ready if !host.left => {
                host.ready_at.get_or_insert(now);
                self.census.enter(id, me);
                self.trace(&[3, u64::from(me)]);
            }
            Event::NotReady => {
                self.census.leave(id, me);
                self.tally.unready += 1;
                self.trace(&[4, u64::from(me)]);
            }
            Event::JoinFailed => {
                self.tally.joins_failed += 1;
                self.push(INTRODUCTION, Happening::Introduce(me));
            }
            Event::Misbehaved { .. } => self.tally.misbehaved += 1,
            _ => {}
        }
    }
}
