//! How good routing tables are, against what somebody who knows every node would write (the Pastry
//! paper's Fig 7).

use base::{Digits, NodeId, Rng};

use super::World;

/// Columns of a table with the widest digits.
const COLUMNS_MAX: usize = Digits::Hexadecimal.radix() as usize;
/// Rows that are looked at; deeper ones are all but empty below a million nodes.
const ROWS: u8 = 6;

/// Entries of one row, on average over the nodes looked at.
#[derive(Clone, Copy, Debug, Default)]
pub struct RowQuality {
    /// The nearest node that fits.
    pub optimal: f64,
    /// Another one.
    pub suboptimal: f64,
    /// None, although a live node fits.
    pub missing: f64,
    /// None, and none fits.
    pub unfillable: f64,
    /// A node that is dead or not ready.
    pub dead: f64,
    /// Delay of the entries over the delay of the nearest that fit.
    pub excess: f64,
}

impl RowQuality {
    /// No entry, for whatever reason: Fig 7's third number.
    #[must_use]
    pub fn empty(&self) -> f64 {
        self.missing + self.unfillable
    }
}

#[derive(Default)]
struct Sum {
    row: RowQuality,
    delay: f64,
    best: f64,
}

/// Looks at `sample` ready nodes drawn by `seed`, or at all if there are fewer.
#[must_use]
pub fn table_quality(world: &World, sample: usize, seed: u64) -> Vec<RowQuality> {
    let ring: Vec<(NodeId, u32)> = world.census().iter().collect();
    let mut chosen: Vec<(NodeId, u32)> = ring.clone();
    if sample < chosen.len() {
        Rng::new(seed).shuffle(&mut chosen);
        chosen.truncate(sample);
    }
    let mut sums: Vec<Sum> = (0..ROWS).map(|_| Sum::default()).collect();
    for (id, host) in &chosen {
        look_at(world, &ring, *id, *host, &mut sums);
    }
    #[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
    let count = chosen.len().max(1) as f64;
    sums.into_iter().map(|sum| sum.mean(count)).collect()
}

impl Sum {
    fn mean(self, count: f64) -> RowQuality {
        let row = self.row;
        RowQuality {
            optimal: row.optimal / count,
            suboptimal: row.suboptimal / count,
            missing: row.missing / count,
            unfillable: row.unfillable / count,
            dead: row.dead / count,
            excess: if self.best > 0.0 { self.delay / self.best } else { 1.0 },
        }
    }
}

fn look_at(world: &World, ring: &[(NodeId, u32)], id: NodeId, host: u32, sums: &mut [Sum]) {
    let Some(overlay) = world.overlay(host) else { return };
    let digits = world.digits();
    let mut entries = [[None; COLUMNS_MAX]; ROWS as usize];
    for (row, column, contact) in overlay.table_rows().filter(|(row, ..)| *row < ROWS) {
        entries[usize::from(row)][usize::from(column)] = Some(contact.id);
    }
    for row in 0..ROWS {
        let sum = &mut sums[usize::from(row)];
        for column in (0..digits.radix()).filter(|column| *column != digits.digit(id, row)) {
            let fits = with_prefix(ring, id, (row, column), digits);
            let nearest = fits
                .iter()
                .map(|(_, other)| world.topology().micros(host, *other))
                .fold(f64::INFINITY, f64::min);
            let entry = entries[usize::from(row)][usize::from(column)];
            judge(world, host, entry, nearest, sum);
        }
    }
}

fn judge(world: &World, host: u32, entry: Option<NodeId>, nearest: f64, sum: &mut Sum) {
    let Some(entry) = entry else {
        let row = &mut sum.row;
        *(if nearest.is_finite() { &mut row.missing } else { &mut row.unfillable }) += 1.0;
        return;
    };
    let Some(other) = world.host_of(entry).filter(|_| world.census().contains(entry)) else {
        sum.row.dead += 1.0;
        return;
    };
    let delay = world.topology().micros(host, other);
    sum.delay += delay;
    sum.best += nearest;
    let is_best = delay <= nearest;
    *(if is_best { &mut sum.row.optimal } else { &mut sum.row.suboptimal }) += 1.0;
}

/// The nodes that share `row` digits with `id` and go on with `column`: neighbours on the ring.
fn with_prefix(
    ring: &[(NodeId, u32)],
    id: NodeId,
    (row, column): (u8, u8),
    digits: Digits,
) -> &[(NodeId, u32)] {
    let bits = digits.bits();
    let shift = 128 - bits * (u32::from(row) + 1);
    let kept = if row == 0 { 0 } else { id.value() >> (shift + bits) << bits };
    let first = (kept | u128::from(column)) << shift;
    let last = first | ((1u128 << shift) - 1);
    let from = ring.partition_point(|(other, _)| other.value() < first);
    let to = ring.partition_point(|(other, _)| other.value() <= last);
    &ring[from..to]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_is_a_stretch_of_the_ring() {
        let mut rng = Rng::new(4);
        let mut ring: Vec<(NodeId, u32)> =
            (0..2_000).map(|host| (NodeId::new(rng.next_u128()), host)).collect();
        ring.sort_unstable();
        let id = ring[700].0;
        for digits in [Digits::Hexadecimal, Digits::Octal] {
            for (row, column) in (0..3).flat_map(|row| (0..digits.radix()).map(move |c| (row, c))) {
                let fits = |other: NodeId| {
                    digits.shared(other, id) >= row && digits.digit(other, row) == column
                };
                let count = ring.iter().filter(|(other, _)| fits(*other)).count();
                let found = with_prefix(&ring, id, (row, column), digits);
                assert_eq!(found.len(), count, "row {row} column {column}");
                assert!(found.iter().all(|(other, _)| fits(*other)));
            }
        }
    }
}
