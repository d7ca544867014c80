//! When to ask the server for an introduction.

use base::{Duration, Rng, Time};

/// How long an introduction may take to become a link before the next one is asked for. Chosen:
/// a link takes 0.1–2 s to set up; two fresh anchors beat the rest of a dial's 10 s.
const PERIOD: Duration = Duration::from_secs(5);
/// How often a ready node without a link looks for others: rings that a restart of the server or
/// a lost link separated find each other again.
const LONELY_PERIOD: Duration = Duration::from_secs(30);
/// How often a member looks whether the server knows of another ring: nothing else tells two rings
/// of each other that a split of the network made of one. Chosen: all members of a small network
/// together look once in so long, and none more often than three times an hour in a large one unless
/// it has few links.
const REUNION_PERIOD: Duration = Duration::from_secs(30);
const REUNION_PERIOD_MAX: Duration = Duration::from_secs(20 * 60);
/// A member with fewer links than these and than the server knows other peers may be of a ring of a
/// few beside the others': half a leaf set, since members are linked to theirs. It looks this soon,
/// and then as often as one without links.
const FEW_LINKS: u32 = 8;
const FEW_PERIOD: Duration = Duration::from_secs(3);
/// Members that look soon after they came back to a server that was out of reach: it may have been
/// the network that was split. So many of all on average, not all of a crowd.
const RETURNED: f64 = 8.0;
/// How soon after an answer a fresh wish (the introduction led nowhere) is asked again.
const AGAIN: Duration = Duration::from_secs(1);
/// What the server may ask for at most (hostile.md T9).
const WAIT_MAX: Duration = Duration::from_secs(60);
/// And at least: a server that says "at once" is not asked in a loop.
const WAIT_MIN: Duration = Duration::from_millis(100);

/// Why an introduction is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Reason {
    #[default]
    None,
    /// The node said that it has no ring.
    Wish,
    /// The node is ready and has no link.
    Lonely,
    /// The node is a member of a ring, which may not be the only one.
    Reunion,
}

/// The wish for an introduction and its clock.
#[derive(Debug, Default)]
pub(super) struct Asking {
    reason: Reason,
    next: Time,
    /// No sooner than this, whatever is wished.
    earliest: Time,
    /// Peers that the server knew when it was last entered, this one among them.
    peers: u32,
    links: u32,
}

impl Asking {
    /// The node asks for an introduction, perhaps because the last one led nowhere.
    pub(super) fn wish(&mut self, now: Time) {
        let soon = self.earliest.max(now);
        self.next = if self.reason == Reason::Wish { self.next.min(soon) } else { soon };
        self.reason = Reason::Wish;
    }

    /// The node's standing. A link or a ring of its own fulfils the wish; a member looks for other
    /// rings at leisure, or soon if its own seems to be a part of the network.
    pub(super) fn standing(&mut self, now: Time, links: u32, ready: bool, rng: &mut Rng) {
        let had_few = self.has_few_links();
        self.links = links;
        match (links, ready) {
            (0, true) if self.reason != Reason::Lonely => {
                self.reason = Reason::Lonely;
                self.next = now + spread(LONELY_PERIOD, rng);
            }
            (0, false) if self.reason == Reason::Lonely => self.reason = Reason::None,
            (0, _) => {}
            (_, true) if self.reason != Reason::Reunion || had_few != self.has_few_links() => {
                self.reason = Reason::Reunion;
                // At any time from now on: in a network whose members stay for minutes, nobody would
                // look who waited for a whole period first.
                let soon = now + self.first_reunion().mul_f64(rng.unit());
                self.next = soon.max(self.earliest);
            }
            (_, true) => {}
            (_, false) => self.reason = Reason::None,
        }
    }

    /// Logged in: a wish that outlived a connection is due at once.
    pub(super) fn logged_in(&mut self, now: Time, peers: u32, rng: &mut Rng) {
        self.earliest = now;
        self.peers = peers;
        match self.reason {
            Reason::Wish => self.next = now,
            // Others are here, and this peer is linked to fewer: theirs may be the ring.
            Reason::Lonely | Reason::Reunion if self.has_few_links() => {
                self.next = self.next.min(now + FEW_PERIOD.mul_f64(rng.unit()));
            }
            Reason::Reunion if rng.chance((RETURNED / f64::from(peers.max(1))).min(1.0)) => {
                self.next = self.next.min(now + LONELY_PERIOD.mul_f64(rng.unit()));
            }
            _ => {}
        }
    }

    /// The server answered, and perhaps asked for patience. False when the answer is not wanted.
    pub(super) fn answered(&mut self, now: Time, wait: Option<Duration>, rng: &mut Rng) -> bool {
        let usual = match self.reason {
            Reason::None => return false,
            Reason::Wish => PERIOD,
            Reason::Lonely => LONELY_PERIOD,
            Reason::Reunion => self.reunion_period(),
        };
        match wait {
            Some(wait) => {
                self.next = now + wait.clamp(WAIT_MIN, WAIT_MAX);
                self.earliest = self.next;
            }
            None => {
                self.next = now + spread(usual, rng);
                self.earliest = now + AGAIN;
            }
        }
        true
    }

    fn reunion_period(&self) -> Duration {
        match self.has_few_links() {
            true => LONELY_PERIOD,
            false => (REUNION_PERIOD * self.peers.max(2)).min(REUNION_PERIOD_MAX),
        }
    }

    fn first_reunion(&self) -> Duration {
        if self.has_few_links() { FEW_PERIOD } else { self.reunion_period() }
    }

    fn has_few_links(&self) -> bool {
        self.links < FEW_LINKS.min(self.peers.saturating_sub(1))
    }

    /// When to ask, if an introduction is wanted.
    pub(super) fn due(&self) -> Option<Time> {
        (self.reason != Reason::None).then_some(self.next)
    }
}

/// `period`, give or take a fifth, so that peers that started together do not stay together.
fn spread(period: Duration, rng: &mut Rng) -> Duration {
    period.mul_f64(0.8 + 0.4 * rng.unit())
}
