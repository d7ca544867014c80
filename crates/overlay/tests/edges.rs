//! Edge cases of Pastry, each by name. Those of joining, losing messages and links are in `ring.rs`.
#![allow(clippy::unwrap_used, reason = "what breaks the harness must fail the test")]
#![allow(dead_code, reason = "the world is shared with `ring.rs`, which uses more of it")]

mod world;

use base::{Bounded, Key, NodeId, Time};
use overlay::{Config, Input, NextHop, Output, Overlay};
use wire::overlay::{Contact, LeafState, Message, RefuseReason, Sighting, Target, UNMEASURED};
use world::{SECOND, World};

/// Posts a letter for `key` from every node; each must reach `place` once.
fn all_reach(world: &mut World, key: Key, place: NodeId) {
    let first = world.letters.len();
    for from in world.ids() {
        world.post(from, key, Target::Root);
    }
    world.run(20 * SECOND);
    for letter in &world.letters[first..] {
        let arrived: Vec<NodeId> = letter.arrived.iter().map(|(_, at)| *at).collect();
        assert_eq!(arrived, [place], "{:?} from {:?}", letter.key, letter.from);
    }
}

#[test]
fn a_key_where_the_ring_wraps_has_one_root_from_everywhere() {
    let mut world = World::ring(3, 25, 64);
    world.run(10 * SECOND);
    let ids = world.ids();
    for key in [u128::MAX, 0, 1].map(Key::new) {
        let root = key.closest(ids.iter().copied()).unwrap();
        assert!(root == ids[0] || root == ids[24], "next to zero");
        all_reach(&mut world, key, root);
    }
}

#[test]
fn a_key_that_is_an_id_goes_to_that_node_or_to_its_closest_survivor() {
    let mut world = World::ring(4, 25, 64);
    world.run(10 * SECOND);
    let id = world.ids()[11];
    assert_eq!(world.hosts[&id].overlay.next_hop(id), Some(NextHop::Root), "its own id");
    all_reach(&mut world, id, id);
    world.kill(id, false);
    world.run(30 * SECOND);
    let survivor = id.closest(world.ids()).unwrap();
    all_reach(&mut world, id, survivor);
}

#[test]
fn an_earlier_start_of_an_id_is_not_heard() {
    let mut world = World::ring(5, 12, 64);
    world.run(10 * SECOND);
    let (id, other) = (world.ids()[3], world.ids()[4]);
    let impostor = Contact { id, epoch: 0 };
    let message = Message::Leaving(LeafState::default());
    world.input(other, Input::Received { from: impostor, via: None, message });
    world.run(5 * SECOND);
    assert_eq!(world.wrong_leaf_sets(), [], "the later start is still there");
    all_reach(&mut world, id, id);
}

#[test]
fn half_a_leaf_set_less_one_dies_in_a_row_and_the_leaf_sets_are_exact_again() {
    for seed in 0..2 {
        let mut world = World::ring(seed, 40, 64);
        world.run(15 * SECOND);
        let first = world.ids()[7];
        for id in world.neighbours_of(first, 7) {
            world.kill(id, false);
        }
        let healed = world.run_until(120 * SECOND, |world| world.wrong_leaf_sets().is_empty());
        assert!(healed, "seed {seed}: {:?}", world.wrong_leaf_sets());
        world.exchange(3, true);
    }
}

#[test]
fn more_than_half_a_leaf_set_dies_in_a_row_and_the_ring_closes() {
    for seed in 0..2 {
        let mut world = World::ring(seed, 40, 64);
        world.run(15 * SECOND);
        let first = world.ids()[7];
        for id in world.neighbours_of(first, 11) {
            world.kill(id, false);
        }
        let healed = world.run_until(400 * SECOND, |world| world.wrong_leaf_sets().is_empty());
        assert!(healed, "seed {seed}: {:?}", world.wrong_leaf_sets());
        // Links to the dead that nobody used are found dead by and by; then everything arrives.
        world.run(150 * SECOND);
        world.exchange(3, true);
    }
}

fn contact(id: u128) -> Contact {
    Contact { id: NodeId::new(id), epoch: 1 }
}

fn hears(node: &mut Overlay, now: Time, from: Contact, message: Message) {
    node.handle(now, Input::Received { from, via: None, message });
}

/// A ready node that has heard of nobody.
fn alone(me: Contact) -> Overlay {
    let mut node = Overlay::new(Config { links_max: 24, ..Config::default() }, me, 1, Time::ZERO);
    node.handle(Time::ZERO, Input::Found);
    node
}

/// A word of a ready node that knows nobody.
fn greeting() -> Message {
    Message::Probe { token: 1, leaf: LeafState { ready: true, ..LeafState::default() } }
}

#[test]
fn two_that_ask_each_other_at_once_build_one_link() {
    let ends = [contact(4 << 124), contact(9 << 124)];
    let mut nodes = ends.map(alone);
    for (me, node) in nodes.iter_mut().enumerate() {
        hears(node, Time::ZERO, ends[1 - me], greeting());
    }
    let (mut dials, mut expects) = (Vec::new(), Vec::new());
    for _ in 0..4 {
        let mut said = Vec::new();
        for (me, node) in nodes.iter_mut().enumerate() {
            while let Some(output) = node.poll_output() {
                match output {
                    Output::Send { message, .. } => said.push((me, message)),
                    Output::Dial { permit, .. } => dials.push((me, permit)),
                    Output::Expect { permit, .. } => expects.push((me, permit)),
                    _ => {}
                }
            }
        }
        for (me, message) in said {
            hears(&mut nodes[1 - me], Time::ZERO, ends[me], message);
        }
    }
    let [(dialer, permit)] = dials[..] else { panic!("one dials, not {dials:?}") };
    assert_eq!((dialer, &expects[..]), (0, &[(1, permit)][..]), "the smaller id's request stands");
}

#[test]
fn a_slot_whose_peer_refuses_a_link_goes_to_another() {
    let me = 5u128 << 124;
    let mut node = alone(contact(me));
    for near in (1..=8).flat_map(|step| [me - step, me + step]).map(contact) {
        node.handle(Time::ZERO, Input::LinkUp { peer: near });
        hears(&mut node, Time::ZERO, near, greeting());
    }
    let (full, other) = (contact(0xa0 << 120), contact(0xa1 << 120));
    hears(&mut node, Time::ZERO, full, greeting());
    let mut said = Vec::new();
    let mut take = |node: &mut Overlay, what: fn(&Message) -> bool| {
        while let Some(output) = node.poll_output() {
            if let Output::Send { to, message, .. } = output {
                said.push((to, message));
            }
        }
        said.iter().find(|(_, message)| what(message)).cloned()
    };
    let (to, request) = take(&mut node, |message| matches!(message, Message::LinkRequest { .. }))
        .expect("a link to the only one in its row is wanted");
    let Message::LinkRequest { permit } = request else { unreachable!() };
    assert_eq!(to, full.id);
    let refusal = Message::LinkRefuse { permit, reason: RefuseReason::Full };
    hears(&mut node, Time::ZERO, full, refusal);
    let mut now = Time::ZERO;
    while take(&mut node, |message| matches!(message, Message::RowRequest { row: 0 })).is_none() {
        now = node.poll_timeout().unwrap().0;
        assert!(now < Time::ZERO + 4 * SECOND, "asked for others while the refusal counts");
        node.handle(now, Input::Timeout);
    }
    let entries = Bounded::truncating([Sighting { contact: other, rtt: UNMEASURED }]);
    hears(&mut node, now, full, Message::Row { row: 0, entries });
    let (to, ping) = take(&mut node, |message| matches!(message, Message::Ping { .. })).unwrap();
    let Message::Ping { token } = ping else { unreachable!() };
    assert_eq!(to, other.id);
    hears(&mut node, now, other, Message::Pong { token, ready: true });
    let holder = node.table_rows().find(|(row, column, _)| (*row, *column) == (0, 10));
    assert_eq!(holder.map(|(.., contact)| contact), Some(other));
}

/// The leaf set of `owner` in a small ring of it and `others`.
fn leaf_of(owner: Contact, others: &[Contact]) -> LeafState {
    let side = |reach: &dyn Fn(NodeId) -> u128| {
        let mut side: Vec<Contact> = others.to_vec();
        side.retain(|other| *other != owner);
        side.sort_by_key(|other| reach(other.id));
        Bounded::truncating(side)
    };
    let left = side(&|other| other.clockwise_to(owner.id));
    let right = side(&|other| owner.id.clockwise_to(other));
    LeafState { ready: true, left, right }
}

/// A node that joins, linked to a ring of three and asking through the first of them, and one that
/// comes between it and them.
fn joining() -> (Overlay, [Contact; 3], Contact) {
    let ring = [9u128 << 124, 2 << 124, 13 << 124].map(contact);
    let mut node = Overlay::new(Config::default(), contact(8 << 124), 1, Time::ZERO);
    for peer in ring {
        node.handle(Time::ZERO, Input::LinkUp { peer });
    }
    node.handle(Time::ZERO, Input::Join { through: ring[0].id });
    (node, ring, contact((8 << 124) + 1))
}

#[test]
fn a_leaf_set_that_changed_since_the_answer_to_a_join_is_asked_for_what_is_new() {
    let (mut node, ring, late) = joining();
    let (root, now) = (ring[0], [ring[0], ring[1], ring[2], late]);
    let mut answered = Vec::new();
    let mut held = None;
    while let Some(output) = node.poll_output() {
        let Output::Send { to, message, .. } = output else { continue };
        let from = now.into_iter().find(|contact| contact.id == to).unwrap();
        match message {
            Message::Join { attempt, .. } => {
                let (rows, leaf, session) = (Bounded::new(), leaf_of(root, &ring), u32::MAX);
                let reply = Message::JoinReply { attempt, rows, leaf, session };
                hears(&mut node, Time::ZERO, root, reply);
            }
            Message::Probe { token, .. } if from == late => held = Some(token),
            Message::Probe { token, .. } => {
                // Only one has noticed since that somebody else came.
                let known = if from == ring[1] { &now[..] } else { &ring[..] };
                let leaf = leaf_of(from, known);
                hears(&mut node, Time::ZERO, from, Message::ProbeReply { token, leaf });
                answered.push(from);
            }
            _ => {}
        }
    }
    answered.sort_unstable();
    answered.dedup();
    assert_eq!(answered.len(), 3, "everybody whom the answer named has spoken");
    assert!(!node.is_ready(), "one who was named later has not");
    let (token, leaf) = (held.expect("it is asked"), leaf_of(late, &ring));
    hears(&mut node, Time::ZERO, late, Message::ProbeReply { token, leaf });
    node.handle(Time::ZERO, Input::LinkUp { peer: late });
    assert!(node.is_ready());
    assert_eq!(node.leaf_set().1.first(), Some(&late));
}

#[test]
fn a_linked_peer_that_is_named_while_it_is_asked_is_waited_for() {
    let (mut node, ring, late) = joining();
    let (root, now) = (ring[0], [ring[0], ring[1], ring[2], late]);
    // Its link opens while the root is asked: the question that every link begins with is under way.
    node.handle(Time::ZERO, Input::LinkUp { peer: late });
    let (mut held, mut named) = (Vec::new(), false);
    while let Some(output) = node.poll_output() {
        let Output::Send { to, message, .. } = output else { continue };
        let from = now.into_iter().find(|contact| contact.id == to).unwrap();
        match message {
            Message::Join { attempt, .. } => {
                let (rows, leaf, session) = (Bounded::new(), leaf_of(root, &ring), u32::MAX);
                let reply = Message::JoinReply { attempt, rows, leaf, session };
                hears(&mut node, Time::ZERO, root, reply);
            }
            Message::Probe { token, .. } | Message::Ping { token } if from == late => {
                held.push(token);
            }
            Message::Probe { token, .. } => {
                named = true;
                let leaf = leaf_of(from, &now);
                hears(&mut node, Time::ZERO, from, Message::ProbeReply { token, leaf });
            }
            Message::Ping { token } => {
                hears(&mut node, Time::ZERO, from, Message::Pong { token, ready: true });
            }
            _ => {}
        }
    }
    assert!(named && !held.is_empty(), "it is named, and asked");
    assert!(!node.is_ready(), "it has not answered");
    for token in held {
        let leaf = leaf_of(late, &ring);
        hears(&mut node, Time::ZERO, late, Message::ProbeReply { token, leaf });
    }
    assert!(node.is_ready());
    assert_eq!(node.leaf_set().1.first(), Some(&late));
}

/// Nothing is heard of a peer that stands still while its link looks open, until somebody misses an
/// answer from it.
#[test]
fn a_peer_that_the_application_doubts_is_asked_and_routed_around() {
    let mut world = World::ring(9, 60, 64);
    world.run(20 * SECOND);
    let near = |world: &World, id: NodeId| {
        let (left, right) = world.hosts[&id].overlay.leaf_set();
        left.iter().chain(right).map(|contact| contact.id).collect::<Vec<_>>()
    };
    let is_way = |(peer, doubter): &(NodeId, NodeId)| {
        world.hosts[doubter].overlay.next_hop(*peer) == Some(NextHop::Hop(*peer))
    };
    let mut apart = world.links().into_iter().filter(|(a, b)| !near(&world, *a).contains(b));
    let (peer, doubter) = apart.find(is_way).unwrap();
    world.kill(peer, false);
    world.run(SECOND);
    assert_eq!(world.hosts[&doubter].overlay.next_hop(peer), Some(NextHop::Hop(peer)));
    world.input(doubter, Input::Doubt { peer });
    let hop = world.hosts[&doubter].overlay.next_hop(peer);
    assert!(hop.is_some() && hop != Some(NextHop::Hop(peer)), "by another at once: {hop:?}");
    // One that answers is believed.
    let other = world.peers_of(doubter).into_iter().find(|other| *other != peer).unwrap();
    world.input(doubter, Input::Doubt { peer: other });
    world.run(5 * SECOND);
    let is_linked = |id| world.hosts[&doubter].overlay.links().any(|link| link.id == id);
    assert!(is_linked(other) && !is_linked(peer));
    assert_eq!(world.hosts[&doubter].overlay.next_hop(other), Some(NextHop::Hop(other)));
}
