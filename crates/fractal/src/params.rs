//! The canonical bytes of a view: the parameters of a job.
//!
//! ```text
//! version u8 = 1 | formula u8 | max_iter u32 | width u32 | height u32
//! re, im, zoom, c_re, c_im: length u32, then that many bytes of text
//! ```
//!
//! Integers are little-endian. A view has exactly one encoding and nothing may follow it. Reading
//! restores the view but does not judge it: [`View::validate`] does.

use crate::formula::Formula;
use crate::view::{View, ViewError};

/// Most bytes of an encoded view. Longer bytes are not read, and a view whose text would need more
/// is refused by [`View::validate`].
pub const PARAMS_BYTES_MAX: u32 = 4_096;

const VERSION: u8 = 1;
/// Everything but the text itself.
const FIXED_BYTES: usize = 2 + 3 * 4 + 5 * 4;

impl View {
    /// The canonical encoding, the parameters of a job. At most [`PARAMS_BYTES_MAX`] bytes for a
    /// view that [`View::validate`] accepts.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.encoded_len());
        bytes.extend([VERSION, self.formula.code()]);
        for number in [self.max_iter, self.width, self.height] {
            bytes.extend(number.to_le_bytes());
        }
        for text in self.texts() {
            // Text that no u32 can count does not fit the limit either, so no reader accepts it.
            let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
            bytes.extend(length.to_le_bytes());
            bytes.extend(text.as_bytes());
        }
        bytes
    }

    /// Reads the canonical encoding. Allocates no more than the text it finds.
    ///
    /// # Errors
    /// [`ViewError::Malformed`] when the bytes are not the encoding of any view.
    pub fn decode(bytes: &[u8]) -> Result<View, ViewError> {
        if bytes.len() > PARAMS_BYTES_MAX as usize {
            return Err(ViewError::Malformed("too long"));
        }
        let mut reader = Reader(bytes);
        let [version, formula] = reader.array()?;
        if version != VERSION {
            return Err(ViewError::Malformed("of another version"));
        }
        let view = View {
            formula: Formula::from_code(formula)
                .ok_or(ViewError::Malformed("of an unknown formula"))?,
            max_iter: reader.u32()?,
            width: reader.u32()?,
            height: reader.u32()?,
            re: reader.text()?,
            im: reader.text()?,
            zoom: reader.text()?,
            c_re: reader.text()?,
            c_im: reader.text()?,
        };
        if reader.0.is_empty() { Ok(view) } else { Err(ViewError::Malformed("bytes left over")) }
    }

    /// Whether the encoding stays within [`PARAMS_BYTES_MAX`].
    pub(crate) fn fits_params(&self) -> bool {
        self.encoded_len() <= PARAMS_BYTES_MAX as usize
    }

    fn encoded_len(&self) -> usize {
        FIXED_BYTES + self.texts().iter().map(|text| text.len()).sum::<usize>()
    }
}

/// What is left to read.
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], ViewError> {
        let (head, tail) = self.0.split_first_chunk().ok_or(ViewError::Malformed("cut short"))?;
        self.0 = tail;
        Ok(*head)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, ViewError> {
        self.array().map(u32::from_le_bytes)
    }

    /// A length, and so many bytes.
    pub(crate) fn part(&mut self) -> Result<&'a [u8], ViewError> {
        let length = self.u32()? as usize;
        let (head, tail) =
            self.0.split_at_checked(length).ok_or(ViewError::Malformed("cut short"))?;
        self.0 = tail;
        Ok(head)
    }

    fn text(&mut self) -> Result<String, ViewError> {
        let text = str::from_utf8(self.part()?).map_err(|_| ViewError::Malformed("not text"))?;
        Ok(text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_view() -> impl Strategy<Value = View> {
        let texts = prop::array::uniform5("[-+0-9.eE]{0,60}|.{0,20}");
        (prop::sample::select(Formula::all().collect::<Vec<_>>()), texts, any::<(u32, u32, u32)>())
            .prop_map(|(formula, texts, numbers)| {
                let [re, im, zoom, c_re, c_im] = texts;
                let (max_iter, width, height) = numbers;
                View { formula, re, im, zoom, c_re, c_im, max_iter, width, height }
            })
    }

    proptest! {
        #[test]
        fn decode_undoes_encode(view in any_view()) {
            prop_assert_eq!(View::decode(&view.encode()), Ok(view));
        }

        #[test]
        fn a_part_or_more_is_refused(view in any_view(), cut in any::<prop::sample::Index>()) {
            let bytes = view.encode();
            prop_assert!(View::decode(&bytes[..cut.index(bytes.len())]).is_err());
            prop_assert!(View::decode(&[&bytes[..], &[0]].concat()).is_err());
        }

        #[test]
        fn what_decodes_has_one_form(
            view in any_view(),
            at in any::<prop::sample::Index>(),
            byte in any::<u8>(),
        ) {
            let mut bytes = view.encode();
            let at = at.index(bytes.len());
            bytes[at] = byte;
            if let Ok(other) = View::decode(&bytes) {
                prop_assert_eq!(other.encode(), bytes);
                let _ = other.validate();
            }
        }

        #[test]
        fn garbage_is_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(view) = View::decode(&bytes) {
                prop_assert_eq!(view.encode(), bytes);
            }
        }
    }

    #[test]
    fn the_bytes_are_these() {
        let view = View { formula: Formula::JULIA, width: 3, height: 2, ..View::default() };
        let expected = b"\x01\x01\xe8\x03\0\0\x03\0\0\0\x02\0\0\0\
            \x04\0\0\0-0.5\x01\0\0\0\x30\x01\0\0\0\x31\x01\0\0\0\x30\x01\0\0\0\x30";
        assert_eq!(view.encode(), expected);
    }

    #[test]
    fn long_views_are_refused_on_both_sides() {
        let view = View { re: "1".repeat(5_000), ..View::default() };
        assert_eq!(View::decode(&view.encode()), Err(ViewError::Malformed("too long")));
        assert!(view.validate().is_err());
    }
}
