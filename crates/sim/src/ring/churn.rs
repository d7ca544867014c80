//! Nodes that come and go: how long they stay, and a newcomer for each that goes.

use base::{Duration, Rng, Time};

use super::World;

/// Draws of which one is chosen by its length, for sessions that are under way at a random moment.
const LENGTH_DRAWS: usize = 64;

/// How long nodes stay.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Sessions {
    /// Exponential with this median: deaths are a Poisson process.
    Exponential {
        /// Half of the sessions are shorter.
        median: Duration,
    },
    /// Weibull: many short ones, a few very long ones (Stutzbach'06: k = 0.34–0.59).
    Weibull {
        /// Half of the sessions are shorter.
        median: Duration,
        /// The shape k.
        shape: f64,
    },
}

impl Sessions {
    /// As measured in Gnutella (`pastry.md` §2.5, §1.3): mean 2.3 h, median 1 h. A Weibull
    /// distribution with these two has k = 0.66.
    #[must_use]
    pub fn gnutella() -> Self {
        Sessions::Weibull { median: Duration::from_secs(3_600), shape: 0.66 }
    }

    /// One session.
    pub(crate) fn draw(self, rng: &mut Rng) -> f64 {
        // In units of the median: (−ln u / ln 2)^(1/k).
        let part = -libm::log(1.0 - rng.unit()) / core::f64::consts::LN_2;
        match self {
            Sessions::Exponential { median } => median.as_secs_f64() * part,
            Sessions::Weibull { median, shape } => {
                median.as_secs_f64() * libm::pow(part, 1.0 / shape)
            }
        }
    }

    /// What is left of a session that is under way at a random moment: long ones are met more often.
    fn draw_rest(self, rng: &mut Rng) -> f64 {
        let draws = [0; LENGTH_DRAWS].map(|_| self.draw(rng));
        let mut at = rng.unit() * draws.iter().sum::<f64>();
        for length in draws {
            if at < length {
                return length - at;
            }
            at -= length;
        }
        0.0
    }
}

/// A scenario's calls: a death, or a lookup.
const LOOK_UP: u64 = u64::MAX;

/// Drives churn and lookups.
#[derive(Clone, Copy, Debug)]
pub struct Churn {
    /// How long nodes stay; `None`: for ever.
    pub sessions: Option<Sessions>,
    /// Part of the nodes that say goodbye.
    pub goodbyes: f64,
    /// Lookups to random keys that each node starts in a second, on average.
    pub lookups: f64,
}

impl Churn {
    /// Gives every live host a lifetime, and starts the lookups.
    pub fn begin(&self, world: &mut World) {
        let hosts: Vec<u32> = world.live_hosts().collect();
        for host in hosts {
            self.sentence(world, host, true);
        }
        self.await_lookup(world);
    }

    /// Goes on for `span`.
    pub fn run(&self, world: &mut World, span: Duration) {
        let end = world.now() + span;
        self.run_until(world, end);
    }

    fn run_until(&self, world: &mut World, end: Time) {
        while let Some(token) = world.next_call(end) {
            if token == LOOK_UP {
                if let Some(from) = world.random_ready() {
                    let key = world.random_key();
                    world.look_up(from, key);
                }
                self.await_lookup(world);
            } else if let Ok(host) = u32::try_from(token) {
                self.replace(world, host);
            }
        }
    }

    fn replace(&self, world: &mut World, host: u32) {
        if world.rng().chance(self.goodbyes) {
            world.leave(host);
        } else {
            world.kill(host);
        }
        let newcomer = world.join(None);
        self.sentence(world, newcomer, false);
    }

    fn sentence(&self, world: &mut World, host: u32, under_way: bool) {
        let Some(sessions) = self.sessions else { return };
        let rng = world.rng();
        let length = if under_way { sessions.draw_rest(rng) } else { sessions.draw(rng) };
        // Weibull's tail is long: nobody waits for more than a year.
        world.call_after(Duration::from_secs_f64(length.min(3e7)), u64::from(host));
    }

    fn await_lookup(&self, world: &mut World) {
        #[expect(clippy::cast_precision_loss, reason = "a number of nodes")]
        let rate = self.lookups * world.census().len().max(1) as f64;
        if rate > 0.0 {
            let pause = -libm::log(1.0 - world.rng().unit()) / rate;
            world.call_after(Duration::from_secs_f64(pause), LOOK_UP);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_have_the_median_and_mean_they_are_said_to_have() {
        let hour = Duration::from_secs(3_600);
        let cases = [
            (Sessions::Exponential { median: hour }, 1.0 / core::f64::consts::LN_2),
            (Sessions::gnutella(), 2.3),
        ];
        for (sessions, mean) in cases {
            let mut rng = Rng::new(2);
            let mut lengths: Vec<f64> =
                (0..100_000).map(|_| sessions.draw(&mut rng) / 3_600.0).collect();
            let found = lengths.iter().sum::<f64>() / 100_000.0;
            lengths.sort_unstable_by(f64::total_cmp);
            assert!((lengths[50_000] - 1.0).abs() < 0.02, "{sessions:?}: {}", lengths[50_000]);
            assert!((found - mean).abs() < 0.08, "{sessions:?}: mean {found}");
        }
    }
}
