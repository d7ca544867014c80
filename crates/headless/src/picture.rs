//! From payloads to a file, one row of tiles at a time: a PNG, or the numbers themselves (`numbers`).
//!
//! Payloads stay in their compressed form until they are painted, so the memory that a picture
//! takes is that of its numbers, not of its pixels.

mod numbers;

use std::io::Write;
use std::path::Path;

use anyhow::Context as _;
use bytes::Bytes;
use fractal::{
    Blend, Colouring, Histogram, Painter, Palette, Rect, Spec, TILE, Tile, View, ViewError,
    decode_tile, encode_tile,
};

/// Bytes of one pixel.
const RGB: usize = 3;

/// A picture and how to colour it.
#[derive(Clone, Debug)]
pub(crate) struct Picture {
    pub(crate) view: View,
    pub(crate) spec: Spec,
    pub(crate) look: Look,
}

/// How pictures are painted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look {
    /// Points of the view for each pixel of the file, in each direction: 1, 2 or 4.
    pub(crate) samples: u32,
    pub(crate) palette: Palette,
    pub(crate) colouring: Colouring,
    /// Colours by rank: each covers as much of the picture as any other.
    pub(crate) is_ranked: bool,
}

/// As the options of a command are where none is given.
impl Default for Look {
    fn default() -> Self {
        let (palette, colouring) = (Palette::default(), Colouring::default());
        Look { samples: 1, palette, colouring, is_ranked: false }
    }
}

impl Look {
    /// The picture of a view.
    pub(crate) fn picture(self, view: View) -> Result<Picture, ViewError> {
        Ok(Picture { spec: view.validate()?, view, look: self })
    }
}

impl Picture {
    /// Writes the picture as what the name of `file` says: numbers where it ends in `.npy`, else a PNG.
    /// Arguments and result are those of [`Picture::write`].
    pub(crate) fn write_as(
        &self,
        file: &Path,
        out: impl Write,
        payloads: &[Option<Bytes>],
    ) -> anyhow::Result<u32> {
        let is_npy = file.extension().is_some_and(|name| name.eq_ignore_ascii_case("npy"));
        if is_npy { self.write_numbers(out, payloads) } else { self.write(out, payloads) }
    }

    /// Writes the picture as PNG. `payloads` has one entry for each task; a tile that is missing
    /// or damaged is computed here. Returns how many were.
    pub(crate) fn write(&self, out: impl Write, payloads: &[Option<Bytes>]) -> anyhow::Result<u32> {
        let painter = Painter::new(self.look.palette, self.look.colouring).of(self.view.formula);
        if !self.look.is_ranked {
            return self.write_png(out, payloads, &painter);
        }
        let mut payloads = payloads.to_vec();
        let (histogram, repaired) = self.count(&mut payloads)?;
        self.write_png(out, &payloads, &painter.by_rank(&histogram))?;
        Ok(repaired)
    }

    /// How often each level occurs. Tiles that had to be computed for it have payloads afterwards;
    /// also returns how many those are.
    fn count(&self, payloads: &mut Vec<Option<Bytes>>) -> anyhow::Result<(Histogram, u32)> {
        let (mut histogram, mut repaired) = (Histogram::default(), 0);
        payloads.resize(self.spec.task_count() as usize, None);
        for (task, rect) in self.bands().into_iter().flatten() {
            let before = repaired;
            let tile = self.tile(payloads, task, rect, &mut repaired)?;
            histogram.add(&tile.levels);
            if repaired > before {
                payloads[task as usize] = Some(encode_tile(&tile).into());
            }
        }
        Ok((histogram, repaired))
    }

    fn write_png(
        &self,
        out: impl Write,
        payloads: &[Option<Bytes>],
        painter: &Painter,
    ) -> anyhow::Result<u32> {
        let (width, height) = self.size();
        let mut encoder = png::Encoder::new(out, width, height);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        for (keyword, text) in self.texts() {
            encoder.add_text_chunk(keyword.into(), text)?;
        }
        let mut writer = encoder.write_header()?;
        let mut stream = writer.stream_writer()?;
        let blend = Blend::new();
        let mut band = Vec::new();
        let mut repaired = 0;
        for tiles in self.bands() {
            let rows = tiles.first().map_or(0, |(_, rect)| rect.height);
            band.clear();
            band.resize(self.spec.width() as usize * rows as usize * RGB, 0);
            for (task, rect) in tiles {
                let tile = self.tile(payloads, task, rect, &mut repaired)?;
                self.paint(painter, &tile, rect, &mut band);
            }
            if self.look.samples > 1 {
                band = self.shrink(&blend, &band);
            }
            stream.write_all(&band)?;
        }
        stream.finish()?;
        writer.finish()?;
        Ok(repaired)
    }

    /// The tile of a task, computed here and counted where its payload is missing or damaged.
    fn tile(
        &self,
        payloads: &[Option<Bytes>],
        task: u32,
        rect: Rect,
        repaired: &mut u32,
    ) -> anyhow::Result<Tile> {
        let bytes = payloads.get(task as usize).and_then(Option::as_ref);
        let tile = bytes.and_then(|bytes| decode_tile(bytes, rect.width, rect.height).ok());
        let computed = || {
            *repaired += 1;
            fractal::compute_with(simd::best(), &self.spec, task)
        };
        tile.or_else(computed).context("a tile outside the picture")
    }

    /// Pixels of the file.
    pub(crate) fn size(&self) -> (u32, u32) {
        (self.spec.width() / self.look.samples, self.spec.height() / self.look.samples)
    }

    /// One pixel for each square of points: what they shine together.
    fn shrink(&self, blend: &Blend, band: &[u8]) -> Vec<u8> {
        let samples = self.look.samples as usize;
        let stride = self.spec.width() as usize * RGB;
        let mut pixels = Vec::with_capacity(band.len() / (samples * samples));
        // The sides of tiles are multiples of the samples, so a band holds whole squares.
        for rows in band.chunks_exact(stride * samples) {
            for x in (0..stride).step_by(RGB * samples) {
                let square = rows
                    .chunks_exact(stride)
                    .flat_map(|row| row[x..x + RGB * samples].as_chunks::<RGB>().0);
                pixels.extend(blend.mean(square.copied()));
            }
        }
        pixels
    }

    /// The tasks of each row of tiles, from the top, each row from the left.
    fn bands(&self) -> Vec<Vec<(u32, Rect)>> {
        let mut bands = vec![Vec::new(); self.spec.height().div_ceil(TILE) as usize];
        for (task, rect) in (0..).zip(self.spec.tiles().rects()) {
            bands[(rect.y / TILE) as usize].push((task, rect));
        }
        bands
    }

    fn paint(&self, painter: &Painter, tile: &Tile, rect: Rect, band: &mut [u8]) {
        let stride = self.spec.width() as usize * RGB;
        let left = rect.x as usize * RGB;
        for (levels, line) in
            tile.levels.chunks(rect.width as usize).zip(band.chunks_exact_mut(stride))
        {
            let (pixels, _) = line[left..].as_chunks_mut::<RGB>();
            for (level, pixel) in levels.iter().zip(pixels) {
                *pixel = painter.colour(*level);
            }
        }
    }

    /// What it takes to compute the picture again.
    pub(crate) fn texts(&self) -> [(&'static str, String); 13] {
        let view = &self.view;
        [
            ("Software", concat!("millefeuille ", env!("CARGO_PKG_VERSION")).into()),
            ("formula", view.formula.to_string()),
            ("re", view.re.clone()),
            ("im", view.im.clone()),
            ("zoom", view.zoom.clone()),
            ("c_re", view.c_re.clone()),
            ("c_im", view.c_im.clone()),
            ("max_iter", view.max_iter.to_string()),
            ("samples", self.look.samples.to_string()),
            ("palette", self.look.palette.to_string()),
            ("density", self.look.colouring.density.to_string()),
            ("offset", self.look.colouring.offset.to_string()),
            ("scale", if self.look.is_ranked { "rank" } else { "logarithm" }.into()),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fractal::encode_tile;

    pub(super) fn picture() -> Picture {
        let view = View { width: 600, height: 300, max_iter: 200, ..View::default() };
        Look { palette: Palette::Ember, ..Look::default() }.picture(view).unwrap()
    }

    pub(super) fn payloads(spec: &Spec) -> Vec<Option<Bytes>> {
        let tile = |task| fractal::compute(spec, task).unwrap();
        (0..spec.task_count()).map(|task| Some(encode_tile(&tile(task)).into())).collect()
    }

    #[test]
    fn every_pixel_has_the_colour_of_its_level() {
        let picture = picture();
        let mut file = Vec::new();
        assert_eq!(picture.write(&mut file, &payloads(&picture.spec)).unwrap(), 0);
        let mut reader = png::Decoder::new(std::io::Cursor::new(&file)).read_info().unwrap();
        let texts = &reader.info().uncompressed_latin1_text;
        let text = |key| texts.iter().find(|text| text.keyword == key).unwrap().text.clone();
        assert_eq!((text("palette"), text("re")), ("ember".into(), "-0.5".into()));
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        assert_eq!((info.width, info.height, info.color_type), (600, 300, png::ColorType::Rgb));
        let painter = Painter::new(Palette::Ember, Colouring::default());
        for (i, j) in (0..600).step_by(7).flat_map(|i| (0..300).step_by(11).map(move |j| (i, j))) {
            let at = (j * 600 + i) as usize * RGB;
            assert_eq!(pixels[at..at + RGB], painter.colour(picture.spec.level(i, j)), "{i} {j}");
        }
    }

    #[test]
    fn samples_are_blended_into_pixels() {
        let picture = picture();
        let fine = Picture { look: Look { samples: 2, ..picture.look }, ..picture };
        let mut file = Vec::new();
        fine.write(&mut file, &payloads(&fine.spec)).unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(&file)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        assert_eq!((info.width, info.height), (300, 150));
        let painter = Painter::new(Palette::Ember, Colouring::default());
        let blend = Blend::new();
        for (i, j) in [(0, 0), (150, 75), (299, 149), (128, 127), (93, 40)] {
            let square = [(0, 0), (1, 0), (0, 1), (1, 1)]
                .map(|(x, y)| painter.colour(fine.spec.level(2 * i + x, 2 * j + y)));
            let at = (j * 300 + i) as usize * RGB;
            assert_eq!(pixels[at..at + RGB], blend.mean(square), "{i} {j}");
        }
    }

    #[test]
    fn damaged_and_missing_tiles_are_computed() {
        let picture = picture();
        let mut payloads = payloads(&picture.spec);
        let mut whole = Vec::new();
        picture.write(&mut whole, &payloads).unwrap();
        payloads[0] = None;
        payloads[1] = Some(Bytes::from_static(b"damaged"));
        let mut repaired = Vec::new();
        assert_eq!(picture.write(&mut repaired, &payloads).unwrap(), 2);
        assert_eq!(whole, repaired);
    }

    #[test]
    fn by_rank_a_picture_is_the_same_whoever_computes_its_tiles() {
        let plain = picture();
        let ranked = Picture { look: Look { is_ranked: true, ..plain.look }, ..plain.clone() };
        let mut payloads = payloads(&ranked.spec);
        let (mut whole, mut repaired, mut unranked) = (Vec::new(), Vec::new(), Vec::new());
        assert_eq!(ranked.write(&mut whole, &payloads).unwrap(), 0);
        plain.write(&mut unranked, &payloads).unwrap();
        payloads[0] = None;
        let last = payloads.len() - 1;
        assert_eq!(ranked.write(&mut repaired, &payloads[..last]).unwrap(), 2);
        assert!(whole == repaired && whole != unranked);
    }
}
