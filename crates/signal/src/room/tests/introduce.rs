//! Who meets whom.

use super::*;

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
