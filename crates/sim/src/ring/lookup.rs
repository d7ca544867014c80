//! Application messages to keys: where they started, where they arrived, how long it took.

use base::{Duration, Key, Time};
use bytes::Bytes;
use overlay::Input;
use wire::Class;
use wire::overlay::{Message, Target};

use super::World;

/// First byte of a body of the application.
pub(crate) const APPLICATION: u8 = 0;
/// First byte of a message to an unlinked node.
pub(crate) const SEALED: u8 = 1;

/// One message to the root of a key.
#[derive(Clone, Copy, Debug)]
pub struct Lookup {
    /// The host that asked.
    pub from: u32,
    /// For the root of this key.
    pub key: Key,
    /// When.
    pub sent: Time,
    /// When it first arrived at an application, and on which host.
    pub arrived: Option<(Time, u32)>,
    /// Deliveries, repetitions included.
    pub copies: u16,
    /// Deliveries at a host that was not the root then, or none of the replicas that were asked for.
    pub wrong: u16,
    /// Deliveries at the host where it had arrived before.
    pub again: u16,
    /// Hops of the copy that came last.
    pub hops: u8,
    /// The first of the `World::watch_replicas` nodes closest to the key that it came to: how many of
    /// them are nearer to the sender, and hops.
    pub replica: Option<(u8, u8)>,
}

impl World {
    /// Routes a message to the root of `key`; returns its number.
    pub fn look_up(&mut self, from: u32, key: Key) -> usize {
        self.look_up_at(from, key, Target::Root)
    }

    /// The same to any of the `World::watch_replicas` nodes closest to `key`.
    pub fn look_up_near(&mut self, from: u32, key: Key) -> usize {
        let copies = u8::try_from(self.replicas).unwrap_or(u8::MAX);
        self.look_up_at(from, key, Target::Replica(copies))
    }

    fn look_up_at(&mut self, from: u32, key: Key, target: Target) -> usize {
        let (number, body) = self.new_lookup(from, key);
        let (via, class) = (None, Class::Control);
        self.input(from, Input::Route { key, target, via, class, body });
        number
    }

    /// The same over many ways at once.
    pub fn look_up_widely(&mut self, from: u32, key: Key) -> usize {
        let (number, body) = self.new_lookup(from, key);
        self.input(from, Input::Spread { key, class: Class::Control, body });
        number
    }

    fn new_lookup(&mut self, from: u32, key: Key) -> (usize, Bytes) {
        let number = self.lookups.len();
        let (sent, arrived) = (self.now(), None);
        self.lookups.push(Lookup {
            from,
            key,
            sent,
            arrived,
            copies: 0,
            wrong: 0,
            again: 0,
            hops: 0,
            replica: None,
        });
        let mut body = [APPLICATION; 9];
        body[1..].copy_from_slice(&(number as u64).to_be_bytes());
        (number, Bytes::copy_from_slice(&body))
    }

    /// All lookups so far.
    #[must_use]
    pub fn lookups(&self) -> &[Lookup] {
        &self.lookups
    }

    /// Forgets all lookups. Ones under way must have arrived.
    pub fn forget_lookups(&mut self) {
        self.lookups.clear();
    }

    /// Notes for each lookup the first of the `count` nodes closest to its key that it meets.
    pub fn watch_replicas(&mut self, count: usize) {
        self.replicas = count;
    }

    pub(crate) fn note_hop(&mut self, at: u32, message: &Message) {
        let Message::Route(routed) = message else { return };
        let Some(number) = number_of(&routed.body).filter(|_| routed.target != Target::Node) else {
            return;
        };
        let Some(lookup) = self.lookups.get_mut(number) else { return };
        lookup.hops = routed.hops;
        if self.replicas > 0 && lookup.replica.is_none() {
            self.note_replica(at, number, routed.hops);
        }
    }

    fn note_replica(&mut self, at: u32, number: usize, hops: u8) {
        let Lookup { from, key, .. } = self.lookups[number];
        let near = self.census.closest(key, self.replicas);
        if !near.iter().any(|(_, host)| *host == at) {
            return;
        }
        let mine = self.topology.micros(from, at);
        let nearer = near.iter().filter(|(_, host)| self.topology.micros(from, *host) < mine);
        let rank = u8::try_from(nearer.count()).unwrap_or(u8::MAX);
        self.lookups[number].replica = Some((rank, hops));
    }

    pub(crate) fn note_arrival(&mut self, at: u32, key: Key, target: Target, body: &[u8]) {
        let Some(number) = number_of(body) else { return };
        let is_right = match target {
            Target::Replica(copies) => {
                self.census.closest(key, copies.into()).iter().any(|(_, host)| *host == at)
            }
            Target::Root | Target::Node => {
                self.census.root(key).is_some_and(|(_, host)| host == at)
            }
        };
        let now = self.now();
        let Some(lookup) = self.lookups.get_mut(number) else { return };
        lookup.copies += 1;
        lookup.wrong += u16::from(!is_right);
        lookup.again += u16::from(lookup.arrived.is_some_and(|(_, before)| before == at));
        lookup.arrived.get_or_insert((now, at));
        let hops = lookup.hops;
        if self.replicas > 0 && lookup.replica.is_none() {
            self.note_replica(at, number, hops);
        }
        self.trace(&[2, u64::from(at), number as u64]);
    }
}

fn number_of(body: &[u8]) -> Option<usize> {
    let (tag, rest) = body.split_first()?;
    let number = rest.try_into().map(u64::from_be_bytes).ok()?;
    usize::try_from(number).ok().filter(|_| *tag == APPLICATION)
}

/// What became of a list of lookups.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// All.
    pub asked: u64,
    /// Those that arrived somewhere.
    pub arrived: u64,
    /// Deliveries at a host that was not the root.
    pub wrong: u64,
    /// Deliveries beyond the first at one host, which must recognise them.
    pub again: u64,
    /// Deliveries at a further host: the key had another root when the copy came.
    pub elsewhere: u64,
    /// Mean hops of those that arrived.
    pub hops: f64,
    /// Lookups by hops, those with more at the end.
    pub by_hops: [u64; 16],
    /// Mean delay over mean direct delay, of those that arrived at another host.
    pub stretch: f64,
    /// Median of delay over direct delay, of the same.
    pub stretch_median: f64,
    /// Longest delay.
    pub delay_max: Duration,
}

/// Sums up `lookups`.
#[must_use]
pub fn summary(world: &World, lookups: &[Lookup]) -> Summary {
    let mut sum = Summary::default();
    let (mut hops, mut delay, mut direct) = (0u64, 0.0, 0.0);
    let mut ratios = Vec::new();
    for lookup in lookups {
        sum.asked += 1;
        sum.wrong += u64::from(lookup.wrong);
        sum.again += u64::from(lookup.again);
        sum.elsewhere += u64::from(lookup.copies.saturating_sub(1 + lookup.again));
        let Some((at, host)) = lookup.arrived else { continue };
        sum.arrived += 1;
        hops += u64::from(lookup.hops);
        sum.by_hops[usize::from(lookup.hops).min(15)] += 1;
        sum.delay_max = sum.delay_max.max(at.since(lookup.sent));
        if host != lookup.from {
            let took = at.since(lookup.sent).as_secs_f64();
            let straight = world.topology().micros(lookup.from, host) / 1e6;
            delay += took;
            direct += straight;
            ratios.push(took / straight.max(1e-9));
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
    let mean = hops as f64 / sum.arrived.max(1) as f64;
    sum.hops = mean;
    ratios.sort_unstable_by(f64::total_cmp);
    sum.stretch_median = ratios.get(ratios.len() / 2).copied().unwrap_or(0.0);
    sum.stretch = if direct > 0.0 { delay / direct } else { 0.0 };
    sum
}
