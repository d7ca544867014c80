//! The laws of the lattice, and what a stranger's bytes can do to it.

use super::*;
use crate::grid::Description;
use base::{Card, Secret};
use bytes::Bytes;
use proptest::prelude::*;
use std::vec;
use std::vec::Vec;

const TASKS: u32 = 40;

fn introducer() -> Secret {
    Secret::from_seed(&[1; 32])
}

fn creator() -> Secret {
    Secret::from_seed(&[2; 32])
}

fn signed(tasks: u32, by: &Secret) -> SignedDescription {
    let voucher = introducer().vouch(creator().public(), [3; 16]);
    let card = Card { public_key: creator().public(), voucher, epoch: 1 };
    let params = Bytes::from_static(b"where to look");
    let description = Description { creator: card, created: 7, kind: 1, tasks, params };
    let signature = by.sign(&description.signing_bytes());
    SignedDescription { description, signature }
}

fn record() -> Record {
    Record::new(signed(TASKS, &creator()))
}

fn key() -> JobId {
    record().job.description.job()
}

fn done(round: u8, digest: u8, worker: u128) -> Done {
    Done { round, digest: Digest([digest; 32]), worker: NodeId::new(worker) }
}

fn any_done() -> impl Strategy<Value = Done> {
    (0..2u8, 0..3u8, 0..3u128).prop_map(|(round, digest, worker)| done(round, digest, worker))
}

prop_compose! {
    fn any_record()(
        epoch in 1..4u64,
        owner in 0..3u128,
        is_cancelled in any::<bool>(),
        done in proptest::collection::btree_map(0..TASKS, any_done(), 0..30),
    ) -> Record {
        let cancelled = is_cancelled.then(|| creator().sign(&cancel_bytes(key())));
        Record { tenure: Tenure { epoch, owner: NodeId::new(owner) }, cancelled, done, ..record() }
    }
}

fn join(a: &Record, b: &Record) -> Record {
    let mut joined = a.clone();
    joined.merge(b);
    joined
}

proptest! {
    #[test]
    fn order_grouping_and_repetition_do_not_matter(
        a in any_record(), b in any_record(), c in any_record()
    ) {
        prop_assert_eq!(join(&a, &b), join(&b, &a));
        prop_assert_eq!(join(&join(&a, &b), &c), join(&a, &join(&b, &c)));
        prop_assert_eq!(join(&a, &a), a.clone());
        prop_assert!(!join(&a, &b).merge(&b), "nothing is news twice");
    }

    #[test]
    fn a_delta_is_as_good_as_the_whole(a in any_record(), b in any_record()) {
        let whole = join(&a, &b);
        match b.beyond(&a) {
            Some(delta) => {
                prop_assert!(delta.done.len() <= b.done.len());
                prop_assert_eq!(join(&a, &delta), whole.clone());
            }
            None => prop_assert_eq!(&whole, &a),
        }
        prop_assert_eq!(a.beyond(&whole), None);
    }

    #[test]
    fn pieces_are_bounded_and_make_the_whole(a in any_record(), bytes_max in 0..4000usize) {
        let floor = a.head().encode().len() + ENTRY_BYTES_MAX;
        let mut joined = a.head();
        let mut count = 0;
        for piece in a.pieces(bytes_max) {
            prop_assert!(piece.encode().len() <= bytes_max.max(floor));
            joined.merge(&piece);
            count += 1;
        }
        prop_assert_eq!(joined, a);
        prop_assert!(count >= 1);
    }

    #[test]
    fn holders_agree_in_whatever_order_they_hear(a in any_record(), b in any_record()) {
        let network = introducer().public().into();
        let merge = |held: Option<&[u8]>, news: &Record| merged(key(), held, &news.encode(), &network);
        let (first, _) = merge(None, &a).unwrap();
        let (first, changed) = merge(Some(&first), &b).unwrap();
        prop_assert_eq!(changed, b.beyond(&a).is_some());
        let (second, _) = merge(None, &b).unwrap();
        let (second, _) = merge(Some(&second), &a).unwrap();
        prop_assert_eq!(first, second);
    }

    #[test]
    fn foreign_bytes_are_an_error_or_a_record(mut bytes in any_record().prop_map(|r| r.encode()),
        at in any::<prop::sample::Index>(), bit in 0..8u8, cut in any::<prop::sample::Index>())
    {
        let network = introducer().public().into();
        prop_assert!(Record::open(&bytes[..cut.index(bytes.len())], key(), &network).is_err());
        let place = at.index(bytes.len());
        bytes[place] ^= 1 << bit;
        if let Ok(record) = Record::open(&bytes, key(), &network) {
            prop_assert_eq!(record.encode(), bytes, "one value, one form");
            prop_assert_eq!(record.job, self::record().job, "the description is proved");
        }
    }
}

#[test]
fn only_the_creator_makes_and_cancels() {
    let (network, other) = (introducer().public().into(), Secret::from_seed(&[9; 32]));
    let open = |record: &Record| Record::open(&record.encode(), key(), &network);
    assert!(open(&record()).is_ok());
    let forged = Record { job: signed(TASKS, &other), ..record() };
    assert!(matches!(open(&forged), Err(Invalid::Unproved(_))));
    let right = Record { cancelled: Some(creator().sign(&cancel_bytes(key()))), ..record() };
    assert!(open(&right).is_ok());
    let wrong = Record { cancelled: Some(other.sign(&cancel_bytes(key()))), ..record() };
    assert!(matches!(open(&wrong), Err(Invalid::Unproved(_))));
    let held = record().encode();
    assert!(merged(key(), Some(&held), &wrong.encode(), &network).is_err());
    assert!(merged(key(), Some(&held), &forged.encode(), &network).is_err());
    assert!(merged(key(), None, &forged.encode(), &network).is_err());
    assert!(merged(key(), None, &wrong.encode(), &network).is_err());
    assert!(
        Record::open(&record().encode(), key(), &other.public().into()).is_err(),
        "another network"
    );
    assert!(Record::open(&record().encode(), JobId::new(5), &network).is_err(), "another key");
}

#[test]
fn entries_of_tasks_that_the_job_does_not_have_are_refused() {
    let network = introducer().public().into();
    let mut record = record();
    record.done.insert(TASKS, done(0, 1, 1));
    let bytes = record.encode();
    assert_eq!(Record::open(&bytes, key(), &network), Err(Invalid::OutOfBounds));
    let held = self::record().encode();
    assert_eq!(merged(key(), Some(&held), &bytes, &network), Err(Invalid::OutOfBounds));
}

#[test]
fn the_longest_record_fits_its_limit_and_travels_in_pieces() {
    let job = signed(TASKS_MAX, &creator());
    let mut record = Record::new(job);
    record.tenure = Tenure { epoch: u64::MAX, owner: NodeId::new(u128::MAX) };
    record.cancelled = Some(creator().sign(b"anything as long"));
    let entry = Done { round: 255, digest: Digest([255; 32]), worker: NodeId::new(u128::MAX) };
    record.done = (0..TASKS_MAX).map(|task| (task, entry)).collect();
    let bytes = record.encode();
    assert!(bytes.len() <= RECORD_BYTES_MAX && record.is_complete());
    let pieces: Vec<_> = record.pieces(64 * 1024).map(|piece| piece.encode().len()).collect();
    assert!(pieces.iter().all(|bytes| *bytes <= 64 * 1024));
    std::println!("{} bytes in {} pieces", bytes.len(), pieces.len());
    assert!(vec![bytes.len() / pieces.len()] > vec![60_000], "pieces are full");
}
