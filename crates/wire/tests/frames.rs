//! Every frame survives; nothing else is taken (hostile.md W1, W2, W4).

use base::{Bounded, Card, Digest, Key, NodeId, Secret, Signature};
use bytes::Bytes;
use proptest::prelude::*;
use wire::grid::{self, Description, Reason, SignedDescription};
use wire::groups::{self, CastId, Head, Stream, Walk, WalkId};
use wire::overlay::{
    Beat, Contact, LeafState, Message, MessageId, RefuseReason, Routed, Row, Sighting, Target,
};
use wire::store::{self, Holding, Name, Offered, Version};
use wire::{Class, Frame, Hello, Parcel, Sealed, Statement};

fn id(value: u128) -> NodeId {
    NodeId::new(value)
}

fn contact(value: u128) -> Contact {
    Contact { id: id(value), epoch: 3 }
}

fn leaf() -> LeafState {
    LeafState {
        ready: true,
        left: Bounded::truncating((1..=8).map(contact)),
        right: Bounded::truncating((100..=103).map(contact)),
    }
}

fn sighting(value: u128) -> Sighting {
    Sighting { contact: contact(value), rtt: 1_500 }
}

fn rows() -> Bounded<Row, 32> {
    Bounded::truncating([Bounded::truncating((1..=15).map(sighting)), Bounded::new()])
}

fn overlay_messages() -> Vec<Message> {
    let message = MessageId { source: id(9), epoch: 1, number: 300 };
    let routed = Routed {
        id: message,
        key: Key::new(7),
        target: Target::Node,
        via: Some(id(4)),
        hops: 2,
        class: Class::Bulk,
        body: Bytes::from_static(b"body"),
    };
    vec![
        Message::Route(routed),
        Message::RouteAck(message),
        Message::Join { joiner: contact(5), attempt: 1, via: id(6), hops: 1, rows: rows() },
        Message::JoinReply { attempt: 1, rows: rows(), leaf: leaf(), session: 3_600 },
        Message::JoinRefused { attempt: 1 },
        Message::Probe { token: 77, leaf: leaf() },
        Message::ProbeReply { token: 77, leaf: leaf() },
        Message::Heartbeat(Beat { period: 2_000, lease: 6_000, busy: true }),
        Message::LeafSet(leaf()),
        Message::RowRequest { row: 3 },
        Message::Row { row: 3, entries: Bounded::truncating([sighting(1)]) },
        Message::Suspect { contact: contact(8), leaf: leaf() },
        Message::LinkRequest { permit: 9 },
        Message::LinkGrant { permit: 9 },
        Message::LinkRefuse { permit: 9, reason: RefuseReason::Full },
        Message::Ping { token: 9 },
        Message::Pong { token: 9, ready: true },
        Message::Measured { rtt: 70_000 },
        Message::StateRequest { rtt: u32::MAX },
        Message::State {
            rtt: 9_000,
            entries: Bounded::truncating([sighting(1), sighting(2)]),
            near: Bounded::truncating([sighting(3)]),
        },
        Message::Leaving(leaf()),
    ]
}

fn description() -> SignedDescription {
    let introducer = Secret::from_seed(&[1; 32]);
    let node = Secret::from_seed(&[2; 32]);
    let voucher = introducer.vouch(node.public(), [3; 16]);
    let creator = Card { public_key: node.public(), voucher, epoch: 1 };
    let params = Bytes::from_static(b"params");
    let description = Description { creator, created: 1, kind: 1, tasks: 48, params };
    let signature = node.sign(&description.signing_bytes());
    SignedDescription { description, signature }
}

fn listing() -> grid::Listing {
    let job = description();
    let tenure = grid::Tenure { epoch: 2, owner: id(1) };
    grid::Listing { job, tenure, done: 7, cancelled: None }
}

fn grid_messages() -> Vec<grid::Message> {
    let job = Key::new(1 << 100);
    let tasks = || Bounded::truncating([0, 5, 47]);
    let payload = Bytes::from(vec![7; 1000]);
    let digest = Digest::of(&[&payload]);
    let done = grid::Done { round: 0, digest, worker: id(2) };
    vec![
        grid::Message::Invite { job, owner: id(1) },
        grid::Message::Enlist { job, slots: 4 },
        grid::Message::Welcome {
            job: description(),
            epoch: 1,
            done: Bytes::from_static(&[0b101, 0]),
        },
        grid::Message::Sorry { job, reason: Reason::new("full") },
        grid::Message::Pull { job, wanted: 2 },
        grid::Message::Lease { job, epoch: 3, tasks: tasks() },
        grid::Message::Extend { job, slots: 4, tasks: tasks() },
        grid::Message::Return { job, tasks: tasks(), failed: true, reason: Reason::new("é…") },
        grid::Message::Commit { job, task: 5, digest },
        grid::Message::Result { job, task: 5, worker: id(2), digest, payload },
        grid::Message::Status { job, epoch: 3, participants: 1_000, done: 7 },
        grid::Message::Fetch { job, tasks: tasks() },
        grid::Message::Known { job, done: Bounded::truncating([(5, done)]) },
        grid::Message::Finished { job, epoch: 3, ending: grid::Ending::Done(Digest([3; 32])) },
        grid::Message::Finished { job, epoch: 3, ending: grid::Ending::Cancelled(None) },
        grid::Message::Finished { job, epoch: 3, ending: grid::Ending::GivenUp },
        grid::Message::Stale { job, tenure: grid::Tenure { epoch: 4, owner: id(1) } },
        grid::Message::Quit { job },
        grid::Message::List { jobs: Bounded::truncating([listing()]) },
        grid::Message::AskPage { ticket: 1 << 60, page: 3 },
        grid::Message::Page {
            ticket: 1 << 60,
            page: 3,
            part: 0,
            parts: 1,
            jobs: Bounded::truncating([listing()]),
        },
        grid::Message::Barred { job, epoch: 3, worker: id(7) },
    ]
}

fn group_messages() -> Vec<groups::Message> {
    let group = Key::new(5 << 100);
    let stream = Stream { origin: id(3), nonce: 1 << 50 };
    let cast = CastId { stream, number: 300 };
    let heads = || Bounded::truncating([Head { stream, newest: 300 }]);
    let path = || Bounded::truncating([id(1), id(2)]);
    let walk = WalkId { origin: id(4), number: 99 };
    let on_its_way = Walk {
        walk,
        group,
        attempt: 1,
        hops: 70_000,
        wanted: 3,
        accepted: 1,
        is_torn: false,
        stops: Bounded::truncating([id(6), id(7)]),
        up: Some(id(8)),
        visited: Bounded::truncating([id(9)]),
        spared: Bounded::truncating([id(10)]),
        body: Bytes::from_static(b"offer"),
    };
    vec![
        groups::Message::Join { group, heads: heads() },
        groups::Message::Joined { group, path: path(), heads: heads() },
        groups::Message::Below { group, children: Bounded::truncating([id(1)]) },
        groups::Message::Refused { group },
        groups::Message::Beat { group, path: path(), heads: heads() },
        groups::Message::Stay { group, heads: heads() },
        groups::Message::Leave { group },
        groups::Message::Enter { group, cast, hops: 2, body: Bytes::from_static(b"body") },
        groups::Message::Cast { group, cast, body: Bytes::from(vec![7; 500]) },
        groups::Message::Want { group, stream, numbers: Bounded::truncating([298, 299]) },
        groups::Message::Walk(on_its_way),
        groups::Message::WalkAck { walk, attempt: 1, hops: 3 },
        groups::Message::Walking { walk, attempt: 1 },
        groups::Message::Accepted { walk },
        groups::Message::Ended { walk, attempt: 2, accepted: 3, is_torn: true },
    ]
}

fn store_messages() -> Vec<store::Message> {
    let (digest, key) = (Digest::of(&[b"blob"]), Key::new(3));
    let name = Name::Record(key);
    let version = Version::Record(key, digest);
    let bytes = Bytes::from(vec![9; 600]);
    let offered = Offered { version, bytes: 600, lifetime: 3600 };
    let other = Offered { version: Version::Blob(digest), ..offered };
    let reason = store::RefuseReason::Full;
    let holders = Bounded::truncating([id(1), id(2)]);
    vec![
        store::Message::Put(other),
        store::Message::Offer(Bounded::truncating([offered, other])),
        store::Message::Have(Bounded::truncating([Holding { version, copies: 5, complete: true }])),
        store::Message::Refuse { names: Bounded::truncating([name]), reason },
        store::Message::Fetch(Name::Blob(digest)),
        store::Message::Blob { digest, blob: bytes.clone() },
        store::Message::Absent { name, holders },
        store::Message::Outline { key, pieces: Bounded::truncating([digest]) },
        store::Message::FetchPieces { key, pieces: Bounded::truncating([digest]) },
        store::Message::Piece { key, piece: bytes.clone() },
        store::Message::News { ticket: 1 << 40, key, lifetime: 60, delta: bytes },
        store::Message::Took { ticket: 1 << 40, copies: 3 },
    ]
}

fn frames() -> Vec<Frame> {
    let hello = Hello { version: base::PROTOCOL_VERSION, epoch: 1 };
    let mut frames = vec![Frame::Hello(hello), Frame::Bye];
    frames.extend(overlay_messages().into_iter().map(Frame::Overlay));
    frames.extend(grid_messages().into_iter().map(Frame::Grid));
    frames.extend(group_messages().into_iter().map(Frame::Group));
    frames.extend(store_messages().into_iter().map(Frame::Store));
    frames
}

#[test]
fn every_frame_survives() {
    for frame in frames() {
        assert_eq!(Frame::decode(&frame.encode()), Ok(frame));
    }
}

#[test]
fn every_parcel_survives() {
    let overlay = overlay_messages().into_iter().map(Parcel::Overlay);
    let grid = grid_messages().into_iter().map(Parcel::Grid);
    let groups = group_messages().into_iter().map(Parcel::Group);
    let store = store_messages().into_iter().map(Parcel::Store);
    let signal = Parcel::Signal(Bytes::from_static(b"offer"));
    for parcel in overlay.chain(grid).chain(groups).chain(store).chain([signal]) {
        assert_eq!(Parcel::decode(&parcel.encode()), Ok(parcel));
    }
}

#[test]
fn every_prefix_and_every_extension_is_refused() {
    for frame in frames() {
        let bytes = frame.encode();
        for length in 0..bytes.len() {
            assert!(Frame::decode(&bytes[..length]).is_err(), "{frame:?} cut at {length}");
        }
        assert!(Frame::decode(&[bytes.as_slice(), &[0]].concat()).is_err(), "{frame:?}");
    }
}

#[test]
fn a_flipped_bit_gives_another_value_or_an_error() {
    for frame in frames() {
        let bytes = frame.encode();
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            if let Ok(other) = Frame::decode(&flipped) {
                assert_ne!(other, frame, "bit {bit}");
                assert_eq!(other.encode(), flipped, "bit {bit}");
            }
        }
    }
}

#[test]
fn absurd_lengths_are_refused() {
    // Kind 2 (grid), message 7 (lease), a job, then a list that claims 2³² − 1 entries.
    let mut claim = vec![2, 7];
    claim.extend([0; 16]);
    claim.extend([0xff, 0xff, 0xff, 0xff, 0x0f, 1, 2, 3]);
    assert!(Frame::decode(&claim).is_err());
    assert!(Frame::decode(&vec![0; wire::limits::MESSAGE_BYTES_MAX + 1]).is_err());
}

#[test]
fn a_long_multicast_is_bulk_and_fits_a_message_even_when_sealed() {
    let cast = CastId { stream: Stream { origin: id(3), nonce: u64::MAX }, number: u64::MAX };
    let message = |length| groups::Message::Cast {
        group: Key::new(1),
        cast,
        body: Bytes::from(vec![0; length]),
    };
    assert_eq!(Frame::Group(message(groups::BULK_BYTES_MIN - 1)).class(), Class::Control);
    assert_eq!(Frame::Group(message(groups::BULK_BYTES_MIN)).class(), Class::Bulk);
    let longest = Parcel::Group(message(groups::BODY_BYTES_MAX));
    let statement = Statement {
        card: description().description.creator,
        key: Key::new(1),
        number: u64::MAX,
        via: Some(id(1)),
        parcel: Bytes::from(longest.encode()),
    };
    let sealed = Sealed { statement, signature: Signature([7; 64]) };
    assert!(base::codec::encode(&sealed).len() <= wire::limits::BODY_BYTES_MAX);
}

#[test]
fn the_largest_lists_of_values_fit_the_control_channel() {
    use wire::limits::CONTROL_BYTES_MAX;
    let digest = Digest::of(&[b"blob"]);
    let version = Version::Record(Key::new(u128::MAX), digest);
    let item = Offered { version, bytes: u32::MAX, lifetime: u32::MAX };
    let holding = Holding { version, copies: 255, complete: true };
    let pieces = Bounded::truncating(vec![digest; store::PIECES_MAX]);
    for message in [
        store::Message::Offer(Bounded::truncating(vec![item; store::ITEMS_MAX])),
        store::Message::Have(Bounded::truncating(vec![holding; store::ITEMS_MAX])),
        store::Message::Outline { key: Key::new(1), pieces },
    ] {
        assert_eq!(message.class(), Class::Control);
        assert!(Frame::Store(message).encode().len() <= CONTROL_BYTES_MAX);
    }
    let delta = Bytes::from(vec![0; store::PIECE_BYTES_MAX]);
    let news = store::Message::News { ticket: 1, key: Key::new(1), lifetime: 1, delta };
    assert_eq!(news.class(), Class::Bulk);
}

#[test]
fn a_job_is_named_after_its_creator_and_its_description() {
    let signed = description();
    let network = Secret::from_seed(&[1; 32]).public().into();
    let job = signed.verify(&network).unwrap();
    let creator = signed.description.creator.id();
    assert_eq!(job.value() >> 64, creator.value() >> 64);
    let mut changed = signed.clone();
    changed.description.tasks = 49;
    assert_ne!(changed.description.job(), job);
    assert!(changed.verify(&network).is_err());
    assert!(signed.verify(&Secret::from_seed(&[5; 32]).public().into()).is_err());
}

proptest! {
    #[test]
    fn garbage_is_refused_or_canonical(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(frame) = Frame::decode(&bytes) {
            prop_assert_eq!(frame.encode(), bytes);
        }
    }
}
