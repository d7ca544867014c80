//! Who is told of a death, and who is asked about it, on a node with eight neighbours on each side.

use super::*;
use crate::{Config, Input, Reach};
use base::{Bounded, Duration, Time};

const ME: u128 = 0x5000_0000_0000_0000_0000_0000_0000_0000;

fn contact(offset: i128) -> Contact {
    Contact { id: NodeId::new(ME.wrapping_add_signed(offset)), epoch: 1 }
}

fn at(millis: u64) -> Time {
    Time::ZERO + Duration::from_millis(millis)
}

fn hears(node: &mut Overlay, now: Time, from: Contact, message: Message) {
    node.handle(now, Input::Received { from, via: None, message });
}

/// Members 100 apart.
fn node() -> Overlay {
    let config = Config { reach: Reach::Direct, ..Config::default() };
    let mut node = Overlay::new(config, contact(0), 1, Time::ZERO);
    node.handle(Time::ZERO, Input::Found);
    for step in 1..=8 {
        for from in [contact(-100 * step), contact(100 * step)] {
            let leaf = LeafState { ready: true, ..LeafState::default() };
            hears(&mut node, Time::ZERO, from, Message::Probe { token: 1, leaf });
            node.peers.measure(from.id, 10_000);
        }
    }
    while node.poll_output().is_some() {}
    node
}

/// What is said until `until`, with nobody answering.
fn said(node: &mut Overlay, from: Time, until: Time) -> Vec<(NodeId, Message)> {
    let (mut all, mut now) = (Vec::new(), from);
    while now <= until {
        node.handle(now, Input::Timeout);
        while let Some(output) = node.poll_output() {
            if let Output::Send { to, message, .. } = output {
                all.push((to, message));
            }
        }
        now = now + Duration::from_millis(100);
    }
    all
}

fn told_of(dead: Contact, said: &[(NodeId, Message)]) -> Vec<NodeId> {
    let of =
        |message: &Message| matches!(message, Message::Suspect { contact, .. } if *contact == dead);
    base::in_order(said.iter().filter(|(_, message)| of(message)).map(|(to, _)| *to))
}

#[test]
fn whoever_finds_a_neighbour_dead_tells_everybody_near() {
    let (mut node, dead) = (node(), contact(100));
    node.handle(at(5_000), Input::Doubt { peer: dead.id });
    let told = told_of(dead, &said(&mut node, at(5_000), at(7_500)));
    assert_eq!(told.len(), 15);
}

#[test]
fn whom_the_other_end_has_told_is_not_told_again() {
    let (mut node, dead, other_end) = (node(), contact(100), contact(200));
    let side = |offsets: [i128; 8]| Bounded::truncating(offsets.into_iter().map(contact));
    let left = side([0, -100, -200, -300, -400, -500, -600, -700]);
    let right = side([300, 400, 500, 600, 700, 800, 900, 1_000]);
    let leaf = LeafState { ready: true, left, right };
    hears(&mut node, at(5_000), other_end, Message::Suspect { contact: dead, leaf });
    let told = told_of(dead, &said(&mut node, at(5_000), at(7_500)));
    assert_eq!(told, [contact(-800).id, other_end.id], "the other end waits for a second's word");
}

#[test]
fn a_run_of_silent_neighbours_is_asked_within_two_seconds() {
    let mut node = node();
    node.handle(at(5_000), Input::Doubt { peer: contact(100).id });
    let said = said(&mut node, at(5_000), at(7_000));
    let is_probe = |message: &Message| matches!(message, Message::Probe { .. });
    let asked = |offset| said.iter().any(|(to, of)| *to == contact(offset).id && is_probe(of));
    assert!([200, 300, 400].into_iter().all(asked), "each at the first miss of the one before it");
}

#[test]
fn who_spoke_before_there_was_a_place_is_asked_when_there_is_one() {
    let (mut node, dead, late) = (node(), contact(-100), contact(-900));
    hears(&mut node, at(5_000), late, Message::Ping { token: 1 });
    node.handle(at(5_000), Input::Doubt { peer: dead.id });
    let is_asked = |(to, message): &(NodeId, Message)| {
        *to == late.id && matches!(message, Message::Probe { .. })
    };
    // The left side leaves the first word to the other; it was the dead one's, so at the next beat.
    assert!(said(&mut node, at(5_000), at(10_000)).iter().any(is_asked));
}

#[test]
fn who_is_named_and_spoke_just_now_enters_unasked() {
    let (mut node, dead, heir) = (node(), contact(100), contact(900));
    let leaf = |right: &[i128]| LeafState {
        ready: true,
        left: Bounded::truncating([contact(0)]),
        right: Bounded::truncating(right.iter().copied().map(contact)),
    };
    let announced = Message::Suspect { contact: dead, leaf: leaf(&[300, 400, 900]) };
    hears(&mut node, at(5_000), contact(200), announced);
    let early = said(&mut node, at(5_000), at(6_000));
    // It found out earlier, and asks while the dead one's place is not free here.
    hears(&mut node, at(6_100), heir, Message::Probe { token: 1, leaf: leaf(&[1_000]) });
    let late = said(&mut node, at(6_200), at(9_000));
    let is_asked = |(to, message): &(NodeId, Message)| {
        *to == heir.id && matches!(message, Message::Probe { .. } | Message::Ping { .. })
    };
    assert!(node.leaf.contains(heir.id));
    assert!(!early.iter().chain(&late).any(is_asked));
}
