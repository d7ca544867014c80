//! Measures every engine of this machine and prints one line of JSON for each number:
//! `cargo run --release -p simd --example kernels [RUNS] [ENGINE] [VIEW] [all|skipping]`.
//!
//! Speeds are useful iterations per second of the processor's time, in the median of several runs: what
//! else the machine does then disturbs a kernel and its limit alike.

use std::hint::black_box;

use fractal::Engine;
use fractal::yardstick::{VIEWS, limit, plain_loop, stream, view};
use rustix::time::{ClockId, clock_gettime};

const LIMIT_STEPS: u32 = 1 << 16;
/// Runs of the limit for each run of a view.
const LIMIT_RUNS: usize = 20;
/// The plain loop takes every 16th pixel in each direction.
const STRIDE: u32 = 16;

/// This thread's share of the processor, in seconds.
fn processor_seconds() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}

/// What a run returns, and the seconds that it took in the median.
fn median(runs: usize, run: impl Fn() -> u64) -> (u64, f64) {
    let mut iterations = 0;
    let mut seconds: Vec<f64> = (0..runs.max(1))
        .map(|_| {
            let start = processor_seconds();
            iterations = black_box(run());
            processor_seconds() - start
        })
        .collect();
    seconds.sort_unstable_by(f64::total_cmp);
    (iterations, seconds[seconds.len() / 2])
}

fn print(engine: &dyn Engine, what: &str, (iterations, seconds): (u64, f64)) {
    let (name, speed) = (engine.name(), iterations as f64 / seconds);
    println!(
        r#"{{"engine":"{name}","what":"{what}","iterations":{iterations},"speed":{speed:.0}}}"#
    );
}

fn main() {
    let runs = std::env::args().nth(1).and_then(|runs| runs.parse().ok()).unwrap_or(5);
    let only = std::env::args().nth(2);
    let only_view = std::env::args().nth(3);
    let only_how = std::env::args().nth(4);
    let specs =
        VIEWS.into_iter().filter(|&name| only_view.as_ref().is_none_or(|view| view == name));
    let specs = specs.map(|name| {
        let spec = view(name).and_then(|view| view.validate().ok());
        (name, spec.expect("a known view"))
    });
    let specs: Vec<_> = specs.collect();
    for (name, spec) in &specs {
        let params = view(name).map(|view| view.encode()).unwrap_or_default();
        let params: String = params.iter().map(|byte| format!("{byte:02x}")).collect();
        let tasks = spec.task_count();
        println!(r#"{{"view":"{name}","params":"{params}","tasks":{tasks}}}"#);
    }
    let wanted = |name: &str| only.as_ref().is_none_or(|only| only == name);
    for engine in simd::all().into_iter().filter(|engine| wanted(engine.name())) {
        print(engine, "limit", median(runs * LIMIT_RUNS, || limit(engine, LIMIT_STEPS)));
        for (name, spec) in &specs {
            if engine.name() == "plain" {
                print(engine, &format!("{name}, loop"), median(runs, || plain_loop(spec, STRIDE)));
            }
            for (skips, how) in [(false, "all"), (true, "skipping")] {
                if only_how.as_ref().is_some_and(|only| only != how) {
                    continue;
                }
                let tile = |task| median(runs, || stream(engine, spec, task, skips));
                let add = |(n, s): (u64, f64), (m, t): (u64, f64)| (n + m, s + t);
                let total = (0..spec.task_count()).map(tile).fold((0, 0.0), add);
                print(engine, &format!("{name}, {how}"), total);
            }
        }
    }
}
