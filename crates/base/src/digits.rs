//! Identifiers as a routing table reads them: digit by digit, from the most significant on (Pastry
//! §2.1).

use crate::{Id, NodeId};

/// How many bits a digit has: Pastry's b.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Digits {
    /// b = 1.
    Binary = 1,
    /// b = 2.
    Quaternary = 2,
    /// b = 3. The last digit has two bits and a zero.
    Octal = 3,
    /// b = 4, as shipped.
    #[default]
    Hexadecimal = 4,
}

impl Digits {
    /// Bits of one digit.
    #[must_use]
    pub const fn bits(self) -> u32 {
        self as u32
    }

    /// Values of one digit: columns of the routing table.
    #[must_use]
    pub const fn radix(self) -> u8 {
        1 << self as u8
    }

    /// Digits of an identifier: rows of the routing table.
    #[must_use]
    pub const fn rows(self) -> u8 {
        128u8.div_ceil(self as u8)
    }

    /// Digit `row` of `id`, counted from the most significant; beyond [`Digits::rows`] 0.
    #[must_use]
    pub fn digit(self, id: Id, row: u8) -> u8 {
        let from = id.value().checked_shl(self.bits() * u32::from(row)).unwrap_or(0);
        u8::try_from(from >> (128 - self.bits())).unwrap_or(0)
    }

    /// How many leading digits two identifiers share, 0 to [`Digits::rows`] (Pastry's shl).
    #[must_use]
    pub fn shared(self, a: NodeId, b: Id) -> u8 {
        let same_bits = (a.value() ^ b.value()).leading_zeros();
        let whole = if same_bits == 128 { u32::from(self.rows()) } else { same_bits / self.bits() };
        u8::try_from(whole).unwrap_or(u8::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ALL: [Digits; 4] =
        [Digits::Binary, Digits::Quaternary, Digits::Octal, Digits::Hexadecimal];

    #[test]
    fn digits_read_from_the_left() {
        let id = Id::new(0x0123_4567_89ab_cdef_0000_0000_0000_000f);
        let read = |digits: Digits, row| digits.digit(id, row);
        let hex = [0, 1, 15, 31, 32, 255].map(|row| read(Digits::Hexadecimal, row));
        assert_eq!(hex, [0, 1, 15, 15, 0, 0]);
        let octal = [2, 3, 4, 5, 41, 42, 43].map(|row| read(Digits::Octal, row));
        assert_eq!(octal, [2, 2, 1, 5, 3, 6, 0], "the last one has two bits");
        assert_eq!([7, 11, 127].map(|row| read(Digits::Binary, row)), [1, 0, 1]);
    }

    #[test]
    fn a_table_has_so_many_rows_and_columns() {
        let shape = |digits: Digits| (digits.rows(), digits.radix());
        assert_eq!(ALL.map(shape), [(128, 2), (64, 4), (43, 8), (32, 16)]);
        for digits in ALL {
            let (first, last) = (Id::new(0), Id::new(1));
            assert_eq!(digits.shared(first, first), digits.rows());
            assert_eq!(digits.shared(first, last), digits.rows() - 1);
            assert_eq!(digits.shared(first, Id::new(1 << 127)), 0);
        }
    }

    proptest! {
        #[test]
        fn shared_digits_agree_with_digits(a: u128, b: u128, same in 0u32..129) {
            // Random identifiers share next to nothing.
            let low = 1u128.checked_shl(128 - same).map_or(u128::MAX, |one| one - 1);
            let (a, b) = (Id::new(a), Id::new(a & !low | b & low));
            for digits in ALL {
                let shared = digits.shared(a, b);
                for row in 0..shared {
                    prop_assert_eq!(digits.digit(a, row), digits.digit(b, row));
                }
                if shared < digits.rows() {
                    prop_assert_ne!(digits.digit(a, shared), digits.digit(b, shared));
                }
                prop_assert_eq!(a == b, shared == digits.rows());
            }
        }
    }
}
