//! A workload that costs virtual time: its payload is a function of job and task, so a checker
//! knows every result without computing anything.

use base::{Digest, Duration, Rng};
use bytes::Bytes;
use node::{AuditOrder, Verdict};

/// The workload's kind.
pub const KIND: u16 = 0x51;

/// Parameters of a simulated job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Work {
    /// Distinguishes jobs.
    pub salt: u64,
    /// What one task costs on a worker of speed 1.
    pub cost: Duration,
    /// Bytes of a result.
    pub result_bytes: u32,
}

impl Work {
    /// As job parameters.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let micros = u64::try_from(self.cost.as_micros()).unwrap_or(u64::MAX);
        let parts = [self.salt.to_be_bytes(), micros.to_be_bytes()].concat();
        Bytes::from([parts.as_slice(), &self.result_bytes.to_be_bytes()].concat())
    }

    /// From job parameters; `None` when they are not of this workload.
    #[must_use]
    pub fn decode(params: &[u8]) -> Option<Self> {
        let params: &[u8; 20] = params.try_into().ok()?;
        let number = |at: usize| params[at..at + 8].try_into().map(u64::from_be_bytes).ok();
        Some(Work {
            salt: number(0)?,
            cost: Duration::from_micros(number(8)?),
            result_bytes: u32::from_be_bytes(params[16..].try_into().ok()?),
        })
    }
}

/// The one right result of a task.
#[must_use]
pub fn payload(work: &Work, task: u32) -> Bytes {
    let seed = Digest::of(&[&work.encode(), &task.to_be_bytes()]).0;
    let size = usize::try_from(work.result_bytes).unwrap_or(0);
    seed.iter().copied().cycle().take(size).collect()
}

/// Places that a result has, as the pixels of a tile.
const PLACES: u32 = 1 << 16;

/// What an audit costs on a worker of speed 1, and what it shows: some bytes of the result are
/// compared, and the share of its places that is looked at is the share of its cost.
pub(crate) fn audit(order: &AuditOrder) -> (Duration, Verdict) {
    let Some(work) = Work::decode(&order.params) else { return (Duration::ZERO, Verdict::Stopped) };
    let cost = work.cost * order.places.min(PLACES) / PLACES;
    let right = payload(&work, order.task);
    let mut rng = Rng::new(order.seed);
    let mut look = || rng.index(right.len()).is_none_or(|at| right[at] == order.payload[at]);
    let is_sound = right.len() == order.payload.len() && (0..order.places).all(|_| look());
    (cost, if is_sound { Verdict::Sound } else { Verdict::Unsound })
}
