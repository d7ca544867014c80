//! Who gets in, and as whom.

use super::*;

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
fn a_voucher_of_a_companion_keeps_its_id_and_one_of_others_does_not() {
    let mut first = hall_among(200, &[201]);
    let guest = first.guest(1);
    // Whom the first vouched for is known at the second, where a stranger's word counts as nothing.
    let mut second = hall_among(201, &[200]);
    let (connection, outputs) = second.log_in(NOW, &guest.secret, 1, Some(guest.voucher));
    let ServerMessage::Welcome { voucher, .. } = told(&outputs, connection) else { panic!() };
    assert_eq!(voucher, guest.voucher);
    assert!(second.room.peers.contains_key(&guest.id));
    // A newcomer gets the voucher of whoever it came to.
    let newcomer = second.guest(2);
    assert_eq!(newcomer.voucher.introducer, secret(201).public());
    // One that does not name the other as its companion takes its vouchers for none.
    let mut apart = hall_among(202, &[201]);
    let (connection, outputs) = apart.log_in(NOW, &guest.secret, 1, Some(guest.voucher));
    let ServerMessage::Welcome { voucher, .. } = told(&outputs, connection) else { panic!() };
    assert_eq!(voucher.introducer, secret(202).public());
}

#[test]
fn a_login_for_one_introducer_is_none_for_its_companion() {
    let (mut first, mut second) = (hall_among(200, &[201]), hall_among(201, &[200]));
    let guest = first.guest(1);
    let (connection, _, nonce) = second.connect(NOW);
    let signature = guest.secret.sign(&login_bytes(&secret(200).public(), &nonce, 1));
    let message = login(guest.secret.public(), 1, Some(guest.voucher), signature);
    assert!(closed(&second.say(NOW, connection, &message), connection));
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
    let mut hall = hall_of(200, config);
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
