//! What a worker's record is worth: how closely its next result is looked at.
//!
//! No record lets a worker go unseen, for identities are cheap: whoever was caught comes back as a
//! stranger, and whoever means to cheat can be honest first. So the best that a cheat can do is to
//! work honestly until it is looked at less closely, to cheat once, and to come back under another
//! name. After n honest results it passes with probability q(n), and what counts is q(n) / (n + 1).

/// Places looked at in the next result of a worker, by how many of its results were sound before.
/// Chosen: a cheat in one pixel of a hundred passes at once in 3 of 10⁵ cases, after 4 honest results
/// in 6 of 1,000 and after 32 in 76 of 1,000, so that it is wrong in less than 1 result of 400
/// whatever it does; and a worker of 50 results costs 0.7 % of its work.
const PLACES: [(u32, u32); 3] = [(4, 1024), (32, 512), (u32::MAX, 256)];

/// Places looked at again in everything of a worker that was caught: a result of which one pixel of a
/// hundred is wrong passes once in 10⁹ times, for 3 % of its work.
pub const REVIEW_PLACES: u32 = 2048;

/// What is known of a worker of one job.
#[derive(Clone, Copy, Debug, Default)]
pub struct Standing {
    sound: u32,
}

impl Standing {
    /// In how many places the worker's next result is looked at.
    #[must_use]
    pub fn places(&self) -> u32 {
        let row = PLACES.iter().find(|(below, _)| self.sound < *below);
        row.map_or(REVIEW_PLACES, |(_, places)| *places)
    }

    /// A result was right wherever one looked.
    pub fn note_sound(&mut self) {
        // Below the last row's bound, so that there is always a row.
        self.sound = self.sound.saturating_add(1).min(u32::MAX - 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_looked_at_less_closely_and_never_not_at_all() {
        let mut standing = Standing::default();
        let mut places = std::vec::Vec::new();
        for _ in 0..100 {
            places.push(standing.places());
            standing.note_sound();
        }
        assert!(places.is_sorted_by(|a, b| a >= b));
        assert_eq!(
            (places[0], places[3], places[4], places[31], places[99]),
            (1024, 1024, 512, 512, 256)
        );
        // Whenever it is that one cheats, one pixel of a hundred is not worth it.
        for (honest, places) in places.iter().enumerate() {
            let passes = 0.99f64.powi(i32::try_from(*places).unwrap());
            assert!(passes / (honest as f64 + 1.0) < 1.0 / 400.0, "{honest}");
        }
    }
}
