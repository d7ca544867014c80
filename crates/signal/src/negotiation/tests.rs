//! Two negotiators and a wire between them; then everything that can be wrong with a message.

use std::format;
use std::vec::Vec;

use base::{PublicKey, Secret, Time};
use proptest::prelude::*;

use super::*;

const NOW: Time = Time::from_millis(1_000);
const SERVER: Path = Path::Server(ServerId(0));

struct Side {
    secret: Secret,
    id: NodeId,
    negotiator: Negotiator,
}

fn network(seed: u8) -> Secret {
    Secret::from_seed(&[seed; 32])
}

fn side_of(network: &Secret, seed: u8, epoch: u64) -> Side {
    side_in(network.public().into(), network, seed, epoch)
}

/// A side of a network that `introducer` vouched for.
fn side_in(network: Network, introducer: &Secret, seed: u8, epoch: u64) -> Side {
    let secret = Secret::from_seed(&[seed; 32]);
    let voucher = introducer.vouch(secret.public(), [seed; 16]);
    let card = Card { public_key: secret.public(), voucher, epoch };
    let negotiator = Negotiator::new(network, card, false, u64::from(seed), NOW);
    Side { secret, id: card.id(), negotiator }
}

/// Two sides of one network, the smaller id first.
fn sides() -> (Side, Side) {
    let (a, b) = (side_of(&network(200), 1, 1), side_of(&network(200), 2, 1));
    if a.id < b.id { (a, b) } else { (b, a) }
}

impl Side {
    /// Hands in an input and does what a driver does: describes and signs at once.
    fn handle(&mut self, now: Time, input: Input) -> Vec<Output> {
        self.negotiator.handle(now, input);
        let mut outputs = Vec::new();
        while let Some(output) = self.negotiator.poll_output() {
            let reply = match &output {
                Output::Sign { attempt, bytes } => {
                    Some(Input::Signed { attempt: *attempt, signature: self.secret.sign(bytes) })
                }
                Output::CreateOffer(attempt) | Output::CreateAnswer { attempt, .. } => {
                    let sdp = format!("description {} of {}", attempt.0, self.id);
                    Some(Input::Described { attempt: *attempt, sdp })
                }
                _ => None,
            };
            outputs.push(output);
            if let Some(reply) = reply {
                self.negotiator.handle(now, reply);
            }
        }
        outputs
    }

    fn dial(&mut self, peer: NodeId, permit: u64) -> (Attempt, Bytes) {
        let path = if permit == 0 { SERVER } else { OVERLAY };
        let outputs = self.handle(NOW, Input::Dial { peer, permit, path });
        let Output::CreateOffer(attempt) = outputs[0] else { panic!("{outputs:?}") };
        (attempt, sent(&outputs).expect("an offer"))
    }

    fn expect(&mut self, peer: NodeId, permit: u64) {
        assert!(self.handle(NOW, Input::Expect { peer, permit }).is_empty());
    }

    fn receive(&mut self, from: NodeId, path: Path, payload: &Bytes) -> Vec<Output> {
        self.handle(NOW, Input::Received { from, path, payload: payload.clone() })
    }
}

const OVERLAY: Path = Path::Overlay { via: None };

fn sent(outputs: &[Output]) -> Option<Bytes> {
    outputs.iter().find_map(|output| match output {
        Output::Send { payload, .. } => Some(payload.clone()),
        _ => None,
    })
}

fn answering(outputs: &[Output]) -> Option<Attempt> {
    outputs.iter().find_map(|output| match output {
        Output::CreateAnswer { attempt, .. } => Some(*attempt),
        _ => None,
    })
}

fn applies(outputs: &[Output]) -> bool {
    outputs.iter().any(|output| matches!(output, Output::ApplyAnswer { .. }))
}

fn failure(outputs: &[Output]) -> Option<(NodeId, bool)> {
    outputs.iter().find_map(|output| match output {
        Output::Failed { peer, introduced, .. } => Some((*peer, *introduced)),
        _ => None,
    })
}

fn established(outputs: &[Output]) -> Option<NodeId> {
    outputs.iter().find_map(|output| match output {
        Output::Established { card, .. } => Some(card.id()),
        _ => None,
    })
}

fn is_decline(outputs: &[Output]) -> bool {
    sent(outputs)
        .and_then(|payload| PeerSignal::decode(&payload).ok())
        .is_some_and(|signal| matches!(signal, PeerSignal::Decline { .. }))
}

#[test]
fn two_peers_meet_through_the_server() {
    let (mut a, mut b) = sides();
    b.expect(a.id, 0);
    let (offered, offer) = a.dial(b.id, 0);
    let outputs = b.receive(a.id, SERVER, &offer);
    let answered = answering(&outputs).expect("a peer connection");
    let outputs = a.receive(b.id, SERVER, &sent(&outputs).expect("an answer"));
    assert!(applies(&outputs));
    assert_eq!(established(&a.handle(NOW, Input::Opened(offered))), Some(b.id));
    assert_eq!(established(&b.handle(NOW, Input::Opened(answered))), Some(a.id));
    // The link is the driver's now.
    let broken = Input::Broken { attempt: offered, reason: "closed".to_string() };
    assert!(a.handle(NOW, broken).is_empty());
    assert_eq!((a.negotiator.poll_timeout(), b.negotiator.poll_timeout()), (None, None));
}

#[test]
fn a_permit_opens_the_way_over_the_overlay() {
    let (mut a, mut b) = sides();
    b.expect(a.id, 77);
    let (_, offer) = a.dial(b.id, 77);
    let via = Path::Overlay { via: Some(NodeId::new(9)) };
    let outputs = b.receive(a.id, via, &offer);
    assert!(answering(&outputs).is_some());
    // The answer goes back the way the offer came.
    assert!(
        outputs.iter().any(|output| matches!(output, Output::Send { path, .. } if *path == via))
    );
}

#[test]
fn no_flipped_bit_of_an_offer_costs_a_peer_connection() {
    let (mut a, mut b) = sides();
    b.expect(a.id, 0);
    let (_, offer) = a.dial(b.id, 0);
    for bit in 0..offer.len() * 8 {
        let mut flipped = offer.to_vec();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(answering(&b.receive(a.id, SERVER, &flipped.into())), None, "bit {bit}");
    }
    assert!(answering(&b.receive(a.id, SERVER, &offer)).is_some());
}

#[test]
fn no_flipped_bit_of_an_answer_is_applied() {
    let (mut a, mut b) = sides();
    b.expect(a.id, 0);
    let (_, offer) = a.dial(b.id, 0);
    let answer = sent(&b.receive(a.id, SERVER, &offer)).expect("an answer");
    for bit in 0..answer.len() * 8 {
        let mut flipped = answer.to_vec();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let outputs = a.receive(b.id, SERVER, &flipped.into());
        let untouched = !applies(&outputs) && failure(&outputs).is_none();
        assert!(untouched && answering(&outputs).is_none(), "bit {bit}: {outputs:?}");
    }
    assert!(applies(&a.receive(b.id, SERVER, &answer)));
}

#[test]
fn every_prefix_is_harmless() {
    let (mut a, mut b) = sides();
    b.expect(a.id, 0);
    let (_, offer) = a.dial(b.id, 0);
    for end in 0..offer.len() {
        assert!(b.receive(a.id, SERVER, &offer.slice(..end)).is_empty());
    }
}

/// What is wrong, and whether its author hears of it.
fn check_refused(mut receiver: Side, from: NodeId, path: Path, offer: &Bytes, declined: bool) {
    let outputs = receiver.receive(from, path, offer);
    assert_eq!(answering(&outputs), None, "{outputs:?}");
    assert_eq!(is_decline(&outputs), declined, "{outputs:?}");
}

#[test]
fn an_unexpected_offer_is_declined() {
    let (mut a, b) = sides();
    let (_, offer) = a.dial(b.id, 0);
    check_refused(b, a.id, SERVER, &offer, true);
}

#[test]
fn another_permit_is_declined() {
    let (mut a, mut b) = sides();
    b.expect(a.id, 77);
    let (_, offer) = a.dial(b.id, 78);
    check_refused(b, a.id, OVERLAY, &offer, true);
}

#[test]
fn without_a_permit_only_the_server_introduces() {
    let (mut a, mut b) = sides();
    b.expect(a.id, 0);
    let (_, offer) = a.dial(b.id, 0);
    check_refused(b, a.id, OVERLAY, &offer, true);
}

#[test]
fn an_offer_for_another_receiver_is_ignored() {
    let (mut a, b) = sides();
    let mut c = side_of(&network(200), 3, 1);
    c.expect(a.id, 0);
    let (_, offer) = a.dial(b.id, 0);
    check_refused(c, a.id, SERVER, &offer, false);
}

#[test]
fn another_network_is_ignored() {
    let (_, mut b) = sides();
    let mut stranger = side_of(&network(201), 3, 1);
    b.expect(stranger.id, 0);
    let (_, offer) = stranger.dial(b.id, 0);
    check_refused(b, stranger.id, SERVER, &offer, false);
}

#[test]
fn introducers_of_one_network_stand_for_one_another_and_a_third_does_not() {
    let both = Network::new([200, 201].map(|seed| network(seed).public())).expect("two keys");
    let mut a = side_in(both, &network(200), 1, 1);
    let mut b = side_in(both, &network(201), 2, 1);
    b.expect(a.id, 0);
    let (_, offer) = a.dial(b.id, 0);
    let outputs = b.receive(a.id, SERVER, &offer);
    assert!(answering(&outputs).is_some());
    assert!(applies(&a.receive(b.id, SERVER, &sent(&outputs).expect("an answer"))));
    let mut stranger = side_in(both, &network(202), 3, 1);
    b.expect(stranger.id, 0);
    let (_, offer) = stranger.dial(b.id, 0);
    check_refused(b, stranger.id, SERVER, &offer, false);
}

#[test]
fn an_answer_goes_back_by_the_server_that_brought_the_offer() {
    let (mut a, mut b) = sides();
    b.expect(a.id, 0);
    let (_, offer) = a.dial(b.id, 0);
    let other = Path::Server(ServerId(3));
    let outputs = b.receive(a.id, other, &offer);
    let by = |output: &Output| matches!(output, Output::Send { path, .. } if *path == other);
    assert!(outputs.iter().any(by), "{outputs:?}");
}

#[test]
fn a_foreign_offer_under_anothers_name_is_ignored() {
    let (a, mut b) = sides();
    let mut c = side_of(&network(200), 3, 1);
    b.expect(a.id, 0);
    let (_, offer) = c.dial(b.id, 0);
    check_refused(b, a.id, SERVER, &offer, false);
}

/// hostile.md O1: each of these ids is somebody's who did not write the offer, or nobody's.
#[test]
fn an_id_that_is_not_its_keys_costs_no_peer_connection() {
    let introducer = network(200);
    let (victim, liar) = (side_of(&introducer, 1, 1), side_of(&introducer, 3, 1));
    let (real, own) = (victim.negotiator.card, liar.negotiator.card);
    let mut ground = own;
    ground.voucher.nonce[0] ^= 1;
    let other_key = Card { public_key: own.public_key, ..real };
    // Keys for which everybody has a signature, unless they are refused as keys: a voucher for them
    // is a voucher for anybody.
    let weak = |first: u8| {
        let mut key = PublicKey([0; 32]);
        key.0[0] = first;
        Card { public_key: key, voucher: introducer.vouch(key, [9; 16]), epoch: 1 }
    };
    let neutral = {
        let mut signature = base::Signature([0; 64]);
        signature.0[0] = 1;
        signature
    };
    let nobodys = base::Signature([0; 64]);
    for (what, card, signature) in [
        ("another nonce", ground, None),
        ("the voucher of another key", other_key, None),
        ("another's card, signed with the own key", real, None),
        ("a key of zeros", weak(0), Some(nobodys)),
        ("a key of zeros, a neutral signature", weak(0), Some(neutral)),
        ("a neutral key and signature", weak(1), Some(neutral)),
    ] {
        let mut b = side_of(&introducer, 2, 1);
        b.expect(card.id(), 0);
        let sdp = "description".to_string();
        let bytes = Proposal::signing_bytes(false, &card, b.id, 1, 0, &sdp);
        let signature = signature.unwrap_or_else(|| liar.secret.sign(&bytes));
        let offer = PeerSignal::Offer(Proposal { card, attempt: 1, permit: 0, sdp, signature });
        let outputs = b.receive(card.id(), SERVER, &offer.encode().into());
        assert!(outputs.is_empty(), "{what}: {outputs:?}");
    }
}

#[test]
fn a_replayed_offer_is_ignored() {
    let (mut a, mut b) = sides();
    b.expect(a.id, 0);
    let (_, offer) = a.dial(b.id, 0);
    let outputs = b.receive(a.id, SERVER, &offer);
    // A second copy while the first is under way, and one long after.
    assert!(b.receive(a.id, SERVER, &offer).is_empty());
    b.handle(NOW, Input::Opened(answering(&outputs).expect("a peer connection")));
    b.expect(a.id, 0);
    check_refused(b, a.id, SERVER, &offer, false);
}

#[test]
fn an_offer_of_an_earlier_start_is_ignored() {
    let network = network(200);
    let (mut earlier, mut later) = (side_of(&network, 1, 4), side_of(&network, 1, 5));
    let mut b = side_of(&network, 2, 1);
    let (_, stale) = earlier.dial(b.id, 0);
    let (_, fresh) = later.dial(b.id, 0);
    b.expect(later.id, 0);
    assert!(answering(&b.receive(later.id, SERVER, &fresh)).is_some());
    b.expect(later.id, 0);
    check_refused(b, later.id, SERVER, &stale, false);
}

#[test]
fn an_answer_of_another_peer_is_ignored() {
    let (mut a, b) = sides();
    let c = side_of(&network(200), 3, 1);
    let (attempt, _) = a.dial(b.id, 0);
    // The right number and permit, but signed by someone else.
    let sdp = "description".to_string();
    let card = c.negotiator.card;
    let bytes = Proposal::signing_bytes(true, &card, a.id, attempt.0, 0, &sdp);
    let signature = c.secret.sign(&bytes);
    let answer =
        PeerSignal::Answer(Proposal { card, attempt: attempt.0, permit: 0, sdp, signature });
    let payload: Bytes = answer.encode().into();
    for from in [b.id, c.id] {
        assert!(a.receive(from, SERVER, &payload).is_empty());
    }
}

#[test]
fn a_decline_ends_the_attempt_and_a_forged_one_does_not() {
    let (mut a, mut b) = sides();
    let (attempt, offer) = a.dial(b.id, 0);
    let decline = sent(&b.receive(a.id, SERVER, &offer)).expect("a decline");
    assert!(a.receive(NodeId::new(5), SERVER, &decline).is_empty());
    let outputs = a.receive(b.id, SERVER, &decline);
    assert!(matches!(outputs[0], Output::Close(closed) if closed == attempt));
    assert_eq!(failure(&outputs), Some((b.id, true)));
}

#[test]
fn an_attempt_has_ten_seconds_and_a_late_answer_is_ignored() {
    let (mut a, mut b) = sides();
    b.expect(a.id, 0);
    let (attempt, offer) = a.dial(b.id, 0);
    let answer = sent(&b.receive(a.id, SERVER, &offer)).expect("an answer");
    let deadline = NOW + ATTEMPT_PATIENCE;
    assert_eq!(a.negotiator.poll_timeout(), Some((deadline, Wake::Deadline)));
    assert!(a.handle(NOW, Input::Timeout).is_empty());
    let outputs = a.handle(deadline, Input::Timeout);
    assert!(matches!(outputs[0], Output::Close(closed) if closed == attempt));
    assert_eq!(failure(&outputs), Some((b.id, true)));
    assert!(a.receive(b.id, SERVER, &answer).is_empty());
    assert!(a.handle(deadline, Input::Opened(attempt)).is_empty());
    assert_eq!(failure(&b.handle(deadline, Input::Timeout)), Some((a.id, false)));
    assert_eq!((a.negotiator.poll_timeout(), b.negotiator.poll_timeout()), (None, None));
}

#[test]
fn an_expected_offer_that_does_not_come_is_a_failure() {
    let (a, mut b) = sides();
    b.expect(a.id, 7);
    let outputs = b.handle(NOW + ATTEMPT_PATIENCE, Input::Timeout);
    assert_eq!(failure(&outputs), Some((a.id, false)));
}

#[test]
fn a_visitor_that_takes_another_anchor_is_no_failure() {
    let (a, mut b) = sides();
    b.expect(a.id, 0);
    assert!(b.handle(NOW + ATTEMPT_PATIENCE, Input::Timeout).is_empty());
}

#[test]
fn of_two_crossed_offers_the_smaller_ids_counts() {
    let (mut small, mut large) = sides();
    small.expect(large.id, 0);
    large.expect(small.id, 0);
    let (kept, offer) = small.dial(large.id, 0);
    let (dropped, crossed) = large.dial(small.id, 0);
    assert!(small.receive(large.id, SERVER, &crossed).is_empty());
    let outputs = large.receive(small.id, SERVER, &offer);
    assert!(matches!(outputs[0], Output::Close(closed) if closed == dropped));
    assert_eq!(failure(&outputs), None);
    let answered = answering(&outputs).expect("a peer connection");
    assert!(applies(&small.receive(large.id, SERVER, &sent(&outputs).expect("an answer"))));
    assert_eq!(established(&small.handle(NOW, Input::Opened(kept))), Some(large.id));
    // Both are newcomers to each other.
    assert_eq!(established(&large.handle(NOW, Input::Opened(answered))), Some(small.id));
    // Nothing is left that could fail later.
    assert_eq!((small.negotiator.poll_timeout(), large.negotiator.poll_timeout()), (None, None));
}

#[test]
fn a_dial_joins_the_attempt_under_way() {
    let (mut a, mut b) = sides();
    b.expect(a.id, 5);
    let (_, offer) = a.dial(b.id, 5);
    let attempt = answering(&b.receive(a.id, OVERLAY, &offer)).expect("a peer connection");
    let dial = Input::Dial { peer: a.id, permit: 0, path: SERVER };
    assert!(b.handle(NOW, dial).is_empty());
    assert_eq!(established(&b.handle(NOW, Input::Opened(attempt))), Some(a.id));
}

#[test]
fn an_answerer_without_a_peer_connection_says_so() {
    let (mut a, mut b) = sides();
    b.expect(a.id, 0);
    let (_, offer) = a.dial(b.id, 0);
    // By hand: the driver cannot construct the peer connection.
    let received = Input::Received { from: a.id, path: SERVER, payload: offer };
    b.negotiator.handle(NOW, received);
    let Some(Output::CreateAnswer { attempt, .. }) = b.negotiator.poll_output() else {
        panic!("no answer wanted")
    };
    let reason = "Cannot create so many PeerConnections".to_string();
    let outputs = b.handle(NOW, Input::Broken { attempt, reason });
    assert!(is_decline(&outputs));
    assert_eq!(failure(&outputs), Some((a.id, false)));
    let outputs = a.receive(b.id, SERVER, &sent(&outputs).expect("a decline"));
    assert_eq!(failure(&outputs), Some((b.id, true)));
}

#[test]
fn an_unreachable_peer_fails_at_once() {
    let (mut a, b) = sides();
    a.dial(b.id, 0);
    let outputs = a.handle(NOW, Input::Unreachable { peer: b.id });
    assert_eq!(failure(&outputs), Some((b.id, true)));
}

#[test]
fn attempts_and_expectations_are_bounded() {
    let (mut a, mut b) = sides();
    for peer in 0..u128::from(ATTEMPTS_MAX) {
        a.dial(NodeId::new(1_000 + peer), 1);
    }
    let dial = Input::Dial { peer: b.id, permit: 1, path: OVERLAY };
    assert_eq!(failure(&a.handle(NOW, dial)), Some((b.id, false)));
    a.expect(b.id, 1);
    let (_, offer) = b.dial(a.id, 1);
    let outputs = a.receive(b.id, OVERLAY, &offer);
    assert!(is_decline(&outputs) && answering(&outputs).is_none());
    for peer in 0..u128::from(VISITORS_MAX) {
        b.expect(NodeId::new(1_000 + peer), 0);
    }
    let visitor = Input::Expect { peer: a.id, permit: 0 };
    assert_eq!(failure(&b.handle(NOW, visitor)), Some((a.id, false)));
    b.expect(a.id, 1);
}

#[test]
fn a_node_does_not_dial_itself() {
    let (mut a, _) = sides();
    let dial = Input::Dial { peer: a.id, permit: 0, path: SERVER };
    assert_eq!(failure(&a.handle(NOW, dial)), Some((a.id, true)));
}

#[test]
fn a_long_description_fails_here_not_there() {
    let (mut a, b) = sides();
    a.negotiator.handle(NOW, Input::Dial { peer: b.id, permit: 0, path: SERVER });
    let Some(Output::CreateOffer(attempt)) = a.negotiator.poll_output() else { panic!("no offer") };
    let sdp = "x".repeat(SDP_BYTES_MAX as usize + 1);
    let outputs = a.handle(NOW, Input::Described { attempt, sdp });
    assert_eq!(failure(&outputs), Some((b.id, true)));
    assert_eq!(sent(&outputs), None);
}

proptest! {
    #[test]
    fn garbage_is_silent(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let (a, mut b) = sides();
        b.expect(a.id, 0);
        let outputs = b.receive(a.id, SERVER, &bytes.into());
        prop_assert_eq!(answering(&outputs), None);
    }
}
