//! `millefeuille gallery`: pictures that a seed chooses, one after the other, and a sheet of all of them.

use std::io::Write;
use std::path::PathBuf;

use anyhow::Context as _;
use fractal::{Blend, Painter, Variation, View, compute_with, variation};

use super::gather::Gather;
use super::render::{Size, alone, cooperate};
use super::{Helpers, say_goodbye};
use crate::driver::Driver;
use crate::failure::Failure;
use crate::picture::{Draft, Picture};
use crate::progress::Progress;
use crate::report::{self, Outcome};
use crate::signals::Signals;

/// Pictures of one gallery at most; more are refused.
const COUNT_MAX: i64 = 1_000;
/// Pixels of a picture on the sheet, at most 128 each way so that two points a pixel are one tile.
const WIDTH: u32 = 128;
const HEIGHT: u32 = 96;
/// Pixels between them, and the grey that they lie on.
const GAP: u32 = 4;
const GREY: u8 = 18;
const RGB: usize = 3;

/// Compute pictures that a seed chooses: families, places and colours
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("what").required(true).multiple(true).args(["out", "sheet"]))]
pub(crate) struct Args {
    #[command(flatten)]
    helpers: Helpers,
    /// The same seed is the same pictures
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// How many
    #[arg(long, value_name = "N", default_value_t = 12)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=COUNT_MAX))]
    count: u32,
    /// Pixels of each
    #[arg(long, value_name = "WxH", default_value = "1600x1200")]
    size: Size,
    /// The directory for the pictures
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// A file for a sheet of small versions, which are computed here
    #[arg(long, value_name = "FILE")]
    sheet: Option<PathBuf>,
}

/// Chooses, computes, writes, and tells about each picture.
pub(crate) async fn run(args: &Args, is_json: bool, is_quiet: bool) -> Result<(), Failure> {
    let pictures = choose(args)?;
    if let Some(sheet) = &args.sheet {
        let small = small_versions(&pictures, args.helpers.resources.threads());
        Draft::create(sheet)?.complete(|out| write_sheet(out, &small))?;
    }
    let Some(directory) = &args.out else { return Ok(()) };
    std::fs::create_dir_all(directory).with_context(|| directory.display().to_string())?;
    let server = args.helpers.server();
    let mut driver = server.map(|server| args.helpers.resources.join(server)).transpose()?;
    let mut signals = Signals::listen().map_err(anyhow::Error::from)?;
    let mut outcome = Ok(());
    for (index, picture) in pictures.into_iter().enumerate() {
        let draft = Draft::create(&directory.join(format!("{}-{index:03}.png", args.seed)))?;
        let mut gather = Gather::new(picture, Some(draft), Progress::new(is_quiet));
        let computed = compute(&mut gather, args, driver.as_mut(), &mut signals).await;
        gather.progress.end();
        outcome = computed.map(|outcome| report::outcome(&outcome, is_json, is_quiet));
        if outcome.is_err() {
            break;
        }
    }
    if let Some(mut driver) = driver {
        say_goodbye(&mut driver, &mut signals).await;
    }
    outcome
}

async fn compute(
    gather: &mut Gather,
    args: &Args,
    driver: Option<&mut Driver>,
    signals: &mut Signals,
) -> Result<Outcome, Failure> {
    match (driver, args.helpers.server()) {
        (Some(driver), Some(server)) => cooperate(gather, driver, server, signals).await,
        _ => alone(gather, &args.helpers.resources, signals).await,
    }
}

/// The pictures of the seed.
fn choose(args: &Args) -> Result<Vec<Picture>, Failure> {
    let choose = |index| {
        let Variation { view, palette, colouring } =
            variation(simd::best(), args.seed, index, (args.size.0, args.size.1));
        let spec = view.validate().map_err(Failure::usage)?;
        Ok(Picture { view, spec, samples: 1, palette, colouring })
    };
    (0..args.count).map(choose).collect()
}

/// The pixels of each picture in small, as RGB.
fn small_versions(pictures: &[Picture], threads: u16) -> Vec<Vec<u8>> {
    let share = pictures.len().div_ceil(usize::from(threads)).max(1);
    std::thread::scope(|scope| {
        let shares: Vec<_> = pictures
            .chunks(share)
            .map(|pictures| scope.spawn(|| pictures.iter().map(small_version).collect::<Vec<_>>()))
            .collect();
        let join = |share: std::thread::ScopedJoinHandle<'_, Vec<Vec<u8>>>| {
            share.join().expect("small pictures are within the limits of large ones")
        };
        shares.into_iter().flat_map(join).collect()
    })
}

fn small_version(picture: &Picture) -> Vec<u8> {
    let view = View { width: WIDTH * 2, height: HEIGHT * 2, ..picture.view.clone() };
    let spec = view.validate().expect("a smaller picture is within the limits");
    let tile = compute_with(simd::best(), &spec, 0).expect("it is one tile");
    let painter = Painter::new(picture.palette, picture.colouring).of(view.formula);
    let blend = Blend::new();
    let mut pixels = Vec::new();
    for rows in tile.levels.chunks_exact(view.width as usize * 2) {
        let (upper, lower) = rows.split_at(view.width as usize);
        for (upper, lower) in upper.chunks_exact(2).zip(lower.chunks_exact(2)) {
            let square = upper.iter().chain(lower).map(|level| painter.colour(*level));
            pixels.extend(blend.mean(square));
        }
    }
    pixels
}

/// All of them side by side.
fn write_sheet(out: impl Write, small: &[Vec<u8>]) -> anyhow::Result<()> {
    let count = u32::try_from(small.len()).unwrap_or(u32::MAX);
    let columns = (1..=count).find(|n| n * n * HEIGHT >= count * WIDTH * 3 / 4).unwrap_or(1);
    let side = |cells: u32, pixels: u32| cells * (pixels + GAP) + GAP;
    let (width, height) = (side(columns, WIDTH), side(count.div_ceil(columns), HEIGHT));
    let mut sheet = vec![GREY; width as usize * height as usize * RGB];
    for (index, pixels) in (0..count).zip(small) {
        let (left, top) = (side(index % columns, WIDTH), side(index / columns, HEIGHT));
        for (row, line) in (top..).zip(pixels.chunks_exact(WIDTH as usize * RGB)) {
            let at = (row * width + left) as usize * RGB;
            sheet[at..at + line.len()].copy_from_slice(line);
        }
    }
    let mut encoder = png::Encoder::new(out, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&sheet)?;
    Ok(writer.finish()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sheet_shows_every_picture_once() {
        let small: Vec<Vec<u8>> =
            (0..7).map(|index| vec![100 + index; (WIDTH * HEIGHT) as usize * RGB]).collect();
        let mut file = Vec::new();
        write_sheet(&mut file, &small).unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(&file)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut pixels).unwrap();
        for index in 0..7 {
            let count = pixels.iter().filter(|byte| **byte == 100 + index).count();
            assert_eq!(count, (WIDTH * HEIGHT) as usize * RGB);
        }
    }
}
