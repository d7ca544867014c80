//! Strangers' nonsense: bounded, counted, and of no consequence for others.

use base::{Bounded, Key, NodeId};
use bytes::Bytes;
use groups::{Event, GROUPS_MAX, Groups, Input, Output, Way};
use proptest::prelude::*;
use wire::groups::{CastId, Head, Message, Stream, Walk, WalkId};

use crate::trees::{GROUP, grown};
use crate::world::{World, secs};

fn body() -> Bytes {
    Bytes::from_static(b"body")
}

fn cast(number: u64) -> CastId {
    CastId { stream: Stream { origin: NodeId::new(77), nonce: 1 }, number }
}

#[test]
fn a_stranger_cannot_fill_the_table_of_groups() {
    let mut world = World::new(1, 30);
    for number in 0..1000 {
        let heads = Bounded::new();
        let message = Message::Join { group: Key::new(number << 100), heads };
        let from = world.hosts[1].id;
        world.input(0, Input::Received { from, message });
        let held = world.hosts[0].groups.groups().count();
        assert!(held <= 64, "{held}");
    }
    world.join(0, GROUP);
    world.grow(secs(10), GROUP);
    // Nobody stays in them: whoever asked says no more, and the places become idle.
    world.run_for(secs(60));
    assert_eq!(world.hosts[0].groups.groups().collect::<Vec<_>>(), [GROUP]);
}

#[test]
fn many_strangers_leave_room_for_own_memberships() {
    let mut world = World::new(1, 30);
    for number in 0..2000u128 {
        let message = Message::Join { group: Key::new(number << 100), heads: Bounded::new() };
        let from = world.hosts[1 + usize::try_from(number % 29).unwrap()].id;
        world.input(0, Input::Received { from, message });
    }
    for number in 0..64 {
        world.join(0, Key::new(u128::MAX - number));
    }
    let refused = |event: &Event| matches!(event, Event::Refused { .. });
    assert!(!world.hosts[0].events.iter().any(refused));
    assert_eq!(world.hosts[0].groups.groups().count(), GROUPS_MAX);
}

#[test]
fn a_group_too_many_is_refused_and_says_so() {
    let mut world = World::new(2, 2);
    for number in 0..=GROUPS_MAX as u128 {
        world.join(0, Key::new(number << 64));
    }
    let refused = |event: &&Event| matches!(event, Event::Refused { .. });
    assert_eq!(world.hosts[0].events.iter().filter(refused).count(), 1);
    assert_eq!(world.hosts[0].groups.groups().count(), GROUPS_MAX);
}

#[test]
fn a_multicast_from_no_neighbour_is_not_taken() {
    let mut world = World::new(3, 60);
    let members = world.some(20);
    grown(&mut world, &members);
    let stranger = world.living().find(|node| world.hosts[*node].groups.place(GROUP).is_none());
    let stranger = stranger.unwrap();
    for node in &members {
        let message = Message::Cast { group: GROUP, cast: cast(1), body: body() };
        let to = world.hosts[*node].id;
        world.post(stranger, to, message);
    }
    world.run_for(secs(5));
    assert!(members.iter().all(|node| world.hosts[*node].got.is_empty()));
}

#[test]
fn invented_streams_and_numbers_keep_nobody_busy_for_long() {
    let mut world = World::new(4, 60);
    let members = world.some(20);
    grown(&mut world, &members);
    // A child of the root that claims far more than there is.
    let child = *members.iter().find(|node| world.climb(**node, GROUP) == Some(1)).unwrap();
    let root = world.root(GROUP);
    for round in 0..20 {
        let heads = (0..256u64).map(|nonce| {
            let stream = Stream { origin: NodeId::new(nonce.into()), nonce: round };
            Head { stream, newest: if nonce % 2 == 0 { 64 } else { u64::MAX } }
        });
        let heads = Bounded::truncating(heads);
        world.post(child, root, Message::Stay { group: GROUP, heads });
    }
    world.run_for(secs(90));
    let before = world.sent.control;
    world.run_for(secs(20));
    let beats = world.sent.control - before;
    assert!(beats < 20 * 20 * 2, "{beats}: signs of life, and no more");
    world.multicast(members[3], GROUP, body());
    world.run_for(secs(3));
    assert!(world.all_got(&members, GROUP, members[3], &body()));
}

#[test]
fn an_acceptance_counts_for_whoever_said_it_and_once() {
    let mut world = World::new(5, 60);
    let members = world.some(20);
    grown(&mut world, &members);
    let sender = members[0];
    let walk = world.anycast(sender, GROUP, 2);
    for _ in 0..3 {
        let from = world.hosts[members[1]].id;
        world.input(sender, Input::Received { from, message: Message::Accepted { walk } });
    }
    assert_eq!(world.ended(sender, walk), None, "one is not two");
    world.run_for(secs(30));
    assert_eq!(world.ended(sender, walk), Some(1));
    let other = WalkId { origin: world.hosts[sender].id, number: walk.number ^ 1 };
    let from = world.hosts[members[2]].id;
    let before = world.hosts[sender].events.len();
    world.input(sender, Input::Received { from, message: Message::Accepted { walk: other } });
    assert_eq!(world.hosts[sender].events.len(), before);
}

#[test]
fn a_path_through_the_child_itself_is_no_way_up() {
    let mut world = World::new(6, 60);
    let members = world.some(20);
    grown(&mut world, &members);
    let node = *members.iter().find(|node| world.climb(**node, GROUP) == Some(2)).unwrap();
    let me = world.hosts[node].id;
    let parent = world.hosts[node].groups.place(GROUP).unwrap().parent.unwrap();
    let path = Bounded::truncating([me, parent]);
    let message = Message::Beat { group: GROUP, path, heads: Bounded::new() };
    world.input(node, Input::Received { from: parent, message });
    assert_ne!(world.hosts[node].groups.place(GROUP).unwrap().parent, Some(parent));
    world.grow(secs(10), GROUP);
}

/// One of everything, about a few groups and nodes.
fn message() -> impl Strategy<Value = Message> {
    let id = || (0u128..6).prop_map(|value| NodeId::new(value << 120));
    let group = || (0u128..3).prop_map(|value| Key::new(value << 121));
    let ids = || proptest::collection::vec(id(), 0..6);
    let number = || prop_oneof![0u64..70, Just(u64::MAX)];
    let stream = move || (id(), 0u64..2).prop_map(|(origin, nonce)| Stream { origin, nonce });
    let cast = move || (stream(), number()).prop_map(|(stream, number)| CastId { stream, number });
    let head = (stream(), number()).prop_map(|(stream, newest)| Head { stream, newest });
    let heads = proptest::collection::vec(head, 0..4);
    let place = (group(), ids(), heads, 0u8..7).prop_map(|(group, ids, heads, kind)| {
        let (path, heads) = (Bounded::truncating(ids.clone()), Bounded::truncating(heads));
        match kind {
            0 => Message::Join { group, heads },
            1 => Message::Joined { group, path, heads },
            2 => Message::Below { group, children: Bounded::truncating(ids) },
            3 => Message::Refused { group },
            4 => Message::Beat { group, path, heads },
            5 => Message::Stay { group, heads },
            _ => Message::Leave { group },
        }
    });
    let data =
        (group(), cast(), 0u8..40, 0u8..3).prop_map(|(group, cast, hops, kind)| match kind {
            0 => Message::Enter { group, cast, hops, body: body() },
            1 => Message::Cast { group, cast, body: body() },
            _ => {
                let numbers = Bounded::truncating([cast.number, 1, 2]);
                Message::Want { group, stream: cast.stream, numbers }
            }
        });
    let walk_id = move || (id(), 0u64..3).prop_map(|(origin, number)| WalkId { origin, number });
    let walk = (walk_id(), group(), (0u8..3, 0u32..40, 0u16..3), ids(), ids(), id()).prop_map(
        |(walk, group, (attempt, hops, wanted), stops, visited, up)| {
            Message::Walk(Walk {
                walk,
                group,
                attempt,
                hops,
                wanted,
                accepted: 0,
                is_torn: false,
                stops: Bounded::truncating(stops),
                up: Some(up),
                visited: Bounded::truncating(visited),
                spared: Bounded::new(),
                body: body(),
            })
        },
    );
    let word = (walk_id(), 0u8..3, 0u8..4).prop_map(|(walk, attempt, kind)| match kind {
        0 => Message::WalkAck { walk, attempt, hops: 1 },
        1 => Message::Walking { walk, attempt },
        2 => Message::Accepted { walk },
        _ => Message::Ended { walk, attempt, accepted: 1, is_torn: false },
    });
    prop_oneof![4 => place, 3 => data, 2 => walk, 1 => word]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn every_message_has_one_form(message in message()) {
        let frame = wire::Frame::Group(message);
        let bytes = frame.encode();
        for end in 0..bytes.len() {
            prop_assert!(wire::Frame::decode(&bytes[..end]).is_err());
        }
        prop_assert_eq!(wire::Frame::decode(&bytes), Ok(frame));
    }

    /// Whatever arrives, in whatever order: no panic, no message to itself, nothing delivered twice,
    /// bounds kept; and when all is silent, what is left is this node's own.
    #[test]
    fn nonsense_leaves_nothing_behind(
        steps in proptest::collection::vec((message(), 0u128..6, 0u8..8, 0u64..3000), 1..120),
    ) {
        let me = NodeId::new(0);
        let own = Key::new(1 << 121);
        let mut now = base::Time::from_millis(1);
        let mut groups = Groups::new(groups::Config::default(), me, 7, now);
        groups.handle(now, Input::Join { group: own });
        let mut run = |now: base::Time, input: Input| {
            groups.handle(now, input);
            let (mut ways, mut nearest) = (Vec::new(), Vec::new());
            while let Some(output) = groups.poll_output() {
                match output {
                    Output::AskWay { group } => ways.push(group),
                    Output::AskNearest { group, peers } => nearest.push((group, peers[0])),
                    Output::Send { to, .. } => assert_ne!(to, me),
                    Output::Publish { to, .. } => assert!(!to.contains(&me)),
                    _ => {}
                }
            }
            for group in ways {
                let way = match group.value() >> 121 {
                    0 => Way::Root,
                    1 => Way::Hop(NodeId::new(1 << 120)),
                    _ => Way::None,
                };
                groups.handle(now, Input::Way { group, way });
            }
            for (group, peer) in nearest {
                groups.handle(now, Input::Nearest { group, peer });
            }
            let places: Vec<_> = groups.groups().map(|group| groups.place(group)).collect();
            assert!(places.len() <= 3);
            for place in places.into_iter().flatten() {
                assert!(place.children.len() <= 16);
            }
            groups.poll_timeout().map(|(at, _)| at)
        };
        for (message, from, kind, pause) in steps {
            now = now + base::Duration::from_millis(pause);
            let peer = NodeId::new(from << 120);
            run(now, match kind {
                0 => Input::LinkUp { peer },
                1 => Input::LinkDown { peer },
                2 => Input::Timeout,
                _ => Input::Received { from: peer, message },
            });
        }
        let end = now + secs(300);
        while let Some(at) = run(now, Input::Timeout).filter(|at| *at < end) {
            prop_assert!(at > now, "woken in vain");
            now = at;
        }
        prop_assert_eq!(groups.groups().collect::<Vec<_>>(), [own]);
        prop_assert!(groups.place(own).unwrap().children.is_empty());
        prop_assert_eq!(groups.kept_bytes(), 0);
    }
}
