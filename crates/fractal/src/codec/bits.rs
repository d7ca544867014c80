//! Bits in a row, the highest of each byte first.

/// Most bits that are written or read at once.
pub(super) const BITS_MAX: u32 = 56;
/// Each write is of eight bytes.
const WRITTEN: usize = 8;

/// Writes bits.
pub(super) struct Writer {
    bytes: Vec<u8>,
    end: End,
}

/// Where the bits end: a value of its own, so that it stays in registers.
#[derive(Clone, Copy)]
struct End {
    /// Whole bytes that are written, and fewer than eight bits that are not.
    len: usize,
    pending: u64,
    pending_bits: u32,
}

/// Room for some more bits.
pub(super) struct Room<'a> {
    bytes: &'a mut [u8],
    end: End,
    back: &'a mut End,
}

impl Writer {
    /// Begins behind some bytes, with memory for `length` more.
    pub(super) fn new(mut bytes: Vec<u8>, length: usize) -> Writer {
        let len = bytes.len();
        bytes.resize(len + length + WRITTEN, 0);
        Writer { bytes, end: End { len, pending: 0, pending_bits: 0 } }
    }

    /// Whole bytes so far.
    pub(super) fn len(&self) -> usize {
        self.end.len
    }

    /// Room for so many bytes more.
    #[inline(always)]
    pub(super) fn room(&mut self, bytes: usize) -> Room<'_> {
        let needed = self.end.len + bytes + WRITTEN;
        if self.bytes.len() < needed {
            self.bytes.resize(needed, 0);
        }
        Room { bytes: &mut self.bytes, end: self.end, back: &mut self.end }
    }

    /// The bytes, the last filled up with zeros.
    pub(super) fn finish(mut self) -> Vec<u8> {
        let End { len, pending, pending_bits } = self.end;
        self.bytes.truncate(len);
        if pending_bits > 0 {
            self.bytes.push((pending << (8 - pending_bits)) as u8);
        }
        self.bytes
    }
}

impl Room<'_> {
    /// Appends `count` bits, 1 to [`BITS_MAX`], of a value that has no more.
    #[inline(always)]
    pub(super) fn push(&mut self, value: u64, count: u32) {
        debug_assert!((1..=BITS_MAX).contains(&count) && value >> count == 0);
        let End { len, pending, pending_bits } = &mut self.end;
        *pending = *pending << count | value;
        *pending_bits += count;
        let aligned = *pending << (u64::BITS - *pending_bits);
        let to = self.bytes.get_mut(*len..).and_then(|rest| rest.first_chunk_mut::<WRITTEN>());
        *to.expect("there is room") = aligned.to_be_bytes();
        *len += (*pending_bits / 8) as usize;
        *pending_bits %= 8;
    }

    /// Gives back what is left of the room.
    #[inline(always)]
    pub(super) fn close(self) {
        *self.back = self.end;
    }
}

/// Reads bits. Behind the last are zeros, of which [`Reader::is_at_end`] knows.
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    /// Bits read.
    at: usize,
}

impl Reader<'_> {
    pub(super) fn new(bytes: &[u8]) -> Reader<'_> {
        Reader { bytes, at: 0 }
    }

    /// The next bits, at least [`BITS_MAX`] of them, from the highest.
    #[inline(always)]
    pub(super) fn next(&self) -> u64 {
        let rest = self.bytes.get(self.at / 8..).unwrap_or_default();
        let bytes = rest.first_chunk().copied().unwrap_or_else(|| {
            let mut bytes = [0; 8];
            bytes.iter_mut().zip(rest).for_each(|(to, &from)| *to = from);
            bytes
        });
        u64::from_be_bytes(bytes) << (self.at % 8)
    }

    /// Goes on behind `count` bits.
    #[inline(always)]
    pub(super) fn skip(&mut self, count: u32) {
        self.at += count as usize;
    }

    /// Whether all bits were read, but for fewer than eight zeros.
    pub(super) fn is_at_end(&self) -> bool {
        self.at.div_ceil(8) == self.bytes.len() && (self.at.is_multiple_of(8) || self.next() == 0)
    }
}
