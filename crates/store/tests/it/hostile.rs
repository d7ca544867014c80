//! Strangers: what they say changes nothing and costs little (hostile.md).

use base::{Bounded, Digest, Duration, Key, NodeId, Rng, Time};
use bytes::Bytes;
use proptest::prelude::*;
use store::{Config, Event, Input, Neighbour, Output, Store};
use wire::limits::PAYLOAD_BYTES_MAX;
use wire::store::{Holding, Message, Name, Offered, RefuseReason, Version};

use crate::union::{Union, entry, record};
use crate::world::{HOUR, SECOND, World, blob};

fn offered(digest: Digest, bytes: u32) -> Offered {
    Offered { version: Version::Blob(digest), bytes, lifetime: 3600 }
}

fn misbehaved(world: &World, peer: NodeId) -> usize {
    let by = |event: &Event| matches!(event, Event::Misbehaved { peer: by, .. } if *by == peer);
    world.events.iter().filter(|(_, _, event)| by(event)).count()
}

#[test]
fn a_corrupted_blob_is_refused_and_fetched_from_another() {
    let mut world = World::ring(40, 20);
    let bytes = blob(&mut world.rng, 1000);
    let digest = Digest::of(&[&bytes]);
    let name = Name::Blob(digest);
    let at = world.pick();
    world.put(at, &bytes, HOUR);
    world.run(10 * SECOND);
    // The joiner is offered the value by a liar before anybody else can.
    let joiner = NodeId::new(name.key().value().wrapping_add(1));
    let liar = world.ids().into_iter().find(|id| !world.holders(&name).contains(id)).unwrap();
    world.join(joiner);
    world.run(SECOND / 2);
    let items = Bounded::truncating([offered(digest, 1000)]);
    world.input(joiner, Input::Received { from: liar, message: Message::Offer(items) });
    let blob = Bytes::from(vec![0; 1000]);
    world.input(joiner, Input::Received { from: liar, message: Message::Blob { digest, blob } });
    assert_eq!(misbehaved(&world, liar), 1);
    assert!(!world.holders(&name).contains(&joiner));
    assert!(world.run_until(60 * SECOND, |world| world.holders(&name).contains(&joiner)));
    assert_eq!(world.hosts[&joiner].store.value(&name), Some(&bytes));
}

#[test]
fn impossible_news_changes_nothing() {
    let mut world = World::ring(41, 20);
    let key = Key::new(world.rng.next_u128());
    let (at, liar) = (world.pick(), NodeId::new(666));
    world.input(at, Input::Merge { key, delta: record(0..10), lifetime: HOUR });
    world.run(10 * SECOND);
    let unsorted: Bytes = [entry(9, 1), entry(3, 1)].concat().into();
    let bad = [Bytes::new(), Bytes::from_static(b"short"), unsorted, vec![9; 61 * 1024].into()];
    let holders = world.closest(key, 5);
    let events = world.events.len();
    for delta in bad {
        let message = Message::News { ticket: 1, key, lifetime: 9, delta };
        for id in holders.clone() {
            world.input(id, Input::Received { from: liar, message: message.clone() });
        }
        world.input(holders[0], Input::Delivered { key, from: liar, message });
    }
    assert_eq!(misbehaved(&world, liar), 4 * 6);
    world.run(60 * SECOND);
    for id in holders {
        let held = world.hosts[&id].store.value(&Name::Record(key));
        assert_eq!(held, Some(&record(0..10)));
    }
    let changed = |event: &Event| matches!(event, Event::Record { .. });
    assert!(!world.events[events..].iter().any(|(_, _, event)| changed(event)));
}

/// A store with neighbours all round, and a stranger far away.
fn lone() -> (Store<Union>, NodeId) {
    let mut store = Store::new(Config::default(), Union, NodeId::new(1 << 100), 1, Time::ZERO);
    let near = |at: u128| Neighbour::from(NodeId::new((1 << 100) + (at << 90)));
    let far = |at: u128| Neighbour::from(NodeId::new((1 << 100) - (at << 90)));
    let (left, right) = ((1..=8).map(far).collect(), (1..=8).map(near).collect());
    store.handle(Time::ZERO, Input::Neighbours { left, right });
    store.handle(Time::ZERO, Input::Ready(true));
    (store, NodeId::new(u128::MAX))
}

fn drain(store: &mut Store<Union>) -> Vec<Output> {
    core::iter::from_fn(|| store.poll_output()).collect()
}

fn near_digest(number: u64) -> Digest {
    let mut digest = [0; 32];
    digest[..16].copy_from_slice(&(1u128 << 100).to_be_bytes());
    digest[16..24].copy_from_slice(&number.to_be_bytes());
    Digest(digest)
}

#[test]
fn a_flood_of_offers_is_bounded() {
    let (mut store, stranger) = lone();
    let mut asked = 0;
    for number in 0..2000 {
        let message = Message::Put(offered(near_digest(number), 800 * 1024));
        let key = Name::Blob(near_digest(number)).key();
        store.handle(Time::ZERO, Input::Delivered { key, from: stranger, message });
        let outputs = drain(&mut store);
        asked += outputs.iter().filter(|output| matches!(output, Output::Load(_))).count();
    }
    assert!(asked <= 8, "{asked} fetches at once");
    assert_eq!(store.held_bytes(), 0);
    // 64 MiB of promised room for one stranger.
    assert!(store.counters().refused >= 2000 - 82, "{:?}", store.counters());
    let message = Message::Put(offered(near_digest(0), u32::MAX));
    let key = Name::Blob(near_digest(0)).key();
    store.handle(Time::ZERO, Input::Delivered { key, from: stranger, message });
    assert_eq!(store.counters().misbehaved, 1);
}

#[test]
fn a_short_question_does_not_buy_endless_answers() {
    let (mut store, stranger) = lone();
    let bytes = Bytes::from(vec![5; PAYLOAD_BYTES_MAX]);
    let name = Name::Blob(Digest::of(&[&bytes]));
    store.handle(Time::ZERO, Input::Cache(bytes));
    for _ in 0..1000 {
        store.handle(Time::ZERO, Input::Received { from: stranger, message: Message::Fetch(name) });
    }
    let sent = store.counters().sent_bytes;
    assert!(sent <= Config::default().served_bytes_max, "{sent}");
    assert!(sent > 0);
    drain(&mut store);
    store.handle(
        Time::ZERO + SECOND * 5,
        Input::Received { from: stranger, message: Message::Fetch(name) },
    );
    assert!(store.counters().sent_bytes > sent, "it may ask again later");
}

#[test]
fn acknowledgements_of_strangers_drop_no_copy() {
    let mut world = World::ring(42, 30);
    let (at, bytes) = (world.pick(), blob(&mut world.rng, 1000));
    let name = world.put(at, &bytes, HOUR);
    world.run(60 * SECOND);
    let before = world.holders(&name);
    let Name::Blob(digest) = name else { panic!("a blob") };
    let version = Version::Blob(digest);
    let holding = Holding { version, copies: 200, complete: true };
    for liar in [NodeId::new(1), NodeId::new(2), NodeId::new(3)] {
        for id in world.ids() {
            let names = Bounded::truncating([name]);
            for message in [
                Message::Have(Bounded::truncating([holding])),
                Message::Refuse { names, reason: RefuseReason::Full },
                Message::Absent { name, holders: Bounded::truncating([liar]) },
            ] {
                world.input(id, Input::Received { from: liar, message });
            }
        }
    }
    world.run(120 * SECOND);
    assert_eq!(world.holders(&name), before);
}

fn message() -> impl Strategy<Value = Message> {
    let digest = || (0u64..4).prop_map(near_digest);
    let key = || (0u128..4).prop_map(|at| Key::new((1 << 100) + at));
    let version = prop_oneof![
        digest().prop_map(Version::Blob),
        (key(), digest()).prop_map(|(key, digest)| Version::Record(key, digest)),
    ];
    let name = || prop_oneof![digest().prop_map(Name::Blob), key().prop_map(Name::Record)];
    let item = (version.clone(), any::<u32>(), any::<u32>())
        .prop_map(|(version, bytes, lifetime)| Offered { version, bytes, lifetime });
    let holding = (version, any::<u8>(), any::<bool>())
        .prop_map(|(version, copies, complete)| Holding { version, copies, complete });
    let bytes = || proptest::collection::vec(any::<u8>(), 0..120).prop_map(Bytes::from);
    let node = any::<u128>().prop_map(NodeId::new);
    prop_oneof![
        item.clone().prop_map(Message::Put),
        proptest::collection::vec(item, 0..5)
            .prop_map(|items| Message::Offer(Bounded::truncating(items))),
        proptest::collection::vec(holding, 0..5)
            .prop_map(|items| Message::Have(Bounded::truncating(items))),
        name().prop_map(|name| Message::Refuse {
            names: Bounded::truncating([name]),
            reason: RefuseReason::NotMine,
        }),
        name().prop_map(Message::Fetch),
        (digest(), bytes()).prop_map(|(digest, blob)| Message::Blob { digest, blob }),
        (name(), proptest::collection::vec(node, 0..5)).prop_map(|(name, holders)| {
            Message::Absent { name, holders: Bounded::truncating(holders) }
        }),
        (key(), proptest::collection::vec(digest(), 0..5)).prop_map(|(key, pieces)| {
            Message::Outline { key, pieces: Bounded::truncating(pieces) }
        }),
        (key(), proptest::collection::vec(digest(), 0..5)).prop_map(|(key, pieces)| {
            Message::FetchPieces { key, pieces: Bounded::truncating(pieces) }
        }),
        (key(), bytes()).prop_map(|(key, piece)| Message::Piece { key, piece }),
        (any::<u64>(), key(), any::<u32>(), bytes()).prop_map(|(ticket, key, lifetime, delta)| {
            Message::News { ticket, key, lifetime, delta }
        }),
        (any::<u64>(), any::<u8>()).prop_map(|(ticket, copies)| Message::Took { ticket, copies }),
    ]
}

proptest! {
    #[test]
    fn every_message_has_one_form_on_the_wire(message in message()) {
        let frame = wire::Frame::Store(message.clone());
        let bytes = frame.encode();
        prop_assert_eq!(wire::Frame::decode(&bytes), Ok(frame));
        for cut in 0..bytes.len() {
            prop_assert!(wire::Frame::decode(&bytes[..cut]).is_err());
        }
        let parcel = wire::Parcel::Store(message);
        prop_assert_eq!(wire::Parcel::decode(&parcel.encode()), Ok(parcel));
    }

    /// Nothing that anybody says makes the store panic, answer without end, or hold what is false.
    #[test]
    fn nonsense_is_survived(seed: u64, messages in proptest::collection::vec(message(), 1..80)) {
        let (mut store, stranger) = lone();
        let mut rng = Rng::new(seed);
        let own = Bytes::from_static(b"mine");
        store.handle(Time::ZERO, Input::Put { blob: own, lifetime: HOUR });
        let mut now = Time::ZERO;
        for message in messages {
            let from = if rng.chance(0.5) { stranger } else { NodeId::new((1 << 100) + (1 << 90)) };
            let key = match &message {
                Message::Put(item) => item.version.name().key(),
                Message::Fetch(name) => name.key(),
                _ => Key::new((1 << 100) + 1),
            };
            let input = match rng.chance(0.3) {
                true => Input::Delivered { key, from, message },
                false => Input::Received { from, message },
            };
            now = now + Duration::from_millis(rng.below(900));
            store.handle(now, input);
            for output in drain(&mut store) {
                if let Output::Load(name) = output {
                    store.handle(now, Input::Loaded { name, value: None });
                }
                if let Output::Keep { name: Name::Blob(digest), value, .. } = output {
                    prop_assert_eq!(Digest::of(&[&value]), digest);
                }
            }
            drain(&mut store);
            if store.poll_timeout().is_some_and(|(at, _)| at <= now) {
                store.handle(now, Input::Timeout);
                drain(&mut store);
                prop_assert!(store.poll_timeout().is_none_or(|(at, _)| at > now), "it never rests");
            }
        }
    }
}
