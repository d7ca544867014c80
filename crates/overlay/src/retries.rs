//! How often messages may be sent another way before anybody is known to be gone: a share of what is
//! passed on at all (a retry budget).
//!
//! Where everything is slow, every wait for an acknowledgement ends in a second copy, which makes
//! everything slower; each hop multiplies it. A bounded share cannot run away. Messages that find
//! nothing left wait until their hop answers or is found dead, or until there is
//! something when they are looked at next.

use base::{Duration, Time};

/// Tries that one message passed on earns, in hundredths. Chosen: far more than is lost to deaths.
const SHARE: u32 = 20;
/// Tries that are kept at most, in hundredths: for a node that passes on little.
const RESERVE: u32 = 1_000;
const ONE: u32 = 100;
/// Time earns as many: one a second.
const TIME_OF_ONE: Duration = Duration::from_secs(1);

/// What is left, and since when time earns more.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Retries {
    left: u32,
    since: Time,
}

impl Retries {
    pub(crate) fn new(now: Time) -> Self {
        Retries { left: RESERVE, since: now }
    }

    /// A message was passed on for the first time.
    pub(crate) fn earn(&mut self) {
        self.left = (self.left + SHARE).min(RESERVE);
    }

    /// One more try, if there is one.
    pub(crate) fn spend(&mut self, now: Time) -> bool {
        while self.left < RESERVE && now.since(self.since) >= TIME_OF_ONE {
            self.left = (self.left + ONE).min(RESERVE);
            self.since = self.since + TIME_OF_ONE;
        }
        if self.left >= RESERVE {
            self.since = now;
        }
        let left = self.left.checked_sub(ONE);
        self.left = left.unwrap_or(self.left);
        left.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fifth_and_a_reserve() {
        let mut retries = Retries::new(Time::ZERO);
        let reserve = (0..1_000).filter(|_| retries.spend(Time::ZERO)).count();
        assert_eq!(reserve, 10);
        let mut tries = 0;
        for _ in 0..1_000 {
            retries.earn();
            tries += u32::from(retries.spend(Time::ZERO));
        }
        assert_eq!(tries, 200);
    }

    #[test]
    fn one_a_second_but_no_more_than_the_reserve() {
        let mut retries = Retries::new(Time::ZERO);
        let mut spent = |after: u64| {
            let now = Time::ZERO + Duration::from_secs(after);
            (0..1_000).filter(|_| retries.spend(now)).count()
        };
        assert_eq!([spent(0), spent(3), spent(3), spent(4), spent(1_000)], [10, 3, 0, 1, 10]);
    }
}
