//! Pictures as pixels, to be compared.

use std::io::Cursor;
use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};

/// A decoded PNG.
#[derive(Clone, PartialEq, Eq)]
pub struct Picture {
    /// Pixels in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Red, green, blue of each pixel.
    pub rgb: Vec<u8>,
    /// The text chunks, keyword and text.
    pub text: Vec<(String, String)>,
}

impl Picture {
    /// Reads a file.
    ///
    /// # Errors
    /// When it is no PNG of 8-bit RGB or opaque RGBA.
    pub fn read(file: &Path) -> Result<Self> {
        Self::decode(&std::fs::read(file).with_context(|| file.display().to_string())?)
    }

    /// Decodes a PNG.
    ///
    /// # Errors
    /// When it is no PNG of 8-bit RGB or opaque RGBA.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let mut reader = png::Decoder::new(Cursor::new(bytes)).read_info()?;
        let mut pixels = vec![0; reader.output_buffer_size().context("size")?];
        let frame = reader.next_frame(&mut pixels)?;
        pixels.truncate(frame.buffer_size());
        let rgb = match frame.color_type {
            png::ColorType::Rgb => pixels,
            png::ColorType::Rgba => {
                ensure!(pixels.chunks(4).all(|p| p[3] == 255), "transparent pixels");
                pixels.chunks(4).flat_map(|p| [p[0], p[1], p[2]]).collect()
            }
            other => bail!("{other:?}"),
        };
        let texts = &reader.info().uncompressed_latin1_text;
        let text = texts.iter().map(|t| (t.keyword.clone(), t.text.clone())).collect();
        Ok(Picture { width: frame.width, height: frame.height, rgb, text })
    }

    /// How many different colours there are: a picture of nothing has one.
    #[must_use]
    pub fn colours(&self) -> usize {
        self.rgb.chunks(3).collect::<std::collections::BTreeSet<_>>().len()
    }
}

/// Fails unless both pictures have the same pixels; says how many differ and where first.
///
/// # Errors
/// When they differ.
pub fn assert_same(picture: &Picture, expected: &Picture) -> Result<()> {
    let size = |p: &Picture| (p.width, p.height);
    ensure!(size(picture) == size(expected), "{:?}, not {:?}", size(picture), size(expected));
    let pairs = picture.rgb.chunks(3).zip(expected.rgb.chunks(3)).enumerate();
    let different: Vec<usize> = pairs.filter(|(_, (a, b))| a != b).map(|(at, _)| at).collect();
    let Some(first) = different.first() else { return Ok(()) };
    let (x, y) = (first % picture.width as usize, first / picture.width as usize);
    bail!("{} pixels differ, the first at ({x}, {y})", different.len())
}
