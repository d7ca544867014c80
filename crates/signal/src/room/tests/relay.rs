//! What passes between peers, and how much of it.

use super::*;

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
