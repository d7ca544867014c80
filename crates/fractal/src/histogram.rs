//! How often each level occurs in a picture, so that colours can go by rank: each part of the palette
//! covers as much of the picture as any other (histogram equalisation).
//!
//! Counts of tiles add up in any order, so the colours do not depend on who computed which tile when.
//! Bins are exact for small levels and then get wider with the level, 256 of them for each doubling;
//! within a bin, levels count as evenly spread.

/// Bins of one doubling, as a power of two.
const FINE_BITS: u32 = 8;
const FINE: u32 = 1 << FINE_BITS;
/// Levels are 32 bits long; those below 2 · 256 have a bin each.
const BINS: usize = ((u32::BITS - FINE_BITS + 1) * FINE) as usize;

/// Counts of the levels outside the set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Histogram {
    counts: Vec<u64>,
}

impl Default for Histogram {
    fn default() -> Histogram {
        Histogram { counts: vec![0; BINS] }
    }
}

impl Histogram {
    /// Counts a tile's levels; 0, the inside, has no rank.
    pub fn add(&mut self, levels: &[u32]) {
        for &level in levels.iter().filter(|level| **level > 0) {
            self.counts[bin_of(level).0] += 1;
        }
    }

    /// Everything that is needed to look ranks up.
    pub(crate) fn ranks(&self) -> Ranks {
        let mut below = Vec::with_capacity(BINS + 1);
        let mut sum = 0_u64;
        for count in &self.counts {
            below.push(sum as f64);
            sum += count;
        }
        below.push(sum as f64);
        Ranks { below, scale: 1.0 / (sum.max(1) as f64) }
    }
}

/// The part of a picture that lies below a level.
#[derive(Debug, Clone)]
pub(crate) struct Ranks {
    /// For each bin, how many points are in those before it; one more for all.
    below: Vec<f64>,
    scale: f64,
}

impl Ranks {
    /// From 0 to 1.
    pub(crate) fn of(&self, level: u32) -> f64 {
        let (bin, within) = bin_of(level);
        (self.below[bin] + (self.below[bin + 1] - self.below[bin]) * within) * self.scale
    }
}

/// The bin of a level, and where in it the level lies, from 0 to below 1.
fn bin_of(level: u32) -> (usize, f64) {
    let coarse = level.checked_ilog2().unwrap_or(0).saturating_sub(FINE_BITS);
    let bin = coarse * FINE + (level >> coarse);
    let rest = level & ((1 << coarse) - 1);
    (bin as usize, f64::from(rest) / f64::from(1_u32 << coarse))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_follow_each_other_without_gaps() {
        let mut last = 0;
        for level in (1..100_000).chain((0..10_000).map(|step| u32::MAX - 10_000 + step)) {
            let (bin, within) = bin_of(level);
            assert!(bin < BINS && (0.0..1.0).contains(&within), "{level}");
            assert!(bin == last || bin == last + 1 || level > 100_000, "{level}");
            last = bin;
        }
        assert_eq!(bin_of(u32::MAX).0, BINS - 1);
    }

    #[test]
    fn every_part_of_the_ranks_holds_as_many_points() {
        let mut levels: Vec<u32> = (1..5_000).map(|n| n * n).collect();
        let mut histogram = Histogram::default();
        levels.chunks(100).rev().for_each(|tile| histogram.add(tile));
        histogram.add(&[0; 1_000]);
        let ranks = histogram.ranks();
        levels.sort_unstable();
        for (place, level) in levels.iter().enumerate() {
            let expected = place as f64 / levels.len() as f64;
            assert!((ranks.of(*level) - expected).abs() < 0.005, "{level}");
        }
    }

    #[test]
    fn ranks_never_fall_and_stay_within_one() {
        let mut histogram = Histogram::default();
        histogram.add(&[1, 1, 700, 70_000, u32::MAX]);
        let ranks = histogram.ranks();
        let all: Vec<f64> =
            [1, 2, 600, 700, 701, 70_000, 1 << 30, u32::MAX].map(|l| ranks.of(l)).into();
        assert!(all.is_sorted() && all[0] == 0.0 && all.iter().all(|rank| *rank <= 1.0), "{all:?}");
        assert_eq!(Histogram::default().ranks().of(9), 0.0);
    }
}
