//! The simulator for a host that runs wasm: digests of small worlds, and messages passed on. Built as
//! a library for `tests/wasm` and the benches; natively it is of no use.

use std::sync::Mutex;

use sim::Passing;

static PASSING: Mutex<Option<Passing>> = Mutex::new(None);

/// The digest of everything that happens in the small world of `seed`.
#[expect(unsafe_code, reason = "a name for the host")]
#[unsafe(no_mangle)]
pub extern "C" fn trace(seed: u64) -> u64 {
    sim::experiment::trace_of(seed)
}

/// Routes `count` messages through one node of a converged ring; how many it passed on.
#[expect(unsafe_code, reason = "a name for the host")]
#[unsafe(no_mangle)]
pub extern "C" fn pass(count: u64) -> u64 {
    let Ok(mut passing) = PASSING.lock() else { return 0 };
    passing.get_or_insert_default().pass(count)
}
