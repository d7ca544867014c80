//! Who held which result, from when to when, and how that ended: what became of one that nobody can
//! be shown any more.
//!
//! A loss is excused only where this proves that the holders and whoever computed the result died,
//! without a word, before anybody could make other copies. Otherwise the story says who is at fault.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use base::{Digest, Duration, Time};
use wire::store::COPIES;

use crate::HostId;

/// Holders that lose one of them have another within this: the store's period.
fn repair_window() -> Duration {
    store::Config::default().period
}

/// How a copy ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Its host died without a word.
    Died,
    /// Its host said goodbye, and had handed over what it could.
    Left,
    /// Its host let it go and lived on.
    Dropped,
}

/// What a host has had, from when to when.
#[derive(Clone, Copy, Debug)]
struct Copy {
    host: HostId,
    since: Time,
    end: Option<(Time, End)>,
}

/// What is known of one result.
#[derive(Clone, Debug, Default)]
struct Story {
    /// In the store.
    held: Vec<Copy>,
    /// Of those who computed it, until they ended.
    computed: Vec<Copy>,
    /// In the memory of those who were shown it, until they ended.
    shown: Vec<Copy>,
}

/// Results that are looked after, by digest.
#[derive(Clone, Debug, Default)]
pub struct Holders {
    stories: BTreeMap<Digest, Story>,
}

impl Holders {
    /// This result is looked after from now on.
    pub fn watch(&mut self, result: Digest) {
        self.stories.entry(result).or_default();
    }

    /// And no more.
    pub fn forget(&mut self, result: Digest) {
        self.stories.remove(&result);
    }

    /// A host holds it for the ring.
    pub fn held(&mut self, at: Time, host: HostId, result: Digest) {
        if let Some(story) = self.stories.get_mut(&result) {
            begin(&mut story.held, at, host);
        }
    }

    /// A host does not hold it any more, and lives on.
    pub fn dropped(&mut self, at: Time, host: HostId, result: Digest) {
        if let Some(story) = self.stories.get_mut(&result) {
            end(&mut story.held, at, host, End::Dropped);
        }
    }

    /// A host was shown it, or computed it.
    pub fn shown(&mut self, at: Time, host: HostId, result: Digest, is_own: bool) {
        if let Some(story) = self.stories.get_mut(&result) {
            begin(if is_own { &mut story.computed } else { &mut story.shown }, at, host);
        }
    }

    /// A host ended, and with it all that it had.
    pub fn ended(&mut self, at: Time, host: HostId, how: End) {
        for story in self.stories.values_mut() {
            for copies in [&mut story.held, &mut story.computed, &mut story.shown] {
                end(copies, at, host, how);
            }
        }
    }

    /// Of a result that was there at `from`: what became of it, if since then there was a moment in
    /// which no live host had it, in the store or in memory.
    #[must_use]
    pub fn death(&self, result: Digest, from: Time, now: Time) -> Option<(bool, String)> {
        let story = self.stories.get(&result)?;
        story.death(from, now).map(|then| story.until(then).verdict())
    }

    /// Of a result that nobody can be shown: what became of it, and whether that is excused.
    #[must_use]
    pub fn verdict(&self, result: Digest) -> (bool, String) {
        self.stories.get(&result).map_or((false, "not watched".into()), Story::verdict)
    }
}

impl Story {
    /// The first moment after `from` in which no live host had it, in the store or in memory.
    fn death(&self, from: Time, now: Time) -> Option<Time> {
        let copies = self.held.iter().chain(&self.computed).chain(&self.shown);
        let spans = copies.map(|copy| (copy.since, copy.end.map_or(Time::FAR_FUTURE, |end| end.0)));
        let mut reach = from;
        for (since, end) in base::in_order(spans) {
            if since > reach {
                break;
            }
            reach = reach.max(end);
        }
        (reach < now).then_some(reach)
    }

    /// The same as it was then.
    fn until(&self, then: Time) -> Story {
        let before = |copies: &[Copy]| -> Vec<Copy> {
            copies.iter().filter(|copy| copy.since <= then).copied().collect()
        };
        Story {
            held: before(&self.held),
            computed: before(&self.computed),
            shown: before(&self.shown),
        }
    }

    /// Whether its loss is excused, and what became of it.
    fn verdict(&self) -> (bool, String) {
        let (is_excused, why) = match self.fault() {
            None => (true, "all holders died at once".to_owned()),
            Some(fault) => (false, fault),
        };
        (is_excused, format!("{why}; {}", self.tell()))
    }

    /// Why its loss is not excused; `None` if it is.
    fn fault(&self) -> Option<String> {
        if let Some(copy) = self.held.iter().find(|copy| copy.end.is_none()) {
            return Some(format!("{:?} holds it and was not found", copy.host));
        }
        let ends = self.held.iter().filter_map(|copy| copy.end.map(|(at, _)| at));
        let Some(last) = ends.max() else { return Some("nobody ever held it".into()) };
        // Whoever computed it may be the last to die.
        let deaths = self.computed.iter().filter_map(Copy::death);
        let last = deaths.max().map_or(last, |death| death.max(last));
        let born = self.held.iter().map(|copy| copy.since).min().unwrap_or(last);
        let begins = last - repair_window();
        let late = |copy: &&Copy| copy.end.is_some_and(|(at, _)| at > begins);
        for copy in self.held.iter().filter(late) {
            if let Some((at, how @ (End::Left | End::Dropped))) = copy.end {
                return Some(format!("{:?} ended it at {at:?}: {how:?}", copy.host));
            }
        }
        // Who left before the others died had handed over what it had.
        let is_no_excuse = |copy: &&Copy| match copy.end {
            None => true,
            Some((at, how)) => how != End::Died && at > begins,
        };
        if let Some(copy) = self.computed.iter().find(is_no_excuse) {
            return Some(format!("{:?} computed it and did not die with the holders", copy.host));
        }
        let before = self.held.iter().filter(|copy| copy.since <= begins).filter(late).count();
        let is_old = born <= begins;
        (is_old && before < COPIES).then(|| format!("{before} held it at {begins:?}"))
    }

    fn tell(&self) -> String {
        let mut text = String::new();
        for (what, copies) in
            [("computed", &self.computed), ("held", &self.held), ("shown", &self.shown)]
        {
            let _ = write!(text, "{what}:");
            for Copy { host, since, end } in copies {
                let _ = match end {
                    Some((at, how)) => write!(text, " {} {since:?}-{at:?} {how:?},", host.0),
                    None => write!(text, " {} {since:?}-,", host.0),
                };
            }
            text.push(' ');
        }
        text
    }
}

impl Copy {
    fn death(&self) -> Option<Time> {
        self.end.filter(|(_, how)| *how == End::Died).map(|(at, _)| at)
    }
}

fn begin(copies: &mut Vec<Copy>, at: Time, host: HostId) {
    if !copies.iter().any(|copy| copy.host == host && copy.end.is_none()) {
        copies.push(Copy { host, since: at, end: None });
    }
}

fn end(copies: &mut [Copy], at: Time, host: HostId, how: End) {
    for copy in copies.iter_mut().filter(|copy| copy.host == host && copy.end.is_none()) {
        copy.end = Some((at, how));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RESULT: Digest = Digest([7; 32]);

    fn at(second: u64) -> Time {
        Time::from_millis(second * 1000)
    }

    /// Host 0 computed a result that hosts 1 to 5 hold.
    fn five() -> Holders {
        let mut holders = Holders::default();
        holders.watch(RESULT);
        holders.shown(at(1), HostId(0), RESULT, true);
        (1..=5).for_each(|host| holders.held(at(2), HostId(host), RESULT));
        holders
    }

    fn is_excused(holders: &Holders) -> bool {
        holders.verdict(RESULT).0
    }

    #[test]
    fn all_at_once_is_excused_and_one_after_the_other_is_not() {
        let mut once = five();
        (0..=5).for_each(|host| once.ended(at(100 + u64::from(host)), HostId(host), End::Died));
        assert!(is_excused(&once));
        let mut slowly = five();
        (0..=5)
            .for_each(|host| slowly.ended(at(100 + 40 * u64::from(host)), HostId(host), End::Died));
        assert!(!is_excused(&slowly));
    }

    #[test]
    fn who_says_goodbye_or_drops_the_last_copy_is_at_fault() {
        let mut left = five();
        (0..=4).for_each(|host| left.ended(at(100), HostId(host), End::Died));
        left.ended(at(101), HostId(5), End::Left);
        assert!(!is_excused(&left));
        let mut dropped = five();
        (0..=4).for_each(|host| dropped.ended(at(100), HostId(host), End::Died));
        dropped.dropped(at(101), HostId(5), RESULT);
        assert!(!is_excused(&dropped));
    }

    #[test]
    fn a_living_holder_and_a_living_worker_are_no_excuse() {
        let mut held = five();
        (0..=4).for_each(|host| held.ended(at(100), HostId(host), End::Died));
        assert!(!is_excused(&held));
        let mut known = five();
        (1..=5).for_each(|host| known.ended(at(100), HostId(host), End::Died));
        assert!(!is_excused(&known));
    }

    #[test]
    fn what_was_computed_again_was_lost_for_a_while() {
        let mut holders = five();
        assert!(holders.death(RESULT, at(3), at(500)).is_none());
        (1..=5).for_each(|host| holders.ended(at(100), HostId(host), End::Died));
        assert!(holders.death(RESULT, at(3), at(500)).is_none(), "its worker lives");
        holders.ended(at(101), HostId(0), End::Died);
        holders.shown(at(400), HostId(9), RESULT, true);
        holders.held(at(401), HostId(9), RESULT);
        assert!(holders.death(RESULT, at(3), at(500)).is_some_and(|(is_excused, _)| is_excused));
        assert!(holders.death(RESULT, at(400), at(500)).is_none(), "it was finished later");
    }

    #[test]
    fn a_worker_that_dies_with_the_holders_or_left_before_is_excused() {
        let all_die = |worker: u64, how: End| {
            let mut holders = five();
            holders.ended(at(worker), HostId(0), how);
            (1..=5).for_each(|host| holders.ended(at(200), HostId(host), End::Died));
            is_excused(&holders)
        };
        assert!(all_die(205, End::Died) && all_die(20, End::Died) && all_die(20, End::Left));
        assert!(!all_die(240, End::Died), "it outlived all holders by more than a repair");
        assert!(!all_die(190, End::Left), "it knew that others were dying");
    }

    #[test]
    fn what_nobody_ever_held_is_no_excuse() {
        let mut holders = Holders::default();
        holders.watch(RESULT);
        holders.shown(at(1), HostId(0), RESULT, true);
        holders.ended(at(2), HostId(0), End::Died);
        assert!(!is_excused(&holders));
    }
}
