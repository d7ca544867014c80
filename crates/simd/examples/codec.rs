//! What a computed tile costs in bytes and in time, each view as a line of JSON for `cargo xtask bench codec`:
//! `cargo run --release -p simd --example codec [RUNS]`.
//!
//! Of each view the tile of median compute time is measured, computed by the fastest engine of this
//! machine with everything that skips steps, and as it came from the kernel: cold for the encoder.
//! Seconds are those of the processor, which a busy machine does not stretch.

use std::hint::black_box;

use fractal::yardstick::{VIEWS, deep_views, view};
use fractal::{View, compute_with, decode_tile, encode_tile};
use rustix::time::{ClockId, clock_gettime};

/// Encodings and decodings of a tile for each time that it is computed.
const REPEATS: usize = 50;

/// This thread's share of the processor, in seconds.
fn processor_seconds() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}

/// The seconds that this takes in the median.
fn median<T>(runs: usize, run: impl Fn() -> T) -> f64 {
    let mut seconds: Vec<f64> = (0..runs)
        .map(|_| {
            let start = processor_seconds();
            black_box(run());
            processor_seconds() - start
        })
        .collect();
    seconds.sort_unstable_by(f64::total_cmp);
    seconds[seconds.len() / 2]
}

fn main() {
    let runs = std::env::args().nth(1).and_then(|runs| runs.parse().ok()).unwrap_or(5);
    for name in VIEWS {
        measure(name, &view(name).expect("a known view"), runs);
    }
    for (name, view) in deep_views() {
        measure(name, &view, 1);
    }
}

fn measure(name: &str, view: &View, runs: usize) {
    let spec = view.validate().expect("a known view");
    // What all tiles of a deep view share is no part of any of them.
    let _ = spec.reference_orbit();
    let compute = |task| compute_with(simd::best(), &spec, task).expect("a task of the view");
    let mut tasks: Vec<(f64, u32)> =
        (0..spec.task_count()).map(|task| (median(runs, || compute(task)), task)).collect();
    tasks.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let (seconds, task) = tasks[tasks.len() / 2];
    let tile = compute(task);
    let bytes = encode_tile(&tile);
    let encode = median(runs * REPEATS, || encode_tile(black_box(&tile)));
    let decode = median(runs * REPEATS, || decode_tile(black_box(&bytes), tile.width, tile.height));
    let params: String = view.encode().iter().map(|byte| format!("{byte:02x}")).collect();
    println!(
        "{{\"name\":\"{name}\",\"engine\":\"{}\",\"task\":{task},\"pixels\":{},\"bytes\":{},\
         \"seconds\":{seconds:.6},\"encode\":{encode:.7},\"decode\":{decode:.7},\"params\":\"{params}\"}}",
        simd::best().name(),
        tile.levels.len(),
        bytes.len(),
    );
}
