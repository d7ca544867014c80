//! A room and connections that speak to it byte by byte.

use std::string::ToString as _;
use std::vec::Vec;

use base::{Card, Signature, Voucher};
use proptest::prelude::*;

use super::*;
use crate::message::{Proposal, login_bytes};

const NOW: Time = Time::from_millis(1_000);

struct Hall {
    room: Room,
    next: u64,
}

struct Guest {
    connection: ConnectionId,
    secret: Secret,
    voucher: Voucher,
    id: NodeId,
}

fn hall(may_have_members: bool) -> Hall {
    let config = Config { may_have_members, ..Config::default() };
    Hall { room: Room::new(config, Secret::from_seed(&[200; 32]), 1, NOW), next: 0 }
}

fn secret(seed: u8) -> Secret {
    Secret::from_seed(&[seed; 32])
}

impl Hall {
    fn handle(&mut self, now: Time, input: Input) -> Vec<Output> {
        self.room.handle(now, input);
        core::iter::from_fn(|| self.room.poll_output()).collect()
    }

    fn say(&mut self, now: Time, who: ConnectionId, message: &ClientMessage) -> Vec<Output> {
        self.handle(now, Input::Received(who, message.encode().into()))
    }

    fn connect(&mut self, now: Time) -> (ConnectionId, PublicKey, [u8; 16]) {
        let connection = ConnectionId(self.next);
        self.next += 1;
        let outputs = self.handle(now, Input::Connected(connection));
        let ServerMessage::Challenge { network, nonce, version } = told(&outputs, connection)
        else {
            panic!("{outputs:?}")
        };
        assert_eq!(version, PROTOCOL_VERSION);
        (connection, network, nonce)
    }

    /// Logs in on a fresh connection; what the room said to everybody.
    fn log_in(
        &mut self,
        now: Time,
        secret: &Secret,
        epoch: u64,
        voucher: Option<Voucher>,
    ) -> (ConnectionId, Vec<Output>) {
        let (connection, network, nonce) = self.connect(now);
        let signature = secret.sign(&login_bytes(&network, &nonce, epoch));
        let message = login(secret.public(), epoch, voucher, signature);
        (connection, self.say(now, connection, &message))
    }

    fn guest(&mut self, seed: u8) -> Guest {
        let secret = secret(seed);
        let (connection, outputs) = self.log_in(NOW, &secret, 1, None);
        let ServerMessage::Welcome { voucher, .. } = told(&outputs, connection) else {
            panic!("{outputs:?}")
        };
        let card = Card { public_key: secret.public(), voucher, epoch: 1 };
        assert_eq!(card.verify(&self.room.network), Ok(card.id()));
        Guest { connection, secret, voucher, id: card.id() }
    }

    fn member(&mut self, seed: u8) -> Guest {
        let guest = self.guest(seed);
        let ready = ClientMessage::Member { ready: true };
        assert!(self.say(NOW, guest.connection, &ready).is_empty());
        guest
    }

    fn introduce(&mut self, now: Time, guest: &Guest) -> ServerMessage {
        let outputs = self.say(now, guest.connection, &ClientMessage::Introduce);
        told(&outputs, guest.connection)
    }
}

fn login(
    public_key: PublicKey,
    epoch: u64,
    voucher: Option<Voucher>,
    signature: Signature,
) -> ClientMessage {
    let version = PROTOCOL_VERSION;
    ClientMessage::Login { version, public_key, epoch, voucher, native: true, signature }
}

/// The last message to a connection.
fn told(outputs: &[Output], to: ConnectionId) -> ServerMessage {
    let bytes = outputs.iter().rev().find_map(|output| match output {
        Output::Send(connection, bytes) if *connection == to => Some(bytes),
        _ => None,
    });
    ServerMessage::decode(bytes.unwrap_or_else(|| panic!("{outputs:?}"))).expect("well-formed")
}

fn closed(outputs: &[Output], which: ConnectionId) -> bool {
    outputs.iter().any(|output| matches!(output, Output::Close(closed, _) if *closed == which))
}

fn proposal(sdp: String) -> Proposal {
    let secret = secret(9);
    let voucher = secret.vouch(secret.public(), [0; 16]);
    Proposal {
        card: Card { public_key: secret.public(), voucher, epoch: 1 },
        attempt: 1,
        permit: 0,
        sdp,
        signature: Signature([0; 64]),
    }
}

fn carried(to: NodeId, signal: &PeerSignal) -> ClientMessage {
    ClientMessage::Signal { to, payload: signal.encode().into() }
}

/// An offer with a description of so many bytes.
fn signal(to: NodeId, bytes: usize) -> ClientMessage {
    carried(to, &PeerSignal::Offer(proposal("x".repeat(bytes))))
}

fn answer(to: NodeId, bytes: usize) -> ClientMessage {
    carried(to, &PeerSignal::Answer(proposal("x".repeat(bytes))))
}

#[test]
fn a_voucher_of_this_network_keeps_its_id() {
    let mut hall = hall(false);
    let guest = hall.guest(1);
    let (connection, outputs) = hall.log_in(NOW, &guest.secret, 2, Some(guest.voucher));
    let ServerMessage::Welcome { voucher, .. } = told(&outputs, connection) else { panic!() };
    assert_eq!(voucher, guest.voucher);
    // The earlier connection of the same peer is closed, and only one peer is counted.
    assert!(closed(&outputs, guest.connection));
    assert_eq!((hall.room.stats().natives, hall.room.stats().logins), (1, 2));
    // What the replaced connection still sends changes nothing.
    assert!(hall.say(NOW, guest.connection, &ClientMessage::Introduce).is_empty());
    assert!(hall.handle(NOW, Input::Disconnected(guest.connection)).is_empty());
    assert_eq!(hall.room.stats().natives, 1);
}

#[test]
fn a_foreign_or_stolen_voucher_gives_a_fresh_id() {
    let mut hall = hall(false);
    let guest = hall.guest(1);
    let foreign = secret(99).vouch(secret(2).public(), [7; 16]);
    for wrong in [foreign, guest.voucher] {
        let (connection, outputs) = hall.log_in(NOW, &secret(2), 1, Some(wrong));
        let ServerMessage::Welcome { voucher, .. } = told(&outputs, connection) else { panic!() };
        assert_ne!(voucher, wrong);
    }
}

#[test]
fn a_lower_epoch_is_refused() {
    let mut hall = hall(false);
    let guest = hall.guest(1);
    let (connection, outputs) = hall.log_in(NOW, &guest.secret, 0, Some(guest.voucher));
    assert!(matches!(told(&outputs, connection), ServerMessage::Refused { .. }));
    assert!(closed(&outputs, connection) && !closed(&outputs, guest.connection));
}

#[test]
fn a_wrong_login_is_refused() {
    let mut hall = hall(false);
    let secret = secret(1);
    // Another version.
    let (connection, network, nonce) = hall.connect(NOW);
    let signature = secret.sign(&login_bytes(&network, &nonce, 1));
    let message = ClientMessage::Login {
        version: PROTOCOL_VERSION + 1,
        public_key: secret.public(),
        epoch: 1,
        voucher: None,
        native: false,
        signature,
    };
    let outputs = hall.say(NOW, connection, &message);
    let ServerMessage::Refused { reason } = told(&outputs, connection) else { panic!() };
    assert!(reason.contains("protocol"), "{reason}");
    assert!(closed(&outputs, connection));
    // A challenge is used once: the same signature on the next connection.
    let (connection, _, _) = hall.connect(NOW);
    let replay = login(secret.public(), 1, None, signature);
    assert!(closed(&hall.say(NOW, connection, &replay), connection));
    // Another epoch than the signed one.
    let (connection, network, nonce) = hall.connect(NOW);
    let signature = secret.sign(&login_bytes(&network, &nonce, 1));
    let raised = login(secret.public(), 2, None, signature);
    assert!(closed(&hall.say(NOW, connection, &raised), connection));
    // Anything before the login, and a second login.
    let (connection, _, _) = hall.connect(NOW);
    assert!(closed(&hall.say(NOW, connection, &ClientMessage::Introduce), connection));
    let guest = hall.guest(2);
    assert!(closed(&hall.say(NOW, guest.connection, &raised), guest.connection));
    assert_eq!(hall.room.stats().refused, 5);
    assert!(hall.room.connections.is_empty() && hall.room.logins.is_empty());
}

#[test]
fn a_silent_connection_is_closed_after_five_seconds() {
    let mut hall = hall(false);
    let (connection, _, _) = hall.connect(NOW);
    let deadline = NOW + LOGIN_PATIENCE;
    assert_eq!(hall.room.poll_timeout(), Some((deadline, Wake::LoginDeadline)));
    assert!(hall.handle(NOW, Input::Timeout).is_empty());
    assert!(closed(&hall.handle(deadline, Input::Timeout), connection));
    assert_eq!(hall.room.poll_timeout(), None);
}

#[test]
fn a_ping_is_answered_after_the_login_only() {
    let mut hall = hall(false);
    let guest = hall.guest(1);
    let outputs = hall.say(NOW, guest.connection, &ClientMessage::Ping);
    assert_eq!(told(&outputs, guest.connection), ServerMessage::Pong);
    let (stranger, ..) = hall.connect(NOW);
    assert!(closed(&hall.say(NOW, stranger, &ClientMessage::Ping), stranger));
}

#[test]
fn a_burst_then_five_messages_a_second() {
    let mut hall = hall(false);
    let guest = hall.member(1);
    let other = hall.member(2);
    let ready = ClientMessage::Member { ready: true };
    // The login and the first Member were two of the twenty.
    for _ in 0..18 {
        assert!(hall.say(NOW, guest.connection, &ready).is_empty());
    }
    let later = NOW + Duration::from_millis(200);
    assert!(hall.say(later, guest.connection, &ready).is_empty());
    assert!(closed(&hall.say(later, guest.connection, &ready), guest.connection));
    assert_eq!(hall.room.members, [other.id]);
}

#[test]
fn a_newcomer_meets_two_members_and_they_hear_of_it() {
    let mut hall = hall(false);
    let members: Vec<Guest> = (1..=5).map(|seed| hall.member(seed)).collect();
    let mut met = BTreeMap::new();
    for seed in 10..60 {
        let newcomer = hall.guest(seed);
        let outputs = hall.say(NOW, newcomer.connection, &ClientMessage::Introduce);
        let ServerMessage::Introduced { anchors } = told(&outputs, newcomer.connection) else {
            panic!("{outputs:?}")
        };
        assert_eq!(anchors.len(), 2);
        assert_ne!(anchors[0], anchors[1]);
        for anchor in &anchors {
            let member = members.iter().find(|member| member.id == *anchor).expect("a member");
            let visitor = ServerMessage::Visitor { peer: newcomer.id };
            assert_eq!(told(&outputs, member.connection), visitor);
            *met.entry(*anchor).or_insert(0) += 1;
        }
    }
    assert!(met.len() == 5 && met.values().all(|count| *count >= 8), "{met:?}");
    assert_eq!(hall.room.stats().introductions, 50);
}

#[test]
fn a_crowd_may_be_answered_at_once() {
    let mut hall = hall(false);
    let anchor = hall.member(1);
    let crowd: Vec<Guest> = (10..70).map(|seed| hall.guest(seed)).collect();
    for newcomer in &crowd {
        hall.introduce(NOW, newcomer);
        hall.say(NOW, newcomer.connection, &signal(anchor.id, 100));
    }
    for newcomer in &crowd {
        let outputs = hall.say(NOW, anchor.connection, &answer(newcomer.id, 100));
        assert!(matches!(told(&outputs, newcomer.connection), ServerMessage::Signal { .. }));
    }
    // Beyond what it owes, its rate counts as anybody's; the member's word was its first message
    // after the login.
    let more = (0..MESSAGE_BURST_MAX).take_while(|_| {
        let outputs = hall.say(NOW, anchor.connection, &answer(crowd[0].id, 100));
        !closed(&outputs, anchor.connection)
    });
    assert_eq!(more.count() as u64, u64::from(MESSAGE_BURST_MAX - 2));
}

#[test]
fn a_member_is_never_introduced_to_itself() {
    let mut hall = hall(false);
    let members: Vec<Guest> = (1..=3).map(|seed| hall.member(seed)).collect();
    for member in &members {
        let ServerMessage::Introduced { anchors } = hall.introduce(NOW, member) else { panic!() };
        assert!(anchors.len() == 2 && !anchors.contains(&member.id));
    }
    let lonely = {
        hall.handle(NOW, Input::Disconnected(members[0].connection));
        hall.handle(NOW, Input::Disconnected(members[1].connection));
        &members[2]
    };
    assert_eq!(hall.introduce(NOW, lonely), ServerMessage::Alone);
}

#[test]
fn a_burst_of_newcomers_has_one_founder() {
    let mut hall = hall(false);
    let newcomers: Vec<Guest> = (1..=50).map(|seed| hall.guest(seed)).collect();
    let answers: Vec<_> = newcomers.iter().map(|newcomer| hall.introduce(NOW, newcomer)).collect();
    assert_eq!(answers[0], ServerMessage::Alone);
    for answer in &answers[1..] {
        assert!(matches!(answer, ServerMessage::Wait { millis: 300..400 }), "{answer:?}");
    }
    // The founder may ask again; the others meet it once it is ready.
    assert_eq!(hall.introduce(NOW, &newcomers[0]), ServerMessage::Alone);
    hall.say(NOW, newcomers[0].connection, &ClientMessage::Member { ready: true });
    for newcomer in &newcomers[1..] {
        let ServerMessage::Introduced { anchors } = hall.introduce(NOW, newcomer) else { panic!() };
        assert_eq!(*anchors, [newcomers[0].id]);
    }
}

#[test]
fn a_founder_that_vanishes_or_stalls_is_replaced() {
    let mut hall = hall(false);
    let [a, b, c] = [1, 2, 3].map(|seed| hall.guest(seed));
    assert_eq!(hall.introduce(NOW, &a), ServerMessage::Alone);
    assert!(matches!(hall.introduce(NOW, &b), ServerMessage::Wait { .. }));
    hall.handle(NOW, Input::Disconnected(a.connection));
    assert_eq!(hall.introduce(NOW, &b), ServerMessage::Alone);
    // Asking again does not prolong the founder's time.
    let almost = NOW + FOUNDER_PATIENCE - Duration::from_millis(1);
    assert_eq!(hall.introduce(almost, &b), ServerMessage::Alone);
    assert!(matches!(hall.introduce(almost, &c), ServerMessage::Wait { .. }));
    assert_eq!(hall.introduce(NOW + FOUNDER_PATIENCE, &c), ServerMessage::Alone);
    assert!(matches!(hall.introduce(NOW + FOUNDER_PATIENCE, &b), ServerMessage::Wait { .. }));
}

#[test]
fn after_a_restart_newcomers_wait_for_members() {
    let mut hall = hall(true);
    let newcomer = hall.guest(1);
    assert_eq!(hall.introduce(NOW, &newcomer), ServerMessage::Wait { millis: 1_000 });
    let returned = hall.member(2);
    let ServerMessage::Introduced { anchors } = hall.introduce(NOW, &newcomer) else { panic!() };
    assert_eq!(*anchors, [returned.id]);
}

#[test]
fn the_grace_ends_and_one_newcomer_founds() {
    let mut hall = hall(true);
    let [a, b] = [1, 2].map(|seed| hall.guest(seed));
    for newcomer in [&a, &b] {
        assert_eq!(hall.introduce(NOW, newcomer), ServerMessage::Wait { millis: 1_000 });
    }
    assert_eq!(hall.room.poll_timeout(), Some((NOW + GRACE, Wake::Grace)));
    let outputs = hall.handle(NOW + GRACE, Input::Timeout);
    assert_eq!(told(&outputs, a.connection), ServerMessage::Alone);
    assert!(matches!(told(&outputs, b.connection), ServerMessage::Wait { .. }));
    assert_eq!(hall.room.poll_timeout(), None);
}

#[test]
fn introductions_have_a_rate() {
    let mut hall = hall(false);
    hall.member(1);
    let newcomer = hall.guest(2);
    for _ in 0..INTRODUCTION_BURST_MAX {
        assert!(matches!(hall.introduce(NOW, &newcomer), ServerMessage::Introduced { .. }));
    }
    assert_eq!(hall.introduce(NOW, &newcomer), ServerMessage::Wait { millis: 5_000 });
    let later = NOW + INTRODUCTION_INTERVAL;
    assert!(matches!(hall.introduce(later, &newcomer), ServerMessage::Introduced { .. }));
}

#[test]
fn signals_pass_only_between_introduced_peers_under_the_proved_id() {
    let mut hall = hall(false);
    let [anchor, stranger] = [1, 2].map(|seed| hall.guest(seed));
    hall.say(NOW, anchor.connection, &ClientMessage::Member { ready: true });
    let newcomer = hall.guest(3);
    hall.introduce(NOW, &newcomer);
    for (from, to) in [(&newcomer, &anchor), (&anchor, &newcomer)] {
        let outputs = hall.say(NOW, from.connection, &signal(to.id, 100));
        let ServerMessage::Signal { from: named, .. } = told(&outputs, to.connection) else {
            panic!("{outputs:?}")
        };
        assert_eq!(named, from.id);
    }
    assert_eq!(hall.room.stats().signals, 2);
    assert!(hall.say(NOW, stranger.connection, &signal(anchor.id, 100)).is_empty());
    assert_eq!(hall.room.stats().refused, 1);
    // A receiver that is gone, and a payload that is no signal.
    hall.handle(NOW, Input::Disconnected(newcomer.connection));
    let outputs = hall.say(NOW, anchor.connection, &signal(newcomer.id, 100));
    assert_eq!(told(&outputs, anchor.connection), ServerMessage::Absent { peer: newcomer.id });
    let junk = ClientMessage::Signal { to: newcomer.id, payload: Bytes::from_static(&[9; 40]) };
    assert!(closed(&hall.say(NOW, anchor.connection, &junk), anchor.connection));
}

#[test]
fn a_pair_has_a_quota() {
    let mut hall = hall(false);
    let anchor = hall.member(1);
    let newcomer = hall.guest(2);
    hall.introduce(NOW, &newcomer);
    let passed = (0..10)
        .filter(|_| !hall.say(NOW, newcomer.connection, &signal(anchor.id, 12_000)).is_empty())
        .count();
    assert_eq!(passed, 5);
}

#[test]
fn the_hall_has_a_last_place() {
    let mut hall = hall(false);
    for _ in 0..CONNECTIONS_MAX {
        hall.connect(NOW);
    }
    let outputs = hall.handle(NOW, Input::Connected(ConnectionId(u64::MAX)));
    assert!(closed(&outputs, ConnectionId(u64::MAX)));
    assert_eq!(hall.room.connections.len(), CONNECTIONS_MAX as usize);
}

#[test]
fn a_tenth_of_the_places_is_kept_for_known_peers() {
    let config = Config { connections_max: 20, ..Config::default() };
    let mut hall = Hall { room: Room::new(config, Secret::from_seed(&[200; 32]), 1, NOW), next: 0 };
    let known = hall.guest(1);
    hall.handle(NOW, Input::Disconnected(known.connection));
    for seed in 2..20 {
        hall.guest(seed);
    }
    let (stranger, outputs) = hall.log_in(NOW, &secret(20), 1, None);
    let ServerMessage::Later { millis: 20_000..40_000 } = told(&outputs, stranger) else {
        panic!("{outputs:?}")
    };
    assert!(closed(&outputs, stranger));
    // A voucher of another network is none.
    let foreign = secret(99).vouch(secret(20).public(), [7; 16]);
    let (stranger, outputs) = hall.log_in(NOW, &secret(20), 1, Some(foreign));
    assert!(matches!(told(&outputs, stranger), ServerMessage::Later { .. }));
    let (back, outputs) = hall.log_in(NOW, &known.secret, 2, Some(known.voucher));
    assert!(matches!(told(&outputs, back), ServerMessage::Welcome { .. }));
}

#[test]
fn a_server_that_stops_spreads_the_return() {
    let mut hall = hall(false);
    let guests: Vec<Guest> = (0..200).map(|seed| hall.guest(seed)).collect();
    let (stranger, ..) = hall.connect(NOW);
    let outputs = hall.handle(NOW, Input::Stop);
    let mut first_half = 0;
    for guest in &guests {
        let ServerMessage::Later { millis } = told(&outputs, guest.connection) else { panic!() };
        assert!((2_000..3_000).contains(&millis), "{millis}");
        first_half += u32::from(millis < 2_500);
    }
    assert!((60..140).contains(&first_half), "{first_half}");
    assert_eq!(outputs.len(), 200, "nothing for {stranger:?}");
}

#[test]
fn thirty_offers_a_minute() {
    let mut hall = hall(false);
    let anchor = hall.member(1);
    let newcomer = hall.guest(2);
    hall.introduce(NOW, &newcomer);
    let mut now = NOW;
    let mut offers = 0;
    loop {
        now = now + Duration::from_millis(200);
        offers += 1;
        if closed(&hall.say(now, newcomer.connection, &signal(anchor.id, 10)), newcomer.connection)
        {
            break;
        }
    }
    // Thirty at once, and one more for every two seconds that they took.
    assert_eq!(offers, 34);
}

#[test]
fn a_description_that_aims_at_others_closes() {
    for address in ["::ffff:127.0.0.1", "169.254.169.254", "224.0.0.1"] {
        let mut hall = hall(false);
        let anchor = hall.member(1);
        let newcomer = hall.guest(2);
        hall.introduce(NOW, &newcomer);
        let sdp = std::format!("v=0\r\na=candidate:1 1 udp 1 {address} 9 typ host\r\n");
        let aimed = carried(anchor.id, &PeerSignal::Offer(proposal(sdp)));
        let outputs = hall.say(NOW, newcomer.connection, &aimed);
        assert!(closed(&outputs, newcomer.connection) && outputs.len() == 1, "{address}");
    }
}

#[test]
fn credentials_of_relays_are_a_peers_own_and_renewed() {
    let turn = Turn {
        urls: Bounded::truncating(["turn:relay.example".to_string()]),
        secret: b"north".to_vec(),
        unix_zero: 1_000,
    };
    let config = Config { turn: Some(turn), ..Config::default() };
    let mut hall = Hall { room: Room::new(config, Secret::from_seed(&[200; 32]), 1, NOW), next: 0 };
    let (connection, outputs) = hall.log_in(NOW, &secret(1), 1, None);
    let ServerMessage::Welcome { ice_servers, .. } = told(&outputs, connection) else { panic!() };
    assert!(ice_servers[0].username.starts_with("1601:"), "{ice_servers:?}");
    let (at, why) = hall.room.poll_timeout().expect("a renewal");
    assert_eq!((at, why), (NOW + Duration::from_secs(300), Wake::Renewal));
    let outputs = hall.handle(at, Input::Timeout);
    let ServerMessage::IceServers { ice_servers } = told(&outputs, connection) else { panic!() };
    assert!(ice_servers[0].username.starts_with("1901:"), "{ice_servers:?}");
    assert_eq!(hall.room.poll_timeout(), Some((at + Duration::from_secs(300), Wake::Renewal)));
    hall.handle(at, Input::Disconnected(connection));
    assert_eq!(hall.room.poll_timeout(), None);
}

proptest! {
    #[test]
    fn garbage_closes_and_leaves_nothing(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let mut hall = hall(false);
        let (connection, _, _) = hall.connect(NOW);
        let outputs = hall.handle(NOW, Input::Received(connection, bytes.into()));
        prop_assert!(closed(&outputs, connection));
        prop_assert!(hall.room.connections.is_empty() && hall.room.logins.is_empty());
    }
}
