//! The verdicts for a host that runs wasm: bytes go in one by one, a verdict comes out.

use std::sync::Mutex;

use crate::FAMILIES;

static INPUT: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// One more byte of the input.
#[expect(unsafe_code, reason = "a name for the host")]
#[unsafe(no_mangle)]
pub extern "C" fn push(byte: u32) {
    if let Ok(mut input) = INPUT.lock() {
        input.push(u8::try_from(byte).unwrap_or(0));
    }
}

/// The verdict of a family on the bytes since the last one.
#[expect(unsafe_code, reason = "a name for the host")]
#[unsafe(no_mangle)]
pub extern "C" fn judge(family: usize) -> u64 {
    let input = INPUT.lock().map(|mut input| std::mem::take(&mut *input)).unwrap_or_default();
    FAMILIES[family].judge(&input)
}
