//! An entry and a server played by hand.

use std::vec::Vec;

use base::Secret;
use proptest::prelude::*;

use super::*;
use crate::message::{login_bytes, network_of};

const NOW: Time = Time::from_millis(1_000);

struct Peer {
    secret: Secret,
    network: Secret,
    companions: Bounded<Companion, COMPANIONS_MAX>,
    entry: Entry,
}

fn secret(seed: u8) -> Secret {
    Secret::from_seed(&[seed; 32])
}

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// A peer whose first `Connect` is out.
fn peer_with(voucher: Option<Voucher>, seed: u64) -> Peer {
    peer_of(true, voucher, seed)
}

fn peer_of(native: bool, voucher: Option<Voucher>, seed: u64) -> Peer {
    let secret = secret(1);
    let config = Config { public_key: secret.public(), epoch: 3, voucher, network: None, native };
    let mut entry = Entry::new(config, seed, NOW);
    assert!(matches!(entry.poll_output(), Some(Output::Connect)));
    Peer { secret, network: super::tests::secret(200), companions: Bounded::new(), entry }
}

fn peer() -> Peer {
    peer_with(None, 7)
}

impl Peer {
    fn handle(&mut self, now: Time, input: Input) -> Vec<Output> {
        self.entry.handle(now, input);
        core::iter::from_fn(|| self.entry.poll_output()).collect()
    }

    fn hear(&mut self, now: Time, message: &ServerMessage) -> Vec<Output> {
        self.handle(now, Input::Received(message.encode().into()))
    }

    fn challenge(&mut self, now: Time) -> Vec<Output> {
        self.handle(now, Input::Opened);
        let (introducer, companions) = (self.network.public(), self.companions.clone());
        let (version, nonce) = (base::PROTOCOL_VERSION, [5; 16]);
        self.hear(now, &ServerMessage::Challenge { version, introducer, companions, nonce })
    }

    /// From `Opened` to `Welcome`; what came out last, and the voucher that was shown.
    fn log_in(&mut self, now: Time) -> (Vec<Output>, Option<Voucher>) {
        self.log_in_among(now, 1)
    }

    fn log_in_among(&mut self, now: Time, peers: u32) -> (Vec<Output>, Option<Voucher>) {
        let outputs = self.challenge(now);
        let Some(Output::Sign(bytes)) = outputs.first() else { panic!("{outputs:?}") };
        assert_eq!(**bytes, login_bytes(&self.network.public(), &[5; 16], 3));
        let signature = self.secret.sign(bytes);
        let outputs = self.handle(now, Input::Signed(signature));
        let [ClientMessage::Login { voucher: shown, epoch: 3, .. }] = said(&outputs)[..] else {
            panic!("{outputs:?}")
        };
        let voucher = shown.unwrap_or_else(|| self.network.vouch(self.secret.public(), [6; 16]));
        let ice_servers = Bounded::new();
        (self.hear(now, &ServerMessage::Welcome { voucher, ice_servers, peers }), shown)
    }

    fn lose(&mut self, now: Time) -> Duration {
        let outputs = self.handle(now, Input::Closed("gone".to_string()));
        let [Output::Unreachable { retry, .. }] = outputs[..] else { panic!("{outputs:?}") };
        assert_eq!(self.entry.poll_timeout(), Some((now + retry, Wake::Reconnect)));
        retry
    }
}

fn said(outputs: &[Output]) -> Vec<ClientMessage> {
    let messages = outputs.iter().filter_map(|output| match output {
        Output::Send(bytes) => Some(ClientMessage::decode(bytes).expect("well-formed")),
        _ => None,
    });
    messages.collect()
}

fn is_lost(outputs: &[Output]) -> bool {
    matches!(outputs, [Output::Disconnect, Output::Unreachable { .. }])
}

#[test]
fn a_login_ends_in_a_card() {
    let mut peer = peer();
    let (outputs, shown) = peer.log_in(NOW);
    assert_eq!(shown, None);
    let [Output::Welcome { card, peers: 1, .. }] = outputs[..] else { panic!("{outputs:?}") };
    assert_eq!(card.verify(&peer.network.public().into()), Ok(card.id()));
    assert_eq!(card.epoch, 3);
    assert_eq!(peer.entry.poll_timeout(), None);
}

#[test]
fn a_voucher_is_shown_to_its_own_network_only() {
    let voucher = secret(200).vouch(secret(1).public(), [9; 16]);
    assert_eq!(peer_with(Some(voucher), 1).log_in(NOW).1, Some(voucher));
    let foreign = secret(201).vouch(secret(1).public(), [9; 16]);
    let mut peer = peer_with(Some(foreign), 1);
    let (outputs, shown) = peer.log_in(NOW);
    assert_eq!(shown, None);
    assert!(matches!(outputs[..], [Output::Welcome { .. }]));
}

#[test]
fn an_id_lasts_for_a_start() {
    let mut peer = peer();
    peer.log_in(NOW);
    peer.lose(NOW);
    peer.handle(NOW, Input::RetryNow);
    peer.network = secret(201);
    assert!(is_lost(&peer.challenge(NOW)));
    // The old network's server is back.
    peer.handle(NOW, Input::RetryNow);
    peer.network = secret(200);
    assert!(peer.log_in(NOW).1.is_some());
}

fn companion(seed: u8) -> Bounded<Companion, COMPANIONS_MAX> {
    let (key, url) = (secret(seed).public(), "wss://other.example/v1/ws".to_string());
    Bounded::truncating([Companion { key, url }])
}

#[test]
fn a_voucher_of_any_introducer_of_the_network_is_shown_and_stays() {
    let voucher = secret(201).vouch(secret(1).public(), [9; 16]);
    let mut peer = peer_with(Some(voucher), 1);
    peer.companions = companion(201);
    let (outputs, shown) = peer.log_in(NOW);
    assert_eq!(shown, Some(voucher));
    let [Output::Welcome { card, companions, .. }] = &outputs[..] else { panic!("{outputs:?}") };
    assert_eq!((card.voucher, companions), (voucher, &companion(201)));
    let network = network_of(secret(200).public(), &companion(201));
    assert_eq!(peer.entry.network(), Some(network));
}

#[test]
fn a_peer_that_was_named_elsewhere_keeps_its_name() {
    let voucher = secret(201).vouch(secret(1).public(), [9; 16]);
    let network = network_of(secret(200).public(), &companion(201));
    let mut peer = peer();
    peer.companions = companion(201);
    // On its way in as a stranger, when the other conversation is done.
    let outputs = peer.challenge(NOW);
    let Some(Output::Sign(bytes)) = outputs.first() else { panic!("{outputs:?}") };
    let signature = peer.secret.sign(bytes);
    peer.handle(NOW, Input::Named { voucher, network });
    peer.handle(NOW, Input::Signed(signature));
    let other = peer.network.vouch(peer.secret.public(), [6; 16]);
    let ice_servers = Bounded::new();
    let welcome = ServerMessage::Welcome { voucher: other, ice_servers, peers: 1 };
    assert!(is_lost(&peer.hear(NOW, &welcome)), "it would have two ids");
    peer.handle(NOW, Input::RetryNow);
    assert_eq!(peer.log_in(NOW).1, Some(voucher));
    assert_eq!(peer.entry.introducer(), Some(secret(200).public()));
    // A server that does not take the voucher, and one of another network.
    for (introducer, companions) in [(200, Bounded::new()), (202, companion(201))] {
        peer.lose(NOW);
        peer.handle(NOW, Input::RetryNow);
        (peer.network, peer.companions) = (secret(introducer), companions);
        assert!(is_lost(&peer.challenge(NOW)), "{introducer}");
        peer.handle(NOW, Input::RetryNow);
    }
}

#[test]
fn a_late_signature_is_not_sent() {
    let mut peer = peer();
    let late = peer.secret.sign(b"the challenge of an earlier connection");
    let outputs = peer.challenge(NOW);
    let Some(Output::Sign(bytes)) = outputs.first() else { panic!("{outputs:?}") };
    let right = peer.secret.sign(bytes);
    assert!(peer.handle(NOW, Input::Signed(late)).is_empty());
    assert!(matches!(
        said(&peer.handle(NOW, Input::Signed(right)))[..],
        [ClientMessage::Login { .. }]
    ));
}

#[test]
fn an_introduction_that_led_nowhere_is_asked_again_soon() {
    let mut peer = peer();
    peer.log_in(NOW);
    peer.handle(NOW, Input::Introduce);
    let anchors = Bounded::truncating([NodeId::new(1)]);
    peer.hear(NOW, &ServerMessage::Introduced { anchors });
    assert!(peer.handle(NOW, Input::Introduce).is_empty());
    assert_eq!(peer.entry.poll_timeout(), Some((NOW + secs(1), Wake::Introduce)));
    let outputs = peer.handle(NOW + secs(1), Input::Timeout);
    assert_eq!(said(&outputs), [ClientMessage::Introduce]);
    // What the server asks for counts more than the wish.
    peer.hear(NOW + secs(1), &ServerMessage::Wait { millis: 5_000 });
    assert!(peer.handle(NOW + secs(1), Input::Introduce).is_empty());
    assert_eq!(peer.entry.poll_timeout(), Some((NOW + secs(6), Wake::Introduce)));
}

#[test]
fn another_version_is_refused_until_a_person_retries() {
    let mut peer = peer();
    peer.handle(NOW, Input::Opened);
    let challenge = ServerMessage::Challenge {
        version: base::PROTOCOL_VERSION + 1,
        introducer: peer.network.public(),
        companions: Bounded::new(),
        nonce: [0; 16],
    };
    let outputs = peer.hear(NOW, &challenge);
    assert!(matches!(outputs[..], [Output::Disconnect, Output::Refused(_)]), "{outputs:?}");
    assert_eq!(peer.entry.poll_timeout(), None);
    assert!(matches!(peer.handle(NOW, Input::RetryNow)[..], [Output::Connect]));
}

#[test]
fn the_servers_refusal_is_passed_on() {
    let mut peer = peer();
    peer.challenge(NOW);
    let outputs = peer.hear(NOW, &ServerMessage::Refused { reason: "no".to_string() });
    assert!(matches!(&outputs[..], [Output::Disconnect, Output::Refused(why)] if why == "no"));
    assert!(peer.handle(NOW + secs(3_600), Input::Timeout).is_empty());
}

#[test]
fn every_answer_has_a_deadline() {
    let mut peer = peer();
    assert_eq!(peer.entry.poll_timeout(), Some((NOW + OPEN_PATIENCE, Wake::Deadline)));
    peer.handle(NOW, Input::Opened);
    let deadline = NOW + ANSWER_PATIENCE;
    assert_eq!(peer.entry.poll_timeout(), Some((deadline, Wake::Deadline)));
    assert!(peer.handle(NOW, Input::Timeout).is_empty());
    assert!(is_lost(&peer.handle(deadline, Input::Timeout)));
    // An introduction is answered, or the server is gone.
    peer.handle(deadline, Input::RetryNow);
    peer.log_in(deadline);
    assert_eq!(said(&peer.handle(deadline, Input::Introduce)), [ClientMessage::Introduce]);
    assert!(is_lost(&peer.handle(deadline + ANSWER_PATIENCE, Input::Timeout)));
}

#[test]
fn a_false_voucher_is_no_welcome() {
    let mut peer = peer();
    let outputs = peer.challenge(NOW);
    let Some(Output::Sign(bytes)) = outputs.first() else { panic!("{outputs:?}") };
    peer.handle(NOW, Input::Signed(peer.secret.sign(bytes)));
    let voucher = secret(201).vouch(peer.secret.public(), [0; 16]);
    let ice_servers = Bounded::new();
    assert!(is_lost(&peer.hear(NOW, &ServerMessage::Welcome { voucher, ice_servers, peers: 0 })));
}

#[test]
fn a_wish_is_repeated_until_it_is_fulfilled() {
    let mut peer = peer();
    // Wished before the login: asked at the welcome.
    assert!(peer.handle(NOW, Input::Introduce).is_empty());
    assert_eq!(said(&peer.log_in(NOW).0), [ClientMessage::Introduce]);
    assert!(peer.hear(NOW, &ServerMessage::Wait { millis: 300 }).is_empty());
    let again = NOW + Duration::from_millis(300);
    assert_eq!(peer.entry.poll_timeout(), Some((again, Wake::Introduce)));
    assert_eq!(said(&peer.handle(again, Input::Timeout)), [ClientMessage::Introduce]);
    let anchors = Bounded::truncating([NodeId::new(1)]);
    let outputs = peer.hear(again, &ServerMessage::Introduced { anchors });
    assert!(matches!(outputs[..], [Output::Introduced(_)]));
    let (due, _) = peer.entry.poll_timeout().expect("a repetition");
    assert!((secs(4)..=secs(6)).contains(&due.since(again)));
    assert_eq!(said(&peer.handle(due, Input::Timeout)), [ClientMessage::Introduce]);
    // A link came about meanwhile: a late answer is not wanted.
    peer.handle(due, Input::Standing { links: 1, ready: false });
    let anchors = Bounded::truncating([NodeId::new(1)]);
    assert!(peer.hear(due, &ServerMessage::Introduced { anchors }).is_empty());
    assert_eq!(peer.entry.poll_timeout(), None);
}

#[test]
fn a_founder_without_links_keeps_looking() {
    let mut peer = peer();
    peer.log_in(NOW);
    peer.handle(NOW, Input::Introduce);
    assert!(matches!(peer.hear(NOW, &ServerMessage::Alone)[..], [Output::Alone]));
    let outputs = peer.handle(NOW, Input::Standing { links: 0, ready: true });
    assert_eq!(said(&outputs), [ClientMessage::Member { ready: true }]);
    let (due, wake) = peer.entry.poll_timeout().expect("it keeps looking");
    assert!(wake == Wake::Introduce && (secs(24)..=secs(36)).contains(&due.since(NOW)));
    assert_eq!(said(&peer.handle(due, Input::Timeout)), [ClientMessage::Introduce]);
    // It has founded already.
    assert!(peer.hear(due, &ServerMessage::Alone).is_empty());
    peer.handle(due, Input::Standing { links: 1, ready: true });
    let (due, wake) = peer.entry.poll_timeout().expect("there may be another ring");
    assert!(wake == Wake::Introduce && due.since(NOW) <= secs(36 + 60));
}

#[test]
fn standing_is_told_on_change_and_after_a_login() {
    let mut peer = peer();
    assert!(peer.handle(NOW, Input::Standing { links: 3, ready: true }).is_empty());
    assert_eq!(said(&peer.log_in(NOW).0), [ClientMessage::Member { ready: true }]);
    assert!(peer.handle(NOW, Input::Standing { links: 4, ready: true }).is_empty());
    let outputs = peer.handle(NOW, Input::Standing { links: 4, ready: false });
    assert_eq!(said(&outputs), [ClientMessage::Member { ready: false }]);
}

#[test]
fn the_first_retry_is_soon_and_the_later_ones_back_off() {
    for (links, first, base, cap) in [(0, 2, 1, 30), (5, 30, 2, 60)] {
        let (mut firsts, mut longest) = (Duration::ZERO, Duration::ZERO);
        for seed in 0..40 {
            let mut peer = peer_with(None, seed);
            peer.handle(NOW, Input::Standing { links, ready: false });
            peer.log_in(NOW);
            let retry = peer.lose(NOW);
            assert!(retry < secs(first));
            firsts = firsts.max(retry);
            for failure in 1..10 {
                peer.handle(NOW, Input::RetryNow);
                let retry = peer.lose(NOW);
                assert!(retry < secs((base << failure).min(cap)), "{failure}: {retry:?}");
                longest = longest.max(retry);
            }
        }
        // The whole range is used.
        assert!(firsts > secs(first) * 8 / 10 && longest > secs(cap) * 8 / 10);
    }
}

#[test]
fn a_server_beside_another_is_no_hurry_until_that_is_lost() {
    let (mut longest, mut soonest) = (Duration::ZERO, Duration::MAX);
    for seed in 0..40 {
        let mut peer = peer_with(None, seed);
        peer.handle(NOW, Input::Standing { links: 5, ready: true });
        peer.handle(NOW, Input::Spared(true));
        for _ in 0..12 {
            let retry = peer.lose(NOW);
            assert!(retry <= secs(600));
            (longest, soonest) = (longest.max(retry), soonest.min(retry));
            peer.handle(NOW, Input::RetryNow);
        }
        peer.lose(NOW);
        assert!(peer.handle(NOW, Input::Spared(false)).is_empty());
        assert_eq!(peer.entry.status(), Status::Away(peer.entry.poll_timeout().map(|(at, _)| at)));
        let (at, wake) = peer.entry.poll_timeout().expect("a try");
        assert!(at <= NOW + secs(30) && wake == Wake::Reconnect);
    }
    assert!(longest > secs(500) && soonest < secs(2), "{longest:?} {soonest:?}");
}

#[test]
fn a_founder_looks_at_once_where_the_server_knows_others() {
    let mut peer = peer();
    peer.handle(NOW, Input::Standing { links: 0, ready: true });
    peer.log_in_among(NOW, 2);
    let (due, wake) = peer.entry.poll_timeout().expect("there may be a ring");
    assert!(wake == Wake::Introduce && due <= NOW + secs(3));
}

#[test]
fn a_server_that_sends_away_is_believed_for_a_minute() {
    for (millis, retry) in [(2_500, Duration::from_millis(2_500)), (u32::MAX, secs(60))] {
        let mut peer = peer();
        peer.handle(NOW, Input::Standing { links: 0, ready: false });
        peer.log_in(NOW);
        let outputs = peer.hear(NOW, &ServerMessage::Later { millis });
        let [Output::Disconnect, Output::Unreachable { retry: told, .. }] = &outputs[..] else {
            panic!("{outputs:?}")
        };
        assert_eq!(*told, retry);
        assert_eq!(peer.entry.poll_timeout(), Some((NOW + retry, Wake::Reconnect)));
    }
}

#[test]
fn fresh_credentials_are_handed_on() {
    let mut peer = peer();
    peer.log_in(NOW);
    let ice_servers = Bounded::new();
    let outputs = peer.hear(NOW, &ServerMessage::IceServers { ice_servers });
    assert!(matches!(outputs[..], [Output::IceServers(_)]), "{outputs:?}");
}

#[test]
fn losing_the_last_link_makes_a_retry_urgent() {
    let mut peer = peer();
    peer.handle(NOW, Input::Standing { links: 1, ready: true });
    for _ in 0..12 {
        peer.lose(NOW);
        peer.handle(NOW, Input::RetryNow);
    }
    peer.lose(NOW);
    peer.handle(NOW, Input::Standing { links: 0, ready: true });
    let (at, _) = peer.entry.poll_timeout().expect("a retry");
    assert!(at <= NOW + secs(2));
    assert!(matches!(peer.handle(at, Input::Timeout)[..], [Output::Connect]));
}

#[test]
fn signals_go_out_when_logged_in_and_come_back_otherwise() {
    let mut peer = peer();
    let signal = || Input::Signal { to: NodeId::new(4), payload: Bytes::from_static(b"x") };
    assert!(matches!(peer.handle(NOW, signal())[..], [Output::Absent(_)]));
    peer.log_in(NOW);
    assert!(matches!(said(&peer.handle(NOW, signal()))[..], [ClientMessage::Signal { .. }]));
    let absent = ServerMessage::Absent { peer: NodeId::new(4) };
    assert!(matches!(peer.hear(NOW, &absent)[..], [Output::Absent(_)]));
    let visitor = ServerMessage::Visitor { peer: NodeId::new(5) };
    assert!(matches!(peer.hear(NOW, &visitor)[..], [Output::Visitor(_)]));
}

#[test]
fn who_left_does_nothing() {
    let mut peer = peer();
    peer.log_in(NOW);
    assert!(matches!(peer.handle(NOW, Input::Leave)[..], [Output::Disconnect]));
    for input in [Input::RetryNow, Input::Introduce, Input::Timeout, Input::Opened] {
        assert!(peer.handle(NOW + secs(100), input).is_empty());
    }
    assert_eq!(peer.entry.poll_timeout(), None);
}

#[test]
fn a_server_out_of_turn_is_left() {
    let mut peer = peer();
    peer.handle(NOW, Input::Opened);
    assert!(is_lost(&peer.hear(NOW, &ServerMessage::Alone)));
}

proptest! {
    #[test]
    fn any_inputs_keep_one_deadline_and_no_flood(
        inputs in proptest::collection::vec((0u8..9, any::<u16>(), any::<u8>()), 0..80),
    ) {
        let mut peer = peer();
        let mut now = NOW;
        for (kind, step, detail) in inputs {
            now = now + Duration::from_millis(u64::from(step));
            let input = match kind {
                0 => Input::Opened,
                1 => Input::Closed("closed".to_string()),
                2 => Input::Received(std::vec![detail; usize::from(detail % 5)].into()),
                3 => Input::Signed(Signature([detail; 64])),
                4 => Input::Standing { links: u32::from(detail % 2), ready: detail > 127 },
                5 => Input::Introduce,
                6 => Input::RetryNow,
                7 => Input::Received(
                    ServerMessage::Challenge {
                        version: base::PROTOCOL_VERSION,
                        introducer: PublicKey([detail; 32]),
                        companions: Bounded::new(),
                        nonce: [0; 16],
                    }
                    .encode()
                    .into(),
                ),
                _ => Input::Timeout,
            };
            prop_assert!(peer.handle(now, input).len() <= 3);
            peer.handle(now, Input::Timeout);
            if let Some((at, _)) = peer.entry.poll_timeout() {
                prop_assert!(at > now, "a deadline that does not pass");
            }
        }
    }
}

/// A page whose login is done and which has links. No member yet, it does not look for other rings,
/// which would be a question, too.
fn page_with_links() -> Peer {
    let mut page = peer_of(false, None, 7);
    page.log_in(NOW);
    page.handle(NOW, Input::Standing { links: 2, ready: false });
    page
}

#[test]
fn a_page_asks_a_silent_server_whether_it_is_there() {
    let mut page = page_with_links();
    let (due, wake) = page.entry.poll_timeout().unwrap();
    assert_eq!((due, wake), (NOW + pulse::SILENCE, Wake::Pulse));
    let outputs = page.handle(due, Input::Timeout);
    assert_eq!(said(&outputs), [ClientMessage::Ping]);
    // It answers: the next question comes after the next silence.
    let answered = due + secs(1);
    assert!(page.hear(answered, &ServerMessage::Pong).is_empty());
    assert_eq!(page.entry.poll_timeout(), Some((answered + pulse::SILENCE, Wake::Pulse)));
    // It does not: the connection is given up.
    let due = answered + pulse::SILENCE;
    page.handle(due, Input::Timeout);
    assert_eq!(page.entry.poll_timeout(), Some((due + ANSWER_PATIENCE, Wake::Deadline)));
    let outputs = page.handle(due + ANSWER_PATIENCE, Input::Timeout);
    assert!(matches!(outputs[..], [Output::Disconnect, Output::Unreachable { .. }]), "{outputs:?}");
}

#[test]
fn a_server_that_speaks_is_not_asked() {
    let mut page = page_with_links();
    page.hear(NOW + secs(20), &ServerMessage::Visitor { peer: NodeId::new(3) });
    let due = NOW + secs(20) + pulse::SILENCE;
    assert_eq!(page.entry.poll_timeout(), Some((due, Wake::Pulse)));
    assert!(page.handle(NOW + pulse::SILENCE, Input::Timeout).is_empty(), "too early");
}

#[test]
fn a_native_peer_sees_the_pings_of_the_socket_and_asks_nothing() {
    let mut native = peer();
    native.log_in(NOW);
    native.handle(NOW, Input::Standing { links: 2, ready: false });
    assert_eq!(native.entry.poll_timeout(), None);
}

/// How many of 400 members, of so many links in a network of so many peers, look within so long: after
/// they joined, and after the server was out of reach.
fn looks(peers: u32, links: u32, within: Duration) -> (u32, u32) {
    let (mut first, mut again) = (0, 0);
    for seed in 0..400 {
        let mut peer = peer_with(None, seed);
        peer.log_in_among(NOW, peers);
        peer.handle(NOW, Input::Standing { links, ready: true });
        let (due, wake) = peer.entry.poll_timeout().expect("there may be another ring");
        assert_eq!(wake, Wake::Introduce);
        first += u32::from(due.since(NOW) <= within);
        assert_eq!(said(&peer.handle(due, Input::Timeout)), [ClientMessage::Introduce]);
        let anchors = Bounded::truncating([NodeId::new(1)]);
        let outputs = peer.hear(due, &ServerMessage::Introduced { anchors });
        assert!(matches!(outputs[..], [Output::Introduced(_)]));
        peer.lose(due);
        let back = due + secs(40);
        peer.handle(back, Input::RetryNow);
        peer.log_in_among(back, peers);
        let next = peer.entry.poll_timeout().expect("there may be another ring").0;
        again += u32::from(next.since(back) <= secs(30));
    }
    (first, again)
}

#[test]
fn a_member_looks_for_another_ring_at_leisure_and_sooner_after_the_server_was_lost() {
    // Of 1,000 members, a tenth in two minutes; and eight of those who come back, not a crowd.
    let (first, again) = looks(1000, 16, secs(120));
    assert!((25..=55).contains(&first), "{first} of 400: a tenth");
    assert!((1..=30).contains(&again), "{again} of 400: a few, not a crowd");
    // Of a few, each looks within minutes, and soon when it comes back.
    let (first, again) = looks(4, 3, secs(120));
    assert_eq!((first, again), (400, 400));
}

#[test]
fn a_member_of_a_few_looks_at_once_where_the_server_knows_more() {
    assert_eq!(looks(18, 1, secs(3)).0, 400);
    // Linked to half a leaf set, or to all there are, it has no reason to.
    for (peers, links) in [(18, 8), (4, 3)] {
        assert!(looks(peers, links, secs(3)).0 < 40);
    }
    let mut peer = peer();
    peer.log_in_among(NOW, 18);
    peer.handle(NOW, Input::Standing { links: 1, ready: true });
    peer.handle(NOW, Input::Standing { links: 9, ready: true });
    let (due, _) = peer.entry.poll_timeout().expect("there may be another ring");
    assert!(due > NOW + secs(3), "its ring grew meanwhile");
}
