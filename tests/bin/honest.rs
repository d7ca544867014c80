//! `honest [--tiles N] [--seed S]`: right tiles of all families, at all depths, each looked at by an
//! audit that another engine of this machine computes, as one peer looks at another's. Whoever is
//! honest must never be accused: fails if one tile is found wrong. Prints one line of JSON in the end.
#![expect(clippy::print_stdout, reason = "a line is its output")]

use std::thread;

use anyhow::{Context as _, Result, bail, ensure};
use base::Rng;
use fractal::{Audit, compute_with, encode_tile};
use serde_json::json;
use tests::random_small_view;

/// Places that an audit looks at: those of a worker with a long record, and of a stranger.
const PLACES: [u32; 2] = [256, 1024];
/// Iterations of one step of an audit, so that it is interrupted as a peer interrupts it.
const STEP: u64 = 10_000;

/// What was found.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    tiles: u64,
    places: u64,
    accused: u64,
}

fn main() -> Result<()> {
    let (mut tiles, mut seed) = (10_000u64, 1u64);
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let value = arguments.next().with_context(|| format!("{name} takes a number"))?;
        let value = value.parse().with_context(|| format!("{name} takes a number"))?;
        match name.as_str() {
            "--tiles" => tiles = value,
            "--seed" => seed = value,
            _ => bail!("honest takes --tiles and --seed, not {name}"),
        }
    }
    let cores = thread::available_parallelism().map_or(1, |cores| cores.get() as u64);
    let start = |core: u64| {
        let share = (tiles + core) / cores;
        thread::spawn(move || look(Rng::new(seed ^ (core << 32)), share))
    };
    let looking: Vec<_> = (0..cores).map(start).collect();
    let mut all = Tally::default();
    for thread in looking {
        let Ok(tally) = thread.join() else { bail!("a panic") };
        let tally = tally?;
        all.tiles += tally.tiles;
        all.places += tally.places;
        all.accused += tally.accused;
    }
    println!(
        "{}",
        json!({ "seed": seed, "tiles": all.tiles, "places": all.places, "accused": all.accused })
    );
    ensure!(all.accused == 0, "{} honest tiles were found wrong", all.accused);
    Ok(())
}

/// Computes so many tiles and audits each.
fn look(mut rng: Rng, tiles: u64) -> Result<Tally> {
    let engines = simd::all();
    let mut tally = Tally::default();
    while tally.tiles < tiles {
        let view = random_small_view(&mut rng);
        let spec = view.validate().with_context(|| format!("{view:?}"))?;
        let [computes, looks] = [(); 2].map(|()| rng.pick(&engines).copied());
        let (Some(computes), Some(looks)) = (computes, looks) else { bail!("no engine") };
        let places = *rng.pick(&PLACES).unwrap_or(&PLACES[0]);
        let tile = compute_with(computes, &spec, 0).with_context(|| format!("{view:?}"))?;
        let payload = encode_tile(&tile);
        tally.tiles += 1;
        tally.places += u64::from(places).min(tile.levels.len() as u64);
        if !is_sound(Audit::new(looks, &spec, 0, &payload, rng.next_u64(), places)) {
            tally.accused += 1;
            eprintln!("{} computed, {} found wrong: {view:?}", computes.name(), looks.name());
        }
    }
    Ok(tally)
}

fn is_sound(mut audit: Audit) -> bool {
    while !audit.step(STEP) {}
    audit.is_sound().unwrap_or(false)
}
