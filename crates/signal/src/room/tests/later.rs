//! What peers are told later on: fresh credentials, and when to come back.

use super::*;

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
fn credentials_of_relays_are_a_peers_own_and_renewed() {
    let turn = Turn {
        urls: Bounded::truncating(["turn:relay.example".to_string()]),
        secret: b"north".to_vec(),
        unix_zero: 1_000,
    };
    let config = Config { turn: Some(turn), ..Config::default() };
    let mut hall = hall_of(200, config);
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
