//! How many messages a second one node passes on, on one core: a row for `cargo xtask bench route`.
//!
//! The node knows a ring of 10,000 as it does after it joined: leaf set, table and neighbours full,
//! all by messages. What is counted is the whole way of a message through the machine: it is taken
//! in, acknowledged, sent on, kept, and let go when the next hop acknowledges.
#![expect(clippy::print_stdout, reason = "a bench prints its row")]

use base::{Duration, Key, NodeId, Rng, Time};
use bytes::Bytes;
use overlay::{Config, Input, Output, Overlay, Reach};
use wire::Class;
use wire::overlay::{Contact, LeafState, Message, MessageId, Routed, Target};

const NODES: usize = 10_000;
const WARM_UP: u64 = 50_000;
const MESSAGES: u64 = 1_000_000;
/// Bytes of a body (`pastry.md` §5, line 9).
const BODY: [u8; 64] = [7; 64];
/// Between two messages. Short, so that nobody's heartbeat is missed meanwhile.
const APART: Duration = Duration::from_micros(1);
/// Messages a second that the design wants.
const WANTED: f64 = 1e6;

#[expect(clippy::disallowed_types, reason = "a driver; what it measures decides nothing")]
type Moment = std::time::Instant;

struct Bench {
    node: Overlay,
    now: Time,
    rng: Rng,
    peers: Vec<Contact>,
    sent: u64,
}

impl Bench {
    fn new() -> Self {
        let mut rng = Rng::new(1);
        let me = Contact { id: NodeId::new(rng.next_u128()), epoch: 1 };
        let config = Config { reach: Reach::Direct, ..Config::default() };
        let mut node = Overlay::new(config, me, 1, Time::ZERO);
        node.handle(Time::ZERO, Input::Found);
        let leaf = LeafState { ready: true, ..LeafState::default() };
        for token in 0..NODES as u64 {
            let from = Contact { id: NodeId::new(rng.next_u128()), epoch: 1 };
            let message = Message::Probe { token, leaf: leaf.clone() };
            node.handle(Time::ZERO, Input::Received { from, via: None, message });
            while node.poll_output().is_some() {}
        }
        let peers = node.links().collect();
        Bench { node, now: Time::ZERO, rng, peers, sent: 0 }
    }

    /// One message from a random peer to a random key.
    fn pass(&mut self) {
        self.sent += 1;
        self.now = self.now + APART;
        let from = self.peers[self.rng.index(self.peers.len()).unwrap_or(0)];
        let id = MessageId { source: from.id, epoch: from.epoch, number: self.sent };
        let (key, body) = (Key::new(self.rng.next_u128()), Bytes::from_static(&BODY));
        let (target, class) = (Target::Root, Class::Control);
        let message = Message::Route(Routed { id, key, target, via: None, hops: 1, class, body });
        self.node.handle(self.now, Input::Received { from, via: None, message });
        let mut next = None;
        while let Some(output) = self.node.poll_output() {
            if let Output::Send { to, message: Message::Route(_), .. } = output {
                next = Some(to);
            }
        }
        if let Some(hop) = next {
            let from = Contact { id: hop, epoch: 1 };
            let message = Message::RouteAck(id);
            self.node.handle(self.now, Input::Received { from, via: None, message });
            while self.node.poll_output().is_some() {}
        }
    }
}

/// Seconds on a core where the system tells (Linux); else those on the wall.
fn seconds(start: Moment) -> f64 {
    let stat = std::fs::read_to_string("/proc/self/schedstat").ok();
    let nanos = stat.and_then(|stat| stat.split_whitespace().next()?.parse::<f64>().ok());
    nanos.map_or_else(|| start.elapsed().as_secs_f64(), |nanos| nanos / 1e9)
}

fn main() {
    let mut bench = Bench::new();
    (0..WARM_UP).for_each(|_| bench.pass());
    let before = bench.node.stats();
    let moment = Moment::now();
    let start = seconds(moment);
    (0..MESSAGES).for_each(|_| bench.pass());
    let took = seconds(moment) - start;
    let passed = bench.node.stats().forwarded - before.forwarded;
    let rate = passed as f64 / took;
    println!(
        r#"{{"section":"route","name":"native / 1,000,000 messages a second","ratio":{:.3},"detail":"{:.0} of {MESSAGES} passed on, {} peers in the tables","pass":{}}}"#,
        rate / WANTED,
        passed,
        bench.peers.len(),
        rate >= WANTED
    );
}
