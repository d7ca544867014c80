//! `verdicts FOLDER`: a line for each input of a corpus, `FAMILY FILE VERDICT`, for comparison with
//! other machines.
#![expect(clippy::print_stdout, reason = "lines are its output")]

use std::error::Error;
use std::fs;
use std::path::PathBuf;

use fuzz::FAMILIES;

fn main() -> Result<(), Box<dyn Error>> {
    let corpus = PathBuf::from(std::env::args_os().nth(1).ok_or("which corpus?")?);
    for family in &FAMILIES {
        for entry in fs::read_dir(corpus.join(family.name))? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            println!("{} {name} {:016x}", family.name, family.judge(&fs::read(&path)?));
        }
    }
    Ok(())
}
