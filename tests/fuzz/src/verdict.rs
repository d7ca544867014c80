//! What became of an input, as one number (FNV-1a of what was noted).

use std::fmt::{self, Debug, Write};

/// Notes, summed up.
#[derive(Debug)]
pub struct Verdict(Option<u64>);

impl Verdict {
    pub(crate) fn new() -> Self {
        Verdict(Some(0xcbf2_9ce4_8422_2325))
    }

    pub(crate) fn none() -> Self {
        Verdict(None)
    }

    pub(crate) fn note(&mut self, what: &impl Debug) {
        if self.0.is_some() {
            // Only a broken `Debug` could fail.
            let _ = write!(self, "{what:?};");
        }
    }

    pub(crate) fn finish(&self) -> u64 {
        self.0.unwrap_or_default()
    }
}

impl Write for Verdict {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if let Some(sum) = &mut self.0 {
            for byte in text.bytes() {
                *sum = (*sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
            }
        }
        Ok(())
    }
}
