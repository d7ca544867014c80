//! A symbol for each level: how far the level is from what its neighbours let one expect.
//!
//! Where the left neighbour has escaped, a level is expected that goes on as the row above does: left +
//! above − above left. The symbol is 0 for just this level, 1 for inside, and 1 + the zigzag of the
//! difference for all others. Where the left neighbour is inside, 0 is inside, and all levels are 1 + the
//! zigzag. The place of an inside pixel is known by the last level above that was not inside, or one
//! iteration; left of the first column is the pixel above.
//!
//! All of it but the way back is without dependences along a row, so the compiler makes it vectors.

use super::LEVEL_MIN;

/// Levels to symbols and back, row by row.
pub(super) struct Prediction {
    /// The levels of the row above, and before them the first again; those of inside pixels taken from
    /// further above.
    above: Vec<u32>,
    /// The same of this row, with the level above the first before them.
    known: Vec<u32>,
    /// Whether the pixel above the first is inside.
    is_first_inside: bool,
}

impl Prediction {
    pub(super) fn new(width: usize) -> Prediction {
        let above = vec![LEVEL_MIN; width + 1];
        Prediction { known: above.clone(), above, is_first_inside: false }
    }

    /// The symbols of the next row; `None` when one might be 2³².
    pub(super) fn read_row(&mut self, row: &[u32], symbols: &mut [u32]) -> Option<()> {
        let width = row.len();
        let (above, known) = (&self.above[..=width], &mut self.known[..=width]);
        known[0] = above[0];
        for ((known, &level), &above) in known[1..].iter_mut().zip(row).zip(&above[1..]) {
            *known = if level == 0 { above } else { level };
        }
        let symbols = &mut symbols[..width];
        let code = zigzag(row[0].wrapping_sub(above[0]));
        let mut is_far = code == u32::MAX && row[0] != 0;
        symbols[0] = symbol(row[0], code, self.is_first_inside);
        for at in 1..width {
            let expected = known[at].wrapping_add(above[at + 1]).wrapping_sub(above[at]);
            let code = zigzag(row[at].wrapping_sub(expected));
            symbols[at] = symbol(row[at], code, row[at - 1] == 0);
            is_far |= code == u32::MAX && row[at] != 0;
        }
        self.end_row(row[0]);
        (!is_far).then_some(())
    }

    /// The levels of the next row; `None` when one is none.
    pub(super) fn write_row(&mut self, symbols: &[u32], row: &mut [u32]) -> Option<()> {
        let (above, known) = (&self.above[..=row.len()], &mut self.known[..=row.len()]);
        known[0] = above[0];
        let mut is_left_inside = self.is_first_inside;
        let mut are_levels = true;
        let (mut left, mut above_left) = (above[0], above[0]);
        for (((level, &symbol), known), &above) in
            row.iter_mut().zip(symbols).zip(&mut known[1..]).zip(&above[1..])
        {
            let is_inside = symbol == u32::from(!is_left_inside);
            let code = symbol.saturating_sub(1);
            let expected = left.wrapping_add(above).wrapping_sub(above_left);
            let escaped = expected.wrapping_add(unzigzag(code));
            are_levels &= is_inside | (escaped >= LEVEL_MIN);
            *level = if is_inside { 0 } else { escaped };
            *known = if is_inside { above } else { escaped };
            (left, above_left, is_left_inside) = (*known, above, is_inside);
        }
        self.end_row(row[0]);
        are_levels.then_some(())
    }

    fn end_row(&mut self, first: u32) {
        self.is_first_inside = first == 0;
        std::mem::swap(&mut self.above, &mut self.known);
        self.above[0] = self.above[1];
    }
}

#[inline(always)]
fn symbol(level: u32, code: u32, is_left_inside: bool) -> u32 {
    let escaped = code.wrapping_add(u32::from(is_left_inside | (code != 0)));
    if level == 0 { u32::from(!is_left_inside) } else { escaped }
}

/// Small differences of either sign to small numbers: 0, −1, 1, −2, … to 0, 1, 2, 3, …
#[inline(always)]
fn zigzag(delta: u32) -> u32 {
    delta << 1 ^ ((delta as i32) >> 31) as u32
}

#[inline(always)]
fn unzigzag(code: u32) -> u32 {
    code >> 1 ^ (code & 1).wrapping_neg()
}
