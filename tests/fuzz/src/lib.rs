//! What strangers may send, as functions from bytes to a verdict: one for each family.
//!
//! The guided fuzzer (`guided/`, `cargo xtask fuzz`) looks for bytes that reach new code; those it
//! found are kept in `corpus/` and replayed by the tests, natively and in wasm. A panic is a
//! finding; so is a verdict that differs between the two, an input whose reading allocates more than
//! it may, and a message with two byte forms. Nothing here decides what is acceptable: the crates
//! do.

mod decode;
mod machines;
mod verdict;
#[cfg(target_arch = "wasm32")]
mod wasm;

pub use verdict::Verdict;

/// A kind of input.
pub struct Family {
    /// Its folder in the corpus, and the name of its fuzzer.
    pub name: &'static str,
    /// Bytes at most that are worth trying.
    pub bytes_max: usize,
    /// Whether reading is all that happens: then memory is bounded by the input.
    pub is_decoder: bool,
    run: fn(&[u8], &mut Verdict),
}

/// All of them.
pub const FAMILIES: [Family; 9] = [
    Family { name: "frame", bytes_max: 4_096, is_decoder: true, run: decode::frame },
    Family { name: "parcel", bytes_max: 4_096, is_decoder: true, run: decode::parcel },
    Family { name: "chunk", bytes_max: 4_096, is_decoder: true, run: decode::chunk },
    Family { name: "record", bytes_max: 4_096, is_decoder: true, run: decode::record },
    Family { name: "signal", bytes_max: 4_096, is_decoder: true, run: decode::signal },
    Family { name: "job", bytes_max: 4_096, is_decoder: false, run: decode::job },
    Family { name: "tile", bytes_max: 4_096, is_decoder: false, run: decode::tile },
    Family { name: "room", bytes_max: 2_048, is_decoder: false, run: machines::room },
    Family { name: "node", bytes_max: 2_048, is_decoder: false, run: machines::node },
];

impl Family {
    /// The family of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Family> {
        FAMILIES.iter().find(|family| family.name == name)
    }

    /// What became of `bytes`: the same number on every machine.
    ///
    /// # Panics
    /// When the product has a bug.
    #[must_use]
    pub fn judge(&self, bytes: &[u8]) -> u64 {
        let mut verdict = Verdict::new();
        (self.run)(bytes, &mut verdict);
        verdict.finish()
    }

    /// As [`Family::judge`], without the cost of a verdict.
    ///
    /// # Panics
    /// When the product has a bug.
    pub fn try_out(&self, bytes: &[u8]) {
        (self.run)(bytes, &mut Verdict::none());
    }
}
