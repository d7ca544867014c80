//! The numbers of a picture as an array of NumPy, format version 1.0.
//!
//! One little-endian u32 for each point, rows from the top, 0 for a point inside, else
//! iterations · 256 + fraction: divided by 256 it is the smooth count. With several samples for a
//! pixel there are as many points each way. No colour has part in it.

use std::io::Write;

use bytes::Bytes;

use super::Picture;

/// What a file begins with: the magic and the version.
const MAGIC: &[u8] = b"\x93NUMPY\x01\x00";
/// Where the numbers begin is a multiple of this.
const ALIGNMENT: usize = 64;

impl Picture {
    /// Writes the numbers; `payloads` and result as for [`Picture::write`].
    pub(super) fn write_numbers(
        &self,
        mut out: impl Write,
        payloads: &[Option<Bytes>],
    ) -> anyhow::Result<u32> {
        out.write_all(&header(self.spec.width(), self.spec.height()))?;
        let width = self.spec.width() as usize;
        let (mut band, mut repaired) = (Vec::new(), 0);
        for tiles in self.bands() {
            let rows = tiles.first().map_or(0, |(_, rect)| rect.height) as usize;
            band.clear();
            band.resize(width * rows, [0; 4]);
            for (task, rect) in tiles {
                let tile = self.tile(payloads, task, rect, &mut repaired)?;
                let left = rect.x as usize;
                for (levels, line) in
                    tile.levels.chunks(rect.width as usize).zip(band.chunks_exact_mut(width))
                {
                    for (level, number) in levels.iter().zip(&mut line[left..]) {
                        *number = level.to_le_bytes();
                    }
                }
            }
            out.write_all(band.as_flattened())?;
        }
        Ok(repaired)
    }
}

/// Everything before the numbers.
fn header(width: u32, height: u32) -> Vec<u8> {
    let mut text =
        format!("{{'descr': '<u4', 'fortran_order': False, 'shape': ({height}, {width}), }}");
    let begin = MAGIC.len() + 2;
    let length = (begin + text.len() + 1).next_multiple_of(ALIGNMENT) - begin;
    text.extend(std::iter::repeat_n(' ', length - 1 - text.len()));
    text.push('\n');
    let length = (length as u16).to_le_bytes();
    [MAGIC, &length, text.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{payloads, picture};
    use std::path::Path;

    #[test]
    fn every_number_is_the_level_of_its_point() {
        let picture = picture();
        let mut payloads = payloads(&picture.spec);
        payloads[1] = None;
        let mut file = Vec::new();
        let repaired = picture.write_as(Path::new("a.NPY"), &mut file, &payloads).unwrap();
        assert_eq!(repaired, 1);
        let (header, numbers) = file.split_at(128);
        assert_eq!(&header[..10], b"\x93NUMPY\x01\x00\x76\x00");
        assert!(header.ends_with(b" \n") && header[10..].starts_with(b"{'descr': '<u4', "));
        assert!(header[10..].windows(21).any(|part| part == b"'shape': (300, 600), "));
        let (numbers, rest) = numbers.as_chunks::<4>();
        assert!(rest.is_empty() && numbers.len() == 600 * 300);
        for (i, j) in (0..600).step_by(7).flat_map(|i| (0..300).step_by(11).map(move |j| (i, j))) {
            let number = u32::from_le_bytes(numbers[(j * 600 + i) as usize]);
            assert_eq!(number, picture.spec.level(i, j), "{i} {j}");
        }
    }
}
