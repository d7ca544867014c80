//! A node among strangers that say anything at any time: it must neither panic nor grow.
#![allow(clippy::unwrap_used, reason = "what breaks the harness must fail the test")]

use std::collections::BTreeSet;

use base::{Bounded, Duration, Key, NodeId, Rng, Time};
use bytes::Bytes;
use overlay::{Config, Event, Input, Output, Overlay};
use wire::Class;
use wire::overlay::{
    Beat, Contact, LeafState, Message, MessageId, RefuseReason, Routed, Row, Sighting, Target,
};

const LINKS_MAX: u16 = 10;
/// Outputs that one input may cause: custody of everything, sent on or given up.
const OUTPUTS_MAX: usize = 2_000;

struct Stranger {
    rng: Rng,
    permits: Vec<u64>,
    tokens: Vec<u64>,
}

impl Stranger {
    fn below(&mut self, bound: u64) -> u64 {
        self.rng.below(bound)
    }

    fn contact(&mut self) -> Contact {
        let id = NodeId::new(u128::from(self.below(60)) << (4 * self.below(31)));
        Contact { id, epoch: self.below(4) }
    }

    fn leaf(&mut self) -> LeafState {
        let sorted = self.below(3) > 0;
        let mut side = |len: u64| {
            let mut list: Vec<Contact> = (0..len).map(|_| self.contact()).collect();
            if sorted {
                list.sort();
            }
            Bounded::truncating(list)
        };
        let (left, right) = (side(9), side(5));
        LeafState { ready: self.below(2) == 0, left, right }
    }

    fn row(&mut self) -> Row {
        let len = self.below(16);
        Bounded::truncating((0..len).map(|_| self.sighting()))
    }

    fn sighting(&mut self) -> Sighting {
        let rtt = u32::try_from(self.below(1 << 32)).unwrap();
        Sighting { contact: self.contact(), rtt }
    }

    fn message_id(&mut self) -> MessageId {
        MessageId { source: self.contact().id, epoch: self.below(3), number: self.below(50) }
    }

    fn routed(&mut self) -> Routed {
        let target = if self.below(2) == 0 { Target::Root } else { Target::Node };
        let via = (self.below(3) == 0).then(|| self.contact().id);
        let hops = u8::try_from(self.below(40)).unwrap();
        let body = Bytes::from(vec![0; usize::try_from(self.below(100)).unwrap()]);
        let (id, key) = (self.message_id(), self.contact().id);
        Routed { id, key, target, via, hops, class: Class::Control, body }
    }

    fn number(&mut self, seen: fn(&Self) -> &Vec<u64>) -> u64 {
        let list = seen(self).clone();
        self.rng.pick(&list).copied().unwrap_or(3)
    }

    fn message(&mut self) -> Message {
        let (permit, token) = (self.number(|s| &s.permits), self.number(|s| &s.tokens));
        match self.below(24) {
            0..=2 => Message::Route(self.routed()),
            3 => Message::RouteAck(self.message_id()),
            4 => {
                let rows = self.below(5);
                Message::Join {
                    joiner: self.contact(),
                    attempt: self.below(3),
                    via: self.contact().id,
                    hops: u8::try_from(self.below(40)).unwrap(),
                    rows: Bounded::truncating((0..rows).map(|_| self.row())),
                }
            }
            5 => {
                let rows = Bounded::truncating([self.row(), self.row()]);
                let session = u32::try_from(token % 10_000).unwrap();
                Message::JoinReply { attempt: token, rows, leaf: self.leaf(), session }
            }
            6 => Message::JoinRefused { attempt: token },
            7 | 8 => Message::Probe { token, leaf: self.leaf() },
            9 => Message::ProbeReply { token, leaf: self.leaf() },
            10 => Message::LeafSet(self.leaf()),
            11 => Message::RowRequest { row: u8::try_from(self.below(256)).unwrap() },
            12 => Message::Row { row: 0, entries: self.row() },
            13 => Message::Suspect { contact: self.contact(), leaf: self.leaf() },
            14 => Message::LinkRequest { permit },
            15 => Message::LinkGrant { permit },
            16 => Message::LinkRefuse { permit, reason: RefuseReason::Full },
            22 => {
                let mut word = || u32::try_from(self.below(1 << 32)).unwrap();
                Message::Heartbeat(Beat { period: word(), lease: word(), busy: true })
            }
            17 => Message::Ping { token },
            18 => Message::Pong { token, ready: self.below(2) == 0 },
            19 => Message::Measured { rtt: self.sighting().rtt },
            20 => Message::StateRequest { rtt: self.sighting().rtt },
            21 => {
                let (entries, near) = (self.below(130), self.below(40));
                let mut list = |len| (0..len).map(|_| self.sighting()).collect::<Vec<_>>();
                let (entries, near) = (list(entries), list(near));
                let (entries, near) = (Bounded::truncating(entries), Bounded::truncating(near));
                Message::State { rtt: self.sighting().rtt, entries, near }
            }
            _ => Message::Leaving(self.leaf()),
        }
    }

    fn input(&mut self) -> Input {
        let peer = self.contact();
        match self.below(25) {
            0 | 1 => Input::LinkUp { peer },
            2 => Input::LinkDown { peer: peer.id },
            3 => Input::DialFailed { peer: peer.id },
            4 => Input::Found,
            5 => Input::Join { through: peer.id },
            6 => Input::Prefer { peer: peer.id },
            7 => Input::Unprefer { peer: peer.id },
            13 => Input::Doubt { peer: peer.id },
            8 | 9 => {
                let Routed { key, target, via, class, body, .. } = self.routed();
                Input::Route { key, target, via, class, body }
            }
            10 => {
                let Routed { key, class, body, .. } = self.routed();
                Input::Spread { key, class, body }
            }
            11 | 12 => Input::Timeout,
            _ => {
                let via = (self.below(2) == 0).then(|| self.contact().id);
                Input::Received { from: peer, via, message: self.message() }
            }
        }
    }
}

#[test]
fn nothing_that_strangers_say_breaks_a_node() {
    for seed in 0..40 {
        let me = Contact { id: Key::new(0x23 << 60), epoch: 2 };
        let config = Config { links_max: LINKS_MAX, ..Config::default() };
        let mut overlay = Overlay::new(config, me, seed, Time::ZERO);
        let mut stranger = Stranger { rng: Rng::new(seed), permits: vec![1], tokens: vec![1] };
        let (mut now, mut misbehaved) = (Time::ZERO, 0);
        let mut open: BTreeSet<NodeId> = BTreeSet::new();
        for _ in 0..2_000 {
            let jump = if stranger.below(200) == 0 { 60_000 } else { stranger.below(400) };
            now = now + Duration::from_millis(jump);
            let input = stranger.input();
            match &input {
                Input::LinkUp { peer } => drop(open.insert(peer.id)),
                Input::LinkDown { peer } => drop(open.remove(peer)),
                _ => {}
            }
            overlay.handle(now, input);
            let mut outputs = 0;
            while let Some(output) = overlay.poll_output() {
                outputs += 1;
                match output {
                    Output::Send { to, message, .. } => {
                        let over_link = matches!(
                            message,
                            Message::Route(_) | Message::RouteAck(_) | Message::Join { .. }
                        );
                        assert!(to != me.id && (open.contains(&to) || !over_link));
                        match message {
                            Message::LinkRequest { permit } => stranger.permits = vec![permit],
                            Message::Probe { token, .. } | Message::Ping { token } => {
                                stranger.tokens = vec![token]
                            }
                            Message::Join { attempt, .. } => stranger.tokens = vec![attempt],
                            _ => {}
                        }
                    }
                    Output::HangUp { peer } => drop(open.remove(&peer)),
                    Output::Event(Event::Misbehaved { .. }) => misbehaved += 1,
                    _ => {}
                }
            }
            assert!(outputs <= OUTPUTS_MAX, "{outputs} outputs");
            assert!(overlay.slots_used() <= u64::from(LINKS_MAX));
            let (left, right) = overlay.leaf_set();
            assert!(left.iter().chain(right).all(|contact| contact.id != me.id));
            assert!(
                overlay.poll_timeout().is_some_and(|(due, _)| due < now + config.heartbeat * 2)
            );
        }
        assert!(misbehaved > 0, "lies are noticed");
    }
}

/// A newcomer that has asked to join through `entrance`, whose leaf set it knows.
fn newcomer(entrance: Contact, neighbours: &LeafState) -> (Overlay, u64) {
    let me = Contact { id: Key::new(0x23 << 60), epoch: 1 };
    let mut overlay = Overlay::new(Config::default(), me, 1, Time::ZERO);
    overlay.handle(Time::ZERO, Input::LinkUp { peer: entrance });
    overlay.handle(Time::ZERO, Input::Join { through: entrance.id });
    let message = Message::LeafSet(neighbours.clone());
    overlay.handle(Time::ZERO, Input::Received { from: entrance, via: None, message });
    let attempt = outputs(&mut overlay).find_map(|output| match output {
        Output::Send { message: Message::Join { attempt, .. }, .. } => Some(attempt),
        _ => None,
    });
    (overlay, attempt.unwrap())
}

fn outputs(overlay: &mut Overlay) -> impl Iterator<Item = Output> {
    std::iter::from_fn(|| overlay.poll_output())
}

/// Eight members on each side, `apart` from each other.
fn leaf_around(owner: NodeId, apart: u128) -> LeafState {
    let contact = |step: u128, sign: u128| Contact {
        id: NodeId::new(owner.value().wrapping_add(sign.wrapping_mul(step * apart))),
        epoch: 1,
    };
    LeafState {
        ready: true,
        left: Bounded::truncating((1..=8).map(|step| contact(step, u128::MAX))),
        right: Bounded::truncating((1..=8).map(|step| contact(step, 1))),
    }
}

#[test]
fn a_root_with_a_sparse_leaf_set_is_not_believed() {
    let (entrance, root) = (Contact { id: NodeId::new(7 << 120), epoch: 1 }, 0x21 << 60);
    let root = Contact { id: NodeId::new(root), epoch: 1 };
    for (apart, believed) in [(1 << 110, true), (1 << 113, false)] {
        let (mut overlay, attempt) = newcomer(entrance, &leaf_around(entrance.id, 1 << 110));
        let (rows, leaf) = (Bounded::new(), leaf_around(root.id, apart));
        let message = Message::JoinReply { attempt, rows, leaf, session: u32::MAX };
        overlay.handle(Time::ZERO, Input::Received { from: root, via: None, message });
        let probes = outputs(&mut overlay)
            .filter(|output| matches!(output, Output::Send { message: Message::Probe { .. }, .. }));
        assert_eq!(probes.count() > 1, believed, "members 2^{} apart", apart.ilog2());
        assert!(!overlay.is_ready());
    }
}

/// hostile.md O6: what is asked of those whom nobody but a liar knows.
#[derive(Default)]
struct Asked {
    /// Whom, in the order of the questions.
    ids: BTreeSet<NodeId>,
    dials: usize,
}

impl Asked {
    fn take(&mut self, overlay: &mut Overlay, invented: &BTreeSet<NodeId>) {
        for output in outputs(overlay) {
            match output {
                Output::Dial { .. } | Output::Expect { .. } => self.dials += 1,
                Output::Send { to, .. } if invented.contains(&to) => drop(self.ids.insert(to)),
                _ => {}
            }
        }
    }
}

/// A leaf set of names that nobody has, `apart` from each other.
fn invent(owner: NodeId, apart: u128, invented: &mut BTreeSet<NodeId>) -> LeafState {
    let leaf = leaf_around(owner, apart);
    invented.extend(leaf.contacts().map(|contact| contact.id));
    leaf
}

/// hostile.md O6: a member names a thousand ids that nobody has, each set of them closer than the
/// last; a newcomer's answer names as many at once.
#[test]
fn a_thousand_invented_ids_cost_a_few_questions_at_a_time_and_no_dial() {
    // A neighbour: all whom it names next to itself would have a place in the node's leaf set.
    let liar = Contact { id: NodeId::new((0x23 << 60) + 1), epoch: 1 };
    let lie = |overlay: &mut Overlay, now, message| {
        overlay.handle(now, Input::Received { from: liar, via: None, message });
    };
    for joins in [false, true] {
        let (mut invented, mut asked) = (BTreeSet::new(), Asked::default());
        let (mut overlay, attempt) = newcomer(liar, &LeafState::default());
        if joins {
            let mut rng = Rng::new(1);
            let mut row = || -> Row {
                let ids = (0..15).map(|_| NodeId::new(rng.next_u128())).collect::<Vec<_>>();
                invented.extend(ids.iter().copied());
                let contacts = ids.into_iter().map(|id| Contact { id, epoch: 1 });
                Bounded::truncating(contacts.map(|contact| Sighting { contact, rtt: 1 }))
            };
            let rows = Bounded::truncating((0..32).map(|_| row()));
            let leaf = invent(liar.id, 1 << 110, &mut invented);
            let session = u32::MAX;
            lie(&mut overlay, Time::ZERO, Message::JoinReply { attempt, rows, leaf, session });
        } else {
            overlay = Overlay::new(Config::default(), overlay.me(), 1, Time::ZERO);
            overlay.handle(Time::ZERO, Input::Found);
            overlay.handle(Time::ZERO, Input::LinkUp { peer: liar });
            for step in 0..63 {
                let leaf = invent(liar.id, (1 << 110) - (step << 100), &mut invented);
                lie(&mut overlay, Time::ZERO, Message::Probe { token: 1, leaf });
            }
        }
        asked.take(&mut overlay, &invented);
        let at_once = if joins { 16 } else { 8 };
        assert!(invented.len() >= 480);
        assert!((1..=at_once).contains(&asked.ids.len()), "{joins}: {}", asked.ids.len());
        // For as long as questions wait for answers that nobody gives.
        for tenths in 0..600 {
            overlay.handle(Time::from_millis(100 * tenths), Input::Timeout);
            asked.take(&mut overlay, &invented);
        }
        println!("{} of {} were asked in a minute", asked.ids.len(), invented.len());
        assert_eq!(asked.dials, 0);
        let (left, right) = overlay.leaf_set();
        let near = overlay.neighbourhood().iter().map(|sighting| sighting.contact);
        let tables = overlay.table_rows().map(|(_, _, contact)| contact);
        let mut known = left.iter().chain(right).copied().chain(near).chain(tables);
        assert!(known.all(|contact| !invented.contains(&contact.id)));
    }
}
