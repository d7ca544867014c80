//! The canonical bytes of a series: the parameters of a job.
//!
//! ```text
//! picture: the bytes of its view, which begin with 1
//! gallery: 2 u8 | edition u8 = 2 | seed u64 | first, count, width, height u32
//! zoom:    3 u8 | edition u8 = 2 | frames, first, count u32 | from, to: length u32, a view's bytes
//! ```
//!
//! Integers are little-endian, nothing may follow, and each series has exactly one encoding. The
//! edition says which pictures a seed chooses and which way a zoom takes: whoever changes either
//! raises it.

use super::{Gallery, Series, SeriesError, Zoom};
use crate::params::{PARAMS_BYTES_MAX, Reader};
use crate::view::View;

const GALLERY: u8 = 2;
const ZOOM: u8 = 3;
const EDITION: u8 = 2;

impl Series {
    /// The parameters of the job. Those of a series that [`Series::validate`] accepts have at most
    /// [`PARAMS_BYTES_MAX`] bytes.
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Series::Picture(view) => view.encode(),
            Series::Gallery(gallery) => {
                let Gallery { seed, first, count, width, height } = gallery;
                let mut bytes = vec![GALLERY, EDITION];
                bytes.extend(seed.to_le_bytes());
                bytes.extend(
                    [first, count, width, height].into_iter().flat_map(|n| n.to_le_bytes()),
                );
                bytes
            }
            Series::Zoom(zoom) => {
                let Zoom { from, to, frames, first, count } = &**zoom;
                let mut bytes = vec![ZOOM, EDITION];
                bytes.extend([frames, first, count].into_iter().flat_map(|n| n.to_le_bytes()));
                for view in [from, to] {
                    let view = view.encode();
                    bytes.extend(u32::try_from(view.len()).unwrap_or(u32::MAX).to_le_bytes());
                    bytes.extend(view);
                }
                bytes
            }
        }
    }

    /// Reads the parameters of a job, and does not judge them: [`Series::validate`] does.
    ///
    /// # Errors
    /// When the bytes are not the encoding of any series.
    pub fn decode(bytes: &[u8]) -> Result<Series, SeriesError> {
        if bytes.len() > PARAMS_BYTES_MAX as usize {
            return Err(SeriesError::Malformed("too long"));
        }
        let mut reader = Reader(bytes);
        let series = match bytes.first() {
            Some(&GALLERY) => {
                begin(&mut reader)?;
                let seed = u64::from_le_bytes(reader.array()?);
                let mut number = || reader.u32();
                let (first, count, width, height) = (number()?, number()?, number()?, number()?);
                Series::Gallery(Gallery { seed, first, count, width, height })
            }
            Some(&ZOOM) => {
                begin(&mut reader)?;
                let (frames, first, count) = (reader.u32()?, reader.u32()?, reader.u32()?);
                let (from, to) = (View::decode(reader.part()?)?, View::decode(reader.part()?)?);
                Series::Zoom(Box::new(Zoom { from, to, frames, first, count }))
            }
            _ => return Ok(Series::Picture(View::decode(bytes)?)),
        };
        if reader.0.is_empty() { Ok(series) } else { Err(SeriesError::Malformed("too long")) }
    }
}

/// The first two bytes, of which one was looked at.
fn begin(reader: &mut Reader<'_>) -> Result<(), SeriesError> {
    let [_, edition] = reader.array()?;
    if edition == EDITION { Ok(()) } else { Err(SeriesError::Malformed("of another edition")) }
}
