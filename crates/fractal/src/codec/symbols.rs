//! The bits of symbols: small numbers are short, and how short depends on the neighbours.
//!
//! Rows are written in segments of 32 symbols, the last of a row maybe shorter. A segment begins with a bit: 0 when
//! all its symbols are 0, and then nothing follows. Otherwise each symbol is an exponential Golomb code of
//! order k: n − 1 − k zeros and then the n bits of symbol + 2ᵏ, of which the first is a 1. The order is
//! the number of bits of a sixteenth of the sum of four neighbours' symbols: left, above left, above,
//! above right. Left of the first column is the symbol above; beyond the ends of the row above are its
//! first and last symbols; above the first row are zeros. The sum is modulo 2³².

use super::bits::{BITS_MAX, Reader, Room, Writer};

/// Symbols of a segment.
const SEGMENT: usize = 32;
/// A symbol costs least where the order has two bits less than its neighbours' mean. Chosen by
/// measurement, for the sum of four.
const SHIFT: u32 = 4;
/// Most bytes of a symbol, with the bit of its segment: 32 zeros and 33 bits of order 0.
const SYMBOL_BYTES_MAX: usize = 9;

/// Symbols to bits and back, row by row.
pub(super) struct Contexts {
    /// The symbols of the row above, with one more at each end.
    above: Vec<u32>,
    row: Vec<u32>,
    /// Of each symbol, the sum of those of its neighbours that were written before.
    sums: Vec<u32>,
}

impl Contexts {
    pub(super) fn new(width: usize) -> Contexts {
        Contexts { above: vec![0; width + 2], row: vec![0; width], sums: vec![0; width] }
    }

    /// The symbols of a row.
    pub(super) fn row(&self) -> &[u32] {
        &self.row
    }

    pub(super) fn row_mut(&mut self) -> &mut [u32] {
        &mut self.row
    }

    /// Writes the row.
    pub(super) fn write_row(&mut self, writer: &mut Writer) {
        self.sum_above();
        self.sums[0] = self.sums[0].wrapping_add(self.above[1]);
        for (sum, &left) in self.sums[1..].iter_mut().zip(&self.row) {
            *sum = sum.wrapping_add(left);
        }
        let mut room = writer.room(self.row.len() * SYMBOL_BYTES_MAX);
        for (symbols, sums) in self.row.chunks(SEGMENT).zip(self.sums.chunks(SEGMENT)) {
            let all = symbols.iter().fold(0, |all, symbol| all | symbol);
            room.push(u64::from(all != 0), 1);
            if all != 0 {
                write_symbols(&mut room, symbols, sums);
            }
        }
        room.close();
        self.end_row();
    }

    /// Reads the next row; `None` when that is none.
    pub(super) fn read_row(&mut self, reader: &mut Reader<'_>) -> Option<()> {
        self.sum_above();
        let mut left = self.above[1];
        for (symbols, sums) in self.row.chunks_mut(SEGMENT).zip(self.sums.chunks(SEGMENT)) {
            let is_zero = reader.next() >> (u64::BITS - 1) == 0;
            reader.skip(1);
            if is_zero {
                symbols.fill(0);
                left = 0;
                continue;
            }
            let mut all = 0;
            for (symbol, &sum) in symbols.iter_mut().zip(sums) {
                left = read_symbol(reader, sum.wrapping_add(left))?;
                *symbol = left;
                all |= left;
            }
            if all == 0 {
                return None;
            }
        }
        self.end_row();
        Some(())
    }

    /// The part of the sums that is above.
    fn sum_above(&mut self) {
        for (sum, above) in self.sums.iter_mut().zip(self.above.windows(3)) {
            *sum = above[0].wrapping_add(above[1]).wrapping_add(above[2]);
        }
    }

    fn end_row(&mut self) {
        let width = self.row.len();
        self.above[1..=width].copy_from_slice(&self.row);
        (self.above[0], self.above[width + 1]) = (self.row[0], self.row[width - 1]);
    }
}

/// The order of the code of a symbol with this sum of neighbours.
#[inline(always)]
fn order(sum: u32) -> u32 {
    // Of 2n + 1, the logarithm is the number of bits of n.
    (sum >> (SHIFT - 1) | 1).ilog2()
}

/// Two at a time, which are mostly short enough to be written as one.
#[inline(always)]
fn write_symbols(room: &mut Room<'_>, symbols: &[u32], sums: &[u32]) {
    let (pairs, last) = symbols.as_chunks::<2>();
    let (sum_pairs, last_sum) = sums.as_chunks::<2>();
    for (&[a, b], &[sum_a, sum_b]) in pairs.iter().zip(sum_pairs) {
        let (a, b) = (Code::new(a, sum_a), Code::new(b, sum_b));
        let length = a.length() + b.length();
        if length <= BITS_MAX {
            room.push(a.value << b.length() | b.value, length);
        } else {
            a.write(room);
            b.write(room);
        }
    }
    for (&symbol, &sum) in last.iter().zip(last_sum) {
        Code::new(symbol, sum).write(room);
    }
}

/// The code of a symbol: zeros, and the bits of a value.
struct Code {
    value: u64,
    bits: u32,
    zeros: u32,
}

impl Code {
    #[inline(always)]
    fn new(symbol: u32, sum: u32) -> Code {
        let order = order(sum);
        let value = u64::from(symbol) + (1 << order);
        let bits = 1 + value.ilog2();
        Code { value, bits, zeros: bits - 1 - order }
    }

    #[inline(always)]
    fn length(&self) -> u32 {
        self.zeros + self.bits
    }

    #[inline(always)]
    fn write(&self, room: &mut Room<'_>) {
        if self.length() <= BITS_MAX {
            room.push(self.value, self.length());
        } else {
            room.push(0, self.zeros);
            room.push(self.value, self.bits);
        }
    }
}

#[inline(always)]
fn read_symbol(reader: &mut Reader<'_>, sum: u32) -> Option<u32> {
    let order = order(sum);
    let next = reader.next();
    let zeros = next.leading_zeros();
    let bits = zeros + 1 + order;
    let value = if zeros + bits <= BITS_MAX {
        next << zeros >> (u64::BITS - bits)
    } else if bits <= u32::BITS + 1 {
        reader.skip(zeros);
        let value = reader.next() >> (u64::BITS - bits);
        reader.skip(bits);
        return u32::try_from(value - (1 << order)).ok();
    } else {
        return None;
    };
    reader.skip(zeros + bits);
    u32::try_from(value - (1 << order)).ok()
}
