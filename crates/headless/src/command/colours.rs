//! The arguments that say how a picture is painted, for every command that takes all of them.

use fractal::{Colouring, Palette};

use crate::picture::Look;

/// How what is computed is painted.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Colours {
    /// Points computed for each pixel in each direction: 1, 2 or 4
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = samples)]
    pub(super) samples: u32,
    /// Colours
    #[arg(long, value_name = "P", default_value_t)]
    palette: Palette,
    /// How often colours come round, relative to the usual 1
    #[arg(long, value_name = "X", default_value_t = Colouring::default().density)]
    density: f64,
    /// Where in the palette to begin, in turns
    #[arg(long, value_name = "X", default_value_t = Colouring::default().offset)]
    #[arg(allow_hyphen_values = true)]
    offset: f64,
    /// Colours by rank: each covers as much of the picture as any other
    #[arg(long)]
    histogram: bool,
}

impl Colours {
    pub(super) fn look(&self) -> Look {
        let Colours { samples, palette, density, offset, histogram } = *self;
        Look { samples, palette, colouring: Colouring { density, offset }, is_ranked: histogram }
    }
}

fn samples(text: &str) -> Result<u32, &'static str> {
    let samples = text.parse().ok().filter(|samples| [1, 2, 4].contains(samples));
    samples.ok_or("there are 1, 2 and 4")
}
