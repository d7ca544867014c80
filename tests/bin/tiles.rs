//! `tiles SEED COUNT`: random tiles as lines of JSON, each with the digest of its bytes.
//! `tiles --time`: one dear tile, with the seconds that computing it took (best of five).
#![expect(clippy::disallowed_types, reason = "a benchmark reads the clock")]
#![expect(clippy::print_stdout, reason = "lines are its output")]

use std::time::Instant;

use anyhow::{Context as _, Result};
use fractal::{View, compute_with, encode_tile};
use serde_json::json;

/// A tile of mean cost: the seahorse valley, 1,000 to 20,000 iterations a pixel.
fn dear_view() -> View {
    View {
        re: "-0.743643887037151".to_owned(),
        im: "0.131825904205330".to_owned(),
        zoom: "6000".to_owned(),
        max_iter: 20_000,
        width: 1024,
        height: 768,
        ..View::default()
    }
}

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let first = arguments.next().context("usage: tiles SEED COUNT | tiles --time")?;
    if first == "--time" {
        let view = dear_view();
        let spec = view.validate()?;
        let mut best = f64::INFINITY;
        for _ in 0..5 {
            let start = Instant::now();
            let tile = compute_with(simd::best(), &spec, 0).context("a tile")?;
            std::hint::black_box(encode_tile(&tile));
            best = best.min(start.elapsed().as_secs_f64());
        }
        let params = data_encoding::HEXLOWER.encode(&view.encode());
        println!("{}", json!({"params": params, "task": 0, "seconds": best}));
        return Ok(());
    }
    let count = arguments.next().context("how many")?.parse()?;
    for tile in tests::random_tiles(first.parse()?, count) {
        println!("{}", tile.json());
    }
    Ok(())
}
