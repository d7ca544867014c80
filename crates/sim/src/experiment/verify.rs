//! `verify`: workers that cheat, and what the audits make of them. A model of costs: no message is
//! sent and nothing computed; what a worker's next result is looked at in is the grid's own policy.
//!
//! Tiles are dealt to workers at random. A colluder works honestly at first, then cheats in a share of
//! its tiles, each time in a part of the pixels; caught, it is barred and comes back under another
//! name at once, and everything that it did is looked at again. Whoever of all such attackers gets
//! most wrong tiles past the audits is reported.

use base::Rng;
use node::{REVIEW_PLACES, Standing};

use super::{Bound, Experiment, Report, Request, Source, real};

pub(super) const VERIFY: Experiment =
    Experiment { name: "verify", about: "workers that cheat, and audits", run };

const WORKERS: u64 = 200;
/// Tiles of one job of one attacker.
const TILES: u32 = 1_000_000;
/// Tiles that a name does before it is given up for another.
const NAME_TILES: u32 = 50;
/// Pixels of a tile.
const PIXELS: f64 = 65_536.0;
/// Shares of the workers that collude, with what the Monte Carlo of the reference says of them.
const SHARES: [(f64, Option<f64>); 3] = [(0.05, None), (0.1, Some(1.3e-4)), (0.2, Some(1.3e-4))];

/// How one cheats.
#[derive(Clone, Copy, Debug)]
struct Attacker {
    /// Honest results first.
    honest: u32,
    /// Share of the later tiles in which it cheats.
    share: f64,
    /// Wrong pixels of such a tile.
    wrong: f64,
    /// Gives its name up as soon as it got one wrong tile past the audit.
    hits_and_runs: bool,
}

/// One name of a worker.
#[derive(Clone, Debug, Default)]
struct Name {
    standing: Standing,
    tiles: u32,
    wrong: u32,
}

/// What became of a job.
#[derive(Clone, Copy, Debug, Default)]
struct Outcome {
    done: f64,
    wrong: f64,
    /// In tiles: computed, looked at.
    computed: f64,
    looked: f64,
    caught: f64,
}

impl Outcome {
    fn wrong_share(&self) -> f64 {
        self.wrong / self.done.max(1.0)
    }

    fn overhead(&self) -> f64 {
        (self.computed + self.looked) / self.done.max(1.0)
    }
}

fn run(request: &Request) -> Report {
    let mut report = Report::default();
    let attackers = attackers();
    for (colluders, reference) in SHARES {
        let name = format!("{:.0} % collude", colluders * 100.0);
        if !request.wants(&name) {
            continue;
        }
        let mut worst = (attackers[0], Outcome::default());
        let mut dearest = 0.0f64;
        for (at, attacker) in attackers.iter().enumerate() {
            (request.progress)(&name, at as u64, attackers.len() as u64);
            let outcome = job(request.seed, colluders, *attacker, TILES);
            if outcome.wrong_share() > worst.1.wrong_share() {
                worst = (*attacker, outcome);
            }
            if attacker.honest > 0 {
                dearest = dearest.max(outcome.overhead());
            }
        }
        let (attacker, outcome) = worst;
        report.tell(
            format!("{name}: wrong tiles of the worst attacker"),
            outcome.wrong_share(),
            "",
        );
        if let Some(reference) = reference {
            report.beside(reference, Source::Recalled);
        }
        report.firm(Bound::AtMost(1e-3));
        report.tell(format!("{name}: work for each tile, worst attacker"), outcome.overhead(), "");
        report.beside(1.06, Source::Recalled).firm(Bound::AtMost(1.1));
        report.tell(
            format!("{name}: names lost for each wrong tile"),
            outcome.caught / outcome.wrong.max(1.0),
            "",
        );
        report.tell(
            format!("{name}: work for each tile, dearest that is honest first"),
            dearest,
            "",
        );
        report.note(format!("{name}: the worst attacker is {attacker:?}"));
    }
    honest(request, &mut report);
    report
}

/// Nobody cheats: what looking costs.
fn honest(request: &Request, report: &mut Report) {
    let nobody = Attacker { honest: 0, share: 0.0, wrong: 0.0, hits_and_runs: false };
    let outcome = job(request.seed, 0.0, nobody, TILES);
    report.tell("nobody cheats: work for each tile", outcome.overhead(), "");
    report.firm(Bound::AtMost(1.02));
}

fn attackers() -> Vec<Attacker> {
    let mut all = Vec::new();
    for honest in [0, 1, 4, 8, 16, 32, 40] {
        for wrong in [0.01, 0.02, 0.05] {
            all.push(Attacker { honest, share: 1.0, wrong, hits_and_runs: true });
            for share in [0.03, 0.1, 0.3, 1.0] {
                all.push(Attacker { honest, share, wrong, hits_and_runs: false });
            }
        }
    }
    all
}

/// A job of so many tiles.
fn job(seed: u64, colluders: f64, attacker: Attacker, tiles: u32) -> Outcome {
    let mut rng = Rng::new(seed);
    let bad = (real(WORKERS) * colluders) as usize;
    let mut names: Vec<Name> = vec![Name::default(); WORKERS as usize];
    let mut outcome = Outcome::default();
    while outcome.done < f64::from(tiles) {
        let Some(worker) = rng.index(names.len()) else { break };
        let name = &mut names[worker];
        if name.tiles >= NAME_TILES {
            *name = Name::default();
        }
        let places = name.standing.places();
        outcome.computed += 1.0;
        outcome.looked += f64::from(places) / PIXELS;
        let cheats = worker < bad && name.tiles >= attacker.honest && rng.chance(attacker.share);
        if cheats && !passes(&mut rng, attacker.wrong, places) {
            outcome.caught += 1.0;
            review(&mut rng, attacker.wrong, name, &mut outcome);
            *name = Name::default();
            continue;
        }
        name.standing.note_sound();
        name.tiles += 1;
        outcome.done += 1.0;
        if cheats {
            name.wrong += 1;
            outcome.wrong += 1.0;
            if attacker.hits_and_runs {
                *name = Name::default();
            }
        }
    }
    outcome
}

/// Everything that a name did is looked at again; what is found to be wrong is not done.
fn review(rng: &mut Rng, wrong: f64, name: &Name, outcome: &mut Outcome) {
    outcome.looked += f64::from(name.tiles) * f64::from(REVIEW_PLACES) / PIXELS;
    for _ in 0..name.wrong {
        if !passes(rng, wrong, REVIEW_PLACES) {
            outcome.wrong -= 1.0;
            outcome.done -= 1.0;
        }
    }
}

/// Whether a tile with this share of wrong pixels looks right in so many places.
fn passes(rng: &mut Rng, wrong: f64, places: u32) -> bool {
    rng.chance(libm::pow(1.0 - wrong, f64::from(places)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_attackers_that_gain_most_gain_little() {
        for honest in [0, 4, 32] {
            let attacker = Attacker { honest, share: 1.0, wrong: 0.01, hits_and_runs: true };
            let outcome = job(7, 0.2, attacker, 100_000);
            assert!(outcome.wrong_share() < 1e-3, "{attacker:?}: {outcome:?}");
            assert!(honest == 0 || outcome.overhead() < 1.1, "{attacker:?}: {outcome:?}");
        }
    }

    #[test]
    fn looking_costs_little() {
        let nobody = Attacker { honest: 0, share: 0.0, wrong: 0.0, hits_and_runs: false };
        let outcome = job(8, 0.0, nobody, 100_000);
        assert!(outcome.overhead() < 1.02, "{outcome:?}");
    }
}
