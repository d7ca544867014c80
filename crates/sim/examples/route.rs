//! How many messages a second one node passes on, on one native core: a row for `cargo xtask bench
//! route`.
#![expect(clippy::print_stdout, reason = "a bench prints its row")]

use sim::Passing;

const WARM_UP: u64 = 50_000;
const MESSAGES: u64 = 1_000_000;
/// Messages a second that the design wants.
const WANTED: f64 = 1e6;

#[expect(clippy::disallowed_types, reason = "a driver; what it measures decides nothing")]
type Moment = std::time::Instant;

/// Seconds on a core where the system tells (Linux); else those on the wall.
fn seconds(start: Moment) -> f64 {
    let stat = std::fs::read_to_string("/proc/self/schedstat").ok();
    let nanos = stat.and_then(|stat| stat.split_whitespace().next()?.parse::<f64>().ok());
    nanos.map_or_else(|| start.elapsed().as_secs_f64(), |nanos| nanos / 1e9)
}

fn main() {
    let mut passing = Passing::default();
    passing.pass(WARM_UP);
    let moment = Moment::now();
    let start = seconds(moment);
    let passed = passing.pass(MESSAGES);
    let took = seconds(moment) - start;
    let rate = passed as f64 / took;
    println!(
        r#"{{"section":"route","name":"native / 1,000,000 messages a second","ratio":{:.3},"detail":"{passed} of {MESSAGES} passed on, {} peers in the tables","pass":{}}}"#,
        rate / WANTED,
        passing.peers(),
        rate >= WANTED
    );
}
