//! Deep pictures on one core, each as a line of JSON for `cargo xtask bench deep`:
//! `cargo run --release -p simd --example deep [WIDTHxHEIGHT] [ENGINE] [VIEW]`.
//!
//! Seconds are those of the processor, which a busy machine does not stretch. The ratio is the speed in
//! iterations that a plain loop would need, compared with such a loop in the same run: above 1, a deep
//! picture is faster than its counts in f64 would be.

use std::error::Error;
use std::hint::black_box;

use fractal::yardstick::{deep_views, stream};
use fractal::{Engine, Formula, View, follow};
use rustix::time::{ClockId, clock_gettime};

/// Steps of the plain loop, all inside the set.
const PLAIN_STEPS: u32 = 1 << 26;

/// This thread's share of the processor, in seconds.
fn processor_seconds() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let argument = |at: usize| arguments.get(at).map(String::as_str);
    let size = argument(0).unwrap_or("1024x768");
    let (width, height) = size.split_once('x').ok_or("write WIDTHxHEIGHT")?;
    let (width, height) = (width.parse()?, height.parse()?);
    let engines = simd::all();
    let wanted = |engine: &&&dyn Engine| argument(1).is_none_or(|name| name == engine.name());
    let engine = *engines.iter().rev().find(wanted).ok_or("no such engine here")?;
    let plain = plain_speed();
    for (name, view) in deep_views() {
        if argument(2).is_none_or(|only| only == name) {
            measure(engine, name, &View { width, height, ..view }, plain)?;
        }
    }
    Ok(())
}

/// Iterations a second of the reference loop in f64, one point at a time.
fn plain_speed() -> f64 {
    let begin = processor_seconds();
    let orbit = Formula::MANDELBROT.orbit(-0.1, 0.1, 0.0, 0.0);
    assert_eq!(black_box(follow(Formula::MANDELBROT, black_box(orbit), PLAIN_STEPS)), None);
    f64::from(PLAIN_STEPS) / (processor_seconds() - begin)
}

fn measure(
    engine: &'static dyn Engine,
    name: &str,
    view: &View,
    plain: f64,
) -> Result<(), Box<dyn Error>> {
    let begin = processor_seconds();
    let spec = view.validate()?;
    let orbit = spec.reference_orbit().ok_or("not deep")?;
    let orbit_seconds = processor_seconds() - begin;
    let total: u64 = (0..spec.task_count()).map(|task| stream(engine, &spec, task, true)).sum();
    let seconds = processor_seconds() - begin;
    let params: String = view.encode().iter().map(|byte| format!("{byte:02x}")).collect();
    println!(
        "{{\"name\":\"{name}\",\"engine\":\"{}\",\"width\":{},\"height\":{},\"seconds\":{seconds:.3},\
         \"orbit_seconds\":{orbit_seconds:.4},\"orbit_bytes\":{},\"iterations\":{total},\
         \"ratio\":{:.3},\"params\":\"{params}\",\"tasks\":{}}}",
        engine.name(),
        view.width,
        view.height,
        orbit.len(),
        total as f64 / seconds / plain,
        spec.task_count(),
    );
    Ok(())
}
