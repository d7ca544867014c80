//! Rooms, entries and negotiators in one memory: from the first connection to an open link.

use std::collections::{BTreeMap, VecDeque};

use base::{Card, Duration, NodeId, Secret, Time};
use signal::entry::{self, Entry, ServerId};
use signal::negotiation::{self, Attempt, Negotiator, Path};
use signal::room::{self, ConnectionId, Room};

/// A node as small as can be: it links to whom it is introduced, and is ready then.
struct Peer {
    secret: Secret,
    entry: Entry,
    negotiator: Option<Negotiator>,
    card: Option<Card>,
    connection: Option<ConnectionId>,
    founded: bool,
    links: BTreeMap<Attempt, NodeId>,
}

struct World {
    now: Time,
    network: Secret,
    room: Option<Room>,
    peers: Vec<Peer>,
    at: BTreeMap<ConnectionId, usize>,
    connections: u64,
    founders: u32,
    pending: VecDeque<(usize, entry::Input)>,
}

impl World {
    fn new() -> Self {
        let network = Secret::from_seed(&[200; 32]);
        let mut world = World {
            now: Time::from_millis(1),
            network,
            room: None,
            peers: Vec::new(),
            at: BTreeMap::new(),
            connections: 0,
            founders: 0,
            pending: VecDeque::new(),
        };
        world.start_server(false);
        world
    }

    fn start_server(&mut self, may_have_members: bool) {
        let config = room::Config { may_have_members, ..room::Config::default() };
        self.room = Some(Room::new(config, self.network.clone(), self.now.as_micros(), self.now));
    }

    fn kill_server(&mut self) {
        self.room = None;
        for (_, peer) in std::mem::take(&mut self.at) {
            self.peers[peer].connection = None;
            self.pending.push_back((peer, entry::Input::Closed("killed".to_owned())));
        }
    }

    fn add_peer(&mut self) -> usize {
        let index = self.peers.len();
        let mut seed = [7; 32];
        seed[..8].copy_from_slice(&(index as u64).to_le_bytes());
        let secret = Secret::from_seed(&seed);
        let config = entry::Config {
            public_key: secret.public(),
            epoch: 1,
            voucher: None,
            network: None,
            native: index.is_multiple_of(2),
        };
        let entry = Entry::new(config, index as u64, self.now);
        self.peers.push(Peer {
            secret,
            entry,
            negotiator: None,
            card: None,
            connection: None,
            founded: false,
            links: BTreeMap::new(),
        });
        self.pending.push_back((index, entry::Input::Introduce));
        index
    }

    fn tell_entry(&mut self, index: usize, input: entry::Input) {
        self.peers[index].entry.handle(self.now, input);
        while let Some(output) = self.peers[index].entry.poll_output() {
            self.on_entry(index, output);
        }
    }

    fn on_entry(&mut self, index: usize, output: entry::Output) {
        use entry::{Input, Output};
        let peer = &mut self.peers[index];
        match output {
            Output::Connect if self.room.is_none() => {
                self.pending.push_back((index, Input::Closed("refused".to_owned())));
            }
            Output::Connect => {
                let connection = ConnectionId(self.connections);
                self.connections += 1;
                peer.connection = Some(connection);
                self.at.insert(connection, index);
                self.pending.push_back((index, Input::Opened));
                self.tell_room(room::Input::Connected(connection));
            }
            Output::Disconnect => {
                if let Some(connection) = peer.connection.take() {
                    self.at.remove(&connection);
                    self.tell_room(room::Input::Disconnected(connection));
                }
            }
            Output::Send(bytes) => {
                let connection = peer.connection.expect("an entry sends while it is connected");
                self.tell_room(room::Input::Received(connection, bytes));
            }
            Output::Sign(bytes) => {
                let signature = peer.secret.sign(&bytes);
                self.pending.push_back((index, Input::Signed(signature)));
            }
            Output::Welcome { card, .. } => {
                let network = self.network.public().into();
                peer.card = Some(card);
                peer.negotiator.get_or_insert_with(|| {
                    Negotiator::new(network, card, false, index as u64 + 1_000, self.now)
                });
            }
            Output::Introduced(anchors) => {
                for peer in anchors {
                    let path = Path::Server(ServerId(0));
                    self.tell_negotiator(index, negotiation::Input::Dial { peer, permit: 0, path });
                }
            }
            Output::Visitor(peer) => {
                self.tell_negotiator(index, negotiation::Input::Expect { peer, permit: 0 });
            }
            Output::Alone => {
                peer.founded = true;
                self.founders += 1;
                self.tell_standing(index);
            }
            Output::Signal { from, payload } => {
                let path = Path::Server(ServerId(0));
                self.tell_negotiator(index, negotiation::Input::Received { from, path, payload });
            }
            Output::Absent(peer) => {
                self.tell_negotiator(index, negotiation::Input::Unreachable { peer });
            }
            Output::IceServers(_) | Output::Unreachable { .. } => {}
            Output::Refused(reason) => panic!("refused: {reason}"),
        }
    }

    fn tell_room(&mut self, input: room::Input) {
        let Some(room) = &mut self.room else { return };
        room.handle(self.now, input);
        while let Some(output) = room.poll_output() {
            match output {
                room::Output::Send(connection, bytes) => {
                    if let Some(&peer) = self.at.get(&connection) {
                        self.pending.push_back((peer, entry::Input::Received(bytes)));
                    }
                }
                room::Output::Close(connection, reason) => {
                    if let Some(peer) = self.at.remove(&connection) {
                        self.peers[peer].connection = None;
                        let closed = entry::Input::Closed(reason.to_owned());
                        self.pending.push_back((peer, closed));
                    }
                }
            }
        }
    }

    fn tell_negotiator(&mut self, index: usize, input: negotiation::Input) {
        let negotiator = self.peers[index].negotiator.as_mut().expect("welcome");
        negotiator.handle(self.now, input);
        while let Some(output) =
            self.peers[index].negotiator.as_mut().expect("welcome").poll_output()
        {
            self.on_negotiator(index, output);
        }
    }

    /// A description names its peer connection, so that the answer's arrival opens both ends.
    fn on_negotiator(&mut self, index: usize, output: negotiation::Output) {
        use negotiation::{Input, Output};
        match output {
            Output::CreateOffer(attempt) | Output::CreateAnswer { attempt, .. } => {
                let sdp = format!("{index} {}", attempt.0);
                self.tell_negotiator(index, Input::Described { attempt, sdp });
            }
            Output::ApplyAnswer { attempt, sdp } => {
                let (there, theirs) = sdp.split_once(' ').expect("our own form");
                let theirs = Attempt(theirs.parse().expect("a number"));
                let there = there.parse().expect("a number");
                self.tell_negotiator(index, Input::Opened(attempt));
                self.tell_negotiator(there, Input::Opened(theirs));
            }
            Output::Sign { attempt, bytes } => {
                let signature = self.peers[index].secret.sign(&bytes);
                self.tell_negotiator(index, Input::Signed { attempt, signature });
            }
            Output::Send { to, payload, .. } => {
                self.tell_entry(index, entry::Input::Signal { to, payload });
            }
            Output::Established { attempt, card, .. } => {
                self.peers[index].links.insert(attempt, card.id());
                self.tell_standing(index);
            }
            Output::Failed { introduced, .. } => {
                if introduced && self.peers[index].links.is_empty() {
                    self.tell_entry(index, entry::Input::Introduce);
                }
            }
            Output::Close(_) => {}
        }
    }

    fn tell_standing(&mut self, index: usize) {
        let peer = &self.peers[index];
        let links = u32::try_from(peer.links.len()).expect("few");
        let ready = peer.founded || links > 0;
        self.pending.push_back((index, entry::Input::Standing { links, ready }));
    }

    fn settle(&mut self) {
        while let Some((index, input)) = self.pending.pop_front() {
            self.tell_entry(index, input);
        }
    }

    /// Runs until `until`, deadline by deadline.
    fn run(&mut self, span: Duration) {
        let until = self.now + span;
        self.settle();
        loop {
            let room = self.room.iter().filter_map(Room::poll_timeout).map(|(at, _)| at);
            let entries = self.peers.iter().filter_map(|peer| peer.entry.poll_timeout());
            let negotiators = self
                .peers
                .iter()
                .filter_map(|peer| peer.negotiator.as_ref()?.poll_timeout())
                .map(|(at, _)| at);
            let next = room.chain(entries.map(|(at, _)| at)).chain(negotiators).min();
            match next {
                Some(at) if at <= until => self.now = self.now.max(at),
                _ => break,
            }
            self.tell_room(room::Input::Timeout);
            for index in 0..self.peers.len() {
                self.tell_entry(index, entry::Input::Timeout);
                if self.peers[index].negotiator.is_some() {
                    self.tell_negotiator(index, negotiation::Input::Timeout);
                }
            }
            self.settle();
        }
        self.now = until;
    }

    fn id(&self, index: usize) -> NodeId {
        self.peers[index].card.expect("welcome").id()
    }

    /// Whether links join all peers into one.
    fn is_whole(&self) -> bool {
        let mut reached = vec![self.id(0)];
        let mut looked = 0;
        while let Some(&id) = reached.get(looked) {
            looked += 1;
            let mut peers = self.peers.iter();
            let peer = peers.find(|peer| peer.card.is_some_and(|card| card.id() == id));
            for other in peer.into_iter().flat_map(|peer| peer.links.values()) {
                if !reached.contains(other) {
                    reached.push(*other);
                }
            }
        }
        reached.len() == self.peers.len()
    }
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn two_peers_meet() {
    let mut world = World::new();
    let (a, b) = (world.add_peer(), world.add_peer());
    world.run(SECOND);
    assert_eq!(world.founders, 1);
    assert_eq!(Vec::from_iter(world.peers[a].links.values().copied()), [world.id(b)]);
    assert_eq!(Vec::from_iter(world.peers[b].links.values().copied()), [world.id(a)]);
}

#[test]
fn a_burst_of_fifty_becomes_one_network() {
    let mut world = World::new();
    for _ in 0..50 {
        world.add_peer();
    }
    world.run(2 * SECOND);
    assert_eq!(world.founders, 1);
    assert!(world.is_whole());
    let stats = world.room.as_ref().expect("it runs").stats();
    assert_eq!((stats.browsers, stats.natives, stats.members), (25, 25, 50));
    assert_eq!((stats.logins, stats.refused), (50, 0));
}

#[test]
fn a_newcomer_meets_the_members_of_a_restarted_server() {
    let mut world = World::new();
    let members: Vec<usize> = (0..5).map(|_| world.add_peer()).collect();
    world.run(5 * SECOND);
    let ids: Vec<NodeId> = members.iter().map(|member| world.id(*member)).collect();
    world.kill_server();
    world.run(30 * SECOND);
    world.start_server(true);
    world.add_peer();
    world.run(60 * SECOND);
    assert_eq!(world.founders, 1, "the newcomer waits for the members");
    assert!(world.is_whole());
    assert_eq!(world.room.as_ref().expect("it runs").stats().members, 6);
    let after: Vec<NodeId> = members.iter().map(|member| world.id(*member)).collect();
    assert_eq!(ids, after, "a voucher outlives the server");
}

#[test]
fn what_an_introduction_costs_the_server() {
    let mut world = World::new();
    world.add_peer();
    world.add_peer();
    world.run(2 * SECOND);
    let before = world.room.as_ref().expect("it runs").stats();
    world.add_peer();
    world.run(SECOND);
    let after = world.room.as_ref().expect("it runs").stats();
    assert_eq!(after.introductions, before.introductions + 1);
    let bytes = after.bytes_in + after.bytes_out - before.bytes_in - before.bytes_out;
    let messages =
        after.messages_in + after.messages_out - before.messages_in - before.messages_out;
    let signals = after.signals - before.signals;
    println!("{messages} messages, {bytes} bytes, {signals} signals, descriptions not counted");
    // Two anchors: two offers and two answers, each in and out, and some 600 bytes around them.
    assert_eq!(signals, 4);
    assert!(messages <= 16 && bytes < 4_000, "{messages} messages, {bytes} bytes");
}
