//! `millefeuille gallery`: pictures that a seed chooses, all of them one job, and a sheet of them.

use std::io::Write;
use std::path::PathBuf;

use base::Duration;
use fractal::{Blend, FRAMES_MAX, Gallery, Painter, Series, Variation, View, compute_with};

use super::Helpers;
use super::gather::{Gather, Output};
use super::render::{Size, compute, detach};
use crate::album::Album;
use crate::draft::Draft;
use crate::failure::Failure;
use crate::picture::Look;
use crate::progress::Progress;
use crate::report::{self, Outcome};
use crate::signals::Signals;

/// Pixels of a picture on the sheet, at most 128 each way so that two points a pixel are one tile.
const WIDTH: u32 = 128;
const HEIGHT: u32 = 96;
/// Pixels between them, and the grey that they lie on.
const GAP: u32 = 4;
const GREY: u8 = 18;
const RGB: usize = 3;

/// Compute pictures that a seed chooses: families, places and colours
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("what").required(true).multiple(true).args(["out", "sheet", "detach"]))]
pub(crate) struct Args {
    #[command(flatten)]
    helpers: Helpers,
    /// The same seed is the same pictures
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// How many
    #[arg(long, value_name = "N", default_value_t = 12)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=i64::from(FRAMES_MAX)))]
    count: u32,
    /// Pixels of each
    #[arg(long, value_name = "WxH", default_value = "1600x1200")]
    size: Size,
    /// The directory for the pictures; those that it has already stay as they are
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Leave once the network holds the job, and print its id for `watch`
    #[arg(long, requires = "server", conflicts_with = "out")]
    detach: bool,
    /// A file for a sheet of small versions, which are computed here
    #[arg(long, value_name = "FILE")]
    sheet: Option<PathBuf>,
}

/// Chooses, computes and writes; all pictures are one job.
pub(crate) async fn run(args: &Args, is_json: bool, is_quiet: bool) -> Result<(), Failure> {
    let Args { seed, count, size: Size(width, height), .. } = *args;
    let gallery = Gallery { seed, first: 0, count, width, height };
    let frames = Series::Gallery(gallery).validate().map_err(Failure::usage)?;
    if let Some(sheet) = &args.sheet {
        let small = small_versions(gallery, args.helpers.resources.threads());
        Draft::create(sheet)?.complete(|out| write_sheet(out, &small))?;
    }
    let signals = Signals::listen().map_err(anyhow::Error::from)?;
    match &args.out {
        _ if args.detach => detach(&frames, &args.helpers, signals, is_json).await,
        Some(directory) => {
            // The seed chooses palettes and how they are wound.
            let album = Album::open(directory, &frames, Look::default())?;
            fill(album, &args.helpers, signals, is_json, is_quiet).await
        }
        None => Ok(()),
    }
}

/// Computes the frames of an album that are missing, and says what became of it.
pub(super) async fn fill(
    album: Album,
    helpers: &Helpers,
    signals: Signals,
    is_json: bool,
    is_quiet: bool,
) -> Result<(), Failure> {
    let progress = Progress::new(is_quiet);
    if album.found() > 0 {
        let (found, place) = (album.found(), album.directory().display());
        progress.say(&format!("{found} frames are in {place} already, and stay as they are"));
    }
    let Some(rest) = album.rest()? else {
        let frames = album.frames().clone();
        let all = Gather::new(frames, Output::Album(Box::new(album)), progress);
        let nothing = Outcome { tiles: 0, frames: 0, ..all.alone(Duration::ZERO) };
        report::outcome(&nothing, is_json, is_quiet);
        return Ok(());
    };
    let gather = Gather::new(rest.frames().clone(), Output::Album(Box::new(rest)), progress);
    let outcome = compute(gather, helpers, signals).await?;
    report::outcome(&outcome, is_json, is_quiet);
    Ok(())
}

/// The pixels of each picture in small, as RGB.
fn small_versions(gallery: Gallery, threads: u16) -> Vec<Vec<u8>> {
    let all: Vec<u32> = (0..gallery.count).collect();
    let share = all.len().div_ceil(usize::from(threads)).max(1);
    let small = |frame: &u32| small_version(gallery.variation(simd::best(), *frame));
    std::thread::scope(|scope| {
        let shares: Vec<_> = all
            .chunks(share)
            .map(|frames| scope.spawn(|| frames.iter().map(small).collect::<Vec<_>>()))
            .collect();
        let join = |share: std::thread::ScopedJoinHandle<'_, Vec<Vec<u8>>>| {
            share.join().expect("small pictures are within the limits of large ones")
        };
        shares.into_iter().flat_map(join).collect()
    })
}

fn small_version(Variation { view, palette, colouring }: Variation) -> Vec<u8> {
    let view = View { width: WIDTH * 2, height: HEIGHT * 2, ..view };
    let spec = view.validate().expect("a smaller picture is within the limits");
    let tile = compute_with(simd::best(), &spec, 0).expect("it is one tile");
    let painter = Painter::new(palette, colouring).of(view.formula);
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
