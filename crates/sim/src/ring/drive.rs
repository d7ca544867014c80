//! The driver's part: gives each node its inputs, and does what it then says.

use base::{Duration, Key, NodeId, Time, codec};
use bytes::Bytes;
use overlay::{Event, Input, Output, Overlay};
use wire::Class;
use wire::overlay::{Contact, Message, Target};

use super::lookup::{APPLICATION, SEALED};
use super::world::Happening;
use super::{World, kind};

/// Bytes that one sealed message may have; above it the world has a mistake.
const SEALED_BYTES_MAX: usize = 1 << 20;
/// How long a host without an answer to its join waits for the introducer.
const INTRODUCTION: Duration = Duration::from_secs(1);
/// Of how many messages one is measured in bytes; a power of two.
const SAMPLE: u64 = 64;

impl World {
    pub(crate) fn wake(&mut self, number: u32) {
        let host = &mut self.hosts[number as usize];
        if host.armed != self.now {
            return;
        }
        host.armed = Time::FAR_FUTURE;
        let Some(overlay) = host.overlay.as_deref().filter(|_| !host.frozen) else { return };
        match overlay.poll_timeout() {
            Some((due, _)) if due <= self.now => self.input(number, Input::Timeout),
            _ => self.arm(number),
        }
    }

    /// Wakes are pushed only when they are earlier than the one that is armed; a late one is noticed
    /// when the early one comes.
    fn arm(&mut self, number: u32) {
        let now = self.now;
        let host = &mut self.hosts[number as usize];
        let Some((due, _)) = host.overlay.as_deref().and_then(Overlay::poll_timeout) else {
            return;
        };
        // A host that is never content would stop time otherwise.
        let due = due.max(now + Duration::from_micros(1));
        if due < host.armed && due < Time::FAR_FUTURE {
            host.armed = due;
            self.agenda.push(due, Happening::Wake(number));
        }
    }

    /// Gives a host an input, and does what it then says.
    pub fn input(&mut self, number: u32, input: Input) {
        let Some(host) = self.hosts.get_mut(number as usize) else { return };
        if host.frozen {
            host.inbox.push(input);
            return;
        }
        let mut next = Some(input);
        let mut more: Vec<Input> = Vec::new();
        while let Some(input) = next.take() {
            self.note_link(number, &input);
            let now = self.now;
            let Some(overlay) = self.hosts[number as usize].overlay.as_deref_mut() else { return };
            overlay.handle(now, input);
            while let Some(output) = self.poll(number) {
                more.extend(self.obey(number, output));
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

    fn poll(&mut self, number: u32) -> Option<Output> {
        self.hosts[number as usize].overlay.as_deref_mut()?.poll_output()
    }

    fn obey(&mut self, me: u32, output: Output) -> Option<Input> {
        match output {
            Output::Send { to, via, message } => self.say(me, to, via, message),
            Output::Deliver { key, target, body } => self.arrive(me, key, target, &body),
            Output::Event(event) => {
                self.note_event(me, &event);
                None
            }
            Output::Dial { .. } | Output::Expect { .. } | Output::HangUp { .. } => {
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
        if self.hosts[to as usize].overlay.is_none() {
            self.tally.to_dead[sort] += 1;
        }
        if self.tally.sent.is_multiple_of(SAMPLE) {
            self.tally.sampled_bytes += codec::encode(&message).len() as u64;
        }
        self.tally.sent += 1;
        let faults = self.settings.faults;
        let (a, b) = (&self.hosts[from as usize], &self.hosts[to as usize]);
        let apart = faults.partitioned && a.side != b.side;
        let lost = faults.loss > 0.0 && self.rng.chance(faults.loss);
        let Some(link) = link.filter(|_| !apart && !lost && !faults.is_deaf(self.salt, from, to))
        else {
            self.tally.lost += 1;
            return;
        };
        let delay = self.topology.delay(from, to);
        if faults.duplication > 0.0 && self.rng.chance(faults.duplication) {
            let again = delay + faults.lateness(&mut self.rng);
            self.push(again, Happening::Frame { from, to, link, message: message.clone() });
        }
        let late = faults.lateness(&mut self.rng);
        self.push(delay + late, Happening::Frame { from, to, link, message });
    }

    fn arrive(&mut self, me: u32, key: Key, target: Target, body: &Bytes) -> Option<Input> {
        match body.first() {
            Some(&SEALED) => {
                let sealed = codec::decode(&body[1..], SEALED_BYTES_MAX).ok();
                let (from, via, message): (Contact, Option<NodeId>, Message) = sealed?;
                Some(Input::Received { from, via, message })
            }
            Some(&APPLICATION) if target == Target::Root => {
                self.note_arrival(me, key, body);
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
