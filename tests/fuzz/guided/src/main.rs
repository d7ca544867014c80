//! `FUZZ_FAMILY=NAME guided [FOLDER…] [-libFuzzer=options]`
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| guided::run(bytes));
