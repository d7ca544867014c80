//! The routing rule on a node that knows what the test tells it.

use super::*;
use crate::{Config, Input, Output};
use base::Time;
use proptest::prelude::*;
use std::vec::Vec;
use wire::overlay::{Beat, Contact, LeafState, Message};

const ME: u128 = 0x5000_0000_0000_0000_0000_0000_0000_0000;

fn contact(id: u128) -> Contact {
    Contact { id: NodeId::new(id), epoch: 1 }
}

fn tell(overlay: &mut Overlay, from: Contact, ready: bool) {
    let leaf = LeafState { ready, ..LeafState::default() };
    let message = Message::Probe { token: 1, leaf };
    overlay.handle(Time::ZERO, Input::Received { from, via: None, message });
    let beat = Beat { period: 60_000, lease: 60_000, busy: false };
    let message = Message::Heartbeat(beat);
    overlay.handle(Time::ZERO, Input::Received { from, via: None, message });
}

/// A ready node that heard from all of `known` and is linked with all of `linked`.
fn node(known: &[u128], linked: &[u128]) -> Overlay {
    node_over(crate::Reach::Links, known, linked)
}

fn node_over(reach: crate::Reach, known: &[u128], linked: &[u128]) -> Overlay {
    let config = Config { reach, links_max: 256, ..Config::default() };
    let mut overlay = Overlay::new(config, contact(ME), 1, Time::ZERO);
    overlay.handle(Time::ZERO, Input::Found);
    for id in linked.iter().filter(|id| **id != ME) {
        overlay.handle(Time::ZERO, Input::LinkUp { peer: contact(*id) });
    }
    for id in known.iter().chain(linked) {
        tell(&mut overlay, contact(*id), true);
    }
    while overlay.poll_output().is_some() {}
    overlay
}

fn way(key: u128, target: Target) -> Way<'static> {
    Way::new(Key::new(key), target)
}

#[test]
fn a_node_alone_is_every_root() {
    let overlay = node(&[], &[]);
    assert_eq!(overlay.step(&way(7, Target::Root)), Step::Here);
    assert_eq!(overlay.step(&way(ME, Target::Node)), Step::Here);
    assert_eq!(overlay.step(&way(7, Target::Node)), Step::Nowhere);
}

#[test]
fn datagrams_cross_the_border_of_a_column_at_once_and_links_never_go_back() {
    // The key is just below this node's column, and the one known there is far below.
    let (key, entry) = (ME - (1 << 100), 0x41 << 120);
    let beside = (1..=8).flat_map(|step| [ME - step, ME + step]);
    let known: Vec<u128> = [entry].into_iter().chain(beside).collect();
    let moves = Way { moves: true, ..way(key, Target::Root) };
    let last = Step::Hop(NodeId::new(ME - 8), None);
    let datagrams = node_over(crate::Reach::Direct, &known, &[]);
    assert_eq!(datagrams.step(&moves), Step::Hop(NodeId::new(entry), None));
    assert_eq!(datagrams.step(&way(key, Target::Root)), last, "where it may go round");
    assert_eq!(node(&[], &known).step(&moves), last);
}

#[test]
fn a_message_to_any_of_five_goes_to_the_nearest_that_is_likely_to_be_one() {
    let linked: Vec<u128> = (1..=8).flat_map(|step| [ME - step * 100, ME + step * 100]).collect();
    let mut overlay = node(&[], &linked);
    for id in &linked {
        overlay.peers.measure(NodeId::new(*id), if *id == ME + 200 { 5 } else { 50 });
    }
    let among = way(ME + 150, Target::Replica(5));
    assert_eq!(overlay.step(&among), Step::Here, "this node is the third closest");
    let beside = way(ME + 350, Target::Replica(5));
    assert_eq!(overlay.step(&beside), Step::Hop(NodeId::new(ME + 200), None));
    let tried = [NodeId::new(ME + 200)];
    let next = Step::Hop(NodeId::new(ME + 300), None);
    assert_eq!(
        overlay.step(&Way { tried: &tried, ..beside }),
        next,
        "of those as near, the closest"
    );
    let last = Step::Hop(NodeId::new(ME + 800), None);
    assert_eq!(overlay.step(&way(ME + 850, Target::Replica(1))), last);
    assert_eq!(overlay.step(&way(ME + 1, Target::Replica(1))), Step::Here);
}

#[test]
fn whoever_sees_only_closer_nodes_on_one_side_does_not_claim_to_be_one_of_many() {
    let linked: Vec<u128> = (1..=8).flat_map(|step| [ME - step * 100, ME + step * 100]).collect();
    let overlay = node(&[], &linked);
    // All of one side is closer, and there may be more behind it.
    let step = overlay.step(&way(ME + 500, Target::Replica(200)));
    assert!(matches!(step, Step::Hop(..)), "{step:?}");
}

#[test]
fn a_linked_target_needs_no_route() {
    let overlay = node(&[], &[1, 2]);
    assert_eq!(overlay.step(&way(1, Target::Node)), Step::Hop(NodeId::new(1), None));
    let tried = [NodeId::new(1)];
    let again = Way { tried: &tried, ..way(1, Target::Node) };
    assert_eq!(overlay.step(&again), Step::Hop(NodeId::new(2), None), "another path to it");
    let overlay = node(&[], &[1]);
    assert_eq!(overlay.step(&again), Step::Hop(NodeId::new(1), None), "the last hop has no other");
}

#[test]
fn a_closer_node_without_a_link_is_reached_through_a_relay() {
    let (closer, relay) = (ME + 100, ME - 50);
    let overlay = node(&[closer], &[relay]);
    let relay = NodeId::new(relay);
    assert_eq!(overlay.step(&way(closer, Target::Root)), Step::Hop(relay, Some(relay)));
    let tried = [relay];
    let again = Way { tried: &tried, ..way(closer, Target::Root) };
    assert_eq!(overlay.step(&again), Step::Wait);
}

#[test]
fn a_relay_without_the_link_hands_back() {
    let (closer, from) = (ME + 100, ME - 50);
    let overlay = node(&[closer], &[from, ME - 70]);
    let from = Some(NodeId::new(from));
    let asked = Way { from, relayed: true, ..way(closer, Target::Root) };
    assert_eq!(overlay.step(&asked), Step::Hop(NodeId::new(ME - 50), None));
}

#[test]
fn a_newcomer_is_a_root_to_be_but_no_relay() {
    let mut overlay = node(&[], &[ME + 1000]);
    overlay.handle(Time::ZERO, Input::LinkUp { peer: contact(ME + 400) });
    tell(&mut overlay, contact(ME + 400), false);
    let to_it = overlay.step(&way(ME + 401, Target::Root));
    assert_eq!(to_it, Step::Hop(NodeId::new(ME + 400), None));
    let past_it = overlay.step(&way(ME + 2000, Target::Root));
    assert_eq!(past_it, Step::Hop(NodeId::new(ME + 1000), None));
}

#[test]
fn the_next_hop_is_a_linked_member_or_the_root_itself() {
    let mut overlay = node(&[ME + 100], &[ME + 1000]);
    let next = |overlay: &Overlay, key: u128| overlay.next_hop(Key::new(key));
    assert_eq!(next(&overlay, ME + 2000), Some(NextHop::Hop(NodeId::new(ME + 1000))));
    assert_eq!(next(&overlay, ME), Some(NextHop::Root));
    assert_eq!(next(&overlay, ME + 101), None, "the root is not linked");
    overlay.handle(Time::ZERO, Input::LinkUp { peer: contact(ME + 400) });
    tell(&mut overlay, contact(ME + 400), false);
    assert_eq!(next(&overlay, ME + 401), None, "the root has not joined yet");
    let config = Config::default();
    let outside = Overlay::new(config, contact(ME), 1, Time::ZERO);
    assert_eq!(next(&outside, ME), None);
}

#[test]
fn a_hole_is_asked_for_once_in_five_seconds() {
    let near: Vec<u128> = (1..=8).flat_map(|step| [ME + step, ME - step]).collect();
    let far = 0xa000_0000_0000_0000_0000_0000_0000_0000;
    let mut overlay = node(&[], &[&near[..], &[far]].concat());
    let mut asked = |millis: u64| {
        let (key, body) = (Key::new(far + (1 << 124)), bytes::Bytes::new());
        let (target, class) = (Target::Root, wire::Class::Control);
        let now = Time::from_micros(millis * 1_000);
        overlay.handle(now, Input::Route { key, target, via: None, class, body });
        let said = core::iter::from_fn(|| overlay.poll_output());
        let rows = said.filter(|output| {
            matches!(output, Output::Send { message: Message::RowRequest { row: 0 }, .. })
        });
        rows.count()
    };
    assert_eq!([0, 100, 4_900, 5_000, 5_100].map(&mut asked), [1, 0, 0, 1, 0]);
}

proptest! {
    #[test]
    fn every_hop_is_strictly_closer(
        known in proptest::collection::vec(any::<u128>(), 0..40),
        linked in proptest::collection::vec(any::<u128>(), 0..40),
        key: u128,
    ) {
        let overlay = node(&known, &linked);
        let goal = Key::new(key);
        match overlay.step(&way(key, Target::Root)) {
            Step::Hop(to, None) => {
                prop_assert!(overlay.links.is_open(to));
                prop_assert_eq!(goal.closer(to, overlay.me.id), Ordering::Less);
            }
            Step::Here => {
                let others = known.iter().chain(&linked).copied().map(NodeId::new);
                let closest = goal.closest(others.chain([overlay.me.id]));
                prop_assert_eq!(closest, Some(overlay.me.id));
            }
            Step::Hop(relay, Some(via)) => {
                prop_assert_eq!(relay, via);
                let closer: Vec<_> = linked.iter().filter(|id| {
                    goal.closer(NodeId::new(**id), overlay.me.id) == Ordering::Less
                }).collect();
                prop_assert!(closer.is_empty(), "a link makes progress: {:?}", closer);
            }
            Step::Wait => prop_assert!(linked.iter().all(|id| *id == ME)),
            Step::Nowhere => prop_assert!(false, "a root is always somewhere"),
        }
    }
}
